//! The connection.
use super::*;
pub(super) const TABLE: &[Row] = &[
    admin("ping", -1, "[message]", ping).flags(Flags::FAST).acl(Categories::CONNECTION).doc(
        Group::Connection,
        "1.0.0",
        "O(1)",
        "Answers PONG, or the message.",
    ),
    admin("select", 2, "index", select)
        .flags(Flags::LOADING.union(Flags::STALE).union(Flags::FAST))
        .acl(Categories::CONNECTION)
        .doc(Group::Connection, "1.0.0", "O(1)", "Selects the database of this connection."),
    control("multi", 1, "", Control::Multi).flags(Flags::FAST),
    control("exec", 1, "", Control::Exec).flags(Flags::FAST),
    control("discard", 1, "", Control::Discard).flags(Flags::FAST),
    control("watch", -2, "key [key ...]", Control::Watch).flags(Flags::FAST),
    control("unwatch", 1, "", Control::Unwatch).flags(Flags::FAST),
    control("reset", 1, "", Control::Reset).flags(Flags::FAST.union(Flags::NO_AUTH)),
    control("quit", -1, "", Control::Quit).flags(Flags::FAST.union(Flags::NO_AUTH)),
];
fn ping(_cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    match args.next() {
        Some(b) => out.bulk(b),
        None => out.simple("PONG"),
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
