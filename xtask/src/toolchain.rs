//! Finds a compiler that can build std for wasm with threads: one that comes with std's source.
//!
//! rustup keeps that source in a component (`rust-src`), Debian in a package. What is missing is announced and
//! installed if that takes one plain step; nothing else is ever downloaded.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::shell;

/// Debian packages of the compiler for the web, its cargo, std's source and the linker.
const PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-22"];

/// Path of the program in package rust-web-clippy.
const DEBIAN_CLIPPY: &str = "/usr/bin/cargo-clippy";

/// A compiler with std's source.
#[derive(Debug)]
pub struct Toolchain {
    /// Where the compiler comes from, for messages.
    pub name: String,
    cargo: PathBuf,
    rustc: Option<PathBuf>,
    linker: Option<PathBuf>,
}

impl Toolchain {
    /// A cargo command that compiles for wasm with this toolchain.
    pub fn cargo(&self) -> Command {
        self.prepared(&self.cargo)
    }

    /// Like [`cargo`](Self::cargo), for `cargo clippy`.
    pub fn clippy(&self) -> Command {
        // Called directly: cargo would prefer rustup's clippy to this toolchain's.
        let mut command = match &self.rustc {
            Some(_) => self.prepared(Path::new(DEBIAN_CLIPPY)),
            None => self.cargo(),
        };
        if self.rustc.is_some() {
            command.env("CARGO", &self.cargo);
        }
        command.arg("clippy");
        command
    }

    /// Whether the toolchain has clippy.
    pub fn clippy_exists(&self) -> bool {
        self.rustc.is_none() || Path::new(DEBIAN_CLIPPY).exists()
    }

    fn prepared(&self, program: &Path) -> Command {
        let mut command = shell::command(program);
        // -Zbuild-std is meant for nightly compilers; stable ones need this variable, which is set for this call only.
        command.env("RUSTC_BOOTSTRAP", "1");
        // Set by the cargo that runs xtask, for its own toolchain.
        for inherited in ["RUSTUP_TOOLCHAIN", "RUSTC", "RUSTDOC", "CARGO"] {
            if self.rustc.is_some() {
                command.env_remove(inherited);
            }
        }
        if let Some(rustc) = &self.rustc {
            command.env("RUSTC", rustc);
        }
        if let Some(linker) = &self.linker {
            command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        command
    }
}

/// The first suitable toolchain.
///
/// # Errors
/// When there is none and none can be installed; the error says what to install.
pub fn find() -> Result<Toolchain> {
    if let Some(found) = installed() {
        return Ok(found);
    }
    if can_apt(&PACKAGES) {
        apt_install(&PACKAGES)?;
    } else if shell::has("rustup") {
        println!("installing std's source: rustup component add rust-src");
        shell::run(shell::command("rustup").args(["component", "add", "rust-src"]))?;
    }
    if let Some(found) = installed() {
        return Ok(found);
    }
    bail!(
        "the wasm build needs a Rust compiler with std's source. Install one of:\n  \
         - with rustup: rustup component add rust-src\n  \
         - on Debian or Ubuntu: apt-get install {}",
        PACKAGES.join(" ")
    )
}

fn installed() -> Option<Toolchain> {
    own().or_else(debian)
}

/// The compiler that compiled this program.
fn own() -> Option<Toolchain> {
    let sysroot = shell::output(shell::command("rustc").args(["--print", "sysroot"]))?;
    has_source(Path::new(&sysroot)).then(|| Toolchain {
        name: format!("rustc of {sysroot}"),
        cargo: "cargo".into(),
        rustc: None,
        linker: None,
    })
}

fn debian() -> Option<Toolchain> {
    let linker = newest_linker()?;
    let (rustc, cargo) = ("/usr/bin/rustc", "/usr/bin/cargo");
    let complete = has_source(Path::new("/usr")) && Path::new(rustc).exists();
    complete.then(|| Toolchain {
        name: "Debian's rustc-web".into(),
        cargo: cargo.into(),
        rustc: Some(rustc.into()),
        linker: Some(linker),
    })
}

/// `wasm-ld` if there is one without a version suffix, otherwise the one with the highest version.
fn newest_linker() -> Option<PathBuf> {
    let version = |path: &PathBuf| -> Option<u32> {
        let name = path.file_name()?.to_str()?.strip_prefix("wasm-ld")?;
        match name.strip_prefix('-') {
            Some(number) => number.parse().ok(),
            None => name.is_empty().then_some(u32::MAX),
        }
    };
    let entries = std::fs::read_dir("/usr/bin").ok()?;
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| version(path).is_some())
        .max_by_key(version)
}

fn has_source(sysroot: &Path) -> bool {
    sysroot
        .join("lib/rustlib/src/rust/library/Cargo.lock")
        .exists()
}

/// Announces and installs packages on Debian or Ubuntu.
///
/// # Errors
/// When the system is another or the user is not root, or apt fails.
pub fn apt_install(packages: &[&str]) -> Result<()> {
    let words = packages.join(" ");
    if !can_apt(packages) {
        bail!("please install: {words} (on Debian or Ubuntu: apt-get install {words})");
    }
    println!("installing with apt-get: {words}");
    let install = || {
        let arguments = ["install", "-y", "--no-install-recommends"];
        shell::run(shell::command("apt-get").args(arguments).args(packages))
    };
    // Outdated lists name versions that the mirrors no longer have.
    install().or_else(|_| {
        apt_update()?;
        install()
    })
}

/// Whether this is a root shell on a Debian-like system whose apt has the packages. Missing or outdated lists are
/// updated first: a fresh container has none.
fn can_apt(packages: &[&str]) -> bool {
    let known = |package: &&str| {
        let shown = shell::output(Command::new("apt-cache").args(["policy", package]));
        shown.is_some_and(|text| text.contains("Candidate:") && !text.contains("Candidate: (none)"))
    };
    let root = shell::output(Command::new("id").arg("-u")).as_deref() == Some("0");
    if !root || !shell::has("apt-get") {
        return false;
    }
    packages.iter().all(known) || (apt_update().is_ok() && packages.iter().all(known))
}

fn apt_update() -> Result<()> {
    println!("updating the lists of packages: apt-get update");
    shell::run(shell::command("apt-get").args(["update", "--quiet"]))
}
