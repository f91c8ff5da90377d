//! PyTorch's files: what `torch.save` writes (since 1.6 a zip archive of a pickle and one entry per storage, before
//! that a stream), and lone pickles of tensors or NumPy arrays. The pickle tells how each tensor lies in its storage;
//! nothing in it is run.

mod arrays;
mod joblib;
mod latin1;
mod numpy;
mod pickle;
mod rebuild;
mod stream;
mod tree;
mod value;
mod zip;

use super::findings::Findings;
use super::spec::Format;
use crate::dump::archive::ListedFile;
use crate::dump::bytes::resume::SpanReader;
use crate::dump::bytes::stream::{Reader, Span};
use crate::dump::problem::Fault;
use arrays::{Storages, take_in};
use pickle::{Forward, Machine};

/// Files written by `torch.save` and `pickle.dump`.
pub(super) const FORMAT: Format = Format {
    label: "PyTorch file",
    names: &[
        "*.pt", "*.pth", "*.bin", "*.pkl", "*.pickle", "*.ckpt", "*.joblib",
    ],
    first_bytes: &[
        b"PK\x03\x04",
        b"\x80\x02",
        b"\x80\x03",
        b"\x80\x04",
        b"\x80\x05",
    ],
    read_head: |_, _, _| Ok(Vec::new()),
    parse,
};

fn parse(file: &ListedFile, head: &[u8], findings: &mut Findings) -> Result<(), Fault> {
    if head.starts_with(b"PK") {
        return zip::parse(file, findings);
    }
    parse_pickle(file, &file.span, head, findings)
}

/// Adds the tensors of the pickle, or stream of pickles, in `span` of a file.
pub(super) fn parse_pickle(
    file: &ListedFile,
    span: &Span,
    head: &[u8],
    findings: &mut Findings,
) -> Result<(), Fault> {
    let max_bytes = findings.limits.header_bytes;
    let mut reader = findings.resume.open(span, 0, 1 << 16)?;
    let (pickle, storages) = if stream::has_magic(head) {
        let stream = stream::read(&mut reader, max_bytes)?;
        (
            stream.pickle,
            Storages::Stream {
                span,
                stored: stream.storages,
            },
        )
    } else {
        let mut machine = Machine::new(&mut reader, max_bytes);
        machine.open = Some(stream::storage_in);
        let pickle = machine.read()?;
        (pickle, Storages::None { span })
    };
    take_in(file, &pickle, &storages, findings)
}

impl Forward for SpanReader<'_> {
    fn pass(&mut self, len: u64) -> std::io::Result<()> {
        self.skip(len)
    }
}

impl Forward for Reader {
    fn pass(&mut self, len: u64) -> std::io::Result<()> {
        self.skip(len)
    }
}
