//! What a user of the command line sees: exit statuses, messages, files.

mod common;

use std::fs;
use std::path::Path;
use std::process::Output;

use common::{data, kvlens, stderr};

fn run(tool: &str, dump: &Path, out: &Path, flags: &[&str]) -> Output {
    kvlens(tool)
        .arg("--dump-dir")
        .arg(dump)
        .arg("--out-dir")
        .arg(out)
        .args(flags)
        .output()
        .unwrap()
}

fn sample() -> std::path::PathBuf {
    data("sample-dump/dumps")
}

#[test]
fn a_flag_out_of_range_is_named_with_value_and_range() {
    let out = tempfile::tempdir().unwrap();
    for (tool, flags, message) in [
        (
            "mixed",
            ["--zstd-level", "23"],
            "--zstd-level: \"23\" is not a whole number from -131072 to 22",
        ),
        (
            "mixed",
            ["--stage", "middle"],
            "--stage: \"middle\" is not one of both, prefill, decode",
        ),
        (
            "blocknorm",
            ["--topk-ratio", "nan"],
            "--topk-ratio: \"nan\" is not a number from 0.0 to 1.0",
        ),
        (
            "lossy-compare",
            ["--clip-percentiles", "99,1"],
            "the lower one first",
        ),
        (
            "sweep",
            ["--block-sizes", ""],
            "--block-sizes: \"\" is not a list of whole numbers",
        ),
        (
            "sweep",
            ["--bits-list", "8,1"],
            "--bits-list: \"8,1\" is not a list of whole numbers from 2 to 24",
        ),
    ] {
        let output = run(tool, &sample(), &out.path().join("reports"), &flags);
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
        assert!(
            stderr(&output).contains(message),
            "{flags:?}: {}",
            stderr(&output)
        );
    }
    let unknown = run("mixed", &sample(), out.path(), &["--no-such-flag", "1"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(!out.path().join("reports").exists());
}

#[test]
fn several_bad_flags_are_all_named() {
    let output = run(
        "mixed",
        &sample(),
        Path::new("unused"),
        &["--zstd-level", "x", "--lossy-bits", "1"],
    );
    assert!(stderr(&output).contains("--zstd-level") && stderr(&output).contains("--lossy-bits"));
}

#[test]
fn nothing_to_analyse_is_status_1_and_no_report() {
    let empty = tempfile::tempdir().unwrap();
    let out = empty.path().join("reports");
    let none = run("mixed", empty.path(), &out, &[]);
    assert_eq!(none.status.code(), Some(1));
    assert!(stderr(&none).contains("no capture"));
    let filtered = run("sweep", &sample(), &out, &["--min-seq-len", "5000"]);
    assert_eq!(filtered.status.code(), Some(1));
    assert!(stderr(&filtered).contains("none of the 81 captures"));
    let missing = run("mixed", &empty.path().join("gone"), &out, &[]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(!out.exists());
}

#[test]
fn problems_are_named_and_counted_and_strict_stops_before_work() {
    let out = tempfile::tempdir().unwrap();
    let lenient = run("mixed", &data("edge-dump"), &out.path().join("a"), &[]);
    assert!(lenient.status.success());
    let message = stderr(&lenient);
    assert!(
        message.contains("meta/layer_9/meta_t0_5.json") && message.contains("v_gone.bin"),
        "{message}"
    );
    assert!(message.contains("1 file or capture left out"), "{message}");
    let strict = run(
        "mixed",
        &data("edge-dump"),
        &out.path().join("b"),
        &["--strict"],
    );
    assert_eq!(strict.status.code(), Some(1));
    assert!(!out.path().join("b").exists());
}

#[test]
fn reports_leave_no_temporary_file_and_replace_older_ones() {
    let out = tempfile::tempdir().unwrap();
    fs::write(out.path().join("mixed_summary.md"), "old").unwrap();
    assert!(run("mixed", &sample(), out.path(), &[]).status.success());
    let mut names: Vec<String> = fs::read_dir(out.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "lossy_error_metrics.csv",
            "mixed_layer_metrics.csv",
            "mixed_summary.md"
        ]
    );
    assert!(
        fs::read_to_string(out.path().join("mixed_summary.md"))
            .unwrap()
            .starts_with("# Mixed")
    );
}

#[test]
fn when_one_report_cannot_be_written_none_is() {
    let out = tempfile::tempdir().unwrap();
    fs::create_dir(out.path().join("mixed_layer_metrics.csv")).unwrap();
    let output = run("mixed", &sample(), out.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("mixed_layer_metrics.csv"));
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 1);
}

#[test]
fn verify_decodes_every_stream_and_changes_no_report() {
    let (plain, verified) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (tool, flags) in [
        ("mixed", ["--verify", "--zstd-level=-5"]),
        ("blocknorm", ["--verify", "--compress-mode=zstd"]),
    ] {
        let output = run(tool, &data("edge-dump"), verified.path(), &flags);
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(String::from_utf8_lossy(&output.stdout).contains("verified bit for bit"));
        assert!(
            run(tool, &data("edge-dump"), plain.path(), &flags[1..])
                .status
                .success()
        );
    }
    for entry in fs::read_dir(plain.path()).unwrap() {
        let name = entry.unwrap().file_name();
        assert_eq!(
            fs::read(plain.path().join(&name)).unwrap(),
            fs::read(verified.path().join(&name)).unwrap(),
            "{name:?}"
        );
    }
}

#[test]
fn the_sweep_keeps_combos_in_folders_that_out_dir_names() {
    let out = tempfile::tempdir().unwrap();
    let flags = [
        "--save-combo",
        "--block-sizes",
        "64",
        "--bits-list",
        "10",
        "--topk-ratios",
        "0.8",
    ];
    assert!(run("sweep", &sample(), out.path(), &flags).status.success());
    let combo = out.path().join("bs64_topk0.8_b10");
    for name in ["blocknorm_metrics.csv", "blocknorm_summary.md"] {
        let golden = data("golden/blocknorm-default").join(name);
        let lines = |path: &Path| fs::read_to_string(path).unwrap().lines().count();
        assert_eq!(lines(&combo.join(name)), lines(&golden), "{name}");
    }
    let table = fs::read_to_string(out.path().join("blocknorm_sweep.csv")).unwrap();
    // With a slash on Windows, too.
    let named = format!(",{}/bs64_topk0.8_b10", out.path().display());
    assert!(table.trim_end().ends_with(&named), "{table}");
}

#[test]
fn non_finite_values_are_counted_and_do_not_stop_the_run() {
    let dump = tempfile::tempdir().unwrap();
    let values = |bits: [u16; 4]| {
        bits.iter()
            .flat_map(|bits| bits.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    fs::write(
        dump.path().join("k.bin"),
        values([0x3c00, 0x7e00, 0xfc00, 0]),
    )
    .unwrap();
    fs::write(dump.path().join("v.bin"), values([0x3c00, 0x4000, 0, 0])).unwrap();
    let meta = r#"{"layer_id":5,"seq_len":2,"kv_heads":1,"head_dim":2,"bytes_per_elem":2,"k_file":"k.bin","v_file":"v.bin"}"#;
    fs::write(dump.path().join("meta_0.json"), meta).unwrap();
    let out = dump.path().join("out");
    for tool in ["mixed", "blocknorm", "sweep", "lossy-compare"] {
        let output = run(tool, dump.path(), &out, &[]);
        assert!(output.status.success(), "{tool}: {}", stderr(&output));
        assert!(
            stderr(&output).contains("meta_0.json: 2 NaN or infinite values of K"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn scan_lists_what_the_dump_holds() {
    let output = kvlens("scan")
        .arg("--dump-dir")
        .arg(sample())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "prompt_128",
        "0 1 2 8 14 20 26 28 29",
        "72 decode",
        "9 prefill",
        "81 fp16",
        "[128, 3, 64]",
        "940032 bytes",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn help_states_meaning_unit_range_and_default_of_every_setting() {
    for spec in kvlens::analysis::specs() {
        let output = kvlens(spec.name)
            .arg("--help")
            .env("COLUMNS", "1000")
            .output()
            .unwrap();
        let help: String = String::from_utf8(output.stdout)
            .unwrap()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        for param in spec.params {
            assert!(
                help.contains(&format!("--{}", param.flag)) && help.contains(param.help),
                "{}",
                param.flag
            );
            let default = param.default.to_string();
            assert!(
                default.is_empty()
                    || default == "false"
                    || help.contains(&format!("default: {default}")),
                "{}",
                param.flag
            );
        }
    }
}

#[test]
fn runs_have_figures_of_their_own_and_can_be_chosen() {
    let dump = data("cases/torch-2.15/two_runs.pt");
    let out = tempfile::tempdir().unwrap();
    let mixed = |flags: &[&str]| {
        let output = run("mixed", &dump, out.path(), flags);
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr(&output),
        )
    };
    let (status, all, _) = mixed(&[]);
    assert_eq!(status, Some(0));
    for run in ["a", "b"] {
        let line = all
            .lines()
            .find(|line| line.starts_with(&format!("  {run}: KV ")));
        let line = line.unwrap_or_else(|| panic!("no line of run {run}: {all}"));
        assert!(line.ends_with("; 3 captures, fp16, 70 tokens"), "{line}");
    }
    let (status, one, _) = mixed(&["--run", "b"]);
    assert_eq!(status, Some(0));
    assert!(
        one.contains("3 captures; ") && !one.contains("  b: KV"),
        "{one}"
    );
    let (status, _, told) = mixed(&["--run", "b", "--run", "c"]);
    assert_eq!(status, Some(2));
    assert!(
        told.contains(r#"--run: found "c", expected one of "a", "b""#),
        "{told}"
    );
}
