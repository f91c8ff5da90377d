//! The engine, as the coordinator worker holds it: the user's files, the dump in them, and the analyses of it.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use wasm_bindgen::prelude::*;
use web_sys::File;

use super::messages::{JudgeRequest, PlanSummary, SettingFault, Verdict};
use super::sample::Sample;
use super::session::{Session, job_failure};
use super::source::{WebFile, WebSource, keep};
use super::value::{from_js, to_js};
use crate::analysis::{Job, JobError, Value, judge_sweep};
use crate::dump::{Dump, FileEntry, Mapping, ScanOptions, Source, scan};

/// The user's files, and the dump in them.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Engine {
    files: BTreeMap<String, WebFile>,
    pub(super) dump: Dump,
    removed: BTreeSet<String>,
    mapping: Mapping,
}

#[wasm_bindgen]
impl Engine {
    /// An engine without files.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file, or replaces the one with the same path; `content` holds all its bytes if they were read ahead.
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

    /// Scans all files and returns the dump's summary. `added` are the paths of new files: runs in them that were removed before are
    /// restored.
    #[wasm_bindgen(unchecked_return_type = "DumpSummary")]
    pub fn scan(&mut self, added: Vec<String>) -> Result<JsValue, JsValue> {
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
            // The path of an archive's entry starts with the archive's own.
            let path = capture.path.as_str();
            let mut files = path.match_indices('/').map(|(end, _)| &path[..end]);
            if added.contains(path) || files.any(|file| added.contains(file)) {
                self.removed.remove(&capture.run);
            }
        }
        for run in self.removed.clone() {
            self.dump.remove_run(&run);
        }
        to_js(&self.dump.summary())
    }

    /// Sets how arrays without meta files are read ([`Mapping`]), scans again and returns the dump's summary.
    #[wasm_bindgen(js_name = setMapping, unchecked_return_type = "DumpSummary")]
    pub fn set_mapping(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "Mapping")] mapping: JsValue,
    ) -> Result<JsValue, JsValue> {
        self.mapping = from_js(mapping)?;
        self.scan(Vec::new())
    }

    /// Removes a run from the dump; returns the summary of what remains.
    #[wasm_bindgen(js_name = removeRun, unchecked_return_type = "DumpSummary")]
    pub fn remove_run(&mut self, run: String) -> Result<JsValue, JsValue> {
        self.dump.remove_run(&run);
        self.removed.insert(run);
        to_js(&self.dump.summary())
    }

    /// Restores a run that was removed; returns the new summary.
    #[wasm_bindgen(js_name = restoreRun, unchecked_return_type = "DumpSummary")]
    pub fn restore_run(&mut self, run: &str) -> Result<JsValue, JsValue> {
        self.removed.remove(run);
        self.scan(Vec::new())
    }

    /// What an analysis would measure, and which of its settings (an object from flags to values) are invalid.
    #[wasm_bindgen(unchecked_return_type = "PlanSummary")]
    pub fn plan(
        &self,
        analysis: &str,
        #[wasm_bindgen(unchecked_param_type = "Record<string, Value>")] settings: JsValue,
    ) -> Result<JsValue, JsValue> {
        let summary = match job(analysis, settings)? {
            Ok(job) => {
                let plan = job.plan(&self.dump);
                PlanSummary {
                    captures: plan.captures(),
                    bytes: plan.bytes(),
                    combinations: plan.combinations(),
                    errors: Vec::new(),
                }
            }
            Err(JobError::Settings(errors)) => PlanSummary {
                errors: errors.0.iter().map(SettingFault::from).collect(),
                ..PlanSummary::default()
            },
            Err(error) => return Err(job_failure(&error)),
        };
        to_js(&summary)
    }

    /// Judges a sweep's report by changed thresholds ([`JudgeRequest`]), without another run.
    #[wasm_bindgen(unchecked_return_type = "Verdict")]
    pub fn judge(
        &self,
        #[wasm_bindgen(unchecked_param_type = "JudgeRequest")] request: JsValue,
    ) -> Result<JsValue, JsValue> {
        let JudgeRequest {
            settings,
            groups,
            captures,
            other_types,
        } = from_js(request)?;
        let judged = judge_sweep(settings, groups, captures, &other_types)
            .map_err(|error| job_failure(&error))?;
        to_js(&Verdict::from(judged))
    }

    /// Starts an analysis of all captures or, for an estimate, of a sample ([`Sample`]).
    pub fn start(
        &self,
        analysis: &str,
        #[wasm_bindgen(unchecked_param_type = "Record<string, Value>")] settings: JsValue,
        verify: bool,
        #[wasm_bindgen(unchecked_param_type = "Sample | null")] sample: JsValue,
    ) -> Result<Session, JsValue> {
        let sample: Option<Sample> = from_js(sample)?;
        let session = job(analysis, settings)?.and_then(|job| {
            let job = job.verify(verify).rounding(true);
            match sample {
                Some(sample) => {
                    let sample = sample.of(&self.dump, &job.plan(&self.dump));
                    job.of_chosen().start(&sample)
                }
                None => job.start(&self.dump),
            }
        });
        session
            .map(Session::new)
            .map_err(|error| job_failure(&error))
    }
}

/// The analysis with these settings.
fn job(analysis: &str, settings: JsValue) -> Result<Result<Job, JobError>, JsValue> {
    let settings: BTreeMap<String, Value> = from_js(settings)?;
    Ok(Job::new(analysis, settings))
}

// A panic leaves the dump intact: it is only ever replaced as a whole.
impl UnwindSafe for Engine {}
impl RefUnwindSafe for Engine {}
