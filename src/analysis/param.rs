//! What there is to set: the one definition that the command line's flags, the page's form and the share link are made from, and the
//! only place where values are parsed and checked.

use super::value::{Choices, Value};
use crate::numeric::python_float::text;

/// One thing to set. Serialises to JSON for the page's form.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ParamSpec {
    /// The flag's name without dashes, also the key in JSON and in links: `lossy-bits`.
    pub flag: &'static str,
    /// A short name for a form.
    pub label: &'static str,
    /// What it does, in a sentence.
    pub help: &'static str,
    /// The unit of its value; empty where it has none.
    pub unit: &'static str,
    /// Which part of a form it belongs to.
    pub section: Section,
    /// Its type and range.
    pub kind: Kind,
    /// Its value where none is given.
    pub default: Value,
    /// When it has an effect; always where absent.
    pub when: Option<When>,
    /// Whether other analyses have it too: a form keeps its value from one to the next.
    pub shared: bool,
}

impl ParamSpec {
    /// A setting of the analysis's own method that always has an effect.
    pub fn method(
        flag: &'static str,
        label: &'static str,
        help: &'static str,
        unit: &'static str,
        kind: Kind,
        default: impl Into<Value>,
    ) -> Self {
        Self {
            flag,
            label,
            help,
            unit,
            section: Section::Method,
            kind,
            default: default.into(),
            when: None,
            shared: false,
        }
    }

    /// The same in another part of the form.
    #[must_use]
    pub fn section(self, section: Section) -> Self {
        Self { section, ..self }
    }

    /// The same, with an effect only when the setting `flag` has one of these values.
    #[must_use]
    pub fn when(self, flag: &'static str, is: &'static [&'static str]) -> Self {
        let when = Some(When { flag, is });
        Self { when, ..self }
    }

    /// The same, common to several analyses.
    #[must_use]
    pub fn shared(self) -> Self {
        Self {
            shared: true,
            ..self
        }
    }
}

/// The parts of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Section {
    /// The analysis's own method.
    Method,
    /// Which captures are analysed, and which stay lossless.
    Captures,
    /// How streams are compressed.
    Compression,
    /// What the reports hold.
    Report,
}

/// A setting has an effect only when the setting `flag` has one of these values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct When {
    /// The other setting; a list counts when it holds one of the values.
    pub flag: &'static str,
    /// The values.
    pub is: &'static [&'static str],
}

/// One of the values to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    /// The value.
    pub value: &'static str,
    /// What it is called in a form.
    pub label: &'static str,
}

/// A setting's type and range.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum Kind {
    /// A whole number from `min` to `max`.
    Int {
        /// Least.
        min: i64,
        /// Greatest.
        max: i64,
    },
    /// A number from `min` to `max`.
    Float {
        /// Least.
        min: f64,
        /// Greatest.
        max: f64,
    },
    /// One of these.
    Choice {
        /// The choices.
        choices: Vec<Choice>,
    },
    /// Whole numbers, separated by commas.
    IntList {
        /// Least.
        min: i64,
        /// Greatest.
        max: i64,
        /// Whether there may be none.
        empty: bool,
    },
    /// One or more numbers, separated by commas.
    FloatList {
        /// Least.
        min: f64,
        /// Greatest.
        max: f64,
    },
    /// Two numbers, the lower one first.
    Range {
        /// Least.
        min: f64,
        /// Greatest.
        max: f64,
    },
    /// One or more of these, separated by commas.
    ChoiceList {
        /// The choices.
        choices: Vec<Choice>,
    },
    /// On or off.
    Switch,
}

impl Kind {
    /// One of an enum's choices.
    pub fn choice<T: Choices>() -> Self {
        let choices = choices::<T>();
        Self::Choice { choices }
    }

    /// One or more of an enum's choices.
    pub fn choice_list<T: Choices>() -> Self {
        let choices = choices::<T>();
        Self::ChoiceList { choices }
    }

    /// What the setting takes, in words: `a whole number from 1 to 22`.
    pub fn allowed(&self) -> String {
        let names = |choices: &[Choice]| {
            choices
                .iter()
                .map(|choice| choice.value)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let (float, int) = (text, i64::to_string);
        match self {
            Self::Int { min, max } => format!("a whole number from {} to {}", int(min), int(max)),
            Self::Float { min, max } => format!("a number from {} to {}", float(*min), float(*max)),
            Self::Choice { choices } => format!("one of {}", names(choices)),
            Self::IntList { min, max, .. } => {
                format!("a list of whole numbers from {} to {}", int(min), int(max))
            }
            Self::FloatList { min, max } => {
                format!("a list of numbers from {} to {}", float(*min), float(*max))
            }
            Self::Range { min, max } => {
                format!(
                    "two numbers from {} to {}, the lower one first",
                    float(*min),
                    float(*max)
                )
            }
            Self::ChoiceList { choices } => format!("a list of {}", names(choices)),
            Self::Switch => "true or false".to_owned(),
        }
    }

    /// The value that a text stands for; nothing where it is not what the setting takes.
    pub(super) fn parse(&self, text: &str) -> Option<Value> {
        let items = || {
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
        };
        match self {
            Self::Int { min, max } => int(text, *min, *max).map(Value::Int),
            Self::Float { min, max } => number(text, *min, *max).map(Value::Float),
            Self::Choice { choices } => chosen(text, choices).map(Value::Text),
            Self::IntList { min, max, empty } => {
                let numbers: Vec<i64> = items()
                    .map(|item| int(item, *min, *max))
                    .collect::<Option<_>>()?;
                (*empty || !numbers.is_empty()).then_some(Value::Ints(numbers))
            }
            Self::FloatList { min, max } => {
                let numbers: Vec<f64> = items()
                    .map(|item| number(item, *min, *max))
                    .collect::<Option<_>>()?;
                (!numbers.is_empty()).then_some(Value::Floats(numbers))
            }
            Self::Range { min, max } => {
                let ends: Vec<f64> = items()
                    .map(|item| number(item, *min, *max))
                    .collect::<Option<_>>()?;
                (ends.len() == 2 && ends[0] <= ends[1]).then_some(Value::Floats(ends))
            }
            Self::ChoiceList { choices } => {
                let chosen: Vec<String> = items()
                    .map(|item| chosen(item, choices))
                    .collect::<Option<_>>()?;
                (!chosen.is_empty()).then_some(Value::Texts(chosen))
            }
            Self::Switch => text.parse().ok().map(Value::Switch),
        }
    }
}

fn int(text: &str, min: i64, max: i64) -> Option<i64> {
    text.trim()
        .parse()
        .ok()
        .filter(|value| (min..=max).contains(value))
}

fn number(text: &str, min: f64, max: f64) -> Option<f64> {
    text.trim()
        .parse()
        .ok()
        .filter(|value| (min..=max).contains(value))
}

fn chosen(text: &str, choices: &[Choice]) -> Option<String> {
    choices
        .iter()
        .find(|choice| choice.value == text.trim())
        .map(|choice| choice.value.to_owned())
}

fn choices<T: Choices>() -> Vec<Choice> {
    let choice = |&(_, value, label): &(T, _, _)| Choice { value, label };
    T::ALL.iter().map(choice).collect()
}
