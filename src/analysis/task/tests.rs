//! The engine with an analysis that only counts.

use super::*;
use crate::analysis::{CaptureInfo, MeasureError, Unit, Units};
use crate::dump::{MemorySource, ScanOptions, Source, scan};

/// Counts the tokens of each layer; the second time it doubles them. Layer 1 takes until `gate` is open.
struct Tokens {
    times: u64,
    gate: Arc<AtomicBool>,
}

impl Found for (u64, Vec<u64>) {}

#[derive(Default)]
struct Sum {
    passes: u64,
    layers: Vec<(u64, Vec<u64>)>,
}

fn open() -> Arc<AtomicBool> {
    Arc::new(AtomicBool::new(true))
}

impl Analysis for Tokens {
    type Found = (u64, Vec<u64>);

    fn units(&self) -> Units {
        Units::Layers
    }

    fn selects(&self, capture: &CaptureInfo) -> bool {
        capture.layer_id != 7
    }

    fn passes(&self) -> &'static [f64] {
        &[0.75, 0.25]
    }

    fn measure(&self, unit: &Unit) -> Result<(u64, Vec<u64>), MeasureError> {
        let tokens = unit
            .members()
            .map(|member| member.info.seq_len)
            .sum::<u64>();
        let starts = unit.members().map(|member| member.capture.seq_start);
        while unit.capture().capture.layer_id == 1 && !self.gate.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        Ok((tokens * self.times, starts.collect()))
    }

    fn fold(&self, _: &str) -> Box<dyn Fold<(u64, Vec<u64>)>> {
        Box::new(Sum::default())
    }
}

impl Fold<(u64, Vec<u64>)> for Sum {
    fn push(&mut self, found: (u64, Vec<u64>)) {
        self.layers.push(found);
    }

    fn again(&mut self) -> Option<Arc<dyn Analysis<Found = (u64, Vec<u64>)>>> {
        self.passes += 1;
        Some(Arc::new(Tokens {
            times: 2,
            gate: open(),
        }))
    }

    fn so_far(&self, waiting: &[&(u64, Vec<u64>)]) -> Option<Report> {
        Some(Report {
            captures: self.layers.len() + waiting.len(),
            ..Report::default()
        })
    }

    fn finish(self: Box<Self>) -> Report {
        let starts = |starts: &[u64]| starts.iter().map(u64::to_string).collect::<Vec<_>>();
        let line = |(tokens, at): &(u64, Vec<u64>)| format!("{tokens}@{}", starts(at).join("+"));
        let lines: Vec<String> = self.layers.iter().map(line).collect();
        Report {
            captures: self.passes as usize,
            files: vec![crate::analysis::ReportFile {
                name: "layers".to_owned(),
                bytes: lines.join(" ").into_bytes(),
            }],
            ..Report::default()
        }
    }
}

fn dump(broken: bool) -> Dump {
    let mut files = Vec::new();
    for (layer, start, len) in [
        (1, 0, 3),
        (7, 0, 3),
        (2, 0, 3),
        (1, 3, 1),
        (2, 3, 1),
        (1, 4, 1),
    ] {
        let meta = format!(
            r#"{{"layer_id": {layer}, "seq_start": {start}, "seq_len": {len}, "kv_heads": 1, "head_dim": 2, "bytes_per_elem": 2,
                "dtype": "fp16", "stage": "decode", "run_id": "r", "k_file": "k{start}", "v_file": "v{start}"}}"#
        );
        let folder = format!("r/step_{start}/layer_{layer}");
        files.push((format!("{folder}/meta_{start}.json"), meta.into_bytes()));
        for name in ["k", "v"] {
            files.push((format!("{folder}/{name}{start}"), vec![0; len * 4]));
        }
    }
    let source: Arc<dyn Source> = Arc::new(MemorySource::new(files));
    let mut dump = scan(&source, &ScanOptions::default());
    assert!(dump.problems.is_empty(), "{:?}", dump.problems);
    if broken {
        dump.captures.retain(|capture| capture.seq_start != 3);
    }
    dump
}

fn task(dump: &Dump, gate: Arc<AtomicBool>) -> Box<Task<(u64, Vec<u64>)>> {
    let analysis: Arc<dyn Analysis<Found = _>> = Arc::new(Tokens { times: 1, gate });
    let settings = crate::analysis::specs().swap_remove(0).params;
    let settings = Settings::parse(settings, [("stage", "both")]).unwrap();
    let filter = crate::analysis::Filter::try_from(&settings).unwrap();
    let plan = Plan::new(dump, &filter, &*analysis);
    let setup = Setup {
        name: "tokens",
        settings,
        folder: String::new(),
        mends: Mends::default(),
        extras: Extras::default(),
        threads: Some(2),
        cancel: Arc::default(),
    };
    Box::new(Task::new(dump, analysis, plan, setup).unwrap())
}

fn finish(mut task: Box<Task<(u64, Vec<u64>)>>) -> Report {
    while !task.is_done() {
        let wait = if task.step() { 0 } else { 20 };
        task.poll(Duration::from_millis(wait), &mut |_| ()).unwrap();
    }
    let Progress {
        captures,
        captures_total,
        ..
    } = task.progress();
    assert_eq!(captures, captures_total);
    task.finish()
}

fn run(dump: &Dump) -> Report {
    finish(task(dump, open()))
}

#[test]
fn the_part_that_is_done_goes_by_the_shares_of_the_passes() {
    let mut task = task(&dump(false), open());
    let mut parts = Vec::new();
    while !task.is_done() {
        let wait = if task.step() { 0 } else { 20 };
        task.poll(Duration::from_millis(wait), &mut |_| ()).unwrap();
        parts.push((task.progress().captures, task.progress().share));
    }
    // Five captures of two layers, on each of two passes.
    let part = |of: usize| {
        parts
            .iter()
            .find(|(captures, _)| *captures == of)
            .unwrap()
            .1
    };
    assert!((part(5) - 0.75).abs() < 1e-9, "{parts:?}");
    assert_eq!(part(10), 1.0);
    assert!(parts.is_sorted_by(|a, b| a.1 <= b.1), "{parts:?}");
}

#[test]
fn what_is_known_so_far_does_not_wait_for_a_slow_first_unit() {
    let gate = Arc::new(AtomicBool::new(false));
    let mut task = task(&dump(false), Arc::clone(&gate));
    while task.step() {}
    for _ in 0..1000 {
        task.poll(Duration::from_millis(10), &mut |_| ()).unwrap();
        if task.progress().captures > 0 {
            break;
        }
    }
    let known = task.so_far().map(|report| report.captures);
    gate.store(true, Ordering::Relaxed);
    assert_eq!(known, Some(1));
    assert_eq!(finish(task).captures, 1);
}

#[test]
fn the_captures_of_a_layer_are_measured_together_and_a_fold_may_ask_for_them_again() {
    let report = run(&dump(false));
    assert_eq!(report.files[0].bytes, b"5@0+3+4 4@0+3 10@0+3+4 8@0+3");
    assert_eq!(report.captures, 1);
    let report = run(&dump(true));
    assert_eq!(report.files[0].bytes, b"4@0+4 3@0 8@0+4 6@0");
}

#[test]
fn an_empty_plan_is_done_at_once() {
    assert_eq!(run(&Dump::default()).files[0].bytes, b"");
}
