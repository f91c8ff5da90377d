//! A figure never misleads without a word: what a capture's values show, what that does to the figures, and what mends it.

mod caveat;
mod mend;
mod signs;

pub use caveat::{Caveat, Caveats, Mend};
pub use mend::Mends;
pub use signs::{Signs, TensorSigns};
