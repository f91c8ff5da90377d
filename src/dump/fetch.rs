//! Reads many captures in the cheapest order. Captures that are stored uncompressed, or in an archive entry of their
//! own, are read in dump order. A compressed tar can only be read forward: its captures are taken as their bytes come
//! by, and the K of a capture is held until its V arrives. What would exceed the limit on held bytes waits for another
//! pass over the archive.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::vec::IntoIter;

use super::bytes::place::Place;
use super::bytes::source::SourceError;
use super::bytes::stream::{Bytes, Reader, Stream};
use super::capture::Capture;
use super::contents::Dump;
use super::decode::{Fetched, unreadable};
use super::problem::Problem;

type FetchResult = (usize, Result<Fetched, Problem>);

impl Dump {
    /// Fetches the captures with these indices one after the other, each as `(index, fetched)`, in the order that is
    /// cheapest to read. A capture that can't be read yields its problem; the others go on.
    ///
    /// # Panics
    /// When an index is out of range.
    pub fn fetches(&self, indices: impl IntoIterator<Item = usize>) -> Fetches {
        let capture = |index: usize| (index, Arc::clone(&self.captures[index]));
        Fetches::new(
            indices.into_iter().map(capture).collect(),
            self.pending_bytes,
        )
    }

    /// Order in which [`Dump::fetches`] yields these captures.
    ///
    /// # Panics
    /// When an index is out of range.
    pub fn fetch_order(&self, indices: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let capture = |index: usize| (index, Arc::clone(&self.captures[index]));
        Fetches::order(
            indices.into_iter().map(capture).collect(),
            self.pending_bytes,
        )
    }
}

/// Iterator that fetches captures one after the other: see [`Dump::fetches`].
pub struct Fetches {
    /// Captures that can be read independently of all others.
    alone: IntoIter<(usize, Arc<Capture>)>,
    /// Archives that can only be read forward.
    forward: VecDeque<Forward>,
    left: usize,
}

impl Fetches {
    pub(super) fn new(captures: Vec<(usize, Arc<Capture>)>, pending_bytes: u64) -> Self {
        let left = captures.len();
        let mut alone = Vec::new();
        let mut streams: Vec<Forward> = Vec::new();
        let mut by_stream: HashMap<*const Stream, usize> = HashMap::new();
        for (index, capture) in captures {
            let (k, v) = (&capture.k.span, &capture.v.span);
            let same = Arc::ptr_eq(k.stream(), v.stream());
            let with_more = capture.k.beside.len() + capture.v.beside.len() > 0;
            if !same || with_more || (k.stands_alone() && v.stands_alone()) {
                alone.push((index, capture));
                continue;
            }
            let stream = k.stream();
            let at = *by_stream.entry(Arc::as_ptr(stream)).or_insert_with(|| {
                streams.push(Forward::new(Arc::clone(stream), pending_bytes));
                streams.len() - 1
            });
            streams[at].add(index, capture);
        }
        streams.iter_mut().for_each(Forward::sort);
        Self {
            alone: alone.into_iter(),
            forward: streams.into(),
            left,
        }
    }

    /// Order in which these captures will be yielded, computed without reading.
    pub(super) fn order(captures: Vec<(usize, Arc<Capture>)>, pending_bytes: u64) -> Vec<usize> {
        let mut dry = Self::new(captures, pending_bytes);
        dry.forward
            .iter_mut()
            .for_each(|forward| forward.dry = true);
        let alone: Vec<usize> = dry.alone.by_ref().map(|(index, _)| index).collect();
        dry.left -= alone.len();
        let forward: Vec<usize> = dry.map(|(index, _)| index).collect();
        [alone, forward].concat()
    }

    /// Hints to the source which bytes the capture `ahead` positions after the next one will need, if they are stored
    /// uncompressed. Returns false past the last capture that can be read independently.
    pub fn announce(&self, ahead: usize) -> bool {
        let Some((_, capture)) = self.alone.as_slice().get(ahead) else {
            return false;
        };
        for place in [&capture.k, &capture.v] {
            for span in std::iter::once(&place.span).chain(&place.beside) {
                if let Some(Ok(region)) = span.region() {
                    region.soon();
                }
            }
        }
        true
    }

    fn step(&mut self) -> Option<FetchResult> {
        if let Some((index, capture)) = self.alone.next() {
            return Some((index, Fetched::read(&capture)));
        }
        while let Some(forward) = self.forward.front_mut() {
            if let Some(item) = forward.next() {
                return Some(item);
            }
            self.forward.pop_front();
        }
        None
    }
}

impl Iterator for Fetches {
    type Item = FetchResult;

    fn next(&mut self) -> Option<FetchResult> {
        let item = self.step();
        self.left -= usize::from(item.is_some());
        item
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fetches {}

/// K or V of a capture that has not been read yet.
struct Half {
    /// Index in `Forward::captures`.
    capture: usize,
    is_v: bool,
    offset: u64,
}

/// A capture of which K, V or both are still missing.
struct Waiting {
    index: usize,
    capture: Arc<Capture>,
    k: Option<Vec<u8>>,
    v: Option<Vec<u8>>,
    /// Whether it was put off to the next pass because too many bytes are held already.
    put_off: bool,
}

impl Waiting {
    fn place(&self, is_v: bool) -> &Place {
        if is_v {
            &self.capture.v
        } else {
            &self.capture.k
        }
    }
}

/// One archive that is read forward.
struct Forward {
    stream: Arc<Stream>,
    captures: Vec<Waiting>,
    /// K and V still to be read in this pass, by offset.
    halves: VecDeque<Half>,
    /// K and V that are left for another pass.
    next_pass: VecDeque<Half>,
    /// The open archive and the position in it; only the position when the order alone is computed.
    reader: Option<(Option<Reader>, u64)>,
    /// Whether only the order is computed, without reading.
    dry: bool,
    /// Bytes of K and V held while the other half of their capture is missing.
    held: u64,
    max_held: u64,
    /// Error after which nothing more can be read from the archive.
    failed: Option<SourceError>,
}

impl Forward {
    fn new(stream: Arc<Stream>, max_held: u64) -> Self {
        let (captures, halves, next_pass) = (Vec::new(), VecDeque::new(), VecDeque::new());
        Self {
            stream,
            captures,
            halves,
            next_pass,
            reader: None,
            dry: false,
            held: 0,
            max_held,
            failed: None,
        }
    }

    fn add(&mut self, index: usize, capture: Arc<Capture>) {
        let at = self.captures.len();
        self.halves.push_back(Half {
            capture: at,
            is_v: false,
            offset: capture.k.span.offset(),
        });
        self.halves.push_back(Half {
            capture: at,
            is_v: true,
            offset: capture.v.span.offset(),
        });
        self.captures.push(Waiting {
            index,
            capture,
            k: None,
            v: None,
            put_off: false,
        });
    }

    fn sort(&mut self) {
        self.halves
            .make_contiguous()
            .sort_by_key(|half| half.offset);
    }

    fn next(&mut self) -> Option<FetchResult> {
        loop {
            let Some(half) = self.halves.pop_front() else {
                if self.next_pass.is_empty() {
                    return None;
                }
                std::mem::swap(&mut self.halves, &mut self.next_pass);
                self.captures
                    .iter_mut()
                    .for_each(|capture| capture.put_off = false);
                self.reader = None;
                continue;
            };
            if let Some(item) = self.take(half) {
                return Some(item);
            }
        }
    }

    /// Reads one half; returns the capture if that completes it.
    fn take(&mut self, half: Half) -> Option<FetchResult> {
        let waiting = &self.captures[half.capture];
        let is_open = waiting.k.is_some() || waiting.v.is_some();
        let both = waiting.capture.k.span.len() + waiting.capture.v.span.len();
        let passed = self
            .reader
            .as_ref()
            .is_some_and(|(_, position)| *position > half.offset);
        let too_much = !is_open && self.held > 0 && self.held.saturating_add(both) > self.max_held;
        if self.failed.is_none() && (passed || waiting.put_off || too_much) {
            self.captures[half.capture].put_off |= too_much;
            self.next_pass.push_back(half);
            return None;
        }
        let len = waiting.place(half.is_v).span.len();
        match self.read(half.offset, len) {
            Ok(bytes) => {
                let waiting = &mut self.captures[half.capture];
                *(if half.is_v {
                    &mut waiting.v
                } else {
                    &mut waiting.k
                }) = Some(bytes);
                self.held += len;
                let (Some(_), Some(_)) = (&waiting.k, &waiting.v) else {
                    return None;
                };
                self.held -= both;
                let (k, v) = (waiting.k.take()?, waiting.v.take()?);
                let fetched = Fetched::new(
                    Arc::clone(&waiting.capture),
                    vec![Bytes::Unpacked(k)],
                    vec![Bytes::Unpacked(v)],
                );
                Some((waiting.index, Ok(fetched)))
            }
            Err(error) => {
                // What follows in the archive can't be reached either; each capture reports it once.
                let waiting = &mut self.captures[half.capture];
                waiting.k = None;
                waiting.v = None;
                let problem = unreadable(&waiting.capture, waiting.place(half.is_v), &error);
                let index = waiting.index;
                self.failed = Some(error);
                let gone = |other: &Half| other.capture != half.capture;
                self.halves.retain(gone);
                self.next_pass.retain(gone);
                Some((index, Err(problem)))
            }
        }
    }

    fn read(&mut self, offset: u64, len: u64) -> Result<Vec<u8>, SourceError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let (mut reader, position) = match self.reader.take() {
            Some(open) => open,
            None if self.dry => (None, 0),
            None => (Some(self.stream.open(1 << 20)?), 0),
        };
        let mut bytes = Vec::new();
        if let Some(reader) = &mut reader {
            reader.skip(offset - position)?;
            bytes = reader.read_bytes(len)?;
        }
        self.reader = Some((reader, offset + len));
        Ok(bytes)
    }
}
