//! A whole scan of a dump with many files and formats, valid except for what the input changes (see `edits`): two layers of a run in two
//! stages each, arrays as .npy and safetensors, and archives with their own captures. The first byte chooses which of the latter there are:
//! all of them together take several times as long as a few.
#![no_main]

use kvlens_fuzz::File;

const META: &str = include_str!("../../tests/data/tiny/meta_t0_2.json");

/// Files beside the captures, which are written out individually.
const OTHERS: [(&str, &[u8]); 7] = [
    (
        "arrays/k_0.npy",
        include_bytes!("../../tests/data/tiny/k_0.npy"),
    ),
    (
        "arrays/v_0.npy",
        include_bytes!("../../tests/data/tiny/v_0.npy"),
    ),
    (
        "a.safetensors",
        include_bytes!("../../tests/data/tiny/tiny.safetensors"),
    ),
    ("a.npz", include_bytes!("../../tests/data/tiny/tiny.npz")),
    ("a.zip", include_bytes!("../../tests/data/tiny/tiny.zip")),
    ("gnu.tar", include_bytes!("../../tests/data/tiny/gnu.tar")),
    ("pax.tar", include_bytes!("../../tests/data/tiny/pax.tar")),
];

/// The dump; `others` has a bit for each file of [`OTHERS`].
fn dump(others: u8) -> Vec<File> {
    let mut files = Vec::new();
    for layer in 0..2 {
        for (stage, start) in [("prefill", 0), ("decode", 2)] {
            let span = format!("t{start}_2");
            let meta = META
                .replace("\"layer_id\": 0", &format!("\"layer_id\": {layer}"))
                .replace("\"seq_start\": 0", &format!("\"seq_start\": {start}"))
                .replace("prefill", stage)
                .replace("t0_2", &span);
            let folder = format!("r/layer_{layer}");
            files.push((format!("{folder}/meta_{span}.json"), meta.into_bytes()));
            for tensor in ["k", "v"] {
                let values = (0..16).map(|byte| byte * 7 + layer).collect();
                files.push((format!("{folder}/{tensor}_{span}.bin"), values));
            }
        }
    }
    for (bit, (path, bytes)) in OTHERS.into_iter().enumerate() {
        if others >> bit & 1 == 1 {
            files.push((path.to_owned(), bytes.to_vec()));
        }
    }
    files
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&others, edits)) = data.split_first() else {
        return;
    };
    let mut files = dump(others);
    kvlens_fuzz::edit(&mut files, edits);
    kvlens_fuzz::read_all(files);
});
