//! What SORT does: the order of elements, and the patterns that lead from an element to other keys.
//!
//! Owns how numbers and bytes are compared, what stands between equals, the part that LIMIT asks for, and where `*` and
//! `->` divide a pattern. Must not know where elements and weights come from: the caller looks them up. Only the part
//! asked for is put in order (the rest is partitioned away), so that LIMIT 0 10 of a million is no sort of a million.

use crate::base::num::parse_f64;
use std::cmp::Ordering;
use std::ops::Range;

/// A weight is no number; Redis says that it cannot be converted into a double.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a weight is no number")]
pub struct NotANumber;

/// A pattern of BY or GET.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern<'p> {
    /// `#`: the element itself.
    Element,
    /// Without `*`: leads nowhere. After BY it means to leave the order alone (as `#` does), after GET a null.
    Nowhere,
    /// To the string at the key `before`, element, `after`.
    Key {
        /// What stands before the first `*`.
        before: &'p [u8],
        /// What stands behind it.
        after: &'p [u8],
    },
    /// To a field of the hash at the key `before`, element, `after`.
    Field {
        /// What stands before the first `*`.
        before: &'p [u8],
        /// What stands between it and the first `->` behind it.
        after: &'p [u8],
        /// What stands behind that; never empty.
        field: &'p [u8],
    },
}

impl<'p> Pattern<'p> {
    /// Divides a pattern. O(length).
    pub fn parse(pattern: &'p [u8]) -> Self {
        if pattern == b"#" {
            return Self::Element;
        }
        let Some(star) = memchr::memchr(b'*', pattern) else { return Self::Nowhere };
        let (before, after) = (&pattern[..star], &pattern[star + 1..]);
        match memchr::memmem::find(after, b"->") {
            Some(arrow) if arrow + 2 < after.len() => {
                Self::Field { before, after: &after[..arrow], field: &after[arrow + 2..] }
            }
            _ => Self::Key { before, after },
        }
    }

    /// Whether it is one of those that, after BY, leave the order alone.
    pub fn keeps_order(self) -> bool {
        matches!(self, Self::Element | Self::Nowhere)
    }

    /// Writes the key that it leads to from `element` into `key`, whose content goes; returns whether it leads to one.
    /// O(length).
    pub fn key(self, element: &[u8], key: &mut Vec<u8>) -> bool {
        key.clear();
        match self {
            Self::Element | Self::Nowhere => false,
            Self::Key { before, after } | Self::Field { before, after, .. } => {
                key.extend_from_slice(before);
                key.extend_from_slice(element);
                key.extend_from_slice(after);
                true
            }
        }
    }

    /// The field of the hash at the key, where it leads to one.
    pub fn field(self) -> Option<&'p [u8]> {
        match self {
            Self::Field { field, .. } => Some(field),
            _ => None,
        }
    }
}

/// The part of `len` elements that `LIMIT start count` asks for: a negative start is 0, a negative count is all. O(1).
pub fn limit(start: i64, count: i64, len: usize) -> Range<usize> {
    let bound = |n: i64| usize::try_from(n.max(0)).map_or(len, |n| n.min(len));
    let start = bound(start);
    let end = if count < 0 { len } else { start.saturating_add(bound(count)).min(len) };
    start..end
}

/// What elements are sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By<W> {
    /// Nothing: they stay in their order, turned round by DESC.
    Nothing,
    /// Themselves.
    Elements,
    /// A weight each; a missing one is 0, or less than any text.
    Weights(Vec<Option<W>>),
}

/// How weights are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Order {
    /// As bytes instead of as numbers.
    pub alpha: bool,
    /// The greatest first.
    pub desc: bool,
}

impl Order {
    fn directed(self, ordering: Ordering) -> Ordering {
        if self.desc { ordering.reverse() } else { ordering }
    }
}

/// The elements of `wanted` (see [`limit`]) among all in order. Numbers that are equal are ordered by the elements' bytes;
/// texts that are equal leave their elements as they stood, DESC or not. O(n + wanted * log(wanted)) comparisons.
///
/// # Errors
/// [`NotANumber`] for any element, in the part or not, whose weight is no number.
///
/// # Panics
/// If there are not as many weights as elements.
pub fn sort<E: AsRef<[u8]>, W: AsRef<[u8]>>(
    mut elements: Vec<E>,
    by: By<W>,
    order: Order,
    wanted: Range<usize>,
) -> Result<Vec<E>, NotANumber> {
    match by {
        By::Nothing => {
            if order.desc {
                elements.reverse();
            }
            keep(&mut elements, wanted);
            Ok(elements)
        }
        By::Elements if order.alpha => {
            part(&mut elements, wanted, |a, b| order.directed(a.as_ref().cmp(b.as_ref())));
            Ok(elements)
        }
        By::Elements => {
            let scored = elements.into_iter().map(|element| Ok((score(element.as_ref())?, element)));
            Ok(by_scores(scored.collect::<Result<_, _>>()?, order, wanted))
        }
        By::Weights(weights) => {
            assert_eq!(weights.len(), elements.len(), "a weight an element");
            let weighted = weights.into_iter().zip(elements);
            if order.alpha {
                return Ok(by_texts(weighted.collect(), order, wanted));
            }
            let scored = weighted.map(|(weight, element)| {
                let score = weight.map_or(Ok(0.0), |weight| score(weight.as_ref()))?;
                Ok((score, element))
            });
            Ok(by_scores(scored.collect::<Result<_, _>>()?, order, wanted))
        }
    }
}

/// Scores are numbers, so that they always compare; elements that are equal too cannot be told apart.
fn by_scores<E: AsRef<[u8]>>(mut scored: Vec<(f64, E)>, order: Order, wanted: Range<usize>) -> Vec<E> {
    part(&mut scored, wanted, |(a, x), (b, y)| {
        let scores = a.partial_cmp(b).unwrap_or(Ordering::Equal);
        order.directed(scores.then_with(|| x.as_ref().cmp(y.as_ref())))
    });
    scored.into_iter().map(|(_, element)| element).collect()
}

fn by_texts<E, W: AsRef<[u8]>>(weighted: Vec<(Option<W>, E)>, order: Order, wanted: Range<usize>) -> Vec<E> {
    let mut placed: Vec<_> = weighted.into_iter().enumerate().collect();
    part(&mut placed, wanted, |(i, (a, _)), (j, (b, _))| {
        let texts = a.as_ref().map(AsRef::as_ref).cmp(&b.as_ref().map(AsRef::as_ref));
        order.directed(texts).then(i.cmp(j))
    });
    placed.into_iter().map(|(_, (_, element))| element).collect()
}

/// Leaves the items of a range.
fn keep<T>(items: &mut Vec<T>, wanted: Range<usize>) {
    items.truncate(wanted.end);
    items.drain(..wanted.start.min(items.len()));
}

/// Leaves the items that a sort would have put into a range, sorted. Items that compare as equal must be the same.
fn part<T>(items: &mut Vec<T>, wanted: Range<usize>, mut compare: impl FnMut(&T, &T) -> Ordering) {
    if wanted.end < items.len() {
        items.select_nth_unstable_by(wanted.end, &mut compare);
    }
    items.truncate(wanted.end);
    if (1..items.len()).contains(&wanted.start) {
        items.select_nth_unstable_by(wanted.start, &mut compare);
    }
    items.drain(..wanted.start.min(items.len()));
    items.sort_unstable_by(compare);
}

/// A text as the number that SORT takes it for: what C's `strtod` reads up to the first zero byte, spaces in front
/// allowed, the empty text 0. Neither `nan` nor what is beyond a normal double's range; of numbers nearer to 0 only
/// hexadecimal ones are exact enough. O(length).
///
/// # Errors
/// [`NotANumber`].
pub fn score(text: &[u8]) -> Result<f64, NotANumber> {
    let text = memchr::memchr(0, text).map_or(text, |end| &text[..end]);
    if text.is_empty() {
        return Ok(0.0);
    }
    let spaces = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r')).count();
    let text = &text[spaces..];
    let value = parse_f64(text).ok_or(NotANumber)?;
    if value.is_subnormal() && !text.iter().any(|byte| matches!(byte, b'x' | b'X')) {
        return Err(NotANumber);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::oracle::{Answer, Oracle};
    use crate::base::rng::Rng;

    const NUMBERS: Order = Order { alpha: false, desc: false };

    fn all(elements: &[&str], by: By<&str>, order: Order) -> Result<Vec<String>, NotANumber> {
        let elements: Vec<String> = elements.iter().map(|element| (*element).to_owned()).collect();
        let len = elements.len();
        sort(elements, by, order, 0..len)
    }

    #[test]
    fn patterns_are_divided_at_the_first_star() {
        use Pattern::{Element, Field, Key, Nowhere};
        for (pattern, parsed) in [
            ("#", Element),
            ("", Nowhere),
            ("nosort", Nowhere),
            ("a->b", Nowhere),
            ("##", Nowhere),
            ("*", Key { before: b"", after: b"" }),
            ("w_*", Key { before: b"w_", after: b"" }),
            ("**", Key { before: b"", after: b"*" }),
            ("w_*_x*", Key { before: b"w_", after: b"_x*" }),
            ("o_*->", Key { before: b"o_", after: b"->" }),
            ("p->*", Key { before: b"p->", after: b"" }),
            ("o_*->f", Field { before: b"o_", after: b"", field: b"f" }),
            ("o_*_x->f->*", Field { before: b"o_", after: b"_x", field: b"f->*" }),
            ("h_*->->x", Field { before: b"h_", after: b"", field: b"->x" }),
        ] {
            assert_eq!(Pattern::parse(pattern.as_bytes()), parsed, "{pattern}");
            assert_eq!(parsed.keeps_order(), !pattern.contains('*'), "{pattern}");
        }
        let mut key = b"old".to_vec();
        assert!(Pattern::parse(b"o_*_x->f").key(b"1*", &mut key));
        assert_eq!((&key[..], Pattern::parse(b"o_*_x->f").field()), (&b"o_1*_x"[..], Some(&b"f"[..])));
        assert!(!Pattern::Element.key(b"1", &mut key) && key.is_empty() && Pattern::parse(b"*").field().is_none());
    }

    #[test]
    fn limits() {
        for ((start, count), range) in [
            ((0, -1), 0..6),
            ((-1, 2), 0..2),
            ((1, -5), 1..6),
            ((10, 2), 6..6),
            ((3, 0), 3..3),
            ((2, i64::MAX), 2..6),
            ((i64::MAX, i64::MAX), 6..6),
            ((i64::MIN, i64::MIN), 0..6),
        ] {
            assert_eq!(limit(start, count, 6), range, "{start} {count}");
        }
    }

    #[test]
    fn equals_and_missing_weights() {
        let ones = ["1.0", "1", "01", "+1", "1.00", "0.5"];
        let sorted = ["0.5", "+1", "01", "1", "1.0", "1.00"];
        let desc = Order { desc: true, ..NUMBERS };
        assert_eq!(all(&ones, By::Elements, NUMBERS).unwrap(), sorted);
        assert!(all(&ones, By::Elements, desc).unwrap().iter().eq(sorted.iter().rev()));
        assert_eq!(all(&ones, By::Nothing, desc).unwrap(), ["0.5", "1.00", "+1", "01", "1", "1.0"]);
        let letters = ["c", "b", "a", "d"];
        let weights = By::Weights(vec![Some("0"), Some("1"), Some("1"), None]);
        assert_eq!(all(&letters, weights.clone(), NUMBERS).unwrap(), ["c", "d", "a", "b"]);
        assert_eq!(all(&letters, weights.clone(), desc).unwrap(), ["b", "a", "d", "c"]);
        let alpha = Order { alpha: true, desc: false };
        assert_eq!(all(&letters, weights.clone(), alpha).unwrap(), ["d", "c", "b", "a"]);
        assert_eq!(all(&letters, weights, Order { alpha: true, desc: true }).unwrap(), ["b", "a", "c", "d"]);
        assert_eq!(all(&["1", "x"], By::Elements, NUMBERS), Err(NotANumber));
        assert_eq!(all(&["1", "2"], By::Weights(vec![Some("x"), None]), NUMBERS), Err(NotANumber));
        assert_eq!(all(&["x", "1"], By::Elements, alpha).unwrap(), ["1", "x"]);
        assert!(all(&[], By::Elements, NUMBERS).unwrap().is_empty());
    }

    const ODD: [&str; 34] = [
        "",
        " ",
        " 4",
        "4 ",
        "\t\n\x0b\x0c\r5",
        "1\0abc",
        "\0",
        " \0",
        "nan",
        "-nan",
        "inf",
        "-Infinity",
        "infinit",
        "1e",
        "1e3",
        ".5",
        "5.",
        ".",
        "+",
        "-0",
        "0x",
        "0x10",
        " 0x1p3",
        "1e400",
        "-1e400",
        "1e-400",
        "1e-310",
        "5e-324",
        "2.2250738585072014e-308",
        "2.2250738585072009e-308",
        "0x1p-1074",
        "0x1p-1075",
        "0e-999",
        "1_0",
    ];

    #[test]
    fn oracle_agrees_on_numbers() {
        let Some(mut oracle) = Oracle::start() else { return };
        for text in ODD {
            oracle.ask(&[b"DEL", b"l"]);
            oracle.ask(&[b"RPUSH", b"l", text.as_bytes(), b"1"]);
            // SORT of 7.0 takes an earlier number's range error for its own, which reading another one clears.
            oracle.ask(&[b"INCRBYFLOAT", b"n", b"1.5"]);
            let ours = all(&[text, "1"], By::Elements, NUMBERS);
            let theirs = oracle.ask(&[b"SORT", b"l"]);
            match ours {
                Ok(sorted) => {
                    let sorted = sorted.into_iter().map(|element| Answer::Text(element.into_bytes()));
                    assert_eq!(Answer::Array(sorted.collect()), theirs, "{text:?}");
                }
                Err(NotANumber) => assert_eq!(
                    theirs,
                    Answer::Error("ERR One or more scores can't be converted into double".into()),
                    "{text:?}"
                ),
            }
        }
    }

    /// Lists at random, by themselves or by weights, in every order, whole and in part. (Six elements at most by text
    /// weights, for redis-server leaves equals of longer ones in no order.)
    #[test]
    fn oracle_agrees_on_order() {
        let Some(mut oracle) = Oracle::start() else { return };
        let mut rng = Rng::new(8);
        for round in 0..1500 {
            oracle.ask(&[b"FLUSHALL"]);
            let order = Order { alpha: rng.below(2) == 0, desc: rng.below(2) == 0 };
            let kind = rng.below(3);
            let len = rng.below(if kind == 2 && order.alpha { 7 } else { 40 }) as usize;
            let elements: Vec<String> = (0..len)
                .map(|_| match rng.below(4) {
                    0 => format!("{}.0", rng.below(10)),
                    1 => format!("+{}", rng.below(10)),
                    _ => (rng.below(41) as i64 - 20).to_string(),
                })
                .collect();
            for element in &elements {
                oracle.ask(&[b"RPUSH", b"l", element.as_bytes()]);
            }
            let weight = |element: &String| match element.len() + usize::from(element.as_bytes()[0]) % 3 {
                0..=2 => None,
                n => Some((n % 5).to_string()),
            };
            for element in &elements {
                if let Some(weight) = weight(element) {
                    oracle.ask(&[b"SET", format!("w_{element}_x").as_bytes(), weight.as_bytes()]);
                }
            }
            let (start, count) = (rng.below(30) as i64 - 5, rng.below(30) as i64 - 5);
            let (by, pattern): (By<String>, &[u8]) = match kind {
                0 => (By::Nothing, b"nosort"),
                1 => (By::Elements, b""),
                _ => (By::Weights(elements.iter().map(weight).collect()), b"w_*_x"),
            };
            let (start_text, count_text) = (start.to_string(), count.to_string());
            let mut asked: Vec<&[u8]> = vec![b"SORT", b"l", b"LIMIT", start_text.as_bytes(), count_text.as_bytes()];
            if kind != 1 {
                asked.extend([&b"BY"[..], pattern]);
            }
            if order.alpha {
                asked.push(b"ALPHA");
            }
            if order.desc {
                asked.push(b"DESC");
            }
            let ours = sort(elements, by, order, limit(start, count, len)).unwrap();
            let ours = Answer::Array(ours.into_iter().map(|element| Answer::Text(element.into_bytes())).collect());
            assert_eq!(ours, oracle.ask(&asked), "round {round}");
        }
    }
}
