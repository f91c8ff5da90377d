//! Which combinations of a sweep stay within the thresholds, and the files that list them. This takes only a report's figures: when a reader
//! moves a threshold, headline, table and files are made anew without another run.

use super::report::{Group, OtherTypes, ReportFile};
use super::settings::{Settings, SettingsError};
use super::weighted::tell_types;
use crate::numeric::python_float::{fixed, text};
use crate::report::csv::{Csv, boolean};

/// A sweep's thresholds, and what is written.
#[derive(Clone, Debug)]
pub struct Judge {
    min_k_cosine: f64,
    min_v_cosine: f64,
    max_k_mae: f64,
    max_v_mae: f64,
    top_n: usize,
    /// Whether each combination's reports are written too.
    pub save_combo: bool,
}

impl TryFrom<&Settings> for Judge {
    type Error = SettingsError;

    fn try_from(settings: &Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            min_k_cosine: settings.read("min-k-cosine")?,
            min_v_cosine: settings.read("min-v-cosine")?,
            max_k_mae: settings.read("max-k-mae")?,
            max_v_mae: settings.read("max-v-mae")?,
            top_n: settings.read("top-n")?,
            save_combo: settings.read("save-combo")?,
        })
    }
}

impl Judge {
    /// Marks the groups, best ratio first, that stay within the thresholds. Returns the first of them or, where none does, the group with
    /// the smallest error: the one with the best ratio may be useless.
    pub fn headline(&self, groups: &mut [Group]) -> Option<usize> {
        for group in groups.iter_mut() {
            group.passes = Some(self.passes(group));
        }
        let passing = groups.iter().position(|group| group.passes == Some(true));
        passing.or_else(|| least_error(groups))
    }

    /// The table of all combinations, and the list of the best.
    pub fn files(&self, folder: &str, groups: &[Group]) -> Vec<ReportFile> {
        vec![
            ReportFile::new("blocknorm_sweep.csv", table(self, folder, groups)),
            ReportFile::new("blocknorm_best.md", best(self, groups).into_bytes()),
        ]
    }

    fn passes(&self, group: &Group) -> bool {
        let [k_mae, k_cosine, v_mae, v_cosine] = figures(group);
        k_cosine >= self.min_k_cosine
            && v_cosine >= self.min_v_cosine
            && k_mae <= self.max_k_mae
            && v_mae <= self.max_v_mae
    }
}

/// A sweep's report under changed thresholds.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The groups in their original order, marked anew.
    pub groups: Vec<Group>,
    /// Index of the group that stands for the whole sweep.
    pub headline: Option<usize>,
    /// The table and the list of the best; the files of single combinations do not depend on thresholds.
    pub files: Vec<ReportFile>,
}

/// Judges the groups of a sweep's report by the thresholds in `settings`. `captures` and `other_types` come from the report.
pub(super) fn judge(
    settings: &Settings,
    mut groups: Vec<Group>,
    captures: usize,
    other_types: &OtherTypes,
) -> Result<Judged, SettingsError> {
    let judge = Judge::try_from(settings)?;
    let headline = judge.headline(&mut groups);
    let mut files = judge.files("", &groups);
    tell_types(&mut files, captures, other_types);
    Ok(Judged {
        groups,
        headline,
        files,
    })
}

/// MAE and cosine of K, then of V.
fn figures(group: &Group) -> [f64; 4] {
    let (k, v) = (
        group.all.k_errors.unwrap_or_default(),
        group.all.v_errors.unwrap_or_default(),
    );
    [k.mae, k.cosine, v.mae, v.cosine]
}

/// The group whose smaller cosine, of K's and V's, is largest; the first among equals.
fn least_error(groups: &[Group]) -> Option<usize> {
    let cosine = |group: &Group| {
        let [_, k, _, v] = figures(group);
        k.min(v)
    };
    (0..groups.len()).reduce(|best, i| {
        if cosine(&groups[i]) > cosine(&groups[best]) {
            i
        } else {
            best
        }
    })
}

/// The contents of `blocknorm_sweep.csv`.
fn table(judge: &Judge, folder: &str, groups: &[Group]) -> Vec<u8> {
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
        fields.push(match (judge.save_combo, folder) {
            (false, _) => String::new(),
            (true, "") => variant.label.clone(),
            (true, folder) if folder.ends_with('/') => format!("{folder}{}", variant.label),
            (true, folder) => format!("{folder}/{}", variant.label),
        });
        csv.line(&fields);
    }
    csv.into_bytes()
}

/// The contents of `blocknorm_best.md`.
fn best(judge: &Judge, groups: &[Group]) -> String {
    let passing: Vec<&Group> = groups
        .iter()
        .filter(|group| group.passes == Some(true))
        .collect();
    let most = judge.top_n;
    let line = |group: &Group| {
        let all = &group.all;
        let [k, v, kv] = [all.k_ratio, all.v_ratio, all.kv_ratio].map(|value| fixed(value, 3));
        let [k_mae, k_cosine, v_mae, v_cosine] = figures(group).map(|value| fixed(value, 6));
        let label = &group.variant.label;
        format!(
            "- {label}: KV {kv}, K {k}, V {v}, K MAE {k_mae}, V MAE {v_mae}, K cos {k_cosine}, V cos {v_cosine}\n"
        )
    };
    format!(
        "# Block-Norm Sweep Summary\n\n\
         - Total combos: {}\n\
         - Passing precision: {}\n\
         - Precision thresholds: K cosine>={}, V cosine>={}, K MAE<={}, V MAE<={}\n\n\
         ## Top Overall (by KV ratio)\n{}\n\
         ## Top Passing Precision\n{}",
        groups.len(),
        passing.len(),
        text(judge.min_k_cosine),
        text(judge.min_v_cosine),
        text(judge.max_k_mae),
        text(judge.max_v_mae),
        groups.iter().take(most).map(line).collect::<String>(),
        passing
            .iter()
            .take(most)
            .map(|group| line(group))
            .collect::<String>(),
    )
}
