//! The packed formats against round trips by their makers' own code, and their stored sizes against the reported ones.

use kvlens::scheme::{About, Recipe, Scheme};
use kvlens::tensor::{Dtype, Kv, Shape, Tensor};
use std::fs;

const TOKENS: usize = 16;
const SHAPE: Shape = Shape {
    seq_len: TOKENS,
    kv_heads: 3,
    head_dim: 64,
};

fn about(kv: Kv, shape: Shape, dtype: Dtype) -> About {
    About {
        kv,
        position: 0,
        shape,
        dtype,
    }
}

fn file(name: &str) -> Vec<u8> {
    fs::read(format!("tests/data/formats-oracle/{name}")).unwrap()
}

fn input() -> Tensor {
    Tensor::new(Dtype::F16, SHAPE, file("input.f16")).unwrap()
}

/// Name, bytes per value and decoded values of every format with an oracle.
fn oracle() -> Vec<(String, f64, Vec<f32>)> {
    let restored = file("restored.f32");
    let values: Vec<f32> = restored
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    let table = String::from_utf8(file("formats.csv")).unwrap();
    let lines = table.lines().skip(1);
    let parts = values.chunks_exact(SHAPE.elements().unwrap());
    let formats: Vec<_> = lines
        .zip(parts)
        .map(|(line, values)| {
            let (name, bytes) = line.rsplit_once(',').unwrap();
            (
                name.trim_matches('"').to_owned(),
                bytes.parse().unwrap(),
                values.to_vec(),
            )
        })
        .collect();
    assert_eq!(formats.len(), 22);
    formats
}

/// The makers' values as an fp16 dump can hold them; their fp8 cast does not saturate.
fn as_stored(name: &str, value: f32) -> u16 {
    let most = match name {
        "fp8_e4m3" => 448.0,
        "fp8_e5m2" => 57344.0,
        _ => 65504.0,
    };
    let value = if name.starts_with("fp8") && !value.is_finite() {
        -most
    } else {
        value
    };
    kvlens::tensor::f32_to_f16(value.clamp(-65504.0, 65504.0))
}

#[test]
fn decoded_values_equal_the_makers_bit_for_bit() {
    let input = input();
    let about = about(Kv::K, SHAPE, Dtype::F16);
    for (name, bytes_per_value, expected) in oracle() {
        let scheme: Scheme = name.parse().unwrap();
        let stored = scheme.encode(&input, &about);
        assert_eq!(
            stored.len() as f64,
            bytes_per_value * input.len() as f64,
            "{name}"
        );
        let back = scheme.decode(&stored, &about).unwrap();
        let found = back
            .bytes()
            .as_chunks()
            .0
            .iter()
            .map(|bytes| u16::from_le_bytes(*bytes));
        for (place, (found, &expected)) in found.zip(&expected).enumerate() {
            assert_eq!(
                found,
                as_stored(&name, expected),
                "{name}: value {place} of {}",
                input.values()[place]
            );
        }
    }
}

/// Every variant of every packed format.
fn all_schemes() -> Vec<String> {
    let mut names: Vec<String> = [
        "q8_0",
        "q5_1",
        "q5_0",
        "q4_1",
        "q4_0",
        "nvfp4",
        "nvfp4:scale=tensor",
        "mxfp4",
        "mxfp8",
    ]
    .map(str::to_owned)
    .to_vec();
    for format in ["fp8_e4m3", "fp8_e5m2"] {
        names.extend(["", ":scale=tensor", ":scale=head"].map(|scale| format!("{format}{scale}")));
    }
    for bits in [8, 6, 5, 4, 3, 2] {
        names.extend([32, 64].map(|group| format!("mlx:b={bits},g={group}")));
    }
    for bits in 2..=8 {
        for per in [
            "tensor",
            "head",
            "token",
            "token_head",
            "channel",
            "g32",
            "g64",
        ] {
            names.extend(["sym", "asym"].map(|sign| format!("int:b={bits},per={per},{sign}")));
        }
    }
    names.extend(["kivi4", "kivi2"].map(str::to_owned));
    names.extend(
        ["q4_0", "mlx:b=4,g=32", "kivi2", "int:b=3,per=channel,asym"]
            .map(|name| format!("hadamard+{name}")),
    );
    names.extend(["turbo4", "turbo3", "turbo2"].map(str::to_owned));
    names
}

/// Cache-like values of any type: a wave with outliers.
fn wave(shape: Shape, dtype: Dtype) -> Tensor {
    let values = (0..shape.elements().unwrap() as u32).map(|i| {
        let outlier = if i % 61 == 7 { 9.0 } else { 1.0 };
        (i as f32 * 0.37).sin() * outlier * (1.0 + (i / 192) as f32 * 0.1)
    });
    let bytes = values
        .flat_map(|value| match dtype {
            Dtype::F16 => kvlens::tensor::f32_to_f16(value).to_le_bytes().to_vec(),
            Dtype::Bf16 => kvlens::tensor::f32_to_bf16(value).to_le_bytes().to_vec(),
            _ => value.to_le_bytes().to_vec(),
        })
        .collect();
    Tensor::new(dtype, shape, bytes).unwrap()
}

#[test]
fn stored_bytes_have_the_values_and_the_size_reported_to_a_search() {
    let shape = Shape {
        seq_len: 43,
        ..SHAPE
    };
    for dtype in [Dtype::F16, Dtype::Bf16, Dtype::F32] {
        let tensor = wave(shape, dtype);
        for name in all_schemes() {
            let scheme: Scheme = name.parse().unwrap();
            assert_eq!(scheme.to_string(), name);
            for kv in [Kv::K, Kv::V] {
                for (sinks, recent) in [(0, 0), (4, 5)] {
                    let recipe = Recipe {
                        scheme: scheme.clone(),
                        sinks,
                        recent,
                    };
                    let about = about(kv, shape, dtype);
                    let stored = recipe.encode(&tensor, &about);
                    let restored = recipe.restore(&tensor.values(), &about);
                    assert_eq!(stored.len() as u64, restored.bytes, "{name}");
                    let back = recipe.decode(&stored, &about).unwrap();
                    let same = back
                        .values()
                        .iter()
                        .zip(&restored.values)
                        .all(|(a, b)| a.to_bits() == b.to_bits());
                    assert!(same, "{name} of {dtype:?}");
                    let kept = (sinks as usize * 192).min(tensor.len());
                    assert_eq!(back.values()[..kept], tensor.values()[..kept], "{name}");
                }
            }
        }
    }
}

#[test]
fn finer_codes_come_closer() {
    let tensor = wave(SHAPE, Dtype::F32);
    let about = about(Kv::V, SHAPE, Dtype::F32);
    let error = |name: &str| {
        let scheme: Scheme = name.parse().unwrap();
        let values = scheme.restore(&tensor.values(), &about).values;
        let square: f32 = values
            .iter()
            .zip(tensor.values())
            .map(|(a, b)| (a - b) * (a - b))
            .sum();
        square / tensor.values().iter().map(|x| x * x).sum::<f32>()
    };
    for ladder in [
        vec!["q8_0", "q5_1", "q4_1"],
        vec![
            "mlx:b=8,g=32",
            "mlx:b=6,g=32",
            "mlx:b=4,g=32",
            "mlx:b=2,g=32",
        ],
        vec![
            "int:b=8,per=tensor,sym",
            "int:b=6,per=tensor,sym",
            "int:b=4,per=tensor,sym",
        ],
        vec!["turbo4", "turbo3", "turbo2"],
        vec!["fp8_e4m3:scale=head", "fp8_e5m2:scale=head"],
        vec!["hadamard+q4_0", "q4_0"],
    ] {
        let errors: Vec<f32> = ladder.iter().map(|name| error(name)).collect();
        assert!(errors.is_sorted(), "{ladder:?}: {errors:?}");
        assert!(errors[0] < 0.1, "{ladder:?}: {errors:?}");
    }
}

#[test]
fn wrong_lengths_and_foreign_bytes_are_errors_or_values_but_no_panics() {
    let tensor = wave(SHAPE, Dtype::F16);
    let about = about(Kv::K, SHAPE, Dtype::F16);
    for name in all_schemes() {
        let scheme: Scheme = name.parse().unwrap();
        let stored = scheme.encode(&tensor, &about);
        assert!(scheme.decode(&stored[1..], &about).is_err(), "{name}");
        assert!(
            scheme
                .decode(&[&stored[..], &[0]].concat(), &about)
                .is_err(),
            "{name}"
        );
        assert!(
            scheme.decode(&vec![0xff; stored.len()], &about).is_ok(),
            "{name}"
        );
    }
}

#[test]
fn formats_that_do_not_fit_a_head_say_so() {
    let odd = Shape {
        head_dim: 80,
        ..SHAPE
    };
    let unfit = |name: &str| {
        let scheme: Scheme = name.parse().unwrap();
        scheme
            .unfit(&about(Kv::K, odd, Dtype::F16))
            .map(|why| why.to_string())
    };
    assert_eq!(
        unfit("q8_0").unwrap(),
        "head_dim 80 is not a multiple of its group size 32"
    );
    assert_eq!(
        unfit("turbo4").unwrap(),
        "head_dim 80 is not a power of two, which its Hadamard transform needs"
    );
    assert_eq!(unfit("nvfp4"), None);
    assert_eq!(unfit("kivi4"), None);
}

#[test]
fn unknown_names_are_answered_with_the_known_ones() {
    let error = |name: &str| name.parse::<Scheme>().unwrap_err().to_string();
    assert!(error("q9_0").starts_with("\"q9_0\" is not a scheme; the schemes are: raw; q8_0"));
    assert_eq!(
        error("mlx:b=7"),
        "mlx: \"b=7\" is not one of b=8, 6, 5, 4, 3, 2"
    );
    assert_eq!(
        error("q8_0:b=4"),
        "q8_0: \"b\" is not an option of this scheme"
    );
    assert_eq!(
        error("int:b=4,b=5"),
        "int: \"b=5\" is not an option that may be repeated"
    );
    assert_eq!(
        error("tkc:c=1,interleaved"),
        "tkc: \"interleaved\" is not of use without a theta, as in rope=10000"
    );
    assert!("tkc:c=1,interleaved,rope=10000".parse::<Scheme>().is_ok());
    assert!(error("hadamard+turbo4").starts_with("\"hadamard+turbo4\" is not a scheme"));
}
