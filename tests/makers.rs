//! Caches written by PyTorch, transformers, mlx-lm, llama.cpp and MNN hold the values that were put in. The files in
//! `tests/data/cases` were written by the real libraries; each folder's `make.py` or README tells how.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use dumps::scan_source;
use kvlens::dump::{Dump, FolderSource, MemorySource};
use kvlens::tensor::{Dtype, Shape, Tensor};

#[path = "common/dumps.rs"]
mod dumps;

fn open(name: &str) -> Dump {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/cases")
        .join(name);
    scan_source(FolderSource::open(&path).unwrap(), "{}")
}

fn open_bytes(name: &str, bytes: Vec<u8>, mapping: &str) -> Dump {
    let files = [(name.to_owned(), bytes)];
    scan_source(MemorySource::new(files), mapping)
}

/// K and V by run and layer.
fn load(dump: &Dump) -> BTreeMap<(String, i64), [Tensor; 2]> {
    let mut loaded = BTreeMap::new();
    for (index, fetched) in dump.fetches(0..dump.captures.len()) {
        let tensors = fetched.unwrap().decode().unwrap();
        let capture = &dump.captures[index];
        let key = (capture.run.clone(), capture.layer_id);
        assert!(loaded.insert(key, [tensors.k, tensors.v]).is_none());
    }
    loaded
}

/// K and V by layer, for a dump of one run without problems.
fn layers(dump: &Dump) -> BTreeMap<i64, [Tensor; 2]> {
    assert!(dump.problems.is_empty(), "{:?}", dump.problems);
    let loaded = load(dump);
    let count = loaded.len();
    let layers: BTreeMap<i64, [Tensor; 2]> = loaded
        .into_iter()
        .map(|((_, layer), kv)| (layer, kv))
        .collect();
    assert_eq!(layers.len(), count, "one run");
    layers
}

fn messages(dump: &Dump) -> Vec<String> {
    dump.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn every_form_of_torch_save_holds_the_same_cache() {
    let expected = layers(&open("torch-2.15/cache.safetensors"));
    assert_eq!(expected.len(), 3);
    let forms = [
        "dynamic_cache.pt",
        "old_dynamic_cache.pt",
        "in_a_dict.pt",
        "legacy_tuple.pth",
        "legacy_tuple_stream.bin",
        "lists.pt",
        "views.pt",
        "views_stream.pt",
        "plain.pkl",
        "numpy.pkl",
        "protocol_2.pkl",
        "numpy_protocol_2.pkl",
        "numpy_in_a_dict.pt",
        "numpy_objects.npy",
        "numpy.joblib",
        "keys_then_values.pt",
        "layer_dict.pt",
        "numpy_numbers.pt",
        "pairs_as_keys.pt",
        "beside_others.joblib",
        "outputs.pt",
        "named_tuples.pt",
        "per_layer",
        "per_tensor",
    ];
    for form in forms {
        let found = layers(&open(&format!("torch-2.15/{form}")));
        assert_eq!(found, expected, "{form}");
    }
}

#[test]
fn a_list_of_two_tensors_is_k_and_v_and_not_two_layers() {
    let expected = layers(&open("torch-2.15/cache.safetensors"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/cases/torch-2.15/per_layer/layer_1.pt");
    let found = open_bytes("kv.pt", std::fs::read(path).unwrap(), "{}");
    assert_eq!(layers(&found)[&0], expected[&1]);
    // If each array may hold both K and V, the user is asked, and either answer works.
    let two = [1_u8, 2].map(|number| {
        let array = [
            b"\x80\x04\x8c\x13numpy._core.numeric\x8c\x0b_frombuffer\x93(".as_slice(),
            b"C\x40",
            &[number; 64],
        ];
        let dtype = b"\x8c\x05numpy\x8c\x05dtype\x93\x8c\x02f2\x85R";
        let behind = b"K\x02K\x04K\x04\x87\x8c\x01Ct";
        [
            array.concat(),
            dtype.to_vec(),
            behind.to_vec(),
            b"R".to_vec(),
        ]
        .concat()
    });
    let pickle = [two[0].as_slice(), &two[1][2..], b"\x86."].concat();
    let asked = messages(&open_bytes("kv.pkl", pickle.clone(), "{}"));
    let hint = "--tensor-names '{kv:0|1}' (0 for K, 1 for V); or, where each array holds both, --tensor-names '{layer}' --axes kv,seq,dim";
    assert!(asked[0].ends_with(hint), "{asked:?}");
    let answer = r#"{"tensorNames": "{kv:0|1}", "axes": "heads,seq,dim"}"#;
    let one = layers(&open_bytes("kv.pkl", pickle.clone(), answer));
    let bytes: Vec<&[u8]> = one.values().flatten().map(Tensor::bytes).collect();
    assert_eq!(bytes, [&[1; 64][..], &[2; 64]]);
    let answer = r#"{"tensorNames": "{layer}", "axes": "kv,seq,dim"}"#;
    assert_eq!(layers(&open_bytes("kv.pkl", pickle, answer)).len(), 2);
}

#[test]
fn a_static_cache_is_its_whole_buffer() {
    let expected = layers(&open("torch-2.15/cache.safetensors"));
    let found = layers(&open("torch-2.15/static_cache.pt"));
    for (layer, [k, v]) in found {
        for (whole, real) in [k, v].iter().zip(&expected[&layer]) {
            let (written, rest) = whole.bytes().split_at(real.bytes().len());
            assert_eq!(whole.shape().seq_len, 96);
            assert_eq!(written, real.bytes());
            assert!(rest.iter().all(|&byte| byte == 0));
        }
    }
}

#[test]
fn caches_in_a_dict_are_runs() {
    let dump = open("torch-2.15/two_runs.pt");
    let runs: Vec<String> = load(&dump).into_keys().map(|(run, _)| run).collect();
    assert_eq!(runs, ["a", "a", "a", "b", "b", "b"]);
}

#[test]
fn caches_with_names_are_runs_and_so_is_cross_attention() {
    let expected = layers(&open("torch-2.15/cache.safetensors"));
    let dump = open("torch-2.15/prompts.pt");
    for ((run, layer), kv) in load(&dump) {
        assert!(run == "prompt a" || run == "prompt b", "{run}");
        assert_eq!(kv, expected[&layer]);
    }
    assert_eq!(dump.captures.len(), 6);
    let dump = open("torch-2.15/encoder_decoder.pt");
    let tokens = |run: &str| {
        let of_run = |capture: &&Arc<kvlens::dump::Capture>| capture.run == run;
        let mut tokens = dump.captures.iter().filter(of_run);
        tokens.next().map(|capture| capture.shape.seq_len)
    };
    assert_eq!(tokens("self_attention_cache"), Some(70));
    assert_eq!(tokens("cross_attention_cache"), Some(40));
}

#[test]
fn codes_of_a_quantized_cache_are_not_taken_for_values() {
    let dump = open("torch-2.15/quantized.pt");
    assert!(dump.captures.is_empty());
    let told = messages(&dump).join("\n");
    assert!(
        told.starts_with("quantized.pt: a QuantizedCache of transformers"),
        "{told}"
    );
}

#[test]
fn views_with_repeated_elements_are_read() {
    let expected = layers(&open("torch-2.15/cache.safetensors"));
    let found = layers(&open("torch-2.15/expanded_heads.pt"));
    for (wide, one) in found[&0].iter().zip(&expected[&0]) {
        let (wide_heads, heads) = (wide.shape().kv_heads, one.shape().kv_heads);
        assert_eq!((wide_heads, heads), (4, 2));
        let (wide, one) = (wide.values(), one.values());
        for (token, wide) in wide.chunks(4 * 8).enumerate() {
            let first = &one[token * 2 * 8..][..8];
            assert!(wide.chunks(8).all(|head| head == first));
        }
    }
}

#[test]
fn element_types_of_pytorch_are_read_or_named() {
    let dtype = |name: &str| layers(&open(&format!("torch-2.15/{name}")))[&0][0].dtype();
    assert_eq!(dtype("bfloat16.pt"), Dtype::Bf16);
    assert_eq!(dtype("float32.pt"), Dtype::F32);
    assert_eq!(dtype("float8.pt"), Dtype::E4m3);
    let told = messages(&open("torch-2.15/float64.pt")).join("\n");
    assert!(
        told.contains("float64.pt/0.0: dtype: found float64"),
        "{told}"
    );
}

#[test]
fn a_tensor_that_pytorch_keeps_with_the_other_sign_has_its_own() {
    let expected = layers(&open("torch-2.15/cache.safetensors"));
    let found = layers(&open("torch-2.15/other_sign.pt"));
    for kv in 0..2 {
        assert_eq!(found[&0][kv].values(), expected[&0][kv].values());
    }
}

#[test]
fn k_and_v_that_do_not_fit_are_named_with_both_shapes() {
    for (file, shapes) in [
        ("lengths_differ.pt", ["[1, 2, 70, 8]", "[1, 2, 40, 8]"]),
        ("axes_differ.pt", ["[1, 70, 2, 8]", "[1, 2, 70, 8]"]),
    ] {
        let dump = open(&format!("torch-2.15/{file}"));
        let told = messages(&dump).join("\n");
        assert!(shapes.iter().all(|shape| told.contains(shape)), "{told}");
        assert!(dump.captures.is_empty(), "{file}");
    }
}

#[test]
fn nothing_in_a_pickle_is_run() {
    let mark = Path::new("/tmp/kvlens-was-here");
    let was_there = mark.exists();
    let dump = open("torch-2.15/hostile.pt");
    assert_eq!(
        messages(&dump),
        ["hostile.pt: posix.system: not a tensor; not run"]
    );
    assert_eq!(load(&dump).len(), 1, "the tensors beside it are read");
    assert_eq!(mark.exists(), was_there);
}

#[test]
fn pickles_that_claim_or_repeat_much_take_no_memory() {
    let mut doubling = b"\x80\x02]q\x00".to_vec();
    for _ in 0..10_000 {
        doubling.extend_from_slice(b"(h\x00h\x00tq\x00");
    }
    doubling.push(b'.');
    let mut itself = b"\x80\x02]q\x00h\x00a".to_vec();
    itself.push(b'.');
    let calls_itself =
        b"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\nq\x00]q\x01(h\x00Nh\x01Neh\x00h\x01R."
            .to_vec();
    let cases = [
        ("doubling", doubling),
        ("a list in itself", itself),
        ("a function that calls itself", calls_itself),
        (
            "a text of 2^63 bytes",
            b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f".to_vec(),
        ),
        (
            "bytes of 2^64",
            b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        ),
        (
            "a number of 2^31 bytes",
            b"\x80\x02\x8b\xff\xff\xff\x7f".to_vec(),
        ),
        ("a memo far away", b"\x80\x02]r\xff\xff\xff\xff.".to_vec()),
        (
            "marks",
            [&b"\x80\x02"[..], &[b'('; 100_000], b"t."].concat(),
        ),
        ("no stack", b"\x80\x02R.".to_vec()),
        ("no end", b"\x80\x02]".to_vec()),
    ];
    for (name, bytes) in cases {
        let dump = open_bytes("a.pkl", bytes, "{}");
        assert!(dump.captures.is_empty(), "{name}");
        assert!(!dump.problems.is_empty(), "{name}");
    }
}

/// What a pickle has copied is bounded by what was read of it.
#[test]
fn a_pickle_that_has_the_same_long_thing_copied_again_and_again_takes_no_memory() {
    let list = [b"](".as_slice(), &b"h\x00".repeat(50_000), b"eq\x010"].concat();
    // An array of objects that is one long list, as often as it takes 9 bytes.
    let array = [
        b"\x80\x02Nq\x000".as_slice(),
        &list,
        b"cnumpy.core.multiarray\n_reconstruct\nq\x020)q\x030(K\x01K\x01\x85N\x89h\x01tq\x040(",
        &b"h\x02h\x03Rh\x04b".repeat(1000),
        b"l.",
    ];
    // The bytes that a long text stands for, as often as it takes 5.
    let text = [
        b"\x80\x02X\x00\x80\x00\x00".as_slice(),
        &[b'a'; 0x8000],
        b"X\x06\x00\x00\x00latin1\x86q\x020c_codecs\nencode\nq\x030(",
        &b"h\x03h\x02R".repeat(5000),
        b"l.",
    ];
    for pickle in [array.concat(), text.concat()] {
        let dump = open_bytes("a.pkl", pickle, "{}");
        let told = messages(&dump).join("\n");
        assert!(
            told.contains("builds more values than any cache needs"),
            "{told}"
        );
    }
    // A storage's name of 64 KiB, for as many storages as take 3 bytes each.
    let storage = [
        b"\x80\x02(X\x07\x00\x00\x00storagectorch\nHalfStorage\nX\x00\x80\x00\x00".as_slice(),
        &[b'a'; 0x8000],
        b"X\x03\x00\x00\x00cpuK\x01tq\x000(",
        &b"h\x00Q".repeat(100_000),
        b"l.",
    ];
    let dump = open_bytes("a.pkl", storage.concat(), "{}");
    assert_eq!(messages(&dump), ["a.pkl: it holds no tensor"]);
}

#[test]
fn a_long_list_that_a_pickle_leads_to_by_many_ways_is_not_walked_without_end() {
    let many = 200_000;
    let tensor = &b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nHalfStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01\
        tQK\x00K\x01\x85K\x01\x85\x89}tR"[..];
    let list_of = |one: &[u8]| [b"](".as_slice(), &one.repeat(many), b"e"].concat();
    // Each keeps a long thing as memo 1: numbers, the same tensor, or an object with as many attributes.
    let numbers = [b"K\x00q\x000".as_slice(), &list_of(b"h\x00"), b"q\x010"].concat();
    let tensors = [tensor, b"q\x000", &list_of(b"h\x00"), b"q\x010"].concat();
    let attributes = b"X\x01\x00\x00\x00ah\x00".repeat(many / 10);
    let object = [
        b"K\x00q\x000cx\nY\n)\x81}(".as_slice(),
        &attributes,
        b"ubq\x010",
    ]
    .concat();
    let layers = [
        b"cx\nZ\n)\x81}X\x06\x00\x00\x00layers".as_slice(),
        &list_of(b"h\x01"),
        b"sb",
    ]
    .concat();
    let entries = [b"}(".as_slice(), &b"K\x00h\x01".repeat(many), b"u"].concat();
    for (name, long, root) in [
        ("numbers in a list", &numbers, list_of(b"h\x01")),
        ("numbers in a dict", &numbers, entries.clone()),
        ("tensors in a list", &tensors, list_of(b"h\x01")),
        ("tensors in a dict", &tensors, entries),
        ("attributes of layers", &object, layers),
    ] {
        let pickle = [b"\x80\x02", long.as_slice(), &root, b"."].concat();
        let dump = open_bytes("a.pkl", pickle, "{}");
        let told = messages(&dump).join("\n");
        assert!(told.contains("not all of it is examined"), "{name}: {told}");
    }
}

#[test]
fn a_view_of_more_than_its_storage_is_refused() {
    // 2^40 elements, all of them the first one of a storage of two.
    let pickle = b"\x80\x02}(X\x03\x00\x00\x00k_0ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nHalfStorage\n\
        X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x02tQK\x00\x8a\x06\x00\x00\x00\x00\x00\x01K\x01\x86K\x00K\x00\x86\x89}tRu.";
    let mut stream =
        b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}.".to_vec();
    stream.extend_from_slice(pickle);
    stream.extend_from_slice(
        b"\x80\x02]X\x01\x00\x00\x000a.\x02\x00\x00\x00\x00\x00\x00\x00\x00\x3c\x00\x3c",
    );
    let dump = open_bytes("a.pt", stream, "{}");
    let told = messages(&dump).join("\n");
    assert!(
        told.contains("a.pt/k_0: shape: found [1099511627776, 1]"),
        "{told}"
    );
}

#[test]
fn every_class_of_mlx_cache_yields_its_valid_tokens() {
    let dump = open("mlx-0.32/prompt_cache.safetensors");
    let expected = layers(&open("mlx-0.32/values.safetensors"));
    assert_eq!(layers(&dump), expected);
    let notes: Vec<&str> = dump.notes.iter().map(|note| note.text.as_str()).collect();
    assert!(notes[0].starts_with("already quantized by mlx to 4 bits in groups of 32"));
    assert!(notes[1].starts_with("already quantized by mlx to 3 bits in groups of 64"));
    assert!(notes[2].starts_with("layer 5: ArraysCache holds no K and V"));
}

#[test]
fn a_cache_in_an_mlx_cache_list_is_that_of_its_layer() {
    let expected = layers(&open("mlx-0.32/values.safetensors"));
    let found = layers(&open("mlx-0.32/cache_list.safetensors"));
    assert_eq!(found.len(), 1);
    assert_eq!(found[&0], expected[&0]);
}

#[test]
fn mnn_packed_buffers_equal_the_plain_ones() {
    let packed = layers(&open("mnn-packed/packed"));
    assert_eq!(packed, layers(&open("mnn-packed/plain")));
    assert_eq!(packed.len(), 1);
}

#[test]
fn packed_buffers_beside_the_same_tokens_unpacked_do_not_count_twice() {
    let mut files = Vec::new();
    for form in ["packed", "plain"] {
        let folder = format!("tests/data/cases/mnn-packed/{form}/run_1/layer_0");
        for entry in Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(folder)
            .read_dir()
            .unwrap()
        {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            files.push((
                format!("run_1/layer_0/{name}"),
                std::fs::read(&path).unwrap(),
            ));
        }
    }
    let both = scan_source(MemorySource::new(files), "{}");
    assert_eq!(layers(&both), layers(&open("mnn-packed/plain")));
    let told = &both.notes[0].text;
    assert!(
        told.starts_with("1 packed capture with tokens that other files have"),
        "{told}"
    );
}

#[test]
fn packed_buffers_of_several_layers_and_runs_may_lie_in_one_folder() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/cases/mnn-packed/packed/run_1/layer_0");
    let mut files = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let bytes = std::fs::read(&path).unwrap();
        if !name.ends_with(".json") {
            files.push((name, bytes));
            continue;
        }
        let meta: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        for (run, layer) in [("a", 0), ("a", 1), ("b", 0)] {
            let mut meta = meta.clone();
            meta["run_id"] = run.into();
            meta["layer_id"] = layer.into();
            files.push((
                format!("packed_meta_{run}{layer}.json"),
                meta.to_string().into(),
            ));
        }
    }
    let dump = scan_source(MemorySource::new(files), "{}");
    let found: Vec<(String, i64)> = load(&dump).into_keys().collect();
    let expected = [("a", 0), ("a", 1), ("b", 0)];
    assert_eq!(found, expected.map(|(run, layer)| (run.to_owned(), layer)));
    assert!(dump.notes.is_empty(), "{:?}", dump.notes);
}

/// Form of a llama.cpp state, by version and model.
#[derive(Clone, Copy)]
struct Form {
    session: bool,
    outputs: bool,
    streams: bool,
    extra: usize,
    v_trans: bool,
}

const CELLS: u32 = 3;
const VALUES: u32 = 8;

/// A state of two layers whose values are `layer * 100 + token * 10 + value`, negated for V.
fn state(form: Form) -> Vec<u8> {
    let mut out = Vec::new();
    let word = |out: &mut Vec<u8>, value: u32| out.extend(value.to_le_bytes());
    out.extend(if form.session { b"nsgg" } else { b"qsgg" });
    word(&mut out, 9);
    word(&mut out, CELLS);
    (0..CELLS).for_each(|token| word(&mut out, token));
    if form.session {
        word(&mut out, 5);
        out.extend(b"llama");
    }
    if form.outputs {
        word(&mut out, 1);
        word(&mut out, 7);
        out.extend(4_u64.to_le_bytes());
        out.extend([0; 16]);
        out.extend(0_u64.to_le_bytes());
    }
    if form.streams {
        word(&mut out, 1);
    }
    word(&mut out, CELLS);
    for cell in 0..CELLS {
        word(&mut out, cell);
        word(&mut out, 1);
        out.extend(vec![1; form.extra]);
        word(&mut out, 0);
    }
    word(&mut out, u32::from(form.v_trans));
    word(&mut out, 2);
    let value = |layer: u32, token: u32, value: u32| (layer * 100 + token * 10 + value) as f32;
    for layer in 0..2 {
        word(&mut out, 0);
        out.extend(u64::from(VALUES * 4).to_le_bytes());
        for token in 0..CELLS {
            (0..VALUES).for_each(|at| out.extend(value(layer, token, at).to_le_bytes()));
        }
    }
    for layer in 0..2 {
        word(&mut out, 0);
        if form.v_trans {
            word(&mut out, 4);
            word(&mut out, VALUES);
            for at in 0..VALUES {
                (0..CELLS).for_each(|token| out.extend((-value(layer, token, at)).to_le_bytes()));
            }
        } else {
            out.extend(u64::from(VALUES * 4).to_le_bytes());
            for token in 0..CELLS {
                (0..VALUES).for_each(|at| out.extend((-value(layer, token, at)).to_le_bytes()));
            }
        }
    }
    out
}

#[test]
fn llama_cpp_states_of_every_form_hold_the_same_rows() {
    let plain = Form {
        session: false,
        outputs: false,
        streams: true,
        extra: 0,
        v_trans: false,
    };
    let forms = [
        plain,
        Form {
            v_trans: true,
            ..plain
        },
        Form {
            streams: false,
            ..plain
        },
        Form { extra: 8, ..plain },
        Form {
            extra: 12,
            v_trans: true,
            ..plain
        },
        Form {
            session: true,
            ..plain
        },
        Form {
            session: true,
            outputs: true,
            streams: false,
            ..plain
        },
    ];
    for (number, form) in forms.into_iter().enumerate() {
        let dump = open_bytes("slot.bin", state(form), r#"{"axes":"seq,dim"}"#);
        let layers = layers(&dump);
        assert_eq!(layers.len(), 2, "form {number}");
        for (layer, [k, v]) in layers {
            let shape = Shape {
                seq_len: 3,
                kv_heads: 1,
                head_dim: 8,
            };
            assert_eq!((k.shape(), v.shape()), (shape, shape), "form {number}");
            let expected: Vec<f32> = (0..24)
                .map(|at| (layer * 100 + at / 8 * 10 + at % 8) as f32)
                .collect();
            assert_eq!(k.values(), expected, "form {number}");
            assert!(
                v.values().iter().zip(&expected).all(|(v, k)| *v == -k),
                "form {number}"
            );
        }
    }
}

#[test]
fn a_llama_cpp_state_that_is_cut_off_is_named() {
    let form = Form {
        session: false,
        outputs: false,
        streams: true,
        extra: 0,
        v_trans: false,
    };
    let whole = state(form);
    for cut in 4..whole.len() {
        let dump = open_bytes("slot.bin", whole[..cut].to_vec(), r#"{"axes":"seq,dim"}"#);
        let named = !dump.problems.is_empty() || !dump.notes.is_empty();
        assert!(named && dump.captures.is_empty(), "{cut} bytes");
    }
}

/// The cells of a sliding window are used again: later tokens lie before earlier ones.
#[test]
fn cells_of_a_llama_cpp_state_are_read_in_the_order_of_their_tokens() {
    for v_trans in [false, true] {
        let form = Form {
            session: false,
            outputs: false,
            streams: true,
            extra: 0,
            v_trans,
        };
        // Magic, version, tokens, streams and cells, and 12 bytes for each cell, the first of which are its position.
        let with = |positions: [u32; 3]| {
            let mut bytes = state(form);
            for (cell, position) in positions.iter().enumerate() {
                let at = 4 * 8 + 12 * cell;
                bytes[at..at + 4].copy_from_slice(&position.to_le_bytes());
            }
            open_bytes("slot.bin", bytes, r#"{"axes":"seq,dim"}"#)
        };
        let dump = with([7, 5, 6]);
        let path = |dump: &Dump| dump.captures[0].path.clone();
        assert_eq!(path(&dump), "slot.bin/layer_0/t5_8");
        let [k, v] = &layers(&dump)[&1];
        let expected: Vec<f32> = [1, 2, 0]
            .iter()
            .flat_map(|token| (0..8).map(move |at| (100 + token * 10 + at) as f32))
            .collect();
        assert_eq!(k.values(), expected, "{v_trans}");
        assert!(v.values().iter().zip(&expected).all(|(v, k)| *v == -k));
        // Several sequences have no order; tokens may be missing.
        for positions in [[1, 0, 1], [2, 5, 9]] {
            let dump = with(positions);
            assert_eq!(path(&dump), "slot.bin/layer_0");
            assert_eq!(layers(&dump)[&0][0].values()[8], 10.0);
        }
    }
}

#[test]
fn a_fault_of_v_is_told_with_the_name_of_v() {
    let mut header = serde_json::Map::new();
    for (name, width, from) in [("layers.0.k", 8, 0), ("layers.0.v", 6, 64)] {
        let entry = serde_json::json!({"dtype": "F16", "shape": [4, width], "data_offsets": [from, from + 8 * width]});
        header.insert(name.to_owned(), entry);
    }
    let header = serde_json::Value::Object(header).to_string();
    let len = (header.len() as u64).to_le_bytes();
    let bytes = [&len[..], header.as_bytes(), &[0; 112]].concat();
    let dump = open_bytes("a.safetensors", bytes, r#"{"axes":"seq,dim","kvHeads":4}"#);
    assert_eq!(
        messages(&dump),
        [
            "a.safetensors/layers.0.v: shape: found [4, 6], expected a last axis that 4 heads share evenly (--kv-heads)"
        ]
    );
}
