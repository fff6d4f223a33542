//! What adds entries and what takes them away: XADD, XTRIM, XDEL, XDELEX, XSETID.
//!
//! Owns the grammar that XADD and XTRIM share. What is journalled is what happened: the id that was given, and a trim to
//! the length that was reached, since an approximate one depends on the nodes.

use super::*;
use crate::base::num::parse_i64;
use crate::types::stream::{AddError, NODE_BYTES_MAX, NewId, NodeLimits, Refs, Trim, TrimBy};
use smallvec::SmallVec;

const TWO_TRIMS: Error = Error::Text("ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
const EXACT_LIMIT: Error = Error::Text("ERR syntax error, LIMIT cannot be used without the special ~ option");
const LIMIT_ALONE: Error = Error::Text("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
const NO_TRIM: Error = Error::Text("ERR syntax error, XTRIM must be called with a trimming strategy");
const BAD_IDS: Error = Error::Text("ERR Number of IDs must be a positive integer");
const IDS_MISMATCH: Error = Error::Text("ERR The `numids` parameter must match the number of arguments");

/// When a node of a stream takes no further entry.
fn limits(args: &Args<'_>) -> NodeLimits {
    let settings = args.settings();
    NodeLimits { bytes: settings.stream_node_max_bytes as usize, entries: settings.stream_node_max_entries as usize }
}

/// KEEPREF, DELREF or ACKED, if it is next.
pub(super) fn refs(args: &mut Args<'_>) -> Option<Refs> {
    [("keepref", Refs::Keep), ("delref", Refs::Delete), ("acked", Refs::Acked)]
        .into_iter()
        .find_map(|(word, refs)| args.take(word).then_some(refs))
}

fn refs_word(refs: Refs) -> &'static [u8] {
    match refs {
        Refs::Keep => b"KEEPREF",
        Refs::Delete => b"DELREF",
        Refs::Acked => b"ACKED",
    }
}

/// The options of XADD up to the id, and those of XTRIM.
struct Options {
    trim: Option<Trim>,
    make: bool,
    /// XADD's.
    id: NewId,
}

impl Options {
    fn parse(args: &mut Args<'_>, adds: bool) -> Result<Self> {
        let (mut by, mut approximate, mut limit, mut kept) = (None, false, None, Refs::Keep);
        let mut options = Self { trim: None, make: true, id: NewId::Auto };
        while let Some(word) = args.peek() {
            let more = args.left() > 1;
            if adds && word == b"*" {
                args.bytes();
                break;
            } else if more && (args.take("maxlen") || args.take("minid")) {
                if by.is_some() {
                    return Err(TWO_TRIMS);
                }
                let enough = args.left() >= 2;
                approximate = enough && args.take("~");
                if enough && !approximate {
                    args.take("=");
                }
                by = Some(threshold(word, args.bytes())?);
            } else if more && args.take("limit") {
                let n = args.int();
                args.check()?;
                limit = Some(u64::try_from(n).map_err(|_| Error::Text("ERR The LIMIT argument must be >= 0."))?);
            } else if adds && args.take("nomkstream") {
                options.make = false;
            } else if let Some(refs) = refs(args) {
                kept = refs;
            } else if adds {
                options.id = new_id(args.bytes())?;
                break;
            } else {
                return Err(Error::Syntax);
            }
        }
        options.trim = Self::trim(args, adds, by, approximate, limit, kept)?;
        Ok(options)
    }

    fn trim(
        args: &Args<'_>,
        adds: bool,
        by: Option<TrimBy>,
        approximate: bool,
        limit: Option<u64>,
        refs: Refs,
    ) -> Result<Option<Trim>> {
        let Some(by) = by else {
            return match limit {
                Some(_) => Err(LIMIT_ALONE),
                _ if adds => Ok(None),
                _ => Err(NO_TRIM),
            };
        };
        if !approximate && limit.is_some() {
            return Err(EXACT_LIMIT);
        }
        let usual = match args.settings().stream_node_max_entries.saturating_mul(100) {
            0 => 10_000,
            n => n.min(1_000_000),
        };
        let limit = if approximate { limit.unwrap_or(usual) } else { 0 };
        Ok(Some(Trim { by, approximate, limit, refs }))
    }
}

/// The threshold of MAXLEN or MINID.
fn threshold(word: &[u8], text: &[u8]) -> Result<TrimBy> {
    if word.eq_ignore_ascii_case(b"minid") {
        return Ok(TrimBy::MinId(id(text, 0)?));
    }
    let n = parse_i64(text).ok_or(Error::NotInteger)?;
    let n = u64::try_from(n).map_err(|_| Error::Text("ERR The MAXLEN argument must be >= 0."))?;
    Ok(TrimBy::MaxLen(n))
}

/// The id of a new entry, but for `*`.
fn new_id(text: &[u8]) -> Result<NewId> {
    match text {
        [ms @ .., b'-', b'*'] => part(ms).map(NewId::In).ok_or(BAD_ID),
        text => id(text, 0).map(NewId::Exactly),
    }
}

pub(super) fn xadd(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, limits, now) = (args.key(), limits(args), tx.now());
    let options = Options::parse(args, true)?;
    if args.left() < 2 || args.left() % 2 == 1 {
        return Err(wrong_number("xadd"));
    }
    let pairs: SmallVec<[&[u8]; 16]> = std::iter::from_fn(|| args.next()).collect();
    if options.id == NewId::Exactly(StreamId::MIN) {
        return Err(Error::Text("ERR The ID specified in XADD must be greater than 0-0"));
    }
    if pairs.iter().map(|part| part.len()).sum::<usize>() > NODE_BYTES_MAX {
        return Err(Error::Text("ERR Elements are too large to be stored"));
    }
    let add = |stream: &mut Stream| match stream.add(options.id, now, &pairs, limits) {
        Ok(id) => {
            let trimmed = options.trim.map_or(0, |trim| stream.trim(trim));
            let edit = Edit::new(Ok((id, stream.entries().len())), 1, Class::Stream, "xadd");
            if trimmed > 0 { edit.and_event(Class::Stream, "xtrim") } else { edit }
        }
        Err(e) => Edit::unchanged(Err(e)),
    };
    let added = if options.make { Some(tx.upsert(key, add)?) } else { tx.edit(key, add)? };
    let (id, len) = match added {
        None => {
            out.null();
            return Ok(());
        }
        Some(Ok(added)) => added,
        Some(Err(AddError::Exhausted)) => {
            return Err(Error::Text("ERR The stream has exhausted the last possible ID, unable to add more items"));
        }
        Some(Err(AddError::NotGreater)) => {
            return Err(Error::Text(
                "ERR The ID specified in XADD is equal or smaller than the target stream top item",
            ));
        }
    };
    write_id(out, id);
    if journals(tx) {
        journal_add(tx, key, (id, len), options.trim, &pairs);
    }
    Ok(())
}

/// Journals an entry with its id, and a trim to the length that it came to.
fn journal_add(tx: &mut WriteTx<'_>, key: Key<'_>, (id, len): (StreamId, u64), trim: Option<Trim>, pairs: &[&[u8]]) {
    let (id, mut room) = (IdText::new(id), itoa::Buffer::new());
    let mut words: Vec<&[u8]> = vec![b"XADD", key.bytes];
    if let Some(trim) = trim {
        words.extend([b"MAXLEN", &b"="[..], room.format(len).as_bytes()]);
        if trim.refs != Refs::Keep {
            words.push(refs_word(trim.refs));
        }
    }
    words.push(id.bytes());
    words.extend(pairs);
    tx.rewrite(&words);
}

pub(super) fn xtrim(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let Some(trim) = Options::parse(args, false)?.trim else { return Err(NO_TRIM) };
    let trimmed = tx.edit(key, |stream: &mut Stream| {
        let trimmed = stream.trim(trim);
        Edit::new((trimmed, stream.entries().len()), trimmed, Class::Stream, "xtrim")
    })?;
    let (trimmed, len) = trimmed.unwrap_or((0, 0));
    if trimmed > 0 {
        let mut room = itoa::Buffer::new();
        let mut words: Vec<&[u8]> = vec![b"XTRIM", key.bytes, b"MAXLEN", b"=", room.format(len).as_bytes()];
        if trim.refs != Refs::Keep {
            words.push(refs_word(trim.refs));
        }
        tx.rewrite(&words);
    }
    out.int(trimmed as i64);
    Ok(())
}

/// The rest of the arguments as ids.
pub(super) fn ids(args: &mut Args<'_>) -> Result<SmallVec<[StreamId; 8]>> {
    std::iter::from_fn(|| args.next()).map(|text| id(text, 0)).collect()
}

pub(super) fn xdel(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    if tx.for_update::<Stream>(key)?.is_none() {
        out.int(0);
        return Ok(());
    }
    let ids = ids(args)?;
    let deleted = tx.edit(key, |stream: &mut Stream| {
        let deleted = ids.iter().filter(|id| stream.delete(**id)).count() as u64;
        Edit::new(deleted, deleted, Class::Stream, "xdel")
    })?;
    out.int(deleted.unwrap_or(0) as i64);
    Ok(())
}

/// `[KEEPREF|DELREF|ACKED] IDS numids id [id ...]`, the two in any order.
pub(super) fn refs_and_ids(args: &mut Args<'_>) -> Result<(Refs, SmallVec<[StreamId; 8]>)> {
    let (mut kept, mut found) = (None, None);
    while !args.is_empty() {
        if let Some(refs) = refs(args) {
            if kept.replace(refs).is_some() {
                return Err(Error::Syntax);
            }
        } else if found.is_none() && args.take("ids") {
            let n = usize::try_from(args.int_or(BAD_IDS)).unwrap_or(0);
            args.check()?;
            if n == 0 {
                return Err(BAD_IDS);
            }
            if n > args.left() {
                return Err(IDS_MISMATCH);
            }
            found = Some((0..n).map(|_| id(args.bytes(), 0)).collect::<Result<_>>()?);
        } else if found.is_some() {
            return Err(IDS_MISMATCH);
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok((kept.unwrap_or_default(), found.ok_or(Error::Syntax)?))
}

/// Deletes an entry with or without what groups know of it: 1 if it is gone, 2 if a group needs it, -1 if there is none.
/// Beside it the number of changes.
pub(super) fn delete(stream: &mut Stream, id: StreamId, refs: Refs) -> (i64, u64) {
    let forgotten = if refs == Refs::Delete { stream.forget(id) } else { 0 };
    if refs == Refs::Acked && stream.entries().get(id).is_some() && stream.is_referenced(id) {
        return (2, 0);
    }
    match stream.delete(id) {
        true => (1, 1 + forgotten),
        false => (-1, forgotten),
    }
}

pub(super) fn xdelex(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let (refs, ids) = refs_and_ids(args)?;
    let done = tx.edit(key, |stream: &mut Stream| {
        let done: SmallVec<[(i64, u64); 8]> = ids.iter().map(|id| delete(stream, *id, refs)).collect();
        let (changes, deleted) = (done.iter().map(|(_, n)| n).sum(), done.iter().any(|(code, _)| *code == 1));
        Edit { event: deleted.then_some((Class::Stream, "xdel")), hidden: !deleted, ..silent(done, changes) }
    })?;
    out.array(ids.len());
    (0..ids.len()).for_each(|i| out.int(done.as_ref().map_or(-1, |done| done[i].0)));
    Ok(())
}

pub(super) fn xsetid(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, last) = (args.key(), id(args.bytes(), 0)?);
    let (mut added, mut max_deleted) = (None, None);
    while !args.is_empty() {
        if args.left() > 1 && args.take("entriesadded") {
            let n = args.int();
            args.check()?;
            added = Some(u64::try_from(n).map_err(|_| Error::Text("ERR entries_added must be positive"))?);
        } else if args.left() > 1 && args.take("maxdeletedid") {
            let deleted = id(args.bytes(), 0)?;
            if last < deleted {
                return Err(Error::Text(
                    "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                ));
            }
            // None is given as 0-0.
            max_deleted = Some(deleted).filter(|id| *id != StreamId::MIN);
        } else {
            return Err(Error::Syntax);
        }
    }
    let set = tx.edit(key, |stream: &mut Stream| {
        let entries = stream.entries();
        let problem = if entries.last().is_some_and(|top| last < top.id) {
            Some("ERR The ID specified in XSETID is smaller than the target stream top item")
        } else if added.is_some_and(|added| !entries.is_empty() && added < entries.len()) {
            Some("ERR The entries_added specified in XSETID is smaller than the target stream length")
        } else {
            None
        };
        if let Some(problem) = problem {
            return Edit::unchanged(Err(Error::Text(problem)));
        }
        stream.set_counters(last, added, max_deleted);
        Edit::new(Ok(()), 1, Class::Stream, "xsetid").hidden()
    })?;
    set.ok_or(Error::NoSuchKey)??;
    out.ok();
    Ok(())
}
