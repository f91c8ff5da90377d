//! Figures that would mislead come with a caveat, and with a setting that fixes them.

use std::path::Path;

use dumps::scan_source;
use kvlens::analysis::caveats::{Caveat, Mend};
use kvlens::analysis::{Job, Report};
use kvlens::dump::{FolderSource, MemorySource};

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

/// A layer of 2 tokens in fp32: K of 2 heads, V of 4, each of which stands there twice. `values` follow each other.
fn layer(values: &[f32]) -> MemorySource {
    let tensor = |heads: usize| -> Vec<u8> {
        let head = |of: usize| values.iter().cycle().skip(of).take(3);
        let all = (0..2 * heads).flat_map(|at| head(at / 2));
        all.flat_map(|value| value.to_le_bytes()).collect()
    };
    let meta = r#"{"layer_id": 0, "seq_len": 2, "kv_heads": 2, "head_dim": 3, "v_kv_heads": 4, "bytes_per_elem": 4,
        "stage": "prefill", "k_file": "k.bin", "v_file": "v.bin"}"#;
    MemorySource::new(vec![
        ("layer_0/meta_a.json".to_owned(), meta.as_bytes().to_vec()),
        ("layer_0/k.bin".to_owned(), tensor(2)),
        ("layer_0/v.bin".to_owned(), tensor(4)),
    ])
}

#[test]
fn heads_that_are_left_out_are_left_out_of_v_s_number_too() {
    let dump = scan_source(layer(&[0.1, 0.2, 0.3, 0.4, 0.5]), "{}");
    let job = Job::new("mixed", [("unrepeat-heads", "true")]).unwrap();
    let report = job.run(&dump).unwrap();
    let (row, capture) = (&report.rows[0], &report.rows[0].capture);
    assert_eq!((capture.kv_heads, capture.v_kv_heads), (1, Some(2)));
    let bytes = capture.elements().map(|elements| 4 * elements);
    assert_eq!(bytes, [row.k.raw_bytes, row.v.raw_bytes]);
}

#[test]
fn values_of_both_narrow_types_are_mended_by_either() {
    let dump = scan_source(layer(&[1.0, 2.0, -0.5, 0.25, 3.0]), "{}");
    let caveat = |taken_as: &str| {
        let settings = [("as", taken_as), ("unrepeat-heads", "true")];
        let report = Job::new("mixed", settings).unwrap().run(&dump).unwrap();
        let caveats = report.caveats.into_iter();
        let narrow: Vec<Caveat> = caveats.filter(|it| it.kind.starts_with("is-")).collect();
        assert_eq!(narrow.len(), 1, "{narrow:?}");
        (narrow[0].kind, narrow[0].mended, narrow[0].mend.is_none())
    };
    assert_eq!(caveat("stored"), ("is-bf16", false, false));
    assert_eq!(caveat("bf16"), ("is-bf16", true, true));
    assert_eq!(caveat("fp16"), ("is-fp16", true, true));
}
