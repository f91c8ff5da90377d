//! Settings of explore.

use super::candidate::Class;
use crate::analysis::param::{Kind, ParamSpec, Section};
use crate::analysis::settings::{Settings, SettingsError};
use crate::analysis::shared_settings::capture_params;
use crate::analysis::value::Choices;
use crate::scheme::{Pairs, Rope, RopeChoice};
use serde::Serialize;

/// Which error is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum LimitKind {
    /// The attention error if the dump has queries, otherwise the index.
    Auto,
    /// Attention error of K and V together.
    Attention,
    /// Index of K and V together.
    Index,
    /// Cosine of K and of V, each.
    Cosine,
}

impl Choices for LimitKind {
    const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (Self::Auto, "auto", "Attention error, else index"),
        (Self::Attention, "attention", "Attention error"),
        (Self::Index, "index", "Index"),
        (Self::Cosine, "cosine", "Cosine"),
    ];
}

impl Choices for Class {
    const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (Self::Engine, "engine", "Engines as they are"),
        (Self::Packed, "packed", "Other packed formats"),
        (Self::Stored, "stored", "Stored"),
        (Self::Reference, "reference", "Methods of the four analyses"),
    ];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RopeSetting {
    Auto,
    None,
    Theta,
}

impl Choices for RopeSetting {
    const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (Self::Auto, "auto", "As the queries say, else found out"),
        (Self::None, "none", "None"),
        (Self::Theta, "theta", "This theta"),
    ];
}

/// Validated settings of explore.
#[derive(Clone, Debug, PartialEq)]
pub struct ExploreSettings {
    pub limit: LimitKind,
    pub max_attention_error: f64,
    pub max_index: f64,
    pub min_cosine: f64,
    pub sinks: u64,
    pub recent: u64,
    pub keep_in_all: bool,
    pub classes: Vec<Class>,
    pub steps: Vec<f64>,
    pub rope: RopeChoice,
    pub queries: usize,
    pub context_length: u64,
}

impl TryFrom<&Settings> for ExploreSettings {
    type Error = SettingsError;

    fn try_from(settings: &Settings) -> Result<Self, SettingsError> {
        let rope = match settings.read("rope")? {
            RopeSetting::Auto => RopeChoice::Detect,
            RopeSetting::None => RopeChoice::None,
            RopeSetting::Theta => RopeChoice::Is(Rope {
                theta: settings.read("rope-theta")?,
                pairs: Pairs::HalfSplit,
            }),
        };
        let mut steps: Vec<f64> = settings.read("steps")?;
        steps.sort_by(f64::total_cmp);
        steps.dedup();
        if steps.len() > MAX_STEPS {
            return Err(SettingsError::Invalid {
                flag: "steps",
                value: format!("{} steps", steps.len()),
                allowed: format!(
                    "a list of at most {MAX_STEPS}: each for K is paired with each for V"
                ),
            });
        }
        Ok(Self {
            limit: settings.read("limit")?,
            max_attention_error: settings.read("max-attention-error")?,
            max_index: settings.read("max-index")?,
            min_cosine: settings.read("min-cosine")?,
            sinks: settings.read("sinks")?,
            recent: settings.read("recent")?,
            keep_in_all: settings.read("keep-in-all")?,
            classes: settings.read("classes")?,
            steps,
            rope,
            queries: settings.read("queries")?,
            context_length: settings.read("context-length")?,
        })
    }
}

/// Smallest step of the coded scheme, in the settings and of what is offered.
pub const MIN_STEP: f64 = 1e-4;

/// Most steps: their pairs are as many as the combinations of a sweep may be.
const MAX_STEPS: usize = 100;

/// Largest number of tokens that a setting accepts.
const MAX_TOKENS: i64 = 1_000_000_000;

/// Parameters of explore.
pub fn params() -> Vec<ParamSpec> {
    let tokens = |least| Kind::Int {
        min: least,
        max: MAX_TOKENS,
    };
    let all_classes = Class::ALL
        .iter()
        .map(|(_, name, _)| (*name).to_owned())
        .collect::<Vec<String>>();
    let mut params = vec![
        ParamSpec::method(
            "limit",
            "Limit",
            "Which error is limited: the attention error, which best predicts the change in the model's output; the index, for dumps without captured queries; or the cosine.",
            "",
            Kind::choice::<LimitKind>(),
            LimitKind::Auto.name(),
        ),
        ParamSpec::method(
            "max-attention-error",
            "Attention error",
            "Largest squared change of attention outputs relative to their squares, for K and V together. 0.002 is an estimated KL of 0.014, about what q8_0 keys and q4_0 values cost.",
            "",
            Kind::Float { min: 1e-9, max: 10.0 },
            0.002,
        )
        .when("limit", &["auto", "attention"]),
        ParamSpec::method(
            "max-index",
            "Index",
            "Largest sum of the token error and a tenth of the first token's error, for K and V together. 0.01 is about what q8_0 keys and q4_0 values cost.",
            "",
            Kind::Float { min: 1e-9, max: 10.0 },
            0.01,
        )
        .when("limit", &["auto", "index"]),
        ParamSpec::method(
            "min-cosine",
            "Cosine",
            "Smallest cosine, for K and for V each.",
            "",
            Kind::Float { min: 0.0, max: 1.0 },
            0.999,
        )
        .when("limit", &["cosine"]),
        ParamSpec::method(
            "sinks",
            "Sinks",
            "Number of tokens at the start of a run that stay as they are; engines' own formats have none.",
            "tokens",
            tokens(0),
            4,
        ),
        ParamSpec::method(
            "recent",
            "Recent",
            "Number of tokens at the end of a run that stay as they are; engines' own formats have none.",
            "tokens",
            tokens(0),
            0,
        ),
        ParamSpec::method(
            "keep-in-all",
            "Keep in all",
            "Also tries engines' formats and the four analyses' methods with sinks and recent tokens kept: all errors on equal terms.",
            "",
            Kind::Switch,
            false,
        ),
        ParamSpec::method(
            "classes",
            "Schemes",
            "Classes of schemes to try.",
            "",
            Kind::choice_list::<Class>(),
            all_classes,
        ),
        ParamSpec::method(
            "steps",
            "Steps",
            "Steps of the coded scheme (tkc) to try, at most 100. Sizes and errors at others are taken from the lines through them; the choice is written and read back.",
            "",
            Kind::FloatList { min: MIN_STEP, max: 16.0 },
            vec![0.04, 0.085, 0.18, 0.38, 0.8],
        ),
        ParamSpec::method(
            "rope",
            "RoPE",
            "The rotary embedding of K, which the coded scheme (tkc) undoes.",
            "",
            Kind::choice::<RopeSetting>(),
            RopeSetting::Auto.name(),
        ),
        ParamSpec::method(
            "rope-theta",
            "Theta",
            "Base of the rotary embedding.",
            "",
            Kind::Float { min: 1.0, max: 1e12 },
            10_000.0,
        )
        .when("rope", &["theta"]),
        ParamSpec::method(
            "queries",
            "Queries",
            "Number of captured queries in a layer with which every scheme is tried; choices are measured with up to 32.",
            "",
            Kind::Int { min: 1, max: 4096 },
            8,
        ),
        ParamSpec::method(
            "context-length",
            "Context",
            "Number of tokens in the context whose size is reported.",
            "tokens",
            tokens(1),
            131_072,
        )
        .section(Section::Report),
    ];
    params.extend(capture_params());
    params
}
