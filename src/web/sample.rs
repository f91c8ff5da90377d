//! Takes a few tokens from all over a dump, for an estimate before the whole is measured.

use std::sync::Arc;

use serde::Deserialize;

use crate::analysis::Plan;
use crate::dump::{Capture, Dump};

/// Bytes of K and V that are taken in one place: enough that what a frame costs besides its values hardly counts, and few enough for
/// several places where there are many combinations.
const WINDOW: u64 = 256 << 10;
/// The same where there are so many combinations that one place is all.
const SMALLEST_WINDOW: u64 = 16 << 10;
/// Reading a byte takes this part of the time of measuring it, or less.
const READING: u64 = 4;

/// Size of a sample.
#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Sample {
    /// Tokens from evenly spaced places: at least from one, and about as many as make this amount of work, in bytes of K and V times
    /// combinations.
    Bytes(u64),
    /// All captures of this many evenly spaced layers, at least of one.
    Layers(usize),
}

impl Sample {
    /// Takes the sample from the captures that the plan covers.
    pub fn of(self, dump: &Dump, plan: &Plan) -> Dump {
        let all = plan.indices().map(|index| &dump.captures[index]);
        let captures = match self {
            Self::Bytes(bytes) => {
                let bytes = bytes / plan.combinations().max(1) as u64;
                windows(all, plan.bytes(), bytes)
            }
            Self::Layers(layers) => {
                let mut known = Vec::new();
                for layer in all.clone().map(layer) {
                    if known.last() != Some(&layer) && !known.contains(&layer) {
                        known.push(layer);
                    }
                }
                let kept = spread(&known, layers);
                all.filter(|capture| kept.contains(&layer(capture)))
                    .cloned()
                    .collect()
            }
        };
        let mut sample = dump.clone();
        sample.captures = captures;
        sample
    }
}

/// The run and the layer that a capture belongs to.
fn layer(capture: &Arc<Capture>) -> (&str, i64) {
    (&capture.run, capture.layer_id)
}

/// Takes about `wanted` of the `total` bytes of these captures, in windows that are evenly spaced in all their bytes, so that each capture
/// weighs what it weighs in the whole. Of a large capture these are some of its tokens; small captures are taken whole.
fn windows<'a>(
    captures: impl Iterator<Item = &'a Arc<Capture>>,
    total: u64,
    wanted: u64,
) -> Vec<Arc<Capture>> {
    if wanted >= total {
        return captures.cloned().collect();
    }
    let window = wanted.clamp(SMALLEST_WINDOW, WINDOW);
    // From the start of one window to that of the next.
    let step =
        (window as f64 * total as f64 / wanted.max(1) as f64).clamp(1.0, total as f64) as u64;
    let mut start = step.saturating_sub(window) / 2;
    let mut passed = 0;
    let mut taken = Vec::new();
    for capture in captures {
        let size = capture.bytes();
        let end = passed + size;
        let token = (size / capture.shape.seq_len.max(1) as u64).max(1);
        while start < end {
            let first = start.saturating_sub(passed) / token;
            let last = (start + window)
                .min(end)
                .saturating_sub(passed)
                .div_ceil(token);
            let part = capture.tokens(first as usize..last as usize);
            let read = part.as_ref().map_or(0, Capture::bytes_to_read);
            taken.extend(part.map(Arc::new));
            if start + window > end {
                break;
            }
            start += step * (read / READING / window).max(1);
        }
        passed = end;
    }
    taken
}

/// Takes `count` elements, at least one: the middle of each of `count` equal parts.
fn spread<T: Clone>(all: &[T], count: usize) -> Vec<T> {
    let count = count.clamp(1, all.len().max(1));
    (0..count)
        .filter_map(|part| all.get((2 * part + 1) * all.len() / (2 * count)).cloned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::{MemorySource, ScanOptions, Source, scan};

    #[test]
    fn a_sample_takes_the_middle_of_each_part_and_never_nothing() {
        let all: Vec<usize> = (0..12).collect();
        assert_eq!(spread(&all, 3), [2, 6, 10]);
        assert_eq!(spread(&all, 0), [6]);
        assert_eq!(spread(&all, 99), all);
        assert_eq!(spread(&all[..0], 3), [0; 0]);
    }

    /// A prefill of `tokens` tokens, then single ones, of two layers. A token of K and V has 1,024 bytes.
    fn dump(tokens: usize, single: usize) -> Dump {
        let meta = |seq_start: usize, seq_len: usize, layer: usize| {
            serde_json::json!({
                "layer_id": layer, "seq_start": seq_start, "seq_len": seq_len, "kv_heads": 2, "head_dim": 128, "bytes_per_elem": 2,
                "dtype": "fp16", "stage": "prefill", "k_file": format!("k{seq_start}.bin"), "v_file": format!("k{seq_start}.bin"),
            })
            .to_string()
        };
        let mut files = Vec::new();
        for layer in 0..2 {
            let all = std::iter::once((0, tokens)).chain((0..single).map(|n| (tokens + n, 1)));
            for (seq_start, seq_len) in all {
                let name = |kind: &str| format!("run/layer_{layer}/{kind}{seq_start}");
                let bytes: Vec<u8> = (seq_start..seq_start + seq_len)
                    .flat_map(|token| [token as u8; 512])
                    .collect();
                files.push((name("k") + ".bin", bytes));
                files.push((
                    name("meta_t") + ".json",
                    meta(seq_start, seq_len, layer).into_bytes(),
                ));
            }
        }
        let source: Arc<dyn Source> = Arc::new(MemorySource::new(files));
        scan(&source, &ScanOptions::default())
    }

    fn windows_of(dump: &Dump, wanted: u64) -> Vec<Arc<Capture>> {
        let total = dump.captures.iter().map(|capture| capture.bytes()).sum();
        windows(dump.captures.iter(), total, wanted)
    }

    #[test]
    fn windows_make_what_was_asked_for_and_weigh_prefill_and_single_tokens_as_the_dump_does() {
        let dump = dump(3000, 1000);
        let taken = windows_of(&dump, 2 << 20);
        let bytes = |short: bool| -> u64 {
            let is_it = |capture: &&Arc<Capture>| (capture.shape.seq_len == 1) == short;
            taken
                .iter()
                .filter(is_it)
                .map(|capture| capture.bytes())
                .sum()
        };
        let (long, short) = (bytes(false), bytes(true));
        assert!(
            (long + short).abs_diff(2 << 20) < WINDOW,
            "{long} + {short}"
        );
        assert!(short.abs_diff(long / 3) < WINDOW, "{long} + {short}");
        assert!(
            taken
                .iter()
                .any(|capture| capture.layer_id == 0 && capture.seq_start > 1000)
        );
        assert_eq!(windows_of(&dump, 1 << 30).len(), dump.captures.len());
        // However little is asked for, it is something.
        let little = windows_of(&dump, 0);
        let little: u64 = little.iter().map(|capture| capture.bytes()).sum();
        assert!((1..2 * SMALLEST_WINDOW).contains(&little), "{little}");
    }

    #[test]
    fn a_window_holds_the_tokens_it_says() {
        let dump = dump(3000, 10);
        for window in windows_of(&dump, 1 << 20) {
            let loaded = window.fetch().and_then(|fetched| fetched.decode()).unwrap();
            let first = loaded.k.bytes()[0];
            assert_eq!(first, window.seq_start as u8);
            assert_eq!(
                loaded.v.bytes()[loaded.v.bytes().len() - 1],
                (window.seq_start as usize + window.shape.seq_len - 1) as u8
            );
        }
    }
}
