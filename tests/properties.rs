//! Properties that hold for any tensor: codecs restore the same bits, lossy values stay within their bounds.

use kvlens::codec::{Mode, Planes, compressed_sizes, decode, delta, encode, undelta};
use kvlens::lossy::{Blocks, Clipping, clip, quantize};
use kvlens::metrics::errors;
use kvlens::tensor::{Dtype, Shape, Tensor};
use proptest::prelude::*;

/// Arbitrary bits of any dtype, in a small shape.
fn tensor() -> impl Strategy<Value = Tensor> {
    let dtype = prop_oneof![Just(Dtype::F16), Just(Dtype::Bf16), Just(Dtype::F32)];
    (dtype, 0..12_usize, 0..4_usize, 0..40_usize).prop_flat_map(
        |(dtype, seq_len, kv_heads, head_dim)| {
            let shape = Shape {
                seq_len,
                kv_heads,
                head_dim,
            };
            let bytes = prop::collection::vec(any::<u8>(), shape.bytes(dtype).unwrap());
            bytes.prop_map(move |bytes| Tensor::new(dtype, shape, bytes).unwrap())
        },
    )
}

/// Finite values of moderate size.
fn moderate() -> impl Strategy<Value = Tensor> {
    tensor().prop_map(|tensor| {
        let mut bytes = tensor.bytes().to_vec();
        // Exponents of 8 to 23 in fp16, so that there is neither NaN nor overflow; the sign stays.
        for element in bytes.as_chunks_mut::<2>().0 {
            element[1] = element[1] & 0xbf | 0x20;
        }
        let shape = tensor.shape();
        let half = shape.bytes(Dtype::F16).unwrap();
        bytes.truncate(half);
        Tensor::new(Dtype::F16, shape, bytes).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_codec_round_trips_bit_for_bit(tensor in tensor(), level in prop_oneof![Just(-5), 1..=9]) {
        for mode in [Mode::Zstd, Mode::Gear, Mode::GearDelta] {
            let frames = encode(&tensor, mode, level);
            let decoded = decode(&frames, mode, tensor.dtype(), tensor.shape());
            prop_assert_eq!(decoded.as_deref(), Ok(tensor.bytes()));
            let sizes = match frames {
                Planes::Whole(frame) => Planes::Whole(frame.len() as u64),
                Planes::Split { hi, lo } => Planes::Split { hi: hi.len() as u64, lo: lo.len() as u64 },
            };
            prop_assert_eq!(compressed_sizes(&tensor, mode, level), sizes);
        }
    }

    #[test]
    fn a_damaged_frame_does_not_panic(tensor in tensor(), place in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        prop_assume!(!tensor.is_empty());
        let Planes::Whole(mut frame) = encode(&tensor, Mode::Zstd, 3) else { unreachable!() };
        let place = place.index(frame.len());
        frame[place] ^= flip;
        // The damage may be in a bit that means nothing.
        let _ = decode(&Planes::Whole(frame), Mode::Zstd, tensor.dtype(), tensor.shape());
    }

    #[test]
    fn undelta_undoes_delta(tensor in tensor()) {
        let mut plane = tensor.bytes()[..tensor.bytes().len() / 2].to_vec();
        let before = plane.clone();
        delta(&mut plane, tensor.dtype(), tensor.shape());
        undelta(&mut plane, tensor.dtype(), tensor.shape());
        prop_assert_eq!(plane, before);
    }

    #[test]
    fn quantized_values_are_within_half_a_step(tensor in moderate(), bits in 2..=10_u32) {
        let values = tensor.values();
        let largest = values.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
        let step = largest / ((1 << (bits - 1)) - 1) as f32;
        for (value, quantized) in values.iter().zip(quantize(&tensor, bits).values()) {
            // Half a step, and the rounding to fp16.
            prop_assert!((value - quantized).abs() <= step * 0.5001 + largest / 2048.0);
        }
    }

    #[test]
    fn values_beyond_the_percentiles_are_clipped_to_them_and_no_others(tensor in moderate(), lower in 0.0..50.0_f64, upper in 50.0..100.0_f64) {
        prop_assume!(!tensor.is_empty());
        let clipped = clip(&tensor, Clipping::Percentiles(lower, upper)).values();
        let mut sorted = tensor.values();
        sorted.sort_by(f32::total_cmp);
        let least = clipped.iter().copied().fold(f32::INFINITY, f32::min);
        let most = clipped.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        for (before, after) in tensor.values().iter().zip(&clipped) {
            prop_assert_eq!(*after, before.clamp(least, most));
        }
        // A percentile lies between the values on its two sides.
        let place = |percent: f64| (percent / 100.0 * (sorted.len() - 1) as f64) as usize;
        prop_assert!(sorted[place(lower)] <= least);
        prop_assert!(most <= sorted[(place(upper) + 1).min(sorted.len() - 1)]);
        let same = clip(&tensor, Clipping::Percentiles(0.0, 100.0));
        prop_assert_eq!(same.values(), tensor.values());
    }

    #[test]
    fn stored_blocks_lie_between_minus_one_and_one(tensor in moderate(), size in 1..50_usize, bits in 2..=12_u32) {
        let blocks = Blocks::new(&tensor, size);
        let stored = blocks.store(&tensor, bits);
        prop_assert!(stored.values().iter().all(|value| value.abs() <= 1.0));
        let mut restored = vec![0.0; tensor.len()];
        blocks.restore(&blocks.stored_scales(false, &[]), 0, &stored.values(), &mut restored);
        let largest = tensor.values().iter().fold(0.0_f32, |max, value| max.max(value.abs()));
        let step = largest / ((1 << (bits - 1)) - 1) as f32;
        for (value, restored) in tensor.values().iter().zip(restored) {
            prop_assert!((value - restored).abs() <= step * 0.5001 + largest / 2048.0);
        }
    }

    #[test]
    fn a_tensor_has_no_error_against_itself(tensor in moderate()) {
        let errors = errors(&tensor, [&tensor].as_slice())[0];
        prop_assert_eq!((errors.mae, errors.rmse, errors.max_abs), (0.0, 0.0, 0.0));
        prop_assert!(tensor.is_empty() || (errors.cosine - 1.0).abs() < 1e-6);
    }
}
