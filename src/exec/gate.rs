//! The gates that a command passes before it runs, and what is said of a command that does not.
//!
//! Owns the order of the refusals, which is Redis's: unknown command, arity, authentication, MULTI's queue. A
//! connection that is authenticated, not in MULTI and wants its replies passes by all of this with one test
//! ([`Client::gated`]).

use super::{Worker, track};
use crate::client::{Client, ClientFlags, Multi, ReplyMode};
use crate::commands::{CommandId, Control, Row, Run, debug};
use crate::config::Settings;
use crate::resp::{ArgView, OutBuf, Reply};
use crate::server::Server;
use crate::spec::Flags;
use bytes::Bytes;

/// Bytes of an unknown command's name and of its arguments that the error shows.
const SHOWN_MAX: usize = 128;
/// First words of lines of an HTTP request that are no commands.
const HTTP_WORDS: [&[u8]; 2] = [b"POST", b"Host:"];

impl Worker {
    /// The slow way of a command: what is not plain reading or writing, or comes from a gated client.
    #[cold]
    #[allow(clippy::too_many_arguments)]
    pub(super) fn gated(
        &mut self,
        server: &Server,
        client: &mut Client,
        id: CommandId,
        row: &'static Row,
        args: ArgView<'_>,
        hash: u64,
        reply: &mut Reply<'_>,
    ) {
        if !client.authenticated && self.settings.requirepass.is_empty() {
            // The password was lifted while the client was waiting at the door.
            client.authenticated = true;
        }
        if let Some(error) = refusal(&self.settings, client, row, args) {
            if matches!(row.run, Run::Control(Control::Exec)) {
                self.abort_exec(server, client, id, &error, reply);
            } else {
                self.refuse(client, Some(id), &error, reply);
            }
            return;
        }
        if server.pause.any() && self.hold(server, client, row, args) {
            return;
        }
        match row.run {
            Run::Control(c) if client.multi.is_none() || c.immediate() => {
                self.control(server, client, id, row, c, args, reply);
            }
            _ if client.multi.is_some() => enqueue(client, id, args, reply),
            _ if client.tracking.is_some() => self.call::<true>(server, client, id, row, args, hash, reply),
            _ => self.call::<false>(server, client, id, row, args, hash, reply),
        }
        track::after(client, Some(row));
    }

    /// An EXEC that is refused gives its transaction up.
    fn abort_exec(&mut self, server: &Server, client: &mut Client, id: CommandId, error: &[u8], reply: &mut Reply<'_>) {
        client.multi = None;
        self.unwatch(server, client);
        client.publish_multi();
        let why = error.strip_prefix(b"ERR ").unwrap_or(error);
        let error = [b"EXECABORT Transaction discarded because of: ", why].concat();
        self.refuse(client, Some(id), &error, reply);
    }

    /// Answers with an error before the command ran; a transaction being queued is spoilt by it.
    pub(super) fn refuse(&mut self, client: &mut Client, id: Option<CommandId>, error: &[u8], reply: &mut Reply<'_>) {
        if let Some(id) = id {
            self.stats.commands[id as usize].rejected.add(1);
        }
        if let Some(multi) = &mut client.multi {
            multi.aborted = true;
        }
        reply.error_bytes(error);
        let code = error.split(|byte| *byte == b' ').next().unwrap_or(b"ERR");
        self.count_error(code);
    }

    /// Answers an unknown command. One that is the start of an HTTP request closes the connection without a word, lest
    /// a web page makes a browser send commands in the request's body.
    #[cold]
    pub(super) fn unknown(&mut self, client: &mut Client, args: ArgView<'_>, out: &mut OutBuf) {
        if HTTP_WORDS.iter().any(|word| args.get(0).is_some_and(|name| name.eq_ignore_ascii_case(word))) {
            let shared = &client.shared;
            tracing::warn!(
                "Client {} ({}) speaks HTTP: a browser that is misused? Connection closed",
                shared.id,
                shared.addr
            );
            client.closing = true;
            return;
        }
        let mark = out.mark();
        let text = unknown_text(args);
        self.refuse(client, None, &text, &mut Reply::new(out, client.proto));
        track::after(client, None);
        if client.reply != ReplyMode::On {
            self.hide_reply(client, out, mark);
        }
    }

    /// CLIENT REPLY OFF and SKIP: the reply was written and is taken back.
    #[cold]
    pub(super) fn hide_reply(&mut self, client: &mut Client, out: &mut OutBuf, mark: crate::resp::Mark) {
        match client.reply {
            ReplyMode::On => {}
            ReplyMode::Off => out.truncate(mark),
            ReplyMode::SkipNext => {
                out.truncate(mark);
                client.reply = ReplyMode::Skip;
            }
            ReplyMode::Skip => {
                out.truncate(mark);
                client.reply = ReplyMode::On;
            }
        }
    }
}

/// What an error shows of a client's argument: at most `room` bytes as they are, and, as in C, nothing after a NUL.
fn excerpt(arg: &[u8], room: usize) -> &[u8] {
    let arg = &arg[..arg.len().min(room)];
    arg.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn unknown_text(args: ArgView<'_>) -> Vec<u8> {
    let mut rest = Vec::new();
    for arg in args.iter().skip(1) {
        if rest.len() >= SHOWN_MAX {
            break;
        }
        rest = [&rest, &b"'"[..], excerpt(arg, SHOWN_MAX - rest.len()), b"' "].concat();
    }
    let name = excerpt(args.get(0).unwrap_or_default(), SHOWN_MAX);
    [b"ERR unknown command '", name, b"', with args beginning with: ", &rest].concat()
}

/// Why a command must not run now, if so.
fn refusal(settings: &Settings, client: &Client, row: &Row, args: ArgView<'_>) -> Option<Vec<u8>> {
    let spec = &row.spec;
    if matches!(row.run, Run::Container) && (args.len() > 1 || spec.arity_fits(args.len())) {
        let sub = args.get(1).unwrap_or_default();
        let help = format!("'. Try {} HELP.", spec.name.to_ascii_uppercase());
        return Some([b"ERR unknown subcommand '", excerpt(sub, SHOWN_MAX), help.as_bytes()].concat());
    }
    if !spec.arity_fits(args.len()) {
        return Some(format!("ERR wrong number of arguments for '{}' command", spec.name).into_bytes());
    }
    if spec.flags.contains(Flags::PROTECTED)
        && let Some(why) = debug::denied(settings, client)
    {
        return Some(why.into());
    }
    if !client.authenticated && !spec.flags.contains(Flags::NO_AUTH) {
        return Some("NOAUTH Authentication required.".into());
    }
    // MULTI and WATCH answer for themselves: their error does not spoil the transaction.
    let answers = matches!(row.run, Run::Control(Control::Multi | Control::Watch));
    if client.multi.is_some() && spec.flags.contains(Flags::NO_MULTI) && !answers {
        return Some("ERR Command not allowed inside a transaction".into());
    }
    if client.only_listens() && !LISTENERS.contains(&spec.name) {
        let why = "only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context";
        return Some(format!("ERR Can't execute '{}': {why}", spec.name).into_bytes());
    }
    // To Redis a monitor is a kind of replica, and says so. An EXEC needs no look at what it has queued: a monitor
    // cannot queue such commands, and cannot become one between MULTI and EXEC.
    if client.monitor && spec.flags.intersects(Flags::WRITE | Flags::READONLY | Flags::MAY_REPLICATE) {
        return Some("ERR Replica can't interact with the keyspace".into());
    }
    None
}

/// What a subscriber may run that speaks RESP2.
const LISTENERS: [&str; 9] =
    ["subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ssubscribe", "sunsubscribe", "ping", "quit", "reset"];

fn enqueue(client: &mut Client, id: CommandId, args: ArgView<'_>, reply: &mut Reply<'_>) {
    let multi: &mut Multi = client.multi.get_or_insert_default();
    let owned = args.to_owned();
    multi.bytes += owned.heap_bytes();
    multi.queue.push((id, owned));
    client.publish_multi();
    reply.simple("QUEUED");
}

/// What stands for a secret in the slow log and in MONITOR.
const REDACTED: &[u8] = b"(redacted)";
/// Parameters of CONFIG SET whose values are secrets.
const SECRET_PARAMETERS: &[&str] =
    &["requirepass", "masterauth", "masteruser", "tls-key-file-pass", "tls-client-key-file-pass"];
/// Bytes that may wait for a monitor where `client-output-buffer-limit` sets no limit: one that does not read must not
/// take all memory.
const MONITOR_BYTES_MAX: usize = 1 << 30;

/// The arguments as they may be shown: passwords are not.
pub(super) fn shown<'a>(row: &'static Row, args: ArgView<'a>) -> impl Iterator<Item = &'a [u8]> {
    let secret = may_hold_secrets(row.spec.name);
    args.iter()
        .enumerate()
        .map(move |(i, arg)| if secret && is_secret(row.spec.name, args, i) { REDACTED } else { arg })
}

fn may_hold_secrets(name: &str) -> bool {
    matches!(name, "auth" | "hello" | "config|set" | "acl|setuser" | "migrate")
}

fn is_secret(name: &str, args: ArgView<'_>, i: usize) -> bool {
    let word = |back: usize, word: &str| {
        i.checked_sub(back).and_then(|at| args.get(at)).is_some_and(|a| a.eq_ignore_ascii_case(word.as_bytes()))
    };
    match name {
        "auth" => i >= 1,
        "hello" => i >= 3 && (word(1, "AUTH") || i >= 4 && word(2, "AUTH")),
        "config|set" => i >= 3 && i % 2 == 1 && SECRET_PARAMETERS.iter().any(|p| word(1, p)),
        "acl|setuser" => i >= 2,
        "migrate" => i >= 6 && (word(1, "AUTH") || word(1, "AUTH2") || word(2, "AUTH2")),
        _ => false,
    }
}

/// Who runs a command that the clients in MONITOR mode see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The client itself.
    Client,
    /// A script that it has called.
    Lua,
}

/// A command as the clients in MONITOR mode see it, run on database `db`; none of it if they must not.
#[cold]
pub(super) fn monitor_line(
    server: &Server,
    client: &Client,
    (source, db): (Source, u32),
    row: &'static Row,
    args: ArgView<'_>,
) -> Option<Bytes> {
    // A script is shown though its flags say no: whoever runs it sees to it, so that its commands come after it.
    if row.spec.flags.intersects(Flags::ADMIN | Flags::SKIP_MONITOR) && !matches!(row.run, Run::Script(_)) {
        return None;
    }
    let us = server.clock.unix_us();
    let shared = &client.shared;
    let address = match source {
        Source::Lua => "lua".to_owned(),
        Source::Client if shared.flags().contains(ClientFlags::UNIX) => {
            format!("unix:{}", shared.addr.trim_end_matches(":0"))
        }
        Source::Client => shared.addr.clone(),
    };
    let mut line = format!("+{}.{:06} [{db} {address}]", us / 1_000_000, us % 1_000_000).into_bytes();
    for arg in shown(row, args) {
        line.push(b' ');
        quote(arg, &mut line);
    }
    line.extend_from_slice(b"\r\n");
    Some(line.into())
}

/// Writes a word in double quotes, with what is not printable escaped.
fn quote(word: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in word {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            7 => out.extend(b"\\a"),
            8 => out.extend(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => out.extend(format!("\\x{byte:02x}").bytes()),
        }
    }
    out.push(b'"');
}

/// Sends lines to the clients in MONITOR mode. Not while a shard is held: it wakes other threads.
#[cold]
pub(super) fn feed(server: &Server, settings: &Settings, lines: &mut Vec<Bytes>) {
    let hard = settings.client_output_buffer_limit.normal.hard;
    let limit = if hard == 0 { MONITOR_BYTES_MAX } else { usize::try_from(hard).unwrap_or(usize::MAX) };
    lines.drain(..).for_each(|line| server.monitors.feed(&line, limit));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting() {
        let mut out = Vec::new();
        quote(b"a \"b\"\x00\r\n\\\xff\x07\x08\t~", &mut out);
        assert_eq!(String::from_utf8_lossy(&out), r#""a \"b\"\x00\r\n\\\xff\a\b\t~""#);
    }
}
