//! An analysis in small steps: the coordinator fetches captures, the pool measures them.
//!
//! Nothing here waits. The coordinator calls [`Session::step`] and [`Session::news`] in turns with its messages, so it can be told to stop.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

use js_sys::Array;
use wasm_bindgen::prelude::*;

use super::messages::{News, Summary};
use super::source::{forget_arrived, wanted};
use super::value::{failure, to_js};
use crate::analysis::{self, JobError, ReportFile};

/// An analysis under way.
#[wasm_bindgen]
pub struct Session {
    /// Gone once it is finished.
    session: Option<Box<dyn analysis::Session>>,
    files: Vec<ReportFile>,
}

impl Session {
    /// Nothing is read yet.
    pub(super) fn new(session: Box<dyn analysis::Session>) -> Self {
        forget_arrived();
        Self {
            session: Some(session),
            files: Vec::new(),
        }
    }

    fn going(&mut self) -> Result<&mut Box<dyn analysis::Session>, JsValue> {
        self.session.as_mut().ok_or_else(finished)
    }
}

#[wasm_bindgen]
impl Session {
    /// Reads the next capture and gives it to the pool (in the serial build: measures it). False when there is nothing to do now: the
    /// pool has all it may have, or everything is read.
    pub fn step(&mut self) -> Result<bool, JsValue> {
        Ok(self.going()?.step())
    }

    /// What the next capture will need that nothing was said of yet, to be read before its [`Session::step`]: see [`wanted`]. Nothing when
    /// no capture is left that is read by itself.
    pub fn ahead(&mut self) -> Option<Array> {
        self.session.as_mut()?.announce().then(wanted)
    }

    /// Progress and the rows that got ready.
    ///
    /// # Errors
    /// When the analysis can't go on.
    #[wasm_bindgen(unchecked_return_type = "News")]
    pub fn news(&mut self) -> Result<JsValue, JsValue> {
        let session = self.going()?;
        let mut rows = Vec::new();
        session
            .poll(Duration::ZERO, &mut |ready| rows.extend_from_slice(ready))
            .map_err(|error| job_failure(&error))?;
        to_js(&News {
            progress: session.progress(),
            rows,
            done: session.is_done(),
        })
    }

    /// The report on what is known so far; `null` where the analysis can't tell before its end.
    #[wasm_bindgen(js_name = soFar, unchecked_return_type = "Report | null")]
    pub fn so_far(&mut self) -> Result<JsValue, JsValue> {
        to_js(&self.going()?.so_far())
    }

    /// The report, once everything is done. Its rows are left out: they were all in the news.
    #[wasm_bindgen(unchecked_return_type = "Summary")]
    pub fn finish(&mut self) -> Result<JsValue, JsValue> {
        let session = self.session.take().ok_or_else(finished)?;
        let workers = session.workers();
        let mut report = session.finish();
        self.files = std::mem::take(&mut report.files);
        report.rows = Vec::new();
        to_js(&Summary { report, workers })
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

fn finished() -> JsValue {
    failure("panic", "the analysis was finished before")
}

/// The error as the page gets it.
pub(super) fn job_failure(error: &JobError) -> JsValue {
    let code = match error {
        JobError::UnknownAnalysis { .. } | JobError::Settings(_) | JobError::NoParts { .. } => {
            "settings"
        }
        JobError::NoCapture { .. } | JobError::AllLossless { .. } => "dump",
        JobError::Threads(_) => "start",
        JobError::Cancelled => "cancelled",
        JobError::Measure { .. } | JobError::Panic { .. } => "panic",
    };
    failure(code, &error.to_string())
}

// After a panic the coordinator drops it; nothing half-done is looked at again.
impl UnwindSafe for Session {}
impl RefUnwindSafe for Session {}
