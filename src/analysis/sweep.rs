//! Sweep: block-norm over a grid of block sizes, top-k ratios and bits, best ratio first.

use super::block_grid::{Grid, storage_params};
use super::block_norm::{self, Lines, Stored, summary};
use super::error::{JobError, MeasureError};
use super::judge::{Judge, Judged, judge};
use super::param::{Kind, ParamSpec, Section};
use super::report::{CaptureInfo, Group, OtherTypes, Report, ReportFile, Row};
use super::settings::{Settings, SettingsError, SettingsErrors};
use super::shared_settings::{MAX_QUANT_BITS, MIN_QUANT_BITS, with_shared};
use super::spec::{AnalysisSpec, Variants, ready};
use super::unit::{Analysis, Fold, Unit};
use super::value::Value;
use super::weighted::Collected;
use crate::tensor::Tensor;

/// Spec of the sweep.
pub fn spec() -> AnalysisSpec {
    AnalysisSpec {
        name: "sweep",
        label: "Sweep",
        help: "Block-norm over a grid of block sizes, top-k ratios and bits.",
        variants: Variants::Many,
        variant_noun: "combination",
        variant_analysis: Some(block_norm::NAME),
        measures_lossless: false,
        charts: &["sweep"],
        params: params(),
        speed_target: Some(4.0),
        build: |settings| Ok(ready(Sweep::new(settings)?)),
    }
}

fn params() -> Vec<ParamSpec> {
    let mut params = vec![
        ParamSpec::method(
            "block-sizes",
            "Block sizes",
            "Values that share a scale, along head_dim.",
            "values",
            Kind::IntList {
                min: 1,
                max: 65_536,
                empty: false,
            },
            vec![64_i64, 128, 256],
        ),
        ParamSpec::method(
            "topk-ratios",
            "Top-k ratios",
            "The fraction of the blocks, those with the most energy, that get an exact scale.",
            "",
            Kind::FloatList { min: 0.0, max: 1.0 },
            vec![0.02, 0.05, 0.1],
        ),
        ParamSpec::method(
            "bits-list",
            "Bits",
            "Quantizer bits within a block.",
            "bits",
            Kind::IntList {
                min: MIN_QUANT_BITS,
                max: MAX_QUANT_BITS,
                empty: false,
            },
            vec![8_i64, 10],
        ),
    ];
    params.extend(storage_params());
    let least = Kind::Float {
        min: -1.0,
        max: 1.0,
    };
    let most = Kind::Float { min: 0.0, max: 1e9 };
    let report = |flag, label, help, kind, default: Value| {
        ParamSpec::method(flag, label, help, "", kind, default).section(Section::Report)
    };
    params.extend([
        report(
            "min-k-cosine",
            "K cosine at least",
            "A combination passes if K's cosine is at least this.",
            least.clone(),
            0.9999.into(),
        ),
        report(
            "min-v-cosine",
            "V cosine at least",
            "A combination passes if V's cosine is at least this.",
            least,
            0.9999.into(),
        ),
        report(
            "max-k-mae",
            "K MAE at most",
            "A combination passes if K's mean absolute error is at most this.",
            most.clone(),
            0.01.into(),
        ),
        report(
            "max-v-mae",
            "V MAE at most",
            "A combination passes if V's mean absolute error is at most this.",
            most,
            0.002.into(),
        ),
        report(
            "top-n",
            "Combinations listed",
            "How many combinations each list in the summary has.",
            Kind::Int {
                min: 0,
                max: 100_000,
            },
            10.into(),
        ),
        report(
            "max-combos",
            "Combinations at most",
            "A larger grid is refused before work starts: each combination takes a few KB of memory, and two files if they are kept.",
            Kind::Int {
                min: 1,
                max: 10_000_000,
            },
            10_000.into(),
        ),
        report(
            "save-combo",
            "Keep combinations",
            "Also write each combination's block-norm reports, in a folder named after it.",
            Kind::Switch,
            false.into(),
        ),
    ]);
    with_shared(params)
}

/// Judges the groups of a sweep's report by the thresholds in `settings`, which have the defaults of those left out. `captures` and
/// `other_types` come from the report.
///
/// # Errors
/// When a setting is not valid, or is none of a sweep.
pub fn judge_sweep<F: AsRef<str>, V: Into<Value>>(
    settings: impl IntoIterator<Item = (F, V)>,
    groups: Vec<Group>,
    captures: usize,
    other_types: &OtherTypes,
) -> Result<Judged, JobError> {
    let settings = Settings::parse(params(), settings)?;
    let judged = judge(&settings, groups, captures, other_types);
    Ok(judged.map_err(SettingsErrors::from)?)
}

/// The thresholds, and how blocks are stored.
#[derive(Clone, Debug)]
struct SweepSettings {
    judge: Judge,
    stored: Stored,
}

impl TryFrom<&Settings> for SweepSettings {
    type Error = SettingsError;

    fn try_from(settings: &Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            judge: settings.try_into()?,
            stored: settings.try_into()?,
        })
    }
}

struct Sweep {
    settings: SweepSettings,
    grid: Grid,
}

/// Rejects a grid of too many combinations before it is built.
fn refuse_too_many(axes: [usize; 3], settings: &Settings) -> Result<(), SettingsError> {
    let most: u64 = settings.read("max-combos")?;
    let combos = axes
        .iter()
        .fold(1_u64, |all, &len| all.saturating_mul(len as u64));
    if combos <= most {
        return Ok(());
    }
    let [sizes, ratios, bits] = axes;
    Err(SettingsError::Invalid {
        flag: "max-combos",
        value: most.to_string(),
        allowed: format!(
            "{combos} or more: the grid has {combos} combinations, {sizes} block sizes x {ratios} top-k ratios x {bits} bits; shorten a list, or raise this"
        ),
    })
}

impl Sweep {
    fn new(from: &Settings) -> Result<Self, SettingsError> {
        let settings = SweepSettings::try_from(from)?;
        let sizes: Vec<usize> = from.read("block-sizes")?;
        let ratios: Vec<f64> = from.read("topk-ratios")?;
        let bits: Vec<u32> = from.read("bits-list")?;
        refuse_too_many([sizes.len(), ratios.len(), bits.len()], from)?;
        let Stored { storage, shared } = settings.stored;
        let grid = Grid::new(sizes, ratios, bits, storage, shared);
        Ok(Self { settings, grid })
    }
}

impl Analysis for Sweep {
    type Found = Vec<Row>;

    fn selects(&self, capture: &CaptureInfo) -> bool {
        self.grid.selects(capture)
    }

    fn combinations(&self) -> usize {
        self.grid.variants().count()
    }

    fn measure(&self, unit: &Unit) -> Result<Vec<Row>, MeasureError> {
        self.grid.measure(unit)
    }

    fn fold(&self, folder: &str) -> Box<dyn Fold<Vec<Row>>> {
        let lines = if self.settings.judge.save_combo {
            self.grid.variants().map(|_| Lines::default()).collect()
        } else {
            Vec::new()
        };
        Box::new(SweepFold {
            settings: self.settings.clone(),
            folder: folder.to_owned(),
            collected: Collected::new(self.grid.variants(), false),
            lines,
        })
    }

    fn compressed(&self, _: &CaptureInfo, tensor: &Tensor) -> Vec<Tensor> {
        self.grid.compressed(tensor)
    }
}

struct SweepFold {
    settings: SweepSettings,
    folder: String,
    collected: Collected,
    /// A table for each combination where their reports are written; otherwise empty.
    lines: Vec<Lines>,
}

impl Fold<Vec<Row>> for SweepFold {
    fn push(&mut self, rows: Vec<Row>) {
        for (row, lines) in rows.iter().zip(&mut self.lines) {
            lines.push(row);
        }
        self.collected.push(rows);
    }

    fn finish(mut self: Box<Self>) -> Report {
        let SweepSettings { judge, stored } = &self.settings;
        let mut groups = self.collected.groups();
        let mut combo_files = Vec::new();
        for (lines, group) in self.lines.drain(..).zip(&groups) {
            let name = |file: &str| format!("{}/{file}", group.variant.label);
            combo_files.push(ReportFile::new(
                name("blocknorm_metrics.csv"),
                lines.into_bytes(),
            ));
            combo_files.push(ReportFile::new(
                name("blocknorm_summary.md"),
                summary(*stored, group).into_bytes(),
            ));
        }
        groups.sort_by(|a, b| b.all.kv_ratio.total_cmp(&a.all.kv_ratio));
        let headline = judge.headline(&mut groups);
        let mut files = judge.files(&self.folder, &groups);
        files.extend(combo_files);
        self.collected.report(groups, headline, files)
    }
}
