//! Checks that columns hold what their documentation promises: before they are handed to anyone who relies on it.

mod columns;
mod values;

use crate::{
    MAX_VALUE_DEPTH,
    columns::{Columns, Strings},
};
use values::Values;

/// What is wrong with columns.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidColumns {
    /// Two columns of one table are of different length.
    #[error("{column} has {length} rows, its table {expected}")]
    Length {
        /// Table and column.
        column: &'static str,
        /// Its length.
        length: usize,
        /// Length of the table's other columns.
        expected: usize,
    },
    /// A cumulative column decreases, or doesn't end where its children end.
    #[error("{column} isn't cumulative up to the {children} rows it divides")]
    Range {
        /// Table and column.
        column: &'static str,
        /// Number of rows that it divides.
        children: usize,
    },
    /// An index of a row or string that isn't there.
    #[error("{column} names row {index} of {rows}")]
    Index {
        /// Table and column.
        column: &'static str,
        /// The largest index.
        index: u64,
        /// Rows that there are.
        rows: usize,
    },
    /// A number that its column doesn't have.
    #[error("{column} has {number}, which means nothing there")]
    Number {
        /// Table and column.
        column: &'static str,
        /// The number.
        number: u64,
    },
    /// String 0 isn't there, or isn't empty.
    #[error("string 0 isn't empty")]
    FirstString,
    /// A string that isn't UTF-8, or not by itself.
    #[error("string {index} isn't UTF-8")]
    Utf8 {
        /// Its index.
        index: usize,
    },
    /// A range of nested values or bytes that lies outside of them, or behind the value that contains it.
    #[error("a value of {column} contains rows {first} to {end}, but {rows} are before it")]
    Contained {
        /// Table and column.
        column: &'static str,
        /// First row or byte.
        first: u32,
        /// Behind the last one.
        end: u64,
        /// Rows or bytes that may be contained.
        rows: usize,
    },
    /// A nested value that two values contain.
    #[error("row {row} of common.nested is contained twice")]
    Shared {
        /// The row.
        row: usize,
    },
    /// An element of an array that has a key.
    #[error("row {row} of common.nested is an element of an array and has a key")]
    Key {
        /// The row.
        row: usize,
    },
    /// Values nested too deep.
    #[error("a value of {column} is nested deeper than the limit of {MAX_VALUE_DEPTH}")]
    Depth {
        /// Table and column.
        column: &'static str,
    },
}

/// Checks every length, index, range and number of columns, that every string is UTF-8 by itself, and that nested values
/// are trees of the allowed depth. What passes can be read, and handed to plugins, without any further check.
///
/// # Errors
///
/// [`InvalidColumns`] for the first thing found wrong.
pub fn validate(columns: &Columns) -> Result<(), InvalidColumns> {
    strings(&columns.common().strings)?;
    let mut values = Values::new(columns.common())?;
    columns::common(columns.common(), &mut values)?;
    match columns {
        Columns::Spans(columns) => columns::spans(columns, &mut values),
        Columns::Logs(columns) => columns::logs(columns, &mut values),
        Columns::Metrics(columns) => columns::metrics(columns, &mut values),
    }
}

fn strings(strings: &Strings) -> Result<(), InvalidColumns> {
    if strings.ends.first() != Some(&0) {
        return Err(InvalidColumns::FirstString);
    }
    range("common.strings.ends", &strings.ends, strings.utf8.len())?;
    let index_at = |byte: usize| strings.ends.partition_point(|end| *end as usize <= byte);
    let text = std::str::from_utf8(&strings.utf8).map_err(|error| InvalidColumns::Utf8 {
        index: index_at(error.valid_up_to()),
    })?;
    match strings
        .ends
        .iter()
        .position(|end| !text.is_char_boundary(*end as usize))
    {
        Some(index) => Err(InvalidColumns::Utf8 { index }),
        None => Ok(()),
    }
}

fn length(column: &'static str, length: usize, expected: usize) -> Result<(), InvalidColumns> {
    if length == expected {
        Ok(())
    } else {
        Err(InvalidColumns::Length {
            column,
            length,
            expected,
        })
    }
}

/// Checks a cumulative column that divides `children` rows.
fn range(column: &'static str, ends: &[u32], children: usize) -> Result<(), InvalidColumns> {
    let last = ends.last().map_or(0, |end| *end as usize);
    if last != children || !ends.is_sorted() {
        return Err(InvalidColumns::Range { column, children });
    }
    Ok(())
}

/// Checks indexes into a table of `rows` rows.
fn indexes(column: &'static str, indexes: &[u32], rows: usize) -> Result<(), InvalidColumns> {
    match indexes.iter().copied().max() {
        Some(index) if index as usize >= rows => Err(InvalidColumns::Index {
            column,
            index: index.into(),
            rows,
        }),
        _ => Ok(()),
    }
}

/// Checks that no number is above `largest`.
fn numbers(column: &'static str, numbers: &[u8], largest: u8) -> Result<(), InvalidColumns> {
    match numbers.iter().copied().max() {
        Some(number) if number > largest => Err(InvalidColumns::Number {
            column,
            number: number.into(),
        }),
        _ => Ok(()),
    }
}
