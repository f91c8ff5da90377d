//! Joins rows files to the report that one run over the whole dump would have made.

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

/// How many missing parts are named one by one.
const NAMED: usize = 20;

/// What is wrong with rows files that were to be merged.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MergeError {
    /// There are none.
    #[error("no rows files to merge")]
    Nothing,
    /// One can't be read.
    #[error("{file}: {error}")]
    File {
        /// The file.
        file: String,
        /// Why.
        error: RowsError,
    },
    /// One is of another run than most.
    #[error("{file} is of another run than {other}: {difference}")]
    Foreign {
        /// The file.
        file: String,
        /// One of the others.
        other: String,
        /// What differs first.
        difference: String,
    },
    /// Two are of the same part.
    #[error("part {part} is there twice: {} and {}", files[0], files[1])]
    Twice {
        /// As `3/16`.
        part: String,
        /// The two.
        files: [String; 2],
    },
    /// Parts are missing.
    #[error("{} of {of} missing: {}", counted(missing.len()), list(missing))]
    Missing {
        /// Their numbers.
        missing: Vec<u32>,
        /// How many there are.
        of: u32,
    },
    /// The settings make no analysis here.
    #[error("{file}: {error}")]
    Job {
        /// The file that has them.
        file: String,
        /// Why.
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

/// Everything that is wrong with a set of rows files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeErrors(pub Vec<MergeError>);

impl fmt::Display for MergeErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for MergeErrors {}

/// What the parts of a run say together.
#[derive(Debug)]
pub struct Merged {
    /// The report of the whole run.
    pub report: Report,
    /// What was left out when the dump was scanned.
    pub scan_problems: Vec<Problem>,
    /// Paths of the captures that hold values that are not finite, by their place in the dump.
    pub non_finite_paths: BTreeMap<usize, String>,
}

/// Folds parts in their order, each as soon as it is there.
pub struct Merger {
    joining: Joining,
    next: usize,
    /// Of all numbers that are summed up, so that no sum overflows.
    sum: u64,
    problems: Vec<Problem>,
    scan_problems: Vec<Problem>,
    signs: Caveats,
    non_finite_paths: BTreeMap<usize, String>,
}

impl Merger {
    /// For parts of this head's run, and a report in `folder`.
    ///
    /// # Errors
    /// When there is no such analysis or setting.
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

    /// Takes in the next part.
    ///
    /// # Errors
    /// When it is damaged, or not the next one.
    pub fn push<R: Read + Seek>(&mut self, mut part: RowsReader<R>) -> Result<(), RowsError> {
        let expected = self.joining.rows_of_capture();
        while let Some(capture) = part.next_capture()? {
            let first = &capture.rows[0];
            let index = first.capture.index;
            if index < self.next {
                let what = format!("capture {index} is behind capture {}", self.next - 1);
                return Err(RowsError::Damaged(what));
            }
            self.next = index.saturating_add(1);
            if capture.rows.len() != expected {
                let rows = capture.rows.len();
                let what = format!(
                    "capture {index} has {rows} rows, where the settings ask for {expected}"
                );
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
        self.sum = sum.ok_or_else(|| RowsError::Damaged("more bytes than there are".to_owned()))?;
        Ok(())
    }

    /// The report on the parts that were taken in.
    pub fn finish(self) -> Merged {
        Merged {
            report: self.joining.finish(self.problems, self.signs),
            scan_problems: self.scan_problems,
            non_finite_paths: self.non_finite_paths,
        }
    }
}

/// Opens rows file number so and so.
pub type Open<'a, R> = &'a dyn Fn(usize) -> Result<R, std::io::Error>;

/// Merges rows files, which are called `names`, in whatever order; `folder` is where the reports will lie.
///
/// One file is open at a time, and read twice: for what it is, and for its rows.
///
/// # Errors
/// Names every file that is damaged, doubled or of another run, and the parts that are missing.
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

/// The files, with what they are of, by the number of their part: those of the run that most are of, the first where there are two
/// for a part. What is wrong with the others is added to `errors`.
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
    // The first of the largest.
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
