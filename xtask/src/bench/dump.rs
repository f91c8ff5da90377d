//! A generated fp16 dump that resembles a real one: heavy-tailed channels, K with an offset per channel, values
//! correlated along the tokens. The same seed gives the same bytes.

use std::fs;
use std::path::Path;

use anyhow::Result;
use kvlens::tensor::f32_to_f16;

const HEADS: usize = 8;
const HEAD_DIM: usize = 128;
const CHANNELS: usize = HEADS * HEAD_DIM;
const PREFILL: usize = 2048;
const DECODE: usize = 32;

/// Writes about `megabytes` MB of captures to `folder` unless they exist: per layer, a prefill of 8 MB and some decode
/// steps.
///
/// # Errors
/// When a file can't be written.
pub fn generate(folder: &Path, megabytes: usize) -> Result<()> {
    let done = folder.join("done");
    if done.exists() {
        return Ok(());
    }
    let layer_bytes = (PREFILL + DECODE) * CHANNELS * 2 * 2;
    for layer in 0..(megabytes * 1_000_000).div_ceil(layer_bytes) {
        write_layer(&folder.join(format!("generated/layer_{layer}")), layer)?;
    }
    Ok(fs::write(done, "")?)
}

fn write_layer(folder: &Path, layer: usize) -> Result<()> {
    fs::create_dir_all(folder)?;
    let mut k = Channels::new(2 * layer as u64, 0.9, 1.0);
    let mut v = Channels::new(2 * layer as u64 + 1, 0.3, 0.0);
    for step in 0..=DECODE {
        let (start, length) = if step == 0 {
            (0, PREFILL)
        } else {
            (PREFILL + step - 1, 1)
        };
        let (end, stage) = (start + length, if step == 0 { "prefill" } else { "decode" });
        let name = |kind: &str| format!("{kind}_t{start}_{end}");
        fs::write(folder.join(name("k") + ".bin"), k.tokens(length))?;
        fs::write(folder.join(name("v") + ".bin"), v.tokens(length))?;
        let meta = serde_json::json!({
            "layer_id": layer, "seq_start": start, "seq_len": length, "seq_end_exclusive": end, "kv_heads": HEADS,
            "head_dim": HEAD_DIM, "bytes_per_elem": 2, "dtype": "fp16", "stage": stage, "run_id": "generated",
            "k_file": name("k") + ".bin", "v_file": name("v") + ".bin",
        });
        fs::write(folder.join(name("meta") + ".json"), meta.to_string())?;
    }
    Ok(())
}

/// A tensor's channels: each has a scale and an offset, and continues from its last value.
struct Channels {
    random: Random,
    scale: Vec<f32>,
    offset: Vec<f32>,
    last: Vec<f32>,
    memory: f32,
}

impl Channels {
    fn new(seed: u64, memory: f32, offset: f32) -> Self {
        let mut random = Random(seed);
        let scale: Vec<f32> = (0..CHANNELS)
            .map(|_| 0.3 * (0.8 * random.normal()).exp())
            .collect();
        let offset = scale
            .iter()
            .map(|scale| offset * 3.0 * scale * random.normal())
            .collect();
        Self {
            random,
            scale,
            offset,
            last: vec![0.0; CHANNELS],
            memory,
        }
    }

    fn tokens(&mut self, count: usize) -> Vec<u8> {
        let fresh = (1.0 - self.memory * self.memory).sqrt();
        let mut bytes = Vec::with_capacity(count * CHANNELS * 2);
        for _ in 0..count {
            for channel in 0..CHANNELS {
                let last = &mut self.last[channel];
                *last = self.memory * *last + fresh * self.random.normal();
                let value = self.offset[channel] + self.scale[channel] * *last;
                bytes.extend(f32_to_f16(value).to_le_bytes());
            }
        }
        bytes
    }
}

/// splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Approximately normal: the sum of eight uniform 16-bit numbers.
    fn normal(&mut self) -> f32 {
        let (a, b) = (self.next(), self.next());
        let uniform =
            |bits: u64, place: u32| ((bits >> (16 * place)) & 0xffff) as f32 / 65_536.0 - 0.5;
        let sum: f32 = (0..4)
            .map(|place| uniform(a, place) + uniform(b, place))
            .sum();
        sum * (12.0_f32 / 8.0).sqrt()
    }
}
