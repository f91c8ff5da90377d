//! Inspects a dump: lists its captures, makes pictures of their tensors, and runs the lesson on one vector. Runs in the coordinator itself,
//! on one capture at a time, which is read, measured and dropped.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasm_bindgen::prelude::*;

use super::engine::Engine;
use super::messages::{CaptureLine, Pictures};
use super::value::{failure, from_js, to_js};
use crate::dump::{Capture, Loaded, Queries};
use crate::inspect::{Lesson, Matter, TensorPicture};
use crate::tensor::{Kv, Tensor};

/// Zstd level for the sizes in pictures.
const LEVEL: i32 = 3;

#[wasm_bindgen]
impl Engine {
    /// The longest capture of each layer of each run: what can be inspected.
    ///
    /// # Errors
    /// Never in practice.
    #[wasm_bindgen(unchecked_return_type = "CaptureLine[]")]
    pub fn captures(&self) -> Result<JsValue, JsValue> {
        to_js(&longest(&self.dump.captures))
    }

    /// Name of the run of each capture, by the capture's index.
    ///
    /// # Errors
    /// Never in practice.
    #[wasm_bindgen(js_name = runOf, unchecked_return_type = "string[]")]
    pub fn run_of(&self) -> Result<JsValue, JsValue> {
        let runs = self.dump.captures.iter().map(|capture| &capture.run);
        to_js(&runs.collect::<Vec<_>>())
    }

    /// Pictures of both tensors of a capture.
    ///
    /// # Errors
    /// When there is no such capture, or it does not decode.
    #[wasm_bindgen(unchecked_return_type = "Pictures")]
    pub fn pictures(&self, capture: usize) -> Result<JsValue, JsValue> {
        let Loaded { k, v } = self.load(capture)?;
        to_js(&Pictures {
            k: TensorPicture::of(&k, LEVEL),
            v: TensorPicture::of(&v, LEVEL),
        })
    }

    /// Compares a capture's errors under a lossy setting by how much they matter to the model.
    ///
    /// # Errors
    /// When there is no such capture, it or its queries do not decode, or the setting is out of range.
    #[wasm_bindgen(unchecked_return_type = "Matter")]
    pub fn matter(
        &self,
        capture: usize,
        #[wasm_bindgen(unchecked_param_type = "MatterRequest")] setting: JsValue,
    ) -> Result<JsValue, JsValue> {
        let setting = from_js(setting)?;
        let Loaded { k, v } = self.load(capture)?;
        let of = &self.dump.captures[capture];
        let queries = self.queries_of(of)?;
        let matter = Matter::of((&k, &v), of.seq_start, &queries, setting);
        to_js(&matter.map_err(|error| refuse(&error))?)
    }

    /// Takes one vector of a capture's K or V through compression, step by step.
    ///
    /// # Errors
    /// When there is no such capture or vector, the capture does not decode, or a setting is out of range.
    #[wasm_bindgen(unchecked_return_type = "Lesson")]
    pub fn lesson(
        &self,
        capture: usize,
        #[wasm_bindgen(unchecked_param_type = "Kv")] tensor: JsValue,
        #[wasm_bindgen(unchecked_param_type = "LessonRequest")] request: JsValue,
    ) -> Result<JsValue, JsValue> {
        let (tensor, request): (Kv, _) = (from_js(tensor)?, from_js(request)?);
        let Loaded { k, v } = self.load(capture)?;
        let lesson = Lesson::of(&tensor.of(k, v), request);
        to_js(&lesson.map_err(|error| refuse(&error))?)
    }
}

impl Engine {
    /// Captured queries of the capture's layer.
    fn queries_of(&self, capture: &Capture) -> Result<Vec<(&Queries, Tensor)>, JsValue> {
        let of_layer = |queries: &&Arc<Queries>| {
            (&queries.run, queries.layer_id) == (&capture.run, capture.layer_id)
        };
        let mut all = Vec::new();
        for queries in self.dump.queries.iter().filter(of_layer) {
            let tensor = queries.load().map_err(|problem| refuse(&problem))?;
            all.push((&**queries, tensor));
        }
        Ok(all)
    }
}

fn refuse(error: &dyn std::fmt::Display) -> JsValue {
    failure("dump", &error.to_string())
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

/// The capture with the most tokens in each layer of each run, the first among equals; sorted by run and layer.
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
                v_kv_heads: capture.v_shape.kv_heads,
                v_head_dim: capture.v_shape.head_dim,
                dtype: capture.dtype.name(),
            }
        })
        .collect()
}
