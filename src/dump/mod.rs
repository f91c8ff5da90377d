//! What was captured, and where its bytes lie.
//!
//! A [`Source`] is a flat set of files. [`scan`] finds the captures in it and gives a [`Dump`]: the captures in natural
//! path order, and the problems of whatever could not be used. Bytes are read only when a capture's turn comes, in two
//! steps: [`Capture::fetch`] reads (in a browser only one worker may do it), [`Fetched::decode`] is pure and may run
//! anywhere.

mod capture;
#[cfg(not(target_arch = "wasm32"))]
mod folder;
mod load;
mod meta;
mod natural;
mod problem;
mod scan;
mod source;
mod summary;

pub use capture::{Capture, Dump};
#[cfg(not(target_arch = "wasm32"))]
pub use folder::FolderSource;
pub use load::{Fetched, Fetches, Loaded};
pub use natural::natural_cmp;
pub use problem::{Fault, Problem};
pub use scan::{Limits, ScanOptions, scan};
pub use source::{FileEntry, MemorySource, Source, SourceError};
pub use summary::{DtypeCount, DumpSummary, LayerCount, RunSummary, ShapeCount, StageCount};
