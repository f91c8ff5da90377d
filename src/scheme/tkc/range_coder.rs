//! Codes bits at given probabilities, each in as many bits as it carries information: what `tkc` needs of a range coder.
//!
//! The coder is `constriction`'s, with 32-bit words and 64 bits of state. It shares an interface with a counter of bits, which measures
//! sizes without writing anything.

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

/// What a model runs on: an encoder, a decoder, or a counter of bits.
pub(super) trait Coder {
    /// Codes `bit`, whose probability of being set is `probability` / 2^16 (never 0 or 1); returns the bit, which a decoder reads.
    fn bit(&mut self, bit: bool, probability: u32) -> bool;

    /// Codes the low `count` bits of `value`, at most 24, with equal probabilities.
    fn plain(&mut self, value: u32, count: u32) -> u32;
}

/// A bit that is set with this probability, in units of 2^-16; set bits have the lower part of the range.
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

/// Largest number of bits that are coded at once with equal probabilities.
const MAX_PLAIN: u32 = 8;

/// Equal probabilities for all values of some bits.
type Plain = UniformModel<u32, PRECISION>;

/// Splits the low `count` bits of `value` into pieces, the highest first; `code` returns what it coded.
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

/// Writes bits to memory.
#[derive(Debug, Default)]
pub(super) struct Encoder(RangeEncoder<u32, u64>);

impl Encoder {
    /// An encoder without output.
    pub fn new() -> Self {
        Self::default()
    }

    /// The encoded bytes: whole words, big-endian.
    pub fn finish(self) -> Vec<u8> {
        let words = self.0.into_compressed().unwrap_infallible();
        words.into_iter().flat_map(u32::to_be_bytes).collect()
    }
}

impl Coder for Encoder {
    // Not inlined: a copy in each decision of a model would add kilobytes to a wasm module.
    #[inline(never)]
    fn bit(&mut self, bit: bool, probability: u32) -> bool {
        // No probability is 0 and memory is growable, so encoding can't fail.
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

/// Reads bits. Past the end, and where no encoder could have written the bytes, it reads zeros; [`Decoder::finish`] tells.
#[derive(Debug)]
pub(super) struct Decoder<'a> {
    coder: RangeDecoder<u32, u64, Words<'a>>,
    is_valid: bool,
}

/// The words of a stream, followed by zeros.
#[derive(Debug)]
struct Words<'a> {
    rest: &'a [u8],
    /// Number of requested bytes past the end.
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
    /// A decoder at the start of `bytes`.
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

    /// Whether the bytes are those of an encoder, as far as that can be determined: all were read, and no more than the two words beyond
    /// the end by which a decoder looks ahead.
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
    // Not inlined: a copy in each decision of a model would add kilobytes to a wasm module.
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

/// Counts the bits that an encoder would write.
#[derive(Debug)]
pub(super) struct BitCounter {
    /// Number of bits, in units of 2^-16.
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

    /// Number of bits so far.
    pub fn bits(&self) -> f64 {
        self.sum as f64 / 65536.0
    }
}

/// Entries in the table of costs: probabilities are rounded to 2^-12.
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
