//! A tar archive: its headers, long names and pax records, and the contents of its entries.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kvlens_fuzz::read_all(vec![("a.tar".to_owned(), data.to_vec())]);
});
