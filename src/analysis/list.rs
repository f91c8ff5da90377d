//! The list of analyses.

use super::spec::AnalysisSpec;
use super::{block_norm, explore, lossy_compare, mixed, sweep};

/// Specs of all analyses, in the order in which they are offered.
pub fn specs() -> Vec<AnalysisSpec> {
    vec![
        mixed::spec(),
        block_norm::spec(),
        sweep::spec(),
        lossy_compare::spec(),
        explore::spec(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Job, JobError, Value};

    const NONE: [(&str, &str); 0] = [];

    #[test]
    fn every_analysis_can_be_built_with_its_defaults_and_with_each_choice() {
        for spec in specs() {
            Job::new(spec.name, NONE).unwrap();
            for param in &spec.params {
                let choices = match &param.kind {
                    crate::analysis::Kind::Choice { choices }
                    | crate::analysis::Kind::ChoiceList { choices } => choices.as_slice(),
                    _ => &[],
                };
                for choice in choices {
                    Job::new(spec.name, [(param.flag, choice.value)]).unwrap();
                }
            }
        }
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let given = [("lossy-bits", "1"), ("no-such", "1"), ("stage", "")];
        let Err(JobError::Settings(errors)) = Job::new("mixed", given) else {
            panic!("accepted");
        };
        let flags: Vec<&str> = errors.0.iter().map(|error| error.flag()).collect();
        assert_eq!(flags, ["lossy-bits", "no-such", "stage"]);
        assert!(matches!(
            Job::new("mix", NONE),
            Err(JobError::UnknownAnalysis { .. })
        ));
    }

    #[test]
    fn settings_may_be_given_as_what_they_are() {
        let given = [
            ("block-sizes", Value::from(vec![32_i64, 64])),
            ("topk-ratios", 0.5.into()),
            ("save-combo", true.into()),
        ];
        let changed: Vec<_> = Job::new("sweep", given)
            .unwrap()
            .settings()
            .changed()
            .collect();
        let expected = [
            ("block-sizes", "32,64"),
            ("topk-ratios", "0.5"),
            ("save-combo", "true"),
        ];
        assert_eq!(
            changed,
            expected.map(|(flag, text)| (flag, text.to_owned()))
        );
    }
}
