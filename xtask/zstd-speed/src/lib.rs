//! Our zstd as a wasm module with nothing else to call, so that its speed can be told from the page's.
#![allow(
    unsafe_code,
    reason = "exports under their own names, which is all of it"
)]

use std::cell::RefCell;

use kvlens::codec::zstd::compressed_size;

thread_local! {
    static STREAMS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The address of `len` bytes, to write all streams to, one after the other.
#[unsafe(no_mangle)]
pub extern "C" fn room(len: usize) -> *mut u8 {
    STREAMS.with_borrow_mut(|streams| {
        streams.resize(len, 0);
        streams.as_mut_ptr()
    })
}

/// The length of the frame at `level` of the `len` bytes from `start` on.
///
/// # Panics
/// When there are no such bytes.
#[unsafe(no_mangle)]
pub extern "C" fn size(start: usize, len: usize, level: i32) -> usize {
    STREAMS.with_borrow(|streams| compressed_size(&streams[start..start + len], level))
}
