//! Commands on the server as a whole: TIME, LASTSAVE, SHUTDOWN, MONITOR, LOLWUT.

use super::*;
use crate::base::rng::Rng;
use crate::client::ClientFlags;
use crate::server::VERSION;
use std::sync::Arc;

pub(super) const TABLE: &[Row] = &[
    admin("lastsave", 1, "", lastsave)
        .flags(Flags::LOADING.union(Flags::STALE).union(Flags::FAST))
        .acl(Categories::ADMIN.union(Categories::DANGEROUS))
        .tips(&["nondeterministic_output"])
        .doc(Group::Server, "1.0.0", "O(1)", "Tells when the dataset was last saved, in Unix time."),
    admin("lolwut", -1, "[VERSION version]", lolwut).flags(Flags::READONLY.union(Flags::FAST)).doc(
        Group::Server,
        "5.0.0",
        "",
        "Draws a potsherd.",
    ),
    admin("monitor", 1, "", monitor)
        .flags(Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE))
        .doc(Group::Server, "1.0.0", "", "Streams every command that the server runs."),
    admin("shutdown", -1, "[[NOSAVE|SAVE] [NOW] [FORCE]|ABORT]", shutdown)
        .flags(
            Flags::ADMIN
                .union(Flags::NOSCRIPT)
                .union(Flags::LOADING)
                .union(Flags::STALE)
                .union(Flags::NO_MULTI)
                .union(Flags::ALLOW_BUSY),
        )
        .doc(Group::Server, "1.0.0", "O(N)", "Ends the server."),
    admin("time", 1, "", time)
        .flags(Flags::LOADING.union(Flags::STALE).union(Flags::FAST))
        .tips(&["nondeterministic_output"])
        .doc(Group::Server, "2.6.0", "O(1)", "Tells the time of the server."),
];

fn time(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let us = cx.tx.now_us();
    out.array(2);
    out.bulk_int((us / 1_000_000) as i64);
    out.bulk_int((us % 1_000_000) as i64);
    Ok(())
}

/// The time of the start: there was no save since.
fn lastsave(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.int((cx.server.started_ms / 1000) as i64);
    Ok(())
}

fn shutdown(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (mut save, mut nosave, mut now, mut force, mut abort) = (false, false, false, false, false);
    while !args.is_empty() {
        match args.one_of(&["SAVE", "NOSAVE", "NOW", "FORCE", "ABORT"]) {
            _ if args.failed() => break,
            0 => save = true,
            1 => nosave = true,
            2 => now = true,
            3 => force = true,
            _ => abort = true,
        }
    }
    args.end()?;
    if save && nosave || abort && (save || nosave || now || force) {
        return Err(Error::Syntax);
    }
    if abort {
        // A shutdown waits for nobody, so there is never one to take back.
        return Err(Error::Text("ERR No shutdown in progress."));
    }
    if !nosave && let Some(is) = cx.server.scripts.running.busy() {
        return Err(is.into());
    }
    if save && !force {
        tracing::warn!("SHUTDOWN SAVE refused: this release cannot save the dataset");
        return Err(Error::Text("ERR Errors trying to SHUTDOWN. Check logs."));
    }
    tracing::warn!("User requested shutdown...");
    cx.client.closing = true;
    cx.server.shutdown.ask();
    // The connection closes without a reply.
    let _ = out;
    Ok(())
}

fn monitor(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if cx.client.deny_blocking {
        return Err(Error::Text("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    if cx.client.monitor {
        // The second one has no reply at all, in Redis too.
        return Ok(());
    }
    cx.client.monitor = true;
    cx.client.shared.set_flag(ClientFlags::MONITOR, true);
    cx.server.monitors.add(&Arc::clone(&cx.client.shared));
    out.ok();
    Ok(())
}

/// Columns and rows of a potsherd, unless told.
const SHERD: (i64, i64) = (52, 15);
/// Most columns or rows.
const SHERD_MAX: i64 = 160;

fn lolwut(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let mut seed = 0;
    if args.take("VERSION") {
        seed = args.int();
    }
    let mut size = [SHERD.0, SHERD.1];
    for side in &mut size {
        if !args.is_empty() {
            *side = args.int().clamp(8, SHERD_MAX);
        }
    }
    if !args.is_empty() {
        // Further numbers choose another sherd.
        seed ^= args.int();
    }
    args.check()?;
    let _ = cx;
    let drawing = sherd(seed as u64, size[0] as usize, size[1] as usize);
    out.verbatim(b"txt", format!("{drawing}\nOstracon ver. {VERSION}\n").as_bytes());
    Ok(())
}

/// A potsherd with a broken rim and incised lines: the same for the same seed and size.
fn sherd(seed: u64, columns: usize, rows: usize) -> String {
    let mut rng = Rng::new(seed);
    let mut below = |n: usize| rng.below(n.max(1) as u64) as usize;
    // The left and right rims wander by at most two columns a row, about an ellipse.
    let half = columns as f64 / 2.0;
    let (mut left_jag, mut right_jag) = (0.0, 0.0);
    let mut text = String::new();
    let script = ["/", "\\", "|", "<", ">", "^", "o", "-", "=", "v", "+", "T", "Y", "K"];
    for row in 0..rows {
        let y = (row as f64 + 0.5) / rows as f64 * 2.0 - 1.0;
        let width = half * (1.0 - y * y * 0.75).max(0.0).sqrt();
        left_jag = (left_jag + below(3) as f64 - 1.0).clamp(-2.0, 2.0);
        right_jag = (right_jag + below(3) as f64 - 1.0).clamp(-2.0, 2.0);
        let left = (half - width + left_jag).clamp(0.0, half - 2.0) as usize;
        let right = (half + width + right_jag).clamp(half + 2.0, columns as f64) as usize;
        let inside = right - left - 2;
        let rim = row == 0 || row + 1 == rows;
        let written = !rim && row % 2 == 1 && inside > 6;
        let mut body = String::new();
        while body.chars().count() < inside {
            body += match (rim, written) {
                (true, _) => "~",
                (_, true) if below(4) > 0 => script[below(script.len())],
                _ if below(24) == 0 => ".",
                _ => " ",
            };
        }
        let (open, close) = if y < 0.0 { ("/", "\\") } else { ("\\", "/") };
        text += &format!("{}{open}{body}{close}\n", " ".repeat(left));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sherd_is_the_same_for_the_same_seed() {
        assert_eq!(sherd(3, 40, 9), sherd(3, 40, 9));
        assert_ne!(sherd(3, 40, 9), sherd(4, 40, 9));
        for (seed, columns, rows) in [(0, 8, 8), (1, 160, 160), (2, 160, 8), (9, 8, 160)] {
            let text = sherd(seed, columns, rows);
            assert_eq!(text.lines().count(), rows);
            assert!(text.lines().all(|l| l.chars().count() <= columns), "{text}");
        }
    }
}
