//! bf16 behaves as fp16 everywhere, with its own mantissa (7 bits) and rounding (nearest even). The formulas are
//! implemented again here, value by value.

use std::sync::Arc;

use kvlens::analysis::{Job, Report};
use kvlens::codec;
use kvlens::dump::{Dump, MemorySource, ScanOptions, Source, scan};
use kvlens::lossy::{Blocks, Clipping, clip, quantize, truncate};
use kvlens::tensor::{Dtype, Shape, Tensor, bf16_to_f32, f32_to_bf16};

/// Rounds to nearest even by comparing both neighbours in f64, which represents all of them exactly.
fn nearest(value: f32) -> u16 {
    let below = (value.to_bits() >> 16) as u16;
    let of = |bits: u16| f64::from(f32::from_bits(u32::from(bits) << 16));
    let (down, up) = (
        f64::from(value) - of(below),
        of(below + 1) - f64::from(value),
    );
    match down.abs().total_cmp(&up.abs()) {
        std::cmp::Ordering::Less => below,
        std::cmp::Ordering::Greater => below + 1,
        std::cmp::Ordering::Equal => below + (below & 1),
    }
}

fn pseudo_random(seed: u32) -> impl Iterator<Item = u32> {
    let mut state = seed;
    std::iter::from_fn(move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        Some(state)
    })
}

/// Values of an ordinary range: exponents 2^-8 to 2^7.
fn sample() -> Tensor {
    let shape = Shape {
        seq_len: 7,
        kv_heads: 2,
        head_dim: 24,
    };
    let bits = pseudo_random(1)
        .take(7 * 2 * 24)
        .map(|bits| (bits as u16 & 0x807f) | ((119 + (bits >> 16) as u16 % 16) << 7));
    Tensor::new(
        Dtype::Bf16,
        shape,
        bits.flat_map(u16::to_le_bytes).collect(),
    )
    .unwrap()
}

fn bits(tensor: &Tensor) -> Vec<u16> {
    tensor
        .bytes()
        .chunks_exact(2)
        .map(|two| u16::from_le_bytes([two[0], two[1]]))
        .collect()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    bits(tensor)
        .into_iter()
        .map(|bits| f32::from_bits(u32::from(bits) << 16))
        .collect()
}

#[test]
fn widening_is_exact_and_narrowing_rounds_to_nearest_even() {
    for bits in 0..=u16::MAX {
        let value = bf16_to_f32(bits);
        assert_eq!(value.to_bits(), u32::from(bits) << 16);
        if value.is_nan() {
            assert!(bf16_to_f32(f32_to_bf16(value)).is_nan());
        } else {
            assert_eq!(f32_to_bf16(value), bits);
        }
    }
    for bits in pseudo_random(7).take(200_000) {
        let value = f32::from_bits(bits);
        if value.is_finite() && value.abs() < 3e38 {
            assert_eq!(f32_to_bf16(value), nearest(value), "{value:e}");
        }
    }
    // Ties between two neighbours go to the even one.
    for (bits, expected) in [
        (0x3f80_8000_u32, 0x3f80),
        (0x3f81_8000, 0x3f82),
        (0x3f80_8001, 0x3f81),
        (0x7f7f_ffff, 0x7f80),
    ] {
        assert_eq!(f32_to_bf16(f32::from_bits(bits)), expected);
    }
}

#[test]
fn truncation_keeps_up_to_seven_mantissa_bits() {
    let all: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
    let shape = Shape {
        seq_len: 1 << 16,
        kv_heads: 1,
        head_dim: 1,
    };
    let tensor = Tensor::new(Dtype::Bf16, shape, all).unwrap();
    for keep in 0..=9 {
        let mask = 0xff80_u16 | (0x7f_u16 << (7 - keep.min(7)) & 0x7f);
        let expected: Vec<u16> = (0..=u16::MAX).map(|bits| bits & mask).collect();
        assert_eq!(bits(&truncate(&tensor, keep)), expected, "{keep} bits");
    }
}

#[test]
fn quantizing_rounds_to_bf16() {
    let tensor = sample();
    for step_bits in [2, 4, 8, 12] {
        let largest = values(&tensor)
            .into_iter()
            .fold(0.0_f32, |max, value| max.max(value.abs()));
        let limit = ((1 << (step_bits - 1)) - 1) as f32;
        let scale = (f64::from(largest) / f64::from(limit)) as f32;
        let step =
            |value: f32| nearest((value / scale).round_ties_even().clamp(-limit, limit) * scale);
        let expected: Vec<u16> = values(&tensor).into_iter().map(step).collect();
        assert_eq!(
            bits(&quantize(&tensor, step_bits)),
            expected,
            "{step_bits} bits"
        );
    }
}

#[test]
fn clipping_clips_to_bounds_of_bf16() {
    let tensor = sample();
    let mut sorted = values(&tensor);
    sorted.sort_by(f32::total_cmp);
    let percentile = |percent: f64| {
        let place = (sorted.len() - 1) as f64 * (percent / 100.0);
        let (at, part) = (place.floor() as usize, place - place.floor());
        let (low, high) = (sorted[at], sorted[(at + 1).min(sorted.len() - 1)]);
        if part < 0.5 {
            low + (high - low) * part as f32
        } else {
            high - (high - low) * (1.0 - part) as f32
        }
    };
    let (low, high) = (percentile(3.0), percentile(96.5));
    let (low, high) = (bf16_to_f32(nearest(low)), bf16_to_f32(nearest(high)));
    let expected: Vec<u16> = values(&tensor)
        .into_iter()
        .map(|value| nearest(value.clamp(low, high)))
        .collect();
    assert_eq!(
        bits(&clip(&tensor, Clipping::Percentiles(3.0, 96.5))),
        expected
    );

    let clipped = values(&clip(&tensor, Clipping::Sigma(1.0)));
    let changed = clipped
        .iter()
        .zip(values(&tensor))
        .filter(|(clipped, value)| *clipped != value)
        .count();
    assert!(changed > 0 && changed < clipped.len() / 2, "{changed}");
}

#[test]
fn blocks_are_stored_in_bf16() {
    let tensor = sample();
    let stored = Blocks::new(&tensor, 10).store(&tensor, 6);
    assert_eq!(stored.dtype(), Dtype::Bf16);
    let limit = 31.0_f32;
    let mut expected = Vec::new();
    for vector in values(&tensor).chunks(24) {
        for block in vector.chunks(10) {
            let scale = block
                .iter()
                .fold(0.0_f32, |max, value| max.max(value.abs()));
            let step = |value: &f32| {
                nearest(
                    ((value / scale) * limit)
                        .round_ties_even()
                        .clamp(-limit, limit)
                        / limit,
                )
            };
            expected.extend(block.iter().map(step));
        }
    }
    assert_eq!(bits(&stored), expected);
}

#[test]
fn gear_separates_the_byte_with_the_exponent() {
    let tensor = sample();
    let planes = codec::encode(&tensor, codec::Mode::Gear, 3);
    let decoded = codec::decode(&planes, codec::Mode::Gear, Dtype::Bf16, tensor.shape()).unwrap();
    assert_eq!(decoded, tensor.bytes());
    let high: Vec<u8> = tensor.bytes().chunks_exact(2).map(|two| two[1]).collect();
    let codec::Planes::Split { hi, .. } = planes else {
        panic!("gear gives two planes")
    };
    assert_eq!(hi, codec::zstd::compress(&high, 3));
}

fn dump(dtype: &str) -> Dump {
    let tensor = sample();
    let mut files = Vec::new();
    for layer in 0..4 {
        let meta = format!(
            r#"{{"layer_id":{layer},"seq_len":7,"kv_heads":2,"head_dim":24,"bytes_per_elem":2,"dtype":"{dtype}","stage":"prefill",
                "run_id":"r","k_file":"k.bin","v_file":"v.bin"}}"#
        );
        let named = [
            ("meta_t0_7.json", meta.as_bytes()),
            ("k.bin", tensor.bytes()),
            ("v.bin", tensor.bytes()),
        ];
        files
            .extend(named.map(|(name, bytes)| (format!("r/layer_{layer}/{name}"), bytes.to_vec())));
    }
    let source: Arc<dyn Source> = Arc::new(MemorySource::new(files));
    scan(&source, &ScanOptions::default())
}

fn report(dump: &Dump, name: &str) -> Report {
    let job = Job::new(name, [("compress-mode", "gear-delta")]).unwrap();
    let report = job.verify(true).folder("out").run(dump).unwrap();
    assert!(report.problems.is_empty());
    report
}

#[test]
fn reports_keep_their_columns_and_name_bf16() {
    for (name, captures) in [
        ("mixed", 4),
        ("blocknorm", 2),
        ("sweep", 2),
        ("lossy-compare", 2),
    ] {
        let (half, brain) = (report(&dump("fp16"), name), report(&dump("bf16"), name));
        assert_eq!(half.files.len(), brain.files.len());
        for (half, brain) in half.files.iter().zip(&brain.files) {
            let first_line = |bytes: &[u8]| {
                String::from_utf8_lossy(bytes)
                    .lines()
                    .next()
                    .map(str::to_owned)
            };
            assert_eq!(
                first_line(&half.bytes),
                first_line(&brain.bytes),
                "{}",
                half.name
            );
            let note = format!("\n## Element type\n- bf16: {captures} of {captures} captures\n");
            assert_eq!(
                brain.bytes.ends_with(note.as_bytes()),
                brain.name.ends_with(".md"),
                "{}",
                brain.name
            );
            assert!(
                !String::from_utf8_lossy(&half.bytes).contains("bf16"),
                "{}",
                half.name
            );
        }
        assert!(
            brain
                .rows
                .iter()
                .all(|row| row.capture.bytes_per_elem == 2 && row.capture.dtype == "bf16")
        );
    }
}
