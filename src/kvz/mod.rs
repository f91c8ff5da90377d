//! The container `.kvz`: a head that tells of everything, then parts, each K or V of one layer of a run, with its length and checksum.
//! `docs/kvz.md` is its specification. Knows no scheme: who reads a part is handed what decodes it.

mod decoder;
mod head;
mod index;

pub use decoder::{DecodePart, PartDecoder, PartInfo};
pub use head::{Head, HeadError, PREFIX_BYTES, PartEntry, head_bytes, read_head};
pub use index::{LOSSLESS, StoredCapture, StoredIndex, StoredLayer, StoredQueries, StoredScheme};
