//! Speed of our zstd against C libzstd: one thread, level 3, the planes of both dumps.
//!
//! Times are the thread's CPU time (which excludes most of the machine's other load), and the best of many rounds
//! counts for each batch of streams.

use std::fmt::Write;
use std::fs;
use std::hint::black_box;
use std::path::Path;

use super::zstd_wasm;
use anyhow::{Context, Result, ensure};
use cpu_time::ThreadTime;
use kvlens::codec::zstd::{compress, compressed_size};
use zstd::zstd_safe::{CCtx, compress_bound};

const LEVEL: i32 = 3;

/// Number of rounds of each batch; the encoders take turns.
const ROUNDS: usize = 30;

/// Streams are timed in batches of this many bytes.
const BATCH: usize = 256 << 10;

/// Maximum number of tensors taken from a dump, minimum size of those from a prefill, and maximum total size in bytes.
const MAX_TENSORS: usize = 18;
const PREFILL_BYTES: usize = 16 << 10;
const MAX_BYTES: usize = 18 << 20;

/// Lengths of the small streams, in bytes.
const SMALL: [usize; 5] = [400, 700, 1024, 2048, 4096];

/// A set of similar streams.
struct Set {
    name: String,
    streams: Vec<Vec<u8>>,
}

/// Times of one set, in seconds.
#[derive(Default)]
struct Row {
    bytes: usize,
    libzstd: f64,
    size: f64,
    frame: f64,
    wasm: Option<f64>,
}

/// Measures the planes of dumps given by name, folder and values per token; prints the table and writes it. With a wasm
/// module of our zstd, also compares its frame sizes.
///
/// # Errors
/// When a dump can't be read, the wasm module's sizes differ, or the table can't be written.
pub fn run(dumps: &[(&str, &Path, usize)], wasm: Option<&Path>, csv: &Path) -> Result<()> {
    println!(
        "zstd, level 3, one thread           MB: libzstd MB/s   size  frame   size/libzstd  frame/libzstd  size in wasm/libzstd"
    );
    let mut table = String::from(
        "streams,bytes,libzstd_mb_per_s,size_mb_per_s,frame_mb_per_s,wasm_size_mb_per_s,size_ratio,frame_ratio,wasm_size_ratio\n",
    );
    for &(name, folder, width) in dumps {
        for set in sets(name, folder, width)? {
            let row = set.measure(wasm)?;
            let rate = |seconds: f64| row.bytes as f64 / 1e6 / seconds;
            let (libzstd, size, frame) = (rate(row.libzstd), rate(row.size), rate(row.frame));
            let (size_ratio, frame_ratio) = (size / libzstd, frame / libzstd);
            print!(
                "{:<36} {:>6.1} {libzstd:>9.0} {size:>7.0} {frame:>6.0} {size_ratio:>14.2} {frame_ratio:>14.2}",
                set.name,
                row.bytes as f64 / 1e6
            );
            let (mut wasm, mut wasm_ratio) = (String::new(), String::new());
            if let Some(seconds) = row.wasm {
                wasm = format!("{:.1}", rate(seconds));
                wasm_ratio = format!("{:.3}", rate(seconds) / libzstd);
            }
            println!(" {wasm_ratio:>21}");
            writeln!(
                table,
                "\"{}\",{},{libzstd:.1},{size:.1},{frame:.1},{wasm},{size_ratio:.3},{frame_ratio:.3},{wasm_ratio}",
                set.name, row.bytes
            )?;
        }
    }
    fs::create_dir_all(csv.parent().unwrap_or(Path::new(".")))?;
    fs::write(csv, table).with_context(|| csv.display().to_string())
}

/// Planes of the prefill as the codecs make them, of truncated values, of decode steps, and small pieces.
fn sets(dump: &str, folder: &Path, width: usize) -> Result<Vec<Set>> {
    let (mut prefill, mut decode) = (Vec::new(), Vec::new());
    read_tensors(folder, &mut prefill, &mut decode)?;
    let plane = |tensors: &[Vec<u8>], first| -> Vec<Vec<u8>> {
        let half = |tensor: &Vec<u8>| tensor.iter().skip(first).step_by(2).copied().collect();
        tensors.iter().map(half).collect()
    };
    let (high, low) = (plane(&prefill, 1), plane(&prefill, 0));
    let differenced = |plane: &Vec<u8>| {
        let before = [0].iter().cycle().take(width).chain(plane);
        plane
            .iter()
            .zip(before)
            .map(|(now, before)| now.wrapping_sub(*before))
            .collect()
    };
    let six_bits = |plane: &Vec<u8>| plane.iter().map(|byte| byte & 0xF0).collect();
    let small = |streams: &[Vec<u8>]| -> Vec<Vec<u8>> {
        let pieces = streams
            .iter()
            .flat_map(|stream| stream.chunks(SMALL[4] * 8))
            .zip(SMALL.iter().cycle());
        pieces
            .map(|(piece, &len)| piece[..len.min(piece.len())].to_vec())
            .collect()
    };
    let sets = [
        ("high plane", high.clone()),
        (
            "high plane, differenced",
            high.iter().map(differenced).collect(),
        ),
        ("low plane", low.clone()),
        (
            "low plane of 6 mantissa bits",
            low.iter().map(six_bits).collect(),
        ),
        ("whole tensor", prefill),
        (
            "planes of decode steps",
            [plane(&decode, 1), plane(&decode, 0)].concat(),
        ),
        (
            "pieces of 400 B to 4 KB",
            [small(&high), small(&low)].concat(),
        ),
    ];
    Ok(sets
        .into_iter()
        .map(|(name, streams)| Set {
            name: format!("{dump} {name}"),
            streams,
        })
        .collect())
}

impl Set {
    fn measure(&self, wasm: Option<&Path>) -> Result<Row> {
        let mut context = CCtx::create();
        let mut frame: Vec<u8> = Vec::new();
        let mut row = Row::default();
        for batch in self.batches() {
            let timed = |encode: &mut dyn FnMut(&[u8]) -> usize| {
                let start = ThreadTime::now();
                for stream in batch {
                    black_box(encode(black_box(stream)));
                }
                start.elapsed().as_secs_f64()
            };
            let mut best = [f64::MAX; 3];
            for _ in 0..ROUNDS {
                let seconds = [
                    timed(&mut |stream| {
                        frame.clear();
                        frame.reserve(compress_bound(stream.len()));
                        context.compress(&mut frame, stream, LEVEL).unwrap_or(0)
                    }),
                    timed(&mut |stream| compressed_size(stream, LEVEL)),
                    timed(&mut |stream| compress(stream, LEVEL).len()),
                ];
                best = std::array::from_fn(|encoder| best[encoder].min(seconds[encoder]));
            }
            row.bytes += batch.iter().map(Vec::len).sum::<usize>();
            row.libzstd += best[0];
            row.size += best[1];
            row.frame += best[2];
        }
        if let Some(module) = wasm {
            let measured = zstd_wasm::measure(module, &self.batches(), LEVEL, ROUNDS)?;
            let sizes = self
                .streams
                .iter()
                .map(|stream| compressed_size(stream, LEVEL));
            ensure!(
                measured.frames == sizes.sum::<usize>(),
                "{}: the sizes in wasm are others",
                self.name
            );
            row.wasm = Some(measured.seconds);
        }
        Ok(row)
    }

    /// Batches of streams that together have at least [`BATCH`] bytes.
    fn batches(&self) -> Vec<&[Vec<u8>]> {
        let mut batches = Vec::new();
        let (mut start, mut bytes) = (0, 0);
        for (index, stream) in self.streams.iter().enumerate() {
            bytes += stream.len();
            if bytes >= BATCH || index + 1 == self.streams.len() {
                batches.push(&self.streams[start..=index]);
                (start, bytes) = (index + 1, 0);
            }
        }
        batches
    }
}

/// Reads tensors below a folder in path order, prefill and decode separately, until there are enough.
fn read_tensors(
    folder: &Path,
    prefill: &mut Vec<Vec<u8>>,
    decode: &mut Vec<Vec<u8>>,
) -> Result<()> {
    let mut paths: Vec<_> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read_tensors(&path, prefill, decode)?;
        } else if path.extension().is_some_and(|extension| extension == "bin") {
            let tensor = fs::read(&path)?;
            let into = if tensor.len() >= PREFILL_BYTES {
                &mut *prefill
            } else {
                &mut *decode
            };
            if into.len() < MAX_TENSORS && into.iter().map(Vec::len).sum::<usize>() < MAX_BYTES {
                into.push(tensor);
            }
        }
    }
    Ok(())
}
