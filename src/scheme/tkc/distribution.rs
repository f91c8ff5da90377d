//! Adaptive distributions of symbols, and the mixture of two of them.
//!
//! A distribution is a table of cumulative probabilities that moves towards each symbol it sees, quickly at first and slowly later (Giesen,
//! "Models for adaptive arithmetic coding", 2015). All entries move by the same few operations on integers, which compilers turn into vector
//! instructions. `libm` makes the table that a distribution starts with, so that it is the same on all platforms.

/// Number of symbols.
pub(super) const SYMBOLS: usize = 16;

/// Bits of the entries of a mixture.
pub(super) const MIXTURE_BITS: u32 = 16;

/// Entries of a mixture before the end of its first symbol. The last of them is 0, where that symbol begins; with the others, the ends
/// are whole vectors of eight, which compilers then compute and store as such.
const AHEAD: usize = 8;

/// Probabilities of the symbols up to each one, in units of 2^-16, behind [`AHEAD`] zeros. No symbol has less than four units.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mixture([i32; AHEAD + SYMBOLS]);

impl Mixture {
    /// The probability of the symbols before `symbol`.
    #[inline(always)]
    pub fn before(&self, symbol: usize) -> u32 {
        self.0[AHEAD + symbol - 1] as u32
    }

    /// The probability of `symbol`.
    #[inline(always)]
    pub fn probability(&self, symbol: usize) -> u32 {
        (self.0[AHEAD + symbol] - self.0[AHEAD + symbol - 1]) as u32
    }

    /// The symbol whose range of cumulative probabilities contains `place`, which is below 2^16.
    #[inline(always)]
    pub fn symbol_at(&self, place: u32) -> usize {
        // Branches, though half of them are mispredicted: a comparison with all ends at once takes longer, since the next steps have to wait for it.
        let ends = &self.0[AHEAD..];
        let symbol = ends.iter().position(|&end| place < end as u32);
        symbol.unwrap_or(SYMBOLS - 1)
    }
}

/// Bits of the entries of a distribution.
const BITS: u32 = 22;
const WHOLE: i32 = 1 << BITS;

/// Smallest probability of a symbol in a distribution. Learning and mixing preserve it: entries this far apart stay this far apart when both move
/// by the same fraction of their way, rounded down.
const MIN_PROBABILITY: i32 = 4 << (BITS - MIXTURE_BITS);

/// Probability that is left after every symbol has its smallest one.
const FREE: i32 = WHOLE - SYMBOLS as i32 * MIN_PROBABILITY;

/// The entries if all symbols had the smallest probability.
const FLOOR: [i32; SYMBOLS] = {
    let mut floor = [0; SYMBOLS];
    let mut symbol = 0;
    while symbol < SYMBOLS {
        floor[symbol] = (symbol as i32 + 1) * MIN_PROBABILITY;
        symbol += 1;
    }
    floor
};

/// For each symbol, the entries if it had all of [`FREE`]. A table, since computing the entries would take longer than the rest of learning.
static CERTAIN: [[i32; SYMBOLS]; SYMBOLS] = {
    let mut certain = [FLOOR; SYMBOLS];
    let mut symbol = 0;
    while symbol < SYMBOLS {
        let mut place = symbol;
        while place < SYMBOLS {
            certain[symbol][place] += FREE;
            place += 1;
        }
        symbol += 1;
    }
    certain
};

/// Probabilities of the symbols up to each one, in units of 2^-22, and how far they have been learned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Distribution {
    entries: [i32; SYMBOLS],
    /// Number of symbols seen, as far as it matters for the next step.
    seen: u32,
}

impl Distribution {
    /// The distribution of magnitudes with this mean, if they fall off exponentially; the last symbol has all from 15 on. It counts as
    /// learned from `seen` symbols.
    pub fn of_magnitudes(mean: f64, seen: u32) -> Self {
        let up_to = |symbol: usize| 1.0 - libm::exp(-(symbol as f64 + 0.5) / mean);
        let entry = |symbol: usize| FLOOR[symbol] + (f64::from(FREE) * up_to(symbol)) as i32;
        let mut entries = std::array::from_fn(entry);
        entries[SYMBOLS - 1] = WHOLE;
        Self { entries, seen }
    }

    /// Moves the distribution towards `symbol`. The part of the way is that of a mean, rounded to a power of two: about 1 / (`seen` + 1.6), at
    /// least 2^-`slowest`.
    #[inline(always)]
    pub fn learn(&mut self, symbol: usize, slowest: u32) {
        let shift = ((2 * self.seen + 3) / 3).ilog2() + 1;
        self.seen += u32::from(shift < slowest);
        let shift = shift.min(slowest);
        let certain = &CERTAIN[symbol % SYMBOLS];
        for (entry, certain) in self.entries.iter_mut().zip(certain) {
            *entry += (certain - *entry) >> shift;
        }
    }

    /// The probability of `symbol` in units of 2^-16.
    #[inline(always)]
    fn probability(&self, symbol: usize) -> i32 {
        let before = match symbol {
            0 => 0,
            _ => rounded(self.entries[symbol - 1]),
        };
        rounded(self.entries[symbol]) - before
    }
}

/// An entry in the units of a mixture.
#[inline(always)]
fn rounded(entry: i32) -> i32 {
    entry >> (BITS - MIXTURE_BITS)
}

/// How much of a mixture is the first of two distributions: learned by the gradient of the symbols' cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weight(f32);

impl Default for Weight {
    fn default() -> Self {
        Self(0.4)
    }
}

/// Smallest weight of either distribution.
const MIN_WEIGHT: f32 = 1.0 / 64.0;

/// Learning rate of weights.
const WEIGHT_RATE: f32 = 1.0 / 40.0;

/// Bits of a weight as an integer.
const WEIGHT_BITS: u32 = 14;

impl Weight {
    /// The mixture of two distributions.
    #[inline(always)]
    pub fn mix(self, first: &Distribution, second: &Distribution) -> Mixture {
        let weight = (self.0 * (1 << WEIGHT_BITS) as f32) as i32;
        let mut mixture = [0; AHEAD + SYMBOLS];
        for symbol in 0..SYMBOLS {
            let (first, second) = (first.entries[symbol], second.entries[symbol]);
            let apart = rounded(first) - rounded(second);
            mixture[AHEAD + symbol] = rounded(second) + ((apart * weight) >> WEIGHT_BITS);
        }
        Mixture(mixture)
    }

    /// Moves the weight towards the distribution that gave `symbol` the higher probability.
    #[inline(always)]
    pub fn learn(
        &mut self,
        first: &Distribution,
        second: &Distribution,
        mixture: &Mixture,
        symbol: usize,
    ) {
        let apart = (first.probability(symbol) - second.probability(symbol)) as f32;
        let moved = self.0 + WEIGHT_RATE * (apart / mixture.probability(symbol) as f32);
        self.0 = moved.clamp(MIN_WEIGHT, 1.0 - MIN_WEIGHT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_symbol_loses_its_smallest_probability() {
        let mut random = 1u32;
        let mut next = |below: u32| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 16) % below
        };
        let mut first = Distribution::of_magnitudes(1e-3, 0);
        let mut second = Distribution::of_magnitudes(1e6, 9);
        let mut weight = Weight::default();
        for round in 0..20_000 {
            // Long runs of one symbol, then others.
            let symbol = if round / 3_000 % 2 == 0 {
                round / 6_000 * 5
            } else {
                next(16) as usize
            };
            let mixture = weight.mix(&first, &second);
            for symbol in 0..SYMBOLS {
                let (before, probability) = (mixture.before(symbol), mixture.probability(symbol));
                assert!((4..1 << 16).contains(&probability), "{round}: {mixture:?}");
                assert_eq!(mixture.symbol_at(before), symbol);
                assert_eq!(mixture.symbol_at(before + probability - 1), symbol);
            }
            assert_eq!(mixture.before(SYMBOLS), 1 << MIXTURE_BITS);
            weight.learn(&first, &second, &mixture, symbol);
            first.learn(symbol, 1 + next(10));
            second.learn(symbol, 10);
        }
    }
}
