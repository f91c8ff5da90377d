//! Tools that only the tests need: clippy for wasm, the page's development tools, browsers. Each is installed if that
//! takes one plain step.

use std::path::Path;

use anyhow::{Result, bail};

use crate::shell;
use crate::toolchain::{self, Toolchain};

/// Ensures that the wasm toolchain has clippy.
///
/// # Errors
/// When clippy can't be installed.
pub fn clippy(toolchain: &Toolchain) -> Result<()> {
    if toolchain.clippy_exists() {
        return Ok(());
    }
    toolchain::apt_install(&["rust-web-clippy"])
}

/// Installs the packages that package-lock.json names, if they are missing.
///
/// # Errors
/// When Node is missing or npm fails.
pub fn npm() -> Result<()> {
    if !shell::has("node") || !shell::has("npm") {
        bail!("the page's tests need Node 20 or later with npm: apt-get install nodejs npm");
    }
    let root = shell::root();
    let (lock, installed) = (
        root.join("package-lock.json"),
        root.join("node_modules/.package-lock.json"),
    );
    let time = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
    if time(&installed) > time(&lock) {
        return Ok(());
    }
    shell::run(shell::command("npm").args(["ci", "--no-fund", "--no-audit"]))
}

/// Ensures that Chromium and Firefox are installed.
///
/// # Errors
/// When they are missing and can't be installed.
pub fn browsers() -> Result<()> {
    let needed = [
        (
            "KVLENS_CHROMIUM",
            "chromium",
            ["chromium", "chromium-browser", "google-chrome"].as_slice(),
        ),
        (
            "KVLENS_FIREFOX",
            "firefox-esr",
            ["firefox-esr", "firefox"].as_slice(),
        ),
    ];
    let missing: Vec<&str> = needed
        .iter()
        .filter(|(variable, _, names)| {
            let found = |name: &&str| Path::new("/usr/bin").join(name).exists();
            std::env::var_os(variable).is_none() && !names.iter().any(found)
        })
        .map(|(_, package, _)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    toolchain::apt_install(&missing)
}
