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
mod options;
mod prepared;
mod range_coder;
mod rope;
mod stream;

pub use front::Klt;
pub(super) use name::parse;
pub use options::{KltChoice, RopeChoice, Tkc};
pub use prepared::Prepared;
pub use rope::{Pairs, Rope};

use super::codec::{About, Codec, Corrupt, Restored, Unfit};
use crate::tensor::Tensor;

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
