//! Members taken from an end: ZPOPMIN, ZPOPMAX, ZMPOP, and the commands that wait.
//!
//! Owns what these share, and what is journalled for those that look at several keys: the plain pop of the one that was
//! served, so that a replay never waits. Must not know how a client waits: a handler that finds nothing says so, and is
//! called again when one of its keys has changed.

use super::super::mpop::Mpop;
use super::super::timeout::timeout;
use super::*;

/// The words for the ends of MPOP.
const ENDS: [&str; 2] = ["min", "max"];

/// The end of a sorted set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

impl End {
    /// The event of a pop, and the command that it is journalled as.
    const fn popped(self) -> (&'static str, &'static [u8]) {
        match self {
            End::Min => ("zpopmin", b"ZPOPMIN"),
            End::Max => ("zpopmax", b"ZPOPMAX"),
        }
    }

    /// Takes up to `count` entries, each shown to `f`.
    fn pop(self, set: &mut ZSet, count: usize, f: impl FnMut(Item<'_>, f64)) -> Edit<usize> {
        let popped = match self {
            End::Min => set.pop_min(count, f),
            End::Max => set.pop_max(count, f),
        };
        Edit::new(popped, popped as u64, Class::ZSet, self.popped().0)
    }
}

pub(super) fn zpopmin(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    pop(tx, args, out, End::Min)
}

pub(super) fn zpopmax(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    pop(tx, args, out, End::Max)
}

/// `key [count]`. Only with a count are the entries of RESP3's reply pairs.
fn pop(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>, end: End) -> Result {
    const POSITIVE: Error = Error::Text("ERR value is out of range, must be positive");
    let (key, counted) = (args.key(), !args.is_empty());
    if args.left() > 1 {
        return Err(Error::Syntax);
    }
    let count = if counted { args.int_or(POSITIVE) } else { 1 };
    args.end()?;
    let count = usize::try_from(count).map_err(|_| POSITIVE)?;
    let shown = if counted { Shown::new(true, out) } else { Shown::Flat };
    let popped = tx.edit(key, |set: &mut ZSet| {
        out.array(shown.elements(count.min(set.len())));
        end.pop(set, count, |member, score| shown.entry(out, member, score))
    })?;
    if popped.is_none() {
        out.array(0);
    }
    Ok(())
}

pub(super) fn bzpopmin(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result<Served> {
    pop_one_of(tx, args, out, End::Min)
}

pub(super) fn bzpopmax(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result<Served> {
    pop_one_of(tx, args, out, End::Max)
}

/// `key [key ...] timeout`.
fn pop_one_of(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>, end: End) -> Result<Served> {
    let timeout_ms = timeout(tx, args.view().get(args.len() - 1).unwrap_or_default())?;
    while args.left() > 1 {
        let key = args.key();
        let one = tx.edit(key, |set: &mut ZSet| {
            out.array(3);
            out.bulk(key.bytes);
            end.pop(set, 1, |member, score| Shown::Flat.entry(out, member, score))
        })?;
        if one.is_some() {
            tx.rewrite(&[end.popped().1, key.bytes]);
            return Ok(Served::Done);
        }
    }
    Ok(Served::Wait { timeout_ms, nothing: Nothing::Array })
}

/// Takes entries from the first sorted set that there is and replies with its key and them; `false`: there is none.
fn run(wanted: &Mpop<'_>, tx: &mut WriteTx<'_>, out: &mut Reply<'_>) -> Result<bool> {
    let end = [End::Min, End::Max][wanted.end];
    for key in &wanted.keys {
        let popped = tx.edit(*key, |set: &mut ZSet| {
            out.array(2);
            out.bulk(key.bytes);
            out.array(wanted.count.min(set.len()));
            end.pop(set, wanted.count, |member, score| Shown::Pairs.entry(out, member, score))
        })?;
        if let Some(popped) = popped {
            tx.rewrite(&[end.popped().1, key.bytes, itoa::Buffer::new().format(popped).as_bytes()]);
            return Ok(true);
        }
    }
    Ok(false)
}
pub(super) fn zmpop(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if !run(&Mpop::parse(args, ENDS)?, tx, out)? {
        out.null_array();
    }
    Ok(())
}

pub(super) fn bzmpop(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result<Served> {
    let wait = args.bytes();
    let wanted = Mpop::parse(args, ENDS)?;
    let timeout_ms = timeout(tx, wait)?;
    match run(&wanted, tx, out)? {
        true => Ok(Served::Done),
        false => Ok(Served::Wait { timeout_ms, nothing: Nothing::Array }),
    }
}
