//! The named arrays of a file, before anyone knows which is K of which layer.

use std::sync::Arc;

use super::axes::Axes;
use super::pattern::NamePattern;
use crate::dump::bytes::place::Decode;
use crate::dump::bytes::stream::Span;
use crate::tensor::Dtype;

/// Most axes that an array may have: more have no meaning here.
pub(crate) const MAX_AXES: usize = 8;

/// The element type of an array, as far as the file tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Element {
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
pub(crate) struct Array {
    pub name: String,
    /// Path of the file it lies in, for messages.
    pub file: String,
    pub element: Element,
    pub shape: Vec<u64>,
    /// Elements from one index of each axis to the next.
    pub strides: Vec<u64>,
    pub big_endian: bool,
    /// From its first element on.
    pub span: Span,
    /// What else `decode` needs.
    pub beside: Vec<Span>,
    /// What makes plain elements of the bytes, to which the strides then apply; `None` where they are.
    pub decode: Option<Arc<dyn Decode>>,
}

impl Array {
    /// An array whose elements lie in C order, little-endian.
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

/// Bytes that shape and element size ask for, or `None` where the product overflows.
pub(crate) fn shape_bytes(shape: &[u64], element_size: u64) -> Option<u64> {
    shape
        .iter()
        .try_fold(element_size, |product, &size| product.checked_mul(size))
}

/// A shape as text.
pub(crate) fn shape_text(shape: &[u64]) -> String {
    let sizes: Vec<String> = shape
        .iter()
        .take(MAX_AXES + 1)
        .map(u64::to_string)
        .collect();
    format!("[{}]", sizes.join(", "))
}

/// Strides of an array whose last axis varies fastest.
pub(crate) fn c_strides(shape: &[u64]) -> Vec<u64> {
    let mut strides: Vec<u64> = fortran_strides(shape.iter().rev().copied());
    strides.reverse();
    strides
}

/// Strides of an array whose first axis varies fastest.
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

/// Arrays that belong together: those of one file, or the `.npy` files of a folder.
#[derive(Debug)]
pub(crate) struct ArrayGroup {
    /// Path of the file or folder.
    pub path: String,
    pub arrays: Vec<Array>,
    pub hints: Hints,
}

/// What a file's format tells of all its arrays. What the user says counts more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hints {
    /// Which names are K and V of which layer, where the words of the names alone don't say it.
    pub tensor_names: Option<NamePattern>,
    /// Written from a cache of Hugging Face's transformers, or of one of the same order: `[batch, heads, seq, dim]`.
    pub transformers: bool,
    /// Two arrays that may be K and V, or two layers of both: that is asked.
    pub could_be_two_layers: bool,
    /// Path of the whole that the file is a shard of, where an index of shards says so.
    pub whole: Option<String>,
    /// The order of axes of those that have as many.
    pub axes: Option<Axes>,
}
