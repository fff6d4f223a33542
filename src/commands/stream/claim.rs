//! XCLAIM and XAUTOCLAIM: pending entries change hands.
//!
//! Owns their options. An entry that was deleted is not handed on but forgotten. Each claim is journalled as one that is
//! forced, with the time and count it ended up with.

use super::*;
use crate::base::num::parse_i64;
use crate::types::stream::{Claim, GroupMut, Pending};

/// Journals that an entry now belongs to a consumer, delivered at a time for the n-th time.
pub(super) fn journal_claim(
    tx: &mut WriteTx<'_>,
    key: Key<'_>,
    group: &[u8],
    consumer: &[u8],
    id: StreamId,
    (time, count): (u64, u64),
    last_id: StreamId,
) {
    let (id, last_id) = (IdText::new(id), IdText::new(last_id));
    let (mut a, mut b) = (itoa::Buffer::new(), itoa::Buffer::new());
    let (time, count) = (a.format(time).as_bytes(), b.format(count).as_bytes());
    tx.rewrite(&[
        b"XCLAIM",
        key.bytes,
        group,
        consumer,
        b"0",
        id.bytes(),
        b"TIME",
        time,
        b"RETRYCOUNT",
        count,
        b"FORCE",
        b"JUSTID",
        b"LASTID",
        last_id.bytes(),
    ]);
}

/// What a command did to the pending entries of a group.
#[derive(Default)]
struct Done {
    created: bool,
    claimed: Vec<(StreamId, Pending)>,
    /// No longer pending, as they were deleted.
    forgotten: Vec<StreamId>,
    last_id: StreamId,
    moved: bool,
}

impl Done {
    fn changes(&self) -> u64 {
        u64::from(self.created) + (self.claimed.len() + self.forgotten.len()) as u64 + u64::from(self.moved)
    }

    fn edit<R>(&self, value: R) -> Edit<R> {
        let event = self.created.then_some((Class::Stream, "xgroup-createconsumer"));
        Edit { event, ..silent(value, self.changes()) }
    }

    fn journal(&self, tx: &mut WriteTx<'_>, key: Key<'_>, group: &[u8], consumer: &[u8]) {
        if !journals(tx) {
            return;
        }
        if self.created {
            tx.rewrite(&[b"XGROUP", b"CREATECONSUMER", key.bytes, group, consumer]);
        }
        for (id, pending) in &self.claimed {
            journal_claim(tx, key, group, consumer, *id, (pending.delivered, pending.count), self.last_id);
        }
        for id in &self.forgotten {
            tx.rewrite(&[b"XACK", key.bytes, group, IdText::new(*id).bytes()]);
        }
        if self.moved && self.claimed.is_empty() {
            // The command as any claim that says so: it concerns no entry.
            tx.rewrite(&[
                b"XCLAIM",
                key.bytes,
                group,
                consumer,
                b"0",
                b"0-0",
                b"JUSTID",
                b"LASTID",
                IdText::new(self.last_id).bytes(),
            ]);
        }
    }
}

/// The options of XCLAIM.
struct Options {
    claim: Claim,
    just_id: bool,
    last_id: StreamId,
}

fn min_idle(args: &mut Args<'_>, command: &str) -> Result<u64> {
    let text = args.bytes();
    let ms = parse_i64(text);
    let ms = ms.ok_or_else(|| Error::Owned(format!("ERR Invalid min-idle-time argument for {command}")))?;
    Ok(u64::try_from(ms).unwrap_or(0))
}

fn options(args: &mut Args<'_>, min_idle: u64, now: u64) -> Result<Options> {
    let claim = Claim { min_idle, delivered: now, count: None, again: true, force: false };
    let mut options = Options { claim, just_id: false, last_id: StreamId::MIN };
    let number = |text: &[u8], name: &str| {
        parse_i64(text).ok_or_else(|| Error::Owned(format!("ERR Invalid {name} option argument for XCLAIM")))
    };
    let past = |time: i64| u64::try_from(time).ok().filter(|time| *time <= now).unwrap_or(now);
    while let Some(word) = args.peek() {
        let more = args.left() > 1;
        if args.take("force") {
            options.claim.force = true;
        } else if args.take("justid") {
            options.just_id = true;
        } else if more && args.take("idle") {
            options.claim.delivered = past((now as i64).saturating_sub(number(args.bytes(), "IDLE")?));
        } else if more && args.take("time") {
            options.claim.delivered = past(number(args.bytes(), "TIME")?);
        } else if more && args.take("retrycount") {
            options.claim.count = u64::try_from(number(args.bytes(), "RETRYCOUNT")?).ok();
        } else if more && args.take("lastid") {
            options.last_id = id(args.bytes(), 0)?;
        } else {
            return Err(Error::Owned(format!("ERR Unrecognized XCLAIM option '{}'", lossy(word))));
        }
    }
    options.claim.again = options.claim.count.is_none() && !options.just_id;
    Ok(options)
}

pub(super) fn xclaim(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, group, consumer, now) = (args.key(), args.bytes(), args.bytes(), tx.now());
    if tx.for_update::<Stream>(key)?.is_none_or(|stream| stream.group(group).is_none()) {
        return Err(no_key_or_group(key, group));
    }
    let min_idle = min_idle(args, "XCLAIM")?;
    let mut ids = Vec::new();
    while let Some(id) = args.peek().and_then(|text| id(text, 0).ok()) {
        ids.push(id);
        args.bytes();
    }
    let options = options(args, min_idle, now)?;
    let done = tx.edit(key, |stream: &mut Stream| {
        let mut done = Done::default();
        let (header, mut shown) = (out.defer_array(), 0);
        if let Some(g) = stream.group_mut(group) {
            if options.last_id > g.group.last_id() {
                let read = g.group.read();
                g.group.set_last(options.last_id, read);
                done.moved = true;
            }
            let (number, created) = g.group.find_or_add(consumer, now);
            g.group.seen(number, now);
            done.created = created;
            for id in ids {
                let Some(entry) = g.entries.get(id) else {
                    if g.group.ack(id) {
                        done.forgotten.push(id);
                    }
                    continue;
                };
                let Some(pending) = g.group.claim(id, number, options.claim, now) else { continue };
                match options.just_id {
                    true => write_id(out, id),
                    false => write_entry(out, entry),
                }
                shown += 1;
                g.group.active(number, now);
                done.claimed.push((id, pending));
            }
            done.last_id = g.group.last_id();
        }
        out.set_array(header, shown);
        done.edit(()).map(|()| done)
    })?;
    if let Some(done) = done {
        done.journal(tx, key, group, consumer);
    }
    Ok(())
}

/// COUNT and JUSTID of XAUTOCLAIM.
fn auto_options(args: &mut Args<'_>) -> Result<(usize, bool)> {
    /// So that it can be multiplied by the entries looked at for each.
    const COUNT_MAX: i64 = i64::MAX / 16;
    let (mut count, mut just_id) = (100, false);
    while !args.is_empty() {
        if args.left() > 1 && args.take("count") {
            let n = parse_i64(args.bytes()).filter(|n| (1..=COUNT_MAX).contains(n));
            count = n.ok_or(Error::Text("ERR COUNT must be > 0"))? as usize;
        } else if args.take("justid") {
            just_id = true;
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok((count, just_id))
}

/// Claims up to `count` pending entries from `start` on; those that were deleted count as well. Returns where to go on.
fn claim_from(
    g: &mut GroupMut<'_>,
    (start, count): (StreamId, usize),
    consumer: u32,
    claim: Claim,
    now: u64,
    done: &mut Done,
) -> Option<StreamId> {
    /// Pending entries looked at for each that may be claimed, and at most.
    const LOOKED_AT: (usize, usize) = (10, 1 << 20);
    let looked_at = count.saturating_mul(LOOKED_AT.0).min(LOOKED_AT.1);
    let ids: Vec<StreamId> = g.group.all_pending().range(start..).take(looked_at).map(|(id, _)| *id).collect();
    let mut taken = 0;
    for id in &ids {
        if taken == count {
            return Some(*id);
        }
        if g.entries.get(*id).is_none() {
            g.group.ack(*id);
            done.forgotten.push(*id);
            taken += 1;
        } else if let Some(pending) = g.group.claim(*id, consumer, claim, now) {
            done.claimed.push((*id, pending));
            taken += 1;
        }
    }
    let after = ids.last()?.next()?;
    g.group.all_pending().range(after..).next().map(|(id, _)| *id)
}

pub(super) fn xautoclaim(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, group, consumer, now) = (args.key(), args.bytes(), args.bytes(), tx.now());
    let min_idle = min_idle(args, "XAUTOCLAIM")?;
    let start = lower(args.bytes())?;
    let (count, just_id) = auto_options(args)?;
    if tx.for_update::<Stream>(key)?.is_none_or(|stream| stream.group(group).is_none()) {
        return Err(no_key_or_group(key, group));
    }
    let claim = Claim { min_idle, delivered: now, count: None, again: !just_id, force: false };
    let done = tx.edit(key, |stream: &mut Stream| {
        let mut done = Done::default();
        let Some(mut g) = stream.group_mut(group) else { return Edit::unchanged(done) };
        let (number, created) = g.group.find_or_add(consumer, now);
        g.group.seen(number, now);
        (done.created, done.last_id) = (created, g.group.last_id());
        let next = claim_from(&mut g, (start, count), number, claim, now, &mut done);
        if !done.claimed.is_empty() {
            g.group.active(number, now);
        }
        out.array(3);
        write_id(out, next.unwrap_or_default());
        out.array(done.claimed.len());
        for (id, _) in &done.claimed {
            match g.entries.get(*id) {
                Some(entry) if !just_id => write_entry(out, entry),
                _ => write_id(out, *id),
            }
        }
        out.array(done.forgotten.len());
        done.forgotten.iter().for_each(|id| write_id(out, *id));
        done.edit(()).map(|()| done)
    })?;
    if let Some(done) = done {
        done.journal(tx, key, group, consumer);
    }
    Ok(())
}
