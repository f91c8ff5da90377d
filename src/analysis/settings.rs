//! The settings of an analysis: what there is to set ([`ParamSpec`]), and values parsed and checked in one place ([`Settings`]) for the
//! command line, the page's form and the share link.

use crate::report::float;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::fmt;
use thiserror::Error;

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

/// A setting's value. Serialises to what it is: a number, text, true or false, or a list.
///
/// As input, any of them may also be the text that the command line takes: `Value::from("8,10")` for a list of whole numbers.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(untagged)]
pub enum Value {
    /// Of [`Kind::Switch`].
    Switch(bool),
    /// Of [`Kind::Int`].
    Int(i64),
    /// Of [`Kind::Float`].
    Float(f64),
    /// Of [`Kind::Choice`].
    Text(String),
    /// Of [`Kind::IntList`].
    Ints(Vec<i64>),
    /// Of [`Kind::FloatList`] and [`Kind::Range`].
    Floats(Vec<f64>),
    /// Of [`Kind::ChoiceList`].
    Texts(Vec<String>),
}

/// `impl From<type> for Value` for each `type => variant`.
macro_rules! from {
    ($($from:ty => $variant:ident),*) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}
from!(bool => Switch, i32 => Int, i64 => Int, u32 => Int, f64 => Float, &str => Text, &String => Text, String => Text);
from!(Vec<i64> => Ints, Vec<f64> => Floats, Vec<String> => Texts);

impl Value {
    /// One of the choices.
    pub fn text(value: &str) -> Self {
        Self::Text(value.to_owned())
    }

    /// Several of the choices.
    pub fn texts(values: &[&str]) -> Self {
        Self::Texts(values.iter().map(|&value| value.to_owned()).collect())
    }
}

/// The value as the command line takes it: lists with commas, floats in Python's form.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |items: Vec<String>| items.join(",");
        match self {
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => f.write_str(&float::text(*value)),
            Self::Text(value) => f.write_str(value),
            Self::Switch(value) => value.fmt(f),
            Self::Ints(values) => f.write_str(&list(values.iter().map(i64::to_string).collect())),
            Self::Floats(values) => f.write_str(&list(
                values.iter().map(|&value| float::text(value)).collect(),
            )),
            Self::Texts(values) => f.write_str(&list(values.clone())),
        }
    }
}

/// What is wrong with a setting.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// There is no setting of this name.
    #[error("--{0}: no such setting")]
    Unknown(String),
    /// The value is of a wrong type or out of range.
    #[error("--{flag}: {value:?} is not {allowed}")]
    Invalid {
        /// The setting.
        flag: &'static str,
        /// The value given.
        value: String,
        /// What it takes: type and range.
        allowed: String,
    },
}

impl SettingsError {
    /// The setting that is meant.
    pub fn flag(&self) -> &str {
        match self {
            Self::Unknown(flag) => flag,
            Self::Invalid { flag, .. } => flag,
        }
    }
}

/// Everything that is wrong with the settings of an analysis, in the order that they were given in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsErrors(pub Vec<SettingsError>);

impl fmt::Display for SettingsErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for SettingsErrors {}

impl From<SettingsError> for SettingsErrors {
    fn from(error: SettingsError) -> Self {
        Self(vec![error])
    }
}

impl Kind {
    /// What the setting takes, in words: `a whole number from 1 to 22`.
    pub fn allowed(&self) -> String {
        let names = |choices: &[Choice]| {
            choices
                .iter()
                .map(|choice| choice.value)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let (float, int) = (float::text, i64::to_string);
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

    fn parse(&self, text: &str) -> Option<Value> {
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

/// A value for every setting of an analysis. Serialises to a JSON object of flag and value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings(Vec<(ParamSpec, Value)>);

impl Settings {
    /// The defaults, with the `given` values in their place, each by its flag: as what it is, or as the command line's text.
    ///
    /// # Errors
    /// Names each flag that is unknown and each value that is not what its flag takes.
    pub fn parse<F: AsRef<str>, V: Into<Value>>(
        specs: Vec<ParamSpec>,
        given: impl IntoIterator<Item = (F, V)>,
    ) -> Result<Self, SettingsErrors> {
        let defaults = specs.into_iter().map(|spec| (spec.clone(), spec.default));
        let mut settings = Self(defaults.collect());
        let mut errors = Vec::new();
        for (flag, given) in given {
            let (flag, text) = (flag.as_ref(), given.into().to_string());
            let Some((spec, value)) = settings.0.iter_mut().find(|(spec, _)| spec.flag == flag)
            else {
                errors.push(SettingsError::Unknown(flag.to_owned()));
                continue;
            };
            match spec.kind.parse(&text) {
                Some(parsed) => *value = parsed,
                None => errors.push(SettingsError::Invalid {
                    flag: spec.flag,
                    value: text,
                    allowed: spec.kind.allowed(),
                }),
            }
        }
        if errors.is_empty() {
            Ok(settings)
        } else {
            Err(SettingsErrors(errors))
        }
    }

    /// The settings that differ from their defaults, as flag and text: what a link or a command line has to carry.
    pub fn changed(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.0
            .iter()
            .filter(|(spec, value)| *value != spec.default)
            .map(|(spec, value)| (spec.flag, value.to_string()))
    }

    /// The error for a value that its kind allows and the analysis does not.
    pub fn invalid(&self, flag: &'static str, allowed: impl Into<String>) -> SettingsError {
        SettingsError::Invalid {
            flag,
            value: self.get(flag).to_string(),
            allowed: allowed.into(),
        }
    }

    fn get(&self, flag: &str) -> &Value {
        let found = self.0.iter().find(|(spec, _)| spec.flag == flag);
        &found
            .unwrap_or_else(|| panic!("the analysis has no setting {flag}"))
            .1
    }

    /// The value of a whole-number setting.
    pub fn int(&self, flag: &str) -> i64 {
        match self.get(flag) {
            Value::Int(value) => *value,
            other => panic!("{flag} is no whole number: {other:?}"),
        }
    }

    /// The value of a number setting.
    pub fn float(&self, flag: &str) -> f64 {
        match self.get(flag) {
            Value::Float(value) => *value,
            other => panic!("{flag} is no number: {other:?}"),
        }
    }

    /// The value of a choice.
    pub fn text(&self, flag: &str) -> &str {
        match self.get(flag) {
            Value::Text(value) => value,
            other => panic!("{flag} is no choice: {other:?}"),
        }
    }

    /// The values of a list of whole numbers.
    pub fn ints(&self, flag: &str) -> &[i64] {
        match self.get(flag) {
            Value::Ints(values) => values,
            other => panic!("{flag} is no list of whole numbers: {other:?}"),
        }
    }

    /// The values of a list or range of numbers.
    pub fn floats(&self, flag: &str) -> &[f64] {
        match self.get(flag) {
            Value::Floats(values) => values,
            other => panic!("{flag} is no list of numbers: {other:?}"),
        }
    }

    /// The values of a list of choices.
    pub fn texts(&self, flag: &str) -> &[String] {
        match self.get(flag) {
            Value::Texts(values) => values,
            other => panic!("{flag} is no list of choices: {other:?}"),
        }
    }

    /// Whether a switch is on.
    pub fn switch(&self, flag: &str) -> bool {
        match self.get(flag) {
            Value::Switch(value) => *value,
            other => panic!("{flag} is no switch: {other:?}"),
        }
    }
}

impl Serialize for Settings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (spec, value) in &self.0 {
            map.serialize_entry(spec.flag, value)?;
        }
        map.end()
    }
}
