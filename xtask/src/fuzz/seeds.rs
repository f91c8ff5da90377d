//! Small files that fuzz targets start from, where those of the tests are few, large or in another form: a `.kvz` of each scheme, a stream
//! for each strategy of the zstd encoder, and a state file of llama.cpp.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use kvlens::dump::{Dump, MemorySource, ScanOptions, Source, scan};
use kvlens::pack::{self, PackOptions};
use kvlens::tensor::f32_to_f16;

use crate::fuzz_zstd::streams::{Pool, Rng};
use crate::shell;

/// Schemes of all kinds.
const SCHEMES: [&str; 20] = [
    "lossless",
    "raw",
    "q8_0",
    "q5_1",
    "q4_0",
    "mlx:b=4,g=32",
    "fp8_e4m3:scale=tensor",
    "fp8_e5m2:scale=head",
    "nvfp4",
    "mxfp4",
    "int:b=4,per=channel,sym",
    "int:b=3,per=token",
    "kivi2",
    "turbo3",
    "hadamard+q4_0",
    "tkc:c=0.155",
    "tkc:c=0.5,rope=none,klt=none",
    "tkc:c=0.2,rope=10000,klt=head",
    "tkc:c=0.3,interleaved,rope=10000,klt=across",
    "tkc:c=0.2,nonorm,nomean",
];

/// Number of streams for each first byte, and their longest length: the sanitizer makes long ones slow, and short ones reach as much.
const STREAMS: u64 = 3;
const MAX_LEN: usize = 2000;

/// Writes the seeds of a target into a folder; none for most.
///
/// # Errors
/// When a file can't be written.
pub fn write(target: &str, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    match target {
        "kvz" => packed(folder),
        "zstd" => streams(folder),
        "llama_state" => without_magic(folder),
        _ => Ok(()),
    }
}

/// The same dump by each scheme; sinks remain as they are.
fn packed(folder: &Path) -> Result<()> {
    let dump = dump();
    for (index, scheme) in SCHEMES.into_iter().enumerate() {
        let method = scheme
            .parse()
            .with_context(|| format!("{scheme}: no scheme"))?;
        let mut options = PackOptions::new(method, scheme.parse()?);
        options.sinks = 2;
        let file = folder.join(format!("{index}.kvz"));
        let _ = fs::remove_file(&file);
        pack::write_new(&dump, &file, &options, None, &mut |_, _| true).context(scheme)?;
    }
    Ok(())
}

/// A capture of 10 tokens, 1 head of 32 values: a group of every packed format.
fn dump() -> Dump {
    let values = |seed: usize| {
        let wave = move |i: usize| ((i % 32 * 7 + i / 32 * (3 + seed)) % 23) as f32 / 8.0 - 1.0;
        (0..320)
            .flat_map(|i| f32_to_f16(wave(i)).to_le_bytes())
            .collect()
    };
    let meta = r#"{"layer_id":0,"seq_len":10,"kv_heads":1,"head_dim":32,"bytes_per_elem":2,"dtype":"fp16","stage":"prefill","k_file":"k","v_file":"v"}"#;
    let source: Arc<dyn Source> = Arc::new(MemorySource::new([
        ("meta_0.json".to_owned(), meta.as_bytes().to_vec()),
        ("k".to_owned(), values(1)),
        ("v".to_owned(), values(2)),
    ]));
    scan(&source, &ScanOptions::default())
}

/// The tests' state file of llama.cpp without the magic number, which the target puts before its input.
fn without_magic(folder: &Path) -> Result<()> {
    let state = fs::read(shell::root().join("tests/data/tiny/tiny_llama.bin"))?;
    let rest = state.get(4..).context("a state file of a few bytes")?;
    Ok(fs::write(folder.join("state"), rest)?)
}

/// Streams behind each first byte, which chooses the level (see `fuzz_targets/zstd.rs`), without those of slow levels.
fn streams(folder: &Path) -> Result<()> {
    let pool = Pool::new(Vec::new());
    let mut stream = Vec::new();
    for level in 32..64 {
        for index in 0..STREAMS {
            let seed = u64::from(level) * STREAMS + index;
            pool.stream(seed, MAX_LEN, &mut stream);
            let times = Rng::new(seed).below(4) as u8;
            let input = [&[level, times], &*stream].concat();
            fs::write(folder.join(format!("{level}-{index}")), input)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvlens::dump::FolderSource;

    #[test]
    fn streams_are_short_and_begin_with_each_fast_level() {
        let folder = tempfile::tempdir().expect("a folder");
        write("zstd", folder.path()).expect("seeds");
        let mut firsts = Vec::new();
        for entry in fs::read_dir(folder.path()).expect("a folder") {
            let seed = fs::read(entry.expect("a file").path()).expect("a seed");
            assert!(seed.len() <= MAX_LEN + 2);
            firsts.push(seed[0]);
        }
        firsts.sort_unstable();
        firsts.dedup();
        assert!(firsts.into_iter().eq(32..64));
    }

    #[test]
    fn the_state_of_llama_cpp_begins_behind_a_magic_number_of_the_target() {
        let folder = tempfile::tempdir().expect("a folder");
        write("llama_state", folder.path()).expect("seeds");
        let seed = fs::read(folder.path().join("state")).expect("a seed");
        let state = fs::read(shell::root().join("tests/data/tiny/tiny_llama.bin")).expect("a file");
        assert_eq!([b"qsgg", &*seed].concat(), state);
    }

    #[test]
    fn a_packed_seed_of_each_scheme_is_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        write("kvz", folder.path()).expect("seeds");
        let source: Arc<dyn Source> =
            Arc::new(FolderSource::open(folder.path()).expect("a source"));
        let options = ScanOptions {
            part_decoder: pack::decoder(),
            ..ScanOptions::default()
        };
        let read = scan(&source, &options);
        assert_eq!(read.captures.len(), SCHEMES.len(), "{:?}", read.problems);
        for (_, fetched) in read.fetches(0..read.captures.len()) {
            fetched.and_then(|it| it.decode()).expect("values");
        }
    }
}
