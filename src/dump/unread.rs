//! Files that no format reads: how many there are of each extension, and advice on those that may hold a cache.

use std::collections::BTreeMap;

use serde::Serialize;

use super::bytes::path::{file_name, is_system_file};
use super::problem::{Fault, Problem};

/// Files with one extension that no format reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct OtherFiles {
    /// Extension in lower case, with the dot; empty for names without one.
    pub ending: String,
    /// Number of such files.
    pub count: usize,
    /// Path of the first such file.
    pub example: String,
}

/// Files that kvlens itself writes: a report folder inside a dump is not part of the dump.
const REPORTS: [&str; 13] = [
    "mixed_layer_metrics.csv",
    "lossy_error_metrics.csv",
    "mixed_summary.md",
    "blocknorm_metrics.csv",
    "blocknorm_summary.md",
    "blocknorm_sweep.csv",
    "blocknorm_best.md",
    "lossy_compare.csv",
    "lossy_compare_summary.md",
    "explore.csv",
    "explore_front.csv",
    "explore_layers.csv",
    "explore_summary.md",
];

/// Counts the files at `paths`, which no format reads, by extension.
pub(super) fn count<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<OtherFiles> {
    let mut kinds: BTreeMap<String, OtherFiles> = BTreeMap::new();
    for path in paths {
        let name = file_name(path);
        let of_the_system = matches!(name, ".DS_Store" | "Thumbs.db" | "desktop.ini");
        if is_system_file(name) || of_the_system || REPORTS.contains(&name) {
            continue;
        }
        let ending = ending(name);
        let kind = kinds.entry(ending.clone()).or_insert_with(|| OtherFiles {
            ending,
            count: 0,
            example: path.to_owned(),
        });
        kind.count += 1;
    }
    kinds.into_values().collect()
}

/// Extension of a name in lower case, with the dot.
fn ending(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && ending.len() <= 12 => {
            format!(".{}", ending.to_ascii_lowercase())
        }
        _ => String::new(),
    }
}

/// Whether there is advice on files with this file's extension.
pub(super) fn is_known(path: &str) -> bool {
    what_to_do(&ending(file_name(path))).is_some()
}

/// A problem, with advice, for each extension whose files may hold a cache.
pub(super) fn may_be_caches(kinds: &[OtherFiles]) -> Vec<Problem> {
    let problem = |kind: &OtherFiles| {
        let what = what_to_do(&kind.ending)?;
        let more = match kind.count {
            1 => String::new(),
            count => format!(" (and {} more {} files)", count - 1, kind.ending),
        };
        Some(Problem::new(
            &kind.example,
            Fault::Broken(format!("not read{more}: {what}")),
        ))
    };
    kinds.iter().filter_map(problem).collect()
}

fn what_to_do(ending: &str) -> Option<&'static str> {
    Some(match ending {
        ".pkl" | ".pickle" | ".joblib" => {
            "it does not start as a pickle of protocol 2 or later does: dump it with protocol 4, and with joblib without compress, or save \
             K and V with torch.save or numpy.savez"
        }
        ".bin" | ".raw" | ".dat" | ".data" | ".pt" | ".pth" | ".ckpt" | ".slot" | ".kv" => {
            "it starts like no file that opens and may hold raw values, as the pages of LMCache and of SGLang's HiCache do; shape and type \
             are not in them: name K and V, shape and type in a meta_*.json beside it, or save them as .npy or .safetensors \
             (numpy.fromfile(path, \"float16\").reshape(...))"
        }
        ".gguf" | ".ggml" => {
            "it holds a model's weights and no cache; llama.cpp writes a cache with --slot-save-path, or \
             llama_state_seq_save_file"
        }
        ".h5" | ".hdf5" | ".zarr" | ".parquet" | ".arrow" | ".msgpack" | ".mat" | ".pb" => {
            "a format that is not read; save K and V of each layer as .npz or .safetensors"
        }
        ".7z" | ".rar" | ".lz4" | ".lzma" | ".br" | ".z" => {
            "packed in a way that is not read; unpack it, or pack it as .zip, .tar.gz or .tar.zst"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_files_are_counted_by_ending() {
        let paths = [
            "a/x.PT",
            "b/y.pt",
            "log",
            ".hidden",
            "._m.pt",
            ".DS_Store",
            "a/n.md",
        ];
        let kinds = count(paths.into_iter());
        let found: Vec<(&str, usize, &str)> = kinds
            .iter()
            .map(|kind| (kind.ending.as_str(), kind.count, kind.example.as_str()))
            .collect();
        assert_eq!(
            found,
            [("", 2, "log"), (".md", 1, "a/n.md"), (".pt", 2, "a/x.PT")]
        );
        let problems = may_be_caches(&kinds);
        assert_eq!(problems.len(), 1);
        let text = problems[0].to_string();
        assert!(
            text.starts_with("a/x.PT: not read (and 1 more .pt files): "),
            "{text}"
        );
    }
}
