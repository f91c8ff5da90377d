//! Reads and converts the captures that a plan selects, a few layers at a time, on all threads.

use std::collections::VecDeque;

use super::error::ConvertError;
use super::piece::Piece;
use super::plan::Plan;
use super::target::Target;
use crate::dump::{Dump, Fetched, Fetches, Problem};
use crate::par;

/// Layers that are converted at a time. One thread takes all captures of a layer: where they lie in the same part of a file, the part is
/// unpacked once.
const LAYERS: usize = 4;

/// Once this many bytes are read, no more captures are added.
const MAX_BYTES: u64 = 64 << 20;

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
            ready: VecDeque::new(),
        }
    }
}

/// Iterator over the converted captures.
pub(super) struct Pieces {
    targets: std::vec::IntoIter<Target>,
    fetches: Fetches,
    ready: VecDeque<Result<Piece, Problem>>,
}

/// A capture that was read.
type Read = (Target, Result<Fetched, Problem>);

impl Pieces {
    /// Captures of some layers.
    fn read(&mut self) -> Vec<Vec<Read>> {
        let mut layers: Vec<Vec<Read>> = Vec::new();
        let mut bytes = 0;
        while bytes < MAX_BYTES
            && let Some(next) = self.targets.as_slice().first()
        {
            let is_same =
                layers
                    .last()
                    .and_then(|layer| layer.last())
                    .is_some_and(|(last, _): &Read| {
                        (&last.capture.run, last.capture.layer_id)
                            == (&next.capture.run, next.capture.layer_id)
                    });
            if !is_same && layers.len() == LAYERS {
                break;
            }
            let (Some(target), Some((index, fetched))) = (self.targets.next(), self.fetches.next())
            else {
                break;
            };
            debug_assert_eq!(
                index, target.index,
                "the plan's order is the order of reading"
            );
            bytes += target.capture.bytes();
            match layers.last_mut().filter(|_| is_same) {
                Some(layer) => layer.push((target, fetched)),
                None => layers.push(vec![(target, fetched)]),
            }
        }
        layers
    }
}

impl Iterator for Pieces {
    type Item = Result<Piece, ConvertError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty() {
            let layers = par::map_taken(self.read(), &|layer: Vec<Read>| {
                let pieces = layer.into_iter().map(|(target, fetched)| {
                    fetched.and_then(|fetched| Piece::new(target, fetched))
                });
                pieces.collect::<Vec<_>>()
            });
            self.ready.extend(layers.into_iter().flatten());
        }
        self.ready
            .pop_front()
            .map(|piece| piece.map_err(ConvertError::from))
    }
}
