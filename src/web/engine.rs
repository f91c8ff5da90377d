//! The engine as the coordinator worker holds it: the user's files, the dump in them, and runs over it.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use serde_json::{Map, Value};
use wasm_bindgen::prelude::*;
use web_sys::File;

use super::messages::{Prospect, SettingFault};
use super::run::Run;
use super::source::{WebFile, WebSource, keep};
use super::value::{failure, from_js, to_js};
use crate::analysis::engine::Plan;
use crate::analysis::{self, Analysis, Filter, Settings, SettingsError};
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

/// What to run over which captures.
struct Job {
    analysis: Arc<dyn Analysis>,
    plan: Plan,
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

    /// Scans all files; its summary. `added` are the paths that are new: their runs count again, if they were removed before.
    pub fn scan(&mut self, added: Vec<String>) -> Result<JsValue, JsValue> {
        let files = self.files.values().cloned().collect();
        let source: Arc<dyn Source> = Arc::new(WebSource::new(files));
        let options = ScanOptions {
            mapping: self.mapping.clone(),
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
        to_js(&self.dump.summary())
    }

    /// How arrays without meta files are to be read ([`Mapping`]). Scans again; its summary.
    #[wasm_bindgen(js_name = setMapping)]
    pub fn set_mapping(&mut self, mapping: JsValue) -> Result<JsValue, JsValue> {
        self.mapping = from_js(mapping)?;
        self.scan(Vec::new())
    }

    /// Leaves a run out; the summary.
    #[wasm_bindgen(js_name = removeRun)]
    pub fn remove_run(&mut self, run: String) -> Result<JsValue, JsValue> {
        self.leave_out(&run);
        self.removed.insert(run);
        to_js(&self.dump.summary())
    }

    /// What a run would go through, and what is wrong with its settings.
    pub fn plan(&self, analysis: &str, settings: JsValue) -> Result<JsValue, JsValue> {
        let prospect = match self.job(analysis, settings, false)? {
            Ok(Job { plan, .. }) => Prospect {
                captures: plan.captures(),
                bytes: plan.bytes(),
                errors: Vec::new(),
            },
            Err(errors) => Prospect {
                errors: errors.iter().map(SettingFault::from).collect(),
                ..Prospect::default()
            },
        };
        to_js(&prospect)
    }

    /// Starts an analysis: `settings` is an object of flags and values.
    pub fn start(&self, analysis: &str, settings: JsValue, verify: bool) -> Result<Run, JsValue> {
        match self.job(analysis, settings, verify)? {
            Ok(Job { plan, .. }) if plan.kept() == 0 => Err(failure(
                "dump",
                "no capture is left after the filters by stage and length",
            )),
            Ok(Job { analysis, plan }) => Ok(Run::new(&self.dump, analysis, plan)),
            Err(errors) => {
                let words: Vec<String> = errors.iter().map(SettingsError::to_string).collect();
                Err(failure("settings", &words.join("\n")))
            }
        }
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

    /// The analysis with these settings, and the captures it goes through.
    fn job(
        &self,
        analysis: &str,
        settings: JsValue,
        verify: bool,
    ) -> Result<Result<Job, Vec<SettingsError>>, JsValue> {
        let unknown = || failure("settings", &format!("{analysis}: no such analysis"));
        let given: Map<String, Value> = from_js(settings)?;
        let mut specs = analysis::specs().into_iter();
        let spec = specs
            .find(|spec| spec.name == analysis)
            .ok_or_else(unknown)?;
        let settings = match Settings::from_json(spec.params, &given) {
            Ok(settings) => settings,
            Err(errors) => return Ok(Err(errors)),
        };
        let filter = Filter::new(&settings);
        let analysis = analysis::build(analysis, settings, verify).ok_or_else(unknown)?;
        let plan = Plan::new(&self.dump, &filter, analysis.as_ref());
        Ok(Ok(Job { analysis, plan }))
    }
}

// After a panic the dump is what it was: it is only ever replaced as a whole.
impl UnwindSafe for Engine {}
impl RefUnwindSafe for Engine {}
