//! Errors of reading a rows file.

use thiserror::Error;

/// Why a rows file can't be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RowsError {
    /// The file can't be read; holds the OS error message.
    #[error("can't be read: {0}")]
    Io(String),
    /// The file is not an Arrow file, or truncated.
    #[error("not a complete Arrow IPC file: {0}")]
    NotArrow(String),
    /// An Arrow file that kvlens did not write.
    #[error("not a kvlens rows file: its schema has no kvlens metadata")]
    NotRows,
    /// Written by a later version of kvlens, in a format that this one does not know.
    #[error("a rows file of format {0}, which this version of kvlens does not know")]
    Format(u32),
    /// The metadata is not valid.
    #[error("its metadata: {0}")]
    Head(String),
    /// The columns differ from [`super::schema`].
    #[error("its columns are not those of a rows file")]
    Columns,
    /// The contents contradict each other or the file's structure is damaged.
    #[error("damaged: {0}")]
    Damaged(String),
    /// A cell has a value that no row can have.
    #[error("row {row}, {column}: found {found}, expected {expected}")]
    Cell {
        /// Number of the row in the file, from 1.
        row: u64,
        /// Name of the column.
        column: String,
        /// Value of the cell.
        found: String,
        /// Values that the column can have.
        expected: &'static str,
    },
    /// The number of captures differs from what the file states.
    #[error(
        "rows of {found} captures and {problems} problems, expected {expected} captures in all"
    )]
    Count {
        /// Captures with rows.
        found: u64,
        /// Captures that could not be read.
        problems: usize,
        /// Captures of the part.
        expected: u64,
    },
}
