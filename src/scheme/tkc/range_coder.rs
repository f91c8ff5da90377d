//! Codes symbols at given probabilities, each in as many bits as it carries information: what `tkc` needs of a range coder.
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

use super::distribution::{MIXTURE_BITS, Mixture};

/// What a model runs on: an encoder, a decoder, or a counter of bits.
pub(super) trait Coder {
    /// Codes `symbol` with its probability in `mixture`; symbols other than 0 with a sign, which takes one bit more. Returns both, which a
    /// decoder reads.
    fn symbol(&mut self, mixture: &Mixture, symbol: usize, is_negative: bool) -> (usize, bool);

    /// Codes `value`, which is below `count`, with equal probabilities; `count` is from 2 to 2^16.
    fn uniform(&mut self, value: u32, count: u32) -> u32;

    /// Codes the low `count` bits of `value`, at most 24, with equal probabilities: in pieces of at most eight, the highest first.
    fn plain(&mut self, value: u32, count: u32) -> u32 {
        let (mut left, mut coded) = (count, 0);
        while left > 0 {
            let bits = left.min(MAX_PLAIN);
            left -= bits;
            let values = 1 << bits;
            coded = coded << bits | self.uniform((value >> left) % values, values);
        }
        coded
    }
}

/// Largest number of bits that are coded at once with equal probabilities.
const MAX_PLAIN: u32 = 8;

/// Bits of the probability of a symbol with its sign.
const SIGNED_BITS: usize = MIXTURE_BITS as usize + 1;

/// Equal probabilities.
type Uniform = UniformModel<u32, 16>;

/// The symbols of a mixture with their signs.
#[derive(Clone, Copy, Debug)]
struct Signed<'a>(&'a Mixture);

impl Signed<'_> {
    /// Where the range of a symbol with its sign begins, and its probability, in units of 2^-17. Branch-free, since neither can be predicted.
    #[inline(always)]
    fn part(self, symbol: usize, is_negative: bool) -> (u32, NonZeroU32) {
        let probability = self.0.probability(symbol);
        let start = 2 * self.0.before(symbol) + probability * u32::from(is_negative);
        let probability = probability << u32::from(symbol == 0);
        (
            start,
            NonZeroU32::new(probability).unwrap_or(NonZeroU32::MIN),
        )
    }
}

impl EntropyModel<SIGNED_BITS> for Signed<'_> {
    type Symbol = (usize, bool);
    type Probability = u32;
}

impl EncoderModel<SIGNED_BITS> for Signed<'_> {
    #[inline(always)]
    fn left_cumulative_and_probability(
        &self,
        symbol: impl Borrow<(usize, bool)>,
    ) -> Option<(u32, NonZeroU32)> {
        let &(symbol, is_negative) = symbol.borrow();
        Some(self.part(symbol, is_negative & (symbol != 0)))
    }
}

impl DecoderModel<SIGNED_BITS> for Signed<'_> {
    #[inline(always)]
    fn quantile_function(&self, quantile: u32) -> ((usize, bool), u32, NonZeroU32) {
        let symbol = self.0.symbol_at(quantile >> 1);
        let middle = 2 * self.0.before(symbol) + self.0.probability(symbol);
        let is_negative = (symbol != 0) & (quantile >= middle);
        let (start, probability) = self.part(symbol, is_negative);
        ((symbol, is_negative), start, probability)
    }
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
    #[inline(always)]
    fn symbol(&mut self, mixture: &Mixture, symbol: usize, is_negative: bool) -> (usize, bool) {
        // No probability is 0 and memory is growable, so encoding can't fail.
        let coded = (self.0).encode_symbol((symbol, is_negative), Signed(mixture));
        debug_assert!(coded.is_ok(), "a probability of 0");
        (symbol, is_negative)
    }

    // Not inlined: a copy at each place where a model calls it would add kilobytes to a wasm module.
    #[inline(never)]
    fn uniform(&mut self, value: u32, count: u32) -> u32 {
        let coded = (self.0).encode_symbol(value as usize, Uniform::new(count as usize));
        debug_assert!(coded.is_ok(), "{value} is not below {count}");
        value
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
    #[inline(always)]
    fn symbol(&mut self, mixture: &Mixture, _: usize, _: bool) -> (usize, bool) {
        match self.coder.decode_symbol(Signed(mixture)) {
            Ok(symbol) => symbol,
            Err(_) => self.refuse(),
        }
    }

    #[inline(never)]
    fn uniform(&mut self, _: u32, count: u32) -> u32 {
        match self.coder.decode_symbol(Uniform::new(count as usize)) {
            Ok(value) => value as u32,
            Err(_) => self.refuse(),
        }
    }
}

/// Counts the bits that an encoder would write.
#[derive(Debug)]
pub(super) struct BitCounter {
    /// Number of bits, in units of 2^-16.
    sum: u64,
    logarithms: &'static Logarithms,
}

impl BitCounter {
    /// A counter at zero.
    pub fn new() -> Self {
        Self {
            sum: 0,
            logarithms: logarithms(),
        }
    }

    /// Number of bits so far.
    pub fn bits(&self) -> f64 {
        self.sum as f64 / f64::from(BIT)
    }

    /// The binary logarithm of a number other than 0, in units of 2^-16.
    #[inline(always)]
    fn logarithm(&self, number: u32) -> u32 {
        let zeros = number.leading_zeros();
        let mantissa = (number << zeros) << 1 >> (32 - LOGARITHM_BITS);
        (31 - zeros) * BIT + self.logarithms[mantissa as usize % self.logarithms.len()]
    }
}

/// A bit as the counter counts it.
const BIT: u32 = 1 << 16;

/// Bits of a mantissa whose logarithm is looked up.
const LOGARITHM_BITS: u32 = 12;

/// Logarithms of mantissas from 1 to 2, in units of 2^-16.
type Logarithms = [u32; 1 << LOGARITHM_BITS];

fn logarithms() -> &'static Logarithms {
    static TABLE: std::sync::LazyLock<Box<Logarithms>> = std::sync::LazyLock::new(|| {
        let mantissa = |place: usize| 1.0 + (place as f64 + 0.5) / f64::from(1 << LOGARITHM_BITS);
        Box::new(std::array::from_fn(|place| {
            (f64::from(BIT) * libm::log2(mantissa(place))) as u32
        }))
    });
    &TABLE
}

impl Coder for BitCounter {
    #[inline(always)]
    fn symbol(&mut self, mixture: &Mixture, symbol: usize, is_negative: bool) -> (usize, bool) {
        let (_, probability) = Signed(mixture).part(symbol, is_negative);
        self.sum += u64::from(SIGNED_BITS as u32 * BIT - self.logarithm(probability.get()));
        (symbol, is_negative)
    }

    #[inline(always)]
    fn uniform(&mut self, value: u32, count: u32) -> u32 {
        self.sum += u64::from(self.logarithm(count));
        value
    }

    #[inline(always)]
    fn plain(&mut self, value: u32, count: u32) -> u32 {
        self.sum += u64::from(count * BIT);
        value
    }
}
