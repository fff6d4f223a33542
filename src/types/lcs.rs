//! The longest common subsequence of two strings, as LCS reports it.
//!
//! Owns the choice among equally long subsequences and the order of the matching ranges (last first), which clients
//! see. Must not know the reply's shape. The classic table of lengths has four bytes a cell; here only its two current
//! rows are kept, and one bit a cell says where the way back leads, so 512 MiB of Redis's table are 16 MiB.

use std::ops::RangeInclusive;

/// Why LCS refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LcsError {
    /// A string of 2^32 - 2 bytes or more.
    #[error("a string is too long")]
    TooLong,
    /// The table would be larger than the limit.
    #[error("the table of lengths would exceed the limit on memory")]
    TooMuchMemory,
}

/// A run of bytes that both strings have: part of the subsequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Positions in the first string, both ends included.
    pub a: RangeInclusive<usize>,
    /// Positions in the second string, both ends included.
    pub b: RangeInclusive<usize>,
    /// Bytes in the run.
    pub len: usize,
}

/// The subsequence of two strings, found.
#[derive(Debug)]
pub struct Lcs {
    sequence: Vec<u8>,
    matches: Vec<Match>,
}

impl Lcs {
    /// Finds the subsequence. `limit` is the size in bytes that a table of four bytes a cell may have (Redis's measure:
    /// its `proto-max-bulk-len`). O(a * b) time, a * b / 8 bytes.
    pub fn find(a: &[u8], b: &[u8], limit: u64) -> Result<Self, LcsError> {
        check(a, b, limit)?;
        let (length, ways) = Ways::trace(a, b);
        Ok(ways.follow(a, b, length))
    }

    /// The subsequence itself; its length is what `LCS … LEN` and IDX's `len` report.
    pub fn sequence(&self) -> &[u8] {
        &self.sequence
    }

    /// The matching runs of at least `len_min` bytes, from the strings' ends to their starts.
    pub fn matches(&self, len_min: usize) -> impl Iterator<Item = &Match> {
        self.matches.iter().filter(move |run| run.len >= len_min)
    }
}

/// The length of the longest common subsequence. `limit` as for [`Lcs::find`]. O(a * b) time, 4 * b bytes.
pub fn lcs_len(a: &[u8], b: &[u8], limit: u64) -> Result<usize, LcsError> {
    check(a, b, limit)?;
    // The length is the same both ways; the shorter string makes the row.
    let (rows, row) = if a.len() < b.len() { (b, a) } else { (a, b) };
    let mut lengths = vec![0; row.len()];
    let mut length = 0;
    for byte in rows {
        length = next_row(*byte, row, &mut lengths, |_| {});
    }
    Ok(length as usize)
}

fn check(a: &[u8], b: &[u8], limit: u64) -> Result<(), LcsError> {
    const LEN_MAX: u64 = u32::MAX as u64 - 2;
    let (a, b) = (a.len() as u64, b.len() as u64);
    if a > LEN_MAX || b > LEN_MAX {
        return Err(LcsError::TooLong);
    }
    let cells = (a + 1).checked_mul(b + 1).and_then(|cells| cells.checked_mul(4));
    if cells.is_none_or(|bytes| bytes > limit) {
        return Err(LcsError::TooMuchMemory);
    }
    Ok(())
}

/// Turns the row of lengths for a prefix of the other string into the row with `byte` added, returns its last cell.
/// Tells `mark` the cells (columns) whose way leads up: dropping `byte` keeps strictly more than dropping the column.
#[inline]
fn next_row(byte: u8, row: &[u8], lengths: &mut [u32], mut mark: impl FnMut(usize)) -> u32 {
    let (mut left, mut diagonal) = (0, 0);
    for (column, (cell, other)) in lengths.iter_mut().zip(row).enumerate() {
        let up = *cell;
        if *other == byte {
            left = diagonal + 1;
        } else if up > left {
            left = up;
            mark(column);
        }
        diagonal = up;
        *cell = left;
    }
    left
}

/// One bit for each pair of positions: at a mismatch, set if the way back goes up (drops a byte of the first string).
struct Ways {
    bits: Vec<u64>,
    words_per_row: usize,
}

impl Ways {
    /// Fills the table; returns it with the length of the subsequence.
    fn trace(a: &[u8], b: &[u8]) -> (usize, Self) {
        let words_per_row = b.len().div_ceil(64);
        let mut bits = vec![0_u64; words_per_row * a.len()];
        let mut lengths = vec![0; b.len()];
        let mut length = 0;
        if words_per_row > 0 {
            for (byte, ways) in a.iter().zip(bits.chunks_exact_mut(words_per_row)) {
                length = next_row(*byte, b, &mut lengths, |column| ways[column / 64] |= 1 << (column % 64));
            }
        }
        (length as usize, Self { bits, words_per_row })
    }

    fn leads_up(&self, row: usize, column: usize) -> bool {
        self.bits[row * self.words_per_row + column / 64] >> (column % 64) & 1 == 1
    }

    /// Walks from the strings' ends to their starts, collecting the common bytes and their runs.
    fn follow(&self, a: &[u8], b: &[u8], length: usize) -> Lcs {
        let mut sequence = Vec::with_capacity(length);
        let mut matches: Vec<Match> = Vec::new();
        let (mut i, mut j) = (a.len(), b.len());
        let mut in_run = false;
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                i -= 1;
                j -= 1;
                sequence.push(a[i]);
                match matches.last_mut() {
                    Some(run) if in_run => {
                        run.a = i..=*run.a.end();
                        run.b = j..=*run.b.end();
                        run.len += 1;
                    }
                    _ => matches.push(Match { a: i..=i, b: j..=j, len: 1 }),
                }
                in_run = true;
            } else {
                in_run = false;
                if self.leads_up(i - 1, j - 1) {
                    i -= 1;
                } else {
                    j -= 1;
                }
            }
        }
        sequence.reverse();
        Lcs { sequence, matches }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::oracle::{Answer, Oracle};
    use crate::base::rng::Rng;

    const LIMIT: u64 = 512 << 20;

    #[test]
    fn the_documented_example() {
        let (a, b) = (b"ohmytext", b"mynewtext");
        let lcs = Lcs::find(a, b, LIMIT).unwrap();
        assert_eq!(lcs.sequence(), b"mytext");
        assert_eq!(lcs_len(a, b, LIMIT), Ok(6));
        let runs = [Match { a: 4..=7, b: 5..=8, len: 4 }, Match { a: 2..=3, b: 0..=1, len: 2 }];
        assert!(lcs.matches(0).eq(&runs));
        assert!(lcs.matches(3).eq(&runs[..1]));
    }

    #[test]
    fn empty_strings_share_nothing() {
        for (a, b) in [("", ""), ("", "abc"), ("abc", ""), ("abc", "xyz")] {
            let lcs = Lcs::find(a.as_bytes(), b.as_bytes(), LIMIT).unwrap();
            assert!(lcs.sequence().is_empty());
            assert_eq!(lcs.matches(0).count(), 0);
            assert_eq!(lcs_len(a.as_bytes(), b.as_bytes(), LIMIT), Ok(0));
        }
    }

    #[test]
    fn memory_is_limited() {
        let text = [b'a'; 512];
        assert_eq!(lcs_len(&text[..511], &text[..511], 1 << 20), Ok(511));
        assert_eq!(lcs_len(&text, &text[..511], 1 << 20), Err(LcsError::TooMuchMemory));
        assert_eq!(Lcs::find(&text, &text[..511], 1 << 20).err(), Some(LcsError::TooMuchMemory));
    }

    #[test]
    fn oracle_agrees() {
        let Some(mut oracle) = Oracle::start() else { return };
        let mut rng = Rng::new(14);
        for round in 0..4_000 {
            let (a, b) = (random_text(&mut rng), random_text(&mut rng));
            oracle.ask(&[b"MSET", b"a", &a, b"b", &b]);
            let lcs = Lcs::find(&a, &b, LIMIT).unwrap();
            assert_eq!(Answer::Text(lcs.sequence().to_vec()), oracle.ask(&[b"LCS", b"a", b"b"]), "round {round}");
            let length = Answer::Int(i64::try_from(lcs_len(&a, &b, LIMIT).unwrap()).unwrap());
            assert_eq!(length, oracle.ask(&[b"LCS", b"a", b"b", b"LEN"]), "round {round}");
            let len_min = usize::try_from(rng.below(4)).unwrap();
            let asked: [&[u8]; 7] =
                [b"LCS", b"a", b"b", b"IDX", b"WITHMATCHLEN", b"MINMATCHLEN", &len_min.to_string().into_bytes()];
            let runs = lcs.matches(len_min).map(answer).collect();
            let ours = [Answer::Text(b"matches".to_vec()), Answer::Array(runs), Answer::Text(b"len".to_vec()), length];
            assert_eq!(Answer::Array(ours.to_vec()), oracle.ask(&asked), "round {round}");
        }
    }

    #[test]
    fn oracle_agrees_on_memory() {
        let Some(mut oracle) = Oracle::start() else { return };
        oracle.ask(&[b"CONFIG", b"SET", b"proto-max-bulk-len", b"1mb"]);
        let text = [b'a'; 512];
        for (a, b) in [(511, 511), (512, 511), (511, 512)] {
            oracle.ask(&[b"MSET", b"a", &text[..a], b"b", &text[..b]]);
            let taken = matches!(oracle.ask(&[b"LCS", b"a", b"b", b"LEN"]), Answer::Int(_));
            assert_eq!(lcs_len(&text[..a], &text[..b], 1 << 20).is_ok(), taken, "{a} {b}");
        }
        oracle.ask(&[b"CONFIG", b"SET", b"proto-max-bulk-len", b"512mb"]);
    }

    fn answer(run: &Match) -> Answer {
        let int = |value: usize| Answer::Int(i64::try_from(value).unwrap());
        let range = |range: &RangeInclusive<usize>| Answer::Array(vec![int(*range.start()), int(*range.end())]);
        Answer::Array(vec![range(&run.a), range(&run.b), int(run.len)])
    }

    fn random_text(rng: &mut Rng) -> Vec<u8> {
        let letters = 1 + rng.below(5);
        let len_max = if rng.below(4) == 0 { 200 } else { 20 };
        (0..rng.below(len_max)).map(|_| b'a' + u8::try_from(rng.below(letters)).unwrap()).collect()
    }
}
