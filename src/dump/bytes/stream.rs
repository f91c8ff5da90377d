//! Byte sequences that may be packed: a region as it is, or what it unpacks to. Archive entries and tensors are spans
//! of streams.

use std::io::{self, Read};
use std::sync::{Arc, OnceLock};

use bzip2::read::MultiBzDecoder;
use flate2::read::{DeflateDecoder, MultiGzDecoder};
use lzma_rust2::XzReader;

use super::limits::Limits;
use super::region::{Region, Window};
use super::source::{MemorySource, Source, SourceError, reserve};
use super::zip_local;
use super::zstd_frames::ZstdFrames;

/// Bytes requested from the source at a time while unpacking: browsers read 1 MB pieces several times slower than 16 MB
/// ones, and native reads gain nothing above 256 KiB.
const UNPACK_STEP: u64 = 4 << 20;

/// Memory limit for unpacking xz, in KiB: `xz -9` needs 65 MB.
const MAX_XZ_KIB: u32 = 200 << 10;

/// How the bytes of a region are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Plain,
    Deflate,
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

/// Where the packed bytes lie in the region.
#[derive(Clone, Copy, Debug)]
enum Start {
    /// They are the whole region.
    Here,
    /// This many bytes, which follow the zip local header at the region's start.
    AfterZipHeader(u64),
}

/// A sequence of bytes, packed or not.
#[derive(Debug)]
pub(crate) struct Stream {
    region: Region,
    start: Start,
    coding: Coding,
    /// Unpacked length; `None` if only unpacking tells it.
    len: Option<u64>,
    /// Maximum unpacked length.
    max_len: u64,
    data: OnceLock<Region>,
}

impl Stream {
    /// Stream of a region's bytes as they are.
    pub fn plain(region: Region) -> Self {
        let len = region.len();
        Self {
            region,
            start: Start::Here,
            coding: Coding::Plain,
            len: Some(len),
            max_len: len,
            data: OnceLock::new(),
        }
    }

    /// Stream of a file compressed as a whole.
    pub fn packed(region: Region, coding: Coding, limits: &Limits) -> Self {
        let max_len = limits.unpacked(region.len());
        Self {
            region,
            start: Start::Here,
            coding,
            len: None,
            max_len,
            data: OnceLock::new(),
        }
    }

    /// Stream of a zip entry: `region` extends from its local header to the central directory.
    pub fn zip_entry(region: Region, coding: Coding, packed: u64, len: u64) -> Self {
        Self {
            region,
            start: Start::AfterZipHeader(packed),
            coding,
            len: Some(len),
            max_len: len,
            data: OnceLock::new(),
        }
    }

    pub fn is_plain(&self) -> bool {
        self.coding == Coding::Plain
    }

    /// Whether the span is most of a packed entry, so that unpacking the entry for this span alone wastes little.
    fn covers(&self, span: &Span) -> bool {
        const HEADER: u64 = 1 << 16;
        match (self.coding, self.len) {
            (Coding::Deflate, Some(len)) => {
                span.offset <= HEADER
                    && len - span.offset.min(len) <= span.len.saturating_add(HEADER)
            }
            _ => false,
        }
    }

    /// Path of the file that contains the stream.
    pub fn file_name(&self) -> &str {
        self.region.file_name()
    }

    /// Region of the packed bytes.
    pub fn data(&self) -> Result<Region, SourceError> {
        if let Some(region) = self.data.get() {
            return Ok(region.clone());
        }
        let region = match self.start {
            Start::Here => self.region.clone(),
            Start::AfterZipHeader(packed) => zip_local::entry_data(&self.region, packed)?,
        };
        Ok(self.data.get_or_init(|| region).clone())
    }

    /// Opens the stream at its first byte.
    pub fn open(&self, plain_step: u64) -> Result<Reader, SourceError> {
        let data = self.data()?;
        let packed = |region| Window::new(region, UNPACK_STEP);
        let decoder: Box<dyn Read + Send> = match self.coding {
            Coding::Plain => return Ok(Reader::Plain(Window::new(data, plain_step))),
            Coding::Deflate => Box::new(DeflateDecoder::new(packed(data))),
            Coding::Gzip => Box::new(MultiGzDecoder::new(packed(data))),
            Coding::Zstd => Box::new(ZstdFrames::new(packed(data))),
            Coding::Xz => Box::new(XzReader::new_mem_limit(packed(data), true, MAX_XZ_KIB)),
            Coding::Bzip2 => Box::new(MultiBzDecoder::new(packed(data))),
        };
        Ok(Reader::Packed(Unpacker {
            decoder,
            left: self.max_len,
        }))
    }

    /// Unpacks bytes that were already fetched.
    fn unpack(&self, bytes: Vec<u8>) -> Reader {
        let decoder = Box::new(DeflateDecoder::new(io::Cursor::new(bytes)));
        Reader::Packed(Unpacker {
            decoder,
            left: self.max_len,
        })
    }
}

/// A forward-only reader.
pub(crate) enum Reader {
    Plain(Window),
    Packed(Unpacker),
}

/// Unpacks, but never more than the stream's maximum length.
pub(crate) struct Unpacker {
    decoder: Box<dyn Read + Send>,
    left: u64,
}

impl Reader {
    /// Skips `count` bytes.
    pub fn skip(&mut self, count: u64) -> io::Result<()> {
        match self {
            Self::Plain(window) => window.skip(count),
            Self::Packed(_) => {
                let skipped = io::copy(&mut self.take(count), &mut io::sink())?;
                if skipped < count {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
        Ok(())
    }

    /// Reads the next `len` bytes. Memory grows with the bytes that arrive, not with `len`.
    pub fn read_bytes(&mut self, len: u64) -> Result<Vec<u8>, SourceError> {
        const AT_ONCE: u64 = 16 << 20;
        let mut bytes = reserve(len.min(AT_ONCE))?;
        while (bytes.len() as u64) < len {
            let step = (len - bytes.len() as u64).min(AT_ONCE);
            bytes
                .try_reserve(step as usize)
                .map_err(|_| SourceError::TooLarge(len))?;
            if self.take(step).read_to_end(&mut bytes)? == 0 {
                return Err(SourceError::Short {
                    needed: len,
                    end: bytes.len() as u64,
                });
            }
        }
        Ok(bytes)
    }
}

impl Reader {
    /// Appends up to `step` bytes; fewer only at the end.
    pub fn read_more(&mut self, step: u64, bytes: &mut Vec<u8>) -> Result<(), SourceError> {
        bytes
            .try_reserve(step as usize)
            .map_err(|_| SourceError::TooLarge(bytes.len() as u64 + step))?;
        self.take(step).read_to_end(bytes)?;
        Ok(())
    }
}

impl Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(window) => window.read(out),
            Self::Packed(Unpacker { decoder, left }) => {
                let count = decoder.read(out)?;
                *left = left.checked_sub(count as u64).ok_or_else(|| {
                    io::Error::other(
                        "it unpacks to more bytes than it says, or than --max-unpack-ratio allows",
                    )
                })?;
                Ok(count)
            }
        }
    }
}

/// Bytes `offset..offset + len` of a stream, unpacked.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    stream: Arc<Stream>,
    offset: u64,
    len: u64,
    /// CRC-32 of these bytes, if the archive stores it.
    crc: Option<u32>,
}

impl Span {
    pub fn new(stream: Arc<Stream>, offset: u64, len: u64, crc: Option<u32>) -> Self {
        Self {
            stream,
            offset,
            len,
            crc,
        }
    }

    /// All of `bytes`, which were read from `file`.
    pub fn of_bytes(file: &str, bytes: Vec<u8>) -> Self {
        let len = bytes.len() as u64;
        let memory: Arc<dyn Source> = Arc::new(MemorySource::new([(file.to_owned(), bytes)]));
        let stream = Arc::new(Stream::plain(Region::file(&memory, 0)));
        Self::new(stream, 0, len, None)
    }

    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn offset(&self) -> u64 {
        self.offset
    }

    pub fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }

    /// The `len` bytes at `offset` of this span, or `None` if they exceed its end.
    pub fn part(&self, offset: u64, len: u64) -> Option<Self> {
        offset.checked_add(len).filter(|&end| end <= self.len)?;
        let crc = if len == self.len { self.crc } else { None };
        Some(Self {
            stream: Arc::clone(&self.stream),
            offset: self.offset + offset,
            len,
            crc,
        })
    }

    /// Region of the span's bytes if they are stored uncompressed.
    pub fn region(&self) -> Option<Result<Region, SourceError>> {
        self.stream.is_plain().then(|| {
            self.stream
                .data()
                .and_then(|data| data.part(self.offset, self.len))
        })
    }

    /// A reader of the span's bytes, which ends where the span does.
    pub fn open(&self, plain_step: u64) -> Result<Reader, SourceError> {
        if let Some(region) = self.region() {
            return Ok(Reader::Plain(Window::new(region?, plain_step)));
        }
        let mut reader = self.stream.open(plain_step)?;
        reader.skip(self.offset)?;
        if let Reader::Packed(Unpacker { decoder, left }) = reader {
            let decoder = Box::new(decoder.take(self.len));
            reader = Reader::Packed(Unpacker { decoder, left });
        }
        Ok(reader)
    }

    /// Whether the span can be fetched on its own: it is stored uncompressed, or is most of a packed entry.
    pub fn stands_alone(&self) -> bool {
        self.stream.is_plain() || self.stream.covers(self)
    }

    /// Reads the bytes that [`Bytes::unpack`] needs.
    pub fn fetch(&self) -> Result<Bytes, SourceError> {
        if let Some(region) = self.region() {
            Ok(Bytes::Unpacked(region?.read()?))
        } else if self.stands_alone() {
            Ok(Bytes::Packed(self.stream.data()?.read()?))
        } else {
            Ok(Bytes::Unpacked(
                self.open(UNPACK_STEP)?.read_bytes(self.len)?,
            ))
        }
    }
}

/// Bytes of a span, possibly still packed.
#[derive(Debug)]
pub(crate) enum Bytes {
    Unpacked(Vec<u8>),
    Packed(Vec<u8>),
}

impl Bytes {
    /// Unpacked bytes, verified against the checksum if there is one.
    pub fn unpack(self, span: &Span) -> Result<Vec<u8>, SourceError> {
        let bytes = match self {
            Self::Unpacked(bytes) => bytes,
            Self::Packed(packed) => {
                let mut reader = span.stream.unpack(packed);
                reader.skip(span.offset)?;
                reader.read_bytes(span.len)?
            }
        };
        match span.crc {
            Some(expected) if crc32fast::hash(&bytes) != expected => {
                Err(SourceError::Io("the checksum differs".to_owned()))
            }
            _ => Ok(bytes),
        }
    }
}
