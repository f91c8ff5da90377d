//! What the formats find in the files of a dump.

use std::collections::HashMap;
use std::sync::Arc;

use crate::dump::arrays::array::{Array, ArrayGroup};
use crate::dump::bytes::Limits;
use crate::dump::bytes::stream::Span;
use crate::dump::capture::Capture;
use crate::dump::problem::{Problem, Problems};
use crate::dump::queries::Queries;
use crate::kvz::PartDecoder;

/// What was found so far, and the files that a format may look up.
#[derive(Default)]
pub(crate) struct Findings {
    /// All files of the dump by path.
    pub files: HashMap<String, Span>,
    /// Captures whose file says all about them.
    pub captures: Vec<Arc<Capture>>,
    /// Queries of layers.
    pub queries: Vec<Arc<Queries>>,
    /// Named arrays whose meaning is still to be found out.
    pub groups: Vec<ArrayGroup>,
    /// Arrays that have a file each, with its path.
    pub loose: Vec<(String, Array)>,
    pub problems: Problems,
    /// What decodes parts of packed dumps.
    pub part_decoder: PartDecoder,
    /// What a file may claim.
    limits: Limits,
}

impl Findings {
    /// Nothing yet, of these files.
    pub fn new(
        files: HashMap<String, Span>,
        problems: Problems,
        part_decoder: PartDecoder,
        limits: &Limits,
    ) -> Self {
        Self {
            files,
            problems,
            part_decoder,
            limits: limits.clone(),
            ..Self::default()
        }
    }

    /// What a file may claim.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Notes a problem of one file.
    pub fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
}
