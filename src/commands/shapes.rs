//! What the tables of the families have in common: the shapes of keys, the flags and the tips that many rows share.
//!
//! Owns names for them, so that a family's file says only what is its own. It must not know any command.

use crate::spec::{Begin, Find, Flags, KeyFlags, KeySpec};

pub(super) const RO: KeyFlags = KeyFlags::RO;
pub(super) const RW: KeyFlags = KeyFlags::RW;
pub(super) const OW: KeyFlags = KeyFlags::OW;
pub(super) const ACCESS: KeyFlags = KeyFlags::ACCESS;
pub(super) const UPDATE: KeyFlags = KeyFlags::UPDATE;
pub(super) const INSERTED: KeyFlags = RW.union(KeyFlags::INSERT);
pub(super) const POPPED: KeyFlags = RW.union(ACCESS).union(KeyFlags::DELETE);

// The first argument.
pub(super) const RO_KEY: &[KeySpec] = &[KeySpec::one(1, RO)];
pub(super) const RO_ACCESS: &[KeySpec] = &[KeySpec::one(1, RO.union(ACCESS))];
pub(super) const RW_INSERT: &[KeySpec] = &[KeySpec::one(1, INSERTED)];
pub(super) const RW_UPDATE: &[KeySpec] = &[KeySpec::one(1, RW.union(UPDATE))];
pub(super) const RW_DELETE: &[KeySpec] = &[KeySpec::one(1, RW.union(KeyFlags::DELETE))];
pub(super) const RW_ACCESS_UPDATE: &[KeySpec] = &[KeySpec::one(1, RW.union(ACCESS).union(UPDATE))];
pub(super) const RW_ACCESS_DELETE: &[KeySpec] = &[KeySpec::one(1, POPPED)];

// Several arguments.
pub(super) const RO_ALL: &[KeySpec] = &[KeySpec::range(1, -1, 1, RO.union(ACCESS))];
pub(super) const RO_COUNTED: &[KeySpec] = &[counted(1, RO.union(ACCESS))];
pub(super) const POP_FIRST: &[KeySpec] = &[KeySpec::range(1, -2, 1, POPPED)];
pub(super) const POP_COUNTED: &[KeySpec] = &[counted(1, POPPED)];
pub(super) const POP_COUNTED_LATER: &[KeySpec] = &[counted(2, POPPED)];

// Where a result goes.
pub(super) const STORED: KeySpec = KeySpec::one(1, OW.union(UPDATE));

/// As many keys as argument `at` says, behind it.
pub(super) const fn counted(at: u16, flags: KeyFlags) -> KeySpec {
    KeySpec { begin: Begin::Index(at), find: Find::KeyNum { count: 0, first: 1, step: 1 }, flags }
}

pub(super) const NONE: Flags = Flags::empty();
pub(super) const FAST: Flags = Flags::FAST;
pub(super) const DENYOOM: Flags = Flags::DENYOOM;
pub(super) const DENYOOM_FAST: Flags = DENYOOM.union(FAST);
pub(super) const MOVABLE: Flags = Flags::MOVABLEKEYS;

pub(super) const ANY_ORDER: &[&str] = &["nondeterministic_output_order"];
pub(super) const RANDOM: &[&str] = &["nondeterministic_output"];
