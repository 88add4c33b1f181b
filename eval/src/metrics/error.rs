//! What can be wrong with a set of data.

use std::io;
use std::path::PathBuf;

/// Why a set can't be measured on. Each says which file, where in it, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder can't be read.
    #[error(
        "{}: can't be read; give the folder that has `data/` and `labels/combined_windows.json`",
        path.display()
    )]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file can't be written.
    #[error("{}: can't be written; give a file in a folder that exists", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The labels aren't JSON of the expected form.
    #[error(
        "{}: not labels; expected `{{\"folder/file.csv\": [[\"start\", \"end\"], …]}}`",
        path.display()
    )]
    Labels {
        /// Which.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// A label names times that don't make a window.
    #[error(
        "{}: window {window} of `{file}`: {cause}; correct it or leave it out",
        path.display()
    )]
    Window {
        /// The labels.
        path: PathBuf,
        /// The file labelled.
        file: String,
        /// Number of the window, from 1.
        window: usize,
        /// What is wrong.
        cause: String,
    },
    /// The labels have a file that isn't there.
    #[error(
        "{}: labels a file `{file}` that isn't in `data/`; fetch it or remove its label",
        path.display()
    )]
    Missing {
        /// The labels.
        path: PathBuf,
        /// The file.
        file: String,
    },
    /// A table can't be read as CSV.
    #[error("{}: not a table of `timestamp,value`; remove it from `data/` or repair it", path.display())]
    Table {
        /// Which.
        path: PathBuf,
        /// Where and why.
        source: csv::Error,
    },
    /// A row of a table isn't a time and a number.
    #[error(
        "{}: line {line}: {cause}; expected `2014-04-01 00:05:00,20.5`, in the order of time",
        path.display()
    )]
    Row {
        /// Which.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// What is wrong.
        cause: String,
    },
    /// There are no tables.
    #[error("{}: no `.csv` files in it; give the folder that has `data/` and `labels/`", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
}
