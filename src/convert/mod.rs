//! Writes a dump, or a sample of it, in the capture layout (folder or zip) or as one `.safetensors` file.
//!
//! Values keep their exact bits unless fp32 is converted to fp16 or bf16. Output is produced capture by capture:
//! [`Zip`] and [`Safetensors`] are iterators over pieces of the file, which a page can collect in a `Blob`.

mod error;
mod files;
#[cfg(not(target_arch = "wasm32"))]
mod folder;
mod names;
mod options;
mod overflows;
mod piece;
mod pieces;
mod plan;
mod query_target;
mod safetensors;
mod target;
#[cfg(not(target_arch = "wasm32"))]
mod write;
mod zip;

pub use error::ConvertError;
pub use files::{Files, OutputFile};
#[cfg(not(target_arch = "wasm32"))]
pub use folder::write_folder;
pub use options::{ConvertOptions, Format, LayerSet, OptionError, TokenRange};
pub use overflows::Overflows;
pub use plan::Plan;
pub use safetensors::Safetensors;
#[cfg(not(target_arch = "wasm32"))]
pub use write::write;
pub use zip::Zip;
