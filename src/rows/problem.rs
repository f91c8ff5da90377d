//! A problem as a rows file keeps it.

use crate::dump::{Fault, Problem};
use serde::{Deserialize, Serialize};

/// A problem's JSON, as everywhere.
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
            // Says the same, and is the same as JSON.
            _ => Fault::Broken(stored.message),
        };
        Self::new(stored.file, fault)
    }
}
