//! Dumps that tests open.

use std::sync::Arc;

use kvlens::dump::{Dump, ScanOptions, Source, scan};
use kvlens::pack;

/// The dump in a source; `mapping` is JSON, `{}` where nothing is said of its tensors.
pub fn scan_source(source: impl Source + 'static, mapping: &str) -> Dump {
    let source: Arc<dyn Source> = Arc::new(source);
    let options = ScanOptions {
        mapping: serde_json::from_str(mapping).unwrap(),
        part_decoder: pack::decoder(),
        ..ScanOptions::default()
    };
    scan(&source, &options)
}
