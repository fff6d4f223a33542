//! Pub/sub: SUBSCRIBE and its kin, PUBLISH, SPUBLISH, PUBSUB.
//!
//! Owns the replies. Who has subscribed to what is entered twice: in the registry ([`crate::pubsub`]), for publishers, and
//! in the client's own lists, for UNSUBSCRIBE without names and for the end of the connection.
//!
//! A subscription is confirmed by a message rather than by a reply: one for each name, in RESP3 a push, and CLIENT REPLY
//! OFF does not hide it.

use super::*;
use crate::client::{ClientFlags, ReplyMode, Subscriptions};
use crate::pubsub::Space;
use crate::resp::OutBuf;
use crate::server::Seat;
use crate::spec::KeyFlags;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

const ANYTIME: Flags = Flags::PUBSUB.union(Flags::LOADING).union(Flags::STALE);
const LISTEN: Flags = ANYTIME.union(Flags::NOSCRIPT);
const SEND: Flags = ANYTIME.union(Flags::FAST).union(Flags::MAY_REPLICATE);
const ONE: &[KeySpec] = &[KeySpec::one(1, KeyFlags::NOT_KEY)];
const ALL: &[KeySpec] = &[KeySpec::range(1, -1, 1, KeyFlags::NOT_KEY)];

const fn doc(row: Row, since: &'static str, complexity: &'static str, summary: &'static str) -> Row {
    row.doc(Group::PubSub, since, complexity, summary)
}

pub(super) const TABLE: &[Row] = &[
    doc(
        admin("psubscribe", -2, "pattern [pattern ...]", psubscribe).flags(LISTEN),
        "2.0.0",
        "O(N) where N is the number of patterns to subscribe to.",
        "Listens to the channels that fit patterns.",
    ),
    doc(
        admin("publish", 3, "channel message", publish).flags(SEND),
        "2.0.0",
        "O(N+M) where N is the number of clients subscribed to the receiving channel and M is the total number of \
         subscribed patterns (by any client).",
        "Sends a message to a channel.",
    ),
    doc(container("pubsub", -2, SUBS), "2.8.0", "Depends on subcommand.", "A container for commands on channels."),
    doc(
        admin("punsubscribe", -1, "[pattern [pattern ...]]", punsubscribe).flags(LISTEN),
        "2.0.0",
        "O(N) where N is the number of patterns to unsubscribe.",
        "Stops listening to patterns.",
    ),
    doc(
        admin("spublish", 3, "shardchannel message", spublish).flags(SEND).keys(ONE),
        "7.0.0",
        "O(N) where N is the number of clients subscribed to the receiving shard channel.",
        "Sends a message to a shard channel.",
    ),
    doc(
        admin("ssubscribe", -2, "shardchannel [shardchannel ...]", ssubscribe).flags(LISTEN).keys(ALL),
        "7.0.0",
        "O(N) where N is the number of shard channels to subscribe to.",
        "Listens to shard channels.",
    ),
    doc(
        admin("subscribe", -2, "channel [channel ...]", subscribe).flags(LISTEN),
        "2.0.0",
        "O(N) where N is the number of channels to subscribe to.",
        "Listens to channels.",
    ),
    doc(
        admin("sunsubscribe", -1, "[shardchannel [shardchannel ...]]", sunsubscribe).flags(LISTEN).keys(ALL),
        "7.0.0",
        "O(N) where N is the number of shard channels to unsubscribe.",
        "Stops listening to shard channels.",
    ),
    doc(
        admin("unsubscribe", -1, "[channel [channel ...]]", unsubscribe).flags(LISTEN),
        "2.0.0",
        "O(N) where N is the number of channels to unsubscribe.",
        "Stops listening to channels.",
    ),
];

const SUBS: &[Row] = &[
    doc(
        admin("pubsub|channels", -2, "[pattern]", channels).flags(ANYTIME),
        "2.8.0",
        "O(N) where N is the number of active channels, and assuming constant time pattern matching (relatively short \
         channels and patterns)",
        "Returns the channels that have subscribers.",
    ),
    doc(
        admin("pubsub|help", 2, "", help).flags(Flags::LOADING.union(Flags::STALE)),
        "6.2.0",
        "O(1)",
        "Lists the subcommands.",
    ),
    doc(
        admin("pubsub|numpat", 2, "", numpat).flags(ANYTIME),
        "2.8.0",
        "O(1)",
        "Returns how many different patterns have subscribers.",
    ),
    doc(
        admin("pubsub|numsub", -2, "[channel [channel ...]]", numsub).flags(ANYTIME),
        "2.8.0",
        "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
        "Returns how many subscribers channels have.",
    ),
    doc(
        admin("pubsub|shardchannels", -2, "[pattern]", shardchannels).flags(ANYTIME),
        "7.0.0",
        "O(N) where N is the number of active shard channels, and assuming constant time pattern matching (relatively \
         short shard channels).",
        "Returns the shard channels that have subscribers.",
    ),
    doc(
        admin("pubsub|shardnumsub", -2, "[shardchannel [shardchannel ...]]", shardnumsub).flags(ANYTIME),
        "7.0.0",
        "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels",
        "Returns how many subscribers shard channels have.",
    ),
];

fn subscribe(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    enter(cx, Space::Channel, args, out)
}

fn psubscribe(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    enter(cx, Space::Pattern, args, out)
}

fn ssubscribe(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    enter(cx, Space::Shard, args, out)
}

fn unsubscribe(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    leave(cx, Space::Channel, args, out)
}

fn punsubscribe(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    leave(cx, Space::Pattern, args, out)
}

fn sunsubscribe(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    leave(cx, Space::Shard, args, out)
}

/// What a confirmation is called.
fn verb(space: Space, enters: bool) -> &'static [u8] {
    match (space, enters) {
        (Space::Channel, true) => b"subscribe",
        (Space::Channel, false) => b"unsubscribe",
        (Space::Pattern, true) => b"psubscribe",
        (Space::Pattern, false) => b"punsubscribe",
        (Space::Shard, true) => b"ssubscribe",
        (Space::Shard, false) => b"sunsubscribe",
    }
}

/// What one subscription takes of a client's memory.
fn name_bytes(name: &Bytes) -> usize {
    size_of::<Bytes>() + name.len()
}

/// Subscribes to each name that is left in `args`.
fn enter(cx: &mut Cx<'_, '_>, space: Space, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    while let Some(name) = args.next() {
        let client = &mut *cx.client;
        let names = client.subscriptions.get_or_insert_default().of(space);
        if !names.contains(name) {
            let name = Bytes::copy_from_slice(name);
            names.insert(name.clone());
            client.shared.subscription_bytes.fetch_add(name_bytes(&name), Relaxed);
            cx.server.pubsub.registry.of(space).add(&name, Seat(Arc::clone(&client.shared)));
        }
        note(cx);
        confirm(cx, space, true, Some(name), out);
    }
    Ok(())
}

/// Ends the subscriptions to the names in `args`, or, without any, all of one space.
fn leave(cx: &mut Cx<'_, '_>, space: Space, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let own = |cx: &mut Cx<'_, '_>| cx.client.subscriptions.as_mut().map(|s| s.of(space).iter().cloned().collect());
    let mut names: Vec<Bytes> = Vec::new();
    let all = args.is_empty();
    if all {
        names = own(cx).unwrap_or_default();
    }
    while let Some(name) = args.next() {
        names.push(Bytes::copy_from_slice(name));
    }
    for name in &names {
        let client = &mut *cx.client;
        if client.subscriptions.as_mut().is_some_and(|s| s.of(space).remove(name)) {
            client.shared.subscription_bytes.fetch_sub(name_bytes(name), Relaxed);
            cx.server.pubsub.registry.of(space).remove(name, &Seat(Arc::clone(&client.shared)));
            // What was published before comes before the confirmation.
            if client.reply == ReplyMode::On && !client.deny_blocking {
                deliver(client, out);
            }
        }
        note(cx);
        confirm(cx, space, false, Some(name), out);
    }
    if names.is_empty() {
        confirm(cx, space, false, None, out);
    }
    Ok(())
}

/// Brings what others see of a client's subscriptions up to date.
fn note(cx: &mut Cx<'_, '_>) {
    let client = &mut *cx.client;
    let Some(subscriptions) = &client.subscriptions else { return };
    for space in [Space::Channel, Space::Pattern, Space::Shard] {
        client.shared.subscriptions[space as usize].store(subscriptions.len(space) as u32, Relaxed);
    }
    set_subscribed(cx.server, client);
}

/// Says to everybody whether the client has subscriptions.
fn set_subscribed(server: &Server, client: &mut Client) {
    let any = client.subscriptions.as_ref().is_some_and(|s| !s.is_empty());
    if !any {
        client.subscriptions = None;
        client.shared.subscriptions.iter().for_each(|n| n.store(0, Relaxed));
        client.shared.subscription_bytes.store(0, Relaxed);
    }
    if any == client.shared.flags().contains(ClientFlags::PUBSUB) {
        return;
    }
    client.subscribed = any;
    client.shared.set_flag(ClientFlags::PUBSUB, any);
    if any {
        server.pubsub.clients.fetch_add(1, Relaxed);
    } else {
        server.pubsub.clients.fetch_sub(1, Relaxed);
    }
}

/// Ends all subscriptions without a word (RESET, the end of a connection).
pub(crate) fn forget_all(server: &Server, client: &mut Client) {
    let Some(mut subscriptions) = client.subscriptions.take() else { return };
    let seat = Seat(Arc::clone(&client.shared));
    for space in [Space::Channel, Space::Pattern, Space::Shard] {
        let names: &Subscriptions = &subscriptions;
        if names.len(space) > 0 {
            subscriptions.of(space).iter().for_each(|name| server.pubsub.registry.of(space).remove(name, &seat));
        }
    }
    set_subscribed(server, client);
}

/// Writes the messages that wait for this very client.
pub(crate) fn deliver(client: &Client, out: &mut Reply<'_>) {
    if client.shared.has_mail() {
        out.mail(|buffer| client.shared.take_mail(buffer));
    }
}

/// Confirms a change. Shard channels are counted apart from channels and patterns.
fn confirm(cx: &mut Cx<'_, '_>, space: Space, enters: bool, name: Option<&[u8]>, out: &mut Reply<'_>) {
    let count = |space: Space| cx.client.subscriptions.as_ref().map_or(0, |s| s.len(space));
    let n = if space == Space::Shard { count(space) } else { count(Space::Channel) + count(Space::Pattern) };
    let write = |out: &mut Reply<'_>| {
        out.push(3);
        out.bulk(verb(space, enters));
        out.bulk_or_null(name);
        out.int(n as i64);
    };
    if cx.client.reply == ReplyMode::On {
        write(out);
        return;
    }
    // The reply is about to be hidden; a message is not.
    let mut buffer = OutBuf::new();
    write(&mut Reply::new(&mut buffer, cx.client.proto));
    cx.client.shared.leave(buffer.to_vec().into());
    cx.tx.effects().calls.extend(cx.client.shared.call());
}

fn publish(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    send(cx, false, args, out)
}

fn spublish(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    send(cx, true, args, out)
}

fn send(cx: &mut Cx<'_, '_>, sharded: bool, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (channel, message) = (args.bytes(), args.bytes());
    args.end()?;
    out.int(cx.server.pubsub.publish(sharded, channel, message, &mut cx.tx.effects().calls) as i64);
    Ok(())
}

fn channels(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    list_names(cx, Space::Channel, args, out)
}

fn shardchannels(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    list_names(cx, Space::Shard, args, out)
}

fn list_names(cx: &mut Cx<'_, '_>, space: Space, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let pattern = args.next();
    if !args.is_empty() {
        let sub = String::from_utf8_lossy(args.view().get(1).unwrap_or_default()).into_owned();
        return Err(Error::Owned(format!(
            "ERR unknown subcommand or wrong number of arguments for '{sub}'. Try PUBSUB HELP."
        )));
    }
    let names = cx.server.pubsub.registry.of(space).names(pattern);
    out.array(names.len());
    names.iter().for_each(|name| out.bulk(name));
    Ok(())
}

fn numpat(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.int(cx.server.pubsub.registry.of(Space::Pattern).len() as i64);
    Ok(())
}

fn numsub(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    count_subscribers(cx, Space::Channel, args, out)
}

fn shardnumsub(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    count_subscribers(cx, Space::Shard, args, out)
}

fn count_subscribers(cx: &mut Cx<'_, '_>, space: Space, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.array(args.left() * 2);
    while let Some(name) = args.next() {
        out.bulk(name);
        out.int(cx.server.pubsub.subscribers(space, name) as i64);
    }
    Ok(())
}

fn help(_: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    super::help(
        out,
        "PUBSUB",
        &[
            "CHANNELS [<pattern>]",
            "    Return the currently active channels matching a <pattern> (default: '*').",
            "NUMPAT",
            "    Return number of subscriptions to patterns.",
            "NUMSUB [<channel> ...]",
            "    Return the number of subscribers for the specified channels, excluding",
            "    pattern subscriptions(default: no channels).",
            "SHARDCHANNELS [<pattern>]",
            "    Return the currently active shard level channels matching a <pattern> (default: '*').",
            "SHARDNUMSUB [<shardchannel> ...]",
            "    Return the number of subscribers for the specified shard level channel(s)",
        ],
    );
    Ok(())
}
