//! CLIENT PAUSE and UNPAUSE.
//!
//! Owns their grammar. Who is held back, and how, is `server/pause.rs`'s and `exec/hold.rs`'s.

use super::*;

pub(super) fn pause(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (timeout, mode) = (args.bytes(), args.next());
    if !args.is_empty() {
        return Err(Error::Text("ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP."));
    }
    let all = match mode {
        None => true,
        Some(word) if word.eq_ignore_ascii_case(b"all") => true,
        Some(word) if word.eq_ignore_ascii_case(b"write") => false,
        Some(_) => return Err(Error::Text("ERR CLIENT PAUSE mode must be WRITE or ALL")),
    };
    let ms = parse_i64(timeout).ok_or(Error::Text("ERR timeout is not an integer or out of range"))?;
    let ms = u64::try_from(ms).map_err(|_| Error::Text("ERR timeout is negative"))?;
    if ms.checked_add(cx.tx.now()).is_none_or(|end| i64::try_from(end).is_err()) {
        return Err(Error::Text("ERR timeout is out of range"));
    }
    let now = cx.server.clock.mono_ns();
    if ms > 0 {
        cx.server.pause.begin(now, now.saturating_add(ms.saturating_mul(1_000_000)), all);
    }
    out.ok();
    Ok(())
}

pub(super) fn unpause(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    cx.server.pause.end();
    for client in cx.server.clients.all().iter().filter(|c| c.flags().contains(ClientFlags::BLOCKED)) {
        // Shards may be held: in a transaction.
        cx.tx.effects().calls.extend(client.call());
    }
    out.ok();
    Ok(())
}
