//! Layouts found in the wild, one test for each, as small files made here; each test names its source.

use std::path::Path;
use std::sync::Arc;

use dumps::scan_source;
use kvlens::dump::{Capture, Dump, FolderSource, Loaded, MemorySource};
use kvlens::tensor::{Shape, Tensor};

#[path = "common/dumps.rs"]
mod dumps;

#[path = "common/tar.rs"]
mod tar;

/// A tensor of a safetensors file: name, shape, and the first of its counting values.
type Entry<'a> = (&'a str, &'a [usize], u16);

/// 16-bit values that count up, so that every element differs.
fn bytes(shape: &[usize], from: u16) -> Vec<u8> {
    let count: usize = shape.iter().product();
    let value = |at: usize| from.wrapping_add(at as u16).to_le_bytes();
    (0..count).flat_map(value).collect()
}

fn safetensors(entries: &[Entry<'_>]) -> Vec<u8> {
    let (mut header, mut data) = (Vec::new(), Vec::new());
    for (name, shape, from) in entries {
        let start = data.len();
        data.extend(bytes(shape, *from));
        header.push(format!(
            r#""{name}":{{"dtype":"F16","shape":{shape:?},"data_offsets":[{start},{}]}}"#,
            data.len()
        ));
    }
    let header = format!("{{{}}}", header.join(","));
    let len = (header.len() as u64).to_le_bytes();
    [len.as_slice(), header.as_bytes(), &data].concat()
}

fn npy(descr: &str, shape: &[usize], data: &[u8]) -> Vec<u8> {
    let sizes: Vec<String> = shape.iter().map(|size| format!("{size},")).collect();
    let dict = format!(
        "{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}), }}\n",
        sizes.concat()
    );
    let len = (dict.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\0", len.as_slice(), dict.as_bytes(), data].concat()
}

fn open(files: &[(&str, Vec<u8>)], mapping: &str) -> Dump {
    let files = files
        .iter()
        .map(|(path, bytes)| ((*path).to_owned(), bytes.clone()));
    scan_source(MemorySource::new(files), mapping)
}

fn problems(dump: &Dump) -> Vec<String> {
    dump.problems.iter().map(ToString::to_string).collect()
}

/// A capture of its last token only, and of all but the first.
fn tokens_are_those_of_the_whole(capture: &Capture, whole: &Loaded) {
    let count = capture.shape.seq_len;
    for tokens in [count - 1..count, 1.min(count - 1)..count] {
        let part = Arc::new(capture.tokens(tokens.clone()).unwrap());
        let loaded = part.fetch().unwrap().decode().unwrap();
        for (part, whole) in [(&loaded.k, &whole.k), (&loaded.v, &whole.v)] {
            let token = whole.bytes().len() / count;
            assert_eq!(part.shape().seq_len, tokens.len());
            assert_eq!(
                part.bytes(),
                &whole.bytes()[tokens.start * token..tokens.end * token]
            );
        }
    }
    assert!(capture.tokens(0..count + 1).is_none());
}

/// Path, K and V of every capture of a dump without problems.
fn load(dump: &Dump) -> Vec<(String, Tensor, Tensor)> {
    assert_eq!(problems(dump), [""; 0]);
    let mut found: Vec<_> = dump
        .fetches(0..dump.captures.len())
        .map(|(index, fetched)| {
            let loaded = fetched.unwrap().decode().unwrap();
            tokens_are_those_of_the_whole(&dump.captures[index], &loaded);
            (index, dump.captures[index].path.clone(), loaded)
        })
        .collect();
    found.sort_by_key(|(index, ..)| *index);
    found
        .into_iter()
        .map(|(_, path, loaded)| (path, loaded.k, loaded.v))
        .collect()
}

fn shape(seq_len: usize, kv_heads: usize, head_dim: usize) -> Shape {
    Shape {
        seq_len,
        kv_heads,
        head_dim,
    }
}

/// vllm `kv_connector/v1/shared_storage_connector.py` (now ExampleConnector): a file for each layer, `kv_cache` of `[2, tokens, heads*dim]`.
#[test]
fn vllm_connector_files_name_the_layer_and_hold_k_and_v_in_one_array() {
    let file = |from| safetensors(&[("kv_cache", &[2, 6, 8], from)]);
    let files = [
        ("9f/model.layers.0.self_attn.attn.safetensors", file(0)),
        ("9f/model.layers.1.self_attn.attn.safetensors", file(500)),
    ];
    let dump = open(&files, "{}");
    assert_eq!(dump.guesses[0].asks, ["kvHeads"]);
    let found = load(&dump);
    assert_eq!(found.len(), 2);
    let (path, k, v) = &found[1];
    assert_eq!((path.as_str(), k.shape()), ("9f/layer_1", shape(6, 1, 8)));
    assert_eq!(k.bytes(), bytes(&[48], 500));
    assert_eq!(v.bytes(), bytes(&[48], 548));

    let dump = open(&files, r#"{"kvHeads": 2}"#);
    assert!(dump.guesses[0].asks.is_empty());
    let found = load(&dump);
    assert_eq!(found[0].1.shape(), shape(6, 2, 4));
    assert_eq!(found[0].1.bytes(), bytes(&[48], 0));

    let dump = open(&files, r#"{"kvHeads": 3}"#);
    assert!(problems(&dump)[0].contains("a last axis that 3 heads share evenly (--kv-heads)"));

    let said = r#"{"tensorNames": "*layers.{layer}.*/kv_cache", "axes": "kv,seq,dim"}"#;
    assert_eq!(load(&open(&files, said)).len(), 2, "and by what is given");
}

/// transformers `modeling_deepseek_v3.py`: K of 192 and V of 128 elements a head.
#[test]
fn k_and_v_may_differ_in_width_and_in_heads() {
    let file = safetensors(&[
        ("past_key_values.0.key", &[1, 2, 80, 24], 0),
        ("past_key_values.0.value", &[1, 2, 80, 16], 9000),
    ]);
    let dump = open(&[("cache.safetensors", file)], "{}");
    let (_, k, v) = &load(&dump)[0];
    assert_eq!((k.shape(), v.shape()), (shape(80, 2, 24), shape(80, 2, 16)));
    assert_eq!(dump.captures[0].bytes(), 2 * 80 * 2 * (24 + 16));
    let found = dump.summary().shapes;
    assert_eq!((found[0].v_kv_heads, found[0].v_head_dim), (None, Some(16)));
    let file = safetensors(&[("k_0", &[4, 20, 8], 0), ("v_0", &[2, 20, 8], 0)]);
    let (_, k, v) = &load(&open(&[("cache.safetensors", file)], "{}"))[0];
    assert_eq!((k.shape(), v.shape()), (shape(20, 4, 8), shape(20, 2, 8)));
    let file = safetensors(&[("k_0", &[2, 80, 8], 0), ("v_0", &[2, 40, 8], 0)]);
    let dump = open(&[("cache.safetensors", file)], "{}");
    assert!(
        problems(&dump)[0].contains("found fp16 [2, 80, 8], expected that of V, fp16 [2, 40, 8]")
    );
}

/// mistral-jax `kvcache.py`: `(2, layers, batch, heads, tokens, dim)` in one `.npy`; zmlx `kvtc/dump.py`: `k` and `v`
/// of `(layers, batch, heads, tokens, dim)`.
#[test]
fn all_layers_may_lie_in_one_array() {
    let sizes = [2, 3, 1, 2, 70, 8];
    let file = npy("<f2", &sizes, &bytes(&sizes, 0));
    let found = load(&open(&[("kv_cache.npy", file)], "{}"));
    assert_eq!(found.len(), 3);
    // Token 0 of both heads of V of layer 1.
    let v = &found[1].2;
    assert_eq!(v.shape(), shape(70, 2, 8));
    let at = |head: usize| (((3 + 1) * 2 + head) * 70 * 8) as u16;
    assert_eq!(
        v.bytes()[..32],
        [bytes(&[8], at(0)), bytes(&[8], at(1))].concat()
    );

    let file = safetensors(&[("k", &[3, 1, 2, 70, 8], 0), ("v", &[3, 1, 2, 70, 8], 5000)]);
    let found = load(&open(&[("cache.safetensors", file)], "{}"));
    let layers: Vec<&str> = found.iter().map(|(path, ..)| path.as_str()).collect();
    assert_eq!(
        layers,
        ["layer_0", "layer_1", "layer_2"].map(|layer| format!("cache.safetensors/{layer}"))
    );
}

/// One file of K and one of V; and shards as `huggingface_hub` splits them.
#[test]
fn files_that_belong_together_are_read_together() {
    let half = |from| safetensors(&[("layer_0", &[1, 2, 80, 8], from)]);
    let files = [
        ("kv/keys.safetensors", half(0)),
        ("kv/values.safetensors", half(7000)),
    ];
    let (path, k, v) = load(&open(&files, "{}")).remove(0);
    assert_eq!(path, "kv/layer_0");
    assert_eq!(
        (&k.bytes()[..2], &v.bytes()[..2]),
        (&[0, 0][..], &7000_u16.to_le_bytes()[..])
    );
    let said = r#"{"tensorNames": "{kv}/layer_{layer}"}"#;
    assert_eq!(load(&open(&files, said)).len(), 1);

    let one = |name, from| safetensors(&[(name, &[2, 80, 8], from)]);
    let files = [
        ("m-00001-of-00002.safetensors", one("layers.0.k", 0)),
        ("m-00002-of-00002.safetensors", one("layers.0.v", 9)),
    ];
    assert_eq!(load(&open(&files, "{}"))[0].0, "m.safetensors/layer_0");
}

/// An 8-token prompt of a model with 64 KV heads; an old mlx prompt cache (ml-explore/mlx-examples #978).
#[test]
fn ambiguous_layouts_are_asked_about_with_a_hint_that_works() {
    let cases: [(&[usize], &str); 2] = [
        (
            &[1, 64, 8, 16],
            "[1, 64, 8, 16] may be 64 heads of 8 tokens each",
        ),
        (
            &[1, 8, 40, 16],
            "axes 1 and 2 of [1, 8, 40, 16] may be heads and tokens",
        ),
    ];
    for (sizes, why) in cases {
        let file = safetensors(&[("0_keys", sizes, 0), ("0_values", sizes, 0)]);
        let dump = open(&[("a.safetensors", file.clone())], "{}");
        let found = problems(&dump);
        let hint = "as in --axes batch,heads,seq,dim, or batch,seq,heads,dim: ";
        assert!(
            found[0].contains(hint) && found[0].contains(why),
            "{found:?}"
        );
        let said = open(
            &[("a.safetensors", file)],
            r#"{"axes": "batch,heads,seq,dim"}"#,
        );
        assert_eq!(load(&said)[0].1.shape(), shape(sizes[2], sizes[1], 16));
    }
    let file = safetensors(&[("0.0", &[2, 80, 8], 0), ("0.1", &[2, 80, 8], 0)]);
    let dump = open(&[("a.safetensors", file.clone())], "{}");
    let found = problems(&dump);
    assert!(
        found[0].contains("--tensor-names '{layer}.{kv:0|1}'"),
        "{found:?}"
    );
    let said = open(
        &[("a.safetensors", file)],
        r#"{"tensorNames": "{layer}.{kv:0|1}"}"#,
    );
    assert_eq!(load(&said).len(), 1);
}

/// Blocks of tokens in vLLM's layouts: `[2, blocks, tokens, heads, dim]` for FlashAttention, `[blocks, 2, ...]` for
/// FlashInfer.
#[test]
fn the_blocks_of_a_paged_cache_are_asked_for_and_their_tokens_follow_each_other() {
    let (blocks, tokens, heads, dim) = (3, 16, 2, 4);
    let k = bytes(&[blocks * tokens * heads * dim], 0);
    let halves = |sizes: &[usize], axes: &str| {
        let name = "model.layers.0.self_attn.attn.safetensors";
        let file = || vec![(name, safetensors(&[("kv_cache", sizes, 0)]))];
        let asked = problems(&open(&file(), "{}"));
        let hint = format!("as in --axes {axes}, or ");
        assert!(asked[0].contains(&hint), "{asked:?}");
        assert!(asked[0].contains("may count blocks of tokens"), "{asked:?}");
        let said = open(&file(), &format!(r#"{{"axes": "{axes}"}}"#));
        let (_, k, v) = load(&said).remove(0);
        assert_eq!(k.shape(), shape(blocks * tokens, heads, dim));
        (k.bytes().to_vec(), v.bytes().to_vec())
    };
    let first = halves(&[2, blocks, tokens, heads, dim], "kv,blocks,seq,heads,dim");
    let v = bytes(&[blocks * tokens * heads * dim], k.len() as u16 / 2);
    assert_eq!(first, (k, v));
    let (k, v) = halves(&[blocks, 2, tokens, heads, dim], "blocks,kv,seq,heads,dim");
    let block = tokens * heads * dim;
    let part = |of: usize| {
        let parts = (0..blocks).map(|at| bytes(&[block], (2 * at + of) as u16 * block as u16));
        parts.flatten().collect::<Vec<u8>>()
    };
    assert_eq!((k, v), (part(0), part(1)));
}

/// Names used in practice, with the pattern that works if they are ambiguous.
#[test]
fn proposed_name_patterns_work() {
    let sizes: &[usize] = &[2, 80, 8];
    let cases: [(&[&str], usize); 4] = [
        (
            &[
                "prompt_0.layer_0.k",
                "prompt_0.layer_0.v",
                "prompt_1.layer_0.k",
                "prompt_1.layer_0.v",
            ],
            2,
        ),
        (
            &[
                "layers.0.k_roped",
                "layers.0.v",
                "layers.1.k_roped",
                "layers.1.v",
            ],
            2,
        ),
        (&["layers.0.k_proj", "layers.0.v_proj"], 1),
        (&["probe_k", "probe_v"], 0),
    ];
    for (names, captures) in cases {
        let entries: Vec<Entry<'_>> = names.iter().map(|&name| (name, sizes, 0)).collect();
        let files = [("c.safetensors", safetensors(&entries))];
        let asked = problems(&open(&files, "{}"));
        let (_, behind) = asked[0].split_once("--tensor-names '").expect(&asked[0]);
        let (pattern, _) = behind.split_once('\'').unwrap();
        let said = open(&files, &format!(r#"{{"tensorNames": "{pattern}"}}"#));
        if captures == 0 {
            let asked = problems(&said);
            assert!(
                asked[0].contains("--axes heads,seq,dim, or layer,seq,dim"),
                "{asked:?}"
            );
        } else {
            assert_eq!(load(&said).len(), captures, "{pattern}");
        }
    }
    let layers = [
        ("layer_0", &[2, 80, 2, 8][..], 0),
        ("layer_1", &[2, 80, 2, 8], 9),
    ];
    let files = [("c.safetensors", safetensors(&layers))];
    let asked = problems(&open(&files, "{}"));
    assert!(
        asked[0].contains("say --tensor-names 'layer_{layer}' --axes kv,seq,heads,dim"),
        "{asked:?}"
    );
    let said = open(
        &files,
        r#"{"tensorNames": "layer_{layer}", "axes": "kv,seq,heads,dim"}"#,
    );
    assert_eq!(load(&said).len(), 2);
    // Two heads are not K and V.
    let sizes: &[usize] = &[1, 2, 80, 8];
    let list: [Entry<'_>; 4] = [
        ("0", sizes, 0),
        ("1", sizes, 1),
        ("2", sizes, 2),
        ("3", sizes, 3),
    ];
    let asked = problems(&open(&[("c.safetensors", safetensors(&list))], "{}"));
    assert!(
        asked[0].contains("save a list of pairs (K, V)") && !asked[0].contains("--axes"),
        "{asked:?}"
    );
}

/// `numpy.savez` of each layer; one word for K and cache.
#[test]
fn an_archive_for_each_layer_and_compound_words_are_understood() {
    let pair = |from| {
        let entry = |name: &str, from| {
            (
                format!("{name}.npy"),
                npy("<f2", &[80, 2, 8], &bytes(&[1280], from)),
            )
        };
        [entry("k", from), entry("v", from + 1)]
    };
    let files: Vec<(String, Vec<u8>)> = (0..2)
        .flat_map(|layer| {
            pair(layer).map(|(name, bytes)| (format!("layer_{layer}.npz/{name}"), bytes))
        })
        .collect();
    let files: Vec<(&str, Vec<u8>)> = files
        .iter()
        .map(|(path, bytes)| (path.as_str(), bytes.clone()))
        .collect();
    assert_eq!(load(&open(&files, "{}")).len(), 2);
    let words = [
        ("kcache.0", &[2, 80, 8][..], 0),
        ("vcache.0", &[2, 80, 8], 5),
    ];
    assert_eq!(
        load(&open(&[("c.safetensors", safetensors(&words))], "{}")).len(),
        1
    );
}

/// numpy's types: ml_dtypes' bfloat16 (jax-ml/ml_dtypes #41) is read, for the others the message says what to do.
#[test]
fn types_that_are_not_read_say_what_to_do() {
    let sizes = [2, 80, 8];
    let pair = |descr: &str, size: usize| {
        let file = npy(descr, &sizes, &vec![0; 2 * 80 * 8 * size]);
        open(&[("d/k_0.npy", file.clone()), ("d/v_0.npy", file)], "{}")
    };
    assert_eq!(load(&pair("bfloat16", 2))[0].1.dtype().name(), "bf16");
    for (descr, size, expected) in [
        ("<f8", 8, "save it as float32"),
        ("|i1", 1, "codes of quantized values"),
        ("|O", 8, "its pickle"),
    ] {
        let found = problems(&pair(descr, size));
        assert!(found[0].contains(expected), "{descr}: {found:?}");
    }
}

fn meta(k: &str) -> Vec<u8> {
    format!(
        r#"{{"layer_id": "2", "seq_len": 2.0, "kv_heads": 1, "head_dim": 2, "bytes_per_elem": 2, "scale": NaN, "k_file": "{k}",
            "v_file": "v", "run_id": "r"}}"#
    )
    .into_bytes()
}

/// Python's json.dumps writes NaN; the reference reads `int("2")` and `int(64.0)`.
#[test]
fn meta_files_are_read_as_python_reads_them() {
    let data = vec![1; 8];
    let files = [("meta_a.json", meta("k")), ("k", data.clone()), ("v", data)];
    let dump = open(&files, "{}");
    assert_eq!(load(&dump).len(), 1);
    assert_eq!(dump.captures[0].layer_id, 2);
}

/// Two dumps of the same name, dropped together.
#[test]
fn runs_of_one_name_in_two_dumps_stay_two() {
    let data = vec![1; 8];
    let dump_at = |at: &'static str| {
        [
            ("meta_a.json", meta("k")),
            ("k", data.clone()),
            ("v", data.clone()),
        ]
        .map(|(name, bytes)| (format!("{at}/{name}"), bytes))
    };
    let runs = |folders: &[&'static str]| -> Vec<String> {
        let files: Vec<(String, Vec<u8>)> = folders.iter().copied().flat_map(dump_at).collect();
        let files: Vec<(&str, Vec<u8>)> = files
            .iter()
            .map(|(path, bytes)| (path.as_str(), bytes.clone()))
            .collect();
        let runs = open(&files, "{}").summary().runs;
        runs.into_iter().map(|run| run.run).collect()
    };
    assert_eq!(runs(&["a", "b"]), ["a/r", "b/r"]);
    assert_eq!(runs(&["a"]), ["r"]);
    // A folder that contains both, as the page receives it.
    assert_eq!(runs(&["both/a", "both/b"]), ["a/r", "b/r"]);
}

/// Raw pages of LMCache and HiCache, logs and similar files.
#[test]
fn nothing_is_left_out_in_silence() {
    let pair = safetensors(&[("k_0", &[2, 80, 8], 0), ("v_0", &[2, 80, 8], 0)]);
    let files = [
        ("d/a.safetensors", pair),
        ("d/vllm@half.pt", vec![7; 100]),
        ("d/page.bin", vec![7; 100]),
        ("d/run.log", vec![7; 100]),
        ("d/other.log", vec![7; 100]),
    ];
    let dump = open(&files, "{}");
    assert_eq!(dump.captures.len(), 1);
    let kinds: Vec<(String, usize)> = dump
        .others
        .iter()
        .map(|kind| (kind.ending.clone(), kind.count))
        .collect();
    let expected = [(".bin", 1), (".log", 2), (".pt", 1)];
    assert_eq!(
        kinds,
        expected.map(|(ending, count)| (ending.to_owned(), count))
    );
    let found = problems(&dump);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found
            .iter()
            .all(|text| text.contains("shape and type are not in them"))
    );
}

#[test]
fn files_packed_by_xz_bzip2_and_gzip_are_read_as_the_plain_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let open = |name: &str| {
        let source = FolderSource::open(&folder.join(name)).unwrap();
        load(&scan_source(source, "{}"))
    };
    let tensors = |name: &str| -> Vec<(Tensor, Tensor)> {
        open(name).into_iter().map(|(_, k, v)| (k, v)).collect()
    };
    let tar = tensors("tiny/pax.tar");
    assert!(!tar.is_empty());
    assert_eq!(tensors("cases/packed/pax.tar.xz"), tar);
    assert_eq!(tensors("cases/packed/pax.tar.bz2"), tar);
    let npz = tensors("formats/seq_heads_dim.npz");
    assert_eq!(tensors("cases/packed/seq_heads_dim.npz.gz"), npz);
}

#[test]
fn several_dumps_open_together_and_keep_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let roots = ["x/dump", "y/dump"].map(|name| folder.path().join(name));
    for root in &roots {
        std::fs::create_dir_all(root).unwrap();
        std::fs::write(root.join("meta_a.json"), meta("k")).unwrap();
        std::fs::write(root.join("k"), [1; 8]).unwrap();
        std::fs::write(root.join("v"), [1; 8]).unwrap();
    }
    let dump = scan_source(FolderSource::open_all(&roots).unwrap(), "{}");
    let paths: Vec<String> = load(&dump).into_iter().map(|(path, ..)| path).collect();
    assert_eq!(paths, ["dump (2)/meta_a.json", "dump/meta_a.json"]);
}

/// Hugging Face's cache on a file system without links, or copied by a tool that writes links out: each link is a text
/// file.
#[test]
fn links_that_were_written_out_as_texts_are_followed() {
    let text = |path: &str| path.as_bytes().to_vec();
    let files = [
        ("hub/blobs/1f", meta("k.bin")),
        ("hub/blobs/2f", vec![1; 8]),
        ("hub/blobs/3f", vec![2; 8]),
        (
            "hub/snapshots/a/layer_0/meta_0.json",
            text("../../../blobs/1f"),
        ),
        ("hub/snapshots/a/layer_0/k.bin", text("../../../blobs/2f\n")),
        ("hub/snapshots/a/layer_0/v", text("..\\..\\..\\blobs\\3f")),
    ];
    let dump = open(&files, "{}");
    assert_eq!(problems(&dump), Vec::<String>::new());
    assert_eq!(load(&dump)[0].1.bytes(), [1; 8]);
    assert!(dump.others.is_empty(), "{:?}", dump.others);
}

/// `git clone` without Git LFS.
#[test]
fn pointers_of_git_lfs_are_named() {
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    for name in ["a.safetensors", "a.npz", "a.pt", "a.tar.gz", "a.npy"] {
        let told = problems(&open(&[(name, pointer.to_vec())], "{}"));
        assert!(told[0].contains("git lfs pull"), "{name}: {told:?}");
    }
    let files = [
        ("layer_0/meta_0.json", meta("k.bin")),
        ("layer_0/k.bin", pointer.to_vec()),
        ("layer_0/v", vec![0; 8]),
    ];
    let told = problems(&open(&files, "{}"));
    assert!(told[0].contains("git lfs pull"), "{told:?}");
}

/// `tar` of a folder with links; a hard link's second name is stored as a link, too.
#[test]
fn links_of_a_tar_archive_are_followed() {
    let entry = |name: &str, kind: u8, link: &str, data: &[u8]| {
        let mut block = vec![0; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        let size = format!("{:011o}", data.len());
        block[124..135].copy_from_slice(size.as_bytes());
        block[156] = kind;
        block[157..157 + link.len()].copy_from_slice(link.as_bytes());
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block.extend_from_slice(data);
        block.resize(block.len().next_multiple_of(512), 0);
        block
    };
    let parts = [
        entry("a/layer_0/k.bin", b'0', "", &[1; 8]),
        entry("a/layer_0/v", b'1', "a/layer_0/k.bin", &[]),
        entry("a/blob", b'0', "", &meta("k.bin")),
        entry("a/layer_0/meta_0.json", b'2', "../blob", &[]),
        entry("a/layer_0/meta_1.json", b'2', "../other", &[]),
        entry("a/layer_0/meta_2.json", b'2', "../../../../etc/passwd", &[]),
        entry("a/layer_0/meta_3.json", b'2', "meta_0.json", &[]),
        entry("a/layer_0/meta_4.json", b'2', "meta_4.json", &[]),
        vec![0; 1024],
    ];
    let dump = open(&[("d.tar", parts.concat())], "{}");
    assert_eq!(dump.captures.len(), 2, "a link may lead to a link");
    for capture in &dump.captures {
        let tensors = capture.fetch().unwrap().decode().unwrap();
        assert_eq!(tensors.v.bytes(), [1; 8]);
    }
    let told = problems(&dump);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told.iter()
            .any(|text| text.contains("a link to d.tar/a/other"))
    );
    assert!(
        told.iter()
            .any(|text| text.contains("outside of the archive"))
    );
}

#[test]
fn a_second_name_of_a_file_leaves_the_first_what_it_is() {
    let case = format!(
        "{}/tests/data/cases/torch-2.15/plain.pkl",
        env!("CARGO_MANIFEST_DIR")
    );
    let pickle = std::fs::read(case).unwrap();
    let mut tar = tar::tar(&[("a/cache.pkl", pickle.as_slice()), ("b/cache.pkl", b"")]);
    let at = 512 + pickle.len().next_multiple_of(512);
    tar[at + 156] = b'1';
    tar[at + 157..at + 168].copy_from_slice(b"a/cache.pkl");
    tar::seal(&mut tar[at..at + 512]);
    for (name, bytes) in [("d.tar", tar.clone()), ("d.tar.gz", tar::gzip(&tar))] {
        let dump = open(&[(name, bytes)], "{}");
        let paths: Vec<&str> = dump
            .captures
            .iter()
            .map(|capture| capture.path.as_str())
            .collect();
        assert_eq!(paths.len(), 6, "{paths:?}");
        assert_eq!(paths[0], format!("{name}/a/cache.pkl/layer_0"));
    }
}

/// `zip -y` of a folder with links.
#[test]
fn links_of_a_zip_archive_are_followed() {
    let entries: [(&str, u32, &[u8]); 3] = [
        ("a/layer_0/meta_0.json", 0o100_644, &meta("k.bin")),
        ("a/layer_0/k.bin", 0o120_777, b"v"),
        ("a/layer_0/v", 0o100_644, &[3; 8]),
    ];
    let (mut file, mut list) = (Vec::new(), Vec::new());
    for (name, mode, data) in entries {
        let offset = file.len() as u32;
        let (size, crc) = ((data.len() as u32).to_le_bytes(), crc32fast::hash(data));
        // From "version needed" to the length of the extra field.
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        common.extend(crc.to_le_bytes());
        common.extend([size, size].concat());
        common.extend((name.len() as u32).to_le_bytes());
        file.extend([&b"PK\x03\x04"[..], &common, name.as_bytes(), data].concat());
        let attributes = (mode << 16).to_le_bytes();
        list.extend([&b"PK\x01\x02\x14\x03"[..], &common, &[0; 6], &attributes].concat());
        list.extend(offset.to_le_bytes());
        list.extend(name.as_bytes());
    }
    let (size, start) = (list.len() as u32, file.len() as u32);
    file.extend(list);
    file.extend(b"PK\x05\x06\0\0\0\0\x03\0\x03\0");
    file.extend([size.to_le_bytes(), start.to_le_bytes()].concat());
    file.extend([0, 0]);
    let dump = open(&[("d.zip", file)], "{}");
    assert_eq!(load(&dump)[0].1.bytes(), [3; 8]);
}

/// `save_pretrained` and similar functions split at a size, and write an index.
#[test]
fn shards_are_one_dump_and_a_missing_one_is_named() {
    let shape: &[usize] = &[1, 2, 40, 8];
    let key = safetensors(&[("past_key_values.0.key", shape, 0)]);
    let value = safetensors(&[("past_key_values.0.value", shape, 9)]);
    let index = |k: &str, v: &str| {
        let map = format!(r#""past_key_values.0.key":"{k}","past_key_values.0.value":"{v}""#);
        format!(r#"{{"metadata":{{}},"weight_map":{{{map}}}}}"#).into_bytes()
    };
    let files = [
        (
            "a/c.safetensors.index.json",
            index("one.safetensors", "two.safetensors"),
        ),
        ("a/one.safetensors", key.clone()),
        ("a/two.safetensors", value.clone()),
    ];
    let dump = open(&files, "{}");
    assert_eq!(problems(&dump), Vec::<String>::new());
    assert_eq!(dump.captures[0].path, "a/c.safetensors/layer_0");
    assert!(dump.others.is_empty(), "{:?}", dump.others);
    let told = problems(&open(&files[..2], "{}"));
    assert!(
        told.iter()
            .any(|text| text.contains("\"two.safetensors\", which does not exist")),
        "{told:?}"
    );
    let files = [
        ("c-00001-of-00003.safetensors", key),
        ("c-00003-of-00003.safetensors", value),
    ];
    let dump = open(&files, "{}");
    assert_eq!(dump.captures.len(), 1);
    assert_eq!(
        problems(&dump),
        ["c.safetensors: of its 3 shards these are missing: 2"]
    );
}

/// vLLM's connector with a model of latent attention writes one vector for each token.
#[test]
fn latent_vectors_are_named_as_such() {
    // transformers 5 caches them as keys, and the rotary part of the key as values.
    let pair = [
        ("past_key_values.0.key", &[1, 1, 80, 512][..], 0),
        ("past_key_values.0.value", &[1, 1, 80, 64], 0),
    ];
    let dump = open(&[("c.safetensors", safetensors(&pair))], "{}");
    let reason = &dump.guesses[0].reason;
    assert!(
        reason.contains("the latent vector and the rotary part"),
        "{reason}"
    );
    assert_eq!(load(&dump).len(), 1);
    let file = safetensors(&[("kv_cache", &[40, 576], 0)]);
    let told = problems(&open(
        &[("model.layers.0.self_attn.attn.safetensors", file)],
        "{}",
    ));
    assert!(told[0].contains("latent attention (MLA)"), "{told:?}");
}
