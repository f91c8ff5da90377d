//! The contents of a dump: its captures, and what could not be used.

use std::sync::Arc;

use super::arrays::TensorGuess;
use super::capture::Capture;
use super::natural::natural_cmp;
use super::problem::{Fault, Note, Problem};
use super::queries::Queries;
use super::unread::OtherFiles;

/// The captures of one or several sources, and what could not be used of them.
#[derive(Clone, Debug, Default)]
pub struct Dump {
    /// In natural path order: the order of report rows and of every sum.
    pub captures: Vec<Arc<Capture>>,
    /// Captured queries, in natural path order: what explore measures attention with.
    pub queries: Vec<Arc<Queries>>,
    /// What was left out and why, in natural path order.
    pub problems: Vec<Problem>,
    /// What to know about files that are read all the same.
    pub notes: Vec<Note>,
    /// How the arrays of `.npy`, `.npz` and `.safetensors` files were understood.
    pub guesses: Vec<TensorGuess>,
    /// Files that are not read, by kind.
    pub others: Vec<OtherFiles>,
    /// See [`super::Limits::pending_bytes`].
    pub(super) pending_bytes: u64,
}

impl Dump {
    /// Takes in another dump, keeping the order; a path that is already there is a problem, not a second capture.
    pub fn merge(&mut self, other: Self) {
        self.captures.extend(other.captures);
        self.queries.extend(other.queries);
        self.problems.extend(other.problems);
        self.notes.extend(other.notes);
        self.guesses.extend(other.guesses);
        self.others.extend(other.others);
        self.pending_bytes = self.pending_bytes.max(other.pending_bytes);
        self.sort();
    }

    /// Brings all in order, and leaves out captures whose path is taken.
    pub(super) fn sort(&mut self) {
        self.captures.sort_by(|a, b| natural_cmp(&a.path, &b.path));
        let problems = &mut self.problems;
        self.captures.dedup_by(|later, earlier| {
            let same = later.path == earlier.path;
            if same {
                problems.push(Problem::new(&later.path, Fault::Twice("path")));
            }
            same
        });
        self.queries.sort_by(|a, b| natural_cmp(&a.path, &b.path));
        self.queries
            .dedup_by(|later, earlier| later.path == earlier.path);
        self.problems.sort_by(|a, b| natural_cmp(&a.file, &b.file));
    }

    /// Leaves out all captures and queries of the run `run`.
    pub fn remove_run(&mut self, run: &str) {
        self.captures.retain(|capture| capture.run != run);
        self.queries.retain(|queries| queries.run != run);
    }
}
