//! Patterns of tensor names such as `layers.{layer}.self_attn.{kv}_cache`, given by the user or derived from the names.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::named::{KEY_WORDS, Named, VALUE_WORDS, word_kv};
use crate::tensor::Kv;

/// A pattern that names are matched against.
///
/// `{layer}`, `{start}` and `{end}` match digits, `{kv}` matches k, v, key, value, keys or values in any case (or two
/// words of your own: `{kv:K|V}`), `{stage}` matches a word, `{run}` and `*` match anything. All else matches itself.
///
/// The pattern is matched against the tensor's name, then against the name preceded by parts of its path: the file
/// (with or without its extension), and folders. So `{kv}/layer_{layer}` matches the tensor `layer_0` of
/// `keys.safetensors`. A pattern without `{kv}` is for arrays that hold both K and V along an axis.
///
/// ```
/// use kvlens::dump::NamePattern;
///
/// let pattern = NamePattern::parse("layers.{layer}.self_attn.{kv}_cache").unwrap();
/// assert_eq!(pattern.to_string(), "layers.{layer}.self_attn.{kv}_cache");
/// assert!(NamePattern::parse("layers.{number}.{kv}").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(as = "String"))]
#[serde(try_from = "String", into = "String")]
pub struct NamePattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Layer,
    Kv(String, String),
    Stage,
    Start,
    End,
    Run,
    Any,
}

/// Reason why a text is not a valid pattern of tensor names.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// A placeholder that is not known.
    #[error(
        "{{{0}}} is not one of {{layer}} {{kv}} {{kv:a|b}} {{stage}} {{start}} {{end}} {{run}}"
    )]
    Unknown(String),
    /// A `{` without a closing `}`.
    #[error("a {{ without its }}")]
    Open,
    /// More than one `{kv}`.
    #[error("{{kv}} may occur only once, found {0} times")]
    Kv(usize),
    /// Too long, or too many parts that match anything.
    #[error("it is too long, or has more than two of {{run}} and *")]
    TooLong,
}

/// Maximum length of a matched name in bytes, so that matching takes bounded time whatever a file holds.
const MAX_NAME_LEN: usize = 512;

impl NamePattern {
    /// Parses a pattern.
    ///
    /// ```
    /// use kvlens::dump::NamePattern;
    /// let pattern = NamePattern::parse("layers.{layer}.{kv:keys|values}")?;
    /// assert_eq!(pattern.to_string(), "layers.{layer}.{kv:keys|values}");
    /// assert!(NamePattern::parse("{kv}.{layer}.{kv}").is_err(), "K and V can be said once only");
    /// # Ok::<(), kvlens::dump::PatternError>(())
    /// ```
    ///
    /// # Errors
    /// When a placeholder is unknown or not closed, or `{kv}` occurs more than once.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(['{', '*']).unwrap_or(rest.len());
            if end > 0 {
                parts.push(Part::Text(rest[..end].to_owned()));
            }
            rest = &rest[end..];
            if let Some(behind) = rest.strip_prefix('*') {
                parts.push(Part::Any);
                rest = behind;
            } else if let Some(inside) = rest.strip_prefix('{') {
                let (name, behind) = inside.split_once('}').ok_or(PatternError::Open)?;
                parts.push(Part::named(name)?);
                rest = behind;
            }
        }
        let kvs = parts
            .iter()
            .filter(|part| matches!(part, Part::Kv(..)))
            .count();
        if kvs > 1 {
            return Err(PatternError::Kv(kvs));
        }
        let open = parts
            .iter()
            .filter(|part| matches!(part, Part::Any | Part::Run))
            .count();
        if open > 2 || parts.len() > 32 || text.len() > MAX_NAME_LEN {
            return Err(PatternError::TooLong);
        }
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }

    /// What `name` tells according to this pattern, or `None` if it does not match.
    pub(crate) fn matches(&self, name: &str) -> Option<Named> {
        if name.len() > MAX_NAME_LEN {
            return None;
        }
        let mut found = Named {
            kv: None,
            layer: None,
            stage: None,
            span: None,
            run: String::new(),
        };
        fill(&self.parts, name, &mut found).then_some(found)
    }
}

impl Part {
    fn named(name: &str) -> Result<Self, PatternError> {
        match name {
            "layer" => Ok(Self::Layer),
            "kv" => Ok(Self::Kv(String::new(), String::new())),
            "stage" => Ok(Self::Stage),
            "start" => Ok(Self::Start),
            "end" => Ok(Self::End),
            "run" => Ok(Self::Run),
            _ => match name
                .strip_prefix("kv:")
                .and_then(|words| words.split_once('|'))
            {
                Some((k, v)) if !k.is_empty() && !v.is_empty() && k != v => {
                    Ok(Self::Kv(k.to_owned(), v.to_owned()))
                }
                _ => Err(PatternError::Unknown(name.to_owned())),
            },
        }
    }

    /// The lengths of prefixes of `text` that this part can match, in the order to try them.
    fn lengths(&self, text: &str) -> Vec<usize> {
        let run_of = |is: fn(char) -> bool| text.find(|c| !is(c)).unwrap_or(text.len());
        match self {
            Self::Text(own) => {
                if text.starts_with(own) {
                    vec![own.len()]
                } else {
                    vec![]
                }
            }
            Self::Layer | Self::Start | Self::End => {
                (1..=run_of(|c| c.is_ascii_digit())).rev().collect()
            }
            Self::Stage => (1..=run_of(|c| c.is_ascii_alphanumeric())).rev().collect(),
            Self::Kv(k, _) if k.is_empty() => {
                let words = KEY_WORDS.iter().chain(VALUE_WORDS);
                let fits = |word: &&&str| {
                    text.get(..word.len())
                        .is_some_and(|head| head.eq_ignore_ascii_case(word))
                };
                words.filter(fits).map(|word| word.len()).collect()
            }
            Self::Kv(k, v) => [k, v]
                .into_iter()
                .filter(|word| text.starts_with(word.as_str()))
                .map(String::len)
                .collect(),
            Self::Run | Self::Any => text
                .char_indices()
                .map(|(at, _)| at)
                .chain([text.len()])
                .collect(),
        }
    }

    fn note(&self, text: &str, found: &mut Named) -> Option<()> {
        match self {
            Self::Layer => found.layer = Some(text.parse().ok()?),
            Self::Start => {
                found.span = Some((text.parse().ok()?, found.span.unwrap_or_default().1))
            }
            Self::End => found.span = Some((found.span.unwrap_or_default().0, text.parse().ok()?)),
            Self::Stage => found.stage = Some(text.to_owned()),
            Self::Run => found.run = text.trim_matches('/').to_owned(),
            Self::Kv(k, _) if k.is_empty() => found.kv = Some(word_kv(text)?),
            Self::Kv(k, _) => found.kv = Some(if text == k { Kv::K } else { Kv::V }),
            Self::Text(_) | Self::Any => {}
        }
        Some(())
    }
}

fn fill(parts: &[Part], name: &str, found: &mut Named) -> bool {
    let Some((part, rest)) = parts.split_first() else {
        return name.is_empty();
    };
    part.lengths(name).into_iter().any(|len| {
        let (head, tail) = name.split_at(len);
        fill(rest, tail, found) && part.note(head, found).is_some()
    })
}

impl std::fmt::Display for NamePattern {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.text)
    }
}

impl TryFrom<String> for NamePattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        Self::parse(&text)
    }
}

impl From<NamePattern> for String {
    fn from(pattern: NamePattern) -> Self {
        pattern.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_apart() {
        let pattern = NamePattern::parse("{run}/l{layer}_{kv:A|B}_{stage}.{start}-{end}").unwrap();
        let span = Some((5, 12));
        let expected = Named {
            kv: Some(Kv::V),
            layer: Some(3),
            stage: Some("decode".to_owned()),
            span,
            run: "a/b".to_owned(),
        };
        assert_eq!(pattern.matches("a/b/l3_B_decode.5-12"), Some(expected));
        for wrong in [
            "a/b/l3_C_decode.5-12",
            "a/b/l_B_decode.5-12",
            "a/b/l3_B_decode.5-12x",
            "",
        ] {
            assert_eq!(pattern.matches(wrong), None, "{wrong}");
        }
        let pattern = NamePattern::parse("*{kv}{layer}").unwrap();
        assert_eq!(
            pattern
                .matches("my.KEYS12")
                .map(|named| (named.kv, named.layer)),
            Some((Some(Kv::K), Some(12)))
        );
        assert_eq!(pattern.matches("value99999999999999999999"), None);
    }

    #[test]
    fn refuses_what_is_no_pattern() {
        let error = |text: &str| NamePattern::parse(text).unwrap_err();
        assert_eq!(error("{layer"), PatternError::Open);
        assert_eq!(
            error("{lyer}{kv}"),
            PatternError::Unknown("lyer".to_owned())
        );
        assert_eq!(
            error("{kv:a|a}"),
            PatternError::Unknown("kv:a|a".to_owned())
        );
        assert_eq!(error("{kv}_{layer}{kv}"), PatternError::Kv(2));
        assert_eq!(error("***{kv}"), PatternError::TooLong);
    }
}
