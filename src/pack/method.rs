//! How K and V are stored.

use std::fmt;
use std::str::FromStr;

use crate::kvz::LOSSLESS;
use crate::scheme::{Scheme, SchemeError};
use crate::tensor::Kv;

/// How a tensor is stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// Bit for bit, in the byte layout that zstd compresses best.
    Lossless,
    /// By a scheme, which may be lossy.
    Scheme(Scheme),
}

impl fmt::Display for Method {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lossless => out.write_str(LOSSLESS),
            Self::Scheme(scheme) => scheme.fmt(out),
        }
    }
}

impl FromStr for Method {
    type Err = SchemeError;

    fn from_str(text: &str) -> Result<Self, SchemeError> {
        match text.trim() {
            LOSSLESS => Ok(Self::Lossless),
            text => text.parse().map(Self::Scheme),
        }
    }
}

/// How a dump is packed.
#[derive(Clone, Debug, PartialEq)]
pub struct PackOptions {
    /// How K is stored.
    pub k: Method,
    /// How V is stored.
    pub v: Method,
    /// Number of positions, from the start of a run, that schemes leave as they are.
    pub sinks: u64,
    /// Number of tokens, at the end of each layer, that schemes leave as they are.
    pub recent: u64,
    /// Whether captured queries are stored too.
    pub queries: bool,
}

impl PackOptions {
    /// Options with these methods, with four sinks, no recent tokens, and queries kept.
    pub fn new(k: Method, v: Method) -> Self {
        Self {
            k,
            v,
            sinks: 4,
            recent: 0,
            queries: true,
        }
    }

    /// The method for K or V.
    pub(super) fn method(&self, kv: Kv) -> &Method {
        kv.of(&self.k, &self.v)
    }
}
