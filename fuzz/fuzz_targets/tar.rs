//! A tar archive: its headers, long names and pax records, and what the entries hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kvlens_fuzz::read_all(vec![("a.tar".to_owned(), data.to_vec())]);
});
