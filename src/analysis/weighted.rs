//! Sums over rows in dump order, and the weighted figures made of them.

use super::report::{
    Group, NonFinite, OtherTypes, Report, ReportFile, Row, TensorRow, Variant, Weighted,
};
use crate::metrics::Errors;
use crate::tensor::{Dtype, Kv};

/// Adds a note on element types to the summaries. The reference knows only fp16 and fp32, which `bytes_per_elem` identifies; other types
/// have to be named.
pub fn tell_types(files: &mut [ReportFile], captures: usize, other_types: &OtherTypes) {
    if other_types.is_empty() {
        return;
    }
    let line =
        |(dtype, count): (&String, &usize)| format!("- {dtype}: {count} of {captures} captures\n");
    let lines: String = other_types.iter().map(line).collect();
    let note = format!("\n## Element type\n{lines}");
    let summaries = files.iter_mut().filter(|file| file.name.ends_with(".md"));
    summaries.for_each(|file| file.bytes.extend(note.as_bytes()));
}

/// Sums of one tensor's figures over many rows.
#[derive(Clone, Copy, Debug, Default)]
struct Side {
    raw: u64,
    size: u64,
    errors: ErrorSums,
    /// Bytes with packed codes; lossless tensors count at their compressed size.
    packed: u64,
    /// Number of lossy tensors without packed codes.
    unpacked: usize,
    lossy: usize,
    rounded_mae: Mean,
}

/// Sums of errors weighted by elements, except for max_abs, whose plain mean is taken.
#[derive(Clone, Copy, Debug, Default)]
struct ErrorSums {
    elements: u64,
    rows: u64,
    sums: Errors,
}

impl ErrorSums {
    fn add(&mut self, errors: Option<Errors>, elements: u64) {
        let Some(errors) = errors else { return };
        let weight = elements as f64;
        self.elements += elements;
        self.rows += 1;
        self.sums.mae += errors.mae * weight;
        self.sums.rmse += errors.rmse * weight;
        self.sums.max_abs += errors.max_abs;
        self.sums.cosine += errors.cosine * weight;
        self.sums.value_rms += errors.value_rms * weight;
    }

    fn errors(&self) -> Option<Errors> {
        let mean = |sum: f64, n: u64| if n == 0 { 0.0 } else { sum / n as f64 };
        (self.rows > 0).then(|| Errors {
            mae: mean(self.sums.mae, self.elements),
            rmse: mean(self.sums.rmse, self.elements),
            max_abs: mean(self.sums.max_abs, self.rows),
            cosine: mean(self.sums.cosine, self.elements),
            value_rms: mean(self.sums.value_rms, self.elements),
        })
    }
}

/// A mean weighted by elements.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    elements: u64,
    sum: f64,
}

impl Mean {
    fn add(&mut self, value: Option<f64>, elements: u64) {
        if let Some(value) = value {
            self.elements += elements;
            self.sum += value * elements as f64;
        }
    }

    fn get(&self) -> Option<f64> {
        (self.elements > 0).then(|| self.sum / self.elements as f64)
    }
}

impl Side {
    fn add(&mut self, row: &TensorRow, elements: u64) {
        self.raw += row.raw_bytes;
        self.size += row.size;
        self.errors.add(row.errors, elements);
        self.rounded_mae.add(row.rounded_mae, elements);
        if row.errors.is_some() {
            self.lossy += 1;
            self.unpacked += usize::from(row.packed.is_none());
        }
        self.packed = self.packed.saturating_add(row.packed.unwrap_or(row.size));
    }

    fn packed(&self) -> Option<u64> {
        (self.lossy > 0 && self.unpacked == 0).then_some(self.packed)
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

/// Sums of K's and V's figures over many rows.
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
            k_errors: k.errors.errors(),
            v_errors: v.errors.errors(),
            k_packed: k.packed(),
            v_packed: v.packed(),
            k_rounded_mae: k.rounded_mae.get(),
            v_rounded_mae: v.rounded_mae.get(),
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

/// State of a fold: sums over each variant's rows, and the rows themselves where they are kept.
pub struct Collected {
    groups: Vec<Tallies>,
    keep: bool,
    captures: usize,
    other_types: OtherTypes,
    rows: Vec<Row>,
    verified_lossless: usize,
    verified_lossy: usize,
    non_finite: u64,
    non_finite_in: Vec<NonFinite>,
}

impl Collected {
    /// Empty sums, for captures with one row for each of `variants`; `keep` keeps the rows too.
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
            other_types: OtherTypes::new(),
            rows: Vec::new(),
            verified_lossless: 0,
            verified_lossy: 0,
            non_finite: 0,
            non_finite_in: Vec::new(),
        }
    }

    /// Adds the rows of the next capture, one for each variant.
    pub fn push(&mut self, rows: Vec<Row>) {
        self.captures += 1;
        if let Some(row) = rows.first() {
            if ![Dtype::F16.name(), Dtype::F32.name()].contains(&row.capture.dtype) {
                let name = row.capture.dtype.to_owned();
                *self.other_types.entry(name).or_default() += 1;
            }
            for (kv, tensor) in [(Kv::K, &row.k), (Kv::V, &row.v)]
                .into_iter()
                .filter(|(_, tensor)| tensor.non_finite > 0)
            {
                let (capture, values) = (row.capture.index, tensor.non_finite);
                self.non_finite += values;
                self.non_finite_in.push(NonFinite {
                    capture,
                    tensor: kv.label(),
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

    /// The rows, where they are kept; otherwise empty.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Figures of each group so far.
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

    /// Makes the report; `files` are its report files.
    pub fn report(
        self,
        groups: Vec<Group>,
        headline: Option<usize>,
        mut files: Vec<ReportFile>,
    ) -> Report {
        tell_types(&mut files, self.captures, &self.other_types);
        Report {
            captures: self.captures,
            other_types: self.other_types,
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
