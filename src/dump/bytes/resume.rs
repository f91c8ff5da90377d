//! Reads one span after the other during a scan. Where several lie in the same packed stream, each read continues where the last one stopped,
//! so that an archive is not unpacked from its start for each of its files.

use std::io::{self, Read};
use std::sync::Arc;

use super::source::SourceError;
use super::stream::{Reader, Span, Stream};

/// The stream that was read last, still open.
#[derive(Default)]
pub(crate) struct Resume {
    open: Option<Open>,
}

struct Open {
    stream: Arc<Stream>,
    reader: Reader,
    /// Offset of the reader in the stream; beyond all others after an error.
    position: u64,
}

impl Resume {
    /// A reader of `span` from its byte `offset` on, which ends where the span does.
    pub fn open(
        &mut self,
        span: &Span,
        offset: u64,
        plain_step: u64,
    ) -> Result<SpanReader<'_>, SourceError> {
        let start = span.offset().saturating_add(offset);
        let goes_on =
            |open: &Open| Arc::ptr_eq(&open.stream, span.stream()) && open.position <= start;
        let open = match self.open.take().filter(goes_on) {
            Some(open) => self.open.insert(open),
            None => self.open.insert(Open {
                stream: Arc::clone(span.stream()),
                reader: span.stream().open(plain_step)?,
                position: 0,
            }),
        };
        let ahead = start - open.position;
        let end = span.offset().saturating_add(span.len());
        let mut reader = SpanReader {
            open,
            end: end.max(start),
        };
        reader.skip(ahead)?;
        Ok(reader)
    }
}

/// Reads the rest of a span.
pub(crate) struct SpanReader<'a> {
    open: &'a mut Open,
    end: u64,
}

impl SpanReader<'_> {
    /// Skips `count` bytes, but not past the end of the span.
    pub fn skip(&mut self, count: u64) -> io::Result<()> {
        let end = self.open.position.saturating_add(count).min(self.end);
        let ahead = end.saturating_sub(self.open.position);
        self.open.position = u64::MAX;
        self.open.reader.skip(ahead)?;
        self.open.position = end;
        Ok(())
    }
}

impl Read for SpanReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_sub(self.open.position);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(out.len());
        let position = std::mem::replace(&mut self.open.position, u64::MAX);
        let count = self.open.reader.read(&mut out[..most])?;
        self.open.position = position.saturating_add(count as u64);
        Ok(count)
    }
}
