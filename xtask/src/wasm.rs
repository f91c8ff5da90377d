//! The two wasm builds: compiled with their own std, then wasm-bindgen's glue, then wasm-opt if Node has it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use wasm_bindgen_cli_support::Bindgen;

use crate::shell;
use crate::toolchain::Toolchain;

/// One of the two builds.
pub struct Variant {
    /// Name of its folder.
    pub name: &'static str,
    /// Description for messages.
    title: &'static str,
    rustflags: &'static str,
    features: &'static [&'static str],
}

// Panics unwind in both: the page can show them as errors, and the pool continues. With panic=abort a panic in a pool
// thread would leave the coordinator waiting forever. No relaxed SIMD: its results may differ between machines. Panic
// messages have no locations, which take space and contain paths of the build machine. Derived `Debug`, which none of
// our messages use, is reduced to the type's or variant's name.
/// All builds: with threads for isolated pages, with one thread for all others.
pub const VARIANTS: [Variant; 2] = [THREADS, SERIAL];

/// The build with threads.
pub const THREADS: Variant = Variant {
    name: "threads",
    title: "threads (1 of 2)",
    rustflags: "-Ctarget-feature=+atomics,+bulk-memory,+simd128 -Cpanic=unwind -Cllvm-args=-wasm-use-legacy-eh=false \
                -Zlocation-detail=none -Zfmt-debug=shallow",
    features: &["--features", "threads"],
};

/// The build with one thread.
pub const SERIAL: Variant = Variant {
    name: "serial",
    title: "one thread (2 of 2)",
    rustflags: "-Ctarget-feature=+simd128 -Cpanic=unwind -Cllvm-args=-wasm-use-legacy-eh=false \
                -Zlocation-detail=none -Zfmt-debug=shallow",
    features: &["--no-default-features"],
};

/// Build profile in Cargo.toml.
const PROFILE: &str = "wasm";

/// Inlining. Functions without `#[inline]` are inlined only where that makes the code smaller, or nearly so, and those with it where they are
/// small: LLVM's own thresholds, 225 and 325, make the modules 40 KB larger and no faster. At 0 and 0 they are another 20 KB smaller, but
/// the analyses take 1.4 to 2.5 times as long.
const INLINE: &str = "-Cllvm-args=-inline-threshold=20 -inlinehint-threshold=100";

impl Variant {
    /// Builds `kvlens.js` and `kvlens_bg.wasm` in `dir`, unless they are up to date with the code.
    ///
    /// # Errors
    /// When the compiler or a tool fails.
    pub fn build(&self, toolchain: &Toolchain, dir: &Path, optimize: bool) -> Result<()> {
        println!("== engine: {}", self.title);
        let wasm = self.compile(toolchain, "kvlens")?;
        let optimizer = optimize.then(wasm_opt).flatten();
        let stamp = format!(
            "{} {}",
            digest(&fs::read(&wasm)?),
            if optimizer.is_some() { "optimized" } else { "" }
        );
        let stamp_file = dir.join(".stamp");
        if fs::read_to_string(&stamp_file).is_ok_and(|old| old == stamp) {
            return Ok(());
        }
        let _ = fs::remove_dir_all(dir);
        Bindgen::new()
            .input_path(&wasm)
            .web(true)?
            .typescript(true)
            .remove_name_section(true)
            .remove_producers_section(true)
            .generate(dir)?;
        replace_pool_helper(dir)?;
        if let Some(optimizer) = optimizer {
            println!("making it smaller with wasm-opt");
            let module = dir.join("kvlens_bg.wasm");
            shell::run(
                shell::command("node")
                    .arg(optimizer)
                    // Not -O4, which crashes; not --all-features, which makes modules that browsers refuse.
                    .args(["-O3", "--strip-debug"])
                    .arg(&module)
                    .arg("-o")
                    .arg(&module),
            )?;
        }
        fs::write(stamp_file, stamp)?;
        Ok(())
    }

    /// Runs clippy over the code of this build.
    ///
    /// # Errors
    /// When clippy reports anything.
    pub fn lint(&self, toolchain: &Toolchain) -> Result<()> {
        let mut clippy = toolchain.clippy();
        self.prepare(&mut clippy, "kvlens")
            .args(["--", "-D", "warnings"]);
        shell::run(&mut clippy).with_context(|| format!("lints of the {} build", self.name))
    }

    /// Builds a package of the workspace as this build's module, without glue.
    ///
    /// # Errors
    /// When the compiler fails.
    pub fn compile(&self, toolchain: &Toolchain, package: &str) -> Result<PathBuf> {
        let mut cargo = toolchain.cargo();
        // Not in RUSTFLAGS: this way a change recompiles only the crate that all others are linked into.
        self.prepare(cargo.args(["rustc", "--profile", PROFILE]), package)
            .args(["--", INLINE]);
        shell::run(&mut cargo).with_context(|| format!("the {} build", self.name))?;
        let folder = self.target().join("wasm32-unknown-unknown").join(PROFILE);
        Ok(folder.join(package.replace('-', "_") + ".wasm"))
    }

    fn prepare<'a>(&self, command: &'a mut Command, package: &str) -> &'a mut Command {
        command
            .args(["--locked", "--lib", "--package", package])
            .args(["--target", "wasm32-unknown-unknown"])
            .arg("-Zbuild-std=std,panic_unwind")
            // Sort functions of a few hundred bytes instead of thousands: there are 40 of them, and none is hot.
            .arg("-Zbuild-std-features=optimize_for_size")
            .args(self.features)
            .env("RUSTFLAGS", self.rustflags)
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env("CARGO_TARGET_DIR", self.target())
    }

    /// Separate target folder of this build: other flags would rebuild std every time.
    fn target(&self) -> PathBuf {
        shell::root().join("target/wasm").join(self.name)
    }
}

/// Makes the glue import `www/engine/start-pool.js` instead of wasm-bindgen-rayon's JavaScript, which creates workers
/// from `blob:` addresses inside the coordinator. The serial build imports neither.
fn replace_pool_helper(dir: &Path) -> Result<()> {
    let snippets = dir.join("snippets");
    if !snippets.exists() {
        return Ok(());
    }
    let glue = dir.join("kvlens.js");
    let text = fs::read_to_string(&glue)?;
    let imports = text
        .split(['\'', '"'])
        .filter(|part| part.starts_with("./snippets/"));
    let imports: Vec<&str> = imports.collect();
    match imports[..] {
        [helper] if helper.contains("wasm-bindgen-rayon") && text.contains("startWorkers") => {
            fs::write(&glue, text.replace(helper, "../start-pool.js"))?;
            fs::remove_dir_all(snippets)?;
            Ok(())
        }
        _ => bail!(
            "the glue imports {imports:?}, where one helper of wasm-bindgen-rayon was expected"
        ),
    }
}

/// Path of Binaryen's wasm-opt in the development dependencies, if it is installed. It makes the modules smaller, not
/// faster.
fn wasm_opt() -> Option<PathBuf> {
    let script = shell::root().join("node_modules/binaryen/bin/wasm-opt");
    (script.exists() && shell::has("node")).then_some(script)
}

/// SHA-256 in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
