//! The container `.kvz`: a head that describes everything, then parts, each with K or V of one layer of a run (or with queries). Specified
//! in `docs/kvz.md`. Knows no scheme: readers of a part are given its decoder.

mod decoder;
mod head;
mod index;

pub use decoder::{DecodePart, PartDecoder, PartInfo};
pub use head::{Head, HeadError, PREFIX_BYTES, PartEntry, head_bytes, read_head};
pub use index::{LOSSLESS, StoredCapture, StoredIndex, StoredLayer, StoredQueries, StoredScheme};
