//! The Python package: builds a wheel in a virtual environment below `target/`, and runs its tests there. Nothing else
//! needs Python, so on a machine without it these checks are skipped with a message that says what is missing.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{shell, toolchain};

/// Packages that the tests need. torch, transformers, mlx, JAX and ray are tested with if they are installed.
const REQUIREMENTS: &str = "python/tests/requirements.txt";

/// A virtual environment with the packages that the tests need.
pub struct Environment {
    bin: PathBuf,
    folder: PathBuf,
}

/// Creates the environment if it does not exist; if that can't be done, returns `None` and prints what to install.
///
/// # Errors
/// When a file can't be examined.
pub fn environment() -> Result<Option<Environment>> {
    let Some(python) = ["python3", "python"]
        .into_iter()
        .find(|name| shell::has(name))
    else {
        println!("skipped: no Python; to test the package, install Python 3.9 or later with venv");
        return Ok(None);
    };
    let folder = shell::target().join("python");
    let venv = folder.join("venv");
    let bin = venv.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let make = || {
        let mut command = shell::command(python);
        shell::run(command.args(["-m", "venv", "--clear"]).arg(&venv))
    };
    let is_there = bin.join("maturin").exists() || bin.join("maturin.exe").exists();
    if !is_there {
        let made = make().or_else(|_| {
            toolchain::apt_install(&["python3-venv"])?;
            make()
        });
        if let Err(error) = made {
            println!(
                "skipped: {error:#}; to test the package, install Python's venv: apt-get install python3-venv"
            );
            return Ok(None);
        }
    }
    let environment = Environment { bin, folder };
    if let Err(error) = shell::run(
        environment
            .pip_install()
            .args(["--requirement", REQUIREMENTS]),
    ) {
        if is_there {
            return Err(error);
        }
        println!("skipped: {error:#}; the package's tests need what {REQUIREMENTS} names");
        return Ok(None);
    }
    Ok(Some(environment))
}

impl Environment {
    /// A command that runs a program of the environment.
    pub fn command(&self, program: &str) -> std::process::Command {
        let mut command = shell::command(self.bin.join(program));
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(self.bin.clone()).chain(std::env::split_paths(&paths));
        if let Ok(paths) = std::env::join_paths(paths) {
            command.env("PATH", paths);
        }
        command.env("VIRTUAL_ENV", self.bin.parent().unwrap_or(Path::new("")));
        command
    }

    /// A pip command that installs the arguments added to it.
    fn pip_install(&self) -> std::process::Command {
        let mut pip = self.command("python");
        let install = ["-m", "pip", "install"];
        pip.args(install)
            .args(["--quiet", "--disable-pip-version-check"]);
        pip
    }

    /// Builds the wheel, with the fastest profile that tests can use, and installs it.
    ///
    /// # Errors
    /// When the wheel can't be built.
    pub fn install(&self) -> Result<()> {
        let wheels = self.folder.join("wheels");
        // An older wheel would be installed beside the new one.
        let _ = std::fs::remove_dir_all(&wheels);
        let mut maturin = self.command("maturin");
        maturin.args(["build", "--locked", "--quiet", "--profile", "dev"]);
        shell::run(
            maturin
                .args(["--manifest-path", "python/Cargo.toml", "--out"])
                .arg(&wheels),
        )?;
        let wheel = std::fs::read_dir(&wheels)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.extension().is_some_and(|ending| ending == "whl"));
        let mut pip = self.pip_install();
        pip.args(["--force-reinstall", "--no-deps"]);
        shell::run(pip.arg(wheel.context("maturin gave no wheel")?))
    }

    /// The command that runs the package's tests and the examples of its documentation; the command line tool is built
    /// for comparison.
    ///
    /// # Errors
    /// When the command line tool can't be built.
    pub fn tests(&self) -> Result<std::process::Command> {
        shell::run(shell::command("cargo").args(["build", "--locked", "--bin", "kvlens"]))?;
        let mut pytest = self.command("pytest");
        // Not from python/, where the package lacks its native part.
        pytest.current_dir(shell::root().join("python/tests"));
        pytest.args(["--doctest-modules", "--pyargs", ".", "kvlens"]);
        pytest.env(
            "KVLENS_BIN",
            shell::target()
                .join("debug/kvlens")
                .with_extension(std::env::consts::EXE_EXTENSION),
        );
        Ok(pytest)
    }
}
