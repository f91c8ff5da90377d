//! A zip archive: its directory, entries stored and deflated, and what they hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kvlens_fuzz::read_all(vec![("a.zip".to_owned(), data.to_vec())]);
});
