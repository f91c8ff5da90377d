//! Summary of a tensor's values: their histogram, and the mean magnitude of each channel.

use serde::Serialize;

use crate::tensor::Shape;

/// Number of bins of a [`Histogram`]: odd, so that zero is in the middle of a bin.
const BINS: usize = 101;

/// Histogram of the finite values, in equal bins from `-limit` to `limit`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Histogram {
    /// Largest finite magnitude: the outer edge of the last bin.
    pub limit: f32,
    /// Number of values in each bin.
    pub counts: Vec<u64>,
    /// Number of values that are exactly zero.
    pub zeros: u64,
    /// Number of NaN and infinite values, which are in no bin.
    pub non_finite: u64,
    /// 99th percentile of the finite values' magnitudes.
    pub p99: f32,
}

impl Histogram {
    /// Computes the histogram of `values`.
    pub fn of(values: &[f32]) -> Self {
        let mut magnitudes: Vec<f32> = values
            .iter()
            .map(|x| x.abs())
            .filter(|x| x.is_finite())
            .collect();
        let non_finite = (values.len() - magnitudes.len()) as u64;
        magnitudes.sort_unstable_by(f32::total_cmp);
        let limit = magnitudes.last().copied().unwrap_or(0.0);
        let p99 = magnitudes
            .get(magnitudes.len() * 99 / 100)
            .copied()
            .unwrap_or(0.0);
        let zeros = magnitudes.partition_point(|&x| x == 0.0) as u64;
        let mut counts = vec![0_u64; BINS];
        for &value in values.iter().filter(|x| x.is_finite()) {
            counts[bin(value, limit)] += 1;
        }
        Self {
            limit,
            counts,
            zeros,
            non_finite,
            p99,
        }
    }
}

fn bin(value: f32, limit: f32) -> usize {
    if limit == 0.0 {
        return BINS / 2;
    }
    let bin = (f64::from(value) / f64::from(limit) + 1.0) / 2.0 * BINS as f64;
    (bin as usize).min(BINS - 1)
}

/// Mean |x| over the tokens for each of the `kv_heads * head_dim` channels; NaN and infinite values are excluded.
pub fn channel_magnitudes(shape: Shape, values: &[f32]) -> Vec<f32> {
    let channels = shape.token_elements();
    let mut sums = vec![(0.0_f64, 0_u64); if values.is_empty() { 0 } else { channels }];
    for token in values.chunks(channels.max(1)) {
        for ((sum, count), value) in sums.iter_mut().zip(token) {
            if value.is_finite() {
                *sum += f64::from(value.abs());
                *count += 1;
            }
        }
    }
    sums.into_iter()
        .map(|(sum, count)| {
            if count == 0 {
                0.0
            } else {
                (sum / count as f64) as f32
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histogram_counts_every_finite_value_once() {
        let values = [-2.0, -0.01, 0.0, -0.0, 0.01, 2.0, f32::NAN, f32::INFINITY];
        let histogram = Histogram::of(&values);
        assert_eq!(histogram.limit, 2.0);
        assert_eq!((histogram.zeros, histogram.non_finite), (2, 2));
        assert_eq!(histogram.counts.iter().sum::<u64>(), 6);
        assert_eq!(
            (
                histogram.counts[0],
                histogram.counts[BINS / 2],
                histogram.counts[BINS - 1]
            ),
            (1, 4, 1)
        );
    }

    #[test]
    fn histogram_of_nothing_and_of_zeros() {
        assert_eq!(Histogram::of(&[]).counts.iter().sum::<u64>(), 0);
        assert_eq!(Histogram::of(&[0.0; 5]).counts[BINS / 2], 5);
    }

    #[test]
    fn channels_are_averaged_over_tokens() {
        let shape = Shape {
            seq_len: 2,
            kv_heads: 1,
            head_dim: 3,
        };
        let values = [1.0, -2.0, f32::NAN, -3.0, 4.0, 5.0];
        assert_eq!(channel_magnitudes(shape, &values), [2.0, 3.0, 5.0]);
    }
}
