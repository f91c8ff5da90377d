//! Figures that would mislead come with a caveat, and with a setting that fixes them.

use std::path::Path;

use dumps::scan_source;
use kvlens::analysis::caveats::{Caveat, Mend};
use kvlens::analysis::{Job, Report};
use kvlens::dump::FolderSource;

#[path = "common/dumps.rs"]
mod dumps;

fn run(name: &str, settings: &[(&str, &str)]) -> Report {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/cases/torch-2.15")
        .join(name);
    let dump = scan_source(FolderSource::open(&path).unwrap(), "{}");
    let all = [("lossless-first-n", "99")];
    let settings = all.iter().chain(settings).copied();
    Job::new("mixed", settings).unwrap().run(&dump).unwrap()
}

/// Report files without the empty run name: only the figures.
fn figures(report: &Report) -> Vec<u8> {
    report.files[0].bytes.clone()
}

fn only(report: &Report, kind: &str) -> Caveat {
    let kinds: Vec<&str> = report.caveats.iter().map(|caveat| caveat.kind).collect();
    assert_eq!(kinds, [kind], "{:?}", report.caveats);
    report.caveats[0].clone()
}

#[test]
fn ordinary_captures_have_no_caveat() {
    assert_eq!(run("cache.safetensors", &[]).caveats, []);
}

#[test]
fn a_partly_filled_buffer_is_reported_and_can_be_trimmed() {
    let report = run("static_cache.pt", &[]);
    let caveat = only(&report, "zero-tail");
    assert!(
        caveat
            .message
            .starts_with("3 of 3 captures: 78 of 288 tokens")
    );
    assert_eq!(
        caveat.mend,
        Some(Mend {
            flag: "trim-zeros",
            value: "true"
        })
    );
    let trimmed = run("static_cache.pt", &[("trim-zeros", "true")]);
    assert!(only(&trimmed, "zero-tail").mended);
    assert_eq!(figures(&trimmed), figures(&run("cache.safetensors", &[])));
    assert_ne!(figures(&report), figures(&trimmed));
}

#[test]
fn a_narrow_type_saved_as_fp32_is_reported_and_can_be_read_as_such() {
    let caveat = only(&run("float32.pt", &[]), "is-fp16");
    let mend = caveat.mend.unwrap();
    let mended = run("float32.pt", &[(mend.flag, mend.value)]);
    assert_eq!(figures(&mended), figures(&run("cache.safetensors", &[])));
    let other = run("float32.pt", &[("as", "bf16")]);
    assert_eq!(
        figures(&other),
        figures(&run("float32.pt", &[])),
        "they are no values of bf16"
    );
}

#[test]
fn repeated_heads_are_reported_and_can_be_left_out() {
    let report = run("expanded_heads.pt", &[]);
    let caveat = only(&report, "repeated-heads");
    assert!(caveat.message.contains("of 4 heads each is there 4 times"));
    let mended = run("expanded_heads.pt", &[("unrepeat-heads", "true")]);
    assert_eq!(mended.rows[0].capture.kv_heads, 1);
    assert!(mended.groups[0].all.kv_ratio < report.groups[0].all.kv_ratio);
}
