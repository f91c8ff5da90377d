//! How small can an LLM's KV cache get, and at what error?
#![deny(unsafe_code)]

pub mod analysis;
pub mod codec;
pub mod convert;
pub mod dump;
pub mod lossy;
pub mod metrics;
pub mod par;
pub mod report;
mod sum;
pub mod tensor;
#[cfg(target_arch = "wasm32")]
pub mod web;
