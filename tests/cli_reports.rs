//! A set of reports is replaced atomically: all old or all new, whatever happens meanwhile, and no temporary files are
//! left.
#![cfg(unix)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::{data, kvlens, stderr};

/// Two settings that give different bytes in every file.
const SETTINGS: [[&str; 4]; 2] = [
    ["--lossy-mantissa-bits", "3", "--zstd-level", "1"],
    ["--lossy-mantissa-bits", "5", "--zstd-level", "9"],
];

fn sample() -> PathBuf {
    data("sample-dump/dumps")
}

fn command(tool: &str, out: &Path, flags: &[&str]) -> Command {
    let mut command = kvlens(tool);
    command.arg("--dump-dir").arg(sample());
    command.arg("--out-dir").arg(out).args(flags);
    command
}

fn run(tool: &str, out: &Path, flags: &[&str]) -> Output {
    command(tool, out, flags).output().unwrap()
}

fn started(out: &Path, flags: &[&str]) -> Child {
    let mut command = command("mixed", out, flags);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

fn send(signal: &str, child: &Child) {
    let kill = format!("kill -{signal} {}", child.id());
    // The process may have ended already.
    let _ = Command::new("sh")
        .args(["-c", &kill])
        .stderr(Stdio::null())
        .status();
}

/// All files below a folder; none if it does not exist.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
            found.insert(path, Vec::new());
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

/// Report files that each of the two settings writes.
fn sets(out: &Path) -> [BTreeMap<PathBuf, Vec<u8>>; 2] {
    SETTINGS.map(|flags| {
        assert!(run("mixed", out, &flags).status.success());
        files(out)
    })
}

/// Number of signals sent in total; `KVLENS_SIGNALS=200` sends more.
fn signals() -> usize {
    let asked = std::env::var("KVLENS_SIGNALS").ok();
    asked.and_then(|number| number.parse().ok()).unwrap_or(24)
}

#[test]
fn signals_at_any_time_leave_one_whole_set_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let sets = sets(&out);
    let begun = Instant::now();
    run("mixed", &out, &SETTINGS[0]);
    let whole = begun.elapsed();
    let (mut ended, mut written) = (0, 0);
    let ends = ending_signals();
    for index in 0..signals() {
        let (signal, status) = ends[index % ends.len()];
        let mut child = started(&out, &SETTINGS[index % 2]);
        // Times spread over the whole run and a little more, in a scrambled order.
        sleep(whole.mul_f64((index * 37 % 101) as f64 / 101.0 * 1.1));
        send(signal, &child);
        let end = child.wait().unwrap();
        if end.success() {
            written += 1;
        } else {
            // Ends with its own status, or died before it had anything to clean up.
            assert!(
                end.code() == Some(status) || end.signal() == Some(status - 128),
                "signal {index}, {signal}: {end}"
            );
            ended += 1;
        }
        assert!(sets.contains(&files(&out)), "signal {index}, {signal}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
    println!("{ended} runs ended, {written} went through");
}

/// Signals that end a run as Ctrl-C does, each with its exit status. A hangup is not among them if the tests themselves
/// were started by `nohup`, since child processes inherit that it is ignored, or where only Linux could tell.
fn ending_signals() -> Vec<(&'static str, i32)> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status
        .lines()
        .find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    let caught = ignored.is_some_and(|mask| mask & 1 == 0);
    let mut signals = vec![("TERM", 143), ("HUP", 129), ("INT", 130)];
    signals.retain(|&(signal, _)| signal != "HUP" || caught);
    signals
}

#[test]
fn term_and_hangup_end_a_run_as_ctrl_c_does() {
    let folder = tempfile::tempdir().unwrap();
    for (signal, status) in ending_signals() {
        let out = folder.path().join("new/out");
        let bits = "2,3,4,5,6,7,8,9,10,11,12,13,14,15,16";
        let sizes = "2,4,8,16,32,64";
        let mut slow = command(
            "sweep",
            &out,
            &[
                "--zstd-level",
                "22",
                "--bits-list",
                bits,
                "--block-sizes",
                sizes,
            ],
        );
        let child = slow.stderr(Stdio::piped()).spawn().unwrap();
        sleep(Duration::from_millis(500));
        send(signal, &child);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{signal}");
        assert!(
            stderr(&output).contains("interrupted, nothing written"),
            "{}",
            stderr(&output)
        );
        assert!(!out.parent().unwrap().exists());
    }
}

#[test]
fn packing_ends_at_a_signal_within_a_layer_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut pack = Command::new(env!("CARGO_BIN_EXE_kvlens"));
    pack.arg("pack")
        .arg(sample())
        .args(["--min-cosine", "0.9999"]);
    pack.args(["--threads", "1", "-o"]);
    let child = pack
        .arg(folder.path().join("a.kvz"))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    sleep(Duration::from_millis(500));
    send("INT", &child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(stderr(&output).contains("interrupted, nothing written"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
#[cfg(target_os = "linux")]
fn a_hangup_that_nohup_ignores_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let script = r#"trap "" HUP; exec "$0" mixed --dump-dir "$1" --out-dir "$2" --zstd-level 12"#;
    let mut shell = Command::new("sh");
    shell
        .args(["-c", script, env!("CARGO_BIN_EXE_kvlens")])
        .arg(sample())
        .arg(&out);
    let mut child = shell.stdout(Stdio::null()).spawn().unwrap();
    for _ in 0..5 {
        sleep(Duration::from_millis(30));
        send("HUP", &child);
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(files(&out).len(), 3);
}

#[test]
fn when_one_report_cannot_be_written_the_old_set_stays() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    run("mixed", &out, &SETTINGS[0]);
    for name in [
        "mixed_layer_metrics.csv",
        "lossy_error_metrics.csv",
        "mixed_summary.md",
    ] {
        let target = out.join(name);
        let kept = fs::read(&target).unwrap();
        fs::remove_file(&target).unwrap();
        fs::create_dir(&target).unwrap();
        fs::write(target.join("note"), "mine").unwrap();
        let before = files(&out);
        let output = run("mixed", &out, &SETTINGS[1]);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(name), "{}", stderr(&output));
        assert_eq!(files(&out), before, "{name}");
        fs::remove_dir_all(&target).unwrap();
        fs::write(&target, kept).unwrap();
    }
}

#[test]
fn two_runs_into_one_folder_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let sets = sets(&out);
    for _ in 0..6 {
        let runs = [0, 1, 0, 1].map(|which| started(&out, &SETTINGS[which]));
        for mut run in runs {
            assert!(run.wait().unwrap().success());
        }
        assert!(sets.contains(&files(&out)));
    }
}

#[test]
fn a_link_planted_under_a_temporary_name_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (out, victim) = (folder.path().join("out"), folder.path().join("victim"));
    fs::create_dir(&out).unwrap();
    fs::write(&victim, "precious").unwrap();
    // The shell's process becomes kvlens, so its process id is known beforehand.
    let script = r#"for name in mixed_layer_metrics.csv lossy_error_metrics.csv mixed_summary.md; do
        ln -s "$3" "$2/.$name.$$.tmp"; done; ln -s "$3" "$2/../.converted.zip.$$.tmp"
        exec "$0" $4 --dump-dir "$1" $5 "$2/$6""#;
    for [tool, flag, name] in [
        ["mixed", "--out-dir", ""],
        ["convert", "--out", "../converted.zip"],
    ] {
        let mut shell = Command::new("sh");
        shell.args(["-c", script, env!("CARGO_BIN_EXE_kvlens")]);
        shell
            .arg(sample())
            .args([&out, &victim])
            .args([tool, flag, name]);
        assert!(
            shell.stdout(Stdio::null()).status().unwrap().success(),
            "{tool}"
        );
        assert_eq!(fs::read(&victim).unwrap(), b"precious", "{tool}");
    }
    assert!(
        folder
            .path()
            .join("converted.zip")
            .metadata()
            .unwrap()
            .is_file()
    );
}

#[test]
fn a_link_under_a_report_s_name_is_replaced_and_not_written_through() {
    let folder = tempfile::tempdir().unwrap();
    let (out, victim) = (folder.path().join("out"), folder.path().join("victim"));
    fs::create_dir(&out).unwrap();
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, out.join("mixed_summary.md")).unwrap();
    assert!(run("mixed", &out, &[]).status.success());
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
    assert!(
        out.join("mixed_summary.md")
            .symlink_metadata()
            .unwrap()
            .is_file()
    );
}

#[test]
fn what_a_killed_run_left_is_removed_by_the_next_and_never_scanned() {
    let folder = tempfile::tempdir().unwrap();
    let (out, dump) = (folder.path().join("out"), folder.path().join("dump"));
    let left = out.join(".kvlens-reports-Ab12Cd.tmp");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("0.new"), "half").unwrap();
    assert!(run("mixed", &out, &[]).status.success());
    assert_eq!(files(&out).len(), 3);

    let inside = dump.join("run/.kvlens-convert-Ab12Cd.tmp");
    fs::create_dir_all(inside.parent().unwrap()).unwrap();
    let copied = Command::new("cp")
        .arg("-r")
        .arg(sample())
        .arg(&inside)
        .status();
    assert!(copied.unwrap().success());
    let scanned = kvlens("scan")
        .arg("--dump-dir")
        .arg(&dump)
        .output()
        .unwrap();
    assert_eq!(scanned.status.code(), Some(1));
    let said = stderr(&scanned);
    assert!(
        said.contains("run/.kvlens-convert-Ab12Cd.tmp: another run of kvlens"),
        "{said}"
    );
    assert!(said.contains("1 file or capture left out"), "{said}");
}

#[test]
fn what_a_killed_pack_or_conversion_left_beside_its_file_is_named_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let left = folder.path().join(".kvlens-pack-Ab12Cd.tmp");
    fs::create_dir(&left).unwrap();
    let runs: [(&str, &[&str]); 3] = [
        ("pack", &["--scheme", "q8_0", "--out", "a.kvz"]),
        ("convert", &["--out", "a.zip"]),
        ("unpack", &["--out-dir", "a"]),
    ];
    for (tool, flags) in runs {
        let mut command = kvlens(tool);
        command.current_dir(folder.path());
        let dump = match tool {
            "unpack" => folder.path().join("a.kvz"),
            _ => sample(),
        };
        let output = command.arg("--dump-dir").arg(dump).args(flags).output();
        let output = output.unwrap();
        let said = stderr(&output);
        assert!(output.status.success(), "{tool}: {said}");
        assert!(
            said.contains("kvlens-pack-Ab12Cd.tmp: another run of kvlens"),
            "{tool}: {said}"
        );
        assert!(left.exists(), "{tool}");
    }
}

#[test]
fn a_conversion_into_the_dump_that_it_reads_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("dump");
    assert!(
        Command::new("cp")
            .arg("-r")
            .arg(sample())
            .arg(&dump)
            .status()
            .unwrap()
            .success()
    );
    symlink(&dump, folder.path().join("link")).unwrap();
    let before = files(&dump);
    for out in [
        "dump/copy",
        "dump/copy.zip",
        "dump/new/copy.safetensors",
        "link/copy",
        "dump/../dump/copy",
    ] {
        let output = kvlens("convert")
            .arg("--dump-dir")
            .arg(&dump)
            .arg("--out")
            .arg(folder.path().join(out))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{out}: {}", stderr(&output));
        assert!(
            stderr(&output).contains("lies in the dump"),
            "{}",
            stderr(&output)
        );
        assert_eq!(files(&dump), before);
    }
}

#[test]
fn a_report_folder_inside_the_dump_changes_nothing_of_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("dump");
    assert!(
        Command::new("cp")
            .arg("-r")
            .arg(sample())
            .arg(&dump)
            .status()
            .unwrap()
            .success()
    );
    let out = dump.join("reports");
    let mut seen = Vec::new();
    for _ in 0..2 {
        let output = kvlens("sweep")
            .arg("--dump-dir")
            .arg(&dump)
            .arg("--out-dir")
            .arg(&out)
            .arg("--save-combo")
            .output()
            .unwrap();
        assert!(output.status.success());
        seen.push((files(&out), stderr(&output)));
    }
    assert_eq!(seen[0], seen[1]);
}

#[test]
fn an_analysis_without_rows_says_so_and_leaves_old_reports_alone() {
    let folder = tempfile::tempdir().unwrap();
    for tool in ["blocknorm", "sweep", "lossy-compare"] {
        let out = folder.path().join(tool);
        let none = run(tool, &out, &["--lossless-first-n", "100"]);
        assert_eq!(none.status.code(), Some(1), "{tool}");
        assert!(
            stderr(&none).contains("lossless-first-n 100"),
            "{}",
            stderr(&none)
        );
        assert!(!out.exists());
        assert!(run(tool, &out, &[]).status.success());
        let before = files(&out);
        run(tool, &out, &["--lossless-first-n", "100"]);
        assert_eq!(files(&out), before, "{tool}");
    }
    // The mixed analysis has rows for lossless layers, too.
    assert!(
        run(
            "mixed",
            &folder.path().join("mixed"),
            &["--lossless-first-n", "100"]
        )
        .status
        .success()
    );
}

#[test]
fn a_run_that_ends_before_its_rows_leaves_no_folder_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let (out, new) = (folder.path().join("out"), folder.path().join("new"));
    let rows = new.join("deep/rows.arrow");
    let flags = ["--min-seq-len", "99999", "--rows", rows.to_str().unwrap()];
    assert_eq!(run("mixed", &out, &flags).status.code(), Some(1));
    assert!(!new.exists());
}

#[test]
fn captures_that_all_turn_out_unreadable_leave_old_reports_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (dump, out) = (folder.path().join("dump"), folder.path().join("out"));
    run("mixed", &out, &[]);
    let before = files(&out);
    make_unreadable(&dump);
    let mut command = kvlens("mixed");
    command
        .arg("--dump-dir")
        .arg(&dump)
        .arg("--out-dir")
        .arg(&out);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("no capture could be read"),
        "{}",
        stderr(&output)
    );
    assert_eq!(files(&out), before);
}

#[test]
fn json_of_scan_names_the_captures_whose_values_could_not_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("dump");
    make_unreadable(&dump);
    let listed = |flags: &[&str]| -> serde_json::Value {
        let output = kvlens("scan").arg(&dump).arg("--json").args(flags).output();
        serde_json::from_slice(&output.unwrap().stdout).unwrap()
    };
    assert!(listed(&[]).get("unread").is_none());
    let listed = listed(&["--values"]);
    let unread = listed["unread"].as_array().map(Vec::len);
    assert_eq!(unread, listed["captures"].as_u64().map(|all| all as usize));
}

/// Makes a dump whose values can't be read: their offset in the archive turns out to be wrong then. The meta files are intact.
fn make_unreadable(dump: &Path) {
    fs::create_dir(dump).unwrap();
    let mut bytes = fs::read(data("formats/stored.zip")).unwrap();
    for at in 0..bytes.len() - 30 {
        if bytes[at..].starts_with(b"PK\x03\x04") {
            let name_len = usize::from(bytes[at + 26]);
            if bytes[at + 30..at + 30 + name_len].ends_with(b".bin") {
                bytes[at] = b'X';
            }
        }
    }
    fs::write(dump.join("broken.zip"), bytes).unwrap();
}

#[test]
fn error_metrics_of_an_earlier_run_do_not_stay_beside_a_set_without_errors() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    run("mixed", &out, &[]);
    fs::write(out.join("notes.txt"), "mine").unwrap();
    assert!(
        run("mixed", &out, &["--lossless-first-n", "100"])
            .status
            .success()
    );
    let names: Vec<_> = files(&out).into_keys().collect();
    assert_eq!(
        names,
        ["mixed_layer_metrics.csv", "mixed_summary.md", "notes.txt"].map(|name| out.join(name))
    );
}
