//! Groups: XGROUP, XACK, XACKDEL, XPENDING.

use super::add::{delete, ids, refs_and_ids};
use super::*;
use crate::base::num::parse_i64;
use std::collections::BTreeMap;

const NO_KEY: Error = Error::Text(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to \
     create an empty stream automatically.",
);

/// `$`: the last id of the stream.
fn position(text: &[u8], read: fn(&[u8], u64) -> Result<StreamId>) -> Result<Option<StreamId>> {
    if text == b"$" { Ok(None) } else { read(text, 0).map(Some) }
}

/// The options of CREATE and SETID.
struct Options {
    /// The stream is to be made.
    make: bool,
    /// How many entries have been read.
    read: Option<u64>,
    /// There are more words than without repetitions: an error, which Redis finds only behind key and group.
    too_many: bool,
}

fn options(args: &mut Args<'_>, creates: bool) -> Result<Options> {
    let (mut make, mut read) = (false, None);
    let too_many = args.left() > if creates { 3 } else { 2 };
    while !args.is_empty() {
        if creates && args.take("mkstream") {
            make = true;
        } else if args.left() > 1 && args.take("entriesread") {
            let n = args.int();
            args.check()?;
            if n < -1 {
                return Err(Error::Text("ERR value for ENTRIESREAD must be positive or -1"));
            }
            read = u64::try_from(n).ok();
        } else {
            return Err(wrong_words(args));
        }
    }
    Ok(Options { make, read, too_many })
}

fn wrong_words(args: &Args<'_>) -> Error {
    wrong_subcommand("XGROUP", args.view().get(1).unwrap_or_default())
}

fn skip_name<'a>(args: &mut Args<'a>) -> (Key<'a>, &'a [u8]) {
    args.bytes();
    (args.key(), args.bytes())
}

pub(super) fn create(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let ((key, group), at) = (skip_name(args), args.bytes());
    let Options { make, read, too_many } = options(args, true)?;
    let there = tx.for_update::<Stream>(key)?.is_some();
    if !there && !make {
        return Err(NO_KEY);
    }
    if too_many {
        return Err(wrong_words(args));
    }
    let at = position(at, id)?;
    let (created, at) = tx.upsert(key, |stream: &mut Stream| {
        stream.make();
        let at = at.unwrap_or(stream.entries().last_id());
        let created = stream.create_group(group, at, read);
        Edit::new((created, at), u64::from(created), Class::Stream, "xgroup-create").hidden()
    })?;
    if !created {
        return Err(Error::Text("BUSYGROUP Consumer Group name already exists"));
    }
    journal_position(tx, b"CREATE", key, group, at, read, make);
    out.ok();
    Ok(())
}

fn journal_position(
    tx: &mut WriteTx<'_>,
    sub: &[u8],
    key: Key<'_>,
    group: &[u8],
    at: StreamId,
    read: Option<u64>,
    make: bool,
) {
    let (at, mut room) = (IdText::new(at), itoa::Buffer::new());
    let read = read.map_or("-1", |read| room.format(read)).as_bytes();
    let mut words: Vec<&[u8]> = vec![b"XGROUP", sub, key.bytes, group, at.bytes()];
    if make {
        words.push(b"MKSTREAM");
    }
    words.extend([&b"ENTRIESREAD"[..], read]);
    tx.rewrite(&words);
}

/// Changes a group that must be there.
fn on_group<R>(tx: &mut WriteTx<'_>, key: Key<'_>, group: &[u8], f: impl FnOnce(&mut Stream) -> Edit<R>) -> Result<R> {
    match tx.for_update::<Stream>(key)? {
        None => return Err(NO_KEY),
        Some(stream) if stream.group(group).is_none() => return Err(no_group(key, group)),
        Some(_) => {}
    }
    tx.edit(key, f)?.ok_or(NO_KEY)
}

pub(super) fn set_id(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let ((key, group), at) = (skip_name(args), args.bytes());
    let Options { read, too_many, .. } = options(args, false)?;
    let at = match tx.for_update::<Stream>(key)? {
        Some(stream) if too_many && stream.group(group).is_some() => return Err(wrong_words(args)),
        // Here, and not for CREATE, the two ends are positions as well.
        Some(stream) if stream.group(group).is_some() => position(at, id_or_end)?,
        _ => None,
    };
    let at = on_group(tx, key, group, |stream| {
        let at = at.unwrap_or(stream.entries().last_id());
        if let Some(g) = stream.group_mut(group) {
            g.group.set_last(at, read);
        }
        Edit::new(at, 1, Class::Stream, "xgroup-setid").hidden()
    })?;
    journal_position(tx, b"SETID", key, group, at, read, false);
    out.ok();
    Ok(())
}

pub(super) fn create_consumer(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let ((key, group), consumer, now) = (skip_name(args), args.bytes(), tx.now());
    let created = on_group(tx, key, group, |stream| {
        let created = stream.group_mut(group).is_some_and(|g| g.group.find_or_add(consumer, now).1);
        Edit::new(created, u64::from(created), Class::Stream, "xgroup-createconsumer").hidden()
    })?;
    out.int(i64::from(created));
    Ok(())
}

pub(super) fn delete_consumer(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let ((key, group), consumer) = (skip_name(args), args.bytes());
    let pending = on_group(tx, key, group, |stream| {
        let pending = stream.group_mut(group).and_then(|g| g.group.remove_consumer(consumer));
        Edit::new(pending, u64::from(pending.is_some()), Class::Stream, "xgroup-delconsumer").hidden()
    })?;
    out.int(pending.unwrap_or(0) as i64);
    Ok(())
}

pub(super) fn destroy(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, group) = skip_name(args);
    let destroyed = tx.edit(key, |stream: &mut Stream| {
        let destroyed = stream.destroy_group(group);
        Edit::new(destroyed, u64::from(destroyed), Class::Stream, "xgroup-destroy").hidden()
    })?;
    out.int(i64::from(destroyed.ok_or(NO_KEY)?));
    Ok(())
}

pub(super) fn help(_: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    args.end()?;
    super::super::help(
        out,
        "XGROUP",
        &[
            "CREATE <key> <groupname> <id|$> [option]",
            "    Make a group that has read up to <id>. Options are:",
            "    * MKSTREAM",
            "      Make an empty stream if there is none.",
            "    * ENTRIESREAD entries_read",
            "      Say how many entries the group has read.",
            "CREATECONSUMER <key> <groupname> <consumer>",
            "    Make a consumer of a group.",
            "DELCONSUMER <key> <groupname> <consumer>",
            "    Remove a consumer and what is pending for it.",
            "DESTROY <key> <groupname>",
            "    Remove a group.",
            "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
            "    Set how far a group has read.",
        ],
    );
    Ok(())
}

pub(super) fn xack(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, group) = (args.key(), args.bytes());
    if tx.for_update::<Stream>(key)?.is_none_or(|stream| stream.group(group).is_none()) {
        out.int(0);
        return Ok(());
    }
    let ids = ids(args)?;
    let acked = tx.edit(key, |stream: &mut Stream| {
        let acked = stream.group_mut(group).map_or(0, |g| ids.iter().filter(|id| g.group.ack(**id)).count() as u64);
        silent(acked, acked)
    })?;
    out.int(acked.unwrap_or(0) as i64);
    Ok(())
}

pub(super) fn xackdel(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, group) = (args.key(), args.bytes());
    let (refs, ids) = refs_and_ids(args)?;
    let done = tx.edit(key, |stream: &mut Stream| {
        let (mut codes, mut changes, mut deleted) = (Vec::new(), 0, false);
        for id in &ids {
            if !stream.group_mut(group).is_some_and(|g| g.group.ack(*id)) {
                codes.push(-1);
                continue;
            }
            let (code, more) = delete(stream, *id, refs);
            codes.push(code);
            changes += 1 + more;
            deleted |= code == 1;
        }
        Edit { event: deleted.then_some((Class::Stream, "xdel")), hidden: !deleted, ..silent(codes, changes) }
    })?;
    out.array(ids.len());
    (0..ids.len()).for_each(|i| out.int(done.as_ref().map_or(-1, |codes| codes[i])));
    Ok(())
}

/// The part of what is pending that XPENDING shows one by one.
struct Part<'a> {
    min_idle: u64,
    from: StreamId,
    to: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Part<'a> {
    /// `[IDLE min-idle-time] start end count [consumer]`, if anything is left.
    fn parse(args: &mut Args<'a>) -> Result<Option<Self>> {
        if args.is_empty() {
            return Ok(None);
        }
        let mut min_idle = 0;
        if args.left() < 3 || args.left() > 6 {
            return Err(Error::Syntax);
        }
        if args.take("idle") {
            let n = args.int();
            args.check()?;
            min_idle = u64::try_from(n).unwrap_or(0);
            if args.left() < 3 {
                return Err(Error::Syntax);
            }
        }
        let (start, end) = (args.bytes(), args.bytes());
        let count = parse_i64(args.bytes()).ok_or(Error::NotInteger)?;
        let (from, to) = (lower(start)?, upper(end)?);
        Ok(Some(Self { min_idle, from, to, count: usize::try_from(count).unwrap_or(0), consumer: args.next() }))
    }
}

pub(super) fn xpending(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, name, now) = (args.key(), args.bytes(), tx.now());
    let part = Part::parse(args)?;
    let stream = tx.read::<Stream>(key)?;
    let Some(group) = stream.as_ref().and_then(|stream| stream.group(name)) else {
        return Err(no_key_or_group(key, name));
    };
    let Some(part) = part else {
        summary(out, group);
        return Ok(());
    };
    let (header, mut n) = (out.defer_array(), 0);
    let mut show = |id: &StreamId, pending: &crate::types::stream::Pending| {
        let idle = now.saturating_sub(pending.delivered);
        if idle >= part.min_idle {
            out.array(4);
            write_id(out, *id);
            out.bulk(group.owner(pending));
            out.int(idle as i64);
            out.int(pending.count as i64);
            n += 1;
        }
        n < part.count
    };
    if part.count > 0 && part.from <= part.to {
        match part.consumer {
            None => _ = group.all_pending().range(part.from..=part.to).all(|(id, pending)| show(id, pending)),
            Some(name) => {
                if let Some(consumer) = group.find(name).and_then(|number| group.consumer(number)) {
                    let mut own = consumer.pending().range(part.from..=part.to);
                    own.all(|id| group.pending(*id).is_none_or(|pending| show(id, pending)));
                }
            }
        }
    }
    out.set_array(header, n);
    Ok(())
}

/// How many entries are pending, the first and the last, and how many of them each consumer has.
fn summary(out: &mut Reply<'_>, group: &crate::types::stream::Group) {
    let pending: &BTreeMap<StreamId, _> = group.all_pending();
    out.array(4);
    out.int(pending.len() as i64);
    match (pending.first_key_value(), pending.last_key_value()) {
        (Some((first, _)), Some((last, _))) => {
            write_id(out, *first);
            write_id(out, *last);
            let busy = || group.consumers().filter(|consumer| !consumer.pending().is_empty());
            out.array(busy().count());
            for consumer in busy() {
                out.array(2);
                out.bulk(consumer.name());
                out.bulk_int(consumer.pending().len() as i64);
            }
        }
        _ => {
            out.null();
            out.null();
            out.null_array();
        }
    }
}
