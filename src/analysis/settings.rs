//! The values of an analysis's settings, for the command line, the page's form, the share link and the report: checked when they come
//! in, read into the analysis's own type when it is built, and not looked up after that.

use super::param::ParamSpec;
use super::value::{FromValue, Value};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::fmt;
use thiserror::Error;

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

    /// What is wrong, for a form that shows it beside the field: without the flag.
    pub fn complaint(&self) -> String {
        match self {
            Self::Unknown(_) => "no such setting".to_owned(),
            Self::Invalid { value, allowed, .. } if value.trim().is_empty() => {
                format!("needs {allowed}")
            }
            Self::Invalid { value, allowed, .. } => format!("{value:?} is not {allowed}"),
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

    /// All settings, as flag and text: what makes the same ones again.
    pub fn texts(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.0
            .iter()
            .map(|(spec, value)| (spec.flag, value.to_string()))
    }

    /// The value of a setting as a Rust type.
    ///
    /// # Errors
    /// When there is no such setting, or its value is not of this type: its spec allows what the analysis can't take.
    pub fn read<T: FromValue>(&self, flag: &'static str) -> Result<T, SettingsError> {
        let found = self.0.iter().find(|(spec, _)| spec.flag == flag);
        let (spec, value) = found.ok_or_else(|| SettingsError::Unknown(flag.to_owned()))?;
        T::from_value(value).ok_or_else(|| SettingsError::Invalid {
            flag,
            value: value.to_string(),
            allowed: spec.kind.allowed(),
        })
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
