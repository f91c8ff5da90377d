//! What the formats find in the files of a dump.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::dump::arrays::Loose;
use crate::dump::arrays::array::ArrayGroup;
use crate::dump::bytes::Limits;
use crate::dump::bytes::stream::Span;
use crate::dump::capture::Capture;
use crate::dump::problem::{Note, Problem, Problems};
use crate::dump::queries::Queries;
use crate::kvz::PartDecoder;

/// What was found so far, and the files that a format may look up.
#[derive(Default)]
pub(crate) struct Findings {
    /// All files of the dump by path.
    pub files: HashMap<String, Span>,
    /// Captures whose file says all about them.
    pub captures: Vec<Arc<Capture>>,
    /// Captures of which each holds all tokens that a layer has had so far.
    pub packed: Vec<Arc<Capture>>,
    /// Queries of layers.
    pub queries: Vec<Arc<Queries>>,
    /// Named arrays whose meaning is still to be found out.
    pub groups: Vec<ArrayGroup>,
    /// Arrays that have a file each.
    pub loose: Vec<Loose>,
    pub problems: Problems,
    pub notes: Vec<Note>,
    /// Files that others were found to be made of, and that so need no reading of their own.
    pub parts: HashSet<String>,
    /// Shards by path, with the path of the whole that an index tells.
    pub shards: HashMap<String, String>,
    pub limits: Limits,
    /// What decodes parts of packed dumps.
    pub part_decoder: PartDecoder,
}

impl Findings {
    /// What to know about a file that is read all the same.
    pub fn note(&mut self, file: &str, text: impl Into<String>) {
        self.notes.push(Note::new(file, text));
    }

    /// Notes a problem of one file.
    pub fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
}
