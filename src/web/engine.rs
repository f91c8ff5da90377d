//! The engine as the coordinator worker holds it: the user's files, the dump in them, and runs over it.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use serde::Serialize;
use wasm_bindgen::prelude::*;
use web_sys::File;

use super::failure::{failure, from_json};
use super::json;
use super::run::{Run, code};
use super::source::{WebFile, WebSource, keep};
use crate::analysis::{Job, JobError, SettingsError, Value};
use crate::dump::{Dump, FileEntry, Mapping, ScanOptions, Source, scan};

/// The user's files and the dump in them.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Engine {
    files: BTreeMap<String, WebFile>,
    pub(super) dump: Dump,
    removed: BTreeSet<String>,
    mapping: Mapping,
}

/// What a run would go through, for the page.
#[derive(Default, Serialize)]
struct Prospect {
    captures: usize,
    bytes: u64,
    combinations: usize,
    errors: Vec<SettingFault>,
}

#[derive(Serialize)]
struct SettingFault {
    flag: String,
    message: String,
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
        let options = ScanOptions {
            mapping: self.mapping.clone(),
            part_decoder: crate::pack::decoder(),
            ..ScanOptions::default()
        };
        self.dump = scan(&source, &options);
        let added: BTreeSet<&str> = added.iter().map(String::as_str).collect();
        for capture in &self.dump.captures {
            // The path of an archive's entry goes on behind the archive's own.
            let path = capture.path.as_str();
            let mut files = path.match_indices('/').map(|(end, _)| &path[..end]);
            if added.contains(path) || files.any(|file| added.contains(file)) {
                self.removed.remove(&capture.run);
            }
        }
        for run in self.removed.clone() {
            self.leave_out(&run);
        }
        json(&self.dump.summary())
    }

    /// How arrays without meta files are to be read, as JSON of [`Mapping`]. Scans again; the summary as JSON.
    #[wasm_bindgen(js_name = setMapping)]
    pub fn set_mapping(&mut self, mapping: &str) -> Result<String, JsValue> {
        self.mapping = from_json(mapping)?;
        Ok(self.scan(Vec::new()))
    }

    /// Leaves a run out; the summary as JSON.
    #[wasm_bindgen(js_name = removeRun)]
    pub fn remove_run(&mut self, run: String) -> String {
        self.leave_out(&run);
        self.removed.insert(run);
        json(&self.dump.summary())
    }

    /// What a run would go through, and what is wrong with its settings, as JSON.
    pub fn plan(&self, analysis: &str, settings: &str) -> Result<String, JsValue> {
        let prospect = match job(analysis, settings)? {
            Ok(job) => {
                let plan = job.plan(&self.dump);
                Prospect {
                    captures: plan.captures(),
                    bytes: plan.bytes(),
                    combinations: plan.combinations(),
                    errors: Vec::new(),
                }
            }
            Err(errors) => Prospect {
                errors: errors.iter().map(SettingFault::of).collect(),
                ..Prospect::default()
            },
        };
        Ok(json(&prospect))
    }

    /// Starts an analysis: `settings` is a JSON object of flags and values.
    pub fn start(&self, analysis: &str, settings: &str, verify: bool) -> Result<Run, JsValue> {
        let job = job(analysis, settings)?.map_err(|errors| {
            let words: Vec<String> = errors.iter().map(SettingsError::to_string).collect();
            failure("settings", &words.join("\n"))
        })?;
        let session = job.verify(verify).start(&self.dump);
        session
            .map(Run::new)
            .map_err(|error| failure(code(&error), &error.to_string()))
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

/// The analysis with these settings (a JSON object of flags and values), or what is wrong with them.
fn job(analysis: &str, settings: &str) -> Result<Result<Job, Vec<SettingsError>>, JsValue> {
    let given: BTreeMap<String, Value> = from_json(settings)?;
    match Job::new(analysis, given) {
        Ok(job) => Ok(Ok(job)),
        Err(JobError::Settings(errors)) => Ok(Err(errors.0)),
        Err(error) => Err(failure(code(&error), &error.to_string())),
    }
}

impl SettingFault {
    fn of(error: &SettingsError) -> Self {
        Self {
            flag: error.flag().to_owned(),
            message: error.to_string(),
        }
    }
}

// After a panic the dump is what it was: it is only ever replaced as a whole.
impl UnwindSafe for Engine {}
impl RefUnwindSafe for Engine {}
