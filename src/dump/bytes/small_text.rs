//! Small files that contain a text where something else was expected.

use super::stream::Span;

/// Longest text in bytes: a link in Hugging Face's cache has 80 bytes, a Git LFS pointer 130.
const MAX_TEXT: u64 = 255;

/// Text of a small file; `None` if it is empty, longer than [`MAX_TEXT`], not UTF-8, or can't be read on its own.
pub(crate) fn small_text(span: &Span) -> Option<String> {
    if !(1..=MAX_TEXT).contains(&span.len()) || !span.stands_alone() {
        return None;
    }
    let bytes = span.fetch().and_then(|bytes| bytes.unpack(span)).ok()?;
    String::from_utf8(bytes).ok()
}

/// Whether a file that starts with `head` is a Git LFS pointer (version 1 of its specification).
pub(crate) fn is_lfs_pointer(head: &[u8]) -> bool {
    head.starts_with(b"version https://git-lfs.github.com/spec/")
}
