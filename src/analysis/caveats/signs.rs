//! Signs in a capture's values that make its ratio misleading: tokens that were never written, a narrower type stored in a wider one, heads
//! that repeat. Each check ends at the first value that contradicts it, so that ordinary captures cost next to nothing.

use crate::tensor::{Dtype, Tensor, f16_to_f32, f32_to_f16};

/// Signs in one tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TensorSigns {
    /// Number of tokens at the end whose values are all zero.
    pub zero_tail: usize,
    /// Whether the values are 32 bits wide and all exact in bf16: their low 16 bits are zero.
    pub is_bf16: bool,
    /// Whether the values are 32 bits wide and all exact in fp16.
    pub is_fp16: bool,
    /// Length of the runs of neighbouring heads with the same bits, where all heads fall into such runs; 1 where none repeat.
    pub repeats: usize,
    /// Whether all values have the same bits.
    pub constant: bool,
    /// Number of NaN values.
    pub nan: u64,
    /// Number of infinite values.
    pub infinite: u64,
}

/// Signs in a capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signs {
    /// Signs in K.
    pub k: TensorSigns,
    /// Signs in V.
    pub v: TensorSigns,
    /// Whether K and V hold the same bits.
    pub equal: bool,
}

impl Signs {
    /// Examines both tensors.
    pub fn of(k: &Tensor, v: &Tensor) -> Self {
        Self {
            k: TensorSigns::of(k),
            v: TensorSigns::of(v),
            equal: !k.is_empty() && k.shape() == v.shape() && k.bytes() == v.bytes(),
        }
    }

    /// Number of tokens at the end that are zero in both K and V.
    pub fn zero_tail(&self) -> usize {
        self.k.zero_tail.min(self.v.zero_tail)
    }

    /// Length of the runs of equal neighbouring heads, in both K and V.
    pub fn repeats(&self) -> usize {
        greatest_common_divisor(self.k.repeats, self.v.repeats)
    }

    /// Whether the values are 32 bits wide and all exact in `dtype`.
    pub fn fits(&self, dtype: Dtype) -> bool {
        match dtype {
            Dtype::Bf16 => self.k.is_bf16 && self.v.is_bf16,
            Dtype::F16 => self.k.is_fp16 && self.v.is_fp16,
            _ => false,
        }
    }
}

impl TensorSigns {
    /// Examines one tensor.
    pub fn of(tensor: &Tensor) -> Self {
        let (nan, infinite) = not_finite(tensor);
        Self {
            zero_tail: zero_tail(tensor),
            is_bf16: all_words(tensor, is_bf16),
            is_fp16: all_words(tensor, is_fp16),
            repeats: repeats(tensor),
            constant: constant(tensor),
            nan,
            infinite,
        }
    }
}

fn zero_tail(tensor: &Tensor) -> usize {
    let size = tensor.shape().token_elements() * tensor.dtype().size();
    if size == 0 {
        return 0;
    }
    // Negative zero does not count: memory that was never written is positive zero.
    tensor
        .bytes()
        .rchunks_exact(size)
        .take_while(|token| token.iter().all(|&byte| byte == 0))
        .count()
}

/// Whether the values are 32 bits wide and `is` holds for the bits of each.
fn all_words(tensor: &Tensor, is: fn(u32) -> bool) -> bool {
    let words = tensor.bytes().as_chunks::<4>().0.iter();
    tensor.dtype() == Dtype::F32
        && !tensor.is_empty()
        && words.map(|bytes| u32::from_le_bytes(*bytes)).all(is)
}

fn is_bf16(bits: u32) -> bool {
    bits & 0xffff == 0
}

fn is_fp16(bits: u32) -> bool {
    // The low bits settle it for most values that are not fp16.
    bits & 0x1fff == 0 && f16_to_f32(f32_to_f16(f32::from_bits(bits))).to_bits() == bits
}

/// Length of the longest runs of equal heads that all heads divide into.
fn repeats(tensor: &Tensor) -> usize {
    let shape = tensor.shape();
    if tensor.is_empty() {
        return 1;
    }
    let head = shape.head_dim * tensor.dtype().size();
    let same = |group: usize| {
        tensor.bytes().chunks_exact(group * head).all(|heads| {
            let first = &heads[..head];
            heads.chunks_exact(head).skip(1).all(|other| other == first)
        })
    };
    // Heads that are all zero, or all one value, are equal for another reason.
    if constant(tensor) {
        return 1;
    }
    (2..=shape.kv_heads)
        .rev()
        .filter(|group| shape.kv_heads.is_multiple_of(*group))
        .find(|&group| same(group))
        .unwrap_or(1)
}

fn constant(tensor: &Tensor) -> bool {
    let size = tensor.dtype().size();
    let mut values = tensor.bytes().chunks_exact(size);
    values
        .next()
        .is_some_and(|first| values.all(|value| value == first))
}

/// Numbers of NaN and of infinite values.
fn not_finite(tensor: &Tensor) -> (u64, u64) {
    let all = tensor.non_finite();
    if all == 0 {
        return (0, 0);
    }
    let nan = tensor
        .values()
        .iter()
        .filter(|value| value.is_nan())
        .count() as u64;
    (nan, all.saturating_sub(nan))
}

fn greatest_common_divisor(mut a: usize, mut b: usize) -> usize {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Shape;

    fn tensor(dtype: Dtype, shape: [usize; 3], values: &[f32]) -> Tensor {
        let [seq_len, kv_heads, head_dim] = shape;
        let bytes = values.iter().flat_map(|value| match dtype {
            Dtype::F16 => f32_to_f16(*value).to_le_bytes().to_vec(),
            _ => value.to_le_bytes().to_vec(),
        });
        let shape = Shape {
            seq_len,
            kv_heads,
            head_dim,
        };
        Tensor::new(dtype, shape, bytes.collect()).unwrap()
    }

    #[test]
    fn ordinary_values_show_nothing() {
        let values: Vec<f32> = (0..24).map(|at| (at as f32 * 0.37).sin()).collect();
        for dtype in [Dtype::F16, Dtype::F32] {
            let signs = TensorSigns::of(&tensor(dtype, [3, 2, 4], &values));
            let expected = TensorSigns {
                repeats: 1,
                ..TensorSigns::default()
            };
            assert_eq!(signs, expected);
        }
    }

    #[test]
    fn only_zeros_at_the_end_count() {
        let zeros =
            |values: &[f32]| TensorSigns::of(&tensor(Dtype::F16, [4, 1, 2], values)).zero_tail;
        assert_eq!(zeros(&[0., 0., 1., 2., 0., 0., 0., 0.]), 2);
        assert_eq!(zeros(&[0., 0., 1., 2., 0., 0., 0., 1.]), 0);
        assert_eq!(zeros(&[0.; 8]), 4);
    }

    #[test]
    fn narrower_types_are_told_by_every_value() {
        let signs = |values: &[f32]| TensorSigns::of(&tensor(Dtype::F32, [1, 1, 2], values));
        let both = signs(&[1.0, -0.5]);
        assert!(both.is_bf16 && both.is_fp16);
        let bf16 = signs(&[
            1.0,
            1e30_f32.to_bits().wrapping_shr(16).wrapping_shl(16) as f32,
        ]);
        assert!(!bf16.is_fp16);
        let fp16 = signs(&[1.0, 1.0 + 1.0 / 1024.0]);
        assert!(fp16.is_fp16 && !fp16.is_bf16);
        let single = signs(&[1.0, 0.1]);
        assert!(!single.is_fp16 && !single.is_bf16);
    }

    #[test]
    fn heads_repeat_only_if_all_of_them_do() {
        let repeats =
            |values: &[f32]| TensorSigns::of(&tensor(Dtype::F16, [1, 4, 1], values)).repeats;
        assert_eq!(repeats(&[1., 1., 2., 2.]), 2);
        assert_eq!(repeats(&[1., 1., 2., 3.]), 1);
        assert_eq!(repeats(&[1., 2., 1., 2.]), 1, "tiled, not repeated");
        assert_eq!(repeats(&[1., 1., 1., 1.]), 1, "constant");
        let two = tensor(Dtype::F16, [2, 4, 1], &[1., 1., 1., 1., 2., 2., 2., 2.]);
        assert_eq!(TensorSigns::of(&two).repeats, 4);
    }

    #[test]
    fn nan_and_infinity_are_told_apart() {
        let values = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.0];
        let signs = TensorSigns::of(&tensor(Dtype::F16, [2, 1, 2], &values));
        assert_eq!((signs.nan, signs.infinite), (1, 2));
    }
}
