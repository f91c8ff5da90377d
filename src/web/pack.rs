//! Packs the dump as one `.kvz` for the page to save: parts as they are made, then the head that precedes them in the file.

use std::collections::VecDeque;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};

use wasm_bindgen::prelude::*;

use super::engine::Engine;
use super::messages::PackRequest;
use super::value::{failure, from_js};
use crate::pack::{Method, PackError, PackOptions, Packer};
use crate::par::Pool;

/// Layers that are read and stored at a time.
const IN_FLIGHT: usize = 4;

/// A `.kvz` that is being written. No call waits: the pool stores layers that were read, and the page polls for parts that are ready.
#[wasm_bindgen]
pub struct Packing {
    packer: Packer,
    pool: Pool,
    /// Results of the layers that were read and not taken in yet, in order.
    stored: VecDeque<Receiver<Result<Vec<Vec<u8>>, PackError>>>,
    cancel: Arc<AtomicBool>,
    /// Cloned into every task in the pool: tells how many there are.
    alive: Arc<()>,
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

    /// The next part of the file, if it is ready.
    #[wasm_bindgen(js_name = nextPart)]
    pub fn next_part(&mut self) -> Result<Option<Vec<u8>>, JsValue> {
        self.step().map_err(|error| told(&error))
    }

    /// Whether the parts that are out are all of them.
    #[wasm_bindgen(js_name = isDone)]
    pub fn is_done(&self) -> bool {
        self.packer.is_done()
    }

    /// Lets what waits in the pool go by; true when nothing is being stored any more.
    pub fn stop(&self) -> bool {
        self.cancel.store(true, Ordering::Relaxed);
        Arc::strong_count(&self.alive) == 1
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
        let cancel = Arc::<AtomicBool>::default();
        let packer = Packer::new(&self.dump, &options).map_err(|error| told(&error))?;
        Ok(Packing {
            packer: packer.cancel(Arc::clone(&cancel)),
            pool: Pool::new(None).map_err(|error| failure("start", &error))?,
            stored: VecDeque::new(),
            cancel,
            alive: Arc::default(),
        })
    }
}

impl Packing {
    fn step(&mut self) -> Result<Option<Vec<u8>>, PackError> {
        if let Some(part) = self.packer.ready() {
            return Ok(Some(part));
        }
        if self.stored.len() < IN_FLIGHT
            && let Some(batch) = self.packer.read(1)?
        {
            let (sender, receiver) = channel();
            let alive = Arc::clone(&self.alive);
            self.stored.push_back(receiver);
            self.pool.spawn(move || {
                // Nobody listens any more once this is dropped.
                let _ = sender.send(batch.store());
                drop(alive);
            });
        }
        if let Some(Ok(parts)) = self.stored.front().map(Receiver::try_recv) {
            self.stored.pop_front();
            self.packer.add(parts?);
        }
        Ok(self.packer.ready())
    }
}

fn told(error: &PackError) -> JsValue {
    failure("dump", &error.to_string())
}

// After a panic the coordinator drops it without looking at it again.
impl UnwindSafe for Packing {}
impl RefUnwindSafe for Packing {}
