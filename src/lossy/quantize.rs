//! Symmetric quantization with one scale per tensor, and back to the tensor's dtype.

use super::{clamp, max_magnitude, max_step, round, special, steps};
use crate::tensor::{Tensor, with_element};

/// Number of values that are quantized at a time.
const TILE: usize = 256;

/// Rounds every value to the nearest multiple of `max|x| / (2^(bits-1) - 1)`, in the tensor's dtype. A tensor of zeros
/// is returned unchanged.
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
        let magnitude = max_magnitude::<E>(tensor.bytes());
        if magnitude == 0.0 {
            return tensor.clone();
        }
        let limit = max_step(bits);
        let scale = (f64::from(magnitude) / f64::from(limit)) as f32;
        let mut bytes = vec![0; tensor.bytes().len()];
        let mut values = [0.0; TILE];
        // If the scale is finite and not zero, the branch-free loop suffices.
        if magnitude.is_finite() && scale > 0.0 {
            steps::<E, _>(tensor.bytes(), &mut bytes, &mut values, |x| clamp(round(x / scale), limit) * scale);
        } else {
            // A NaN scale takes precedence over NaN values, and is the plain quiet NaN, as in numpy's AVX2 and AVX-512
            // loops.
            let scale = if scale.is_nan() { f32::from_bits(special::QUIET_NAN) } else { scale };
            steps::<E, _>(tensor.bytes(), &mut bytes, &mut values, |x| {
                special::multiply(scale, clamp(special::round(special::divide(x, scale)), limit))
            });
        }
        tensor.with_bytes(bytes)
    })
}
