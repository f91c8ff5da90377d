//! Names of schemes as users type them: `name`, or `name:key=value,flag,...`.

use std::str::FromStr;
use thiserror::Error;

/// Why a text names no scheme.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SchemeError {
    /// There is no scheme of this name.
    #[error("{name:?} is no scheme; the schemes are: {known}")]
    Unknown {
        /// What was typed.
        name: String,
        /// Some that there are.
        known: &'static str,
    },
    /// A scheme has no such option, or not this value of it.
    #[error("{scheme}: {option:?} is not {expected}")]
    Option {
        /// The scheme.
        scheme: String,
        /// What was typed.
        option: String,
        /// What the scheme takes.
        expected: String,
    },
}

/// The forms that names take, for messages and help.
pub const KNOWN: &str = "raw; q8_0, q5_1, q5_0, q4_1, q4_0; mlx:b=4,g=64; fp8_e4m3 and fp8_e5m2 with :scale=tensor or head; nvfp4, mxfp4, mxfp8; \
int:b=4,per=channel,sym; kivi4, kivi2; turbo4, turbo3, turbo2; hadamard+ before a packed format; tkc:c=0.155";

/// A scheme's name and options, taken apart.
pub(super) struct Spec<'a> {
    text: &'a str,
    name: &'a str,
    options: Vec<(&'a str, Option<&'a str>)>,
}

impl<'a> Spec<'a> {
    /// The parts of `text`; each option once.
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
                return Err(spec.wrong(option, "an option that is given once"));
            }
            spec.options.push((key, value));
        }
        Ok(spec)
    }

    /// What stands before the colon.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// Takes the option `key` out; `expected` says what values `read` takes.
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

    /// Takes the option `key` out: one of `allowed`.
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

    /// Takes the flag `key` out, an option without a value; whether it was there.
    pub fn flag(&mut self, key: &str) -> bool {
        let place = self
            .options
            .iter()
            .position(|option| *option == (key, None));
        place.map(|place| self.options.remove(place)).is_some()
    }

    /// `scheme`, unless options are left that it does not know.
    pub fn done<T>(self, scheme: T) -> Result<T, SchemeError> {
        match self.options.first() {
            None => Ok(scheme),
            Some((key, _)) => Err(self.wrong(key, "an option of it")),
        }
    }

    /// The error for a name that nobody knows.
    pub fn unknown(&self) -> SchemeError {
        SchemeError::Unknown {
            name: self.text.to_owned(),
            known: KNOWN,
        }
    }

    /// The error for an option.
    pub fn wrong(&self, option: &str, expected: &str) -> SchemeError {
        SchemeError::Option {
            scheme: self.name.to_owned(),
            option: option.to_owned(),
            expected: expected.to_owned(),
        }
    }
}
