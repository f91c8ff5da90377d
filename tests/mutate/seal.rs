//! Corrects the checksums of a damaged `.kvz`, so that the code after the checks is reached. Fuzz targets share this
//! file.

/// The file with correct checksums of its parts and its head, as far as there is a head.
pub fn seal_kvz(mut bytes: Vec<u8>) -> Vec<u8> {
    let number = |bytes: &[u8], at: usize| {
        let word = bytes.get(at..at + 4).and_then(|word| word.first_chunk());
        word.map(|word| u32::from_le_bytes(*word) as usize)
    };
    let (Some(index), Some(parts)) = (number(&bytes, 12), number(&bytes, 16)) else {
        return bytes;
    };
    let table = 24 + index;
    let head = table + 12 * parts;
    if head > bytes.len() {
        return bytes;
    }
    let mut start = head;
    for entry in (table..head).step_by(12) {
        let Some(part) = number(&bytes, entry).and_then(|len| bytes.get(start..start + len)) else {
            break;
        };
        let (len, crc) = (part.len(), crc32fast::hash(part));
        bytes[entry + 8..entry + 12].copy_from_slice(&crc.to_le_bytes());
        start += len;
    }
    let mut crc = crc32fast::Hasher::new();
    crc.update(&bytes[..20]);
    crc.update(&bytes[24..head]);
    bytes[20..24].copy_from_slice(&crc.finalize().to_le_bytes());
    bytes
}
