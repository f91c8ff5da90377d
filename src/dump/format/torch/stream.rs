//! PyTorch's file format before 1.6, a stream (`_legacy_save` in `torch/serialization.py`): pickles of a magic number,
//! a version, the machine's byte order, the object, and the names of the storages; then each storage as its length and
//! its bytes. A lone pickle (`pickle.dump`) is recognized by the missing magic number; each tensor in it carries such a
//! stream of its own.

use std::collections::HashMap;

use super::pickle::{Failure, Forward, Machine, Pickle};
use super::value::{Blob, Home, Storage, Value, size};

/// `0x1950a86a20f9469cfc6c`, as the ten bytes of its pickle.
pub(super) const MAGIC: &[u8] = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

/// Position of a storage's bytes in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub offset: u64,
    /// Number of elements.
    pub len: u64,
}

/// A parsed stream: its object, and where its storages are.
#[derive(Debug)]
pub(super) struct Stream {
    pub pickle: Pickle,
    pub storages: HashMap<Box<str>, Stored>,
}

/// Whether a file that starts with `head` is a stream with the magic number (rather than a lone pickle).
pub(super) fn has_magic(head: &[u8]) -> bool {
    head.first() == Some(&0x80) && head.get(2..).is_some_and(|rest| rest.starts_with(MAGIC))
}

/// Reads a stream; at most `max_bytes` bytes of its pickles are kept.
pub(super) fn read(reader: &mut dyn Forward, max_bytes: u64) -> Result<Stream, Failure> {
    let mut machine = Machine::new(reader, max_bytes);
    machine.open = Some(storage_in);
    read_by(machine)
}

fn read_by(mut machine: Machine<'_>) -> Result<Stream, Failure> {
    for _ in 0..2 {
        machine.read()?; // the magic number, the version
    }
    let system = machine.read()?;
    let big_endian = is_big_endian(&system);
    let mut pickle = machine.read()?;
    let keys = machine.read()?;
    let mut offset = machine.position();
    let sizes = element_sizes(&mut pickle, big_endian);
    let mut storages = HashMap::new();
    for &key in keys.values.members(keys.root).unwrap_or_default() {
        let Some(name) = keys.values.text(key) else {
            continue;
        };
        // The number of elements of a storage is stored twice; the one before its bytes is read together with them.
        let Some(&(len, size)) = sizes.get(name) else {
            break;
        };
        let bytes = len.checked_mul(size).ok_or(Failure::Ends(None))?;
        offset = offset.checked_add(8).ok_or(Failure::Ends(None))?;
        storages.insert(name.into(), Stored { offset, len });
        offset = offset.checked_add(bytes).ok_or(Failure::Ends(None))?;
    }
    Ok(Stream { pickle, storages })
}

fn is_big_endian(system: &Pickle) -> bool {
    let Value::Dict(entries) = system.values.get(system.root) else {
        return false;
    };
    let little = entries
        .iter()
        .find(|(key, _)| system.values.text(*key) == Some("little_endian"));
    little.is_some_and(|(_, value)| *system.values.get(*value) == Value::Bool(false))
}

/// Number of elements and element size of each named storage.
fn element_sizes(pickle: &mut Pickle, big_endian: bool) -> HashMap<Box<str>, (u64, u64)> {
    let mut sizes = HashMap::new();
    for value in pickle.values.all_mut() {
        if let Value::Storage(storage) = value {
            storage.big_endian = big_endian;
            if let (Home::Key(key), Some(size)) = (&storage.home, size(storage.dtype)) {
                sizes.insert(key.clone(), (storage.len, size));
            }
        }
    }
    sizes
}

/// The storage in a whole stream nested in a pickle.
pub(super) fn storage_in(blob: &Blob) -> Option<Storage> {
    if !has_magic(&blob.head) {
        return None;
    }
    let mut head = &blob.head[..];
    let stream = read_by(Machine::new(&mut head, blob.head.len() as u64)).ok()?;
    let Value::Storage(storage) = stream.pickle.values.get(stream.pickle.root) else {
        return None;
    };
    let Home::Key(key) = &storage.home else {
        return None;
    };
    let stored = stream.storages.get(key)?;
    let len = stored.len.checked_mul(size(storage.dtype)?)?;
    stored
        .offset
        .checked_add(len)
        .filter(|&end| end <= blob.len)?;
    let home = if blob.is_text {
        Home::Text {
            offset: blob.offset,
            len: blob.len,
            skip: stored.offset,
        }
    } else {
        Home::Inline {
            offset: blob.offset.checked_add(stored.offset)?,
            len,
        }
    };
    Some(Storage {
        home,
        start: 0,
        ..(**storage).clone()
    })
}
