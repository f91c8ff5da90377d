//! A run in small steps: the coordinator fetches captures, the pool measures them.
//!
//! Nothing here waits. The coordinator calls [`Run::step`] and [`Run::news`] in turns with its messages, so it can be told to stop.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use js_sys::Array;
use wasm_bindgen::prelude::*;

use super::messages::{News, Summary};
use super::source::{forget_arrived, wanted};
use super::value::{failure, to_js};
use crate::analysis::engine::{self, Plan, RunError};
use crate::analysis::{Analysis, ReportFile};
use crate::dump::{Dump, Fetches};

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

    /// Progress and the rows that got ready.
    ///
    /// # Errors
    /// When the run can't go on.
    pub fn news(&mut self) -> Result<JsValue, JsValue> {
        let run = self.going()?;
        let mut rows = Vec::new();
        run.poll(Duration::ZERO, &mut |ready| rows.extend_from_slice(ready))
            .map_err(|error| failure(code(&error), &error.to_string()))?;
        to_js(&News {
            progress: run.progress(),
            rows,
            done: run.is_done(),
        })
    }

    /// The report, once everything is done. Its rows are left out: they were all in the news.
    pub fn finish(&mut self) -> Result<JsValue, JsValue> {
        let run = self.run.take().ok_or_else(finished)?;
        let workers = run.workers();
        let (mut report, problems) = run.finish();
        self.files = std::mem::take(&mut report.files);
        report.rows = Vec::new();
        to_js(&Summary {
            report,
            problems,
            workers,
        })
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

fn finished() -> JsValue {
    failure("panic", "the run was finished before")
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
