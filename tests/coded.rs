//! The coded scheme against the figures of its numpy prototype on the sample dump, and its bytes in round trips.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use kvlens::scheme::{
    About, Klt, KltChoice, Pairs, Prepared, Recipe, Rope, RopeChoice, Scheme, Tkc,
};
use kvlens::tensor::{Dtype, Kv, Shape, Tensor};
use serde_json::Value;

/// K or V of a layer of the sample, all captures joined.
fn layer(number: u64, kv: Kv) -> (Tensor, About) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sample-dump/dumps");
    let folder = root.join(format!("prompt_128/layer_{number}"));
    let starts = [0].into_iter().chain(128..136);
    let mut bytes = Vec::new();
    for start in starts {
        let end = if start == 0 { 128 } else { start + 1 };
        let file = folder.join(format!("{}_t{start}_{end}.bin", kv.name()));
        bytes.extend(fs::read(file).unwrap());
    }
    let shape = Shape {
        seq_len: 136,
        kv_heads: 3,
        head_dim: 64,
    };
    let about = About {
        kv,
        position: 0,
        shape,
        dtype: Dtype::F16,
    };
    (Tensor::new(Dtype::F16, shape, bytes).unwrap(), about)
}

fn tkc(step: f64, klt: Klt) -> Tkc {
    Tkc {
        rope: RopeChoice::Is(Rope {
            theta: 1e5,
            pairs: Pairs::HalfSplit,
        }),
        klt: KltChoice::Is(klt),
        ..Tkc::new(step)
    }
}

/// Errors as the prototype defines them.
fn errors(x: &[f32], y: &[f32], shape: Shape) -> Vec<(&'static str, f64)> {
    let (mut dd, mut xx, mut yy, mut xy, mut max) = (0.0, 0.0, 0.0, 0.0, 0.0f64);
    let (mut token, mut cosines) = (0.0, Vec::new());
    let mut first = [0.0; 2];
    let heads = x
        .chunks_exact(shape.head_dim)
        .zip(y.chunks_exact(shape.head_dim));
    for (index, (x, y)) in heads.enumerate() {
        let sum = |f: &dyn Fn(f64, f64) -> f64| {
            let pairs = x.iter().zip(y);
            pairs
                .map(|(x, y)| f(f64::from(*x), f64::from(*y)))
                .sum::<f64>()
        };
        let (d, a, b, ab) = (
            sum(&|x, y| (x - y) * (x - y)),
            sum(&|x, _| x * x),
            sum(&|_, y| y * y),
            sum(&|x, y| x * y),
        );
        (dd, xx, yy, xy) = (dd + d, xx + a, yy + b, xy + ab);
        max = x
            .iter()
            .zip(y)
            .fold(max, |max, (x, y)| max.max(f64::from(x - y).abs()));
        token += d / a.max(1e-30);
        cosines.push(ab / (a * b).sqrt().max(1e-30));
        if index < shape.kv_heads {
            first = [first[0] + d, first[1] + a];
        }
    }
    cosines.sort_by(f64::total_cmp);
    let place = 0.01 * (cosines.len() - 1) as f64;
    let (low, high) = (cosines[place as usize], cosines[place as usize + 1]);
    vec![
        ("nmse", dd / xx),
        ("cosine", xy / (xx * yy).sqrt()),
        ("max", max),
        ("token", token / cosines.len() as f64),
        ("first", first[0] / first[1]),
        ("cosine_p1", low + (high - low) * place.fract()),
        ("cosine_min", cosines[0]),
    ]
}

#[test]
fn errors_are_those_of_the_prototype_and_the_context_coder_needs_fewer_bits() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/explore/sample.json");
    let figures: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let rows = figures["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 54);
    // With a basis: sums of the computed and of the expected figures of each step.
    let mut sums: HashMap<String, [f64; 2]> = HashMap::new();
    for row in rows {
        let number = row["layer"].as_u64().unwrap();
        let with_klt = row["klt"].as_bool().unwrap();
        for (kv, step) in [(Kv::K, "c_k"), (Kv::V, "c_v")] {
            let (tensor, about) = layer(number, kv);
            let klt = if with_klt {
                Klt::AcrossHeads
            } else {
                Klt::None
            };
            let step = row[step].as_f64().unwrap();
            let recipe = Recipe {
                scheme: Scheme::Tkc(tkc(step, klt)),
                sinks: 4,
                recent: 0,
            };
            let values = tensor.values();
            let restored = recipe.restore(&values, &about);
            let expected = &row[kv.name()];
            let bits = restored.bytes as f64 * 8.0 / values.len() as f64;
            let mut figures = errors(&values, &restored.values, about.shape);
            figures.push(("bits_per_value", bits));
            for (name, found) in figures {
                let expected = expected[name].as_f64().unwrap();
                if with_klt {
                    let sum = sums
                        .entry(format!("{} {step} {name}", kv.name()))
                        .or_default();
                    *sum = [sum[0] + found, sum[1] + expected];
                } else if name == "bits_per_value" {
                    assert!(
                        found < expected,
                        "{number} {kv:?} {step}: {found} bits, prototype {expected}"
                    );
                } else {
                    let close = (found - expected).abs() <= 1e-6 * expected.abs();
                    assert!(
                        close,
                        "{number} {kv:?} {step}: {name} {found}, expected {expected}"
                    );
                }
            }
        }
    }
    // 132 tokens leave most directions of 192 channels undetermined: another eigensolver chooses others, so only means
    // agree. The largest error and the smallest cosine depend on a single value and are not compared.
    for (name, [found, expected]) in sums {
        let tolerance = match name.rsplit_once(' ').map_or("", |(_, figure)| figure) {
            "nmse" | "token" => 0.02,
            "bits_per_value" => 0.01,
            _ => continue,
        };
        let ratio = found / expected;
        let most = 1.0 + tolerance;
        assert!(
            ratio < most && (name.contains("bits") || ratio > 1.0 - tolerance),
            "{name}: {ratio}"
        );
    }
}

#[test]
fn written_bytes_match_the_counted_size_and_decode_to_the_reported_values() {
    for kv in [Kv::K, Kv::V] {
        let (tensor, about) = layer(8, kv);
        for klt in [Klt::None, Klt::PerHead, Klt::AcrossHeads] {
            for step in [0.01, 0.2, 3.0] {
                let tkc = tkc(step, klt);
                let prepared = Prepared::new(&tensor.values(), &about, &tkc);
                let bytes = prepared.encode(step);
                let counted = prepared.count(step);
                assert!(counted.abs_diff(bytes.len() as u64) <= 4 + counted / 2000);
                let decoded = Scheme::Tkc(tkc).decode(&bytes, &about).unwrap();
                let mut restored = tensor.values();
                prepared.restore(step, &mut restored);
                assert_eq!(decoded.values(), restored);
            }
        }
    }
}

#[test]
fn a_tensor_prepared_with_known_choices_is_stored_in_the_same_bytes() {
    for kv in [Kv::K, Kv::V] {
        let (tensor, about) = layer(14, kv);
        let mut values = tensor.values();
        // A token that is stored raw must not count among the others here either.
        values[10 * about.shape.token_elements()] = f32::NAN;
        for step in [0.03, 0.2, 2.0] {
            let tkc = Tkc::new(step);
            let prepared = Prepared::new(&values, &about, &tkc);
            let transforms = prepared.transforms().clone();
            let near = Tkc::new(1.1 * step);
            let again = Prepared::with(&values, &about, &near, transforms);
            for step in [step, 1.1 * step] {
                assert_eq!(again.encode(step), prepared.encode(step), "{kv:?} {step}");
            }
            assert_eq!(
                (again.rope(), again.klt()),
                (prepared.rope(), prepared.klt())
            );
        }
    }
}

#[test]
fn a_rotary_embedding_is_detected_and_values_have_none() {
    let (tensor, about) = layer(14, Kv::K);
    let prepared = Prepared::new(&tensor.values(), &about, &Tkc::new(0.1));
    let expected = Rope {
        theta: 1e5,
        pairs: Pairs::HalfSplit,
    };
    assert_eq!(prepared.rope(), Some(expected));
    let (tensor, about) = layer(14, Kv::V);
    let prepared = Prepared::new(&tensor.values(), &about, &Tkc::new(0.1));
    assert_eq!(prepared.rope(), None);
}

#[test]
fn with_a_known_theta_the_order_of_pairs_is_detected() {
    let (tensor, about) = layer(14, Kv::K);
    let values = tensor.values();
    let half = about.shape.head_dim / 2;
    let neighbours: Vec<f32> = values
        .chunks_exact(2 * half)
        .flat_map(|head| (0..half).flat_map(move |pair| [head[pair], head[half + pair]]))
        .collect();
    let tkc = Tkc {
        rope: RopeChoice::DetectWith(1e5),
        ..Tkc::new(0.1)
    };
    for (values, pairs) in [(values, Pairs::HalfSplit), (neighbours, Pairs::Interleaved)] {
        let expected = Rope { theta: 1e5, pairs };
        assert_eq!(Prepared::new(&values, &about, &tkc).rope(), Some(expected));
    }
}

#[test]
fn tokens_that_are_not_finite_come_back_bit_for_bit() {
    let (tensor, about) = layer(0, Kv::V);
    let mut bytes = tensor.into_bytes();
    let token = about.shape.token_elements() * 2;
    bytes[10 * token..][..2].copy_from_slice(&0x7c00u16.to_le_bytes());
    bytes[135 * token..][..2].copy_from_slice(&0xfe01u16.to_le_bytes());
    let tensor = Tensor::new(Dtype::F16, about.shape, bytes).unwrap();
    let scheme = Scheme::Tkc(Tkc::new(0.2));
    let back = scheme
        .decode(&scheme.encode(&tensor, &about), &about)
        .unwrap();
    for index in [10, 135] {
        let range = index * token..(index + 1) * token;
        assert_eq!(back.bytes()[range.clone()], tensor.bytes()[range]);
    }
    assert_eq!(back.non_finite(), tensor.non_finite());
}

#[test]
fn cut_and_flipped_bytes_give_an_error_or_a_tensor() {
    let (tensor, about) = layer(2, Kv::K);
    let shape = Shape {
        seq_len: 16,
        ..about.shape
    };
    let about = About { shape, ..about };
    let bytes = tensor.bytes()[..shape.bytes(Dtype::F16).unwrap()].to_vec();
    let tensor = Tensor::new(Dtype::F16, shape, bytes).unwrap();
    for klt in [Klt::None, Klt::PerHead] {
        let scheme = Scheme::Tkc(tkc(0.5, klt));
        let stored = scheme.encode(&tensor, &about);
        // The last eight bytes carry less than eight bytes of information; detecting their loss is the container's
        // task.
        for cut in (0..stored.len() - 8).step_by(7) {
            assert!(
                scheme.decode(&stored[..cut], &about).is_err(),
                "cut at {cut}"
            );
        }
        for place in (0..stored.len()).step_by(5).chain(0..32) {
            for flip in [1, 128, 255] {
                let mut broken = stored.clone();
                broken[place] ^= flip;
                if let Ok(tensor) = scheme.decode(&broken, &about) {
                    assert_eq!(tensor.shape(), shape);
                }
            }
        }
    }
}

#[test]
fn a_basis_that_dwarfs_the_tensor_is_neither_written_nor_read() {
    let about = |seq_len, head_dim| About {
        kv: Kv::V,
        position: 0,
        shape: Shape {
            seq_len,
            kv_heads: 1,
            head_dim,
        },
        dtype: Dtype::F16,
    };
    // Three matrices of 131,072 times 131,072 values, for a tensor of 131,072.
    let mut bomb = vec![8 | 32];
    bomb.extend(1.0f64.to_le_bytes());
    bomb.extend(vec![0; 2 * 131_072 + 4]);
    let scheme = Scheme::Tkc(tkc(0.1, Klt::AcrossHeads));
    let refused = scheme.decode(&bomb, &about(1, 131_072)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "a basis that is larger than the values"
    );
    let about = about(4, 2048);
    let values = (0..4 * 2048).map(|i| kvlens::tensor::f32_to_f16((i as f32 * 0.37).sin()));
    let bytes = values.flat_map(u16::to_le_bytes).collect();
    let tensor = Tensor::new(Dtype::F16, about.shape, bytes).unwrap();
    let back = scheme.decode(&scheme.encode(&tensor, &about), &about);
    assert_eq!(back.unwrap().shape(), about.shape);
}
