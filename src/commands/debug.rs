//! DEBUG: for tests and for finding faults; only where `enable-debug-command` lets it.
//!
//! Owns the subcommands; the digests of the dataset and of values are in [`digest`], what a value
//! looks like in [`describe`].

mod describe;
mod digest;

use super::config::is_local;
use super::*;
use crate::config::{Access, Settings};
use crate::store::{Entry, Expiry, Key, NewStr, StrRef, idle_seconds, lfu_frequency};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

pub(super) const TABLE: &[Row] = &[admin("debug", -2, "", debug)
    .flags(Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE).union(Flags::PROTECTED))
    .locks(Locks::Walk)
    .doc(Group::Server, "1.0.0", "", "Tools for tests and for finding faults.")];

const DENIED: &str = "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run \
    it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.";

/// Why a client must not run this command, if so. The gate asks, so that it spoils a transaction that it is queued in; so does
/// the handler, because not every client passes the gate.
pub(crate) fn denied(settings: &Settings, client: &Client) -> Option<&'static str> {
    let allowed = match settings.enable_debug_command {
        Access::Yes => true,
        Access::Local => is_local(client),
        Access::No => false,
    };
    (!allowed).then_some(DENIED)
}

/// Name, arguments and summary of the subcommands, for HELP.
const HELP: &[(&str, &str, &str)] = &[
    ("change-repl-id", "", "Takes a new replication id."),
    ("digest", "", "Prints a digest of the dataset, the same for the same keys and values."),
    ("digest-value", "key [key ...]", "Prints digests of values."),
    ("error", "message", "Answers with this error."),
    ("help", "", "Lists these subcommands."),
    ("log", "message", "Writes a message to the log."),
    ("object", "key", "Tells how a value is stored."),
    ("populate", "count [prefix [size]]", "Makes keys prefix:0, prefix:1 and so on, unless they are there."),
    ("protocol", "type", "Answers with an example of a type of reply."),
    ("set-active-expire", "0|1", "Stops or starts the search for expired keys."),
    ("sleep", "seconds", "Keeps this worker busy for a while."),
    ("stringmatch-len", "len pattern", "Matches a pattern against a text of so many bytes."),
];

fn debug(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if let Some(why) = denied(args.settings(), cx.client) {
        return Err(Error::Text(why));
    }
    let sub = args.bytes();
    match (sub.to_ascii_lowercase().as_slice(), args.left()) {
        (b"help", 0) => help::write_lines("debug", HELP, out),
        (b"sleep", 1) => sleep(args, out),
        (b"object", 1) => return object(cx, args, out),
        (b"set-active-expire", 1) => {
            let on = args.bytes();
            cx.server.active_expire.store(!matches!(on, b"0"), Relaxed);
            out.ok();
        }
        (b"populate", 1..=3) => return populate(cx, args, out),
        (b"digest", 0) => out.simple(&digest::hex(&digest::of_dataset(cx))),
        (b"digest-value", _) => return digest::of_values(cx, args, out),
        (b"stringmatch-len", 2) => {
            let (len, pattern) = (args.int(), args.bytes());
            args.check()?;
            let len = usize::try_from(len).unwrap_or(0).min(STRINGMATCH_MAX);
            out.int(crate::base::glob::glob_match(pattern, &vec![b'a'; len], false).into());
        }
        (b"log", 1) => {
            tracing::warn!("DEBUG LOG: {}", String::from_utf8_lossy(args.bytes()));
            out.ok();
        }
        (b"change-repl-id", 0) => {
            tracing::info!("Changing replication IDs after receiving change-repl-id");
            cx.server.change_repl_id();
            out.ok();
        }
        (b"error", 1) => out.error_bytes(args.bytes()),
        (b"protocol", 1) => return protocol(args, out),
        _ => {
            let sub = String::from_utf8_lossy(&sub[..sub.len().min(128)]);
            let text = format!("ERR unknown subcommand or wrong number of arguments for '{sub}'. Try DEBUG HELP.");
            return Err(Error::Owned(text));
        }
    }
    Ok(())
}

/// The digest of a value at time `now`, by which tests tell whether two are equal.
#[cfg(test)]
pub(crate) fn value_digest(entry: &Entry, now: u64) -> [u8; 20] {
    digest::of_entry(entry, now)
}

/// Bytes that STRINGMATCH-LEN makes at most.
const STRINGMATCH_MAX: usize = 64 << 20;
/// Longest sleep.
const SLEEP_MAX: Duration = Duration::from_secs(3600);

/// What is no number is 0, as in Redis.
fn sleep(args: &mut Args<'_>, out: &mut Reply<'_>) {
    let seconds = crate::base::num::parse_f64(args.bytes()).unwrap_or(0.0);
    std::thread::sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default().min(SLEEP_MAX));
    out.ok();
}

fn object(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let (access, now) = (cx.tx.access_mode(), cx.tx.now());
    let describe = |entry: &Entry| describe::describe(entry, key, access, now, args.settings());
    let line = cx.tx.on_shard(key, |tx| tx.peek(key).map(describe))?;
    out.simple(&line.ok_or(Error::NoSuchKey)?);
    Ok(())
}

/// One key at a time: no shard is held for longer than a SET.
fn populate(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let range = || Error::Text("ERR value is out of range, must be positive");
    let count = u64::try_from(args.int_or(range())).map_err(|_| range())?;
    let prefix = args.next().unwrap_or(b"key");
    let size = if args.is_empty() { 0 } else { args.int_or(range()) };
    args.check()?;
    let size = u64::try_from(size).map_err(|_| range())?.min(args.settings().string_max()) as usize;
    let (mut name, mut value) = (Vec::new(), Vec::new());
    for i in 0..count {
        name.clear();
        name.extend_from_slice(prefix);
        name.extend_from_slice(format!(":{i}").as_bytes());
        value.clear();
        value.extend_from_slice(format!("value:{i}").as_bytes());
        if size > 0 {
            value.resize(size, 0);
        }
        let key = cx.tx.key(&name);
        cx.tx.on_shard(key, |tx| {
            if tx.peek(key).is_none() {
                tx.set(key, NewStr::Slice(&value), Expiry::Clear);
            }
        })?;
    }
    out.ok();
    Ok(())
}

#[expect(clippy::approx_constant, reason = "the example that Redis gives, not pi")]
fn protocol(args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let kind = args.bytes().to_ascii_lowercase();
    match kind.as_slice() {
        b"string" => out.bulk(b"Hello World"),
        b"integer" => out.int(12345),
        b"double" => out.double(3.141),
        b"null" => out.null(),
        b"array" => {
            out.array(3);
            (0..3).for_each(|i| out.int(i));
        }
        b"set" => {
            out.set(3);
            (0..3).for_each(|i| out.int(i));
        }
        b"map" => {
            out.map(3);
            for i in 0..3 {
                out.int(i);
                out.bool(i == 1);
            }
        }
        b"attrib" => {
            if out.attribute(1) {
                out.bulk(b"key-popularity");
                out.array(2);
                out.bulk(b"key:123");
                out.int(90);
            }
            out.bulk(b"Some real reply following the attribute");
        }
        b"push" if out.proto() == crate::resp::Proto::Resp2 => {
            return Err(Error::Text("ERR RESP2 is not supported by this command"));
        }
        b"push" => {
            out.push(2);
            out.bulk(b"server-cpu-usage");
            out.int(42);
            out.bulk(b"Some real reply following the push reply");
        }
        b"true" => out.bool(true),
        b"false" => out.bool(false),
        b"verbatim" => out.verbatim(b"txt", b"This is a verbatim\nstring"),
        b"bignum" => out.big_number("1234567999999999999999999999999999999"),
        _ => {
            return Err(Error::Text(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}
