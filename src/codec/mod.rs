//! From a tensor to the bytes that it takes, and back.

pub mod zstd;
