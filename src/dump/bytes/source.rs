//! A flat set of files that can be read at any offset: a folder, a browser's `File` objects, or bytes in memory.

use thiserror::Error;

/// A file of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Path relative to the source's root, with `/` between folders. Bytes that are not UTF-8 are written as `%B2`.
    pub path: String,
    /// Size in bytes when the source was opened.
    pub size: u64,
}

/// Reason why bytes of a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SourceError {
    /// The OS or the browser refused; the text is its error message.
    #[error("{0}")]
    Io(String),
    /// The file ends before the requested bytes: it is shorter than when it was listed, or than its header declares.
    #[error("the file ends at byte {end}, before byte {needed}")]
    Short {
        /// End of the requested range, in bytes from the file's start.
        needed: u64,
        /// Length of the file, in bytes.
        end: u64,
    },
    /// More bytes than this machine can hold at once.
    #[error("{0} bytes do not fit in memory")]
    TooLarge(u64),
}

/// A flat set of files. Every method is synchronous, in browsers too.
pub trait Source: Send + Sync {
    /// All files, in any order; the other methods name a file by its index in this list.
    fn files(&self) -> &[FileEntry];

    /// Reads `len` bytes at `offset` of the file with index `file`.
    ///
    /// # Errors
    /// When the file can't be read or ends earlier. Implementations check the end before they allocate.
    fn read_at(&self, file: usize, offset: u64, len: usize) -> Result<Vec<u8>, SourceError>;

    /// Hints that these bytes will be read soon; a source may prefetch them.
    fn soon(&self, _file: usize, _offset: u64, _len: u64) {}

    /// Files and folders that could not be listed, as path and reason.
    fn skipped(&self) -> &[(String, String)] {
        &[]
    }
}

/// An empty buffer with capacity for `len` bytes, or an error if the allocation fails: a large size never aborts the
/// program.
pub(crate) fn reserve(len: u64) -> Result<Vec<u8>, SourceError> {
    let mut bytes = Vec::new();
    let len_here = usize::try_from(len).map_err(|_| SourceError::TooLarge(len))?;
    bytes
        .try_reserve_exact(len_here)
        .map_err(|_| SourceError::TooLarge(len))?;
    Ok(bytes)
}

/// A source whose files are in memory.
#[derive(Clone, Debug, Default)]
pub struct MemorySource {
    entries: Vec<FileEntry>,
    contents: Vec<Vec<u8>>,
}

impl MemorySource {
    /// Creates a source from files given as path and bytes.
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
