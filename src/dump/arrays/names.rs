//! Finds layer and K/V in a tensor's name if it is unambiguous: every word must be known, with exactly one number for
//! the layer and one word for K or V. So `past_key_values.0.key` is understood, and `layers.0.self_attn.k_proj.weight`
//! is not.

use std::ops::Range;

use super::named::{Named, word_kv};
use crate::tensor::{Dtype, Kv};

/// A number after one of these words is the layer.
pub(super) const LAYER: &[&str] = &["layer", "layers", "block", "blocks", "blk", "h", "l"];
/// Words that add no information about an array.
const NOISE: &[&str] = &[
    "model",
    "transformer",
    "decoder",
    "language",
    "text",
    "self",
    "attn",
    "attention",
    "past",
    "present",
    "kv",
    "kvs",
    "all",
    "stack",
    "stacked",
    "cache",
    "caches",
    "state",
    "states",
    "tensor",
    "module",
    "bytes",
    "cached",
    "kvcache",
    "kvcaches",
];
/// The words among these that mean a cache of K and V.
const CACHE: &[&str] = &[
    "kv", "kvs", "cache", "caches", "past", "present", "kvcache", "kvcaches",
];
const STAGES: &[&str] = &["prefill", "decode"];
/// Words for the cross-attention cache of an encoder-decoder model: it becomes a run of its own beside the decoder's.
const CROSS: &[&str] = &["cross", "encoder"];

/// Interpretation of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Guess {
    pub named: Named,
    /// The name with its variable parts replaced: a [`super::NamePattern`].
    pub template: String,
    /// Element type, if the name contains the word bf16 or fp16; for arrays saved as integers.
    pub dtype: Option<Dtype>,
    /// Whether the name is one of a Hugging Face cache, whose tensors are `[batch, heads, seq, dim]`.
    pub transformers: bool,
    /// Whether the name means a cache of both K and V, not one of them.
    pub is_cache: bool,
}

/// A run of letters or of digits in a name, from byte `start` on.
struct Word<'a> {
    text: &'a str,
    start: usize,
    /// Whether the next word follows without a separator.
    tight: bool,
}

impl Word<'_> {
    fn is(&self, words: &[&str]) -> bool {
        words
            .iter()
            .any(|word| self.text.eq_ignore_ascii_case(word))
    }

    fn number(&self) -> Option<u64> {
        self.text.parse().ok()
    }

    fn range(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }
}

/// Interpretation of `name`, or `None` if layer or K/V is ambiguous.
pub(crate) fn guess(name: &str) -> Option<Guess> {
    let run = run_prefix(name);
    let guess = take_apart(run, &name[run.len()..])?;
    (guess.named.kv.is_some() && guess.named.layer.is_some()).then_some(guess)
}

/// Interpretation of `text`, a name that may include folders and file; layer and K/V may stay undecided. `None` if it
/// contains an unknown word.
pub(crate) fn guess_loosely(text: &str) -> Option<Guess> {
    take_apart("", text)
}

fn take_apart(run: &str, body: &str) -> Option<Guess> {
    if run.len() + body.len() > 512
        || body.contains(['{', '}', '*'])
        || run.contains(['{', '}', '*'])
    {
        return None;
    }
    let words = words(body);
    let mut is_cache = false;
    let marked = words
        .windows(2)
        .any(|pair| pair[0].is(LAYER) && pair[1].number().is_some());
    let mut found = Found::default();
    let mut holes = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let word = &words[at];
        let next = |ahead: usize| words.get(at + ahead);
        let next_number = |ahead: usize| next(ahead).and_then(Word::number);
        at += if word.is(&["bf", "fp", "f", "float", "bfloat"])
            && word.tight
            && matches!(next_number(1), Some(16 | 32))
        {
            let brain = word.is(&["bf", "bfloat"]);
            found.dtype = Some(if brain { Dtype::Bf16 } else { Dtype::F16 });
            2
        } else if word.is(&["key", "k"])
            && next(1).is_some_and(|next| next.is(&["value", "values", "v"]))
        {
            is_cache = true;
            2
        } else if word.is(LAYER) && next_number(1).is_some() {
            found.layer(next_number(1))?;
            holes.push((next(1)?.range(), "{layer}"));
            2
        } else if word.is(&["t"]) && next_number(1).is_some() && next_number(2).is_some() {
            found.span(next_number(1)?, next_number(2)?)?;
            holes.extend([(next(1)?.range(), "{start}"), (next(2)?.range(), "{end}")]);
            3
        } else if let Some((kv, len)) = kv_at_start(word.text) {
            found.kv(kv)?;
            holes.push((word.start..word.start + len, "{kv}"));
            1
        } else if word.is(STAGES) {
            found.stage(word.text)?;
            holes.push((word.range(), "{stage}"));
            1
        } else if run.is_empty() && word.is(CROSS) {
            found.cross(word.text)?;
            holes.push((word.range(), "{run}"));
            1
        } else if word.is(NOISE) || word.is(&["layer", "layers"]) {
            is_cache |= word.is(CACHE);
            1
        } else if !marked && word.number().is_some() {
            found.layer(word.number())?;
            holes.push((word.range(), "{layer}"));
            1
        } else {
            return None;
        };
    }
    let transformers = body.starts_with("past_key_values")
        || body.starts_with("key_cache")
        || body.starts_with("value_cache");
    let transformers = transformers
        || (body.starts_with("layers.") && (body.ends_with(".keys") || body.ends_with(".values")));
    let template = if run.is_empty() {
        String::new()
    } else {
        "{run}/".to_owned()
    } + &punch(body, &holes);
    let named = Named {
        kv: found.kv,
        layer: found.layer,
        stage: found.stage,
        span: found.span,
        run: match found.cross {
            Some(cross) => cross,
            None => run.trim_end_matches('/').to_owned(),
        },
    };
    Some(Guess {
        named,
        template,
        dtype: found.dtype,
        transformers,
        is_cache,
    })
}

/// Path before the folder that names the layer.
fn run_prefix(name: &str) -> &str {
    let mut start = 0;
    let mut parts = name.split('/').peekable();
    while let Some(part) = parts.next() {
        let is_number = |next: &&str| next.parse::<u64>().is_ok();
        if LAYER.iter().any(|word| part.eq_ignore_ascii_case(word))
            && parts.peek().is_some_and(is_number)
        {
            // Module names such as these are no run.
            let says_nothing = words(&name[..start]).iter().all(|word| word.is(NOISE));
            return if says_nothing { "" } else { &name[..start] };
        }
        let words = words(part);
        if words
            .windows(2)
            .any(|pair| pair[0].is(LAYER) && pair[1].number().is_some())
        {
            return &name[..start];
        }
        start += part.len() + 1;
    }
    &name[..name.rfind('/').map_or(0, |slash| slash + 1)]
}

/// Whether a word starts with one for K or V, as `kcache` does, and the length of that part.
fn kv_at_start(word: &str) -> Option<(Kv, usize)> {
    let len = word.len();
    let behind = len.checked_sub("cache".len());
    let short = behind.filter(|&len| {
        word.get(len..)
            .is_some_and(|end| end.eq_ignore_ascii_case("cache"))
    });
    let whole = word_kv(word).map(|kv| (kv, len));
    whole.or_else(|| short.and_then(|len| Some((word_kv(&word[..len])?, len))))
}

/// Facts found so far; a second value for any of them makes the name ambiguous.
#[derive(Default)]
struct Found {
    kv: Option<Kv>,
    layer: Option<i64>,
    stage: Option<String>,
    span: Option<(u64, u64)>,
    dtype: Option<Dtype>,
    cross: Option<String>,
}

impl Found {
    fn cross(&mut self, word: &str) -> Option<()> {
        self.cross.replace(word.to_owned()).is_none().then_some(())
    }

    fn kv(&mut self, kv: Kv) -> Option<()> {
        self.kv.replace(kv).is_none().then_some(())
    }

    fn layer(&mut self, layer: Option<u64>) -> Option<()> {
        self.layer
            .replace(layer?.try_into().ok()?)
            .is_none()
            .then_some(())
    }

    fn stage(&mut self, stage: &str) -> Option<()> {
        self.stage
            .replace(stage.to_ascii_lowercase())
            .is_none()
            .then_some(())
    }

    fn span(&mut self, start: u64, end: u64) -> Option<()> {
        (start <= end && self.span.replace((start, end)).is_none()).then_some(())
    }
}

/// Splits at every character that is neither letter nor digit, between letters and digits, and before capitals inside a
/// word.
fn words(name: &str) -> Vec<Word<'_>> {
    let bytes = name.as_bytes();
    let mut words: Vec<Word<'_>> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let class = |byte: u8| {
            if byte.is_ascii_digit() {
                1
            } else {
                u8::from(byte.is_ascii_alphabetic() || byte >= 0x80) * 2
            }
        };
        let start = at;
        at += 1;
        while at < bytes.len() && class(bytes[at]) == class(bytes[start]) {
            if bytes[at].is_ascii_uppercase() && bytes[at - 1].is_ascii_lowercase() {
                break;
            }
            at += 1;
        }
        if class(bytes[start]) != 0 {
            let tight = at < bytes.len() && class(bytes[at]) != 0;
            words.push(Word {
                text: &name[start..at],
                start,
                tight,
            });
        }
    }
    words
}

/// Replaces ranges of `body` by placeholders.
fn punch(body: &str, holes: &[(Range<usize>, &str)]) -> String {
    let mut template = String::new();
    let mut end = 0;
    for (place, hole) in holes {
        template.push_str(&body[end..place.start]);
        template.push_str(hole);
        end = place.end;
    }
    template + &body[end..]
}

#[cfg(test)]
mod tests {
    use super::super::NamePattern;
    use super::*;

    #[test]
    fn understands_the_usual_names() {
        let cases = [
            ("k_0", "{kv}_{layer}", Kv::K, 0),
            ("v12", "{kv}{layer}", Kv::V, 12),
            ("value_cache_3", "{kv}_cache_{layer}", Kv::V, 3),
            ("key_cache.7", "{kv}_cache.{layer}", Kv::K, 7),
            ("layers.0.k", "layers.{layer}.{kv}", Kv::K, 0),
            ("layer_0_key", "layer_{layer}_{kv}", Kv::K, 0),
            ("layer_0_k_cache", "layer_{layer}_{kv}_cache", Kv::K, 0),
            (
                "past_key_values.31.value",
                "past_key_values.{layer}.{kv}",
                Kv::V,
                31,
            ),
            (
                "past_key_values_3_key",
                "past_key_values_{layer}_{kv}",
                Kv::K,
                3,
            ),
            ("past.5.value", "past.{layer}.{kv}", Kv::V, 5),
            ("present.5.key", "present.{layer}.{kv}", Kv::K, 5),
            (
                "model.layers.2.self_attn.k_cache",
                "model.layers.{layer}.self_attn.{kv}_cache",
                Kv::K,
                2,
            ),
            ("layers.1.values", "layers.{layer}.{kv}", Kv::V, 1),
            ("cache_k_l4", "cache_{kv}_l{layer}", Kv::K, 4),
            (
                "transformer.h.9.attn.v",
                "transformer.h.{layer}.attn.{kv}",
                Kv::V,
                9,
            ),
            ("keyCache6", "{kv}Cache{layer}", Kv::K, 6),
            ("vcache.6", "{kv}cache.{layer}", Kv::V, 6),
            ("KVCache.layer.0.K", "KVCache.layer.{layer}.{kv}", Kv::K, 0),
            (
                "layers/2/self_attn/cached_key",
                "layers/{layer}/self_attn/cached_{kv}",
                Kv::K,
                2,
            ),
            ("layer_0_bf16_k", "layer_{layer}_bf16_{kv}", Kv::K, 0),
            (
                "prompt_128/layer_3/k_t0_128",
                "{run}/layer_{layer}/{kv}_t{start}_{end}",
                Kv::K,
                3,
            ),
            ("a/k_1", "{run}/{kv}_{layer}", Kv::K, 1),
            ("decode.layers.1.v", "{stage}.layers.{layer}.{kv}", Kv::V, 1),
            (
                "past_key_values.1.encoder.key",
                "past_key_values.{layer}.{run}.{kv}",
                Kv::K,
                1,
            ),
            (
                "layers.2.cross_attn.v",
                "layers.{layer}.{run}_attn.{kv}",
                Kv::V,
                2,
            ),
        ];
        for (name, template, kv, layer) in cases {
            let guess = guess(name).unwrap_or_else(|| panic!("{name} is not understood"));
            assert_eq!(
                (guess.template.as_str(), guess.named.kv, guess.named.layer),
                (template, Some(kv), Some(layer)),
                "{name}"
            );
            let pattern = NamePattern::parse(template).unwrap();
            let by_pattern = pattern
                .matches(name)
                .unwrap_or_else(|| panic!("{template} does not match {name}"));
            assert_eq!(
                (by_pattern.kv, by_pattern.layer),
                (Some(kv), Some(layer)),
                "{name} by {template}"
            );
        }
    }

    #[test]
    fn leaves_doubtful_names_alone() {
        let names = [
            "",
            "k",
            "0",
            "k_v_0",
            "k_0_v",
            "k_0_1",
            "past_key_values.0.0",
            "layers.0.self_attn.k_proj.weight",
            "layers.0.layers.1.k",
            "run7.layers.0.k",
            "position_ids",
            "key_value_cache_0",
            "k_99999999999999999999",
            "k_norm_0",
            "ключ_0",
            "tensor_0",
        ];
        for name in names {
            assert_eq!(guess(name), None, "{name}");
        }
    }
}
