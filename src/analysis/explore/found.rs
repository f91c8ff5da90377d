//! What is found of a layer, on all passes.

use super::candidate::Candidate;
use super::steps::StepPoint;
use crate::analysis::report::NonFinite;
use crate::analysis::unit::Found;
use crate::metrics::{OutputErrors, TokenErrors};
use crate::tensor::{Dtype, Kv};
use std::collections::BTreeSet;

/// Result of a candidate on K or V of a layer.
#[derive(Clone, Debug)]
pub struct Tried {
    pub candidate: usize,
    pub kv: Kv,
    pub bytes: u64,
    pub packed_bytes: Option<u64>,
    pub errors: TokenErrors,
    /// Attention error with only this tensor replaced; absent without queries.
    pub attention: Option<f64>,
}

/// Result of a pair on a layer: figures of K and of V, and the attention error of both together.
#[derive(Clone, Debug)]
pub struct Confirmed {
    pub pair: usize,
    /// Stored bytes of K and of V; not known for the coded scheme before it is written.
    pub bytes: [u64; 2],
    pub errors: [TokenErrors; 2],
    pub attention: Option<OutputErrors>,
}

/// Result of a chosen pair on a layer: its bytes were written and read back.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    pub pair: usize,
    pub bytes: [u64; 2],
    pub errors: [TokenErrors; 2],
}

/// Results of a layer.
#[derive(Clone, Debug, Default)]
pub struct LayerFound {
    pub run: String,
    pub layer_id: i64,
    pub captures: usize,
    /// Number of tokens that were measured.
    pub tokens: u64,
    /// Element type; `None` if nothing was measured.
    pub dtype: Option<Dtype>,
    /// Number of values in K and in V.
    pub values: [u64; 2],
    /// Bytes of K and of V as captured.
    pub raw_bytes: [u64; 2],
    pub queries: usize,
    pub tried: Vec<Tried>,
    pub confirmed: Vec<Confirmed>,
    pub written: Vec<Written>,
    pub steps: Vec<StepPoint>,
    pub notes: BTreeSet<String>,
    pub non_finite: Vec<NonFinite>,
}

impl Found for LayerFound {}

/// Schemes for K and V that are measured together.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    pub k: Candidate,
    pub v: Candidate,
}
