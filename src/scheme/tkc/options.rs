//! What a user can choose of `tkc`.

use super::front::Klt;
use super::rope::Rope;

/// Which rotary embedding of keys is undone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RopeChoice {
    /// Whichever makes the keys smallest: theta 1e4, 1e5, 5e5 or 1e6, either order of pairs, or none.
    Detect,
    /// None.
    None,
    /// This one.
    Is(Rope),
}

/// Which basis is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KltChoice {
    /// Whichever makes the tensor smallest, its own bytes counted, and stored only as fine as it pays.
    Smallest,
    /// This one, its vectors stored with five bits a value.
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
    /// The step that coefficients are rounded to, as a share of a token's norm.
    pub step: f64,
    /// For keys.
    pub rope: RopeChoice,
    /// Whether tokens are divided by their norm first; without, the step is in the tensor's own units.
    pub token_norm: bool,
    /// Whether channels lose their mean.
    pub mean: bool,
    /// The basis.
    pub klt: KltChoice,
}

impl Tkc {
    /// All steps on, at this step of rounding.
    pub fn new(step: f64) -> Self {
        Self {
            step,
            rope: RopeChoice::Detect,
            token_norm: true,
            mean: true,
            klt: KltChoice::Smallest,
        }
    }

    /// The step that choices (of RoPE, basis and how fine that is stored) are made for: the power of two nearest to `step`. So what comes
    /// before the rounding is the same for steps near each other.
    pub fn choice_step(step: f64) -> f64 {
        libm::exp2(libm::round(libm::log2(step)))
    }
}
