//! What a named array means: which layer's K or V it is, and the order of its axes. Knows no file format.

pub(crate) mod array;
mod axes;
mod family;
mod infer;
mod loose;
mod making;
mod mapping;
mod meaning;
mod members;
mod named;
mod names;
mod pairing;
mod pattern;
mod placing;
pub(crate) mod shards;
mod suggest;
mod understand;
mod unnamed;

pub use axes::{Axes, AxesError};
pub(crate) use loose::{Loose, group_by_folder};
pub use mapping::{ArrayInfo, Bits16, Bits16Error, Mapping, TensorGuess};
pub(crate) use names::guess_loosely;
pub use pattern::{NamePattern, PatternError};
pub(crate) use understand::understand;
