//! XINFO: streams, groups and consumers described.

use super::*;
use crate::types::stream::{Consumer, Entries, Group as Readers};

fn maybe_int(out: &mut Reply<'_>, n: Option<u64>) {
    match n {
        Some(n) => out.int(n as i64),
        None => out.null(),
    }
}

/// What both forms say of a stream first: six fields and the first id.
fn counters(out: &mut Reply<'_>, entries: &Entries) {
    out.bulk(b"length");
    out.int(entries.len() as i64);
    out.bulk(b"radix-tree-keys");
    out.int(entries.nodes() as i64);
    out.bulk(b"radix-tree-nodes");
    out.int(entries.radix_nodes() as i64);
    out.bulk(b"last-generated-id");
    write_id(out, entries.last_id());
    out.bulk(b"max-deleted-entry-id");
    write_id(out, entries.max_deleted());
    out.bulk(b"entries-added");
    out.int(entries.added() as i64);
    out.bulk(b"recorded-first-entry-id");
    write_id(out, entries.first_id());
}

/// FULL, and the number of entries and pending ones that it shows of each list; 0: all.
fn full(args: &mut Args<'_>) -> Result<Option<usize>> {
    let wrong = wrong_subcommand("XINFO", args.view().get(1).unwrap_or_default());
    match args.left() {
        0 => return Ok(None),
        1 | 3 => {}
        _ => return Err(wrong),
    }
    if !args.take("full") || (!args.is_empty() && !args.take("count")) {
        return Err(wrong);
    }
    let mut count = 10;
    if !args.is_empty() {
        count = args.int();
        args.check()?;
        count = if count < 0 { 10 } else { count };
    }
    Ok(Some(usize::try_from(count).ok().filter(|n| *n > 0).unwrap_or(usize::MAX)))
}

pub(super) fn stream(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    args.bytes();
    let key = args.key();
    let there = tx.read::<Stream>(key)?.is_some();
    if !there {
        return Err(Error::NoSuchKey);
    }
    let full = full(args)?;
    let Some(stream) = tx.peek_collection::<Stream>(key)? else { return Err(Error::NoSuchKey) };
    let entries = stream.entries();
    let Some(count) = full else {
        out.map(10);
        counters(out, entries);
        out.bulk(b"groups");
        out.int(stream.group_count() as i64);
        for (name, entry) in [(&b"first-entry"[..], entries.first()), (b"last-entry", entries.last())] {
            out.bulk(name);
            match entry {
                Some(entry) => write_entry(out, entry),
                None => out.null(),
            }
        }
        return Ok(());
    };
    out.map(9);
    counters(out, entries);
    out.bulk(b"entries");
    write_entries(out, entries.range(StreamId::MIN, StreamId::MAX).take(count));
    out.bulk(b"groups");
    out.array(stream.group_count());
    for (name, group) in stream.groups() {
        full_group(out, entries, name, group, count);
    }
    Ok(())
}

fn full_group(out: &mut Reply<'_>, entries: &Entries, name: &[u8], group: &Readers, count: usize) {
    let pending = group.all_pending();
    out.map(7);
    out.bulk(b"name");
    out.bulk(name);
    progress(out, entries, group);
    out.bulk(b"pel-count");
    out.int(pending.len() as i64);
    out.bulk(b"pending");
    out.array(pending.len().min(count));
    for (id, one) in pending.iter().take(count) {
        out.array(4);
        write_id(out, *id);
        out.bulk(group.owner(one));
        out.int(one.delivered as i64);
        out.int(one.count as i64);
    }
    out.bulk(b"consumers");
    out.array(group.consumer_count());
    for consumer in group.consumers() {
        full_consumer(out, group, consumer, count);
    }
}

fn full_consumer(out: &mut Reply<'_>, group: &Readers, consumer: &Consumer, count: usize) {
    out.map(5);
    out.bulk(b"name");
    out.bulk(consumer.name());
    out.bulk(b"seen-time");
    out.int(consumer.seen as i64);
    out.bulk(b"active-time");
    out.int(consumer.active.map_or(-1, |time| time as i64));
    out.bulk(b"pel-count");
    out.int(consumer.pending().len() as i64);
    out.bulk(b"pending");
    let own = || consumer.pending().iter().take(count).filter_map(|id| Some((id, group.pending(*id)?)));
    out.array(own().count());
    for (id, one) in own() {
        out.array(3);
        write_id(out, *id);
        out.int(one.delivered as i64);
        out.int(one.count as i64);
    }
}

/// How far a group has read.
fn progress(out: &mut Reply<'_>, entries: &Entries, group: &Readers) {
    out.bulk(b"last-delivered-id");
    write_id(out, group.last_id());
    out.bulk(b"entries-read");
    maybe_int(out, group.read());
    out.bulk(b"lag");
    maybe_int(out, entries.lag(group));
}

pub(super) fn groups(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    args.bytes();
    let stream = tx.read::<Stream>(args.key())?.ok_or(Error::NoSuchKey)?;
    out.array(stream.group_count());
    for (name, group) in stream.groups() {
        out.map(6);
        out.bulk(b"name");
        out.bulk(name);
        out.bulk(b"consumers");
        out.int(group.consumer_count() as i64);
        out.bulk(b"pending");
        out.int(group.all_pending().len() as i64);
        progress(out, stream.entries(), group);
    }
    Ok(())
}

pub(super) fn consumers(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    args.bytes();
    let (key, name, now) = (args.key(), args.bytes(), tx.now());
    let stream = tx.read::<Stream>(key)?.ok_or(Error::NoSuchKey)?;
    let group = stream.group(name).ok_or_else(|| no_group(key, name))?;
    out.array(group.consumer_count());
    for consumer in group.consumers() {
        out.map(4);
        out.bulk(b"name");
        out.bulk(consumer.name());
        out.bulk(b"pending");
        out.int(consumer.pending().len() as i64);
        out.bulk(b"idle");
        out.int(now.saturating_sub(consumer.seen) as i64);
        out.bulk(b"inactive");
        out.int(consumer.active.map_or(-1, |time| now.saturating_sub(time) as i64));
    }
    Ok(())
}

pub(super) fn help(_: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    args.end()?;
    super::super::help(
        out,
        "XINFO",
        &[
            "CONSUMERS <key> <groupname>",
            "    Describe the consumers of a group.",
            "GROUPS <key>",
            "    Describe the groups of a stream.",
            "STREAM <key> [FULL [COUNT <count>]]",
            "    Describe a stream.",
        ],
    );
    Ok(())
}
