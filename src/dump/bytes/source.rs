//! A flat set of files that can be read at any place: a folder, the files of a browser's `File` objects, or bytes in memory.

use thiserror::Error;

/// One file of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Path relative to the source's root, with `/` between folders. Bytes that are not UTF-8 are written as `%B2`.
    pub path: String,
    /// Size in bytes when the source was opened.
    pub size: u64,
}

/// Why bytes of a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SourceError {
    /// The system or the browser refused; its own words.
    #[error("{0}")]
    Io(String),
    /// The file ends before the bytes that were asked for: it is shorter than it was, or than its header says.
    #[error("the file ends at byte {end}, before byte {needed}")]
    Short {
        /// Where the wanted bytes would end.
        needed: u64,
        /// Where the file ends.
        end: u64,
    },
    /// More bytes than this machine can hold at once.
    #[error("{0} bytes do not fit in memory")]
    TooLarge(u64),
}

/// A flat set of files. Everything is synchronous, in browsers too.
pub trait Source: Send + Sync {
    /// The files, in any order; a file is named by its index here.
    fn files(&self) -> &[FileEntry];

    /// The `len` bytes of file number `file` from `offset` on.
    ///
    /// # Errors
    /// When the file can't be read or ends earlier. Implementations check the end before they allocate.
    fn read_at(&self, file: usize, offset: u64, len: usize) -> Result<Vec<u8>, SourceError>;

    /// Says that these bytes will be asked for soon, to a source that can fetch them meanwhile.
    fn soon(&self, _file: usize, _offset: u64, _len: u64) {}

    /// What the source had to leave out while it listed its files, as path and reason.
    fn skipped(&self) -> &[(String, String)] {
        &[]
    }
}

/// An empty buffer with room for `len` bytes, or an error where there is no room: a size never aborts the program.
pub(crate) fn reserve(len: u64) -> Result<Vec<u8>, SourceError> {
    let mut bytes = Vec::new();
    let len_here = usize::try_from(len).map_err(|_| SourceError::TooLarge(len))?;
    bytes
        .try_reserve_exact(len_here)
        .map_err(|_| SourceError::TooLarge(len))?;
    Ok(bytes)
}

/// Files that are already in memory.
#[derive(Clone, Debug, Default)]
pub struct MemorySource {
    entries: Vec<FileEntry>,
    contents: Vec<Vec<u8>>,
}

impl MemorySource {
    /// A source of these files, given as path and bytes.
    pub fn new(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let mut source = Self::default();
        for (path, bytes) in files {
            source.entries.push(FileEntry {
                path,
                size: bytes.len() as u64,
            });
            source.contents.push(bytes);
        }
        source
    }
}

impl Source for MemorySource {
    fn files(&self) -> &[FileEntry] {
        &self.entries
    }

    fn read_at(&self, file: usize, offset: u64, len: usize) -> Result<Vec<u8>, SourceError> {
        let bytes = self
            .contents
            .get(file)
            .ok_or_else(|| SourceError::Io(format!("no file number {file}")))?;
        let short = || SourceError::Short {
            needed: offset.saturating_add(len as u64),
            end: bytes.len() as u64,
        };
        let start = usize::try_from(offset).map_err(|_| short())?;
        let end = start.checked_add(len).ok_or_else(short)?;
        Ok(bytes.get(start..end).ok_or_else(short)?.to_vec())
    }
}
