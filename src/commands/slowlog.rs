//! SLOWLOG: the commands that took long. What is kept of them is in [`crate::stats::SlowLog`].

use super::*;

pub(super) const TABLE: &[Row] =
    &[container("slowlog", -2, SUBS).doc(Group::Server, "2.2.12", "", "Keeps the commands that took long.")];

const SUBS: &[Row] = &[
    admin("slowlog|get", -2, "[count]", get)
        .flags(Flags::ADMIN.union(Flags::LOADING).union(Flags::STALE))
        .tips(&["request_policy:all_nodes", "nondeterministic_output"])
        .doc(Group::Server, "2.2.12", "O(N)", "Shows the latest entries."),
    admin("slowlog|help", 2, "", help).flags(Flags::LOADING.union(Flags::STALE)).doc(
        Group::Server,
        "6.2.0",
        "O(1)",
        "Lists these subcommands.",
    ),
    admin("slowlog|len", 2, "", len)
        .flags(Flags::ADMIN.union(Flags::LOADING).union(Flags::STALE))
        .tips(&["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"])
        .doc(Group::Server, "2.2.12", "O(1)", "Counts the entries."),
    admin("slowlog|reset", 2, "", reset)
        .flags(Flags::ADMIN.union(Flags::LOADING).union(Flags::STALE))
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .doc(Group::Server, "2.2.12", "O(N)", "Forgets the entries."),
];

/// Entries that SLOWLOG GET shows unless told.
const DEFAULT_COUNT: i64 = 10;

fn get(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let mut count = DEFAULT_COUNT;
    if !args.is_empty() {
        count = args.int_or(Error::Text("ERR count should be greater than or equal to -1"));
    }
    if !args.is_empty() {
        return Err(Error::Text("ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP."));
    }
    args.check()?;
    let count = match count {
        -1 => usize::MAX,
        n => usize::try_from(n).map_err(|_| Error::Text("ERR count should be greater than or equal to -1"))?,
    };
    let entries = cx.server.stats.slowlog.get(count);
    out.array(entries.len());
    for e in entries {
        out.array(6);
        out.int(e.id as i64);
        out.int(e.time as i64);
        out.int(e.micros as i64);
        out.array(e.args.len());
        e.args.iter().for_each(|a| out.bulk(a));
        out.bulk(e.addr.as_bytes());
        out.bulk(e.name.as_bytes());
    }
    Ok(())
}

fn len(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.int(cx.server.stats.slowlog.len() as i64);
    Ok(())
}

fn reset(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    cx.server.stats.slowlog.clear();
    out.ok();
    Ok(())
}

fn help(_: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    help::write("slowlog", SUBS, out);
    Ok(())
}
