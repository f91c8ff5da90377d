//! Printing never ends a run: readers that go away, full disks, names that would control a terminal or a spreadsheet.
#![cfg(unix)]

mod common;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{data, kvlens, stderr};

/// A capture of 1 token, 1 head, 2 values.
fn capture(folder: &Path, stage: &str) {
    fs::create_dir_all(folder).unwrap();
    for name in ["k.bin", "v.bin"] {
        fs::write(folder.join(name), [0, 0x3c, 0, 0x40]).unwrap();
    }
    let stage = serde_json::to_string(stage).unwrap();
    let meta = format!(
        r#"{{"layer_id":5,"seq_len":1,"kv_heads":1,"head_dim":2,"bytes_per_elem":2,"stage":{stage},"k_file":"k.bin","v_file":"v.bin"}}"#
    );
    fs::write(folder.join("meta_0.json"), meta).unwrap();
}

/// Causes far more output than a pipe holds.
fn many_problems(folder: &Path) {
    capture(folder, "prefill");
    for index in 0..3000 {
        fs::write(folder.join(format!("meta_broken_{index}.json")), "{").unwrap();
    }
}

fn with(tool: &str, dump: &Path, flags: &[&str]) -> Command {
    let mut command = kvlens(tool);
    command.arg("--dump-dir").arg(dump).args(flags);
    command
}

/// The write end of a pipe whose reader is closed.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[cfg(target_os = "linux")]
fn full_disk() -> Stdio {
    fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap()
        .into()
}

#[test]
fn reports_are_written_even_if_nobody_reads_the_output() {
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("dump");
    many_problems(&dump);
    for tool in ["mixed", "blocknorm", "sweep", "lossy-compare"] {
        let out = folder.path().join(tool);
        let status = with(tool, &dump, &["--out-dir", out.to_str().unwrap()])
            .stdout(closed_pipe())
            .stderr(closed_pipe())
            .status()
            .unwrap();
        assert_eq!(
            status.code(),
            Some(0),
            "{tool}, signal {:?}",
            status.signal()
        );
        assert!(fs::read_dir(&out).unwrap().count() >= 1, "{tool}");
    }
    let converted = folder.path().join("converted.zip");
    let status = with("convert", &dump, &["--out", converted.to_str().unwrap()])
        .stdout(closed_pipe())
        .stderr(closed_pipe())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(converted.is_file());
}

#[test]
fn commands_without_reports_succeed_even_if_nobody_reads_the_output() {
    let dump = data("sample-dump/dumps");
    let commands = [
        with("scan", &dump, &[]),
        with("scan", &dump, &["--json"]),
        kvlens("--help"),
        kvlens("--version"),
    ];
    for mut command in commands {
        let status = command.stdout(closed_pipe()).stderr(closed_pipe()).status();
        assert_eq!(status.unwrap().code(), Some(0), "{command:?}");
    }
    for mut command in [kvlens("--no-such-flag"), kvlens("mixed")] {
        let status = command.stdout(closed_pipe()).stderr(closed_pipe()).status();
        assert_eq!(status.unwrap().code(), Some(2), "{command:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_behind_stdout_is_an_error_and_the_reports_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let dump = data("sample-dump/dumps");
    let commands = [
        with("scan", &dump, &[]),
        with("scan", &dump, &["--json"]),
        with("mixed", &dump, &["--out-dir", out.to_str().unwrap()]),
        kvlens("--help"),
        kvlens("--version"),
    ];
    for mut command in commands {
        let output = command.stdout(full_disk()).stderr(Stdio::piped()).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        assert!(stderr(&output).contains("stdout: "), "{}", stderr(&output));
    }
    assert!(out.join("mixed_summary.md").is_file());
    let status = with("mixed", &dump, &["--out-dir", out.to_str().unwrap()])
        .stderr(full_disk())
        .status();
    assert_eq!(status.unwrap().code(), Some(0));
}

#[test]
fn names_and_stages_cannot_steer_a_terminal_or_forge_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("dump");
    let hostile = "bad\nkvlens: forged\u{1b}[2J\u{202e}x\r\t\u{9b}1m";
    capture(&dump.join(hostile), hostile);
    fs::write(dump.join(hostile).join("meta_broken\n.json"), "{").unwrap();
    let out = folder.path().join("out\nforged");
    let mut said = String::new();
    for (tool, flags) in [
        ("scan", vec![]),
        ("scan", vec!["--json"]),
        ("scan", vec!["--strict"]),
        ("mixed", vec!["--out-dir", out.to_str().unwrap()]),
        ("mixed", vec!["--stage", "decode", "--strict"]),
    ] {
        let output = with(tool, &dump, &flags).output().unwrap();
        for bytes in [&output.stdout, &output.stderr] {
            let text = String::from_utf8(bytes.clone()).unwrap();
            assert!(
                !text.contains(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}')),
                "{text:?}"
            );
            assert!(
                !text.lines().any(|line| line.starts_with("kvlens: forged")),
                "{text}"
            );
            said += &text;
        }
    }
    assert!(
        said.contains(r"bad\nkvlens: forged\u001b[2J\u202ex\r\t\u009b1m"),
        "{said}"
    );
}

#[test]
fn json_of_scan_has_hostile_names_verbatim() {
    let folder = tempfile::tempdir().unwrap();
    let run = "rtl\u{202e}x\u{85}\u{1b}";
    capture(&folder.path().join(run), "prefill");
    let output = with("scan", folder.path(), &["--json"]).output().unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["runs"][0]["run"], run);
}

#[test]
fn a_stage_is_text_in_csv_whatever_a_spreadsheet_makes_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    for (stage, cell) in [
        ("=HYPERLINK(\"x\")", "5,\"'=HYPERLINK(\"\"x\"\")\",1"),
        ("@SUM(1)", "5,'@SUM(1),1"),
        ("+1+1", "5,'+1+1,1"),
        ("a\nb", r"5,a\nb,1"),
        ("\u{1b}[1m", r"5,\u001b[1m,1"),
    ] {
        let dump = folder.path().join("dump");
        capture(&dump, stage);
        let output = with("mixed", &dump, &["--out-dir", out.to_str().unwrap()]).output();
        assert!(output.unwrap().status.success());
        let table = fs::read_to_string(out.join("mixed_layer_metrics.csv")).unwrap();
        assert!(table.lines().nth(1).unwrap().starts_with(cell), "{table}");
    }
}
