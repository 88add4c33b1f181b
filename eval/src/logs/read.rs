//! Reads sets: a folder per system, and in it a table of lines with their labels.

use std::fs;
use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, StringRecord};

use super::error::Error;

/// End of the name of a file with labelled lines.
const SUFFIX: &str = "_2k.log_structured.csv";

/// The labelled lines of a system.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Set {
    /// The system's name, as its folder's.
    pub name: String,
    /// Its lines, in order.
    pub lines: Vec<Line>,
}

/// A line and its label.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// What is mined: the line without its header.
    pub content: String,
    /// Which statement wrote it.
    pub event_id: String,
    /// That statement's text, with `<*>` for variables.
    pub event_template: String,
}

/// Reads all sets of a folder, in the order of their names.
///
/// # Errors
/// When there is none, or one can't be read.
pub fn sets(folder: &Path) -> Result<Vec<Set>, Error> {
    let failed = |source| Error::Folder {
        folder: folder.to_owned(),
        source,
    };
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        let file = folder.join(&name).join(format!("{name}{SUFFIX}"));
        if file.is_file() {
            found.push((name, file));
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(Error::Nothing {
            folder: folder.to_owned(),
        });
    }
    let sets = found.into_iter().map(|(name, file)| {
        let lines = lines(&file)?;
        Ok(Set { name, lines })
    });
    sets.collect()
}

/// Reads a file.
fn lines(file: &Path) -> Result<Vec<Line>, Error> {
    let opened = ReaderBuilder::new().flexible(true).from_path(file);
    let mut reader = opened.map_err(|source| Error::Open {
        file: file.to_owned(),
        source,
    })?;
    let row_error = |line: u64, source| Error::Row {
        file: file.to_owned(),
        line,
        source,
    };
    let header = reader.headers().map_err(|source| row_error(1, source))?.clone();
    let column = |column: &'static str| {
        let position = header
            .iter()
            .position(|name| name.trim_start_matches('\u{feff}') == column);
        position.ok_or_else(|| Error::Column {
            file: file.to_owned(),
            column,
        })
    };
    let (content, event_id, template) = (column("Content")?, column("EventId")?, column("EventTemplate")?);
    column("LineId")?;
    let mut lines = Vec::new();
    let mut row = StringRecord::new();
    loop {
        let line = reader.position().line();
        if !reader
            .read_record(&mut row)
            .map_err(|source| row_error(line, source))?
        {
            return Ok(lines);
        }
        let text = |at: usize| row.get(at).unwrap_or_default().to_owned();
        lines.push(Line {
            content: text(content),
            event_id: text(event_id),
            event_template: text(template),
        });
    }
}
