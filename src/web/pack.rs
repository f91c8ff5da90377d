//! Packs the dump as one `.kvz` for the page to save: parts as they are made, then the head that precedes them in the file.

use std::panic::{RefUnwindSafe, UnwindSafe};

use wasm_bindgen::prelude::*;

use super::engine::Engine;
use super::messages::PackRequest;
use super::value::{failure, from_js};
use crate::pack::{Method, PackError, PackOptions, Packer};

/// A `.kvz` that is being written.
#[wasm_bindgen]
pub struct Packing {
    packer: Packer,
}

#[wasm_bindgen]
impl Packing {
    /// Number of layers.
    pub fn layers(&self) -> usize {
        self.packer.layers()
    }

    /// Number of layers that are written.
    pub fn done(&self) -> usize {
        self.packer.layers_done()
    }

    /// The next part of the file; `None` once all are written.
    #[wasm_bindgen(js_name = nextPart)]
    pub fn next_part(&mut self) -> Result<Option<Vec<u8>>, JsValue> {
        self.packer.next().transpose().map_err(|error| told(&error))
    }

    /// The head, which precedes the parts; available once all of them are written.
    pub fn head(&self) -> Result<Vec<u8>, JsValue> {
        self.packer.head().map_err(|error| told(&error))
    }

    /// Bytes of captured queries in the file.
    #[wasm_bindgen(js_name = queryBytes)]
    pub fn query_bytes(&self) -> f64 {
        self.packer.query_bytes() as f64
    }

    /// Layers that are stored otherwise than requested, and why.
    pub fn notes(&self) -> Vec<String> {
        self.packer.notes().to_vec()
    }
}

#[wasm_bindgen]
impl Engine {
    /// Starts writing the dump as a `.kvz`, as a [`PackRequest`] says.
    pub fn pack(
        &self,
        #[wasm_bindgen(unchecked_param_type = "PackRequest")] request: JsValue,
    ) -> Result<Packing, JsValue> {
        let request: PackRequest = from_js(request)?;
        let method = |name: &str| {
            let method = name.parse::<Method>();
            method.map_err(|error| failure("settings", &error.to_string()))
        };
        let options = PackOptions {
            k: method(&request.k)?,
            v: method(&request.v)?,
            sinks: request.sinks,
            recent: request.recent,
            queries: request.queries,
        };
        let packer = Packer::new(&self.dump, &options).map_err(|error| told(&error))?;
        Ok(Packing { packer })
    }
}

fn told(error: &PackError) -> JsValue {
    failure("dump", &error.to_string())
}

// After a panic the coordinator drops it without looking at it again.
impl UnwindSafe for Packing {}
impl RefUnwindSafe for Packing {}
