//! Rows as Arrow tables and as files that pandas, polars and pyarrow read; the parts of a dump that was measured piecewise are merged from
//! them.
//!
//! A rows file is an Arrow IPC file with the columns of [`schema`]. Its schema's metadata ([`Head`]) describes what was measured: analysis,
//! settings, dump and part. Its footer holds what rows do not: captures that could not be read, and the signs of the others. [`merge`]
//! folds the files of all parts into the report of a single run, byte for byte.

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
