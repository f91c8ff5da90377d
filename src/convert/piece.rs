//! One capture, cut to the kept tokens and converted.

use super::overflows::Overflows;
use super::target::Target;
use crate::dump::{Bits16, Fetched, Problem};
use crate::tensor::{Dtype, Tensor, f32_to_bf16, f32_to_f16};

/// A capture as it is written: little-endian bytes of K and V, each `[seq_len, kv_heads, head_dim]`.
#[derive(Debug)]
pub(super) struct Piece {
    pub target: Target,
    pub k: Vec<u8>,
    pub v: Vec<u8>,
}

impl Piece {
    pub fn new(target: Target, fetched: Fetched) -> Result<Self, Problem> {
        let loaded = fetched.decode()?;
        let (k, v) = (kept(&target, &loaded.k), kept(&target, &loaded.v));
        Ok(Self { target, k, v })
    }
}

/// Bytes of the tensor's tokens that are kept.
fn kept(target: &Target, tensor: &Tensor) -> Vec<u8> {
    let token = tensor.shape().token_elements() * tensor.dtype().size();
    let bytes = &tensor.bytes()[target.tokens.start * token..target.tokens.end * token];
    convert(tensor.dtype(), target.dtype, bytes, &target.overflows)
}

/// Converts little-endian elements to another type; only fp32 is ever converted.
pub(super) fn convert(from: Dtype, to: Dtype, bytes: &[u8], overflows: &Overflows) -> Vec<u8> {
    match (from, to) {
        (Dtype::F32, Dtype::F16) => narrow(bytes, Bits16::Fp16, overflows),
        (Dtype::F32, Dtype::Bf16) => narrow(bytes, Bits16::Bf16, overflows),
        (from, to) => {
            debug_assert_eq!(from, to);
            bytes.to_vec()
        }
    }
}

/// Rounds fp32 values to nearest, ties to even.
fn narrow(bytes: &[u8], to: Bits16, overflows: &Overflows) -> Vec<u8> {
    let mut too_large = 0;
    let mut round = |bytes: &[u8]| {
        let value = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let (rounded, infinity) = match to {
            Bits16::Fp16 => (f32_to_f16(value), 0x7c00),
            Bits16::Bf16 => (f32_to_bf16(value), 0x7f80),
        };
        too_large += usize::from(value.is_finite() && rounded & 0x7fff == infinity);
        rounded
    };
    let narrowed = bytes
        .chunks_exact(4)
        .flat_map(|bytes| round(bytes).to_le_bytes())
        .collect();
    overflows.add(too_large);
    narrowed
}
