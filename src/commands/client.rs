//! CLIENT: what a connection says of itself, and what an operator sees of and does to the others.
//!
//! Owns the line of CLIENT LIST and the filters of LIST and KILL. Other clients are seen through
//! [`crate::client::Shared`] only; a kill marks the client and wakes its worker, which closes the connection.

mod help;
mod pause;
mod tracking;

use super::*;
use crate::base::num::parse_i64;
use crate::client::{ClientFlags, ReplyMode, Shared, Unblock};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

const SELF: Flags = Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE);
const OPERATOR: Flags = SELF.union(Flags::ADMIN);
const fn sub(name: &'static str, arity: i16, syntax: &'static str, f: AdminFn, flags: Flags) -> Row {
    admin(name, arity, syntax, f).flags(flags).acl(Categories::CONNECTION)
}

const fn doc(row: Row, since: &'static str, complexity: &'static str, summary: &'static str) -> Row {
    row.doc(Group::Connection, since, complexity, summary)
}

pub(super) const TABLE: &[Row] = &[container("client", -2, SUBS).doc(
    Group::Connection,
    "2.4.0",
    "Depends on subcommand.",
    "A container for commands on connections.",
)];

const SUBS: &[Row] = &[
    doc(
        sub("client|caching", 3, "<YES|NO>", tracking::caching, SELF),
        "6.0.0",
        "O(1)",
        "Says whether the keys of the next command are tracked.",
    ),
    doc(
        sub("client|getredir", 2, "", tracking::getredir, SELF),
        "6.0.0",
        "O(1)",
        "Returns the number of the connection that invalidations are redirected to.",
    ),
    doc(
        sub(
            "client|tracking",
            -3,
            "<ON|OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
            tracking::tracking,
            SELF,
        ),
        "6.0.0",
        "O(1). Some options may introduce additional complexity.",
        "Switches invalidations of what the connection caches on or off.",
    ),
    doc(
        sub("client|trackinginfo", 2, "", tracking::trackinginfo, SELF),
        "6.2.0",
        "O(1)",
        "Says how the connection tracks what it caches.",
    ),
    doc(sub("client|getname", 2, "", getname, SELF), "2.6.9", "O(1)", "Returns the name of the connection."),
    doc(
        sub("client|help", 2, "", help::help, Flags::LOADING.union(Flags::STALE)),
        "5.0.0",
        "O(1)",
        "Lists the subcommands.",
    ),
    doc(sub("client|id", 2, "", id, SELF), "5.0.0", "O(1)", "Returns the number of the connection."),
    doc(sub("client|info", 2, "", info, SELF), "6.2.0", "O(1)", "Describes the connection.")
        .tips(&["nondeterministic_output"]),
    doc(
        sub(
            "client|kill",
            -3,
            "<ip:port|<[ID client-id]|[TYPE normal|master|primary|slave|replica|pubsub]|[USER username]|[ADDR \
             ip:port]|[LADDR ip:port]|[SKIPME YES|NO]|[MAXAGE maxage]> [<[ID client-id]|[TYPE \
             normal|master|primary|slave|replica|pubsub]|[USER username]|[ADDR ip:port]|[LADDR ip:port]|[SKIPME \
             YES|NO]|[MAXAGE maxage]> ...]>",
            kill,
            OPERATOR,
        ),
        "2.4.0",
        "O(N) where N is the number of client connections",
        "Closes connections.",
    ),
    doc(
        sub("client|list", -2, "[TYPE normal|master|replica|pubsub] [ID client-id [client-id ...]]", list, OPERATOR),
        "2.4.0",
        "O(N) where N is the number of client connections",
        "Describes the connections.",
    )
    .tips(&["nondeterministic_output"]),
    doc(
        sub("client|no-evict", 3, "<ON|OFF>", no_evict, OPERATOR),
        "7.0.0",
        "O(1)",
        "Protects the connection from eviction.",
    ),
    doc(
        sub("client|no-touch", 3, "<ON|OFF>", no_touch, SELF),
        "7.2.0",
        "O(1)",
        "Keeps the connection's reads from counting as uses of the keys.",
    ),
    doc(
        sub("client|pause", -3, "timeout [WRITE|ALL]", pause::pause, OPERATOR),
        "3.0.0",
        "O(1)",
        "Holds back the commands of all connections for a time.",
    ),
    doc(sub("client|reply", 3, "<ON|OFF|SKIP>", reply, SELF), "3.2.0", "O(1)", "Says whether replies are sent."),
    doc(
        sub("client|setinfo", 4, "<lib-name libname|lib-ver libver>", setinfo, SELF),
        "7.2.0",
        "O(1)",
        "Names the client library of the connection.",
    )
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
    doc(sub("client|setname", 3, "connection-name", setname, SELF), "2.6.9", "O(1)", "Names the connection.")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
    doc(
        sub("client|unblock", -3, "client-id [TIMEOUT|ERROR]", unblock, OPERATOR),
        "5.0.0",
        "O(N) where N is the number of client connections",
        "Ends the wait of a connection in a blocking command.",
    ),
    doc(
        sub("client|unpause", 2, "", pause::unpause, OPERATOR),
        "6.2.0",
        "O(N) Where N is the number of paused clients",
        "Ends a pause of connections.",
    ),
];

fn id(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.int(cx.client.shared.id as i64);
    Ok(())
}

fn getname(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let names = cx.client.shared.names.lock();
    if names.name.is_empty() {
        out.null()
    } else {
        out.bulk(names.name.as_bytes())
    }
    Ok(())
}

/// Printable, no blank: what names may be made of.
fn plain(b: &[u8]) -> bool {
    b.iter().all(|c| (b'!'..=b'~').contains(c))
}

/// Sets the name; also for HELLO SETNAME.
pub(super) fn set_name(cx: &mut Cx<'_, '_>, name: &[u8]) -> Result {
    if !plain(name) {
        return Err(Error::Text("ERR Client names cannot contain spaces, newlines or special characters."));
    }
    cx.client.shared.names.lock().name = String::from_utf8_lossy(name).into_owned();
    Ok(())
}

fn setname(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    set_name(cx, args.bytes())?;
    out.ok();
    Ok(())
}

fn setinfo(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (option, value) = (args.bytes(), args.bytes());
    let which = ["lib-name", "lib-ver"].into_iter().find(|o| option.eq_ignore_ascii_case(o.as_bytes()));
    let Some(which) = which else {
        return Err(Error::Owned(format!("ERR Unrecognized option '{}'", String::from_utf8_lossy(option))));
    };
    if !plain(value) {
        return Err(Error::Owned(format!("ERR {which} cannot contain spaces, newlines or special characters.")));
    }
    let value = String::from_utf8_lossy(value).into_owned();
    let mut names = cx.client.shared.names.lock();
    if which == "lib-name" {
        names.lib_name = value
    } else {
        names.lib_ver = value
    }
    out.ok();
    Ok(())
}

fn on_off(args: &mut Args<'_>) -> Result<bool> {
    let on = args.one_of(&["on", "off"]) == 0;
    args.end()?;
    Ok(on)
}

fn no_evict(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let on = on_off(args)?;
    cx.client.shared.set_flag(ClientFlags::NO_EVICT, on);
    out.ok();
    Ok(())
}

fn no_touch(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let on = on_off(args)?;
    cx.client.no_touch = on;
    cx.client.shared.set_flag(ClientFlags::NO_TOUCH, on);
    out.ok();
    Ok(())
}

fn reply(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let mode = args.one_of(&["on", "off", "skip"]);
    args.end()?;
    match mode {
        0 => {
            cx.client.reply = ReplyMode::On;
            out.ok();
        }
        1 => cx.client.reply = ReplyMode::Off,
        _ if cx.client.reply == ReplyMode::Off => {}
        _ => cx.client.reply = ReplyMode::SkipNext,
    }
    Ok(())
}

fn info(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let line = describe(cx.server, &cx.client.shared, cx.tx.now());
    out.verbatim(b"txt", line.as_bytes());
    Ok(())
}

/// Type of a client, as LIST and KILL filter by it. There are no replicas yet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Normal,
    PubSub,
    Replication,
}

impl Type {
    fn of(c: &Shared) -> Self {
        if c.flags().contains(ClientFlags::PUBSUB) { Self::PubSub } else { Self::Normal }
    }
}

fn type_filter(word: &[u8]) -> Result<Type> {
    match word.to_ascii_lowercase().as_slice() {
        b"normal" => Ok(Type::Normal),
        b"pubsub" => Ok(Type::PubSub),
        b"master" | b"primary" | b"slave" | b"replica" => Ok(Type::Replication),
        _ => Err(Error::Owned(format!("ERR Unknown client type '{}'", String::from_utf8_lossy(word)))),
    }
}

fn list(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let mut clients = cx.server.clients.all();
    if args.take("type") && args.left() == 1 {
        let kind = type_filter(args.bytes())?;
        clients.retain(|c| Type::of(c) == kind);
    } else if args.take("id") && !args.is_empty() {
        let mut ids = Vec::new();
        while let Some(id) = args.next() {
            match parse_i64(id).and_then(|n| u64::try_from(n).ok()) {
                Some(id) => ids.push(id),
                None => return Err(Error::Text("ERR Invalid client ID")),
            }
        }
        clients = ids.iter().filter_map(|id| cx.server.clients.get(*id)).collect();
    } else if args.len() != 2 {
        return Err(Error::Syntax);
    }
    let now = cx.tx.now();
    let text: String = clients.iter().map(|c| describe(cx.server, c, now)).collect();
    out.verbatim(b"txt", text.as_bytes());
    Ok(())
}

/// The letters of CLIENT LIST's `flags`.
fn letters(flags: ClientFlags) -> String {
    const LETTERS: &[(ClientFlags, char)] = &[
        (ClientFlags::MONITOR, 'O'),
        (ClientFlags::PUBSUB, 'P'),
        (ClientFlags::MULTI, 'x'),
        (ClientFlags::BLOCKED, 'b'),
        (ClientFlags::DIRTY, 'd'),
        (ClientFlags::TRACKING, 't'),
        (ClientFlags::BROKEN_REDIRECT, 'R'),
        (ClientFlags::BCAST, 'B'),
        (ClientFlags::CLOSING, 'c'),
        (ClientFlags::UNIX, 'U'),
        (ClientFlags::NO_EVICT, 'e'),
        (ClientFlags::NO_TOUCH, 'T'),
    ];
    let s: String = LETTERS.iter().filter(|(f, _)| flags.contains(*f)).map(|(_, c)| *c).collect();
    if s.is_empty() { "N".into() } else { s }
}

/// The client that a client's invalidations go to; 0: itself, -1: it does not track.
fn redirection(server: &Server, c: &Shared) -> i64 {
    let tracks = c.flags().contains(ClientFlags::TRACKING);
    tracks.then(|| server.tracking.redirect_of(c.id)).flatten().map_or(-1, |id| id as i64)
}

/// One line of CLIENT LIST, with its line feed.
fn describe(server: &Server, c: &Shared, now: u64) -> String {
    let names = c.names.lock().clone();
    let multi = i64::from(c.multi.load(Relaxed)) - 1;
    let command = c.command.load(Relaxed);
    let command =
        if (command as usize) < server.commands.len() { server.commands.row(command).spec.name } else { "NULL" };
    let (query, capacity) = (c.query.load(Relaxed), c.query_capacity.load(Relaxed));
    let output = c.output.load(Relaxed) + c.mail_bytes();
    let subscribed = c.subscriptions.each_ref().map(|n| n.load(Relaxed));
    let mut s = String::with_capacity(320);
    // Writing to a String cannot fail.
    let _ = write!(
        s,
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={multi} ",
        c.id,
        c.addr,
        c.laddr,
        c.fd,
        names.name,
        now.saturating_sub(c.created_ms) / 1000,
        now.saturating_sub(c.active_ms.load(Relaxed)) / 1000,
        letters(c.flags()),
        c.db.load(Relaxed),
        subscribed[0],
        subscribed[1],
        subscribed[2],
    );
    let _ = write!(
        s,
        "qbuf={query} qbuf-free={} argv-mem=0 multi-mem={} rbs=0 rbp=0 obl=0 oll={} omem={output} tot-mem={} ",
        capacity.saturating_sub(query),
        c.multi_bytes.load(Relaxed),
        usize::from(output > 0),
        c.memory(),
    );
    let _ = writeln!(
        s,
        "events={} cmd={command} user={} redir={} resp={} lib-name={} lib-ver={}",
        if output > 0 { "rw" } else { "r" },
        names.user,
        redirection(server, c),
        c.proto.load(Relaxed),
        names.lib_name,
        names.lib_ver,
    );
    s
}

/// What CLIENT KILL is to close.
#[derive(Default)]
struct Filter<'a> {
    id: Option<u64>,
    kind: Option<Type>,
    user: Option<&'a [u8]>,
    addr: Option<&'a [u8]>,
    laddr: Option<&'a [u8]>,
    max_age: Option<u64>,
    with_me: bool,
}

impl Filter<'_> {
    fn fits(&self, c: &Shared, now: u64) -> bool {
        self.id.is_none_or(|id| id == c.id)
            && self.kind.is_none_or(|kind| kind == Type::of(c))
            && self.user.is_none_or(|u| u == c.names.lock().user.as_bytes())
            && self.addr.is_none_or(|a| a == c.addr.as_bytes())
            && self.laddr.is_none_or(|a| a == c.laddr.as_bytes())
            && self.max_age.is_none_or(|age| now.saturating_sub(c.created_ms) / 1000 >= age)
    }
}

fn positive(args: &mut Args<'_>, error: &'static str) -> Result<u64> {
    let n = args.int_or(Error::Text(error));
    args.check()?;
    u64::try_from(n).ok().filter(|n| *n > 0).ok_or(Error::Text(error))
}

fn filter<'a>(args: &mut Args<'a>) -> Result<Filter<'a>> {
    let mut f = Filter::default();
    while let Some(option) = args.next() {
        if args.is_empty() {
            return Err(Error::Syntax);
        }
        match option.to_ascii_lowercase().as_slice() {
            b"id" => f.id = Some(positive(args, "ERR client-id should be greater than 0")?),
            b"type" => f.kind = Some(type_filter(args.bytes())?),
            b"user" => {
                let user = args.bytes();
                if user != b"default" {
                    let user = String::from_utf8_lossy(user);
                    return Err(Error::Owned(format!("ERR No such user '{user}'")));
                }
                f.user = Some(user);
            }
            b"addr" => f.addr = Some(args.bytes()),
            b"laddr" => f.laddr = Some(args.bytes()),
            b"maxage" => f.max_age = Some(positive(args, "ERR maxage is not an integer or out of range")?),
            b"skipme" => f.with_me = args.one_of(&["yes", "no"]) == 1,
            _ => return Err(Error::Syntax),
        }
        args.check()?;
    }
    Ok(f)
}

fn kill(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let me = cx.client.shared.id;
    let now = cx.tx.now();
    let old_form = args.left() == 1;
    let filter =
        if old_form { Filter { addr: args.next(), with_me: true, ..Filter::default() } } else { filter(args)? };
    let mut all: Vec<Arc<Shared>> = cx.server.clients.all();
    all.retain(|c| filter.fits(c, now) && (filter.with_me || c.id != me));
    for c in &all {
        if c.id == me { cx.client.closing = true } else { c.close() }
    }
    match (old_form, all.len()) {
        (true, 0) => return Err(Error::Text("ERR No such client")),
        (true, _) => out.ok(),
        (false, n) => out.int(n as i64),
    }
    Ok(())
}

fn unblock(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let id = args.int();
    let how = match args.next() {
        None => Unblock::Timeout,
        Some(word) if word.eq_ignore_ascii_case(b"timeout") => Unblock::Timeout,
        Some(word) if word.eq_ignore_ascii_case(b"error") => Unblock::Error,
        Some(_) => return Err(Error::Text("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
    };
    args.end()?;
    let client = cx.server.clients.all().into_iter().find(|c| i64::try_from(c.id) == Ok(id));
    out.int(i64::from(client.is_some_and(|c| c.unblock(how))));
    Ok(())
}
