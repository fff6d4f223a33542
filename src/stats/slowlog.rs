//! The slow log: the last commands that took longer than a limit.
//!
//! Owns the entries and how long arguments are cut. One mutex, taken only by commands that were slow and by SLOWLOG.
//! It must not know settings: whoever adds an entry says how many are kept.

use parking_lot::Mutex;
use std::collections::VecDeque;

/// Arguments of an entry, the note on those left out included.
const ARGS_MAX: usize = 32;
/// Bytes of an argument that are kept.
const ARG_BYTES_MAX: usize = 128;

/// One slow command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlowEntry {
    /// Its number, counted since the start.
    pub id: u64,
    /// Unix time in seconds.
    pub time: u64,
    /// How long it took.
    pub micros: u64,
    /// Its arguments, cut.
    pub args: Vec<Vec<u8>>,
    /// Address of the client.
    pub addr: String,
    /// Name of the client.
    pub name: String,
}

/// The slow log of a server.
#[derive(Debug, Default)]
pub struct SlowLog {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    /// Newest first.
    entries: VecDeque<SlowEntry>,
}

impl SlowLog {
    /// Adds an entry (its id is set here) and drops the oldest beyond `max`.
    pub fn add(&self, mut entry: SlowEntry, max: u64) {
        let mut inner = self.inner.lock();
        entry.id = inner.next;
        inner.next += 1;
        inner.entries.push_front(entry);
        inner.cut(max);
    }

    /// Drops the oldest entries beyond `max`.
    pub fn cut(&self, max: u64) {
        self.inner.lock().cut(max);
    }

    /// The newest `n` entries, newest first.
    pub fn get(&self, n: usize) -> Vec<SlowEntry> {
        self.inner.lock().entries.iter().take(n).cloned().collect()
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.inner.lock().entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops all entries; numbers go on.
    pub fn clear(&self) {
        self.inner.lock().entries.clear();
    }
}

impl Inner {
    fn cut(&mut self, max: u64) {
        self.entries.truncate(usize::try_from(max).unwrap_or(usize::MAX));
    }
}

/// Arguments as an entry keeps them: at most 32, the last then a note on how many are missing, each at most 128 bytes
/// and a note.
pub fn cut_args<'a>(args: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let n = args.len();
    let shown = if n > ARGS_MAX { ARGS_MAX - 1 } else { n };
    let mut cut: Vec<Vec<u8>> = args.take(shown).map(cut_arg).collect();
    if shown < n {
        cut.push(format!("... ({} more arguments)", n - shown).into_bytes());
    }
    cut
}

fn cut_arg(arg: &[u8]) -> Vec<u8> {
    if arg.len() <= ARG_BYTES_MAX {
        return arg.to_vec();
    }
    let mut cut = arg[..ARG_BYTES_MAX].to_vec();
    cut.extend_from_slice(format!("... ({} more bytes)", arg.len() - ARG_BYTES_MAX).as_bytes());
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay() {
        let log = SlowLog::default();
        let entry =
            |micros| SlowEntry { id: 0, time: 0, micros, args: Vec::new(), addr: String::new(), name: String::new() };
        (0..5).for_each(|i| log.add(entry(i), 3));
        assert_eq!(log.get(9).iter().map(|e| (e.id, e.micros)).collect::<Vec<_>>(), [(4, 4), (3, 3), (2, 2)]);
        log.cut(1);
        assert_eq!((log.len(), log.get(0).len()), (1, 0));
        log.clear();
        log.add(entry(9), 3);
        assert_eq!(log.get(1)[0].id, 5);
    }

    #[test]
    fn long_commands_are_cut() {
        let words: Vec<Vec<u8>> = (0..41).map(|i: u32| i.to_string().into_bytes()).collect();
        let cut = cut_args(words.iter().map(|w| &w[..]));
        assert_eq!((cut.len(), &cut[30][..], &cut[31][..]), (32, &b"30"[..], &b"... (10 more arguments)"[..]));
        assert_eq!(cut_args(words[..32].iter().map(|w| &w[..])).len(), 32);
        let long = [b'a'; 140];
        assert_eq!(cut_args([&long[..]].into_iter())[0], [&long[..128], b"... (12 more bytes)"].concat());
    }
}
