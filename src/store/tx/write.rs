//! Changes of one key: set, overwrite, edit, take, put, its time to live; and what a command records of them.
//!
//! Owns the accounts that a change keeps right: bytes, keys with a time to live, the version for WATCH. Must not know
//! what the changes mean to a command.

use super::{FLAG_FIELDS, FLAG_TTL, Found, Key, ReadTx, WriteTx, WrongType, detach, is_large, set_flags, wanted_flags};
use crate::store::IsBusy;
use crate::store::effects::{Class, Effects, Rewrite, Wants};
use crate::store::{Access, Entry, Expiry, LockSet, NewStr, StrRef};
use bytes::BytesMut;

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
        self.read.entry_at(at).str().map(Some).ok_or(WrongType)
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
        let large = is_large(old, old_bytes);
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
        if large {
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
        set_flags(guard, at.pos, if has.is_some() { FLAG_TTL } else { 0 });
        if let Some(entry) = garbage {
            self.read.discard_replaced(entry);
        }
    }

    /// Puts an entry whose key is absent.
    pub(super) fn attach(&mut self, db: u32, key: Key<'_>, entry: Entry) {
        self.attach_again(db, key, entry);
        if !self.effects.wants.is_empty() {
            self.read.record_event(Class::New, "new", db, key.bytes);
        }
    }

    /// [`WriteTx::attach`] where the key was there until just now: it is not new.
    pub(super) fn attach_again(&mut self, db: u32, key: Key<'_>, entry: Entry) {
        let i = self.read.guard_of(db, key.hash);
        let h32 = self.store.split(key.hash).1;
        let guard = self.read.held.at(i);
        let inner = &mut *guard.inner;
        let flags = wanted_flags(&entry);
        inner.bytes += entry.alloc_bytes() as u64;
        inner.table.insert(h32, entry, flags);
        guard.shard.count_expiring(u32::from(flags & FLAG_TTL != 0), u32::from(flags & FLAG_FIELDS != 0));
        guard.shard.publish(&guard.inner);
    }

    #[inline]
    pub(super) fn changed(&mut self, db: u32, key: Key<'_>) {
        let i = self.read.guard_of(db, key.hash);
        self.read.note_change(i, db, key.bytes);
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
                let (value, result) = f(Some(self.read.entry_at(at).str().ok_or(WrongType)?))?;
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
    /// with the TTL kept. Amortised O(what `f` does), also for large values.
    ///
    /// # Errors
    /// [`WrongType`] if the value is no string; then `f` is not called.
    pub fn edit_text<R>(&mut self, key: Key<'_>, f: impl FnOnce(&mut BytesMut) -> R) -> Result<R, WrongType> {
        self.edit_text_if(key, |text| (f(text), true))
    }

    /// [`WriteTx::edit_text`] for an `f` that may find nothing to change and then says `false`: the key counts as
    /// unchanged for WATCH and the listeners. With an absent key `f` must not say so, as the key comes to be.
    ///
    /// # Errors
    /// [`WrongType`] if the value is no string; then `f` is not called.
    pub fn edit_text_if<R>(
        &mut self,
        key: Key<'_>,
        f: impl FnOnce(&mut BytesMut) -> (R, bool),
    ) -> Result<R, WrongType> {
        let db = self.context.db;
        let (result, changed) = match self.read.locate(db, key) {
            Some(at) => {
                let inner = &mut *self.read.held.at(at.guard).inner;
                let entry = inner.table.entry(at.pos);
                if entry.str().is_none() {
                    return Err(WrongType);
                }
                let old = entry.alloc_bytes() as u64;
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
        Ok(result)
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

    /// Removes a key because its new value is that there is none; a value large enough is freed in the background. Returns
    /// whether it was there. O(1).
    pub fn replace_by_nothing(&mut self, key: Key<'_>) -> bool {
        let old = self.take(key);
        let existed = old.is_some();
        if let Some(old) = old {
            self.read.discard_replaced(old);
        }
        existed
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
        let old_bytes = old.alloc_bytes() as u64;
        inner.table.update(at.pos, |e| e.set_expire(at_ms));
        inner.bytes = inner.bytes + inner.table.entry(at.pos).alloc_bytes() as u64 - old_bytes;
        let others = guard.inner.table.flags(at.pos) & !FLAG_TTL;
        set_flags(guard, at.pos, if at_ms.is_some() { others | FLAG_TTL } else { others });
        self.changed(db, key);
        true
    }

    /// Runs `f` with the shard of `key` (a key of the selected database) held: the one that is held already, or, in a
    /// command that visits shards one by one, locked for the while.
    ///
    /// # Errors
    /// A busy script holds it.
    pub fn on_shard<R>(&mut self, key: Key<'_>, f: impl FnOnce(&mut WriteTx<'_>) -> R) -> Result<R, IsBusy> {
        if self.held.len() > 0 {
            return Ok(f(self));
        }
        let (store, context) = (self.read.store, self.read.context);
        Ok(f(&mut store.enter_one(key.hash, context, self.read.effects)?))
    }

    /// Takes every other shard of the databases in use, and of `db`; what is held stays held.
    ///
    /// # Errors
    /// A busy script holds one of them, or another transaction takes more just now, which may want what is held here.
    pub fn widen(&mut self, db: u32) -> Result<(), IsBusy> {
        self.read.held.widen(self.read.store, db)
    }

    /// Takes the shards of a set as well, if they are free within a moment: all of them or none. For who has changed something
    /// and cannot have all shards. O(places).
    pub fn extend(&mut self, set: &LockSet) -> bool {
        self.read.held.extend(self.read.store, set)
    }

    /// Number of shards held.
    pub fn held(&self) -> usize {
        self.held.len()
    }
}
