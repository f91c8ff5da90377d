//! `kvlens convert`: a dump, or a sample of it, as a folder of captures, a zip or a safetensors file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::{Arg, ArgMatches, Command};
use kvlens::convert::{ConvertError, ConvertOptions, Format, LayerSet, Plan, TokenRange, write};
use kvlens::dump::Bits16;

use super::failure::Failure;
use super::staging::temporary;
use super::told::{counted, report_problems};
use super::{input, interrupt};

/// The command's flags.
pub fn command() -> Command {
    let flag =
        |name: &'static str, value: &'static str| Arg::new(name).long(name).value_name(value);
    Command::new("convert")
        .about("Writes a dump, or a sample of it, as a folder of captures, a zip or a safetensors file; values stay as they are.")
        .infer_long_args(true)
        .args(input::args())
        .arg(flag("out", "PATH").required(true).help("The folder or file to write; it must not exist yet."))
        .arg(
            flag("format", "NAME")
                .value_parser(["folder", "zip", "safetensors"])
                .help("The format [default: by the ending of --out, folder where it has none of these]"),
        )
        .arg(
            flag("stage", "NAME")
                .value_parser(["both", "prefill", "decode"])
                .help("Captures of this stage only [default: both]"),
        )
        .arg(
            flag("layers", "LIST")
                .allow_hyphen_values(true)
                .value_parser(|text: &str| text.parse::<LayerSet>())
                .help("These layers only, as in 0-3,7 [default: all]"),
        )
        .arg(
            flag("tokens", "START..END")
                .value_parser(|text: &str| text.parse::<TokenRange>())
                .help("These tokens only, END not included, as in 0..128, ..128 or 128.. [default: all]"),
        )
        .arg(
            flag("dtype", "TYPE")
                .value_parser(["fp16", "bf16"])
                .help("Round fp32 values to this type, to the nearest, ties to even [default: values stay as they are]"),
        )
        .arg(input::strict())
}

/// Converts.
pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let dump = input::open(matches)?;
    input::report_guesses(&dump.guesses);
    report_problems(&dump.problems);
    input::report_others(&dump.others);
    if matches.get_flag("strict") && !dump.problems.is_empty() {
        return Err(Failure::new(
            1,
            "stopped at the problems above, as --strict asks",
        ));
    }
    if dump.captures.is_empty() {
        return Err(input::no_capture(matches));
    }
    let out = PathBuf::from(matches.get_one::<String>("out").map_or("", String::as_str));
    if out.exists() {
        return Err(Failure::new(
            1,
            format!("{} is there already", out.display()),
        ));
    }
    for dump in input::paths(matches) {
        refuse_inside(&out, &dump)?;
    }
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
    let interrupted = interrupt::catch();
    let at_out = |error: std::io::Error| Failure::new(1, format!("{}: {error}", out.display()));
    let stage = temporary(out.parent().unwrap_or(&out), "convert").map_err(at_out)?;
    let complete = stage.path().join("complete");
    let goes_on = || !interrupted.load(Ordering::Relaxed);
    if !write(plan, &dump, options.format, &complete, &goes_on).map_err(failed)? {
        return Err(interrupt::failure());
    }
    fs::rename(&complete, &out).map_err(at_out)?;
    say!("{done}");
    Ok(())
}

/// A dump within the dump would be found twice over by the next scan.
pub(super) fn refuse_inside(out: &Path, dump: &Path) -> Result<(), Failure> {
    let resolved = |path: &Path| path.canonicalize().ok();
    let above = out.ancestors().skip(1).find_map(|above| match above {
        _ if above.as_os_str().is_empty() => resolved(Path::new(".")),
        _ => resolved(above),
    });
    match (above, resolved(dump)) {
        (Some(above), Some(dump)) if dump.is_dir() && above.starts_with(&dump) => {
            Err(Failure::new(
                2,
                format!(
                    "the output {} lies in the dump that is read ({}): the next scan would find its captures twice; name a place outside",
                    out.display(),
                    dump.display()
                ),
            ))
        }
        _ => Ok(()),
    }
}

fn options(matches: &ArgMatches, out: &Path) -> ConvertOptions {
    let text = |flag: &str| matches.get_one::<String>(flag).map(String::as_str);
    let ending = out
        .extension()
        .and_then(|ending| ending.to_str())
        .unwrap_or_default();
    ConvertOptions {
        format: match text("format").unwrap_or(ending) {
            "zip" => Format::Zip,
            "safetensors" => Format::Safetensors,
            _ => Format::Folder,
        },
        stage: text("stage").map(str::to_owned),
        layers: matches.get_one("layers").cloned(),
        tokens: matches.get_one("tokens").copied(),
        dtype: text("dtype").map(|name| {
            if name == "bf16" {
                Bits16::Bf16
            } else {
                Bits16::Fp16
            }
        }),
    }
}
