//! Figures of each run of a dump, printed below those of all: pooled figures say little when runs differ in model, type or length.

use std::collections::{BTreeMap, BTreeSet};

use kvlens::analysis::{Group, Report, Row, ratio};
use kvlens::dump::Dump;
use kvlens::tensor::Kv;

use super::told::counted;

/// Largest number of runs that are listed.
const MAX_RUNS: usize = 20;

/// Sums over the rows of one run.
#[derive(Default)]
struct Sum {
    captures: BTreeSet<usize>,
    raw: [u64; 2],
    size: [u64; 2],
    tokens: BTreeSet<u64>,
    dtypes: BTreeSet<&'static str>,
}

impl Sum {
    fn add(&mut self, row: &Row) {
        self.captures.insert(row.capture.index);
        self.tokens.insert(row.capture.seq_len);
        self.dtypes.insert(row.capture.dtype);
        for (kv, tensor) in [(Kv::K, &row.k), (Kv::V, &row.v)] {
            self.raw[kv] += tensor.raw_bytes;
            self.size[kv] += tensor.size;
        }
    }

    fn line(&self, run: &str) -> String {
        let [k, v] = Kv::BOTH.map(|kv| ratio(self.raw[kv], self.size[kv]));
        let both = ratio(self.raw.iter().sum(), self.size.iter().sum());
        let name = if run.is_empty() {
            "(run without a name)"
        } else {
            run
        };
        let captures = counted(self.captures.len(), "capture", "captures");
        let dtypes: Vec<&str> = self.dtypes.iter().copied().collect();
        let tokens = match (self.tokens.first(), self.tokens.last()) {
            (Some(least), Some(most)) if least < most => format!("{least} to {most} tokens"),
            (Some(one), _) => counted(*one as usize, "token", "tokens"),
            (None, _) => String::new(),
        };
        format!(
            "  {name}: KV {both:.3}x, K {k:.3}x, V {v:.3}x; {captures}, {}, {tokens}",
            dtypes.join(" ")
        )
    }
}

/// A line for each run that `group` of a report covers; empty where there is only one run, or the report keeps no rows.
pub fn lines(report: &Report, group: &Group, dump: &Dump) -> Vec<String> {
    let mut runs: BTreeMap<&str, Sum> = BTreeMap::new();
    let is_alone = report.groups.len() == 1;
    for row in &report.rows {
        // With several variants each has rows of its own; with one variant, lossless layers count too.
        if is_alone || *row.variant == group.variant {
            let capture = dump.captures.get(row.capture.index);
            let run = capture.map_or("", |capture| capture.run.as_str());
            runs.entry(run).or_default().add(row);
        }
    }
    if runs.len() < 2 {
        return Vec::new();
    }
    let more = runs.len().saturating_sub(MAX_RUNS);
    let mut lines: Vec<String> = runs
        .iter()
        .take(MAX_RUNS)
        .map(|(run, sum)| sum.line(run))
        .collect();
    lines.extend((more > 0).then(|| format!("  and {}", counted(more, "run", "runs"))));
    lines
}
