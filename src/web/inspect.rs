//! Looking at the dump: which captures there are to look at, pictures of their tensors, and the lesson on one vector.
//! It runs in the coordinator itself: one capture is read, measured and dropped.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;

use super::engine::Engine;
use super::failure::failure;
use super::json;
use crate::dump::{Capture, Loaded};
use crate::inspect::{Lesson, LessonRequest, TensorPicture};

/// What zstd is asked for in pictures.
const LEVEL: i32 = 3;

/// Which request it is. What else it says is read from the same text: one type for all, with a tag, is ten times the code.
#[derive(Deserialize)]
struct Request {
    what: What,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum What {
    /// The longest capture of each layer of each run.
    Captures,
    /// K and V of a capture.
    Tensors,
    /// One vector of a capture.
    Lesson,
}

#[derive(Deserialize)]
struct TensorsRequest {
    capture: usize,
}

#[derive(Deserialize)]
struct LessonPlace {
    capture: usize,
    tensor: TensorName,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum TensorName {
    K,
    V,
}

#[derive(Serialize)]
struct Captures<'a> {
    captures: Vec<CaptureLine<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CaptureLine<'a> {
    capture: usize,
    run: &'a str,
    layer_id: i64,
    stage: &'a str,
    seq_len: usize,
    kv_heads: usize,
    head_dim: usize,
    dtype: &'static str,
}

#[derive(Serialize)]
struct Pictures {
    k: TensorPicture,
    v: TensorPicture,
}

#[wasm_bindgen]
impl Engine {
    /// Answers a request of `www/charts` or `www/learn`; both are JSON.
    pub fn inspect(&self, request: &str) -> Result<String, JsValue> {
        let Request { what } = read(request)?;
        match what {
            What::Captures => Ok(json(&Captures {
                captures: longest(&self.dump.captures),
            })),
            What::Tensors => {
                let TensorsRequest { capture } = read(request)?;
                let Loaded { k, v } = self.load(capture)?;
                Ok(json(&Pictures {
                    k: TensorPicture::of(&k, LEVEL),
                    v: TensorPicture::of(&v, LEVEL),
                }))
            }
            What::Lesson => {
                let LessonPlace { capture, tensor } = read(request)?;
                let Loaded { k, v } = self.load(capture)?;
                let tensor = match tensor {
                    TensorName::K => k,
                    TensorName::V => v,
                };
                let lesson = Lesson::of(&tensor, read::<LessonRequest>(request)?);
                Ok(json(&lesson.map_err(|error| refuse(&error))?))
            }
        }
    }
}

fn refuse(error: &dyn std::fmt::Display) -> JsValue {
    failure("dump", &error.to_string())
}

fn read<T: DeserializeOwned>(request: &str) -> Result<T, JsValue> {
    serde_json::from_str(request).map_err(|error| refuse(&error))
}

impl Engine {
    fn load(&self, index: usize) -> Result<Loaded, JsValue> {
        let capture = self
            .dump
            .captures
            .get(index)
            .ok_or_else(|| failure("dump", "the dump has changed: no such capture now"))?;
        capture
            .fetch()
            .and_then(|fetched| fetched.decode())
            .map_err(|problem| refuse(&problem))
    }
}

/// Of each run and layer the capture with the most tokens, the first of equals; by run and layer.
fn longest(captures: &[Arc<Capture>]) -> Vec<CaptureLine<'_>> {
    let mut found = BTreeMap::new();
    for (index, capture) in captures.iter().enumerate() {
        let kept = found
            .entry((capture.run.as_str(), capture.layer_id))
            .or_insert(index);
        if capture.shape.seq_len > captures[*kept].shape.seq_len {
            *kept = index;
        }
    }
    found
        .into_iter()
        .map(|((run, layer_id), index)| {
            let capture = &captures[index];
            CaptureLine {
                capture: index,
                run,
                layer_id,
                stage: &capture.stage,
                seq_len: capture.shape.seq_len,
                kv_heads: capture.shape.kv_heads,
                head_dim: capture.shape.head_dim,
                dtype: capture.dtype.name(),
            }
        })
        .collect()
}
