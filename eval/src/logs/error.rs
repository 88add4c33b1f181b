//! What can be wrong with a folder of sets.

use std::path::PathBuf;

/// Why sets of log lines can't be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder can't be listed.
    #[error("{}: the folder can't be read; give the folder that has one folder per system", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A folder has no set.
    #[error(
        "{}: no set in this folder; put `<System>/<System>_2k.log_structured.csv` into it, as loghub has them",
        folder.display()
    )]
    Nothing {
        /// The folder.
        folder: PathBuf,
    },
    /// A file can't be opened.
    #[error("{}: the file can't be opened; check that it is a readable file", file.display())]
    Open {
        /// The file.
        file: PathBuf,
        /// What the CSV reader says.
        source: csv::Error,
    },
    /// A column is missing.
    #[error(
        "{}:1: there is no column `{column}`; the first line has to name LineId, Content, EventId and EventTemplate",
        file.display()
    )]
    Column {
        /// The file.
        file: PathBuf,
        /// The column.
        column: &'static str,
    },
    /// A row can't be read.
    #[error(
        "{}:{line}: the row can't be read; values with commas or quotes have to stand in quotes",
        file.display()
    )]
    Row {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What the CSV reader says.
        source: csv::Error,
    },
}
