//! What an array's name tells: layer, K or V, stage, tokens, run.

use crate::tensor::Kv;

/// What an array's name or format tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// `None` if the array holds both, or an axis tells them apart.
    pub kv: Option<Kv>,
    pub layer: Option<i64>,
    pub stage: Option<String>,
    /// Token range `start..end`, if the name has one (`t0_128`).
    pub span: Option<(u64, u64)>,
    /// Path before the layer's folder.
    pub run: String,
}

pub(crate) const KEY_WORDS: &[&str] = &["keys", "key", "k"];
pub(crate) const VALUE_WORDS: &[&str] = &["values", "value", "val", "v"];

/// Whether a word means K or V, in any case.
pub(crate) fn word_kv(word: &str) -> Option<Kv> {
    let is = |words: &[&str]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
    if is(KEY_WORDS) {
        Some(Kv::K)
    } else {
        is(VALUE_WORDS).then_some(Kv::V)
    }
}
