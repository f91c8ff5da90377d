//! Bytes that a pickle holds as text: protocol 2 has no bytes, so each byte is written as the ISO 8859-1 character with
//! that code, in UTF-8, and `_codecs.encode(text, "latin1")` turns the text back into bytes. `torch.save` does so with
//! NumPy arrays.

use crate::dump::bytes::place::Decode;
use crate::dump::bytes::source::{SourceError, reserve};

/// Decodes a range of bytes from such a text.
#[derive(Debug)]
pub(super) struct Latin1 {
    /// Number of bytes to skip.
    pub start: u64,
    pub len: u64,
}

impl Decode for Latin1 {
    fn decode(&self, parts: &[Vec<u8>]) -> Result<Vec<u8>, SourceError> {
        let text = parts.first().map(Vec::as_slice).unwrap_or_default();
        let mut out = reserve(self.len)?;
        let start = usize::try_from(self.start).unwrap_or(usize::MAX);
        let len = usize::try_from(self.len).unwrap_or(usize::MAX);
        for byte in letters(text).skip(start).take(len) {
            out.push(byte.ok_or_else(|| {
                SourceError::Io("a text that stands for bytes has other letters".to_owned())
            })?);
        }
        if out.len() < len {
            return Err(SourceError::Short {
                needed: self.start.saturating_add(self.len),
                end: self.start.saturating_add(out.len() as u64),
            });
        }
        Ok(out)
    }
}

/// Decodes the bytes of `text`; `None` for a character that stands for no byte.
fn letters(text: &[u8]) -> impl Iterator<Item = Option<u8>> {
    let mut rest = text.iter().copied();
    std::iter::from_fn(move || {
        Some(match rest.next()? {
            plain @ 0..0x80 => Some(plain),
            lead @ (0xc2 | 0xc3) => match rest.next() {
                Some(last @ 0x80..0xc0) => Some((lead & 0x03) << 6 | last & 0x3f),
                _ => None,
            },
            _ => None,
        })
    })
}

/// The first bytes, as far as `text`, which may be cut off, encodes them.
pub(super) fn first_bytes(text: &[u8]) -> Box<[u8]> {
    letters(text).map_while(|byte| byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back_from_its_letter() {
        let bytes: Vec<u8> = (0..=255).collect();
        let text: String = bytes.iter().copied().map(char::from).collect();
        let decode = |start, len| Latin1 { start, len }.decode(&[text.clone().into_bytes()]);
        assert_eq!(decode(0, 256).unwrap(), bytes);
        assert_eq!(decode(100, 80).unwrap(), bytes[100..180]);
        assert!(matches!(decode(200, 80), Err(SourceError::Short { .. })));
        assert_eq!(*first_bytes(text.as_bytes()), *bytes);
        assert_eq!(
            *first_bytes(&text.as_bytes()[..131]),
            bytes[..129],
            "cut within a letter"
        );
        let other = Latin1 { start: 0, len: 1 }.decode(&["Ā".into()]);
        assert!(matches!(other, Err(SourceError::Io(_))));
    }
}
