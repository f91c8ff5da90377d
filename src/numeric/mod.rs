//! Arithmetic and number formatting without dependencies on the rest: numpy's sums, wide loops, Python's floats.

pub mod f32x8;
pub mod pairwise_sum;
pub mod python_float;
