//! Reads a rows file batch by batch. Whatever a file states is checked before it is used: the schema of the footer against the one that
//! kvlens writes, every block against the length of the file, every buffer against its block. arrow-ipc's own file reader trusts lengths,
//! and panics where a buffer ends outside its block.

use super::columns::schema;
use super::error::RowsError;
use super::head::Head;
use super::row::Cells;
use super::write::{Findings, KEY};
use crate::analysis::Row;
use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::{FileDecoder, read_footer_length};
use arrow_ipc::{Block, MetadataVersion, root_as_footer, root_as_message};
use arrow_schema::DataType;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

/// Bytes at the end of a file: length of the footer, and the magic.
const TRAILER: u64 = 10;

/// Bytes before a message: continuation marker and length.
const PREFIX: usize = 8;

/// All rows of one capture.
#[derive(Clone, Debug, PartialEq)]
pub struct CaptureRows {
    /// Path of the capture.
    pub path: String,
    /// Rows, one for each variant.
    pub rows: Vec<Row>,
}

/// Reads a rows file from start to end.
pub struct RowsReader<R> {
    input: R,
    head: Head,
    findings: Findings,
    decoder: FileDecoder,
    blocks: std::vec::IntoIter<Block>,
    table: Option<RecordBatch>,
    line: usize,
    number: u64,
    captures: u64,
}

impl<R: Read + Seek> RowsReader<R> {
    /// Opens a file, and checks its head and footer.
    ///
    /// # Errors
    /// When it is not a rows file, or truncated.
    pub fn open(mut input: R) -> Result<Self, RowsError> {
        let io = |error: std::io::Error| RowsError::Io(error.to_string());
        let short = || RowsError::NotArrow("it is cut off".to_owned());
        let len = input.seek(SeekFrom::End(0)).map_err(io)?;
        let trailer_at = len.checked_sub(TRAILER).ok_or_else(short)?;
        input.seek(SeekFrom::Start(trailer_at)).map_err(io)?;
        let mut trailer = [0; TRAILER as usize];
        input.read_exact(&mut trailer).map_err(io)?;
        let arrow = |error: &dyn ToString| RowsError::NotArrow(error.to_string());
        let footer_len = read_footer_length(trailer).map_err(|_| arrow(&"its end is missing"))?;
        let footer_at = trailer_at
            .checked_sub(footer_len as u64)
            .ok_or_else(short)?;
        input.seek(SeekFrom::Start(footer_at)).map_err(io)?;
        let mut bytes = vec![0; footer_len];
        input.read_exact(&mut bytes).map_err(io)?;
        let footer = root_as_footer(&bytes).map_err(|error| arrow(&error))?;
        let found = footer.schema().ok_or(RowsError::NotRows)?;
        if !found.endianness().equals_to_target_endianness() {
            return Err(RowsError::NotArrow(
                "its byte order is big-endian".to_owned(),
            ));
        }
        let found = try_fb_to_schema(found).map_err(|error| arrow(&error))?;
        let head = Head::read(&found.metadata)?;
        let schema = schema();
        let has_dictionaries = footer.dictionaries().is_some_and(|list| !list.is_empty());
        if found.fields != schema.fields || has_dictionaries {
            return Err(RowsError::Columns);
        }
        if footer.version() != MetadataVersion::V5 {
            let version = format!("{:?}", footer.version());
            return Err(RowsError::NotArrow(format!(
                "its version is {version}, not V5"
            )));
        }
        let texts = footer.custom_metadata().into_iter().flatten();
        let text = texts
            .filter(|pair| pair.key() == Some(KEY))
            .find_map(|pair| pair.value())
            .ok_or_else(|| RowsError::Head("its footer has no findings".to_owned()))?;
        let findings: Findings =
            serde_json::from_str(text).map_err(|error| RowsError::Head(error.to_string()))?;
        let blocks: Vec<Block> = footer
            .recordBatches()
            .into_iter()
            .flatten()
            .copied()
            .collect();
        for block in &blocks {
            check_block(block, footer_at)?;
        }
        let (problems, expected) = (findings.problems.len(), head.part_captures);
        if findings.captures.checked_add(problems as u64) != Some(expected) {
            return Err(RowsError::Count {
                found: findings.captures,
                problems,
                expected,
            });
        }
        Ok(Self {
            input,
            head,
            findings,
            decoder: FileDecoder::new(Arc::new(schema), MetadataVersion::V5),
            blocks: blocks.into_iter(),
            table: None,
            line: 0,
            number: 0,
            captures: 0,
        })
    }

    /// The description of what was measured.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// What was found beside the rows.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// The rows of the next capture; `None` at the end.
    ///
    /// # Errors
    /// When the file is damaged, or was changed after it was opened.
    pub fn next_capture(&mut self) -> Result<Option<CaptureRows>, RowsError> {
        let mut found: Option<CaptureRows> = None;
        while self.fill()? {
            let Some(table) = &self.table else { break };
            let cells = Cells::new(table, self.line, self.number + 1);
            let first = found.as_ref().and_then(|found| found.rows.first());
            let capture = match first {
                Some(first) if first.capture.index != cells.index()? => break,
                Some(first) => Arc::clone(&first.capture),
                None => Arc::new(cells.info()?),
            };
            let row = cells.row(capture)?;
            match &mut found {
                Some(found) => found.rows.push(row),
                None => {
                    found = Some(CaptureRows {
                        path: cells.path()?.to_owned(),
                        rows: vec![row],
                    });
                }
            }
            self.line += 1;
            self.number += 1;
        }
        self.captures += u64::from(found.is_some());
        if found.is_none() && self.captures != self.findings.captures {
            return Err(RowsError::Count {
                found: self.captures,
                problems: self.findings.problems.len(),
                expected: self.head.part_captures,
            });
        }
        Ok(found)
    }

    /// Loads the next batch where the current one is used up; returns false at the end of the file.
    fn fill(&mut self) -> Result<bool, RowsError> {
        while self
            .table
            .as_ref()
            .is_none_or(|table| self.line >= table.num_rows())
        {
            let Some(block) = self.blocks.next() else {
                return Ok(false);
            };
            self.table = Some(self.read(&block)?);
            self.line = 0;
        }
        Ok(true)
    }

    fn read(&mut self, block: &Block) -> Result<RecordBatch, RowsError> {
        let io = |error: std::io::Error| RowsError::Io(error.to_string());
        let damaged = |what: &dyn ToString| RowsError::Damaged(what.to_string());
        let start = SeekFrom::Start(block.offset().cast_unsigned());
        self.input.seek(start).map_err(io)?;
        // Both were checked against the length of the file.
        let (head, body) = (block.metaDataLength() as usize, block.bodyLength() as usize);
        let mut bytes = vec![0; head + body];
        self.input.read_exact(&mut bytes).map_err(io)?;
        check_message(&bytes[..head], body)?;
        let batch = self
            .decoder
            .read_record_batch(block, &Buffer::from_vec(bytes));
        batch
            .map_err(|error| damaged(&error))?
            .ok_or_else(|| damaged(&"a table is missing"))
    }
}

/// Checks that a block's message and body lie in the file, before its footer.
fn check_block(block: &Block, end: u64) -> Result<(), RowsError> {
    let outside = || RowsError::Damaged("a table lies outside the file".to_owned());
    let [offset, head, body] = [
        block.offset(),
        i64::from(block.metaDataLength()),
        block.bodyLength(),
    ]
    .map(|number| u64::try_from(number).ok());
    let (offset, head, body) = offset
        .zip(head)
        .zip(body)
        .map(|((offset, head), body)| (offset, head, body))
        .ok_or_else(outside)?;
    let block_end = offset.checked_add(head).and_then(|at| at.checked_add(body));
    if head < PREFIX as u64 || block_end.is_none_or(|block_end| block_end > end) {
        return Err(outside());
    }
    Ok(())
}

/// Checks that a message is that of a record batch, and that its buffers lie within its body of `body` bytes.
fn check_message(message: &[u8], body: usize) -> Result<(), RowsError> {
    let damaged = |what: &str| RowsError::Damaged(what.to_owned());
    let (mark, message) = message
        .split_at_checked(PREFIX)
        .ok_or_else(|| damaged("no message"))?;
    if mark[..4] != [0xff; 4] {
        return Err(damaged("a message has an invalid prefix"));
    }
    let message =
        root_as_message(message).map_err(|error| RowsError::Damaged(error.to_string()))?;
    let batch = message
        .header_as_record_batch()
        .ok_or_else(|| damaged("a message is not a record batch"))?;
    if batch.compression().is_some() {
        return Err(damaged("a table is compressed, which rows files never are"));
    }
    let body = body as i64;
    let is_inside = |offset: i64, len: i64| {
        offset >= 0 && len >= 0 && offset.checked_add(len).is_some_and(|end| end <= body)
    };
    let buffers: Vec<_> = batch.buffers().into_iter().flatten().collect();
    if !buffers
        .iter()
        .all(|buffer| is_inside(buffer.offset(), buffer.length()))
    {
        return Err(damaged("a column lies outside its table"));
    }
    let schema = schema();
    let types = schema.fields.iter().map(|field| field.data_type());
    let sizes: Vec<i64> = types.flat_map(element_sizes).collect();
    let mut fits = sizes.iter().zip(&buffers);
    if sizes.len() != buffers.len() || !fits.all(|(size, buffer)| buffer.length() % size == 0) {
        return Err(damaged("a buffer does not hold whole values"));
    }
    let rows = batch.length();
    let mut nodes = batch.nodes().into_iter().flatten();
    let is_column = |len: i64, nulls: i64| len == rows && (0..=len).contains(&nulls);
    // Every row takes more than one byte.
    if !(0..=body).contains(&rows) || !nodes.all(|node| is_column(node.length(), node.null_count()))
    {
        return Err(damaged("a column has another length than its table"));
    }
    Ok(())
}

/// Bytes of an element in each buffer of a column: validity bitmap, offsets of text, values.
fn element_sizes(kind: &DataType) -> Vec<i64> {
    let width = kind.primitive_width().unwrap_or(1) as i64;
    if *kind == DataType::Utf8 {
        vec![1, size_of::<i32>() as i64, 1]
    } else {
        vec![1, width]
    }
}
