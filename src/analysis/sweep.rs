//! Sweep: block-norm over a grid of block sizes, top-k ratios and bits, best ratio first.

use super::block_norm::{Lines, summary};
use super::common::{QUANT_BITS, block_storage, method};
use super::grid::Grid;
use super::rows::{CaptureInfo, Group, Report, ReportFile, Row};
use super::settings::{Kind, ParamSpec, Section, Settings, Value};
use super::tally::Collected;
use super::{Analysis, Fold, MeasureError};
use crate::report::csv::{Csv, boolean};
use crate::report::float::{fixed, text};
use crate::tensor::Tensor;
use std::sync::Arc;

/// The command line's name.
pub const NAME: &str = "sweep";

/// The settings of its own.
pub fn specs() -> Vec<ParamSpec> {
    let Kind::Int { min, max } = QUANT_BITS else {
        unreachable!("bits are whole numbers")
    };
    let mut specs = vec![
        method(
            "block-sizes",
            "Block sizes",
            "Values that share a scale, along head_dim.",
            "values",
            Kind::IntList {
                min: 1,
                max: 65_536,
                empty: false,
            },
            Value::Ints(vec![64, 128, 256]),
        ),
        method(
            "topk-ratios",
            "Top-k ratios",
            "The part of the blocks, those of greatest energy, that get an exact scale.",
            "",
            Kind::FloatList { min: 0.0, max: 1.0 },
            Value::Floats(vec![0.02, 0.05, 0.1]),
        ),
        method(
            "bits-list",
            "Bits",
            "Quantizer bits within a block.",
            "bits",
            Kind::IntList {
                min,
                max,
                empty: false,
            },
            Value::Ints(vec![8, 10]),
        ),
    ];
    specs.extend(block_storage());
    let least = Kind::Float {
        min: -1.0,
        max: 1.0,
    };
    let most = Kind::Float { min: 0.0, max: 1e9 };
    let report = |flag, label, help, kind, default| ParamSpec {
        section: Section::Report,
        ..method(flag, label, help, "", kind, default)
    };
    specs.extend([
        report(
            "min-k-cosine",
            "K cosine at least",
            "A combo passes when K's cosine is no less.",
            least.clone(),
            Value::Float(0.9999),
        ),
        report(
            "min-v-cosine",
            "V cosine at least",
            "A combo passes when V's cosine is no less.",
            least,
            Value::Float(0.9999),
        ),
        report(
            "max-k-mae",
            "K MAE at most",
            "A combo passes when K's mean absolute error is no greater.",
            most.clone(),
            Value::Float(0.01),
        ),
        report(
            "max-v-mae",
            "V MAE at most",
            "A combo passes when V's mean absolute error is no greater.",
            most,
            Value::Float(0.002),
        ),
        report(
            "top-n",
            "List",
            "Combos that each list of the summary names.",
            Kind::Int {
                min: 0,
                max: 100_000,
            },
            Value::Int(10),
        ),
        report(
            "save-combo",
            "Keep combos",
            "Also write each combo's block-norm reports into a folder of its name.",
            Kind::Switch,
            Value::Switch(false),
        ),
    ]);
    specs
}

/// The sweep.
pub struct Sweep {
    settings: Settings,
    grid: Grid,
}

impl Sweep {
    /// With these settings.
    pub fn new(settings: Settings, verify: bool) -> Self {
        let (sizes, bits) = (settings.ints("block-sizes"), settings.ints("bits-list"));
        let ratios = settings.floats("topk-ratios");
        let grid = Grid::new(sizes, ratios, bits, &settings, verify);
        Self { settings, grid }
    }
}

impl Analysis for Sweep {
    fn selects(&self, capture: &CaptureInfo) -> bool {
        self.grid.selects(capture)
    }

    fn combinations(&self) -> usize {
        self.grid.variants().count()
    }

    fn measure(
        &self,
        capture: &Arc<CaptureInfo>,
        k: &Tensor,
        v: &Tensor,
    ) -> Result<Vec<Row>, MeasureError> {
        self.grid.measure(capture, k, v)
    }

    fn fold(&self, folder: &str) -> Box<dyn Fold> {
        let lines = if self.settings.switch("save-combo") {
            self.grid.variants().map(|_| Lines::default()).collect()
        } else {
            Vec::new()
        };
        let collected = Collected::new(self.grid.variants(), false);
        Box::new(SweepFold {
            settings: self.settings.clone(),
            folder: folder.to_owned(),
            collected,
            lines,
        })
    }
}

struct SweepFold {
    settings: Settings,
    folder: String,
    collected: Collected,
    /// A table for every combo where combos are kept, else none.
    lines: Vec<Lines>,
}

impl Fold for SweepFold {
    fn push(&mut self, rows: Vec<Row>) {
        for (row, lines) in rows.iter().zip(&mut self.lines) {
            lines.push(row);
        }
        self.collected.push(rows);
    }

    fn finish(mut self: Box<Self>) -> Report {
        let settings = &self.settings;
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
                summary(settings, group).into_bytes(),
            ));
        }
        for group in &mut groups {
            group.passes = Some(passes(settings, group));
        }
        groups.sort_by(|a, b| b.all.kv_ratio.total_cmp(&a.all.kv_ratio));
        let mut files = vec![
            ReportFile::new(
                "blocknorm_sweep.csv",
                table(settings, &self.folder, &groups),
            ),
            ReportFile::new("blocknorm_best.md", best(settings, &groups).into_bytes()),
        ];
        files.extend(combo_files);
        let passing = groups.iter().position(|group| group.passes == Some(true));
        let headline = passing.or((!groups.is_empty()).then_some(0));
        self.collected
            .report(NAME, self.settings, groups, headline, files)
    }
}

/// MAE and cosine of K, then of V.
fn figures(group: &Group) -> [f64; 4] {
    let (k, v) = (
        group.all.k_errors.unwrap_or_default(),
        group.all.v_errors.unwrap_or_default(),
    );
    [k.mae, k.cosine, v.mae, v.cosine]
}

fn passes(settings: &Settings, group: &Group) -> bool {
    let [k_mae, k_cosine, v_mae, v_cosine] = figures(group);
    k_cosine >= settings.float("min-k-cosine")
        && v_cosine >= settings.float("min-v-cosine")
        && k_mae <= settings.float("max-k-mae")
        && v_mae <= settings.float("max-v-mae")
}

/// `blocknorm_sweep.csv`.
fn table(settings: &Settings, folder: &str, groups: &[Group]) -> Vec<u8> {
    let header = "combo,block_size,topk_ratio,bits,weighted_k_ratio,weighted_v_ratio,weighted_kv_ratio,\
                  k_mae,v_mae,k_cosine,v_cosine,rows,passes_precision,out_dir";
    let mut csv = Csv::new(header, "\n");
    for group in groups {
        let (variant, all) = (&group.variant, &group.all);
        let [k_mae, k_cosine, v_mae, v_cosine] = figures(group);
        let mut fields = vec![
            variant.label.clone(),
            variant.block_size.unwrap_or(0).to_string(),
            text(variant.topk_ratio.unwrap_or(0.0)),
            variant.bits.to_string(),
        ];
        fields.extend(
            [
                all.k_ratio,
                all.v_ratio,
                all.kv_ratio,
                k_mae,
                v_mae,
                k_cosine,
                v_cosine,
            ]
            .map(text),
        );
        fields.extend([all.rows.to_string(), boolean(group.passes == Some(true))]);
        fields.push(match (settings.switch("save-combo"), folder) {
            (false, _) => String::new(),
            (true, "") => variant.label.clone(),
            (true, folder) if folder.ends_with('/') => format!("{folder}{}", variant.label),
            (true, folder) => format!("{folder}/{}", variant.label),
        });
        csv.line(&fields);
    }
    csv.into_bytes()
}

/// `blocknorm_best.md`.
fn best(settings: &Settings, groups: &[Group]) -> String {
    let passing: Vec<&Group> = groups
        .iter()
        .filter(|group| group.passes == Some(true))
        .collect();
    let most = settings.int("top-n") as usize;
    let line = |group: &Group| {
        let all = &group.all;
        let [k, v, kv] = [all.k_ratio, all.v_ratio, all.kv_ratio].map(|value| fixed(value, 3));
        let [k_mae, k_cosine, v_mae, v_cosine] = figures(group).map(|value| fixed(value, 6));
        let label = &group.variant.label;
        format!(
            "- {label}: KV {kv}, K {k}, V {v}, K MAE {k_mae}, V MAE {v_mae}, K cos {k_cosine}, V cos {v_cosine}\n"
        )
    };
    let threshold = |flag| text(settings.float(flag));
    format!(
        "# Block-Norm Sweep Summary\n\n\
         - Total combos: {}\n\
         - Passing precision: {}\n\
         - Precision thresholds: K cosine>={}, V cosine>={}, K MAE<={}, V MAE<={}\n\n\
         ## Top Overall (by KV ratio)\n{}\n\
         ## Top Passing Precision\n{}",
        groups.len(),
        passing.len(),
        threshold("min-k-cosine"),
        threshold("min-v-cosine"),
        threshold("max-k-mae"),
        threshold("max-v-mae"),
        groups.iter().take(most).map(line).collect::<String>(),
        passing
            .iter()
            .take(most)
            .map(|group| line(group))
            .collect::<String>(),
    )
}
