//! `tkc`, the coded scheme of archives and transfers: rotary embedding undone, tokens divided by their norm, channels freed of their mean
//! and of their correlation, then rounded to one step and range coded. The step is the only knob of quality.
//!
//! Every sum has one order and every function is the same on every machine, so that all of them write and read the same bytes.

mod adaptive;
mod code_model;
mod eigen;
mod front;
mod klt;
mod matrix;
mod name;
mod prepared;
mod range_coder;
mod rope;
mod stream;

pub use front::Klt;
pub(super) use name::parse;
pub use prepared::Prepared;
pub use rope::{Pairs, Rope};

use super::codec::{About, Codec, Corrupt, Restored, Unfit};
use crate::tensor::Tensor;

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
    /// Whichever makes the tensor smallest, its own bytes counted.
    Smallest,
    /// This one.
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
}

impl Codec for Tkc {
    fn name(&self) -> String {
        name::name(self)
    }

    fn unfit(&self, _: &About) -> Option<Unfit> {
        None
    }

    fn encode(&self, tensor: &Tensor, about: &About) -> Vec<u8> {
        Prepared::new(&tensor.values(), about, self).encode(self.step)
    }

    fn decode(&self, bytes: &[u8], about: &About) -> Result<Tensor, Corrupt> {
        stream::decode(bytes, about)
    }

    fn restore(&self, values: &[f32], about: &About) -> Restored {
        let prepared = Prepared::new(values, about, self);
        Restored {
            values: prepared.restore(self.step),
            bytes: prepared.count(self.step),
        }
    }
}
