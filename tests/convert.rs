//! A dump converted to any format is the same dump: the same tensors bit for bit, in the same order, and thus
//! byte-identical reports.

use std::path::Path;
use std::sync::Arc;

use dumps::scan_source;
use kvlens::analysis::{Job, Report};
use kvlens::convert::{
    ConvertError, ConvertOptions, Files, Format, Plan, Safetensors, Zip, write, write_folder,
};
use kvlens::dump::{Dump, FolderSource, MemorySource, Source};
use kvlens::pack::{Method, PackOptions, Packer};
use kvlens::tensor::{Dtype, f32_to_bf16, f32_to_f16};

#[path = "common/dumps.rs"]
mod dumps;

fn data(name: &str) -> Dump {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name);
    whole(FolderSource::open(&path).unwrap())
}

/// The dump in a source, which has no problems.
fn whole(source: impl Source + 'static) -> Dump {
    let dump = scan_source(source, "{}");
    assert!(dump.problems.is_empty(), "{:?}", dump.problems);
    dump
}

fn options(json: &str) -> ConvertOptions {
    serde_json::from_str(json).unwrap()
}

fn bytes(pieces: impl Iterator<Item = Result<Vec<u8>, ConvertError>>) -> Vec<u8> {
    pieces.map(Result::unwrap).collect::<Vec<_>>().concat()
}

fn to_zip(dump: &Dump, json: &str) -> Vec<u8> {
    bytes(Zip::new(Plan::new(dump, &options(json)).unwrap(), dump))
}

fn to_safetensors(dump: &Dump, json: &str) -> Vec<u8> {
    bytes(Safetensors::new(
        Plan::new(dump, &options(json)).unwrap(),
        dump,
    ))
}

fn open(name: &str, bytes: Vec<u8>) -> Dump {
    whole(MemorySource::new([(name.to_owned(), bytes)]))
}

/// Everything that a report depends on.
fn content(
    dump: &Dump,
) -> Vec<(
    String,
    i64,
    String,
    u64,
    kvlens::tensor::Tensor,
    kvlens::tensor::Tensor,
)> {
    let load = |capture: &Arc<kvlens::dump::Capture>| {
        let loaded = capture.fetch().unwrap().decode().unwrap();
        (
            capture.run.clone(),
            capture.layer_id,
            capture.stage.clone(),
            capture.seq_start,
            loaded.k,
            loaded.v,
        )
    };
    dump.captures.iter().map(load).collect()
}

#[test]
fn every_format_round_trips_to_the_same_dump() {
    for name in [
        "sample-dump/dumps",
        "formats/late.tar.gz",
        "formats/deflate.zip",
        "formats/two_batches.npz",
        "formats/fp32.safetensors",
    ] {
        let dump = data(name);
        let expected = content(&dump);
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan::new(&dump, &ConvertOptions::default()).unwrap();
        let queries: u64 = dump.queries.iter().map(|queries| queries.bytes()).sum();
        assert_eq!(
            (plan.captures(), plan.bytes()),
            (dump.captures.len(), dump.summary().bytes + queries)
        );
        write_folder(Files::new(plan, &dump), folder.path()).unwrap();
        let folder = whole(FolderSource::open(folder.path()).unwrap());
        assert!(content(&folder) == expected, "{name} as a folder");
        assert!(
            content(&open("a.zip", to_zip(&dump, "{}"))) == expected,
            "{name} as a zip"
        );
        assert!(
            content(&open("a.safetensors", to_safetensors(&dump, "{}"))) == expected,
            "{name} as safetensors"
        );
    }
}

#[test]
fn every_element_type_round_trips_through_every_file_that_kvlens_writes() {
    let types = [
        (Dtype::F16, "F16"),
        (Dtype::Bf16, "BF16"),
        (Dtype::F32, "F32"),
        (Dtype::E4m3, "F8_E4M3"),
        (Dtype::E5m2, "F8_E5M2"),
    ];
    for (dtype, name) in types {
        let mut header = r#""__metadata__":{"positions":"[2,3]","scale":"0.25"}"#.to_owned();
        let mut data: Vec<u8> = Vec::new();
        for (tensor, shape) in [("k", [128, 2, 8]), ("v", [128, 2, 8]), ("q", [2, 4, 8])] {
            let start = data.len();
            // Small finite values in every type.
            data.extend(
                (0..shape.iter().product::<usize>() * dtype.size()).map(|at| (at * 7 % 0x38) as u8),
            );
            header += &format!(
                r#","layers.0.{tensor}":{{"dtype":"{name}","shape":{shape:?},"data_offsets":[{start},{}]}}"#,
                data.len()
            );
        }
        let header = format!("{{{header}}}");
        let file = [
            &(header.len() as u64).to_le_bytes(),
            header.as_bytes(),
            &data,
        ]
        .concat();
        let queries = |dump: &Dump| {
            let all = dump.queries.iter();
            all.map(|queries| queries.load().unwrap())
                .collect::<Vec<_>>()
        };
        let dump = open("a.safetensors", file);
        let expected = (content(&dump), queries(&dump));
        assert_eq!((expected.0.len(), expected.1.len()), (1, 1), "{name}");
        assert_eq!(expected.0[0].4.dtype(), dtype);
        let files = Files::new(Plan::new(&dump, &ConvertOptions::default()).unwrap(), &dump);
        let files = files.map(|file| file.map(|file| (file.path, file.bytes)).unwrap());
        let folder = whole(MemorySource::new(files));
        let options = PackOptions::new(Method::Lossless, Method::Lossless);
        let options = PackOptions {
            queries: true,
            ..options
        };
        let mut packer = Packer::new(&dump, &options).unwrap();
        let parts: Vec<u8> = packer.by_ref().flat_map(Result::unwrap).collect();
        let packed = [packer.head().unwrap(), parts].concat();
        for (form, again) in [
            ("a folder", folder),
            ("a zip", open("a.zip", to_zip(&dump, "{}"))),
            (
                "safetensors",
                open("b.safetensors", to_safetensors(&dump, "{}")),
            ),
            ("a .kvz", open("a.kvz", packed)),
        ] {
            let (found, queries) = (content(&again), queries(&again));
            assert_eq!(queries, expected.1, "{name} as {form}");
            assert_eq!(found.len(), 1);
            assert!(
                (&found[0].4, &found[0].5) == (&expected.0[0].4, &expected.0[0].5),
                "{name} as {form}"
            );
        }
    }
}

fn report(dump: &Dump, name: &str) -> Report {
    let job = Job::new(name, [("compress-mode", "gear-delta")]).unwrap();
    let report = job.verify(true).folder("out").run(dump).unwrap();
    assert!(report.problems.is_empty());
    report
}

#[test]
fn reports_are_the_same_bytes_whatever_the_format() {
    let folder = data("sample-dump/dumps");
    let zip = open("sample.zip", to_zip(&folder, "{}"));
    let safetensors = open("sample.safetensors", to_safetensors(&folder, "{}"));
    for name in ["mixed", "lossy-compare"] {
        let expected = report(&folder, name);
        assert!(!expected.files.is_empty());
        for dump in [&zip, &safetensors] {
            let files = report(dump, name).files;
            assert_eq!(files.len(), expected.files.len());
            for (file, expected) in files.iter().zip(&expected.files) {
                assert_eq!(
                    (&file.name, &file.bytes),
                    (&expected.name, &expected.bytes),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn a_sample_can_be_cut_out() {
    let dump = data("sample-dump/dumps");
    let cut = open(
        "cut.zip",
        to_zip(
            &dump,
            r#"{"layers":"0-2,28","tokens":"120..130","format":"zip"}"#,
        ),
    );
    let summary = cut.summary();
    assert_eq!(
        summary
            .layers
            .iter()
            .map(|layer| layer.layer_id)
            .collect::<Vec<_>>(),
        [0, 1, 2, 28]
    );
    assert_eq!(
        cut.captures.len(),
        4 * 3,
        "8 tokens of the prefill and two decode steps"
    );
    let first = &cut.captures[0];
    assert_eq!(
        (first.seq_start, first.shape.seq_len, first.path.as_str()),
        (120, 8, "cut.zip/prompt_128/layer_0/meta_t120_128.json")
    );
    let whole = dump.captures[0].fetch().unwrap().decode().unwrap();
    let part = first.fetch().unwrap().decode().unwrap();
    assert_eq!(part.k.bytes(), &whole.k.bytes()[120 * 3 * 64 * 2..]);
    assert_eq!(part.v.bytes(), &whole.v.bytes()[120 * 3 * 64 * 2..]);

    let decode = open(
        "a.safetensors",
        to_safetensors(&dump, r#"{"stage":"decode"}"#),
    );
    assert!(
        decode.captures.len() == 72
            && decode
                .captures
                .iter()
                .all(|capture| capture.stage == "decode")
    );
    let nothing = Plan::new(&dump, &options(r#"{"layers":"99"}"#));
    assert_eq!(nothing.err(), Some(ConvertError::Nothing));
}

#[test]
fn fp32_is_rounded_to_nearest_and_narrow_types_are_kept() {
    let dump = data("formats/fp32.safetensors");
    let wide = dump.captures[0].fetch().unwrap().decode().unwrap();
    for (name, dtype, round) in [
        ("fp16", Dtype::F16, f32_to_f16 as fn(f32) -> u16),
        ("bf16", Dtype::Bf16, f32_to_bf16),
    ] {
        let json = format!(r#"{{"dtype":"{name}"}}"#);
        for narrow in [
            open("a.zip", to_zip(&dump, &json)),
            open("a.safetensors", to_safetensors(&dump, &json)),
        ] {
            let loaded = narrow.captures[0].fetch().unwrap().decode().unwrap();
            assert_eq!(loaded.k.dtype(), dtype);
            let values = wide
                .k
                .bytes()
                .chunks_exact(4)
                .map(|four| f32::from_le_bytes(four.try_into().unwrap()));
            let expected: Vec<u8> = values
                .flat_map(|value| round(value).to_le_bytes())
                .collect();
            assert_eq!(loaded.k.bytes(), expected);
        }
    }
    let half = data("formats/stored.zip");
    assert!(content(&open("a.zip", to_zip(&half, r#"{"dtype":"bf16"}"#))) == content(&half));
}

#[test]
fn the_fraction_that_is_written_grows_to_one_and_false_stops_there() {
    // Its meta files are small beside its tensors.
    let dump = data("sample-dump/dumps");
    let prefill = options(r#"{"stage": "prefill", "layers": "0-12"}"#);
    let plan = || Plan::new(&dump, &prefill).unwrap();
    for format in [Format::Folder, Format::Zip, Format::Safetensors] {
        let folder = tempfile::tempdir().unwrap();
        let to = |name: &str| folder.path().join(name);
        let mut shares = Vec::new();
        let whole = write(plan(), &dump, format, &to("whole"), &mut |share| {
            shares.push(share);
            true
        });
        assert!(whole.unwrap());
        assert!(shares.len() > plan().captures(), "{shares:?}");
        assert!(shares.is_sorted() && shares[0] == 0.0, "{shares:?}");
        assert_eq!(shares.last(), Some(&1.0));
        let mut left = shares.len();
        for calls in [1, left / 2, left] {
            left = calls;
            let written = write(plan(), &dump, format, &to(&format!("{calls}")), &mut |_| {
                left -= 1;
                left > 0
            });
            assert!(!written.unwrap(), "stopped at call {calls}");
        }
    }
}

#[test]
fn a_path_that_a_zip_has_no_room_for_is_an_error() {
    let meta = r#"{"layer_id":0,"seq_len":1,"kv_heads":1,"head_dim":1,"bytes_per_elem":2,"k_file":"k","v_file":"v"}"#;
    let folder = "a/".repeat(32_762);
    for (name, fits) in [("meta_c.json", true), ("meta_cc.json", false)] {
        let files = [(name, meta.as_bytes()), ("k", &[0, 1]), ("v", &[0, 1])];
        let files = files.map(|(name, bytes)| (format!("{folder}{name}"), bytes.to_vec()));
        let dump = whole(MemorySource::new(files));
        let mut pieces = Zip::new(Plan::new(&dump, &options("{}")).unwrap(), &dump);
        let error = pieces.find_map(Result::err);
        assert_eq!(
            error.is_none(),
            fits,
            "{}: {error:?}",
            folder.len() + name.len()
        );
    }
}
