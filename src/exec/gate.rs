//! The gates that a command passes before it runs, and what is said of a command that does not.
//!
//! Owns the order of the refusals, which is Redis's: unknown command, arity, authentication, MULTI's queue. A
//! connection that is authenticated, not in MULTI and wants its replies passes by all of this with one test
//! ([`Client::gated`]).

use super::Worker;
use crate::client::{Client, Multi, ReplyMode};
use crate::commands::{CommandId, Control, Row, Run};
use crate::config::Settings;
use crate::resp::{ArgView, OutBuf, Reply};
use crate::server::Server;
use crate::spec::Flags;

/// Bytes of an unknown command's name and of its arguments that the error shows.
const SHOWN_MAX: usize = 128;

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
        if let Some(error) = refusal(client, row, args) {
            self.refuse(client, Some(id), &error, reply);
            return;
        }
        match row.run {
            Run::Control(c) if client.multi.is_none() || c.immediate() => {
                self.control(server, client, id, row, c, args, reply);
            }
            _ if client.multi.is_some() => enqueue(client, id, args, reply),
            _ => self.call(server, client, id, row, args, hash, reply),
        }
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

    /// Answers an unknown command.
    #[cold]
    pub(super) fn unknown(&mut self, client: &mut Client, args: ArgView<'_>, out: &mut OutBuf) {
        let mark = out.mark();
        let text = unknown_text(args);
        self.refuse(client, None, &text, &mut Reply::new(out, client.proto));
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
fn shown(arg: &[u8], room: usize) -> &[u8] {
    let arg = &arg[..arg.len().min(room)];
    arg.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn unknown_text(args: ArgView<'_>) -> Vec<u8> {
    let mut rest = Vec::new();
    for arg in args.iter().skip(1) {
        if rest.len() >= SHOWN_MAX {
            break;
        }
        rest = [&rest, &b"'"[..], shown(arg, SHOWN_MAX - rest.len()), b"' "].concat();
    }
    let name = shown(args.get(0).unwrap_or_default(), SHOWN_MAX);
    [b"ERR unknown command '", name, b"', with args beginning with: ", &rest].concat()
}

/// Why a command must not run now, if so.
fn refusal(client: &Client, row: &Row, args: ArgView<'_>) -> Option<Vec<u8>> {
    let spec = &row.spec;
    if matches!(row.run, Run::Container) && (args.len() > 1 || spec.arity_fits(args.len())) {
        let sub = args.get(1).unwrap_or_default();
        let help = format!("'. Try {} HELP.", spec.name.to_ascii_uppercase());
        return Some([b"ERR unknown subcommand '", shown(sub, SHOWN_MAX), help.as_bytes()].concat());
    }
    if !spec.arity_fits(args.len()) {
        return Some(format!("ERR wrong number of arguments for '{}' command", spec.name).into_bytes());
    }
    if !client.authenticated && !spec.flags.contains(Flags::NO_AUTH) {
        return Some("NOAUTH Authentication required.".into());
    }
    // MULTI and WATCH answer for themselves: their error does not spoil the transaction.
    let answers = matches!(row.run, Run::Control(Control::Multi | Control::Watch));
    if client.multi.is_some() && spec.flags.contains(Flags::NO_MULTI) && !answers {
        return Some("ERR Command not allowed inside a transaction".into());
    }
    None
}

fn enqueue(client: &mut Client, id: CommandId, args: ArgView<'_>, reply: &mut Reply<'_>) {
    let multi: &mut Multi = client.multi.get_or_insert_default();
    let owned = args.to_owned();
    multi.bytes += owned.heap_bytes();
    multi.queue.push((id, owned));
    client.publish_multi();
    reply.simple("QUEUED");
}

/// Shows a command to the clients in MONITOR mode.
#[cold]
pub(super) fn monitor(_server: &Server, _settings: &Settings, _client: &Client, _row: &Row, _args: ArgView<'_>) {}
