//! Inline requests: a line of words, as a person types it.
//!
//! Owns the quoting rules. `"…"` knows `\n \r \t \b \a \xHH` and takes any other escaped byte as itself; `'…'` knows
//! `\'` alone; a quote may open inside a word, and closes the word. Must not know where a line ends: the parser does.

use std::ops::Range;

use bytes::Bytes;

use super::args::{ArgRange, BIG_ARG, Batch};
use super::request::ProtocolError;

/// Splits the line `line` of `buf` (without its `\n`) and appends its words to `batch.args`; a word that is not in
/// the buffer as it stands goes to `batch.bigs`. On an error nothing is appended.
pub(super) fn split(buf: &[u8], line: Range<usize>, batch: &mut Batch) -> Result<(), ProtocolError> {
    let (args, bigs) = (batch.args.len(), batch.bigs.len());
    let mut at = line.start;
    let text = &buf[..line.end];
    loop {
        while text.get(at).is_some_and(|&byte| is_space(byte)) {
            at += 1;
        }
        if at >= text.len() {
            return Ok(());
        }
        match word(text, at, batch) {
            Some(next) => at = next,
            None => {
                batch.args.truncate(args);
                batch.bigs.truncate(bigs);
                return Err(ProtocolError::UnbalancedQuotes);
            }
        }
    }
}

/// C's `isspace`.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Appends the word at `at`; returns the offset behind it, or `None` where its quotes are not balanced.
fn word(text: &[u8], at: usize, batch: &mut Batch) -> Option<usize> {
    let stop = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'');
    let plain = text[at..].iter().position(stop).map_or(text.len(), |i| at + i);
    match text.get(plain) {
        Some(&quote @ (b'"' | b'\'')) => {
            let mut word = text[at..plain].to_vec();
            let next = quoted(text, plain + 1, quote, &mut word)?;
            batch.args.push(ArgRange::big(batch.bigs.len()));
            batch.bigs.push(Bytes::from(word));
            Some(next)
        }
        _ => {
            if plain - at >= BIG_ARG {
                batch.args.push(ArgRange::big(batch.bigs.len()));
                batch.bigs.push(Bytes::copy_from_slice(&text[at..plain]));
            } else {
                batch.args.push(ArgRange::plain(at, plain - at));
            }
            Some(plain)
        }
    }
}

/// Appends what stands between `at` and the closing `quote` to `word`; returns the offset behind the quote.
fn quoted(text: &[u8], mut at: usize, quote: u8, word: &mut Vec<u8>) -> Option<usize> {
    loop {
        let byte = *text.get(at)?;
        at += 1;
        if byte == quote {
            let ends = text.get(at).is_none_or(|&byte| is_space(byte));
            return ends.then_some(at);
        }
        if byte != b'\\' {
            word.push(byte);
            continue;
        }
        let escaped = text.get(at).copied();
        let (byte, used) = match (quote, escaped) {
            (b'"', Some(b'x')) => hex_byte(text, at + 1).map_or((b'x', 1), |byte| (byte, 3)),
            (b'"', Some(letter)) => (unescape(letter), 1),
            (b'\'', Some(b'\'')) => (b'\'', 1),
            _ => (b'\\', 0),
        };
        word.push(byte);
        at += used;
    }
}

/// The byte that two hexadecimal digits at `at` stand for.
fn hex_byte(text: &[u8], at: usize) -> Option<u8> {
    let digit = |i: usize| char::from(*text.get(i)?).to_digit(16);
    Some((digit(at)? * 16 + digit(at + 1)?) as u8)
}

/// The byte that `\letter` stands for in double quotes.
fn unescape(letter: u8) -> u8 {
    match letter {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::args::CommandSpan;

    /// The words of a line; each case was seen from redis-server.
    fn words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mut batch = Batch::default();
        split(line, 0..line.len(), &mut batch).ok()?;
        batch.commands.push(CommandSpan { first_arg: 0, args: batch.args.len() as u32, end: 0, bytes: 0 });
        Some(batch.view(line, 0).iter().map(<[u8]>::to_vec).collect())
    }

    #[test]
    fn splits_as_redis_does() {
        let cases: [(&[u8], &[&[u8]]); 18] = [
            (b"", &[]),
            (b"\x0b", &[]),
            (b"  PING  \r", &[b"PING"]),
            (b"a\tb\rc", &[b"a", b"b", b"c"]),
            (b"\x0bPING\x0c", &[b"PING\x0c"]),
            (b"a\x0bb", &[b"a\x0bb"]),
            (b"\"a\"\x0b", &[b"a"]),
            (b"\"\" ''", &[b"", b""]),
            (b"\"a\\x41\\n\\q\"", &[b"aA\nq"]),
            (b"\"\\r\\t\\b\\a\\\\\"", &[b"\r\t\x08\x07\\"]),
            (b"\"\\xzz\\x4\"", &[b"xzzx4"]),
            (b"\"\\xfF\"", &[b"\xff"]),
            (b"\"a\\\"b\"", &[b"a\"b"]),
            (b"'a\\'b\\n'", &[b"a'b\\n"]),
            (b"'a\"b'", &[b"a\"b"]),
            (b"\"a'b\"", &[b"a'b"]),
            (b"a\"b c\"", &[b"ab c"]),
            (b"a\\nb", &[b"a\\nb"]),
        ];
        for (line, expected) in cases {
            let got = words(line).unwrap();
            assert!(got.iter().map(Vec::as_slice).eq(expected.iter().copied()), "{}: {got:?}", line.escape_ascii());
        }
    }

    #[test]
    fn refuses_unbalanced_quotes() {
        for line in [&b"\"abc"[..], b"\"a\"b", b"'", b"\"abc\\", b"'abc\\'", b"a 'b'\"c\""] {
            assert_eq!(words(line), None, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn long_words_are_big() {
        let line = vec![b'x'; BIG_ARG];
        let mut batch = Batch::default();
        split(&line, 0..line.len(), &mut batch).unwrap();
        assert_eq!(batch.bigs, [Bytes::from(line)]);
    }
}
