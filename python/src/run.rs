//! Runs an analysis without blocking Python: the GIL is released, and taken now and then to check for Ctrl-C and to report progress.

use crate::apart::{ASK, all_cores};
use crate::dump::PyDump;
use crate::errors::{Raised, job as job_error, system, value};
use crate::report::PyReport;
use kvlens::analysis::{Job, Progress};
use kvlens::dump::Dump;
use kvlens::par::MAX_THREADS;
use kvlens::rows::{Findings, Head, Line, RowsWriter};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::mem::take;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// How an analysis is run: whether streams are verified, number of threads, folder, whether rows are kept.
type How = (bool, Option<i64>, String, bool);

fn job(analysis: &str, settings: Vec<(String, String)>) -> PyResult<Job> {
    Job::new(analysis, settings).map_err(job_error)
}

fn threads_of(number: i64) -> PyResult<usize> {
    let allowed = (1..=i64::from(MAX_THREADS))
        .contains(&number)
        .then_some(number);
    let threads = allowed.and_then(|number| usize::try_from(number).ok());
    threads.ok_or_else(|| {
        value(format!(
            "threads: {number} is not a whole number from 1 to {MAX_THREADS}"
        ))
    })
}

/// Checks the settings of an analysis that is to be measured in parts, and that it can be.
#[pyfunction]
pub fn check_parts(analysis: &str, settings: Vec<(String, String)>) -> PyResult<()> {
    let job = job(analysis, settings)?;
    job.joining().map(drop).map_err(job_error)
}

/// Indices in the dump of the captures that an analysis measures.
#[pyfunction]
pub fn plan(
    dump: &PyDump,
    analysis: &str,
    settings: Vec<(String, String)>,
) -> PyResult<Vec<usize>> {
    let job = job(analysis, settings)?;
    job.check(&dump.dump).map_err(job_error)?;
    Ok(job.plan(&dump.dump).indices().collect())
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
    let threads = threads.map_or_else(|| Ok(all_cores()), threads_of)?;
    let job = job(analysis, settings)?
        .verify(verify)
        .threads(threads)
        .folder(folder)
        .cancel(Arc::clone(&cancel));
    let is_by_rows = job.joining().is_ok();
    let head = Head::new(&job, &dump.dump, &job.plan(&dump.dump));
    let asker = Asker {
        tell: progress,
        raised: dump.raised.clone(),
        cancel,
        last: None,
    };
    let raised = &dump.raised;
    let lines: Arc<Mutex<Vec<Line>>> = Arc::default();
    let job = ask_and_keep(
        job,
        asker,
        &lines,
        &dump.dump,
        keep_rows || numbers.is_some(),
    );
    let source = Arc::clone(&dump.dump);
    let report = py.detach(|| job.run(&source));
    raised.check()?;
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
    raised: Raised,
    cancel: Arc<AtomicBool>,
    last: Option<Instant>,
}

impl Asker {
    fn ask(&mut self, progress: Progress) {
        if self.raised.is_set() {
            self.cancel.store(true, Ordering::Relaxed);
            return;
        }
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
            self.raised.set(error);
            self.cancel.store(true, Ordering::Relaxed);
        }
    }
}
