//! Transactions on keys: [`ReadTx`], and [`WriteTx`], the one door for changes.
//!
//! Owns what every access to a key must do: find it in a shard that is held, notice that its time has come and remove
//! it, touch its access clock, check its type; and for a change: account its bytes and its TTL, bump the version that
//! WATCH compares, record what happened. Nothing else changes a table, and nothing else writes [`Effects`]. It must
//! not know commands, replies or sockets.
//!
//! Here are the types, locking, and how a key is found and read; `write` has the changes of a key, `collections` what
//! concerns values that are lists, sets, sorted sets or hashes, `walk` what passes over a shard, `keyspace` what concerns whole databases, `watched` WATCH,
//! `waiting` the queues of clients that wait for keys.
//!
//! A `WriteTx` is a `ReadTx` (by `Deref`) with mutators; a reading command is handed only the `ReadTx`. Both hold
//! their shards until dropped. Keys of other shards than the held ones are a programming error: the row's key
//! specification must name every key that the handler touches.

mod collections;
mod keyspace;
mod waiting;
mod walk;
mod watched;
mod write;

pub use collections::Edit;
pub(super) use walk::SweptSlots;

use super::busy::IsBusy;
use super::effects::{Class, Effects, Event, Garbage, Lazy, Wants};
use super::kinds::Hash;
use super::lock::{Guard, Held, LockSet, Place};
use super::{Access, Entry, Store, StrRef};
use crate::base::table::Pos;
use std::cell::Cell;
use std::ops::{Deref, DerefMut};

/// Slot flag: the entry has a time to live.
const FLAG_TTL: u16 = 1;
/// Slot flag: the entry is a hash that has fields with a time to live.
const FLAG_FIELDS: u16 = 2;
/// Bytes of the table that an entry accounts for: a slot of 12 bytes at a usual load of 0.85.
const SLOT_SHARE: usize = 14;
/// Entries whose allocations are at least this large are freed after unlocking.
const GARBAGE_MIN: usize = 64 * 1024;
/// Collections of more elements than this are, too: each may be an allocation of its own.
const GARBAGE_ELEMENTS: usize = 64;
/// Collections of more elements than this that expire or are replaced are freed in the background, whatever the directives
/// say: nobody has asked for them to go, and their end would hold up a worker's clients for milliseconds.
const BACKGROUND_ELEMENTS: usize = 10_000;

/// A key and its hash, computed once a command.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// [`Store::hash`] of them.
    pub hash: u64,
}

/// The value is of another type than the command works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongType;

/// What a write does to a key's time to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Removes it.
    Clear,
    /// Leaves it.
    Keep,
    /// Sets it to this unix time in milliseconds.
    At(u64),
}

/// What a transaction knows of its client and its time.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The selected database.
    pub db: u32,
    /// Unix time in milliseconds; one time for the whole command.
    pub now: u64,
    /// The access clock.
    pub access: Access,
    /// Reads leave the access clock alone (CLIENT NO-TOUCH).
    pub no_touch: bool,
}

/// A transaction that reads.
pub struct ReadTx<'s> {
    store: &'s Store,
    held: Held<'s>,
    context: Context,
    effects: &'s mut Effects,
    /// More commands follow: nothing may be unlocked before the end.
    pinned: bool,
    /// A shard that it wanted for a moment was busy, and was passed over.
    met_busy: Cell<Option<IsBusy>>,
    /// The wall time in microseconds where it stands still until the end; else 0.
    frozen_us: u64,
}

/// A transaction that may change what it holds.
pub struct WriteTx<'s> {
    read: ReadTx<'s>,
}

/// Where a key was found: guard and position, valid until the next change.
#[derive(Clone, Copy)]
struct Found {
    guard: usize,
    pos: Pos,
}

impl Store {
    /// Locks the one shard of a key.
    ///
    /// # Errors
    /// A busy script holds it.
    #[inline(always)]
    pub fn enter_one<'s>(
        &'s self,
        hash: u64,
        context: Context,
        effects: &'s mut Effects,
    ) -> Result<WriteTx<'s>, IsBusy> {
        let place = Place::new(context.db, self.split(hash).0);
        let held = Held::one(self, place)?;
        // Behind the lock: who began to listen before another read what is held now is listened to.
        effects.wants = self.listeners.wants();
        Ok(WriteTx { read: ReadTx::new(self, held, context, effects) })
    }

    /// Locks the shards of `set`, in order.
    ///
    /// # Errors
    /// A busy script holds one of them; nothing is held then.
    pub fn enter<'s>(
        &'s self,
        set: &mut LockSet,
        context: Context,
        effects: &'s mut Effects,
    ) -> Result<WriteTx<'s>, IsBusy> {
        let held = Held::many(self, set)?;
        effects.wants = self.listeners.wants();
        Ok(WriteTx { read: ReadTx::new(self, held, context, effects) })
    }

    /// [`Store::enter_one`] for who knows that no script runs: tests and benches.
    pub fn begin_one<'s>(&'s self, hash: u64, context: Context, effects: &'s mut Effects) -> WriteTx<'s> {
        self.enter_one(hash, context, effects).expect("no script is busy")
    }

    /// [`Store::enter`] for who knows that no script runs.
    pub fn begin<'s>(&'s self, set: &mut LockSet, context: Context, effects: &'s mut Effects) -> WriteTx<'s> {
        self.enter(set, context, effects).expect("no script is busy")
    }

    /// Locks nothing: for commands that visit shards one by one.
    pub fn begin_none<'s>(&'s self, context: Context, effects: &'s mut Effects) -> WriteTx<'s> {
        effects.wants = self.listeners.wants();
        WriteTx { read: ReadTx::new(self, Held::nothing(), context, effects) }
    }
}

impl<'s> ReadTx<'s> {
    #[inline]
    fn new(store: &'s Store, held: Held<'s>, context: Context, effects: &'s mut Effects) -> Self {
        Self { store, held, context, effects, pinned: false, met_busy: Cell::new(None), frozen_us: 0 }
    }

    /// The store.
    pub fn store(&self) -> &'s Store {
        self.store
    }

    /// The selected database.
    pub fn db(&self) -> u32 {
        self.context.db
    }

    /// Unix time in milliseconds.
    pub fn now(&self) -> u64 {
        self.context.now
    }

    /// Has the time stand still for all that follows in this transaction: at `us`, to which [`Context::now`] belongs.
    pub fn freeze(&mut self, us: u64) {
        self.frozen_us = us;
    }

    /// Unix time in microseconds.
    pub fn now_us(&self) -> u64 {
        if self.frozen_us == 0 { self.store.clock.unix_us() } else { self.frozen_us }
    }

    /// The access clock in force.
    pub fn access_mode(&self) -> Access {
        self.context.access
    }

    /// A key with its hash.
    pub fn key<'k>(&self, bytes: &'k [u8]) -> Key<'k> {
        Key { bytes, hash: self.store.hash(bytes) }
    }

    /// Selects a database for what follows in this transaction (SELECT inside EXEC).
    pub fn select(&mut self, db: u32) {
        self.context.db = db;
    }

    /// Keeps the shards to the end whatever a command says: others follow it in this transaction (EXEC).
    pub fn pin(&mut self) {
        self.pinned = true;
    }

    /// Whether the shard of a key is held.
    #[inline]
    pub fn holds(&self, db: u32, hash: u64) -> bool {
        self.held.find(Place::new(db, self.store.split(hash).0)).is_some()
    }

    /// Whether all shards of a set are held. Who holds `everything` that was in use lacks no database that came into use
    /// since: it is empty to it.
    pub fn holds_all(&self, set: &LockSet, everything: bool) -> bool {
        (everything || !set.is_everything()) && set.places().iter().all(|place| self.held.find(*place).is_some())
    }

    /// The busy script because of which a shard was passed over: then what was found is not all that there is.
    pub fn met_busy(&self) -> Option<IsBusy> {
        self.met_busy.get()
    }

    /// Says that what is held is held for long; until [`super::Busy::leave`] is told the number.
    pub fn declare_busy(&self, is: IsBusy) -> u64 {
        self.store.busy.enter(self.held.places(), is)
    }

    /// Unlocks the shards before the end, for a reading command that has copied (or shares) what it needs and has long
    /// to compute. Does nothing where more commands follow, or where something waits to be journalled in order. No key
    /// may be touched after it.
    pub fn release_early(&mut self) {
        if !self.pinned && self.effects.dirty | self.effects.expired == 0 {
            self.held = Held::nothing();
        }
    }

    /// Index of the guard of the key's shard.
    #[inline]
    fn guard_of(&self, db: u32, hash: u64) -> usize {
        let place = Place::new(db, self.store.split(hash).0);
        match self.held.find(place) {
            Some(i) => i,
            None => unheld(place),
        }
    }

    #[inline]
    fn locate(&mut self, db: u32, key: Key<'_>) -> Option<Found> {
        let guard = self.guard_of(db, key.hash);
        let (_, h32) = self.store.split(key.hash);
        let inner = &self.held.peek(guard).inner;
        let pos = inner.table.find(h32, key.bytes)?;
        if inner.table.flags(pos) & FLAG_TTL != 0 && expired(inner.table.entry(pos), self.context.now) {
            self.expire(guard, pos, key.bytes);
            return None;
        }
        Some(Found { guard, pos })
    }

    fn entry_at(&self, at: Found) -> &Entry {
        self.held.peek(at.guard).inner.table.entry(at.pos)
    }

    /// Removes an entry whose time has come; recorded like any change.
    #[cold]
    fn expire(&mut self, guard: usize, pos: Pos, key: &[u8]) {
        let db = self.held.peek(guard).place.db();
        let entry = detach(self.held.at(guard), pos);
        self.effects.expired += 1;
        self.note_change(guard, db, key);
        if !self.effects.wants.is_empty() {
            self.effects.expired_keys.push((db, key.into()));
            self.record_event(Class::Expired, "expired", db, key);
        }
        self.discard_unasked(entry, Lazy::EXPIRE);
    }

    fn record_event(&mut self, class: Class, name: &'static str, db: u32, key: &[u8]) {
        if self.effects.wants.contains(Wants::NOTIFY) && self.store.listeners.hears(class) {
            self.effects.events.push(Event { class, name, db, key: key.into() });
        }
    }

    /// Tells everybody whom a change of a key concerns: who watches it, who waits for it, tracking.
    #[inline]
    fn note_change(&mut self, guard: usize, db: u32, key: &[u8]) {
        let inner = &mut self.held.at(guard).inner;
        inner.bump(key);
        inner.note_ready(db, key, &mut self.effects.ready);
        if self.effects.wants.contains(Wants::TRACKING) {
            self.effects.changed.push((db, key.into()));
        }
    }

    /// Tells who waits for a key of a change that its readers do not see.
    fn note_hidden_change(&mut self, guard: usize, db: u32, key: &[u8]) {
        self.held.at(guard).inner.note_ready(db, key, &mut self.effects.ready);
    }

    #[inline]
    fn discard(&mut self, entry: Entry, background: bool) {
        if is_large(&entry, entry.alloc_bytes()) {
            self.effects.garbage.push(Garbage::Entry(entry, background));
        }
    }

    /// Frees an entry that another took the place of.
    #[inline]
    fn discard_replaced(&mut self, entry: Entry) {
        self.discard_unasked(entry, Lazy::SERVER_DEL);
    }

    /// Frees an entry that goes for this reason.
    #[inline]
    fn discard_unasked(&mut self, entry: Entry, why: Lazy) {
        let background = self.effects.lazy.contains(why) || entry.elements().is_some_and(|n| n > BACKGROUND_ELEMENTS);
        self.discard(entry, background);
    }

    /// The entry of a key, counted as a hit or miss, its access clock touched. O(1).
    #[inline]
    pub fn get(&mut self, key: Key<'_>) -> Option<&Entry> {
        let found = self.locate(self.context.db, key);
        match found {
            Some(at) => {
                self.effects.hits += 1;
                self.touch(at, key.hash);
                Some(self.entry_at(at))
            }
            None => {
                self.effects.misses += 1;
                self.record_event(Class::Miss, "keymiss", self.context.db, key.bytes);
                None
            }
        }
    }

    /// Like [`ReadTx::get`], the access clock left alone (TTL, TYPE, EXISTS…).
    pub fn get_untouched(&mut self, key: Key<'_>) -> Option<&Entry> {
        let found = self.locate(self.context.db, key);
        match found {
            Some(at) => {
                self.effects.hits += 1;
                Some(self.entry_at(at))
            }
            None => {
                self.effects.misses += 1;
                self.record_event(Class::Miss, "keymiss", self.context.db, key.bytes);
                None
            }
        }
    }

    /// Like [`ReadTx::get`], the access clock touched even for a client that has asked for no touching (TOUCH).
    pub fn get_touched(&mut self, key: Key<'_>) -> Option<&Entry> {
        let no_touch = std::mem::replace(&mut self.context.no_touch, false);
        let _ = self.get(key);
        self.context.no_touch = no_touch;
        self.peek(key)
    }

    /// The entry of a key, neither counted nor touched (OBJECT, DEBUG, writes that look before they change).
    pub fn peek(&mut self, key: Key<'_>) -> Option<&Entry> {
        self.peek_in(self.context.db, key)
    }

    /// [`ReadTx::peek`] in another database whose shard is held.
    pub fn peek_in(&mut self, db: u32, key: Key<'_>) -> Option<&Entry> {
        let at = self.locate(db, key)?;
        Some(self.entry_at(at))
    }

    /// The string at a key, as a reading command sees it.
    ///
    /// # Errors
    /// [`WrongType`] if the value is no string.
    #[inline]
    pub fn string(&mut self, key: Key<'_>) -> Result<Option<StrRef<'_>>, WrongType> {
        match self.get(key) {
            Some(entry) => entry.str().map(Some).ok_or(WrongType),
            None => Ok(None),
        }
    }

    #[inline]
    fn touch(&mut self, at: Found, hash: u64) {
        if self.context.no_touch {
            return;
        }
        let access = self.context.access;
        let guard = self.held.at(at.guard);
        let random = mix(hash ^ guard.inner.ops);
        let entry = guard.inner.table.entry(at.pos);
        let (old, new) = (entry.access(), access.touch(entry.access(), random));
        if old != new {
            guard.inner.table.entry(at.pos).set_access(new);
        }
    }

    /// Bytes that a key takes: its entry's allocation and its share of the table. O(1).
    pub fn usage(&mut self, key: Key<'_>) -> Option<usize> {
        Some(self.peek(key)?.alloc_bytes() + SLOT_SHARE)
    }
}

impl<'s> Deref for WriteTx<'s> {
    type Target = ReadTx<'s>;
    #[inline]
    fn deref(&self) -> &ReadTx<'s> {
        &self.read
    }
}

impl<'s> DerefMut for WriteTx<'s> {
    #[inline]
    fn deref_mut(&mut self) -> &mut ReadTx<'s> {
        &mut self.read
    }
}

#[inline]
fn expired(entry: &Entry, now: u64) -> bool {
    entry.expire_at().is_some_and(|t| t <= now)
}

/// Takes an entry out of its table and out of the accounts.
fn detach(guard: &mut Guard<'_>, pos: Pos) -> Entry {
    let inner = &mut *guard.inner;
    let flags = inner.table.flags(pos);
    let entry = inner.table.remove(pos);
    inner.bytes -= entry.alloc_bytes() as u64;
    let less = |flag: u16| u32::from(flags & flag != 0).wrapping_neg();
    guard.shard.count_expiring(less(FLAG_TTL), less(FLAG_FIELDS));
    guard.shard.publish(&guard.inner);
    entry
}

/// Whether an entry is freed after unlocking.
#[inline]
fn is_large(entry: &Entry, alloc_bytes: usize) -> bool {
    alloc_bytes >= GARBAGE_MIN || entry.elements().is_some_and(|n| n > GARBAGE_ELEMENTS)
}

/// The flags that an entry's slot must have.
#[inline]
fn wanted_flags(entry: &Entry) -> u16 {
    let fields = entry.collection::<Hash>().is_some_and(|hash| hash.has_expiring());
    (if entry.expire_at().is_some() { FLAG_TTL } else { 0 }) | if fields { FLAG_FIELDS } else { 0 }
}

/// Sets the flags of a slot, and counts the entries that have them.
#[inline]
fn set_flags(guard: &mut Guard<'_>, pos: Pos, flags: u16) {
    let inner = &mut *guard.inner;
    let old = inner.table.flags(pos);
    if old == flags {
        return;
    }
    inner.table.set_flags(pos, flags);
    let change = |flag: u16| u32::from(flags & flag != 0).wrapping_sub(u32::from(old & flag != 0));
    guard.shard.count_expiring(change(FLAG_TTL), change(FLAG_FIELDS));
}

/// A well-mixed number (the finaliser of SplitMix64, Steele et al. 2014).
#[inline]
fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cold]
#[inline(never)]
fn unheld(place: Place) -> ! {
    panic!(
        "a handler touched shard {} of database {}, which its key specification does not name",
        place.shard(),
        place.db()
    )
}
