//! A large hash table that never stops to move: many small tables behind a directory.
//!
//! A collection may hold millions of members, and its shard is locked while it grows. One array would be moved as a
//! whole, milliseconds at a time; so up to [`SEGMENT_MAX`] entries are a plain [`Table`], and beyond there is a directory
//! from the first bits of a hash to **segments**, each a table of at most so many entries (extendible hashing; Fagin,
//! Nievergelt, Pippenger and Strong, "Extendible hashing: a fast access method for dynamic files", 1979). A full segment
//! is halved by its next bit; two neighbours that have become small are joined. Since segments are ordered by prefix and
//! tables by hash, the whole is ordered by hash: the position of a walk is a hash, which survives every change of shape.
//!
//! Owns its tables and they their entries; all memory is allocated by insertions and given back by removals. A segment
//! whose hashes are all alike cannot be halved to any use and grows instead: `DIRECTORY_MAX` bounds the attempts, so no
//! choice of hashes can make the directory large. Must not know what an entry holds, nor how it was hashed.

use super::rng;
use super::size_class::good_size;
use super::table::{Pos, Table, Thin};

/// Entries of a segment above which it is halved: their 100 KB are moved in some ten microseconds.
pub const SEGMENT_MAX: usize = 8192;
/// Two neighbours that together hold no more are joined: far below [`SEGMENT_MAX`], so that work is not done and undone.
const JOIN_MAX: usize = SEGMENT_MAX / 4;
/// Places of the directory for each segment, at most. Well spread hashes need two.
const DIRECTORY_MAX: usize = 16;
/// Draws of [`Segmented::random`] before it counts.
const DRAWS: u32 = 64;

/// A map from keys to entries that own their key, for hashes of 32 bits. Allocates nothing while it is empty.
pub struct Segmented<E: Thin> {
    /// All entries while `many` is `None`, else none.
    one: Table<E>,
    many: Option<Box<Many<E>>>,
}

struct Many<E: Thin> {
    segments: Vec<Segment<E>>,
    /// By the first `32 - shift` bits of a hash: its segment. At least two places.
    directory: Vec<u32>,
    shift: u32,
    len: usize,
    /// Bytes of the segments' arrays.
    bytes: usize,
    /// No segment has, or has had, more slots.
    widest: usize,
}

/// The entries whose hashes begin with the first `depth` bits of `start`. In the table they lack these bits: the hash
/// there is `hash << depth`.
struct Segment<E: Thin> {
    table: Table<E>,
    start: u32,
    depth: u32,
}

impl<E: Thin> Segment<E> {
    #[inline]
    fn find(&self, hash: u32, key: &[u8]) -> Option<Pos> {
        self.table.find(hash << self.depth, key)
    }

    /// The whole hash of an entry.
    #[inline]
    fn hash_at(&self, p: Pos) -> u32 {
        self.start | self.table.hash_at(p) >> self.depth
    }
}

impl<E: Thin> Default for Segmented<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: Thin> Segmented<E> {
    /// An empty table.
    pub const fn new() -> Self {
        Segmented { one: Table::new(), many: None }
    }

    /// Entries. O(1).
    #[inline]
    pub fn len(&self) -> usize {
        self.many.as_ref().map_or(self.one.len(), |many| many.len)
    }

    /// Whether there is no entry. O(1).
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that the allocator has given for arrays and directory, without the entries. O(1).
    pub fn bytes(&self) -> usize {
        self.many.as_ref().map_or(self.one.bytes(), |many| many.all_bytes())
    }

    /// The entry with this hash and key. Expected O(1).
    #[inline]
    pub fn get(&self, hash: u32, key: &[u8]) -> Option<&E> {
        match &self.many {
            None => self.one.find(hash, key).map(|p| self.one.entry(p)),
            Some(many) => {
                let segment = many.segment(hash);
                segment.find(hash, key).map(|p| segment.table.entry(p))
            }
        }
    }

    /// The entry with this hash and key, to change in place; its key must stay the same. Expected O(1).
    #[inline]
    pub fn get_mut(&mut self, hash: u32, key: &[u8]) -> Option<&mut E> {
        match &mut self.many {
            None => self.one.find(hash, key).map(|p| self.one.entry_mut(p)),
            Some(many) => {
                let segment = many.segment_mut(hash);
                segment.find(hash, key).map(|p| segment.table.entry_mut(p))
            }
        }
    }

    /// Adds an entry whose key is not in the table. Expected O(1); moves at most [`SEGMENT_MAX`] slots, and at times the
    /// directory.
    pub fn insert(&mut self, hash: u32, e: E) {
        if self.many.is_none() && self.one.len() >= SEGMENT_MAX {
            self.many = Some(Box::new(Many::halves_of(self.one.take())));
        }
        match &mut self.many {
            None => {
                self.one.insert(hash, e, 0);
            }
            Some(many) => many.insert(hash, e),
        }
    }

    /// Takes out the entry with this hash and key. Expected O(1), with the moves of [`Segmented::insert`].
    pub fn remove(&mut self, hash: u32, key: &[u8]) -> Option<E> {
        let Some(many) = &mut self.many else {
            let p = self.one.find(hash, key)?;
            return Some(self.one.remove(p));
        };
        let at = many.directory[many.place(hash)] as usize;
        let p = many.segments[at].find(hash, key)?;
        let e = many.remove(at, p);
        self.leave_many();
        Some(e)
    }

    /// Takes out an entry, every one exactly as likely, from a source of 64 random bits. Expected O(1), with the moves of
    /// [`Segmented::insert`].
    pub fn take_random(&mut self, random: &mut impl FnMut() -> u64) -> Option<E> {
        let Some(many) = &mut self.many else {
            let p = self.one.pick(random)?;
            return Some(self.one.remove(p));
        };
        let (at, p) = many.pick(random)?;
        let e = many.remove(at, p);
        self.leave_many();
        Some(e)
    }

    /// A single segment is a plain table.
    fn leave_many(&mut self) {
        if let Some(many) = &mut self.many
            && let [only] = &mut many.segments[..]
        {
            self.one = only.table.take();
            self.many = None;
        }
    }

    /// Puts what `f` makes of the entry with this hash and key in its place; the key must stay the same. `None`, without
    /// a call of `f`, if there is none. If `f` panics the entry is gone. Expected O(1).
    #[inline]
    pub fn update_with<R>(&mut self, hash: u32, key: &[u8], f: impl FnOnce(E) -> (E, R)) -> Option<R> {
        let Some(many) = &mut self.many else {
            let p = self.one.find(hash, key)?;
            return Some(self.one.update_with(p, f));
        };
        let p = many.segment(hash).find(hash, key)?;
        // If `f` panics the segment is an entry short, and the sum must say so.
        many.len -= 1;
        let result = many.segment_mut(hash).table.update_with(p, f);
        many.len += 1;
        Some(result)
    }

    /// Shows `f` the entries whose hashes are not below `from`, in order of hashes, until `f` answers `false`; those that
    /// share the last one's hash are shown all the same, so that the position between two walks is a hash. Returns where
    /// to go on, above `from`, or `None` at the end. Entries that are there from a first walk's beginning to the last
    /// one's end are shown once each, whatever else comes and goes. O(entries shown).
    pub fn walk(&self, from: u32, mut f: impl FnMut(&E) -> bool) -> Option<u32> {
        let mut last = None;
        for (hash, e) in self.iter_from(from) {
            if last.is_some_and(|last| last != hash) {
                return Some(hash);
            }
            if !f(e) {
                last = Some(hash);
            }
        }
        None
    }

    /// All entries, in order of hashes.
    pub fn iter(&self) -> impl Iterator<Item = &E> {
        self.iter_from(0).map(|(_, e)| e)
    }

    /// Hashes and entries from a hash on, in order of hashes.
    pub fn iter_from(&self, from: u32) -> Iter<'_, E> {
        let mut iter = Iter { all: self, place: 0, at: None };
        match &self.many {
            None => iter.at = self.one.first_from(from).map(|p| (0, p)),
            Some(many) => {
                iter.place = many.place(from);
                let segment = many.segment(from);
                iter.at = segment.table.first_from(from << segment.depth).map(|p| (many.directory[iter.place], p));
                iter.skip_empty_segments(many);
            }
        }
        iter
    }

    /// An entry, every one exactly as likely, from a source of 64 random bits. Expected O(1).
    pub fn random(&self, random: &mut impl FnMut() -> u64) -> Option<&E> {
        match &self.many {
            None => self.one.pick(random).map(|p| self.one.entry(p)),
            Some(many) => many.pick(random).map(|(at, p)| many.segments[at].table.entry(p)),
        }
    }

    /// A copy whose entries are what `f` makes of these; their keys must be the same. O(length).
    pub fn duplicate(&self, mut f: impl FnMut(&E) -> E) -> Segmented<E> {
        let one = self.one.duplicate(&mut f);
        let many = self.many.as_ref().map(|many| Box::new(many.duplicate(f)));
        Segmented { one, many }
    }

    /// Drops all entries and arrays. O(length).
    pub fn clear(&mut self) {
        drop(std::mem::take(self));
    }
}

impl<E: Thin> Many<E> {
    /// Two segments of the entries of a table that was the only one.
    fn halves_of(table: Table<E>) -> Many<E> {
        let (low, high) = table.halve();
        let mut many = Many {
            len: low.len() + high.len(),
            bytes: low.bytes() + high.bytes(),
            widest: low.slots().max(high.slots()),
            segments: Vec::with_capacity(4),
            directory: vec![0, 1],
            shift: 31,
        };
        many.segments.push(Segment { table: low, start: 0, depth: 1 });
        many.segments.push(Segment { table: high, start: 1 << 31, depth: 1 });
        many
    }

    fn all_bytes(&self) -> usize {
        let segments = good_size(self.segments.capacity() * size_of::<Segment<E>>());
        good_size(size_of::<Self>()) + segments + good_size(self.directory.capacity() * size_of::<u32>()) + self.bytes
    }

    /// The place of a hash in the directory.
    #[inline]
    fn place(&self, hash: u32) -> usize {
        (hash >> self.shift) as usize
    }

    #[inline]
    fn segment(&self, hash: u32) -> &Segment<E> {
        &self.segments[self.directory[self.place(hash)] as usize]
    }

    #[inline]
    fn segment_mut(&mut self, hash: u32) -> &mut Segment<E> {
        let at = self.directory[self.place(hash)];
        &mut self.segments[at as usize]
    }

    /// The places of the directory that lead to a segment of this start and depth.
    fn places(&self, start: u32, depth: u32) -> std::ops::Range<usize> {
        let first = self.place(start);
        first..first + (1 << (32 - self.shift - depth))
    }

    fn insert(&mut self, hash: u32, e: E) {
        let at = loop {
            let at = self.directory[self.place(hash)] as usize;
            if self.segments[at].table.len() < SEGMENT_MAX || !self.halve(at) {
                break at;
            }
        };
        let segment = &mut self.segments[at];
        let before = segment.table.bytes();
        segment.table.insert(hash << segment.depth, e, 0);
        let after = segment.table.bytes();
        if after != before {
            self.bytes = self.bytes - before + after;
            self.widest = self.widest.max(segment.table.slots());
        }
        self.len += 1;
    }

    /// Halves a segment, if the directory can tell the halves apart or may grow to.
    fn halve(&mut self, at: usize) -> bool {
        let depth = self.segments[at].depth;
        if depth + self.shift == 32 {
            if self.directory.len() >= DIRECTORY_MAX * self.segments.len() || self.shift <= 1 {
                return false;
            }
            let mut twice = Vec::with_capacity(self.directory.len() * 2);
            twice.extend(self.directory.iter().flat_map(|&segment| [segment, segment]));
            self.directory = twice;
            self.shift -= 1;
        }
        let low = &mut self.segments[at];
        let before = low.table.bytes();
        let high;
        (low.table, high) = low.table.take().halve();
        low.depth = depth + 1;
        let start = low.start | 1 << (31 - depth);
        self.bytes = self.bytes - before + low.table.bytes() + high.bytes();
        self.widest = self.widest.max(low.table.slots()).max(high.slots());
        let places = self.places(start, depth + 1);
        self.directory[places].fill(self.segments.len() as u32);
        self.segments.push(Segment { table: high, start, depth: depth + 1 });
        true
    }

    fn remove(&mut self, at: usize, p: Pos) -> E {
        let segment = &mut self.segments[at];
        let before = segment.table.bytes();
        let e = segment.table.remove(p);
        self.bytes = self.bytes - before + segment.table.bytes();
        self.len -= 1;
        if segment.table.len() <= JOIN_MAX {
            self.join(at);
        }
        e
    }

    /// Joins a segment with its neighbour while both are small.
    fn join(&mut self, mut at: usize) {
        while self.segments[at].depth > 0 {
            let Segment { start, depth, ref table } = self.segments[at];
            let other = self.directory[self.place(start ^ 1 << (32 - depth))] as usize;
            let neighbour = &self.segments[other];
            if neighbour.depth != depth || neighbour.table.len() + table.len() > JOIN_MAX {
                return;
            }
            let (low, high) = if self.segments[at].start < neighbour.start { (at, other) } else { (other, at) };
            let tables = (self.segments[low].table.take(), self.segments[high].table.take());
            self.bytes -= tables.0.bytes() + tables.1.bytes();
            let joined = Table::join(tables.0, tables.1);
            self.bytes += joined.bytes();
            self.widest = self.widest.max(joined.slots());
            self.segments[low].table = joined;
            self.segments[low].depth = depth - 1;
            let places = self.places(self.segments[low].start, depth - 1);
            self.directory[places].fill(low as u32);
            at = self.discard(high, low);
        }
    }

    /// Removes a segment to which no place leads; returns where segment `kept` is then.
    fn discard(&mut self, at: usize, kept: usize) -> usize {
        let last = self.segments.len() - 1;
        if at != last {
            let places = self.places(self.segments[last].start, self.segments[last].depth);
            self.directory[places].fill(at as u32);
        }
        self.segments.swap_remove(at);
        if self.directory.len() >= DIRECTORY_MAX * self.segments.len() {
            self.fit();
        }
        if kept == last { at } else { kept }
    }

    /// Makes directory and segments' array as small as they can be. O(directory).
    fn fit(&mut self) {
        let depth = self.segments.iter().map(|segment| segment.depth).max().unwrap_or(0).max(1);
        let step = 1 << (32 - self.shift - depth).min(31);
        if step > 1 {
            self.directory = self.directory.iter().step_by(step).copied().collect();
            self.shift = 32 - depth;
        }
        self.segments.shrink_to(self.segments.len() * 2);
        self.widest = self.segments.iter().map(|segment| segment.table.slots()).max().unwrap_or(0);
    }

    /// Draws a segment and a slot as if all segments had `widest` slots, until there is an entry: thus every entry is as
    /// likely as any other, however unlike the segments are.
    fn pick(&self, random: &mut impl FnMut() -> u64) -> Option<(usize, Pos)> {
        for _ in 0..DRAWS {
            let at = rng::below(random, self.segments.len() as u64) as usize;
            if let Some(p) = self.segments[at].table.slot(rng::below(random, self.widest as u64) as usize) {
                return Some((at, p));
            }
        }
        let mut n = rng::below(random, self.len as u64) as usize;
        for (at, Segment { table, .. }) in self.segments.iter().enumerate() {
            if n < table.len() {
                return table.nth(n).map(|p| (at, p));
            }
            n -= table.len();
        }
        None
    }

    fn duplicate(&self, mut f: impl FnMut(&E) -> E) -> Many<E> {
        let copy = |s: &Segment<E>| Segment { table: s.table.duplicate(&mut f), start: s.start, depth: s.depth };
        let segments: Vec<_> = self.segments.iter().map(copy).collect();
        let bytes = segments.iter().map(|segment| segment.table.bytes()).sum();
        let (directory, shift, len, widest) = (self.directory.clone(), self.shift, self.len, self.widest);
        Many { segments, directory, shift, len, bytes, widest }
    }
}

/// The entries of a [`Segmented`] in order of hashes.
pub struct Iter<'a, E: Thin> {
    all: &'a Segmented<E>,
    /// A place in the directory that leads to the segment of `at`.
    place: usize,
    /// Segment and place of the next entry.
    at: Option<(u32, Pos)>,
}

impl<E: Thin> Iter<'_, E> {
    /// Goes on to the next segment that holds anything, if this one has nothing more.
    fn skip_empty_segments(&mut self, many: &Many<E>) {
        while self.at.is_none() {
            let Segment { start, depth, .. } = many.segments[many.directory[self.place] as usize];
            self.place = many.places(start, depth).end;
            let Some(&next) = many.directory.get(self.place) else {
                return;
            };
            self.at = many.segments[next as usize].table.first_from(0).map(|p| (next, p));
        }
    }
}

impl<'a, E: Thin> Iterator for Iter<'a, E> {
    type Item = (u32, &'a E);

    fn next(&mut self) -> Option<Self::Item> {
        let all = self.all;
        let (segment, p) = self.at?;
        let Some(many) = &all.many else {
            all.one.prefetch_beyond(p);
            self.at = all.one.next(p).map(|p| (0, p));
            return Some((all.one.hash_at(p), all.one.entry(p)));
        };
        let table = &many.segments[segment as usize];
        table.table.prefetch_beyond(p);
        self.at = table.table.next(p).map(|p| (segment, p));
        if self.at.is_none() {
            self.skip_empty_segments(many);
        }
        Some((table.hash_at(p), table.table.entry(p)))
    }
}

#[cfg(test)]
mod tests;
