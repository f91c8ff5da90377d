//! The opcodes of a pickle.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let pickle = [&b"\x80\x02"[..], data].concat();
    kvlens_fuzz::read_all(vec![("a.pkl".to_owned(), pickle)]);
});
