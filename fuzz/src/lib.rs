//! Shared by the fuzz targets: scans files in memory and reads everything in them, as a user's run would.

mod edits;
#[path = "../../tests/mutate/seal.rs"]
mod seal;

use std::sync::Arc;

use kvlens::dump::{Dump, Mapping, MemorySource, ScanOptions, Source, scan};

pub use edits::edit;
pub use seal::seal_kvz;

/// Path and contents of a file.
pub type File = (String, Vec<u8>);

/// Scans the files as they are, then with a name pattern and axes, as a user may set them; reads and decodes every capture.
pub fn read_all(files: Vec<File>) {
    let json = r#"{"tensorNames":"*{kv}*{layer}","axes":"seq,heads,dim","bits16":"bf16"}"#;
    read_all_as(files, json);
}

/// Scans the files as they are, then with the mapping `json`; reads and decodes every capture.
pub fn read_all_as(files: Vec<File>, json: &str) {
    let source: Arc<dyn Source> = Arc::new(MemorySource::new(files));
    let options = ScanOptions {
        part_decoder: kvlens::pack::decoder(),
        ..ScanOptions::default()
    };
    let dump = scan(&source, &options);
    decode_all(&dump);
    // A mapping says how to interpret arrays: without any, the second scan would be the first one again.
    if dump.guesses.is_empty() {
        return;
    }
    let options = ScanOptions {
        mapping: serde_json::from_str::<Mapping>(json).expect("a mapping"),
        ..options
    };
    decode_all(&scan(&source, &options));
}

fn decode_all(dump: &Dump) {
    for (_, fetched) in dump.fetches(0..dump.captures.len()) {
        if let Ok(fetched) = fetched {
            // A damaged file is expected to end in a problem.
            let _ = fetched.decode().map_err(|problem| problem.to_string());
        }
    }
    for problem in &dump.problems {
        let _ = problem.to_string();
    }
    serde_json::to_string(&dump.summary()).expect("a summary is JSON");
}
