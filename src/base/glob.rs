//! Glob matching. Placeholder of this branch.

/// True where `pattern` (`*` and `?` only) matches all of `text`.
pub fn glob_match(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            glob_match(rest, text, nocase)
                || text
                    .split_first()
                    .is_some_and(|(_, t)| glob_match(pattern, t, nocase))
        }
        (Some((b'?', rest)), Some((_, t))) => glob_match(rest, t, nocase),
        (Some((p, rest)), Some((c, t))) => {
            (p == c || nocase && p.eq_ignore_ascii_case(c)) && glob_match(rest, t, nocase)
        }
        _ => false,
    }
}
