//! Clipping to percentiles or to standard deviations from the mean, both taken over the finite values.

use super::special;
use crate::numeric::pairwise_sum::{mean, pairwise_sum};
use crate::tensor::{Dtype, Element, Tensor, with_element};
use multiversion::multiversion;

/// Bounds to clip to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clipping {
    /// Lower and upper percentile, 0 to 100.
    Percentiles(f64, f64),
    /// This many standard deviations on either side of the mean.
    Sigma(f64),
}

/// Clips the values, in the tensor's dtype. A tensor without a finite value is returned unchanged.
///
/// ```
/// use kvlens::lossy::{Clipping, clip};
/// use kvlens::tensor::{Dtype, Shape, Tensor};
///
/// let shape = Shape { seq_len: 1, kv_heads: 1, head_dim: 5 };
/// let values = [0.0f32, 1.0, 2.0, 3.0, 100.0];
/// let tensor = Tensor::new(Dtype::F32, shape, values.into_iter().flat_map(f32::to_le_bytes).collect())?;
/// let clipped = clip(&tensor, Clipping::Percentiles(0.0, 75.0));
/// assert_eq!(clipped.values(), [0.0, 1.0, 2.0, 3.0, 3.0]);
/// # Ok::<(), kvlens::tensor::TensorError>(())
/// ```
pub fn clip(tensor: &Tensor, clipping: Clipping) -> Tensor {
    let bounds = match clipping {
        Clipping::Percentiles(lower, upper) => {
            percentiles(tensor, [lower, upper]).map(|bounds| bounds.map(f64::from))
        }
        Clipping::Sigma(k) => sigma(tensor, k),
    };
    let Some([lower, upper]) = bounds else {
        return tensor.clone();
    };
    with_element!(tensor.dtype(), E => clamp::<E>(tensor, E::nearest(lower), E::nearest(upper)))
}

/// A value equal to a bound stays (so that -0 remains distinct from 0), and so does NaN. If a bound is NaN (because
/// sums exceed the range of f32), numpy makes every value NaN, on x86 the negative one.
fn clamp<E: Element>(tensor: &Tensor, lower: f32, upper: f32) -> Tensor {
    let mut bytes = tensor.bytes().to_vec();
    if lower.is_nan() || upper.is_nan() {
        bytes
            .chunks_exact_mut(E::SIZE)
            .for_each(|element| E::put(f32::from_bits(special::DEFAULT_NAN), element));
        return tensor.with_bytes(bytes);
    }
    let (lower_bits, upper_bits) = (E::bits_of(lower), E::bits_of(upper));
    clamp_bits::<E>(&mut bytes, (lower, lower_bits), (upper, upper_bits));
    tensor.with_bytes(bytes)
}

#[multiversion(targets("x86_64+avx2"))]
fn clamp_bits<E: Element>(
    bytes: &mut [u8],
    (lower, lower_bits): (f32, E::Bits),
    (upper, upper_bits): (f32, E::Bits),
) {
    for element in bytes.chunks_exact_mut(E::SIZE) {
        let (value, bits) = (E::get(element), E::bits(element));
        let bits = if value < lower { lower_bits } else { bits };
        E::put_bits(if value > upper { upper_bits } else { bits }, element);
    }
}

/// Percentiles by numpy's linear method.
fn percentiles(tensor: &Tensor, percents: [f64; 2]) -> Option<[f32; 2]> {
    // Counting visits all 65,536 bit patterns: for fewer values, selection is faster.
    if tensor.dtype().size() != 2 || tensor.len() < 1 << 14 {
        let mut values = finite(tensor);
        let n = values.len();
        let mut value = |rank| *values.select_nth_unstable_by(rank, f32::total_cmp).1;
        return (n > 0).then(|| percents.map(|percent| linear(n, percent, &mut value)));
    }
    let counted = Counted::new(tensor);
    let value = |rank| counted.value(rank);
    (counted.n > 0).then(|| percents.map(|percent| linear(counted.n, percent, value)))
}

/// Percentile `percent` of `n` values by linear interpolation; `value` returns the value of a rank.
fn linear(n: usize, percent: f64, mut value: impl FnMut(usize) -> f32) -> f32 {
    let position = (n - 1) as f64 * (percent / 100.0);
    let below = position.floor();
    let part = position - below;
    let rank = (below as usize).min(n - 1);
    // numpy's selection leaves zeros of both signs in an arbitrary order: take the positive one.
    let (low, high) = (value(rank) + 0.0, value((rank + 1).min(n - 1)) + 0.0);
    let difference = high - low;
    if part < 0.5 {
        low + difference * part as f32
    } else {
        high - difference * (1.0 - part) as f32
    }
}

/// Finite values of a 16-bit tensor, counted by their bits: a counting sort.
struct Counted {
    dtype: Dtype,
    counts: Vec<u32>,
    n: usize,
}

impl Counted {
    fn new(tensor: &Tensor) -> Self {
        let mut counts = vec![0u32; 1 << 16];
        for element in tensor.bytes().as_chunks::<2>().0 {
            counts[usize::from(u16::from_le_bytes(*element))] += 1;
        }
        let dtype = tensor.dtype();
        let mut n = 0;
        for (bits, count) in counts.iter_mut().enumerate() {
            if value(dtype, bits as u16).is_finite() {
                n += *count as usize
            } else {
                *count = 0
            }
        }
        Self { dtype, counts, n }
    }

    /// Value of this rank; rank 0 is the smallest.
    fn value(&self, rank: usize) -> f32 {
        let negative = (0x8000..=0xffff_usize).rev();
        let mut before = 0;
        for bits in negative.chain(0..0x8000) {
            before += self.counts[bits] as usize;
            if before > rank {
                return value(self.dtype, bits as u16);
            }
        }
        0.0
    }
}

fn value(dtype: Dtype, bits: u16) -> f32 {
    if dtype == Dtype::Bf16 {
        half::bf16::value(bits)
    } else {
        half::f16::value(bits)
    }
}

/// `mean - k std` and `mean + k std`: mean and deviation in f32, the bounds in f64.
fn sigma(tensor: &Tensor, k: f64) -> Option<[f64; 2]> {
    let values = finite(tensor);
    let n = values.len();
    if n == 0 {
        return None;
    }
    let average = mean(pairwise_sum(&values, |x| x), n);
    let variance = mean(pairwise_sum(&values, |x| (x - average) * (x - average)), n);
    let (average, deviation) = (f64::from(average), f64::from(variance.sqrt()));
    Some([average - k * deviation, average + k * deviation])
}

fn finite(tensor: &Tensor) -> Vec<f32> {
    let mut values = tensor.values();
    values.retain(|value| value.is_finite());
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Shape;

    #[test]
    fn counting_and_selecting_find_the_same_percentiles() {
        let bits = |index: u32| (index.wrapping_mul(2_654_435_761) >> 16) as u16;
        let tensor = |n: u32| {
            let bytes = (0..n).flat_map(|index| bits(index).to_le_bytes()).collect();
            let shape = Shape {
                seq_len: n as usize,
                kv_heads: 1,
                head_dim: 1,
            };
            Tensor::new(Dtype::F16, shape, bytes).unwrap()
        };
        let tensor = tensor(20_000);
        let counted = Counted::new(&tensor);
        let mut values = finite(&tensor);
        values.sort_by(f32::total_cmp);
        assert_eq!(counted.n, values.len());
        for rank in (0..values.len()).step_by(97) {
            assert_eq!(counted.value(rank), values[rank], "rank {rank}");
        }
    }
}
