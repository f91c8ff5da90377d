//! Block-norm: each block of a head's vector is normalised by its largest magnitude and quantized.

use super::block_grid::{Grid, Storage, storage_params};
use super::collect_rows::CollectRows;
use super::error::MeasureError;
use super::param::{Kind, ParamSpec};
use super::preset::Preset;
use super::report::{CaptureInfo, Group, Report, ReportFile, Row, Variant};
use super::settings::{Settings, SettingsError};
use super::shared_settings::{QUANT_BITS, SharedSettings, with_shared};
use super::spec::{AnalysisSpec, Variants, ready};
use super::unit::{Analysis, Fold, Unit};
use super::value::Choices;
use super::weighted::Collected;
use crate::numeric::python_float::{fixed, text};
use crate::report::csv::Csv;
use crate::tensor::Tensor;

/// Name of the analysis.
pub(super) const NAME: &str = "blocknorm";

/// Spec of the block-norm analysis.
pub fn spec() -> AnalysisSpec {
    AnalysisSpec {
        name: NAME,
        label: "Block-norm",
        help: "Blocks normalised by their largest magnitude and quantized.",
        variants: Variants::One,
        variant_noun: "combination",
        variant_analysis: None,
        measures_lossless: false,
        charts: &["ratio", "bytes", "error"],
        params: params(),
        speed_target: Some(1.5),
        build: |settings| {
            Ok(ready(BlockNorm::new(BlockNormSettings::try_from(
                settings,
            )?)))
        },
    }
}

/// Blocks of this many values, quantized to this many bits, in every layer.
pub(super) fn preset(block_size: usize, bits: u32) -> Preset {
    let settings = [
        ("block-size", block_size.to_string()),
        ("bits", bits.to_string()),
    ];
    Preset::of_all_layers(NAME, settings)
}

fn params() -> Vec<ParamSpec> {
    let mut params = vec![
        ParamSpec::method(
            "block-size",
            "Block size",
            "Values that share a scale, along head_dim.",
            "values",
            Kind::Int {
                min: 1,
                max: 65_536,
            },
            64,
        ),
        ParamSpec::method(
            "topk-ratio",
            "Top-k ratio",
            "The fraction of the blocks, those with the most energy, that get an exact scale.",
            "",
            Kind::Float { min: 0.0, max: 1.0 },
            0.8,
        ),
        ParamSpec::method(
            "bits",
            "Bits",
            "Quantizer bits within a block.",
            "bits",
            QUANT_BITS,
            10,
        ),
    ];
    params.extend(storage_params());
    with_shared(params)
}

struct BlockNormSettings {
    block_size: usize,
    topk_ratio: f64,
    bits: u32,
    stored: Stored,
}

/// What the summary says of how blocks are stored, beside their size and bits.
#[derive(Clone, Copy, Debug)]
pub struct Stored {
    /// Bytes stored beside the values.
    pub storage: Storage,
    /// Lossless layers and compression.
    pub shared: SharedSettings,
}

impl TryFrom<&Settings> for Stored {
    type Error = SettingsError;

    fn try_from(settings: &Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            storage: settings.try_into()?,
            shared: settings.try_into()?,
        })
    }
}

impl TryFrom<&Settings> for BlockNormSettings {
    type Error = SettingsError;

    fn try_from(settings: &Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            block_size: settings.read("block-size")?,
            topk_ratio: settings.read("topk-ratio")?,
            bits: settings.read("bits")?,
            stored: settings.try_into()?,
        })
    }
}

struct BlockNorm {
    stored: Stored,
    grid: Grid,
}

impl BlockNorm {
    fn new(settings: BlockNormSettings) -> Self {
        let stored = settings.stored;
        let (sizes, ratios) = (vec![settings.block_size], vec![settings.topk_ratio]);
        let bits = vec![settings.bits];
        Self {
            stored,
            grid: Grid::new(sizes, ratios, bits, stored.storage, stored.shared),
        }
    }
}

impl Analysis for BlockNorm {
    type Found = Vec<Row>;

    fn selects(&self, capture: &CaptureInfo) -> bool {
        self.grid.selects(capture)
    }

    fn measure(&self, unit: &Unit) -> Result<Vec<Row>, MeasureError> {
        self.grid.measure(unit)
    }

    fn fold(&self, _: &str) -> Box<dyn Fold<Vec<Row>>> {
        let stored = self.stored;
        let report = move |collected| report(stored, collected);
        Box::new(CollectRows::new(self.grid.variants(), report))
    }

    fn compressed(&self, _: &CaptureInfo, tensor: &Tensor) -> Vec<Tensor> {
        self.grid.compressed(tensor)
    }
}

fn report(stored: Stored, collected: Collected) -> Report {
    let mut lines = Lines::default();
    collected.rows().iter().for_each(|row| lines.push(row));
    let groups = collected.groups();
    let summary = summary(stored, &groups[0]);
    let files = vec![
        ReportFile::new("blocknorm_metrics.csv", lines.into_bytes()),
        ReportFile::new("blocknorm_summary.md", summary.into_bytes()),
    ];
    collected.report(groups, Some(0), files)
}

/// Builds `blocknorm_metrics.csv`, a line for each row.
pub struct Lines(Csv);

impl Default for Lines {
    fn default() -> Self {
        let header = "layer_id,stage,seq_len,kv_heads,head_dim,bytes_per_elem,block_size,topk_ratio,bits,\
                      k_ratio,v_ratio,k_mae,k_cosine,v_mae,v_cosine";
        Self(Csv::new(header, "\r\n"))
    }
}

impl Lines {
    /// Appends a row's line.
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

    /// The finished file.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }
}

/// The text of `blocknorm_summary.md` for the rows of one variant.
pub fn summary(stored: Stored, group: &Group) -> String {
    let Stored { storage, shared } = stored;
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
        shared.lossless_first_n,
        group.variant.block_size.unwrap_or(0),
        text(group.variant.topk_ratio.unwrap_or(0.0)),
        group.variant.bits,
        storage.scale,
        storage.topk_scale,
        shared.compression.mode.name(),
        fixed(all.k_ratio, 3),
        fixed(all.v_ratio, 3),
        fixed(all.kv_ratio, 3),
        fixed(k.mae, 6),
        fixed(k.cosine, 6),
        fixed(v.mae, 6),
        fixed(v.cosine, 6),
    )
}
