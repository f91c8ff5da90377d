//! A safetensors file: its JSON header, and the tensors that it names.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kvlens_fuzz::read_all(vec![("a.safetensors".to_owned(), data.to_vec())]);
});
