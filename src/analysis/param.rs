//! Definitions of settings: the command line's flags, the page's form and the share link are all made from them, and values are parsed and
//! checked nowhere else.

use super::value::{Choices, Value};
use crate::numeric::python_float::text;

/// Definition of a setting. Serialises to JSON for the page's form.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ParamSpec {
    /// The flag's name without dashes, also the key in JSON and in links: `lossy-bits`.
    pub flag: &'static str,
    /// Short name, for a form.
    pub label: &'static str,
    /// What the setting does, in one sentence.
    pub help: &'static str,
    /// Unit of the value; empty where it has none.
    pub unit: &'static str,
    /// The part of a form that it belongs to.
    pub section: Section,
    /// Type and range of the value.
    pub kind: Kind,
    /// Value where none is given.
    pub default: Value,
    /// When the setting has an effect; absent where it always has one.
    pub when: Option<When>,
    /// Whether other analyses have it too, so that a form keeps its value when the analysis changes.
    pub shared: bool,
}

impl ParamSpec {
    /// A setting of the analysis's own method that always has an effect. A call, not inlined code: it is needed some fifty times, once each.
    #[inline(never)]
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

    /// Moves it to another part of the form.
    #[must_use]
    pub fn section(self, section: Section) -> Self {
        Self { section, ..self }
    }

    /// Restricts its effect to when the setting `flag` has one of the values `is`.
    #[must_use]
    pub fn when(self, flag: &'static str, is: &'static [&'static str]) -> Self {
        let when = Some(When { flag, is });
        Self { when, ..self }
    }

    /// Marks it as common to several analyses.
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
    /// The method of the analysis.
    Method,
    /// Which captures are analysed, and which stay lossless.
    Captures,
    /// How streams are compressed.
    Compression,
    /// What the reports contain.
    Report,
}

/// A condition: the setting `flag` has one of these values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct When {
    /// Flag of the other setting; a list meets the condition when it contains one of the values.
    pub flag: &'static str,
    /// The values that meet the condition.
    pub is: &'static [&'static str],
}

/// One of the values that a setting can be chosen from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    /// The value as the command line takes it.
    pub value: &'static str,
    /// Its label in a form.
    pub label: &'static str,
}

/// A setting's type and range.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum Kind {
    /// A whole number from `min` to `max`.
    Int {
        /// Smallest allowed value.
        min: i64,
        /// Largest allowed value.
        max: i64,
    },
    /// A number from `min` to `max`.
    Float {
        /// Smallest allowed value.
        min: f64,
        /// Largest allowed value.
        max: f64,
    },
    /// One of several named values.
    Choice {
        /// The values to choose from.
        choices: Vec<Choice>,
    },
    /// Whole numbers, separated by commas.
    IntList {
        /// Smallest allowed value.
        min: i64,
        /// Largest allowed value.
        max: i64,
        /// Whether the list may be empty.
        empty: bool,
    },
    /// One or more numbers, separated by commas.
    FloatList {
        /// Smallest allowed value.
        min: f64,
        /// Largest allowed value.
        max: f64,
    },
    /// Two numbers, the lower one first.
    Range {
        /// Smallest allowed value.
        min: f64,
        /// Largest allowed value.
        max: f64,
    },
    /// One or more of several named values, separated by commas.
    ChoiceList {
        /// The values to choose from.
        choices: Vec<Choice>,
    },
    /// On or off.
    Switch,
}

impl Kind {
    /// A choice of one of an enum's values.
    pub fn choice<T: Choices>() -> Self {
        let choices = choices::<T>();
        Self::Choice { choices }
    }

    /// A choice of one or more of an enum's values.
    pub fn choice_list<T: Choices>() -> Self {
        let choices = choices::<T>();
        Self::ChoiceList { choices }
    }

    /// Describes the allowed values: `a whole number from 1 to 22`.
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

    /// Parses a value; `None` where the text is not what the setting takes.
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
