//! The connection: AUTH, HELLO, PING, ECHO, SELECT, RESET, QUIT, and the commands of MULTI that the pipeline carries out.
//!
//! Owns the handshake: who the client says it is and which protocol it speaks. CLIENT and its subcommands are in
//! [`super::client`].

use super::*;
use crate::base::num::parse_i64;
use crate::config::REDIS_VERSION;
use crate::resp::Proto;
use crate::spec::KeyFlags;

const HANDSHAKE: Flags = Flags::NOSCRIPT
    .union(Flags::LOADING)
    .union(Flags::STALE)
    .union(Flags::FAST)
    .union(Flags::NO_AUTH)
    .union(Flags::ALLOW_BUSY);
const ANYTIME: Flags = Flags::LOADING.union(Flags::STALE).union(Flags::FAST);
const TRANSACTION: Flags = Flags::NOSCRIPT.union(ANYTIME);
const WATCHED: &[KeySpec] = &[KeySpec::range(1, -1, 1, KeyFlags::RO)];

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
    admin("select", 2, "index", select).flags(ANYTIME).acl(Categories::CONNECTION).doc(
        Group::Connection,
        "1.0.0",
        "O(1)",
        "Selects the database of the connection.",
    ),
    control("quit", -1, "", Control::Quit).flags(HANDSHAKE).acl(Categories::CONNECTION).doc(
        Group::Connection,
        "1.0.0",
        "O(1)",
        "Closes the connection after the replies that wait.",
    ),
    control("reset", 1, "", Control::Reset).flags(HANDSHAKE).acl(Categories::CONNECTION).doc(
        Group::Connection,
        "6.2.0",
        "O(1)",
        "Puts the connection back into its first state.",
    ),
    control("multi", 1, "", Control::Multi)
        .flags(TRANSACTION.union(Flags::NO_MULTI).union(Flags::ALLOW_BUSY))
        .acl(Categories::TRANSACTION)
        .doc(Group::Transactions, "1.2.0", "O(1)", "Starts a transaction: the commands that follow are queued."),
    control("exec", 1, "", Control::Exec)
        .flags(Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE).union(Flags::SKIP_SLOWLOG))
        .acl(Categories::TRANSACTION)
        .doc(
            Group::Transactions,
            "1.2.0",
            "Depends on commands in the transaction",
            "Runs the queued commands as one, unless a watched key changed.",
        ),
    control("discard", 1, "", Control::Discard)
        .flags(TRANSACTION.union(Flags::ALLOW_BUSY))
        .acl(Categories::TRANSACTION)
        .doc(
            Group::Transactions,
            "2.0.0",
            "O(N), when N is the number of queued commands",
            "Drops the queued commands.",
        ),
    control("watch", -2, "key [key ...]", Control::Watch)
        .flags(TRANSACTION.union(Flags::NO_MULTI).union(Flags::ALLOW_BUSY))
        .keys(WATCHED)
        .acl(Categories::TRANSACTION)
        .doc(
            Group::Transactions,
            "2.2.0",
            "O(1) for every key",
            "Makes the next EXEC fail if one of these keys changes before it.",
        ),
    control("unwatch", 1, "", Control::Unwatch)
        .flags(TRANSACTION.union(Flags::ALLOW_BUSY))
        .acl(Categories::TRANSACTION)
        .doc(Group::Transactions, "2.2.0", "O(1)", "Forgets the watched keys."),
];

const WRONG_PASSWORD: Error = Error::Text("WRONGPASS invalid username-password pair or user is disabled.");
const NO_PASSWORD: Error = Error::Text(
    "ERR AUTH <password> called without any password configured for the default user. Are you sure your \
     configuration is correct?",
);
const HELLO_FIRST: Error = Error::Text(
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> \
     <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
);

/// Compares without telling by its time where the difference is.
fn same_secret(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |d, (x, y)| d | (x ^ y)) == 0
}

/// Checks user and password; there is one user, `default`.
fn authenticate(cx: &mut Cx<'_, '_>, user: &[u8], password: &[u8]) -> Result {
    let settings = cx.server.config.current();
    let required = settings.requirepass.as_bytes();
    if user != b"default" || !(required.is_empty() || same_secret(required, password)) {
        return Err(WRONG_PASSWORD);
    }
    cx.client.authenticated = true;
    Ok(())
}

fn auth(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let first = args.bytes();
    let second = args.next();
    args.end()?;
    match second {
        Some(password) => authenticate(cx, first, password)?,
        None if cx.server.config.current().requirepass.is_empty() => return Err(NO_PASSWORD),
        None => authenticate(cx, b"default", first)?,
    }
    out.ok();
    Ok(())
}

fn hello(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let proto = match args.next() {
        None => cx.client.proto,
        Some(version) => match parse_i64(version) {
            None => return Err(Error::Text("ERR Protocol version is not an integer or out of range")),
            Some(2) => Proto::Resp2,
            Some(3) => Proto::Resp3,
            Some(_) => return Err(Error::Text("NOPROTO unsupported protocol version")),
        },
    };
    let (mut credentials, mut name) = (None, None);
    while let Some(option) = args.next() {
        if option.eq_ignore_ascii_case(b"auth") && args.left() >= 2 {
            credentials = Some((args.bytes(), args.bytes()));
        } else if option.eq_ignore_ascii_case(b"setname") && args.left() >= 1 {
            name = Some(args.bytes());
        } else {
            let option = String::from_utf8_lossy(option);
            return Err(Error::Owned(format!("ERR Syntax error in HELLO option '{option}'")));
        }
    }
    if let Some((user, password)) = credentials {
        authenticate(cx, user, password)?;
    }
    if !cx.client.authenticated {
        return Err(HELLO_FIRST);
    }
    if let Some(name) = name {
        super::client::set_name(cx, name)?;
    }
    if cx.client.subscribed && !cx.client.deny_blocking {
        // What was published to it so far is in its old protocol.
        super::pubsub::deliver(cx.client, out);
    }
    cx.client.set_proto(proto);
    out.set_proto(proto);
    greet(cx, out);
    Ok(())
}

fn greet(cx: &Cx<'_, '_>, out: &mut Reply<'_>) {
    out.map(7);
    out.bulk(b"server");
    out.bulk(b"redis");
    out.bulk(b"version");
    out.bulk(REDIS_VERSION.as_bytes());
    out.bulk(b"proto");
    out.int(if cx.client.proto == Proto::Resp3 { 3 } else { 2 });
    out.bulk(b"id");
    out.int(cx.client.shared.id as i64);
    out.bulk(b"mode");
    out.bulk(b"standalone");
    out.bulk(b"role");
    out.bulk(b"master");
    out.bulk(b"modules");
    out.array(0);
}

fn ping(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    match args.next() {
        message if cx.client.only_listens() && args.is_empty() => {
            out.array(2);
            out.bulk(b"pong");
            out.bulk(message.unwrap_or_default());
        }
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
