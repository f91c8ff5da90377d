//! A figure never misleads without a word: what a capture's values show, what that does to the figures, and what mends it.

mod caveat;
mod look;
mod mend;
mod params;
mod signs;

pub use caveat::{Caveat, Caveats, Mend};
pub use look::look;
pub use mend::Mends;
pub(super) use params::params;
pub use signs::{Signs, TensorSigns};
