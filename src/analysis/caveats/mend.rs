//! Corrections ("mends") of captures: each is a setting that is off by default, and changes only what it names.

use super::signs::Signs;
use crate::tensor::{Dtype, Shape, Tensor, f32_to_bf16, f32_to_f16};

/// The corrections that are on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mends {
    /// Leave out tokens at the end whose K and V are all zero (`--trim-zeros`).
    pub trim_zeros: bool,
    /// Take 32-bit values as this type, where it holds all of a capture's values exactly (`--as`).
    pub narrow_to: Option<Dtype>,
    /// Keep one of heads that repeat bit by bit (`--unrepeat-heads`).
    pub unrepeat_heads: bool,
}

impl Mends {
    /// Whether all are off.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// K and V as they are to be measured, with the corrections that are on.
    pub fn apply(&self, signs: &Signs, k: Tensor, v: Tensor) -> (Tensor, Tensor) {
        let (mut k, mut v) = (k, v);
        // A capture of zeros alone is left as it is: otherwise no token would remain.
        if self.trim_zeros && (1..k.shape().seq_len).contains(&signs.zero_tail()) {
            let tokens = k.shape().seq_len - signs.zero_tail();
            (k, v) = (first_tokens(&k, tokens), first_tokens(&v, tokens));
        }
        if self.unrepeat_heads && signs.repeats() > 1 {
            (k, v) = (
                every_head(&k, signs.repeats()),
                every_head(&v, signs.repeats()),
            );
        }
        if let Some(dtype) = self.narrow_to
            && signs.fits(dtype)
        {
            (k, v) = (narrow(&k, dtype), narrow(&v, dtype));
        }
        (k, v)
    }
}

/// A tensor of `bytes`, whose number must match the shape.
fn tensor(dtype: Dtype, shape: Shape, bytes: Vec<u8>) -> Tensor {
    match Tensor::new(dtype, shape, bytes) {
        Ok(tensor) => tensor,
        Err(error) => unreachable!("a part of a tensor: {error}"),
    }
}

fn first_tokens(whole: &Tensor, tokens: usize) -> Tensor {
    let size = whole.shape().token_elements() * whole.dtype().size();
    let shape = Shape {
        seq_len: tokens,
        ..whole.shape()
    };
    tensor(
        whole.dtype(),
        shape,
        whole.bytes()[..tokens * size].to_vec(),
    )
}

fn every_head(whole: &Tensor, step: usize) -> Tensor {
    let head = whole.shape().head_dim * whole.dtype().size();
    let shape = Shape {
        kv_heads: whole.shape().kv_heads / step,
        ..whole.shape()
    };
    let bytes = whole
        .bytes()
        .chunks_exact(head * step)
        .flat_map(|heads| &heads[..head])
        .copied()
        .collect();
    tensor(whole.dtype(), shape, bytes)
}

fn narrow(whole: &Tensor, dtype: Dtype) -> Tensor {
    let half = if dtype == Dtype::F16 {
        f32_to_f16
    } else {
        f32_to_bf16
    };
    let bytes = whole
        .values()
        .into_iter()
        .flat_map(|value| half(value).to_le_bytes())
        .collect();
    tensor(dtype, whole.shape(), bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Tensor {
        // Three tokens of four heads in pairs, the last token zero.
        let values = [
            1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 0.0, 0.0, 0.0, 0.0_f32,
        ];
        let bytes = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let shape = Shape {
            seq_len: 3,
            kv_heads: 4,
            head_dim: 1,
        };
        tensor(Dtype::F32, shape, bytes)
    }

    fn mended(mends: Mends) -> Tensor {
        let (k, v) = (whole(), whole());
        let signs = Signs::of(&k, &v);
        let (k, v) = mends.apply(&signs, k, v);
        assert_eq!(k, v);
        k
    }

    #[test]
    fn each_mend_changes_what_it_names_and_nothing_else() {
        assert_eq!(mended(Mends::default()), whole());
        let trimmed = mended(Mends {
            trim_zeros: true,
            ..Mends::default()
        });
        assert_eq!(trimmed.shape().seq_len, 2);
        assert_eq!(trimmed.values(), whole().values()[..8]);
        let heads = mended(Mends {
            unrepeat_heads: true,
            ..Mends::default()
        });
        assert_eq!(heads.values(), [1.0, 2.0, 3.0, 4.0, 0.0, 0.0]);
        for dtype in [Dtype::Bf16, Dtype::F16] {
            let narrow = mended(Mends {
                narrow_to: Some(dtype),
                ..Mends::default()
            });
            assert_eq!(narrow.dtype(), dtype);
            assert_eq!(narrow.values(), whole().values());
        }
    }

    #[test]
    fn values_that_do_not_fit_stay_as_they_are() {
        let bytes = 0.1_f32.to_le_bytes().to_vec();
        let shape = Shape {
            seq_len: 1,
            kv_heads: 1,
            head_dim: 1,
        };
        let one = tensor(Dtype::F32, shape, bytes);
        let mends = Mends {
            narrow_to: Some(Dtype::Bf16),
            ..Mends::default()
        };
        let signs = Signs::of(&one, &one);
        assert_eq!(mends.apply(&signs, one.clone(), one.clone()).0, one);
    }
}
