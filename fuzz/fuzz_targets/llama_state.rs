//! llama.cpp's state, sequence and session files, after the magic number.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    for magic in [b"qsgg", b"nsgg"] {
        let state = [&magic[..], data].concat();
        kvlens_fuzz::read_all_as(vec![("a.bin".to_owned(), state)], r#"{"axes":"seq,dim"}"#);
    }
});
