//! Block-norm: every block of a head's vector normalised by its greatest value and quantized.

use super::common::{QUANT_BITS, block_storage, method};
use super::gather::Gather;
use super::grid::Grid;
use super::rows::{CaptureInfo, Group, Report, ReportFile, Row, Variant};
use super::settings::{Kind, ParamSpec, Settings, Value};
use super::tally::Collected;
use super::{Analysis, Fold, MeasureError};
use crate::report::csv::Csv;
use crate::report::float::{fixed, text};
use crate::tensor::Tensor;
use std::sync::Arc;

/// The command line's name.
pub const NAME: &str = "blocknorm";

/// The settings of its own.
pub fn specs() -> Vec<ParamSpec> {
    let mut specs = vec![
        method(
            "block-size",
            "Block size",
            "Values that share a scale, along head_dim.",
            "values",
            Kind::Int {
                min: 1,
                max: 65_536,
            },
            Value::Int(64),
        ),
        method(
            "topk-ratio",
            "Top-k ratio",
            "The part of the blocks, those of greatest energy, that get an exact scale.",
            "",
            Kind::Float { min: 0.0, max: 1.0 },
            Value::Float(0.8),
        ),
        method(
            "bits",
            "Bits",
            "Quantizer bits within a block.",
            "bits",
            QUANT_BITS,
            Value::Int(10),
        ),
    ];
    specs.extend(block_storage());
    specs
}

/// The block-norm analysis.
pub struct BlockNorm {
    settings: Settings,
    grid: Grid,
}

impl BlockNorm {
    /// With these settings.
    pub fn new(settings: Settings, verify: bool) -> Self {
        let (size, ratio, bits) = (
            settings.int("block-size"),
            settings.float("topk-ratio"),
            settings.int("bits"),
        );
        let grid = Grid::new(&[size], &[ratio], &[bits], &settings, verify);
        Self { settings, grid }
    }
}

impl Analysis for BlockNorm {
    fn selects(&self, capture: &CaptureInfo) -> bool {
        self.grid.selects(capture)
    }

    fn combinations(&self) -> usize {
        1
    }

    fn measure(
        &self,
        capture: &Arc<CaptureInfo>,
        k: &Tensor,
        v: &Tensor,
    ) -> Result<Vec<Row>, MeasureError> {
        self.grid.measure(capture, k, v)
    }

    fn fold(&self, _: &str) -> Box<dyn Fold> {
        Box::new(Gather::new(&self.settings, self.grid.variants(), report))
    }
}

fn report(settings: Settings, collected: Collected) -> Report {
    let mut lines = Lines::default();
    collected.rows().iter().for_each(|row| lines.push(row));
    let groups = collected.groups();
    let summary = summary(&settings, &groups[0]);
    let files = vec![
        ReportFile::new("blocknorm_metrics.csv", lines.into_bytes()),
        ReportFile::new("blocknorm_summary.md", summary.into_bytes()),
    ];
    collected.report(NAME, settings, groups, Some(0), files)
}

/// The lines of `blocknorm_metrics.csv`.
pub struct Lines(Csv);

impl Default for Lines {
    fn default() -> Self {
        let header = "layer_id,stage,seq_len,kv_heads,head_dim,bytes_per_elem,block_size,topk_ratio,bits,\
                      k_ratio,v_ratio,k_mae,k_cosine,v_mae,v_cosine";
        Self(Csv::new(header, "\r\n"))
    }
}

impl Lines {
    /// Adds the line of a row.
    pub fn push(&mut self, row: &Row) {
        let Variant {
            bits,
            block_size,
            topk_ratio,
            ..
        } = &*row.variant;
        let (k, v) = (
            row.k.errors.unwrap_or_default(),
            row.v.errors.unwrap_or_default(),
        );
        let mut fields = row.capture.fields();
        fields.extend([
            block_size.unwrap_or(0).to_string(),
            text(topk_ratio.unwrap_or(0.0)),
            bits.to_string(),
        ]);
        fields.extend([row.k.ratio, row.v.ratio, k.mae, k.cosine, v.mae, v.cosine].map(text));
        self.0.line(&fields);
    }

    /// The file's bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }
}

/// The text of `blocknorm_summary.md` on the rows of one variant.
pub fn summary(settings: &Settings, group: &Group) -> String {
    let all = &group.all;
    let (k, v) = (
        all.k_errors.unwrap_or_default(),
        all.v_errors.unwrap_or_default(),
    );
    format!(
        "# Block-Norm Summary\n\n\
         - Lossless first N layers: {}\n\
         - Block size: {}\n\
         - Top-k ratio: {}\n\
         - Quant bits: {}\n\
         - Scale bytes (all blocks): {}\n\
         - Extra scale bytes (top-k): {}\n\
         - Compress mode: {}\n\n\
         - Weighted K ratio: {}\n\
         - Weighted V ratio: {}\n\
         - Weighted KV ratio: {}\n\n\
         ## Error (weighted by elements)\n\
         - K MAE: {}\n\
         - K Cosine: {}\n\
         - V MAE: {}\n\
         - V Cosine: {}\n",
        settings.int("lossless-first-n"),
        group.variant.block_size.unwrap_or(0),
        text(group.variant.topk_ratio.unwrap_or(0.0)),
        group.variant.bits,
        settings.int("scale-bytes"),
        settings.int("topk-extra-scale-bytes"),
        settings.text("compress-mode"),
        fixed(all.k_ratio, 3),
        fixed(all.v_ratio, 3),
        fixed(all.kv_ratio, 3),
        fixed(k.mae, 6),
        fixed(k.cosine, 6),
        fixed(v.mae, 6),
        fixed(v.cosine, 6),
    )
}
