//! What the user says about tensors whose names or axes can't be told.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::axes::Axes;
use super::pattern::NamePattern;
use crate::tensor::Dtype;

/// How to read the arrays of `.npy`, `.npz` and `.safetensors` files. What is absent is inferred, or asked for.
///
/// As JSON (each key may be absent): `{"tensorNames": "layers.{layer}.{kv}", "axes": "heads,seq,dim", "kvHeads": 8, "bits16": "bf16"}`; a wrong
/// text fails to parse with a message that says why.
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
    /// Key/value heads in the last axis, where heads have no axis of their own (`--kv-heads`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kv_heads: Option<NonZeroU32>,
    /// What 16-bit integers stand for (`--bits16`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits16: Option<Bits16>,
}

/// What arrays of 16-bit integers hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Bits16 {
    /// The bits of IEEE binary16.
    Fp16,
    /// The bits of bfloat16.
    Bf16,
}

impl From<Bits16> for Dtype {
    fn from(bits: Bits16) -> Self {
        match bits {
            Bits16::Fp16 => Self::F16,
            Bits16::Bf16 => Self::Bf16,
        }
    }
}

/// How the arrays of a dump were understood, for those that share a pattern of names and a number of axes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct TensorGuess {
    /// Files (or folders of `.npy` files) that hold them; the first few.
    pub files: Vec<String>,
    /// Number of arrays.
    pub count: usize,
    /// The first few of them.
    pub examples: Vec<ArrayInfo>,
    /// The pattern of their names, where it could be told: the start value of a mapping form.
    pub tensor_names: Option<String>,
    /// The order of their axes, where it could be told.
    pub axes: Option<String>,
    /// How that was found out, or why it can't be told; a sentence for people.
    pub reason: String,
    /// What has to be said before they can be analysed: `tensorNames`, `axes`, `bits16`; and `kvHeads`, without which they are taken
    /// for one head.
    pub asks: Vec<&'static str>,
}

/// One array, as its file describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ArrayInfo {
    /// Its name.
    pub name: String,
    /// `fp16`, `bf16`, `fp32`, `16-bit integers`, or the file's own name of another type.
    pub dtype: String,
    /// Its axes.
    pub shape: Vec<u64>,
}
