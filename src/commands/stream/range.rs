//! XRANGE, XREVRANGE, XLEN. Entries go straight from the stream into the reply.

use super::*;

pub(super) fn xlen(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let len = tx.read::<Stream>(args.key())?.map_or(0, |stream| stream.entries().len());
    out.int(len as i64);
    Ok(())
}

pub(super) fn xrange(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    range(tx, args, out, false)
}

pub(super) fn xrevrange(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    range(tx, args, out, true)
}

fn range(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>, reverse: bool) -> Result {
    let (key, a, b) = (args.key(), args.bytes(), args.bytes());
    let (from, to) = if reverse { (b, a) } else { (a, b) };
    let (from, to) = (lower(from)?, upper(to)?);
    let mut count = None;
    while !args.is_empty() {
        if args.left() < 2 || !args.take("count") {
            return Err(Error::Syntax);
        }
        let n = args.int();
        args.check()?;
        count = Some(usize::try_from(n).unwrap_or(0));
    }
    let Some(stream) = tx.read::<Stream>(key)? else {
        out.array(0);
        return Ok(());
    };
    let (entries, limit) = (stream.entries(), count.unwrap_or(usize::MAX));
    match (limit, reverse) {
        (0, _) => out.null_array(),
        (_, false) => _ = write_entries(out, entries.range(from, to).take(limit)),
        (_, true) => _ = write_entries(out, entries.range_rev(from, to).take(limit)),
    }
    Ok(())
}
