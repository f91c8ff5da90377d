//! Build, serve, test and measure kvlens: `cargo xtask help`.
fn main() {}
