//! Why a rows file can't be read.

use thiserror::Error;

/// Why a rows file can't be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RowsError {
    /// The system's words.
    #[error("can't be read: {0}")]
    Io(String),
    /// No Arrow file, or one that was cut off.
    #[error("no whole Arrow IPC file: {0}")]
    NotArrow(String),
    /// An Arrow file of something else.
    #[error("no rows file of kvlens: its schema has no metadata of kvlens")]
    NotRows,
    /// Of a later kvlens.
    #[error("a rows file of format {0}, which this kvlens does not know")]
    Format(u32),
    /// The metadata is not what this kvlens writes.
    #[error("its metadata: {0}")]
    Head(String),
    /// Other columns than [`super::schema`].
    #[error("its columns are not those of a rows file")]
    Columns,
    /// Something in it does not fit.
    #[error("damaged: {0}")]
    Damaged(String),
    /// A cell that no row has.
    #[error("row {row}, {column}: found {found}, expected {expected}")]
    Cell {
        /// The row's number in the file, from 1 on.
        row: u64,
        /// The column.
        column: String,
        /// What it holds.
        found: String,
        /// What it should.
        expected: &'static str,
    },
    /// The rows are not as many as the file says.
    #[error("rows of {found} captures and {problems} problems, where it is of {expected} captures")]
    Count {
        /// Captures with rows.
        found: u64,
        /// Captures that could not be read.
        problems: usize,
        /// Captures of the part.
        expected: u64,
    },
}
