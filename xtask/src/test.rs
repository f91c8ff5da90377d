//! `cargo xtask test`: every check, one after the other; a failure does not keep the others from running.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use clap::Args as ClapArgs;

use crate::{dist, python, shell, sizes, toolchain, tools, wasm};

#[derive(ClapArgs)]
pub struct Args {
    /// Run only the checks that need no wasm, Node or browser
    #[arg(long)]
    native: bool,
    /// Run only the checks whose names contain this text, such as `python`
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

/// Number of tests that passed and failed.
#[derive(Clone, Copy, Default)]
struct Count {
    passed: usize,
    failed: usize,
}

type Check = fn() -> Result<Count>;

const NATIVE: [(&str, Check); 6] = [
    ("format", format),
    ("lints", lints),
    ("documentation", documentation),
    ("library, command line and tools", library),
    ("package", package),
    ("Python package", python_package),
];

const WEB: [(&str, Check); 6] = [
    ("lints of the wasm builds", wasm_lints),
    ("development tools", tools_installed),
    ("format of the page", page_format),
    ("types of the page", types),
    ("page weight", weight),
    ("page in browsers", browsers),
];

/// Runs the checks; the last line says how many tests passed and failed.
///
/// # Errors
/// When one fails.
pub fn run(args: &Args) -> Result<()> {
    let mut total = Count::default();
    let mut failures = Vec::new();
    for (name, check) in asked(args)? {
        println!("== {name}");
        let count = check().unwrap_or_else(|error| {
            println!("{error:#}");
            Count {
                passed: 0,
                failed: 1,
            }
        });
        if count.failed > 0 {
            failures.push(name);
        }
        total.passed += count.passed;
        total.failed += count.failed;
    }
    for name in &failures {
        println!("failed: {name}");
    }
    println!("{} passed, {} failed", total.passed, total.failed);
    if !failures.is_empty() {
        bail!("{} of the checks failed", failures.len());
    }
    Ok(())
}

/// The checks to run. None would look like a success.
fn asked(args: &Args) -> Result<Vec<(&'static str, Check)>> {
    let web: &[(&str, Check)] = if args.native { &[] } else { &WEB };
    let all = NATIVE.iter().chain(web).copied();
    let Some(text) = &args.only else {
        return Ok(all.collect());
    };
    let (lower, all) = (text.to_lowercase(), all.collect::<Vec<_>>());
    let has = |(name, _): &&(&str, Check)| name.to_lowercase().contains(&lower);
    let some: Vec<_> = all.iter().filter(has).copied().collect();
    let names = || all.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    ensure!(
        !some.is_empty(),
        "no check has {text:?} in its name; there are: {}",
        names().join(", ")
    );
    Ok(some)
}

/// The Python package has its own check, since the others need no Python.
const WITHOUT_PYTHON: [&str; 2] = ["--exclude", "kvlens-python"];

const ONE: Count = Count {
    passed: 1,
    failed: 0,
};

fn format() -> Result<Count> {
    shell::run(shell::command("cargo").args(["fmt", "--all", "--check"]))?;
    Ok(ONE)
}

fn lints() -> Result<Count> {
    let args = ["clippy", "--workspace", "--all-targets", "--locked"];
    shell::run(
        shell::command("cargo")
            .args(args)
            .args(WITHOUT_PYTHON)
            .args(["--", "-D", "warnings"]),
    )?;
    // libFuzzer builds everywhere, but cargo-fuzz is mainly useful on Linux.
    if cfg!(target_os = "linux") {
        let args = ["clippy", "--manifest-path", "fuzz/Cargo.toml"];
        shell::run(
            shell::command("cargo")
                .args(args)
                .args(["--", "-D", "warnings"]),
        )?;
    }
    Ok(ONE)
}

fn documentation() -> Result<Count> {
    let args = ["doc", "--workspace", "--no-deps", "--locked"];
    shell::run(
        shell::command("cargo")
            .args(args)
            .args(WITHOUT_PYTHON)
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    Ok(ONE)
}

/// Unit tests, integration tests and doctests.
fn library() -> Result<Count> {
    let args = ["test", "--workspace", "--locked", "--no-fail-fast"];
    cargo_tests(shell::command("cargo").args(args).args(WITHOUT_PYTHON))
}

/// Builds the wheel and runs its tests.
fn python_package() -> Result<Count> {
    let Some(environment) = python::environment()? else {
        return Ok(Count::default());
    };
    let args = ["clippy", "--package", "kvlens-python", "--locked"];
    shell::run(
        shell::command("cargo")
            .args(args)
            .args(["--", "-D", "warnings"]),
    )?;
    environment.install()?;
    // Matches `12 passed, 2 skipped in 3.45s`, with failures and errors before it.
    counted(&mut environment.tests()?, |line| {
        let (counts, _) = line.rsplit_once(" in ")?;
        let mut count = Count::default();
        for part in counts.trim_matches(['=', ' ']).split(", ") {
            let (number, what) = part.split_once(' ')?;
            let number: usize = number.parse().ok()?;
            match what {
                "passed" => count.passed += number,
                "failed" | "error" | "errors" => count.failed += number,
                _ => {}
            }
        }
        Some(count)
    })
}

/// Checks that the package as published on crates.io compiles by itself, and that its tests pass.
fn package() -> Result<Count> {
    // Includes changes that are not committed yet.
    let args = [
        "package",
        "--package",
        "kvlens",
        "--locked",
        "--allow-dirty",
    ];
    shell::run(shell::command("cargo").args(args))?;
    let name = shell::output(shell::command("cargo").args(["pkgid", "kvlens"]));
    let version = name
        .as_ref()
        .and_then(|name| name.rsplit(['@', '#']).next());
    let target = shell::target();
    let unpacked = target.join(format!("package/kvlens-{}", version.context("no version")?));
    let mut tests = shell::command("cargo");
    tests.args(["test", "--locked", "--no-fail-fast"]);
    // Reuses what this workspace has compiled already.
    tests.current_dir(unpacked).env("CARGO_TARGET_DIR", target);
    cargo_tests(&mut tests)
}

fn cargo_tests(command: &mut Command) -> Result<Count> {
    // Matches `test result: ok. 12 passed; 0 failed; 0 ignored; ...`.
    counted(command, |line| {
        let rest = line.strip_prefix("test result: ")?.split_once(". ")?.1;
        let mut parts = rest.split("; ").map(|part| part.split_once(' '));
        let number = |part: Option<Option<(&str, &str)>>| part??.0.parse().ok();
        Some(Count {
            passed: number(parts.next())?,
            failed: number(parts.next())?,
        })
    })
}

fn wasm_lints() -> Result<Count> {
    let toolchain = toolchain::find()?;
    tools::clippy(&toolchain)?;
    for variant in &wasm::VARIANTS {
        variant.lint(&toolchain)?;
    }
    Ok(ONE)
}

fn tools_installed() -> Result<Count> {
    tools::npm()?;
    tools::browsers()?;
    Ok(ONE)
}

fn page_format() -> Result<Count> {
    shell::run(shell::command("npm").args(["run", "--silent", "format"]))?;
    Ok(ONE)
}

fn types() -> Result<Count> {
    shell::run(shell::command("npm").args(["run", "--silent", "types"]))?;
    Ok(ONE)
}

fn weight() -> Result<Count> {
    let dist = dist::build(true)?;
    dist::check_types()?;
    let mut count = Count::default();
    for weight in sizes::weigh(&dist)? {
        println!("{weight}");
        if weight.bytes <= weight.limit {
            count.passed += 1;
        } else {
            count.failed += 1;
        }
    }
    Ok(count)
}

fn browsers() -> Result<Count> {
    // The page's reports are compared with this program's.
    let args = ["build", "--release", "--locked", "--bin", "kvlens"];
    shell::run(shell::command("cargo").args(args))?;
    let node = ["--test", "--test-concurrency=1", "--test-reporter=spec"];
    let mut tests: Vec<_> = std::fs::read_dir(shell::root().join("tests/browser"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(".test.js"))
        .collect();
    tests.sort();
    let mut command = shell::command("node");
    command.env("KVLENS_XTASK", std::env::current_exe()?);
    command.env("KVLENS", shell::target().join("release/kvlens"));
    counted(command.args(node).args(tests), |line| {
        let number = |name| line.trim().strip_prefix(name)?.trim().parse().ok();
        let passed = number("ℹ pass ").map(|passed| Count { passed, failed: 0 });
        passed.or_else(|| number("ℹ fail ").map(|failed| Count { passed: 0, failed }))
    })
}

/// Runs a command whose output tells how many tests passed; the output is also printed.
fn counted(command: &mut Command, count: impl Fn(&str) -> Option<Count>) -> Result<Count> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().context("no output")?;
    let mut total = Count::default();
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        if let Some(Count { passed, failed }) = count(&line) {
            total.passed += passed;
            total.failed += failed;
        }
    }
    if !child.wait()?.success() && total.failed == 0 {
        bail!("it ended with an error before its tests did");
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_found_by_a_part_of_their_names_and_none_is_an_error() {
        let names = |native, only: &str| {
            let only = Some(only.to_owned());
            let some = asked(&Args { native, only })?;
            anyhow::Ok(some.iter().map(|(name, _)| *name).collect::<Vec<_>>())
        };
        assert_eq!(names(false, "python").expect("one"), ["Python package"]);
        assert_eq!(names(true, "format").expect("one"), ["format"]);
        let error = names(true, "browsers").expect_err("only the page has these");
        assert!(error.to_string().contains("Python package"), "{error}");
    }
}
