//! Where bytes lie: the files of a source, ranges of them, what those unpack to, and the order of a tensor's elements
//! in them. Knows no format and no archive.

#[cfg(not(target_arch = "wasm32"))]
mod folder;
pub(crate) mod forward;
mod limits;
pub(crate) mod path;
pub(crate) mod place;
pub(crate) mod region;
pub(crate) mod resume;
pub(crate) mod small_text;
pub(crate) mod source;
pub(crate) mod stream;
pub(crate) mod strided;
mod zip_local;
mod zstd_frames;

#[cfg(not(target_arch = "wasm32"))]
pub use folder::FolderSource;
pub use limits::Limits;
