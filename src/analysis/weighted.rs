//! Sums over rows in dump order, and the weighted figures made of them.

use super::report::{Group, NonFinite, Report, ReportFile, Row, TensorRow, Variant, Weighted};
use crate::metrics::Errors;
use crate::tensor::Dtype;
use std::collections::BTreeMap;

/// Sums over one tensor of many rows. Errors are weighted by elements, but for the greatest one, of which a plain mean is taken.
#[derive(Clone, Copy, Debug, Default)]
struct Side {
    raw: u64,
    size: u64,
    elements: u64,
    rows: u64,
    errors: Errors,
}

impl Side {
    fn add(&mut self, row: &TensorRow, elements: u64) {
        self.raw += row.raw_bytes;
        self.size += row.size;
        if let Some(errors) = row.errors {
            let weight = elements as f64;
            self.elements += elements;
            self.rows += 1;
            self.errors.mae += errors.mae * weight;
            self.errors.rmse += errors.rmse * weight;
            self.errors.max_abs += errors.max_abs;
            self.errors.cosine += errors.cosine * weight;
            self.errors.value_rms += errors.value_rms * weight;
        }
    }

    fn errors(&self) -> Option<Errors> {
        let mean = |sum: f64, n: u64| if n == 0 { 0.0 } else { sum / n as f64 };
        (self.rows > 0).then(|| Errors {
            mae: mean(self.errors.mae, self.elements),
            rmse: mean(self.errors.rmse, self.elements),
            max_abs: mean(self.errors.max_abs, self.rows),
            cosine: mean(self.errors.cosine, self.elements),
            value_rms: mean(self.errors.value_rms, self.elements),
        })
    }
}

/// `raw / size`, 0 where `size` is 0.
pub fn ratio(raw: u64, size: u64) -> f64 {
    if size == 0 {
        0.0
    } else {
        raw as f64 / size as f64
    }
}

/// Sums over rows.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    rows: usize,
    k: Side,
    v: Side,
}

impl Tally {
    fn add(&mut self, row: &Row) {
        self.rows += 1;
        let [k, v] = row.capture.elements();
        self.k.add(&row.k, k);
        self.v.add(&row.v, v);
    }

    fn weighted(&self) -> Weighted {
        let (k, v) = (&self.k, &self.v);
        Weighted {
            rows: self.rows,
            k_raw: k.raw,
            v_raw: v.raw,
            k_size: k.size,
            v_size: v.size,
            k_ratio: ratio(k.raw, k.size),
            v_ratio: ratio(v.raw, v.size),
            kv_ratio: ratio(k.raw + v.raw, k.size + v.size),
            k_errors: k.errors(),
            v_errors: v.errors(),
        }
    }
}

/// The sums of one variant's rows.
#[derive(Clone, Debug)]
struct Tallies {
    variant: Variant,
    all: Tally,
    lossless: Tally,
    lossy: Tally,
}

/// The state of a fold: sums over each variant's rows, and the rows where they are kept.
pub struct Collected {
    groups: Vec<Tallies>,
    keep: bool,
    captures: usize,
    /// Captures of types that `bytes_per_elem` alone does not tell.
    untold: BTreeMap<&'static str, usize>,
    rows: Vec<Row>,
    verified_lossless: usize,
    verified_lossy: usize,
    non_finite: u64,
    non_finite_in: Vec<NonFinite>,
}

impl Collected {
    /// Nothing yet, for captures of one row for each of `variants`.
    pub fn new(variants: impl IntoIterator<Item = Variant>, keep: bool) -> Self {
        let empty = Tally::default();
        let group = |variant| Tallies {
            variant,
            all: empty,
            lossless: empty,
            lossy: empty,
        };
        Self {
            groups: variants.into_iter().map(group).collect(),
            keep,
            captures: 0,
            untold: BTreeMap::new(),
            rows: Vec::new(),
            verified_lossless: 0,
            verified_lossy: 0,
            non_finite: 0,
            non_finite_in: Vec::new(),
        }
    }

    /// The rows of the next capture, one for each variant.
    pub fn push(&mut self, rows: Vec<Row>) {
        self.captures += 1;
        if let Some(row) = rows.first() {
            if ![Dtype::F16.name(), Dtype::F32.name()].contains(&row.capture.dtype) {
                *self.untold.entry(row.capture.dtype).or_default() += 1;
            }
            for (name, tensor) in [("K", &row.k), ("V", &row.v)]
                .into_iter()
                .filter(|(_, tensor)| tensor.non_finite > 0)
            {
                let (capture, values) = (row.capture.index, tensor.non_finite);
                self.non_finite += values;
                self.non_finite_in.push(NonFinite {
                    capture,
                    tensor: name,
                    values,
                });
            }
        }
        for (row, group) in rows.iter().zip(&mut self.groups) {
            group.all.add(row);
            let (part, verified) = if row.lossless {
                (&mut group.lossless, &mut self.verified_lossless)
            } else {
                (&mut group.lossy, &mut self.verified_lossy)
            };
            part.add(row);
            *verified += [&row.k, &row.v]
                .iter()
                .filter(|tensor| tensor.verified == Some(true))
                .count();
        }
        if self.keep {
            self.rows.extend(rows);
        }
    }

    /// The rows that were kept.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The groups' figures so far.
    pub fn groups(&self) -> Vec<Group> {
        let group = |tallies: &Tallies| Group {
            variant: tallies.variant.clone(),
            all: tallies.all.weighted(),
            lossless: tallies.lossless.weighted(),
            lossy: tallies.lossy.weighted(),
            passes: None,
        };
        self.groups.iter().map(group).collect()
    }

    /// The report.
    pub fn report(
        self,
        groups: Vec<Group>,
        headline: Option<usize>,
        mut files: Vec<ReportFile>,
    ) -> Report {
        // The reference knows fp16 and fp32, which bytes_per_elem tells apart; of other types its summaries have to say so.
        if !self.untold.is_empty() {
            let line =
                |(dtype, count)| format!("- {dtype}: {count} of {} captures\n", self.captures);
            let lines: String = self.untold.iter().map(line).collect();
            let note = format!("\n## Element type\n{lines}");
            let summaries = files.iter_mut().filter(|file| file.name.ends_with(".md"));
            summaries.for_each(|file| file.bytes.extend(note.as_bytes()));
        }
        Report {
            captures: self.captures,
            rows: self.rows,
            groups,
            headline,
            verified_lossless: self.verified_lossless,
            verified_lossy: self.verified_lossy,
            non_finite: self.non_finite,
            non_finite_in: self.non_finite_in,
            files,
            ..Report::default()
        }
    }
}
