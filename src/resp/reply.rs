//! The reply writer, RESP2 and RESP3.
//!
//! Owns how each kind of reply looks on the wire in either protocol, so that a command says what it means and not how
//! it is spelt. Writes to an [`OutBuf`]; must not know commands.
//!
//! The lines that make up nearly all replies (`:0`, `$32`, `*2`) are rendered at compile time: writing one is a copy
//! of eight bytes of fixed length, cut to size.

use crate::base::num::format_f64;
use bytes::Bytes;

pub use super::out::{Mark, OutBuf, SHARE_MIN};

/// Protocol version of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proto {
    /// The protocol of every client.
    #[default]
    Resp2,
    /// After HELLO 3.
    Resp3,
}

/// Numbers below this have a rendered line.
const LINES: usize = 1000;

/// `?N\r\n` for N below [`LINES`], padded to eight bytes: the type byte goes to the front.
static LINE: [[u8; 8]; LINES] = {
    let mut lines = [[0; 8]; LINES];
    let mut n = 0;
    while n < LINES {
        let mut at = 1;
        let mut unit = if n >= 100 {
            100
        } else if n >= 10 {
            10
        } else {
            1
        };
        while unit > 0 {
            lines[n][at] = b'0' + (n / unit % 10) as u8;
            at += 1;
            unit /= 10;
        }
        lines[n][at] = b'\r';
        lines[n][at + 1] = b'\n';
        n += 1;
    }
    lines
};

/// An aggregate whose header is not yet known; see `Reply::defer`.
#[derive(Clone, Copy, Debug)]
#[must_use = "the reply is malformed until the length is set"]
pub struct Deferred {
    at: usize,
}

/// What stands for the header of a deferred aggregate: as long as the header of one of less than ten elements.
const DEFERRED: &[u8] = b"*0\r\n";

/// Writes replies to a connection's output.
pub struct Reply<'a> {
    out: &'a mut OutBuf,
    proto: Proto,
    errors: u32,
    /// Where the text of the last error starts in the buffer.
    error_at: usize,
}

impl<'a> Reply<'a> {
    /// A writer in protocol `proto`, behind what `out` holds.
    #[inline]
    pub fn new(out: &'a mut OutBuf, proto: Proto) -> Reply<'a> {
        Reply { out, proto, errors: 0, error_at: 0 }
    }

    /// The protocol.
    #[inline]
    pub fn proto(&self) -> Proto {
        self.proto
    }

    /// Changes the protocol of what follows (HELLO).
    pub fn set_proto(&mut self, proto: Proto) {
        self.proto = proto;
    }

    #[inline]
    fn resp3(&self) -> bool {
        self.proto == Proto::Resp3
    }

    /// The output.
    #[inline]
    pub fn out(&self) -> &OutBuf {
        self.out
    }

    /// The present end of the output.
    #[inline]
    pub fn mark(&self) -> Mark {
        self.out.mark()
    }

    /// Drops what was written after `mark`. Errors among it stay counted.
    pub fn truncate(&mut self, mark: Mark) {
        self.out.truncate(mark);
    }

    /// Bytes that are complete replies, or parts of one, as they stand.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend(bytes);
    }

    /// Messages that are complete as they stand, written by `f`.
    pub fn mail(&mut self, f: impl FnOnce(&mut OutBuf)) {
        f(self.out);
    }

    /// `+OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.out.extend(b"+OK\r\n");
    }

    /// A status. Line ends in it become spaces.
    pub fn simple(&mut self, text: &str) {
        self.text_line(b'+', text.as_bytes());
    }

    /// An error; `text` starts with its code: `ERR syntax error`. Line ends in it become spaces.
    pub fn error(&mut self, text: &str) {
        self.error_bytes(text.as_bytes());
    }

    /// `error` of a text that holds a client's bytes, UTF-8 or not.
    pub fn error_bytes(&mut self, text: &[u8]) {
        self.errors += 1;
        self.error_at = self.out.bytes.len() + 1;
        self.text_line(b'-', text);
    }

    /// `error_bytes` of a text in parts.
    pub fn error_parts(&mut self, parts: &[&[u8]]) {
        self.errors += 1;
        self.error_at = self.out.bytes.len() + 1;
        self.out.extend(b"-");
        let at = self.out.bytes.len();
        parts.iter().for_each(|part| self.out.extend(part));
        for byte in &mut self.out.bytes[at..] {
            if matches!(*byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        self.out.extend(b"\r\n");
    }

    /// Errors written so far.
    #[inline]
    pub fn errors(&self) -> u32 {
        self.errors
    }

    /// The first word of the last error (`ERR`, `WRONGTYPE`); empty where there is none, or it was dropped.
    pub fn last_error_code(&self) -> &[u8] {
        if self.errors == 0 {
            return b"";
        }
        let text = self.out.bytes.get(self.error_at..).unwrap_or_default();
        text.split(|byte| matches!(byte, b' ' | b'\r')).next().unwrap_or_default()
    }

    fn text_line(&mut self, kind: u8, text: &[u8]) {
        let bytes = &mut self.out.bytes;
        bytes.push(kind);
        let start = bytes.len();
        bytes.extend_from_slice(text);
        if memchr::memchr2(b'\r', b'\n', text).is_some() {
            for byte in &mut bytes[start..] {
                if matches!(*byte, b'\r' | b'\n') {
                    *byte = b' ';
                }
            }
        }
        bytes.extend_from_slice(b"\r\n");
    }

    /// `kind`, a number, a line end.
    #[inline]
    fn line(&mut self, kind: u8, n: u64) {
        match LINE.get(n as usize) {
            Some(line) => {
                let mut line = *line;
                line[0] = kind;
                let digits = 1 + usize::from(n >= 10) + usize::from(n >= 100);
                let end = self.out.bytes.len() + digits + 3;
                // A copy of fixed length is one store; of a variable one, a call.
                self.out.bytes.extend_from_slice(&line);
                self.out.bytes.truncate(end);
            }
            None => self.long_line(kind, itoa::Buffer::new().format(n)),
        }
    }

    fn long_line(&mut self, kind: u8, digits: &str) {
        self.out.bytes.push(kind);
        self.out.extend(digits.as_bytes());
        self.out.extend(b"\r\n");
    }

    /// An integer.
    #[inline]
    pub fn int(&mut self, n: i64) {
        match u64::try_from(n) {
            Ok(n) => self.line(b':', n),
            Err(_) => self.long_line(b':', itoa::Buffer::new().format(n)),
        }
    }

    /// A string.
    #[inline]
    pub fn bulk(&mut self, value: &[u8]) {
        self.line(b'$', value.len() as u64);
        self.out.extend(value);
        self.out.extend(b"\r\n");
    }

    /// A string, or null.
    #[inline]
    pub fn bulk_or_null(&mut self, value: Option<&[u8]>) {
        match value {
            Some(value) => self.bulk(value),
            None => self.null(),
        }
    }

    /// A string that is shared, not copied, from [`SHARE_MIN`] bytes on.
    #[inline]
    pub fn shared(&mut self, value: Bytes) {
        self.line(b'$', value.len() as u64);
        self.out.attach(value);
        self.out.extend(b"\r\n");
    }

    /// A string that is the decimal form of `n`.
    #[inline]
    pub fn bulk_int(&mut self, n: i64) {
        self.bulk(itoa::Buffer::new().format(n).as_bytes());
    }

    /// Nothing: `$-1`, or `_` in RESP3.
    #[inline]
    pub fn null(&mut self) {
        self.out.extend(if self.resp3() { b"_\r\n" } else { b"$-1\r\n" });
    }

    /// Nothing in place of an array: `*-1`, or `_` in RESP3.
    #[inline]
    pub fn null_array(&mut self) {
        self.out.extend(if self.resp3() { b"_\r\n" } else { b"*-1\r\n" });
    }

    /// An array of `n` elements, which follow.
    #[inline]
    pub fn array(&mut self, n: usize) {
        self.line(b'*', n as u64);
    }

    /// A map of `n` pairs, which follow; in RESP2 an array of keys and values.
    pub fn map(&mut self, n: usize) {
        if self.resp3() { self.line(b'%', n as u64) } else { self.array(n * 2) }
    }

    /// A set of `n` elements, which follow; in RESP2 an array.
    pub fn set(&mut self, n: usize) {
        self.line(if self.resp3() { b'~' } else { b'*' }, n as u64);
    }

    /// A message of `n` elements, which follow, that answers no command; in RESP2 an array.
    pub fn push(&mut self, n: usize) {
        self.line(if self.resp3() { b'>' } else { b'*' }, n as u64);
    }

    /// Whether attributes can be sent; then `n` pairs follow, and behind them the reply that they describe. In RESP2
    /// writes nothing, and the caller leaves the pairs out.
    #[must_use]
    pub fn attribute(&mut self, n: usize) -> bool {
        if self.resp3() {
            self.line(b'|', n as u64);
        }
        self.resp3()
    }

    /// A floating-point number; in RESP2 a string. In the fewest digits, as Redis prints one from 7.2 on in either
    /// protocol ([`format_f64`]).
    pub fn double(&mut self, n: f64) {
        let bytes = &mut self.out.bytes;
        if self.proto == Proto::Resp3 {
            bytes.push(b',');
            format_f64(n, bytes);
        } else {
            // The length is known after the text, and has two digits or one.
            let at = bytes.len();
            bytes.extend_from_slice(b"$00\r\n");
            let start = bytes.len();
            format_f64(n, bytes);
            let len = (bytes.len() - start) as u8;
            bytes[at + 1] += len / 10;
            bytes[at + 2] += len % 10;
            if len < 10 {
                bytes.remove(at + 1);
            }
        }
        bytes.extend_from_slice(b"\r\n");
    }

    /// A truth value; in RESP2 the integer 1 or 0.
    pub fn bool(&mut self, value: bool) {
        self.out.extend(match (self.resp3(), value) {
            (true, true) => b"#t\r\n",
            (true, false) => b"#f\r\n",
            (false, true) => b":1\r\n",
            (false, false) => b":0\r\n",
        });
    }

    /// Text of a format, `txt` or `mkd`; in RESP2 a string.
    pub fn verbatim(&mut self, format: &[u8; 3], text: &[u8]) {
        if !self.resp3() {
            return self.bulk(text);
        }
        self.line(b'=', text.len() as u64 + 4);
        self.out.extend(format);
        self.out.extend(b":");
        self.out.extend(text);
        self.out.extend(b"\r\n");
    }

    /// An integer of any size, in decimal; in RESP2 a string.
    pub fn big_number(&mut self, digits: &str) {
        self.big_number_bytes(digits.as_bytes());
    }

    /// `big_number` of whatever bytes a script says are one.
    pub fn big_number_bytes(&mut self, digits: &[u8]) {
        if self.resp3() {
            return self.text_line(b'(', digits);
        }
        let one_line = |byte: &u8| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte };
        self.bulk(&digits.iter().map(one_line).collect::<Vec<_>>());
    }

    /// `simple` of a text that need not be UTF-8.
    pub fn simple_bytes(&mut self, text: &[u8]) {
        self.text_line(b'+', text);
    }

    /// Starts an aggregate whose length is not yet known; `set_array`, `set_map`, `set_set` or `set_push` ends it.
    /// They nest: what was deferred last is set first.
    pub fn defer_array(&mut self) -> Deferred {
        let at = self.out.bytes.len();
        self.out.extend(DEFERRED);
        Deferred { at }
    }

    /// Makes the deferred aggregate an array of `n` elements. Free below 10, else moves what was written since.
    pub fn set_array(&mut self, at: Deferred, n: usize) {
        self.set_header(at, b'*', n);
    }

    /// Makes the deferred aggregate a map of `n` pairs.
    pub fn set_map(&mut self, at: Deferred, n: usize) {
        if self.resp3() { self.set_header(at, b'%', n) } else { self.set_array(at, n * 2) }
    }

    /// Makes the deferred aggregate a set of `n` elements.
    pub fn set_set(&mut self, at: Deferred, n: usize) {
        self.set_header(at, if self.resp3() { b'~' } else { b'*' }, n);
    }

    /// Makes the deferred aggregate a push message of `n` elements.
    pub fn set_push(&mut self, at: Deferred, n: usize) {
        self.set_header(at, if self.resp3() { b'>' } else { b'*' }, n);
    }

    fn set_header(&mut self, Deferred { at }: Deferred, kind: u8, n: usize) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(n).as_bytes();
        let mut header = [0; 24];
        header[0] = kind;
        header[1..=digits.len()].copy_from_slice(digits);
        header[digits.len() + 1..digits.len() + 3].copy_from_slice(b"\r\n");
        let len = digits.len() + 3;
        if self.error_at > at {
            self.error_at += len - DEFERRED.len();
        }
        self.out.splice(at, DEFERRED.len(), &header[..len]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `write` writes in RESP2 and in RESP3.
    fn both(write: impl Fn(&mut Reply<'_>)) -> [String; 2] {
        [Proto::Resp2, Proto::Resp3].map(|proto| {
            let mut out = OutBuf::new();
            write(&mut Reply::new(&mut out, proto));
            String::from_utf8(out.to_vec()).unwrap()
        })
    }

    #[test]
    fn every_kind_in_both_protocols() {
        type Case = (fn(&mut Reply<'_>), &'static str, &'static str);
        let cases: [Case; 20] = [
            (|r| r.ok(), "+OK\r\n", "+OK\r\n"),
            (|r| r.simple("a\nb"), "+a b\r\n", "+a b\r\n"),
            (|r| r.error("ERR a\r\nb"), "-ERR a  b\r\n", "-ERR a  b\r\n"),
            (|r| r.bulk(b"ab"), "$2\r\nab\r\n", "$2\r\nab\r\n"),
            (|r| r.bulk_or_null(None), "$-1\r\n", "_\r\n"),
            (|r| r.bulk_int(-12), "$3\r\n-12\r\n", "$3\r\n-12\r\n"),
            (|r| r.null_array(), "*-1\r\n", "_\r\n"),
            (|r| r.array(3), "*3\r\n", "*3\r\n"),
            (|r| r.map(3), "*6\r\n", "%3\r\n"),
            (|r| r.set(3), "*3\r\n", "~3\r\n"),
            (|r| r.push(3), "*3\r\n", ">3\r\n"),
            (|r| assert_eq!(r.attribute(1), r.proto() == Proto::Resp3), "", "|1\r\n"),
            (|r| r.double(0.1), "$3\r\n0.1\r\n", ",0.1\r\n"),
            (|r| r.double(f64::INFINITY), "$3\r\ninf\r\n", ",inf\r\n"),
            (|r| r.bool(true), ":1\r\n", "#t\r\n"),
            (|r| r.bool(false), ":0\r\n", "#f\r\n"),
            (|r| r.verbatim(b"txt", b"hi"), "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"),
            (|r| r.big_number("123"), "$3\r\n123\r\n", "(123\r\n"),
            (|r| r.raw(b":1\r\n"), ":1\r\n", ":1\r\n"),
            (|r| r.set_proto(Proto::Resp2), "", ""),
        ];
        for (i, (write, resp2, resp3)) in cases.into_iter().enumerate() {
            assert_eq!(both(write), [resp2, resp3], "case {i}");
        }
    }

    #[test]
    fn integers_and_lengths_of_every_size() {
        let edges = [0, 1, 9, 10, 11, 99, 100, 101, 255, 256, 999, 1000, 1001, 65535, i64::MAX, i64::MIN, -1, -10];
        for n in edges {
            assert_eq!(both(|r| r.int(n))[0], format!(":{n}\r\n"));
        }
        for len in [0, 9, 10, 99, 100, 999, 1000, 4096] {
            let value = "v".repeat(len);
            assert_eq!(both(|r| r.bulk(value.as_bytes()))[1], format!("${len}\r\n{value}\r\n"));
        }
    }

    #[test]
    fn large_values_are_shared() {
        let value = Bytes::from(vec![b'v'; SHARE_MIN]);
        let mut out = OutBuf::new();
        Reply::new(&mut out, Proto::Resp2).shared(value.clone());
        assert!(out.is_vectored());
        assert_eq!(out.len(), 8 + SHARE_MIN + 2);
        assert_eq!(out.front(), b"$16384\r\n");
        Reply::new(&mut out, Proto::Resp2).shared(value.slice(1..));
        assert_eq!(out.bytes.len(), 8 + 2 + 8 + SHARE_MIN - 1 + 2);
    }

    #[test]
    fn deferred_lengths_nest_and_move_values() {
        for n in [0, 1, 9, 10, 999, 1000, 123_456] {
            let mut out = OutBuf::new();
            let value = Bytes::from(vec![b'v'; SHARE_MIN]);
            let mut reply = Reply::new(&mut out, Proto::Resp3);
            reply.shared(value.clone());
            let outer = reply.defer_array();
            let inner = reply.defer_array();
            reply.shared(value.clone());
            reply.error("CODE x");
            reply.set_set(inner, n);
            assert_eq!(reply.last_error_code(), b"CODE");
            reply.set_map(outer, n);
            assert_eq!(reply.last_error_code(), b"CODE");
            let value = "v".repeat(SHARE_MIN);
            let expected = format!("$16384\r\n{value}\r\n%{n}\r\n~{n}\r\n$16384\r\n{value}\r\n-CODE x\r\n");
            assert!(out.to_vec() == expected.as_bytes(), "{n}");
            assert_eq!(out.len(), expected.len());
        }
    }

    #[test]
    fn errors_are_counted_and_named() {
        let mut out = OutBuf::new();
        let mut reply = Reply::new(&mut out, Proto::Resp2);
        assert_eq!(reply.last_error_code(), b"");
        reply.error("ERR syntax error");
        reply.error_bytes(b"WRONGTYPE \xff");
        let mark = reply.mark();
        assert_eq!((reply.errors(), reply.last_error_code()), (2, &b"WRONGTYPE"[..]));
        reply.error("BUSY");
        assert_eq!(reply.last_error_code(), b"BUSY");
        reply.truncate(mark);
        assert_eq!((reply.errors(), reply.last_error_code()), (3, &b""[..]));
    }

    #[test]
    fn doubles_in_the_fewest_digits() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (3.0, "3"),
            (-17.0, "-17"),
            (0.1, "0.1"),
            (1e9, "1000000000"),
            (123456789.0, "123456789"),
            (1234567.5, "1234567.5"),
            (12345678.5, "12345678.5"),
            (1e17, "100000000000000000"),
            (1.7e308, "1.7e+308"),
            (0.1 + 0.2, "0.30000000000000004"),
            (-1.234_567_890_123_456_8e-300, "-1.2345678901234568e-300"),
            (f64::NAN, "nan"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (n, text) in cases {
            let [resp2, resp3] = both(|r| r.double(n));
            assert_eq!(resp2, format!("${}\r\n{text}\r\n", text.len()));
            assert_eq!(resp3, format!(",{text}\r\n"));
        }
    }
}
