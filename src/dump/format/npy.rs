//! The header of an `.npy` file (numpy's NEP 1 and `numpy.lib.format`, versions 1 to 3): a Python dict of type, order
//! and shape. The dict parser is hand-written because the one of crate `npyz` allocates whatever length a header claims.

use std::io::Read;

use super::spec::Format;
use super::torch::parse_pickle;
use crate::dump::archive::ListedFile;
use crate::dump::arrays::Loose;
use crate::dump::arrays::array::{
    Array, Element, MAX_AXES, c_strides, fortran_strides, shape_bytes, shape_text,
};
use crate::dump::bytes::Limits;
use crate::dump::bytes::path::file_name;
use crate::dump::bytes::stream::Span;
use crate::dump::problem::{Fault, shorten};
use crate::tensor::Dtype;

/// NumPy's files with a single array.
pub(super) const FORMAT: Format = Format {
    label: "NumPy array",
    names: &["*.npy"],
    first_bytes: &[],
    read_head: |reader, _, limits| read_header(reader, limits),
    parse: |file, head, findings| {
        if holds_objects(head) {
            // numpy pickles the objects after the header.
            let start = head.len() as u64;
            let pickle = file.span.len().checked_sub(start);
            let pickle = pickle.and_then(|len| file.span.part(start, len));
            let pickle = pickle.ok_or_else(|| broken("it ends in its header"))?;
            return parse_pickle(file, &pickle, &[], findings);
        }
        let array = array(file, head)?;
        findings.loose.push(Loose {
            path: file.path.clone(),
            array,
            transformers: false,
        });
        Ok(())
    },
};

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Type name used for records, whose type is a list of fields.
const RECORD: &str = "a record";

/// Whether the array's elements are Python objects.
fn holds_objects(head: &[u8]) -> bool {
    Dict::of(head).is_some_and(|dict| dict.descr == "|O")
}

fn broken(why: &str) -> Fault {
    Fault::Broken(format!("not a whole .npy file: {why}"))
}

/// Reads everything before the data: magic, version, length and dict.
fn read_header(reader: &mut dyn Read, limits: &Limits) -> Result<Vec<u8>, Fault> {
    let mut head = vec![0; 8];
    reader
        .read_exact(&mut head)
        .map_err(|error| Fault::of_read(error, broken("it ends in its header")))?;
    if !head.starts_with(MAGIC) {
        return Err(broken("it does not start with numpy's mark"));
    }
    let width = if head[6] == 1 { 2 } else { 4 };
    let mut len = [0; 4];
    reader
        .read_exact(&mut len[..width])
        .map_err(|error| Fault::of_read(error, broken("it ends in its header")))?;
    head.extend_from_slice(&len[..width]);
    let len = u64::from(u32::from_le_bytes(len));
    if len > limits.header_bytes {
        return Err(Fault::field(
            "header",
            format!("{len} bytes"),
            format!("at most {} (--max-header-mb)", limits.header_bytes),
        ));
    }
    let found = reader.take(len).read_to_end(&mut head)?;
    if (found as u64) < len {
        return Err(broken("it ends in its header"));
    }
    Ok(head)
}

/// The array of `file`, whose header is `head`.
fn array(file: &ListedFile, head: &[u8]) -> Result<Array, Fault> {
    let dict = Dict::of(head).ok_or_else(|| broken("its header is not the dict it should be"))?;
    let wrong = |found: &str| {
        let expected = "<f2, <f4, bfloat16, or <u2 with --bits16";
        let records = "; records are not read: save K and V as arrays of their own";
        let records = if found == RECORD { records } else { "" };
        Fault::field("descr", shorten(found), format!("{expected}{records}"))
    };
    let (big_endian, kind) = match dict.descr.split_at_checked(1) {
        // ml_dtypes' own name for the type, which its own writer keeps.
        _ if dict.descr == "bfloat16" => (false, "V2"),
        Some(("<" | "|" | "=", kind)) => (false, kind),
        Some((">", kind)) => (true, kind),
        _ => return Err(wrong(&dict.descr)),
    };
    let element = match kind {
        "f2" => Element::Known(Dtype::F16),
        "f4" => Element::Known(Dtype::F32),
        // How numpy saves the bfloat16 of ml_dtypes, since the format has no name for it.
        "V2" => Element::Known(Dtype::Bf16),
        "u2" | "i2" => Element::Bits16,
        _ => Element::Other(shorten(&dict.descr)),
    };
    let span = data(file, head.len() as u64, &element, &dict.shape)?;
    let name = file_name(&file.path);
    let name = name[..name.len() - ".npy".len()].to_owned();
    Ok(Array {
        name,
        file: file.path.clone(),
        element,
        strides: if dict.fortran {
            fortran_strides(dict.shape.iter().copied())
        } else {
            c_strides(&dict.shape)
        },
        shape: dict.shape,
        big_endian,
        span,
        beside: Vec::new(),
        decode: None,
    })
}

fn data(file: &ListedFile, start: u64, element: &Element, shape: &[u64]) -> Result<Span, Fault> {
    if shape.len() > MAX_AXES {
        return Err(Fault::field(
            "shape",
            format!("{} axes", shape.len()),
            format!("at most {MAX_AXES}"),
        ));
    }
    let found = file.span.len().saturating_sub(start);
    let text = shape_text(shape);
    let bytes = shape_bytes(shape, element.size().unwrap_or(0))
        .ok_or_else(|| Fault::field("shape", &text, "a size that fits in 64 bits"))?;
    let short = || {
        Fault::field(
            "shape",
            format!("{text}, so {bytes} bytes"),
            format!("the {found} bytes of data that follow"),
        )
    };
    if bytes != found && element.size().is_some() {
        return Err(short());
    }
    file.span.part(start, bytes).ok_or_else(short)
}

/// The header's dict.
#[derive(Debug, Default, PartialEq)]
struct Dict {
    descr: String,
    fortran: bool,
    shape: Vec<u64>,
}

impl Dict {
    /// Parses the dict of a whole header.
    fn of(head: &[u8]) -> Option<Self> {
        let start = if head.get(6) == Some(&1) { 10 } else { 12 };
        Self::parse(&String::from_utf8_lossy(head.get(start..)?))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut dict = Self::default();
        let mut seen = 0;
        let mut rest = Literal(text.trim());
        rest.expect('{')?;
        while rest.expect('}').is_none() {
            let key = rest.string()?;
            rest.expect(':')?;
            match key {
                "descr" => dict.descr = rest.string().unwrap_or(RECORD).to_owned(),
                "fortran_order" => dict.fortran = rest.truth()?,
                "shape" => dict.shape = rest.tuple()?,
                _ => return None,
            }
            if dict.descr == RECORD {
                // A record's fields have a grammar of their own, and a record can't be K or V.
                return Some(dict);
            }
            seen += 1;
            if rest.expect(',').is_none() {
                rest.expect('}')?;
                break;
            }
        }
        (seen == 3).then_some(dict)
    }
}

/// The rest of a Python literal that is being parsed.
struct Literal<'a>(&'a str);

impl<'a> Literal<'a> {
    fn expect(&mut self, symbol: char) -> Option<()> {
        self.0 = self.0.trim_start().strip_prefix(symbol)?;
        Some(())
    }

    fn string(&mut self) -> Option<&'a str> {
        let text = self.0.trim_start();
        let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (string, rest) = text[1..].split_once(quote)?;
        self.0 = rest;
        Some(string)
    }

    fn truth(&mut self) -> Option<bool> {
        let text = self.0.trim_start();
        let (truth, rest) = match text.strip_prefix("True") {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix("False")?),
        };
        self.0 = rest;
        Some(truth)
    }

    fn tuple(&mut self) -> Option<Vec<u64>> {
        self.expect('(')?;
        let (inside, rest) = self.0.split_once(')')?;
        self.0 = rest;
        // Python 2 wrote long integers as `3L`.
        let sizes = inside
            .split(',')
            .map(|size| size.trim().trim_end_matches('L'))
            .filter(|size| !size.is_empty());
        sizes
            .take(MAX_AXES + 1)
            .map(|size| size.parse().ok())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_dicts_that_numpy_writes() {
        let expected = |descr: &str, fortran, shape: &[u64]| {
            Some(Dict {
                descr: descr.to_owned(),
                fortran,
                shape: shape.to_vec(),
            })
        };
        let text = "{'descr': '<f2', 'fortran_order': False, 'shape': (128, 3, 64), }          \n";
        assert_eq!(Dict::parse(text), expected("<f2", false, &[128, 3, 64]));
        assert_eq!(
            Dict::parse("{'shape': (5L,), 'fortran_order': True, 'descr': '>f4'}"),
            expected(">f4", true, &[5])
        );
        assert_eq!(
            Dict::parse("{'descr': '|V2', 'fortran_order': False, 'shape': (), }"),
            expected("|V2", false, &[])
        );
        for wrong in [
            "",
            "{",
            "{}",
            "{'descr': '<f2'}",
            "{'descr': '<f2', 'fortran_order': 0, 'shape': (1,)}",
            "{'shape': (-1,)}",
        ] {
            assert_eq!(Dict::parse(wrong), None, "{wrong}");
        }
    }
}
