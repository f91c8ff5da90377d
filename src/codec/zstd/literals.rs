//! The literals section of a block (RFC 8878, section 3.1.1.3.1): raw, one byte repeated, or Huffman coded.

use super::histogram::{self, Counts};
use super::huffman::Code;
use super::limits::minimum_gain;
use super::sink::Sink;

/// Fewer literals are stored raw.
const MIN_LITERALS: usize = 64;

/// From this many literals on, they are coded in four streams.
const MIN_FOR_FOUR_STREAMS: usize = 256;

/// Up to this many literals, the code of an earlier block is reused if possible: a new one would not pay for its
/// description.
const MAX_TO_PREFER_REPEAT: usize = 1024;

/// Number of bytes sampled at either end of literals that seem incompressible, and the number of literals needed to
/// sample.
const SAMPLE: usize = 4096;
const MIN_TO_SAMPLE: usize = 10 * SAMPLE;

/// Types of a literals section.
const RAW: u32 = 0;
const REPEATED_BYTE: u32 = 1;
const COMPRESSED: u32 = 2;
const WITH_EARLIER_CODE: u32 = 3;

/// The code that a later block may reuse, that of the current block, and buffers for histograms.
pub(super) struct Coder {
    earlier: Box<Code>,
    earlier_is_usable: bool,
    latest: Box<Code>,
    latest_is_new: bool,
    counts: Box<[Counts; 4]>,
}

impl Coder {
    pub(super) fn new() -> Self {
        Self {
            earlier: Box::new(Code::EMPTY),
            earlier_is_usable: false,
            latest: Box::new(Code::EMPTY),
            latest_is_new: false,
            counts: Box::new([[0; 256]; 4]),
        }
    }

    /// Resets the codes for a new frame.
    pub(super) fn start_frame(&mut self) {
        self.earlier_is_usable = false;
    }

    /// Called when the block just written becomes part of the frame: later ones may reuse its code.
    pub(super) fn confirm(&mut self) {
        if self.latest_is_new {
            std::mem::swap(&mut self.earlier, &mut self.latest);
            self.earlier_is_usable = true;
        }
    }

    pub(super) fn store<S: Sink>(&mut self, literals: &[u8], sink: &mut S) {
        self.latest_is_new = false;
        section_header(RAW, literals.len(), sink);
        sink.push(literals);
    }

    /// Writes the section. `doubtful` literals are sampled before they are counted.
    pub(super) fn encode<S: Sink>(&mut self, literals: &[u8], doubtful: bool, sink: &mut S) {
        let start = sink.len();
        if self.try_encode(literals, doubtful, sink).is_none() {
            sink.cut(start);
            self.store(literals, sink);
        }
    }

    fn try_encode<S: Sink>(&mut self, literals: &[u8], doubtful: bool, sink: &mut S) -> Option<()> {
        let len = literals.len();
        if len < MIN_LITERALS || (doubtful && len >= MIN_TO_SAMPLE && looks_random(literals)) {
            return None;
        }
        histogram::count_quarters(literals, &mut self.counts);
        let total = histogram::total(&self.counts);
        let largest = histogram::largest(&total) as usize;
        if largest == len {
            self.latest_is_new = false;
            section_header(REPEATED_BYTE, len, sink);
            sink.push(&literals[..1]);
            return Some(());
        }
        if largest <= (len >> 7) + 4 {
            return None;
        }

        let start = sink.len();
        let four_streams = len >= MIN_FOR_FOUR_STREAMS;
        let header = 3 + usize::from(len >= 1 << 10) + usize::from(len >= 16 << 10);
        sink.push(&[0; 5][..header]);
        let kind = self.choose_code(&total, len, sink)?;
        let code = if kind == COMPRESSED {
            &self.latest
        } else {
            &self.earlier
        };
        if four_streams {
            four_huffman_streams(code, literals, &self.counts, sink);
        } else {
            sink.huffman_stream(code, literals, &total);
        }
        let size = sink.len() - start - header;
        if size >= len - minimum_gain(len) {
            return None;
        }

        let (format, width) = match header {
            3 => (u64::from(four_streams), 10),
            4 => (2, 14),
            _ => (3, 18),
        };
        let fields =
            u64::from(kind) | format << 2 | (len as u64) << 4 | (size as u64) << (4 + width);
        sink.patch(start, &fields.to_le_bytes()[..header]);
        self.latest_is_new = kind == COMPRESSED;
        Some(())
    }

    /// Chooses the earlier code, or builds a new one and writes its description.
    fn choose_code<S: Sink>(&mut self, total: &Counts, len: usize, sink: &mut S) -> Option<u32> {
        let earlier_fits = self.earlier_is_usable && self.earlier.covers(total);
        if earlier_fits && len <= MAX_TO_PREFER_REPEAT {
            return Some(WITH_EARLIER_CODE);
        }
        self.latest.rebuild(total, len);
        let start = sink.len();
        self.latest.describe(sink)?;
        let description = sink.len() - start;
        let description_is_long = description + 12 >= len;
        if earlier_fits {
            let with_earlier = self.earlier.bits(total) / 8;
            let with_latest = self.latest.bits(total) / 8;
            if with_earlier <= description + with_latest || description_is_long {
                sink.cut(start);
                return Some(WITH_EARLIER_CODE);
            }
        }
        (!description_is_long).then_some(COMPRESSED)
    }
}

/// Writes the sizes of the first three streams, then the four streams.
fn four_huffman_streams<S: Sink>(code: &Code, literals: &[u8], counts: &[Counts; 4], sink: &mut S) {
    let sizes = sink.len();
    sink.push(&[0; 6]);
    for (index, (part, counts)) in literals
        .chunks(literals.len().div_ceil(4))
        .zip(counts)
        .enumerate()
    {
        let start = sink.len();
        sink.huffman_stream(code, part, counts);
        if index < 3 {
            let size = (sink.len() - start) as u16;
            sink.patch(sizes + 2 * index, &size.to_le_bytes());
        }
    }
}

/// Writes the header of literals that are raw or one byte repeated.
fn section_header<S: Sink>(kind: u32, len: usize, sink: &mut S) {
    let (format, shift, size) = match len {
        0..=31 => (0, 3, 1),
        32..=4095 => (1 << 2, 4, 2),
        _ => (3 << 2, 4, 3),
    };
    let fields = kind | format | (len as u32) << shift;
    sink.push(&fields.to_le_bytes()[..size]);
}

/// Whether the most frequent byte of the samples is about as rare as in random bytes.
fn looks_random(literals: &[u8]) -> bool {
    let commonest = |sample: &[u8]| {
        let mut counts = [0; 256];
        histogram::add(sample, &mut counts);
        histogram::largest(&counts) as usize
    };
    let sum = commonest(&literals[..SAMPLE]) + commonest(&literals[literals.len() - SAMPLE..]);
    sum <= ((2 * SAMPLE) >> 7) + 4
}
