//! A frame (RFC 8878, section 3.1.1): header, blocks.

use super::block::Coder;
use super::limits::FULL_BLOCK;
use super::params::Params;
use super::sink::Sink;
use super::split;

const MAGIC_NUMBER: u32 = 0xFD2F_B528;

/// Log2 of the smallest window size that the header can express.
const WINDOW_LOG_BASE: u32 = 10;

/// A full block may be split once the blocks before have saved this many bytes.
const MIN_SAVINGS: i64 = 3;

/// Writes the frame of `source`.
pub(super) fn encode<S: Sink>(source: &[u8], params: &Params, coder: &mut Coder, sink: &mut S) {
    write_header(source.len(), params, sink);
    if source.is_empty() {
        // An empty raw block marked as the last one.
        sink.push(&[1, 0, 0]);
        return;
    }
    coder.start_frame(params, source.len());
    let mut savings = 0;
    let mut start = 0;
    while start < source.len() {
        let rest = &source[start..];
        let len = match rest.first_chunk::<FULL_BLOCK>() {
            Some(block) if savings >= MIN_SAVINGS => {
                split::homogeneous_length(block, params.strategy)
            }
            _ => rest.len().min(FULL_BLOCK),
        };
        let before = sink.len();
        coder.encode(source, start, start + len, params, sink);
        savings += len as i64 - (sink.len() - before) as i64;
        start += len;
    }
}

fn write_header<S: Sink>(len: usize, params: &Params, sink: &mut S) {
    sink.push(&MAGIC_NUMBER.to_le_bytes());
    let single_segment = len <= params.window();
    let len = len as u64;
    let (code, size_field, size_len) = match len {
        0..256 => (0, len, usize::from(single_segment)),
        256..65_792 => (1, len - 256, 2),
        65_792..0xFFFF_FFFF => (2, len, 4),
        _ => (3, len, 8),
    };
    sink.push(&[code << 6 | u8::from(single_segment) << 5]);
    if !single_segment {
        sink.push(&[((params.window_log - WINDOW_LOG_BASE) << 3) as u8]);
    }
    sink.push(&size_field.to_le_bytes()[..size_len]);
}
