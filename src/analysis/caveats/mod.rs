//! Guards against misleading figures: what a capture's values show, how that affects the figures, and which setting corrects for it.

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
