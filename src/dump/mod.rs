//! What was captured, and where its bytes lie.
//!
//! A [`Source`] is a flat set of files. [`scan`] finds the captures in it and gives a [`Dump`]: the captures in natural
//! path order, and the problems of whatever could not be used. Bytes are read only when a capture's turn comes, in two
//! steps: [`Capture::fetch`] reads (in a browser only one worker may do it), [`Fetched::decode`] is pure and may run
//! anywhere.
//!
//! Four wings: `bytes` (where bytes lie), `archive` (what is in a source), `arrays` (what a named array means) and `format`
//! (how each file is read: a file and an entry in one table each). What is here joins them.

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
    ArrayInfo, Axes, AxesError, Bits16, Mapping, NamePattern, PatternError, TensorGuess,
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
