//! Unpacks gzip, all members one behind the other (RFC 1952). flate2 inflates; its own reader of this format would bring the
//! tables of another CRC-32.

use std::io::{self, BufRead, BufReader, Error, ErrorKind, Read};

use flate2::bufread::DeflateDecoder;

use crate::crc32::Crc32;

/// Flags of a member's header.
const HEADER_CHECKSUM: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;

/// A reader of what is packed.
pub(super) struct Gzip<R: Read> {
    /// `None` after the last member and after an error.
    member: Option<Member<BufReader<R>>>,
}

struct Member<R> {
    data: DeflateDecoder<R>,
    crc: Crc32,
    /// Unpacked bytes so far, modulo 2^32.
    len: u32,
}

impl<R: Read> Gzip<R> {
    /// Reads the first header.
    pub fn new(packed: R) -> io::Result<Self> {
        let member = Member::open(BufReader::new(packed))?;
        Ok(Self {
            member: Some(member),
        })
    }
}

impl<R: Read> Read for Gzip<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        while let Some(mut member) = self.member.take() {
            let count = member.data.read(out)?;
            if count > 0 {
                member.crc.update(&out[..count]);
                member.len = member.len.wrapping_add(count as u32);
                self.member = Some(member);
                return Ok(count);
            }
            let mut packed = member.close()?;
            if !packed.fill_buf()?.is_empty() {
                self.member = Some(Member::open(packed)?);
            }
        }
        Ok(0)
    }
}

impl<R: BufRead> Member<R> {
    fn open(mut packed: R) -> io::Result<Self> {
        let fixed: [u8; 10] = take(&mut packed)?;
        let [0x1F, 0x8B, 8, flags, ..] = fixed else {
            return Err(Error::new(ErrorKind::InvalidInput, "invalid gzip header"));
        };
        if flags & EXTRA != 0 {
            let len = u16::from_le_bytes(take(&mut packed)?).into();
            io::copy(&mut packed.by_ref().take(len), &mut io::sink())?;
        }
        for text in [NAME, COMMENT] {
            if flags & text != 0 {
                while take::<1>(&mut packed)? != [0] {}
            }
        }
        if flags & HEADER_CHECKSUM != 0 {
            take::<2>(&mut packed)?;
        }
        Ok(Self {
            data: DeflateDecoder::new(packed),
            crc: Crc32::default(),
            len: 0,
        })
    }

    /// Checks what follows the data.
    fn close(self) -> io::Result<R> {
        let mut packed = self.data.into_inner();
        let crc = u32::from_le_bytes(take(&mut packed)?);
        let len = u32::from_le_bytes(take(&mut packed)?);
        if (crc, len) != (self.crc.value(), self.len) {
            let what = "corrupt gzip stream does not have a matching checksum";
            return Err(Error::new(ErrorKind::InvalidInput, what));
        }
        Ok(packed)
    }
}

fn take<const N: usize>(packed: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    packed.read_exact(&mut bytes)?;
    Ok(bytes)
}
