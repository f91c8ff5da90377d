//! What a format says of itself.

use std::io::Read;

use super::findings::Findings;
use crate::dump::archive::ListedFile;
use crate::dump::bytes::Limits;
use crate::dump::problem::Fault;

/// Reads a head from the start of a file of so many bytes.
pub(crate) type HeadReader = fn(&mut dyn Read, u64, &Limits) -> Result<Vec<u8>, Fault>;

/// How files of one format are told, and how they are read.
pub(crate) struct Format {
    /// What it is, for help texts: `safetensors file`.
    pub label: &'static str,
    /// Names of such files, with one `*`: `*.safetensors`.
    pub names: &'static [&'static str],
    /// What such a file may start with; empty where its name alone tells. Names that mean nothing (`*.bin`) need it.
    pub first_bytes: &'static [&'static [u8]],
    /// Reads what tells the content of a file of this many bytes: its header, or all of it where it is small.
    pub read_head: HeadReader,
    /// Takes in what the file holds. Bad parts become problems of the findings; an error is one of the whole file.
    pub parse: fn(&ListedFile, &[u8], &mut Findings) -> Result<(), Fault>,
}
