//! What the user specifies about tensors whose names or axes are ambiguous.

use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::axes::Axes;
use super::pattern::NamePattern;
use crate::tensor::Dtype;

/// How to interpret the arrays of `.npy`, `.npz` and `.safetensors` files. What is absent is inferred, or the user is
/// asked.
///
/// As JSON, with every key optional:
/// `{"tensorNames": "layers.{layer}.{kv}", "axes": "heads,seq,dim", "kvHeads": 8, "bits16": "bf16"}`. An invalid value
/// fails to parse with a message that says why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Mapping {
    /// Which names are K and V of which layer (`--tensor-names`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tensor_names: Option<NamePattern>,
    /// The order of axes (`--axes`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub axes: Option<Axes>,
    /// Number of KV heads merged into the last axis, if heads have no axis of their own (`--kv-heads`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kv_heads: Option<NonZeroU32>,
    /// What 16-bit integers represent (`--bits16`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits16: Option<Bits16>,
}

/// What arrays of 16-bit integers represent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Bits16 {
    /// The bits of IEEE binary16.
    Fp16,
    /// The bits of bfloat16.
    Bf16,
}

/// The text is not a name of [`Bits16`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is not one of fp16, bf16")]
pub struct Bits16Error(String);

impl Bits16 {
    /// The names that parse.
    pub const NAMES: [&str; 2] = ["fp16", "bf16"];
}

impl FromStr for Bits16 {
    type Err = Bits16Error;

    fn from_str(text: &str) -> Result<Self, Bits16Error> {
        match text {
            "fp16" => Ok(Self::Fp16),
            "bf16" => Ok(Self::Bf16),
            _ => Err(Bits16Error(text.to_owned())),
        }
    }
}

impl From<Bits16> for Dtype {
    fn from(bits: Bits16) -> Self {
        match bits {
            Bits16::Fp16 => Self::F16,
            Bits16::Bf16 => Self::Bf16,
        }
    }
}

/// How arrays that share a name pattern and a number of axes were interpreted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct TensorGuess {
    /// Files (or folders of `.npy` files) that contain them; only the first few.
    pub files: Vec<String>,
    /// Number of arrays.
    pub count: usize,
    /// Description of the first few arrays.
    pub examples: Vec<ArrayInfo>,
    /// Pattern of their names, if it is known: the initial value of a mapping form.
    pub tensor_names: Option<String>,
    /// Order of their axes, if it is known.
    pub axes: Option<String>,
    /// How the interpretation was found, or why it is ambiguous; a sentence for people.
    pub reason: String,
    /// What the user must specify before the arrays can be analysed: `tensorNames`, `axes`, `bits16`; or should
    /// specify: `kvHeads`, without which they count as one head.
    pub asks: Vec<&'static str>,
}

/// An array, as its file describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ArrayInfo {
    /// Name of the array.
    pub name: String,
    /// Element type: `fp16`, `bf16`, `fp32`, `16-bit integers`, or the file's own name of another type.
    pub dtype: String,
    /// Length of each axis.
    pub shape: Vec<u64>,
}
