//! Byte planes: the high and low halves of all elements are separated (gear), and the high one is differenced along the
//! tokens (delta). fp16 and bf16 yield planes of bytes, fp32 planes of little-endian u16. float8 has one plane: its
//! elements are not split.

use multiversion::multiversion;

use crate::tensor::{Dtype, Shape, Tensor};

/// High and low halves of every element; for float8 the whole elements, and an empty low plane.
///
/// ```
/// use kvlens::codec::{delta, join, split};
/// use kvlens::tensor::{Dtype, Shape, Tensor};
///
/// let shape = Shape { seq_len: 2, kv_heads: 1, head_dim: 1 };
/// let tensor = Tensor::new(Dtype::F16, shape, vec![0x01, 0x3c, 0x02, 0x3d])?;
/// let (mut hi, lo) = split(&tensor);
/// assert_eq!((hi.as_slice(), lo.as_slice()), ([0x3c, 0x3d].as_slice(), [0x01, 0x02].as_slice()));
/// assert_eq!(join(Dtype::F16, &hi, &lo), tensor.bytes());
/// delta(&mut hi, Dtype::F16, shape);
/// assert_eq!(hi, [0x3c, 0x01]);
/// # Ok::<(), kvlens::tensor::TensorError>(())
/// ```
pub fn split(tensor: &Tensor) -> (Vec<u8>, Vec<u8>) {
    let (mut hi, mut lo) = (Vec::new(), Vec::new());
    split_into(tensor, &mut hi, &mut lo);
    (hi, lo)
}

/// Like [`split`], into buffers whose content is replaced.
pub(super) fn split_into(tensor: &Tensor, hi: &mut Vec<u8>, lo: &mut Vec<u8>) {
    let low_bytes = tensor.len() * (tensor.dtype().size() / 2);
    hi.resize(tensor.bytes().len() - low_bytes, 0);
    lo.resize(low_bytes, 0);
    match tensor.dtype() {
        Dtype::E4m3 | Dtype::E5m2 => hi.copy_from_slice(tensor.bytes()),
        Dtype::F16 | Dtype::Bf16 => split_bytes(tensor.bytes().as_chunks::<2>().0, hi, lo),
        Dtype::F32 => {
            let elements = tensor.bytes().as_chunks::<4>().0;
            let halves = hi.as_chunks_mut::<2>().0.iter_mut();
            for ((hi, lo), element) in halves.zip(lo.as_chunks_mut::<2>().0).zip(elements) {
                (*lo, *hi) = ([element[0], element[1]], [element[2], element[3]]);
            }
        }
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn split_bytes(elements: &[[u8; 2]], hi: &mut [u8], lo: &mut [u8]) {
    for ((element, hi), lo) in elements.iter().zip(hi).zip(lo) {
        let element = u16::from_le_bytes(*element);
        (*hi, *lo) = ((element >> 8) as u8, element as u8);
    }
}

/// Joins the planes that [`split`] made into the bytes of the elements.
pub fn join(dtype: Dtype, hi: &[u8], lo: &[u8]) -> Vec<u8> {
    match dtype {
        Dtype::E4m3 | Dtype::E5m2 => hi.to_vec(),
        Dtype::F16 | Dtype::Bf16 => lo.iter().zip(hi).flat_map(|(&lo, &hi)| [lo, hi]).collect(),
        Dtype::F32 => {
            let halves = lo.as_chunks::<2>().0.iter().zip(hi.as_chunks::<2>().0);
            halves
                .flat_map(|(lo, hi)| [lo[0], lo[1], hi[0], hi[1]])
                .collect()
        }
    }
}

/// Replaces every token's halves by their difference from the previous token (mod 256, or mod 65536 for fp32); token 0
/// stays.
pub fn delta(plane: &mut [u8], dtype: Dtype, shape: Shape) {
    along_tokens(
        plane,
        dtype,
        shape,
        true,
        |half, before| half.wrapping_sub(before),
        |half, before| half.wrapping_sub(before),
    );
}

/// Inverse of [`delta`].
pub fn undelta(plane: &mut [u8], dtype: Dtype, shape: Shape) {
    along_tokens(
        plane,
        dtype,
        shape,
        false,
        |half, before| half.wrapping_add(before),
        |half, before| half.wrapping_add(before),
    );
}

/// Applies the operation to every token and its predecessor, last token first if `backward`.
fn along_tokens(
    plane: &mut [u8],
    dtype: Dtype,
    shape: Shape,
    backward: bool,
    bytes: impl Fn(u8, u8) -> u8,
    words: impl Fn(u16, u16) -> u16,
) {
    let width = shape.token_elements() * dtype.size().div_ceil(2);
    if width == 0 {
        return;
    }
    let tokens = plane.len() / width;
    for step in 1..tokens {
        let token = if backward { tokens - step } else { step };
        let (before, rest) = plane.split_at_mut(token * width);
        let before = &before[(token - 1) * width..];
        let now = &mut rest[..width];
        match dtype {
            Dtype::F16 | Dtype::Bf16 | Dtype::E4m3 | Dtype::E5m2 => {
                for (now, &before) in now.iter_mut().zip(before) {
                    *now = bytes(*now, before);
                }
            }
            Dtype::F32 => {
                for (now, before) in now
                    .as_chunks_mut::<2>()
                    .0
                    .iter_mut()
                    .zip(before.as_chunks::<2>().0)
                {
                    *now =
                        words(u16::from_le_bytes(*now), u16::from_le_bytes(*before)).to_le_bytes();
                }
            }
        }
    }
}
