//! Destinations of a frame: a vector, or a counter that keeps only its length. The encoder is written once, generic
//! over both.

use super::histogram::Counts;
use super::huffman_code;

/// Receives the bytes of a frame in order; sections whose header depends on their size are written first and patched.
pub(super) trait Sink {
    type Bits<'a>: BitSink
    where
        Self: 'a;

    /// Number of bytes so far.
    fn len(&self) -> usize;
    fn push(&mut self, bytes: &[u8]);
    /// Overwrites bytes that were pushed before.
    fn patch(&mut self, at: usize, bytes: &[u8]);
    /// Discards everything after `len`.
    fn cut(&mut self, len: usize);
    /// Starts a bitstream here; it must be finished.
    fn bits(&mut self) -> Self::Bits<'_>;
    /// One Huffman-coded stream (RFC 8878, section 4.2.2) of `symbols`, whose histogram is `counts`.
    fn huffman_stream(&mut self, code: &huffman_code::Code, symbols: &[u8], counts: &Counts);
}

/// A bitstream that is read backwards: least significant bits first, closed by a 1 bit and padded with zeros.
pub(super) trait BitSink {
    /// Whether the bits are kept, not only counted.
    const KEEPS: bool;
    /// Counts bits without their values, if they aren't kept.
    fn add(&mut self, count: usize);
    /// Appends the `count <= 32` low bits of `value`.
    fn put(&mut self, value: u32, count: u32);
    /// Pads to a byte, after a 1 bit if a decoder has to find the end.
    fn finish(self, end_mark: bool);
}

/// Counts the size of a frame without storing it.
#[derive(Default)]
pub(super) struct Counter(usize);

pub(super) struct BitCounter<'a> {
    bytes: &'a mut usize,
    bits: usize,
}

impl Sink for Counter {
    type Bits<'a> = BitCounter<'a>;

    #[inline]
    fn len(&self) -> usize {
        self.0
    }

    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    #[inline]
    fn patch(&mut self, _: usize, _: &[u8]) {}

    #[inline]
    fn cut(&mut self, len: usize) {
        self.0 = len;
    }

    #[inline]
    fn bits(&mut self) -> BitCounter<'_> {
        BitCounter {
            bytes: &mut self.0,
            bits: 0,
        }
    }

    #[inline]
    fn huffman_stream(&mut self, code: &huffman_code::Code, _: &[u8], counts: &Counts) {
        self.0 += code.bits(counts) / 8 + 1;
    }
}

impl BitSink for BitCounter<'_> {
    const KEEPS: bool = false;

    #[inline]
    fn add(&mut self, count: usize) {
        self.bits += count;
    }

    #[inline]
    fn put(&mut self, _: u32, count: u32) {
        self.bits += count as usize;
    }

    #[inline]
    fn finish(self, end_mark: bool) {
        *self.bytes += (self.bits + usize::from(end_mark)).div_ceil(8);
    }
}

pub(super) struct BitWriter<'a> {
    bytes: &'a mut Vec<u8>,
    held: u64,
    held_bits: u32,
}

impl Sink for Vec<u8> {
    type Bits<'a> = BitWriter<'a>;

    fn len(&self) -> usize {
        Vec::len(self)
    }

    fn push(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    fn patch(&mut self, at: usize, bytes: &[u8]) {
        self[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn cut(&mut self, len: usize) {
        self.truncate(len);
    }

    fn bits(&mut self) -> BitWriter<'_> {
        BitWriter {
            bytes: self,
            held: 0,
            held_bits: 0,
        }
    }

    fn huffman_stream(&mut self, code: &huffman_code::Code, symbols: &[u8], _: &Counts) {
        const WORD: usize = 8;
        let codes = code.values();
        let mut at = self.len();
        self.resize(
            at + symbols.len() * huffman_code::MAX_BITS as usize / 8 + 2 * WORD,
            0,
        );
        let (mut held, mut held_bits) = (0u64, 0u32);
        let mut put = |symbols: &[u8]| {
            for &symbol in symbols.iter().rev() {
                let (value, length) = codes[usize::from(symbol)];
                held |= u64::from(value) << held_bits;
                held_bits += u32::from(length);
            }
            self[at..at + WORD].copy_from_slice(&held.to_le_bytes());
            at += (held_bits / 8) as usize;
            held >>= held_bits & !7;
            held_bits %= 8;
        };
        // Five codes and the rest of a byte fit into a word.
        let (first, fives) = symbols.as_rchunks::<5>();
        for five in fives.iter().rev() {
            put(five);
        }
        put(first);
        let end = at + 1;
        self[at] = (held | 1 << held_bits) as u8;
        self.truncate(end);
    }
}

impl BitSink for BitWriter<'_> {
    const KEEPS: bool = true;

    fn add(&mut self, _: usize) {}

    #[inline]
    fn put(&mut self, value: u32, count: u32) {
        debug_assert!(count <= 32 && self.held_bits < 32);
        self.held |= (u64::from(value) & ((1 << count) - 1)) << self.held_bits;
        self.held_bits += count;
        if self.held_bits >= 32 {
            self.bytes
                .extend_from_slice(&(self.held as u32).to_le_bytes());
            self.held >>= 32;
            self.held_bits -= 32;
        }
    }

    fn finish(mut self, end_mark: bool) {
        self.put(1, u32::from(end_mark));
        let rest = self.held_bits.div_ceil(8) as usize;
        self.bytes
            .extend_from_slice(&self.held.to_le_bytes()[..rest]);
    }
}
