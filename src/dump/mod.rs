//! What was captured, and where its bytes lie.
//!
//! A [`Source`] is a flat set of files. [`scan`] finds the captures in it and gives a [`Dump`]: the captures in natural
//! path order, and the problems of whatever could not be used. Bytes are read only when a capture's turn comes, in two
//! steps: [`Capture::fetch`] reads (in a browser only one worker may do it), [`Fetched::decode`] is pure and may run
//! anywhere.

mod axes;
mod capture;
mod convert_layout;
mod fetches;
#[cfg(not(target_arch = "wasm32"))]
mod folder;
mod gzip;
mod items;
mod layout;
mod limits;
mod load;
mod mapping;
mod meta;
mod names;
mod natural;
mod npy;
mod pattern;
mod problem;
mod region;
mod safetensors;
mod scan;
mod source;
mod stream;
mod summary;
mod tables;
mod tar;
mod tensors;
mod unfinished;
mod zip;
mod zstd_frames;

pub use axes::{Axes, AxesError};
pub use capture::{Capture, Dump};
pub(crate) use convert_layout::{KEY as STORED_CAPTURES, StoredCapture};
pub use fetches::Fetches;
#[cfg(not(target_arch = "wasm32"))]
pub use folder::FolderSource;
pub use limits::Limits;
pub use load::{Fetched, Loaded};
pub use mapping::{ArrayInfo, Bits16, Mapping, TensorGuess};
pub use natural::natural_cmp;
pub use pattern::{NamePattern, PatternError};
pub use problem::{Fault, Problem};
pub use scan::{ScanOptions, scan};
pub use source::{FileEntry, MemorySource, Source, SourceError};
pub use summary::{DtypeCount, DumpSummary, LayerCount, RunSummary, ShapeCount, StageCount};
pub use unfinished::{UNFINISHED_END, UNFINISHED_START, unfinished_name};
