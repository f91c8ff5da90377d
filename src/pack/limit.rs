//! The limit that a search keeps within, and how much of it errors use up.

use super::error::PackError;
use super::measure::{Measured, OfSide};

/// The limit on errors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// Smallest cosine of K and of V, each.
    MinCosine(f64),
    /// Largest sum of K's and V's index.
    MaxIndex(f64),
    /// Largest attention error, with both K and V replaced.
    MaxAttentionError(f64),
}

impl Limit {
    /// Whether a search can keep within it: a cosine of 1 is lossless, an error of 1 is as large as the values.
    pub fn is_allowed(self) -> bool {
        match self {
            Self::MinCosine(least) => least > 0.0 && least <= 1.0,
            Self::MaxIndex(most) | Self::MaxAttentionError(most) => most > 0.0 && most < 1.0,
        }
    }

    /// The numbers that it allows, for messages: `a number between 0 and 1, both excluded`.
    pub fn allowed(self) -> &'static str {
        match self {
            Self::MinCosine(_) => "a number above 0, 1 at the most",
            Self::MaxIndex(_) | Self::MaxAttentionError(_) => {
                "a number between 0 and 1, both excluded"
            }
        }
    }

    /// The largest error; for a cosine, its distance from 1. Never 0, so that shares of it are numbers.
    fn most(self) -> f64 {
        let most = match self {
            Self::MinCosine(least) => 1.0 - least,
            Self::MaxIndex(most) | Self::MaxAttentionError(most) => most,
        };
        most.max(1e-12)
    }

    /// Errors as multiples of the limit: for a cosine those of K and of V, otherwise the error of both together, twice.
    pub(super) fn shares(self, errors: &Measured) -> Result<[f64; 2], PackError> {
        let limited = match self {
            Self::MinCosine(_) => [errors.k, errors.v].map(|side| 1.0 - side.least_cosine()),
            Self::MaxIndex(_) => [errors.k.index + errors.v.index; 2],
            Self::MaxAttentionError(_) => [errors.attention.ok_or(PackError::NoQueries)?; 2],
        };
        Ok(limited.map(|error| error / self.most()))
    }

    /// The error of K or V alone, as a multiple of the limit.
    pub(super) fn share_of(self, side: &OfSide) -> Result<f64, PackError> {
        let error = match self {
            Self::MinCosine(_) => 1.0 - side.errors.least_cosine(),
            Self::MaxIndex(_) => side.errors.index,
            Self::MaxAttentionError(_) => side.attention.ok_or(PackError::NoQueries)?,
        };
        Ok(error / self.most())
    }

    /// Whether K and V may each use up the whole limit.
    pub(super) fn is_for_each(self) -> bool {
        matches!(self, Self::MinCosine(_))
    }
}

/// Share of the limit from which the limit counts as used up.
const CLOSE: f64 = 0.985;

/// Whether K and V, with these shares of the limit, keep within it.
pub(super) fn holds(shares: [f64; 2]) -> bool {
    shares.iter().all(|share| *share <= 1.0)
}

/// Whether a share is within the limit and close to it.
pub(super) fn is_close(share: &f64) -> bool {
    (CLOSE..=1.0).contains(share)
}
