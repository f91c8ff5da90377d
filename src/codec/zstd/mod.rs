//! One-shot zstd frames whose bytes equal libzstd 1.5.7's: content size in the header, no checksum, no dictionary.
//!
//! The encoder is the crate `zstd-pure-rs`, with one context kept per thread: a fresh one costs more than a 2 KB stream does.

use std::cell::RefCell;
use std::ops::RangeInclusive;

use zstd_pure_rs::compress::zstd_compress::{
    ZSTD_CCtx, ZSTD_compressBound, ZSTD_compressCCtx, ZSTD_createCCtx,
};

/// The levels that libzstd knows. 0 means its default, 3.
pub const LEVELS: RangeInclusive<i32> = -131_072..=22;

thread_local! {
    static WORKSPACE: RefCell<(Option<Box<ZSTD_CCtx>>, Vec<u8>)> = const { RefCell::new((None, Vec::new())) };
}

/// The zstd frame of `data` at `level`.
pub fn compress(data: &[u8], level: i32) -> Vec<u8> {
    with_frame(data, level, <[u8]>::to_vec)
}

/// The length in bytes of the zstd frame of `data` at `level`.
pub fn compressed_size(data: &[u8], level: i32) -> usize {
    with_frame(data, level, <[u8]>::len)
}

fn with_frame<T>(data: &[u8], level: i32, use_frame: impl FnOnce(&[u8]) -> T) -> T {
    WORKSPACE.with_borrow_mut(|(context, frame)| {
        let context =
            context.get_or_insert_with(|| ZSTD_createCCtx().expect("a context is plain memory"));
        frame.resize(ZSTD_compressBound(data.len()), 0);
        let size = ZSTD_compressCCtx(context, frame, data, level);
        use_frame(&frame[..size])
    })
}
