//! How fast our zstd is, against C libzstd in the same run: one thread, level 3, the streams of real and generated planes.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use kvlens::codec::zstd::{compress, compressed_size};
use zstd::zstd_safe::{CCtx, compress_bound};

use crate::fuzz_zstd::streams::{Rng, halves};

const LEVEL: i32 = 3;

/// Each batch is run this often, the encoders in turn; the fastest run counts. So what else the machine does is left out.
const ROUNDS: usize = 30;

/// Streams are timed together until they are so many bytes.
const BATCH: usize = 256 << 10;

/// A set of streams that are alike.
pub struct Set {
    name: &'static str,
    streams: Vec<Vec<u8>>,
}

/// What one set took, in seconds.
pub struct Row {
    /// Name of the set.
    pub name: &'static str,
    /// Bytes compressed.
    pub bytes: usize,
    /// C libzstd's one-shot compression.
    pub reference: f64,
    /// Our size without a frame.
    pub size: f64,
    /// Our frame.
    pub frame: f64,
}

/// Planes of the fp16 dump in `folder`, and generated ones of 2,048 tokens of 8 heads x 128.
pub fn sets(folder: &Path) -> anyhow::Result<Vec<Set>> {
    let mut tensors = Vec::new();
    read_tensors(folder, &mut tensors)?;
    let (long, short): (Vec<_>, Vec<_>) =
        tensors.into_iter().partition(|tensor| tensor.len() > 4096);
    let mut rng = Rng::new(7);
    let generated: Vec<_> = (0..2).map(|_| halves(&mut rng, 1024, 4 << 20)).collect();
    let planes =
        |tensors: &[Vec<u8>], first| tensors.iter().map(|tensor| plane(tensor, first)).collect();
    let cut = |streams: &[Vec<u8>]| -> Vec<Vec<u8>> {
        let lengths = [400, 700, 1024, 2048, 4096].iter().cycle();
        let parts = |stream: &Vec<u8>| stream.chunks(4096).map(<[u8]>::to_vec).collect::<Vec<_>>();
        let all = streams.iter().flat_map(parts).zip(lengths);
        all.map(|(mut part, &len)| {
            part.truncate(len);
            part
        })
        .collect()
    };
    let high: Vec<_> = planes(&long, 1);
    let low: Vec<_> = planes(&long, 0);
    Ok(vec![
        Set {
            name: "sample, high plane",
            streams: high.clone(),
        },
        Set {
            name: "sample, low plane",
            streams: low.clone(),
        },
        Set {
            name: "sample, whole tensor",
            streams: long,
        },
        Set {
            name: "sample, decode planes",
            streams: [planes(&short, 1), planes(&short, 0)].concat(),
        },
        Set {
            name: "sample, 400 B - 4 KB",
            streams: [cut(&high), cut(&low)].concat(),
        },
        Set {
            name: "generated, high plane",
            streams: planes(&generated, 1),
        },
        Set {
            name: "generated, low plane",
            streams: planes(&generated, 0),
        },
        Set {
            name: "generated, low plane masked",
            streams: planes(&generated, 0).into_iter().map(masked).collect(),
        },
        Set {
            name: "generated, whole tensor",
            streams: generated,
        },
    ])
}

impl Set {
    /// Times the three.
    pub fn measure(&self, clock: &dyn Fn() -> f64) -> Row {
        let mut context = CCtx::create();
        let mut frame: Vec<u8> = Vec::new();
        let mut row = Row {
            name: self.name,
            bytes: 0,
            reference: 0.0,
            size: 0.0,
            frame: 0.0,
        };
        for batch in self.batches() {
            let timed = |encode: &mut dyn FnMut(&[u8]) -> usize| {
                let start = clock();
                for stream in batch {
                    black_box(encode(black_box(stream)));
                }
                clock() - start
            };
            let mut fastest = [f64::MAX; 3];
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
                for (fastest, seconds) in fastest.iter_mut().zip(seconds) {
                    *fastest = fastest.min(seconds);
                }
            }
            row.bytes += batch.iter().map(Vec::len).sum::<usize>();
            row.reference += fastest[0];
            row.size += fastest[1];
            row.frame += fastest[2];
        }
        row
    }

    /// Runs of streams that are at least [`BATCH`] bytes together.
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

/// Arguments of the command.
#[derive(clap::Args)]
pub struct Args {
    /// A folder of fp16 captures
    #[arg(long, default_value = "tests/data/sample-dump")]
    data: PathBuf,
}

/// Prints a row for each set, by the clock on the wall.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let start = Instant::now();
    print(&args.data, &|| start.elapsed().as_secs_f64())
}

/// Prints a row for each set, by a clock in seconds.
fn print(folder: &Path, clock: &dyn Fn() -> f64) -> anyhow::Result<()> {
    println!(
        "{:<30} {:>10} {:>10} {:>10}  {:>6} {:>6}   (MB/s; ratio to C)",
        "level 3", "C libzstd", "our size", "our frame", "size", "frame"
    );
    for set in sets(folder)? {
        let row = set.measure(clock);
        let speed = |seconds: f64| row.bytes as f64 / 1e6 / seconds;
        println!(
            "{:<30} {:>10.0} {:>10.0} {:>10.0}  {:>6.2} {:>6.2}",
            row.name,
            speed(row.reference),
            speed(row.size),
            speed(row.frame),
            row.reference / row.size,
            row.reference / row.frame
        );
    }
    Ok(())
}

fn plane(tensor: &[u8], first: usize) -> Vec<u8> {
    tensor.iter().skip(first).step_by(2).copied().collect()
}

/// What cutting off mantissa bits leaves.
fn masked(mut plane: Vec<u8>) -> Vec<u8> {
    plane.iter_mut().for_each(|byte| *byte &= 0xF0);
    plane
}

fn read_tensors(folder: &Path, into: &mut Vec<Vec<u8>>) -> anyhow::Result<()> {
    let mut paths: Vec<_> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<_>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read_tensors(&path, into)?;
        } else if path.extension().is_some_and(|extension| extension == "bin") {
            into.push(fs::read(&path)?);
        }
    }
    Ok(())
}
