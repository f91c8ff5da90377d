//! Which captures are written, under which names, in which order.

use std::sync::Arc;

use super::error::ConvertError;
use super::names::{Taken, name};
use super::options::ConvertOptions;
use super::overflows::Overflows;
use super::query_target::{self, QueryTarget};
use super::target::Target;
use crate::dump::Dump;
use crate::tensor::Dtype;

/// What a conversion will write.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Captures, in the order in which they are read.
    pub(super) targets: Vec<Target>,
    /// Queries, which are written after all captures.
    pub(super) queries: Vec<QueryTarget>,
    overflows: Overflows,
}

impl Plan {
    /// Plans the conversion of a dump.
    ///
    /// # Errors
    /// When no capture is left to write.
    pub fn new(dump: &Dump, options: &ConvertOptions) -> Result<Self, ConvertError> {
        let kept = dump
            .captures
            .iter()
            .enumerate()
            .filter_map(|(index, capture)| Some((index, options.keeps(capture)?)));
        let overflows = Overflows::default();
        let mut taken = Taken::default();
        let mut targets: Vec<Option<Target>> = vec![None; dump.captures.len()];
        for (index, tokens) in kept {
            let capture = Arc::clone(&dump.captures[index]);
            let dtype = options
                .dtype
                .filter(|_| capture.dtype == Dtype::F32)
                .map_or(capture.dtype, Dtype::from);
            let (folder, stem) = name(&capture, &tokens);
            let stem = taken.free(&folder, stem);
            targets[index] = Some(Target {
                capture,
                index,
                tokens,
                dtype,
                folder,
                stem,
                overflows: overflows.clone(),
            });
        }
        let order = dump.fetch_order(targets.iter().flatten().map(|target| target.index));
        let targets: Vec<Target> = order
            .into_iter()
            .filter_map(|index| targets[index].take())
            .collect();
        if targets.is_empty() {
            Err(ConvertError::Nothing)
        } else {
            Ok(Self {
                queries: query_target::all(dump, options, &overflows),
                targets,
                overflows,
            })
        }
    }

    /// Values that become infinite because the type they are rounded to has no room for them; known once all is written.
    pub fn overflows(&self) -> Overflows {
        self.overflows.clone()
    }

    /// Number of captures that will be written.
    pub fn captures(&self) -> usize {
        self.targets.len()
    }

    /// Number of query sets that will be written, each of one layer.
    pub fn queries(&self) -> usize {
        self.queries.len()
    }

    /// Size of K and V (and queries) that will be written, in bytes.
    pub fn bytes(&self) -> u64 {
        let captures = self.targets.iter().flat_map(Target::tensor_bytes);
        captures
            .chain(self.queries.iter().map(QueryTarget::bytes))
            .sum()
    }
}
