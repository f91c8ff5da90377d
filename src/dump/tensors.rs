//! The named arrays of `.npy`, `.npz` and `.safetensors` files, before anyone knows which is K of which layer.

use super::limits::Limits;
use super::problem::{Fault, Problem};
use super::stream::Span;
use crate::tensor::Dtype;

/// Most axes that an array may have: more have no meaning here.
pub(super) const MOST_AXES: usize = 8;

/// The element type of an array, as far as the file tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Element {
    Known(Dtype),
    /// 16-bit integers, which may stand for fp16 or bf16 bits.
    Bits16,
    /// Anything else, by the file's own name for it.
    Other(String),
}

impl Element {
    pub fn name(&self) -> &str {
        match self {
            Self::Known(dtype) => dtype.name(),
            Self::Bits16 => "16-bit integers",
            Self::Other(name) => name,
        }
    }

    /// Bytes of one element, where it can be used at all.
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::Known(dtype) => Some(dtype.size() as u64),
            Self::Bits16 => Some(2),
            Self::Other(_) => None,
        }
    }
}

/// One named array.
#[derive(Clone, Debug)]
pub(super) struct Array {
    pub name: String,
    /// Path of the file it lies in, for messages.
    pub file: String,
    pub element: Element,
    pub shape: Vec<u64>,
    /// The first axis varies fastest (Fortran order).
    pub fortran: bool,
    pub big_endian: bool,
    pub span: Span,
}

impl Array {
    /// Bytes that shape and element type ask for, or `None` where the product overflows.
    pub fn bytes(shape: &[u64], element_size: u64) -> Option<u64> {
        shape
            .iter()
            .try_fold(element_size, |product, &size| product.checked_mul(size))
    }

    /// The shape as text.
    pub fn shape_text(shape: &[u64]) -> String {
        let sizes: Vec<String> = shape
            .iter()
            .take(MOST_AXES + 1)
            .map(u64::to_string)
            .collect();
        format!("[{}]", sizes.join(", "))
    }
}

/// Arrays that belong together: those of an `.npz` or `.safetensors` file, or the `.npy` files of a folder.
#[derive(Debug)]
pub(super) struct Table {
    /// Path of the file or folder.
    pub path: String,
    pub arrays: Vec<Array>,
    /// What our own `convert` wrote into the file, which tells all about it.
    pub captures: Option<String>,
}

/// Reads the header of a file of tensors with `parse`, and names the file where that fails.
pub(super) fn parse_head<T>(
    item: &mut super::items::Item,
    limits: &Limits,
    parse: impl FnOnce(&super::items::Item, &[u8]) -> Result<T, Fault>,
) -> Result<T, Problem> {
    let parsed = item.head(limits).and_then(|head| parse(item, &head));
    parsed.map_err(|fault| Problem::new(&item.path, fault))
}
