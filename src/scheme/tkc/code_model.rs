//! Models codes `[tokens, channels]` for a coder: each becomes binary decisions, whose probabilities adapt to earlier codes.
//!
//! The upper bits of a magnitude are coded in unary, in a unit near the channel's usual magnitude, then its lower bits and the sign. Each
//! decision has two counters: one of the channel, one shared by all channels of a similar scale at tokens of similar magnitude. These
//! contexts are computed by exact f32 sums and products, the same on every machine.

use multiversion::multiversion;

use super::adaptive::{Counter, Mixer, Tables, tables};
use super::range_coder::Coder;

/// Unary decisions before the escape code.
const UNARY: u32 = 14;

/// Counters of a context: unary decisions, then two lower bits, by how many unary decisions preceded them.
const SLOTS: usize = 32;
const FIRST_LOW: usize = 16;
const SECOND_LOW: usize = 20;
const SIGN: usize = 28;

/// Number of classes of a channel's scale (four to an octave), and of a token's magnitudes relative to their scales.
const SCALES: i32 = 64;
const RATIOS: i32 = 16;

/// Smallest scale that has a class of its own.
const MIN_SCALE: f32 = 1.0 / 64.0;

/// Added to magnitudes and scales, so that zeros have a size.
const SOFT: f32 = 0.1;

/// Smallest weight of the newest token in a running scale.
const SCALE_RATE: f32 = 1.0 / 128.0;

/// Weight of the mean over the token so far, relative to single neighbours.
const TOKEN_WEIGHT: f32 = 16.0;

/// Largest unit of magnitudes, as a power of two.
const MAX_SHIFT: u32 = 20;

/// Codes or decodes the codes of a tensor, token by token.
pub(super) struct CodeModel {
    channels: Vec<Channel>,
    own: Vec<[Counter; SLOTS]>,
    shared: Vec<[Counter; SLOTS]>,
    mixers: [[Mixer; SLOTS]; 2],
    /// 1 / (n + 2).
    shares: Vec<f32>,
    tokens: u32,
    tables: &'static Tables,
}

/// Adaptive state of a channel.
#[derive(Clone, Copy, Debug)]
struct Channel {
    /// Running mean of its magnitudes.
    scale: f32,
    /// 1 / scale.
    inverse: f32,
    /// Class of the scale, multiplied by the number of ratio classes.
    class: u32,
    /// Number of lower bits of a magnitude: the unit is 2^shift.
    shift: u32,
}

impl CodeModel {
    /// A model without observations.
    pub fn new(channels: usize) -> Self {
        let channel = Channel {
            scale: 1.0,
            inverse: 1.0,
            class: 0,
            shift: 0,
        };
        Self {
            channels: vec![channel; channels],
            own: vec![[Counter::default(); SLOTS]; channels],
            shared: vec![[Counter::default(); SLOTS]; (SCALES * RATIOS) as usize],
            mixers: [[Mixer::default(); SLOTS]; 2],
            shares: (0..channels).map(|n| 1.0 / (n as f32 + 2.0)).collect(),
            tokens: 0,
            tables: tables(),
        }
    }

    /// Codes the next token's `codes`, one for each channel; a decoder fills them in.
    pub fn token(&mut self, coder: &mut impl Coder, codes: &mut [i32]) {
        let mut before = [1.0f32; 4];
        let mut sum = 2.0;
        for (index, code) in codes.iter_mut().enumerate() {
            let channel = self.channels[index];
            let near = before[0] + before[1] + 0.5 * (before[2] + before[3]);
            let ratio =
                (near + TOKEN_WEIGHT * (sum * self.shares[index])) * (1.0 / (TOKEN_WEIGHT + 3.0));
            // Four classes to an octave: the exponent and two bits of the mantissa, from 1/4 up.
            let class = ((ratio.to_bits() >> 21) as i32 - (125 << 2)).clamp(0, RATIOS - 1);
            let mut questions = Questions {
                own: &mut self.own[index],
                shared: &mut self.shared[(channel.class as i32 + class) as usize],
                mixers: &mut self.mixers[usize::from(channel.shift > 0)],
                tables: self.tables,
            };
            *code = questions.code(coder, *code, channel.shift);
            let relative = (code.unsigned_abs() as f32 + SOFT) * channel.inverse;
            let relative = relative.min(8.0);
            before = [relative, before[0], before[1], before[2]];
            sum += relative;
        }
        let rate = (1.0 / (self.tokens as f32 + 1.0)).max(SCALE_RATE);
        learn_scales(&mut self.channels, codes, rate);
        self.tokens = self.tokens.saturating_add(1);
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn learn_scales(channels: &mut [Channel], codes: &[i32], rate: f32) {
    let codes = &codes[..channels.len()];
    for place in 0..channels.len() {
        let (channel, code) = (&mut channels[place], codes[place]);
        channel.scale += (code.unsigned_abs() as f32 - channel.scale) * rate;
        channel.inverse = 1.0 / (channel.scale + SOFT);
        let above = (channel.scale.max(MIN_SCALE).to_bits() >> 21) as i32 - (121 << 2);
        channel.class = (above.clamp(0, SCALES - 1) * RATIOS) as u32;
        // The unit is the power of two below half the scale; it changes only when the scale has clearly moved away.
        let unit = (1u32 << channel.shift) as f32;
        if channel.scale > 5.0 * unit && channel.shift < MAX_SHIFT {
            channel.shift += 1;
        } else if channel.shift > 0 && channel.scale < 1.6 * unit {
            channel.shift -= 1;
        }
    }
}

/// The counters of one code's decisions.
struct Questions<'a> {
    own: &'a mut [Counter; SLOTS],
    shared: &'a mut [Counter; SLOTS],
    mixers: &'a mut [Mixer; SLOTS],
    tables: &'static Tables,
}

impl Questions<'_> {
    #[inline(always)]
    fn ask(&mut self, coder: &mut impl Coder, slot: usize, bit: bool) -> bool {
        let slot = slot % SLOTS;
        self.mixers[slot].code(
            coder,
            bit,
            &mut self.own[slot],
            &mut self.shared[slot],
            self.tables,
        )
    }

    #[inline(always)]
    fn code(&mut self, coder: &mut impl Coder, code: i32, shift: u32) -> i32 {
        let magnitude = code.unsigned_abs();
        let wanted = magnitude >> shift;
        let mut upper = 0;
        while upper < UNARY && !self.ask(coder, upper as usize, wanted == upper) {
            upper += 1;
        }
        if upper == UNARY {
            upper += escape(coder, wanted.wrapping_sub(UNARY));
        }
        let mut value = upper;
        let mut left = shift;
        let reach = upper.min(3) as usize;
        if left > 0 {
            left -= 1;
            let bit = self.ask(coder, FIRST_LOW + reach, magnitude >> left & 1 == 1);
            value = value << 1 | u32::from(bit);
        }
        if left > 0 {
            left -= 1;
            let slot = SECOND_LOW + 2 * reach + (value & 1) as usize;
            let bit = self.ask(coder, slot, magnitude >> left & 1 == 1);
            value = value << 1 | u32::from(bit);
        }
        if left > 0 {
            value = value << left | coder.plain(magnitude & ((1 << left) - 1), left);
        }
        let value = (value & MAX_MAGNITUDE) as i32;
        if value == 0 {
            return 0;
        }
        let negative = self.own[SIGN].code(coder, code < 0, self.tables);
        if negative { -value } else { value }
    }
}

/// Largest magnitude, which bounds what a damaged file can decode to.
const MAX_MAGNITUDE: u32 = (1 << 24) - 1;

/// Exp-Golomb code: the number of bits of `value + 1` in unary, then the bits.
#[cold]
fn escape(coder: &mut impl Coder, value: u32) -> u32 {
    let value = value.wrapping_add(1);
    let bits = (31 - value.max(1).leading_zeros()).min(MAX_SHIFT + 3);
    let bits = coder.plain(bits, 5).min(MAX_SHIFT + 3);
    let low = coder.plain(value & ((1 << bits) - 1), bits);
    (1 << bits | low) - 1
}
