//! `model.safetensors.index.json`, which Hugging Face's libraries write beside shards: `weight_map` maps each tensor to
//! its shard.

use std::collections::BTreeMap;
use std::io::Read;

use serde::Deserialize;

use super::findings::Findings;
use super::spec::Format;
use crate::dump::archive::ListedFile;
use crate::dump::bytes::Limits;
use crate::dump::bytes::path::inner_path;
use crate::dump::problem::{Fault, Problem, shorten};

/// Indexes of shards.
pub(super) const FORMAT: Format = Format {
    label: "index of shards",
    names: &["*.index.json"],
    first_bytes: &[],
    read_head,
    parse,
};

fn read_head(reader: &mut dyn Read, size: u64, limits: &Limits) -> Result<Vec<u8>, Fault> {
    if size > limits.header_bytes {
        let expected = format!("at most {} bytes (--max-header-mb)", limits.header_bytes);
        return Err(Fault::field("size", format!("{size} bytes"), expected));
    }
    let mut bytes = Vec::new();
    reader.take(size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Records which files are shards of one, and reports missing ones.
fn parse(file: &ListedFile, head: &[u8], findings: &mut Findings) -> Result<(), Fault> {
    let index: Index = serde_json::from_slice(head)
        .map_err(|error| Fault::Broken(format!("not an index of shards: {error}")))?;
    let folder = file
        .path
        .rfind('/')
        .map_or("", |slash| &file.path[..=slash]);
    let whole = file.path.trim_end_matches(".index.json");
    let mut tensors: BTreeMap<&str, usize> = BTreeMap::new();
    for shard in index.weight_map.values() {
        *tensors.entry(shard).or_default() += 1;
    }
    for (shard, count) in tensors {
        let path = inner_path(shard).map(|inner| format!("{folder}{inner}"));
        match path.filter(|path| findings.files.contains_key(path)) {
            Some(path) => drop(findings.shards.insert(path, whole.to_owned())),
            None => {
                let found = format!("{:?}, which does not exist", shorten(shard));
                let expected = format!("the shard that holds {count} of its tensors");
                findings.problem(Problem::field(&file.path, "weight_map", found, expected));
            }
        }
    }
    Ok(())
}
