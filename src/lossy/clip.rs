//! Clipping to percentiles or to standard deviations from the mean, both taken over the finite values.

use super::special;
use crate::numeric::pairwise_sum::{mean, pairwise_sum};
use crate::tensor::{Dtype, Element, Tensor, with_element};
use multiversion::multiversion;

/// Where to clip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clipping {
    /// The lower and the upper percentile, 0 to 100.
    Percentiles(f64, f64),
    /// This many standard deviations from the mean.
    Sigma(f64),
}

/// Clips the values, in the tensor's dtype. Without a finite value: as it is.
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

/// A value equal to a bound stays (so that -0 stays apart from 0), a NaN too. Where a bound is NaN (sums beyond the range of
/// f32 make it so) numpy makes every value NaN, on x86 the negative one.
fn clamp<E: Element>(tensor: &Tensor, lower: f32, upper: f32) -> Tensor {
    let mut bytes = tensor.bytes().to_vec();
    if lower.is_nan() || upper.is_nan() {
        bytes
            .chunks_exact_mut(E::SIZE)
            .for_each(|element| E::put(f32::from_bits(special::DEFAULT_NAN), element));
        return tensor.with_bytes(bytes);
    }
    let (least, most) = (E::bits_of(lower), E::bits_of(upper));
    clamp_bits::<E>(&mut bytes, (lower, least), (upper, most));
    tensor.with_bytes(bytes)
}

#[multiversion(targets("x86_64+avx2"))]
fn clamp_bits<E: Element>(
    bytes: &mut [u8],
    (lower, least): (f32, E::Bits),
    (upper, most): (f32, E::Bits),
) {
    for element in bytes.chunks_exact_mut(E::SIZE) {
        let (value, bits) = (E::get(element), E::bits(element));
        let bits = if value < lower { least } else { bits };
        E::put_bits(if value > upper { most } else { bits }, element);
    }
}

/// The percentiles by numpy's linear method.
fn percentiles(tensor: &Tensor, percents: [f64; 2]) -> Option<[f32; 2]> {
    // Counting goes through all 65,536 patterns: a selection is faster on fewer values.
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

/// `percent` of `n` values, `value` telling the one of a rank.
fn linear(n: usize, percent: f64, mut value: impl FnMut(usize) -> f32) -> f32 {
    let place = (n - 1) as f64 * (percent / 100.0);
    let below = place.floor();
    let part = place - below;
    let rank = (below as usize).min(n - 1);
    // Zeros of both signs sort as numpy's selection happens to leave them: take the positive one.
    let (low, high) = (value(rank) + 0.0, value((rank + 1).min(n - 1)) + 0.0);
    let difference = high - low;
    if part < 0.5 {
        low + difference * part as f32
    } else {
        high - difference * (1.0 - part) as f32
    }
}

/// A 16-bit tensor's finite values, counted by their bits: sorted without sorting.
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

    /// The value of this rank, the least being rank 0.
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

/// `mean - k std` and `mean + k std`, the two in f32, the bounds in f64.
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
