//! A run in small steps: the coordinator fetches captures, the pool measures them.
//!
//! Nothing here waits. The coordinator calls [`Run::step`] and [`Run::news`] in turns with its messages, so it can be told to stop.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use js_sys::Array;
use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::failure::failure;
use super::json;
use super::source::{forget_arrived, wanted};
use crate::analysis::engine::{self, Plan, Progress, RunError};
use crate::analysis::{Analysis, Report, ReportFile, Row};
use crate::dump::{Dump, Fetches, Problem};

/// An analysis that goes on.
#[wasm_bindgen]
pub struct Run {
    /// Gone once it is finished.
    run: Option<engine::Run>,
    fetches: Fetches,
    /// Captures whose bytes were announced and that were not fetched since.
    announced: usize,
    cancel: Arc<AtomicBool>,
    files: Vec<ReportFile>,
}

/// What happened since the last question.
#[derive(Serialize)]
struct News {
    progress: Progress,
    rows: Vec<Row>,
    done: bool,
}

/// What is only known at the end.
#[derive(Serialize)]
struct Summary {
    report: Report,
    problems: Vec<Problem>,
    workers: usize,
}

impl Run {
    /// Nothing is read yet.
    pub(super) fn new(dump: &Dump, analysis: Arc<dyn Analysis>, plan: Plan) -> Self {
        let fetches = dump.fetches(plan.indices());
        let run = engine::Run::new(analysis, plan, "");
        forget_arrived();
        Self {
            cancel: run.cancel_flag(),
            run: Some(run),
            fetches,
            announced: 0,
            files: Vec::new(),
        }
    }

    fn going(&mut self) -> Result<&mut engine::Run, JsValue> {
        let finished = || failure("panic", "the run was finished before");
        self.run.as_mut().ok_or_else(finished)
    }
}

#[wasm_bindgen]
impl Run {
    /// Fetches the next capture and gives it to the pool (in the serial build: measures it). False when there is nothing to do now: the
    /// pool has all it may have, or everything is fetched.
    pub fn step(&mut self) -> Result<bool, JsValue> {
        if !self.going()?.has_room() {
            return Ok(false);
        }
        let Some((index, fetched)) = self.fetches.next() else {
            return Ok(false);
        };
        self.announced = self.announced.saturating_sub(1);
        self.going()?.start(index, fetched);
        Ok(true)
    }

    /// What the next capture will need that nothing was said of yet, to be read before its [`Run::step`]: see [`wanted`]. Nothing when
    /// no capture is left that is read by itself.
    pub fn ahead(&mut self) -> Option<Array> {
        let is_one = self.fetches.announce(self.announced);
        self.announced += usize::from(is_one);
        is_one.then(wanted)
    }

    /// Progress and the rows that got ready, as JSON.
    ///
    /// # Errors
    /// When the run can't go on.
    pub fn news(&mut self) -> Result<String, JsValue> {
        let run = self.going()?;
        let mut rows = Vec::new();
        run.poll(Duration::ZERO, &mut |ready| rows.extend_from_slice(ready))
            .map_err(|error| failure(code(&error), &error.to_string()))?;
        Ok(json(&News {
            progress: run.progress(),
            rows,
            done: run.is_done(),
        }))
    }

    /// The report as JSON, once everything is done. Its rows are left out: they were all in the news.
    pub fn finish(&mut self) -> Result<String, JsValue> {
        let workers = self.going()?.workers();
        let Some(run) = self.run.take() else {
            return Ok(String::new());
        };
        let (mut report, problems) = run.finish();
        self.files = std::mem::take(&mut report.files);
        report.rows = Vec::new();
        Ok(json(&Summary {
            report,
            problems,
            workers,
        }))
    }

    /// How many files the report has.
    #[wasm_bindgen(js_name = fileCount)]
    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    /// The name of a file.
    #[wasm_bindgen(js_name = fileName)]
    pub fn file_name(&self, index: usize) -> Option<String> {
        self.files.get(index).map(|file| file.name.clone())
    }

    /// The bytes of a file.
    #[wasm_bindgen(js_name = fileBytes)]
    pub fn file_bytes(&self, index: usize) -> Option<Vec<u8>> {
        self.files.get(index).map(|file| file.bytes.clone())
    }

    /// Lets the captures that wait in the pool go by unmeasured; true when none is being measured any more.
    pub fn stop(&mut self) -> bool {
        self.cancel.store(true, Ordering::Relaxed);
        // One is ours, one the run's; every task in the pool holds another.
        Arc::strong_count(&self.cancel) <= 2
    }
}

/// How the page speaks of it.
fn code(error: &RunError) -> &'static str {
    match error {
        RunError::Cancelled => "cancelled",
        RunError::Measure { .. } | RunError::Panic { .. } => "panic",
    }
}

// After a panic the coordinator drops the run; nothing half-done is looked at again.
impl UnwindSafe for Run {}
impl RefUnwindSafe for Run {}
