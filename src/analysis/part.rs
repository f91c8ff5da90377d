//! A share of a dump's captures, as one of several machines measures it: neighbours in dump order, about equally many bytes in each share.

use super::plan::Plan;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// One of several parts, numbered from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    number: u32,
    of: u32,
}

/// The text does not name a part.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is not a part such as 3/16, from 1/1 to {max}/{max}", max = Part::MAX)]
pub struct PartError(String);

impl Part {
    /// Largest number of parts.
    pub const MAX: u32 = 1_000_000;

    /// The only part of one: all captures.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    /// Part `number` of `of`, counted from 1.
    ///
    /// # Errors
    /// When `number` is 0 or exceeds `of`, or `of` exceeds [`Part::MAX`].
    pub fn new(number: u32, of: u32) -> Result<Self, PartError> {
        if (1..=of.min(Self::MAX)).contains(&number) && of <= Self::MAX {
            Ok(Self { number, of })
        } else {
            Err(PartError(format!("{number}/{of}")))
        }
    }

    /// Number of this part, from 1.
    pub fn number(self) -> u32 {
        self.number
    }

    /// Number of parts.
    pub fn of(self) -> u32 {
        self.of
    }

    /// Keeps this part's captures of a plan: those whose middle byte lies in the part's share of all bytes. Each capture is in exactly one
    /// part.
    pub(super) fn keep_of(self, plan: &mut Plan) {
        let weight = |bytes: u64| u128::from(bytes.max(1));
        let all: u128 = plan.captures.iter().map(|info| weight(info.bytes())).sum();
        let (mut before, of) = (0, u128::from(self.of));
        plan.captures.retain(|info| {
            let bytes = weight(info.bytes());
            let middle = 2 * before + bytes;
            before += bytes;
            middle * of / (2 * all) == u128::from(self.number - 1)
        });
    }
}

/// Parses the form `3/16`.
impl FromStr for Part {
    type Err = PartError;

    fn from_str(text: &str) -> Result<Self, PartError> {
        let parsed = text.split_once('/').and_then(|(number, of)| {
            let number = number.trim().parse().ok()?;
            Self::new(number, of.trim().parse().ok()?).ok()
        });
        parsed.ok_or_else(|| PartError(text.to_owned()))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::CaptureInfo;
    use std::sync::Arc;

    fn plan(seq_lens: &[u64]) -> Plan {
        let mut plan = Plan::default();
        for (index, &seq_len) in seq_lens.iter().enumerate() {
            plan.captures.push(Arc::new(CaptureInfo {
                index,
                layer_id: 0,
                stage: String::new(),
                seq_len,
                kv_heads: 1,
                head_dim: 1,
                v_kv_heads: None,
                v_head_dim: None,
                bytes_per_elem: 2,
                dtype: "fp16",
            }));
        }
        plan
    }

    fn parts(seq_lens: &[u64], of: u32) -> Vec<Vec<usize>> {
        let part = |number| {
            let mut plan = plan(seq_lens);
            Part::new(number, of).unwrap().keep_of(&mut plan);
            plan.indices().collect()
        };
        (1..=of).map(part).collect()
    }

    #[test]
    fn every_capture_is_in_one_part_and_parts_are_neighbours_in_order() {
        for of in [1, 2, 3, 7, 16, 100] {
            let all: Vec<usize> = parts(&[1, 900, 0, 3, 3, 40, 1, 1, 1, 77], of).concat();
            assert_eq!(all, (0..10).collect::<Vec<_>>(), "{of}");
        }
    }

    #[test]
    fn parts_have_about_the_same_number_of_bytes() {
        assert_eq!(
            parts(&[1, 1, 1, 1, 4, 2, 2], 3),
            [vec![0, 1, 2, 3], vec![4], vec![5, 6]]
        );
    }

    #[test]
    fn a_part_is_told_as_3_of_16() {
        let part: Part = "3/16".parse().unwrap();
        assert_eq!((part.number(), part.of()), (3, 16));
        assert_eq!(part.to_string(), "3/16");
        for text in ["0/3", "4/3", "1", "1/0", "-1/2", "1/2/3", "1/1000001", ""] {
            assert!(text.parse::<Part>().is_err(), "{text}");
        }
    }
}
