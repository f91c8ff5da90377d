//! Arithmetic and number text that everything may stand on: numpy's sums, wide loops, Python's floats.

pub mod f32x8;
pub mod pairwise_sum;
pub mod python_float;
