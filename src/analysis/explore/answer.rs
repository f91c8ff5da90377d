//! The answer in sentences, the same on the page, on the command line and in the summary.

use super::candidate::Class;
use super::explored::{Chosen, Explored};
use super::facts::short;
use crate::metrics::cosine_text;
use crate::numeric::python_float::fixed;

/// A byte size in decimal units, as in `1.5 GB`.
pub fn spoken(bytes: u64) -> String {
    let units = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    match units.iter().find(|(unit, _)| bytes as f64 >= *unit) {
        Some((unit, name)) => format!("{} {name}", fixed(bytes as f64 / unit, 2)),
        None => format!("{bytes} bytes"),
    }
}

impl Explored {
    /// The answer: the size of the context now, and with each choice.
    pub fn answer(&self) -> Vec<String> {
        let now = format!(
            "{} tokens: {} now",
            self.context_length,
            spoken(self.context_bytes)
        );
        std::iter::once(now)
            .chain(self.choices.iter().map(Chosen::sentence))
            .collect()
    }
}

impl Chosen {
    /// The start of a sentence: which engine or class of schemes the choice is for.
    fn who(&self) -> String {
        match (self.class, self.engine) {
            (_, Some(engine)) => format!("As {} can store it", engine.name()),
            (Class::Packed | Class::Engine, None) => "In other packed formats".to_owned(),
            (Class::Stored, None) if self.lossless => "Lossless".to_owned(),
            (Class::Stored, None) => "Stored by kvlens".to_owned(),
            (Class::Reference, None) => "Methods of the four analyses".to_owned(),
        }
    }

    /// One sentence on the choice: its size, how to get it and what it costs.
    pub fn sentence(&self) -> String {
        let with = self
            .flags
            .clone()
            .unwrap_or_else(|| format!("K {}, V {}", self.k, self.v));
        let mut text = format!(
            "{}: {} ({}x) with `{with}`",
            self.who(),
            spoken(self.context_bytes),
            fixed(self.ratio, 2)
        );
        if self.lossless {
            return text;
        }
        if let Some(kl) = self.estimated_kl {
            text += &format!(", estimated KL {}", short(kl));
        }
        if let Some(error) = self.attention_error {
            text += &format!(", attention error {}", short(error));
        }
        let [k, v] = &self.errors;
        text += &format!(
            ", index {}, cosine K {} V {}",
            short(self.index),
            cosine_text(k.cosine),
            cosine_text(v.cosine)
        );
        if !self.within_limit {
            text += "; it passes the limit";
        }
        text
    }
}
