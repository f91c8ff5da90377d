//! A packed_meta_*.json of MNN's buffers, beside files of the size that it should state.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kvlens_fuzz::read_all(vec![
        ("r/layer_0/packed_meta_t0_3.json".to_owned(), data.to_vec()),
        ("r/layer_0/packed_k.bin".to_owned(), vec![7; 32]),
        ("r/layer_0/packed_v.bin".to_owned(), vec![7; 32]),
    ]);
});
