//! Named arrays of a file, before it is known which is K or V of which layer.

use std::sync::Arc;

use super::axes::Axes;
use super::pattern::NamePattern;
use crate::dump::bytes::place::Decode;
use crate::dump::bytes::stream::Span;
use crate::tensor::Dtype;

/// Maximum number of axes of an array; one with more can't be K or V.
pub(crate) const MAX_AXES: usize = 8;

/// Element type of an array, as far as the file tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    Known(Dtype),
    /// 16-bit integers, which may stand for fp16 or bf16 bits.
    Bits16,
    /// Any other type, by the file's own name for it.
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

    /// Bytes per element; `None` for types that can't be used.
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::Known(dtype) => Some(dtype.size() as u64),
            Self::Bits16 => Some(2),
            Self::Other(_) => None,
        }
    }
}

/// A named array.
#[derive(Clone, Debug)]
pub(crate) struct Array {
    pub name: String,
    /// Path of the file that contains it, for messages.
    pub file: String,
    pub element: Element,
    pub shape: Vec<u64>,
    /// Stride of each axis, in elements.
    pub strides: Vec<u64>,
    pub big_endian: bool,
    /// Span that starts at the array's first element.
    pub span: Span,
    /// Further bytes that `decode` needs.
    pub beside: Vec<Span>,
    /// Turns the bytes into plain elements, to which the strides then apply; `None` if they are plain elements already.
    pub decode: Option<Arc<dyn Decode>>,
}

impl Array {
    /// An array whose elements are in C order, little-endian.
    pub fn plain(name: String, file: &str, element: Element, shape: Vec<u64>, span: Span) -> Self {
        Self {
            name,
            file: file.to_owned(),
            element,
            strides: c_strides(&shape),
            shape,
            big_endian: false,
            span,
            beside: Vec::new(),
            decode: None,
        }
    }
}

/// Bytes that an array of this shape and element size takes, or `None` if the product overflows.
pub(crate) fn shape_bytes(shape: &[u64], element_size: u64) -> Option<u64> {
    shape
        .iter()
        .try_fold(element_size, |product, &size| product.checked_mul(size))
}

/// A shape as text, such as `[1, 8, 128]`.
pub(crate) fn shape_text(shape: &[u64]) -> String {
    let sizes: Vec<String> = shape
        .iter()
        .take(MAX_AXES + 1)
        .map(u64::to_string)
        .collect();
    format!("[{}]", sizes.join(", "))
}

/// Strides in C order: the last axis varies fastest.
pub(crate) fn c_strides(shape: &[u64]) -> Vec<u64> {
    let mut strides: Vec<u64> = fortran_strides(shape.iter().rev().copied());
    strides.reverse();
    strides
}

/// Strides in Fortran order: the first axis varies fastest.
pub(crate) fn fortran_strides(shape: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut product = 1_u64;
    let stride = |size: u64| {
        let stride = product;
        // A product that overflows is refused where the size in bytes is checked.
        product = product.saturating_mul(size.max(1));
        stride
    };
    shape.map(stride).collect()
}

/// Arrays that belong together: those of one file, or of the `.npy` files in one folder.
#[derive(Debug)]
pub(crate) struct ArrayGroup {
    /// Path of the file or folder.
    pub path: String,
    pub arrays: Vec<Array>,
    pub hints: Hints,
}

/// What a file's format tells about all its arrays. What the user says takes precedence.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hints {
    /// Which names are K and V of which layer, if the words of the names alone don't tell.
    pub tensor_names: Option<NamePattern>,
    /// Written from a cache of Hugging Face's transformers, or of one with the same order of axes: `[batch, heads, seq,
    /// dim]`.
    pub transformers: bool,
    /// Whether the group's two arrays may be either K and V of one layer or two layers of both; then the user is asked.
    pub could_be_two_layers: bool,
    /// Path of the whole file that this file is a shard of, if a shard index says so.
    pub whole: Option<String>,
    /// Order of the axes of arrays with this number of axes.
    pub axes: Option<Axes>,
}
