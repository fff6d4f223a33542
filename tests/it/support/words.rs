//! Command lines of the tables to arguments, arguments to RESP.
//!
//! Quoting is that of redis-cli: blanks separate, `"…"` knows `\n \r \t \b \a \\ \" \xhh`, `'…'` knows `\'` alone.

/// Splits a command line into its arguments; panics on unbalanced quotes.
#[track_caller]
pub fn split(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = line.trim().as_bytes();
    while !rest.is_empty() {
        let mut word = Vec::new();
        while let Some((&byte, tail)) = rest.split_first() {
            if byte.is_ascii_whitespace() {
                break;
            }
            rest = match byte {
                b'"' => double_quoted(tail, &mut word).unwrap_or_else(|| panic!("unbalanced quotes: {line}")),
                b'\'' => single_quoted(tail, &mut word).unwrap_or_else(|| panic!("unbalanced quotes: {line}")),
                _ => {
                    word.push(byte);
                    tail
                }
            };
        }
        words.push(word);
        rest = rest.trim_ascii_start();
    }
    words
}

fn double_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [b'"', tail @ ..] => return Some(tail),
            [b'\\', b'x', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digits = [*high, *low];
                word.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
                tail
            }
            [b'\\', escaped, tail @ ..] => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                tail
            }
            [byte, tail @ ..] => {
                word.push(*byte);
                tail
            }
            [] => return None,
        };
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [b'\'', tail @ ..] => return Some(tail),
            [b'\\', b'\'', tail @ ..] => {
                word.push(b'\'');
                tail
            }
            [byte, tail @ ..] => {
                word.push(*byte);
                tail
            }
            [] => return None,
        };
    }
}

/// The arguments as a RESP array of bulk strings.
pub fn encode<A: AsRef<[u8]>>(arguments: &[A]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", arguments.len()).into_bytes();
    for argument in arguments {
        let argument = argument.as_ref();
        out.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        out.extend_from_slice(argument);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// [`split`] and [`encode`].
#[track_caller]
pub fn encode_line(line: &str) -> Vec<u8> {
    encode(&split(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_escapes() {
        assert_eq!(split(r#" SET  k "a b\x00\n" '' 'it\'s' "#), [&b"SET"[..], b"k", b"a b\0\n", b"", b"it's"]);
        assert_eq!(encode_line("GET k"), b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
    }
}
