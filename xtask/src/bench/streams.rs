//! The distinct streams that an analysis with its defaults gives to zstd, for one capture.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use kvlens::codec::{delta, split};
use kvlens::dump::Loaded;
use kvlens::lossy::{Blocks, Clipping, clip, quantize, truncate};
use kvlens::tensor::Tensor;

/// The streams; none where the analysis leaves the layer out.
pub fn of(analysis: &str, layer_id: i64, loaded: &Loaded) -> Vec<Vec<u8>> {
    let lossless = layer_id < 2;
    let mut streams = Vec::new();
    for tensor in [&loaded.k, &loaded.v] {
        let stored = |size: usize, bits: u32| Blocks::new(tensor, size).store(tensor, bits);
        let tensors: Vec<Tensor> = match analysis {
            "mixed" if lossless => vec![tensor.clone()],
            "mixed" => vec![truncate(tensor, 6)],
            _ if lossless => Vec::new(),
            "blocknorm" => vec![stored(64, 10)],
            "sweep" => [(64, 8), (64, 10), (128, 8), (128, 10), (256, 8), (256, 10)]
                .map(|(size, bits)| stored(size, bits))
                .into(),
            _ => {
                let clips = [Clipping::Percentiles(1.0, 99.0), Clipping::Sigma(3.0)]
                    .map(|clipping| clip(tensor, clipping));
                let quantized = clips.each_ref().map(|clipped| quantize(clipped, 8));
                clips
                    .into_iter()
                    .chain(quantized)
                    .chain([quantize(tensor, 8)])
                    .collect()
            }
        };
        for tensor in &tensors {
            let (mut hi, lo) = split(tensor);
            delta(&mut hi, tensor.dtype(), tensor.shape());
            streams.extend([hi, lo]);
        }
    }
    let mut seen = HashSet::new();
    streams.retain(|stream| {
        let mut hasher = DefaultHasher::new();
        stream.hash(&mut hasher);
        seen.insert(hasher.finish())
    });
    streams
}
