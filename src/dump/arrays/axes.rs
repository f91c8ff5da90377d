//! An order of axes: what each axis of an array counts.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What an axis counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Axis {
    /// K and V: 2.
    Kv,
    Layer,
    Batch,
    Heads,
    Seq,
    Dim,
}

const NAMES: &[(&str, Axis)] = &[
    ("kv", Axis::Kv),
    ("layer", Axis::Layer),
    ("batch", Axis::Batch),
    ("heads", Axis::Heads),
    ("seq", Axis::Seq),
    ("dim", Axis::Dim),
];

/// An order of axes, such as `batch,heads,seq,dim`. `seq` and `dim` must be in it; without `heads` there is one head (or
/// [`Mapping::kv_heads`](super::Mapping), whose values then lie in `dim` one head behind the other), without `batch` one run;
/// `layer` is for arrays that hold all layers, `kv` for those that hold K and V.
///
/// ```
/// use kvlens::dump::Axes;
///
/// let axes = Axes::parse("[layer, kv, seq, head, dim]").unwrap();
/// assert_eq!(axes.to_string(), "layer,kv,seq,heads,dim");
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

/// Why a text is not an order of axes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AxesError {
    /// A name that is no axis.
    #[error("{0:?} is not one of kv, layer, batch, heads, seq, dim")]
    Unknown(String),
    /// An axis that is there twice.
    #[error("{0} is in it twice")]
    Twice(String),
    /// An axis that must be there.
    #[error("{0} is missing")]
    Missing(&'static str),
}

impl Axes {
    /// Reads names with commas, spaces or `[ ]` between and around.
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
    /// When a name is unknown or there twice, or `seq` or `dim` is missing.
    pub fn parse(text: &str) -> Result<Self, AxesError> {
        let mut axes = Vec::new();
        for name in text
            .split([',', ' ', '[', ']', 'x'])
            .filter(|name| !name.is_empty())
        {
            let lower = name.to_ascii_lowercase();
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

    /// Position of an axis.
    pub(crate) fn position(&self, axis: Axis) -> Option<usize> {
        self.0.iter().position(|&own| own == axis)
    }

    /// Whether there is such an axis.
    pub(crate) fn has(&self, axis: Axis) -> bool {
        self.0.contains(&axis)
    }

    /// An order with this many axes, to show how one is written.
    pub(crate) fn example(count: usize, has_kv: bool) -> String {
        let outer = [Axis::Kv, Axis::Layer, Axis::Batch];
        let inner = [Axis::Heads, Axis::Seq, Axis::Dim];
        let mut axes = inner[3 - count.clamp(2, 3)..].to_vec();
        let missing = count.saturating_sub(3 + usize::from(has_kv));
        if has_kv && count <= 3 {
            axes.remove(0);
        }
        let outer = outer.iter().filter(|&&axis| axis != Axis::Kv).rev();
        for &axis in outer.take(missing) {
            axes.insert(0, axis);
        }
        if has_kv {
            axes.insert(0, Axis::Kv);
        }
        Self(axes).to_string()
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
        let plain = [
            "seq,dim",
            "heads,seq,dim",
            "batch,heads,seq,dim",
            "layer,batch,heads,seq,dim",
        ];
        let with_kv = [
            "kv,seq,dim",
            "kv,heads,seq,dim",
            "kv,batch,heads,seq,dim",
            "kv,layer,batch,heads,seq,dim",
        ];
        for (at, (plain, with_kv)) in plain.iter().zip(with_kv).enumerate() {
            assert_eq!(Axes::example(at + 2, false), *plain);
            assert_eq!(Axes::example(at + 3, true), with_kv);
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
