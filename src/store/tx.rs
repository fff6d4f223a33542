//! Transactions on keys: [`ReadTx`], and [`WriteTx`], the one door for changes.
//!
//! Owns what every access to a key must do: find it in a shard that is held, notice that its time has come and remove
//! it, touch its access clock, check its type; and for a change: account its bytes and its TTL, bump the version that
//! WATCH compares, record what happened. Nothing else changes a table, and nothing else writes [`Effects`]. It must
//! not know commands, replies or sockets.
//!
//! A `WriteTx` is a `ReadTx` (by `Deref`) with mutators; a reading command is handed only the `ReadTx`. Both hold
//! their shards until dropped. Keys of other shards than the held ones are a programming error: the row's key
//! specification must name every key that the handler touches.

use super::effects::{Class, Effects, Event, Garbage, Lazy, Rewrite, Wants};
use super::lock::{Guard, Held, LockSet, Place};
use super::shard::Inner;
use super::table::Pos;
use super::{Access, Entry, NewStr, ShardStats, Store, StrRef, Table, Watch};
use bytes::BytesMut;
use std::ops::{Deref, DerefMut};

/// Slot flag: the entry has a time to live.
const FLAG_TTL: u16 = 1;
/// Bytes of the table that an entry accounts for: a slot of 12 bytes at a usual load of 0.85.
const SLOT_SHARE: usize = 14;
/// Entries whose allocations are at least this large are freed after unlocking.
const GARBAGE_MIN: usize = 64 * 1024;

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
    #[inline]
    pub fn begin_one<'s>(&'s self, hash: u64, context: Context, effects: &'s mut Effects) -> WriteTx<'s> {
        let place = Place::new(context.db, self.split(hash).0);
        effects.wants = self.listeners.wants();
        WriteTx { read: ReadTx { store: self, held: Held::one(self, place), context, effects, pinned: false } }
    }

    /// Locks the shards of `set`, in order.
    pub fn begin<'s>(&'s self, set: &mut LockSet, context: Context, effects: &'s mut Effects) -> WriteTx<'s> {
        effects.wants = self.listeners.wants();
        WriteTx { read: ReadTx { store: self, held: Held::many(self, set), context, effects, pinned: false } }
    }

    /// Locks nothing: for commands that visit shards one by one.
    pub fn begin_none<'s>(&'s self, context: Context, effects: &'s mut Effects) -> WriteTx<'s> {
        effects.wants = self.listeners.wants();
        WriteTx { read: ReadTx { store: self, held: Held::nothing(), context, effects, pinned: false } }
    }
}

impl<'s> ReadTx<'s> {
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
        self.held.at(guard).inner.bump(key);
        self.effects.expired += 1;
        if !self.effects.wants.is_empty() {
            self.effects.expired_keys.push((db, key.into()));
            self.record_changed(db, key);
            self.record_event(Class::Expired, "expired", db, key);
        }
        let background = self.effects.lazy.contains(Lazy::EXPIRE);
        self.discard(entry, background);
    }

    fn record_event(&mut self, class: Class, name: &'static str, db: u32, key: &[u8]) {
        if self.effects.wants.contains(Wants::NOTIFY) {
            self.effects.events.push(Event { class, name, db, key: key.into() });
        }
    }

    fn record_changed(&mut self, db: u32, key: &[u8]) {
        if self.effects.wants.intersects(Wants::TRACKING | Wants::WAKE) {
            self.effects.changed.push((db, key.into()));
        }
    }

    #[inline]
    fn discard(&mut self, entry: Entry, background: bool) {
        if entry.alloc_bytes() >= GARBAGE_MIN {
            self.effects.garbage.push(Garbage::Entry(entry, background));
        }
    }

    /// Frees an entry that another took the place of.
    #[inline]
    fn discard_replaced(&mut self, entry: Entry) {
        let background = self.effects.lazy.contains(Lazy::SERVER_DEL);
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
        Ok(self.get(key).map(Entry::str))
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

    /// Runs `f` on every entry of shard `shard` of `db` from position `from` (a 32-bit hash) on, in hash order, until
    /// it says stop; entries of one hash are never split. Returns where to go on, or `None` at the end. Locks the shard
    /// for the while if it is not held. Expired entries are passed over.
    pub fn walk(&mut self, db: u32, shard: usize, from: u32, f: impl FnMut(&Entry) -> bool) -> Option<u32> {
        self.walk_some(db, shard, from, usize::MAX, f).0
    }

    /// [`ReadTx::walk`] that looks at no more than `limit` entries, expired ones included, but for those of one hash.
    /// Returns also how many it looked at.
    pub fn walk_some(
        &mut self,
        db: u32,
        shard: usize,
        from: u32,
        limit: usize,
        mut f: impl FnMut(&Entry) -> bool,
    ) -> (Option<u32>, usize) {
        let now = self.context.now;
        let place = Place::new(db, shard);
        let mut walk = |inner: &Inner| {
            let mut pos = inner.table.first_from(from);
            let mut go_on = true;
            let mut last = None;
            let mut looked = 0;
            while let Some(p) = pos {
                let hash = inner.table.hash_at(p);
                if (!go_on || looked >= limit) && last != Some(hash) {
                    return (Some(hash), looked);
                }
                last = Some(hash);
                looked += 1;
                let entry = inner.table.entry(p);
                if inner.table.flags(p) & FLAG_TTL == 0 || !expired(entry, now) {
                    go_on &= f(entry);
                }
                pos = inner.table.next(p);
            }
            (None, looked)
        };
        match self.held.find(place) {
            Some(i) => walk(&self.held.peek(i).inner),
            None => self.visit(place).map_or((None, 0), |guard| walk(&guard.inner)),
        }
    }

    /// The key of a random entry of a shard whose time has not come, chosen by the random number `r`. Locks the shard
    /// for the while if it is not held.
    pub fn random_key(&mut self, db: u32, shard: usize, r: u64) -> Option<Box<[u8]>> {
        let now = self.context.now;
        let place = Place::new(db, shard);
        let pick = |inner: &Inner| {
            let entry = inner.table.entry(inner.table.random(r)?);
            (!expired(entry, now)).then(|| entry.key().into())
        };
        match self.held.find(place) {
            Some(i) => pick(&self.held.peek(i).inner),
            None => self.visit(place).and_then(|guard| pick(&guard.inner)),
        }
    }

    /// Locks a shard that is not held for a moment, unless others are: that would be out of order. Who holds others
    /// and visits holds all that were in use when it took them; a database that came into use since is empty to it.
    fn visit(&self, place: Place) -> Option<Guard<'s>> {
        (self.held.len() == 0).then(|| Held::lock(self.store, place))
    }
}

impl ReadTx<'_> {
    /// The figures of a shard; locks it for a moment if it is not held.
    pub fn shard_stats(&self, db: u32, shard: usize) -> ShardStats {
        match self.held.find(Place::new(db, shard)) {
            Some(i) => self.held.peek(i).shard.stats_of(&self.held.peek(i).inner),
            None if self.held.len() > 0 => ShardStats::default(),
            None => self.store.db(db).shards()[shard].stats(self.store.clock()),
        }
    }

    /// Sets the counts of operations and waits of a shard to 0; locks it for a moment if it is not held.
    pub fn reset_shard_stats(&mut self, db: u32, shard: usize) {
        match self.held.find(Place::new(db, shard)) {
            Some(i) => {
                let guard = self.held.at(i);
                guard.shard.reset_stats_of(&mut guard.inner);
            }
            None if self.held.len() > 0 => {}
            None => self.store.db(db).shards()[shard].reset_stats(self.store.clock()),
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

impl<'s> WriteTx<'s> {
    /// The reading half, for reading handlers.
    #[inline]
    pub fn reader(&mut self) -> &mut ReadTx<'s> {
        &mut self.read
    }

    /// The record, for `exec::commit`.
    #[inline]
    pub fn effects(&mut self) -> &mut Effects {
        self.read.effects
    }

    /// Counts `n` changes (Redis's `dirty`).
    #[inline]
    pub fn dirty(&mut self, n: u64) {
        self.effects.dirty += n;
    }

    /// Records a keyspace event on a key of the selected database.
    #[inline]
    pub fn event(&mut self, class: Class, name: &'static str, key: &[u8]) {
        let db = self.context.db;
        self.event_in(db, class, name, key);
    }

    /// Records a keyspace event on a key of database `db`.
    #[inline]
    pub fn event_in(&mut self, db: u32, class: Class, name: &'static str, key: &[u8]) {
        if !self.effects.wants.is_empty() {
            self.read.record_event(class, name, db, key);
        }
    }

    /// Has the command journalled as these arguments (several calls: several commands) instead of as it came.
    pub fn rewrite(&mut self, args: &[&[u8]]) {
        if self.effects.wants.contains(Wants::JOURNAL) {
            let one = args.iter().map(|a| Box::from(*a)).collect();
            match &mut self.effects.rewrite {
                Rewrite::As(list) => list.push(one),
                r => *r = Rewrite::As(vec![one]),
            }
        }
    }

    /// A string that is about to be changed: type-checked, touched, not counted as hit or miss.
    ///
    /// # Errors
    /// [`WrongType`] if the value is no string.
    #[inline]
    pub fn string_for_update(&mut self, key: Key<'_>) -> Result<Option<StrRef<'_>>, WrongType> {
        let db = self.context.db;
        let Some(at) = self.read.locate(db, key) else { return Ok(None) };
        self.read.touch(at, key.hash);
        Ok(Some(self.read.entry_at(at).str()))
    }

    /// An entry of whatever type that is about to be changed or moved: touched, not counted as hit or miss.
    #[inline]
    pub fn entry_for_update(&mut self, key: Key<'_>) -> Option<&Entry> {
        let db = self.context.db;
        let at = self.read.locate(db, key)?;
        self.read.touch(at, key.hash);
        Some(self.read.entry_at(at))
    }

    /// Sets a key to a string, whatever it was. O(length).
    #[inline]
    pub fn set(&mut self, key: Key<'_>, value: NewStr<'_>, expiry: Expiry) {
        let db = self.context.db;
        match self.read.locate(db, key) {
            Some(at) => self.overwrite(at, value, expiry),
            None => {
                let ttl = if let Expiry::At(t) = expiry { Some(t) } else { None };
                let entry = Entry::new(key.bytes, value, ttl, self.context.access.fresh());
                self.attach(db, key, entry);
            }
        }
        self.changed(db, key);
    }

    #[inline]
    fn overwrite(&mut self, at: Found, value: NewStr<'_>, expiry: Expiry) {
        let access = self.context.access;
        let guard = self.read.held.at(at.guard);
        let inner = &mut *guard.inner;
        let old = inner.table.entry(at.pos);
        let (old_bytes, old_access) = (old.alloc_bytes(), old.access());
        let (had, has) = (
            old.expire_at(),
            match expiry {
                Expiry::Clear => None,
                Expiry::Keep => old.expire_at(),
                Expiry::At(t) => Some(t),
            },
        );
        let fresh = if matches!(access, Access::Lfu(..)) { old_access } else { access.fresh() };
        let mut garbage = None;
        if old_bytes >= GARBAGE_MIN {
            let new = Entry::new(old.key(), value, has, fresh);
            garbage = Some(inner.table.replace_entry(at.pos, new));
        } else {
            inner.table.update(at.pos, |e| {
                let e = if had == has { e } else { e.set_expire(has) };
                let e = e.set_value(value);
                e.set_access(fresh);
                e
            });
        }
        let new_bytes = inner.table.entry(at.pos).alloc_bytes();
        inner.bytes = inner.bytes + new_bytes as u64 - old_bytes as u64;
        set_ttl_flag(guard, at.pos, had.is_some(), has.is_some());
        if let Some(entry) = garbage {
            self.read.discard_replaced(entry);
        }
    }

    /// Puts an entry whose key is absent.
    fn attach(&mut self, db: u32, key: Key<'_>, entry: Entry) {
        let i = self.read.guard_of(db, key.hash);
        let h32 = self.store.split(key.hash).1;
        let guard = self.read.held.at(i);
        let inner = &mut *guard.inner;
        let ttl = entry.expire_at().is_some();
        inner.bytes += entry.alloc_bytes() as u64;
        inner.volatile += u32::from(ttl);
        inner.table.insert(h32, entry, if ttl { FLAG_TTL } else { 0 });
        guard.shard.publish(&guard.inner);
        if !self.effects.wants.is_empty() {
            self.read.record_event(Class::New, "new", db, key.bytes);
        }
    }

    #[inline]
    fn changed(&mut self, db: u32, key: Key<'_>) {
        let i = self.read.guard_of(db, key.hash);
        self.read.held.at(i).inner.bump(key.bytes);
        if !self.effects.wants.is_empty() {
            self.read.record_changed(db, key.bytes);
        }
    }

    /// Stores what `f` makes of the string at `key` (`None` if absent), the TTL kept, with one look-up. An error of `f`
    /// leaves everything as it is. O(length of the new string).
    ///
    /// # Errors
    /// What `f` returns, or [`WrongType`] if the value is no string.
    #[inline]
    pub fn update<'v, R, E: From<WrongType>>(
        &mut self,
        key: Key<'_>,
        f: impl FnOnce(Option<StrRef<'_>>) -> Result<(NewStr<'v>, R), E>,
    ) -> Result<R, E> {
        let db = self.context.db;
        let result = match self.read.locate(db, key) {
            Some(at) => {
                self.read.touch(at, key.hash);
                let (value, result) = f(Some(self.read.entry_at(at).str()))?;
                self.overwrite(at, value, Expiry::Keep);
                result
            }
            None => {
                let (value, result) = f(None)?;
                self.attach(db, key, Entry::new(key.bytes, value, None, self.context.access.fresh()));
                result
            }
        };
        self.changed(db, key);
        Ok(result)
    }

    /// Hands the present text of the string at `key` (empty if absent) to `f` to change, and stores the result as `raw`
    /// with the TTL kept. The caller has checked the type. Amortised O(what `f` does), also for large values.
    pub fn edit<R>(&mut self, key: Key<'_>, f: impl FnOnce(&mut BytesMut) -> R) -> R {
        self.edit_if(key, |text| (f(text), true))
    }

    /// [`WriteTx::edit`] for an `f` that may find nothing to change and then says `false`: the key counts as unchanged
    /// for WATCH and the listeners. With an absent key `f` must not say so, as the key comes to be.
    pub fn edit_if<R>(&mut self, key: Key<'_>, f: impl FnOnce(&mut BytesMut) -> (R, bool)) -> R {
        let db = self.context.db;
        let (result, changed) = match self.read.locate(db, key) {
            Some(at) => {
                let inner = &mut *self.read.held.at(at.guard).inner;
                let old = inner.table.entry(at.pos).alloc_bytes() as u64;
                let result = inner.table.update_with(at.pos, |e| e.edit_bytes(f));
                inner.bytes = inner.bytes + inner.table.entry(at.pos).alloc_bytes() as u64 - old;
                result
            }
            None => {
                let mut text = BytesMut::new();
                let result = f(&mut text);
                let value = NewStr::Shared(text.freeze());
                let mut entry = Entry::new(key.bytes, value, None, self.context.access.fresh());
                entry.set_raw(true);
                self.attach(db, key, entry);
                result
            }
        };
        if changed {
            self.changed(db, key);
        }
        result
    }

    /// Removes a key and returns its entry. O(1).
    pub fn take(&mut self, key: Key<'_>) -> Option<Entry> {
        self.take_in(self.context.db, key)
    }

    /// [`WriteTx::take`] in another database whose shard is held.
    pub fn take_in(&mut self, db: u32, key: Key<'_>) -> Option<Entry> {
        let at = self.read.locate(db, key)?;
        let entry = detach(self.read.held.at(at.guard), at.pos);
        self.changed(db, key);
        Some(entry)
    }

    /// Removes a key; `background`: a large value is freed in the background, else after unlocking. Returns whether it
    /// was there. O(1).
    pub fn remove(&mut self, key: Key<'_>, background: bool) -> bool {
        self.remove_in(self.context.db, key, background)
    }

    /// [`WriteTx::remove`] in another database whose shard is held.
    pub fn remove_in(&mut self, db: u32, key: Key<'_>, background: bool) -> bool {
        match self.take_in(db, key) {
            Some(entry) => {
                self.read.discard(entry, background);
                true
            }
            None => false,
        }
    }

    /// Puts an entry (RENAME, COPY, MOVE), replacing what is there. The entry's key must be `key`.
    pub fn put_in(&mut self, db: u32, key: Key<'_>, entry: Entry) {
        debug_assert_eq!(entry.key(), key.bytes);
        if let Some(at) = self.read.locate(db, key) {
            let old = detach(self.read.held.at(at.guard), at.pos);
            self.read.discard_replaced(old);
        }
        self.attach(db, key, entry);
        self.changed(db, key);
    }

    /// Sets or removes the TTL of a key; returns whether the key is there.
    pub fn set_expire(&mut self, key: Key<'_>, at_ms: Option<u64>) -> bool {
        let db = self.context.db;
        let Some(at) = self.read.locate(db, key) else { return false };
        let guard = self.read.held.at(at.guard);
        let inner = &mut *guard.inner;
        let old = inner.table.entry(at.pos);
        let (old_bytes, had) = (old.alloc_bytes() as u64, old.expire_at().is_some());
        inner.table.update(at.pos, |e| e.set_expire(at_ms));
        inner.bytes = inner.bytes + inner.table.entry(at.pos).alloc_bytes() as u64 - old_bytes;
        set_ttl_flag(guard, at.pos, had, at_ms.is_some());
        self.changed(db, key);
        true
    }

    /// Empties a database whose shards are all held; returns the number of keys it had. `background`: freed there.
    pub fn flush(&mut self, db: u32, background: bool) -> u64 {
        let mut tables = Vec::new();
        let mut keys = 0;
        for i in 0..self.read.held.len() {
            let guard = self.read.held.at(i);
            if guard.place.db() != db || guard.inner.table.is_empty() {
                continue;
            }
            let split = |k: &[u8]| self.read.store.split(self.read.store.hash(k)).1;
            guard.inner.bump_where(|inner, k| inner.table.find(split(k), k).is_some());
            keys += guard.inner.table.len() as u64;
            tables.push(std::mem::take(&mut guard.inner.table));
            guard.inner.bytes = 0;
            guard.inner.volatile = 0;
            guard.shard.publish(&guard.inner);
        }
        if keys > 0 {
            self.effects.garbage.push(Garbage::Tables(tables, background));
        }
        keys
    }

    /// Swaps two databases whose shards are all held.
    pub fn swap(&mut self, a: u32, b: u32) {
        let (a, b) = (a.min(b), a.max(b));
        if a == b {
            return;
        }
        for shard in 0..self.store.shard_count() {
            let (Some(i), Some(j)) = (self.held.find(Place::new(a, shard)), self.held.find(Place::new(b, shard)))
            else {
                unheld(Place::new(a, shard))
            };
            let store = self.read.store;
            let (x, y) = self.read.held.pair(i, j);
            let there = |t: &Table<Entry>, k: &[u8]| t.find(store.split(store.hash(k)).1, k).is_some();
            let changed_x: Vec<Box<[u8]>> =
                x.inner.watched_keys(|k| there(&x.inner.table, k) || there(&y.inner.table, k));
            let changed_y: Vec<Box<[u8]>> =
                y.inner.watched_keys(|k| there(&x.inner.table, k) || there(&y.inner.table, k));
            std::mem::swap(&mut x.inner.table, &mut y.inner.table);
            std::mem::swap(&mut x.inner.bytes, &mut y.inner.bytes);
            std::mem::swap(&mut x.inner.volatile, &mut y.inner.volatile);
            changed_x.iter().for_each(|k| x.inner.bump(k));
            changed_y.iter().for_each(|k| y.inner.bump(k));
            x.shard.publish(&x.inner);
            y.shard.publish(&y.inner);
        }
    }

    /// Starts to watch a key of the selected database.
    pub fn watch(&mut self, key: Key<'_>) -> Watch {
        let db = self.context.db;
        // A key whose time has come goes first, so that its removal is no change to the watcher.
        let _ = self.read.locate(db, key);
        let i = self.read.guard_of(db, key.hash);
        let version = self.read.held.at(i).inner.watch(key.bytes);
        Watch { db, key: key.bytes.into(), hash: key.hash, version }
    }

    /// Whether a watched key is unchanged. Its shard must be held.
    pub fn unchanged(&mut self, watch: &Watch) -> bool {
        let key = Key { bytes: &watch.key, hash: watch.hash };
        let _ = self.read.locate(watch.db, key);
        let i = self.read.guard_of(watch.db, watch.hash);
        self.read.held.at(i).inner.version(&watch.key) == Some(watch.version)
    }

    /// Stops watching. Its shard must be held.
    pub fn unwatch(&mut self, watch: &Watch) {
        let i = self.read.guard_of(watch.db, watch.hash);
        self.read.held.at(i).inner.unwatch(&watch.key);
    }

    /// Runs `f` with the shard of `key` (a key of the selected database) held: the one that is held already, or, in a
    /// command that visits shards one by one, locked for the while.
    pub fn on_shard<R>(&mut self, key: Key<'_>, f: impl FnOnce(&mut WriteTx<'_>) -> R) -> R {
        if self.held.len() > 0 {
            return f(self);
        }
        let (store, context) = (self.read.store, self.read.context);
        f(&mut store.begin_one(key.hash, context, self.read.effects))
    }

    /// Number of shards held.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// One step of the active expiry in the only held shard: looks at up to `slots` entries from position `from` on,
    /// removes those whose time has come.
    pub(super) fn sweep(&mut self, from: u32, slots: u32) -> SweptSlots {
        let now = self.context.now;
        let mut swept = SweptSlots::default();
        let mut pos = self.held.peek(0).inner.table.first_from(from);
        while let Some(p) = pos {
            let table = &self.held.peek(0).inner.table;
            let hash = table.hash_at(p);
            if swept.looked >= slots {
                swept.next = Some(hash);
                break;
            }
            swept.looked += 1;
            if table.flags(p) & FLAG_TTL == 0 {
                pos = table.next(p);
                continue;
            }
            swept.seen += 1;
            let entry = table.entry(p);
            match entry.expire_at().and_then(|at| at.checked_sub(now)).filter(|left| *left > 0) {
                Some(left) => {
                    swept.ttl_ms += u128::from(left);
                    pos = table.next(p);
                }
                None => {
                    swept.gone += 1;
                    let key: Box<[u8]> = entry.key().into();
                    self.read.expire(0, p, &key);
                    pos = self.held.peek(0).inner.table.first_from(hash);
                }
            }
        }
        swept
    }
}

/// What [`WriteTx::sweep`] did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SweptSlots {
    /// Where to go on; `None`: the end of the shard.
    pub(super) next: Option<u32>,
    /// Entries looked at.
    pub(super) looked: u32,
    /// Those with a time to live.
    pub(super) seen: u32,
    /// Those that were removed.
    pub(super) gone: u32,
    /// What the others have left to live, added up.
    pub(super) ttl_ms: u128,
}

#[inline]
fn expired(entry: &Entry, now: u64) -> bool {
    entry.expire_at().is_some_and(|t| t <= now)
}

/// Takes an entry out of its table and out of the accounts.
fn detach(guard: &mut Guard<'_>, pos: Pos) -> Entry {
    let inner = &mut *guard.inner;
    let entry = inner.table.remove(pos);
    inner.bytes -= entry.alloc_bytes() as u64;
    inner.volatile -= u32::from(entry.expire_at().is_some());
    guard.shard.publish(&guard.inner);
    entry
}

#[inline]
fn set_ttl_flag(guard: &mut Guard<'_>, pos: Pos, had: bool, has: bool) {
    if had == has {
        return;
    }
    let inner = &mut *guard.inner;
    let flags = inner.table.flags(pos) & !FLAG_TTL;
    inner.table.set_flags(pos, if has { flags | FLAG_TTL } else { flags });
    if has {
        inner.volatile += 1;
    } else {
        inner.volatile -= 1;
    }
    guard.shard.publish(&guard.inner);
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
