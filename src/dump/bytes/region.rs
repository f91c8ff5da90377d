//! A range of bytes in one file of a source, and a reader of it that asks the source for large pieces.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use super::source::{Source, SourceError};

/// Bytes `start..start + len` of a file.
#[derive(Clone)]
pub(crate) struct Region {
    source: Arc<dyn Source>,
    file: usize,
    start: u64,
    len: u64,
}

impl fmt::Debug for Region {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "bytes {}..+{} of {:?}",
            self.start,
            self.len,
            self.file_name()
        )
    }
}

impl Region {
    /// The whole of the file with index `file`, which must exist in the source.
    pub fn file(source: &Arc<dyn Source>, file: usize) -> Self {
        Self {
            source: Arc::clone(source),
            file,
            start: 0,
            len: source.files()[file].size,
        }
    }

    pub fn len(&self) -> u64 {
        self.len
    }

    /// Path of the file.
    pub fn file_name(&self) -> &str {
        &self.source.files()[self.file].path
    }

    /// The `len` bytes at `offset`, or an error if they exceed the region's end.
    pub fn part(&self, offset: u64, len: u64) -> Result<Self, SourceError> {
        let needed = offset.checked_add(len).filter(|&end| end <= self.len);
        if needed.is_none() {
            return Err(SourceError::Short {
                needed: offset.saturating_add(len),
                end: self.len,
            });
        }
        Ok(Self {
            source: Arc::clone(&self.source),
            file: self.file,
            start: self.start + offset,
            len,
        })
    }

    /// Hints that the region will be read soon.
    pub fn soon(&self) {
        self.source.soon(self.file, self.start, self.len);
    }

    /// Reads the whole region.
    pub fn read(&self) -> Result<Vec<u8>, SourceError> {
        let len = usize::try_from(self.len).map_err(|_| SourceError::TooLarge(self.len))?;
        self.source.read_at(self.file, self.start, len)
    }
}

/// Sequential reader of a region that fetches `step` bytes from the source at a time.
pub(crate) struct Window {
    region: Region,
    position: u64,
    piece: Vec<u8>,
    used: usize,
    step: u64,
}

impl Window {
    pub fn new(region: Region, step: u64) -> Self {
        Self {
            region,
            position: 0,
            piece: Vec::new(),
            used: 0,
            step,
        }
    }

    /// Skips `count` bytes, but not past the end of the region.
    pub fn skip(&mut self, count: u64) {
        let ahead = (self.piece.len() - self.used) as u64;
        if count <= ahead {
            self.used += count as usize;
        } else {
            self.position = self
                .position
                .saturating_add(count - ahead)
                .min(self.region.len());
            self.piece.clear();
            self.used = 0;
        }
    }
}

impl Read for Window {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.used == self.piece.len() {
            let size = self.step.min(self.region.len() - self.position);
            let part = self
                .region
                .part(self.position, size)
                .and_then(|part| part.read());
            self.piece = part.map_err(io::Error::other)?;
            self.position += size;
            self.used = 0;
        }
        let ahead = &self.piece[self.used..];
        let size = ahead.len().min(out.len());
        out[..size].copy_from_slice(&ahead[..size]);
        self.used += size;
        Ok(size)
    }
}

impl From<io::Error> for SourceError {
    /// Unwraps the source's own error if a reader wrapped one.
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(own) => own,
            Err(other) => Self::Io(other.to_string()),
        }
    }
}
