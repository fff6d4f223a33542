//! Passing over the entries of a shard: walks for SCAN and its like, a random key, the active expiry's sweep.
//!
//! Owns the order of a walk, that of the hashes, which makes a 32-bit hash a position that outlives changes of the table.
//! A walk locks a shard that is not held for the while. Must not know cursors or databases as a whole.

use super::{FLAG_FIELDS, FLAG_TTL, ReadTx, WriteTx, expired};
use crate::base::table::Pos;
use crate::store::Entry;
use crate::store::kinds::Hash;
use crate::store::lock::{Guard, Held, Place};
use crate::store::shard::Inner;

impl<'s> ReadTx<'s> {
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
    ///
    /// A shard that a busy script holds is passed over, and that is noted.
    pub(super) fn visit(&self, place: Place) -> Option<Guard<'s>> {
        let guard = (self.held.len() == 0).then(|| Held::lock(self.store, place))?;
        if let Err(is) = &guard {
            self.met_busy.set(Some(*is));
        }
        guard.ok()
    }
}

impl WriteTx<'_> {
    /// One step of the active expiry in the only held shard: looks at up to `slots` entries from position `from` on,
    /// removes those whose time has come, and of the hashes among them the fields whose time has come, as many as
    /// entries and fields make `slots` together.
    pub(in crate::store) fn sweep(&mut self, from: u32, slots: u32) -> SweptSlots {
        let mut swept = SweptSlots::default();
        let mut pos = self.held.peek(0).inner.table.first_from(from);
        while let Some(p) = pos {
            let table = &self.held.peek(0).inner.table;
            let (hash, flags) = (table.hash_at(p), table.flags(p));
            let left = slots.saturating_sub(swept.looked + swept.fields_gone);
            if left == 0 {
                swept.next = Some(hash);
                break;
            }
            swept.looked += 1;
            let mut gone = flags & FLAG_TTL != 0 && self.sweep_entry(p, &mut swept);
            if !gone && flags & FLAG_FIELDS != 0 {
                gone = self.sweep_fields(p, left, &mut swept);
            }
            let table = &self.held.peek(0).inner.table;
            pos = if gone { table.first_from(hash) } else { table.next(p) };
        }
        swept
    }

    /// Removes an entry if its time has come; whether it has.
    fn sweep_entry(&mut self, pos: Pos, swept: &mut SweptSlots) -> bool {
        let now = self.context.now;
        let entry = self.held.peek(0).inner.table.entry(pos);
        swept.seen += 1;
        match entry.expire_at().and_then(|at| at.checked_sub(now)).filter(|left| *left > 0) {
            Some(left) => {
                swept.ttl_ms += u128::from(left);
                false
            }
            None => {
                swept.gone += 1;
                let key: Box<[u8]> = entry.key().into();
                self.read.expire(0, pos, &key);
                true
            }
        }
    }

    /// Removes up to `limit` fields of a hash whose time has come; whether the hash went with them, or must be looked at
    /// again from its position on because more are left.
    fn sweep_fields(&mut self, pos: Pos, limit: u32, swept: &mut SweptSlots) -> bool {
        swept.fields_seen += 1;
        let now = self.context.now;
        let table = &self.held.peek(0).inner.table;
        let due = table.entry(pos).collection::<Hash>().and_then(|hash| hash.min_expire());
        if due.is_none_or(|at| at > now) {
            return false;
        }
        let key: Box<[u8]> = table.entry(pos).key().into();
        let (fields, emptied) = self.expire_fields(0, pos, &key, limit as usize);
        swept.fields_seen += fields as u32;
        swept.fields_gone += fields as u32;
        emptied || fields >= limit as usize
    }
}

/// What [`WriteTx::sweep`] did.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::store) struct SweptSlots {
    /// Where to go on; `None`: the end of the shard.
    pub(in crate::store) next: Option<u32>,
    /// Entries looked at.
    pub(in crate::store) looked: u32,
    /// Those with a time to live.
    pub(in crate::store) seen: u32,
    /// Those that were removed.
    pub(in crate::store) gone: u32,
    /// Hashes that have fields with a time to live, and those fields whose time had come, added up.
    pub(in crate::store) fields_seen: u32,
    /// Fields of hashes that were removed.
    pub(in crate::store) fields_gone: u32,
    /// What the others have left to live, added up.
    pub(in crate::store) ttl_ms: u128,
}
