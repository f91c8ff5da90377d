//! What is wrong with a file of a dump: the file, and as far as it goes the field, the value found and the one expected.

use serde::{Serialize, Serializer};
use thiserror::Error;

use super::bytes::source::SourceError;

/// Why a file, or a capture, was left out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// A field with a value that can't be used.
    #[error("{field}: found {found}, expected {expected}")]
    Field {
        /// Name of the field.
        field: String,
        /// The value found, as text.
        found: String,
        /// What would have been right.
        expected: String,
    },
    /// The file as a whole is not what its name says.
    #[error("{0}")]
    Broken(String),
    /// The file, or an entry of it, could not be read.
    #[error("can't be read: {0}")]
    Unreadable(String),
    /// Something that may be there once is there again: what, such as `name`.
    #[error("{0}: appears twice; the first is used")]
    Twice(&'static str),
}

impl From<SourceError> for Fault {
    fn from(error: SourceError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        SourceError::from(error).into()
    }
}

/// A file or capture that can't be used, and why. The rest of the dump is used all the same.
///
/// As JSON: `{file, message, field?, found?, expected?}`.
#[cfg_attr(test, derive(ts_rs::TS), ts(as = "ProblemFields<'static>"))]
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}: {fault}")]
pub struct Problem {
    /// Path of the file in the source; for an entry of an archive `archive.zip/path/in/it`.
    pub file: String,
    /// What is wrong.
    #[source]
    pub fault: Fault,
}

impl Fault {
    /// A pointer of Git LFS in the file's place.
    pub(crate) fn not_fetched() -> Self {
        let why = "a pointer of Git LFS and not the file that it stands for: git lfs pull";
        Self::Broken(why.to_owned())
    }

    /// A field with a value that can't be used.
    pub(crate) fn field(field: &str, found: impl ToString, expected: impl ToString) -> Self {
        Self::Field {
            field: field.to_owned(),
            found: found.to_string(),
            expected: expected.to_string(),
        }
    }
}

impl Problem {
    /// A problem of the whole file.
    pub fn new(file: impl Into<String>, fault: Fault) -> Self {
        Self {
            file: file.into(),
            fault,
        }
    }

    /// A problem of one field: what it holds and what was expected.
    pub fn field(file: &str, field: &str, found: impl ToString, expected: impl ToString) -> Self {
        Self::new(file, Fault::field(field, found, expected))
    }
}

/// Something to know about a file that is read all the same, such as that its values were quantized before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Note {
    /// Path of the file in the source.
    pub file: String,
    /// What to know, a sentence for people.
    pub text: String,
}

impl Note {
    /// A note on a file.
    pub(crate) fn new(file: &str, text: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            text: text.into(),
        }
    }
}

/// Problems as they are found. A hostile file may have more of them than anyone reads, or than memory holds.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<Problem>,
    more: usize,
}

impl Problems {
    /// After this many the rest is only counted.
    pub const MAX_LISTED: usize = 10_000;

    pub fn push(&mut self, problem: Problem) {
        if self.list.len() < Self::MAX_LISTED {
            self.list.push(problem);
        } else {
            self.more += 1;
        }
    }

    pub fn extend(&mut self, problems: impl IntoIterator<Item = Problem>) {
        problems.into_iter().for_each(|problem| self.push(problem));
    }

    pub fn into_list(mut self) -> Vec<Problem> {
        if self.more > 0 {
            let why = format!("{} more problems are not listed", self.more);
            self.list.push(Problem::new("\u{2026}", Fault::Broken(why)));
        }
        self.list
    }
}

/// A [`Problem`] as JSON and as the page has it.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
struct ProblemFields<'a> {
    /// Path of the file.
    file: &'a str,
    /// What is wrong, for people.
    message: String,
    /// The field that is wrong, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    /// The field's value.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<&'a str>,
    /// What it should have been.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'a str>,
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [field, found, expected] = match &self.fault {
            Fault::Field {
                field,
                found,
                expected,
            } => [field, found, expected].map(|text| Some(text.as_str())),
            _ => [None; 3],
        };
        let fields = ProblemFields {
            file: &self.file,
            message: self.fault.to_string(),
            field,
            found,
            expected,
        };
        fields.serialize(serializer)
    }
}

/// Cuts a text that a file gave to what a message can bear.
pub(crate) fn shorten(text: &str) -> String {
    const MAX_CHARS: usize = 80;
    match text.char_indices().nth(MAX_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}
