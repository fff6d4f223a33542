//! Tables of command lines and expected replies, run on ours and on the oracle.
//!
//! A table is text, one row a line, so that a command looks as a person types it and no reply needs Rust's escapes:
//!
//! ```text
//! # a comment
//! SET k "a b"          => +OK            one command, its reply (see `expect`)
//! EXISTS k             ~> :0             repeat the command until the reply is this, within the deadline
//! @b WATCH k           => +OK            on a second connection, named b (the first is named a)
//! BLPOP l 0            => (later)        do not read the reply now …
//! (recv)               => [l, x]         … but here
//! CLIENT REPLY OFF     => (none)         no reply will ever come
//! QUIT                 => +OK
//! (recv)               => (closed)       the server has closed the connection
//! (close)              =>                we close the connection
//! CLIENT NO-TOUCH ON   => +OK            and where Redis 7.0 differs from 7.2, our target:
//!   7.0: -ERR unknown subcommand 'NO-TOUCH'. Try CLIENT HELP. -- new in 7.2
//! ```
//!
//! On ours, rows of commands of later releases, and rows that depend on them, are left out: see [`super::later`].
//!
//! A row without `=>` has no expectation yet: the test fails and shows the oracle's reply, or, with `OSTRACON_BLESS`,
//! writes it into the source file. All rows run before a table fails, so one run shows all that differs.

use std::collections::BTreeMap;
use std::fs;
use std::panic::Location;
use std::path::Path;
use std::time::Instant;

use super::later::{self, Skips};
use super::{Client, DEADLINE, Kind, Server, Value, matches, on_each, on_ours, pause, split};

/// Runs a table on each server, freshly started with the harness's settings.
#[track_caller]
pub fn check(table: &str) {
    check_with(&[], table);
}

/// Runs a table on each server, freshly started with these further arguments.
#[track_caller]
pub fn check_with(args: &[&str], table: &str) {
    let location = Location::caller();
    on_each(args, |server| Check::new(server).table_at(location, table));
}

/// Runs a table on ours alone: for what Redis 7.0 does not have. `reason` says whose behaviour it is.
#[track_caller]
pub fn check_ours(reason: &str, table: &str) {
    assert!(!reason.is_empty());
    let location = Location::caller();
    on_ours(&[], |server| Check::new(server).table_at(location, table));
}

/// Named connections to one server, and the rows run on them.
pub struct Check<'a> {
    server: &'a Server,
    clients: BTreeMap<String, Client>,
    is_70: bool,
    /// What the rows left out on ours have made undecided.
    skips: Skips,
}

struct Row<'t> {
    line: u32,
    client: &'t str,
    command: &'t str,
    expected: Option<&'t str>,
    expected_70: Option<&'t str>,
    poll: bool,
}

impl<'a> Check<'a> {
    /// No connection is made before a row needs it.
    pub fn new(server: &'a Server) -> Check<'a> {
        Check { server, clients: BTreeMap::new(), is_70: false, skips: Skips::default() }
    }

    /// Runs one row: `c.check("HSET h f v", ":1")`.
    #[track_caller]
    pub fn check(&mut self, command: &str, expected: &str) {
        self.table_at(Location::caller(), &format!("{command} => {expected}"));
    }

    /// Runs a table.
    #[track_caller]
    pub fn table(&mut self, table: &str) {
        self.table_at(Location::caller(), table);
    }

    fn table_at(&mut self, location: &Location<'_>, table: &str) {
        self.is_70 = self.server.kind() == Kind::Oracle && oracle_is_70();
        let mut failures = Vec::new();
        for row in parse(table) {
            if let Err(text) = self.row(&row, location) {
                let place = first_line(location) + row.line;
                let kind = self.server.kind();
                failures.push(format!("{}:{place}: {kind:?}: {}\n{text}", location.file(), row.command));
            }
        }
        assert!(failures.is_empty(), "{} rows differ:\n\n{}\n", failures.len(), failures.join("\n"));
    }

    /// The connection of this name, made now if there is none.
    pub fn client(&mut self, name: &str) -> &mut Client {
        let server = self.server;
        self.clients.entry(name.to_owned()).or_insert_with(|| server.client())
    }

    fn row(&mut self, row: &Row<'_>, location: &Location<'_>) -> Result<(), String> {
        let expected = match row.expected_70 {
            Some(_) if self.is_70 => row.expected_70,
            _ => row.expected,
        };
        if row.command == "(close)" {
            self.clients.remove(row.client);
            return Ok(());
        }
        let words = split(row.command);
        let mut expected = expected;
        if self.server.kind() == Kind::Ours && row.command != "(recv)" {
            match self.skips.judge(self.server, row.client, &words) {
                later::Verdict::Run => {}
                later::Verdict::RunUnjudged if expected.is_some_and(|text| text.starts_with("(none")) => {}
                later::Verdict::RunUnjudged => expected = Some("~*"),
                later::Verdict::Skip => return Ok(()),
            }
        }
        let end = Instant::now() + DEADLINE;
        loop {
            if row.command != "(recv)" {
                self.client(row.client).try_send_raw(&super::encode(&words)).map_err(|e| format!("  send: {e}"))?;
            }
            if matches!(expected, Some("(later)" | "(none)")) {
                return Ok(());
            }
            let reply = self.client(row.client).try_recv();
            match judge(expected, &reply) {
                Verdict::Right => return Ok(()),
                Verdict::Wrong if row.poll && Instant::now() < end && reply.is_ok() => pause(),
                Verdict::Wrong => {
                    return Err(format!("  expected {}\n  got      {}", expected.unwrap(), show(&reply)));
                }
                Verdict::Unknown => return self.bless(row, &show(&reply), location),
            }
        }
    }

    /// A row without an expectation: shown, and written into the source where asked for and true of the oracle.
    fn bless(&self, row: &Row<'_>, reply: &str, location: &Location<'_>) -> Result<(), String> {
        if std::env::var_os("OSTRACON_BLESS").is_some() && self.server.kind() == Kind::Oracle {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(location.file());
            static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
            let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let source = fs::read_to_string(&path).unwrap();
            let mut lines: Vec<String> = source.lines().map(str::to_owned).collect();
            let place = (first_line(location) + row.line - 1) as usize;
            assert!(lines[place].contains(row.command) && !lines[place].contains(" => "), "{}", lines[place]);
            lines[place] = format!("{} => {reply}", lines[place].trim_end());
            fs::write(&path, lines.join("\n") + "\n").unwrap();
        }
        Err(format!("  no expectation yet\n  got      {reply}"))
    }
}

/// The line, from 1, of the source file where the table of the call at `location` opens.
fn first_line(location: &Location<'_>) -> u32 {
    let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(location.file())).unwrap_or_default();
    let lines = (1..).zip(source.lines()).skip_while(|(number, _)| *number < location.line());
    lines.take(10).find(|(_, text)| text.contains("r#\"")).map_or(location.line(), |(number, _)| number)
}

enum Verdict {
    Right,
    Wrong,
    Unknown,
}

fn judge(expected: Option<&str>, reply: &std::io::Result<Option<Value>>) -> Verdict {
    let right = match (expected, reply) {
        (None, _) => return Verdict::Unknown,
        (Some("(closed)"), reply) => matches!(reply, Ok(None)),
        (Some(expected), Ok(Some(value))) => matches(expected, value),
        (Some(_), _) => false,
    };
    if right { Verdict::Right } else { Verdict::Wrong }
}

fn show(reply: &std::io::Result<Option<Value>>) -> String {
    match reply {
        Ok(Some(value)) => value.render(),
        Ok(None) => "(closed)".to_owned(),
        Err(e) => format!("(no reply: {e})"),
    }
}

/// Whether the installed `redis-server` is a 7.0: asked once.
fn oracle_is_70() -> bool {
    static ANSWER: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *ANSWER.get_or_init(|| {
        let output = std::process::Command::new("redis-server").arg("--version").output();
        output.is_ok_and(|o| String::from_utf8_lossy(&o.stdout).contains(" v=7.0."))
    })
}

fn parse(table: &str) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (line, text) in (0..).zip(table.lines()) {
        let text = text.trim();
        if text.is_empty() || text.starts_with("# ") || text == "#" {
            continue;
        }
        if let Some(rest) = text.strip_prefix("7.0: ") {
            let (expected, reason) = rest.rsplit_once(" -- ").expect("`7.0: reply -- reason`");
            assert!(!reason.trim().is_empty(), "a reason is missing: {text}");
            let row = rows.last_mut().expect("`7.0:` follows its row");
            assert!(row.expected != Some(expected.trim()), "the same as 7.2: {text}");
            row.expected_70 = Some(expected.trim());
            continue;
        }
        let (client, text) = match text.strip_prefix('@').and_then(|rest| rest.split_once(' ')) {
            Some((name, rest)) => (name, rest),
            None => ("a", text),
        };
        let text_padded = format!("{text} ");
        let (at, poll) = match (text_padded.find(" => "), text_padded.find(" ~> ")) {
            (Some(at), None) => (Some(at), false),
            (None, Some(at)) => (Some(at), true),
            (None, None) => (None, false),
            (Some(a), Some(b)) => (Some(a.min(b)), b < a),
        };
        let command = text[..at.unwrap_or(text.len())].trim();
        let expected = at.map(|at| text.get(at + 4..).unwrap_or("").trim());
        rows.push(Row { line, client, command, expected, expected_70: None, poll });
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_parsed() {
        let rows = parse("\n # note\n @b GET k => v\n  7.0: w -- why\n\n EXISTS k ~> :0\n PING\n");
        assert_eq!(rows.len(), 3);
        assert_eq!((rows[0].client, rows[0].command, rows[0].expected), ("b", "GET k", Some("v")));
        assert_eq!((rows[0].line, rows[0].expected_70), (2, Some("w")));
        assert_eq!((rows[1].client, rows[1].poll, rows[1].expected), ("a", true, Some(":0")));
        assert_eq!(rows[2].expected, None);
    }

    #[test]
    fn both_servers_answer() {
        check("PING => +PONG\n @b ECHO 'x y' => 'x y'\n @b QUIT => +OK\n @b (recv) => (closed)\n");
    }
}
