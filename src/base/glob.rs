//! Redis's glob patterns: KEYS, SCAN MATCH, PSUBSCRIBE, ACL rules, CONFIG GET.
//!
//! Owns the meaning of `*`, `?`, `[a-z]`, `[^a]` and `\`. Must not know what is matched. Patterns come from clients, so
//! the matcher keeps one way back (the last `*`) instead of recursing: a star can take over from an earlier one,
//! because what lies between them has matched as far left as it can. At most O(pattern * text) time, no memory.

/// True if the whole `text` matches `pattern`; `nocase` folds ASCII letters.
///
/// `*` any run, `?` any byte, `[...]` one of a set (`^` first negates, `a-c` and `c-a` are ranges, a missing `]` is
/// forgiven), `\x` the byte x itself, inside a set too. Empty text matches an empty pattern and `*` alone (`**` needs a
/// byte: so do Redis's matcher and the short cut for `*` that its commands take before it).
pub fn glob_match(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    if text.is_empty() {
        return matches!(pattern, b"" | b"*");
    }
    let (mut p, mut t) = (0, 0);
    // After the last star: where the pattern goes on, and the first text position not yet tried there.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            if p == pattern.len() {
                return true;
            }
            retry = Some((p, t + 1));
            continue;
        }
        if let Some(next) = match_one(pattern, p, text[t], nocase) {
            p = next;
            t += 1;
            continue;
        }
        let Some((after_star, again)) = retry else {
            return false;
        };
        p = after_star;
        t = again;
        retry = Some((after_star, again + 1));
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// Matches one byte with the pattern's element at `p` (not a star); returns where the next element starts.
#[inline]
fn match_one(pattern: &[u8], p: usize, byte: u8, nocase: bool) -> Option<usize> {
    match *pattern.get(p)? {
        b'?' => Some(p + 1),
        b'[' => {
            let (matched, next) = match_set(pattern, p + 1, byte, nocase);
            matched.then_some(next)
        }
        b'\\' if p + 1 < pattern.len() => same(pattern[p + 1], byte, nocase).then_some(p + 2),
        literal => same(literal, byte, nocase).then_some(p + 1),
    }
}

/// Matches one byte with a set whose first byte after `[` is at `p`; returns the verdict and where the set ends.
fn match_set(pattern: &[u8], mut p: usize, byte: u8, nocase: bool) -> (bool, usize) {
    let negated = pattern.get(p) == Some(&b'^');
    if negated {
        p += 1;
    }
    let mut found = false;
    loop {
        match pattern.get(p..).unwrap_or_default() {
            [] => break,
            // An escaped byte keeps its case, as in Redis.
            [b'\\', escaped, ..] => {
                found |= *escaped == byte;
                p += 2;
            }
            [b']', ..] => {
                p += 1;
                break;
            }
            [from, b'-', to, ..] => {
                found |= in_range(*from, *to, byte, nocase);
                p += 3;
            }
            [literal, ..] => {
                found |= same(*literal, byte, nocase);
                p += 1;
            }
        }
    }
    (found != negated, p)
}

fn in_range(from: u8, to: u8, byte: u8, nocase: bool) -> bool {
    // Order first, fold after: `[Z-a]` without case is empty, as in Redis.
    let (low, high) = (from.min(to), from.max(to));
    if nocase {
        (low.to_ascii_lowercase()..=high.to_ascii_lowercase()).contains(&byte.to_ascii_lowercase())
    } else {
        (low..=high).contains(&byte)
    }
}

#[inline]
fn same(a: u8, b: u8, nocase: bool) -> bool {
    a == b || (nocase && a.eq_ignore_ascii_case(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::oracle::{Answer, Oracle};
    use crate::base::rng::Rng;

    #[test]
    fn matches_as_redis() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("**", "", false),
            ("", "", true),
            ("", "a", false),
            ("?", "", false),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a**c", "ac", true),
            ("*b", "abc", false),
            ("*a?c", "aabc", true),
            ("h?llo", "hello", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hallo", true),
            ("h[a-c]llo", "hbllo", true),
            ("h[c-a]llo", "hbllo", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("a\\", "a\\", true),
            ("[\\]]", "]", true),
            ("[]", "a", false),
            ("[^]", "a", true),
            ("[a", "a", true),
            ("[", "[", false),
            ("[^", "a", true),
            ("[a-", "-", true),
            ("[ab]*[yz]", "a-z", true),
            ("*[0-9]x", "5x6x", true),
        ] {
            assert_eq!(glob_match(pattern.as_bytes(), text.as_bytes(), false), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn folds_case_when_asked() {
        for (pattern, text, expected) in [
            ("MaX*", "maxmemory", true),
            ("[A-C]", "b", true),
            ("[Z-a]", "z", false),
            ("[\\A]", "a", false),
            ("\\A", "a", true),
        ] {
            assert_eq!(glob_match(pattern.as_bytes(), text.as_bytes(), true), expected, "{pattern} {text}");
        }
        assert!(!glob_match(b"A", b"a", false));
    }

    #[test]
    fn many_stars_stay_cheap() {
        let text = vec![b'a'; 50_000];
        let mut pattern = b"*a".repeat(200);
        pattern.push(b'b');
        assert!(!glob_match(&pattern, &text, false));
        pattern.pop();
        assert!(glob_match(&pattern, &text, false));
    }

    #[test]
    fn oracle_agrees() {
        let Some(mut oracle) = Oracle::start() else { return };
        let mut rng = Rng::new(2);
        let texts: Vec<Vec<u8>> = (0..200).map(|_| random_bytes(&mut rng, b"abc]-^\\[*", 6)).collect();
        for text in &texts {
            oracle.ask(&[b"SET", text, b""]);
        }
        for _ in 0..20_000 {
            let pattern = random_bytes(&mut rng, b"abc*?[]^-\\", 9);
            let Answer::Array(keys) = oracle.ask(&[b"KEYS", &pattern]) else { panic!("KEYS") };
            for text in &texts {
                let expected = keys.contains(&Answer::Text(text.clone()));
                let shown = (pattern.escape_ascii(), text.escape_ascii());
                assert_eq!(glob_match(&pattern, text, false), expected, "{} {}", shown.0, shown.1);
            }
        }
    }

    #[test]
    fn oracle_agrees_without_case() {
        let Some(mut oracle) = Oracle::start() else { return };
        let mut rng = Rng::new(4);
        for _ in 0..50_000 {
            let pattern = random_bytes(&mut rng, b"pPoOrRtT*?[]^-\\Za", 9);
            let Answer::Array(found) = oracle.ask(&[b"CONFIG", b"GET", &pattern]) else { panic!("CONFIG GET") };
            // A pattern without special bytes is looked up by name, not matched.
            if pattern.iter().any(|byte| b"*?[".contains(byte)) {
                let expected = found.contains(&Answer::Text(b"port".to_vec()));
                assert_eq!(glob_match(&pattern, b"port", true), expected, "{}", pattern.escape_ascii());
            }
        }
    }

    fn random_bytes(rng: &mut Rng, alphabet: &[u8], len_max: u64) -> Vec<u8> {
        let len = rng.below(len_max + 1);
        let size = alphabet.len() as u64;
        (0..len).map(|_| alphabet[usize::try_from(rng.below(size)).unwrap()]).collect()
    }
}
