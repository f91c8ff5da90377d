//! Names of schemes as users type them: `name`, or `name:key=value,flag,...`.

use std::str::FromStr;
use thiserror::Error;

/// Why a name can't be parsed as a scheme.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SchemeError {
    /// No scheme has this name.
    #[error("{name:?} is not a scheme; the schemes are: {known}")]
    Unknown {
        /// The name that was typed.
        name: String,
        /// The forms that names take.
        known: &'static str,
    },
    /// The scheme has no such option, or does not accept its value.
    #[error("{scheme}: {option:?} is not {expected}")]
    Option {
        /// The scheme.
        scheme: String,
        /// The option that was typed.
        option: String,
        /// What the scheme accepts.
        expected: String,
    },
}

/// The forms of scheme names, for messages and help.
pub const KNOWN: &str = "raw; q8_0, q5_1, q5_0, q4_1, q4_0; mlx:b=4,g=64; fp8_e4m3 and fp8_e5m2 with :scale=tensor or head; nvfp4, mxfp4, mxfp8; \
int:b=4,per=channel,sym; kivi4, kivi2; turbo4, turbo3, turbo2; hadamard+ before a packed format; tkc:c=0.155";

/// A scheme's name and options, split.
pub(super) struct Spec<'a> {
    text: &'a str,
    name: &'a str,
    options: Vec<(&'a str, Option<&'a str>)>,
}

impl<'a> Spec<'a> {
    /// Splits `text`; each option may occur once.
    pub fn parse(text: &'a str) -> Result<Self, SchemeError> {
        let text = text.trim();
        let (name, options) = text.split_once(':').unwrap_or((text, ""));
        let mut spec = Self {
            text,
            name,
            options: Vec::new(),
        };
        for option in options.split(',').filter(|option| !option.is_empty()) {
            let (key, value) = match option.split_once('=') {
                Some((key, value)) => (key, Some(value)),
                None => (option, None),
            };
            if spec.options.iter().any(|(known, _)| *known == key) {
                return Err(spec.wrong(option, "an option that may be repeated"));
            }
            spec.options.push((key, value));
        }
        Ok(spec)
    }

    /// The part before the colon.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// Removes the option `key` and parses its value by `read`; `expected` describes the values that `read` accepts.
    pub fn take<T>(
        &mut self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, SchemeError> {
        let Some(place) = self.options.iter().position(|(known, _)| *known == key) else {
            return Ok(None);
        };
        let (_, value) = self.options.remove(place);
        let value = value.unwrap_or_default();
        match read(value) {
            Some(read) => Ok(Some(read)),
            None => Err(self.wrong(&format!("{key}={value}"), expected)),
        }
    }

    /// Removes the option `key`, whose value must be one of `allowed`.
    pub fn one_of<T: FromStr + PartialEq>(
        &mut self,
        key: &str,
        expected: &str,
        allowed: &[T],
    ) -> Result<Option<T>, SchemeError> {
        self.take(key, expected, |text| {
            text.parse().ok().filter(|value| allowed.contains(value))
        })
    }

    /// Removes the flag `key`, an option without a value; returns whether it was present.
    pub fn flag(&mut self, key: &str) -> bool {
        let place = self
            .options
            .iter()
            .position(|option| *option == (key, None));
        place.map(|place| self.options.remove(place)).is_some()
    }

    /// Returns `scheme`, or an error for the first option that was not removed.
    pub fn done<T>(self, scheme: T) -> Result<T, SchemeError> {
        match self.options.first() {
            None => Ok(scheme),
            Some((key, _)) => Err(self.wrong(key, "an option of this scheme")),
        }
    }

    /// The error for an unknown scheme.
    pub fn unknown(&self) -> SchemeError {
        SchemeError::Unknown {
            name: self.text.to_owned(),
            known: KNOWN,
        }
    }

    /// The error for an invalid option.
    pub fn wrong(&self, option: &str, expected: &str) -> SchemeError {
        SchemeError::Option {
            scheme: self.name.to_owned(),
            option: option.to_owned(),
            expected: expected.to_owned(),
        }
    }
}
