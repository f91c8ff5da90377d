//! A capture's meta_*.json, beside files of the size that it should state.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kvlens_fuzz::read_all(vec![
        ("r/layer_0/meta_t0_2.json".to_owned(), data.to_vec()),
        ("r/layer_0/k_t0_2.bin".to_owned(), vec![7; 16]),
        ("r/layer_0/v_t0_2.bin".to_owned(), vec![7; 16]),
    ]);
});
