//! Yes or no at a probability that both sides know, in as many bits as that is worth: what `tkc` asks of a range coder.
//!
//! The coder is `constriction`'s, with words of 32 bits and a state of 64. It shares an interface with a counter of bits, by which sizes
//! are told without writing anything.

use std::borrow::Borrow;
use std::convert::Infallible;
use std::num::NonZeroU32;

use constriction::backends::ReadWords;
use constriction::stream::model::{DecoderModel, EncoderModel, EntropyModel, UniformModel};
use constriction::stream::queue::{RangeDecoder, RangeEncoder};
use constriction::stream::{Decode, Encode};
use constriction::{Queue, UnwrapInfallible};

/// Bits of a probability.
pub(super) const PROBABILITY_BITS: u32 = 16;

const PRECISION: usize = PROBABILITY_BITS as usize;

/// What a model is run by: an encoder, a decoder, or a counter of bits.
pub(super) trait Coder {
    /// Codes `bit`, which is set with `probability` of 2^16 (never 0 or 2^16); gives the bit, which for a decoder is the stored one.
    fn bit(&mut self, bit: bool, probability: u32) -> bool;

    /// Codes the lowest `count` bits of `value` (at most 24) at even odds.
    fn plain(&mut self, value: u32, count: u32) -> u32;
}

/// A bit that is set with this probability of 2^16: the lower part of the range.
#[derive(Clone, Copy, Debug)]
struct Bit(u32);

impl EntropyModel<PRECISION> for Bit {
    type Symbol = bool;
    type Probability = u32;
}

impl EncoderModel<PRECISION> for Bit {
    #[inline(always)]
    fn left_cumulative_and_probability(&self, bit: impl Borrow<bool>) -> Option<(u32, NonZeroU32)> {
        let (left, probability) = match *bit.borrow() {
            true => (0, self.0),
            false => (self.0, (1 << PROBABILITY_BITS) - self.0),
        };
        Some((left, NonZeroU32::new(probability)?))
    }
}

impl DecoderModel<PRECISION> for Bit {
    #[inline(always)]
    fn quantile_function(&self, quantile: u32) -> (bool, u32, NonZeroU32) {
        let bit = quantile < self.0;
        let (left, probability) = match bit {
            true => (0, self.0),
            false => (self.0, (1 << PROBABILITY_BITS) - self.0),
        };
        (
            bit,
            left,
            NonZeroU32::new(probability).unwrap_or(NonZeroU32::MIN),
        )
    }
}

/// So many bits at most are coded at once at even odds.
const MAX_PLAIN: u32 = 8;

/// Even odds for all values of some bits.
type Plain = UniformModel<u32, PRECISION>;

/// The `count` lowest bits of `value` in pieces, the highest first; `code` gives what it coded.
fn in_pieces(value: u32, count: u32, mut code: impl FnMut(Plain, usize) -> usize) -> u32 {
    let (mut left, mut coded) = (count, 0);
    while left > 0 {
        let bits = left.min(MAX_PLAIN);
        left -= bits;
        let values = 1 << bits;
        let piece = (value >> left) as usize % values;
        coded = coded << bits | code(Plain::new(values), piece) as u32;
    }
    coded
}

/// Writes.
#[derive(Debug, Default)]
pub(super) struct Encoder(RangeEncoder<u32, u64>);

impl Encoder {
    /// An encoder that has written nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes: whole words, big-endian.
    pub fn finish(self) -> Vec<u8> {
        let words = self.0.into_compressed().unwrap_infallible();
        words.into_iter().flat_map(u32::to_be_bytes).collect()
    }
}

impl Coder for Encoder {
    // A call: inlined into each question of a model this is kilobytes of a wasm module.
    #[inline(never)]
    fn bit(&mut self, bit: bool, probability: u32) -> bool {
        // Every probability is above 0 and memory has no end, so the crate has nothing to refuse.
        let coded = self.0.encode_symbol(bit, Bit(probability));
        debug_assert!(coded.is_ok(), "a probability of 0 or 2^16");
        bit
    }

    #[inline(never)]
    fn plain(&mut self, value: u32, count: u32) -> u32 {
        in_pieces(value, count, |model, piece| {
            let coded = self.0.encode_symbol(piece, model);
            debug_assert!(coded.is_ok(), "a piece of too many bits");
            piece
        })
    }
}

/// Reads. Past the end there are zeros, and what no encoder wrote is read as zeros: [`Decoder::finish`] tells of both.
#[derive(Debug)]
pub(super) struct Decoder<'a> {
    coder: RangeDecoder<u32, u64, Words<'a>>,
    is_valid: bool,
}

/// The words of a stream, then zeros.
#[derive(Debug)]
struct Words<'a> {
    rest: &'a [u8],
    /// Bytes that were asked for and are not there.
    missing: usize,
}

impl ReadWords<u32, Queue> for Words<'_> {
    type ReadError = Infallible;

    #[inline(always)]
    fn read(&mut self) -> Result<Option<u32>, Infallible> {
        Ok(Some(match self.rest.split_first_chunk::<4>() {
            Some((word, rest)) => {
                self.rest = rest;
                u32::from_be_bytes(*word)
            }
            None => {
                self.missing += 4;
                0
            }
        }))
    }
}

impl<'a> Decoder<'a> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        let words = Words {
            rest: bytes,
            missing: 0,
        };
        Self {
            coder: RangeDecoder::with_backend(words).unwrap_infallible(),
            is_valid: true,
        }
    }

    /// Whether what was read is what an encoder wrote, as far as that can be told: all of it, and no more than the two words beyond it
    /// that a decoder looks ahead.
    pub fn finish(self) -> bool {
        let (words, ..) = self.coder.into_raw_parts();
        self.is_valid && words.rest.is_empty() && words.missing <= 8
    }

    #[cold]
    fn refuse<T: Default>(&mut self) -> T {
        self.is_valid = false;
        T::default()
    }
}

impl Coder for Decoder<'_> {
    // A call: inlined into each question of a model this is kilobytes of a wasm module.
    #[inline(never)]
    fn bit(&mut self, _: bool, probability: u32) -> bool {
        match self.coder.decode_symbol(Bit(probability)) {
            Ok(bit) => bit,
            Err(_) => self.refuse(),
        }
    }

    #[inline(never)]
    fn plain(&mut self, value: u32, count: u32) -> u32 {
        in_pieces(value, count, |model, _| {
            match self.coder.decode_symbol(model) {
                Ok(piece) => piece,
                Err(_) => self.refuse(),
            }
        })
    }
}

/// Counts what an encoder would write.
#[derive(Debug)]
pub(super) struct BitCounter {
    /// In 2^-16 bits.
    sum: u64,
    costs: &'static [u32; COSTS],
}

impl BitCounter {
    /// A counter at zero.
    pub fn new() -> Self {
        Self {
            sum: 0,
            costs: costs(),
        }
    }

    /// Bits so far.
    pub fn bits(&self) -> f64 {
        self.sum as f64 / 65536.0
    }
}

/// Entries of the table of costs: probabilities are told apart in 2^12 steps.
const COSTS: usize = 4096;

fn costs() -> &'static [u32; COSTS] {
    static TABLE: std::sync::LazyLock<Box<[u32; COSTS]>> = std::sync::LazyLock::new(|| {
        let cost = |p: usize| -65536.0 * libm::log2((p as f64 + 0.5) / COSTS as f64);
        Box::new(std::array::from_fn(|p| cost(p) as u32))
    });
    &TABLE
}

impl Coder for BitCounter {
    #[inline(always)]
    fn bit(&mut self, bit: bool, probability: u32) -> bool {
        let probability = if bit {
            probability
        } else {
            (1 << PROBABILITY_BITS) - probability
        };
        self.sum += u64::from(self.costs[(probability >> 4) as usize % COSTS]);
        bit
    }

    #[inline(always)]
    fn plain(&mut self, value: u32, count: u32) -> u32 {
        self.sum += u64::from(count) << 16;
        value
    }
}
