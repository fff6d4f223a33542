//! Two servers that get the same steps: sends, compares, shrinks.
//!
//! Owns the rules by which replies are compared. Knows nothing of how the
//! stream is drawn.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use super::differences::KNOWN;
use super::generator::afterwards;
use super::name_of;
use crate::support::{Client, Server, Value, encode};

/// Connections to each server.
pub const CONNECTIONS: usize = 3;
/// Databases whose data are compared.
const COMPARED: [u64; 6] = [0, 1, 2, 3, 9, 15];
/// Bytes sent before replies are read: fits the sockets' buffers, so that neither side waits for the other.
const CHUNK_BYTES: usize = 128 << 10;
/// How far apart the two servers may get a command, in ms.
const SKEW: i64 = 20_000;
/// The limits up to which collections are small, which the stream changes, and their defaults.
pub const LIMITS: [(&str, i64); 8] = [
    ("hash-max-listpack-entries", 512),
    ("hash-max-listpack-value", 64),
    ("set-max-intset-entries", 512),
    ("zset-max-listpack-entries", 128),
    ("zset-max-listpack-value", 64),
    ("list-max-listpack-size", -2),
    ("stream-node-max-entries", 100),
    ("hll-sparse-max-bytes", 3000),
];
/// How long shrinking may take.
const SHRINK: Duration = Duration::from_secs(40);

/// One step of the stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A command on one of the connections.
    Command { connection: usize, args: Vec<Vec<u8>> },
    /// SCAN of a database to its end, with these options.
    Scan { db: u64, args: Vec<Vec<u8>> },
    /// The data are compared.
    Compare,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Command { connection, args } => write!(f, "@{connection} {}", shown(args)),
            Step::Scan { db, args } => write!(f, "(SCAN db {db} to the end: {})", shown(args)),
            Step::Compare => write!(f, "(compare the data)"),
        }
    }
}

/// Arguments as redis-cli takes them.
pub fn shown(args: &[Vec<u8>]) -> String {
    let words = args.iter().map(|arg| {
        let plain = !arg.is_empty() && arg.iter().all(|b| b.is_ascii_graphic() && !b"'\"\\".contains(b));
        match String::from_utf8_lossy(&arg[..arg.len().min(2000)]) {
            text if plain => text.into_owned(),
            _ => format!("\"{}\"", arg[..arg.len().min(2000)].escape_ascii()),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// What the two servers answered.
pub struct Difference {
    /// Index of the step.
    pub at: usize,
    step: Step,
    ours: String,
    oracle: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  ours:   {}\n  oracle: {}", self.step, self.ours, self.oracle)
    }
}

/// How a reply is compared.
#[derive(Clone, Copy, PartialEq)]
enum Rule {
    Exact,
    /// Integers this far apart.
    Near(i64),
    /// Elements, or pairs of a map, in any order.
    Unordered,
    /// What a scan returns: where both have come to the end, the same elements in any order.
    Scan,
    /// As many elements, whatever they are; errors exactly.
    Random,
    /// The type of the reply, and errors exactly.
    Shape,
}

fn rule(name: &str, args: &[Vec<u8>]) -> Rule {
    let has = |word: &str| args.iter().any(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
    match name {
        // Equal weights, and the members of a set, are in no order.
        "sort" | "sort_ro" if has("by") && has("limit") => Rule::Shape,
        "sort" | "sort_ro" if has("by") => Rule::Unordered,
        "ttl" | "expiretime" | "object|idletime" => Rule::Near(SKEW / 1000),
        "pttl" | "pexpiretime" => Rule::Near(SKEW),
        "keys" | "hgetall" | "hkeys" | "hvals" | "smembers" | "sinter" | "sunion" | "sdiff" => Rule::Unordered,
        "hscan" | "sscan" | "zscan" => Rule::Scan,
        _ if (name.starts_with("geosearch") || name.starts_with("georadius")) && has("any") => Rule::Random,
        "hrandfield" | "srandmember" | "zrandmember" | "spop" => Rule::Random,
        "randomkey" | "time" | "hello" | "object|help" => Rule::Shape,
        _ => Rule::Exact,
    }
}

fn sorted<T: Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = all.collect();
    all.sort();
    all
}

fn same(rule: Rule, ours: &Value, oracle: &Value) -> bool {
    if ours == oracle {
        return true;
    }
    match (rule, ours, oracle) {
        (Rule::Near(by), Value::Int(a), Value::Int(b)) => *a >= 0 && *b >= 0 && a.abs_diff(*b) <= by as u64,
        (Rule::Unordered, Value::Array(a), Value::Array(b)) | (Rule::Unordered, Value::Set(a), Value::Set(b)) => {
            a.len() == b.len() && sorted(a.iter().map(Value::render)) == sorted(b.iter().map(Value::render))
        }
        (Rule::Unordered, Value::Map(a), Value::Map(b)) => {
            let pair = |(key, value): &(Value, Value)| (key.render(), value.render());
            a.len() == b.len() && sorted(a.iter().map(pair)) == sorted(b.iter().map(pair))
        }
        (Rule::Scan, Value::Array(a), Value::Array(b)) => {
            let end = Value::Bulk(b"0".to_vec());
            a[0] != end || b[0] != end || same(Rule::Unordered, &a[1], &b[1])
        }
        (Rule::Random, Value::Array(a), Value::Array(b)) | (Rule::Random, Value::Set(a), Value::Set(b)) => {
            a.len() == b.len()
        }
        (Rule::Random, Value::Bulk(_), Value::Bulk(_)) => true,
        (Rule::Shape, Value::Error(_), Value::Error(_)) => false,
        (Rule::Shape, a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
        _ => false,
    }
}

/// The connections to one server.
struct Side {
    connections: Vec<Client>,
    own: Client,
    /// Ends with the test.
    _server: Server,
}

impl Side {
    fn new(server: Server) -> Side {
        let mut own = server.client();
        // Keys go when somebody asks for them, and not when a timer finds them: DBSIZE is then no matter of chance.
        own.ask("DEBUG SET-ACTIVE-EXPIRE 0");
        Side { connections: (0..CONNECTIONS).map(|_| server.client()).collect(), own, _server: server }
    }

    fn reset(&mut self) {
        for client in &mut self.connections {
            client.ask("RESET");
        }
        self.own.ask("FLUSHALL");
        LIMITS.iter().for_each(|(name, limit)| {
            self.own.ask(&format!("CONFIG SET {name} {limit}"));
        });
    }

    /// SCAN until its cursor is 0: the keys, or the error.
    fn scan(&mut self, db: u64, options: &[Vec<u8>]) -> Result<BTreeSet<Vec<u8>>, Value> {
        self.own.ask(&format!("SELECT {db}"));
        let (mut cursor, mut keys) = (b"0".to_vec(), BTreeSet::new());
        loop {
            let head = [b"SCAN".to_vec(), cursor];
            let reply = self.own.command(&[&head, options].concat());
            let Value::Array(parts) = &reply else { return Err(reply) };
            keys.extend(parts[1].items().iter().map(|key| key.bytes().to_vec()));
            cursor = parts[0].bytes().to_vec();
            if cursor == b"0" {
                return Ok(keys);
            }
        }
    }

    /// Everything about a database: questions and their answers.
    fn data(&mut self, db: u64) -> Vec<(Vec<Vec<u8>>, Value)> {
        self.own.ask(&format!("SELECT {db}"));
        let words = |words: &[&[u8]]| words.iter().map(|w| w.to_vec()).collect::<Vec<_>>();
        let mut keys: Vec<Vec<u8>> = self.own.line("KEYS *").items().iter().map(|key| key.bytes().to_vec()).collect();
        keys.sort();
        let mut questions = vec![words(&[b"KEYS", b"*"])];
        for key in &keys {
            questions.push(words(&[b"TYPE", key]));
            questions.push(words(&[b"OBJECT", b"ENCODING", key]));
            questions.push(words(&[b"GET", key]));
            questions.push(words(&[b"LRANGE", key, b"0", b"-1"]));
            questions.push(words(&[b"PTTL", key]));
            questions.push(words(&[b"DEBUG", b"DIGEST-VALUE", key]));
        }
        questions.push(words(&[b"DBSIZE"]));
        let mut answers: Vec<(Vec<Vec<u8>>, Value)> = questions
            .into_iter()
            .map(|question| {
                let answer = self.own.command(&question);
                (question, answer)
            })
            .collect();
        let random = self.own.line("RANDOMKEY");
        let present = match &random {
            Value::Bulk(key) => keys.contains(key),
            _ => keys.is_empty(),
        };
        answers.push((words(&[b"RANDOMKEY", b"is", b"present"]), Value::Bool(present)));
        answers
    }
}

/// Both servers.
pub struct Pair {
    ours: Side,
    oracle: Side,
    /// What each connection has queued in MULTI.
    queues: Vec<Vec<Vec<Vec<u8>>>>,
    /// Known differences met, by reason.
    pub known: BTreeMap<&'static str, u64>,
}

impl Pair {
    /// Both freshly started.
    pub fn new(ours: Server, oracle: Server) -> Pair {
        Pair {
            ours: Side::new(ours),
            oracle: Side::new(oracle),
            queues: vec![Vec::new(); CONNECTIONS],
            known: BTreeMap::new(),
        }
    }

    /// Runs the steps; the first difference is the error.
    pub fn run(&mut self, steps: &[Step]) -> Result<(), Difference> {
        let mut at = 0;
        while at < steps.len() {
            let done = match &steps[at] {
                Step::Command { connection, .. } => self.commands(*connection, &steps[at..]),
                Step::Scan { db, args } => {
                    let (ours, oracle) = (self.ours.scan(*db, args), self.oracle.scan(*db, args));
                    if ours == oracle { Ok(1) } else { Err((0, format!("{ours:?}"), format!("{oracle:?}"))) }
                }
                Step::Compare => self.compare(),
            };
            match done {
                Ok(count) => at += count,
                Err((by, ours, oracle)) => {
                    return Err(Difference { at: at + by, step: steps[at + by].clone(), ours, oracle });
                }
            }
        }
        Ok(())
    }

    /// Sends a chunk: the commands in front that go to this connection. Returns how many they were.
    fn commands(&mut self, connection: usize, steps: &[Step]) -> Result<usize, (usize, String, String)> {
        let (mut bytes, mut chunk, mut taken) = (Vec::new(), Vec::new(), 0);
        for step in steps {
            match step {
                Step::Command { connection: c, args } if *c == connection && bytes.len() < CHUNK_BYTES => {
                    for args in [args.clone()].into_iter().chain(afterwards(args)) {
                        bytes.extend(encode(&args));
                        chunk.push((taken, args));
                    }
                    taken += 1;
                }
                _ => break,
            }
        }
        self.ours.connections[connection].send_raw(&bytes);
        self.oracle.connections[connection].send_raw(&bytes);
        let mut found = None;
        // All replies are read, whatever they are: the connections stay in step.
        for (by, args) in &chunk {
            let ours = self.ours.connections[connection].recv();
            let oracle = self.oracle.connections[connection].recv();
            if let Some((ours, oracle)) = self.differ(connection, args, &ours, &oracle)
                && found.is_none()
            {
                found = Some((*by, format!("{}: {ours}", shown(args)), format!("{}: {oracle}", shown(args))));
            }
        }
        found.map_or(Ok(taken), Err)
    }

    /// What differs in two replies. Takes note of what MULTI queues, for EXEC's replies are compared one by one.
    fn differ(&mut self, on: usize, args: &[Vec<u8>], ours: &Value, oracle: &Value) -> Option<(String, String)> {
        let name = name_of(args);
        let queued = Value::Simple(b"QUEUED".to_vec());
        if *ours == queued && *oracle == queued {
            self.queues[on].push(args.to_vec());
            return None;
        }
        if matches!(name.as_str(), "exec" | "discard" | "reset") {
            let queue = std::mem::take(&mut self.queues[on]);
            if let (Value::Array(a), Value::Array(b)) = (ours, oracle)
                && (name.as_str(), a.len(), b.len()) == ("exec", queue.len(), queue.len())
            {
                let found = (0..queue.len()).find(|i| !self.one_alike(&queue[*i], &a[*i], &b[*i]))?;
                let text = |v: &Value| format!("{}: {}", shown(&queue[found]), cut(v.render()));
                return Some((text(&a[found]), text(&b[found])));
            }
        }
        let alike = self.one_alike(args, ours, oracle);
        (!alike).then(|| (cut(ours.render()), cut(oracle.render())))
    }

    fn one_alike(&mut self, args: &[Vec<u8>], ours: &Value, oracle: &Value) -> bool {
        let name = name_of(args);
        if same(rule(&name, args), ours, oracle) {
            return true;
        }
        match KNOWN.iter().find(|known| (known.applies)(&name, args, ours, oracle)) {
            Some(known) => {
                *self.known.entry(known.reason).or_default() += 1;
                true
            }
            None => false,
        }
    }

    /// Compares the data of both.
    fn compare(&mut self) -> Result<usize, (usize, String, String)> {
        for db in COMPARED {
            let (ours, oracle) = (self.ours.data(db), self.oracle.data(db));
            let mut kind = Vec::new();
            for ((question, a), (_, b)) in ours.iter().zip(&oracle) {
                if let Value::Simple(name) = a {
                    kind.clone_from(name);
                }
                // What is said of an encoding depends on the type.
                let known_as = match &question[..] {
                    [object, ..] if object == b"OBJECT" => &[question, &[kind.clone()][..]].concat(),
                    _ => question,
                };
                if !self.one_alike(known_as, a, b) {
                    let question = format!("db {db}, {}: ", shown(question));
                    return Err((0, question.clone() + &cut(a.render()), question + &cut(b.render())));
                }
            }
        }
        Ok(1)
    }

    /// Empties both servers and runs the steps from there.
    fn replay(&mut self, steps: &[Step]) -> Result<(), Difference> {
        self.queues.iter_mut().for_each(Vec::clear);
        self.ours.reset();
        self.oracle.reset();
        self.run(steps)
    }

    /// The fewest steps found within the time that still differ, and how. Steps are left out in blocks, ever smaller.
    pub fn shrink(&mut self, steps: &[Step]) -> (Vec<Step>, Option<String>) {
        let end = Instant::now() + SHRINK;
        let (mut few, mut smaller) = (steps.to_vec(), None);
        let mut block = few.len();
        while block > 0 && Instant::now() < end {
            let mut at = 0;
            while at < few.len() && Instant::now() < end {
                let mut rest = few[..at].to_vec();
                rest.extend_from_slice(few.get(at + block..).unwrap_or_default());
                // The first attempt, with nothing left out, says whether it can be seen again.
                let attempt = if smaller.is_none() { &few } else { &rest };
                match self.replay(attempt) {
                    Err(found) => {
                        few = attempt[..=found.at].to_vec();
                        smaller = Some(found.to_string());
                    }
                    Ok(()) if smaller.is_none() => return (few, None),
                    Ok(()) => at += block,
                }
            }
            block = if block > few.len() { few.len() / 2 } else { block / 2 };
        }
        (few, smaller)
    }
}

/// The beginning of a text that may be very long.
fn cut(text: String) -> String {
    if text.len() <= 2000 { text } else { text.chars().take(2000).collect::<String>() + "…" }
}
