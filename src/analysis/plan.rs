//! Selects the captures of a dump that an analysis measures.

use super::report::CaptureInfo;
use super::settings::{Settings, SettingsError};
use super::shared_settings::Stage;
use super::unit::{Analysis, Found};
use super::value::Choices;
use crate::dump::{Capture, Dump};
use std::sync::Arc;

impl CaptureInfo {
    /// Describes the capture at `index` of a dump for its rows.
    pub fn new(index: usize, capture: &Capture) -> Self {
        let other = |of_k: usize, of_v: usize| (of_v != of_k).then_some(of_v as u64);
        Self {
            index,
            layer_id: capture.layer_id,
            stage: capture.stage.clone(),
            seq_len: capture.shape.seq_len as u64,
            kv_heads: capture.shape.kv_heads as u64,
            head_dim: capture.shape.head_dim as u64,
            v_kv_heads: other(capture.shape.kv_heads, capture.v_shape.kv_heads),
            v_head_dim: other(capture.shape.head_dim, capture.v_shape.head_dim),
            bytes_per_elem: capture.dtype.size() as u32,
            dtype: capture.dtype.name(),
        }
    }
}

/// The user's choice of captures, by stage and length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Stage of the captures.
    pub stage: Stage,
    /// Smallest seq_len; 0 means no bound.
    pub min_seq_len: i64,
    /// Largest seq_len; 0 means no bound.
    pub max_seq_len: i64,
}

impl TryFrom<&Settings> for Filter {
    type Error = SettingsError;

    fn try_from(settings: &Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            stage: settings.read("stage")?,
            min_seq_len: settings.read("min-seq-len")?,
            max_seq_len: settings.read("max-seq-len")?,
        })
    }
}

impl Filter {
    /// Whether the filter keeps this capture.
    pub fn keeps(&self, capture: &CaptureInfo) -> bool {
        let seq_len = i64::try_from(capture.seq_len).unwrap_or(i64::MAX);
        (self.stage == Stage::Both || self.stage.name() == capture.stage)
            && (self.min_seq_len <= 0 || seq_len >= self.min_seq_len)
            && (self.max_seq_len <= 0 || seq_len <= self.max_seq_len)
    }
}

/// The captures of a dump that an analysis will measure.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub(super) captures: Vec<Arc<CaptureInfo>>,
    kept: usize,
    combinations: usize,
}

impl Plan {
    /// The captures that the filter keeps and the analysis selects.
    pub(super) fn new<F: Found>(
        dump: &Dump,
        filter: &Filter,
        analysis: &dyn Analysis<Found = F>,
    ) -> Self {
        let infos = dump
            .captures
            .iter()
            .enumerate()
            .map(|(index, capture)| CaptureInfo::new(index, capture));
        let kept: Vec<CaptureInfo> = infos.filter(|info| filter.keeps(info)).collect();
        let count = kept.len();
        let selected = kept
            .into_iter()
            .filter(|info| analysis.selects(info))
            .map(Arc::new);
        Self {
            captures: selected.collect(),
            kept: count,
            combinations: analysis.combinations(),
        }
    }

    /// Number of captures that are measured.
    pub fn captures(&self) -> usize {
        self.captures.len()
    }

    /// Number of captures that the filter keeps, including those of layers without rows; if it is 0, there is no report.
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// Bytes of K and V in the measured captures.
    pub fn bytes(&self) -> u64 {
        self.captures.iter().map(|info| info.bytes()).sum()
    }

    /// Number of ways in which each capture is measured: the grid points of a sweep, 1 for an analysis of one variant.
    pub fn combinations(&self) -> usize {
        self.combinations
    }

    /// Indices in the dump of the captures that are measured, in dump order.
    pub fn indices(&self) -> impl Iterator<Item = usize> + Clone {
        self.captures.iter().map(|info| info.index)
    }
}
