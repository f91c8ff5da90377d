//! A file of torch.save: the zip format, the older stream format, or a lone pickle.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kvlens_fuzz::read_all(vec![("a.pt".to_owned(), data.to_vec())]);
});
