//! Words of a line: splitting with quotes, and quoting so that splitting gives the same words back.
//!
//! The grammar is that of Redis's inline commands and config files: blanks separate words, `"…"` knows `\n \r \t \b
//! \a \\ \" \xHH`, `'…'` knows `\'`, and a closing quote ends its word.

/// The words of a line, or `None` where a quote is not closed or is followed by more of a word.
///
/// Bytes that are no UTF-8 once unescaped are replaced. O(length).
pub fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = line.as_bytes();
    loop {
        rest = rest.trim_ascii_start();
        if rest.is_empty() || rest[0] == 0 {
            return Some(words);
        }
        let (word, tail) = word(rest)?;
        words.push(String::from_utf8_lossy(&word).into_owned());
        rest = tail;
    }
}

fn word(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    while let Some((&byte, tail)) = rest.split_first() {
        match byte {
            b'"' | b'\'' => {
                let after = quoted(byte, tail, &mut word)?;
                let ends = after.first().is_none_or(u8::is_ascii_whitespace);
                return ends.then_some((word, after));
            }
            _ if byte.is_ascii_whitespace() || byte == 0 => break,
            _ => word.push(byte),
        }
        rest = tail;
    }
    Some((word, rest))
}

/// Reads up to the closing `quote`; gives what follows it.
fn quoted<'a>(quote: u8, mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        let (&byte, tail) = rest.split_first()?;
        rest = tail;
        match (byte, quote) {
            (b'\\', b'"') => rest = escape(rest, word)?,
            (b'\\', b'\'') if rest.first() == Some(&b'\'') => {
                word.push(b'\'');
                rest = &rest[1..];
            }
            _ if byte == quote => return Some(rest),
            _ => word.push(byte),
        }
    }
}

fn escape<'a>(rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    if let [b'x', high, low, tail @ ..] = rest
        && let (Some(high), Some(low)) = (hex(*high), hex(*low))
    {
        word.push(high << 4 | low);
        return Some(tail);
    }
    let (&byte, tail) = rest.split_first()?;
    word.push(match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    });
    Some(tail)
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// The word in double quotes, with everything but printable ASCII escaped.
pub fn quote(word: &str) -> String {
    let mut out = String::with_capacity(word.len() + 2);
    out.push('"');
    for byte in word.bytes() {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            7 => out.push_str("\\a"),
            8 => out.push_str("\\b"),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::{quote, split};

    #[test]
    fn words_and_quotes() {
        let cases: &[(&str, Option<&[&str]>)] = &[
            ("", Some(&[])),
            ("  port\t 1 \r", Some(&["port", "1"])),
            (r#"a "" ''"#, Some(&["a", "", ""])),
            (r#""a b" 'c "d'"#, Some(&["a b", "c \"d"])),
            (r#""\x41\n\t\q\"""#, Some(&["A\n\tq\""])),
            (r"'it\'s'", Some(&["it's"])),
            (r#"pre"quoted" x"#, Some(&["prequoted", "x"])),
            (r#""a"b"#, None),
            ("'a'b", None),
            (r#""open"#, None),
            (r#""open\"#, None),
        ];
        for (line, want) in cases {
            let want = want.map(|words| words.iter().map(|&w| w.to_owned()).collect::<Vec<_>>());
            assert_eq!(split(line), want, "{line}");
        }
    }

    #[test]
    fn quoting_round_trips() {
        for word in ["", "a", "a b", "\"'\\", "\n\r\t\u{7}\u{8}\0", "käse"] {
            assert_eq!(split(&quote(word)), Some(vec![word.to_owned()]), "{word:?}");
        }
    }
}
