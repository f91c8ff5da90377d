//! The sample dump.

use std::path::Path;
use std::sync::Arc;

use kvlens::dump::{Dump, FolderSource, ScanOptions, Source, scan};

/// The captures of `tests/data/sample-dump`.
pub fn sample() -> Dump {
    let dumps = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sample-dump/dumps");
    let source: Arc<dyn Source> = Arc::new(FolderSource::open(&dumps).unwrap());
    scan(&source, &ScanOptions::default())
}
