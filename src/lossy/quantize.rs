//! Symmetric quantization with one scale a tensor, and back to the tensor's dtype.

use super::{clamp, greatest, greatest_step, round, special, steps};
use crate::tensor::{Tensor, with_element};

/// Values that are quantized at a time.
const TILE: usize = 256;

/// Every value becomes the nearest multiple of `max|x| / (2^(bits-1) - 1)`, in the tensor's dtype. All zero: as it is.
///
/// ```
/// use kvlens::lossy::quantize;
/// # use kvlens::tensor::{Dtype, Shape, Tensor};
/// let shape = Shape { seq_len: 1, kv_heads: 1, head_dim: 4 };
/// let values = [-7.0_f32, 0.4, 2.6, 6.9];
/// let tensor = Tensor::new(Dtype::F32, shape, values.into_iter().flat_map(f32::to_le_bytes).collect())?;
/// assert_eq!(quantize(&tensor, 4).values(), [-7.0, 0.0, 3.0, 7.0]);
/// # Ok::<(), kvlens::tensor::TensorError>(())
/// ```
pub fn quantize(tensor: &Tensor, bits: u32) -> Tensor {
    with_element!(tensor.dtype(), E => {
        let greatest = greatest::<E>(tensor.bytes());
        if greatest == 0.0 {
            return tensor.clone();
        }
        let limit = greatest_step(bits);
        let scale = (f64::from(greatest) / f64::from(limit)) as f32;
        let mut bytes = vec![0; tensor.bytes().len()];
        let mut values = [0.0; TILE];
        // Where x / scale has a value, the branch-free loop will do.
        if greatest.is_finite() && scale > 0.0 {
            steps::<E, _>(tensor.bytes(), &mut bytes, &mut values, |x| clamp(round(x / scale), limit) * scale);
        } else {
            // A NaN of the scale wins over those of values, and is the plain one: so numpy's AVX2 and AVX-512 loops have it.
            let scale = if scale.is_nan() { f32::from_bits(special::QUIET_NAN) } else { scale };
            steps::<E, _>(tensor.bytes(), &mut bytes, &mut values, |x| {
                special::multiply(scale, clamp(special::round(special::divide(x, scale)), limit))
            });
        }
        tensor.with_bytes(bytes)
    })
}
