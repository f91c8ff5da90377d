//! A dump that is measured in parts gives the same reports as a single run, byte for byte. Incomplete sets of parts are
//! reported with what they lack, and no rows file does harm, however damaged.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Output;

use common::{data, kvlens, stderr};
use kvlens::rows::{Merger, RowsError, RowsReader};
use proptest::prelude::*;

const ANALYSES: [(&str, &[&str]); 4] = [
    ("mixed", &["--lossy-mantissa-bits", "5"]),
    ("blocknorm", &["--topk-ratio", "0.3"]),
    ("sweep", &["--save-combo", "--bits-list", "8"]),
    ("lossy-compare", &[]),
];

fn run(tool: &str, dump: &Path, flags: &[&str]) -> Output {
    let output = kvlens(tool).arg(dump).args(flags).output().unwrap();
    assert!(
        output.status.success(),
        "{tool} {flags:?}: {}",
        stderr(&output)
    );
    output
}

/// Name and bytes of all files below a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let above = PathBuf::from(path.file_name().unwrap());
            let below = files(&path).into_iter();
            found.extend(below.map(|(name, bytes)| (above.join(name), bytes)));
        } else {
            found.insert(path.file_name().unwrap().into(), fs::read(&path).unwrap());
        }
    }
    found
}

/// Measures a dump in `of` parts, each with another number of threads, and returns the rows files.
fn parts(tool: &str, dump: &Path, flags: &[&str], of: u32, folder: &Path) -> Vec<PathBuf> {
    let part = |number: u32| {
        let rows = folder.join(format!("rows/part-{number}.arrow"));
        let (part, threads) = (format!("{number}/{of}"), (number % 3 + 1).to_string());
        let mut all = flags.to_vec();
        all.extend([
            "--part",
            &part,
            "--rows",
            rows.to_str().unwrap(),
            "--threads",
            &threads,
        ]);
        run(tool, dump, &all);
        rows
    };
    (1..=of).map(part).collect()
}

fn merge(rows: &[PathBuf], out: &Path) -> Output {
    kvlens("merge")
        .args(rows)
        .arg("--out-dir")
        .arg(out)
        .output()
        .unwrap()
}

fn compare(dump: &Path, of: u32) {
    for (tool, flags) in ANALYSES {
        let folder = tempfile::tempdir().unwrap();
        // The sweep's reports name their own folder.
        let out = folder.path().join("out");
        let mut whole = flags.to_vec();
        whole.extend(["--out-dir", out.to_str().unwrap()]);
        let told = run(tool, dump, &whole);
        let expected = files(&out);
        fs::remove_dir_all(&out).unwrap();
        let mut rows = parts(tool, dump, flags, of, folder.path());
        // In a scrambled order.
        rows.reverse();
        rows.swap(0, of as usize / 2);
        let merged = merge(&rows, &out);
        assert!(
            merged.status.success(),
            "{tool} of {of}: {}",
            stderr(&merged)
        );
        assert_eq!(files(&out), expected, "{tool} of {of}");
        // Omissions and properties of the values are reported as by a single run; a single run also reports how it read
        // the dump.
        for line in stderr(&merged).lines() {
            assert!(stderr(&told).contains(line), "{line}");
        }
        let summary = String::from_utf8(merged.stdout).unwrap();
        let (_, summary) = summary.split_once('\n').unwrap();
        // Rows do not name their runs: per-run figures are printed only where the dump is present.
        let told = String::from_utf8(told.stdout).unwrap();
        let of_all = told.lines().filter(|line| !line.starts_with("  "));
        assert_eq!(
            summary.lines().collect::<Vec<&str>>(),
            of_all.collect::<Vec<&str>>()
        );
    }
}

#[test]
fn parts_of_the_sample_dump_give_the_reports_of_one_run() {
    for of in [1, 3, 16] {
        compare(&data("sample-dump/dumps"), of);
    }
}

#[test]
fn parts_of_the_edge_dump_give_the_reports_of_one_run() {
    for of in [1, 3, 16] {
        compare(&data("edge-dump"), of);
    }
}

/// A copy of the edge dump with a file that is too short, and an invalid meta file.
fn broken_dump(folder: &Path) -> PathBuf {
    let dump = folder.join("dump");
    copy(&data("edge-dump"), &dump);
    fs::write(dump.join("order/layer_2/meta_t9_12.json"), "{").unwrap();
    dump
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn merging_also_reports_what_was_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let dump = broken_dump(folder.path());
    compare(&dump, 3);
    let rows = parts("mixed", &dump, &[], 3, folder.path());
    let merged = merge(&rows, &folder.path().join("out"));
    assert!(stderr(&merged).contains("left out: order/layer_2/meta_t9_12.json"));
    let other = folder.path().join("other");
    let mut strict = kvlens("merge");
    strict
        .args(&rows)
        .arg("--strict")
        .arg("--out-dir")
        .arg(&other);
    assert_eq!(strict.output().unwrap().status.code(), Some(1));
    assert!(!other.exists());
}

#[test]
fn missing_doubled_and_foreign_parts_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let dump = data("edge-dump");
    let mut rows = parts("mixed", &dump, &[], 4, folder.path());
    let other = folder.path().join("other");
    let foreign = [
        parts("mixed", &dump, &["--lossy-mantissa-bits", "3"], 4, &other)[1].clone(),
        parts("blocknorm", &dump, &[], 4, &folder.path().join("blocknorm"))[1].clone(),
        parts("mixed", &dump, &[], 5, &folder.path().join("five"))[1].clone(),
        parts(
            "mixed",
            &data("sample-dump/dumps"),
            &[],
            4,
            &folder.path().join("sample"),
        )[1]
        .clone(),
    ];
    let copy = folder.path().join("copy of 3.arrow");
    fs::copy(&rows[2], &copy).unwrap();
    let cut = folder.path().join("cut.arrow");
    let bytes = fs::read(&rows[2]).unwrap();
    fs::write(&cut, &bytes[..bytes.len() - 100]).unwrap();
    rows.remove(3);
    rows.remove(0);
    rows.extend(foreign.iter().cloned());
    rows.extend([copy, cut, folder.path().join("not-there.arrow")]);
    let out = folder.path().join("out");
    let merged = merge(&rows, &out);
    assert_eq!(merged.status.code(), Some(1));
    let told = stderr(&merged);
    for expected in [
        "--lossy-mantissa-bits 3, not 6",
        "analysis blocknorm, not mixed",
        "a part of 5, not of 4",
        "a dump of 81 captures, not of 23 captures",
        "part 3/4 appears twice: ",
        "copy of 3.arrow",
        "cut.arrow: not a complete Arrow IPC file: its end is missing",
        "not-there.arrow: can't be read",
        "2 parts of 4 missing: 1, 4",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    assert!(!out.exists(), "nothing is written");
}

#[test]
fn a_part_needs_a_rows_file_and_explore_says_why_it_has_none() {
    let dump = data("edge-dump");
    let output = kvlens("mixed")
        .arg(&dump)
        .args(["--part", "1/2"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--rows"));
    let folder = tempfile::tempdir().unwrap();
    let rows = folder.path().join("rows.arrow");
    for part in ["0/2", "3/2", "x"] {
        let mut command = kvlens("mixed");
        command
            .arg(&dump)
            .args(["--part", part])
            .arg("--rows")
            .arg(&rows);
        assert_eq!(command.output().unwrap().status.code(), Some(2), "{part}");
    }
    let mut command = kvlens("explore");
    command
        .arg(&dump)
        .args(["--part", "1/2"])
        .arg("--rows")
        .arg(&rows);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("explore can't be split into parts"),
        "{}",
        stderr(&output)
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_whole_run_may_keep_its_rows_too() {
    let folder = tempfile::tempdir().unwrap();
    let (out, rows) = (folder.path().join("out"), folder.path().join("rows.arrow"));
    let flags = [
        "--out-dir",
        out.to_str().unwrap(),
        "--rows",
        rows.to_str().unwrap(),
    ];
    run("mixed", &data("edge-dump"), &flags);
    let expected = files(&out);
    fs::remove_dir_all(&out).unwrap();
    assert!(merge(&[rows], &out).status.success());
    assert_eq!(files(&out), expected);
}

/// Rows of a part of the edge dump.
fn some_rows() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let rows = parts("lossy-compare", &data("edge-dump"), &[], 4, folder.path());
    fs::read(&rows[1]).unwrap()
}

fn fold(bytes: &[u8]) -> Result<usize, RowsError> {
    let part = RowsReader::open(Cursor::new(bytes))?;
    let Ok(mut merger) = Merger::new(part.head(), "") else {
        return Ok(0);
    };
    merger.push(part)?;
    Ok(merger.finish().report.captures)
}

#[test]
fn a_rows_file_that_is_cut_off_anywhere_is_refused() {
    let bytes = some_rows();
    assert!(fold(&bytes).unwrap() > 0);
    for end in 0..bytes.len() {
        assert!(fold(&bytes[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn damaged_rows_files_give_errors_or_rows_but_never_a_panic() {
    let bytes = some_rows();
    // Each byte of the structure, and of some cells.
    for at in (0..bytes.len()).filter(|at| at % 7 == 0 || *at + 6000 > bytes.len()) {
        for value in [0, 0xff, bytes[at] ^ 1, bytes[at] ^ 0x80] {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            let _ = fold(&damaged);
        }
    }
    let mut runner = proptest::test_runner::TestRunner::default();
    let edits = prop::collection::vec((0..bytes.len(), any::<[u8; 4]>()), 1..8);
    runner
        .run(&edits, |edits| {
            let mut damaged = bytes.clone();
            for (at, new) in edits {
                let end = (at + new.len()).min(damaged.len());
                damaged[at..end].copy_from_slice(&new[..end - at]);
            }
            let _ = fold(&damaged);
            Ok(())
        })
        .unwrap();
}
