//! Runs an analysis without blocking Python: the GIL is released, and taken now and then to check for Ctrl-C and to report progress.

use crate::dump::PyDump;
use crate::errors::{job as job_error, system};
use crate::report::PyReport;
use kvlens::analysis::{Job, Progress};
use kvlens::dump::Dump;
use kvlens::rows::{Findings, Head, Line, RowsWriter};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::mem::take;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

/// How often Python gets control.
const ASK: Duration = Duration::from_millis(50);

/// How an analysis is run: whether streams are verified, number of threads, folder, whether rows are kept.
type How = (bool, Option<usize>, String, bool);

fn job(analysis: &str, settings: Vec<(String, String)>) -> PyResult<Job> {
    Job::new(analysis, settings).map_err(job_error)
}

/// Indices in the dump of the captures that an analysis measures.
#[pyfunction]
pub fn plan(
    dump: &PyDump,
    analysis: &str,
    settings: Vec<(String, String)>,
) -> PyResult<Vec<usize>> {
    let job = job(analysis, settings)?;
    job.check(&dump.0).map_err(job_error)?;
    Ok(job.plan(&dump.0).indices().collect())
}

/// Runs an analysis. With `numbers`, the captures' indices in a larger dump, also returns the bytes of a rows file.
#[pyfunction]
pub fn run<'py>(
    py: Python<'py>,
    dump: &PyDump,
    analysis: &str,
    settings: Vec<(String, String)>,
    how: How,
    progress: Option<Py<PyAny>>,
    numbers: Option<Vec<usize>>,
) -> PyResult<(PyReport, Option<Bound<'py, PyBytes>>)> {
    let (verify, threads, folder, keep_rows) = how;
    let cancel = Arc::new(AtomicBool::new(false));
    // A pool of its own: the process's pool does not exist in a forked child.
    let threads = threads.unwrap_or_else(|| available_parallelism().map_or(1, NonZeroUsize::get));
    let job = job(analysis, settings)?
        .verify(verify)
        .threads(threads)
        .folder(folder)
        .cancel(Arc::clone(&cancel));
    let is_by_rows = job.joining().is_ok();
    let head = Head::new(&job, &dump.0, &job.plan(&dump.0));
    let asker = Asker {
        tell: progress,
        raised: Arc::default(),
        cancel,
        last: None,
    };
    let raised = Arc::clone(&asker.raised);
    let lines: Arc<Mutex<Vec<Line>>> = Arc::default();
    let job = ask_and_keep(job, asker, &lines, &dump.0, keep_rows || numbers.is_some());
    let dump = Arc::clone(&dump.0);
    let report = py.detach(|| job.run(&dump));
    if let Some(error) = take(&mut *raised.lock().unwrap_or_else(PoisonError::into_inner)) {
        return Err(error);
    }
    let report = report.map_err(job_error)?;
    let lines = take(&mut *lines.lock().unwrap_or_else(PoisonError::into_inner));
    let rows = match numbers {
        Some(numbers) => {
            let findings = Findings::new(&report.problems, &[], report.signs.clone());
            let bytes = rows_file(&head, &lines, &numbers, findings).map_err(system)?;
            Some(PyBytes::new(py, &bytes))
        }
        None => None,
    };
    let report = PyReport {
        report,
        lines,
        has_rows: keep_rows && is_by_rows,
    };
    Ok((report, rows))
}

fn ask_and_keep(
    job: Job,
    mut asker: Asker,
    lines: &Arc<Mutex<Vec<Line>>>,
    dump: &Dump,
    keep: bool,
) -> Job {
    let job = job.on_progress(move |progress| asker.ask(progress));
    if !keep {
        return job;
    }
    let (kept, captures) = (Arc::clone(lines), dump.captures.clone());
    job.on_rows(move |rows| {
        let line = |row: &kvlens::analysis::Row| Line {
            row: row.clone(),
            capture: Arc::clone(&captures[row.capture.index]),
        };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(rows.iter().map(line));
    })
}

/// The rows as a rows file; captures have their indices in the larger dump.
fn rows_file(
    head: &Head,
    lines: &[Line],
    numbers: &[usize],
    findings: Findings,
) -> std::io::Result<Vec<u8>> {
    let mut writer = RowsWriter::new(Vec::new(), head)?;
    for line in lines {
        let mut line = line.clone();
        let mut info = (*line.row.capture).clone();
        info.index = numbers.get(info.index).copied().unwrap_or(info.index);
        line.row.capture = Arc::new(info);
        writer.push(line)?;
    }
    writer.finish(findings)
}

/// Asks Python now and then whether to continue.
struct Asker {
    tell: Option<Py<PyAny>>,
    raised: Arc<Mutex<Option<PyErr>>>,
    cancel: Arc<AtomicBool>,
    last: Option<Instant>,
}

impl Asker {
    fn ask(&mut self, progress: Progress) {
        let is_last = progress.captures == progress.captures_total;
        if !is_last && self.last.is_some_and(|last| last.elapsed() < ASK) {
            return;
        }
        self.last = Some(Instant::now());
        let asked = Python::attach(|py| {
            py.check_signals()?;
            let Some(tell) = &self.tell else {
                return Ok(());
            };
            let Progress {
                captures,
                captures_total,
                bytes,
                bytes_total,
                ..
            } = progress;
            tell.call1(py, (captures, captures_total, bytes, bytes_total))?;
            Ok(())
        });
        if let Err(error) = asked {
            // Only the first exception counts.
            let mut raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
            raised.get_or_insert(error);
            self.cancel.store(true, Ordering::Relaxed);
        }
    }
}
