//! Formats: how each file of captures or tensors is read. A format is a file here that exports one `FORMAT`, and its line in
//! [`table::FORMATS`]; scans and help texts are made from that table.

mod captures;
mod fields;
mod findings;
mod kvz;
mod meta;
mod npy;
mod packed_meta;
mod queries;
mod safetensors;
mod spec;
pub(crate) mod stored_captures;
pub(crate) mod stored_queries;
mod table;

pub(crate) use findings::Findings;
pub(crate) use spec::Format;
pub(crate) use table::{FORMATS, format_of};
