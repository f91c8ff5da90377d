//! The captures of a dump, and where their bytes lie.
//!
//! A [`Source`] is a flat set of files. [`scan`] finds the captures in it and returns a [`Dump`]: the captures in
//! natural path order, and a problem for whatever could not be used. A capture's bytes are read only when it is its
//! turn, in two steps: [`Capture::fetch`] reads (in a browser only one worker may do so), [`Fetched::decode`] is pure
//! and may run on any thread.
//!
//! Four submodules: `bytes` (where bytes lie), `archive` (which files a source and its archives hold), `arrays` (what a
//! named array means) and `format` (how each kind of file is read: one file and one table entry per format). The
//! modules here join them.

mod archive;
mod arrays;
mod bytes;
mod capture;
mod contents;
mod decode;
mod fetch;
mod format;
mod links;
mod match_queries;
mod natural;
mod problem;
mod queries;
mod runs;
mod scan;
mod shards;
mod summary;
#[cfg(not(target_arch = "wasm32"))]
mod unfinished;
mod unread;

pub use arrays::{
    ArrayInfo, Axes, AxesError, Bits16, Bits16Error, Mapping, NamePattern, PatternError,
    TensorGuess,
};
#[cfg(not(target_arch = "wasm32"))]
pub use bytes::FolderSource;
pub use bytes::Limits;
pub use bytes::path::{UNFINISHED_END, UNFINISHED_START, unfinished_name};
pub use bytes::source::{FileEntry, MemorySource, Source, SourceError};
pub use capture::Capture;
pub use contents::Dump;
pub use decode::{Fetched, Loaded};
pub use fetch::Fetches;
pub(crate) use format::stored_captures::{KEY as STORED_CAPTURES, StoredCapture};
pub(crate) use format::stored_queries::{KEY as STORED_QUERIES, StoredQueries};
pub use natural::natural_cmp;
pub use problem::{Fault, Note, Problem};
pub use queries::{AttentionInfo, Queries};
pub use scan::{FormatInfo, ScanOptions, endings, formats, scan};
pub use summary::{
    DtypeCount, DumpSummary, LayerCount, QueryCount, RunSummary, ShapeCount, StageCount,
};
#[cfg(not(target_arch = "wasm32"))]
pub use unfinished::unfinished_folder;
pub use unread::OtherFiles;
