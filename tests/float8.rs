//! float8 tensors: one plane, exact round trips, and lossy values that are stored in the type again.

use kvlens::codec::{Mode, Planes, decode, encode, join, split};
use kvlens::lossy::{Blocks, Clipping, clip, quantize, truncate};
use kvlens::metrics::errors;
use kvlens::scheme::{About, Scheme};
use kvlens::tensor::{Dtype, Kv, Shape, Tensor, e4m3_to_f32, f32_to_e4m3};

const SHAPE: Shape = Shape {
    seq_len: 16,
    kv_heads: 2,
    head_dim: 32,
};

/// Every code, in an order that compresses badly.
fn every_code(dtype: Dtype) -> Tensor {
    let bytes = (0..SHAPE.elements().unwrap()).map(|i| (i * 37 % 256) as u8);
    Tensor::new(dtype, SHAPE, bytes.collect()).unwrap()
}

/// Values of the kind that a cache holds.
fn usual(dtype: Dtype) -> Tensor {
    let mut tensor = every_code(dtype);
    let bytes = (0..tensor.len()).map(|i| f32_to_e4m3((i as f32 * 0.7).sin() * 20.0));
    if dtype == Dtype::E4m3 {
        tensor = tensor.with_bytes(bytes.collect());
    } else {
        tensor = tensor.with_bytes((0..tensor.len()).map(|i| (i * 5 % 0x7c) as u8).collect());
    }
    tensor
}

#[test]
fn every_code_can_be_read_back_in_every_mode() {
    for dtype in [Dtype::E4m3, Dtype::E5m2] {
        let tensor = every_code(dtype);
        for mode in [Mode::Zstd, Mode::Gear, Mode::GearDelta] {
            let frames = encode(&tensor, mode, 3);
            assert!(matches!(frames, Planes::Whole(_)), "one stream");
            assert_eq!(decode(&frames, mode, dtype, SHAPE).unwrap(), tensor.bytes());
        }
        let (hi, lo) = split(&tensor);
        assert_eq!((hi.as_slice(), lo.len()), (tensor.bytes(), 0));
        assert_eq!(join(dtype, &hi, &lo), tensor.bytes());
    }
}

#[test]
fn special_values_are_counted_and_survive_truncation() {
    for (dtype, special) in [(Dtype::E4m3, 2), (Dtype::E5m2, 8)] {
        let tensor = every_code(dtype);
        let times = tensor.len() as u64 / 256;
        assert_eq!(tensor.non_finite(), special * times);
        for bits in 0..4 {
            assert_eq!(
                truncate(&tensor, bits).non_finite(),
                special * times,
                "{dtype:?} {bits}"
            );
        }
        assert_eq!(truncate(&tensor, dtype.mantissa_bits()), tensor);
    }
}

#[test]
fn truncation_drops_the_last_mantissa_bits() {
    let tensor = usual(Dtype::E4m3);
    let cut = truncate(&tensor, 1);
    for (cut, &bits) in cut.values().iter().zip(tensor.bytes()) {
        assert_eq!(*cut, e4m3_to_f32(bits & !0b11));
    }
}

#[test]
fn lossy_values_are_values_of_the_type_and_few_bits_are_worse_than_many() {
    for dtype in [Dtype::E4m3, Dtype::E5m2] {
        let tensor = usual(dtype);
        let mae = |values: &Tensor| errors(&tensor, [values].as_slice())[0].mae;
        let [coarse, fine] = [3, 12].map(|bits| quantize(&tensor, bits));
        assert!(mae(&fine) < mae(&coarse), "{dtype:?}");
        assert_eq!(fine.dtype(), dtype);
        // The scale is the largest magnitude, which is restored exactly.
        let largest = |tensor: &Tensor| {
            tensor
                .values()
                .into_iter()
                .map(f32::abs)
                .fold(0.0, f32::max)
        };
        assert_eq!(largest(&coarse), largest(&tensor));
        let clipped = clip(&tensor, Clipping::Percentiles(10.0, 90.0));
        assert!(largest(&clipped) <= largest(&tensor) && mae(&clipped) > 0.0);
        let stored = Blocks::new(&tensor, 16).store(&tensor, 8);
        assert!(stored.values().iter().all(|value| value.abs() <= 1.0));
    }
}

/// Engines scale values so that the largest magnitude is the type's; float8 has no infinity, or one, beyond it.
#[test]
fn values_at_the_edge_of_the_range_come_back_finite_from_every_kind_of_scheme() {
    for (dtype, most) in [(Dtype::E4m3, 0x7e), (Dtype::E5m2, 0x7b)] {
        let usual = usual(dtype);
        let mut bytes = usual.bytes().to_vec();
        for (index, byte) in bytes.iter_mut().enumerate().step_by(3) {
            *byte = most | ((index & 1) << 7) as u8;
        }
        let tensor = usual.with_bytes(bytes);
        let about = About {
            kv: Kv::K,
            position: 0,
            shape: SHAPE,
            dtype,
        };
        for name in [
            "mlx:b=4,g=32",
            "q4_0",
            "turbo4",
            "int:b=2,per=token_head,asym",
            "tkc:c=0.5",
        ] {
            let scheme: Scheme = name.parse().unwrap();
            let restored = scheme
                .decode(&scheme.encode(&tensor, &about), &about)
                .unwrap();
            assert_eq!(restored.non_finite(), 0, "{dtype:?} {name}");
        }
    }
}
