//! Expectations of the tables: what a reply has to look like.
//!
//! A closed, small language over the rendered reply (see `Value::render`), in place of regular expressions:
//! - `:1`, `word`, `[a, b]` …: exactly this;
//! - `:90..100`: an integer in this inclusive range;
//! - `~text*<1..5>`: `*` is any text, `<a..b>` an integer in the range, `\*` and `\<` the character, the rest literal;
//! - `unordered [a, b]`: an array or set of these elements in any order; `unordered2 [f, v, g, w]`: of these pairs;
//! - `oneof a | b`: any of these.

use super::Value;

/// Whether the reply is as expected.
pub fn matches(expected: &str, reply: &Value) -> bool {
    if let Some(pattern) = expected.strip_prefix('~') {
        return glob(pattern.as_bytes(), reply.render().as_bytes());
    }
    if let Some(list) = expected.strip_prefix("oneof ") {
        return list.split(" | ").any(|one| matches(one, reply));
    }
    if let Some(list) = expected.strip_prefix("unordered2 ") {
        return same_elements(list, reply, 2);
    }
    if let Some(list) = expected.strip_prefix("unordered ") {
        return same_elements(list, reply, 1);
    }
    if let (Some((low, high)), Value::Int(n)) = (range(expected), reply) {
        return (low..=high).contains(n);
    }
    expected == reply.render()
}

/// `:low..high`
fn range(expected: &str) -> Option<(i64, i64)> {
    let (low, high) = expected.strip_prefix(':')?.split_once("..")?;
    Some((low.parse().ok()?, high.parse().ok()?))
}

fn same_elements(list: &str, reply: &Value, group: usize) -> bool {
    let values = match reply {
        Value::Array(values) | Value::Set(values) => values.clone(),
        Value::Map(pairs) => pairs.iter().flat_map(|(k, v)| [k.clone(), v.clone()]).collect(),
        _ => return false,
    };
    let mut expected: Vec<Vec<String>> = elements(list).chunks(group).map(<[String]>::to_vec).collect();
    let mut got: Vec<Vec<String>> =
        values.chunks(group).map(|chunk| chunk.iter().map(Value::render).collect()).collect();
    expected.sort();
    got.sort();
    expected == got
}

/// Splits `[a, [b, c], 'd, e']` at its top-level commas.
fn elements(list: &str) -> Vec<String> {
    let inner = list.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(list);
    let (mut out, mut element, mut depth, mut quoted, mut escaped) = (Vec::new(), String::new(), 0, false, false);
    for c in inner.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' => quoted = !quoted,
            '[' | '{' if !quoted => depth += 1,
            ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                out.push(std::mem::take(&mut element).trim().to_owned());
                continue;
            }
            _ => {}
        }
        element.push(c);
    }
    if !element.trim().is_empty() {
        out.push(element.trim().to_owned());
    }
    out
}

/// Matches with backtracking; the patterns are short and ours.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', rest @ ..] => (0..=text.len()).any(|skip| glob(rest, &text[skip..])),
        [b'\\', literal @ (b'*' | b'<'), rest @ ..] => text.first() == Some(literal) && glob(rest, &text[1..]),
        [b'<', rest @ ..] => match number_range(rest) {
            Some((low, high, after)) => {
                let digits = text.iter().skip(1).take_while(|b| b.is_ascii_digit()).count()
                    + usize::from(text.first().is_some_and(|b| b.is_ascii_digit() || *b == b'-'));
                let number = std::str::from_utf8(&text[..digits]).ok().and_then(|t| t.parse::<i64>().ok());
                number.is_some_and(|n| (low..=high).contains(&n)) && glob(after, &text[digits..])
            }
            None => text.first() == Some(&b'<') && glob(rest, &text[1..]),
        },
        [byte, rest @ ..] => text.first() == Some(byte) && glob(rest, &text[1..]),
    }
}

/// `low..high>` and what follows.
fn number_range(rest: &[u8]) -> Option<(i64, i64, &[u8])> {
    let end = rest.iter().position(|b| *b == b'>')?;
    let (low, high) = std::str::from_utf8(&rest[..end]).ok()?.split_once("..")?;
    Some((low.parse().ok()?, high.parse().ok()?, &rest[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language() {
        let bulk = |text: &str| Value::Bulk(text.into());
        let list = Value::Array(vec![bulk("a"), Value::Int(7), bulk("x, y")]);
        assert!(matches("[a, :7, 'x, y']", &list));
        assert!(matches("unordered ['x, y', a, :7]", &list));
        assert!(!matches("unordered ['x, y', a, :8]", &list));
        assert!(matches("unordered2 [c, d, a, b]", &Value::Array(["a", "b", "c", "d"].map(bulk).to_vec())));
        assert!(!matches("unordered2 [a, d, c, b]", &Value::Array(["a", "b", "c", "d"].map(bulk).to_vec())));
        assert!(matches("~[a, :<5..9>, *]", &list));
        assert!(!matches("~[a, :<8..9>, *]", &list));
        assert!(matches(":-3..3", &Value::Int(-3)) && !matches(":-3..3", &Value::Int(4)));
        assert!(matches("oneof :1 | :2..4", &Value::Int(3)));
        assert!(matches(r"~a\*<b*", &bulk("a*<bcd")));
    }
}
