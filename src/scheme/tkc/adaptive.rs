//! Adaptive probabilities: counters of binary events, and mixing of two of them.
//!
//! Counters average what they have seen, and are mixed in the logistic domain with learned weights: Mahoney, "Adaptive Weighing of Context
//! Models for Lossless Data Compression", 2005. All in integers; the two tables come from `libm`, so that they are the same on all
//! platforms.

use std::sync::LazyLock;

use super::range_coder::Coder;

/// Number of observations after which a counter's rate of adaptation stays constant.
const LIMIT: u32 = 255;

/// Probability of a set bit in 22 bits, and the number of observations in 10.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counter(u32);

impl Default for Counter {
    fn default() -> Self {
        Self(1 << 31)
    }
}

impl Counter {
    /// The probability in units of 2^-12.
    #[inline(always)]
    fn probability(self) -> usize {
        (self.0 >> 20) as usize
    }

    #[inline(always)]
    fn learn(&mut self, bit: bool, tables: &Tables) {
        let seen = self.0 & 1023;
        let target = if bit { (1 << 22) - 1 } else { 0 };
        let error = target - (self.0 >> 10) as i32;
        let step = (i64::from(error) * i64::from(tables.rates[seen as usize])) >> 16;
        // Every rate is below 1, so a step stops short of the target and the sum stays within 22 bits.
        let moved = self.0.wrapping_add((step as u32) << 10);
        self.0 = moved + u32::from(seen < LIMIT);
    }

    /// Codes a bit with this counter alone.
    #[inline(always)]
    pub fn code(&mut self, coder: &mut impl Coder, bit: bool, tables: &Tables) -> bool {
        let probability = (self.0 >> 16).clamp(MIN_PROBABILITY, (1 << 16) - MIN_PROBABILITY);
        let bit = coder.bit(bit, probability);
        self.learn(bit, tables);
        bit
    }
}

/// Smallest probability, in units of 2^-16.
const MIN_PROBABILITY: u32 = 12;

/// Fractional bits of a logit.
const LOGIT_BITS: u32 = 8;

/// Logits are clamped to plus or minus this, in units of 2^-8.
const MAX_LOGIT: i32 = 2047;

/// Weights by which two counters' logits make a bit's logit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mixer([i32; 2]);

impl Default for Mixer {
    fn default() -> Self {
        Self([36_000; 2])
    }
}

impl Mixer {
    /// Codes a bit with both counters, then updates counters and weights.
    #[inline(always)]
    pub fn code(
        &mut self,
        coder: &mut impl Coder,
        bit: bool,
        a: &mut Counter,
        b: &mut Counter,
        tables: &Tables,
    ) -> bool {
        let logit = |counter: &Counter| i32::from(tables.logits[counter.probability() & 4095]);
        let logits = [logit(a), logit(b)];
        let sum = (logits[0] * (self.0[0] >> 2) + logits[1] * (self.0[1] >> 2)) >> 14;
        let logit = bounded(sum, MAX_LOGIT);
        let probability = u32::from(tables.probabilities[(logit + MAX_LOGIT + 1) as usize & 4095]);
        let bit = coder.bit(bit, probability);
        let error = (if bit { 1 << 16 } else { 0 }) - probability as i32;
        let learned = |weight: i32, logit: i32| {
            bounded(weight + ((logit * (error >> 2)) >> RATE), MAX_WEIGHT)
        };
        self.0 = [learned(self.0[0], logits[0]), learned(self.0[1], logits[1])];
        a.learn(bit, tables);
        b.learn(bit, tables);
        bit
    }
}

/// `value`, clamped to plus or minus `bound`. One comparison finds the usual case, in which nothing is clamped: the model and the range
/// coder by themselves take 8 % less time to encode than with `clamp`, which compares twice.
#[inline(always)]
fn bounded(value: i32, bound: i32) -> i32 {
    #[cold]
    #[inline(never)]
    fn clamped(value: i32, bound: i32) -> i32 {
        value.clamp(-bound, bound)
    }
    let is_within = (value + bound) as u32 <= 2 * bound as u32;
    if is_within {
        value
    } else {
        clamped(value, bound)
    }
}

/// Largest weight, in units of 2^-16.
const MAX_WEIGHT: i32 = 1 << 18;

/// Learning rate of the weights, as a right shift.
const RATE: u32 = 15;

/// Lookup tables of counters and mixers.
#[derive(Debug)]
pub(super) struct Tables {
    /// Logit of a probability in units of 2^-12.
    logits: [i16; 4096],
    /// Probability, in units of 2^-16, of a logit.
    probabilities: [u16; 4096],
    /// Rate of adaptation by the number of observations, in units of 2^-16.
    rates: [u16; 1024],
}

/// The tables, computed once.
pub(super) fn tables() -> &'static Tables {
    static TABLES: LazyLock<Box<Tables>> = LazyLock::new(|| {
        let one = f64::from(1 << LOGIT_BITS);
        let logit = |p: f64| (libm::log(p / (1.0 - p)) * one).round_ties_even();
        let probability = |logit: f64| 65536.0 / (1.0 + libm::exp(-logit / one));
        let clamp = |p: f64| p.clamp(MIN_PROBABILITY.into(), (65536 - MIN_PROBABILITY).into());
        Box::new(Tables {
            logits: std::array::from_fn(|p| logit((p as f64 + 0.5) / 4096.0) as i16),
            probabilities: std::array::from_fn(|index| {
                clamp(probability(index as f64 - f64::from(MAX_LOGIT + 1))) as u16
            }),
            rates: std::array::from_fn(|seen| (65536.0 / (seen as f64 + 1.6)) as u16),
        })
    });
    &TABLES
}
