//! How small can an LLM's KV cache get, and at what error?
#![deny(unsafe_code)]

pub mod codec;
pub mod dump;
pub mod tensor;
