//! What the tables ask of later releases: commands that the oracle has and our server does not have yet.
//!
//! The tables are written for the whole command set. On ours, a row of a later command is not run, and neither is what
//! depends on it: rows of a key that it would have written, an EXEC that would have run it, a reply that counts or
//! lists all keys. Everything else runs and is judged. Nothing is skipped in silence: only the commands of
//! [`LATER_COMMANDS`] are, so that a typing error or a command that went missing fails; and a listed command that our
//! server has fails too, so that the list can only shrink. On the oracle every row runs.

use std::collections::{BTreeMap, BTreeSet};

use super::{Client, Kind, Server, Value};

/// The keys that a command writes: these arguments (the command is 0), or perhaps any.
enum Writes {
    At(&'static [usize]),
    Any,
}

use Writes::{Any, At};

/// Commands, and `CONTAINER|SUB`commands, of later releases, by the keys that they write.
const LATER_COMMANDS: [(Writes, &str); 4] = [
    (At(&[]), "DUMP"),
    (
        At(&[]),
        "ACL ASKING BGREWRITEAOF BGSAVE CLUSTER FAILOVER MODULE PSYNC \
         READONLY READWRITE REPLCONF REPLICAOF ROLE SAVE SLAVEOF SYNC WAIT WAITAOF \
         CLIENT|CAPA",
    ),
    (At(&[1]), "RESTORE RESTORE-ASKING"),
    (Any, "MIGRATE"),
];

/// Of [`LATER_COMMANDS`], what Redis 7.0 does not have either.
const NEWER_THAN_70: [&str; 2] = ["CLIENT|CAPA", "WAITAOF"];

/// Commands of ours whose reply depends on every key.
const OF_ALL_KEYS: &str =
    "DBSIZE KEYS RANDOMKEY SCAN DEBUG|DIGEST DEBUG|DIGEST-VALUE DEBUG|OBJECT INFO|KEYSPACE MEMORY|STATS";

/// The keys that `words` writes, if it is a later command.
fn later(words: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    let (writes, _) = LATER_COMMANDS.iter().find(|(_, names)| is_listed(names, words))?;
    Some(match writes {
        At(places) => places.iter().filter_map(|place| words.get(*place).cloned()).collect(),
        Any => words[1..].to_vec(),
    })
}

/// Whether the list has the command of `words`, as itself or as a subcommand.
fn is_listed(names: &str, words: &[Vec<u8>]) -> bool {
    let Some(name) = words.first().map(|name| upper(name)) else { return false };
    let sub = words.get(1).map(|sub| format!("{name}|{}", upper(sub)));
    names.split(' ').any(|one| one == name || sub.as_deref() == Some(one))
}

/// Whether this command, or `CONTAINER|SUB`command, is of a later release.
pub fn is_later(command: &str) -> bool {
    let words: Vec<Vec<u8>> = command.split('|').map(Into::into).collect();
    later(&words).is_some()
}

fn upper(word: &[u8]) -> String {
    String::from_utf8_lossy(word).to_ascii_uppercase()
}

/// Whether the server has all these commands of `LATER_COMMANDS`: the oracle always, ours never. The part of a test
/// that needs them stands behind this.
#[track_caller]
pub fn needs(server: &Server, commands: &[&str]) -> bool {
    for command in commands {
        assert!(is_later(command), "{command} is not of a later release: what needs it can run");
    }
    if server.kind() == Kind::Ours {
        println!("SKIPPED on ours: what needs {}", commands.join(", "));
    }
    server.kind() == Kind::Oracle
}

/// What is to be done with a row on ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Run it and judge its reply.
    Run,
    /// Run it for its effect; its reply may differ.
    RunUnjudged,
    /// Do not run it.
    Skip,
}

/// One connection's transaction.
#[derive(Default)]
struct Transaction {
    open: bool,
    /// A row was left out of the queue.
    lossy: bool,
    watched: BTreeSet<Vec<u8>>,
    /// The rows queued.
    queue: Vec<Vec<Vec<u8>>>,
}

/// What the rows left out so far have made of the keys (of whatever database) and connections of one table.
#[derive(Default)]
pub struct Skips {
    tainted: BTreeSet<Vec<u8>>,
    transactions: BTreeMap<String, Transaction>,
    /// Answers COMMAND GETKEYSANDFLAGS, once there is a tainted key: before, the server serves the table alone.
    guide: Option<Client>,
}

impl Skips {
    /// Decides about a row of the connection named `client` on `server`, one of ours.
    pub fn judge(&mut self, server: &Server, client: &str, words: &[Vec<u8>]) -> Verdict {
        let Some(name) = words.first().map(|name| upper(name)) else { return Verdict::Run };
        if let Some(writes) = later(words) {
            self.leave_out(client, writes);
            return Verdict::Skip;
        }
        match name.as_str() {
            "MULTI" if words.len() == 1 => self.transaction(client).open = true,
            "EXEC" if words.len() == 1 => return self.exec(server, client),
            "DISCARD" | "RESET" => {
                self.transactions.remove(client);
            }
            "UNWATCH" if !self.transaction(client).open => self.transaction(client).watched.clear(),
            "WATCH" if !self.transaction(client).open => {
                self.transaction(client).watched.extend(words[1..].iter().cloned());
            }
            "FLUSHALL" if !self.transaction(client).open => self.tainted.clear(),
            "COMMAND" if words.get(2).is_some() => {
                // The command that it asks about; or, of INFO and DOCS, one of those.
                let about = if upper(&words[1]).starts_with("GETKEYS") { 3.min(words.len()) } else { words.len() };
                let mut names = words[2..about].iter().map(std::slice::from_ref);
                if names.any(|name| later(name).is_some()) {
                    return Verdict::Skip;
                }
            }
            _ => return self.judge_keys(server, client, &name, words),
        }
        Verdict::Run
    }

    fn judge_keys(&mut self, server: &Server, client: &str, name: &str, words: &[Vec<u8>]) -> Verdict {
        let open = self.transaction(client).open;
        if open {
            self.transaction(client).queue.push(words.to_vec());
        }
        if self.tainted.is_empty() {
            return Verdict::Run;
        }
        let keys = self.keys(server, words);
        let writes = written(&keys);
        let tainted = keys.iter().any(|key| self.tainted.contains(&key.name)) || is_listed(OF_ALL_KEYS, words);
        if !tainted {
            return Verdict::Run;
        }
        // These leave the same behind, whatever was there.
        let resets = match name {
            "SET" => words.len() == 3,
            "SETEX" | "PSETEX" => words.len() == 4,
            "MSET" => words.len() % 2 == 1,
            "DEL" | "UNLINK" => true,
            _ => false,
        };
        if resets && !open {
            writes.iter().for_each(|key| {
                self.tainted.remove(key);
            });
            return if matches!(name, "DEL" | "UNLINK") { Verdict::RunUnjudged } else { Verdict::Run };
        }
        self.leave_out(client, writes);
        Verdict::Skip
    }

    fn transaction(&mut self, client: &str) -> &mut Transaction {
        self.transactions.entry(client.to_owned()).or_default()
    }

    fn leave_out(&mut self, client: &str, writes: Vec<Vec<u8>>) {
        self.tainted.extend(writes);
        let transaction = self.transaction(client);
        transaction.lossy |= transaction.open;
    }

    /// An EXEC that lost a row replies with fewer elements; one that watches a key which a row left out would have
    /// changed may run where it should not.
    fn exec(&mut self, server: &Server, client: &str) -> Verdict {
        let ended = self.transactions.remove(client).unwrap_or_default();
        if ended.watched.is_disjoint(&self.tainted) {
            return if ended.lossy { Verdict::RunUnjudged } else { Verdict::Run };
        }
        for words in &ended.queue {
            let keys = self.keys(server, words);
            self.tainted.extend(written(&keys));
        }
        Verdict::RunUnjudged
    }

    /// The keys of a command of ours, as it sees them itself.
    fn keys(&mut self, server: &Server, words: &[Vec<u8>]) -> Vec<Key> {
        let guide = self.guide.get_or_insert_with(|| server.client());
        let question: Vec<&[u8]> =
            [&b"COMMAND"[..], b"GETKEYSANDFLAGS"].into_iter().chain(words.iter().map(Vec::as_slice)).collect();
        let Value::Array(keys) = guide.command(&question) else { return Vec::new() };
        let key = |pair: &Value| {
            let written = pair.items()[1].items().iter().any(|flag| matches!(flag.text().as_str(), "RW" | "OW" | "RM"));
            Key { name: pair.items()[0].bytes().to_vec(), written }
        };
        keys.iter().map(key).collect()
    }
}

struct Key {
    name: Vec<u8>,
    written: bool,
}

fn written(keys: &[Key]) -> Vec<Vec<u8>> {
    keys.iter().filter(|key| key.written).map(|key| key.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{on_each, split};
    use super::*;

    #[test]
    fn the_list_names_what_the_oracle_has_and_ours_has_not() {
        let names: Vec<&str> = LATER_COMMANDS.iter().flat_map(|(_, names)| names.split(' ')).collect();
        let unique: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(unique.len(), names.len());
        on_each(&[], |server| {
            let question: Vec<String> = ["COMMAND", "INFO"].iter().chain(&names).map(|word| (*word).into()).collect();
            let reply = server.client().command(&question);
            let has = names.iter().zip(reply.items()).filter(|(_, info)| !info.render().starts_with("(nil"));
            let has: Vec<&str> = has.map(|(name, _)| *name).collect();
            match server.kind() {
                Kind::Ours => assert!(has.is_empty(), "no longer of a later release, take it off the list: {has:?}"),
                Kind::Oracle => {
                    let odd: Vec<&&str> =
                        names.iter().filter(|name| !has.contains(name) && !NEWER_THAN_70.contains(name)).collect();
                    assert!(odd.is_empty(), "no commands: {odd:?}");
                }
            }
        });
    }

    #[test]
    fn what_depends_on_a_later_command_is_left_out_and_no_more() {
        use Verdict::{Run, RunUnjudged, Skip};
        on_each(&[], |server| {
            if server.kind() == Kind::Oracle {
                return;
            }
            let mut skips = Skips::default();
            for (client, line, verdict) in [
                ("a", "KEYS *", Run),
                ("a", "RESTORE l 0 v", Skip),
                ("a", "NOSUCH l", Run),
                ("a", "CLIENT BOGUS", Run),
                ("a", "CLIENT CAPA redirect", Skip),
                ("a", "GET x", Run),
                ("a", "GET l", Skip),
                ("a", "KEYS *", Skip),
                ("a", "COPY l m", Skip),
                ("a", "COPY x l", Skip),
                ("a", "GET m", Skip),
                ("a", "GET l extra", Run),
                ("a", "SET m v", Run),
                ("a", "GET m", Run),
                ("a", "COMMAND GETKEYS RESTORE l", Skip),
                ("a", "COMMAND GETKEYS SET l v", Run),
                ("a", "COMMAND INFO get restore", Skip),
                ("a", "COMMAND INFO get nosuch", Run),
                ("a", "MULTI", Run),
                ("b", "SET k 1", Run),
                ("a", "SET k 2", Run),
                ("a", "EXEC", Run),
                ("a", "MULTI", Run),
                ("a", "DUMP x", Skip),
                ("a", "SET k 3", Run),
                ("a", "EXEC", RunUnjudged),
                ("a", "GET k", Run),
                ("b", "WATCH w", Run),
                ("a", "RESTORE w 0 v", Skip),
                ("b", "MULTI", Run),
                ("b", "SET k 4", Run),
                ("b", "EXEC", RunUnjudged),
                ("a", "GET k", Skip),
                ("a", "DEL k l", RunUnjudged),
                ("a", "GET k", Run),
                ("a", "GET w", Skip),
                ("a", "FLUSHALL", Run),
                ("a", "GET w", Run),
                ("a", "DBSIZE", Run),
            ] {
                assert_eq!(skips.judge(server, client, &split(line)), verdict, "{line}");
            }
        });
    }
}
