//! Shards that a script has held for so long that others are told so instead of waiting on, and the one transaction that may
//! widen its locks.
//!
//! Owns the list of those shards, which only who finds a shard locked looks at, and that only while there are any. It must
//! not know scripts. The list's lock is a leaf; so is nothing of [`Busy::widening`], which is waited for with no shard held.

use super::lock::Place;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// A shard cannot be had: a script that has run for too long holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IsBusy {
    /// It is a function: it ends in another way.
    pub function: bool,
}

/// A busy script.
struct Entry {
    number: u64,
    /// What it holds, in order.
    places: Vec<Place>,
    is: IsBusy,
}

/// The shards that busy scripts hold.
#[derive(Default)]
pub struct Busy {
    count: AtomicUsize,
    next: AtomicU64,
    list: Mutex<Vec<Entry>>,
    /// Held by the one transaction that takes further shards out of order.
    pub(super) widening: Mutex<()>,
}

impl Busy {
    /// Enters the shards of a busy script, in order; returns what [`Busy::leave`] wants.
    pub(super) fn enter(&self, places: Vec<Place>, is: IsBusy) -> u64 {
        let number = self.next.fetch_add(1, Relaxed);
        let mut list = self.list.lock();
        list.push(Entry { number, places, is });
        self.count.store(list.len(), Relaxed);
        number
    }

    /// Strikes them out.
    pub fn leave(&self, number: u64) {
        let mut list = self.list.lock();
        list.retain(|other| other.number != number);
        self.count.store(list.len(), Relaxed);
    }

    /// Whether any script is busy.
    pub fn any(&self) -> bool {
        self.count.load(Relaxed) > 0
    }

    /// The busy script that holds a shard.
    pub(super) fn holder(&self, place: Place) -> Option<IsBusy> {
        if !self.any() {
            return None;
        }
        self.list.lock().iter().find(|entry| entry.places.binary_search(&place).is_ok()).map(|entry| entry.is)
    }
}
