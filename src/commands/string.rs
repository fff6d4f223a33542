//! Strings.
use super::*;
use crate::spec::KeyFlags;
use crate::store::{Class, Expiry, StrRef};
const RO_ACCESS: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RO.union(KeyFlags::ACCESS))];
const RW_ALL: &[KeySpec] =
    &[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE).union(KeyFlags::VARIABLE_FLAGS))];

pub(super) const TABLE: &[Row] = &[
    read("get", 2, "key", get)
        .keys(RO_ACCESS)
        .flags(Flags::FAST)
        .acl(Categories::STRING)
        .doc(Group::String, "1.0.0", "O(1)", "Returns the string at a key."),
    write("set", -3, "key value [NX|XX] [GET] [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL]", set)
        .keys(RW_ALL)
        .flags(Flags::DENYOOM)
        .acl(Categories::STRING)
        .doc(Group::String, "1.0.0", "O(1)", "Sets a key to a string."),
];

/// Writes a string as a bulk reply; a large one is shared, not copied.
pub(super) fn bulk(out: &mut Reply<'_>, s: StrRef<'_>) {
    match s {
        StrRef::Int(n) => out.bulk_int(n),
        StrRef::Inline(b) => out.bulk(b),
        StrRef::Shared(b) => out.shared(b.clone()),
    }
}

fn get(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    match tx.string(key)? {
        Some(s) => bulk(out, s),
        None => out.null(),
    }
    Ok(())
}

fn set(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let value = args.value();
    args.end()?;
    tx.set(key, value, Expiry::Clear);
    tx.dirty(1);
    tx.event(Class::String, "set", key.bytes);
    out.ok();
    Ok(())
}
