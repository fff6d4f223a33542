//! The parts that serialised values have in common: lengths, strings, the footer.
//!
//! Owns their bytes. A payload is a body and a footer of ten bytes: the version of the format, little-endian, and the CRC-64
//! of all before it. A string is its length and its bytes, or an integer, or compressed by LZF: length there, length
//! here, bytes. A compressed string says itself how long it is going to be; LZF makes at most `EXPANSION_MAX` bytes of
//! one, so a length that its bytes cannot reach is refused before anything is set aside for it.

use crc::{CRC_64_REDIS, Crc, Table};

/// The version that is written: what redis-server 7.0 reads.
const WRITTEN: u16 = 10;
/// The newest version that is read: Redis 8's.
const READ_MAX: u16 = 12;
/// Bytes of the footer.
const FOOTER: usize = 10;
/// Three bytes of LZF stand for at most 264 bytes.
const EXPANSION_MAX: usize = 88;
/// Strings that are longer are compressed if that makes them shorter, as Redis does.
const COMPRESSED_FROM: usize = 21;

/// Kinds of an encoded string.
const INT8: u8 = 0xc0;
const INT16: u8 = 0xc1;
const INT32: u8 = 0xc2;
const LZF: u8 = 0xc3;
/// First bytes of lengths of 32 and 64 bits.
const LEN32: u8 = 0x80;
const LEN64: u8 = 0x81;

static CRC: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// Ends a payload: the version of the format and the checksum.
pub fn seal(payload: &mut Vec<u8>) {
    payload.extend(WRITTEN.to_le_bytes());
    let sum = CRC.checksum(payload);
    payload.extend(sum.to_le_bytes());
}

/// The body of a payload whose version and checksum are right.
pub fn open(payload: &[u8]) -> Option<&[u8]> {
    let (rest, sum) = payload.split_last_chunk::<8>()?;
    let (body, version) = rest.split_last_chunk::<2>()?;
    let sum = u64::from_le_bytes(*sum);
    debug_assert_eq!(payload.len() - body.len(), FOOTER);
    // A sum of zero says that there is none: files are written so without `rdbchecksum`, but no payload is.
    (u16::from_le_bytes(*version) <= READ_MAX && CRC.checksum(rest) == sum).then_some(body)
}

/// Writes a length.
fn write_length(n: usize, out: &mut Vec<u8>) {
    match n {
        0..64 => out.push(n as u8),
        64..16384 => out.extend([0x40 | (n >> 8) as u8, n as u8]),
        _ => match u32::try_from(n) {
            Ok(n) => {
                out.push(LEN32);
                out.extend(n.to_be_bytes());
            }
            Err(_) => {
                out.push(LEN64);
                out.extend((n as u64).to_be_bytes());
            }
        },
    }
}

/// Writes a string, compressed if that makes it shorter.
pub fn write_string(text: &[u8], out: &mut Vec<u8>) {
    if text.len() >= COMPRESSED_FROM {
        // Room for four bytes fewer than the text: with less gained it is not worth it.
        let mut packed = vec![0; text.len() - 4];
        if let Ok(n) = lzf_rust::compress(text, &mut packed) {
            out.push(LZF);
            write_length(n, out);
            write_length(text.len(), out);
            out.extend_from_slice(&packed[..n]);
            return;
        }
    }
    write_length(text.len(), out);
    out.extend_from_slice(text);
}

/// Reads through a body.
pub struct Reader<'a> {
    rest: &'a [u8],
    string_max: usize,
}

impl<'a> Reader<'a> {
    /// A reader of `body`, of whose strings none is longer than `string_max`.
    pub fn new(body: &'a [u8], string_max: usize) -> Self {
        Self { rest: body, string_max }
    }

    /// The next byte; `None` at the end.
    pub fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(n)?;
        self.rest = rest;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*bytes)
    }

    /// A length that begins with `first`; `None`: it is none, or too large for this machine.
    fn length_from(&mut self, first: u8) -> Option<usize> {
        match first {
            0..0x40 => Some(first.into()),
            0x40..0x80 => Some(usize::from(first & 0x3f) << 8 | usize::from(self.byte()?)),
            LEN32 => usize::try_from(u32::from_be_bytes(self.array()?)).ok(),
            LEN64 => usize::try_from(u64::from_be_bytes(self.array()?)).ok(),
            _ => None,
        }
    }

    fn length(&mut self) -> Option<usize> {
        let first = self.byte()?;
        self.length_from(first)
    }

    /// The next string; `None`: there is none, or it is not what it says.
    pub fn string(&mut self) -> Option<Vec<u8>> {
        match self.byte()? {
            INT8 => Some(i8::from_le_bytes(self.array()?).to_string().into_bytes()),
            INT16 => Some(i16::from_le_bytes(self.array()?).to_string().into_bytes()),
            INT32 => Some(i32::from_le_bytes(self.array()?).to_string().into_bytes()),
            LZF => {
                let (packed, len) = (self.length()?, self.length()?);
                let packed = self.take(packed)?;
                if len > self.string_max || len > packed.len().saturating_mul(EXPANSION_MAX) {
                    return None;
                }
                let mut text = vec![0; len];
                (lzf_rust::decompress(packed, &mut text) == Ok(len)).then_some(text)
            }
            first => {
                let len = self.length_from(first)?;
                if len > self.string_max { None } else { self.take(len).map(<[u8]>::to_vec) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    const ANY: usize = 512 << 20;

    #[test]
    fn the_checksum_is_that_of_redis() {
        // What `FUNCTION DUMP` of an empty redis-server answers.
        let mut payload = Vec::new();
        seal(&mut payload);
        assert_eq!(payload, b"\n\0]\x9b\\@\x0f\x7f\xa2\xda");
        assert_eq!(open(&payload), Some(&b""[..]));
        for (at, byte) in [(0, 13), (1, 1), (5, 0)] {
            let mut other = payload.clone();
            other[at] = byte;
            assert_eq!(open(&other), None, "{at}");
        }
        assert_eq!(open(b"\0\0\0\0\0\0\0\0\0"), None);
    }

    #[test]
    fn strings_come_back() {
        let mut rng = Rng::new(7);
        for len in [0, 1, 20, 21, 63, 64, 255, 16383, 16384, 100_000] {
            let dull = vec![b'x'; len];
            let wild: Vec<u8> = (0..len).map(|_| rng.next_u64() as u8).collect();
            for text in [dull, wild] {
                let mut out = Vec::new();
                write_string(&text, &mut out);
                assert!(out.len() <= text.len() + 9, "{len}");
                let mut reader = Reader::new(&out, ANY);
                assert_eq!(reader.string(), Some(text));
                assert_eq!(reader.byte(), None);
            }
        }
    }

    #[test]
    fn other_forms_of_strings() {
        for (bytes, text) in [
            (&b"\xc0\xff"[..], Some(&b"-1"[..])),
            (b"\xc1\x00\x80", Some(b"-32768")),
            (b"\xc2\x01\x00\x00\x00", Some(b"1")),
            (b"\x80\0\0\0\x02ab", Some(b"ab")),
            (b"\x81\0\0\0\0\0\0\0\x02ab", Some(b"ab")),
            // A literal byte, then it again, eight times.
            (b"\xc3\x05\x09\x00a\xc0\x00\x00", None),
            (b"\xc3\x04\x09\x00a\xc0\x00", Some(b"aaaaaaaaa")),
            (b"\x05ab", None),
            (b"\x80\xff\xff\xff\xffab", None),
            (b"\x81\xff\xff\xff\xff\xff\xff\xff\xffab", None),
            (b"\xc3\x02\x05\x00a", None),
            // It would be 4 GiB.
            (b"\xc3\x02\x80\xff\xff\xff\xff\x00a", None),
            (b"\xc4\x00", None),
            (b"\x82\x00", None),
            (b"", None),
        ] {
            assert_eq!(Reader::new(bytes, ANY).string().as_deref(), text, "{bytes:?}");
        }
        assert_eq!(Reader::new(b"\x05abcde", 4).string(), None);
    }

    /// Whatever is read: no panic, and no more than the bytes can stand for.
    #[test]
    fn mutated_bytes() {
        let mut rng = Rng::new(11);
        let mut body = Vec::new();
        for text in [&b"short"[..], &[b'y'; 3000], b"#!lua name=lib\nredis.register_function('f', function() end)"] {
            body.push(245);
            write_string(text, &mut body);
        }
        for _ in 0..100_000 {
            let mut bytes = body.clone();
            for _ in 0..1 + rng.next_u64() % 4 {
                let at = rng.next_u64() as usize % bytes.len();
                bytes[at] = rng.next_u64() as u8;
            }
            bytes.truncate(1 + rng.next_u64() as usize % bytes.len());
            let mut reader = Reader::new(&bytes, ANY);
            while reader.byte().is_some() {
                let Some(text) = reader.string() else { break };
                assert!(text.len() <= bytes.len() * EXPANSION_MAX);
            }
        }
    }
}
