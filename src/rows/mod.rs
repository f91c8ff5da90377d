//! Rows as Arrow tables, and files of them: what pandas, polars and pyarrow read, and what a dump that is measured in parts is put
//! together from.
//!
//! A rows file is an Arrow IPC file with the columns of [`schema`]. Its schema's metadata says what it is of ([`Head`]): analysis,
//! settings, dump and part. Its footer says what rows do not: captures that could not be read, and what the values of the others showed.
//! [`merge`] folds the files of all parts into what one run would have reported, byte for byte.

mod columns;
mod error;
mod head;
mod merge;
mod problem;
mod read;
mod row;
mod write;

pub use columns::{Line, batch, schema};
pub use error::RowsError;
pub use head::{Head, digest};
pub use merge::{MergeError, MergeErrors, Merged, Merger, Open, merge};
pub use problem::StoredProblem;
pub use read::{CaptureRows, RowsReader};
pub use write::{Findings, RowsWriter};
