//! What is tried: schemes of engines, other packed formats, coded ones and the reference's methods, and how each is asked for.

use crate::scheme::{Kv, Scheme};
use crate::tensor::Dtype;
use serde::Serialize;

/// What a scheme is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Class {
    /// An inference engine stores it as it is, when it is told to by a flag.
    Engine,
    /// A packed format without such a flag.
    Packed,
    /// For an archive, a disk tier or a transfer.
    Stored,
    /// A method of the reference, at the size that the reference gives it, or packed.
    Reference,
}

/// An inference engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Engine {
    /// K and V are set apart.
    #[serde(rename = "llama.cpp")]
    Llama,
    /// One format for both.
    #[serde(rename = "vLLM")]
    Vllm,
    /// One format for both.
    #[serde(rename = "mlx-lm")]
    Mlx,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Llama, Self::Vllm, Self::Mlx];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama.cpp",
            Self::Vllm => "vLLM",
            Self::Mlx => "mlx-lm",
        }
    }

    /// Whether K and V may have formats of their own.
    pub const fn mixes(self) -> bool {
        matches!(self, Self::Llama)
    }
}

/// How a tensor is treated.
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// Stored by a scheme.
    Scheme(Scheme),
    /// Stored bit for bit, in whichever layout is smallest.
    Lossless,
    /// The coded scheme at one of the steps of a grid, counted.
    Coded(f64),
    /// Mantissa bits cut off, as the reference does.
    Truncate(u32),
    /// Mantissa bits rounded off: what truncation might have been.
    Round(u32),
    /// Uniform steps with one scale a tensor.
    Quantize(u32),
    /// Blocks of 64 values with a scale each.
    BlockNorm(u32),
}

/// One thing that is tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The name that reports have, and for schemes the one that a user types.
    pub name: String,
    /// What it is for.
    pub class: Class,
    /// The engine that has it.
    pub engine: Option<Engine>,
    /// Whether sinks and recent tokens stay raw.
    pub keeps_tokens: bool,
    /// What is done.
    pub method: Method,
}

impl Candidate {
    /// What to type to have an engine store K or V so.
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

/// Engines' formats, as they are.
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

/// What storing bit for bit is called.
const LOSSLESS: &str = "lossless";

/// Everything of these classes; `steps` are those of the coded scheme. With `keep_in_all` engines' formats and the reference's methods are
/// there a second time, with the sinks and recent tokens kept that they do not keep as they are.
pub fn field(classes: &[Class], steps: &[f64], keep_in_all: bool) -> Vec<Candidate> {
    let scheme = |name: &str, class, engine| {
        // A name that this build does not know is not tried.
        let scheme: Scheme = name.parse().ok()?;
        Some(Candidate {
            name: scheme.to_string(),
            class,
            engine,
            keeps_tokens: class != Class::Engine && name != "raw",
            method: Method::Scheme(scheme),
        })
    };
    let reference = |name: String, method| Candidate {
        name,
        class: Class::Reference,
        engine: None,
        keeps_tokens: false,
        method,
    };
    let mut all: Vec<Candidate> = Vec::new();
    for (engine, names) in ENGINES {
        all.extend(
            names
                .iter()
                .filter_map(|name| scheme(name, Class::Engine, Some(engine))),
        );
    }
    all.extend(
        PACKED
            .iter()
            .filter_map(|name| scheme(name, Class::Packed, None)),
    );
    if keep_in_all {
        let formats = ENGINES.iter().flat_map(|(_, names)| names.iter());
        let others = formats.filter(|name| **name != "raw" && !PACKED.contains(name));
        all.extend(others.filter_map(|name| scheme(name, Class::Packed, None)));
    }
    all.push(Candidate {
        name: LOSSLESS.to_owned(),
        class: Class::Stored,
        engine: None,
        keeps_tokens: false,
        method: Method::Lossless,
    });
    all.extend(steps.iter().map(|&step| Candidate {
        name: coded_name(step),
        class: Class::Stored,
        engine: None,
        keeps_tokens: true,
        method: Method::Coded(step),
    }));
    let mut methods = Vec::new();
    methods.extend(
        [2, 3, 4, 6].map(|bits| reference(format!("truncate {bits}"), Method::Truncate(bits))),
    );
    methods.extend([2, 3, 4].map(|bits| reference(format!("round {bits}"), Method::Round(bits))));
    methods
        .extend([4, 6, 8].map(|bits| reference(format!("quant {bits}"), Method::Quantize(bits))));
    methods.extend(
        [6, 8].map(|bits| reference(format!("block-norm {bits}"), Method::BlockNorm(bits))),
    );
    if keep_in_all {
        let kept = methods.iter().cloned().map(|method| Candidate {
            keeps_tokens: true,
            ..method
        });
        all.extend(kept);
    }
    all.extend(methods);
    all.retain(|candidate| classes.contains(&candidate.class));
    all
}

/// The name of the coded scheme at a step.
pub fn coded_name(step: f64) -> String {
    format!("tkc:c={step}")
}
