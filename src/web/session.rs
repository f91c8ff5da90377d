//! An analysis in small steps: the coordinator fetches captures, the pool measures them.
//!
//! No call blocks. The coordinator alternates [`Session::step`] and [`Session::news`] with handling its messages, so that it can be
//! cancelled.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

use js_sys::Array;
use wasm_bindgen::prelude::*;

use super::messages::{News, Summary};
use super::source::{forget_arrived, wanted};
use super::value::{failure, to_js};
use crate::analysis::{self, JobError, ReportFile};

/// An analysis in progress.
#[wasm_bindgen]
pub struct Session {
    /// `None` once it is finished.
    session: Option<Box<dyn analysis::Session>>,
    files: Vec<ReportFile>,
}

impl Session {
    /// A session that has not read anything yet.
    pub(super) fn new(session: Box<dyn analysis::Session>) -> Self {
        forget_arrived();
        Self {
            session: Some(session),
            files: Vec::new(),
        }
    }

    fn news_with(&mut self, waiting: bool) -> Result<JsValue, JsValue> {
        let session = self.going()?;
        let mut rows = Vec::new();
        session
            .poll(Duration::ZERO, &mut |ready| rows.extend_from_slice(ready))
            .map_err(|error| job_failure(&error))?;
        if waiting {
            rows.extend(session.waiting());
        }
        to_js(&News {
            progress: session.progress(),
            rows,
            done: session.is_done(),
        })
    }

    fn going(&mut self) -> Result<&mut Box<dyn analysis::Session>, JsValue> {
        self.session.as_mut().ok_or_else(finished)
    }
}

#[wasm_bindgen]
impl Session {
    /// Reads the next capture and hands it to the pool (in the serial build, measures it). Returns false when there is nothing to do now:
    /// the pool has as much as it may hold, or everything has been read.
    pub fn step(&mut self) -> Result<bool, JsValue> {
        Ok(self.going()?.step())
    }

    /// The reads of the next capture that was not announced yet, to be done before its [`Session::step`]: see [`wanted`]. `None` when no
    /// separately read capture is left.
    pub fn ahead(&mut self) -> Option<Array> {
        self.session.as_mut()?.announce().then(wanted)
    }

    /// Progress, and the rows since the previous call.
    ///
    /// # Errors
    /// When the analysis can't continue.
    #[wasm_bindgen(unchecked_return_type = "News")]
    pub fn news(&mut self) -> Result<JsValue, JsValue> {
        self.news_with(false)
    }

    /// [`Session::news`] of one that is about to be stopped: also rows that wait for others before them in dump order.
    ///
    /// # Errors
    /// When the analysis can't continue.
    #[wasm_bindgen(js_name = lastNews, unchecked_return_type = "News")]
    pub fn last_news(&mut self) -> Result<JsValue, JsValue> {
        self.news_with(true)
    }

    /// A report on the results so far; `null` where the analysis has one only at the end.
    #[wasm_bindgen(js_name = soFar, unchecked_return_type = "Report | null")]
    pub fn so_far(&mut self) -> Result<JsValue, JsValue> {
        to_js(&self.going()?.so_far())
    }

    /// The report, once everything is measured; without its rows, which the news had already.
    #[wasm_bindgen(unchecked_return_type = "Summary")]
    pub fn finish(&mut self) -> Result<JsValue, JsValue> {
        let session = self.session.take().ok_or_else(finished)?;
        let workers = session.workers();
        let mut report = session.finish();
        self.files = std::mem::take(&mut report.files);
        report.rows = Vec::new();
        to_js(&Summary { report, workers })
    }

    /// Number of report files.
    #[wasm_bindgen(js_name = fileCount)]
    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    /// Name of the report file at `index`.
    #[wasm_bindgen(js_name = fileName)]
    pub fn file_name(&self, index: usize) -> Option<String> {
        self.files.get(index).map(|file| file.name.clone())
    }

    /// Contents of the report file at `index`.
    #[wasm_bindgen(js_name = fileBytes)]
    pub fn file_bytes(&self, index: usize) -> Option<Vec<u8>> {
        self.files.get(index).map(|file| file.bytes.clone())
    }

    /// Skips the captures that wait in the pool; returns true once none is being measured.
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

/// The error in the page's form.
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

// After a panic the coordinator drops it without looking at it again.
impl UnwindSafe for Session {}
impl RefUnwindSafe for Session {}
