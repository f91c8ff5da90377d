//! The reports equal those of the Python reference byte for byte, with one thread and with all; cosines within 1e-6.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use common::{data, kvlens, stderr};

#[derive(serde::Deserialize)]
struct Case {
    name: String,
    tool: String,
    dump: String,
    args: Vec<String>,
}

#[test]
fn with_all_threads() {
    compare_all(&[]);
}

#[test]
fn with_one_thread() {
    compare_all(&["--threads", "1"]);
}

fn compare_all(flags: &[&str]) {
    let cases = fs::read(data("golden/cases.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_slice(&cases).unwrap();
    assert_eq!(cases.len(), 21);
    for case in cases {
        let dump = if case.dump == "edge" {
            "edge-dump"
        } else {
            "sample-dump/dumps"
        };
        let out = tempfile::tempdir().unwrap();
        let run = kvlens(&case.tool)
            .arg("--dump-dir")
            .arg(data(dump))
            .arg("--out-dir")
            .arg(out.path())
            .args(&case.args)
            .args(flags)
            .output()
            .unwrap();
        assert!(run.status.success(), "{}: {}", case.name, stderr(&run));
        let golden = data("golden").join(&case.name);
        assert_eq!(names(out.path()), names(&golden), "{}: files", case.name);
        for name in names(&golden) {
            let read = |folder: &Path| fs::read_to_string(folder.join(&name)).unwrap();
            compare(
                &format!("{}/{name}", case.name),
                &read(out.path()),
                &read(&golden),
            );
        }
    }
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Lines and line ends must be equal, except for cosine figures: CSV columns of that name, and numbers after "cosine"
/// or "cos" in Markdown.
fn compare(name: &str, ours: &str, golden: &str) {
    let lines = |text: &str| {
        text.split_inclusive('\n')
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (ours, golden) = (lines(ours), lines(golden));
    assert_eq!(ours.len(), golden.len(), "{name}: lines");
    let header: Vec<&str> = golden[0].trim_end().split(',').collect();
    for (number, (ours, golden)) in ours.iter().zip(&golden).enumerate() {
        let (our_rest, our_cosines) = without_cosines(name, &header, ours);
        let (golden_rest, golden_cosines) = without_cosines(name, &header, golden);
        assert_eq!(our_rest, golden_rest, "{name}:{}", number + 1);
        assert_eq!(
            our_cosines.len(),
            golden_cosines.len(),
            "{name}:{}",
            number + 1
        );
        for (ours, golden) in our_cosines.iter().zip(&golden_cosines) {
            let near = (ours - golden).abs() <= 1e-6 || ours.is_nan() && golden.is_nan();
            assert!(
                near,
                "{name}:{}: cosine {ours}, golden {golden}",
                number + 1
            );
        }
    }
}

/// The line without its cosine figures, and those figures.
fn without_cosines(name: &str, header: &[&str], line: &str) -> (String, Vec<f64>) {
    let mut cosines = Vec::new();
    if name.ends_with(".csv") {
        let mut rest = Vec::new();
        for (index, field) in line.split(',').enumerate() {
            let value = field.trim_end().parse();
            match value {
                Ok(value)
                    if header
                        .get(index)
                        .is_some_and(|column| column.ends_with("cosine")) =>
                {
                    cosines.push(value);
                    rest.push(&field[field.trim_end().len()..]);
                }
                _ => rest.push(field),
            }
        }
        return (rest.join(","), cosines);
    }
    let mut rest = Vec::new();
    let mut after_cosine = false;
    for word in line.split_inclusive(' ') {
        let number = word.trim_end().trim_end_matches(',').parse();
        match number {
            Ok(value) if after_cosine => cosines.push(value),
            _ => rest.push(word),
        }
        after_cosine = ["cosine: ", "Cosine: ", "cos "].contains(&word);
    }
    (rest.concat(), cosines)
}
