//! The rules that the tree keeps, checked by reading it: layers, sizes, names, and a test for every command.
//!
//! Text is enough for this: a `use crate::x` or a path `crate::x::` names the module it needs. The lists of exceptions
//! may only shrink: an entry that is no longer needed fails the test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::on_ours;

/// Lowest layer first; a module names strictly lower layers only. Modules of one layer do not know each other.
const LAYERS: [&[&str]; 13] = [
    &["base"],
    &["resp"],
    &["types"],
    &["spec"],
    &["store"],
    &["acl", "config", "persist", "stats", "pubsub", "tracking", "block"],
    // The process around the server: its arguments, its log, its place among other processes.
    &["cli", "daemon", "logging"],
    &["repl", "cluster", "script"],
    &["client"],
    &["server"],
    &["commands"],
    &["exec"],
    &["net"],
];

/// Uses upwards or sideways that are there for a reason: (file below `src/`, module it names, reason).
const LAYER_EXCEPTIONS: [(&str, &str, &str); 1] = [(
    "server.rs",
    "commands",
    "the composition root holds the command table, whose handlers are given the server; it calls none of them",
)];

/// Where tokio may be named: a module, or a file.
const TOKIO_ALLOWED: [&str; 6] = ["net", "repl", "cluster", "block", "server", "main.rs"];

/// Files longer than [`FILE_LINES`] (never than [`FILE_LINES_HARD`]), with the reason.
const FILE_EXCEPTIONS: [(&str, &str); 2] = [
    ("src/store/entry.rs", "one layout in memory: all unsafe code that reads and writes it stands together"),
    ("src/base/table.rs", "one invariant of probe order, kept by unsafe code that stands together"),
];

/// Functions longer than [`FUNCTION_LINES`]: (file, function, reason).
const FUNCTION_EXCEPTIONS: [(&str, &str, &str); 0] = [];

/// Files that name commands without testing them.
const LISTS_OF_COMMANDS: [&str; 2] = ["tests/it/tidy.rs", "tests/it/support/later.rs"];

/// Commands that no test names yet. This list may only shrink.
const UNTESTED_COMMANDS: [&str; 47] = [
    "ACL|CAT",
    "ACL|DELUSER",
    "ACL|DRYRUN",
    "ACL|GENPASS",
    "ACL|GETUSER",
    "ACL|HELP",
    "ACL|LIST",
    "ACL|LOAD",
    "ACL|LOG",
    "ACL|SAVE",
    "ACL|SETUSER",
    "ACL|USERS",
    "BGREWRITEAOF",
    "CLUSTER|ADDSLOTS",
    "CLUSTER|ADDSLOTSRANGE",
    "CLUSTER|BUMPEPOCH",
    "CLUSTER|COUNT-FAILURE-REPORTS",
    "CLUSTER|COUNTKEYSINSLOT",
    "CLUSTER|DELSLOTS",
    "CLUSTER|DELSLOTSRANGE",
    "CLUSTER|FAILOVER",
    "CLUSTER|FLUSHSLOTS",
    "CLUSTER|FORGET",
    "CLUSTER|GETKEYSINSLOT",
    "CLUSTER|HELP",
    "CLUSTER|KEYSLOT",
    "CLUSTER|LINKS",
    "CLUSTER|MEET",
    "CLUSTER|MYID",
    "CLUSTER|MYSHARDID",
    "CLUSTER|NODES",
    "CLUSTER|REPLICAS",
    "CLUSTER|REPLICATE",
    "CLUSTER|RESET",
    "CLUSTER|SAVECONFIG",
    "CLUSTER|SET-CONFIG-EPOCH",
    "CLUSTER|SETSLOT",
    "CLUSTER|SHARDS",
    "CLUSTER|SLAVES",
    "CLUSTER|SLOT-STATS",
    "CLUSTER|SLOTS",
    "MODULE|HELP",
    "MODULE|LOADEX",
    "MODULE|UNLOAD",
    "READWRITE",
    "REPLCONF",
    "RESTORE-ASKING",
];

const FILE_LINES: usize = 500;
const FILE_LINES_HARD: usize = 800;
const FUNCTION_LINES: usize = 70;

/// Words that say nothing, or that belong to no finished tree. Matched as whole words, in any case.
const BANNED_WORDS: [&str; 8] = ["FIXME", "XXX", "HACK", "todo!", "unimplemented!", "dbg!", "WIP", "TODO"];

/// File names that say nothing about what is inside.
const BANNED_FILE_NAMES: [&str; 6] = ["utils.rs", "util.rs", "helpers.rs", "misc.rs", "common.rs", "stuff.rs"];

struct Source {
    /// Below the package's root, with `/`.
    path: String,
    text: String,
}

impl Source {
    /// The module directly below `src/` that the file belongs to: `store` for `src/store/shard.rs` and `src/store.rs`.
    fn module(&self) -> Option<&str> {
        let rest = self.path.strip_prefix("src/")?;
        rest.split('/').next().map(|name| name.strip_suffix(".rs").unwrap_or(name))
    }

    /// The lines before the unit tests; tests are at the end of a file, or in one of their own.
    fn code_lines(&self) -> Vec<&str> {
        let lines: Vec<&str> = self.text.lines().collect();
        let end = lines.windows(2).position(|two| two[0].trim() == "#[cfg(test)]" && two[1].contains("mod "));
        lines[..end.unwrap_or(lines.len())].to_vec()
    }

    fn is_test_file(&self) -> bool {
        self.path.starts_with("tests/") || self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folders: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for folder in folders {
        collect(&root().join(folder), &mut found);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty());
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target" && name != "fuzz") {
                collect(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            found.push(Source { path: name, text: fs::read_to_string(&path).unwrap() });
        }
    }
}

/// A line without its comment: good enough, as only `//` inside of strings is cut wrongly.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or("")
}

#[track_caller]
fn no_findings(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}:\n{}", findings.join("\n"));
}

/// The exceptions that no file needed.
fn unused(exceptions: impl IntoIterator<Item = String>, used: &BTreeSet<String>) -> Vec<String> {
    let spare = exceptions.into_iter().filter(|exception| !used.contains(exception));
    spare.map(|exception| format!("{exception}: an exception that is no longer needed: remove it")).collect()
}

#[test]
fn modules_import_lower_layers_only() {
    let layer_of: BTreeMap<&str, usize> =
        (0..).zip(LAYERS).flat_map(|(layer, modules)| modules.iter().map(move |module| (*module, layer))).collect();
    let mut findings = Vec::new();
    let mut used = BTreeSet::new();
    for source in sources(&["src"]).into_iter().filter(|source| !source.is_test_file()) {
        let Some(module) = source.module() else {
            continue;
        };
        if matches!(module, "main" | "lib") {
            continue;
        }
        let Some(own) = layer_of.get(module) else {
            findings.push(format!("{}: module {module} has no layer: add it to LAYERS", source.path));
            continue;
        };
        for (number, line) in (1..).zip(source.code_lines()) {
            for named in modules_named(code(line)) {
                let Some(layer) = layer_of.get(named.as_str()) else {
                    continue;
                };
                if named == module || layer < own {
                    continue;
                }
                let file = source.path.trim_start_matches("src/");
                if LAYER_EXCEPTIONS.iter().any(|(path, to, _)| *path == file && *to == named) {
                    used.insert(format!("{file} {named}"));
                } else {
                    findings.push(format!("{}:{number}: {module} must not know {named}", source.path));
                }
            }
        }
    }
    findings.extend(unused(LAYER_EXCEPTIONS.map(|(path, to, _)| format!("{path} {to}")), &used));
    no_findings("a module imports strictly lower layers only", &findings);
}

/// The modules behind `crate::` in a line, also in `crate::{a, b::c}` where it is on one line.
fn modules_named(line: &str) -> Vec<String> {
    let mut named = Vec::new();
    for rest in line.split("crate::").skip(1) {
        let names: Vec<&str> = match rest.strip_prefix('{') {
            Some(list) => top_level(list),
            None => vec![rest],
        };
        for name in names {
            let word: String = name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            named.push(word);
        }
    }
    named
}

/// The parts of `a, b::{c, d}, e};` between its top-level commas.
fn top_level(list: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&list[start..at]);
                return parts;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[start..]);
    parts
}

#[test]
fn the_scanners_work() {
    assert_eq!(modules_named("use crate::store::Shard;"), ["store"]);
    assert_eq!(modules_named("use crate::{base::clock, types::{a, b}, exec};"), ["base", "types", "exec"]);
    assert_eq!(modules_named("fn f(x: crate::net::A) -> crate::spec::B {"), ["net", "spec"]);
    let text = "fn a() {\n    x\n}\n\nimpl B {\n    pub fn b<T>(\n        x: T,\n    ) -> T {\n        x\n    }\n}\n";
    assert_eq!(functions(&text.lines().collect::<Vec<_>>()), [("a".to_owned(), 1, 3), ("b".to_owned(), 6, 5)]);
    assert_eq!(words("SET-k's x.y"), ["SET", "k", "s", "x", "y"]);
}

#[test]
fn a_module_that_needs_it_names_tokio_and_no_other() {
    let mut findings = Vec::new();
    for source in sources(&["src"]) {
        let module = source.module().unwrap_or("");
        let file = source.path.trim_start_matches("src/");
        let is_aof_writer = file.starts_with("persist/aof");
        if TOKIO_ALLOWED.contains(&module) || TOKIO_ALLOWED.contains(&file) || is_aof_writer || source.is_test_file() {
            continue;
        }
        for (number, line) in (1..).zip(source.code_lines()) {
            if words(code(line)).contains(&"tokio") {
                findings.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    no_findings("tokio is named only in net, server, main, repl, cluster, block and the AOF writer", &findings);
}

#[test]
fn one_file_reads_the_clock() {
    let mut findings = Vec::new();
    for source in sources(&["src"]) {
        if source.path == "src/base/clock.rs" || source.is_test_file() {
            continue;
        }
        for (number, line) in (1..).zip(source.code_lines()) {
            let names = words(code(line));
            if names.contains(&"SystemTime") || names.contains(&"Instant") {
                findings.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    no_findings("SystemTime and Instant are named in src/base/clock.rs alone", &findings);
}

#[test]
fn files_are_small_and_open_with_their_purpose() {
    let mut findings = Vec::new();
    let mut used = BTreeSet::new();
    for source in sources(&["src", "benches", "tests"]) {
        // Attributes of the file may stand before.
        let first = source.text.lines().find(|line| !line.starts_with("#![") && !line.trim().is_empty());
        if !first.is_some_and(|line| line.starts_with("//! ")) {
            findings.push(format!("{}: does not open with //! and what it owns", source.path));
        }
        let name = source.path.rsplit('/').next().unwrap();
        if BANNED_FILE_NAMES.contains(&name) {
            findings.push(format!("{}: a name that does not say what is inside", source.path));
        }
        if source.is_test_file() {
            continue;
        }
        let lines = source.code_lines().len();
        let excused = FILE_EXCEPTIONS.iter().any(|(path, _)| *path == source.path);
        if lines > FILE_LINES_HARD || (lines > FILE_LINES && !excused) {
            findings.push(format!("{}: {lines} lines without its tests", source.path));
        } else if lines > FILE_LINES {
            used.insert(source.path.clone());
        }
    }
    findings.extend(unused(FILE_EXCEPTIONS.map(|(path, _)| path.to_owned()), &used));
    no_findings("files have a purpose and at most 500 lines", &findings);
}

#[test]
fn functions_are_short() {
    let mut findings = Vec::new();
    let mut used = BTreeSet::new();
    for source in sources(&["src", "benches"]).into_iter().filter(|source| !source.is_test_file()) {
        for (name, line, length) in functions(&source.code_lines()) {
            if length <= FUNCTION_LINES {
                continue;
            }
            if FUNCTION_EXCEPTIONS.iter().any(|(path, function, _)| *path == source.path && *function == name) {
                used.insert(format!("{} {name}", source.path));
            } else {
                findings.push(format!("{}:{line}: {name} has {length} lines", source.path));
            }
        }
    }
    findings.extend(unused(FUNCTION_EXCEPTIONS.map(|(path, name, _)| format!("{path} {name}")), &used));
    no_findings("a function has at most 70 lines", &findings);
}

/// (name, line from 1, number of lines) of the functions, by rustfmt's layout: a function ends at the brace that stands
/// as far in as its `fn`.
fn functions(lines: &[&str]) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let Some(name) = function_name(line.trim_start()) else {
            continue;
        };
        let closing = format!("{}}}", " ".repeat(indent));
        // A declaration without a body, or a body on the same line, ends where the statement does.
        let end = (at..lines.len()).find(|i| {
            let text = lines[*i].trim_end();
            text == closing || (text.ends_with(';') && text.len() - text.trim_start().len() == indent) || {
                *i == at && text.ends_with('}')
            }
        });
        found.push((name, at + 1, end.unwrap_or(lines.len() - 1) - at + 1));
    }
    found
}

/// The name behind `fn`, where the line starts a function.
fn function_name(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    loop {
        let word = words.next()?;
        match word {
            "fn" => break,
            "const" | "async" | "unsafe" => {}
            _ if word.starts_with("pub") => {}
            _ => return None,
        }
    }
    let name = words.next()?;
    Some(name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
}

#[test]
fn no_banned_words() {
    let mut findings = Vec::new();
    for source in sources(&["src", "benches", "tests"]) {
        if source.path == "tests/it/tidy.rs" {
            continue;
        }
        for (number, line) in (1..).zip(source.text.lines()) {
            for banned in BANNED_WORDS {
                let found = match banned.strip_suffix('!') {
                    Some(_) => code(line).contains(banned),
                    None => words(line).contains(&banned),
                };
                if found {
                    findings.push(format!("{}:{number}: {banned}", source.path));
                }
            }
            if line.chars().count() > 400 && !source.is_test_file() {
                findings.push(format!("{}:{number}: a line of {} characters", source.path, line.chars().count()));
            }
            if line.contains('\t') && !source.is_test_file() {
                findings.push(format!("{}:{number}: a tab", source.path));
            }
        }
    }
    no_findings("banned words", &findings);
}

/// `unsafe` is allowed by name, in the table, the entry and where a measured gain asks for it; each with its reason.
#[test]
fn unsafe_says_why() {
    let mut findings = Vec::new();
    for source in sources(&["src"]) {
        let lines: Vec<&str> = source.text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let text = code(line);
            if !(text.contains("unsafe {") || text.trim_start().starts_with("unsafe impl")) {
                continue;
            }
            let reason = lines[at.saturating_sub(8)..at].iter().any(|before| before.contains("SAFETY:"));
            if !reason && !line.contains("SAFETY:") {
                findings.push(format!("{}:{}: unsafe without a SAFETY comment", source.path, at + 1));
            }
        }
    }
    no_findings("every unsafe block has its SAFETY reason", &findings);
}

#[test]
fn every_direct_dependency_has_its_reason() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut findings = Vec::new();
    let (mut in_dependencies, mut explained) = (false, false);
    for line in manifest.lines() {
        if line.starts_with('[') {
            in_dependencies = line.contains("dependencies");
            explained = false;
        } else if line.starts_with('#') {
            explained = true;
        } else if line.trim().is_empty() {
            explained = false;
        } else if in_dependencies && !explained && line.contains('=') && !line.starts_with(' ') {
            findings.push(line.to_owned());
        }
    }
    no_findings("a comment above each dependency, or group of them, says why it is there", &findings);
}

/// Every command of ours is named in a test, in capitals: as `NAME` or, for a subcommand, `CONTAINER SUB`.
#[test]
fn every_command_has_a_test() {
    let tests: Vec<Source> =
        sources(&["tests/it"]).into_iter().filter(|source| !LISTS_OF_COMMANDS.contains(&&*source.path)).collect();
    let is_tested = |command: &str| tests.iter().any(|source| names_command(&source.text, command));
    let mut findings: Vec<String> = UNTESTED_COMMANDS
        .iter()
        .filter(|command| is_tested(command))
        .map(|command| format!("{command}: a test names it now: remove it from the exceptions"))
        .collect();
    on_ours(&[], |server| {
        let reply = server.client().line("COMMAND LIST");
        let commands: Vec<String> = reply.items().iter().map(|name| name.text().to_ascii_uppercase()).collect();
        assert!(commands.len() > 30, "COMMAND LIST: {} commands", commands.len());
        let missing = commands.into_iter().filter(|c| !is_tested(c) && !UNTESTED_COMMANDS.contains(&c.as_str()));
        findings.extend(missing.map(|command| format!("{command}: no test names it")));
    });
    no_findings("a test names every command", &findings);
}

/// Whether the text has the command, at word boundaries; `CONFIG|GET` is also found as `CONFIG GET`.
fn names_command(text: &str, command: &str) -> bool {
    let mut forms = vec![command.to_owned()];
    if let Some((container, sub)) = command.split_once('|') {
        forms.push(format!("{container} {sub}"));
        forms.push(format!("{container}\", \"{sub}"));
    }
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    forms.iter().any(|form| {
        text.match_indices(form.as_str()).any(|(at, _)| {
            let before = text[..at].bytes().next_back();
            let after = text[at + form.len()..].bytes().next();
            !before.is_some_and(is_word) && !after.is_some_and(is_word)
        })
    })
}

/// The words of a text: runs of letters, digits and `_`.
fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect()
}
