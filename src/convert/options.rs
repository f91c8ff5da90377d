//! Options of a conversion.

use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::dump::{Bits16, Capture};

/// What to convert, and to which format. As JSON for the page, with every key optional: `{"format": "zip", "stage":
/// "prefill", "layers": "0-3,7", "tokens": "0..128", "dtype": "fp16"}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ConvertOptions {
    /// Output format.
    pub format: Format,
    /// Keeps only captures of this stage; `None` (or `both`) keeps all.
    pub stage: Option<String>,
    /// Keeps only captures of these layers; `None` keeps all.
    pub layers: Option<LayerSet>,
    /// Keeps only these token positions; `None` keeps all.
    pub tokens: Option<TokenRange>,
    /// Type that fp32 values are rounded to; other types are never converted.
    pub dtype: Option<Bits16>,
}

/// An output format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A folder with three files per capture.
    Folder,
    /// The files of [`Folder`](Self::Folder) in an uncompressed zip archive.
    #[default]
    Zip,
    /// One safetensors file.
    Safetensors,
}

impl Format {
    /// The names that parse.
    pub const NAMES: [&str; 3] = ["folder", "zip", "safetensors"];
}

impl FromStr for Format {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        match text {
            "folder" => Ok(Self::Folder),
            "zip" => Ok(Self::Zip),
            "safetensors" => Ok(Self::Safetensors),
            other => Err(OptionError::Format(other.to_owned())),
        }
    }
}

/// Reason why an option is invalid.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OptionError {
    /// Not the name of a format.
    #[error("{0:?} is not one of {names}", names = Format::NAMES.join(", "))]
    Format(String),
    /// Not a list of layers.
    #[error("{0:?} is not a list of layers such as 0-3,7")]
    Layers(String),
    /// Not a range of tokens.
    #[error("{0:?} is not a range of tokens such as 0..128, ..128 or 128..")]
    Tokens(String),
}

/// A set of layers, written as `0-3,7`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(as = "String"))]
#[serde(try_from = "String", into = "String")]
pub struct LayerSet(Vec<RangeInclusive<i64>>);

impl LayerSet {
    /// Whether `layer` is in the set.
    pub fn contains(&self, layer: i64) -> bool {
        self.0.iter().any(|range| range.contains(&layer))
    }
}

impl FromStr for LayerSet {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        let wrong = || OptionError::Layers(text.to_owned());
        let one = |part: &str| {
            let part = part.trim();
            if let Ok(layer) = part.parse() {
                return Some(layer..=layer);
            }
            // A layer may be -1, so a dash at the start is a sign, not that of a range.
            let dash = part.char_indices().skip(1).find(|(_, c)| *c == '-')?.0;
            let (first, last) = (
                part[..dash].trim().parse().ok()?,
                part[dash + 1..].trim().parse().ok()?,
            );
            (first <= last).then_some(first..=last)
        };
        text.split(',')
            .map(|part| one(part).ok_or_else(wrong))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl TryFrom<String> for LayerSet {
    type Error = OptionError;

    fn try_from(text: String) -> Result<Self, OptionError> {
        text.parse()
    }
}

impl From<LayerSet> for String {
    fn from(layers: LayerSet) -> Self {
        let text = |range: RangeInclusive<i64>| match (range.start(), range.end()) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}-{last}"),
        };
        layers.0.into_iter().map(text).collect::<Vec<_>>().join(",")
    }
}

/// Token positions `start..end`, the end excluded, written as `0..128`, `..128` or `128..`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(as = "String"))]
#[serde(try_from = "String", into = "String")]
pub struct TokenRange {
    /// First position.
    pub start: u64,
    /// End of the range, excluded.
    pub end: u64,
}

impl FromStr for TokenRange {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        let wrong = || OptionError::Tokens(text.to_owned());
        let (start, end) = text.split_once("..").ok_or_else(wrong)?;
        let number = |part: &str, open: u64| match part.trim() {
            "" => Ok(open),
            part => part.parse().map_err(|_| wrong()),
        };
        let (start, end) = (number(start, 0)?, number(end, u64::MAX)?);
        if start < end {
            Ok(Self { start, end })
        } else {
            Err(wrong())
        }
    }
}

impl TryFrom<String> for TokenRange {
    type Error = OptionError;

    fn try_from(text: String) -> Result<Self, OptionError> {
        text.parse()
    }
}

impl From<TokenRange> for String {
    fn from(TokenRange { start, end }: TokenRange) -> Self {
        if end == u64::MAX {
            format!("{start}..")
        } else {
            format!("{start}..{end}")
        }
    }
}

impl ConvertOptions {
    /// Stages to choose from.
    pub const STAGES: [&str; 3] = ["both", "prefill", "decode"];

    /// Range of the capture's tokens that are kept, relative to its first one; `None` if none is.
    pub(super) fn keeps(&self, capture: &Capture) -> Option<std::ops::Range<usize>> {
        let stage = self.stage.as_deref().unwrap_or("both");
        if stage != "both" && stage != capture.stage {
            return None;
        }
        if self
            .layers
            .as_ref()
            .is_some_and(|layers| !layers.contains(capture.layer_id))
        {
            return None;
        }
        let len = capture.shape.seq_len;
        let Some(TokenRange { start, end }) = self.tokens else {
            return Some(0..len);
        };
        let from_first = |token: u64| {
            usize::try_from(token.saturating_sub(capture.seq_start))
                .unwrap_or(usize::MAX)
                .min(len)
        };
        let kept = from_first(start)..from_first(end);
        (!kept.is_empty()).then_some(kept)
    }

    /// Whether the query of this layer at this position is kept; queries belong to no stage.
    pub(super) fn keeps_query(&self, layer_id: i64, position: u64) -> bool {
        let of_layer = self
            .layers
            .as_ref()
            .is_none_or(|layers| layers.contains(layer_id));
        of_layer
            && self
                .tokens
                .is_none_or(|TokenRange { start, end }| (start..end).contains(&position))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_formats_layers_and_tokens() {
        let layers: LayerSet = "0-2, 7,-1".parse().unwrap();
        let kept: Vec<i64> = (-2..9).filter(|&layer| layers.contains(layer)).collect();
        assert_eq!(kept, [-1, 0, 1, 2, 7]);
        assert_eq!(String::from(layers), "0-2,7,-1");
        assert_eq!(String::from("-3--1".parse::<LayerSet>().unwrap()), "-3--1");
        for name in Format::NAMES {
            let format: Format = name.parse().unwrap();
            assert_eq!(serde_json::to_value(format).unwrap(), name);
        }
        for wrong in ["", "a", "3-1", "1-", "1,,2"] {
            assert!(wrong.parse::<LayerSet>().is_err(), "{wrong}");
        }
        assert_eq!(
            "5..".parse(),
            Ok(TokenRange {
                start: 5,
                end: u64::MAX
            })
        );
        assert_eq!("..5".parse(), Ok(TokenRange { start: 0, end: 5 }));
        for wrong in ["", "5", "5..5", "6..5", "a..b", "-1..2"] {
            assert!(wrong.parse::<TokenRange>().is_err(), "{wrong}");
        }
    }
}
