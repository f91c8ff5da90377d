//! Writes a rows file while rows are measured.

use super::columns::{Line, batch, schema};
use super::head::Head;
use super::problem::StoredProblem;
use crate::analysis::caveats::Caveats;
use crate::dump::Problem;
use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, Schema};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::sync::Arc;

/// Rows of a record batch.
const ROWS: usize = 4096;

/// Key of the footer's metadata.
pub(super) const KEY: &str = "kvlens";

/// Results of a part beside its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// Number of captures of the part that have rows.
    pub captures: u64,
    /// Problems of captures that could not be read, in dump order.
    pub problems: Vec<StoredProblem>,
    /// Problems of the scan; in the first part only.
    pub scan_problems: Vec<StoredProblem>,
    /// Signs of the captures' values.
    pub signs: Caveats,
}

impl Findings {
    /// Findings with the problems met while measuring and, for the first part, those of the scan.
    pub fn new(problems: &[Problem], scan_problems: &[Problem], signs: Caveats) -> Self {
        let stored = |problems: &[Problem]| problems.iter().map(StoredProblem::from).collect();
        Self {
            captures: 0,
            problems: stored(problems),
            scan_problems: stored(scan_problems),
            signs,
        }
    }
}

/// Writes a rows file; holds at most one batch in memory.
pub struct RowsWriter<W: Write> {
    file: FileWriter<W>,
    schema: Arc<Schema>,
    lines: Vec<Line>,
    captures: u64,
    last: Option<usize>,
}

impl<W: Write> RowsWriter<W> {
    /// Starts a file.
    ///
    /// # Errors
    /// When writing to `out` fails.
    pub fn new(out: W, head: &Head) -> io::Result<Self> {
        let schema = Arc::new(schema().with_metadata(head.metadata()));
        Ok(Self {
            file: FileWriter::try_new(out, &schema).map_err(io_error)?,
            schema,
            lines: Vec::new(),
            captures: 0,
            last: None,
        })
    }

    /// Adds a row. Rows must come in dump order of their captures.
    ///
    /// # Errors
    /// When writing to `out` fails.
    pub fn push(&mut self, line: Line) -> io::Result<()> {
        let index = Some(line.row.capture.index);
        if self.last != index {
            self.captures += 1;
            self.last = index;
        }
        self.lines.push(line);
        if self.lines.len() < ROWS {
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        let batch = batch(&self.schema, &self.lines).map_err(io_error)?;
        self.lines.clear();
        self.file.write(&batch).map_err(io_error)
    }

    /// Writes the remaining rows and the footer.
    ///
    /// # Errors
    /// When writing to `out` fails.
    pub fn finish(mut self, findings: Findings) -> io::Result<W> {
        if !self.lines.is_empty() {
            self.flush()?;
        }
        let captures = self.captures;
        let findings = Findings {
            captures,
            ..findings
        };
        self.file
            .write_metadata(KEY, serde_json::to_string(&findings)?);
        self.file.finish().map_err(io_error)?;
        self.file.into_inner().map_err(io_error)
    }
}

fn io_error(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        error => io::Error::other(error),
    }
}
