//! Packed dumps: they round trip, their sizes are those reported, and damaged files give errors or the right values.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dumps::scan_source;
use kvlens::analysis::Job;
use kvlens::dump::{Dump, FolderSource, MemorySource, ScanOptions, Source, scan};
use kvlens::kvz::PartDecoder;
use kvlens::pack::{self, Limit, Method, PackError, PackOptions, Packed, Packer, Search};
use kvlens::scheme::{Scheme, Tkc};

#[path = "common/dumps.rs"]
mod dumps;

fn open_files(files: Vec<(String, Vec<u8>)>) -> Dump {
    scan_source(MemorySource::new(files), "{}")
}

/// Two layers of a run in two captures each, with queries; one more layer with a gap.
fn small() -> Dump {
    let dump = open_files(small_files());
    assert_eq!(
        (dump.captures.len(), dump.queries.len(), dump.problems.len()),
        (6, 1, 0)
    );
    dump
}

fn small_files() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let (heads, dim) = (2, 8);
    let mut capture = |layer: usize, start: usize, tokens: usize| {
        let stem = format!("t{start}_{}", start + tokens);
        let folder = format!("run/layer_{layer}");
        let meta = serde_json::json!({
            "layer_id": layer, "seq_start": start, "seq_len": tokens, "seq_end_exclusive": start + tokens, "kv_heads": heads,
            "head_dim": dim, "bytes_per_elem": 2, "dtype": "fp16", "stage": if start == 0 { "prefill" } else { "decode" },
            "run_id": "run", "k_file": format!("k_{stem}.bin"), "v_file": format!("v_{stem}.bin"),
        });
        files.push((
            format!("{folder}/meta_{stem}.json"),
            meta.to_string().into_bytes(),
        ));
        for (seed, tensor) in ["k", "v"].into_iter().enumerate() {
            let values = (0..tokens * heads * dim).flat_map(|i| {
                let wave = (i * (3 + layer) + seed * 7 + start) % 23;
                kvlens::tensor::f32_to_f16(wave as f32 / 8.0 - 1.0).to_le_bytes()
            });
            files.push((format!("{folder}/{tensor}_{stem}.bin"), values.collect()));
        }
    };
    capture(0, 0, 12);
    capture(0, 12, 1);
    capture(1, 0, 12);
    capture(1, 12, 1);
    capture(2, 0, 5);
    capture(2, 9, 5);
    let queries = serde_json::json!({
        "layer_id": 0, "run_id": "run", "positions": [10, 12], "q_heads": 4, "head_dim": dim, "bytes_per_elem": 2, "dtype": "fp16",
        "q_file": "q.bin", "scale": 0.25, "rope_theta": 10000.0, "sliding_window": 64,
    });
    files.push((
        "run/layer_0/queries_a.json".to_owned(),
        queries.to_string().into_bytes(),
    ));
    files.push((
        "run/layer_0/q.bin".to_owned(),
        (0..2 * 4 * dim)
            .flat_map(|i| (0x3000u16 + i as u16).to_le_bytes())
            .collect(),
    ));
    files
}

/// Bytes of the file, with its head in place.
fn packed(dump: &Dump, options: &PackOptions) -> Vec<u8> {
    let mut packer = Packer::new(dump, options).unwrap();
    let head_bytes = packer.head_bytes().unwrap();
    let parts: Vec<Vec<u8>> = packer.by_ref().map(Result::unwrap).collect();
    let head = packer.head().unwrap();
    assert_eq!(head.len() as u64, head_bytes);
    let [k, v] = packer.bytes();
    let told = head_bytes + k + v + packer.query_bytes();
    let file = [head, parts.concat()].concat();
    assert_eq!(
        file.len() as u64,
        told,
        "sizes that are told are the file's"
    );
    file
}

fn open_packed(file: Vec<u8>) -> Dump {
    open_files(vec![("a.kvz".to_owned(), file)])
}

fn open_with(file: Vec<u8>, decoder: PartDecoder) -> Dump {
    let options = ScanOptions {
        part_decoder: decoder,
        ..ScanOptions::default()
    };
    let source: Arc<dyn Source> = Arc::new(MemorySource::new([("a.kvz".to_owned(), file)]));
    scan(&source, &options)
}

fn method(text: &str) -> Method {
    text.parse().unwrap()
}

/// Description and bytes of every capture.
fn contents(dump: &Dump) -> Vec<String> {
    let mut all = Vec::new();
    for (index, fetched) in dump.fetches(0..dump.captures.len()) {
        let capture = &dump.captures[index];
        let loaded = fetched.unwrap().decode().unwrap();
        all.push(format!(
            "{:?} {} {} {} {} {:?} {:?} {:?} {:?}",
            capture.meta_path(),
            capture.run,
            capture.layer_id,
            capture.stage,
            capture.seq_start,
            capture.shape,
            capture.dtype,
            loaded.k.bytes(),
            loaded.v.bytes()
        ));
    }
    for queries in &dump.queries {
        all.push(format!(
            "{:?} {} {} {:?} {:?} {:?}",
            queries.meta_path(),
            queries.run,
            queries.layer_id,
            queries.positions,
            queries.attention,
            queries.load().unwrap().bytes()
        ));
    }
    all.sort();
    all
}

#[test]
fn a_losslessly_packed_dump_comes_back_bit_for_bit_with_its_queries() {
    let dump = small();
    for scheme in ["lossless", "raw"] {
        let file = packed(&dump, &PackOptions::new(method(scheme), method(scheme)));
        let back = open_packed(file);
        assert!(back.problems.is_empty(), "{:?}", back.problems);
        assert!(back.notes.is_empty(), "{:?}", back.notes);
        assert_eq!(contents(&back), contents(&dump));
    }
}

#[test]
fn every_kind_of_scheme_is_packed_and_read_back_with_the_first_tokens_untouched() {
    let dump = small();
    for scheme in [
        "int:b=8,per=channel,sym",
        "tkc:c=0.2",
        "tkc:c=0.2,klt=head,nonorm,nomean",
        "int:b=4,per=token,sym",
    ] {
        let options = PackOptions {
            recent: 1,
            ..PackOptions::new(method(scheme), method("lossless"))
        };
        let back = open_packed(packed(&dump, &options));
        assert!(back.problems.is_empty(), "{:?}", back.problems);
        let [note] = back.notes.as_slice() else {
            panic!("{:?}", back.notes);
        };
        let stored = format!("K was stored as {scheme}: what is measured");
        assert!(note.text.starts_with(&stored), "{note:?}");
        let errors = pack::check(&dump, &back, &options, &mut |_| true).unwrap();
        assert!(
            errors.k.cosine > 0.97 && errors.k.cosine < 1.0,
            "{scheme}: {errors:?}"
        );
        assert!(errors.v.nmse == 0.0 && errors.attention.is_some());
        for (a, b) in dump.captures.iter().zip(&back.captures) {
            let (a, b) = (
                a.fetch().unwrap().decode().unwrap(),
                b.fetch().unwrap().decode().unwrap(),
            );
            assert_eq!(a.v, b.v);
        }
        let (first, last) = (&dump.captures[0], &back.captures[0]);
        let token = 2 * first.shape.token_elements();
        let (a, b) = (
            first.fetch().unwrap().decode().unwrap(),
            last.fetch().unwrap().decode().unwrap(),
        );
        assert_eq!(a.k.bytes()[..4 * token], b.k.bytes()[..4 * token], "sinks");
        assert_ne!(a.k.bytes(), b.k.bytes());
    }
}

#[test]
fn every_cut_and_every_flipped_byte_gives_an_error_or_the_right_values() {
    let dump = small();
    let options = PackOptions::new(method("tkc:c=0.3"), method("lossless"));
    let file = packed(&dump, &options);
    let right = contents(&open_packed(file.clone()));
    let check = |broken: Vec<u8>, what: &str| {
        let back = open_packed(broken);
        let mut problems = back.problems.len();
        let mut read = Vec::new();
        for (index, fetched) in back.fetches(0..back.captures.len()) {
            match fetched.and_then(|fetched| fetched.decode()) {
                Ok(loaded) => read.push((index, loaded)),
                Err(_) => problems += 1,
            }
        }
        problems += back
            .queries
            .iter()
            .filter(|queries| queries.load().is_err())
            .count();
        assert!(problems > 0, "{what} was not noticed");
    };
    assert_eq!(right.len(), 7);
    for cut in 0..file.len() {
        check(file[..cut].to_vec(), "a cut");
    }
    for place in 0..file.len() {
        let mut broken = file.clone();
        broken[place] ^= 1 << (place % 8);
        check(broken, "a flipped bit");
    }
    check([file.clone(), vec![0]].concat(), "a byte too many");
}

#[test]
fn a_file_that_claims_far_more_than_it_holds_is_a_problem_and_takes_no_memory() {
    let layer = kvlens::kvz::StoredLayer {
        run: "r".to_owned(),
        layer_id: 0,
        position: 0,
        kv_heads: 1 << 10,
        head_dim: 1 << 10,
        v_kv_heads: None,
        v_head_dim: None,
        dtype: "fp16".to_owned(),
        k_scheme: 0,
        v_scheme: 0,
        captures: vec![kvlens::kvz::StoredCapture {
            path: "r/meta_a.json".to_owned(),
            stage: "prefill".to_owned(),
            tokens: 1 << 20,
        }],
    };
    let mut index = kvlens::kvz::StoredIndex {
        writer: String::new(),
        schemes: vec![kvlens::kvz::StoredScheme {
            name: "tkc:c=1".to_owned(),
            sinks: 0,
            recent: 0,
        }],
        layers: vec![layer],
        queries: Vec::new(),
    };
    let part = vec![0; 64];
    let crc = crc32fast::hash(&part);
    for tokens in [1 << 20, usize::MAX] {
        index.layers[0].captures[0].tokens = tokens;
        let head = kvlens::kvz::Head::write(&index, &[(64, crc), (64, crc)]).unwrap();
        let back = open_packed([head, part.clone(), part.clone()].concat());
        assert_eq!((back.captures.len(), back.problems.len()), (0, 1));
    }
}

#[test]
fn a_limit_is_met_and_used_up() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sample-dump");
    let mut dump = scan_source(FolderSource::open(&root).unwrap(), "{}");
    // Two layers are enough.
    dump.captures
        .retain(|capture| [8, 14].contains(&capture.layer_id));
    let base = PackOptions::new(Method::Lossless, Method::Lossless);
    let search = Search::new(&dump, Tkc::new(1.0), &base, Limit::MinCosine(0.999)).unwrap();
    let (options, promised) = search.run(&mut |_| true).unwrap();
    assert!(matches!(options.k, Method::Scheme(Scheme::Tkc(_))));
    for side in [promised.k, promised.v] {
        let used = (1.0 - side.least_cosine()) / 0.001;
        assert!((0.98..=1.0).contains(&used), "{used} of the limit");
    }
    let back = open_packed(packed(&dump, &options));
    let errors = pack::check(&dump, &back, &options, &mut |_| true).unwrap();
    assert_eq!((errors.k, errors.v), (promised.k, promised.v));
}

/// A `queries_a.json` of a layer of [`unlike_layers`], with its file; `bits` are those of the first value, in fp16.
fn few_queries(layer: u64, bits: u16) -> [(String, Vec<u8>); 2] {
    let meta = serde_json::json!({
        "layer_id": layer, "run_id": "run", "positions": [40, 63], "q_heads": 4, "head_dim": 8, "bytes_per_elem": 2, "dtype": "fp16",
        "q_file": "q.bin", "scale": 0.25,
    });
    let values = (0..2 * 4 * 8).map(|place| if place == 0 { bits } else { 0x3000 + place });
    let folder = format!("run/layer_{layer}");
    [
        (
            format!("{folder}/queries_a.json"),
            meta.to_string().into_bytes(),
        ),
        (
            format!("{folder}/q.bin"),
            values.flat_map(u16::to_le_bytes).collect(),
        ),
    ]
}

#[test]
fn a_limit_on_the_attention_error_needs_queries_of_one_layer_only() {
    // The first tries are on layers 1 and 3 if nothing is known of queries.
    for layer in [0, 3, 4] {
        let mut files = unlike_files();
        files.extend(few_queries(layer, 0x3000));
        let base = PackOptions::new(Method::Lossless, Method::Lossless);
        let (dump, limit) = (open_files(files), Limit::MaxAttentionError(0.01));
        let search = Search::new(&dump, Tkc::new(1.0), &base, limit).unwrap();
        let (_, found) = search.run(&mut |_| true).unwrap();
        let error = found.attention.unwrap();
        assert!(error > 0.0 && error <= 0.01, "layer {layer}: {error}");
    }
}

/// What is told of the dump's `.kvz`.
fn written(dump: &Dump, options: &PackOptions) -> Packed {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.kvz");
    pack::write_new(dump, &path, options, None, &mut |_, _| true).unwrap()
}

#[test]
fn queries_that_are_not_finite_tell_no_attention_error() {
    for bits in [0x7e00, 0x7c00] {
        let mut files = unlike_files();
        files.extend(few_queries(1, bits));
        let dump = open_files(files);
        let options = PackOptions::new(method("tkc:c=2"), method("tkc:c=2"));
        let back = open_packed(packed(&dump, &options));
        let errors = pack::check(&dump, &back, &options, &mut |_| true).unwrap();
        assert_eq!(errors.attention, None);
        let limit = Limit::MaxAttentionError(0.01);
        let search = Search::new(&dump, Tkc::new(1.0), &options, limit).unwrap();
        let found = search.run(&mut |_| true);
        assert_eq!(found.unwrap_err(), PackError::NoQueries);
        let expected =
            "run/layer_1/queries_a.json: holds NaN or infinite values, so it is not used";
        assert_eq!(written(&dump, &options).notes, [expected]);
    }
}

#[test]
fn queries_tell_nothing_of_captures_whose_heads_are_of_another_size() {
    let mut files = unlike_files();
    files.extend(few_queries(1, 0x3000));
    // Half as many tokens with twice as many values: their files are of the same size.
    let wider = serde_json::json!({
        "layer_id": 1, "seq_start": 0, "seq_len": 64, "kv_heads": 2, "head_dim": 16, "bytes_per_elem": 2, "dtype": "fp16",
        "stage": "prefill", "run_id": "run", "k_file": "k.bin", "v_file": "v.bin",
    });
    files.push(("run/layer_1/meta_b.json".into(), wider.to_string().into()));
    let dump = open_files(files);
    assert_eq!((dump.captures.len(), dump.queries.len()), (6, 1));
    let options = PackOptions::new(method("tkc:c=2"), method("tkc:c=2"));
    let written = written(&dump, &options);
    assert!(written.errors.attention.unwrap() > 0.0);
    let expected =
        "run/layer_1/queries_a.json: it is not used for captures whose heads its own do not fit";
    assert_eq!(written.notes, [expected]);
}

#[test]
fn queries_that_look_back_to_tokens_that_are_not_there_tell_no_attention_error() {
    let at = |position: u64, window: Option<u64>| {
        let mut files = unlike_files();
        files.extend(few_queries(1, 0x3000));
        let mut dump = open_files(files);
        for capture in &mut dump.captures {
            Arc::make_mut(capture).seq_start = position;
        }
        for queries in &mut dump.queries {
            Arc::make_mut(queries).attention.sliding_window = window;
        }
        let options = PackOptions::new(method("tkc:c=2"), method("tkc:c=2"));
        let back = open_packed(packed(&dump, &options));
        let errors = pack::check(&dump, &back, &options, &mut |_| true).unwrap();
        errors.attention.is_some()
    };
    assert!(at(0, None));
    assert!(!at(8, None));
    // The queries are at 40 and 63.
    assert!(at(8, Some(33)));
    assert!(!at(8, Some(57)));
}

/// A run of 64 tokens, of which every other layer's channels fall off steeply: what the first tries see is not what the others are.
fn unlike_layers() -> Dump {
    open_files(unlike_files())
}

fn unlike_files() -> Vec<(String, Vec<u8>)> {
    let (tokens, channels) = (64, 32);
    let mut files = Vec::new();
    for layer in 0..5_u64 {
        let meta = serde_json::json!({
            "layer_id": layer, "seq_start": 0, "seq_len": tokens, "kv_heads": 4, "head_dim": 8, "bytes_per_elem": 2, "dtype": "fp16",
            "stage": "prefill", "run_id": "run", "k_file": "k.bin", "v_file": "v.bin",
        });
        let folder = format!("run/layer_{layer}");
        files.push((format!("{folder}/meta_a.json"), meta.to_string().into()));
        for (seed, tensor) in ["k", "v"].into_iter().enumerate() {
            let noise = |place: u64| {
                let mut x = (place + (10 * layer + seed as u64) * 1_000_003)
                    .wrapping_mul(0x9e37_79b9_7f4a_7c15);
                x = (x ^ (x >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                ((x ^ (x >> 29)) >> 40) as f32 / (1 << 23) as f32 - 1.0
            };
            let values = (0..tokens * channels).flat_map(|place| {
                let fall = (1.0 + (place % channels) as f32).powi(1 + 2 * (layer as i32 % 2));
                kvlens::tensor::f32_to_f16(noise(place) / fall).to_le_bytes()
            });
            files.push((format!("{folder}/{tensor}.bin"), values.collect()));
        }
    }
    files
}

#[test]
fn a_limit_is_met_by_the_coded_scheme_where_layers_are_unlike_and_errors_grow_slowly() {
    let dump = unlike_layers();
    let base = PackOptions::new(Method::Lossless, Method::Lossless);
    for least in [0.9, 0.95, 0.97, 0.99] {
        let search = Search::new(&dump, Tkc::new(1.0), &base, Limit::MinCosine(least)).unwrap();
        let (options, promised) = search.run(&mut |_| true).unwrap();
        for (method, side) in [(&options.k, promised.k), (&options.v, promised.v)] {
            assert!(matches!(method, Method::Scheme(_)), "{least}: {method}");
            let used = (1.0 - side.least_cosine()) / (1.0 - least);
            assert!((0.6..=1.0).contains(&used), "{used} of {least}");
        }
    }
}

#[test]
fn the_smallest_of_all_kinds_is_found_and_a_cosine_of_one_is_lossless() {
    let dump = small();
    let base = PackOptions::new(Method::Lossless, Method::Lossless);
    let find = |limit| {
        let search = Search::new(&dump, Tkc::new(1.0), &base, limit).unwrap();
        search.run(&mut |_| true).unwrap()
    };
    let (options, promised) = find(Limit::MinCosine(1.0));
    assert_eq!((options.k, options.v), (Method::Lossless, Method::Lossless));
    assert_eq!((promised.k.nmse, promised.v.nmse), (0.0, 0.0));
    let min_cosine = 0.9999;
    let (options, promised) = find(Limit::MinCosine(min_cosine));
    assert!(promised.k.least_cosine() >= min_cosine && promised.v.least_cosine() >= min_cosine);
    let sizes = |options: &PackOptions| {
        let mut packer = Packer::new(&dump, options).unwrap();
        packer.by_ref().for_each(|part| drop(part.unwrap()));
        packer.bytes()
    };
    let found = sizes(&options);
    let mut better_than_coded = 0;
    for scheme in [
        "lossless",
        "int:b=8,per=channel,sym",
        "int:b=6,per=channel,asym",
        "int:b=4,per=channel,asym",
        "tkc:c=0.02",
    ] {
        let other = PackOptions::new(method(scheme), method(scheme));
        let back = open_packed(packed(&dump, &other));
        let errors = pack::check(&dump, &back, &other, &mut |_| true).unwrap();
        for (side, errors) in [errors.k, errors.v].iter().enumerate() {
            let size = sizes(&other)[side];
            if scheme.starts_with("tkc") {
                better_than_coded += usize::from(found[side] < size);
            } else if errors.least_cosine() >= min_cosine {
                assert!(found[side] <= size, "{scheme}: {found:?}, {size}");
            }
        }
    }
    assert_eq!(
        better_than_coded, 2,
        "few tokens are no case for the coded scheme"
    );
}

#[test]
fn packing_and_searching_stop_when_they_are_told_to() {
    let dump = small();
    let base = PackOptions::new(method("tkc:c=0.2"), method("tkc:c=0.2"));
    for last in 1..4 {
        let mut asked = 0;
        let mut go_on = |_: f64| {
            asked += 1;
            asked < last
        };
        let search = Search::new(&dump, Tkc::new(1.0), &base, Limit::MaxIndex(0.01)).unwrap();
        assert_eq!(search.run(&mut go_on), Err(PackError::Cancelled));
        assert_eq!(asked, last, "nothing is asked, or done, after that");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.kvz");
    let mut asked = 0;
    let stopped = pack::write(&dump, &file, &base, None, &mut |_, _| {
        asked += 1;
        asked < 3
    });
    assert_eq!((stopped.err(), asked), (Some(PackError::Cancelled), 3));
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0, "no half file stays");
}

#[test]
fn a_flag_that_is_set_while_packing_stops_it_between_two_tensors() {
    let dump = small();
    let options = PackOptions::new(method("tkc:c=0.2"), method("int:b=8,per=channel,sym"));
    let flag = Arc::new(AtomicBool::new(false));
    let mut packer = Packer::new(&dump, &options)
        .unwrap()
        .cancel(Arc::clone(&flag));
    let first = packer.read(1).unwrap().unwrap().store().unwrap();
    packer.add(first);
    let waiting = packer.read(1).unwrap().unwrap();
    flag.store(true, Ordering::Relaxed);
    assert_eq!(waiting.store(), Err(PackError::Cancelled));
    assert_eq!((packer.layers_done(), packer.layers()), (1, 4));
    assert_eq!(packer.by_ref().filter(Result::is_ok).take(3).count(), 2);
    assert!(!packer.is_done(), "nothing was stored after that");
}

#[test]
fn errors_are_told_of_the_layers_of_which_they_can_be() {
    let mut files = small_files();
    for (path, bytes) in &mut files {
        if path == "run/layer_1/k_t0_12.bin" {
            bytes[..2].copy_from_slice(&0x7c00u16.to_le_bytes());
        }
    }
    let (whole, dump) = (small(), open_files(files));
    let options = PackOptions::new(method("tkc:c=0.2"), method("tkc:c=0.2"));
    let errors = |dump: &Dump| {
        let back = open_packed(packed(dump, &options));
        pack::check(dump, &back, &options, &mut |_| true).unwrap()
    };
    let (whole, broken) = (errors(&whole), errors(&dump));
    assert_eq!((whole.k.left_out, broken.k.left_out), (0, 1));
    assert_eq!(broken.v, whole.v);
    assert_eq!(broken.attention, whole.attention, "of layer 0 alone");
    let k = broken.k;
    assert!(
        k.cosine > 0.9 && k.cosine < 1.0 && k.capture_cosine < 1.0,
        "{k:?}"
    );
    assert!(k.nmse > 0.0 && k.index > 0.0, "{k:?}");
    let base = PackOptions::new(Method::Lossless, Method::Lossless);
    let search = Search::new(&dump, Tkc::new(1.0), &base, Limit::MinCosine(0.9)).unwrap();
    let (_, found) = search.run(&mut |_| true).unwrap();
    assert!(found.k.least_cosine() >= 0.9, "{found:?}");
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tiny/tiny.kvz");
    let alone = errors(&open_packed(std::fs::read(tiny).unwrap()));
    assert!(alone.k.cosine.is_nan() && alone.k.left_out == 1);
    assert!(alone.v.cosine.is_finite() && alone.v.left_out == 0);
}

#[test]
fn captures_without_a_token_have_errors_that_are_numbers() {
    let header = ["k", "v"].map(|name| {
        format!(r#""layers.0.{name}":{{"dtype":"F16","shape":[0,2,8],"data_offsets":[0,0]}}"#)
    });
    let header = format!("{{{}}}", header.join(","));
    let file = [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat();
    let source = MemorySource::new([("empty.safetensors".to_owned(), file)]);
    let dump = scan_source(source, r#"{"axes": "seq,heads,dim"}"#);
    let options = PackOptions::new(method("tkc:c=0.2"), method("tkc:c=0.2"));
    let back = open_packed(packed(&dump, &options));
    let errors = pack::check(&dump, &back, &options, &mut |_| true).unwrap();
    assert_eq!((errors.k.cosine, errors.k.capture_cosine), (1.0, 1.0));
}

#[test]
fn a_file_of_an_earlier_build_is_still_read() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tiny/tiny.kvz");
    let back = open_packed(std::fs::read(file).unwrap());
    assert!(back.problems.is_empty(), "{:?}", back.problems);
    let loaded = back.captures[0].fetch().unwrap().decode().unwrap();
    let wave = |place: usize, speed: f64| {
        let value = (place as f64 * speed).sin() * 4.0;
        kvlens::tensor::f16_to_f32(kvlens::tensor::f32_to_f16(value as f32))
    };
    let (k, v) = (loaded.k.values(), loaded.v.values());
    assert_eq!((k.len(), v.len(), back.queries.len()), (96, 96, 1));
    assert_eq!(k[7 * 8 + 6], f32::INFINITY);
    for place in 0..96 {
        assert_eq!(v[place], wave(place, 2.7), "V is stored losslessly");
        let (token, off) = (place / 8, (k[place] - wave(place, 1.7)).abs());
        let most = if token == 0 || token == 7 { 0.0 } else { 1.0 };
        assert!(place == 7 * 8 + 6 || off <= most, "{place}: {off}");
    }
}

#[test]
fn a_file_of_another_version_is_named_as_such() {
    let lossless = PackOptions::new(Method::Lossless, Method::Lossless);
    let mut file = packed(&small(), &lossless);
    file[8] = 1;
    let dump = open_packed(file);
    assert!(dump.captures.is_empty());
    let problem = dump.problems[0].to_string();
    let told = "of version 1, which another version of kvlens wrote; this one reads version 2";
    assert!(problem.contains(told), "{problem}");
}

#[test]
fn a_decoder_that_panics_costs_its_captures_only() {
    let lossless = PackOptions::new(Method::Lossless, Method::Lossless);
    let file = packed(&small(), &lossless);
    let panics = PartDecoder::new(|info, bytes| {
        assert_ne!(info.shape.seq_len, 5, "a fault of the decoder");
        pack::decoder().decode(info, bytes)
    });
    let dump = open_with(file, panics);
    let report = Job::new("mixed", [("lossless-first-n", "0")])
        .unwrap()
        .run(&dump)
        .unwrap();
    assert_eq!((report.rows.len(), report.problems.len()), (4, 2));
    let problem = report.problems[0].to_string();
    assert!(problem.contains("internal error: "), "{problem}");
    assert!(problem.contains("a fault of the decoder"), "{problem}");
}

#[test]
fn a_layer_that_fell_back_to_lossless_must_come_back_bit_for_bit() {
    let scheme = method("int:b=8,per=channel,sym");
    let options = PackOptions::new(scheme.clone(), scheme);
    // One NaN in K of layer 0; `flipped` is the bit of another of its values, or of V, that differs in the packed file.
    let files = |flipped: Option<(&str, usize)>| {
        let mut files = small_files();
        for (path, bytes) in &mut files {
            if path == "run/layer_0/k_t0_12.bin" {
                bytes[..2].copy_from_slice(&0x7e00_u16.to_le_bytes());
            }
            if let Some((name, at)) = flipped.filter(|(name, _)| path == name) {
                assert!(at < bytes.len(), "{name}");
                bytes[at] ^= 1;
            }
        }
        open_files(files)
    };
    let dump = files(None);
    let check = |flipped| {
        let back = open_packed(packed(&files(flipped), &options));
        pack::check(&dump, &back, &options, &mut |_| true)
    };
    assert_eq!(check(None).map(|errors| errors.k.left_out), Ok(1));
    let differs = Err(PackError::Differs {
        run: "run".to_owned(),
        layer: 0,
    });
    assert_eq!(check(Some(("run/layer_0/k_t0_12.bin", 40))), differs);
    // The NaN's own lowest bit.
    assert_eq!(check(Some(("run/layer_0/k_t0_12.bin", 0))), differs);
    // Where the scheme holds the values a bit may differ: that is an error to be measured.
    assert!(check(Some(("run/layer_0/v_t0_12.bin", 40))).is_ok());
}

/// Decodes all captures of the layers on threads of their own, one thread for each.
fn decode_on_threads(dump: &Dump, layers: [i64; 4]) {
    std::thread::scope(|scope| {
        for layer in layers {
            scope.spawn(move || {
                // One thread, so that K and V of a capture don't use those of the others.
                let (sender, receiver) = std::sync::mpsc::channel();
                let mine = dump.captures.iter().filter(move |it| it.layer_id == layer);
                let mine: Vec<_> = mine.cloned().collect();
                let pool = kvlens::par::Pool::new(Some(1)).unwrap();
                pool.spawn(move || {
                    for capture in mine {
                        capture.fetch().unwrap().decode().unwrap();
                    }
                    sender.send(()).unwrap();
                });
                receiver.recv().unwrap();
            });
        }
    });
}

#[test]
fn threads_that_need_one_part_decode_it_once() {
    static DECODED: AtomicUsize = AtomicUsize::new(0);
    let counting = PartDecoder::new(|info, bytes| {
        DECODED.fetch_add(1, Ordering::Relaxed);
        // The others come to the part meanwhile.
        std::thread::sleep(Duration::from_millis(50));
        pack::decoder().decode(info, bytes)
    });
    let file = packed(
        &small(),
        &PackOptions::new(Method::Lossless, Method::Lossless),
    );
    decode_on_threads(&open_with(file, counting), [0; 4]);
    assert_eq!(DECODED.load(Ordering::Relaxed), 2, "K and V");
}

#[test]
fn different_parts_are_decoded_at_a_time() {
    static INSIDE: AtomicUsize = AtomicUsize::new(0);
    let meeting = PartDecoder::new(|info, bytes| {
        INSIDE.fetch_add(1, Ordering::SeqCst);
        let start = Instant::now();
        while INSIDE.load(Ordering::SeqCst) < 2 {
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "no other comes in"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
        pack::decoder().decode(info, bytes)
    });
    let file = packed(
        &small(),
        &PackOptions::new(Method::Lossless, Method::Lossless),
    );
    decode_on_threads(&open_with(file, meeting), [0, 0, 1, 1]);
}
