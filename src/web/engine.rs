//! The engine as the coordinator worker holds it: the user's files, the dump in them, and runs over it.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use wasm_bindgen::prelude::*;
use web_sys::File;

use super::json;
use super::source::{WebFile, WebSource, keep};
use crate::dump::{Dump, FileEntry, ScanOptions, Source, scan};

/// The user's files and the dump in them.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Engine {
    files: BTreeMap<String, WebFile>,
    dump: Dump,
    removed: BTreeSet<String>,
}

#[wasm_bindgen]
impl Engine {
    /// One without files.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a file in, in place of one with the same path; `content` is all of it, where it was read ahead.
    pub fn add(&mut self, path: String, file: File, content: Option<Vec<u8>>) {
        let size = file.size() as u64;
        let file = WebFile {
            entry: FileEntry {
                path: path.clone(),
                size,
            },
            key: keep(file),
            content,
        };
        self.files.insert(path, file);
    }

    /// Scans all files; the summary as JSON. `added` are the paths that are new: their runs count again, if they were removed before.
    pub fn scan(&mut self, added: Vec<String>) -> String {
        let files = self.files.values().cloned().collect();
        let source: Arc<dyn Source> = Arc::new(WebSource::new(files));
        self.dump = scan(&source, &ScanOptions::default());
        let added: BTreeSet<&str> = added.iter().map(String::as_str).collect();
        for capture in &self.dump.captures {
            if added.contains(capture.path.as_str()) {
                self.removed.remove(&capture.run);
            }
        }
        for run in self.removed.clone() {
            self.leave_out(&run);
        }
        json(&self.dump.summary())
    }

    /// Leaves a run out; the summary as JSON.
    #[wasm_bindgen(js_name = removeRun)]
    pub fn remove_run(&mut self, run: String) -> String {
        self.leave_out(&run);
        self.removed.insert(run);
        json(&self.dump.summary())
    }
}

impl Engine {
    fn leave_out(&mut self, run: &str) {
        self.dump.remove_run(run);
        // A problem belongs to the run that its path goes through.
        self.dump
            .problems
            .retain(|problem| !problem.file.split('/').any(|part| part == run));
    }
}

// After a panic the dump is what it was: it is only ever replaced as a whole.
impl UnwindSafe for Engine {}
impl RefUnwindSafe for Engine {}
