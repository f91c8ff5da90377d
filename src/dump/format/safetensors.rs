//! The header of a `.safetensors` file: 8 bytes of length, then JSON of name -> dtype, shape, offsets.
//! Read entry by entry, so that one bad tensor is reported and the others remain; the tensors stay slices of the file.

use std::collections::HashMap;
use std::fmt;
use std::io::Read;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::findings::Findings;
use super::spec::Format;
use super::{mlx_cache, stored_captures, stored_queries};
use crate::dump::archive::ListedFile;
use crate::dump::arrays::array::{
    Array, ArrayGroup, Element, Hints, MAX_AXES, shape_bytes, shape_text,
};
use crate::dump::bytes::Limits;
use crate::dump::problem::{Fault, Problem, Problems, shorten};
use crate::tensor::Dtype;

/// Hugging Face's files of named tensors.
pub(super) const FORMAT: Format = Format {
    label: "safetensors file",
    names: &["*.safetensors"],
    first_bytes: &[],
    read_head: read_header,
    parse,
};

const LEN: u64 = 8;

fn broken(why: impl fmt::Display) -> Fault {
    Fault::Broken(format!("not a whole .safetensors file: {why}"))
}

/// Reads the header: its length and its JSON.
fn read_header(reader: &mut dyn Read, size: u64, limits: &Limits) -> Result<Vec<u8>, Fault> {
    let mut head = vec![0; LEN as usize];
    reader
        .read_exact(&mut head)
        .map_err(|error| Fault::of_read(error, broken("it ends in its header")))?;
    let len = head
        .iter()
        .rev()
        .fold(0, |len, &byte| len << 8 | u64::from(byte));
    if len > size.saturating_sub(LEN) {
        return Err(Fault::field(
            "header",
            format!("{len} bytes"),
            format!("at most the {size} bytes of the file"),
        ));
    }
    if len > limits.header_bytes {
        return Err(Fault::field(
            "header",
            format!("{len} bytes"),
            format!("at most {} (--max-header-mb)", limits.header_bytes),
        ));
    }
    if (reader.take(len).read_to_end(&mut head)? as u64) < len {
        return Err(broken("it ends in its header"));
    }
    Ok(head)
}

/// Adds the tensors of `file`, whose header is `head`; bad ones become problems.
fn parse(file: &ListedFile, head: &[u8], findings: &mut Findings) -> Result<(), Fault> {
    let problems = &mut findings.problems;
    let json = head.get(LEN as usize..).unwrap_or_default();
    let invalid = |error| broken(format!("its header is not valid: {error}"));
    let (EntryCount(count), most) = (
        serde_json::from_slice(json).map_err(invalid)?,
        findings.limits.tensors,
    );
    if count > most {
        let expected = format!("at most {most} (--max-tensors)");
        return Err(Fault::field("header", format!("{count} tensors"), expected));
    }
    let header: Header<'_> = serde_json::from_slice(json).map_err(invalid)?;
    let mut arrays: Vec<(u64, Array)> = Vec::new();
    let mut metadata: HashMap<String, String> = HashMap::new();
    let mut seen = std::collections::HashSet::new();
    for (name, value) in header.0 {
        let named = format!("{}/{}", file.path, shorten(&name));
        if name == "__metadata__" {
            metadata = serde_json::from_str(value.get()).unwrap_or_default();
        } else if !seen.insert(name.clone()) {
            problems.push(Problem::new(named, Fault::Twice("name")));
        } else {
            match array(file, head.len() as u64, name, value) {
                Ok(array) => arrays.push(array),
                Err(fault) => problems.push(Problem::new(named, fault)),
            }
        }
    }
    refuse_overlaps(&mut arrays, problems);
    let arrays = arrays.into_iter().map(|(_, array)| array).collect();
    if let Some(cache) = mlx_cache::Metadata::of(&metadata) {
        let group = mlx_cache::group(file, arrays, &cache, findings);
        findings.groups.push(group);
        return Ok(());
    }
    let mut group = ArrayGroup {
        path: file.path.clone(),
        arrays,
        hints: Hints::default(),
    };
    let queries = stored_queries::take(&mut group, &metadata, problems);
    findings.queries.extend(queries);
    match metadata.get(stored_captures::KEY) {
        Some(json) => {
            let captures = stored_captures::captures(&group, json, problems);
            findings.captures.extend(captures);
        }
        None => findings.groups.push(group),
    }
    Ok(())
}

/// Number of entries, counted before any is kept.
struct EntryCount(usize);

impl<'de> Deserialize<'de> for EntryCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = usize;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<usize, A::Error> {
                let mut count = 0;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(count)
            }
        }
        deserializer.deserialize_map(Entries).map(Self)
    }
}

/// Entries in file order, including duplicates.
struct Header<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Header<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_map(Entries).map(Self)
    }
}

#[derive(Deserialize)]
struct Info {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

/// A tensor, with the offset of its first byte.
fn array(
    file: &ListedFile,
    data: u64,
    name: String,
    value: &RawValue,
) -> Result<(u64, Array), Fault> {
    let info: Info =
        serde_json::from_str(value.get()).map_err(|error| Fault::Broken(error.to_string()))?;
    let Info {
        dtype,
        shape,
        data_offsets: (begin, end),
    } = info;
    if shape.len() > MAX_AXES {
        return Err(Fault::field(
            "shape",
            format!("{} axes", shape.len()),
            format!("at most {MAX_AXES}"),
        ));
    }
    let element = match dtype.as_str() {
        "F16" => Element::Known(Dtype::F16),
        "BF16" => Element::Known(Dtype::Bf16),
        "F32" => Element::Known(Dtype::F32),
        "F8_E4M3" => Element::Known(Dtype::E4m3),
        "F8_E5M2" => Element::Known(Dtype::E5m2),
        "U16" | "I16" => Element::Bits16,
        other => Element::Other(shorten(other)),
    };
    let available = file.span.len() - data.min(file.span.len());
    let offsets = format!("{begin}..{end}");
    let len = end.checked_sub(begin).filter(|_| end <= available);
    let len = len.ok_or_else(|| {
        Fault::field(
            "data_offsets",
            &offsets,
            format!("a range within the {available} bytes of data"),
        )
    })?;
    if let Some(size) = element.size() {
        let text = shape_text(&shape);
        match shape_bytes(&shape, size) {
            None => return Err(Fault::field("shape", text, "a size that fits in 64 bits")),
            Some(expected) if expected != len => {
                let expected = format!("{expected} bytes for {dtype} {text}");
                return Err(Fault::field(
                    "data_offsets",
                    format!("{offsets}, so {len} bytes"),
                    expected,
                ));
            }
            Some(_) => {}
        }
    }
    let span = file
        .span
        .part(data + begin, len)
        .ok_or_else(|| Fault::field("data_offsets", &offsets, "a range within the file"))?;
    Ok((begin, Array::plain(name, &file.path, element, shape, span)))
}

/// Refuses tensors that share bytes, as the format demands.
fn refuse_overlaps(arrays: &mut Vec<(u64, Array)>, problems: &mut Problems) {
    arrays.sort_by(|(a, one), (b, other)| (a, one.span.len()).cmp(&(b, other.span.len())));
    let mut end = 0;
    arrays.retain(|(begin, array)| {
        let free = *begin >= end;
        if free {
            end = begin + array.span.len();
        } else {
            let expected = format!("{end}, where the tensor before it ends, or later");
            let named = format!("{}/{}", array.file, shorten(&array.name));
            problems.push(Problem::field(&named, "data_offsets", begin, expected));
        }
        free
    });
}
