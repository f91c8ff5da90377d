//! One-shot zstd frames that are byte-identical to libzstd 1.5.7's: content size in the header, no checksum, no
//! dictionary.
//!
//! The strategies *fast* and *dfast* (levels up to 4, except level 4 for small sources) are implemented here, over a
//! `sink` that collects a frame or only counts it: a report needs sizes, and a size needs no bit written. Their
//! decisions, and so each byte, follow libzstd by Yann Collet and contributors (BSD-3-Clause,
//! <https://github.com/facebook/zstd>); the format is RFC 8878. The slower strategies are those of the crate
//! `zstd-pure-rs`.
//!
//! From a source to its frame: `params` → `frame` → (`split`) → `block` → `fast` or `double_fast` on `finder` →
//! `literals` (`huffman`, `huffman_tree`, `histogram`) and `sequences` (`fse`).

mod block;
mod double_fast;
mod fast;
mod finder;
mod frame;
mod fse;
mod histogram;
mod huffman;
mod huffman_code;
mod huffman_tree;
mod limits;
mod literals;
mod params;
mod sequences;
mod sink;
mod slow;
mod split;

pub use limits::LEVELS;

use std::cell::RefCell;

use params::Params;
use sink::{Counter, Sink};

/// Buffers that a thread keeps between sources.
#[derive(Default)]
struct Workspace {
    quick: Option<block::Coder>,
    slow: Option<slow::Coder>,
}

thread_local! {
    static WORKSPACE: RefCell<Workspace> = const { RefCell::new(Workspace { quick: None, slow: None }) };
}

/// Compresses `data` to a zstd frame at `level`.
pub fn compress(data: &[u8], level: i32) -> Vec<u8> {
    encode(data, level, Vec::new(), <[u8]>::to_vec)
}

/// Size in bytes of the zstd frame that [`compress`] makes.
pub fn compressed_size(data: &[u8], level: i32) -> usize {
    encode(data, level, Counter::default(), |frame| {
        let mut counter = Counter::default();
        counter.push(frame);
        counter
    })
    .len()
}

/// Fills a sink, or makes one from the frame that `zstd-pure-rs` writes.
fn encode<S: Sink>(data: &[u8], level: i32, mut sink: S, from_frame: impl FnOnce(&[u8]) -> S) -> S {
    WORKSPACE.with_borrow_mut(|workspace| match Params::new(level, data.len()) {
        Some(params) => {
            let coder = workspace.quick.get_or_insert_with(block::Coder::new);
            frame::encode(data, &params, coder, &mut sink);
            sink
        }
        None => from_frame(
            workspace
                .slow
                .get_or_insert_with(slow::Coder::new)
                .encode(data, level),
        ),
    })
}
