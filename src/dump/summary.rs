//! Summary of a dump's contents, for `kvlens scan` and the page.

use std::collections::BTreeMap;

use serde::Serialize;

use super::arrays::TensorGuess;
use super::capture::Capture;
use super::contents::Dump;
use super::problem::{Note, Problem};
use super::queries::{AttentionInfo, Queries};
use super::unread::OtherFiles;

/// Summary of a dump's contents.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct DumpSummary {
    /// Number of captures.
    pub captures: usize,
    /// Size of all K and V tensors, in bytes.
    pub bytes: u64,
    /// Runs, sorted by name.
    pub runs: Vec<RunSummary>,
    /// Layers of all runs, sorted by number.
    pub layers: Vec<LayerCount>,
    /// Stages that occur.
    pub stages: Vec<StageCount>,
    /// Shapes that occur, sorted by their dimensions.
    pub shapes: Vec<ShapeCount>,
    /// Element types that occur.
    pub dtypes: Vec<DtypeCount>,
    /// Captured queries, by run and layer.
    pub queries: Vec<QueryCount>,
    /// How arrays without meta files were interpreted, and what the user must be asked about them.
    pub guesses: Vec<TensorGuess>,
    /// Files that no format reads, grouped by extension.
    pub others: Vec<OtherFiles>,
    /// What could not be used, and why.
    pub problems: Vec<Problem>,
    /// Notes on files that are read but need a remark.
    pub notes: Vec<Note>,
}

/// Summary of one run.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    /// Name of the run; may be empty.
    pub run: String,
    /// Number of captures.
    pub captures: usize,
    /// Size of its K and V tensors, in bytes.
    pub bytes: u64,
    /// Its layers, sorted by number.
    pub layers: Vec<LayerCount>,
    /// Stages that occur in it.
    pub stages: Vec<StageCount>,
    /// Shapes that occur in it.
    pub shapes: Vec<ShapeCount>,
    /// Element types that occur in it.
    pub dtypes: Vec<DtypeCount>,
}

/// Captures and bytes of one layer.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct LayerCount {
    /// Layer number in the model; -1 if unknown.
    pub layer_id: i64,
    /// Number of captures of the layer.
    pub captures: usize,
    /// Size of the layer's K and V tensors, in bytes.
    pub bytes: u64,
    /// Size of its V tensors alone, in bytes.
    pub v_bytes: u64,
}

/// Number of captures of a stage.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct StageCount {
    /// Stage: `prefill`, `decode`, `unknown` or another.
    pub stage: String,
    /// Number of captures of the stage.
    pub captures: usize,
}

/// Number of captures of a shape.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ShapeCount {
    /// Number of tokens.
    pub seq_len: usize,
    /// Number of KV heads of K.
    pub kv_heads: usize,
    /// Head dimension of K.
    pub head_dim: usize,
    /// Number of KV heads of V; absent if equal to K's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v_kv_heads: Option<usize>,
    /// Head dimension of V; absent if equal to K's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v_head_dim: Option<usize>,
    /// Number of captures of the shape.
    pub captures: usize,
}

/// Number of captures of an element type.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct DtypeCount {
    /// Element type: `fp16`, `bf16`, `fp32`, `fp8_e4m3` or `fp8_e5m2`.
    pub dtype: String,
    /// Number of captures of the element type.
    pub captures: usize,
}

/// Captured queries of a layer.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct QueryCount {
    /// Path of the file that describes the queries.
    pub path: String,
    /// Run that the queries belong to.
    pub run: String,
    /// Layer that the queries belong to.
    pub layer_id: i64,
    /// Number of positions with queries.
    pub queries: usize,
    /// Number of query heads.
    pub q_heads: usize,
    /// Head dimension.
    pub head_dim: usize,
    /// Size of the queries, in bytes.
    pub bytes: u64,
    /// How the layer's attention is computed.
    #[serde(flatten)]
    pub attention: AttentionInfo,
}

impl Dump {
    /// Summarizes the dump's contents.
    pub fn summary(&self) -> DumpSummary {
        let mut runs: BTreeMap<&str, Tally> = BTreeMap::new();
        let mut all = Tally::default();
        for capture in &self.captures {
            runs.entry(&capture.run).or_default().add(capture);
            all.add(capture);
        }
        let RunSummary {
            captures,
            bytes,
            layers,
            stages,
            shapes,
            dtypes,
            ..
        } = all.summary("");
        let runs = runs
            .into_iter()
            .map(|(run, tally)| tally.summary(run))
            .collect();
        DumpSummary {
            captures,
            bytes,
            runs,
            layers,
            stages,
            shapes,
            dtypes,
            queries: self
                .queries
                .iter()
                .map(|queries| QueryCount::of(queries))
                .collect(),
            guesses: self.guesses.clone(),
            others: self.others.clone(),
            problems: self.problems.clone(),
            notes: self.notes.clone(),
        }
    }
}

impl QueryCount {
    fn of(queries: &Queries) -> Self {
        Self {
            path: queries.path.clone(),
            run: queries.run.clone(),
            layer_id: queries.layer_id,
            queries: queries.positions.len(),
            q_heads: queries.heads,
            head_dim: queries.head_dim,
            bytes: queries.bytes(),
            attention: queries.attention,
        }
    }
}

/// Counts over captures.
#[derive(Default)]
struct Tally<'a> {
    captures: usize,
    bytes: u64,
    layers: BTreeMap<i64, LayerCount>,
    stages: BTreeMap<&'a str, usize>,
    shapes: BTreeMap<[usize; 5], usize>,
    dtypes: BTreeMap<&'static str, usize>,
}

impl<'a> Tally<'a> {
    fn add(&mut self, capture: &'a Capture) {
        let shape = capture.shape;
        self.captures += 1;
        self.bytes = self.bytes.saturating_add(capture.bytes());
        let new = LayerCount {
            layer_id: capture.layer_id,
            captures: 0,
            bytes: 0,
            v_bytes: 0,
        };
        let layer = self.layers.entry(capture.layer_id).or_insert(new);
        layer.captures += 1;
        layer.bytes = layer.bytes.saturating_add(capture.bytes());
        layer.v_bytes = layer.v_bytes.saturating_add(capture.v_bytes());
        *self.stages.entry(&capture.stage).or_default() += 1;
        *self
            .shapes
            .entry([
                shape.seq_len,
                shape.kv_heads,
                shape.head_dim,
                capture.v_shape.kv_heads,
                capture.v_shape.head_dim,
            ])
            .or_default() += 1;
        *self.dtypes.entry(capture.dtype.name()).or_default() += 1;
    }

    fn summary(self, run: &str) -> RunSummary {
        let stage = |(stage, captures): (&str, usize)| StageCount {
            stage: stage.to_owned(),
            captures,
        };
        let shape = |(sizes, captures): ([usize; 5], usize)| {
            let [seq_len, kv_heads, head_dim, v_heads, v_dim] = sizes;
            ShapeCount {
                seq_len,
                kv_heads,
                head_dim,
                v_kv_heads: (v_heads != kv_heads).then_some(v_heads),
                v_head_dim: (v_dim != head_dim).then_some(v_dim),
                captures,
            }
        };
        let dtype = |(dtype, captures): (&str, usize)| DtypeCount {
            dtype: dtype.to_owned(),
            captures,
        };
        RunSummary {
            run: run.to_owned(),
            captures: self.captures,
            bytes: self.bytes,
            layers: self.layers.into_values().collect(),
            stages: self.stages.into_iter().map(stage).collect(),
            shapes: self.shapes.into_iter().map(shape).collect(),
            dtypes: self.dtypes.into_iter().map(dtype).collect(),
        }
    }
}
