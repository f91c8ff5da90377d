//! Options of `tkc`.

use super::front::Klt;
use super::rope::Rope;

/// Which rotary embedding of keys is undone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RopeChoice {
    /// The one that makes the keys smallest: none, or theta 1e4, 1e5, 5e5 or 1e6 in either order of pairs.
    Detect,
    /// Whichever makes the keys smallest: this theta in either order of pairs, or none. A dump states the theta only; the order depends on the
    /// engine (half-split in transformers, neighbours in llama.cpp), and some models have layers without rotary embedding. Has the same name as
    /// [`Self::Detect`].
    DetectWith(f64),
    /// The rotary embedding is not undone.
    None,
    /// This rotary embedding.
    Is(Rope),
}

impl RopeChoice {
    /// The choice for keys whose theta the dump may state.
    #[must_use]
    pub fn with_theta(self, theta: Option<f64>) -> Self {
        match (self, theta) {
            (Self::Detect, Some(theta)) => Self::DetectWith(theta),
            (choice, _) => choice,
        }
    }
}

/// Which basis decorrelates the channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KltChoice {
    /// The one that makes the tensor smallest, including its own bytes; it is stored only as precisely as it pays.
    Smallest,
    /// This basis, stored with five bits for each value.
    Is(Klt),
}

/// The coded scheme with its options.
///
/// ```
/// use kvlens::scheme::Scheme;
/// let scheme: Scheme = "tkc:c=0.155,klt=none".parse().unwrap();
/// assert_eq!(scheme.to_string(), "tkc:c=0.155,klt=none");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tkc {
    /// Rounding step of the coefficients, relative to a token's norm.
    pub step: f64,
    /// Rotary embedding of keys.
    pub rope: RopeChoice,
    /// Whether tokens are divided by their norm first; if not, the step is in the tensor's own units.
    pub token_norm: bool,
    /// Whether channel means are subtracted.
    pub mean: bool,
    /// Basis of the channels.
    pub klt: KltChoice,
}

impl Tkc {
    /// All transforms on, at this rounding step.
    pub fn new(step: f64) -> Self {
        Self {
            step,
            rope: RopeChoice::Detect,
            token_norm: true,
            mean: true,
            klt: KltChoice::Smallest,
        }
    }

    /// The step rounded down to four digits: short enough to type, and no coarser than what was found.
    pub fn typed_step(step: f64) -> f64 {
        let digits = libm::exp10(3.0 - libm::floor(libm::log10(step)));
        (step * digits).floor() / digits
    }

    /// The step for which choices (of RoPE, basis and its precision) are made: the power of two nearest to `step`. So nearby steps share
    /// the work before rounding.
    pub fn choice_step(step: f64) -> f64 {
        libm::exp2(libm::round(libm::log2(step)))
    }
}
