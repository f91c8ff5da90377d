//! How small can an LLM's KV cache get, and at what error?
//!
//! The files of a dump are scanned into a [`dump::Dump`] of captures. K and V of each capture are read as [`tensor::Tensor`]s.
//! An [`analysis`] leaves them lossless or makes them [`lossy`], counts the bytes of their compressed [`codec`] streams,
//! measures the error with [`metrics`], and folds the rows, in dump order, into a [`report`]. [`convert`] writes dumps in other
//! formats.
//!
//! From a dump to a report:
//!
//! ```
//! use std::sync::Arc;
//! use kvlens::analysis::Job;
//! use kvlens::dump::{FolderSource, ScanOptions, Source, scan};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let source: Arc<dyn Source> = Arc::new(FolderSource::open("tests/data/sample-dump/dumps".as_ref())?);
//! let dump = scan(&source, &ScanOptions::default());
//! let report = Job::new("mixed", [("lossy-mantissa-bits", 6), ("lossless-first-n", 2)])?.run(&dump)?;
//! let all = &report.groups[0].all;
//! assert_eq!(format!("{:.3}", all.kv_ratio), "1.459");
//! for file in &report.files {
//!     println!("{}: {} bytes", file.name, file.bytes.len());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Dependencies point in one direction: the command line and `web` → `analysis` → (`dump`, `lossy`, `scheme`, `codec`,
//! `metrics`) → `tensor` → `numeric`. Only `web` knows a browser, only the command line a terminal, and only [`par`] starts
//! work on other threads. The complete map, recipes for a format or an analysis, and the glossary are in
//! [docs/architecture.md](https://github.com/kvlens/kvlens/blob/main/docs/architecture.md).
#![deny(unsafe_code)]

/// README.md; its Rust example is compiled and run as a doctest.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod analysis;
mod captured_queries;
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
#[cfg(all(feature = "rows", not(target_arch = "wasm32")))]
pub mod rows;
pub mod scheme;
pub mod tensor;
#[cfg(any(target_arch = "wasm32", test))]
pub mod web;
