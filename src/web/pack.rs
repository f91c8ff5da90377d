//! The dump packed as one `.kvz` that the page saves: parts as they come, then the head that stands before them.

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
    /// How many layers there are.
    pub fn layers(&self) -> usize {
        self.packer.layers()
    }

    /// How many of them are written.
    pub fn done(&self) -> usize {
        self.packer.layers_done()
    }

    /// The next part of the file; nothing once all are there.
    #[wasm_bindgen(js_name = nextPart)]
    pub fn next_part(&mut self) -> Result<Option<Vec<u8>>, JsValue> {
        self.packer.next().transpose().map_err(|error| told(&error))
    }

    /// What stands before the parts, once all are there.
    pub fn head(&self) -> Result<Vec<u8>, JsValue> {
        self.packer.head().map_err(|error| told(&error))
    }

    /// Bytes of captured queries in it.
    #[wasm_bindgen(js_name = queryBytes)]
    pub fn query_bytes(&self) -> f64 {
        self.packer.query_bytes() as f64
    }

    /// What was stored otherwise than asked for, and why.
    pub fn notes(&self) -> Vec<String> {
        self.packer.notes().to_vec()
    }
}

#[wasm_bindgen]
impl Engine {
    /// Starts to write the dump as a `.kvz`, as a [`PackRequest`] says.
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

// After a panic the coordinator drops it; nothing half-done is looked at again.
impl UnwindSafe for Packing {}
impl RefUnwindSafe for Packing {}
