//! Which of the two tensors of a capture it is. What there is of both is an array of two, K first, with [`Kv`] as its index.

use std::fmt;
use std::ops::{Index, IndexMut};

/// K or V.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Kv {
    /// Keys.
    K,
    /// Values.
    V,
}

impl Kv {
    /// Both, in the order in which they lie in arrays of two.
    pub const BOTH: [Self; 2] = [Self::K, Self::V];

    /// The name in lower case: `k` or `v`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::K => "k",
            Self::V => "v",
        }
    }

    /// The name in running text: `K` or `V`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::K => "K",
            Self::V => "V",
        }
    }

    /// The one of the two that is meant.
    pub fn of<T>(self, k: T, v: T) -> T {
        match self {
            Self::K => k,
            Self::V => v,
        }
    }
}

impl fmt::Display for Kv {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.label())
    }
}

impl<T> Index<Kv> for [T; 2] {
    type Output = T;

    fn index(&self, kv: Kv) -> &T {
        let [k, v] = self;
        kv.of(k, v)
    }
}

impl<T> IndexMut<Kv> for [T; 2] {
    fn index_mut(&mut self, kv: Kv) -> &mut T {
        let [k, v] = self;
        kv.of(k, v)
    }
}
