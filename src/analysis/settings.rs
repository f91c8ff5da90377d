//! Values of an analysis's settings, for the command line, the page's form, the share link and the report. They are checked when they come
//! in and converted to the analysis's own type when it is built; nothing looks them up by name later.

use super::param::ParamSpec;
use super::value::{FromValue, Value};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::fmt;
use thiserror::Error;

/// A setting that is not valid.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// No setting has this name.
    #[error("--{0}: no such setting")]
    Unknown(String),
    /// The value has the wrong type or is out of range.
    #[error("--{flag}: {value:?} is not {allowed}")]
    Invalid {
        /// Flag of the setting, without dashes.
        flag: &'static str,
        /// The value that was given.
        value: String,
        /// Type and range that the setting accepts.
        allowed: String,
    },
}

impl SettingsError {
    /// Flag of the setting that the error is about, without dashes.
    pub fn flag(&self) -> &str {
        match self {
            Self::Unknown(flag) => flag,
            Self::Invalid { flag, .. } => flag,
        }
    }
}

/// All invalid settings of an analysis, in the order in which they were given.
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

/// A value for every setting of an analysis. Serialises to a JSON object from flags to values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings(Vec<(ParamSpec, Value)>);

impl Settings {
    /// Starts from the defaults and replaces those that are `given`, each by its flag; a value may be typed or the command line's text.
    ///
    /// # Errors
    /// Lists every unknown flag, and every value that its setting does not accept.
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

    /// The settings that differ from their defaults, as pairs of flag and text: what a link or a command line has to carry.
    pub fn changed(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.0
            .iter()
            .filter(|(spec, value)| *value != spec.default)
            .map(|(spec, value)| (spec.flag, value.to_string()))
    }

    /// All settings, as pairs of flag and text; [`Settings::parse`] reads them back.
    pub fn texts(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.0
            .iter()
            .map(|(spec, value)| (spec.flag, value.to_string()))
    }

    /// The value of a setting as a Rust type.
    ///
    /// # Errors
    /// When no setting has this flag, or its value does not convert to `T`: then the spec allows a value that the analysis can't take.
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
