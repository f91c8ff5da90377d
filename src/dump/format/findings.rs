//! What the formats found in the files of a dump.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::dump::arrays::Loose;
use crate::dump::arrays::array::ArrayGroup;
use crate::dump::bytes::Limits;
use crate::dump::bytes::resume::Resume;
use crate::dump::bytes::stream::Span;
use crate::dump::capture::Capture;
use crate::dump::problem::{Note, Problem, Problems};
use crate::dump::queries::Queries;
use crate::kvz::PartDecoder;

/// Results of a scan in progress, and the files that a format may look up.
#[derive(Default)]
pub(crate) struct Findings {
    /// All files of the dump, by path.
    pub files: HashMap<String, Span>,
    /// Captures that are complete as found.
    pub captures: Vec<Arc<Capture>>,
    /// Captures in a packed layout, each of which holds all tokens of its layer up to its own time.
    pub packed: Vec<Arc<Capture>>,
    /// Captured queries.
    pub queries: Vec<Arc<Queries>>,
    /// Named arrays still to be interpreted.
    pub groups: Vec<ArrayGroup>,
    /// Arrays from files that hold a single array.
    pub loose: Vec<Loose>,
    pub problems: Problems,
    pub notes: Vec<Note>,
    /// Files already used as parts of something else, which are not read on their own.
    pub parts: HashSet<String>,
    /// Path of the whole file, by path of the shard, as shard indexes tell it.
    pub shards: HashMap<String, String>,
    pub limits: Limits,
    /// Reads files of a packed archive one after the other.
    pub resume: Resume,
    /// Decoder for the parts of `.kvz` files.
    pub part_decoder: PartDecoder,
}

impl Findings {
    /// Adds a remark on a file that is read nonetheless.
    pub fn note(&mut self, file: &str, text: impl Into<String>) {
        self.notes.push(Note::new(file, text));
    }

    /// Adds a problem.
    pub fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
}
