//! Lossy compare: clipping, quantizing, and both, side by side.

use super::collect_rows::{CollectRows, lossy_rows};
use super::compression::Captured;
use super::error::MeasureError;
use super::packed_size;
use super::param::{Kind, ParamSpec};
use super::report::{CaptureInfo, Group, Report, ReportFile, Row, TensorRow, Variant};
use super::settings::{Settings, SettingsError};
use super::shared_settings::{
    MAX_QUANT_BITS, MIN_QUANT_BITS, QUANT_BITS, SharedSettings, with_shared,
};
use super::spec::{AnalysisSpec, Variants, ready};
use super::unit::{Analysis, Fold, Unit};
use super::value::{Choices, Value};
use super::weighted::Collected;
use crate::lossy::{Clipping, clip, quantize};
use crate::metrics::errors;
use crate::numeric::python_float::{fixed, text};
use crate::par;
use crate::report::csv::Csv;
use crate::tensor::Tensor;
use std::sync::Arc;

/// Tensors larger than this, in bytes, keep all threads busy by their own planes and passes.
const LARGE: usize = 1 << 20;

/// Spec of the comparison.
pub fn spec() -> AnalysisSpec {
    AnalysisSpec {
        name: "lossy-compare",
        label: "Compare",
        help: "Clipping, quantizing, and both, side by side.",
        variants: Variants::Many,
        variant_noun: "method",
        variant_analysis: None,
        measures_lossless: false,
        charts: &["lossy-compare"],
        params: params(),
        speed_target: Some(1.5),
        build: |settings| {
            Ok(ready(LossyCompare::new(CompareSettings::try_from(
                settings,
            )?)))
        },
    }
}

fn params() -> Vec<ParamSpec> {
    with_shared(vec![
        ParamSpec::method(
            "modes",
            "Modes",
            "Which methods are compared.",
            "",
            Kind::choice_list::<Compared>(),
            Value::Texts(Compared::ALL.iter().map(|&(_, name, _)| name.to_owned()).collect()),
        ),
        ParamSpec::method(
                "bits",
                "Bits",
                "Quantizer bits.",
                "bits",
                QUANT_BITS,
                8,
        ).when("modes", &["quant", "clip-quant"]),
        ParamSpec::method(
                "bits-list",
                "Bits list",
                "Several quantizer bit widths; if given, they replace bits.",
                "bits",
                Kind::IntList {
                    min: MIN_QUANT_BITS,
                    max: MAX_QUANT_BITS,
                    empty: true,
                },
                Value::Ints(Vec::new()),
        ).when("modes", &["quant", "clip-quant"]),
        ParamSpec::method(
                "clip-method",
                "Clip by",
                "Bounds that values are clipped to: percentiles, standard deviations from the mean, or each in turn.",
                "",
                Kind::choice::<ClipBy>(),
                ClipBy::Both.name(),
        ).when("modes", &["clip", "clip-quant"]),
        ParamSpec::method(
                "clip-percentiles",
                "Percentiles",
                "The lower and upper percentile that values are clipped to.",
                "%",
                Kind::Range {
                    min: 0.0,
                    max: 100.0,
                },
                vec![1.0, 99.0],
        ).when("clip-method", &["both", "percentile"]),
        ParamSpec::method(
                "clip-sigma",
                "Sigma",
                "Values are clipped to the mean plus and minus this many standard deviations.",
                "std",
                Kind::Float {
                    min: 0.0,
                    max: 1000.0,
                },
                3.0,
        ).when("clip-method", &["both", "sigma"]),
    ])
}

/// Which methods are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compared {
    Clip,
    Quant,
    ClipQuant,
}

impl Choices for Compared {
    const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (Self::Clip, "clip", "Clip"),
        (Self::Quant, "quant", "Quantize"),
        (Self::ClipQuant, "clip-quant", "Clip, then quantize"),
    ];
}

/// How the bounds that values are clipped to are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClipBy {
    Both,
    Percentile,
    Sigma,
}

impl Choices for ClipBy {
    const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (Self::Both, "both", "Both"),
        (Self::Percentile, "percentile", "Percentiles"),
        (Self::Sigma, "sigma", "Standard deviations"),
    ];
}

struct CompareSettings {
    modes: Vec<Compared>,
    bits: Vec<u32>,
    clip_by: ClipBy,
    percentiles: [f64; 2],
    sigma: f64,
    shared: SharedSettings,
}

impl TryFrom<&Settings> for CompareSettings {
    type Error = SettingsError;

    fn try_from(settings: &Settings) -> Result<Self, SettingsError> {
        let mut bits: Vec<u32> = settings.read("bits-list")?;
        if bits.is_empty() {
            bits.push(settings.read("bits")?);
        }
        Ok(Self {
            modes: settings.read("modes")?,
            bits,
            clip_by: settings.read("clip-method")?,
            percentiles: settings.read("clip-percentiles")?,
            sigma: settings.read("clip-sigma")?,
            shared: settings.try_into()?,
        })
    }
}

impl CompareSettings {
    /// The clippings, each with its label in the reports.
    fn clippings(&self) -> Vec<(&'static str, Clipping)> {
        let [lower, upper] = self.percentiles;
        let percentile = ("clip_percentile", Clipping::Percentiles(lower, upper));
        let sigma = ("clip_sigma", Clipping::Sigma(self.sigma));
        match self.clip_by {
            ClipBy::Both => vec![percentile, sigma],
            ClipBy::Percentile => vec![percentile],
            ClipBy::Sigma => vec![sigma],
        }
    }
}

/// What a variant does: clips (by the clipping at this index), then quantizes.
#[derive(Clone, Copy, Debug)]
struct Steps {
    clip: Option<usize>,
    bits: Option<u32>,
}

struct LossyCompare {
    shared: SharedSettings,
    clippings: Vec<Clipping>,
    steps: Vec<Steps>,
    variants: Vec<Arc<Variant>>,
}

impl LossyCompare {
    fn new(settings: CompareSettings) -> Self {
        let clippings = settings.clippings();
        let has = |mode| settings.modes.contains(&mode);
        let (mut steps, mut variants) = (Vec::new(), Vec::new());
        let mut add = |label: &str, clip: Option<usize>, bits: Option<u32>| {
            steps.push(Steps { clip, bits });
            variants.push(Arc::new(Variant::new(label, bits.map_or(0, i64::from))));
        };
        if has(Compared::Clip) {
            clippings
                .iter()
                .enumerate()
                .for_each(|(place, (name, _))| add(name, Some(place), None));
        }
        if has(Compared::Quant) {
            settings
                .bits
                .iter()
                .for_each(|&bits| add("quant_only", None, Some(bits)));
        }
        if has(Compared::ClipQuant) {
            for &bits in &settings.bits {
                for (place, (name, _)) in clippings.iter().enumerate() {
                    add(&format!("{name}+quant"), Some(place), Some(bits));
                }
            }
        }
        Self {
            shared: settings.shared,
            clippings: clippings
                .into_iter()
                .map(|(_, clipping)| clipping)
                .collect(),
            steps,
            variants,
        }
    }

    /// Measures one tensor: its part of every row. Each clipping is made once for all variants that start with it.
    fn tensor(&self, captured: &Captured) -> Result<Vec<TensorRow>, MeasureError> {
        let mut starts: Vec<Option<usize>> = self.steps.iter().map(|steps| steps.clip).collect();
        starts.sort();
        starts.dedup();
        let from = |start: &Option<usize>| self.variants_from(captured, *start);
        // Large tensors are taken one after another: each holds a copy or two of the tensor.
        let rows: Vec<Result<Vec<_>, _>> = if captured.tensor.bytes().len() > LARGE {
            starts.iter().map(from).collect()
        } else {
            par::map(&starts, &from)
        };
        let mut rows: Vec<(usize, TensorRow)> = rows
            .into_iter()
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect();
        rows.sort_by_key(|(place, _)| *place);
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    /// The rows, with their indices, of the variants that start with this clipping (or with none).
    fn variants_from(
        &self,
        captured: &Captured,
        start: Option<usize>,
    ) -> Result<Vec<(usize, TensorRow)>, MeasureError> {
        let original = captured.tensor;
        let clipped = start.map(|place| clip(original, self.clippings[place]));
        let clipped = clipped.as_ref().unwrap_or(original);
        let mut rows = Vec::new();
        for (place, steps) in self
            .steps
            .iter()
            .enumerate()
            .filter(|(_, steps)| steps.clip == start)
        {
            let quantized = steps.bits.map(|bits| quantize(clipped, bits));
            let values = quantized.as_ref().unwrap_or(clipped);
            let (streams, errors) = par::join(
                || self.shared.compression.lossy(captured, values),
                || errors(original, [values].as_slice()),
            );
            let packed = steps.bits.map(|bits| packed_size::quantized(clipped, bits));
            let row = captured.row(streams?, 0, errors.first().copied(), packed);
            rows.push((place, row));
        }
        Ok(rows)
    }
}

impl Analysis for LossyCompare {
    type Found = Vec<Row>;

    fn selects(&self, capture: &CaptureInfo) -> bool {
        !self.shared.keeps(capture.layer_id)
    }

    fn combinations(&self) -> usize {
        self.variants.len()
    }

    fn measure(&self, unit: &Unit) -> Result<Vec<Row>, MeasureError> {
        lossy_rows(unit, &self.variants, |captured| self.tensor(captured))
    }

    fn fold(&self, _: &str) -> Box<dyn Fold<Vec<Row>>> {
        let variants = self.variants.iter().map(|variant| (**variant).clone());
        Box::new(CollectRows::new(variants, report))
    }

    fn compressed(&self, _: &CaptureInfo, tensor: &Tensor) -> Vec<Tensor> {
        let values = |steps: &Steps| {
            let clipped = steps.clip.map(|place| clip(tensor, self.clippings[place]));
            let clipped = clipped.as_ref().unwrap_or(tensor);
            steps
                .bits
                .map_or_else(|| clipped.clone(), |bits| quantize(clipped, bits))
        };
        self.steps.iter().map(values).collect()
    }
}

fn report(collected: Collected) -> Report {
    let groups = collected.groups();
    let files = vec![
        ReportFile::new("lossy_compare.csv", table(collected.rows())),
        ReportFile::new("lossy_compare_summary.md", summary(&groups).into_bytes()),
    ];
    collected.report(groups, None, files)
}

fn table(rows: &[Row]) -> Vec<u8> {
    let header = "layer_id,stage,seq_len,kv_heads,head_dim,bytes_per_elem,method,bits,\
                  k_ratio,v_ratio,k_mae,k_cosine,v_mae,v_cosine";
    let mut csv = Csv::new(header, "\r\n");
    for row in rows {
        let (k, v) = (
            row.k.errors.unwrap_or_default(),
            row.v.errors.unwrap_or_default(),
        );
        let mut fields = row.capture.fields();
        fields.extend([row.variant.label.clone(), row.variant.bits.to_string()]);
        fields.extend([row.k.ratio, row.v.ratio, k.mae, k.cosine, v.mae, v.cosine].map(text));
        csv.line(&fields);
    }
    csv.into_bytes()
}

/// The contents of `lossy_compare_summary.md`: a section for each variant that has rows.
fn summary(groups: &[Group]) -> String {
    let section = |group: &Group| {
        let (variant, all) = (&group.variant, &group.all);
        let (k, v) = (
            all.k_errors.unwrap_or_default(),
            all.v_errors.unwrap_or_default(),
        );
        format!(
            "## {} (bits={})\n\
             - Weighted K ratio: {}\n\
             - Weighted V ratio: {}\n\
             - K MAE: {}, K Cosine: {}\n\
             - V MAE: {}, V Cosine: {}\n\n",
            variant.label,
            variant.bits,
            fixed(all.k_ratio, 3),
            fixed(all.v_ratio, 3),
            fixed(k.mae, 6),
            fixed(k.cosine, 6),
            fixed(v.mae, 6),
            fixed(v.cosine, 6),
        )
    };
    let sections: String = groups
        .iter()
        .filter(|group| group.all.rows > 0)
        .map(section)
        .collect();
    format!("# Lossy Compare Summary\n\n{sections}")
}
