//! A .npy file of keys beside a valid one of values: its header, and how the two are paired.
#![no_main]

const VALUES: &[u8] = include_bytes!("../../tests/data/tiny/v_0.npy");

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kvlens_fuzz::read_all(vec![
        ("k_0.npy".to_owned(), data.to_vec()),
        ("v_0.npy".to_owned(), VALUES.to_vec()),
    ]);
});
