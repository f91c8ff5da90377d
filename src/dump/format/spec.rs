//! Description of a format.

use std::io::Read;

use super::findings::Findings;
use crate::dump::archive::ListedFile;
use crate::dump::bytes::Limits;
use crate::dump::problem::Fault;

/// Reads the head of a file, given a reader at its start, its size in bytes and the limits.
pub(crate) type HeadReader = fn(&mut dyn Read, u64, &Limits) -> Result<Vec<u8>, Fault>;

/// How files of a format are recognized and read.
pub(crate) struct Format {
    /// What it is, for help texts: `safetensors file`.
    pub label: &'static str,
    /// Name patterns of such files, with one `*` each: `*.safetensors`.
    pub names: &'static [&'static str],
    /// Magic bytes, any one of which may start such a file; empty if the name alone identifies the format. Required for
    /// names that are used for many things (`*.bin`).
    pub first_bytes: &'static [&'static [u8]],
    /// Reads the part of the file that describes its content: the header, or the whole file if it is small.
    pub read_head: HeadReader,
    /// Adds the file's content to the findings. Bad parts become problems there; an error concerns the whole file.
    pub parse: fn(&ListedFile, &[u8], &mut Findings) -> Result<(), Fault>,
}
