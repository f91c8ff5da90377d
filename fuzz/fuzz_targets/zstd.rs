//! The zstd encoder against C libzstd: frames are equal, sizes counted without writing are right, and another decoder restores the input.
//! The first two bytes choose the level and how often the rest is repeated, so that long matches occur.
#![no_main]

use std::io::Read;

use kvlens::codec::zstd::{compress, compressed_size};
use zstd::zstd_safe::{CCtx, compress_bound};

/// Largest size after repeating, at levels of the own encoder: more than two blocks.
const MAX_BYTES: usize = 300_000;
/// Largest size at the other levels, whose search is slow.
const MAX_BYTES_SLOW: usize = 16_000;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let [level, times, rest @ ..] = data else {
        return;
    };
    let level = match level % 32 {
        level @ 0..=21 => i32::from(level) + 1,
        level => -(1 << (level - 22)),
    };
    let most = if level <= 4 {
        MAX_BYTES
    } else {
        MAX_BYTES_SLOW
    };
    let times = (usize::from(*times) + 1).min(most / rest.len().max(1) + 1);
    let mut stream = rest.repeat(times);
    stream.truncate(most);
    let mut expected = Vec::with_capacity(compress_bound(stream.len()));
    CCtx::create()
        .compress(&mut expected, &stream, level)
        .expect("room for the frame");
    let frame = compress(&stream, level);
    assert!(frame == expected, "level {level}: not the frame of libzstd");
    assert_eq!(
        compressed_size(&stream, level),
        frame.len(),
        "level {level}"
    );
    let mut decoded = Vec::new();
    ruzstd::decoding::StreamingDecoder::new(&*frame)
        .expect("a frame's header")
        .read_to_end(&mut decoded)
        .expect("a frame");
    assert!(
        decoded == stream,
        "level {level}: another decoder reads other bytes"
    );
});
