//! `tkc`, the coded scheme for archives and transfers: the rotary embedding is undone, tokens are divided by their norm, channel means are
//! subtracted and channels decorrelated; then values are rounded to one step and range coded. The step is the only quality parameter.
//!
//! Every sum has a fixed order and every function gives the same result on every machine, so that all machines write and read the same
//! bytes.

mod code_model;
mod distribution;
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
pub use prepared::{Prepared, Transforms};
pub use rope::{Pairs, Rope};

use super::codec::{About, Codec, Corrupt, Unfit};
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

    fn restore_in_place(&self, values: &mut [f32], about: &About) -> u64 {
        Prepared::new(values, about, self).restore_and_count(self.step, values)
    }
}
