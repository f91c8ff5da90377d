//! Errors of stored tensors against those that numpy computed in float64 (`data/explore-oracle`).

use kvlens::metrics::{Attention, Cache, Changed, Queries, TokenErrors, Unused, token_errors};
use kvlens::scheme::{About, Scheme};
use kvlens::tensor::{Dtype, Kv, Shape, Tensor};
use serde_json::Value;
use std::fs;

const HEADS: usize = 3;
const DIM: usize = 64;
const TOKENS: usize = 136;
const SHAPE: Shape = Shape {
    seq_len: TOKENS,
    kv_heads: HEADS,
    head_dim: DIM,
};

fn folder(layer: u64) -> String {
    format!("tests/data/sample-dump/dumps/prompt_128/layer_{layer}")
}

fn values(bytes: Vec<u8>, shape: Shape) -> Vec<f32> {
    Tensor::new(Dtype::F16, shape, bytes).unwrap().values()
}

/// K or V of all tokens of a layer.
fn tensor(layer: u64, name: &str) -> Vec<f32> {
    let mut bytes = fs::read(format!("{}/{name}_t0_128.bin", folder(layer))).unwrap();
    for token in 128..TOKENS {
        bytes.extend(
            fs::read(format!(
                "{}/{name}_t{token}_{}.bin",
                folder(layer),
                token + 1
            ))
            .unwrap(),
        );
    }
    values(bytes, SHAPE)
}

fn queries(layer: u64, window: Option<u64>, softcap: Option<f32>) -> Queries {
    let shape = Shape {
        seq_len: 64,
        kv_heads: 9,
        head_dim: DIM,
    };
    Queries {
        positions: (72..136).collect(),
        heads: 9,
        head_dim: DIM,
        values: values(
            fs::read(format!("{}/q_t72_136.bin", folder(layer))).unwrap(),
            shape,
        ),
        scale: 0.125,
        window,
        softcap,
    }
}

fn stored(x: &[f32], kv: Kv, bits: u64) -> Vec<f32> {
    let scheme: Scheme = format!("int:b={bits},per=token_head,asym").parse().unwrap();
    let about = About {
        kv,
        position: 0,
        shape: SHAPE,
        dtype: Dtype::F16,
    };
    scheme.restore(x, &about).values
}

fn close(what: &str, found: f64, expected: &Value, tolerance: f64) {
    let expected = expected.as_f64().unwrap();
    assert!(
        (found - expected).abs() <= tolerance * expected.abs(),
        "{what}: {found} instead of {expected}"
    );
}

fn rows() -> Vec<Value> {
    serde_json::from_str(&fs::read_to_string("tests/data/explore-oracle/errors.json").unwrap())
        .unwrap()
}

#[test]
fn token_errors_equal_numpys() {
    for row in rows() {
        let layer = row["layer"].as_u64().unwrap();
        for (name, kv) in [("k", Kv::K), ("v", Kv::V)] {
            let x = tensor(layer, name);
            let found = token_errors(&x, &stored(&x, kv, row["bits"].as_u64().unwrap()), SHAPE);
            let expected = &row[name];
            let TokenErrors {
                nmse,
                cosine,
                max_abs,
                token,
                first,
                cosine_p1,
                cosine_min,
            } = found;
            let figures = [
                ("nmse", nmse),
                ("cosine", cosine),
                ("max", max_abs),
                ("token", token),
                ("first", first),
                ("cosine_p1", cosine_p1),
                ("cosine_min", cosine_min),
            ];
            for (figure, found) in figures {
                close(
                    &format!("layer {layer} {name} {figure}"),
                    found,
                    &expected[figure],
                    1e-6,
                );
            }
        }
    }
}

#[test]
fn values_that_come_back_as_they_are_have_the_cosine_1_even_zeros() {
    let shape = Shape {
        seq_len: 2,
        kv_heads: 2,
        head_dim: 4,
    };
    let cosines = |x: &[f32], y: &[f32]| {
        let errors = token_errors(x, y, shape);
        [errors.cosine, errors.cosine_p1, errors.cosine_min]
    };
    let zeros = [0.0; 16];
    assert_eq!(cosines(&zeros, &zeros), [1.0; 3]);
    let mut half = [0.5; 16];
    half[..4].fill(0.0);
    assert_eq!(cosines(&half, &half), [1.0; 3]);
    assert_eq!(cosines(&half, &zeros)[0], 0.0);
}

#[test]
fn attention_errors_equal_numpys_with_windows_and_soft_caps() {
    let every: Vec<usize> = (0..64).collect();
    for row in rows() {
        let (layer, bits) = (
            row["layer"].as_u64().unwrap(),
            row["bits"].as_u64().unwrap(),
        );
        let (k, v) = (tensor(layer, "k"), tensor(layer, "v"));
        let (other_k, other_v) = (stored(&k, Kv::K, bits), stored(&v, Kv::V, bits));
        let cache = Cache {
            k: &k,
            v: &v,
            position: 0,
            kv_heads: HEADS,
            head_dim: DIM,
            v_head_dim: DIM,
        };
        for case in row["attention"].as_array().unwrap() {
            let queries = queries(
                layer,
                case["window"].as_u64(),
                case["softcap"].as_f64().map(|cap| cap as f32),
            );
            let attention = Attention::new(cache, &queries, &every).unwrap();
            for (name, changed) in [
                ("k", Changed::K(&other_k)),
                ("v", Changed::V(&other_v)),
                ("both", Changed::Both(&other_k, &other_v)),
            ] {
                let found = attention.errors(changed).total();
                close(
                    &format!("layer {layer}, {bits} bits, {case}, {name}"),
                    found,
                    &case[name],
                    3e-6,
                );
            }
        }
    }
}

/// Sums over portions of the queries equal those over all queries at once.
#[test]
fn portions_of_queries_add_up() {
    let (k, v) = (tensor(1, "k"), tensor(1, "v"));
    let other = stored(&k, Kv::K, 4);
    let cache = Cache {
        k: &k,
        v: &v,
        position: 0,
        kv_heads: HEADS,
        head_dim: DIM,
        v_head_dim: DIM,
    };
    let queries = queries(1, None, None);
    let errors = |places: &[usize]| {
        Attention::new(cache, &queries, places)
            .unwrap()
            .errors(Changed::K(&other))
    };
    let every: Vec<usize> = (0..64).collect();
    let all = errors(&every);
    let mut sum = kvlens::metrics::OutputErrors::default();
    for places in every.chunks(7) {
        sum.add(&errors(places));
    }
    assert!((sum.total() / all.total() - 1.0).abs() < 1e-9);
    assert_eq!(all.error.len(), 9);
}

#[test]
fn queries_that_see_nothing_of_the_cache_or_do_not_fit_it_are_left_out() {
    let (k, v) = (tensor(0, "k"), tensor(0, "v"));
    let mut queries = queries(0, None, None);
    let cache = Cache {
        k: &k,
        v: &v,
        position: 1000,
        kv_heads: HEADS,
        head_dim: DIM,
        v_head_dim: DIM,
    };
    assert!(Attention::new(cache, &queries, &[0, 1]).is_none());
    queries.heads = 8;
    assert!(
        Attention::new(
            Cache {
                position: 0,
                ..cache
            },
            &queries,
            &[0, 1]
        )
        .is_none()
    );
}

/// Errors are sums over the values of the outputs, so those of the parts of V add up to those of V.
#[test]
fn heads_of_v_may_be_narrower_than_those_of_k() {
    let (k, v) = (tensor(1, "k"), tensor(1, "v"));
    let (other_k, other_v) = (stored(&k, Kv::K, 4), stored(&v, Kv::V, 4));
    let queries = queries(1, None, Some(30.0));
    let every: Vec<usize> = (0..64).collect();
    let errors = |part: std::ops::Range<usize>| {
        let of = |v: &[f32]| -> Vec<f32> {
            let heads = v.chunks_exact(DIM);
            heads
                .flat_map(|head| &head[part.clone()])
                .copied()
                .collect()
        };
        let cache = Cache {
            k: &k,
            v: &of(&v),
            position: 0,
            kv_heads: HEADS,
            head_dim: DIM,
            v_head_dim: part.len(),
        };
        let attention = Attention::new(cache, &queries, &every).unwrap();
        [
            attention.errors(Changed::K(&other_k)),
            attention.errors(Changed::V(&of(&other_v))),
            attention.errors(Changed::Both(&other_k, &of(&other_v))),
        ]
    };
    let parts = [errors(0..11), errors(11..DIM)];
    for (place, whole) in errors(0..DIM).into_iter().enumerate() {
        let mut sum = parts[0][place].clone();
        sum.add(&parts[1][place]);
        for (sum, whole) in [(&sum.error, &whole.error), (&sum.square, &whole.square)] {
            for (sum, whole) in sum.iter().zip(whole) {
                assert!((sum / whole - 1.0).abs() < 1e-5, "{sum} {whole}");
            }
        }
    }
}

#[test]
fn outputs_that_are_not_finite_or_were_zero_are_not_said_to_have_no_error() {
    let total = |error: f64, square: f64| {
        let errors = kvlens::metrics::OutputErrors {
            error: vec![error],
            square: vec![square],
        };
        errors.total()
    };
    assert_eq!(
        (total(0.0, 0.0), total(1.0, 0.0), total(1.0, 4.0)),
        (0.0, f64::INFINITY, 0.25)
    );
    assert!(total(f64::NAN, f64::NAN).is_nan());
}

#[test]
fn queries_tell_nothing_of_a_cache_whose_v_has_other_heads() {
    let v = Shape {
        kv_heads: HEADS + 1,
        ..SHAPE
    };
    let seeing = |shapes| queries(0, None, None).seeing_only(0, shapes);
    assert!(seeing([SHAPE, SHAPE]).is_ok());
    assert_eq!(seeing([SHAPE, v]), Err(Unused::OtherHeads));
    assert_eq!(seeing([v, v]), Err(Unused::Heads));
}
