//! Our zstd frames equal C libzstd's byte for byte, our sizes are those of the frames, and independent decoders restore
//! the input.

#[path = "../xtask/src/fuzz_zstd/streams.rs"]
mod streams;

use std::io::Read;
use std::ops::RangeInclusive;

use kvlens::codec::zstd::{LEVELS, compress, compressed_size};
use streams::{Pool, Rng};
use zstd::zstd_safe::{self, CCtx};

/// Levels whose strategy is implemented in this crate, at most sizes.
const QUICK: RangeInclusive<i32> = -7..=4;

fn assert_same_frame(data: &[u8], level: i32, what: &str) {
    let mut expected = Vec::with_capacity(zstd_safe::compress_bound(data.len()));
    CCtx::create()
        .compress(&mut expected, data, level)
        .expect("room for the frame");
    // assert_eq! would fill the terminal with the vectors.
    assert!(compress(data, level) == expected, "{what}: level {level}");
    assert_eq!(
        compressed_size(data, level),
        expected.len(),
        "{what}: level {level}"
    );
}

fn assert_decodes(data: &[u8], level: i32, what: &str) {
    let frame = compress(data, level);
    let by_c = zstd::bulk::decompress(&frame, data.len()).expect("C libzstd reads the frame");
    assert!(by_c == data, "{what}: level {level}, C libzstd");
    let mut by_ruzstd = Vec::new();
    ruzstd::decoding::StreamingDecoder::new(&*frame)
        .expect("ruzstd reads the header")
        .read_to_end(&mut by_ruzstd)
        .expect("ruzstd reads the frame");
    assert!(by_ruzstd == data, "{what}: level {level}, ruzstd");
}

/// A stream of each kind that the format treats differently.
fn kinds() -> Vec<(&'static str, Vec<u8>)> {
    let mut rng = Rng::new(1);
    let mut random = |len| (0..len).map(|_| rng.bits() as u8).collect::<Vec<_>>();
    let ramp = |len: usize| {
        (0..len)
            .map(|at| (at / 7 % 40 + at % 3) as u8)
            .collect::<Vec<_>>()
    };
    vec![
        ("empty", vec![]),
        ("one byte", vec![7]),
        ("random", random(3000)),
        ("random, two blocks", random(140_000)),
        ("constant", vec![9; 300_000]),
        ("short constant", vec![9; 30]),
        ("just below a block", ramp((128 << 10) - 1)),
        ("a block", ramp(128 << 10)),
        ("just above a block", ramp((128 << 10) + 1)),
        ("two lengths of table", ramp((16 << 10) + 1)),
    ]
}

#[test]
fn the_reference_libzstd_has_the_expected_version() {
    assert_eq!(zstd_safe::version_string(), "1.5.7");
}

#[test]
fn every_level_writes_the_frame_of_libzstd() {
    for (what, data) in kinds() {
        for level in (-5..=22).chain([*LEVELS.start(), -1000, -100]) {
            assert_same_frame(&data, level, what);
        }
    }
}

#[test]
fn five_megabytes_make_the_frame_of_libzstd() {
    let pool = Pool::new(Vec::new());
    let mut data = Vec::new();
    let mut seed = 0;
    while data.len() < 5 << 20 {
        let mut more = Vec::new();
        pool.stream(seed, 1 << 20, &mut more);
        data.extend(more);
        seed += 1;
    }
    for level in QUICK {
        assert_same_frame(&data, level, "5 MB");
    }
}

#[test]
fn random_streams_make_the_frames_of_libzstd() {
    let pool = Pool::new(Vec::new());
    let mut data = Vec::new();
    for seed in 0..1500 {
        pool.stream(seed, 3 << 20, &mut data);
        let level = QUICK.start() + (seed % 12) as i32;
        assert_same_frame(
            &data,
            level,
            &format!("stream {seed}, {} bytes", data.len()),
        );
    }
}

#[test]
fn repeats_at_the_edge_of_the_window_make_the_frames_of_libzstd() {
    let mut rng = Rng::new(2);
    let unit: Vec<u8> = (0..(2 << 20) + 300)
        .map(|_| rng.bits() as u8 & 0x3F)
        .collect();
    for period in [(2 << 20) - 131_072, (2 << 20) - 9, 2 << 20, (2 << 20) + 1] {
        let data = [&unit[..period], &unit[..300_000]].concat();
        for level in 1..=4 {
            assert_same_frame(&data, level, &format!("period {period}"));
        }
    }
}

/// Level 22 also searches for long-distance repeats once the window is 128 MiB.
#[test]
fn over_64_megabytes_at_the_highest_level_make_the_frame_of_libzstd() {
    let mut rng = Rng::new(3);
    // Nearly all zeros, so that more positions begin alike than are examined, and only the long-distance search finds
    // the best match.
    let unit: Vec<u8> = (0..600_000)
        .map(|_| u8::from(rng.bits().is_multiple_of(40)))
        .collect();
    let mut data = Vec::with_capacity(66 << 20);
    while data.len() <= 65 << 20 {
        let from = rng.bits() as usize % 200_000;
        data.extend(&unit[from..]);
        data.extend((0..64).map(|_| rng.bits() as u8));
    }
    assert_same_frame(&data, 22, "65 MB");
}

#[test]
fn independent_decoders_restore_the_input() {
    for (what, data) in kinds() {
        for level in [-1000, -5, -1, 1, 2, 3, 4, 9, 19] {
            assert_decodes(&data, level, what);
        }
    }
    let pool = Pool::new(Vec::new());
    let mut data = Vec::new();
    for seed in 10_000..10_200 {
        pool.stream(seed, 1 << 20, &mut data);
        let level = QUICK.start() + (seed % 12) as i32;
        assert_decodes(&data, level, &format!("stream {seed}"));
    }
}
