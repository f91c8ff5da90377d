//! The packed formats: codes of a few bits in groups that share a scale, as serving engines keep a KV cache in use.

mod format;
mod fp8;
mod grid;
mod hadamard;
mod int;
mod llama;
mod microscaling;
mod mlx;
mod name;
mod number;
mod turbo;

pub use format::Packed;
pub(super) use name::parse;

use super::codec::{About, Codec, Corrupt, Unfit};
use crate::tensor::{Dtype, Element, Tensor, with_element};
use format::{Format, Per};
use grid::Grid;
use multiversion::multiversion;
use number::Fp8;

/// Runs `$body` with the [`grid::Format`] that a [`Format`] stands for.
macro_rules! with_format {
    ($packed:expr, $about:expr, $global:expr, $format:ident => $body:expr) => {{
        let (about, global): (&About, f32) = ($about, $global);
        match $packed.format {
            Format::Q8 => {
                let $format = llama::Q8;
                $body
            }
            Format::Signed(bits) => {
                let $format = llama::Signed { bits };
                $body
            }
            Format::Spanned(bits) => {
                let $format = llama::Spanned { bits };
                $body
            }
            Format::Mlx(bits) => match about.dtype {
                Dtype::F16 => {
                    let $format = mlx::Affine::<half::f16>::new(bits);
                    $body
                }
                Dtype::F32 => {
                    let $format = mlx::Affine::<f32>::new(bits);
                    $body
                }
                // mlx has no arrays of float8.
                Dtype::Bf16 | Dtype::E4m3 | Dtype::E5m2 => {
                    let $format = mlx::Affine::<half::bf16>::new(bits);
                    $body
                }
            },
            Format::Fp8 { format, scaled } => {
                let $format = fp8::Cast { format, scaled };
                $body
            }
            Format::NvFp4 { .. } => {
                let $format = microscaling::NvFp4 { global };
                $body
            }
            Format::Mx { eight } => {
                let dtype = about.dtype;
                let $format = microscaling::Mx { eight, dtype };
                $body
            }
            Format::Int {
                bits,
                symmetric: true,
            } => {
                let $format = int::Symmetric { bits };
                $body
            }
            Format::Int { bits, .. } => {
                let $format = int::Asymmetric { bits };
                $body
            }
            Format::Turbo(bits) => {
                let $format = turbo::Levels::new(bits, about.shape.head_dim);
                $body
            }
        }
    }};
}

impl Packed {
    fn grid(&self, about: &About) -> Grid {
        let columns = about.shape.token_elements();
        let (rows, width) = match self.per[about.kv] {
            Per::Tensor => (usize::MAX, columns),
            Per::Head => (usize::MAX, about.shape.head_dim),
            Per::Token => (1, columns),
            Per::TokenHead => (1, about.shape.head_dim),
            Per::Channel => (usize::MAX, 1),
            Per::Group(width) => (1, width),
            Per::ChannelGroup(rows) => (rows, 1),
        };
        Grid {
            columns,
            rows: rows.min(about.shape.seq_len.max(1)),
            width,
        }
    }

    /// Bytes before all others: the scale of the whole tensor, where there is one.
    fn prefix(&self) -> usize {
        if self.format == (Format::NvFp4 { global: true }) {
            4
        } else {
            0
        }
    }

    /// The scale of the whole tensor; 1 for formats without one.
    fn global(&self, values: &[f32]) -> f32 {
        if self.prefix() == 0 {
            return 1.0;
        }
        let most = values
            .iter()
            .fold(0f32, |most, value| most.max(value.abs()));
        let scale = most / (6.0 * Fp8::E4m3.max());
        if scale > 0.0 { scale } else { 1.0 }
    }

    fn forward(&self, values: &mut [f32], about: &About) {
        let dim = about.shape.head_dim;
        if matches!(self.format, Format::Turbo(_)) {
            hadamard::flip(values, dim);
        }
        if self.hadamard {
            hadamard::transform(values, dim);
        }
    }

    fn backward(&self, values: &mut [f32], about: &About) {
        let dim = about.shape.head_dim;
        if self.hadamard {
            hadamard::transform(values, dim);
        }
        if matches!(self.format, Format::Turbo(_)) {
            hadamard::flip(values, dim);
        }
        with_element!(about.dtype, E => round_to::<E>(values));
    }

    /// Stored bytes of a whole tensor.
    fn stored_len(&self, about: &About) -> usize {
        let grid = self.grid(about);
        self.prefix()
            + with_format!(self, about, 1.0, format => grid::stored_len(&format, grid, about.len()))
    }
}

/// Rounds values to an element type; values beyond its range saturate.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn round_to<E: Element>(values: &mut [f32]) {
    if E::SIZE == 4 {
        return;
    }
    for value in values {
        *value = E::value(E::bits_of(value.clamp(-E::MAX_VALUE, E::MAX_VALUE)));
    }
}

impl Codec for Packed {
    fn name(&self) -> String {
        name::write(self)
    }

    fn unfit(&self, about: &About) -> Option<Unfit> {
        let head_dim = about.shape.head_dim;
        if self.hadamard && !head_dim.is_power_of_two() {
            return Some(Unfit::PowerOfTwo { head_dim });
        }
        match self.per[about.kv] {
            Per::Group(group) if !head_dim.is_multiple_of(group) => {
                Some(Unfit::Group { head_dim, group })
            }
            _ => None,
        }
    }

    fn encode(&self, tensor: &Tensor, about: &About) -> Vec<u8> {
        let mut values = tensor.values();
        self.forward(&mut values, about);
        let global = self.global(&values);
        let mut out = global.to_le_bytes()[..self.prefix()].to_vec();
        out.extend(with_format!(self, about, global, format => grid::encode(&format, self.grid(about), &values)));
        out
    }

    fn decode(&self, bytes: &[u8], about: &About) -> Result<Tensor, Corrupt> {
        let expected = self.stored_len(about);
        if bytes.len() != expected {
            return Err(Corrupt::Length {
                expected: expected as u64,
                found: bytes.len() as u64,
            });
        }
        let (prefix, bytes) = bytes.split_at(self.prefix());
        let global = prefix
            .first_chunk()
            .map_or(1.0, |bytes| f32::from_le_bytes(*bytes));
        let mut values = vec![0.0; about.len()];
        with_format!(self, about, global, format => grid::decode(&format, self.grid(about), bytes, &mut values));
        self.backward(&mut values, about);
        let bytes = with_element!(about.dtype, E => {
            let mut bytes = vec![0; values.len() * E::SIZE];
            for (value, bytes) in values.iter().zip(bytes.chunks_exact_mut(E::SIZE)) {
                E::put(*value, bytes);
            }
            bytes
        });
        Tensor::new(about.dtype, about.shape, bytes)
            .map_err(|error| Corrupt::Content(error.to_string()))
    }

    fn restore_in_place(&self, values: &mut [f32], about: &About) -> u64 {
        self.forward(values, about);
        let global = self.global(values);
        with_format!(self, about, global, format => grid::restore(&format, self.grid(about), values));
        self.backward(values, about);
        self.stored_len(about) as u64
    }
}
