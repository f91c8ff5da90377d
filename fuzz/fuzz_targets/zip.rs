//! A zip archive: its directory, stored and deflated entries, and their contents.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kvlens_fuzz::read_all(vec![("a.zip".to_owned(), data.to_vec())]);
});
