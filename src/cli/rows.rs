//! `--rows FILE`: writes the rows of a run as they come, to a temporary name until the file is complete.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use kvlens::analysis::{Job, Part, Plan, Report, Row};
use kvlens::dump::{Capture, Dump, unfinished_folder};
use kvlens::rows::{Findings, Head, Line, RowsWriter};
use tempfile::TempDir;

use super::failure::Failure;
use super::staging::Folders;

/// State of the file that is being written.
enum State {
    Open(Box<RowsWriter<BufWriter<File>>>),
    Failed(io::Error),
}

/// A rows file that is being written; dropping it before [`RowsFile::finish`] removes it.
pub struct RowsFile {
    path: PathBuf,
    part: Part,
    /// Before the folders, which go only once they are empty: fields are dropped in this order.
    stage: TempDir,
    folders: Folders,
    state: Arc<Mutex<State>>,
}

impl RowsFile {
    /// Starts the file that will be at `path`.
    pub fn begin(path: &Path, job: &Job, dump: &Dump, plan: &Plan) -> Result<Self, Failure> {
        let wrong = |error: io::Error| Failure::new(1, format!("{}: {error}", path.display()));
        let parent = path.parent().unwrap_or(Path::new("."));
        if path.is_dir() {
            return Err(wrong(io::ErrorKind::IsADirectory.into()));
        }
        let mut folders = Folders::default();
        folders.make(parent).map_err(wrong)?;
        let stage = unfinished_folder(parent, "rows").map_err(wrong)?;
        let file = File::create_new(stage.path().join("rows")).map_err(wrong)?;
        let writer = RowsWriter::new(BufWriter::new(file), &Head::new(job, dump, plan));
        Ok(Self {
            path: path.to_path_buf(),
            part: job.which_part(),
            stage,
            folders,
            state: Arc::new(Mutex::new(State::Open(Box::new(writer.map_err(wrong)?)))),
        })
    }

    /// A function that writes rows as they come; when writing fails, it sets `end`, which cancels the run.
    pub fn taker(&self, dump: &Dump, end: &Arc<AtomicBool>) -> impl FnMut(&[Row]) + Send + 'static {
        let (state, end) = (Arc::clone(&self.state), Arc::clone(end));
        let captures: Vec<Arc<Capture>> = dump.captures.clone();
        move |rows| {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let State::Open(writer) = &mut *state else {
                return;
            };
            let written = rows.iter().try_for_each(|row| {
                let capture = Arc::clone(&captures[row.capture.index]);
                let row = row.clone();
                writer.push(Line { row, capture })
            });
            if let Err(error) = written {
                *state = State::Failed(error);
                end.store(true, Ordering::Relaxed);
            }
        }
    }

    /// The failure of writing rows, if there was one.
    pub fn failure(&self) -> Option<Failure> {
        match &*self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Open(_) => None,
            State::Failed(error) => {
                Some(Failure::new(1, format!("{}: {error}", self.path.display())))
            }
        }
    }

    /// Completes the file and renames it to its final path.
    pub fn finish(mut self, report: &Report, dump: &Dump) -> Result<(), Failure> {
        let wrong = |error: io::Error| Failure::new(1, format!("{}: {error}", self.path.display()));
        let scanned = if self.part.number() == 1 {
            dump.problems.as_slice()
        } else {
            &[]
        };
        let findings = Findings::new(&report.problems, scanned, report.signs.clone());
        let closed = State::Failed(io::Error::other("written already"));
        let state = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *state, closed)
        };
        let written = match state {
            State::Open(writer) => writer.finish(findings),
            State::Failed(error) => Err(error),
        };
        let flushed =
            written.and_then(|out| out.into_inner().map_err(io::IntoInnerError::into_error));
        drop(flushed.map_err(wrong)?);
        fs::rename(self.stage.path().join("rows"), &self.path).map_err(wrong)?;
        self.folders.keep();
        Ok(())
    }
}
