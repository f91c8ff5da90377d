//! Block-norm: every vector of head_dim values is cut into blocks, and each block is divided by its largest magnitude
//! and quantized. A block's scale is stored too, and the blocks with the highest energy may keep theirs exactly.
//!
//! An incomplete last block counts as padded with zeros: that changes neither its scale nor what is stored, and of its
//! energy only the order of additions. So no padding is ever made.

use super::{clamp, max_magnitude, max_step, round, special, steps};
use crate::numeric::pairwise_sum::{pairwise_order, pairwise_sum_padded};
use crate::tensor::{Element, Tensor, with_element};
use half::f16;

/// How a tensor is divided into blocks, and the blocks' scales.
#[derive(Clone, Debug, PartialEq)]
pub struct Blocks {
    head_dim: usize,
    width: usize,
    scales: Vec<f32>,
}

impl Blocks {
    /// Divides a tensor into blocks of `block_size` (at least 1) values along head_dim.
    pub fn new(tensor: &Tensor, block_size: usize) -> Self {
        let head_dim = tensor.shape().head_dim;
        let width = block_size.clamp(1, head_dim.max(1));
        let mut blocks = Self {
            head_dim,
            width,
            scales: Vec::new(),
        };
        blocks.scales = with_element!(tensor.dtype(), E => blocks.of(tensor.bytes(), E::SIZE).map(scale::<E>).collect());
        blocks
    }

    /// Number of blocks.
    pub fn count(&self) -> usize {
        self.scales.len()
    }

    /// Bytes of all blocks in order, with `size` bytes per element; the last block of each vector may be shorter.
    fn of<'a>(&self, bytes: &'a [u8], size: usize) -> impl Iterator<Item = &'a [u8]> {
        let width = self.width * size;
        bytes
            .chunks_exact((self.head_dim * size).max(1))
            .flat_map(move |vector| vector.chunks(width))
    }

    /// Sum of squares of every block, padded to `block_size`.
    pub fn energies(&self, tensor: &Tensor, block_size: usize) -> Vec<f32> {
        let mut values = vec![0.0; self.width];
        with_element!(tensor.dtype(), E => {
            let energy = |block: &[u8]| {
                let values = &mut values[..block.len() / E::SIZE];
                for (value, bytes) in values.iter_mut().zip(block.chunks_exact(E::SIZE)) {
                    *value = E::get(bytes);
                }
                pairwise_sum_padded(values, block_size, |x| x * x)
            };
            self.of(tensor.bytes(), E::SIZE).map(energy).collect()
        })
    }

    /// A key for the order in which a block's squares are added: block sizes with equal keys (and equal blocks) give
    /// equal energies.
    pub fn energy_order(head_dim: usize, block_size: usize) -> usize {
        pairwise_order(head_dim.min(block_size), block_size)
    }

    /// Stored values: `round((x / scale) * (2^(bits-1) - 1)) / (2^(bits-1) - 1)`, in the tensor's dtype.
    pub fn store(&self, tensor: &Tensor, bits: u32) -> Tensor {
        let limit = max_step(bits);
        let mut stored = vec![0; tensor.bytes().len()];
        let mut values = vec![0.0; self.width];
        with_element!(tensor.dtype(), E => {
            let mut rest = stored.as_mut_slice();
            for (block, &scale) in self.of(tensor.bytes(), E::SIZE).zip(&self.scales) {
                let (out, after) = rest.split_at_mut(block.len());
                rest = after;
                // If the scale is finite, the branch-free loop suffices.
                if scale.is_finite() {
                    steps::<E, _>(block, out, &mut values, |x| clamp(round((x / scale) * limit), limit) / limit);
                } else {
                    steps::<E, _>(block, out, &mut values, |x| {
                        let step = special::round(special::multiply(special::divide(x, scale), limit));
                        special::divide(clamp(step, limit), limit)
                    });
                }
            }
        });
        tensor.with_bytes(stored)
    }

    /// Scales used to restore the blocks: rounded to fp16 if `fp16` is set, except for the blocks with the indices
    /// `exact`.
    pub fn stored_scales(&self, fp16: bool, exact: &[usize]) -> Vec<f32> {
        if !fp16 {
            return self.scales.clone();
        }
        let mut scales: Vec<f32> = self
            .scales
            .iter()
            .map(|&scale| f16::value(f16::bits_of(scale)))
            .collect();
        for &block in exact {
            scales[block] = self.scales[block];
        }
        scales
    }

    /// Multiplies `values`, the stored values from index `start` on, by their blocks' scales.
    pub fn restore(&self, scales: &[f32], start: usize, values: &[f32], out: &mut [f32]) {
        let per_vector = self.head_dim.div_ceil(self.width);
        let (mut vector, mut column) = (start / self.head_dim.max(1), start % self.head_dim.max(1));
        let (mut values, mut out) = (values, out);
        while !values.is_empty() {
            let block = column / self.width;
            let end = ((block + 1) * self.width).min(self.head_dim);
            let length = (end - column).min(values.len());
            let scale = scales[vector * per_vector + block];
            let (now, rest) = out.split_at_mut(length);
            for (out, value) in now.iter_mut().zip(&values[..length]) {
                *out = value * scale;
            }
            (values, out) = (&values[length..], rest);
            column += length;
            if column == self.head_dim {
                (vector, column) = (vector + 1, 0);
            }
        }
    }
}

/// Indices of the `count` blocks with the highest energy; of equal ones the first, and NaN counts as highest.
pub fn top_k_blocks(energies: &[f32], count: usize) -> Vec<usize> {
    let mut blocks: Vec<usize> = (0..energies.len()).collect();
    if count < blocks.len() {
        let order = |&a: &usize, &b: &usize| {
            energies[b]
                .abs()
                .total_cmp(&energies[a].abs())
                .then(a.cmp(&b))
        };
        blocks.select_nth_unstable_by(count, order);
        blocks.truncate(count);
    }
    blocks
}

/// Largest magnitude of a block; 1 if that is 0, NaN if the block contains one.
fn scale<E: Element>(block: &[u8]) -> f32 {
    let magnitude = max_magnitude::<E>(block);
    if magnitude == 0.0 { 1.0 } else { magnitude }
}
