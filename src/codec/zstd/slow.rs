//! The strategies that are not written here, through the crate `zstd-pure-rs`.

use zstd_pure_rs::compress::zstd_compress::{
    ZSTD_CCtx, ZSTD_compressBound, ZSTD_compressCCtx, ZSTD_createCCtx,
};

/// A context, which costs more to make than a small source to compress, and room for a frame.
pub(super) struct Coder {
    context: Box<ZSTD_CCtx>,
    frame: Vec<u8>,
}

impl Coder {
    pub(super) fn new() -> Self {
        Self {
            context: ZSTD_createCCtx().expect("a context is plain memory"),
            frame: Vec::new(),
        }
    }

    pub(super) fn encode(&mut self, source: &[u8], level: i32) -> &[u8] {
        self.frame.resize(ZSTD_compressBound(source.len()), 0);
        let size = ZSTD_compressCCtx(&mut self.context, &mut self.frame, source, level);
        &self.frame[..size]
    }
}
