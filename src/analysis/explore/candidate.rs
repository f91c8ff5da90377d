//! The candidates: schemes of engines, other packed formats, coded schemes and the reference's methods, with the flags that select them.

use crate::scheme::{About, Scheme};
use crate::tensor::{Dtype, Kv};
use serde::Serialize;

/// Purpose of a scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Class {
    /// An inference engine stores the cache in this format when a flag says so.
    Engine,
    /// A packed format that no engine has a flag for.
    Packed,
    /// For an archive, a disk tier or a transfer.
    Stored,
    /// A method of the reference, at the size that the reference reports or packed.
    Reference,
}

/// An inference engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Engine {
    /// llama.cpp: K and V have separate flags.
    #[serde(rename = "llama.cpp")]
    Llama,
    /// vLLM: one format for both.
    #[serde(rename = "vLLM")]
    Vllm,
    /// mlx-lm: one format for both.
    #[serde(rename = "mlx-lm")]
    Mlx,
}

impl Engine {
    /// All engines.
    pub const ALL: [Self; 3] = [Self::Llama, Self::Vllm, Self::Mlx];

    /// Name of the engine.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama.cpp",
            Self::Vllm => "vLLM",
            Self::Mlx => "mlx-lm",
        }
    }

    /// Whether K and V may have different formats.
    pub const fn mixes(self) -> bool {
        matches!(self, Self::Llama)
    }
}

/// How a tensor is stored, or changed as if it were.
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// Encoded and decoded by a scheme.
    Scheme(Scheme),
    /// Stored bit for bit, in whichever layout is smallest.
    Lossless,
    /// The coded scheme at one step of the grid; its size is counted without encoding.
    Coded(f64),
    /// Mantissas cut to this many bits, as the reference does.
    Truncate(u32),
    /// Mantissas rounded to this many bits, instead of cut.
    Round(u32),
    /// Uniform quantization to this many bits, with one scale for the tensor.
    Quantize(u32),
    /// Block-norm with this many bits, in blocks of [`BLOCK`] values that share a scale.
    BlockNorm(u32),
}

/// Values in a block of the reference's block-norm.
pub const BLOCK: usize = 64;

/// A candidate of the search.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Name in reports; for a scheme, the one that a user types.
    pub name: String,
    /// Purpose of the scheme.
    pub class: Class,
    /// The engine that has it, if one does.
    pub engine: Option<Engine>,
    /// Whether sinks and recent tokens stay raw.
    pub keeps_tokens: bool,
    /// How a tensor is stored.
    pub method: Method,
}

impl Candidate {
    /// Why it can't store a tensor; `None` where it can.
    pub fn unfit(&self, about: &About) -> Option<String> {
        match &self.method {
            Method::Scheme(Scheme::Raw)
                if self.engine == Some(Engine::Llama) && about.dtype.size() == 1 =>
            {
                Some("llama.cpp has no cache type for float8".to_owned())
            }
            Method::Scheme(scheme) => scheme.unfit(about).map(|why| why.to_string()),
            _ => None,
        }
    }

    /// The engine's flags for storing K or V in this format; `None` for schemes that no engine has.
    pub fn flag(&self, kv: Kv, dtype: Dtype) -> Option<String> {
        let scheme = self.name.as_str();
        Some(match self.engine? {
            Engine::Llama => {
                let name = match (scheme, dtype) {
                    ("raw", Dtype::Bf16) => "bf16",
                    ("raw", Dtype::F16) => "f16",
                    ("raw", Dtype::F32) => "f32",
                    _ => scheme,
                };
                format!("--cache-type-{} {name}", kv.name())
            }
            Engine::Vllm => match scheme.split_once(':') {
                Some((name, _)) => format!("--kv-cache-dtype {name} --calculate-kv-scales"),
                None => format!("--kv-cache-dtype {scheme}"),
            },
            Engine::Mlx => {
                let options = scheme.strip_prefix("mlx:b=")?;
                let (bits, group) = options.split_once(",g=")?;
                format!("--kv-bits {bits} --kv-group-size {group}")
            }
        })
    }
}

/// The engines' formats, which are applied to all tokens.
const ENGINES: [(Engine, &[&str]); 3] = [
    (
        Engine::Llama,
        &["raw", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0"],
    ),
    (
        Engine::Vllm,
        &["fp8_e4m3", "fp8_e4m3:scale=tensor", "fp8_e5m2"],
    ),
    (
        Engine::Mlx,
        &[
            "mlx:b=8,g=64",
            "mlx:b=6,g=64",
            "mlx:b=5,g=64",
            "mlx:b=4,g=64",
            "mlx:b=4,g=32",
            "mlx:b=3,g=64",
            "mlx:b=2,g=64",
        ],
    ),
];

/// Packed formats that keep sinks raw: some of the engines', and those of papers and hardware.
const PACKED: &[&str] = &[
    "q8_0",
    "q5_0",
    "q4_0",
    "fp8_e4m3:scale=head",
    "mxfp8",
    "nvfp4",
    "mxfp4",
    "int:b=8,per=tensor,sym",
    "int:b=8,per=channel,sym",
    "int:b=6,per=channel,asym",
    "int:b=4,per=g32,asym",
    "kivi4",
    "kivi2",
    "hadamard+q5_0",
    "hadamard+q4_0",
    "turbo4",
    "turbo3",
    "turbo2",
];

/// Name of storing bit for bit.
const LOSSLESS: &str = "lossless";

/// All candidates of these classes; `steps` is the grid of the coded scheme. With `keep_in_all`, engines' formats and the reference's methods
/// are listed a second time, with sinks and recent tokens kept raw.
pub fn field(classes: &[Class], steps: &[f64], keep_in_all: bool) -> Vec<Candidate> {
    type WithBits = fn(u32) -> Method;
    const METHODS: [(&str, WithBits, &[u32]); 4] = [
        ("truncate", Method::Truncate, &[2, 3, 4, 6]),
        ("round", Method::Round, &[2, 3, 4]),
        ("quant", Method::Quantize, &[4, 6, 8]),
        ("block-norm", Method::BlockNorm, &[6, 8]),
    ];
    let mut all = Vec::new();
    let mut add = |name: String, class, engine, keeps_tokens, method| {
        if classes.contains(&class) {
            all.push(Candidate {
                name,
                class,
                engine,
                keeps_tokens,
                method,
            });
        }
    };
    let mut scheme = |name: &str, class, engine| {
        // The names above are all known.
        if let Ok(scheme) = name.parse::<Scheme>() {
            let (name, keeps_tokens) = (scheme.to_string(), class != Class::Engine);
            add(name, class, engine, keeps_tokens, Method::Scheme(scheme));
        }
    };
    for (engine, names) in ENGINES {
        for name in names {
            scheme(name, Class::Engine, Some(engine));
        }
    }
    for name in PACKED {
        scheme(name, Class::Packed, None);
    }
    if keep_in_all {
        for name in ENGINES.iter().flat_map(|(_, names)| *names) {
            if *name != "raw" && !PACKED.contains(name) {
                scheme(name, Class::Packed, None);
            }
        }
    }
    add(
        LOSSLESS.to_owned(),
        Class::Stored,
        None,
        false,
        Method::Lossless,
    );
    for &step in steps {
        add(
            coded_name(step),
            Class::Stored,
            None,
            true,
            Method::Coded(step),
        );
    }
    for (name, method, bits) in METHODS {
        for &bits in bits {
            for keeps_tokens in [true, false] {
                if keep_in_all || !keeps_tokens {
                    let name = format!("{name} {bits}");
                    add(name, Class::Reference, None, keeps_tokens, method(bits));
                }
            }
        }
    }
    all
}

/// Name of the coded scheme at a step.
pub fn coded_name(step: f64) -> String {
    format!("tkc:c={step}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Shape;

    #[test]
    fn llama_cpp_is_offered_only_cache_types_that_it_has() {
        let about = |dtype| About {
            kv: Kv::K,
            position: 0,
            shape: Shape {
                seq_len: 4,
                kv_heads: 2,
                head_dim: 64,
            },
            dtype,
        };
        let field = field(&[Class::Engine], &[], false);
        let llama = field
            .iter()
            .filter(|candidate| candidate.engine == Some(Engine::Llama));
        for candidate in llama {
            let fits = |dtype| candidate.unfit(&about(dtype)).is_none();
            assert!(fits(Dtype::F16) && fits(Dtype::Bf16), "{}", candidate.name);
            assert_eq!(
                fits(Dtype::E4m3),
                candidate.name != "raw",
                "{}",
                candidate.name
            );
        }
    }
}
