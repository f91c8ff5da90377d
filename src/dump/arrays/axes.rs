//! The order of an array's axes, and what each axis counts.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What an axis counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Axis {
    /// K and V, so its length is 2.
    Kv,
    Layer,
    Batch,
    /// Blocks of tokens, as engines with paged attention keep them. Token order runs through the blocks.
    Blocks,
    Heads,
    Seq,
    Dim,
}

const NAMES: &[(&str, Axis)] = &[
    ("kv", Axis::Kv),
    ("layer", Axis::Layer),
    ("batch", Axis::Batch),
    ("blocks", Axis::Blocks),
    ("heads", Axis::Heads),
    ("seq", Axis::Seq),
    ("dim", Axis::Dim),
];

/// An order of axes, such as `batch,heads,seq,dim`. `seq` and `dim` are required. Without `heads` there is one head (or
/// [`Mapping::kv_heads`](super::Mapping) heads, whose values then follow each other in `dim`); without `batch` one run.
/// `layer` is for arrays that hold all layers, `kv` for those that hold both K and V, `blocks` for the blocks of a
/// paged cache: `seq` (or `block`) then counts the tokens of one block, and the tokens of all blocks follow each other.
///
/// ```
/// use kvlens::dump::Axes;
///
/// let axes = Axes::parse("[layer, kv, seq, head, dim]").unwrap();
/// assert_eq!(axes.to_string(), "layer,kv,seq,heads,dim");
/// assert_eq!(Axes::parse("kv,blocks,block,heads,dim").unwrap().to_string(), "kv,blocks,seq,heads,dim");
/// assert_eq!(Axes::parse("heads,dim").unwrap_err().to_string(), "seq is missing");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(as = "String"))]
#[serde(try_from = "String", into = "String")]
pub struct Axes(Vec<Axis>);

impl From<Vec<Axis>> for Axes {
    fn from(axes: Vec<Axis>) -> Self {
        Self(axes)
    }
}

/// Reason why a text is not an order of axes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AxesError {
    /// A name that is no axis.
    #[error("{0:?} is not one of kv, layer, batch, blocks, heads, seq, dim")]
    Unknown(String),
    /// An axis that occurs twice.
    #[error("{0} occurs twice")]
    Twice(String),
    /// A required axis is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
}

impl Axes {
    /// Parses axis names separated by commas or spaces, with or without `[ ]` around them.
    ///
    /// ```
    /// use kvlens::dump::Axes;
    /// let axes = Axes::parse("[batch, heads, seq, dim]")?;
    /// assert_eq!(axes.to_string(), "batch,heads,seq,dim");
    /// assert!(Axes::parse("heads, dim").is_err(), "tokens need an axis");
    /// # Ok::<(), kvlens::dump::AxesError>(())
    /// ```
    ///
    /// # Errors
    /// When a name is unknown or occurs twice, or `seq` or `dim` is missing.
    pub fn parse(text: &str) -> Result<Self, AxesError> {
        let mut axes = Vec::new();
        let names = text.split([',', ' ', '[', ']', 'x']);
        let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
        let has_blocks = names.iter().any(|name| name.eq_ignore_ascii_case("blocks"));
        for name in names {
            let lower = match name.to_ascii_lowercase() {
                // The position of a token in its block.
                lower if lower == "block" && has_blocks => "seq".to_owned(),
                lower => lower,
            };
            let known = NAMES
                .iter()
                .find(|(known, _)| known.trim_end_matches('s') == lower.trim_end_matches('s'));
            let (_, axis) = known.ok_or_else(|| AxesError::Unknown(name.to_owned()))?;
            if axes.contains(axis) {
                return Err(AxesError::Twice(lower));
            }
            axes.push(*axis);
        }
        for (name, axis) in [("seq", Axis::Seq), ("dim", Axis::Dim)] {
            if !axes.contains(&axis) {
                return Err(AxesError::Missing(name));
            }
        }
        Ok(Self(axes))
    }

    /// Number of axes.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Index of an axis.
    pub(crate) fn position(&self, axis: Axis) -> Option<usize> {
        self.0.iter().position(|&own| own == axis)
    }

    /// Whether there is such an axis.
    pub(crate) fn has(&self, axis: Axis) -> bool {
        self.0.contains(&axis)
    }

    /// The same order with `a` and `b` exchanged: the alternative for an array whose axes are ambiguous.
    pub(crate) fn exchanged(&self, a: Axis, b: Axis) -> Self {
        let other = |&axis: &Axis| match axis {
            axis if axis == a => b,
            axis if axis == b => a,
            axis => axis,
        };
        Self(self.0.iter().map(other).collect())
    }

    /// A plausible order for an array of this shape, as an example of how to write one: with `kv` if the array holds
    /// both K and V, and with `layer` first if no name tells the layer. Heads come before tokens unless that axis is
    /// far longer.
    pub(crate) fn example(shape: &[u64], has_kv: bool, has_layer: bool) -> Self {
        let kv_at =
            has_kv.then(|| usize::from(shape.first() != Some(&2) && shape.get(1) == Some(&2)));
        let mut sizes = shape.to_vec();
        if let Some(at) = kv_at.filter(|&at| at < sizes.len()) {
            sizes.remove(at);
        }
        let outer = if has_layer {
            [Axis::Batch, Axis::Layer]
        } else {
            [Axis::Layer, Axis::Batch]
        };
        let count = sizes.len();
        let mut axes: Vec<Axis> = outer[..count.saturating_sub(3).min(2)].to_vec();
        if axes.len() == 2 {
            axes = vec![Axis::Layer, Axis::Batch];
        }
        if count >= 3 {
            let heads_first = sizes[count - 3] / 8 <= sizes[count - 2];
            let inner = if heads_first {
                [Axis::Heads, Axis::Seq]
            } else {
                [Axis::Seq, Axis::Heads]
            };
            axes.extend(inner);
        } else {
            axes.push(Axis::Seq);
        }
        axes.push(Axis::Dim);
        if let Some(at) = kv_at {
            axes.insert(at, Axis::Kv);
        }
        Self(axes)
    }
}

impl fmt::Display for Axes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, axis) in self.0.iter().enumerate() {
            let name = NAMES
                .iter()
                .find(|(_, known)| known == axis)
                .map_or("", |(name, _)| name);
            write!(out, "{}{name}", if at > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Axes {
    type Error = AxesError;

    fn try_from(text: String) -> Result<Self, AxesError> {
        Self::parse(&text)
    }
}

impl From<Axes> for String {
    fn from(axes: Axes) -> Self {
        axes.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_has_as_many_axes_as_are_there() {
        let cases: [(&[u64], bool, bool, &str); 10] = [
            (&[80, 64], false, true, "seq,dim"),
            (&[2, 80, 64], false, true, "heads,seq,dim"),
            (&[1, 80, 2, 64], false, true, "batch,seq,heads,dim"),
            (&[3, 2, 80, 64], false, false, "layer,heads,seq,dim"),
            (
                &[3, 1, 2, 80, 64],
                false,
                false,
                "layer,batch,heads,seq,dim",
            ),
            (&[2, 80, 64], true, true, "kv,seq,dim"),
            (&[2, 2, 80, 64], true, true, "kv,heads,seq,dim"),
            (&[3, 2, 80, 2, 64], true, false, "layer,kv,seq,heads,dim"),
            (&[2, 1, 2, 80, 64], true, true, "kv,batch,heads,seq,dim"),
            (
                &[2, 3, 1, 2, 80, 64],
                true,
                false,
                "kv,layer,batch,heads,seq,dim",
            ),
        ];
        for (shape, has_kv, has_layer, expected) in cases {
            let example = Axes::example(shape, has_kv, has_layer);
            assert_eq!(example.to_string(), expected);
            assert_eq!(example.count(), shape.len());
        }
    }

    #[test]
    fn reads_and_writes_orders() {
        assert_eq!(
            Axes::parse("[batch, head, seq, dim]").unwrap().to_string(),
            "batch,heads,seq,dim"
        );
        assert_eq!(
            Axes::parse("seq,dim,seq"),
            Err(AxesError::Twice("seq".to_owned()))
        );
        assert_eq!(
            Axes::parse("seq,tokens"),
            Err(AxesError::Unknown("tokens".to_owned()))
        );
        assert_eq!(Axes::parse("heads,dim"), Err(AxesError::Missing("seq")));
    }
}
