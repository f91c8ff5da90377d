//! What is wrong with a file of a dump: the file and, where one is at fault, the field with the value found and the one
//! expected.

use serde::{Serialize, Serializer};
use thiserror::Error;

use super::bytes::source::SourceError;

/// Reason why a file or a capture was left out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// A field has a value that can't be used.
    #[error("{field}: found {found}, expected {expected}")]
    Field {
        /// Name of the field.
        field: String,
        /// Value found, as text.
        found: String,
        /// Description of a valid value.
        expected: String,
    },
    /// The file as a whole is not what its name says; the text tells why.
    #[error("{0}")]
    Broken(String),
    /// The file, or an entry in it, could not be read; the text tells why.
    #[error("can't be read: {0}")]
    Unreadable(String),
    /// Something that must be unique, such as `name`, occurs again.
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

/// A file or capture that can't be used, and why. The rest of the dump is still used.
///
/// As JSON: `{file, message, field?, found?, expected?}`.
#[cfg_attr(test, derive(ts_rs::TS), ts(as = "ProblemFields<'static>"))]
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}: {fault}")]
pub struct Problem {
    /// Path of the file in the source; for an entry of an archive, `archive.zip/path/in/it`.
    pub file: String,
    /// Reason.
    #[source]
    pub fault: Fault,
}

impl Fault {
    /// What a failed read means: `at_end` if the file ends too early, else the source's own error.
    pub(crate) fn of_read(error: std::io::Error, at_end: Self) -> Self {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => at_end,
            _ => error.into(),
        }
    }

    /// A Git LFS pointer in place of the file itself.
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
    /// Creates a problem that concerns the file as a whole or carries its own fault.
    pub fn new(file: impl Into<String>, fault: Fault) -> Self {
        Self {
            file: file.into(),
            fault,
        }
    }

    /// Creates a problem of one field, with the value found and the one expected.
    pub fn field(file: &str, field: &str, found: impl ToString, expected: impl ToString) -> Self {
        Self::new(file, Fault::field(field, found, expected))
    }
}

/// A remark on a file that is read nonetheless, such as that its values were quantized before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Note {
    /// Path of the file in the source.
    pub file: String,
    /// The remark, a sentence for people.
    pub text: String,
}

impl Note {
    /// Creates a note on a file.
    pub(crate) fn new(file: &str, text: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            text: text.into(),
        }
    }
}

/// Collects problems as they are found. A hostile file may have more of them than anyone reads, or than memory holds.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<Problem>,
    more: usize,
}

impl Problems {
    /// Most problems that are kept; beyond this they are only counted.
    pub const MAX_LISTED: usize = 10_000;

    /// Whether further problems are only counted.
    pub fn is_full(&self) -> bool {
        self.list.len() >= Self::MAX_LISTED
    }

    pub fn push(&mut self, problem: Problem) {
        if !self.is_full() {
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

/// The JSON form of a [`Problem`], also used by the page.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
struct ProblemFields<'a> {
    /// Path of the file.
    file: &'a str,
    /// What is wrong, a sentence for people.
    message: String,
    /// Name of the faulty field; absent if the fault is not in a field.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    /// Value found in the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<&'a str>,
    /// Description of a valid value.
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

/// Shortens a text that came from a file to a length that fits a message.
pub(crate) fn shorten(text: &str) -> String {
    const MAX_CHARS: usize = 80;
    match text.char_indices().nth(MAX_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}
