//! Damages files of every format the way fuzzers do, from a seed, and passes them to the scan. Used by the test of
//! hostile input and by `cargo xtask fuzz-dump`.

mod seal;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use kvlens::dump::{Mapping, MemorySource, ScanOptions, Source, scan};
use seal::seal_kvz;

/// Pseudo-random number generator (splitmix64).
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

type File = (String, Vec<u8>);

/// A format: files that belong together, one of which is damaged.
pub struct Target {
    pub name: &'static str,
    files: Vec<File>,
    damaged: usize,
    /// Packs the damaged file again, so that the damage is inside the packing.
    pack: fn(Vec<u8>) -> Vec<u8>,
}

/// All targets, made from the files in `tests/data/tiny`.
pub fn targets(tiny: &Path) -> Vec<Target> {
    let read = |name: &str| {
        std::fs::read(tiny.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let alone = |name, file: &str, path: &str, pack| Target {
        name,
        files: vec![(path.to_owned(), read(file))],
        damaged: 0,
        pack,
    };
    let bin = |name: &str| (format!("r/layer_0/{name}"), vec![7; 16]);
    let meta = (
        "r/layer_0/meta_t0_2.json".to_owned(),
        read("meta_t0_2.json"),
    );
    let npy = |name: &str| (name.to_owned(), read(name));
    vec![
        Target {
            name: "meta",
            files: vec![meta, bin("k_t0_2.bin"), bin("v_t0_2.bin")],
            damaged: 0,
            pack: |bytes| bytes,
        },
        Target {
            name: "npy",
            files: vec![npy("k_0.npy"), npy("v_0.npy")],
            damaged: 0,
            pack: |bytes| bytes,
        },
        alone(
            "safetensors",
            "tiny.safetensors",
            "a.safetensors",
            |bytes| bytes,
        ),
        Target {
            name: "MNN packed",
            files: vec![
                (
                    "r/layer_0/packed_meta_t0_3.json".to_owned(),
                    read("packed_meta_t0_3.json"),
                ),
                ("r/layer_0/packed_k.bin".to_owned(), vec![7; 32]),
                ("r/layer_0/packed_v.bin".to_owned(), vec![9; 32]),
            ],
            damaged: 0,
            pack: |bytes| bytes,
        },
        alone("torch zip", "tiny.pt", "a.pt", |bytes| bytes),
        alone("torch stream", "tiny_stream.pt", "a.pt", |bytes| bytes),
        alone("pickle", "tiny.pkl", "a.pkl", |bytes| bytes),
        alone("pickle of text", "tiny_text.pkl", "a.pkl", |bytes| bytes),
        alone("joblib", "tiny.joblib", "a.joblib", |bytes| bytes),
        alone("npy of objects", "tiny_objects.npy", "a.npy", |bytes| bytes),
        alone("mlx", "tiny_mlx.safetensors", "a.safetensors", |bytes| {
            bytes
        }),
        alone("llama.cpp", "tiny_llama.bin", "a.bin", |bytes| bytes),
        alone("kvz", "tiny.kvz", "a.kvz", seal_kvz),
        alone("zip", "tiny.zip", "a.zip", |bytes| bytes),
        alone("npz", "tiny.npz", "a.npz", |bytes| bytes),
        alone("tar", "gnu.tar", "a.tar", seal_tar),
        alone("tar pax", "pax.tar", "a.tar", seal_tar),
        alone("tar.gz", "gnu.tar", "a.tar.gz", |bytes| {
            gzip(&seal_tar(bytes))
        }),
        alone("tar.zst", "pax.tar", "a.tar.zst", |bytes| {
            zstd(&seal_tar(bytes))
        }),
        alone("gzip", "gnu.tar", "a.tar.gz", |bytes| bytes),
        alone("zstd", "gnu.tar", "a.tar.zst", |bytes| bytes),
    ]
    .into_iter()
    .map(|mut target| {
        // These two are damaged in their packed form.
        match target.name {
            "gzip" => target.files[0].1 = gzip(&target.files[0].1),
            "zstd" => target.files[0].1 = zstd(&target.files[0].1),
            _ => {}
        }
        target
    })
    .collect()
}

impl Target {
    /// Passes one damaged input to the scan, reads all captures that it finds and returns their number.
    pub fn run(&self, rng: &mut Rng) -> usize {
        let mut files = self.files.clone();
        let bytes = &mut files[self.damaged].1;
        for _ in 0..=rng.below(3) {
            damage(bytes, rng);
        }
        *bytes = (self.pack)(std::mem::take(bytes));
        let source: Arc<dyn Source> = Arc::new(MemorySource::new(files));
        let mut options = ScanOptions {
            part_decoder: kvlens::pack::decoder(),
            ..ScanOptions::default()
        };
        if self.name == "llama.cpp" || rng.below(4) == 0 {
            let json = if self.name == "llama.cpp" {
                r#"{"axes":"seq,dim"}"#
            } else {
                r#"{"tensorNames":"*{kv}*{layer}","axes":"seq,heads,dim","bits16":"bf16"}"#
            };
            options.mapping = serde_json::from_str::<Mapping>(json).expect("a mapping");
        }
        let dump = scan(&source, &options);
        for (_, fetched) in dump.fetches(0..dump.captures.len()) {
            let _ = fetched.map(|fetched| fetched.decode().map_err(|problem| problem.to_string()));
        }
        let summary = dump.summary();
        let _ = serde_json::to_string(&summary).expect("a summary is JSON");
        summary.captures
    }
}

const NUMBERS: &[u64] = &[
    0,
    1,
    2,
    3,
    7,
    8,
    16,
    127,
    128,
    255,
    256,
    1000,
    0x7fff,
    0x8000,
    0xfffe,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffe,
    0xffff_ffff,
    0x1_0000_0000,
    1 << 40,
    i64::MAX as u64,
    1 << 63,
    u64::MAX - 1,
    u64::MAX,
];

fn damage(bytes: &mut Vec<u8>, rng: &mut Rng) {
    if bytes.is_empty() {
        bytes.push(rng.next() as u8);
        return;
    }
    let at = rng.below(bytes.len());
    let span = at..(at + 1 + rng.below(16)).min(bytes.len());
    match rng.below(10) {
        0 => bytes[at] ^= 1 << rng.below(8),
        1 => bytes[at] = rng.next() as u8,
        2 => {
            let number = NUMBERS[rng.below(NUMBERS.len())];
            let width = [1, 2, 4, 8][rng.below(4)];
            for (byte, new) in bytes[at..].iter_mut().zip(&number.to_le_bytes()[..width]) {
                *byte = *new;
            }
        }
        3 => bytes.truncate(at),
        4 => drop(bytes.drain(span)),
        5 => {
            let copy: Vec<u8> = bytes[span].to_vec();
            let to = rng.below(bytes.len());
            bytes.splice(to..to, copy);
        }
        6 => {
            let from = rng.below(bytes.len());
            for offset in 0..span.len().min(bytes.len() - from.max(at)) {
                bytes[at + offset] = bytes[from + offset];
            }
        }
        // A number in text: JSON, the dict of npy, octal digits of tar.
        _ => {
            let digits: Vec<usize> = (0..bytes.len())
                .filter(|&at| bytes[at].is_ascii_digit())
                .collect();
            if digits.is_empty() {
                return;
            }
            let at = digits[rng.below(digits.len())];
            match rng.below(3) {
                0 => bytes[at] = b'0' + rng.below(10) as u8,
                1 => bytes[at] = b"-.eE,]}\"' "[rng.below(10)],
                _ => {
                    let number = NUMBERS[rng.below(NUMBERS.len())].to_string();
                    let run = bytes[at..]
                        .iter()
                        .take_while(|byte| byte.is_ascii_digit())
                        .count();
                    bytes.splice(at..at + run, number.into_bytes());
                }
            }
        }
    }
}

/// Corrects the checksums of tar headers.
fn seal_tar(mut bytes: Vec<u8>) -> Vec<u8> {
    for block in bytes.chunks_exact_mut(512) {
        if block[257..262] == *b"ustar" {
            let sum: u64 = block
                .iter()
                .enumerate()
                .map(|(at, &byte)| {
                    if (148..156).contains(&at) {
                        32
                    } else {
                        u64::from(byte)
                    }
                })
                .sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes)
        .and_then(|()| out.finish())
        .expect("memory takes all")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    kvlens::codec::zstd::compress(bytes, 1)
}
