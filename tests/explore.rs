//! Explore on the sample dump: its choices stay within the limit, their bytes are written and read back, and its files
//! are the same for any number of threads.

use kvlens::analysis::explore::{Chosen, Class, Engine, Explored};
use kvlens::analysis::{Job, JobError, Report};
use kvlens::dump::{Dump, MemorySource, Queries, ScanOptions, Source, scan};
use kvlens::pack::{self, Method, PackOptions, Packer};
use kvlens::tensor::Kv;
use sample::sample;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[path = "common/sample.rs"]
mod sample;

fn explore(dump: &Dump, settings: &[(&str, &str)], threads: usize) -> Report {
    let job = Job::new("explore", settings.iter().copied()).unwrap();
    job.threads(threads).run(dump).unwrap()
}

fn explored(report: &Report) -> &Explored {
    report.explored.as_ref().unwrap()
}

#[test]
fn the_smallest_within_the_limit_is_found_written_and_read_back() {
    let report = explore(&sample(), &[], 2);
    let explored = explored(&report);
    assert_eq!(
        (
            explored.layers,
            explored.layers_with_queries,
            report.captures
        ),
        (9, 9, 81)
    );
    assert!(report.problems.is_empty() && explored.is_final);
    let llama = explored
        .choices
        .iter()
        .find(|choice| choice.engine == Some(Engine::Llama))
        .unwrap();
    let flags = llama.flags.as_ref().unwrap();
    assert!(
        flags.starts_with("--cache-type-k ") && flags.contains(" --cache-type-v "),
        "{flags}"
    );
    for choice in &explored.choices {
        assert!(choice.within_limit, "{choice:?}");
        assert!(
            choice.written || choice.class == Class::Reference,
            "{choice:?}"
        );
        assert!(choice.lossless || choice.attention_error.unwrap() <= explored.limit);
        assert_eq!(
            choice.estimated_kl.unwrap(),
            7.0 * choice.attention_error.unwrap()
        );
    }
    let coded = explored
        .choices
        .iter()
        .find(|choice| choice.class == Class::Stored && !choice.lossless);
    let used = coded.unwrap().attention_error.unwrap() / explored.limit;
    assert!(used > 0.97, "{used} of the limit is used");
    let stored = explored
        .choices
        .iter()
        .filter(|choice| choice.class == Class::Stored);
    let stored = stored
        .map(|choice| choice.bytes[0] + choice.bytes[1])
        .min()
        .unwrap();
    assert!(stored < llama.bytes[0] + llama.bytes[1]);
    let names: Vec<&str> = report.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "explore.csv",
            "explore_front.csv",
            "explore_layers.csv",
            "explore_summary.md"
        ]
    );
}

#[test]
fn a_limit_below_the_finest_step_of_the_field_is_met_and_used_up() {
    // The finest step that is tried keeps a cosine of 0.99993.
    let settings = [
        ("limit", "cosine"),
        ("min-cosine", "0.99999"),
        ("classes", "stored"),
    ];
    let report = explore(&sample(), &settings, 2);
    let mut choices = explored(&report).choices.iter();
    let coded = choices.find(|choice| !choice.lossless).unwrap();
    assert!(coded.within_limit && coded.written, "{coded:?}");
    for side in &coded.errors {
        assert!(1.0 - side.cosine > 0.97e-5, "{} of the cosine", side.cosine);
    }
    let lossless = choices.find(|choice| choice.lossless).unwrap();
    assert!(coded.ratio > 1.3 * lossless.ratio, "{}", coded.ratio);
}

/// What packs a choice.
fn options(choice: &Chosen) -> PackOptions {
    let method = |name: &str| name.parse::<Method>().unwrap();
    PackOptions {
        sinks: choice.sinks,
        recent: choice.recent,
        ..PackOptions::new(method(&choice.k), method(&choice.v))
    }
}

#[test]
fn pack_writes_exactly_as_many_bytes_as_explore_reports() {
    let dump = sample();
    let settings = [("classes", "engine,stored"), ("steps", "0.1,0.2,0.4")];
    let report = explore(&dump, &settings, 2);
    let choices = &explored(&report).choices;
    assert!(choices.iter().any(|choice| choice.lossless));
    for choice in choices {
        let options = options(choice);
        let mut packer = Packer::new(&dump, &options).unwrap();
        packer.by_ref().for_each(|part| drop(part.unwrap()));
        assert_eq!(packer.bytes(), choice.bytes, "{} {}", choice.k, choice.v);
    }
}

#[test]
fn files_do_not_depend_on_the_number_of_threads() {
    let settings = [
        ("classes", "engine,stored"),
        ("steps", "0.1,0.2"),
        ("limit", "index"),
        ("max-index", "0.1"),
    ];
    let dump = sample();
    let (one, four) = (explore(&dump, &settings, 1), explore(&dump, &settings, 4));
    assert_eq!(one.files, four.files);
}

#[test]
fn fronts_get_better_as_they_get_larger() {
    let report = explore(
        &sample(),
        &[("classes", "engine,packed"), ("limit", "cosine")],
        2,
    );
    let front = &explored(&report).front;
    assert!(!front.is_empty());
    for pair in front.windows(2) {
        if pair[0].tensor == pair[1].tensor && pair[0].class == pair[1].class {
            assert!(
                pair[0].bytes <= pair[1].bytes && pair[0].error > pair[1].error,
                "{pair:?}"
            );
        }
    }
}

/// Methods that keep no tokens by themselves, on equal terms with those that do.
#[test]
fn sinks_are_kept_in_all_methods_where_that_is_asked_for() {
    let settings = [("classes", "engine,packed,reference"), ("queries", "1")];
    let without = explore(&sample(), &settings, 2);
    let with = explore(
        &sample(),
        &[settings[0], settings[1], ("keep-in-all", "true")],
        2,
    );
    let (without, with) = (&explored(&without).points, &explored(&with).points);
    let kept: Vec<_> = with
        .iter()
        .filter(|point| !without.contains(point))
        .collect();
    assert_eq!(
        with.len() - kept.len(),
        without.len(),
        "the others are still there"
    );
    for name in [
        "q4_1",
        "fp8_e4m3",
        "mlx:b=4,g=64",
        "truncate 3",
        "quant 6",
        "block-norm 6",
    ] {
        let plain = without.iter().find(|point| point.scheme == name).unwrap();
        let mut same = kept.iter().filter(|point| point.scheme == name);
        let kept = same.find(|point| point.tensor == plain.tensor).unwrap();
        assert_eq!((plain.sinks, kept.sinks), (0, 4), "{name}");
        assert!(plain.errors.first > 0.0, "{name}");
        assert_eq!(kept.errors.first, 0.0, "{name}");
        assert!(kept.attention_error < plain.attention_error, "{name}");
        assert!(kept.bytes > plain.bytes || kept.packed, "{name}");
        assert_eq!((kept.engine, kept.flag.as_ref()), (None, None), "{name}");
    }
}

#[test]
fn with_several_runs_the_context_belongs_to_one_of_them() {
    let one = sample();
    let mut three = one.clone();
    three.captures = ["a", "b", "c"]
        .iter()
        .flat_map(|run| {
            one.captures
                .iter()
                .filter(|capture| capture.layer_id == 0)
                .map(|capture| {
                    let mut capture = capture.as_ref().clone();
                    capture.run = (*run).to_owned();
                    Arc::new(capture)
                })
        })
        .collect();
    let few = [("classes", "engine"), ("queries", "1")];
    let report = explore(&three, &few, 2);
    let explored = explored(&report);
    assert_eq!((explored.layers, explored.runs), (3, 3));
    // 3 heads of 64 values of 2 bytes, K and V, in one layer.
    assert_eq!(explored.context_bytes, 131_072 * 3 * 64 * 2 * 2);
}

/// The sample's first layer with the first 32 of the 64 values of each head of V.
fn narrow_v() -> Dump {
    let sample = sample();
    let fetched = sample.captures[0].fetch().unwrap();
    let loaded = fetched.decode().unwrap();
    let v = loaded.v.bytes().chunks_exact(64 * 2);
    let v: Vec<u8> = v.flat_map(|head| &head[..32 * 2]).copied().collect();
    let meta = serde_json::json!({
        "layer_id": 0, "seq_start": 0, "seq_len": 128, "kv_heads": 3, "head_dim": 64, "v_head_dim": 32, "bytes_per_elem": 2,
        "dtype": "fp16", "stage": "prefill", "run_id": "prompt_128", "k_file": "k.bin", "v_file": "v.bin",
    });
    let files = vec![
        ("meta_a.json".to_owned(), meta.to_string().into_bytes()),
        ("k.bin".to_owned(), loaded.k.bytes().to_vec()),
        ("v.bin".to_owned(), v),
    ];
    let source: Arc<dyn Source> = Arc::new(MemorySource::new(files));
    let mut dump = scan(&source, &ScanOptions::default());
    let of_layer = |queries: &&Arc<Queries>| queries.layer_id == 0;
    dump.queries = sample.queries.iter().filter(of_layer).cloned().collect();
    dump
}

#[test]
fn heads_of_v_may_be_of_another_size_than_those_of_k() {
    let dump = narrow_v();
    let settings = [("classes", "engine,stored,reference"), ("recent", "0")];
    let report = explore(&dump, &settings, 2);
    let explored = explored(&report);
    assert_eq!((explored.layers, explored.layers_with_queries), (1, 1));
    let (raw_k, raw_v) = (128 * 3 * 64 * 2, 128 * 3 * 32 * 2);
    assert_eq!(explored.raw_bytes, raw_k + raw_v);
    assert_eq!(explored.context_bytes, 131_072 * 3 * (64 + 32) * 2);
    for point in &explored.points {
        let raw = if point.tensor == Kv::K { raw_k } else { raw_v };
        assert_eq!(point.ratio, raw as f64 / point.bytes as f64);
        assert_eq!(point.bits_per_value, point.bytes as f64 * 16.0 / raw as f64);
        assert!(point.attention_error.unwrap().is_finite(), "{point:?}");
    }
    for point in &explored.front {
        let raw = match point.tensor {
            "k" => raw_k,
            "v" => raw_v,
            _ => raw_k + raw_v,
        };
        assert_eq!(point.ratio, raw as f64 / point.bytes as f64);
    }
    let written = explored.choices.iter().filter(|choice| choice.written);
    assert!(written.clone().count() >= 4, "{:?}", explored.choices);
    for choice in written {
        let options = options(choice);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.kvz");
        let packed = pack::write_new(&dump, &path, &options, None, &mut |_, _| true).unwrap();
        assert_eq!([packed.k_bytes, packed.v_bytes], choice.bytes);
        let both = (packed.errors.attention, choice.attention_error);
        let (Some(packed), Some(reported)) = both else {
            panic!("{both:?}");
        };
        // Explore takes some of the queries only.
        assert!((packed - reported).abs() <= 0.1 * reported, "{both:?}");
    }
}

/// The sample's first layer with these of its tokens.
fn some_tokens(tokens: std::ops::Range<usize>) -> Dump {
    let mut dump = sample();
    let capture = dump.captures[0].tokens(tokens).unwrap();
    dump.captures = vec![Arc::new(capture)];
    dump.queries.clear();
    dump
}

#[test]
fn where_all_tokens_are_kept_the_coded_scheme_takes_their_bytes() {
    for tokens in [1, 4] {
        let report = explore(&some_tokens(0..tokens), &[("classes", "stored")], 1);
        let explored = explored(&report);
        let coded = explored.points.iter();
        let coded = coded.filter(|point| point.scheme.starts_with("tkc"));
        let bytes: Vec<u64> = coded.map(|point| point.bytes).collect();
        assert_eq!(bytes, [explored.raw_bytes / 2; 10]);
    }
}

#[test]
fn captures_at_the_end_of_all_positions_are_explored() {
    let mut dump = sample();
    let mut capture = dump.captures[0].as_ref().clone();
    capture.seq_start = u64::MAX - 3;
    let mut queries = dump.queries[0].as_ref().clone();
    queries.layer_id = capture.layer_id;
    queries.attention.sliding_window = Some(2);
    queries.positions.fill(u64::MAX - 1);
    (dump.captures, dump.queries) = (vec![Arc::new(capture)], vec![Arc::new(queries)]);
    let report = explore(&dump, &[("classes", "stored")], 1);
    assert_eq!(explored(&report).layers_with_queries, 1);
}

#[test]
fn a_cancelled_run_ends_before_its_layers_are_done() {
    let flag = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&flag);
    let job = Job::new("explore", [("classes", "stored")]).unwrap();
    let job = job.cancel(flag).on_progress(move |progress| {
        assert!(
            progress.captures < progress.captures_total,
            "it went on to the end"
        );
        set.store(true, Ordering::Relaxed);
    });
    assert_eq!(job.run(&sample()).err(), Some(JobError::Cancelled));
}
