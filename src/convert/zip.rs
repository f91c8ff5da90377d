//! A zip archive of the capture layout, as pieces to be written one after the other (PKWARE APPNOTE 6.3.10). Entries
//! are stored: values hardly compress, and a stored entry can be read in place. Hand-written because the output can't
//! seek (a page's download), and sizes and checksums are known before each entry.

use super::error::ConvertError;
use super::files::{Files, OutputFile};
use super::plan::Plan;
use crate::dump::Dump;

/// 1 January 1980, the earliest date in zip: the same dump gives the same bytes on any day.
const DATE: u16 = 1 << 5 | 1;
const UTF8_NAMES: u16 = 1 << 11;
const IN_ZIP64: u32 = u32::MAX;

/// Iterator over the pieces of a zip archive.
pub struct Zip {
    files: Option<Files>,
    offset: u64,
    directory: Vec<u8>,
    entries: u64,
}

impl Zip {
    /// Creates an archive of what `plan` selects from `dump`.
    pub fn new(plan: Plan, dump: &Dump) -> Self {
        Self {
            files: Some(Files::new(plan, dump)),
            offset: 0,
            directory: Vec::new(),
            entries: 0,
        }
    }

    fn entry(&mut self, file: OutputFile) -> Vec<u8> {
        let OutputFile { path, bytes } = file;
        let crc = crc32fast::hash(&bytes);
        let size = bytes.len() as u64;
        let wide_size = size >= u64::from(IN_ZIP64);
        let size32 = if wide_size { IN_ZIP64 } else { size as u32 };
        let version: u16 = if wide_size || self.offset >= u64::from(IN_ZIP64) {
            45
        } else {
            20
        };

        let sizes = if wide_size { vec![size, size] } else { vec![] };
        let mut piece = b"PK\x03\x04".to_vec();
        common(&mut piece, version, crc, size32, &path);
        let extra = zip64(&sizes);
        piece.extend((extra.len() as u16).to_le_bytes());
        piece.extend(path.as_bytes());
        piece.extend(extra);

        let wide_offset = self.offset >= u64::from(IN_ZIP64);
        let offset = if wide_offset {
            vec![self.offset]
        } else {
            vec![]
        };
        let extra = zip64(&[sizes, offset].concat());
        self.directory.extend(b"PK\x01\x02");
        self.directory.extend(version.to_le_bytes());
        common(&mut self.directory, version, crc, size32, &path);
        self.directory.extend((extra.len() as u16).to_le_bytes());
        self.directory.extend([0; 10]);
        self.directory.extend(
            (if wide_offset {
                IN_ZIP64
            } else {
                self.offset as u32
            })
            .to_le_bytes(),
        );
        self.directory.extend(path.as_bytes());
        self.directory.extend(extra);

        piece.extend(bytes);
        self.offset += piece.len() as u64;
        self.entries += 1;
        piece
    }

    fn end(&mut self) -> Vec<u8> {
        let mut piece = std::mem::take(&mut self.directory);
        let size = piece.len() as u64;
        let entries = u16::try_from(self.entries).unwrap_or(u16::MAX);
        let (size32, offset32) = [size, self.offset]
            .map(|value| u32::try_from(value).unwrap_or(IN_ZIP64))
            .into();
        if entries == u16::MAX || size32 == IN_ZIP64 || offset32 == IN_ZIP64 {
            let end = self.offset + size;
            piece.extend(b"PK\x06\x06");
            piece.extend(44_u64.to_le_bytes());
            piece.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            for value in [self.entries, self.entries, size, self.offset] {
                piece.extend(value.to_le_bytes());
            }
            piece.extend(b"PK\x06\x07\0\0\0\0");
            piece.extend(end.to_le_bytes());
            piece.extend(1_u32.to_le_bytes());
        }
        piece.extend(b"PK\x05\x06\0\0\0\0");
        piece.extend(entries.to_le_bytes());
        piece.extend(entries.to_le_bytes());
        piece.extend(size32.to_le_bytes());
        piece.extend(offset32.to_le_bytes());
        piece.extend([0, 0]);
        piece
    }
}

/// Fields that a local header and a central directory entry share, up to the length of the name.
fn common(piece: &mut Vec<u8>, version: u16, crc: u32, size: u32, path: &str) {
    for field in [version, UTF8_NAMES, 0, 0, DATE] {
        piece.extend(field.to_le_bytes());
    }
    for field in [crc, size, size] {
        piece.extend(field.to_le_bytes());
    }
    piece.extend((path.len() as u16).to_le_bytes());
}

/// The zip64 extra field with the values that do not fit in the regular fields.
fn zip64(values: &[u64]) -> Vec<u8> {
    if values.is_empty() {
        return Vec::new();
    }
    let head = [
        1_u16.to_le_bytes(),
        ((values.len() * 8) as u16).to_le_bytes(),
    ]
    .concat();
    [
        head,
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect(),
    ]
    .concat()
}

impl Iterator for Zip {
    type Item = Result<Vec<u8>, ConvertError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.files.as_mut()?.next() {
            Some(Ok(file)) if file.path.len() > usize::from(u16::MAX) => {
                self.files = None;
                Some(Err(ConvertError::LongPath {
                    start: file.path.chars().take(60).collect(),
                    len: file.path.len(),
                }))
            }
            Some(Ok(file)) => Some(Ok(self.entry(file))),
            Some(Err(error)) => {
                self.files = None;
                Some(Err(error))
            }
            None => {
                self.files = None;
                Some(Ok(self.end()))
            }
        }
    }
}
