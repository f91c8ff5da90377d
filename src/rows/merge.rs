//! Merges rows files into the report that a single run over the whole dump would have made.

use super::error::RowsError;
use super::head::Head;
use super::problem::StoredProblem;
use super::read::RowsReader;
use crate::analysis::caveats::Caveats;
use crate::analysis::{JobError, Joining, Report, Row, TensorRow};
use crate::dump::Problem;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read, Seek};
use thiserror::Error;

/// How many missing parts are listed by number.
const NAMED: usize = 20;

/// Why rows files can't be merged.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MergeError {
    /// No files were given.
    #[error("no rows files to merge")]
    Nothing,
    /// A file can't be read.
    #[error("{file}: {error}")]
    File {
        /// Name of the file.
        file: String,
        /// Why it can't be read.
        error: RowsError,
    },
    /// A file belongs to another run than most of the files.
    #[error("{file} belongs to another run than {other}: {difference}")]
    Foreign {
        /// Name of the file.
        file: String,
        /// Name of a file of the run that most belong to.
        other: String,
        /// The first difference between the two.
        difference: String,
    },
    /// Two files hold the same part.
    #[error("part {part} appears twice: {} and {}", files[0], files[1])]
    Twice {
        /// The part, as `3/16`.
        part: String,
        /// Names of the two files.
        files: [String; 2],
    },
    /// Parts are missing.
    #[error("{} of {of} missing: {}", counted(missing.len()), list(missing))]
    Missing {
        /// Numbers of the missing parts.
        missing: Vec<u32>,
        /// Number of parts of the run.
        of: u32,
    },
    /// This version does not accept the analysis or settings of the run.
    #[error("{file}: {error}")]
    Job {
        /// Name of the file that states them.
        file: String,
        /// Why they are not accepted.
        error: JobError,
    },
}

fn counted(count: usize) -> String {
    if count == 1 {
        "1 part".to_owned()
    } else {
        format!("{count} parts")
    }
}

fn list(numbers: &[u32]) -> String {
    let named: Vec<String> = numbers.iter().take(NAMED).map(u32::to_string).collect();
    let more = numbers.len().saturating_sub(NAMED);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    named.join(", ") + &more
}

/// All reasons why a set of rows files can't be merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeErrors(pub Vec<MergeError>);

impl fmt::Display for MergeErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for MergeErrors {}

/// Result of merging the parts of a run.
#[derive(Debug)]
pub struct Merged {
    /// Report on the whole run.
    pub report: Report,
    /// Problems of the scan.
    pub scan_problems: Vec<Problem>,
    /// Paths of the captures with NaN or infinite values, by their index in the dump.
    pub non_finite_paths: BTreeMap<usize, String>,
}

/// Folds the rows of parts, which are pushed in order.
pub struct Merger {
    joining: Joining,
    next: usize,
    /// Sum of all numbers that the fold adds up: checked, so that no other sum overflows.
    sum: u64,
    problems: Vec<Problem>,
    scan_problems: Vec<Problem>,
    signs: Caveats,
    non_finite_paths: BTreeMap<usize, String>,
}

impl Merger {
    /// A merger for parts of the run that `head` describes, with reports in `folder`.
    ///
    /// # Errors
    /// When this version has no such analysis or setting.
    pub fn new(head: &Head, folder: &str) -> Result<Self, JobError> {
        Ok(Self {
            joining: head.job(folder)?.joining()?,
            next: 0,
            sum: 0,
            problems: Vec::new(),
            scan_problems: Vec::new(),
            signs: Caveats::default(),
            non_finite_paths: BTreeMap::new(),
        })
    }

    /// Adds the rows of the next part.
    ///
    /// # Errors
    /// When it is damaged or not the next part.
    pub fn push<R: Read + Seek>(&mut self, mut part: RowsReader<R>) -> Result<(), RowsError> {
        let expected = self.joining.rows_of_capture();
        while let Some(capture) = part.next_capture()? {
            let first = &capture.rows[0];
            let index = first.capture.index;
            if index < self.next {
                let what = format!("capture {index} comes after capture {}", self.next - 1);
                return Err(RowsError::Damaged(what));
            }
            self.next = index.saturating_add(1);
            if capture.rows.len() != expected {
                let rows = capture.rows.len();
                let what =
                    format!("capture {index} has {rows} rows, but the settings give {expected}");
                return Err(RowsError::Damaged(what));
            }
            for row in &capture.rows {
                self.add(row)?;
            }
            if first.k.non_finite > 0 || first.v.non_finite > 0 {
                self.non_finite_paths.insert(index, capture.path);
            }
            self.joining.push(capture.rows);
        }
        let findings = part.findings();
        let problems = |stored: &[StoredProblem]| -> Vec<Problem> {
            stored.iter().cloned().map(Problem::from).collect()
        };
        self.problems.extend(problems(&findings.problems));
        self.scan_problems.extend(problems(&findings.scan_problems));
        self.signs.join(&findings.signs);
        Ok(())
    }

    fn add(&mut self, row: &Row) -> Result<(), RowsError> {
        let of = |tensor: &TensorRow| [tensor.raw_bytes, tensor.size, tensor.non_finite];
        let numbers = row
            .capture
            .elements()
            .into_iter()
            .chain(of(&row.k))
            .chain(of(&row.v));
        let sum = { numbers }.try_fold(self.sum, u64::checked_add);
        self.sum = sum.ok_or_else(|| RowsError::Damaged("its sizes overflow".to_owned()))?;
        Ok(())
    }

    /// The report on all parts so far.
    pub fn finish(self) -> Merged {
        Merged {
            report: self.joining.finish(self.problems, self.signs),
            scan_problems: self.scan_problems,
            non_finite_paths: self.non_finite_paths,
        }
    }
}

/// Opens the rows file with this index.
pub type Open<'a, R> = &'a dyn Fn(usize) -> Result<R, std::io::Error>;

/// Merges rows files, in any order. `names` are for messages; reports refer to `folder` as their location.
///
/// One file is open at a time. Each is read twice: for its head, and for its rows.
///
/// # Errors
/// Lists every file that is damaged, duplicated or belongs to another run, and all missing parts.
pub fn merge<R: Read + Seek>(
    names: &[String],
    open: Open<'_, R>,
    folder: &str,
) -> Result<Merged, MergeErrors> {
    let read = |place: usize| {
        let opened = open(place).map_err(|error| RowsError::Io(error.to_string()));
        opened.and_then(RowsReader::open)
    };
    let failed = |place: usize, error| MergeError::File {
        file: names[place].clone(),
        error,
    };
    let (mut heads, mut errors) = (Vec::new(), Vec::new());
    for place in 0..names.len() {
        match read(place) {
            Ok(part) => heads.push((place, part.head().clone())),
            Err(error) => errors.push(failed(place, error)),
        }
    }
    let parts = of_one_run(heads, names, &mut errors);
    let Some((first, head)) = parts.values().next() else {
        if errors.is_empty() {
            errors.push(MergeError::Nothing);
        }
        return Err(MergeErrors(errors));
    };
    let of = head.part.of();
    let missing: Vec<u32> = (1..=of).filter(|part| !parts.contains_key(part)).collect();
    if !missing.is_empty() {
        errors.push(MergeError::Missing { missing, of });
    }
    if !errors.is_empty() {
        return Err(MergeErrors(errors));
    }
    let merger = Merger::new(head, folder).map_err(|error| MergeError::Job {
        file: names[*first].clone(),
        error,
    });
    let one = |error| MergeErrors(vec![error]);
    let mut merger = merger.map_err(one)?;
    for (place, head) in parts.values() {
        let part = read(*place).and_then(|part| {
            if part.head() == head {
                merger.push(part)
            } else {
                Err(RowsError::Damaged(
                    "it changed while it was read".to_owned(),
                ))
            }
        });
        part.map_err(|error| one(failed(*place, error)))?;
    }
    Ok(merger.finish())
}

/// The files of the run that most files belong to, with their heads, by part number; of two files with the same part, the first. Faults of
/// the others are added to `errors`.
fn of_one_run(
    heads: Vec<(usize, Head)>,
    names: &[String],
    errors: &mut Vec<MergeError>,
) -> BTreeMap<u32, (usize, Head)> {
    let mut runs: Vec<Vec<(usize, Head)>> = Vec::new();
    for (place, head) in heads {
        let same = |run: &&mut Vec<(usize, Head)>| head.differs(&run[0].1).is_none();
        match runs.iter_mut().find(same) {
            Some(run) => run.push((place, head)),
            None => runs.push(vec![(place, head)]),
        }
    }
    // The first of the largest runs.
    let Some(largest) = (0..runs.len()).rev().max_by_key(|&run| runs[run].len()) else {
        return BTreeMap::new();
    };
    let run = runs.swap_remove(largest);
    let (other, expected) = (names[run[0].0].clone(), run[0].1.clone());
    let mut foreign: Vec<(usize, Head)> = runs.into_iter().flatten().collect();
    foreign.sort_by_key(|(place, _)| *place);
    for (place, head) in foreign {
        errors.push(MergeError::Foreign {
            file: names[place].clone(),
            other: other.clone(),
            difference: head.differs(&expected).unwrap_or_default(),
        });
    }
    let mut parts: BTreeMap<u32, (usize, Head)> = BTreeMap::new();
    for (place, head) in run {
        match parts.get(&head.part.number()) {
            Some((earlier, _)) => errors.push(MergeError::Twice {
                part: head.part.to_string(),
                files: [names[*earlier].clone(), names[place].clone()],
            }),
            None => drop(parts.insert(head.part.number(), (place, head))),
        }
    }
    parts
}
