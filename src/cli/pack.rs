//! `kvlens pack`: packs a dump as one `.kvz`, by given schemes or as the smallest within a limit; the file gets its name after it was read
//! back and compared.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};
use kvlens::analysis::explore::KL_BY_ATTENTION_ERROR;
use kvlens::metrics::cosine_text;
use kvlens::pack::{self, Limit, Method, PackError, PackOptions, Packed};
use kvlens::tensor::Kv;

use super::failure::Failure;
use super::new_path::new_path;
use super::staging::stage_beside;
use super::told::counted;
use super::{apart, input, interrupt};

/// Definition of the command.
pub fn command() -> Command {
    let flag =
        |name: &'static str, value: &'static str| Arg::new(name).long(name).value_name(value);
    let method = |text: &str| text.parse::<Method>();
    let schemes = "lossless, or a scheme: q8_0, int:b=4,per=channel,sym, tkc:c=0.155 and others";
    Command::new("pack")
        .about("Stores a dump as one .kvz file, by a scheme for K and V or as small as an error limit allows; reads it back and reports the errors.")
        .infer_long_args(true)
        .args(input::args())
        .arg(flag("out", "FILE").short('o').value_parser(value_parser!(PathBuf)).required(true).help("The .kvz file to write; it must not exist yet."))
        .arg(flag("scheme", "NAME").value_parser(method).help(format!("How K and V are stored: {schemes}")))
        .arg(flag("k-scheme", "NAME").value_parser(method).help("How K is stored [default: --scheme]"))
        .arg(flag("v-scheme", "NAME").value_parser(method).help("How V is stored [default: --scheme]"))
        .arg(flag("min-cosine", "X").value_parser(limit(Limit::MinCosine)).help("Find the smallest file whose cosine of K and of V is at least X, as the mean over layers and over captures; 1 is lossless"))
        .arg(flag("max-index", "X").value_parser(limit(Limit::MaxIndex)).help("Find the smallest file whose index of K and V together is at most X"))
        .arg(flag("max-attention-error", "X").value_parser(limit(Limit::MaxAttentionError)).help("Find the smallest file whose attention error for the captured queries is at most X"))
        .arg(flag("sinks", "N").value_parser(value_parser!(u64)).help("Number of positions at the start of a run that schemes leave as they are [default: 4]"))
        .arg(flag("recent", "N").value_parser(value_parser!(u64)).help("Number of tokens at the end of a layer that schemes leave as they are [default: 0]"))
        .arg(Arg::new("queries").long("queries").action(ArgAction::SetTrue).help("Keep the dump's captured queries in the file too"))
        .group(ArgGroup::new("limit").args(["min-cosine", "max-index", "max-attention-error"]).conflicts_with_all(["scheme", "k-scheme", "v-scheme"]))
        .group(ArgGroup::new("what").args(["scheme", "k-scheme", "v-scheme", "min-cosine", "max-index", "max-attention-error"]).multiple(true).required(true))
        .arg(apart::threads())
        .arg(input::strict())
}

/// A parser of the number of a limit.
fn limit(
    make: fn(f64) -> Limit,
) -> impl Fn(&str) -> Result<Limit, &'static str> + Clone + Send + Sync {
    move |text| {
        let limit = make(text.parse().unwrap_or(f64::NAN));
        let allowed = limit.is_allowed().then_some(limit);
        allowed.ok_or(limit.allowed())
    }
}

/// Runs the command.
pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let out = new_path(matches, "out")?;
    let dump = input::open_to_read(matches, false)?;
    let (options, limit) = options(matches);
    let io = |error: std::io::Error| Failure::new(1, format!("{}: {error}", out.display()));
    let folder = stage_beside(&out, "pack").map_err(io)?;
    let complete = folder.path().join("packed.kvz");
    let interrupted = interrupt::catch();
    let to = complete.clone();
    let packed = apart::run_shown(matches, &interrupted, move |go_on| {
        pack::write_new(&dump, &to, &options, limit, &mut |step, share| {
            go_on(step.name(), share)
        })
    });
    let packed = packed?.map_err(|error| match error {
        PackError::Cancelled => interrupt::failure(),
        // Its temporary name would mean nothing to the user.
        PackError::Write { why, .. } => Failure::new(1, format!("{}: {why}", out.display())),
        error => Failure::new(1, error.to_string()),
    })?;
    fs::rename(&complete, &out).map_err(io)?;
    for note in &packed.notes {
        tell!("{note}");
    }
    if packed.left_out_query_bytes > 0 {
        tell!(
            "{} bytes of captured queries are left out; --queries keeps them",
            packed.left_out_query_bytes
        );
    }
    summary(&packed, &out)
        .iter()
        .for_each(|line| say!("{line}"));
    Ok(())
}

/// The methods, and the limit if they are to be searched for.
fn options(matches: &ArgMatches) -> (PackOptions, Option<Limit>) {
    let method = |flag: &str| matches.get_one::<Method>(flag).cloned();
    let both = method("scheme").unwrap_or(Method::Lossless);
    let mut options = PackOptions::new(
        method("k-scheme").unwrap_or(both.clone()),
        method("v-scheme").unwrap_or(both),
    );
    options.sinks = matches.get_one("sinks").copied().unwrap_or(options.sinks);
    options.recent = matches.get_one("recent").copied().unwrap_or(options.recent);
    options.queries = matches.get_flag("queries");
    let limits = ["min-cosine", "max-index", "max-attention-error"];
    let limit = limits.iter().find_map(|flag| matches.get_one(flag));
    (options, limit.copied())
}

fn summary(packed: &Packed, out: &Path) -> Vec<String> {
    let (raw, head_bytes, errors) = (packed.raw_bytes, packed.head_bytes, &packed.errors);
    let (k, v) = (packed.k_bytes, packed.v_bytes);
    let ratio = |raw: u64, size: u64| raw as f64 / size.max(1) as f64;
    let mut lines = vec![format!(
        "K {}: {k} bytes, {:.3}x; V {}: {v} bytes, {:.3}x",
        packed.options.k,
        ratio(packed.raw_k_bytes, k),
        packed.options.v,
        ratio(raw - packed.raw_k_bytes, v)
    )];
    let side = |kv: Kv, errors: &pack::SideErrors| {
        let left_out = counted(errors.left_out, "layer holds", "layers hold");
        let left_out = match errors.left_out {
            0 => String::new(),
            _ => format!(
                "; {left_out} NaN or infinite values, of which no error can be told: left out here"
            ),
        };
        match errors.cosine.is_nan() {
            true => format!("{kv} read back{left_out}"),
            false => format!(
                "{kv} read back: cosine {} (mean over captures {}), NMSE {:.3e}, index {:.3e}{left_out}",
                cosine_text(errors.cosine),
                cosine_text(errors.capture_cosine),
                errors.nmse,
                errors.index
            ),
        }
    };
    lines.push(side(Kv::K, &errors.k));
    lines.push(side(Kv::V, &errors.v));
    if let Some(error) = errors.attention {
        lines.push(format!(
            "attention error {error:.3e}: estimated KL {:.2e} ({KL_BY_ATTENTION_ERROR} times it, within a factor of two for nine of ten schemes on two small models; on a tiny one up to twelve times too high)",
            KL_BY_ATTENTION_ERROR * error
        ));
    }
    let (parts, queries, total) = (k + v, packed.query_bytes, packed.bytes());
    lines.push(format!(
        "{} of K and V in {}: {raw} bytes in {parts}, {:.3}x; {head_bytes} bytes of index{} beside them, {total} in all ({:.3}x)",
        counted(packed.captures, "capture", "captures"),
        out.display(),
        packed.ratio(),
        match queries {
            0 => String::new(),
            queries => format!(" and {queries} of queries"),
        },
        ratio(raw, total),
    ));
    lines
}
