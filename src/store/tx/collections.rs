//! Collections in a transaction: read one, change one in place, put one.
//!
//! Owns what a change of a collection means to its key: it comes to be with its first element and goes with its last,
//! its bytes are accounted, its hash's fields with a time to live are noted for the sweep. The rule for events is
//! Redis's: first the command's own, then `del` if nothing was left. Must not know what is changed, or why.

use super::{FLAG_FIELDS, Found, Key, ReadTx, WriteTx, WrongType, detach, set_flags, wanted_flags};
use crate::base::table::Pos;
use crate::store::effects::{Class, ExpiredField, Lazy, Wants};
use crate::store::kinds::Hash;
use crate::store::{Entry, Expiry, Lent};
use crate::types::Collection;
use smallvec::SmallVec;

/// What an edit of a collection did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit<R> {
    /// The result.
    pub value: R,
    /// Changes; with none there are no events, and the key counts as unchanged.
    pub changes: u64,
    /// What they add to `dirty`.
    pub dirty: u64,
    /// The command's keyspace event.
    pub event: Option<(Class, &'static str)>,
    /// A second one after it.
    pub event2: Option<(Class, &'static str)>,
}

impl<R> Edit<R> {
    /// Nothing was changed.
    #[inline]
    pub fn unchanged(value: R) -> Self {
        Self { value, changes: 0, dirty: 0, event: None, event2: None }
    }

    /// `changes` elements were changed (0: nothing happened), each of which counts as dirty.
    #[inline]
    pub fn new(value: R, changes: u64, class: Class, name: &'static str) -> Self {
        Self { value, changes, dirty: changes, event: Some((class, name)), event2: None }
    }

    /// With another result.
    pub fn map<S>(self, f: impl FnOnce(R) -> S) -> Edit<S> {
        let Self { value, changes, dirty, event, event2 } = self;
        Edit { value: f(value), changes, dirty, event, event2 }
    }

    /// With another count for `dirty`, as for the second half of a move.
    pub fn counted(mut self, dirty: u64) -> Self {
        self.dirty = dirty;
        self
    }

    /// With another event after the first.
    pub fn and_event(mut self, class: Class, name: &'static str) -> Self {
        self.event2 = Some((class, name));
        self
    }
}

/// Keeps a shard's account right while a collection of it changes, also when what changes it panics.
struct Measured<'a, C: Collection> {
    value: &'a mut C,
    before: usize,
    total: &'a mut u64,
}

impl<C: Collection> Drop for Measured<'_, C> {
    #[inline]
    fn drop(&mut self) {
        *self.total = *self.total + self.value.heap_bytes() as u64 - self.before as u64;
    }
}

impl ReadTx<'_> {
    /// The collection at a key, as a reading command sees it: counted as a hit or miss, its access clock touched. O(1).
    ///
    /// # Errors
    /// [`WrongType`] if the value is no `C`.
    #[inline]
    pub fn read<C: Collection>(&mut self, key: Key<'_>) -> Result<Option<Lent<'_, C>>, WrongType> {
        match self.get(key) {
            Some(entry) => entry.collection().map(Some).ok_or(WrongType),
            None => Ok(None),
        }
    }

    /// The collection at a key, neither counted nor touched. O(1).
    ///
    /// # Errors
    /// [`WrongType`] if the value is no `C`.
    pub fn peek_collection<C: Collection>(&mut self, key: Key<'_>) -> Result<Option<Lent<'_, C>>, WrongType> {
        match self.peek(key) {
            Some(entry) => entry.collection().map(Some).ok_or(WrongType),
            None => Ok(None),
        }
    }

    /// [`ReadTx::get`] for several keys, all lent at once. O(keys).
    pub fn get_many(&mut self, keys: &[Key<'_>]) -> SmallVec<[Option<&Entry>; 4]> {
        // First what changes something: expiry, hits and misses, access clocks. Then the entries stay where they are.
        let there: SmallVec<[bool; 16]> = keys.iter().map(|key| self.get(*key).is_some()).collect();
        let this = &*self;
        keys.iter().zip(there).map(|(key, there)| if there { this.find(*key) } else { None }).collect()
    }

    /// An entry of the selected database whose time has not come.
    fn find(&self, key: Key<'_>) -> Option<&Entry> {
        let guard = self.guard_of(self.context.db, key.hash);
        let table = &self.held.peek(guard).inner.table;
        let pos = table.find(self.store.split(key.hash).1, key.bytes)?;
        Some(table.entry(pos))
    }
}

impl WriteTx<'_> {
    /// The collection at a key that is about to be changed: touched, not counted as a hit or miss. O(1).
    ///
    /// # Errors
    /// [`WrongType`] if the value is no `C`.
    pub fn for_update<C: Collection>(&mut self, key: Key<'_>) -> Result<Option<Lent<'_, C>>, WrongType> {
        match self.entry_for_update(key) {
            Some(entry) => entry.collection().map(Some).ok_or(WrongType),
            None => Ok(None),
        }
    }

    /// Lets `f` change the collection at `key` in place, if there is one. One that comes out empty is removed. O(what
    /// `f` does).
    ///
    /// # Errors
    /// [`WrongType`] if the value is no `C`; then `f` is not called.
    #[inline]
    pub fn edit<C: Collection, R>(
        &mut self,
        key: Key<'_>,
        f: impl FnOnce(&mut C) -> Edit<R>,
    ) -> Result<Option<R>, WrongType> {
        match self.read.locate(self.context.db, key) {
            Some(at) => self.edit_at(at, key, f).map(Some),
            None => Ok(None),
        }
    }

    /// [`WriteTx::edit`] that makes a collection where there is none, unless `f` leaves it empty.
    ///
    /// # Errors
    /// [`WrongType`] if the value is no `C`; then `f` is not called.
    #[inline]
    pub fn upsert<C: Collection, R>(
        &mut self,
        key: Key<'_>,
        f: impl FnOnce(&mut C) -> Edit<R>,
    ) -> Result<R, WrongType> {
        let db = self.context.db;
        if let Some(at) = self.read.locate(db, key) {
            return self.edit_at(at, key, f);
        }
        let mut value = C::default();
        let edit = f(&mut value);
        if !value.is_empty() {
            self.attach(db, key, Entry::new_collection(key.bytes, value, None, self.context.access.fresh()));
            self.changed(db, key);
        }
        Ok(self.report(key, edit, false))
    }

    fn edit_at<C: Collection, R>(
        &mut self,
        at: Found,
        key: Key<'_>,
        f: impl FnOnce(&mut C) -> Edit<R>,
    ) -> Result<R, WrongType> {
        self.read.touch(at, key.hash);
        let guard = self.read.held.at(at.guard);
        let inner = &mut *guard.inner;
        let edited = inner.table.entry_mut(at.pos).edit(|value: &mut C| {
            let measured = Measured { before: value.heap_bytes(), value, total: &mut inner.bytes };
            (f(measured.value), measured.value.is_empty())
        });
        let (mut edit, empty) = edited.ok_or(WrongType)?;
        if empty && edit.changes == 0 {
            // Whatever `f` says: a key that goes is a change.
            (edit.changes, edit.dirty) = (1, 1);
        }
        if empty {
            let entry = detach(guard, at.pos);
            self.read.discard(entry, false);
        } else {
            set_flags(guard, at.pos, wanted_flags(guard.inner.table.entry(at.pos)));
        }
        if edit.changes > 0 {
            self.changed(self.context.db, key);
        }
        Ok(self.report(key, edit, empty))
    }

    /// Removes those of `fields` whose time has come from the hash at `key`; recorded like any change, each field
    /// journalled. For commands that are about to write these very fields. O(fields); without a hash, or one of whose
    /// fields none expires, O(1).
    pub fn expire_named<'f>(&mut self, key: Key<'_>, fields: impl Iterator<Item = &'f [u8]>) {
        let (db, now) = (self.context.db, self.context.now);
        let Some(at) = self.read.locate(db, key) else { return };
        if self.read.held.peek(at.guard).inner.table.flags(at.pos) & FLAG_FIELDS != 0 {
            self.expire_by(at.guard, at.pos, key.bytes, |hash, gone| {
                fields.filter(|field| hash.remove_due(field, now)).map(gone).count()
            });
        }
    }

    /// Removes up to `limit` fields whose time has come from the hash at `pos` in shard `guard`; recorded like any
    /// change, each field journalled. Returns how many, and whether the hash went with its last one. O(fields removed).
    pub(super) fn expire_fields(&mut self, guard: usize, pos: Pos, key: &[u8], limit: usize) -> (usize, bool) {
        let now = self.context.now;
        self.expire_by(guard, pos, key, |hash, gone| hash.expire(now, limit, gone))
    }

    /// Lets `f` remove fields whose time has come; it shows each to the function it is given, and returns how many.
    fn expire_by(
        &mut self,
        guard: usize,
        pos: Pos,
        key: &[u8],
        f: impl FnOnce(&mut Hash, &mut dyn FnMut(&[u8])) -> usize,
    ) -> (usize, bool) {
        let lazy = self.effects.lazy.contains(Lazy::EXPIRE);
        let ReadTx { held, effects, .. } = &mut self.read;
        let (held, journal) = (held.at(guard), effects.wants.contains(Wants::JOURNAL));
        let (db, inner) = (held.place.db(), &mut *held.inner);
        let edited = inner.table.entry_mut(pos).edit(|hash: &mut Hash| {
            let measured = Measured { before: hash.heap_bytes(), value: hash, total: &mut inner.bytes };
            let gone = f(measured.value, &mut |field| {
                if journal {
                    effects.expired_fields.push(ExpiredField { db, key: key.into(), field: field.into() });
                }
            });
            (gone, measured.value.is_empty())
        });
        let Some((gone, emptied)) = edited.filter(|(gone, _)| *gone > 0) else { return (0, false) };
        effects.expired_subkeys += gone as u64;
        if emptied {
            let entry = detach(held, pos);
            self.read.discard(entry, lazy);
        } else {
            set_flags(held, pos, wanted_flags(held.inner.table.entry(pos)));
        }
        self.read.note_change(guard, db, key);
        self.event_in(db, Class::Hash, "hexpired", key);
        if emptied {
            self.event_in(db, Class::Generic, "del", key);
        }
        (gone, emptied)
    }

    /// Counts an edit's changes and records its events; `gone`: it left nothing.
    #[inline]
    fn report<R>(&mut self, key: Key<'_>, edit: Edit<R>, gone: bool) -> R {
        self.dirty(edit.dirty);
        if edit.changes > 0 && !self.effects.wants.is_empty() {
            for (class, name) in edit.event.into_iter().chain(edit.event2) {
                self.event(class, name, key.bytes);
            }
            if gone {
                self.event(Class::Generic, "del", key.bytes);
            }
        }
        edit.value
    }

    /// Puts a collection at a key, whatever was there; an empty one leaves no key. Returns whether there was one
    /// before. The caller counts the change and records its event, as with [`WriteTx::set`]. O(1).
    pub fn put_collection<C: Collection>(&mut self, key: Key<'_>, value: C, expiry: Expiry) -> bool {
        let db = self.context.db;
        let old = self.read.locate(db, key).map(|at| detach(self.read.held.at(at.guard), at.pos));
        let ttl = match expiry {
            Expiry::Clear => None,
            Expiry::Keep => old.as_ref().and_then(Entry::expire_at),
            Expiry::At(t) => Some(t),
        };
        let existed = old.is_some();
        if let Some(old) = old {
            self.read.discard_replaced(old);
        }
        if !value.is_empty() {
            let entry = Entry::new_collection(key.bytes, value, ttl, self.context.access.fresh());
            if existed {
                self.attach_again(db, key, entry)
            } else {
                self.attach(db, key, entry)
            }
            self.changed(db, key);
        } else if existed {
            self.changed(db, key);
        }
        existed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;
    use crate::base::rng::Rng;
    use crate::store::effects::{Garbage, Notify};
    use crate::store::{Access, Context, Effects, Event, LockSet, NewStr, Store};
    use crate::types::list::{End, List, ListLimits};
    use crate::types::set::Set;
    use std::collections::BTreeMap;

    fn context(now: u64) -> Context {
        Context { db: 0, now, access: Access::lru(now), no_touch: false }
    }

    fn store() -> Store {
        Store::new(2, 4, Some(1), Clock::manual())
    }

    fn key<'k>(store: &Store, bytes: &'k [u8]) -> Key<'k> {
        Key { bytes, hash: store.hash(bytes) }
    }

    /// Long from four elements on.
    const LIMITS: ListLimits = ListLimits { max_listpack_size: 3, compress_depth: 0 };

    fn push(list: &mut List, line: &[u8]) {
        list.push(End::Back, line, LIMITS);
    }

    fn lines(list: &List) -> Vec<Vec<u8>> {
        list.iter().collect()
    }

    /// Appends to the list at `key`.
    fn append(tx: &mut WriteTx<'_>, key: Key<'_>, line: &[u8]) -> Result<usize, WrongType> {
        tx.upsert(key, |list: &mut List| {
            push(list, line);
            Edit::new(list.len(), 1, Class::List, "rpush")
        })
    }

    /// Bytes and counts of all shards are what their entries say.
    fn check_accounts(store: &Store) {
        for (_, db) in store.used() {
            for shard in db.shards() {
                let inner = shard.lock(store.clock());
                let (mut bytes, mut volatile, mut fields, mut pos) = (0, 0, 0, inner.table.first_from(0));
                while let Some(p) = pos {
                    let entry = inner.table.entry(p);
                    bytes += entry.alloc_bytes() as u64;
                    assert_eq!(inner.table.flags(p), wanted_flags(entry));
                    volatile += u32::from(entry.expire_at().is_some());
                    fields += u32::from(entry.collection::<Hash>().is_some_and(|h| h.has_expiring()));
                    assert_ne!(entry.elements(), Some(0));
                    pos = inner.table.next(p);
                }
                assert_eq!(inner.bytes, bytes);
                assert_eq!((shard.volatile_len(), shard.fields_len()), (volatile, fields));
            }
        }
    }

    #[test]
    fn a_collection_comes_with_its_first_element_and_goes_with_its_last() {
        let store = store();
        let mut effects = Effects::default();
        let k = key(&store, b"k");
        let mut tx = store.begin_one(k.hash, context(1000), &mut effects);
        assert_eq!(tx.edit(k, |_: &mut List| -> Edit<()> { panic!("there is none") }), Ok(None));
        assert_eq!(tx.upsert(k, |_: &mut List| Edit::unchanged(5)), Ok(5));
        assert!(tx.peek(k).is_none());
        assert_eq!(append(&mut tx, k, b"a"), Ok(1));
        assert_eq!(append(&mut tx, k, b"b"), Ok(2));
        assert_eq!(lines(&tx.read::<List>(k).unwrap().unwrap()), [b"a", b"b"]);
        let entry = tx.peek(k).unwrap();
        assert_eq!((entry.type_tag().name(), entry.elements(), entry.str()), ("list", Some(2), None));
        let all = tx.edit(k, |list: &mut List| {
            let n = list.len();
            *list = List::default();
            Edit::new(n, n as u64, Class::List, "lpop")
        });
        assert_eq!(all, Ok(Some(2)));
        assert!(tx.peek(k).is_none());
        assert_eq!((tx.effects().dirty, tx.effects().hits, tx.effects().misses), (4, 1, 0));
        drop(tx);
        check_accounts(&store);
    }

    #[test]
    fn another_type_is_refused_and_left_alone() {
        let store = store();
        let mut effects = Effects::default();
        let (k, s) = (key(&store, b"k"), key(&store, b"s"));
        let mut set = LockSet::default();
        set.key(&store, 0, k.hash);
        set.key(&store, 0, s.hash);
        let mut tx = store.begin(&mut set, context(1000), &mut effects);
        append(&mut tx, k, b"a").unwrap();
        tx.set(s, NewStr::Slice(b"text"), Expiry::Clear);
        let before = tx.effects().dirty;
        let never = |_: &mut Set| -> Edit<()> { panic!("not a set") };
        assert_eq!((tx.edit(k, never), tx.upsert(s, never)), (Err(WrongType), Err(WrongType)));
        assert!(tx.read::<Set>(k).is_err() && tx.for_update::<Set>(k).is_err() && tx.read::<List>(s).is_err());
        assert!(tx.peek_collection::<List>(k).is_ok_and(|l| l.is_some_and(|l| l.len() == 1)));
        assert!(tx.string(k).is_err() && tx.string_for_update(k).is_err());
        assert_eq!(tx.edit_text(k, |_| panic!("no string")), Err::<(), _>(WrongType));
        assert_eq!(tx.update(k, |_| panic!("no string")), Err::<(), _>(WrongType));
        assert_eq!((tx.effects().dirty, lines(&tx.read::<List>(k).unwrap().unwrap())), (before, vec![b"a".to_vec()]));
        // SET overwrites whatever is there, put_collection too.
        tx.set(k, NewStr::Int(7), Expiry::Keep);
        let one = || {
            let mut list = List::default();
            push(&mut list, b"x");
            list
        };
        assert!(tx.put_collection(k, one(), Expiry::Keep));
        assert_eq!(tx.peek(k).unwrap().elements(), Some(1));
        assert!(tx.put_collection(k, List::default(), Expiry::Clear) && tx.peek(k).is_none());
        assert!(!tx.put_collection(k, List::default(), Expiry::Clear));
        assert!(!tx.put_collection(k, one(), Expiry::At(5000)));
        assert_eq!(tx.peek(k).unwrap().expire_at(), Some(5000));
        drop(tx);
        check_accounts(&store);
    }

    struct Quiet;
    impl Notify for Quiet {
        fn event(&self, _: &Event) {}
    }

    #[test]
    fn events_come_in_redis_order_and_only_with_changes() {
        let store = store();
        store.listeners.set_notify(Box::new(Quiet));
        let mut effects = Effects::default();
        let k = key(&store, b"k");
        let mut tx = store.begin_one(k.hash, context(1000), &mut effects);
        assert!(tx.effects().wants.contains(Wants::NOTIFY));
        append(&mut tx, k, b"a").unwrap();
        append(&mut tx, k, b"b").unwrap();
        let pop = |list: &mut List| {
            list.pop(End::Back);
            Edit::new((), 1, Class::List, "rpop").and_event(Class::Generic, "seen")
        };
        tx.edit(k, |_: &mut List| Edit::new((), 0, Class::List, "nothing")).unwrap();
        let dirty = tx.effects().dirty;
        append(&mut tx, k, b"c").unwrap();
        tx.edit(k, |list: &mut List| Edit::new(list.pop(End::Back), 1, Class::List, "rpop").counted(0)).unwrap();
        assert_eq!(tx.effects().dirty, dirty + 1);
        tx.edit(k, pop).unwrap();
        tx.edit(k, pop).unwrap();
        let names: Vec<&str> = tx.effects().events.iter().map(|e| e.name).collect();
        assert_eq!(names, ["new", "rpush", "rpush", "rpush", "rpop", "rpop", "seen", "rpop", "seen", "del"]);
    }

    #[test]
    fn watchers_see_changes_and_nothing_else() {
        let store = store();
        let mut effects = Effects::default();
        let k = key(&store, b"k");
        let mut tx = store.begin_one(k.hash, context(1000), &mut effects);
        append(&mut tx, k, b"a").unwrap();
        let watch = tx.watch(k);
        tx.edit(k, |_: &mut List| Edit::unchanged(())).unwrap();
        let _ = tx.read::<List>(k);
        assert!(tx.unchanged(&watch));
        append(&mut tx, k, b"b").unwrap();
        assert!(!tx.unchanged(&watch));
        tx.unwatch(&watch);
    }

    #[test]
    fn a_panicking_edit_leaves_a_sound_collection() {
        let store = store();
        let k = key(&store, b"k");
        append(&mut store.begin_one(k.hash, context(1), &mut Effects::default()), k, b"a").unwrap();
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut effects = Effects::default();
            let mut tx = store.begin_one(k.hash, context(1), &mut effects);
            let _ = tx.edit(k, |list: &mut List| -> Edit<()> {
                (0..100).for_each(|_| push(list, b"more"));
                panic!("as planned")
            });
        }));
        assert!(caught.is_err());
        check_accounts(&store);
        let mut effects = Effects::default();
        let mut tx = store.begin_one(k.hash, context(1), &mut effects);
        assert_eq!(tx.read::<List>(k).unwrap().unwrap().len(), 101);
        assert!(tx.remove(k, true));
        assert!(matches!(tx.effects().garbage[..], [Garbage::Entry(_, true)]), "of many elements: freed elsewhere");
    }

    #[test]
    fn get_many_lends_all_at_once() {
        let store = store();
        let mut effects = Effects::default();
        let keys: Vec<Vec<u8>> = (0..20).map(|i| format!("k{i}").into_bytes()).collect();
        let keys: Vec<Key<'_>> = keys.iter().map(|k| key(&store, k)).collect();
        let mut set = LockSet::default();
        keys.iter().for_each(|k| set.key(&store, 0, k.hash));
        let mut tx = store.begin(&mut set, context(1000), &mut effects);
        for (i, k) in keys.iter().enumerate() {
            match i % 3 {
                0 => tx.set(*k, NewStr::Int(i as i64), Expiry::Clear),
                1 => tx.set(*k, NewStr::Int(i as i64), Expiry::At(1000)),
                _ => {}
            }
        }
        let mut twice = keys.clone();
        twice.extend_from_slice(&keys);
        let found = tx.get_many(&twice);
        for (i, entry) in found.iter().enumerate() {
            let expected = if i % 20 % 3 == 0 { Some(keys[i % 20].bytes) } else { None };
            assert_eq!(entry.map(Entry::key), expected, "{i}");
        }
        drop(found);
        assert_eq!((tx.effects().hits, tx.effects().misses, tx.effects().expired), (14, 26, 7));
        drop(tx);
        check_accounts(&store);
    }

    /// Random commands on keys of all types against a plain map.
    #[test]
    fn a_model_of_lists() {
        let store = store();
        let mut rng = Rng::new(9);
        let mut model: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
        for round in 0..4000 {
            let name = format!("key-{}", rng.below(6)).into_bytes();
            let k = key(&store, &name);
            let mut effects = Effects::default();
            let mut set = LockSet::default();
            (0..2).for_each(|db| set.database(&store, db));
            let mut tx = store.begin(&mut set, context(round), &mut effects);
            match rng.below(8) {
                0..4 => {
                    let line = vec![b'x'; rng.below(90) as usize];
                    append(&mut tx, k, &line).unwrap();
                    model.entry(name.clone()).or_default().push(line);
                }
                4 => {
                    let popped = tx.edit(k, |list: &mut List| Edit::new(list.pop(End::Back), 1, Class::List, "rpop"));
                    let expected = model.get_mut(&name).and_then(Vec::pop);
                    assert_eq!(popped.unwrap().flatten(), expected);
                    model.retain(|_, list| !list.is_empty());
                }
                5 => {
                    let to = key(&store, b"another-key-whose-name-is-longer");
                    let copy = tx.get(k).map(|e| e.deep_clone(to.bytes));
                    assert_eq!(copy.is_some(), model.contains_key(&name));
                    if let Some(copy) = copy {
                        tx.put_in(1, to, copy.set_expire((round % 2 == 0).then_some(u64::MAX)));
                        assert_eq!(lines(&tx.peek_in(1, to).unwrap().collection::<List>().unwrap()), model[&name]);
                    }
                }
                6 => {
                    let to_name = format!("key-{}", rng.below(6)).into_bytes();
                    let to = key(&store, &to_name);
                    if name != to_name
                        && let Some(entry) = tx.take(k)
                    {
                        tx.put_in(0, to, entry.set_key(&to_name));
                        let list = model.remove(&name).unwrap();
                        model.insert(to_name, list);
                    }
                }
                _ if rng.below(4) == 0 => assert_eq!(tx.remove(k, false), model.remove(&name).is_some()),
                _ => {
                    assert_eq!(tx.set_expire(k, Some(u64::MAX)), model.contains_key(&name));
                }
            }
            let now = tx.read::<List>(k).unwrap().map(|l| lines(&l));
            assert_eq!(now.as_ref(), model.get(&name));
            drop(tx);
            check_accounts(&store);
        }
    }
}
