//! Writes a rows file while its rows come in.

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

/// Rows of one table of the file.
const ROWS: usize = 4096;

/// The key of the footer's metadata.
pub(super) const KEY: &str = "kvlens";

/// What a part found beside its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// Captures of the part that have rows.
    pub captures: u64,
    /// Captures of the part that could not be read, in dump order.
    pub problems: Vec<StoredProblem>,
    /// What was left out when the dump was scanned; in the first part only.
    pub scan_problems: Vec<StoredProblem>,
    /// What the captures' values showed.
    pub signs: Caveats,
}

impl Findings {
    /// Of problems met while measuring, and (of the first part) while scanning.
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

/// Writes a rows file; what it holds back is little, however many rows there are.
pub struct RowsWriter<W: Write> {
    file: FileWriter<W>,
    schema: Arc<Schema>,
    lines: Vec<Line>,
    captures: u64,
    last: Option<usize>,
}

impl<W: Write> RowsWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// When `out` takes nothing.
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

    /// Takes in rows of captures that come behind those before, in dump order.
    ///
    /// # Errors
    /// When `out` takes no more.
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

    /// Ends the file.
    ///
    /// # Errors
    /// When `out` takes no more.
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
