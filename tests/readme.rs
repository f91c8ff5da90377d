//! The command line example in README.md does what README.md says.

mod common;

use std::fs;

use common::{data, kvlens, stderr};

#[test]
fn the_command_line_example_gives_the_stated_figures() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let command =
        "cargo run --release -- mixed --dump-dir tests/data/sample-dump/dumps --out-dir reports\n";
    let (_, after) = readme.split_once(command).expect("the example");
    let (_, figures) = after.split_once("```text\n").expect("its figures");
    let (figures, _) = figures.split_once("```").unwrap();
    let out = tempfile::tempdir().unwrap();
    let run = kvlens("mixed")
        .arg("--dump-dir")
        .arg(data("sample-dump/dumps"))
        .arg("--out-dir")
        .arg(out.path())
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", stderr(&run));
    let summary = fs::read_to_string(out.path().join("mixed_summary.md")).unwrap();
    for part in figures.split("\n\n") {
        assert!(
            summary.contains(part.trim()),
            "{part}\nis not in\n{summary}"
        );
    }
}
