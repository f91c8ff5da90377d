//! The user's files on the page, read on demand.
//!
//! `File` objects belong to one thread: the coordinator's. They are kept in a thread-local list there, and a [`WebSource`] only has their
//! indices. In any other thread the list is empty, and reading fails.
//!
//! A small read spends far more time waiting for the browser than on its bytes. So the coordinator gets a list of what will be needed soon
//! ([`wanted`]), keeps many reads going at once and hands over their bytes ([`arrived`]).

use std::cell::RefCell;
use std::collections::HashMap;
use std::mem::take;

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{Blob, File, FileReaderSync, MessageChannel, MessagePort};

use crate::dump::{FileEntry, Source, SourceError};

/// Size of a single read in bytes, of which the browser holds a copy.
const SLICE: usize = 16 << 20;
/// Small reads (an archive's entries) are answered from a buffered block of this size.
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

/// What was announced since the previous call: file, start and `Blob` of each range, in one flat list.
pub fn wanted() -> Array {
    let list = Array::new();
    for Wanted { file, start, len } in WANTED.take() {
        let blob = FILES.with_borrow(|files| files.get(file).cloned());
        // A range that can't be read ahead is read on demand, and reports its error then.
        if let Some(Ok(blob)) = blob.map(|file| part(&file, start, len)) {
            list.push(&(file as f64).into());
            list.push(&(start as f64).into());
            list.push(&blob);
        }
    }
    list
}

/// Hands over the bytes of a range that [`wanted`] listed.
#[wasm_bindgen]
pub fn arrived(file: usize, start: f64, bytes: Vec<u8>) {
    ARRIVED.with_borrow_mut(|arrived| arrived.insert((file, start as u64), bytes));
}

/// Drops what was read ahead but not used.
pub fn forget_arrived() {
    ARRIVED.with_borrow_mut(take);
    WANTED.with_borrow_mut(take);
}

struct Block {
    file: usize,
    start: u64,
    bytes: Vec<u8>,
}

/// Keeps a file in this thread; returns its key for [`WebFile`].
pub fn keep(file: File) -> usize {
    FILES.with_borrow_mut(|files| {
        files.push(file);
        files.len() - 1
    })
}

/// A file of a [`WebSource`].
#[derive(Clone, Debug)]
pub struct WebFile {
    /// Path and size.
    pub entry: FileEntry,
    /// Its key from [`keep`].
    pub key: usize,
    /// All its bytes, if they were read ahead.
    pub content: Option<Vec<u8>>,
}

/// A source of the user's files.
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
            // The file is shorter than when it was listed.
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
        // Reading ahead does not speed up a large read, and would hold its bytes twice.
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

/// Reads through a block that is kept for the reads that follow.
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
        // The block is at least four times `len`, so the range lies within it.
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

/// Reads through the browser; `offset + len` was checked against the file's size.
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

/// Frees a buffer's memory at once, by transferring it to a closed port. Left to the garbage collector, 2 GB of reads pile up to over 1 GB
/// in Chromium 156, and after `ArrayBuffer.prototype.transfer(0)` all of them stay.
fn release(buffer: &JsValue) {
    thread_local! {
        static TO_NOBODY: Option<MessagePort> = MessageChannel::new().ok().map(|channel| {
            channel.port2().close();
            channel.port1()
        });
    }
    TO_NOBODY.with(|port| {
        // If it fails, the garbage collector frees the buffer later.
        let _ = port
            .as_ref()
            .map(|port| port.post_message_with_transferable(buffer, &Array::of1(buffer)));
    });
}

/// A range of a blob. The whole blob is not sliced: a slice costs the browser as much as reading 100 KB.
fn part(blob: &Blob, start: u64, len: u64) -> Result<Blob, JsValue> {
    // Exact: no file is longer than 2^53 bytes.
    let (from, to) = (start as f64, (start + len) as f64);
    if from == 0.0 && to == blob.size() {
        return Ok(blob.clone());
    }
    blob.slice_with_f64_and_f64(from, to)
}

/// The browser's error message, except for a file that it no longer gives access to.
fn words(error: JsValue) -> SourceError {
    let text = error.dyn_ref::<js_sys::Error>().map(|error| {
        // Browsers' own messages speak of permissions and references here.
        match String::from(error.name()).as_str() {
            "NotReadableError" | "NotFoundError" => {
                "it was changed, moved or removed after it was chosen; choose it again".to_owned()
            }
            _ => String::from(error.message()),
        }
    });
    SourceError::Io(text.unwrap_or_else(|| "the browser can't read it".into()))
}
