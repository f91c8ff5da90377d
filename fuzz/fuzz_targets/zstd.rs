//! The zstd encoder against C libzstd: frames are equal, sizes counted without writing are right, and another decoder restores the input.
//! The first two bytes choose the level and how often the rest is repeated, so that long matches occur.
#![no_main]

use std::io::Read;

use kvlens::codec::zstd::{compress, compressed_size};
use zstd::zstd_safe::{CCtx, compress_bound};

/// Largest size after repeating, at levels of the own encoder: more than two blocks.
const MAX_BYTES: usize = 300_000;
/// Largest size at the other levels, whose search is slow.
const MAX_BYTES_SLOW: usize = 2_000;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let [level, times, rest @ ..] = data else {
        return;
    };
    // Seven of eight are levels of the own encoder: that is where the unchecked reads are, and it is faster.
    let level = match (level / 32, level % 32) {
        (0, level) => 5 + i32::from(level % 18),
        (_, level @ 0..=15) => 1 + i32::from(level % 4),
        (_, level) => -(1 << (level - 16)),
    };
    let most = if level <= 4 {
        MAX_BYTES
    } else {
        MAX_BYTES_SLOW
    };
    let times = (usize::from(*times) + 1).min(most / rest.len().max(1) + 1);
    let mut stream = rest.repeat(times);
    stream.truncate(most);
    // Without spare room, in which the address sanitizer would not see a read past the end.
    let stream = stream.into_boxed_slice();
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
        *decoded == *stream,
        "level {level}: another decoder reads other bytes"
    );
});
