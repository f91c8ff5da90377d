//! `kvlens scan`: lists the contents of a dump.

use clap::ArgMatches;
use kvlens::analysis::caveats::{Caveat, Mends, look};
use kvlens::dump::{DumpSummary, Problem, QueryCount, RunSummary, TensorGuess};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::failure::Failure;
use super::told::{counted, report_caveats, report_problems};
use super::{apart, input, interrupt};

/// The contents of a dump, for `--json`.
#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    summary: &'a DumpSummary,
    /// Caveats on its values; only with `--values`.
    #[serde(skip_serializing_if = "Option::is_none")]
    caveats: Option<&'a [Caveat]>,
    /// Captures whose values could not be read; only with `--values`.
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<&'a [Problem]>,
}

/// Runs the command; problems go to stderr (and, with `--json`, into the JSON too).
pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let dump = input::open(matches)?;
    let summary = dump.summary();
    let (caveats, unread) = if matches.get_flag("values") {
        let interrupted = interrupt::catch();
        let read = dump.clone();
        let (caveats, unread) = apart::run_shown(matches, &interrupted, move |go_on| {
            look(&read, &mut |share| go_on("reading the values", share))
        })?;
        if interrupted.load(Ordering::Relaxed) {
            return Err(interrupt::failure());
        }
        (Some(caveats.list(&Mends::default())), unread)
    } else {
        (None, Vec::new())
    };
    if matches.get_flag("json") {
        let json = serde_json::to_string_pretty(&Listed {
            summary: &summary,
            caveats: caveats.as_deref(),
            unread: caveats.is_some().then_some(&unread),
        })
        .map_err(|error| Failure::new(1, error.to_string()))?;
        for line in json.lines() {
            say!("{line}");
        }
    } else {
        print(&summary);
    }
    report_caveats(&caveats.unwrap_or_default());
    report_problems(&dump.problems);
    report_problems(&unread);
    input::report_others(&dump.others);
    let has_problems = !dump.problems.is_empty() || !unread.is_empty();
    if matches.get_flag("strict") && has_problems {
        return Err(Failure::new(1, "the dump has problems, see above"));
    }
    if dump.captures.is_empty() {
        return Err(input::no_capture(matches));
    }
    Ok(())
}

fn print(summary: &DumpSummary) {
    for run in &summary.runs {
        print_run(run);
        print_queries(
            summary
                .queries
                .iter()
                .filter(|queries| queries.run == run.run),
        );
    }
    for guess in &summary.guesses {
        print_guess(guess);
    }
    for note in &summary.notes {
        say!("{}: {}", note.file, note.text);
    }
    let runs = counted(summary.runs.len(), "run", "runs");
    say!(
        "{runs}, {}, {} bytes",
        counted(summary.captures, "capture", "captures"),
        summary.bytes
    );
}

fn print_guess(guess: &TensorGuess) {
    say!("{}", input::sentence(guess));
    for array in &guess.examples {
        say!("    {} {} {:?}", array.name, array.dtype, array.shape);
    }
    if guess.count > guess.examples.len() {
        say!("    and {} more", guess.count - guess.examples.len());
    }
}

fn print_run(run: &RunSummary) {
    say!(
        "{}",
        if run.run.is_empty() {
            "(run without a name)"
        } else {
            &run.run
        }
    );
    let layers: Vec<String> = run
        .layers
        .iter()
        .map(|layer| layer.layer_id.to_string())
        .collect();
    say!("  layers  {}", layers.join(" "));
    let stages: Vec<String> = run
        .stages
        .iter()
        .map(|count| format!("{} {}", count.captures, count.stage))
        .collect();
    say!("  stages  {}", stages.join(", "));
    let dtypes: Vec<String> = run
        .dtypes
        .iter()
        .map(|count| format!("{} {}", count.captures, count.dtype))
        .collect();
    say!("  dtypes  {}", dtypes.join(", "));
    say!("  shapes  [seq_len, kv_heads, head_dim]");
    for shape in &run.shapes {
        let or_v = |k: usize, v: Option<usize>| match v {
            Some(v) => format!("{k}/{v}"),
            None => k.to_string(),
        };
        let size = format!(
            "[{}, {}, {}]",
            shape.seq_len,
            or_v(shape.kv_heads, shape.v_kv_heads),
            or_v(shape.head_dim, shape.v_head_dim)
        );
        say!(
            "    {size:<20} {}",
            counted(shape.captures, "capture", "captures")
        );
    }
    say!(
        "  bytes   {} in {}",
        run.bytes,
        counted(run.captures, "capture", "captures")
    );
}

/// Prints one line for all layers that have the same queries.
fn print_queries<'a>(all: impl Iterator<Item = &'a QueryCount>) {
    let mut alike: BTreeMap<(usize, usize, usize), usize> = BTreeMap::new();
    for queries in all {
        *alike
            .entry((queries.queries, queries.q_heads, queries.head_dim))
            .or_default() += 1;
    }
    for ((queries, heads, head_dim), layers) in alike {
        let layers = counted(layers, "layer", "layers");
        say!("  queries {queries} of {heads} heads x {head_dim} in {layers}");
    }
}
