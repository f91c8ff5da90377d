//! A run in small steps: the coordinator fetches captures, the pool measures them.
//!
//! Nothing here waits. The coordinator calls [`Run::step`] and [`Run::news`] in turns with its messages, so it can be told to stop.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

use js_sys::Array;
use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::failure::failure;
use super::json;
use super::source::{forget_arrived, wanted};
use crate::analysis::{JobError, Progress, Report, ReportFile, Row, Session};
use crate::dump::Problem;

/// An analysis that goes on.
#[wasm_bindgen]
pub struct Run {
    /// Gone once it is finished.
    session: Option<Box<dyn Session>>,
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
    pub(super) fn new(session: Box<dyn Session>) -> Self {
        forget_arrived();
        Self {
            session: Some(session),
            files: Vec::new(),
        }
    }

    fn going(&mut self) -> Result<&mut Box<dyn Session>, JsValue> {
        let finished = || failure("panic", "the run was finished before");
        self.session.as_mut().ok_or_else(finished)
    }
}

#[wasm_bindgen]
impl Run {
    /// Reads the next capture and gives it to the pool (in the serial build: measures it). False when there is nothing to do now: the
    /// pool has all it may have, or everything is read.
    pub fn step(&mut self) -> Result<bool, JsValue> {
        Ok(self.going()?.step())
    }

    /// What the next capture will need that nothing was said of yet, to be read before its [`Run::step`]: see [`wanted`]. Nothing when
    /// no capture is left that is read by itself.
    pub fn ahead(&mut self) -> Option<Array> {
        self.session.as_mut()?.announce().then(wanted)
    }

    /// Progress and the rows that got ready, as JSON.
    ///
    /// # Errors
    /// When the run can't go on.
    pub fn news(&mut self) -> Result<String, JsValue> {
        let session = self.going()?;
        let mut rows = Vec::new();
        session
            .poll(Duration::ZERO, &mut |ready| rows.extend_from_slice(ready))
            .map_err(|error| failure(code(&error), &error.to_string()))?;
        Ok(json(&News {
            progress: session.progress(),
            rows,
            done: session.is_done(),
        }))
    }

    /// The report as JSON, once everything is done. Its rows are left out: they were all in the news.
    pub fn finish(&mut self) -> Result<String, JsValue> {
        let workers = self.going()?.workers();
        let Some(session) = self.session.take() else {
            return Ok(String::new());
        };
        let mut report = session.finish();
        let problems = std::mem::take(&mut report.problems);
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
        self.session.as_ref().is_none_or(|session| {
            session.cancel();
            session.is_idle()
        })
    }
}

/// How the page speaks of it.
pub(super) fn code(error: &JobError) -> &'static str {
    match error {
        JobError::UnknownAnalysis { .. } | JobError::Settings(_) => "settings",
        JobError::NoCapture { .. } | JobError::AllLossless { .. } => "dump",
        JobError::Threads(_) => "start",
        JobError::Cancelled => "cancelled",
        JobError::Measure { .. } | JobError::Panic { .. } => "panic",
    }
}

// After a panic the coordinator drops the run; nothing half-done is looked at again.
impl UnwindSafe for Run {}
impl RefUnwindSafe for Run {}
