//! A problem as rows files store it.

use crate::dump::{Fault, Problem};
use serde::{Deserialize, Serialize};

/// A problem in the JSON form that it has everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredProblem {
    file: String,
    message: String,
    field: Option<String>,
    found: Option<String>,
    expected: Option<String>,
}

impl From<&Problem> for StoredProblem {
    fn from(problem: &Problem) -> Self {
        let [field, found, expected] = match &problem.fault {
            Fault::Field {
                field,
                found,
                expected,
            } => [field, found, expected].map(|text| Some(text.clone())),
            _ => [None, None, None],
        };
        Self {
            file: problem.file.clone(),
            message: problem.fault.to_string(),
            field,
            found,
            expected,
        }
    }
}

impl From<StoredProblem> for Problem {
    fn from(stored: StoredProblem) -> Self {
        let fault = match (stored.field, stored.found, stored.expected) {
            (Some(field), Some(found), Some(expected)) => Fault::Field {
                field,
                found,
                expected,
            },
            // Has the same text and the same JSON form.
            _ => Fault::Broken(stored.message),
        };
        Self::new(stored.file, fault)
    }
}
