//! The files that the user gave to the page, read when their turn comes.
//!
//! `File` objects belong to one thread: the coordinator's. So they lie in a thread-local list, and a [`WebSource`] only knows their
//! places in it. In any other thread the list is empty, and reading is an error.
//!
//! Small reads wait much longer for the browser than for their bytes. So what a run will need soon is listed for the coordinator
//! ([`wanted`]), which has many reads going at once and brings each one's bytes back ([`arrived`]).

use std::cell::RefCell;
use std::collections::HashMap;
use std::mem::take;

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{Blob, File, FileReaderSync, MessageChannel, MessagePort};

use crate::dump::{FileEntry, Source, SourceError};

/// Bytes that are read at once: the browser holds a copy of them.
const SLICE: usize = 16 << 20;
/// Small reads (an archive's entries) are answered from a block of this size.
const BLOCK: u64 = 1 << 20;

thread_local! {
    static FILES: RefCell<Vec<File>> = const { RefCell::new(Vec::new()) };
    static LAST_BLOCK: RefCell<Option<Block>> = const { RefCell::new(None) };
    static WANTED: RefCell<Vec<Wanted>> = const { RefCell::new(Vec::new()) };
    static ARRIVED: RefCell<HashMap<(usize, u64), Vec<u8>>> = RefCell::default();
}

struct Wanted {
    file: usize,
    start: u64,
    len: u64,
}

/// What was announced since the last question: file, start, `Blob`, and again.
pub fn wanted() -> Array {
    let list = Array::new();
    for Wanted { file, start, len } in WANTED.take() {
        let blob = FILES.with_borrow(|files| files.get(file).cloned());
        // What can't be had ahead is read when its turn comes, and then says why it can't.
        if let Some(Ok(blob)) = blob.map(|file| part(&file, start, len)) {
            list.push(&(file as f64).into());
            list.push(&(start as f64).into());
            list.push(&blob);
        }
    }
    list
}

/// The bytes of something wanted.
#[wasm_bindgen]
pub fn arrived(file: usize, start: f64, bytes: Vec<u8>) {
    ARRIVED.with_borrow_mut(|arrived| arrived.insert((file, start as u64), bytes));
}

/// Drops what was read ahead and not asked for.
pub fn forget_arrived() {
    ARRIVED.with_borrow_mut(take);
    WANTED.with_borrow_mut(take);
}

struct Block {
    file: usize,
    start: u64,
    bytes: Vec<u8>,
}

/// Keeps a file in this thread; the key is for [`WebFile`].
pub fn keep(file: File) -> usize {
    FILES.with_borrow_mut(|files| {
        files.push(file);
        files.len() - 1
    })
}

/// One file.
#[derive(Clone, Debug)]
pub struct WebFile {
    /// Path and size.
    pub entry: FileEntry,
    /// Its key from [`keep`].
    pub key: usize,
    /// Its bytes, where they were read ahead.
    pub content: Option<Vec<u8>>,
}

/// A set of the user's files.
#[derive(Debug, Default)]
pub struct WebSource {
    entries: Vec<FileEntry>,
    files: Vec<WebFile>,
}

impl WebSource {
    /// A source of these files.
    pub fn new(files: Vec<WebFile>) -> Self {
        let entries = files.iter().map(|file| file.entry.clone()).collect();
        Self { entries, files }
    }
}

impl Source for WebSource {
    fn files(&self) -> &[FileEntry] {
        &self.entries
    }

    fn read_at(&self, file: usize, offset: u64, len: usize) -> Result<Vec<u8>, SourceError> {
        let unknown = || SourceError::Io(format!("no file number {file}"));
        let file = self.files.get(file).ok_or_else(unknown)?;
        let end = file.entry.size;
        let needed = offset.saturating_add(len as u64);
        if needed > end {
            return Err(SourceError::Short { needed, end });
        }
        if let Some(content) = &file.content {
            let start = offset as usize;
            let bytes = content.get(start..start + len);
            // Shorter than it was when it was listed.
            return bytes.map(<[u8]>::to_vec).ok_or(SourceError::Short {
                needed,
                end: content.len() as u64,
            });
        }
        let ahead = ARRIVED.with_borrow_mut(|arrived| arrived.remove(&(file.key, offset)));
        if let Some(bytes) = ahead.filter(|bytes| bytes.len() == len) {
            return Ok(bytes);
        }
        if len as u64 * 4 > BLOCK || end <= BLOCK {
            return read(file.key, offset, len);
        }
        read_small(file.key, offset, len, end)
    }

    fn soon(&self, file: usize, offset: u64, len: u64) {
        let Some(file) = self.files.get(file) else {
            return;
        };
        // A large read takes as long as its bytes do, and would be held twice.
        if file.content.is_none() && len <= SLICE as u64 {
            WANTED.with_borrow_mut(|wanted| {
                wanted.push(Wanted {
                    file: file.key,
                    start: offset,
                    len,
                });
            });
        }
    }
}

/// Reads through a block that is kept for the next read.
fn read_small(file: usize, offset: u64, len: usize, end: u64) -> Result<Vec<u8>, SourceError> {
    LAST_BLOCK.with_borrow_mut(|last| {
        let from = |block: &Block| {
            let start = usize::try_from(offset.checked_sub(block.start)?).ok()?;
            (block.file == file)
                .then(|| block.bytes.get(start..start.checked_add(len)?))
                .flatten()
                .map(<[u8]>::to_vec)
        };
        if let Some(bytes) = last.as_ref().and_then(from) {
            return Ok(bytes);
        }
        // At least four times `len`, so what is wanted lies in it.
        let size = BLOCK.min(end - offset) as usize;
        let block = Block {
            file,
            start: offset,
            bytes: read(file, offset, size)?,
        };
        let bytes = from(&block).unwrap_or_default();
        *last = Some(block);
        Ok(bytes)
    })
}

/// Reads by the browser; `offset + len` was checked against the file's size.
fn read(file: usize, offset: u64, len: usize) -> Result<Vec<u8>, SourceError> {
    let blob = FILES.with_borrow(|files| files.get(file).cloned());
    let blob: Blob = blob
        .ok_or_else(|| SourceError::Io("files are read by the coordinator only".into()))?
        .into();
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(len)
        .map_err(|_| SourceError::TooLarge(len as u64))?;
    bytes.resize(len, 0);
    let reader = FileReaderSync::new().map_err(words)?;
    let mut at = offset;
    for part in bytes.chunks_mut(SLICE) {
        let next = at + part.len() as u64;
        let slice = self::part(&blob, at, next - at).map_err(words)?;
        let buffer = reader.read_as_array_buffer(&slice).map_err(words)?;
        let read = Uint8Array::new(&buffer);
        if read.length() as usize != part.len() {
            return Err(SourceError::Short {
                needed: next,
                end: at + u64::from(read.length()),
            });
        }
        read.copy_to(part);
        release(&buffer);
        at = next;
    }
    Ok(bytes)
}

/// Gives a buffer's memory back at once, by sending it away to nobody. Left to the garbage collector, 2 GB of reads pile up to over 1 GB
/// in Chromium 156, and after `ArrayBuffer.prototype.transfer(0)` all of them stay.
fn release(buffer: &JsValue) {
    thread_local! {
        static TO_NOBODY: Option<MessagePort> = MessageChannel::new().ok().map(|channel| {
            channel.port2().close();
            channel.port1()
        });
    }
    TO_NOBODY.with(|port| {
        // Otherwise it is collected, later.
        let _ = port
            .as_ref()
            .map(|port| port.post_message_with_transferable(buffer, &Array::of1(buffer)));
    });
}

/// Some bytes of a blob. Of all of them no slice is made: that costs the browser as much as reading 100 KB.
fn part(blob: &Blob, start: u64, len: u64) -> Result<Blob, JsValue> {
    // Exact: no file is longer than 2^53 bytes.
    let (from, to) = (start as f64, (start + len) as f64);
    if from == 0.0 && to == blob.size() {
        return Ok(blob.clone());
    }
    blob.slice_with_f64_and_f64(from, to)
}

/// The browser's own words, but for a file that it does not give any more.
fn words(error: JsValue) -> SourceError {
    let text = error.dyn_ref::<js_sys::Error>().map(|error| {
        // What browsers say of it speaks of permissions and references.
        match String::from(error.name()).as_str() {
            "NotReadableError" | "NotFoundError" => {
                "it was changed, moved or removed after it was chosen; choose it again".to_owned()
            }
            _ => String::from(error.message()),
        }
    });
    SourceError::Io(text.unwrap_or_else(|| "the browser can't read it".into()))
}
