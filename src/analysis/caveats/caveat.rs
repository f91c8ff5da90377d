//! Warnings about a dump's captures: what their signs mean for the figures, once for each kind, with the setting that corrects for it.

use super::mend::Mends;
use super::signs::Signs;
use crate::tensor::{Dtype, Shape};
use serde::{Deserialize, Serialize};

/// A setting with the value that corrects for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Mend {
    /// The setting's flag, without `--`.
    pub flag: &'static str,
    /// Value to set.
    pub value: &'static str,
}

/// A reason why the figures may mislead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Caveat {
    /// `zero-tail`, `is-bf16`, `is-fp16`, `repeated-heads`, `constant`, `k-equals-v` or `non-finite`.
    pub kind: &'static str,
    /// Number of captures that show it.
    pub captures: usize,
    /// Number of captures that were examined.
    pub of: usize,
    /// What was found and how it affects the ratio: a sentence for people.
    pub message: String,
    /// Setting that corrects for it; absent where there is none, or it is already on.
    pub mend: Option<Mend>,
    /// Whether it was corrected for, so that the figures are not affected.
    pub mended: bool,
}

/// Accumulates the signs of captures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caveats {
    looked_at: usize,
    /// Number of captures, of zero tokens in them, and of all their tokens.
    zero_tail: (usize, u64, u64),
    /// Number of captures whose 32-bit values are all values of bf16.
    is_bf16: usize,
    /// Number of those whose values are all values of fp16, too.
    #[serde(default)]
    is_either: usize,
    /// Number of captures whose values are all values of fp16, but not of bf16.
    is_fp16: usize,
    /// Number of captures, the most repetitions in one of them, and the number of heads of that one.
    repeated: (usize, usize, usize),
    constant: usize,
    equal: usize,
    /// Number of captures, of NaN values and of infinite values.
    non_finite: (usize, u64, u64),
}

impl Caveats {
    /// Adds the signs of a capture of this shape.
    pub fn add(&mut self, shape: Shape, signs: &Signs) {
        self.looked_at += 1;
        let zeros = signs.zero_tail();
        // A capture of nothing but zeros is reported as constant.
        if zeros > 0 && zeros < shape.seq_len {
            self.zero_tail.0 += 1;
            self.zero_tail.1 += zeros as u64;
            self.zero_tail.2 += shape.seq_len as u64;
        }
        let constant = signs.k.constant || signs.v.constant;
        if signs.fits(Dtype::Bf16) && !constant {
            self.is_bf16 += 1;
            self.is_either += usize::from(signs.fits(Dtype::F16));
        } else if signs.fits(Dtype::F16) && !constant {
            self.is_fp16 += 1;
        }
        if signs.repeats() > 1 {
            self.repeated.0 += 1;
            if signs.repeats() > self.repeated.1 {
                (self.repeated.1, self.repeated.2) = (signs.repeats(), shape.kv_heads);
            }
        }
        self.constant += usize::from(constant);
        self.equal += usize::from(signs.equal && !constant);
        let (nan, infinite) = (
            signs.k.nan + signs.v.nan,
            signs.k.infinite + signs.v.infinite,
        );
        if nan + infinite > 0 {
            self.non_finite.0 += 1;
            self.non_finite.1 += nan;
            self.non_finite.2 += infinite;
        }
    }

    /// Adds the signs of captures that follow those seen so far.
    pub fn join(&mut self, behind: &Self) {
        // Numbers read from a file may be anything.
        let captures = |to: &mut usize, more: usize| *to = to.saturating_add(more);
        let values = |to: &mut u64, more: u64| *to = to.saturating_add(more);
        captures(&mut self.looked_at, behind.looked_at);
        captures(&mut self.zero_tail.0, behind.zero_tail.0);
        values(&mut self.zero_tail.1, behind.zero_tail.1);
        values(&mut self.zero_tail.2, behind.zero_tail.2);
        captures(&mut self.is_bf16, behind.is_bf16);
        captures(&mut self.is_either, behind.is_either);
        captures(&mut self.is_fp16, behind.is_fp16);
        captures(&mut self.repeated.0, behind.repeated.0);
        if behind.repeated.1 > self.repeated.1 {
            (self.repeated.1, self.repeated.2) = (behind.repeated.1, behind.repeated.2);
        }
        captures(&mut self.constant, behind.constant);
        captures(&mut self.equal, behind.equal);
        captures(&mut self.non_finite.0, behind.non_finite.0);
        values(&mut self.non_finite.1, behind.non_finite.1);
        values(&mut self.non_finite.2, behind.non_finite.2);
    }

    /// One caveat for each kind that was seen; `mends` are the corrections that were on.
    pub fn list(&self, mends: &Mends) -> Vec<Caveat> {
        let of = self.looked_at;
        let mut list = Vec::new();
        let mut add = |kind, captures: usize, message: String, mend: Option<Mend>, mended: bool| {
            if captures > 0 {
                let message = format!("{} of {of} captures: {message}", captures);
                let mend = mend.filter(|_| !mended);
                list.push(Caveat {
                    kind,
                    captures,
                    of,
                    message,
                    mend,
                    mended,
                });
            }
        };
        let mend = |flag, value| Some(Mend { flag, value });
        let (captures, zeros, tokens) = self.zero_tail;
        let message = if mends.trim_zeros {
            format!("{zeros} of {tokens} tokens, at the end, are all zero; they were left out")
        } else {
            format!(
                "{zeros} of {tokens} tokens, at the end, are all zero, as in a buffer that is not full. They take next to no bytes, so the ratio is too high for a cache in use"
            )
        };
        add(
            "zero-tail",
            captures,
            message,
            mend("trim-zeros", "true"),
            mends.trim_zeros,
        );
        // Values of both types are told as bf16, unless they were taken as fp16.
        let as_fp16 = match mends.narrow_to {
            Some(Dtype::F16) => self.is_either,
            _ => 0,
        };
        let is_bf16 = self.is_bf16.saturating_sub(as_fp16);
        let is_fp16 = self.is_fp16.saturating_add(as_fp16);
        for (kind, dtype, name, captures) in [
            ("is-bf16", Dtype::Bf16, "bf16", is_bf16),
            ("is-fp16", Dtype::F16, "fp16", is_fp16),
        ] {
            let mended = mends.narrow_to == Some(dtype);
            let message = if mended {
                format!("32-bit values that are all values of {name}; taken as {name}")
            } else {
                format!(
                    "32-bit values that are all values of {name}: saved as fp32, they hold zeros that compress away, so the ratio is up to twice that of the {name} cache"
                )
            };
            add(kind, captures, message, mend("as", name), mended);
        }
        let (captures, times, heads) = self.repeated;
        let message = if mends.unrepeat_heads {
            format!("each head was there {times} times, bit by bit; one of them was kept")
        } else {
            format!(
                "of {heads} heads each is there {times} times, bit by bit, as repeat_kv makes them. The copies compress away, so the ratio is up to {times} times too high"
            )
        };
        add(
            "repeated-heads",
            captures,
            message,
            mend("unrepeat-heads", "true"),
            mends.unrepeat_heads,
        );
        let message = "K or V has one value throughout; such a tensor takes next to no bytes, whatever the method".to_owned();
        add("constant", self.constant, message, None, false);
        let message = "K and V hold the same bits: most likely one was saved twice".to_owned();
        add("k-equals-v", self.equal, message, None, false);
        let (captures, nan, infinite) = self.non_finite;
        let message = format!(
            "{nan} NaN and {infinite} infinite values: lossless figures count them, errors can't"
        );
        add("non-finite", captures, message, None, false);
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::caveats::signs::TensorSigns;

    #[test]
    fn a_caveat_says_what_it_does_and_what_mends_it() {
        let shape = Shape {
            seq_len: 256,
            kv_heads: 8,
            head_dim: 64,
        };
        let tensor = TensorSigns {
            zero_tail: 186,
            repeats: 4,
            ..TensorSigns::default()
        };
        let signs = Signs {
            k: tensor,
            v: tensor,
            equal: false,
        };
        let mut caveats = Caveats::default();
        (0..3).for_each(|_| caveats.add(shape, &signs));
        let list = caveats.list(&Mends::default());
        let told: Vec<&str> = list.iter().map(|caveat| caveat.message.as_str()).collect();
        assert!(
            told[0].starts_with("3 of 3 captures: 558 of 768 tokens, at the end, are all zero"),
            "{told:?}"
        );
        assert!(
            told[1].starts_with("3 of 3 captures: of 8 heads each is there 4 times"),
            "{told:?}"
        );
        assert_eq!(
            list[0].mend,
            Some(Mend {
                flag: "trim-zeros",
                value: "true"
            })
        );
        let mends = Mends {
            trim_zeros: true,
            ..Mends::default()
        };
        let mended = &caveats.list(&mends)[0];
        assert!(mended.mended && mended.mend.is_none(), "{mended:?}");
        assert!(Caveats::default().list(&mends).is_empty());
    }
}
