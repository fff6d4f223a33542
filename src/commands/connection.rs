//! The connection: AUTH, HELLO, PING, ECHO, SELECT, RESET, QUIT, and the commands of MULTI that the pipeline carries out.
//!
//! Owns the handshake: who the client says it is and which protocol it speaks. CLIENT and its subcommands are in
//! [`super::client`].

use super::*;
use crate::spec::KeyFlags;
pub(super) const TABLE: &[Row] = &[
    admin("auth", -2, "[username] password", auth).flags(HANDSHAKE).acl(Categories::CONNECTION).doc(
        Group::Connection,
        "1.0.0",
        "O(N) where N is the number of passwords defined for the user",
        "Authenticates the connection.",
    ),
    admin("hello", -1, "[protover [AUTH username password] [SETNAME clientname]]", hello)
        .flags(HANDSHAKE)
        .acl(Categories::CONNECTION)
        .doc(Group::Connection, "6.0.0", "O(1)", "Greets the server and chooses the protocol version."),
    admin("ping", -1, "[message]", ping)
        .flags(Flags::FAST)
        .acl(Categories::CONNECTION)
        .doc(Group::Connection, "1.0.0", "O(1)", "Answers PONG, or the message.")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    admin("echo", 2, "message", echo).flags(ANYTIME).acl(Categories::CONNECTION).doc(
        Group::Connection,
        "1.0.0",
        "O(1)",
        "Answers the message.",
    ),
    admin("select", 2, "index", select)
        .flags(Flags::LOADING.union(Flags::STALE).union(Flags::FAST))
        .acl(Categories::CONNECTION)
        .doc(Group::Connection, "1.0.0", "O(1)", "Selects the database of this connection."),
    transaction("discard", 1, "", Control::Discard, "O(N)", "Gives up the queued commands and the watched keys.")
        .flags(Flags::FAST.union(Flags::ALLOW_BUSY)),
    transaction("exec", 1, "", Control::Exec, "", "Runs the queued commands, unless a watched key has changed.")
        .flags(Flags::SKIP_SLOWLOG),
    transaction("multi", 1, "", Control::Multi, "O(1)", "Queues the commands that follow, for EXEC.")
        .flags(Flags::FAST.union(Flags::NO_MULTI).union(Flags::ALLOW_BUSY)),
    transaction("unwatch", 1, "", Control::Unwatch, "O(1)", "Forgets the watched keys.")
        .flags(Flags::FAST.union(Flags::ALLOW_BUSY)),
    transaction(
        "watch",
        -2,
        "key [key ...]",
        Control::Watch,
        "O(1)",
        "Has EXEC do nothing if one of these keys changes.",
    )
    .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO)])
    .flags(Flags::FAST.union(Flags::NO_MULTI).union(Flags::ALLOW_BUSY)),
    control("reset", 1, "", Control::Reset).flags(UNCONDITIONAL).acl(Categories::CONNECTION).doc(
        Group::Connection,
        "6.2.0",
        "O(1)",
        "Puts the connection back to the state of a new one.",
    ),
    control("quit", -1, "", Control::Quit).flags(UNCONDITIONAL).acl(Categories::CONNECTION).doc(
        Group::Connection,
        "1.0.0",
        "O(1)",
        "Closes the connection.",
    ),
];

/// Flags of RESET and QUIT, which always run.
const UNCONDITIONAL: Flags = Flags::ALLOW_BUSY
    .union(Flags::NOSCRIPT)
    .union(Flags::LOADING)
    .union(Flags::STALE)
    .union(Flags::FAST)
    .union(Flags::NO_AUTH);

const fn transaction(
    name: &'static str,
    arity: i16,
    syntax: &'static str,
    c: Control,
    complexity: &'static str,
    summary: &'static str,
) -> Row {
    let since = match c {
        Control::Discard => "2.0.0",
        Control::Watch | Control::Unwatch => "2.2.0",
        _ => "1.2.0",
    };
    control(name, arity, syntax, c)
        .flags(Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE))
        .acl(Categories::TRANSACTION)
        .doc(Group::Transactions, since, complexity, summary)
}

fn ping(_cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    match args.next() {
        None => out.simple("PONG"),
        Some(message) if args.is_empty() => out.bulk(message),
        Some(_) => return Err(Error::Text("ERR wrong number of arguments for 'ping' command")),
    }
    Ok(())
}

fn echo(_: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    match args.view().is_big(1) {
        true => out.shared(args.view().bytes(1)),
        false => out.bulk(args.bytes()),
    }
    Ok(())
}

fn select(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let db = args.db();
    args.end()?;
    cx.client.select(db);
    out.ok();
    Ok(())
}
