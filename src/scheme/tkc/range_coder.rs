//! A binary range coder: yes or no at a probability that both sides know, in as many bits as that is worth.
//!
//! G. N. N. Martin, "Range encoding", 1979; here with a range of 64 bits that gives out 32 at a time, and carries added to what is
//! written already.

/// Bits of a probability.
pub(super) const PROBABILITY_BITS: u32 = 16;

/// What a model is run by: an encoder, a decoder, or a counter of bits.
pub(super) trait Coder {
    /// Codes `bit`, which is set with `probability` of 2^16 (never 0 or 2^16); gives the bit, which for a decoder is the stored one.
    fn bit(&mut self, bit: bool, probability: u32) -> bool;

    /// Codes the lowest `count` bits of `value` (at most 24) at even odds.
    fn plain(&mut self, value: u32, count: u32) -> u32;
}

/// Writes.
#[derive(Debug)]
pub(super) struct Encoder {
    low: u64,
    range: u64,
    out: Vec<u8>,
}

impl Encoder {
    /// An encoder that has written nothing.
    pub fn new() -> Self {
        Self {
            low: 0,
            range: u64::MAX,
            out: Vec::new(),
        }
    }

    #[inline(always)]
    fn advance(&mut self, by: u64) {
        let (low, carry) = self.low.overflowing_add(by);
        self.low = low;
        if carry {
            self.carry();
        }
    }

    #[inline(always)]
    fn give_out(&mut self) {
        if self.range >> 32 == 0 {
            self.out
                .extend_from_slice(&((self.low >> 32) as u32).to_be_bytes());
            self.low <<= 32;
            self.range <<= 32;
        }
    }

    #[cold]
    fn carry(&mut self) {
        for byte in self.out.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
    }

    /// The bytes. The last word is as short as it can be: a decoder takes what is missing for zeros.
    pub fn finish(mut self) -> Vec<u8> {
        // The shortest number within the range: the highest byte at which its ends differ decides.
        let end = self.low.wrapping_add(self.range - 1);
        let end_carried = end < self.low;
        for bytes in 1..=8 {
            let unit = 1u64.checked_shl(64 - 8 * bytes).unwrap_or(1);
            let rounded = self.low.checked_add(unit - 1).map(|sum| sum & !(unit - 1));
            let fits = match rounded {
                Some(number) => end_carried || number <= end,
                None => end_carried,
            };
            if fits {
                let number = rounded.unwrap_or(0);
                if rounded.is_none() {
                    self.carry();
                }
                self.out
                    .extend_from_slice(&number.to_be_bytes()[..bytes as usize]);
                break;
            }
        }
        self.out
    }
}

impl Coder for Encoder {
    #[inline(always)]
    fn bit(&mut self, bit: bool, probability: u32) -> bool {
        let bound = (self.range >> PROBABILITY_BITS) * u64::from(probability);
        if bit {
            self.range = bound;
        } else {
            self.advance(bound);
            self.range -= bound;
        }
        self.give_out();
        bit
    }

    #[inline(always)]
    fn plain(&mut self, value: u32, count: u32) -> u32 {
        self.range >>= count;
        self.advance(self.range * u64::from(value));
        self.give_out();
        value
    }
}

/// Reads; past the end there are zeros, and [`Decoder::is_past_end`] tells of it.
#[derive(Debug)]
pub(super) struct Decoder<'a> {
    /// How far the stored number lies above the low end of the range.
    above: u64,
    range: u64,
    rest: &'a [u8],
    missing: usize,
}

impl<'a> Decoder<'a> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut decoder = Self {
            above: 0,
            range: u64::MAX,
            rest: bytes,
            missing: 0,
        };
        decoder.take_in();
        decoder.take_in();
        decoder
    }

    #[inline(always)]
    fn take_in(&mut self) {
        let word = match self.rest.split_first_chunk::<4>() {
            Some((word, rest)) => {
                self.rest = rest;
                u32::from_be_bytes(*word)
            }
            None => self.last(),
        };
        self.above = self.above << 32 | u64::from(word);
    }

    #[cold]
    fn last(&mut self) -> u32 {
        let mut word = [0; 4];
        word[..self.rest.len()].copy_from_slice(self.rest);
        self.missing += 4 - self.rest.len();
        self.rest = &[];
        u32::from_be_bytes(word)
    }

    /// Whether what was read is what an encoder wrote, as far as its length tells: all of it, and of zeros beyond it no more than
    /// an encoder leaves out.
    pub fn is_complete(&self) -> bool {
        self.rest.is_empty() && self.missing < 8
    }
}

impl Coder for Decoder<'_> {
    #[inline(always)]
    fn bit(&mut self, _: bool, probability: u32) -> bool {
        let bound = (self.range >> PROBABILITY_BITS) * u64::from(probability);
        let bit = self.above < bound;
        if bit {
            self.range = bound;
        } else {
            self.above -= bound;
            self.range -= bound;
        }
        if self.range >> 32 == 0 {
            self.take_in();
            self.range <<= 32;
        }
        bit
    }

    #[inline(always)]
    fn plain(&mut self, _: u32, count: u32) -> u32 {
        self.range >>= count;
        let value = (self.above / self.range).min((1 << count) - 1);
        self.above -= value * self.range;
        if self.range >> 32 == 0 {
            self.take_in();
            self.range <<= 32;
        }
        value as u32
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
