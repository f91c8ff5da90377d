//! How small can an LLM's KV cache get, and at what error?
#![deny(unsafe_code)]

pub mod analysis;
pub mod codec;
pub mod dump;
pub mod par;
pub mod report;
pub mod tensor;
#[cfg(target_arch = "wasm32")]
pub mod web;
