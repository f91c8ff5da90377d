//! Reads many captures in the cheapest order. Captures that are stored uncompressed, or in an archive entry of their
//! own, are read in dump order. A compressed tar can only be read forward: captures are yielded in the order in which their
//! last bytes are reached, and the bytes of incomplete ones are held until then. Captures that would exceed the limit on
//! held bytes are left to another pass over the archive.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::vec::IntoIter;

use super::bytes::forward::Forward;
use super::bytes::place::Place;
use super::bytes::source::SourceError;
use super::bytes::stream::{Bytes, Span, Stream};
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
    forward: VecDeque<Archive>,
    left: usize,
}

impl Fetches {
    pub(super) fn new(captures: Vec<(usize, Arc<Capture>)>, pending_bytes: u64) -> Self {
        let left = captures.len();
        let mut alone = Vec::new();
        let mut streams: Vec<Archive> = Vec::new();
        let mut by_stream: HashMap<*const Stream, usize> = HashMap::new();
        for (index, capture) in captures {
            let stream = capture.k.span.stream();
            let same = |span: &Span| Arc::ptr_eq(span.stream(), stream);
            if !capture.spans().all(same) || capture.spans().all(Span::stands_alone) {
                alone.push((index, capture));
                continue;
            }
            let at = *by_stream.entry(Arc::as_ptr(stream)).or_insert_with(|| {
                streams.push(Archive::new(Arc::clone(stream), pending_bytes));
                streams.len() - 1
            });
            streams[at].add(index, capture);
        }
        streams.iter_mut().for_each(Archive::sort);
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
            .for_each(|archive| archive.dry = true);
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
        for span in capture.spans() {
            if let Some(Ok(region)) = span.region() {
                region.soon();
            }
        }
        true
    }

    fn step(&mut self) -> Option<FetchResult> {
        if let Some((index, capture)) = self.alone.next() {
            return Some((index, Fetched::read(&capture)));
        }
        while let Some(archive) = self.forward.front_mut() {
            if let Some(item) = archive.next() {
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

/// A span of a capture that has not been read yet.
struct Pending {
    /// Index in `Archive::captures`.
    capture: usize,
    /// Index among the capture's spans.
    part: usize,
    offset: u64,
    len: u64,
}

/// A capture of which some bytes are still missing.
struct Waiting {
    index: usize,
    capture: Arc<Capture>,
    /// Bytes of each of its spans, once they were read.
    parts: Vec<Option<Vec<u8>>>,
    /// Length of all its spans.
    len: u64,
    /// Whether it was put off to the next pass because too many bytes are held already.
    put_off: bool,
}

impl Waiting {
    /// The place that the span belongs to.
    fn place(&self, part: usize) -> &Place {
        if part < self.capture.k.spans().count() {
            &self.capture.k
        } else {
            &self.capture.v
        }
    }

    /// The bytes of K and of V, once all are there.
    fn take(&mut self) -> Option<Fetched> {
        if self.parts.iter().any(Option::is_none) {
            return None;
        }
        let parts = std::mem::take(&mut self.parts).into_iter().flatten();
        let mut k: Vec<Bytes> = parts.map(Bytes::Unpacked).collect();
        let v = k.split_off(self.capture.k.spans().count());
        Some(Fetched::new(Arc::clone(&self.capture), k, v))
    }
}

/// One archive that is read forward.
struct Archive {
    stream: Arc<Stream>,
    captures: Vec<Waiting>,
    /// Spans still to be read in this pass, by offset.
    pending: VecDeque<Pending>,
    /// Spans that are left for another pass.
    next_pass: VecDeque<Pending>,
    /// The open archive in this pass.
    forward: Option<Forward>,
    /// Whether only the order is computed, without reading.
    dry: bool,
    /// Bytes held of captures of which others are missing.
    held: u64,
    max_held: u64,
    /// Error after which nothing more can be read from the archive.
    failed: Option<SourceError>,
}

impl Archive {
    fn new(stream: Arc<Stream>, max_held: u64) -> Self {
        let (captures, pending, next_pass) = (Vec::new(), VecDeque::new(), VecDeque::new());
        Self {
            stream,
            captures,
            pending,
            next_pass,
            forward: None,
            dry: false,
            held: 0,
            max_held,
            failed: None,
        }
    }

    fn add(&mut self, index: usize, capture: Arc<Capture>) {
        let at = self.captures.len();
        let pending = capture.spans().enumerate().map(|(part, span)| Pending {
            capture: at,
            part,
            offset: span.offset(),
            len: span.len(),
        });
        self.pending.extend(pending);
        self.captures.push(Waiting {
            index,
            parts: capture.spans().map(|_| None).collect(),
            len: capture.spans().map(Span::len).sum(),
            capture,
            put_off: false,
        });
    }

    fn sort(&mut self) {
        self.pending
            .make_contiguous()
            .sort_by_key(|pending| pending.offset);
    }

    fn next(&mut self) -> Option<FetchResult> {
        loop {
            let Some(pending) = self.pending.pop_front() else {
                if self.next_pass.is_empty() {
                    return None;
                }
                std::mem::swap(&mut self.pending, &mut self.next_pass);
                self.captures
                    .iter_mut()
                    .for_each(|capture| capture.put_off = false);
                self.forward = None;
                continue;
            };
            if let Some(item) = self.take(pending) {
                return Some(item);
            }
        }
    }

    /// Reads one span; returns the capture if that completes it.
    fn take(&mut self, pending: Pending) -> Option<FetchResult> {
        let waiting = &self.captures[pending.capture];
        let is_open = waiting.parts.iter().any(Option::is_some);
        let passed = self
            .forward
            .as_ref()
            .is_some_and(|forward| !forward.reaches(pending.offset));
        let too_much =
            !is_open && self.held > 0 && self.held.saturating_add(waiting.len) > self.max_held;
        if self.failed.is_none() && (passed || waiting.put_off || too_much) {
            self.captures[pending.capture].put_off |= too_much;
            self.next_pass.push_back(pending);
            return None;
        }
        match self.read(&pending) {
            Ok(bytes) => {
                self.held += pending.len;
                let waiting = &mut self.captures[pending.capture];
                waiting.parts[pending.part] = Some(bytes);
                let fetched = waiting.take()?;
                self.held -= waiting.len;
                Some((waiting.index, Ok(fetched)))
            }
            Err(error) => {
                // What follows in the archive can't be reached either; each capture reports it once.
                let waiting = &mut self.captures[pending.capture];
                waiting.parts.clear();
                let problem = unreadable(&waiting.capture, waiting.place(pending.part), &error);
                let index = waiting.index;
                self.failed = Some(error);
                let gone = |other: &Pending| other.capture != pending.capture;
                self.pending.retain(gone);
                self.next_pass.retain(gone);
                Some((index, Err(problem)))
            }
        }
    }

    fn read(&mut self, pending: &Pending) -> Result<Vec<u8>, SourceError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let end = pending.offset + pending.len;
        let next = self.pending.front().map(|next| next.offset);
        // Bytes kept for the next span are a copy: only so many are kept.
        let next = next.filter(|next| end.saturating_sub(*next) <= self.max_held);
        let forward = self
            .forward
            .get_or_insert_with(|| Forward::new(Arc::clone(&self.stream), self.dry));
        forward.read(pending.offset, pending.len, next)
    }
}
