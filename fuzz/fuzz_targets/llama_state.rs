//! What stands behind the magic number of a state of llama.cpp, of a sequence and of a session.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    for magic in [b"qsgg", b"nsgg"] {
        let state = [&magic[..], data].concat();
        kvlens_fuzz::read_all_as(vec![("a.bin".to_owned(), state)], r#"{"axes":"seq,dim"}"#);
    }
});
