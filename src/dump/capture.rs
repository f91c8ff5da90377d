//! A capture: K and V of one layer for a span of tokens, described; and the dump that lists them.

use std::sync::Arc;

use super::fetches::Fetches;
use super::load::{Fetched, Place};
use super::mapping::TensorGuess;
use super::natural::natural_cmp;
use super::problem::Problem;
use crate::order::sort_by;
use crate::tensor::{Dtype, Shape};

/// K and V of one layer for a span of tokens: what they are, and where their bytes lie.
#[derive(Clone, Debug)]
pub struct Capture {
    /// Path of the meta file, or of the file that holds the tensors with the layer behind it; unique within a dump.
    pub path: String,
    /// The run it belongs to: `run_id`, else the folder above the layer's, else "".
    pub run: String,
    /// The model's own number of the layer; -1 where it isn't known.
    pub layer_id: i64,
    /// `prefill`, `decode`, `unknown`, or whatever else the file says.
    pub stage: String,
    /// Position of the first token.
    pub seq_start: u64,
    /// Shape of K, and of V.
    pub shape: Shape,
    /// Element type of K and V.
    pub dtype: Dtype,
    /// Path that the meta file has, or would have, relative to the outermost archive.
    pub(super) inner: Option<String>,
    pub(super) k: Place,
    pub(super) v: Place,
}

impl Capture {
    /// Bytes of K and V together.
    pub fn bytes(&self) -> u64 {
        // Checked when the capture was made: both tensors fit in memory.
        2 * self.shape.bytes(self.dtype).unwrap_or(0) as u64
    }

    /// Path that the meta file has, or would have, relative to the outermost archive; `None` for plain arrays.
    pub fn meta_path(&self) -> Option<&str> {
        self.inner.as_deref()
    }

    /// Reads what `decode` needs, whatever the order of calls. To read many captures use [`Dump::fetches`].
    ///
    /// # Errors
    /// When the file has changed since the scan or can't be read.
    pub fn fetch(self: &Arc<Self>) -> Result<Fetched, Problem> {
        Fetched::read(self)
    }
}

/// The captures of one or several sources, and what could not be used of them.
#[derive(Clone, Debug, Default)]
pub struct Dump {
    /// In natural path order: the order of report rows and of every sum.
    pub captures: Vec<Arc<Capture>>,
    /// What was left out and why, in natural path order.
    pub problems: Vec<Problem>,
    /// How the arrays of `.npy`, `.npz` and `.safetensors` files were understood.
    pub guesses: Vec<TensorGuess>,
    /// See [`super::Limits::pending_bytes`].
    pub(super) pending_bytes: u64,
}

impl Dump {
    /// Fetches the captures of these indices one after the other, each as `(index, fetched)`, in the order that is
    /// cheapest to read. A capture that can't be read gives its problem and the others go on.
    ///
    /// # Panics
    /// When an index is out of range.
    pub fn fetches(&self, indices: impl IntoIterator<Item = usize>) -> Fetches {
        let capture = |index: usize| (index, Arc::clone(&self.captures[index]));
        Fetches::new(
            indices.into_iter().map(capture).collect(),
            self.pending_bytes,
        )
    }

    /// The order in which [`Dump::fetches`] gives these captures.
    ///
    /// # Panics
    /// When an index is out of range.
    pub fn fetch_order(&self, indices: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let capture = |index: usize| (index, Arc::clone(&self.captures[index]));
        Fetches::order(
            indices.into_iter().map(capture).collect(),
            self.pending_bytes,
        )
    }

    /// Takes in another dump, keeping the order; a path that is already there is a problem, not a second capture.
    pub fn merge(&mut self, other: Self) {
        self.captures.extend(other.captures);
        self.problems.extend(other.problems);
        self.guesses.extend(other.guesses);
        self.pending_bytes = self.pending_bytes.max(other.pending_bytes);
        self.sort();
    }

    /// Brings all in order, and leaves out captures whose path is taken.
    pub(super) fn sort(&mut self) {
        sort_by(&mut self.captures, |a, b| natural_cmp(&a.path, &b.path));
        let problems = &mut self.problems;
        self.captures.dedup_by(|later, earlier| {
            let same = later.path == earlier.path;
            if same {
                problems.push(Problem::field(
                    &later.path,
                    "path",
                    "it twice",
                    "each capture once; the first is used",
                ));
            }
            same
        });
        sort_by(&mut self.problems, |a, b| natural_cmp(&a.file, &b.file));
    }

    /// Leaves out all captures of the run `run`.
    pub fn remove_run(&mut self, run: &str) {
        self.captures.retain(|capture| capture.run != run);
    }
}
