//! Elements that move between lists, or come from the first of several that has one; and the commands that wait.
//!
//! Owns what RPOPLPUSH, LMOVE, LMPOP and the blocking commands share. A blocking command is journalled as what it came to
//! (LMOVE, RPOPLPUSH, LPOP, RPOP): a replay never waits. Must not know how a client waits: a handler that finds nothing
//! says so, and is called again when one of its keys has changed.

use super::super::mpop::Mpop;
use super::super::timeout::timeout;
use super::*;

/// The words for the ends of MPOP.
const ENDS: [&str; 2] = ["left", "right"];

/// The next argument as an end.
fn end(args: &mut Args<'_>) -> End {
    [End::Front, End::Back][args.one_of(&["left", "right"])]
}

fn word(end: End) -> &'static [u8] {
    match end {
        End::Front => b"LEFT",
        End::Back => b"RIGHT",
    }
}

/// Two lists and which of their ends.
struct Move<'a> {
    source: Key<'a>,
    destination: Key<'a>,
    from: End,
    to: End,
}

impl<'a> Move<'a> {
    /// `source destination <LEFT|RIGHT> <LEFT|RIGHT>`.
    fn any(args: &mut Args<'a>) -> Result<Self> {
        let all = Self { source: args.key(), destination: args.key(), from: end(args), to: end(args) };
        args.check()?;
        Ok(all)
    }

    /// `source destination`.
    fn tail_to_head(args: &mut Args<'a>) -> Self {
        Self { source: args.key(), destination: args.key(), from: End::Back, to: End::Front }
    }

    /// Moves an element and replies with it; `false`: there is none, and nothing was done or said. That the destination
    /// is no list matters only where there is one. One change, whatever it takes.
    fn run(&self, tx: &mut WriteTx<'_>, limits: ListLimits, out: &mut Reply<'_>) -> Result<bool> {
        let Self { source, destination, from, to } = *self;
        if source.bytes == destination.bytes {
            return self.rotate(tx, limits, out);
        }
        let index = if from == End::Front { 0 } else { -1 };
        let text = match tx.for_update::<List>(source)? {
            Some(list) => list.get(index, |item| item.to_vec()),
            None => None,
        };
        let Some(text) = text else { return Ok(false) };
        tx.upsert(destination, |list: &mut List| {
            list.push(to, &text, limits);
            Edit::new((), 1, Class::List, pushed(to))
        })?;
        tx.edit(source, |list: &mut List| {
            list.pop_with(from, 1, |_| ());
            Edit::new((), 1, Class::List, popped(from).0).counted(0)
        })?;
        out.bulk(&text);
        Ok(true)
    }

    /// The same within one list, which never goes, not even if it has one element.
    fn rotate(&self, tx: &mut WriteTx<'_>, limits: ListLimits, out: &mut Reply<'_>) -> Result<bool> {
        let moved = tx.edit(self.source, |list: &mut List| {
            let Some(text) = list.pop(self.from) else { return Edit::unchanged(false) };
            list.push(self.to, &text, limits);
            out.bulk(&text);
            Edit::new(true, 1, Class::List, pushed(self.to)).and_event(Class::List, popped(self.from).0)
        })?;
        Ok(moved == Some(true))
    }
}

pub(super) fn lmove(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if !Move::any(args)?.run(tx, limits(args), out)? {
        out.null();
    }
    Ok(())
}

pub(super) fn rpoplpush(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if !Move::tail_to_head(args).run(tx, limits(args), out)? {
        out.null();
    }
    Ok(())
}

pub(super) fn blmove(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result<Served> {
    let (both, timeout_ms) = (Move::any(args)?, timeout(tx, args.bytes())?);
    if !both.run(tx, limits(args), out)? {
        return Ok(Served::Wait { timeout_ms, nothing: Nothing::Bulk });
    }
    tx.rewrite(&[b"LMOVE", both.source.bytes, both.destination.bytes, word(both.from), word(both.to)]);
    Ok(Served::Done)
}

pub(super) fn brpoplpush(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result<Served> {
    let (both, timeout_ms) = (Move::tail_to_head(args), timeout(tx, args.bytes())?);
    if !both.run(tx, limits(args), out)? {
        return Ok(Served::Wait { timeout_ms, nothing: Nothing::Bulk });
    }
    tx.rewrite(&[b"RPOPLPUSH", both.source.bytes, both.destination.bytes]);
    Ok(Served::Done)
}

pub(super) fn blpop(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result<Served> {
    pop_one_of(tx, args, out, End::Front)
}

pub(super) fn brpop(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result<Served> {
    pop_one_of(tx, args, out, End::Back)
}

/// `key [key ...] timeout`.
fn pop_one_of(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>, end: End) -> Result<Served> {
    let timeout_ms = timeout(tx, args.view().get(args.len() - 1).unwrap_or_default())?;
    let (event, command) = popped(end);
    while args.left() > 1 {
        let key = args.key();
        let one = tx.edit(key, |list: &mut List| {
            out.array(2);
            out.bulk(key.bytes);
            list.pop_with(end, 1, |item| bulk(out, item));
            Edit::new((), 1, Class::List, event)
        })?;
        if one.is_some() {
            tx.rewrite(&[command, key.bytes]);
            return Ok(Served::Done);
        }
    }
    Ok(Served::Wait { timeout_ms, nothing: Nothing::Array })
}

/// Takes elements from the first list that there is and replies with its key and them; `false`: there is none.
fn run(wanted: &Mpop<'_>, tx: &mut WriteTx<'_>, out: &mut Reply<'_>) -> Result<bool> {
    let end = [End::Front, End::Back][wanted.end];
    for key in &wanted.keys {
        let count = tx.edit(*key, |list: &mut List| {
            out.array(2);
            out.bulk(key.bytes);
            pop_into(list, end, wanted.count, out)
        })?;
        if let Some(count) = count {
            tx.rewrite(&[popped(end).1, key.bytes, itoa::Buffer::new().format(count).as_bytes()]);
            return Ok(true);
        }
    }
    Ok(false)
}
pub(super) fn lmpop(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if !run(&Mpop::parse(args, ENDS)?, tx, out)? {
        out.null_array();
    }
    Ok(())
}

pub(super) fn blmpop(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result<Served> {
    let wait = args.bytes();
    let wanted = Mpop::parse(args, ENDS)?;
    let timeout_ms = timeout(tx, wait)?;
    match run(&wanted, tx, out)? {
        true => Ok(Served::Done),
        false => Ok(Served::Wait { timeout_ms, nothing: Nothing::Array }),
    }
}
