//! How K and V are stored.

use std::fmt;
use std::str::FromStr;

use crate::kvz::LOSSLESS;
use crate::scheme::{Kv, Scheme, SchemeError};

/// How a tensor is stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// Bit for bit, by whichever layout of bytes zstd makes smallest.
    Lossless,
    /// By a scheme.
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
    /// Of K.
    pub k: Method,
    /// Of V.
    pub v: Method,
    /// Positions from 0 on that schemes leave alone.
    pub sinks: u64,
    /// Last tokens of every layer that schemes leave alone.
    pub recent: u64,
    /// Whether captured queries are stored too.
    pub queries: bool,
}

impl PackOptions {
    /// These methods, the first four tokens left alone, with queries.
    pub fn new(k: Method, v: Method) -> Self {
        Self {
            k,
            v,
            sinks: 4,
            recent: 0,
            queries: true,
        }
    }

    /// The method of K or of V.
    pub(super) fn method(&self, kv: Kv) -> &Method {
        match kv {
            Kv::K => &self.k,
            Kv::V => &self.v,
        }
    }
}
