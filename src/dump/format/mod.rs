//! Formats: how each kind of file with captures or tensors is read. A format is a file here that exports one `FORMAT`,
//! and its line in [`table::FORMATS`]; scans and help texts are made from that table.

mod captures;
mod fields;
mod findings;
mod ggml_type;
mod kvz;
mod llama_cache;
mod llama_state;
mod meta;
mod mlx_cache;
mod npy;
mod packed_meta;
mod queries;
mod safetensors;
mod shard_index;
mod spec;
mod stored;
pub(crate) mod stored_captures;
pub(crate) mod stored_queries;
mod table;
mod torch;

pub(crate) use findings::Findings;
pub(crate) use packed_meta::leave_one;
pub(crate) use spec::Format;
pub(crate) use table::{FORMATS, format_of, formats_by_content, is_told_by_content};
