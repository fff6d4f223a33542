//! EVAL and its kin, and SCRIPT. The pipeline runs the scripts (`exec/script.rs`), Lua is [`crate::script`]'s.
//!
//! Owns the replies of SCRIPT. `SCRIPT STATS` (ours) answers an array of maps, one for each script that has run, those that
//! held all shards most often first: `sha1`, `runs`, `wide_runs` (those that held all shards), `undeclared_keys` (1: it has
//! touched keys that it had not declared, and so holds all shards whenever it runs).

use super::*;
use crate::script::{self, Failure, Kill, Scripts};
use crate::spec::{Begin, Find, KeyFlags};

/// Flags of the commands that call scripts.
pub(super) const CALL: Flags = Flags::NOSCRIPT
    .union(Flags::STALE)
    .union(Flags::SKIP_MONITOR)
    .union(Flags::NO_MANDATORY_KEYS)
    .union(Flags::MOVABLEKEYS);
pub(super) const KEYS: &[KeySpec] = &[counted(KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE))];
pub(super) const KEYS_RO: &[KeySpec] = &[counted(KeyFlags::RO.union(KeyFlags::ACCESS))];

const fn counted(flags: KeyFlags) -> KeySpec {
    KeySpec { begin: Begin::Index(2), find: Find::KeyNum { count: 0, first: 1, step: 1 }, flags }
}

const fn doc(row: Row, since: &'static str, complexity: &'static str, summary: &'static str) -> Row {
    row.doc(Group::Scripting, since, complexity, summary).acl(Categories::SCRIPTING)
}

const fn writing(name: &'static str, syntax: &'static str, by: By) -> Row {
    script(name, syntax, Caller { by, read_only: false }).flags(CALL.union(Flags::MAY_REPLICATE)).keys(KEYS)
}

const fn reading(name: &'static str, syntax: &'static str, by: By) -> Row {
    script(name, syntax, Caller { by, read_only: true }).flags(CALL.union(Flags::READONLY)).keys(KEYS_RO)
}

const DEPENDS: &str = "Depends on the script that is executed.";

pub(super) const TABLE: &[Row] = &[
    doc(
        writing("eval", "script numkeys [key [key ...]] [arg [arg ...]]", By::Source),
        "2.6.0",
        DEPENDS,
        "Runs a script of Lua.",
    ),
    doc(
        writing("evalsha", "sha1 numkeys [key [key ...]] [arg [arg ...]]", By::Sha),
        "2.6.0",
        DEPENDS,
        "Runs a script that the server knows, by the SHA1 of its source.",
    ),
    doc(
        reading("evalsha_ro", "sha1 numkeys [key [key ...]] [arg [arg ...]]", By::Sha),
        "7.0.0",
        DEPENDS,
        "Runs a script that the server knows and that changes nothing.",
    ),
    doc(
        reading("eval_ro", "script numkeys [key [key ...]] [arg [arg ...]]", By::Source),
        "7.0.0",
        DEPENDS,
        "Runs a script of Lua that changes nothing.",
    ),
    container("script", -2, SUBS).doc(Group::Scripting, "2.6.0", "Depends on subcommand.", "Manages the scripts."),
];

const SUBS: &[Row] = &[
    doc(
        admin("script|debug", 3, "<YES|SYNC|NO>", debug).flags(Flags::NOSCRIPT),
        "3.2.0",
        "O(1)",
        "Says whether scripts run in a debugger. There is none, so they do not.",
    ),
    doc(
        admin("script|exists", -3, "sha1 [sha1 ...]", exists)
            .flags(Flags::NOSCRIPT)
            .tips(&["request_policy:all_shards", "response_policy:agg_logical_and"]),
        "2.6.0",
        "O(N) with N being the number of scripts to check (so checking a single script is an O(1) operation).",
        "Tells which scripts are known.",
    ),
    doc(
        admin("script|flush", -2, "[ASYNC|SYNC]", flush)
            .flags(Flags::NOSCRIPT)
            .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
        "2.6.0",
        "O(N) with N being the number of scripts in cache",
        "Forgets all scripts.",
    ),
    doc(
        admin("script|help", 2, "", help).flags(Flags::LOADING.union(Flags::STALE)),
        "5.0.0",
        "O(1)",
        "Lists these subcommands.",
    ),
    doc(
        admin("script|kill", 2, "", kill)
            .flags(Flags::NOSCRIPT.union(Flags::ALLOW_BUSY))
            .tips(&["request_policy:all_shards", "response_policy:one_succeeded"]),
        "2.6.0",
        "O(1)",
        "Ends a script that runs and has changed nothing.",
    ),
    doc(
        admin("script|load", 3, "script", load)
            .flags(Flags::NOSCRIPT.union(Flags::STALE))
            .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
        "2.6.0",
        "O(N) with N being the length in bytes of the script body.",
        "Makes a script known without running it.",
    ),
    doc(admin("script|show", 3, "sha1", show).flags(Flags::NOSCRIPT), "8.0.0", "O(1)", "Shows the source of a script."),
    doc(
        admin("script|stats", 2, "", stats).flags(Flags::NOSCRIPT),
        "0.1.0",
        "O(N) with N being the number of scripts",
        "Shows how often each script has run, and which ones hold all shards.",
    ),
];

fn debug(_: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    match args.bytes().to_ascii_lowercase().as_slice() {
        b"no" => {
            out.ok();
            Ok(())
        }
        b"yes" | b"sync" => Err(Error::Text("ERR There is no debugger for scripts here")),
        _ => Err(Error::Text("ERR Use SCRIPT DEBUG YES/SYNC/NO")),
    }
}

fn exists(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.array(args.left());
    while let Some(sha) = args.next() {
        let known = script::parse_sha(sha).is_some_and(|sha| cx.server.scripts.get(&sha).is_some());
        out.int(known.into());
    }
    Ok(())
}

fn flush(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    const ONLY: Error = Error::Text("ERR SCRIPT FLUSH only support SYNC|ASYNC option");
    // Either way: each worker frees what it has compiled when it next runs a script, the sources are small.
    if args.left() > 1 || !args.is_empty() && !args.take("SYNC") && !args.take("ASYNC") {
        return Err(ONLY);
    }
    cx.server.scripts.flush();
    out.ok();
    Ok(())
}

fn kill(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    kill_script(cx, false, out)
}

/// Ends a script, or a function, that runs and has changed nothing.
pub(super) fn kill_script(cx: &mut Cx<'_, '_>, function: bool, out: &mut Reply<'_>) -> Result {
    match cx.server.scripts.running.kill(function) {
        Kill::Done => {
            out.ok();
            Ok(())
        }
        Kill::Nothing => Err(Error::Text("NOTBUSY No scripts in execution right now.")),
        Kill::Wrote => Err(Error::Text(
            "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the \
             script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.",
        )),
        Kill::Other => Err(Error::Text(if function { error::BUSY } else { error::BUSY_FUNCTION })),
    }
}

fn load(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let script = script::compile(&cx.server.scripts, args.bytes(), true).map_err(|failure| match failure {
        Failure::Unknown => Error::Text("NOSCRIPT No matching script."),
        Failure::Text(text) => Error::Owned(text),
    })?;
    out.bulk(script.name.as_bytes());
    Ok(())
}

fn show(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let script = script::parse_sha(args.bytes()).and_then(|sha| cx.server.scripts.get(&sha));
    let script = script.ok_or(Error::Text("NOSCRIPT No matching script."))?;
    out.shared(script.source.clone());
    Ok(())
}

fn stats(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let scripts = ranked(&cx.server.scripts);
    out.array(scripts.len());
    for (script, runs, wide_runs) in scripts {
        out.map(4);
        out.bulk(b"sha1");
        out.bulk(script.name.as_bytes());
        for (name, n) in [("runs", runs), ("wide_runs", wide_runs), ("undeclared_keys", script.strays().into())] {
            out.bulk(name.as_bytes());
            out.int(n as i64);
        }
    }
    Ok(())
}

/// The scripts that have run, with the number of their runs and of those that held all shards: most of these first.
fn ranked(scripts: &Scripts) -> Vec<(std::sync::Arc<script::Script>, u64, u64)> {
    use std::sync::atomic::Ordering::Relaxed;
    let figures = |s: std::sync::Arc<script::Script>| {
        let (runs, wide) = (s.runs.load(Relaxed), s.wide_runs.load(Relaxed));
        (s, runs, wide)
    };
    let mut ranked: Vec<_> = scripts.all().into_iter().map(figures).filter(|(_, runs, _)| *runs > 0).collect();
    ranked
        .sort_by(|(a, runs_a, wide_a), (b, runs_b, wide_b)| (wide_b, runs_b, &a.name).cmp(&(wide_a, runs_a, &b.name)));
    ranked
}

fn help(_: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    help::write("script", SUBS, out);
    Ok(())
}
