//! Lossy compare: clipping, quantizing, and both, side by side.

use super::common::{QUANT_BITS, choices, method, when};
use super::gather::{Gather, lossy_rows};
use super::rows::{CaptureInfo, Group, Report, ReportFile, Row, TensorRow, Variant};
use super::settings::{Kind, ParamSpec, Settings, Value};
use super::streams::{Captured, Streams};
use super::tally::Collected;
use super::{Analysis, Fold, MeasureError};
use crate::lossy::{Clipping, clip, quantize};
use crate::metrics::errors;
use crate::order::sort_by;
use crate::par;
use crate::report::csv::Csv;
use crate::report::float::{fixed, text};
use crate::tensor::Tensor;
use std::sync::Arc;

/// The command line's name.
pub const NAME: &str = "lossy-compare";

/// Tensors beyond this many bytes keep all threads busy by their planes and passes alone.
const LARGE: usize = 1 << 20;

/// The settings of its own.
pub fn specs() -> Vec<ParamSpec> {
    let Kind::Int { min, max } = QUANT_BITS else {
        unreachable!("bits are whole numbers")
    };
    let modes = choices(&[
        ("clip", "Clip"),
        ("quant", "Quantize"),
        ("clip-quant", "Clip, then quantize"),
    ]);
    let methods = choices(&[
        ("both", "Both"),
        ("percentile", "Percentiles"),
        ("sigma", "Standard deviations"),
    ]);
    vec![
        method(
            "modes",
            "Modes",
            "What is compared.",
            "",
            Kind::ChoiceList { choices: modes },
            Value::texts(&["clip", "quant", "clip-quant"]),
        ),
        when(
            method(
                "bits",
                "Bits",
                "Quantizer bits.",
                "bits",
                QUANT_BITS,
                Value::Int(8),
            ),
            "modes",
            &["quant", "clip-quant"],
        ),
        when(
            method(
                "bits-list",
                "Bits list",
                "Several quantizer bits; when given, it takes the place of bits.",
                "bits",
                Kind::IntList {
                    min,
                    max,
                    empty: true,
                },
                Value::Ints(Vec::new()),
            ),
            "modes",
            &["quant", "clip-quant"],
        ),
        when(
            method(
                "clip-method",
                "Clip by",
                "Where values are cut off: at percentiles, at standard deviations from the mean, or both in turn.",
                "",
                Kind::Choice { choices: methods },
                Value::text("both"),
            ),
            "modes",
            &["clip", "clip-quant"],
        ),
        when(
            method(
                "clip-percentiles",
                "Percentiles",
                "The lower and upper percentile that values are clipped to.",
                "%",
                Kind::Range {
                    min: 0.0,
                    max: 100.0,
                },
                Value::Floats(vec![1.0, 99.0]),
            ),
            "clip-method",
            &["both", "percentile"],
        ),
        when(
            method(
                "clip-sigma",
                "Sigma",
                "Values are clipped to the mean plus and minus this many standard deviations.",
                "std",
                Kind::Float {
                    min: 0.0,
                    max: 1000.0,
                },
                Value::Float(3.0),
            ),
            "clip-method",
            &["both", "sigma"],
        ),
    ]
}

/// What a variant does: clips (by the clipping of this place), then quantizes.
#[derive(Clone, Copy, Debug)]
struct Steps {
    clip: Option<usize>,
    bits: Option<u32>,
}

/// The comparison.
pub struct LossyCompare {
    settings: Settings,
    streams: Streams,
    clippings: Vec<Clipping>,
    steps: Vec<Steps>,
    variants: Vec<Arc<Variant>>,
}

impl LossyCompare {
    /// With these settings.
    pub fn new(settings: Settings, verify: bool) -> Self {
        let percentiles = settings.floats("clip-percentiles");
        let mut clippings = vec![
            (
                "clip_percentile",
                Clipping::Percentiles(percentiles[0], percentiles[1]),
            ),
            ("clip_sigma", Clipping::Sigma(settings.float("clip-sigma"))),
        ];
        match settings.text("clip-method") {
            "percentile" => clippings.truncate(1),
            "sigma" => drop(clippings.remove(0)),
            _ => {}
        }
        let bits = match settings.ints("bits-list") {
            [] => vec![settings.int("bits")],
            list => list.to_vec(),
        };
        let has = |mode: &str| settings.texts("modes").iter().any(|chosen| chosen == mode);
        let (mut steps, mut variants) = (Vec::new(), Vec::new());
        let mut add = |label: &str, clip: Option<usize>, bits: Option<i64>| {
            steps.push(Steps {
                clip,
                bits: bits.map(|bits| bits as u32),
            });
            variants.push(Arc::new(Variant::new(label, bits.unwrap_or(0))));
        };
        if has("clip") {
            clippings
                .iter()
                .enumerate()
                .for_each(|(place, (name, _))| add(name, Some(place), None));
        }
        if has("quant") {
            bits.iter()
                .for_each(|&bits| add("quant_only", None, Some(bits)));
        }
        if has("clip-quant") {
            for &bits in &bits {
                for (place, (name, _)) in clippings.iter().enumerate() {
                    add(&format!("{name}+quant"), Some(place), Some(bits));
                }
            }
        }
        let streams = Streams::new(&settings, verify);
        let clippings = clippings
            .into_iter()
            .map(|(_, clipping)| clipping)
            .collect();
        Self {
            settings,
            streams,
            clippings,
            steps,
            variants,
        }
    }

    /// One tensor's part of every row. A clipping is made once for all variants that begin with it.
    fn tensor(&self, captured: &Captured) -> Result<Vec<TensorRow>, MeasureError> {
        let mut starts: Vec<Option<usize>> = self.steps.iter().map(|steps| steps.clip).collect();
        sort_by(&mut starts, Ord::cmp);
        starts.dedup();
        let from = |start: &Option<usize>| self.variants_from(captured, *start);
        // Large tensors one start after the other: each holds a copy or two of the tensor.
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
        sort_by(&mut rows, |(a, _), (b, _)| a.cmp(b));
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    /// The rows, with their places, of the variants that begin with this clipping (or with none).
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
                || self.streams.lossy(captured, values),
                || errors(original, [values].as_slice()),
            );
            rows.push((place, captured.row(streams?, 0, errors.first().copied())));
        }
        Ok(rows)
    }
}

impl Analysis for LossyCompare {
    fn selects(&self, capture: &CaptureInfo) -> bool {
        !self.streams.keeps(capture.layer_id)
    }

    fn combinations(&self) -> usize {
        self.variants.len()
    }

    fn measure(
        &self,
        capture: &Arc<CaptureInfo>,
        k: &Tensor,
        v: &Tensor,
    ) -> Result<Vec<Row>, MeasureError> {
        lossy_rows(capture, k, v, &self.variants, |captured| {
            self.tensor(captured)
        })
    }

    fn fold(&self, _: &str) -> Box<dyn Fold> {
        let variants = self.variants.iter().map(|variant| (**variant).clone());
        Box::new(Gather::new(&self.settings, variants, report))
    }
}

fn report(settings: Settings, collected: Collected) -> Report {
    let groups = collected.groups();
    let files = vec![
        ReportFile::new("lossy_compare.csv", table(collected.rows())),
        ReportFile::new("lossy_compare_summary.md", summary(&groups).into_bytes()),
    ];
    collected.report(NAME, settings, groups, None, files)
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

/// `lossy_compare_summary.md`: a section for every variant that has rows.
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
