//! Applies and undoes rotary position embedding, which rotates pairs of a head's values by an angle that grows with the position.
//!
//! Su et al., "RoFormer", 2021: pair `i` of `head_dim / 2` is rotated by `position * theta^(-2i / head_dim)`. Sines and cosines come from
//! the `libm` crate and plain products, so that every platform computes the same bits.

use multiversion::multiversion;

/// Which two values of a head form a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pairs {
    /// Value `i` with value `i + head_dim / 2`: Hugging Face, MLX, llama.cpp's NeoX models.
    HalfSplit,
    /// Value `2i` with value `2i + 1`: GPT-J, the original LLaMA checkpoints.
    Interleaved,
}

/// A rotary embedding of whole heads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rope {
    /// Base of the angles, `rope_theta` in a model's configuration.
    pub theta: f64,
    /// Which values form pairs.
    pub pairs: Pairs,
}

/// Number of positions that share an anchor: the angle of each is the anchor's plus that of its offset.
const BLOCK: usize = 64;

/// Sines and cosines for a range of positions, without a table of all of them.
#[derive(Clone, Debug)]
pub struct Turns {
    pairs: Pairs,
    half: usize,
    /// `[cos, sin]` of each pair, for the offsets `0..BLOCK`.
    offsets: Vec<[f64; 2]>,
    /// `[cos, sin]` of each pair, for the positions `start`, `start + BLOCK`, ...
    anchors: Vec<[f64; 2]>,
}

impl Turns {
    /// Rotations of the positions `start..start + tokens`. In a head with an odd number of values the last one is not rotated.
    pub fn new(rope: Rope, head_dim: usize, start: u64, tokens: usize) -> Self {
        let half = head_dim / 2;
        let speed = |pair: usize| libm::pow(rope.theta, -((2 * pair) as f64) / head_dim as f64);
        let speeds: Vec<f64> = (0..half).map(speed).collect();
        let at = |position: f64| {
            let turn = move |speed: &f64| {
                let (sin, cos) = libm::sincos(position * speed);
                [cos, sin]
            };
            speeds.iter().map(turn).collect::<Vec<_>>()
        };
        let offsets = 0..BLOCK.min(tokens);
        let anchors = (0..tokens).step_by(BLOCK);
        Self {
            pairs: rope.pairs,
            half,
            offsets: offsets.flat_map(|offset| at(offset as f64)).collect(),
            anchors: anchors
                .flat_map(|token| at(start as f64 + token as f64))
                .collect(),
        }
    }

    /// Writes the rotation of token `token` to `angle`: cosines of all pairs, then sines.
    fn angle(&self, token: usize, angle: &mut [f64]) {
        let half = self.half;
        let anchor = &self.anchors[token / BLOCK * half..][..half];
        let offset = &self.offsets[token % BLOCK * half..][..half];
        let (cos, sin) = angle.split_at_mut(half);
        for pair in 0..half {
            // The sum of two angles.
            let ([ac, a], [oc, o]) = (anchor[pair], offset[pair]);
            cos[pair] = ac * oc - a * o;
            sin[pair] = a * oc + ac * o;
        }
    }

    /// Rotates the values `[tokens, heads, head_dim]` of tokens from `first` on, as the model did or, with `back`, in reverse.
    ///
    /// # Panics
    /// When the values are not whole heads of `head_dim`, or a token is out of range.
    pub fn turn(
        &self,
        first: usize,
        values: &mut [f64],
        channels: usize,
        head_dim: usize,
        back: bool,
    ) {
        if self.half == 0 {
            return;
        }
        let mut angle = vec![0.0; 2 * self.half];
        for (index, token) in values.chunks_exact_mut(channels).enumerate() {
            self.angle(first + index, &mut angle);
            let (cos, sin) = angle.split_at_mut(self.half);
            if back {
                sin.iter_mut().for_each(|sin| *sin = -*sin);
            }
            match self.pairs {
                Pairs::HalfSplit => turn_halves(token, head_dim, cos, sin),
                Pairs::Interleaved => turn_neighbours(token, head_dim, cos, sin),
            }
        }
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn turn_halves(token: &mut [f64], head_dim: usize, cos: &[f64], sin: &[f64]) {
    let half = cos.len();
    let sin = &sin[..half];
    for head in token.chunks_exact_mut(head_dim) {
        let (low, high) = head.split_at_mut(half);
        let high = &mut high[..half];
        for pair in 0..half {
            let (x, y) = (low[pair], high[pair]);
            low[pair] = x * cos[pair] - y * sin[pair];
            high[pair] = y * cos[pair] + x * sin[pair];
        }
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn turn_neighbours(token: &mut [f64], head_dim: usize, cos: &[f64], sin: &[f64]) {
    let half = cos.len();
    let sin = &sin[..half];
    for head in token.chunks_exact_mut(head_dim) {
        let head = &mut head[..2 * half];
        for pair in 0..half {
            let (x, y) = (head[2 * pair], head[2 * pair + 1]);
            head[2 * pair] = x * cos[pair] - y * sin[pair];
            head[2 * pair + 1] = y * cos[pair] + x * sin[pair];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_that_of_the_formula_and_is_undone_by_turning_back() {
        for (pairs, partner) in [(Pairs::HalfSplit, 8), (Pairs::Interleaved, 1)] {
            let rope = Rope { theta: 1e4, pairs };
            let (start, tokens, dim) = (1000, 150, 16);
            let turns = Turns::new(rope, dim, start, tokens);
            for token in [0, 1, 63, 64, 149] {
                let values: Vec<f64> = (0..2 * dim).map(|i| (i as f64 - 7.5) / 3.0).collect();
                let mut turned = values.clone();
                turns.turn(token, &mut turned, 2 * dim, dim, false);
                let pair = 3;
                let first = dim + if partner == 1 { 2 * pair } else { pair };
                let angle = (start as f64 + token as f64) * 1e4_f64.powf(-2.0 * 3.0 / 16.0);
                let [x, y] = [first, first + partner].map(|place| values[place]);
                let expected = x * angle.cos() - y * angle.sin();
                assert!((turned[first] - expected).abs() < 1e-11);
                turns.turn(token, &mut turned, 2 * dim, dim, true);
                for (back, value) in turned.iter().zip(&values) {
                    assert!((back - value).abs() < 1e-13);
                }
            }
        }
    }
}
