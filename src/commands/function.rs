//! FCALL and FUNCTION. The pipeline runs the functions (`exec/script.rs`), libraries are [`crate::script`]'s.
//!
//! Owns the replies of FUNCTION and the form of its payloads: each library is the byte [`LIBRARY`] and its code as a string,
//! then the footer ([`crate::persist::payload`]), so that they go to redis-server and come from there. What changes the
//! libraries holds all shards: no EXEC and no script sees a change in its midst, and the journal has the changes in the order in
//! which they were made.

use super::script::{CALL, KEYS, KEYS_RO, kill_script};
use super::*;
use crate::base::glob::glob_match;
use crate::persist::payload::{self, Reader};
use crate::script::{self, Library, Policy, RunningFunction};
use crate::store::IsBusy;

/// What a library begins with in a payload.
const LIBRARY: u8 = 245;

const fn doc(row: Row, complexity: &'static str, summary: &'static str) -> Row {
    row.doc(Group::Scripting, "7.0.0", complexity, summary).acl(Categories::SCRIPTING)
}

const fn sub(name: &'static str, arity: i16, syntax: &'static str, f: AdminFn) -> Row {
    admin(name, arity, syntax, f).flags(Flags::NOSCRIPT)
}

const fn change(name: &'static str, arity: i16, syntax: &'static str, f: AdminFn) -> Row {
    sub(name, arity, syntax, f)
        .flags(Flags::WRITE)
        .locks(Locks::Everything)
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
}

const BY_NAME: Caller = Caller { by: By::Function, read_only: false };
const BY_NAME_RO: Caller = Caller { by: By::Function, read_only: true };
const DEPENDS: &str = "Depends on the function that is executed.";
const SYNTAX: &str = "function numkeys [key [key ...]] [arg [arg ...]]";

pub(super) const TABLE: &[Row] = &[
    doc(
        script("fcall", SYNTAX, BY_NAME).flags(CALL.union(Flags::MAY_REPLICATE)).keys(KEYS),
        DEPENDS,
        "Runs a function.",
    ),
    doc(
        script("fcall_ro", SYNTAX, BY_NAME_RO).flags(CALL.union(Flags::READONLY)).keys(KEYS_RO),
        DEPENDS,
        "Runs a function that changes nothing.",
    ),
    container("function", -2, SUBS).doc(Group::Scripting, "7.0.0", "Depends on subcommand.", "Manages the functions."),
];

const SUBS: &[Row] = &[
    doc(change("function|delete", 3, "library-name", delete), "O(1)", "Deletes a library with its functions."),
    doc(sub("function|dump", 2, "", dump), "O(N) where N is the number of functions", "Serialises all libraries."),
    doc(
        change("function|flush", -2, "[ASYNC|SYNC]", flush),
        "O(N) where N is the number of functions deleted",
        "Deletes all libraries.",
    ),
    doc(
        admin("function|help", 2, "", help).flags(Flags::LOADING.union(Flags::STALE)),
        "O(1)",
        "Lists these subcommands.",
    ),
    doc(
        sub("function|kill", 2, "", kill)
            .flags(Flags::ALLOW_BUSY)
            .tips(&["request_policy:all_shards", "response_policy:one_succeeded"]),
        "O(1)",
        "Ends a function that runs and has changed nothing.",
    ),
    doc(
        sub("function|list", -2, "[LIBRARYNAME library-name-pattern] [WITHCODE]", list)
            .tips(&["nondeterministic_output_order"]),
        "O(N) where N is the number of functions",
        "Shows the libraries.",
    ),
    doc(
        change("function|load", -3, "[REPLACE] function-code", load).flags(Flags::DENYOOM),
        "O(1) (considering compilation time is redundant)",
        "Loads a library.",
    ),
    doc(
        change("function|restore", -3, "serialized-value [FLUSH|APPEND|REPLACE]", restore).flags(Flags::DENYOOM),
        "O(N) where N is the number of functions on the payload",
        "Loads the libraries of a serialised value.",
    ),
    doc(
        sub("function|stats", 2, "", stats).flags(Flags::ALLOW_BUSY).tips(&[
            "nondeterministic_output",
            "request_policy:all_shards",
            "response_policy:special",
        ]),
        "O(1)",
        "Shows the function that runs, and how many there are.",
    ),
];

/// Redis's words for too many arguments of a subcommand that takes options.
fn too_many(sub: &str) -> Error {
    Error::Owned(format!("ERR unknown subcommand or wrong number of arguments for '{sub}'. Try FUNCTION HELP."))
}

fn lossy(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn load(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let mut replace = false;
    while args.left() > 1 {
        if !args.take("REPLACE") {
            return Err(Error::Owned(format!("ERR Unknown option given: {}", lossy(args.bytes()))));
        }
        replace = true;
    }
    let code = args.bytes();
    let name = script::load(&cx.server.functions, &cx.server.clock, code, replace).map_err(Error::Owned)?;
    cx.tx.dirty(1);
    out.bulk(name.as_bytes());
    Ok(())
}

fn delete(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if !cx.server.functions.delete(args.bytes()) {
        return Err(Error::Text("ERR Library not found"));
    }
    cx.tx.dirty(1);
    out.ok();
    Ok(())
}

fn flush(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if args.left() > 1 {
        return Err(too_many(&lossy(args.view().get(1).unwrap_or_default())));
    }
    // Either way: each worker frees what it has loaded when it next runs a function, the rest is small.
    if !args.is_empty() && !args.take("SYNC") && !args.take("ASYNC") {
        return Err(Error::Text("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"));
    }
    cx.server.functions.flush();
    cx.tx.dirty(1);
    out.ok();
    Ok(())
}

fn dump(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let mut bytes = Vec::new();
    for library in cx.server.functions.catalog().libraries() {
        bytes.push(LIBRARY);
        payload::write_string(&library.code, &mut bytes);
    }
    payload::seal(&mut bytes);
    out.bulk(&bytes);
    Ok(())
}

/// The codes of the libraries in a payload.
fn codes(payload: &[u8], string_max: usize) -> Result<Vec<Vec<u8>>> {
    let body = payload::open(payload).ok_or(Error::Text("ERR DUMP payload version or checksum are wrong"))?;
    let mut reader = Reader::new(body, string_max);
    let (mut codes, mut left) = (Vec::new(), string_max);
    while let Some(kind) = reader.byte() {
        if kind != LIBRARY {
            return Err(Error::Text("ERR given type is not a function"));
        }
        let code = reader.string().filter(|code| code.len() <= left);
        let code = code.ok_or(Error::Text("ERR Failed loading library payload"))?;
        // Short payloads may stand for long codes: all of them together are bounded as one string is.
        left -= code.len();
        codes.push(code);
    }
    Ok(codes)
}

fn restore(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if args.left() > 2 {
        return Err(too_many(&lossy(args.view().get(1).unwrap_or_default())));
    }
    let payload = args.bytes();
    let policy = match () {
        () if args.is_empty() || args.take("APPEND") => Policy::Append,
        () if args.take("FLUSH") => Policy::Flush,
        () if args.take("REPLACE") => Policy::Replace,
        () => {
            return Err(Error::Text(
                "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
            ));
        }
    };
    let string_max = usize::try_from(args.settings().string_max()).unwrap_or(usize::MAX);
    let codes = codes(payload, string_max)?;
    script::restore(&cx.server.functions, &cx.server.clock, &codes, policy).map_err(Error::Owned)?;
    cx.tx.dirty(1);
    out.ok();
    Ok(())
}

fn list(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (mut pattern, mut with_code) = (None, false);
    while !args.is_empty() {
        if !with_code && args.take("WITHCODE") {
            with_code = true;
        } else if pattern.is_none() && args.take("LIBRARYNAME") {
            pattern = Some(args.next().ok_or(Error::Text("ERR library name argument was not given"))?);
        } else {
            return Err(Error::Owned(format!("ERR Unknown argument {}", lossy(args.bytes()))));
        }
    }
    let catalog = cx.server.functions.catalog();
    let wanted = |library: &&std::sync::Arc<Library>| {
        pattern.is_none_or(|pattern| glob_match(pattern, library.name.as_bytes(), true))
    };
    let wanted: Vec<_> = catalog.libraries().filter(wanted).collect();
    out.array(wanted.len());
    wanted.into_iter().for_each(|library| write_library(library, with_code, out));
    Ok(())
}

fn write_library(library: &Library, with_code: bool, out: &mut Reply<'_>) {
    out.map(if with_code { 4 } else { 3 });
    for (name, value) in [("library_name", &*library.name), ("engine", "LUA")] {
        out.bulk(name.as_bytes());
        out.bulk(value.as_bytes());
    }
    out.bulk(b"functions");
    out.array(library.functions.len());
    for function in &library.functions {
        out.map(3);
        out.bulk(b"name");
        out.bulk(function.script.name.as_bytes());
        out.bulk(b"description");
        out.bulk_or_null(function.description.as_deref());
        out.bulk(b"flags");
        let flags: Vec<&str> = function.script.flags.names().collect();
        out.set(flags.len());
        flags.iter().for_each(|flag| out.simple(flag));
    }
    if with_code {
        out.bulk(b"library_code");
        out.shared(library.code.clone());
    }
}

fn stats(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if cx.server.scripts.running.busy() == Some(IsBusy { function: false }) {
        // A script that is no function is not shown: who asks is told of it.
        return Err(Error::Text(error::BUSY));
    }
    let catalog = cx.server.functions.catalog();
    out.map(2);
    out.bulk(b"running_script");
    let now = cx.server.clock.mono_ns();
    if cx.server.scripts.running.with_function(|function| write_running(function, now, out)).is_none() {
        out.null();
    }
    out.bulk(b"engines");
    out.map(1);
    out.bulk(b"LUA");
    out.map(2);
    for (name, n) in [("libraries_count", catalog.len()), ("functions_count", catalog.functions())] {
        out.bulk(name.as_bytes());
        out.int(n as i64);
    }
    Ok(())
}

fn write_running(function: &RunningFunction, now: u64, out: &mut Reply<'_>) {
    out.map(3);
    out.bulk(b"name");
    out.bulk(function.name.as_bytes());
    out.bulk(b"command");
    let command = function.command.view();
    out.array(command.len());
    command.iter().for_each(|word| out.bulk(word));
    out.bulk(b"duration_ms");
    out.int((now.saturating_sub(function.start_ns) / 1_000_000) as i64);
}

fn kill(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    kill_script(cx, true, out)
}

fn help(_: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    help::write("function", SUBS, out);
    Ok(())
}
