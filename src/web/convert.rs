//! Writes a dump, or a sample of it, as one file, in pieces that the page joins and saves.

use std::panic::{RefUnwindSafe, UnwindSafe};

use wasm_bindgen::prelude::*;

use super::engine::Engine;
use super::value::{failure, from_js};
use crate::convert::{ConvertError, ConvertOptions, Format, Overflows, Plan, Safetensors, Zip};

type Pieces = Box<dyn Iterator<Item = Result<Vec<u8>, ConvertError>>>;

/// A conversion in progress.
#[wasm_bindgen]
pub struct Conversion {
    pieces: Pieces,
    bytes: u64,
    overflows: Overflows,
}

#[wasm_bindgen]
impl Conversion {
    /// Bytes of K and V to write.
    pub fn total(&self) -> f64 {
        self.bytes as f64
    }

    /// Number of values so far that are infinite in the file, since the type they were rounded to has no room for them.
    pub fn overflows(&self) -> f64 {
        self.overflows.count() as f64
    }

    /// The next piece of the file; `None` at its end.
    #[wasm_bindgen(js_name = nextPiece)]
    pub fn next_piece(&mut self) -> Result<Option<Vec<u8>>, JsValue> {
        let piece = self.pieces.next().transpose();
        piece.map_err(|error| failure("dump", &error.to_string()))
    }
}

#[wasm_bindgen]
impl Engine {
    /// Starts writing the dump in another format; `options` are [`ConvertOptions`]. A folder is written as a zip.
    pub fn convert(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Partial<ConvertOptions>")] options: JsValue,
    ) -> Result<Conversion, JsValue> {
        let options: ConvertOptions = from_js(options)?;
        let plan = Plan::new(&self.dump, &options);
        let plan = plan.map_err(|error| failure("settings", &error.to_string()))?;
        let (bytes, overflows) = (plan.bytes(), plan.overflows());
        let pieces: Pieces = match options.format {
            Format::Safetensors => Box::new(Safetensors::new(plan, &self.dump)),
            Format::Zip | Format::Folder => Box::new(Zip::new(plan, &self.dump)),
        };
        Ok(Conversion {
            pieces,
            bytes,
            overflows,
        })
    }
}

// After a panic the coordinator drops it without looking at it again.
impl UnwindSafe for Conversion {}
impl RefUnwindSafe for Conversion {}
