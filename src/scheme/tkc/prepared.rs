//! A tensor prepared for any rounding step, so that a whole grid of steps shares the work before rounding.

use super::front::{self, Decorrelated, Klt, Side, Steps};
use super::klt::{Basis, Fineness, StoredBasis};
use super::options::{KltChoice, RopeChoice, Tkc};
use super::range_coder::{BitCounter, Coder, Encoder};
use super::rope::{Pairs, Rope};
use super::stream::{self, Content};
use crate::scheme::codec::About;
use crate::tensor::{Element, Kv, Shape, with_element};
use std::borrow::Cow;
use std::sync::Arc;

/// RoPE bases that models use.
const THETAS: [f64; 4] = [1e4, 1e5, 5e5, 1e6];

/// Number of tokens on which the rotary embedding is detected.
const DETECT_TOKENS: usize = 256;

/// Coefficients and side information of a tensor.
#[derive(Clone, Debug)]
pub struct Prepared {
    about: About,
    steps: Steps,
    /// Without bases, which are in `transforms`.
    side: Side,
    transforms: Arc<Transforms>,
    raw: RawTokens,
    coefficients: Vec<f32>,
}

/// The rotary embedding and the bases that were chosen for a tensor. Choosing them is most of the work before rounding.
#[derive(Debug)]
pub struct Transforms {
    rope: Option<Rope>,
    klt: Klt,
    stored: Vec<StoredBasis>,
    /// The bases of `stored` in usable form.
    bases: Vec<Basis>,
}

impl Transforms {
    /// Bytes of memory that it takes, about.
    pub fn memory(&self) -> usize {
        let size = |basis: &StoredBasis| 5 * basis.size * basis.size * size_of::<f32>() / 2;
        size_of::<Self>() + self.stored.iter().map(size).sum::<usize>()
    }
}

impl Prepared {
    /// Does all the work before rounding. `values` are those of a tensor `[seq_len, kv_heads, head_dim]`. Choices are made for a step near
    /// that of `tkc`: see [`Tkc::choice_step`].
    pub fn new(values: &[f32], about: &About, tkc: &Tkc) -> Self {
        let tkc = &Tkc {
            step: Tkc::choice_step(tkc.step),
            ..*tkc
        };
        let (values, raw) = without_raw_tokens(values, about);
        let steps = steps(tkc, None);
        let rope = match tkc.rope {
            RopeChoice::Is(rope) => Some(rope),
            RopeChoice::None => None,
            RopeChoice::Detect => detect(&THETAS, &values, about, steps, tkc.step),
            RopeChoice::DetectWith(theta) => detect(&[theta], &values, about, steps, tkc.step),
        };
        let rope = rope.filter(|_| about.kv == Kv::K);
        let steps = Steps { rope, ..steps };
        let (values, side) = front::forth(&values, about.shape, about.position, steps);
        let (klt, (coefficients, stored, bases)) = choose_basis(values, about.shape, tkc);
        let transforms = Transforms {
            rope,
            klt,
            stored,
            bases,
        };
        Self {
            about: *about,
            steps,
            side,
            transforms: Arc::new(transforms),
            raw,
            coefficients,
        }
    }

    /// [`Prepared::new`] where its choices are known: those of the same tensor, with the same options and [`Tkc::choice_step`].
    pub fn with(values: &[f32], about: &About, tkc: &Tkc, transforms: Arc<Transforms>) -> Self {
        let (values, raw) = without_raw_tokens(values, about);
        let steps = steps(tkc, transforms.rope);
        let (values, side) = front::forth(&values, about.shape, about.position, steps);
        let coefficients = match transforms.bases.as_slice() {
            [] => values,
            bases => front::coefficients(&values, about.shape.token_elements(), bases),
        };
        Self {
            about: *about,
            steps,
            side,
            transforms,
            raw,
            coefficients,
        }
    }

    /// What was chosen, for [`Prepared::with`].
    pub fn transforms(&self) -> &Arc<Transforms> {
        &self.transforms
    }

    /// The rotary embedding that is undone.
    pub fn rope(&self) -> Option<Rope> {
        self.transforms.rope
    }

    /// The basis that was chosen.
    pub fn klt(&self) -> Klt {
        self.transforms.klt
    }

    /// Codes at a step, `[tokens, channels]`.
    pub fn codes(&self, step: f64) -> Vec<i32> {
        let mut codes = vec![0; self.coefficients.len()];
        front::round(&self.coefficients, step, &mut codes);
        codes
    }

    fn content(&self, step: f64) -> Content {
        let codes = self.codes(step);
        let mut side = Side {
            bases: self.transforms.stored.clone(),
            ..self.side.clone()
        };
        let channels = self.about.shape.token_elements();
        let last = front::last_used(&codes, channels, side.bases.len());
        for (basis, used) in side.bases.iter_mut().zip(last) {
            basis.vectors.truncate(used);
        }
        Content {
            step,
            steps: self.steps,
            klt: self.transforms.klt,
            side,
            raw: self.raw.clone(),
            codes,
        }
    }

    fn code(&self, coder: &mut impl Coder, content: &mut Content) {
        stream::code(coder, content, self.about.shape, self.about.dtype.size());
    }

    /// The stored bytes at a step.
    pub fn encode(&self, step: f64) -> Vec<u8> {
        let mut content = self.content(step);
        let mut bytes = stream::header(&content);
        let mut encoder = Encoder::new();
        self.code(&mut encoder, &mut content);
        bytes.extend(encoder.finish());
        bytes
    }

    /// Number of bytes that [`Prepared::encode`] returns, to within a few hundredths of a percent.
    pub fn count(&self, step: f64) -> u64 {
        self.count_of(&mut self.content(step))
    }

    /// Writes the values that a decoder returns at a step to `out`, which has room for all of them.
    pub fn restore(&self, step: f64, out: &mut [f32]) {
        stream::tensor_values(
            &self.content(step),
            &self.transforms.bases,
            &self.about,
            out,
        );
    }

    /// [`Prepared::restore`] and [`Prepared::count`] with the same codes.
    pub fn restore_and_count(&self, step: f64, out: &mut [f32]) -> u64 {
        let mut content = self.content(step);
        stream::tensor_values(&content, &self.transforms.bases, &self.about, out);
        self.count_of(&mut content)
    }

    fn count_of(&self, content: &mut Content) -> u64 {
        let mut counter = BitCounter::new();
        self.code(&mut counter, content);
        (stream::header(content).len() as f64 + (counter.bits() / 8.0).ceil() + 1.0) as u64
    }
}

/// The transforms of `tkc` before the basis.
fn steps(tkc: &Tkc, rope: Option<Rope>) -> Steps {
    Steps {
        rope,
        token_norm: tkc.token_norm,
        mean: tkc.mean,
    }
}

/// Tokens that are stored raw: their indices and bytes.
type RawTokens = Vec<(usize, Vec<u8>)>;

/// The values, with zeros in place of raw tokens, and the raw tokens.
fn without_raw_tokens<'a>(values: &'a [f32], about: &About) -> (Cow<'a, [f32]>, RawTokens) {
    let channels = about.shape.token_elements();
    let raw = raw_tokens(values, about);
    let mut values = Cow::Borrowed(values);
    for (token, _) in &raw {
        values.to_mut()[token * channels..][..channels].fill(0.0);
    }
    (values, raw)
}

/// Tokens with NaN or infinite values, which have no norm, and their bytes.
fn raw_tokens(values: &[f32], about: &About) -> RawTokens {
    let channels = about.shape.token_elements().max(1);
    let tokens = values.chunks_exact(channels).enumerate();
    let broken = tokens.filter(|(_, token)| !token.iter().all(|value| value.is_finite()));
    let bytes = |token: &[f32]| {
        with_element!(about.dtype, E => {
            let mut bytes = vec![0; token.len() * E::SIZE];
            for (value, bytes) in token.iter().zip(bytes.chunks_exact_mut(E::SIZE)) {
                E::put(*value, bytes);
            }
            bytes
        })
    };
    broken.map(|(index, token)| (index, bytes(token))).collect()
}

/// The rotary embedding with one of these bases that makes a sample of the keys smallest.
fn detect(thetas: &[f64], values: &[f32], about: &About, steps: Steps, step: f64) -> Option<Rope> {
    if about.kv != Kv::K {
        return None;
    }
    let channels = about.shape.token_elements();
    let stretch = about.shape.seq_len.min(DETECT_TOKENS);
    let shape = Shape {
        seq_len: stretch,
        ..about.shape
    };
    let some = &values[..stretch * channels];
    let candidates = [Pairs::HalfSplit, Pairs::Interleaved]
        .into_iter()
        .flat_map(|pairs| thetas.iter().map(move |&theta| Some(Rope { theta, pairs })));
    let all = [None].into_iter().chain(candidates);
    let sizes = all.map(|rope| {
        let steps = Steps { rope, ..steps };
        let (values, _) = front::forth(some, shape, about.position, steps);
        (rope, front::estimate(&values, channels, step))
    });
    let smallest = sizes.min_by(|(_, a), (_, b)| a.total_cmp(b));
    smallest.and_then(|(rope, _)| rope)
}

/// The requested basis, or the one that makes values and basis together smallest.
fn choose_basis(values: Vec<f32>, shape: Shape, tkc: &Tkc) -> (Klt, Decorrelated) {
    let channels = shape.token_elements();
    let candidates: &[Klt] = match &tkc.klt {
        KltChoice::Is(klt) => std::slice::from_ref(klt),
        // With many tokens, the additional bytes of a basis across all channels matter little.
        KltChoice::Smallest if channels <= front::MAX_ACROSS && shape.seq_len >= 6 * channels => {
            &[Klt::None, Klt::AcrossHeads]
        }
        KltChoice::Smallest if channels <= front::MAX_ACROSS && shape.kv_heads > 1 => {
            &[Klt::None, Klt::PerHead, Klt::AcrossHeads]
        }
        KltChoice::Smallest => &[Klt::None, Klt::PerHead],
    };
    let fineness = match &tkc.klt {
        KltChoice::Is(_) => Fineness::FiveBits,
        KltChoice::Smallest => Fineness::ForStep(tkc.step),
    };
    let mut best: Option<(f64, Klt, Option<Decorrelated>)> = None;
    for &klt in candidates {
        let turned = front::decorrelate(&values, shape, klt, fineness);
        let (coefficients, bases) = match &turned {
            Some((coefficients, bases, _)) => (coefficients, bases.as_slice()),
            None => (&values, [].as_slice()),
        };
        let side: f64 = bases.iter().map(StoredBasis::estimate).sum();
        let size = front::estimate(coefficients, channels, tkc.step) + side;
        if best.as_ref().is_none_or(|(smallest, ..)| size < *smallest) {
            best = Some((size, klt, turned));
        }
    }
    match best {
        Some((_, klt, Some(decorrelated))) => (klt, decorrelated),
        _ => (Klt::None, (values, Vec::new(), Vec::new())),
    }
}
