//! XREAD and XREADGROUP.
//!
//! Owns what they ask for and what they wait for. XREAD takes nothing away: an entry serves all who wait for it. The id
//! `$` means the last entry when the client asked, so who waits does so with that id in its place
//! ([`keeps_waiting_for`]). XREADGROUP takes new entries for one consumer, who is made by asking; what it did is
//! journalled as claims and the group's new position.

use super::claim::journal_claim;
use super::*;
use crate::base::num::parse_i64;
use crate::resp::{ArgView, Deferred, Mark, OwnedCommand, Proto};
use crate::store::Rewrite;
use crate::types::stream::GroupMut;
use smallvec::SmallVec;

/// From where a stream is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    /// Behind this id.
    After(StreamId),
    /// The last entry.
    Last,
    /// What no consumer of the group has got.
    New,
}

/// What is asked for.
struct Request<'a> {
    count: usize,
    /// How long to wait, if at all.
    block: Option<Option<u64>>,
    noack: bool,
    group: Option<(&'a [u8], &'a [u8])>,
    /// Keys, and from where each is read as it was written.
    streams: SmallVec<[(Key<'a>, &'a [u8]); 4]>,
}

impl<'a> Request<'a> {
    fn parse(tx: &WriteTx<'_>, args: &mut Args<'a>, of_group: bool) -> Result<Self> {
        let (mut count, mut block, mut noack, mut group) = (usize::MAX, None, false, None);
        loop {
            if args.left() > 1 && args.take("block") {
                block = Some(milliseconds(tx, args.bytes())?);
            } else if args.left() > 1 && args.take("count") {
                let n = args.int();
                args.check()?;
                count = usize::try_from(n).ok().filter(|n| *n > 0).unwrap_or(usize::MAX);
            } else if args.left() > 1 && args.take("streams") {
                break;
            } else if args.left() > 2 && args.take("group") {
                if !of_group {
                    return Err(Error::Text(
                        "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
                    ));
                }
                group = Some((args.bytes(), args.bytes()));
            } else if args.take("noack") {
                if !of_group {
                    return Err(Error::Text(
                        "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
                    ));
                }
                noack = true;
            } else {
                return Err(Error::Syntax);
            }
        }
        if args.left() % 2 == 1 {
            return Err(Error::Text(match of_group {
                true => {
                    "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified."
                }
                false => "ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.",
            }));
        }
        if of_group && group.is_none() {
            return Err(Error::Text("ERR Missing GROUP option for XREADGROUP"));
        }
        let n = args.left() / 2;
        let keys: SmallVec<[Key<'a>; 4]> = (0..n).map(|_| args.key()).collect();
        let streams = keys.into_iter().map(|key| (key, args.bytes())).collect();
        Ok(Self { count, block, noack, group, streams })
    }

    fn wait(&self) -> Served {
        match self.block {
            Some(timeout_ms) => Served::Wait { timeout_ms, nothing: Nothing::Array },
            None => Served::Done,
        }
    }
}

/// A timeout in milliseconds; 0 is for ever.
fn milliseconds(tx: &WriteTx<'_>, text: &[u8]) -> Result<Option<u64>> {
    let ms = parse_i64(text).ok_or(Error::Text("ERR timeout is not an integer or out of range"))?;
    let ms = u64::try_from(ms).map_err(|_| Error::Text("ERR timeout is negative"))?;
    match ms {
        0 => Ok(None),
        ms if ms.checked_add(tx.now()).is_none_or(|end| i64::try_from(end).is_err()) => {
            Err(Error::Text("ERR timeout is out of range"))
        }
        ms => Ok(Some(ms)),
    }
}

/// The start of a stream's part of the reply.
fn write_key(out: &mut Reply<'_>, key: Key<'_>) {
    if out.proto() == Proto::Resp2 {
        out.array(2);
    }
    out.bulk(key.bytes);
}

/// The last id of a stream, or of none.
fn last_id(tx: &mut WriteTx<'_>, key: Key<'_>) -> Result<StreamId> {
    Ok(tx.reader().peek_collection::<Stream>(key)?.map_or(StreamId::MIN, |stream| stream.entries().last_id()))
}

pub(super) fn xread(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result<Served> {
    let request = Request::parse(tx, args, false)?;
    let mut from: SmallVec<[From; 4]> = SmallVec::new();
    for (key, text) in &request.streams {
        let last = last_id(tx, *key)?;
        from.push(match *text {
            b"$" => From::After(last),
            b"+" => From::Last,
            b">" => {
                return Err(Error::Text(
                    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> \
                     option.",
                ));
            }
            text => From::After(id(text, 0)?),
        });
    }
    let (mark, header, mut found) = (out.mark(), out.defer_array(), 0);
    for ((key, _), from) in request.streams.iter().zip(from) {
        let Some(stream) = tx.reader().read::<Stream>(*key)? else { continue };
        let entries = stream.entries();
        let (after, count) = match from {
            From::After(id) => (id.next(), request.count),
            From::Last | From::New => (entries.last().map(|entry| entry.id), 1),
        };
        let Some(after) = after.filter(|after| entries.last().is_some_and(|last| last.id >= *after)) else { continue };
        found += 1;
        write_key(out, *key);
        write_entries(out, entries.range(after, StreamId::MAX).take(count));
    }
    finish(out, mark, header, found, &request)
}

/// Completes the reply, or takes it back where there is nothing.
fn finish(out: &mut Reply<'_>, mark: Mark, header: Deferred, found: usize, request: &Request<'_>) -> Result<Served> {
    if found == 0 {
        out.truncate(mark);
        if request.block.is_none() {
            out.null_array();
        }
        return Ok(request.wait());
    }
    match out.proto() {
        Proto::Resp2 => out.set_array(header, found),
        Proto::Resp3 => out.set_map(header, found),
    }
    Ok(Served::Done)
}

pub(super) fn xreadgroup(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result<Served> {
    let request = Request::parse(tx, args, true)?;
    let Some((group, consumer)) = request.group else { return Err(Error::Syntax) };
    let mut from: SmallVec<[From; 4]> = SmallVec::new();
    for (key, text) in &request.streams {
        if tx.for_update::<Stream>(*key)?.is_none_or(|stream| stream.group(group).is_none()) {
            let (key, group) = (lossy(key.bytes), lossy(group));
            return Err(Error::Owned(format!(
                "NOGROUP No such key '{key}' or consumer group '{group}' in XREADGROUP with GROUP option"
            )));
        }
        from.push(match *text {
            b">" => From::New,
            b"$" => {
                return Err(Error::Text(
                    "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this \
                     consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just \
                     return an empty result set.",
                ));
            }
            text => From::After(id(text, 0)?),
        });
    }
    let (mark, header, mut found) = (out.mark(), out.defer_array(), 0);
    if journals(tx) {
        // What is journalled is said below, if anything.
        tx.effects().rewrite = Rewrite::As(Vec::new());
    }
    for ((key, _), from) in request.streams.iter().zip(from) {
        let read = Read { key: *key, group, consumer, count: request.count, noack: request.noack };
        found += usize::from(match from {
            From::After(id) => read.again(tx, out, id)?,
            From::New | From::Last => read.new_entries(tx, out)?,
        });
    }
    finish(out, mark, header, found, &request)
}

/// One stream that a consumer reads.
struct Read<'a> {
    key: Key<'a>,
    group: &'a [u8],
    consumer: &'a [u8],
    count: usize,
    noack: bool,
}

impl Read<'_> {
    /// The consumer, made if it is missing, of the group that is there.
    fn consumer(&self, tx: &mut WriteTx<'_>) -> Result {
        let now = tx.now();
        let created = tx.edit(self.key, |stream: &mut Stream| {
            let Some(g) = stream.group_mut(self.group) else { return Edit::unchanged(false) };
            let (number, created) = g.group.find_or_add(self.consumer, now);
            g.group.seen(number, now);
            Edit::new(created, u64::from(created), Class::Stream, "xgroup-createconsumer").hidden()
        })?;
        if created == Some(true) {
            tx.rewrite(&[b"XGROUP", b"CREATECONSUMER", self.key.bytes, self.group, self.consumer]);
        }
        Ok(())
    }

    /// What the consumer has not acknowledged, behind an id: there is always a reply.
    fn again(&self, tx: &mut WriteTx<'_>, out: &mut Reply<'_>, after: StreamId) -> Result<bool> {
        self.consumer(tx)?;
        let now = tx.now();
        write_key(out, self.key);
        tx.edit(self.key, |stream: &mut Stream| {
            let (header, mut n) = (out.defer_array(), 0);
            if let Some(g) = stream.group_mut(self.group)
                && let Some(number) = g.group.find(self.consumer)
            {
                let GroupMut { entries, group, .. } = &g;
                let own = group.consumer(number).zip(after.next());
                let ids: Vec<StreamId> = own
                    .map(|(consumer, from)| consumer.pending().range(from..).take(self.count).copied().collect())
                    .unwrap_or_default();
                n = ids.len();
                for id in &ids {
                    match entries.get(*id) {
                        Some(entry) => write_entry(out, entry),
                        None => {
                            out.array(2);
                            write_id(out, *id);
                            out.null_array();
                        }
                    }
                }
                ids.iter().filter(|id| g.entries.get(**id).is_some()).for_each(|id| g.group.redeliver(*id, now));
            }
            out.set_array(header, n);
            Edit::unchanged(())
        })?;
        Ok(true)
    }

    /// What no consumer of the group has got; `false`: there is nothing.
    fn new_entries(&self, tx: &mut WriteTx<'_>, out: &mut Reply<'_>) -> Result<bool> {
        self.consumer(tx)?;
        let (now, journals) = (tx.now(), journals(tx));
        let mut delivered: Vec<StreamId> = Vec::new();
        let read = tx.edit(self.key, |stream: &mut Stream| {
            let Some(g) = stream.group_mut(self.group) else { return Edit::unchanged(None) };
            let Some(number) = g.group.find(self.consumer) else { return Edit::unchanged(None) };
            let Some(from) = g.group.last_id().next() else { return Edit::unchanged(None) };
            let mut news = g.entries.range(from, StreamId::MAX).take(self.count).peekable();
            if news.peek().is_none() {
                return Edit::unchanged(None);
            }
            write_key(out, self.key);
            let (header, mut n) = (out.defer_array(), 0);
            for entry in news {
                let id = entry.id;
                write_entry(out, entry);
                g.group.advance(g.entries, id);
                if !self.noack {
                    g.group.deliver(id, number, now);
                    if journals {
                        delivered.push(id);
                    }
                }
                n += 1;
            }
            out.set_array(header, n);
            g.group.active(number, now);
            silent(Some((g.group.last_id(), g.group.read())), n as u64)
        })?;
        let Some((last, read)) = read.flatten() else { return Ok(false) };
        if journals {
            for id in delivered {
                journal_claim(tx, self.key, self.group, self.consumer, id, (now, 1), last);
            }
            let mut room = itoa::Buffer::new();
            let read = read.map_or("-1", |read| room.format(read)).as_bytes();
            let last = IdText::new(last);
            tx.rewrite(&[b"XGROUP", b"SETID", self.key.bytes, self.group, last.bytes(), b"ENTRIESREAD", read]);
        }
        Ok(true)
    }
}

/// The arguments with which a client waits that asked with `args`: `$` gives way to the id that it means now.
pub(crate) fn keeps_waiting_for(tx: &mut WriteTx<'_>, args: ArgView<'_>) -> Option<OwnedCommand> {
    let words: Vec<&[u8]> = args.iter().collect();
    let first = words.iter().position(|word| word.eq_ignore_ascii_case(b"streams"))? + 1;
    let n = (words.len() - first) / 2;
    if !words[first + n..].contains(&&b"$"[..]) {
        return None;
    }
    let settled: Vec<IdText> = (0..n)
        .map(|i| {
            let key = tx.key(words[first + i]);
            IdText::new(last_id(tx, key).unwrap_or_default())
        })
        .collect();
    let mut all: Vec<&[u8]> = words.clone();
    for (word, settled) in all[first + n..].iter_mut().zip(&settled).filter(|(word, _)| **word == b"$") {
        *word = settled.bytes();
    }
    Some(OwnedCommand::new(all))
}

/// The group for which the arguments of a blocking command of this family fetch entries; `None`: they are XREAD's.
pub(crate) fn fetches_of_group<'a>(row: &Row, args: ArgView<'a>) -> Option<&'a [u8]> {
    if row.spec.name != "xreadgroup" {
        return None;
    }
    // Before STREAMS no other option's value can be taken for it but by who names a group so.
    let at = (1..args.len()).find(|i| args.get(*i).is_some_and(|word| word.eq_ignore_ascii_case(b"group")))?;
    args.get(at + 1)
}
