//! The same values in every common format: what numpy, safetensors, tarfile and zipfile wrote reads like the folder.
//! `tests/data/formats/make.py` made the files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use dumps::scan_source;
use kvlens::dump::{Dump, FolderSource, MemorySource, ScanOptions, Source, scan};
use kvlens::tensor::{Dtype, Tensor, bf16_to_f32, f16_to_f32};

#[path = "common/dumps.rs"]
mod dumps;

fn scan_with(name: &str, mapping: &str) -> Dump {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/formats")
        .join(name);
    scan_source(FolderSource::open(&path).unwrap(), mapping)
}

/// Scans files in memory.
fn scan_files(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Dump {
    scan_source(MemorySource::new(files), "{}")
}

fn open(name: &str) -> Dump {
    let dump = scan_with(name, "{}");
    assert!(dump.problems.is_empty(), "{name}: {:?}", dump.problems);
    dump
}

/// K and V by layer and first token, read in the order for many captures.
fn load(dump: &Dump) -> BTreeMap<(i64, u64), [Tensor; 2]> {
    let mut loaded = BTreeMap::new();
    for (index, fetched) in dump.fetches(0..dump.captures.len()) {
        let tensors = fetched.unwrap().decode().unwrap();
        let again = dump.captures[index].fetch().unwrap().decode().unwrap();
        assert_eq!(
            (&tensors.k, &tensors.v),
            (&again.k, &again.v),
            "alone and in a row are the same"
        );
        let capture = &dump.captures[index];
        assert!(
            loaded
                .insert(
                    (capture.layer_id, capture.seq_start),
                    [tensors.k, tensors.v]
                )
                .is_none()
        );
    }
    assert_eq!(loaded.len(), dump.captures.len());
    loaded
}

fn prefill() -> BTreeMap<(i64, u64), [Tensor; 2]> {
    load(&open("folder"))
        .into_iter()
        .filter(|((_, start), _)| *start == 0)
        .collect()
}

#[test]
fn archives_hold_what_the_folder_holds() {
    let folder = open("folder");
    let expected = load(&folder);
    assert_eq!(expected.len(), 6);
    let names = [
        "stored.zip",
        "deflate.zip",
        "zip64.zip",
        "gnu.tar",
        "gnu_long.tar",
        "pax.tar",
        "sorted.tar.gz",
        "late.tar.gz",
        "sorted.tar.zst",
    ];
    for name in names {
        let dump = open(name);
        assert_eq!(load(&dump), expected, "{name}");
        let order = |dump: &Dump| -> Vec<(String, String, i64, u64)> {
            let captures = dump.captures.iter();
            captures
                .map(|capture| {
                    (
                        capture.run.clone(),
                        capture.stage.clone(),
                        capture.layer_id,
                        capture.seq_start,
                    )
                })
                .collect()
        };
        assert_eq!(order(&dump), order(&folder), "{name}");
    }
}

#[test]
fn everything_is_read_even_if_few_bytes_may_be_held() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/formats/late.tar.gz");
    let source: Arc<dyn Source> = Arc::new(FolderSource::open(&path).unwrap());
    let mut options = ScanOptions::default();
    options.limits.pending_bytes = 1;
    assert_eq!(load(&scan(&source, &options)), load(&open("folder")));
}

#[test]
fn arrays_with_other_axis_orders_are_reordered() {
    let expected = prefill();
    let names = [
        ("seq_heads_dim.npz", "seq,heads,dim"),
        ("heads_seq_dim.npz", "heads,seq,dim"),
        ("batch_heads_seq_dim.npz", "batch,heads,seq,dim"),
        ("fortran.npz", "seq,heads,dim"),
        ("big_endian.npz", "seq,heads,dim"),
        ("transformers.safetensors", "batch,heads,seq,dim"),
        ("vllm.safetensors", "seq,heads,dim"),
    ];
    for (name, axes) in names {
        let dump = open(name);
        assert_eq!(dump.guesses.len(), 1, "{name}");
        assert_eq!(dump.guesses[0].axes.as_deref(), Some(axes), "{name}");
        assert!(
            dump.guesses[0].asks.is_empty() && !dump.guesses[0].reason.is_empty(),
            "{name}"
        );
        assert_eq!(load(&dump), expected, "{name}");
    }
    let two: BTreeMap<_, _> = expected
        .iter()
        .filter(|((layer, _), _)| *layer < 10)
        .map(|(key, pair)| (*key, pair.clone()))
        .collect();
    assert_eq!(load(&open("npy")), two);
}

#[test]
fn a_batch_is_one_run_for_each_item() {
    let dump = open("two_batches.npz");
    let runs: Vec<String> = dump.summary().runs.into_iter().map(|run| run.run).collect();
    assert_eq!(runs, ["two_batches/batch_0", "two_batches/batch_1"]);
    let expected = prefill();
    for (index, fetched) in dump.fetches(0..dump.captures.len()) {
        let loaded = fetched.unwrap().decode().unwrap();
        assert_eq!(
            [loaded.k, loaded.v],
            expected[&(dump.captures[index].layer_id, 0)]
        );
    }
}

#[test]
fn element_types_are_read_or_asked_for() {
    let expected = prefill();
    let fp32 = load(&open("fp32.safetensors"));
    for (key, pair) in &expected {
        for (half, single) in pair.iter().zip(&fp32[key]) {
            assert_eq!(single.dtype(), Dtype::F32);
            let halves = half
                .bytes()
                .chunks_exact(2)
                .map(|bytes| f16_to_f32(u16::from_le_bytes([bytes[0], bytes[1]])));
            let singles = single
                .bytes()
                .chunks_exact(4)
                .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
            assert!(halves.eq(singles));
        }
    }
    let void = load(&open("bf16_void.npz"));
    assert_eq!(
        load(&scan_with("bf16_u2.npz", r#"{"bits16":"bf16"}"#)),
        void
    );
    let first = |tensor: &Tensor| u16::from_le_bytes([tensor.bytes()[0], tensor.bytes()[1]]);
    let ([half, _], [brain, _]) = (&expected[&(0, 0)], &void[&(0, 0)]);
    assert_eq!(brain.dtype(), Dtype::Bf16);
    assert!((f16_to_f32(first(half)) - bf16_to_f32(first(brain))).abs() < 0.01);

    let asked = scan_with("bf16_u2.npz", "{}");
    assert!(asked.captures.is_empty());
    assert_eq!(asked.guesses[0].asks, ["bits16"]);
    assert!(
        asked.problems[0]
            .to_string()
            .contains("found 16-bit integers, expected --bits16 bf16 or --bits16 fp16")
    );
}

#[test]
fn ambiguous_arrays_are_asked_about() {
    let asked = scan_with("no_names.npz", "{}");
    assert!(asked.captures.is_empty());
    assert_eq!(asked.guesses[0].asks, ["tensorNames", "axes"]);
    assert_eq!(asked.guesses[0].examples.len(), 6);
    assert_eq!(asked.problems.len(), 1);
    assert!(
        asked.problems[0]
            .to_string()
            .starts_with("no_names.npz: tensor names: found arr0kx, arr0vx, "),
        "{}",
        asked.problems[0]
    );
    let told = scan_with("no_names.npz", r#"{"tensorNames":"arr{layer}{kv}x"}"#);
    assert_eq!(load(&told), prefill());

    let asked = scan_with("no_axes.npz", "{}");
    assert!(asked.captures.is_empty());
    assert_eq!(
        (
            asked.guesses[0].asks.as_slice(),
            asked.guesses[0].tensor_names.as_deref()
        ),
        (["axes"].as_slice(), Some("{kv}_{layer}"))
    );
    let told = scan_with("no_axes.npz", r#"{"axes":"seq,heads,dim"}"#);
    let first_two_tokens = prefill()[&(0, 0)][0].bytes()[..2 * 2 * 8 * 2].to_vec();
    assert_eq!(load(&told)[&(0, 0)][0].bytes(), first_two_tokens.as_slice());
}

#[test]
fn a_mapping_for_some_files_leaves_the_others_alone() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "no_names.npz",
        "seq_heads_dim.npz",
        "transformers.safetensors",
    ] {
        let from = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/data/formats")
            .join(name);
        std::fs::copy(from, folder.path().join(name)).unwrap();
    }
    let source: Arc<dyn Source> = Arc::new(FolderSource::open(folder.path()).unwrap());
    let json = r#"{"tensorNames":"arr{layer}{kv}x","axes":"seq,heads,dim"}"#;
    let dump = scan(
        &source,
        &ScanOptions {
            mapping: serde_json::from_str(json).unwrap(),
            ..ScanOptions::default()
        },
    );
    assert_eq!(
        (dump.captures.len(), dump.problems.len()),
        (9, 0),
        "{:?}",
        dump.problems
    );
    let axes: Vec<Option<&str>> = dump
        .guesses
        .iter()
        .map(|guess| guess.axes.as_deref())
        .collect();
    assert_eq!(
        axes,
        [
            Some("seq,heads,dim"),
            Some("batch,heads,seq,dim"),
            Some("seq,heads,dim")
        ]
    );
}

#[test]
fn one_folder_may_hold_several_formats() {
    let dump = scan_with("", "{}");
    let zips = dump
        .captures
        .iter()
        .filter(|capture| capture.path.starts_with("deflate.zip/"))
        .count();
    let folder = dump
        .captures
        .iter()
        .filter(|capture| capture.path.starts_with("folder/"))
        .count();
    assert_eq!((zips, folder), (6, 6));
    let files: BTreeSet<&str> = dump
        .problems
        .iter()
        .filter_map(|problem| problem.file.split('/').next())
        .collect();
    assert_eq!(files, BTreeSet::from(["bf16_u2.npz", "no_names.npz"]));
    let follower = dump
        .captures
        .iter()
        .find(|capture| capture.path.starts_with("no_axes.npz/"))
        .unwrap();
    assert_eq!(
        follower.shape.seq_len, 2,
        "the other files with these names show which axis is which"
    );
    assert!(
        dump.captures
            .is_sorted_by(|a, b| kvlens::dump::natural_cmp(&a.path, &b.path).is_lt())
    );
}

#[test]
fn what_has_a_path_that_is_taken_is_named_captures_and_queries_alike() {
    let meta = r#"{"layer_id":0,"seq_len":1,"kv_heads":1,"head_dim":2,"bytes_per_elem":2,"run_id":"r","k_file":"k","v_file":"v"}"#;
    let queries = r#"{"layer_id":0,"run_id":"r","positions":[0],"q_heads":1,"head_dim":2,"bytes_per_elem":2,"q_file":"q","scale":1}"#;
    let open = || {
        let files = [
            ("r/meta_a.json", meta.as_bytes()),
            ("r/queries_a.json", queries.as_bytes()),
            ("r/k", &b"1234"[..]),
            ("r/v", &b"5678"[..]),
            ("r/q", &b"9abc"[..]),
        ];
        let files = files.map(|(path, bytes)| (path.to_owned(), bytes.to_vec()));
        scan_files(files)
    };
    let mut dump = open();
    dump.merge(open());
    assert_eq!((dump.captures.len(), dump.queries.len()), (1, 1));
    let told: Vec<String> = dump.problems.iter().map(ToString::to_string).collect();
    let twice =
        ["r/meta_a.json", "r/queries_a.json"].map(|path| format!("{path}: path: appears twice"));
    for expected in twice {
        assert!(
            told.iter().any(|text| text.starts_with(&expected)),
            "{told:?}"
        );
    }
}

#[test]
fn a_run_that_is_left_out_takes_its_own_problems_along_and_no_other() {
    let meta = |run: &str, k: &str| {
        format!(
            r#"{{"seq_len":1,"kv_heads":1,"head_dim":2,"bytes_per_elem":2,"run_id":"{run}","k_file":"{k}","v_file":"v"}}"#
        )
    };
    let mut files = Vec::new();
    for (folder, run) in [("x/one/layer_0", "x/one"), ("two/one", "two")] {
        files.push((format!("{folder}/meta_a.json"), meta(run, "k").into_bytes()));
        files.push((
            format!("{folder}/meta_b.json"),
            meta(run, "lost").into_bytes(),
        ));
        files.extend(["k", "v"].map(|name| (format!("{folder}/{name}"), b"1234".to_vec())));
    }
    let whole = scan_files(files);
    let left_without = |run: &str| {
        let mut dump = whole.clone();
        dump.remove_run(run);
        let left = dump.problems.iter().map(|problem| problem.file.clone());
        (dump.captures.len(), left.collect::<Vec<_>>())
    };
    let (one, two) = (
        "x/one/layer_0/meta_b.json".to_owned(),
        "two/one/meta_b.json".to_owned(),
    );
    assert_eq!(left_without("x/one"), (1, vec![two.clone()]));
    assert_eq!(left_without("two"), (1, vec![one.clone()]));
    assert_eq!(
        left_without("one"),
        (2, vec![two, one]),
        "no run has this name"
    );
}

#[test]
fn no_report_of_any_analysis_is_told_as_a_file_of_another_kind() {
    let capture = |layer: usize| {
        let meta = format!(
            r#"{{"layer_id":{layer},"seq_len":16,"kv_heads":1,"head_dim":8,"bytes_per_elem":2,"k_file":"k","v_file":"v"}}"#
        );
        let values = || (0..128_u16).flat_map(|at| (0x3800 + at * 37 % 512).to_le_bytes());
        [
            (format!("r/layer_{layer}/meta_a.json"), meta.into_bytes()),
            (format!("r/layer_{layer}/k"), values().collect()),
            (format!("r/layer_{layer}/v"), values().collect()),
        ]
    };
    let dump = scan_files((0..4).flat_map(capture));
    let specs = kvlens::analysis::specs();
    for spec in &specs {
        let none: [(&str, &str); 0] = [];
        let report = kvlens::analysis::Job::new(spec.name, none)
            .unwrap()
            .run(&dump)
            .unwrap();
        assert!(!report.files.is_empty(), "{}", spec.name);
        let names = report.files.iter().map(|file| file.name.clone());
        let files = names
            .chain(report.superseded.iter().map(ToString::to_string))
            .map(|name| (format!("out/{name}"), vec![1]));
        let dump = scan_files(files);
        assert_eq!(dump.others, [], "{}", spec.name);
        assert!(dump.problems.is_empty(), "{:?}", dump.problems);
    }
    assert_eq!(specs.len(), 5);
}
