//! Captured queries: found beside captures and in safetensors files, validated, converted and cut along with the
//! tokens.

use dumps::scan_source;
use kvlens::convert::{ConvertOptions, Files, Plan, Safetensors, Zip, write_folder};
use kvlens::dump::{Dump, FolderSource, MemorySource};
use sample::sample;
use std::fs;
use std::sync::Arc;

#[path = "common/dumps.rs"]
mod dumps;

#[path = "common/sample.rs"]
mod sample;

fn file(name: &str, bytes: Vec<u8>) -> Dump {
    scan_source(MemorySource::new([(name.to_owned(), bytes)]), "{}")
}

/// Descriptions of the queries, and their bytes.
fn content(dump: &Dump) -> Vec<String> {
    let say = |queries: &Arc<kvlens::dump::Queries>| {
        let bytes = queries.load().unwrap().into_bytes();
        let sum = bytes.iter().fold(0u64, |sum, &byte| {
            sum.wrapping_mul(31).wrapping_add(byte.into())
        });
        let (run, layer) = (&queries.run, queries.layer_id);
        let info = (
            queries.heads,
            queries.head_dim,
            queries.dtype,
            queries.attention,
        );
        format!("{run} {layer} {:?} {info:?} {sum}", queries.positions)
    };
    dump.queries.iter().map(say).collect()
}

fn pieces(pieces: impl Iterator<Item = Result<Vec<u8>, kvlens::convert::ConvertError>>) -> Vec<u8> {
    pieces.map(Result::unwrap).collect::<Vec<_>>().concat()
}

#[test]
fn a_scan_finds_queries_beside_the_captures() {
    let dump = sample();
    assert!(dump.problems.is_empty(), "{:?}", dump.problems);
    assert_eq!(dump.captures.len(), 81);
    assert_eq!(dump.queries.len(), 9);
    let queries = &dump.queries[0];
    assert_eq!(
        (queries.run.as_str(), queries.layer_id, queries.heads),
        ("prompt_128", 0, 9)
    );
    assert_eq!(queries.positions, (72..136).collect::<Vec<_>>());
    assert_eq!(queries.attention.rope_theta, Some(100_000.0));
    let json = serde_json::to_value(dump.summary()).unwrap();
    assert_eq!(json["queries"][8]["qHeads"], 9);
    assert_eq!(json["queries"][8]["scale"], 0.125);
}

#[test]
fn every_format_round_trips_to_the_same_queries() {
    let dump = sample();
    let expected = content(&dump);
    let plan = || Plan::new(&dump, &ConvertOptions::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    write_folder(Files::new(plan(), &dump), folder.path()).unwrap();
    assert_eq!(
        content(&scan_source(
            FolderSource::open(folder.path()).unwrap(),
            "{}"
        )),
        expected
    );
    assert_eq!(
        content(&file("a.zip", pieces(Zip::new(plan(), &dump)))),
        expected
    );
    let safetensors = file("a.safetensors", pieces(Safetensors::new(plan(), &dump)));
    assert!(
        safetensors.problems.is_empty(),
        "{:?}",
        safetensors.problems
    );
    assert_eq!(content(&safetensors), expected);
}

#[test]
fn cuts_keep_the_queries_of_the_tokens_and_layers_that_are_kept() {
    let dump = sample();
    let options: ConvertOptions =
        serde_json::from_str(r#"{"layers":"0-1","tokens":"..80"}"#).unwrap();
    let plan = Plan::new(&dump, &options).unwrap();
    assert_eq!(plan.queries(), 2);
    let cut = file("a.zip", pieces(Zip::new(plan, &dump)));
    assert_eq!(cut.queries.len(), 2);
    assert_eq!(cut.queries[1].positions, (72..80).collect::<Vec<_>>());
    assert_eq!(
        cut.queries[1].path,
        "a.zip/prompt_128/layer_1/queries_t72_80.json"
    );
    let whole = dump.queries[1].load().unwrap();
    assert_eq!(
        cut.queries[1].load().unwrap().bytes(),
        &whole.bytes()[..8 * 9 * 64 * 2]
    );
    let options: ConvertOptions = serde_json::from_str(r#"{"tokens":"..10"}"#).unwrap();
    assert_eq!(Plan::new(&dump, &options).unwrap().queries(), 0);
}

/// A dump of one capture of 2 tokens x 1 head x 2 values, with this description of queries of 16 bytes.
fn described(queries: &str) -> Dump {
    let meta = r#"{"layer_id":0,"run_id":"r","seq_len":2,"kv_heads":1,"head_dim":2,"bytes_per_elem":2,"k_file":"k.bin","v_file":"v.bin"}"#;
    let files = [
        ("layer_0/meta_t0_2.json", meta.as_bytes().to_vec()),
        ("layer_0/k.bin", vec![0; 8]),
        ("layer_0/v.bin", vec![0; 8]),
        ("layer_0/q.bin", vec![0; 16]),
        ("layer_0/queries_t0_2.json", queries.as_bytes().to_vec()),
    ];
    scan_source(
        MemorySource::new(files.map(|(name, bytes)| (name.to_owned(), bytes))),
        "{}",
    )
}

#[test]
fn wrong_fields_are_named_and_the_captures_stay() {
    let good = r#"{"layer_id":0,"run_id":"r","positions":[0,1],"q_heads":2,"head_dim":2,"bytes_per_elem":2,"dtype":"fp16","q_file":"q.bin","scale":0.5}"#;
    let dump = described(good);
    assert_eq!(
        (dump.queries.len(), dump.problems.len()),
        (1, 0),
        "{:?}",
        dump.problems
    );
    for (old, new, message) in [
        (
            "[0,1]",
            "[]",
            "positions: found an empty list, expected a list of integers of at least 0",
        ),
        (
            "[0,1]",
            "[0,-1]",
            "positions: found -1, expected a list of integers of at least 0",
        ),
        (
            "[0,1]",
            "[0,1e30]",
            "positions: found 1e+30, expected a list of integers of at least 0",
        ),
        (
            "[0,1]",
            "7",
            "positions: found 7, expected a list of integers of at least 0",
        ),
        (
            "[0,1]",
            "[0]",
            "q_file: found a file of 16 bytes, expected 8 bytes (1 queries x 2 heads x 2 x 2 bytes)",
        ),
        (
            "\"q_heads\":2",
            "\"q_heads\":0",
            "q_heads: found 0, expected an integer of at least 1",
        ),
        (
            "\"q_heads\":2",
            "\"q_heads\":9223372036854775807",
            "q_heads: found 2 queries x 9223372036854775807 heads x 2 x 2 bytes, expected queries that this machine can address",
        ),
        (
            "0.5",
            "0",
            "scale: found 0, expected a number greater than 0",
        ),
        (
            "0.5",
            "1e300",
            "scale: found 1e+300, expected a number greater than 0",
        ),
        (
            "0.5",
            "null",
            "scale: found no such field, expected a number greater than 0",
        ),
        (
            "0.5",
            "\"a\"",
            "scale: found the string \"a\", expected a number greater than 0",
        ),
        (
            "0.5",
            "0.5,\"sliding_window\":0",
            "sliding_window: found 0, expected an integer of at least 1",
        ),
        (
            "0.5",
            "0.5,\"logit_softcap\":-1",
            "logit_softcap: found -1, expected a number greater than 0",
        ),
        (
            "\"q.bin\"",
            "\"../q.bin\"",
            "q_file: found \"../q.bin\", expected the name of a file in the same folder",
        ),
        (
            "\"q.bin\"",
            "\"x.bin\"",
            "q_file: found \"x.bin\", which does not exist, expected a file in the same folder",
        ),
        (
            "\"q_heads\":2,\"head_dim\":2",
            "\"q_heads\":1,\"head_dim\":4",
            "head_dim: found 4, expected 2, as layer_0/meta_t0_2.json has it",
        ),
    ] {
        let dump = described(&good.replace(old, new));
        assert_eq!((dump.captures.len(), dump.queries.len()), (1, 0), "{new}");
        let problems: Vec<String> = dump.problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            problems,
            [format!("layer_0/queries_t0_2.json: {message}")],
            "{new}"
        );
    }
}

/// A safetensors file of K and V of 2,000 tokens x 1 head x 2 values and of two queries of 2 heads, with this metadata.
fn safetensors(metadata: &str) -> Vec<u8> {
    let tensor = |shape: &str, start: usize, end: usize| {
        format!(r#"{{"dtype":"F16","shape":{shape},"data_offsets":[{start},{end}]}}"#)
    };
    let header = format!(
        r#"{{"__metadata__":{metadata},"layers.3.k":{},"layers.3.v":{},"layers.3.q":{}}}"#,
        tensor("[2000,1,2]", 0, 8000),
        tensor("[2000,1,2]", 8000, 16000),
        tensor("[2,2,2]", 16000, 16016),
    );
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend([0; 16016]);
    bytes
}

#[test]
fn a_safetensors_file_may_hold_queries_with_positions_and_scale_in_its_metadata() {
    let dump = file(
        "a.safetensors",
        safetensors(r#"{"positions":"[0,1]","scale":"0.5","sliding_window":"512"}"#),
    );
    assert_eq!(
        (dump.captures.len(), dump.problems.len()),
        (1, 0),
        "{:?}",
        dump.problems
    );
    let queries = &dump.queries[0];
    assert_eq!(
        (queries.layer_id, queries.heads, &queries.run),
        (3, 2, &dump.captures[0].run)
    );
    assert_eq!(
        (queries.attention.scale, queries.attention.sliding_window),
        (0.5, Some(512))
    );

    let own = r#"{"positions":"[0,1]","layers.3.q.positions":"[1,0]","scale":"0.5"}"#;
    assert_eq!(
        file("a.safetensors", safetensors(own)).queries[0].positions,
        [1, 0]
    );

    for (metadata, message) in [
        (
            "{}",
            "positions: found no such field, expected a list of integers of at least 0",
        ),
        (
            r#"{"positions":"[0,1]"}"#,
            "scale: found no such field, expected a number greater than 0",
        ),
        (
            r#"{"positions":"x","scale":"1"}"#,
            "positions: found the string \"x\", expected a list of integers of at least 0",
        ),
        (
            r#"{"positions":"[0]","scale":"1"}"#,
            "shape: found fp16 [2, 2, 2], expected [1, heads, head_dim], as there are positions",
        ),
        (r#"{"kvlens.queries":"[{"}"#, ""),
    ] {
        let dump = file("a.safetensors", safetensors(metadata));
        assert_eq!(dump.captures.len(), 1, "{metadata}");
        assert!(dump.queries.is_empty(), "{metadata}");
        if message.is_empty() {
            assert!(
                dump.problems[0]
                    .to_string()
                    .starts_with("a.safetensors: its kvlens.queries is not valid")
            );
        } else {
            assert_eq!(
                dump.problems[0].to_string(),
                format!("a.safetensors/layers.3.q: {message}")
            );
        }
    }
}

#[test]
fn removing_a_run_removes_its_queries() {
    let mut dump = sample();
    dump.remove_run("prompt_128");
    assert!(dump.queries.is_empty());
}

#[test]
fn a_truncated_describing_file_is_a_problem_at_every_byte() {
    let path = "tests/data/sample-dump/dumps/prompt_128/layer_0/queries_t72_136.json";
    let whole = fs::read(path).unwrap();
    for end in 0..whole.len() {
        let dump = file("queries_t72_136.json", whole[..end].to_vec());
        assert!(
            dump.queries.is_empty() && dump.problems.len() == 1,
            "{end} bytes"
        );
    }
}
