//! Values of settings, and the Rust types that they convert to.

use crate::numeric::python_float::text;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Value of a setting. Serialises to its natural JSON type: number, text, boolean or list.
///
/// As input, any kind may also be given as the command line's text: `Value::from("8,10")` for a list of whole numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(untagged)]
pub enum Value {
    /// Value of a [`super::Kind::Switch`].
    Switch(bool),
    /// Value of a [`super::Kind::Int`].
    Int(i64),
    /// Value of a [`super::Kind::Float`].
    Float(f64),
    /// Value of a [`super::Kind::Choice`].
    Text(String),
    /// Values of a [`super::Kind::IntList`].
    Ints(Vec<i64>),
    /// Values of a [`super::Kind::FloatList`] or a [`super::Kind::Range`].
    Floats(Vec<f64>),
    /// Values of a [`super::Kind::ChoiceList`].
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

/// Formats the value as the command line takes it: lists with commas, floats as Python writes them.
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

/// An enum that a setting chooses from; each value has a name on the command line and a label in a form.
pub trait Choices: Copy + PartialEq + 'static {
    /// All values with name and label, in the order in which they are offered.
    const ALL: &'static [(Self, &'static str, &'static str)];

    /// Name on the command line and in reports.
    fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(choice, ..)| *choice == self);
        found.map_or("", |(_, name, _)| name)
    }
}

/// A Rust type that a setting's value converts to, once, when an analysis is built: see [`super::Settings::read`].
pub trait FromValue: Sized {
    /// Converts the value; `None` where it is of another kind or out of the type's range.
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

/// Implements [`FromValue`] for whole numbers, single and in lists.
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

/// Implements [`FromValue`] for types that a value holds as they are.
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

/// The lower and the upper end of a range.
impl FromValue for [f64; 2] {
    fn from_value(value: &Value) -> Option<Self> {
        Vec::from_value(value)?.try_into().ok()
    }
}
