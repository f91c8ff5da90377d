//! `kvlens convert`: writes a dump, or a sample of it, as a folder of captures, a zip or a safetensors file.

use std::fs;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgMatches, Command, value_parser};
use kvlens::convert::{ConvertError, ConvertOptions, Format, LayerSet, Plan, TokenRange, write};
use kvlens::dump::Bits16;
use kvlens::tensor::Dtype;

use super::failure::Failure;
use super::new_path::new_path;
use super::staging::stage_beside;
use super::told::counted;
use super::{apart, input, interrupt};

/// Definition of the command.
pub fn command() -> Command {
    let flag =
        |name: &'static str, value: &'static str| Arg::new(name).long(name).value_name(value);
    Command::new("convert")
        .about("Writes a dump, or a sample of it, as a folder of captures, a zip or a safetensors file; values stay as they are.")
        .infer_long_args(true)
        .args(input::args())
        .arg(flag("out", "PATH").value_parser(value_parser!(PathBuf)).required(true).help("The folder or file to write; it must not exist yet."))
        .arg(
            flag("format", "NAME")
                .value_parser(PossibleValuesParser::new(Format::NAMES).try_map(|name| name.parse::<Format>()))
                .help("The format [default: by the ending of --out, folder where it has none of these]"),
        )
        .arg(
            flag("stage", "NAME")
                .value_parser(ConvertOptions::STAGES)
                .help("Only captures of this stage [default: both]"),
        )
        .arg(
            flag("layers", "LIST")
                .allow_hyphen_values(true)
                .value_parser(|text: &str| text.parse::<LayerSet>())
                .help("Only these layers, as in 0-3,7 [default: all]"),
        )
        .arg(
            flag("tokens", "START..END")
                .value_parser(|text: &str| text.parse::<TokenRange>())
                .help("Only these tokens, END not included, as in 0..128, ..128 or 128.. [default: all]"),
        )
        .arg(
            flag("dtype", "TYPE")
                .value_parser(input::bits16())
                .help("Round fp32 values to this type, to the nearest, ties to even [default: values stay as they are]"),
        )
        .arg(apart::threads())
        .arg(input::strict())
}

/// Runs the command.
pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let out = new_path(matches, "out")?;
    let dump = input::open_to_read(matches, true)?;
    let options = options(matches, &out);
    let failed = |error: ConvertError| Failure::new(1, error.to_string());
    let plan = Plan::new(&dump, &options).map_err(failed)?;
    let of = match plan.queries() {
        0 => "K and V".to_owned(),
        groups => format!(
            "K, V and {}",
            counted(groups, "layer's queries", "layers' queries")
        ),
    };
    let done = format!(
        "{}, {} bytes of {of} in {}",
        counted(plan.captures(), "capture", "captures"),
        plan.bytes(),
        out.display()
    );
    let overflows = plan.overflows();
    let interrupted = interrupt::catch();
    let at_out = |error: std::io::Error| Failure::new(1, format!("{}: {error}", out.display()));
    let stage = stage_beside(&out, "convert").map_err(at_out)?;
    let complete = stage.path().join("complete");
    let to = complete.clone();
    let is_whole = apart::run_shown(matches, &interrupted, move |go_on| {
        write(plan, &dump, options.format, &to, &mut |share| {
            go_on("converting", share)
        })
    });
    if !is_whole?.map_err(failed)? {
        return Err(interrupt::failure());
    }
    fs::rename(&complete, &out).map_err(at_out)?;
    if let Some(dtype) = options.dtype
        && overflows.count() > 0
    {
        let hint = match dtype {
            Bits16::Fp16 => "; --dtype bf16 has room for them",
            Bits16::Bf16 => "",
        };
        tell!(
            "{} too large for {} and infinite in {}{hint}",
            counted(overflows.count() as usize, "value is", "values are"),
            Dtype::from(dtype).name(),
            out.display()
        );
    }
    say!("{done}");
    Ok(())
}

fn options(matches: &ArgMatches, out: &Path) -> ConvertOptions {
    let ending = out.extension().and_then(|ending| ending.to_str());
    let by_ending = || ending.and_then(|ending| ending.parse().ok());
    ConvertOptions {
        format: (matches.get_one("format").copied())
            .or_else(by_ending)
            .unwrap_or(Format::Folder),
        stage: matches.get_one("stage").cloned(),
        layers: matches.get_one("layers").cloned(),
        tokens: matches.get_one("tokens").copied(),
        dtype: matches.get_one("dtype").copied(),
    }
}
