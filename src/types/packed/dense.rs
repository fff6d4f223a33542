//! The dense form of a block's elements: the same elements in fewer bytes, to be expanded before they are worked with.
//!
//! Owns that form and the way there and back; must not know of blocks, nor of when it pays to have one.
//!
//! **Form.** The elements' heads (kinds, lengths, integers) stand in one stream, their texts in another, and what repeats the
//! lengths from behind is left out, since the heads tell it. Each stream is written in its own alphabet: the different bytes
//! that occur in it, then the number of each, in as few bits as the largest needs, from 0 for one letter to 7; a stream of
//! more than 128 letters is kept as it is. Eight numbers take as many bytes as one has bits.
//!
//! **Why.** What people keep in long lists are names, numbers, identifiers, hexadecimal and base64: few different letters,
//! seldom the same run of them twice within the 8 KiB of a block, which is what a compressor of the LZ family lives on.
//! Measured with blocks of 8 KiB on a busy machine (share of the bytes that is left; microseconds to write, to expand):
//!
//! | elements | LZ4 | zstd, level 1 | dense |
//! | --- | --- | --- | --- |
//! | 10 to 20 random letters | 1.00; 8, 1 | 0.66; 24, 11 | 0.59; 12, 12 |
//! | UUIDs | 0.71; 29, 9 | 0.34; 30, 10 | 0.60; 13, 10 |
//! | base64 of 24 bytes | 1.00; 6, 1 | 0.76; 16, 10 | 0.72; 12, 7 |
//! | JSON of 75 bytes, same fields | 0.43; 17, 5 | 0.28; 28, 11 | 0.74; 10, 6 |
//! | `element:<number>` | 0.41; 12, 3 | 0.19; 26, 10 | 0.44; 8, 8 |
//! | 20 random bytes | 1.00; 7, 1 | 0.98; 28, 13 | refused; 7 |
//!
//! LZ4 leaves the first and the third as they are, zstd takes two to three times the time to write. Elements that share
//! their beginnings (front coding) are the exception in a list, which nobody has sorted. Here, the work hardly depends on
//! what the bytes are; whether it pays is known before the second half of it; and an element in the middle is found by its
//! head, so that a reader expands what it asks for and no more.

use super::item::{Encoded, Item, backlen, backlen_len, widths};

/// The numbers of bytes of the two streams, as `u32`.
const LENGTHS: usize = 8;
/// A text of up to so many bytes is copied as if it had so many, which is one instruction.
const SHORT: usize = 32;
/// More letters than this are not numbered.
const LETTERS_MAX: usize = 128;

/// The letters of a stream.
struct Alphabet {
    /// Bits of the number of a letter; 8: letters are not numbered.
    bits: usize,
    letters: [u8; LETTERS_MAX],
    count: usize,
}

impl Alphabet {
    fn of(stream: &[u8]) -> Self {
        let mut occurs = [false; 256];
        stream.iter().for_each(|&byte| occurs[usize::from(byte)] = true);
        let (mut letters, mut count) = ([0; LETTERS_MAX], 0);
        for byte in (0..=u8::MAX).filter(|&byte| occurs[usize::from(byte)]) {
            if count == LETTERS_MAX {
                return Self { bits: 8, letters, count: 0 };
            }
            letters[count] = byte;
            count += 1;
        }
        let bits = (usize::BITS - count.saturating_sub(1).leading_zeros()) as usize;
        Self { bits, letters, count }
    }

    /// Bytes of this alphabet and a stream of `len` bytes in it.
    fn size(&self, len: usize) -> usize {
        1 + self.count + packed_len(self.bits, len)
    }

    fn write(&self, stream: &[u8], out: &mut Vec<u8>) {
        out.push(if self.bits == 8 { u8::MAX } else { self.count as u8 });
        out.extend_from_slice(&self.letters[..self.count]);
        let mut numbers = [0; 256];
        for (number, &letter) in self.letters[..self.count].iter().enumerate() {
            numbers[usize::from(letter)] = number as u8;
        }
        match self.bits {
            0 => {}
            1 => write_numbers::<1>(stream, &numbers, out),
            2 => write_numbers::<2>(stream, &numbers, out),
            3 => write_numbers::<3>(stream, &numbers, out),
            4 => write_numbers::<4>(stream, &numbers, out),
            5 => write_numbers::<5>(stream, &numbers, out),
            6 => write_numbers::<6>(stream, &numbers, out),
            7 => write_numbers::<7>(stream, &numbers, out),
            _ => out.extend_from_slice(stream),
        }
    }

    /// Reads what [`Alphabet::write`] wrote at the start of `dense`; the rest is the numbers.
    fn read(dense: &[u8]) -> (Self, &[u8]) {
        let (&count, rest) = dense.split_first().expect("a stream starts with its alphabet");
        if count == u8::MAX {
            return (Self { bits: 8, letters: [0; LETTERS_MAX], count: 0 }, rest);
        }
        let count = usize::from(count);
        let mut letters = [0; LETTERS_MAX];
        letters[..count].copy_from_slice(&rest[..count]);
        let bits = (usize::BITS - count.saturating_sub(1).leading_zeros()) as usize;
        (Self { bits, letters, count }, &rest[count..])
    }

    /// The numbers of a text's letters, or they themselves if they are not numbered; `None` if one does not occur.
    fn numbers_of(&self, text: &[u8]) -> Option<Vec<u8>> {
        if self.bits == 8 {
            return Some(text.to_vec());
        }
        let number = |letter| self.letters[..self.count].iter().position(|&own| own == letter).map(|at| at as u8);
        text.iter().map(|&letter| number(letter)).collect()
    }

    /// The number at a place in the stream.
    #[inline]
    fn number(&self, packed: &[u8], at: usize) -> u8 {
        let bit = at * self.bits;
        let low = packed.get(bit / 8).copied().unwrap_or(0);
        let high = packed.get(bit / 8 + 1).copied().unwrap_or(0);
        let word = u16::from_le_bytes([low, high]) >> (bit % 8);
        (word & ((1 << self.bits) - 1)) as u8
    }

    /// The bytes `from..to` of the stream, between others; how many come before.
    fn expand(&self, packed: &[u8], from: usize, to: usize) -> (Vec<u8>, usize) {
        let groups = from / 8..to.div_ceil(8);
        let packed = &packed[groups.start * self.bits..packed.len().min(groups.end * self.bits)];
        // Room for a copy of more than there is.
        let mut out = vec![0; groups.len() * 8 + SHORT];
        match self.bits {
            0 => out.fill(self.letters[0]),
            1 => expand_groups::<1>(packed, &self.letters, &mut out),
            2 => expand_groups::<2>(packed, &self.letters, &mut out),
            3 => expand_groups::<3>(packed, &self.letters, &mut out),
            4 => expand_groups::<4>(packed, &self.letters, &mut out),
            5 => expand_groups::<5>(packed, &self.letters, &mut out),
            6 => expand_groups::<6>(packed, &self.letters, &mut out),
            7 => expand_groups::<7>(packed, &self.letters, &mut out),
            _ => out[..packed.len()].copy_from_slice(packed),
        }
        (out, from % 8)
    }
}

/// Bytes that `len` numbers of so many bits take: whole groups of eight, or as many as there are of whole bytes.
fn packed_len(bits: usize, len: usize) -> usize {
    if bits == 8 { len } else { len.div_ceil(8) * bits }
}

#[inline]
fn write_numbers<const BITS: usize>(stream: &[u8], numbers: &[u8; 256], out: &mut Vec<u8>) {
    let group = |letters: &[u8; 8]| {
        let word = (0..8).fold(0, |word, i| word | u64::from(numbers[usize::from(letters[i])]) << (i * BITS));
        word.to_le_bytes()
    };
    let (groups, last) = stream.as_chunks::<8>();
    let start = out.len();
    out.resize(start + packed_len(BITS, stream.len()), 0);
    let (packed, _) = out[start..].as_chunks_mut::<BITS>();
    for (packed, letters) in packed.iter_mut().zip(groups) {
        packed.copy_from_slice(&group(letters)[..BITS]);
    }
    if let Some(packed) = packed.get_mut(groups.len()) {
        let mut letters = [last[0]; 8];
        letters[..last.len()].copy_from_slice(last);
        packed.copy_from_slice(&group(&letters)[..BITS]);
    }
}

#[inline]
fn expand_groups<const BITS: usize>(packed: &[u8], letters: &[u8; LETTERS_MAX], out: &mut [u8]) {
    let ((packed, _), (out, _)) = (packed.as_chunks::<BITS>(), out.as_chunks_mut::<8>());
    for (group, out) in packed.iter().zip(out) {
        let mut word = [0; 8];
        word[..BITS].copy_from_slice(group);
        let word = u64::from_le_bytes(word);
        *out = std::array::from_fn(|i| letters[(word >> (i * BITS)) as usize & ((1 << BITS) - 1)]);
    }
}

/// Writes the `len` bytes of `text` from `at` on to `out` from `to` on, and perhaps others behind them; where they end.
#[inline]
fn copy(out: &mut [u8], to: usize, text: &[u8], at: usize, len: usize) -> usize {
    if len <= SHORT
        && let Some(more) = text[at..].first_chunk::<SHORT>()
        && let Some(room) = out[to..].first_chunk_mut::<SHORT>()
    {
        *room = *more;
    } else {
        out[to..to + len].copy_from_slice(&text[at..at + len]);
    }
    to + len
}

/// The dense form of these elements, if it has no more than `size_max` bytes. O(bytes).
pub(in crate::types) fn dense(entries: &[u8], size_max: usize) -> Option<Vec<u8>> {
    let (mut heads, mut texts) = (vec![0; entries.len() + SHORT], vec![0; entries.len() + SHORT]);
    let (mut heads_len, mut texts_len, mut at) = (0, 0, 0);
    while at < entries.len() {
        let (head, text) = widths(entries, at);
        heads_len = copy_head(&mut heads, heads_len, entries, at, head);
        texts_len = copy(&mut texts, texts_len, entries, at + head, text);
        at += head + text + backlen_len(head + text);
    }
    let (heads, texts) = (&heads[..heads_len], &texts[..texts_len]);
    let alphabets = [Alphabet::of(heads), Alphabet::of(texts)];
    let size = LENGTHS + alphabets[0].size(heads.len()) + alphabets[1].size(texts.len());
    if size > size_max {
        return None;
    }
    let mut out = Vec::with_capacity(size);
    out.extend_from_slice(&(heads.len() as u32).to_le_bytes());
    out.extend_from_slice(&(texts.len() as u32).to_le_bytes());
    alphabets[0].write(heads, &mut out);
    alphabets[1].write(texts, &mut out);
    Some(out)
}

/// The elements of a dense form from the `skipped`-th on, `count` of them or as many as there are, as a block has them.
/// O(elements up to there, and bytes of these).
pub(in crate::types) fn expand(dense: &[u8], skipped: usize, count: usize) -> Vec<u8> {
    let length = |i: usize| u32::from_le_bytes(std::array::from_fn(|byte| dense[i * 4 + byte])) as usize;
    let (heads_len, texts_len) = (length(0), length(1));
    let (alphabet, numbers) = Alphabet::read(&dense[LENGTHS..]);
    let (heads, _) = alphabet.expand(numbers, 0, heads_len);
    let (alphabet, numbers) = Alphabet::read(&numbers[packed_len(alphabet.bits, heads_len)..]);

    // Where the texts of so many elements end, from this place on.
    let pass = |(mut head, mut text): (usize, usize), elements: usize| {
        let mut left = elements;
        while left > 0 && head < heads_len {
            let widths = widths(&heads, head);
            (head, text, left) = (head + widths.0, text + widths.1, left - 1);
        }
        (head, text)
    };
    let (mut at, from) = pass((0, 0), skipped);
    // No element has a head of no byte.
    let (end, to) =
        if skipped.saturating_add(count) >= heads_len { (heads_len, texts_len) } else { pass((at, from), count) };

    let (texts, mut next) = alphabet.expand(numbers, from, to);
    let mut out = vec![0; bound(end - at, to - from) + SHORT];
    let mut len = 0;
    while at < end {
        let (head, text) = widths(&heads, at);
        len = copy_head(&mut out, len, &heads, at, head);
        len = copy(&mut out, len, &texts, next, text);
        let (back, back_len) = backlen(head + text);
        len = copy_head(&mut out, len, &back, 0, back_len);
        (at, next) = (at + head, next + text);
    }
    out.truncate(len);
    out
}

/// Hands out the indexes of the elements with this text, first to last, until `f` says `false`; whether it never did. Texts
/// are not expanded, those of other lengths not even looked at. O(elements).
pub(in crate::types) fn find(dense: &[u8], text: &[u8], mut f: impl FnMut(usize) -> bool) -> bool {
    let length = |i: usize| u32::from_le_bytes(std::array::from_fn(|byte| dense[i * 4 + byte])) as usize;
    let heads_len = length(0);
    let (alphabet, packed) = Alphabet::read(&dense[LENGTHS..]);
    let (heads, _) = alphabet.expand(packed, 0, heads_len);
    let (alphabet, packed) = Alphabet::read(&packed[packed_len(alphabet.bits, heads_len)..]);
    let wanted = Encoded::of(Item::of(text));
    let Some(body) = alphabet.numbers_of(wanted.body()) else { return true };

    let (mut at, mut from, mut index) = (0, 0, 0);
    while at < heads_len {
        let (head, text) = widths(&heads, at);
        let same = heads[at] == wanted.head()[0]
            && heads[at..at + head] == *wanted.head()
            && body.iter().enumerate().all(|(i, &number)| alphabet.number(packed, from + i) == number);
        if same && !f(index) {
            return false;
        }
        (at, from, index) = (at + head, from + text, index + 1);
    }
    true
}

/// Most bytes of elements whose heads and texts take so many: their ends take a byte each, and one more for each group of
/// 7 bits of the length.
fn bound(heads: usize, texts: usize) -> usize {
    2 * heads + texts + texts / 32
}

/// [`copy`] of a few bytes.
#[inline]
fn copy_head(out: &mut [u8], to: usize, from: &[u8], at: usize, len: usize) -> usize {
    if len == 1 {
        out[to] = from[at];
    } else {
        out[to..to + len].copy_from_slice(&from[at..at + len]);
    }
    to + len
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;
    use crate::types::packed::Packed;

    fn entries(texts: &[Vec<u8>]) -> Vec<u8> {
        let mut packed = Packed::new();
        texts.iter().for_each(|text| packed.push_back(text));
        packed.as_entries().to_vec()
    }

    /// Elements of an alphabet of `letters` letters, or integers if it has none.
    fn texts(rng: &mut Rng, letters: u64) -> Vec<Vec<u8>> {
        let shift = rng.below(64);
        let lengths = [3, 40, 70, 300][rng.below(4) as usize];
        let text = |rng: &mut Rng| match letters {
            0 => ((rng.next_u64() >> shift) as i64).to_string().into_bytes(),
            _ if rng.below(300) == 0 => vec![b'a'; 5000 + 20_000 * rng.below(2) as usize],
            _ => (0..rng.below(lengths)).map(|_| (b'a' as u64 + rng.below(letters)) as u8).collect(),
        };
        (0..rng.below(60) + 1).map(|_| text(rng)).collect()
    }

    #[test]
    fn what_is_written_is_expanded() {
        let mut rng = Rng::new(3);
        for round in 0..6000 {
            let letters = [0, 1, 2, 3, 4, 5, 8, 9, 16, 17, 26, 32, 33, 64, 65, 127, 128, 129, 256][round % 19];
            let texts = texts(&mut rng, letters);
            let all = entries(&texts);
            let dense = dense(&all, usize::MAX).expect("any size will do");
            assert_eq!(expand(&dense, 0, usize::MAX), all);
            let from = rng.below(texts.len() as u64 + 2) as usize;
            let count = rng.below(texts.len() as u64 + 2) as usize;
            let to = (from + count).min(texts.len());
            assert_eq!(expand(&dense, from, count), entries(&texts[from.min(to)..to]), "{from} {count}");

            let other = vec![b'a'; rng.below(3) as usize];
            for text in [&texts[rng.below(texts.len() as u64) as usize], &other, &b"\xff\xfe".to_vec()] {
                let mut found = Vec::new();
                assert!(find(&dense, text, |index| {
                    found.push(index);
                    true
                }));
                let wanted: Vec<usize> = (0..texts.len()).filter(|&index| texts[index] == *text).collect();
                assert_eq!(found, wanted);
                assert_eq!(find(&dense, text, |_| false), wanted.is_empty());
            }
        }
    }

    #[test]
    fn few_letters_take_few_bits() {
        let mut rng = Rng::new(4);
        let mut share = |letters: &[u8]| {
            let text = |rng: &mut Rng| (0..16).map(|_| letters[rng.below(letters.len() as u64) as usize]).collect();
            let all = entries(&(0..400).map(|_| text(&mut rng)).collect::<Vec<Vec<u8>>>());
            let dense = dense(&all, all.len() * 7 / 8);
            dense.map(|dense| dense.len() * 100 / all.len())
        };
        assert_eq!(share(b"x"), Some(0));
        assert_eq!(share(b"abcdefghijklmnopqrstuvwxyz"), Some(56));
        assert_eq!(share(b"0123456789abcdef-"), Some(55));
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(share(&bytes[..128]), Some(79));
        // The lengths go, the texts stay: not an eighth.
        assert_eq!(share(&bytes), None);
    }
}
