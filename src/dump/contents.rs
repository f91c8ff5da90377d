//! The contents of a dump: its captures, and what could not be used.

use std::sync::Arc;

use super::arrays::TensorGuess;
use super::capture::Capture;
use super::natural::natural_cmp;
use super::problem::{Fault, Note, Problem};
use super::queries::Queries;
use super::unread::OtherFiles;

/// Captures of one or more sources, and the problems of what could not be used.
#[derive(Clone, Debug, Default)]
pub struct Dump {
    /// Captures in natural path order, which is the order of report rows and of every sum.
    pub captures: Vec<Arc<Capture>>,
    /// Captured queries, in natural path order; explore measures attention error with them.
    pub queries: Vec<Arc<Queries>>,
    /// What was left out and why, in natural path order.
    pub problems: Vec<Problem>,
    /// Notes on files that are read but need a remark.
    pub notes: Vec<Note>,
    /// How the arrays of `.npy`, `.npz` and `.safetensors` files were interpreted.
    pub guesses: Vec<TensorGuess>,
    /// Files that no format reads, grouped by extension.
    pub others: Vec<OtherFiles>,
    /// See [`super::Limits::pending_bytes`].
    pub(super) pending_bytes: u64,
}

impl Dump {
    /// Adds another dump's contents and restores the order. A path that already exists becomes a problem, not a second
    /// capture.
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

    /// Sorts everything, and leaves out captures and queries whose path is already taken.
    pub(super) fn sort(&mut self) {
        let problems = &mut self.problems;
        let mut same = |later: &str, earlier: &str| {
            let same = later == earlier;
            if same {
                problems.push(Problem::new(later, Fault::Twice("path")));
            }
            same
        };
        self.captures.sort_by(|a, b| natural_cmp(&a.path, &b.path));
        self.captures
            .dedup_by(|later, earlier| same(&later.path, &earlier.path));
        self.queries.sort_by(|a, b| natural_cmp(&a.path, &b.path));
        self.queries
            .dedup_by(|later, earlier| same(&later.path, &earlier.path));
        self.problems.sort_by(|a, b| natural_cmp(&a.file, &b.file));
    }

    /// Removes all captures and queries of the run `run`, and the problems of files in a folder of its name that holds no
    /// other run.
    pub fn remove_run(&mut self, run: &str) {
        self.captures.retain(|capture| capture.run != run);
        self.queries.retain(|queries| queries.run != run);
        let (captures, name) = (&self.captures, format!("/{run}/"));
        self.problems.retain(|problem| {
            let path = format!("/{}/", problem.file);
            let Some(at) = path.find(&name) else {
                return true;
            };
            let folder = &path[1..at + name.len()];
            captures.iter().any(|it| it.path.starts_with(folder))
        });
    }
}
