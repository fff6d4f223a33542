//! COMMAND: what the tables say, in the shapes that clients read at start.
//!
//! Owns no fact: flags, keys, categories and documentation come from the rows, the arguments from
//! [`crate::spec::arguments`], the keys of a command from [`for_each_key`].

use super::*;
use crate::base::glob::glob_match;
use crate::spec::{Argument, Begin, CATEGORY_NAMES, FLAG_NAMES, Find, KeyFlags, arguments, for_each_key};

pub(super) const TABLE: &[Row] = &[admin("command", -1, "", all)
    .flags(Flags::LOADING.union(Flags::STALE))
    .acl(Categories::CONNECTION)
    .subs(SUBS)
    .tips(&["nondeterministic_output_order"])
    .doc(Group::Server, "2.8.13", "O(N)", "Describes every command.")];

const SUBS: &[Row] = &[
    admin("command|count", 2, "", count).flags(Flags::LOADING.union(Flags::STALE)).acl(Categories::CONNECTION).doc(
        Group::Server,
        "2.8.13",
        "O(1)",
        "Tells how many commands there are.",
    ),
    admin("command|docs", -2, "[command-name [command-name ...]]", docs)
        .flags(Flags::LOADING.union(Flags::STALE))
        .acl(Categories::CONNECTION)
        .tips(&["nondeterministic_output_order"])
        .doc(Group::Server, "7.0.0", "O(N)", "Documents commands: summary, group, arguments."),
    admin("command|getkeys", -3, "command [arg [arg ...]]", getkeys)
        .flags(Flags::LOADING.union(Flags::STALE))
        .acl(Categories::CONNECTION)
        .doc(Group::Server, "2.8.13", "O(N)", "Picks the keys out of a full command."),
    admin("command|getkeysandflags", -3, "command [arg [arg ...]]", getkeysandflags)
        .flags(Flags::LOADING.union(Flags::STALE))
        .acl(Categories::CONNECTION)
        .doc(Group::Server, "7.0.0", "O(N)", "Picks the keys out of a full command, with what it does to each."),
    admin("command|help", 2, "", help).flags(Flags::LOADING.union(Flags::STALE)).acl(Categories::CONNECTION).doc(
        Group::Server,
        "5.0.0",
        "O(1)",
        "Lists these subcommands.",
    ),
    admin("command|info", -2, "[command-name [command-name ...]]", info)
        .flags(Flags::LOADING.union(Flags::STALE))
        .acl(Categories::CONNECTION)
        .tips(&["nondeterministic_output_order"])
        .doc(Group::Server, "2.8.13", "O(N)", "Describes commands: arity, flags, keys, categories."),
    admin("command|list", -2, "[FILTERBY MODULE module-name|ACLCAT category|PATTERN pattern]", list)
        .flags(Flags::LOADING.union(Flags::STALE))
        .acl(Categories::CONNECTION)
        .tips(&["nondeterministic_output_order"])
        .doc(Group::Server, "7.0.0", "O(N)", "Names the commands, all or those that a filter lets through."),
];

fn all(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if let Some(sub) = args.next() {
        return Err(error::unknown_subcommand("command", sub));
    }
    write_all(cx.server, out);
    Ok(())
}

fn write_all(server: &Server, out: &mut Reply<'_>) {
    out.array(server.commands.top_level().count());
    server.commands.top_level().for_each(|row| write_info(row, out));
}

fn count(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.int(cx.server.commands.top_level().count() as i64);
    Ok(())
}

fn info(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if args.is_empty() {
        write_all(cx.server, out);
        return Ok(());
    }
    out.array(args.left());
    while let Some(name) = args.next() {
        match by_full_name(cx.server, name) {
            Some(row) => write_info(row, out),
            None => out.null(),
        }
    }
    Ok(())
}

fn docs(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if args.is_empty() {
        out.map(cx.server.commands.top_level().count());
        cx.server.commands.top_level().for_each(|row| write_doc(row, out));
        return Ok(());
    }
    let mut rows = Vec::new();
    while let Some(name) = args.next() {
        rows.extend(by_full_name(cx.server, name));
    }
    out.map(rows.len());
    rows.into_iter().for_each(|row| write_doc(row, out));
    Ok(())
}

fn help(_: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    help::write("command", SUBS, out);
    Ok(())
}

fn list(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let filter = Filter::read(args)?;
    let rows: Vec<&Row> = cx.server.commands.all().map(|(_, r)| r).filter(|r| filter.passes(r)).collect();
    out.array(rows.len());
    rows.iter().for_each(|r| out.bulk(r.spec.name.as_bytes()));
    Ok(())
}

/// What COMMAND LIST lets through.
enum Filter<'a> {
    All,
    /// Commands of a module; there are no modules.
    Module,
    /// `None`: no such category.
    Category(Option<Categories>),
    Pattern(&'a [u8]),
}

impl<'a> Filter<'a> {
    fn read(args: &mut Args<'a>) -> Result<Self> {
        if args.is_empty() {
            return Ok(Filter::All);
        }
        if !args.take("FILTERBY") {
            return Err(Error::Syntax);
        }
        let kind = args.one_of(&["MODULE", "ACLCAT", "PATTERN"]);
        let value = args.bytes();
        args.end()?;
        Ok(match kind {
            0 => Filter::Module,
            1 => {
                let row = CATEGORY_NAMES.iter().find(|(_, n)| n.as_bytes().eq_ignore_ascii_case(value));
                Filter::Category(row.map(|(c, _)| *c))
            }
            _ => Filter::Pattern(value),
        })
    }

    fn passes(&self, row: &Row) -> bool {
        match self {
            Filter::All => true,
            Filter::Module => false,
            Filter::Category(c) => c.is_some_and(|c| row.spec.categories().contains(c)),
            Filter::Pattern(p) => glob_match(p, row.spec.name.as_bytes(), true),
        }
    }
}

/// The row of `name` or `container|sub`.
fn by_full_name(server: &Server, name: &[u8]) -> Option<&'static Row> {
    let mut parts = name.splitn(2, |&b| b == b'|');
    let (id, row) = server.commands.find(parts.next()?)?;
    match parts.next() {
        Some(sub) => Some(server.commands.find_sub(id, sub)?.1),
        None => Some(row),
    }
}

fn statuses<'n>(names: impl Iterator<Item = &'n str>, out: &mut Reply<'_>) {
    let names: Vec<&str> = names.collect();
    out.set(names.len());
    names.into_iter().for_each(|n| out.simple(n));
}

/// The ten elements of COMMAND INFO.
fn write_info(row: &Row, out: &mut Reply<'_>) {
    let spec = &row.spec;
    out.array(10);
    out.bulk(spec.name.as_bytes());
    out.int(spec.arity.into());
    statuses(FLAG_NAMES.iter().filter(|(f, _)| spec.flags.contains(*f)).map(|(_, n)| *n), out);
    let (first, last, step) = legacy_range(spec.keys);
    [first, last, step].into_iter().for_each(|n| out.int(n));
    let categories = spec.categories();
    let names: Vec<String> =
        CATEGORY_NAMES.iter().filter(|(c, _)| categories.contains(*c)).map(|(_, n)| format!("@{n}")).collect();
    statuses(names.iter().map(|n| &**n), out);
    out.set(spec.tips.len());
    spec.tips.iter().for_each(|t| out.bulk(t.as_bytes()));
    out.set(spec.keys.len());
    spec.keys.iter().for_each(|k| write_key_spec(spec.name, k, out));
    // redis-server writes an empty set where there are none, an array where there are.
    match row.subs.len() {
        0 => out.set(0),
        n => out.array(n),
    }
    row.subs.iter().for_each(|sub| write_info(sub, out));
}

/// First key, last key and step, as clients from before key specifications read them: the first range, widened by the
/// ranges that follow it without a gap.
fn legacy_range(specs: &[KeySpec]) -> (i64, i64, i64) {
    let mut range: Option<(i64, i64, i64)> = None;
    for spec in specs {
        let (Begin::Index(at), Find::Range { last, step, .. }) = (spec.begin, spec.find) else { continue };
        let at = i64::from(at);
        let end = if last >= 0 { at + i64::from(last) } else { last.into() };
        range = match range {
            None => Some((at, end, step.into())),
            Some((first, before, s)) if before + 1 == at => Some((first, end, s)),
            other => other,
        };
    }
    range.unwrap_or((0, 0, 0))
}

/// Why some keys' flags depend on the arguments, or no rule finds them.
fn notes(command: &str, spec: &KeySpec) -> Option<&'static str> {
    match command {
        "sort" | "sort_ro" if spec.begin == Begin::Unknown => Some(match spec.flags.contains(KeyFlags::RO) {
            true => "The keys that BY and GET lead to are made from the elements",
            false => "The key behind STORE, which can stand anywhere",
        }),
        "set" => Some("RW and ACCESS with the GET option"),
        "eval" | "evalsha" | "fcall" => {
            Some("What a script does to its keys is not known: RW and UPDATE are the most it can do")
        }
        "eval_ro" | "evalsha_ro" | "fcall_ro" => {
            Some("What a script does to its keys is not known: RO and ACCESS are the most")
        }
        "bitfield" => Some("RO where every operation is a GET"),
        _ => None,
    }
}

fn write_key_spec(command: &str, spec: &KeySpec, out: &mut Reply<'_>) {
    let notes = notes(command, spec);
    out.map(3 + usize::from(notes.is_some()));
    if let Some(notes) = notes {
        out.bulk(b"notes");
        out.bulk(notes.as_bytes());
    }
    out.bulk(b"flags");
    statuses(spec.flags.names(), out);
    out.bulk(b"begin_search");
    match spec.begin {
        Begin::Index(i) => write_rule("index", &[("index", Fact::Int(i.into()))], out),
        Begin::Keyword(word, from) => {
            write_rule("keyword", &[("keyword", Fact::Text(word)), ("startfrom", Fact::Int(from.into()))], out);
        }
        Begin::Unknown => write_rule("unknown", &[], out),
    }
    out.bulk(b"find_keys");
    match spec.find {
        Find::Range { last, step, limit } => {
            let facts = [("lastkey", last.into()), ("keystep", step.into()), ("limit", limit.into())]
                .map(|(n, i)| (n, Fact::Int(i)));
            write_rule("range", &facts, out);
        }
        Find::KeyNum { count, first, step } => {
            let facts = [("keynumidx", count.into()), ("firstkey", first.into()), ("keystep", step.into())]
                .map(|(n, i)| (n, Fact::Int(i)));
            write_rule("keynum", &facts, out);
        }
        Find::Unknown => write_rule("unknown", &[], out),
    }
}

/// A number or a word in a key specification.
enum Fact {
    Int(i64),
    Text(&'static str),
}

fn write_rule(kind: &str, facts: &[(&str, Fact)], out: &mut Reply<'_>) {
    out.map(2);
    out.bulk(b"type");
    out.bulk(kind.as_bytes());
    out.bulk(b"spec");
    out.map(facts.len());
    for (name, fact) in facts {
        out.bulk(name.as_bytes());
        match fact {
            Fact::Int(n) => out.int(*n),
            Fact::Text(t) => out.bulk(t.as_bytes()),
        }
    }
}

/// Name and documentation of a command, with that of its subcommands.
fn write_doc(row: &Row, out: &mut Reply<'_>) {
    let spec = &row.spec;
    let arguments = arguments(spec);
    out.bulk(spec.name.as_bytes());
    let texts = [
        ("summary", spec.summary),
        ("since", spec.since),
        ("group", spec.group.name()),
        ("complexity", spec.complexity),
    ];
    let texts = || texts.iter().filter(|(_, text)| !text.is_empty());
    out.map(texts().count() + usize::from(!arguments.is_empty()) + usize::from(!row.subs.is_empty()));
    for (name, text) in texts() {
        out.bulk(name.as_bytes());
        out.bulk(text.as_bytes());
    }
    if !arguments.is_empty() {
        out.bulk(b"arguments");
        write_arguments(&arguments, out);
    }
    if !row.subs.is_empty() {
        out.bulk(b"subcommands");
        out.map(row.subs.len());
        row.subs.iter().for_each(|sub| write_doc(sub, out));
    }
}

fn write_arguments(list: &[Argument], out: &mut Reply<'_>) {
    out.array(list.len());
    for a in list {
        let flags = [(a.optional, "optional"), (a.multiple, "multiple"), (a.multiple_token, "multiple_token")];
        let flags: Vec<&str> = flags.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
        let optional = [!a.kind.nests(), a.key_spec.is_some(), a.token.is_some(), !flags.is_empty(), a.kind.nests()];
        out.map(2 + optional.into_iter().filter(|there| *there).count());
        out.bulk(b"name");
        out.bulk(a.name.as_bytes());
        out.bulk(b"type");
        out.bulk(a.kind.name().as_bytes());
        if !a.kind.nests() {
            out.bulk(b"display_text");
            out.bulk(a.name.as_bytes());
        }
        if let Some(i) = a.key_spec {
            out.bulk(b"key_spec_index");
            out.int(i as i64);
        }
        if let Some(token) = &a.token {
            out.bulk(b"token");
            out.bulk(token.as_bytes());
        }
        if !flags.is_empty() {
            out.bulk(b"flags");
            statuses(flags.into_iter(), out);
        }
        if a.kind.nests() {
            out.bulk(b"arguments");
            write_arguments(&a.arguments, out);
        }
    }
}

fn getkeys(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let keys = keys_of(cx.server, args)?;
    out.array(keys.len());
    keys.iter().for_each(|(key, _)| out.bulk(key));
    Ok(())
}

fn getkeysandflags(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let keys = keys_of(cx.server, args)?;
    out.array(keys.len());
    for (key, flags) in keys {
        out.array(2);
        out.bulk(key);
        statuses(flags.names(), out);
    }
    Ok(())
}

/// The keys of the command that the rest of the arguments is.
fn keys_of<'a>(server: &Server, args: &mut Args<'a>) -> Result<Vec<(&'a [u8], KeyFlags)>> {
    let mut command: Vec<&[u8]> = Vec::with_capacity(args.left());
    while let Some(arg) = args.next() {
        command.push(arg);
    }
    let unknown = || Error::Text("ERR Invalid command specified");
    let (id, top) = command.first().and_then(|n| server.commands.find(n)).ok_or_else(unknown)?;
    let sub = command.get(1).filter(|_| !top.subs.is_empty()).and_then(|sub| server.commands.find_sub(id, sub));
    let row = sub.map_or(top, |(_, row)| row);
    if matches!(row.run, Run::Container) {
        return Err(unknown());
    }
    // A channel of a shard is routed like a key and is none.
    if row.spec.keys.iter().all(|spec| spec.flags.contains(KeyFlags::NOT_KEY)) {
        return Err(Error::Text("ERR The command has no key arguments"));
    }
    if !row.spec.arity_fits(command.len()) {
        return Err(Error::Text("ERR Invalid number of arguments specified for command"));
    }
    let mut keys = Vec::new();
    let each = |i: usize, flags| keys.push((command[i], exact_flags(row.spec.name, &command, flags)));
    let fits = for_each_key(row.spec.keys, command.len(), |i| command[i], each);
    if !fits || keys.is_empty() {
        keys.clear();
        if !row.spec.flags.contains(Flags::NO_MANDATORY_KEYS) {
            return Err(Error::Text("ERR Invalid arguments specified for command"));
        }
    }
    if row.spec.name == "sort"
        && let Some(at) = super::sort::stored_at(&command)
    {
        keys.push((command[at], super::sort::STORED_FLAGS));
    }
    Ok(keys)
}

/// What these arguments do with the keys, where that depends on them.
fn exact_flags(name: &str, command: &[&[u8]], flags: KeyFlags) -> KeyFlags {
    if !flags.contains(KeyFlags::VARIABLE_FLAGS) {
        return flags;
    }
    let has = |word: &str| command[2..].iter().any(|a| a.eq_ignore_ascii_case(word.as_bytes()));
    match name {
        "set" if !has("GET") => KeyFlags::OW | KeyFlags::UPDATE,
        "bitfield" if !has("SET") && !has("INCRBY") => KeyFlags::RO | KeyFlags::ACCESS,
        _ => flags.difference(KeyFlags::VARIABLE_FLAGS),
    }
}
