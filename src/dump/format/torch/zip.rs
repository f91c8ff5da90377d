//! The zip form of `torch.save`: `NAME/data.pkl`, `NAME/byteorder` and `NAME/data/0`, `NAME/data/1`, ... for the storages.

use std::collections::HashMap;
use std::io::Read;

use super::arrays::{Storages, take_in};
use super::pickle::Machine;
use crate::dump::archive::{ListedFile, zip_entries};
use crate::dump::format::findings::Findings;
use crate::dump::problem::Fault;

/// Adds the tensors of the archive `file` to the findings.
pub(super) fn parse(file: &ListedFile, findings: &mut Findings) -> Result<(), Fault> {
    let entries = zip_entries(file, &findings.limits, &mut findings.problems)?;
    let ending = "/data.pkl";
    let Some(pickle) = entries.iter().find(|entry| entry.path.ends_with(ending)) else {
        return Err(Fault::Broken("a zip archive without the data.pkl that torch.save writes; name it .zip to have it opened as one".to_owned()));
    };
    let folder = pickle.path[..pickle.path.len() - ending.len()].to_owned();
    let within = |name: &str| {
        entries.iter().find(|entry| {
            entry
                .path
                .strip_prefix(&folder)
                .is_some_and(|rest| rest.strip_prefix('/') == Some(name))
        })
    };
    let mut big_endian = false;
    if let Some(order) = within("byteorder") {
        let mut text = String::new();
        order.span.open(64)?.take(16).read_to_string(&mut text)?;
        big_endian = text.trim() == "big";
    }
    let data = format!("{folder}/data/");
    let spans: HashMap<&str, _> = entries
        .iter()
        .filter_map(|entry| Some((entry.path.strip_prefix(&data)?, &entry.span)))
        .collect();
    let lies_in = &pickle.span;
    let mut reader = lies_in.open(1 << 16)?;
    let pickle = Machine::new(&mut reader, findings.limits.header_bytes).read()?;
    take_in(
        file,
        &pickle,
        &Storages::Entries {
            spans,
            big_endian,
            pickle: lies_in,
        },
        findings,
    )
}
