//! Tells the linker what the threads build for browsers needs, and refuses wasm builds with the wrong flags.

use std::env;

/// Rust 1.96 no longer adds these by itself; without them the memory is silently an ordinary, unshared one.
const SHARED_MEMORY: [&str; 7] = [
    "--shared-memory",
    "--import-memory",
    "--max-memory=4294967296",
    "--export=__wasm_init_tls",
    "--export=__tls_size",
    "--export=__tls_align",
    "--export=__tls_base",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_ARCH").as_deref() != Ok("wasm32") {
        return;
    }
    let features = env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    let has = |feature| features.split(',').any(|one| one == feature);
    let threads = env::var_os("CARGO_FEATURE_THREADS").is_some();
    if threads && !(has("atomics") && has("bulk-memory")) {
        println!(
            "cargo::error=the feature `threads` needs a std compiled with atomics: run `cargo xtask build`, or build with \
             RUSTFLAGS=\"-Ctarget-feature=+atomics,+bulk-memory,+simd128\" and -Zbuild-std, or without it: --no-default-features"
        );
    }
    if !threads && has("atomics") {
        println!(
            "cargo::error=the serial build must not have atomics, since pages that are not isolated have no shared memory: run \
             `cargo xtask build`, or leave +atomics out of RUSTFLAGS, or build with --features threads"
        );
    }
    if has("atomics") {
        for argument in SHARED_MEMORY {
            println!("cargo::rustc-link-arg-cdylib={argument}");
        }
    }
}
