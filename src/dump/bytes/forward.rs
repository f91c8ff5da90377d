//! Spans of one packed stream, read in the order of their offsets while the stream is unpacked once. Bytes that the next span shares with
//! those before it (K and V that lie interleaved, captures that are slices of one part) are kept.

use std::sync::Arc;

use super::source::SourceError;
use super::stream::{Bytes, Reader, Span, Stream};

/// A stream that is read forward, span by span.
pub(crate) struct Forward {
    stream: Arc<Stream>,
    reader: Option<Reader>,
    /// Offset up to which the stream was read.
    position: u64,
    /// Offset of the first byte that is kept; `position` if none is.
    kept_from: u64,
    kept: Vec<u8>,
    /// Whether nothing is read: only the offsets are followed, and all bytes are left out.
    dry: bool,
}

impl Forward {
    /// The stream at its first byte.
    pub fn new(stream: Arc<Stream>, dry: bool) -> Self {
        Self {
            stream,
            reader: None,
            position: 0,
            kept_from: 0,
            kept: Vec::new(),
            dry,
        }
    }

    /// Whether the byte at `offset` can still be read.
    pub fn reaches(&self, offset: u64) -> bool {
        offset >= self.kept_from
    }

    /// Bytes `offset..offset + len`, where [`Forward::reaches`] holds for `offset`. If the next span starts at `next`, within them, the bytes
    /// from there on are kept for it.
    pub fn read(
        &mut self,
        offset: u64,
        len: u64,
        next: Option<u64>,
    ) -> Result<Vec<u8>, SourceError> {
        let end = offset + len;
        let is_new = offset >= self.position || end > self.position;
        let bytes = match is_new {
            _ if self.dry => Vec::new(),
            true => self.unpack(offset, end)?,
            false => self.kept[(offset - self.kept_from) as usize..][..len as usize].to_vec(),
        };
        self.position = self.position.max(end);
        match next.filter(|next| *next < self.position) {
            Some(next) if is_new => {
                let shared = bytes.get((next - offset) as usize..);
                (self.kept_from, self.kept) = (next, shared.unwrap_or_default().to_vec());
            }
            Some(_) => {}
            None => (self.kept_from, self.kept) = (self.position, Vec::new()),
        }
        Ok(bytes)
    }

    /// The bytes up to `end`, some of which may be kept.
    fn unpack(&mut self, offset: u64, end: u64) -> Result<Vec<u8>, SourceError> {
        let start = offset.max(self.position);
        let reader = match &mut self.reader {
            Some(reader) => reader,
            None => self.reader.insert(self.stream.open(1 << 20)?),
        };
        reader.skip(start - self.position)?;
        let more = reader.read_bytes(end - start)?;
        if offset == start {
            return Ok(more);
        }
        let mut bytes = self.kept.split_off((offset - self.kept_from) as usize);
        bytes.extend(more);
        Ok(bytes)
    }
}

/// Reads the bytes of several spans; a packed stream that holds more than one of them is unpacked once for them all.
pub(crate) fn fetch_all(spans: &[&Span]) -> Vec<Result<Bytes, SourceError>> {
    let stream = |index: usize| Arc::as_ptr(spans[index].stream());
    let mut packed: Vec<usize> = (0..spans.len())
        .filter(|&index| !spans[index].stream().is_plain())
        .collect();
    packed.sort_by_key(|&index| (stream(index), spans[index].offset()));
    let mut found: Vec<Option<Result<Bytes, SourceError>>> = spans.iter().map(|_| None).collect();
    for together in packed.chunk_by(|&a, &b| stream(a) == stream(b)) {
        if together.len() == 1 {
            continue;
        }
        let mut forward = Forward::new(Arc::clone(spans[together[0]].stream()), false);
        let mut failed = None;
        for (place, &index) in together.iter().enumerate() {
            let next = together.get(place + 1).map(|&next| spans[next].offset());
            let read = match &failed {
                Some(error) => Err(SourceError::clone(error)),
                None => forward.read(spans[index].offset(), spans[index].len(), next),
            };
            failed = read.as_ref().err().cloned();
            found[index] = Some(read.map(Bytes::Unpacked));
        }
    }
    let rest = found.into_iter().zip(spans);
    rest.map(|(found, span)| found.unwrap_or_else(|| span.fetch()))
        .collect()
}
