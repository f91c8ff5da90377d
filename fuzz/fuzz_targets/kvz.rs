//! A packed dump, as it is and with corrected checksums: its head and index, and the parts of every scheme.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let sealed = kvlens_fuzz::seal_kvz(data.to_vec());
    if sealed != data {
        kvlens_fuzz::read_all(vec![("a.kvz".to_owned(), data.to_vec())]);
    }
    kvlens_fuzz::read_all(vec![("a.kvz".to_owned(), sealed)]);
});
