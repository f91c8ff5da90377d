//! The value of a setting, and what Rust types it can be read as.

use crate::numeric::python_float::text;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A setting's value. Serialises to what it is: a number, text, true or false, or a list.
///
/// As input, any of them may also be the text that the command line takes: `Value::from("8,10")` for a list of whole numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(untagged)]
pub enum Value {
    /// Of [`super::Kind::Switch`].
    Switch(bool),
    /// Of [`super::Kind::Int`].
    Int(i64),
    /// Of [`super::Kind::Float`].
    Float(f64),
    /// Of [`super::Kind::Choice`].
    Text(String),
    /// Of [`super::Kind::IntList`].
    Ints(Vec<i64>),
    /// Of [`super::Kind::FloatList`] and [`super::Kind::Range`].
    Floats(Vec<f64>),
    /// Of [`super::Kind::ChoiceList`].
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

/// The value as the command line takes it: lists with commas, floats in Python's form.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
            items.iter().map(text).collect::<Vec<_>>().join(",")
        }
        match self {
            Self::Switch(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => f.write_str(&text(*value)),
            Self::Text(value) => f.write_str(value),
            Self::Ints(values) => f.write_str(&list(values, i64::to_string)),
            Self::Floats(values) => f.write_str(&list(values, |&value| text(value))),
            Self::Texts(values) => f.write_str(&list(values, Clone::clone)),
        }
    }
}

/// An enum that a setting chooses from: each of its values with its name on the command line and its label in a form.
pub trait Choices: Copy + PartialEq + 'static {
    /// All of them, in the order that they are offered in.
    const ALL: &'static [(Self, &'static str, &'static str)];

    /// The name on the command line, which the reports have too.
    fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(choice, ..)| *choice == self);
        found.map_or("", |(_, name, _)| name)
    }
}

/// A Rust type that values of settings are read as, once, when an analysis is built: see [`super::Settings::read`].
pub trait FromValue: Sized {
    /// Nothing where the value is of another kind or out of the type's range.
    fn from_value(value: &Value) -> Option<Self>;
}

impl<T: Choices> FromValue for T {
    fn from_value(value: &Value) -> Option<Self> {
        let Value::Text(text) = value else {
            return None;
        };
        let found = T::ALL.iter().find(|(_, name, _)| name == text);
        found.map(|(choice, ..)| *choice)
    }
}

impl<T: Choices> FromValue for Vec<T> {
    fn from_value(value: &Value) -> Option<Self> {
        let Value::Texts(texts) = value else {
            return None;
        };
        let choice = |text: &String| T::from_value(&Value::Text(text.clone()));
        texts.iter().map(choice).collect()
    }
}

/// Whole numbers, alone and in lists.
macro_rules! whole {
    ($($type:ty),*) => {$(
        impl FromValue for $type {
            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    Value::Int(value) => Self::try_from(*value).ok(),
                    _ => None,
                }
            }
        }

        impl FromValue for Vec<$type> {
            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    Value::Ints(values) => values.iter().map(|&value| <$type>::try_from(value).ok()).collect(),
                    _ => None,
                }
            }
        }
    )*};
}
whole!(i32, i64, u32, u64, usize);

/// Kinds whose values are kept as the type is.
macro_rules! kept {
    ($($type:ty: $variant:ident),*) => {$(
        impl FromValue for $type {
            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    Value::$variant(value) => Some(value.clone()),
                    _ => None,
                }
            }
        }
    )*};
}
kept!(bool: Switch, f64: Float, String: Text, Vec<f64>: Floats);

/// A range: the lower end, the upper end.
impl FromValue for [f64; 2] {
    fn from_value(value: &Value) -> Option<Self> {
        Vec::from_value(value)?.try_into().ok()
    }
}
