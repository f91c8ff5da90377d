//! Packs a dump as a `.kvz` and reads it back. K and V of every layer are stored by a scheme or losslessly, as requested or as found by a
//! search within an error limit; the file is written part by part, read back and compared.
//!
//! ```no_run
//! use kvlens::dump::{Dump, ScanOptions};
//! use kvlens::pack::{self, Method, PackOptions, Packer};
//! # fn of(dump: Dump) -> Result<(), Box<dyn std::error::Error>> {
//! let options = PackOptions::new("tkc:c=0.155".parse()?, "tkc:c=0.31".parse()?);
//! let mut packer = Packer::new(&dump, &options)?;
//! let parts = packer.by_ref().collect::<Result<Vec<_>, _>>()?;
//! let file = [packer.head()?, parts.concat()].concat();
//! let reads_it = ScanOptions { part_decoder: pack::decoder(), ..ScanOptions::default() };
//! # Ok(()) }
//! ```

mod alternatives;
mod batch;
mod check;
mod error;
mod layers;
mod limit;
mod measure;
mod method;
mod packer;
mod part;
mod search;
mod steps;
#[cfg(not(target_arch = "wasm32"))]
mod write;

pub use batch::Batch;
pub use check::check;
pub use error::PackError;
pub use limit::Limit;
pub use measure::{Measured, SideErrors};
pub use method::{Method, PackOptions};
pub use packer::Packer;
pub use part::decoder;
pub use search::Search;
#[cfg(not(target_arch = "wasm32"))]
pub use write::{Packed, Step, write, write_new};
