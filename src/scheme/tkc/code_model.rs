//! Models codes `[tokens, channels]` for a coder: each becomes a symbol with a sign, whose probabilities adapt to earlier codes, and plain
//! bits.
//!
//! A symbol is the upper part of a magnitude, in a unit somewhat below the channel's usual magnitude. Its distribution is a mixture of two: the
//! channel's own, and one shared by all channels of a similar scale at tokens of similar magnitude. They are chosen and mixed by f32 operations
//! that are each rounded separately, so the result is the same on every machine.

use std::sync::LazyLock;

use multiversion::multiversion;

use super::distribution::{Distribution, Mixture, SYMBOLS, Weight};
use super::range_coder::Coder;

/// The symbol for all larger upper parts.
const ESCAPE: u32 = SYMBOLS as u32 - 1;

/// Slowest steps of a channel's own distribution and of a shared one, as right shifts.
const OWN_SLOWEST: u32 = 8;
const SHARED_SLOWEST: u32 = 10;

/// Number of symbols from which distributions count as learned at first.
const OWN_SEEN: u32 = 3;
const SHARED_SEEN: u32 = 20;

/// Number of classes of a channel's scale (four to an octave), and of a token's magnitudes relative to their scales.
const SCALES: u32 = 64;
const RATIOS: u32 = 16;

/// Smallest scale and smallest ratio that have a class of their own.
const MIN_SCALE: f32 = 1.0 / 64.0;
const MIN_RATIO: f32 = 1.0 / 4.0;

/// Added to magnitudes and scales, so that zeros have a size.
const SOFT: f32 = 0.1;

/// Smallest weight of the newest token in a running scale.
const SCALE_RATE: f32 = 1.0 / 200.0;

/// Largest magnitude, relative to its channel's scale, that counts in the mean of a token's magnitudes.
const MAX_RELATIVE: f32 = 8.0;

/// Largest unit of magnitudes, as a power of two.
const MAX_SHIFT: u32 = 14;

/// A channel's unit is doubled where its scale is above the first, halved where it is below the second, in that unit.
const MAX_SCALE: f32 = 7.0;
const LOW_SCALE: f32 = 2.5;

/// Codes or decodes the codes of a tensor, token by token.
pub(super) struct CodeModel {
    channels: Channels,
    own: Vec<Own>,
    /// By the class of the channel's scale, then by that of the token's magnitudes.
    shared: Vec<Distribution>,
    tokens: u32,
}

/// What a channel has learned of its own symbols.
#[derive(Clone, Copy, Debug)]
struct Own {
    distribution: Distribution,
    /// How much of a mixture it is.
    weight: Weight,
    /// 1 / (n + 1) for channel n, but 1 / 2 for channel 0.
    share: f32,
}

/// Adaptive state of the channels, each in a vector of its own, so that eight channels learn at once.
#[derive(Clone, Debug)]
struct Channels {
    /// Running mean of a channel's magnitudes.
    scales: Vec<f32>,
    /// 1 / scale.
    inverses: Vec<f32>,
    /// Class of the scale, multiplied by the number of ratio classes.
    classes: Vec<u32>,
    /// Number of lower bits of a magnitude: the unit is 2^shift.
    shifts: Vec<u32>,
}

impl CodeModel {
    /// A model without observations.
    pub fn new(channels: usize) -> Self {
        let distribution = Distribution::of_magnitudes(1.0, OWN_SEEN);
        let own = |n: usize| Own {
            distribution,
            weight: Weight::default(),
            share: 1.0 / (n.max(1) as f32 + 1.0),
        };
        Self {
            channels: Channels {
                scales: vec![1.0; channels],
                inverses: vec![1.0; channels],
                classes: vec![0; channels],
                shifts: vec![0; channels],
            },
            own: (0..channels).map(own).collect(),
            shared: shared().to_vec(),
            tokens: 0,
        }
    }

    /// Codes the next token's `codes`, one for each channel; a decoder fills them in.
    pub fn token(&mut self, coder: &mut impl Coder, codes: &mut [i32]) {
        code_token(self, coder, codes);
        let rate = (1.0 / (self.tokens as f32 + 1.0)).max(SCALE_RATE);
        learn_scales(&mut self.channels, codes, rate);
        self.tokens = self.tokens.saturating_add(1);
    }
}

/// What shared distributions start with: magnitudes as large as their classes tell, in the unit of such a channel.
fn shared() -> &'static [Distribution] {
    static START: LazyLock<Vec<Distribution>> = LazyLock::new(|| {
        let middle = |smallest: f32, class: u32| {
            f64::from(smallest) * libm::exp2((f64::from(class) + 0.5) / 4.0)
        };
        let start = |index: u32| {
            let mut scale = middle(MIN_SCALE, index / RATIOS);
            while scale > f64::from(MAX_SCALE) {
                scale /= 2.0;
            }
            let mean = scale * middle(MIN_RATIO, index % RATIOS);
            Distribution::of_magnitudes(mean, SHARED_SEEN)
        };
        (0..SCALES * RATIOS).map(start).collect()
    });
    &START
}

// Not for AVX-512, with which it takes a tenth longer.
#[multiversion(targets("x86_64+avx2"))]
fn code_token<C: Coder>(model: &mut CodeModel, coder: &mut C, codes: &mut [i32]) {
    // The mean of the token's magnitudes lags by one channel, so that the processor can mix the next distribution while it decodes a symbol.
    let (mut sum, mut last) = (2.0, 0.0);
    let Channels {
        inverses,
        classes,
        shifts,
        ..
    } = &model.channels;
    let channels = classes.iter().zip(shifts).zip(inverses);
    for ((((scale_class, shift), inverse), own), code) in channels.zip(&mut model.own).zip(codes) {
        let class = class(sum * own.share, MIN_RATIO, RATIOS);
        sum += last;
        let shared = &mut model.shared[(scale_class + class) as usize];
        let mixture = own.weight.mix(&own.distribution, shared);
        let symbol;
        (*code, symbol) = number(coder, &mixture, *code, *shift);
        (own.weight).learn(&own.distribution, shared, &mixture, symbol);
        own.distribution.learn(symbol, OWN_SLOWEST);
        shared.learn(symbol, SHARED_SLOWEST);
        let magnitude = code.unsigned_abs() as f32;
        last = ((magnitude + SOFT) * inverse).min(MAX_RELATIVE);
    }
}

/// The class of a positive value, four to an octave from `smallest` on, which is a power of two: exponent and two bits of the mantissa.
#[inline(always)]
fn class(value: f32, smallest: f32, classes: u32) -> u32 {
    let above = (value.max(smallest).to_bits() >> 21) - (smallest.to_bits() >> 21);
    above.min(classes - 1)
}

#[multiversion(targets("x86_64+avx2"))]
fn learn_scales(channels: &mut Channels, codes: &[i32], rate: f32) {
    let count = codes.len();
    let (scales, inverses) = (
        &mut channels.scales[..count],
        &mut channels.inverses[..count],
    );
    let (classes, shifts) = (
        &mut channels.classes[..count],
        &mut channels.shifts[..count],
    );
    for place in 0..count {
        let scale = scales[place];
        let scale = scale + (codes[place].unsigned_abs() as f32 - scale) * rate;
        scales[place] = scale;
        inverses[place] = 1.0 / (scale + SOFT);
        classes[place] = class(scale, MIN_SCALE, SCALES) * RATIOS;
        // Between the two limits the unit stays what it is, so that it does not change at every token.
        let shift = shifts[place];
        let unit = (1u32 << shift) as f32;
        let rises = (scale > MAX_SCALE * unit) & (shift < MAX_SHIFT);
        let falls = (shift > 0) & (scale < LOW_SCALE * unit);
        shifts[place] = shift + u32::from(rises) - u32::from(falls);
    }
}

/// Codes a magnitude with its sign in the units of a channel: the upper part as a symbol of `mixture`, or as the last symbol and an escape
/// code, then the lower bits. Returns the code and its symbol.
#[inline(always)]
fn number(coder: &mut impl Coder, mixture: &Mixture, code: i32, shift: u32) -> (i32, usize) {
    let magnitude = code.unsigned_abs();
    let upper = magnitude >> shift;
    let (symbol, is_negative) = coder.symbol(mixture, upper.min(ESCAPE) as usize, code < 0);
    if shift == 0 && symbol < ESCAPE as usize {
        let value = symbol as i32;
        return (if is_negative { -value } else { value }, symbol);
    }
    let code = match symbol as u32 {
        // Symbol 0 has no sign: it stands for all codes within one unit, which are equally likely.
        0 => {
            let most = (1 << shift) - 1;
            coder.uniform((code + most) as u32, (2 * most + 1) as u32) as i32 - most
        }
        mut upper => {
            if upper == ESCAPE {
                upper += escape(coder, (magnitude >> shift).wrapping_sub(ESCAPE));
            }
            let lower = coder.plain(magnitude & ((1 << shift) - 1), shift);
            let value = ((upper << shift | lower) & MAX_MAGNITUDE) as i32;
            if is_negative { -value } else { value }
        }
    };
    (code, symbol)
}

/// Largest magnitude, which bounds what a damaged file can decode to.
const MAX_MAGNITUDE: u32 = (1 << 24) - 1;

/// Largest number of bits of an escape code behind the leading one.
const MAX_ESCAPE_BITS: u32 = 23;

/// Elias gamma code of `value + 1`: the number of bits behind the leading one in unary, then these bits.
#[cold]
fn escape(coder: &mut impl Coder, value: u32) -> u32 {
    let value = value.wrapping_add(1);
    let wanted = 31 - value.max(1).leading_zeros();
    let mut bits = 0;
    while bits < MAX_ESCAPE_BITS && coder.plain(u32::from(bits < wanted), 1) == 1 {
        bits += 1;
    }
    let lower = coder.plain(value & ((1 << bits) - 1), bits);
    (1 << bits | lower) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::tkc::range_coder::{BitCounter, Decoder, Encoder};

    /// Codes of channels that change their scale, up to the largest that a step can give.
    fn codes(channels: usize, tokens: usize) -> Vec<i32> {
        let mut random = 1u64;
        let mut next = |below: u64| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (random >> 33) % below
        };
        let mut codes = Vec::new();
        for token in 0..tokens {
            for channel in 0..channels {
                // From zeros to 2^23, with jumps that a channel's unit follows only step by step.
                let bits = (channel + token / 64 * 5) % 24;
                let code = next(1 << bits) as i32 + i32::from(bits == 23) * (1 << 22);
                codes.push(if next(2) == 0 { code } else { -code });
            }
        }
        codes
    }

    #[test]
    fn codes_of_all_sizes_come_back_and_are_counted_right() {
        for channels in [1, 7, 48] {
            let codes = codes(channels, 400);
            let run = |coder: &mut dyn FnMut(&mut CodeModel, &mut [i32])| {
                let mut model = CodeModel::new(channels);
                for token in codes.clone().chunks_exact_mut(channels) {
                    coder(&mut model, token);
                }
            };
            let (mut encoder, mut counter) = (Encoder::new(), BitCounter::new());
            run(&mut |model, token| model.token(&mut encoder, token));
            run(&mut |model, token| model.token(&mut counter, token));
            let bytes = encoder.finish();
            let counted = counter.bits() / 8.0;
            let off = bytes.len() as f64 - counted;
            assert!(
                (-1.0..8.0 + counted / 5000.0).contains(&off),
                "{off} of {counted}"
            );
            let mut decoder = Decoder::new(&bytes);
            let mut model = CodeModel::new(channels);
            let mut back = vec![0; codes.len()];
            for token in back.chunks_exact_mut(channels) {
                model.token(&mut decoder, token);
            }
            assert!(decoder.finish());
            assert_eq!(back, codes);
        }
    }
}
