//! CONFIG: the configuration of the running server.
//!
//! Owns the shapes of the replies. What parameters there are, what values they take and what must happen after a
//! change is in [`crate::config`]; who carries that out is [`Server::apply`].

use super::*;

pub(super) const TABLE: &[Row] =
    &[container("config", -2, SUBS).doc(Group::Server, "2.0.0", "", "Reads and changes the configuration.")];

const SUBS: &[Row] = &[
    admin("config|get", -3, "parameter [parameter ...]", get)
        .flags(Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE))
        .doc(Group::Server, "2.0.0", "O(N)", "Shows parameters by name or pattern."),
    admin("config|help", 2, "", help).flags(Flags::LOADING.union(Flags::STALE)).doc(
        Group::Server,
        "5.0.0",
        "O(1)",
        "Lists these subcommands.",
    ),
    admin("config|resetstat", 2, "", resetstat)
        .flags(Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE))
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .doc(Group::Server, "2.0.0", "O(1)", "Sets the counters of INFO to zero."),
    admin("config|rewrite", 2, "", rewrite)
        .flags(Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE))
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .doc(Group::Server, "2.8.0", "O(1)", "Writes the present configuration to its file."),
    admin("config|set", -4, "parameter value [parameter value ...]", set)
        .flags(Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE))
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .doc(Group::Server, "2.0.0", "O(N)", "Changes parameters, all of them or none."),
];

/// Whether the client is on this host.
pub(super) fn is_local(client: &Client) -> bool {
    let addr = &client.shared.addr;
    client.shared.flags().contains(crate::client::ClientFlags::UNIX)
        || addr.starts_with("127.")
        || addr.starts_with("[::1]:")
        || addr.starts_with("::1:")
}

fn get(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let mut patterns = Vec::with_capacity(args.left());
    while let Some(pattern) = args.next() {
        patterns.push(pattern);
    }
    let found = cx.server.config.get(&patterns);
    out.map(found.len());
    for (name, value) in found {
        // A name that was asked for as such is given back as it was spelt.
        let asked = patterns.iter().find(|p| p.eq_ignore_ascii_case(name.as_bytes()));
        out.bulk(asked.copied().unwrap_or(name.as_bytes()));
        out.bulk(value.as_bytes());
    }
    Ok(())
}

fn set(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if !args.left().is_multiple_of(2) {
        return Err(Error::Text("ERR wrong number of arguments for 'config|set' command"));
    }
    let mut texts = Vec::with_capacity(args.left());
    while let Some(text) = args.next() {
        texts.push(String::from_utf8_lossy(text));
    }
    let pairs: Vec<(&str, &str)> = texts.chunks_exact(2).map(|pair| (&*pair[0], &*pair[1])).collect();
    let server = cx.server;
    let done = server.config.set_with(&pairs, is_local(cx.client), |effect, new| server.apply(effect, new));
    done.map_err(|e| Error::Owned(e.to_string()))?;
    out.ok();
    Ok(())
}

fn rewrite(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    match cx.server.config.rewrite() {
        Ok(()) => tracing::warn!("CONFIG REWRITE executed with success."),
        Err(e) => {
            tracing::warn!("CONFIG REWRITE failed: {e}");
            return Err(Error::Owned(e.to_string()));
        }
    }
    out.ok();
    Ok(())
}

fn resetstat(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    cx.server.reset_stats();
    out.ok();
    Ok(())
}

fn help(_: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    help::write("config", SUBS, out);
    Ok(())
}
