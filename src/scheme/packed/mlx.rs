//! The affine format of mlx (`mx.quantize`, mlx-lm's `--kv-bits`): of a group's two extremes, the one of larger magnitude falls exactly on
//! a step. Scale and bias have the tensor's own type, bf16 for float8, and values are computed in it. Bit for bit what mlx 0.32.4 computes
//! on the CPU.

use super::grid::{Format, Params, Range};
use crate::tensor::Element;
use std::marker::PhantomData;

/// Affine steps with scale and bias of type `E`.
pub(super) struct Affine<E> {
    bits: u32,
    element: PhantomData<E>,
}

impl<E> Affine<E> {
    /// Steps with codes of `bits` bits.
    pub fn new(bits: u32) -> Self {
        Self {
            bits,
            element: PhantomData,
        }
    }
}

impl<E> Clone for Affine<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Affine<E> {}

/// The value rounded to `E`.
#[inline(always)]
pub(super) fn rounded<E: Element>(value: f32) -> f32 {
    E::value(E::bits_of(value))
}

impl<E: Element> Format for Affine<E> {
    fn bits(&self) -> u32 {
        self.bits
    }

    fn side(&self) -> usize {
        2 * E::SIZE
    }

    #[inline(always)]
    fn fit(&self, range: Range, _: &[f32]) -> Params {
        let Range { min, max } = range;
        let from_min = min.abs() > max.abs();
        let step = ((max - min) / ((1u32 << self.bits) - 1) as f32).max(1e-7);
        let (mut step, edge) = if from_min { (step, min) } else { (-step, max) };
        let steps = (edge / step).round_ties_even();
        let mut bias = 0.0;
        if steps != 0.0 {
            step = edge / steps;
            bias = edge;
        }
        Params {
            inverse: step,
            start: bias,
            scale: rounded::<E>(step),
            offset: rounded::<E>(bias),
        }
    }

    fn write_side(&self, params: &Params, out: &mut Vec<u8>) {
        let mut bytes = [0; 8];
        E::put(params.scale, &mut bytes);
        E::put(params.offset, &mut bytes[E::SIZE..]);
        out.extend(&bytes[..2 * E::SIZE]);
    }

    fn read_side(&self, bytes: &[u8]) -> Params {
        Params {
            scale: E::get(bytes),
            offset: E::get(&bytes[E::SIZE..]),
            ..Params::default()
        }
    }

    #[inline(always)]
    fn code(&self, value: f32, params: &Params) -> u32 {
        let step = ((value - params.start) / params.inverse).round_ties_even() as i32;
        step.clamp(0, (1 << self.bits) - 1) as u32
    }

    #[inline(always)]
    fn value(&self, code: u32, params: &Params) -> f32 {
        rounded::<E>(rounded::<E>(code as i32 as f32 * params.scale) + params.offset)
    }
}
