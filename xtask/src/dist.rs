//! `cargo xtask build`: dist/, a folder of static files. All addresses in it are relative, so that it works under any
//! path.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args as ClapArgs;
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use crate::wasm::{THREADS, VARIANTS, Variant, hex};
use crate::{minify, preload, sample, shell, sizes, toolchain};

/// Placeholder for the service worker's version.
const VERSION_MARK: &str = "@VERSION@";
/// Placeholder for the digests of the files that the service worker caches.
const FILES_MARK: &str = "\"@FILES@\": \"\"";
/// Length of a digest in bytes: enough to tell files apart, not to resist forgery.
const DIGEST: usize = 16;
/// Placeholder for the page's Content-Security-Policy.
const POLICY_MARK: &str = "@POLICY@";

#[derive(ClapArgs)]
pub struct Args {
    /// Skip wasm-opt, even if it is installed
    #[arg(long)]
    no_opt: bool,
    /// Rebuild only the page and keep the engines as they were last built
    #[arg(long)]
    page: bool,
}

/// Builds and prints the sizes.
///
/// # Errors
/// When a tool is missing or fails.
pub fn run(args: &Args) -> Result<()> {
    if !args.page {
        engines(!args.no_opt)?;
        write_types()?;
    }
    let dist = page()?;
    sizes::print(&dist)?;
    println!("{}", dist.display());
    Ok(())
}

/// Builds what is stale and returns the path of dist/.
///
/// # Errors
/// When a tool is missing or fails.
pub fn build(optimize: bool) -> Result<PathBuf> {
    engines(optimize)?;
    page()
}

/// Path of dist/ as it was last built.
///
/// # Errors
/// When it was never built.
pub fn built() -> Result<PathBuf> {
    let dist = shell::root().join("dist");
    ensure!(
        dist.join("index.html").exists(),
        "dist/ is not there yet: cargo xtask build"
    );
    Ok(dist)
}

/// Paths of the types of what JavaScript calls, as wasm-bindgen writes them: where they are generated, and where the
/// type checker reads them.
fn types() -> [PathBuf; 2] {
    [
        glue(&THREADS).join("kvlens.d.ts"),
        shell::root().join("www/engine/glue.d.ts"),
    ]
}

fn write_types() -> Result<()> {
    let [made, kept] = types();
    if check_types().is_err() {
        println!("www/engine/glue.d.ts was out of date and has been rewritten");
        copy_file(&made, &kept)?;
    }
    Ok(())
}

/// Checks that the types read by the type checker are those of the last build.
///
/// # Errors
/// When they differ.
pub fn check_types() -> Result<()> {
    let [made, kept] = types().map(|path| fs::read_to_string(path).unwrap_or_default());
    ensure!(
        made.replace("\r\n", "\n") == kept.replace("\r\n", "\n"),
        "www/engine/glue.d.ts is out of date: cargo xtask build rewrites it"
    );
    Ok(())
}

/// Folder of an engine between its build and dist/.
fn glue(variant: &Variant) -> PathBuf {
    shell::root().join("target/wasm/glue").join(variant.name)
}

fn engines(optimize: bool) -> Result<()> {
    let toolchain = toolchain::find()?;
    println!(
        "building the page's two engines with {}; the first time takes minutes, later ones seconds",
        toolchain.name
    );
    for variant in &VARIANTS {
        variant.build(&toolchain, &glue(variant), optimize)?;
    }
    Ok(())
}

fn page() -> Result<PathBuf> {
    for variant in &VARIANTS {
        let module = glue(variant).join("kvlens_bg.wasm");
        ensure!(
            module.exists(),
            "the engine with {} is not there yet: cargo xtask build, without --page",
            variant.name
        );
    }
    let root = shell::root();
    let dist = root.join("dist");
    // Emptied, not removed: a server may be serving it.
    clear(&dist)?;
    let www = root.join("www");
    for path in files(&www)? {
        if !is_only_types(&path) {
            copy_file(&www.join(&path), &dist.join(&path))?;
        }
    }
    for variant in &VARIANTS {
        for file in ["kvlens.js", "kvlens_bg.wasm"] {
            let to = dist.join("engine").join(variant.name).join(file);
            copy_file(&glue(variant).join(file), &to)?;
        }
    }
    sample::write(
        &root.join("tests/data/sample-dump/dumps"),
        &dist.join("sample.zip"),
    )?;
    // The sample's licence requires its notice beside it.
    for (from, to) in [
        ("README.md", "sample/README.txt"),
        ("LICENSE-Apache-2.0.txt", "sample/LICENSE.txt"),
    ] {
        copy_file(
            &root.join("tests/data/sample-dump").join(from),
            &dist.join(to),
        )?;
    }
    write_snippets(&root.join("docs/snippets"), &dist.join("snippets.json"))?;
    // GitHub Pages omits files that begin with an underscore unless this file exists.
    fs::write(dist.join(".nojekyll"), "")?;
    preload::write(&dist)?;
    minify::minify(&dist)?;
    stamp(&dist)?;
    Ok(dist)
}

/// Writes the snippets that get a dump out of an engine, by name: the page shows those of the docs.
fn write_snippets(from: &Path, to: &Path) -> Result<()> {
    let mut snippets = BTreeMap::new();
    for path in files(from)? {
        let text = fs::read_to_string(from.join(&path))?;
        snippets.insert(path.to_string_lossy().into_owned(), text);
    }
    fs::write(to, serde_json::to_string(&snippets)?)?;
    Ok(())
}

/// Writes the files' digests, and as the version a hash of them, into the service worker: any change makes a new
/// version.
fn stamp(dist: &Path) -> Result<()> {
    let script = dist.join("sw.js");
    let text = fs::read_to_string(&script)?;
    let mut hash = Sha256::new();
    let mut listed = Vec::new();
    for path in files(dist)? {
        let name = path.to_string_lossy().replace('\\', "/");
        let bytes = fs::read(dist.join(&path))?;
        hash.update(name.as_bytes());
        hash.update(&bytes);
        if name != "sw.js" && !name.starts_with('.') {
            let digest = hex(&Sha256::digest(&bytes)[..DIGEST]);
            listed.push(format!("\"{name}\": \"{digest}\""));
        }
    }
    let version = hex(&hash.finalize()[..8]);
    let text = text
        .replace(VERSION_MARK, &version)
        .replace(FILES_MARK, &listed.join(",\n  "))
        .replace(
            POLICY_MARK,
            policy(&fs::read_to_string(dist.join("index.html"))?)?,
        );
    fs::write(script, text)?;
    Ok(())
}

/// The Content-Security-Policy in a page's `<meta>`.
fn policy(html: &str) -> Result<&str> {
    let tag = html.split("http-equiv=\"Content-Security-Policy\"").nth(1);
    let content = tag.and_then(|rest| rest.split("content=\"").nth(1)?.split('"').next());
    content.context("index.html has no Content-Security-Policy")
}

/// Files below a folder, relative to it, sorted.
///
/// # Errors
/// When the folder can't be read.
pub fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in WalkDir::new(dir).sort_by_file_name() {
        let entry = entry?;
        if entry.file_type().is_file() {
            found.push(entry.path().strip_prefix(dir)?.to_path_buf());
        }
    }
    Ok(found)
}

fn clear(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir)?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Whether a file of www/ is only for the type checker: no browser requests it.
fn is_only_types(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name == "types.js" || name.ends_with(".d.ts"))
}

fn copy_file(from: &Path, to: &Path) -> Result<()> {
    if let Some(dir) = to.parent() {
        fs::create_dir_all(dir)?;
    }
    fs::copy(from, to).with_context(|| format!("{} to {}", from.display(), to.display()))?;
    Ok(())
}
