//! The answer in sentences: what the page, the command line and the summary say alike.

use super::candidate::Class;
use super::explored::{Chosen, Explored};
use super::facts::short;
use crate::numeric::python_float::fixed;

/// Bytes as people say them: in units of 1,000.
pub fn spoken(bytes: u64) -> String {
    let units = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    match units.iter().find(|(unit, _)| bytes as f64 >= *unit) {
        Some((unit, name)) => format!("{} {name}", fixed(bytes as f64 / unit, 2)),
        None => format!("{bytes} bytes"),
    }
}

impl Explored {
    /// The answer: what the context takes now, and what it takes by each choice.
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
    /// Whose choice it is.
    fn who(&self) -> String {
        match (self.class, self.engine) {
            (_, Some(engine)) => format!("As {} can store it", engine.name()),
            (Class::Packed | Class::Engine, None) => "In other packed formats".to_owned(),
            (Class::Stored, None) if self.lossless => "Lossless".to_owned(),
            (Class::Stored, None) => "Stored by kvlens".to_owned(),
            (Class::Reference, None) => "Methods of the four analyses".to_owned(),
        }
    }

    /// What it takes, how to have it, and what it costs.
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
            fixed(k.cosine, 6),
            fixed(v.cosine, 6)
        );
        if !self.within_limit {
            text += "; it passes the limit";
        }
        text
    }
}
