//! The lesson's and the pictures' figures of the sample, as the page shows them. `tests/browser/lesson.test.js`
//! compares the page's figures with the same file.

use std::path::Path;

use kvlens::inspect::{Lesson, LessonRequest, Method, TensorPicture};
use kvlens::tensor::{Dtype, Shape, Tensor};
use serde::Serialize;
use serde_json::{Value, json};

const LAYER: &str = "sample-dump/dumps/prompt_128/layer_14";

fn data(path: &str) -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(path);
    std::fs::read(file).unwrap()
}

fn tensor(name: &str) -> Tensor {
    let shape = Shape {
        seq_len: 128,
        kv_heads: 3,
        head_dim: 64,
    };
    Tensor::new(Dtype::F16, shape, data(&format!("{LAYER}/{name}"))).unwrap()
}

fn lesson(tensor: &Tensor, method: Method, bits: u32) -> Value {
    let request = LessonRequest {
        token: 40,
        head: 1,
        method,
        bits,
        level: 3,
    };
    as_sent(&Lesson::of(tensor, request).unwrap())
}

/// As the page receives it: through JSON, where an f32 is written as its shortest decimal.
fn as_sent(figures: &impl Serialize) -> Value {
    serde_json::from_str(&serde_json::to_string(figures).unwrap()).unwrap()
}

#[test]
fn figures_of_the_sample_equal_the_stored_ones() {
    let (k, v) = (tensor("k_t0_128.bin"), tensor("v_t0_128.bin"));
    let now = json!({
        "lossless": lesson(&k, Method::None, 0),
        "truncate": lesson(&k, Method::Truncate, 6),
        "quant": lesson(&v, Method::Quant, 8),
        "k": as_sent(&TensorPicture::of(&k, 3)),
        "v": as_sent(&TensorPicture::of(&v, 3)),
    });
    let on_file: Value = serde_json::from_slice(&data("inspect-layer-14.json")).unwrap();
    for (name, figures) in now.as_object().unwrap() {
        assert_eq!(figures, &on_file[name], "{name}");
    }
}
