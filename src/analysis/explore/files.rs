//! Report files: tables as CSV, the answer as Markdown.

use super::answer::spoken;
use super::candidate::Engine;
use super::explored::{Explored, KL_BY_ATTENTION_ERROR};
use super::facts::short;
use super::settings::LimitKind;
use crate::analysis::report::ReportFile;
use crate::analysis::value::Choices;
use crate::numeric::python_float::{fixed, text};
use crate::report::csv::{Csv, boolean};
use crate::report::plain::markdown;

/// All report files.
pub fn files(explored: &Explored) -> Vec<ReportFile> {
    vec![
        ReportFile::new("explore.csv", points(explored)),
        ReportFile::new("explore_front.csv", front(explored)),
        ReportFile::new("explore_layers.csv", layers(explored)),
        ReportFile::new("explore_summary.md", summary(explored).into_bytes()),
    ]
}

fn or_empty(value: Option<f64>) -> String {
    value.map(text).unwrap_or_default()
}

fn engine(engine: Option<Engine>) -> String {
    engine.map(Engine::name).unwrap_or_default().to_owned()
}

fn points(explored: &Explored) -> Vec<u8> {
    let mut csv = Csv::new(
        "scheme,tensor,class,engine,flag,packed,sinks,recent,bits_per_value,bytes,ratio,nmse,cosine,max_abs,token_error,first_token_error,\
         cosine_p1,cosine_min,index,attention_error,estimated_kl",
        "\n",
    );
    for point in &explored.points {
        let errors = &point.errors;
        csv.line(&[
            point.scheme.clone(),
            point.tensor.name().to_owned(),
            point.class.name().to_owned(),
            engine(point.engine),
            point.flag.clone().unwrap_or_default(),
            boolean(point.packed),
            point.sinks.to_string(),
            point.recent.to_string(),
            text(point.bits_per_value),
            point.bytes.to_string(),
            text(point.ratio),
            text(errors.nmse),
            text(errors.cosine),
            text(errors.max_abs),
            text(errors.token),
            text(errors.first),
            text(errors.cosine_p1),
            text(errors.cosine_min),
            text(point.index),
            or_empty(point.attention_error),
            or_empty(point.estimated_kl),
        ]);
    }
    csv.into_bytes()
}

fn front(explored: &Explored) -> Vec<u8> {
    let error = match explored.limit_kind {
        LimitKind::Attention => "attention_error",
        LimitKind::Cosine => "one_minus_cosine",
        LimitKind::Index | LimitKind::Auto => "index",
    };
    let mut csv = Csv::new(
        &format!("tensor,class,k,v,bits_per_value,bytes,ratio,{error},estimated_kl"),
        "\n",
    );
    for point in &explored.front {
        csv.line(&[
            point.tensor.to_owned(),
            point.class.name().to_owned(),
            point.k.clone().unwrap_or_default(),
            point.v.clone().unwrap_or_default(),
            text(point.bits_per_value),
            point.bytes.to_string(),
            text(point.ratio),
            text(point.error),
            or_empty(point.estimated_kl),
        ]);
    }
    csv.into_bytes()
}

fn layers(explored: &Explored) -> Vec<u8> {
    let mut csv = Csv::new(
        "class,engine,k,v,run_id,layer_id,k_bytes,v_bytes,ratio,k_cosine,v_cosine,k_token_error,v_token_error,k_first_token_error,\
         v_first_token_error,attention_error,worst_head,worst_head_error",
        "\n",
    );
    for row in &explored.layer_rows {
        let choice = &explored.choices[row.choice];
        let [k, v] = &row.errors;
        csv.line(&[
            choice.class.name().to_owned(),
            engine(choice.engine),
            choice.k.clone(),
            choice.v.clone(),
            row.run.clone(),
            row.layer_id.to_string(),
            row.bytes[0].to_string(),
            row.bytes[1].to_string(),
            text(row.raw_bytes as f64 / (row.bytes[0] + row.bytes[1]).max(1) as f64),
            text(k.cosine),
            text(v.cosine),
            text(k.token),
            text(v.token),
            text(k.first),
            text(v.first),
            or_empty(row.attention_error),
            row.worst_head
                .map(|(head, _)| head.to_string())
                .unwrap_or_default(),
            or_empty(row.worst_head.map(|(_, error)| error)),
        ]);
    }
    csv.into_bytes()
}

/// The contents of the Markdown summary.
fn summary(explored: &Explored) -> String {
    let limit = match explored.limit_kind {
        LimitKind::Attention => format!(
            "attention error of at most {} (estimated KL {})",
            short(explored.limit),
            short(explored.limit * explored.kl_by_attention_error)
        ),
        LimitKind::Cosine => format!("cosine of at least {} for K and V", text(explored.limit)),
        LimitKind::Index | LimitKind::Auto => format!("index of at most {}", short(explored.limit)),
    };
    let mut out = format!(
        "# Explore Summary\n\n- Limit: {limit}\n- Layers: {}, with queries: {}\n- Tokens: {}\n- {} tokens: {} now\n\n## Smallest within the limit\n",
        explored.layers,
        explored.layers_with_queries,
        explored.tokens,
        explored.context_length,
        spoken(explored.context_bytes)
    );
    for sentence in explored.answer().iter().skip(1) {
        out += &format!("- {sentence}\n");
    }
    if !explored.steps.is_empty() {
        out += &format!(
            "\n## What brings what (at cosine {})\n",
            text(explored.steps[0].cosine)
        );
        for step in &explored.steps {
            out += &format!("- {}: {}x\n", step.step, fixed(step.ratio, 2));
        }
    }
    if !explored.facts.is_empty() {
        out += "\n## What to watch\n";
        for fact in &explored.facts {
            out += &format!("- {}\n", fact.text);
        }
    }
    if !explored.notes.is_empty() {
        out += "\n## Left out\n";
        for note in &explored.notes {
            out += &format!("- {}\n", markdown(note));
        }
    }
    out += &format!(
        "\n## What this does not tell\n- The estimated KL is {KL_BY_ATTENTION_ERROR} times the attention error, within a factor of two for nine of ten schemes on two small models; on a tiny one it was up to twelve times too high.\n\
            - Not known: models with a bias on K, large models, long generations.\n"
    );
    out
}
