//! The head of a `.kvz`: magic bytes, version, lengths, checksum, the JSON index, and the length and checksum of each part.

use thiserror::Error;

use super::index::StoredIndex;

/// The first bytes of a file: as in PNG, a byte outside ASCII, the name, and line endings that a transfer in text mode would change.
const MAGIC: [u8; 8] = *b"\x89KVZ\r\n\x1a\n";

/// The version that is written, and the only one that can be read.
const VERSION: u32 = 2;

/// Bytes before the index: magic, version, length of the index, number of parts, checksum.
pub const PREFIX_BYTES: usize = 8 + 4 + 4 + 4 + 4;

/// Bytes of a part's entry: its length and checksum.
const ENTRY_BYTES: usize = 8 + 4;

/// Location and checksum of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartEntry {
    /// Byte offset from the start of the file.
    pub offset: u64,
    /// Length in bytes.
    pub len: u64,
    /// CRC-32 of the part's bytes.
    pub crc: u32,
}

/// The contents of a head.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Description of the parts.
    pub index: StoredIndex,
    /// Location of each part, in order.
    pub parts: Vec<PartEntry>,
}

/// Why a head can't be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HeadError {
    /// The magic bytes are missing.
    #[error("not a .kvz file: its first bytes differ")]
    Magic,
    /// The file has a version that can't be read; holds it.
    #[error(
        "a .kvz of version {0}, which another version of kvlens wrote; this one reads version {VERSION}"
    )]
    Version(u32),
    /// The file is shorter than its head.
    #[error("the file ends within its head")]
    Short,
    /// The checksum of the head does not match.
    #[error("its head does not match its checksum: the file is damaged")]
    Checksum,
    /// The index is not valid; holds the reason.
    #[error("its index is not valid: {0}")]
    Index(String),
    /// The index does not match the parts, or the parts do not match the length of the file.
    #[error("{0}")]
    Parts(String),
}

/// Length of the whole head in bytes, from its first [`PREFIX_BYTES`] bytes.
///
/// # Errors
/// When they are not the start of a `.kvz`.
pub fn head_bytes(prefix: &[u8]) -> Result<u64, HeadError> {
    let (magic, numbers) = prefix.split_first_chunk().ok_or(HeadError::Short)?;
    if *magic != MAGIC {
        return Err(HeadError::Magic);
    }
    let [version, json, parts, _] = words(numbers).ok_or(HeadError::Short)?;
    if version != VERSION {
        return Err(HeadError::Version(version));
    }
    Ok(PREFIX_BYTES as u64 + u64::from(json) + u64::from(parts) * ENTRY_BYTES as u64)
}

/// The first four 32-bit little-endian words.
fn words(bytes: &[u8]) -> Option<[u32; 4]> {
    let (words, _) = bytes.as_chunks::<4>();
    let first = words.first_chunk::<4>()?;
    Some(first.map(u32::from_le_bytes))
}

/// CRC-32 of the head without its checksum field.
fn checksum(head: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&head[..PREFIX_BYTES - 4]);
    crc.update(&head[PREFIX_BYTES..]);
    crc.finalize()
}

/// Reads a whole head of a file with `file_bytes` bytes.
///
/// # Errors
/// When it is damaged, does not match its index, or its parts do not fill the file exactly.
pub fn read_head(head: &[u8], file_bytes: u64) -> Result<Head, HeadError> {
    let len = head_bytes(head)?;
    if head.len() as u64 != len {
        return Err(HeadError::Short);
    }
    let [_, json, _, crc] = words(&head[MAGIC.len()..]).ok_or(HeadError::Short)?;
    if checksum(head) != crc {
        return Err(HeadError::Checksum);
    }
    let (json, table) = head[PREFIX_BYTES..].split_at(json as usize);
    let index: StoredIndex =
        serde_json::from_slice(json).map_err(|error| HeadError::Index(error.to_string()))?;
    let mut parts = Vec::new();
    let mut offset = len;
    for entry in table.as_chunks::<ENTRY_BYTES>().0 {
        let (len, crc) = entry.split_at(8);
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b));
        let (len, crc) = (number(len), number(crc) as u32);
        parts.push(PartEntry { offset, len, crc });
        offset = offset
            .checked_add(len)
            .ok_or_else(|| HeadError::Parts("the lengths of its parts overflow".to_owned()))?;
    }
    let expected = 2 * index.layers.len() + index.queries.len();
    if parts.len() != expected {
        let text = format!("{} parts, but its index has {expected}", parts.len());
        return Err(HeadError::Parts(text));
    }
    if offset != file_bytes {
        let text = format!("{file_bytes} bytes, but its parts end at byte {offset}");
        return Err(HeadError::Parts(text));
    }
    Ok(Head { index, parts })
}

fn json(index: &StoredIndex) -> Result<Vec<u8>, HeadError> {
    serde_json::to_vec(index).map_err(|error| HeadError::Index(error.to_string()))
}

impl Head {
    /// Length in bytes of a head with such an index; it does not depend on the lengths of the parts.
    ///
    /// # Errors
    /// When the index can't be written as JSON.
    pub fn len_of(index: &StoredIndex) -> Result<u64, HeadError> {
        let json = json(index)?;
        let parts = 2 * index.layers.len() + index.queries.len();
        Ok((PREFIX_BYTES + json.len() + parts * ENTRY_BYTES) as u64)
    }

    /// Writes a head; `parts` holds the length and checksum of each part, in order.
    ///
    /// # Errors
    /// When the index is too large for the format.
    pub fn write(index: &StoredIndex, parts: &[(u64, u32)]) -> Result<Vec<u8>, HeadError> {
        let json = json(index)?;
        let word = |len: usize| {
            let word = u32::try_from(len).map_err(|_| HeadError::Index("too large".to_owned()))?;
            Ok(word.to_le_bytes())
        };
        let mut head = MAGIC.to_vec();
        head.extend(VERSION.to_le_bytes());
        head.extend(word(json.len())?);
        head.extend(word(parts.len())?);
        head.extend([0; 4]);
        head.extend(json);
        for (len, crc) in parts {
            head.extend(len.to_le_bytes());
            head.extend(crc.to_le_bytes());
        }
        let crc = checksum(&head).to_le_bytes();
        head[PREFIX_BYTES - 4..PREFIX_BYTES].copy_from_slice(&crc);
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_comes_back_and_any_change_is_noticed() {
        let layer = crate::kvz::StoredLayer {
            run: "a".to_owned(),
            layer_id: 3,
            position: 0,
            kv_heads: 1,
            head_dim: 2,
            v_kv_heads: None,
            v_head_dim: None,
            dtype: "fp16".to_owned(),
            k_scheme: 0,
            v_scheme: 0,
            captures: Vec::new(),
        };
        let index = StoredIndex {
            writer: "test".to_owned(),
            schemes: Vec::new(),
            layers: vec![layer],
            queries: Vec::new(),
        };
        let head = Head::write(&index, &[(5, 1), (7, 2)]).unwrap();
        assert_eq!(Head::len_of(&index).unwrap(), head.len() as u64);
        let size = head.len() as u64 + 12;
        let read = read_head(&head, size).unwrap();
        assert_eq!((&read.index, read.parts.len()), (&index, 2));
        assert_eq!(read.parts[1].offset, head.len() as u64 + 5);
        for place in 0..head.len() {
            let mut broken = head.clone();
            broken[place] ^= 0x10;
            assert!(read_head(&broken, size).is_err(), "flipped at {place}");
            assert!(read_head(&head[..place], size).is_err(), "cut at {place}");
        }
        assert!(read_head(&head, size - 1).is_err() && read_head(&head, size + 1).is_err());
    }
}
