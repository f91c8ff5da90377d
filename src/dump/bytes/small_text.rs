//! Small files that are a text where something else was expected.

use super::stream::Span;

/// A link of Hugging Face's cache is a text of 80 bytes, a pointer of Git LFS one of 130.
const MAX_TEXT: u64 = 255;

/// The text of a small file that can be read by itself.
pub(crate) fn small_text(span: &Span) -> Option<String> {
    if !(1..=MAX_TEXT).contains(&span.len()) || !span.stands_alone() {
        return None;
    }
    let bytes = span.fetch().and_then(|bytes| bytes.unpack(span)).ok()?;
    String::from_utf8(bytes).ok()
}

/// Whether a file that starts so is a pointer of Git LFS (its specification, version 1).
pub(crate) fn is_lfs_pointer(head: &[u8]) -> bool {
    head.starts_with(b"version https://git-lfs.github.com/spec/")
}
