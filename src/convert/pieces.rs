//! Reads and converts the captures that a plan selects, one by one.

use super::error::ConvertError;
use super::piece::Piece;
use super::plan::Plan;
use super::target::Target;
use crate::dump::{Dump, Fetches};

impl Plan {
    /// Reads and converts the captures one after the other.
    pub(super) fn pieces(self, dump: &Dump) -> Pieces {
        let fetches = dump.fetches({
            let mut indices: Vec<usize> = self.targets.iter().map(|target| target.index).collect();
            indices.sort_unstable();
            indices
        });
        Pieces {
            targets: self.targets.into_iter(),
            fetches,
        }
    }
}

/// Iterator over the converted captures.
pub(super) struct Pieces {
    targets: std::vec::IntoIter<Target>,
    fetches: Fetches,
}

impl Iterator for Pieces {
    type Item = Result<Piece, ConvertError>;

    fn next(&mut self) -> Option<Self::Item> {
        let target = self.targets.next()?;
        let (index, fetched) = self.fetches.next()?;
        debug_assert_eq!(
            index, target.index,
            "the plan's order is the order of reading"
        );
        Some(
            fetched
                .and_then(|fetched| Piece::new(target, fetched))
                .map_err(ConvertError::from),
        )
    }
}
