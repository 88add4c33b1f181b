//! Reading a set: tables and the windows in which something is wrong.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::error::Error;

/// Share of a file that a detector may learn from before it is judged, and the number of rows that share is taken of at
/// most: 15 % of up to 5,000.
const PROBATION_PERCENT: usize = 15;
const PROBATION_OF_ROWS: usize = 5000;

/// A value at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Seconds since the Unix epoch, the file's times taken as UTC.
    pub seconds: i64,
    /// The value.
    pub value: f64,
}

/// Rows in which something is wrong, both ends included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Window {
    /// Index of the first row.
    pub first: usize,
    /// Index of the last row.
    pub last: usize,
}

/// A table with its windows.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// Path below `data/`, with `/` on every system.
    pub name: String,
    /// Its rows, in the order of time.
    pub rows: Vec<Row>,
    /// Its windows, in the order of time, without overlap.
    pub windows: Vec<Window>,
}

impl File {
    /// How many rows at its beginning aren't judged.
    #[must_use]
    pub fn probation(&self) -> usize {
        self.rows.len().min(PROBATION_OF_ROWS) * PROBATION_PERCENT / 100
    }

    /// Length of the part that is judged, in days.
    #[must_use]
    pub fn judged_days(&self) -> f64 {
        let first = self.rows.get(self.probation());
        let seconds = match (first, self.rows.last()) {
            (Some(first), Some(last)) => last.seconds.saturating_sub(first.seconds).max(0),
            _ => 0,
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "ages of data are far below 2^53 seconds"
        )]
        let seconds = seconds as f64;
        seconds / 86_400.0
    }
}

/// A whole set.
#[derive(Clone, Debug, PartialEq)]
pub struct Corpus {
    /// Its files in the order of their names.
    pub files: Vec<File>,
}

impl Corpus {
    /// Reads a folder.
    ///
    /// # Errors
    /// When something can't be read, isn't of the expected form, or labels and tables don't agree.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let data = folder.join("data");
        let mut paths = BTreeMap::new();
        find_tables(&data, "", &mut paths)?;
        if paths.is_empty() {
            return Err(Error::Empty { path: data });
        }
        let labels_path = folder.join("labels").join("combined_windows.json");
        let labels = read_labels(&labels_path)?;
        if let Some(file) = labels.keys().find(|file| !paths.contains_key(*file)) {
            return Err(Error::Missing {
                path: labels_path,
                file: file.clone(),
            });
        }
        let mut files = Vec::with_capacity(paths.len());
        for (name, path) in paths {
            let rows = read_rows(&path)?;
            let spans = labels.get(&name).map(Vec::as_slice).unwrap_or_default();
            let windows = windows(&rows, spans).map_err(|(window, cause)| Error::Window {
                path: labels_path.clone(),
                file: name.clone(),
                window,
                cause,
            })?;
            files.push(File { name, rows, windows });
        }
        Ok(Self { files })
    }
}

/// Finds the tables below a folder, by their names below `data/`.
fn find_tables(folder: &Path, prefix: &str, found: &mut BTreeMap<String, PathBuf>) -> Result<(), Error> {
    let failed = |source| Error::Read {
        path: folder.to_owned(),
        source,
    };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        // Links aren't followed: one to a folder above would never end.
        if entry.file_type().map_err(failed)?.is_dir() {
            find_tables(&path, &format!("{name}/"), found)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
        {
            found.insert(name, path);
        }
    }
    Ok(())
}

type Labels = BTreeMap<String, Vec<(String, String)>>;

fn read_labels(path: &Path) -> Result<Labels, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_str(&text).map_err(|source| Error::Labels {
        path: path.to_owned(),
        source,
    })
}

fn read_rows(path: &Path) -> Result<Vec<Row>, Error> {
    let table = |source| Error::Table {
        path: path.to_owned(),
        source,
    };
    let mut rows: Vec<Row> = Vec::new();
    let mut reader = csv::Reader::from_path(path).map_err(table)?;
    for record in reader.records() {
        let record = record.map_err(table)?;
        let wrong = |cause: String| Error::Row {
            path: path.to_owned(),
            line: record.position().map_or(0, csv::Position::line),
            cause,
        };
        let (Some(time), Some(value)) = (record.get(0), record.get(1)) else {
            return Err(wrong("has fewer than two columns".to_owned()));
        };
        let seconds =
            parse_time(time).ok_or_else(|| wrong(format!("`{}` isn't a time", time.escape_debug())))?;
        let value = value
            .trim()
            .parse()
            .map_err(|_| wrong(format!("`{}` isn't a number", value.escape_debug())))?;
        if rows.last().is_some_and(|before| before.seconds > seconds) {
            return Err(wrong("is earlier than the line before".to_owned()));
        }
        rows.push(Row { seconds, value });
    }
    Ok(rows)
}

/// Seconds of a time without zone.
fn parse_time(text: &str) -> Option<i64> {
    let time: DateTime = text.trim().parse().ok()?;
    Some(TimeZone::UTC.to_timestamp(time).ok()?.as_second())
}

/// Finds the rows of windows; an error has the window's number and the cause.
fn windows(rows: &[Row], spans: &[(String, String)]) -> Result<Vec<Window>, (usize, String)> {
    let mut windows: Vec<Window> = Vec::with_capacity(spans.len());
    for (number, (start, end)) in (1..).zip(spans) {
        let parse = |text: &str| {
            parse_time(text).ok_or_else(|| (number, format!("`{}` isn't a time", text.escape_debug())))
        };
        let (start, end) = (parse(start)?, parse(end)?);
        let first = rows.partition_point(|row| row.seconds < start);
        let after = rows.partition_point(|row| row.seconds <= end);
        if after <= first {
            return Err((number, "has no row".to_owned()));
        }
        if windows.last().is_some_and(|before| before.last >= first) {
            return Err((number, "begins before the one before it ends".to_owned()));
        }
        windows.push(Window {
            first,
            last: after - 1,
        });
    }
    Ok(windows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(seconds: impl IntoIterator<Item = i64>) -> Vec<Row> {
        let row = |seconds| Row { seconds, value: 0.0 };
        seconds.into_iter().map(row).collect()
    }

    #[test]
    fn times_are_read_as_utc() {
        assert_eq!(parse_time("1970-01-02 00:00:01"), Some(86_401));
        assert_eq!(parse_time("2014-04-10 07:15:00.000000"), Some(1_397_114_100));
        assert_eq!(parse_time("yesterday"), None);
    }

    #[test]
    fn windows_are_rows() {
        let span = |start: &str, end: &str| {
            (
                format!("1970-01-01 00:00:{start}"),
                format!("1970-01-01 00:00:{end}"),
            )
        };
        let rows = rows(0..10);
        assert_eq!(
            windows(&rows, &[span("02", "04"), span("08", "30")]),
            Ok(vec![Window { first: 2, last: 4 }, Window { first: 8, last: 9 }])
        );
        assert_eq!(
            windows(&rows, &[span("02", "04"), span("04", "05")]),
            Err((2, "begins before the one before it ends".to_owned()))
        );
        assert_eq!(
            windows(&rows, &[span("20", "30")]),
            Err((1, "has no row".to_owned()))
        );
    }

    #[test]
    fn probation_is_a_share_up_to_a_limit() {
        for (length, expected) in [(0, 0), (100, 15), (4032, 604), (5000, 750), (22_695, 750)] {
            let file = File {
                name: String::new(),
                rows: rows(0..length),
                windows: Vec::new(),
            };
            assert_eq!(file.probation(), expected, "{length}");
        }
    }
}
