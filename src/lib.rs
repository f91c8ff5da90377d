//! How small can an LLM's KV cache get, and at what error?
//!
//! A dump's files are scanned into a [`dump::Dump`] of captures. Of each capture, K and V are read as [`tensor::Tensor`]s; an
//! [`analysis`] keeps them as they are or makes them [`lossy`], has their [`codec`] streams compressed and counts the bytes, takes
//! the [`metrics`] of what was lost, and folds the rows, in dump order, into a [`report`]. [`convert`] writes dumps in other formats.
//!
//! Arrows point down only: the command line and `web` → `analysis` → (`dump`, `lossy`, `codec`, `metrics`) → `tensor`. Nothing but
//! `web` knows a browser, nothing but the command line a terminal; [`par`] is the only way to other threads. The whole map, recipes for a
//! format or an analysis, and the glossary are in
//! [docs/architecture.md](https://github.com/kvlens/kvlens/blob/main/docs/architecture.md).
#![deny(unsafe_code)]

pub mod analysis;
pub mod codec;
pub mod convert;
pub mod dump;
pub mod inspect;
pub mod kvz;
pub mod lossy;
pub mod metrics;
mod numeric;
pub mod pack;
pub mod par;
pub mod report;
pub mod scheme;
pub mod tensor;
#[cfg(target_arch = "wasm32")]
pub mod web;
