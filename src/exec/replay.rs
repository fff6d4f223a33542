//! The journal of random commands, replayed into an empty server, gives the same dataset.
//!
//! This is the property that the append-only file and replication rest on, so it is tested through the whole pipeline:
//! bytes in, listeners called, bytes of the journal in again. The replay's clock is far behind: it expires nothing by
//! itself, as a replay must not (the journal says when a key went), and a relative time to live would show.

mod hashes;
mod scripts;
mod sets;
mod streams;

use super::Worker;
use crate::base::clock::Clock;
use crate::base::rng::{Rng, seed_thread};
use crate::client::{Client, Shared};
use crate::config::{Config, Settings};
use crate::resp::OutBuf;
use crate::server::Server;
use crate::store::{Call, Class, Context, Effects, Event, Journal, JournalEntry, Notify, StrRef};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

type Command = Vec<Vec<u8>>;

/// A journal that keeps what it is given.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Command>>>);

impl Journal for Recorder {
    fn append(&self, db: u32, args: &[&[u8]]) {
        assert_eq!(db, 0);
        self.0.lock().push(args.iter().map(|arg| arg.to_vec()).collect());
    }
    fn append_group(&self, entries: &[JournalEntry]) {
        assert!(entries.len() > 1);
        let commands = entries.iter().map(|(_, args)| args.iter().map(|arg| arg.to_vec()).collect());
        let mut group: Vec<Command> = [vec![b"MULTI".to_vec()]].into_iter().chain(commands).collect();
        group.push(vec![b"EXEC".to_vec()]);
        self.0.lock().append(&mut group);
    }
}

/// Keeps the events, but for those of new keys.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Notify for Heard {
    fn event(&self, event: &Event, _: &mut Vec<Call>) {
        if event.class != Class::New {
            self.0.lock().push(format!("{} {}", event.name, String::from_utf8_lossy(&event.key)));
        }
    }
}

impl Heard {
    /// What came since the last call: `del k, set l`.
    fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock()).join(", ")
    }
}

/// A server without sockets, and its only client.
struct Bench {
    server: Arc<Server>,
    worker: Worker,
    client: Client,
    clock: Clock,
}

impl Bench {
    fn new() -> Self {
        let clock = Clock::manual();
        clock.set_unix_ms(1_700_000_000_000);
        Self::at(clock)
    }

    fn at(clock: Clock) -> Self {
        let server =
            Arc::new(Server::new(Config::new(Settings::default(), None), clock.clone(), 1).expect("no renames"));
        let worker = Worker::new(Arc::clone(&server), 0);
        Self::with(server, worker, clock)
    }

    fn with(server: Arc<Server>, worker: Worker, clock: Clock) -> Self {
        let shared = Arc::new(Shared::new(1, String::new(), String::new(), 0, 0, 0));
        Self { worker, server, client: Client::new(shared, true), clock }
    }

    fn run(&mut self, command: &[Vec<u8>]) -> Vec<u8> {
        let mut request = format!("*{}\r\n", command.len()).into_bytes();
        for arg in command {
            request.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            request.extend_from_slice(arg);
            request.extend_from_slice(b"\r\n");
        }
        let mut out = OutBuf::new();
        let progress = self.worker.run(&self.server, &mut self.client, &request, &mut out);
        assert_eq!(progress.consumed, request.len());
        let mut slices = [IoSlice::new(&[]); 8];
        let used = out.fill_slices(&mut slices);
        slices[..used].iter().flat_map(|slice| slice.to_vec()).collect()
    }

    /// Every key with its text and its time to live.
    fn dataset(&self) -> BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)> {
        let store = &self.worker.server().store;
        let mut effects = Effects::default();
        let access = self.worker.server().access(self.worker.settings(), 0);
        let context = Context { db: 0, now: self.clock.unix_ms(), access, no_touch: true };
        let mut tx = store.begin_none(context, &mut effects);
        let mut all = BTreeMap::new();
        for shard in 0..store.shard_count() {
            tx.walk(0, shard, 0, |entry| {
                let text = match entry.str() {
                    Some(StrRef::Int(n)) => n.to_string().into_bytes(),
                    Some(StrRef::Inline(b)) => b.to_vec(),
                    Some(StrRef::Shared(b)) => b.to_vec(),
                    None => crate::commands::debug::value_digest(entry, self.clock.unix_ms()).to_vec(),
                };
                all.insert(entry.key().to_vec(), (text, entry.expire_at()));
                true
            });
        }
        all
    }
}

/// What the words of the templates stand for.
fn fill(word: &str, rng: &mut Rng, now: u64) -> Vec<u8> {
    let mut number = |from: i64, count: u64| from + rng.below(count) as i64;
    match word {
        "key" => format!("k{}", number(0, 6)).into_bytes(),
        "int" => number(-300, 600).to_string().into_bytes(),
        "index" => number(-40, 80).to_string().into_bytes(),
        "offset" => number(0, 5000).to_string().into_bytes(),
        "bit" => number(0, 2).to_string().into_bytes(),
        "float" => format!("{}.{}", number(-50, 100), number(0, 1000)).into_bytes(),
        "seconds" => number(1, 30).to_string().into_bytes(),
        "ms" => number(1, 3000).to_string().into_bytes(),
        "moment" => (now as i64 + number(-500, 3000)).to_string().into_bytes(),
        "value" => match number(0, 4) {
            0 => number(-20, 40).to_string().into_bytes(),
            1 => vec![b'v'; number(0, 100) as usize],
            2 => vec![b'l'; number(2000, 100) as usize],
            _ => (0..number(0, 40)).map(|_| rng.next_u64() as u8).collect(),
        },
        "field" => format!("{}{}", ["i", "u"][number(0, 2) as usize], number(1, 63)).into_bytes(),
        _ => word.as_bytes().to_vec(),
    }
}

const TEMPLATES: &[&str] = &[
    "SET key value",
    "SET key value NX",
    "SET key value XX GET",
    "SET key value IFEQ value KEEPTTL",
    "SET key value EX seconds",
    "SET key value GET PX ms",
    "SET key value NX PXAT moment",
    "SET key value KEEPTTL",
    "SETNX key value",
    "SETEX key seconds value",
    "PSETEX key ms value",
    "GETSET key value",
    "GETDEL key",
    "GETEX key PX ms",
    "GETEX key PXAT moment",
    "GETEX key PERSIST",
    "DELIFEQ key value",
    "GET key",
    "APPEND key value",
    "SETRANGE key offset value",
    "INCR key",
    "DECR key",
    "INCRBY key int",
    "DECRBY key int",
    "INCRBYFLOAT key float",
    "MSET key value key value",
    "MSETNX key value key value",
    "LCS key key IDX",
    "SETBIT key offset bit",
    "BITCOUNT key index index",
    "BITPOS key bit index",
    "BITOP AND key key key",
    "BITOP XOR key key key",
    "BITOP NOT key key",
    "BITOP DIFF key key key",
    "BITOP ONE key key key",
    "BITFIELD key SET field offset int INCRBY field offset int",
    "BITFIELD key OVERFLOW FAIL INCRBY field offset int",
    "BITFIELD key OVERFLOW SAT SET field offset int GET field offset",
    "LPUSH key value",
    "RPUSH key value bit value bit",
    "RPUSH key bit bit bit",
    "LPUSHX key value bit",
    "RPOP key",
    "LPOP key bit",
    "LSET key bit value",
    "LINSERT key BEFORE bit value",
    "LREM key bit bit",
    "LTRIM key index index",
    "LMOVE key key LEFT RIGHT",
    "RPOPLPUSH key key",
    "LMPOP 2 key key LEFT COUNT 2",
    "SORT key ALPHA DESC STORE key",
    "SORT key BY k* LIMIT 0 index GET # GET k* STORE key",
];

const EARLY: u64 = 1_000_000_000_000;
const LATE: u64 = 2_000_000_000_000;

/// Random commands whose journal, replayed in an empty server, must leave what they have left.
struct Plan<'a> {
    /// One run each.
    seeds: u64,
    /// Commands a run.
    rounds: usize,
    /// After how many commands the two are compared.
    every: usize,
    /// The journal has more commands than this in the end.
    least: usize,
    templates: &'a [&'a str],
    /// Turns a template's word into an argument.
    fill: &'a dyn Fn(&str, &mut Rng, u64) -> Vec<u8>,
    /// When the journal is replayed, in ms: an early time, at which no key has expired, or a late one, before which
    /// everything has happened.
    at: u64,
    /// Settings of the run with this seed.
    set: &'a dyn Fn(&Bench, u64),
}

impl Plan<'_> {
    /// Runs it; `seen` is what of a server's data is compared.
    fn run<T: PartialEq + std::fmt::Debug>(&self, seen: impl Fn(&mut Bench) -> T) {
        for seed in 0..self.seeds {
            let (mut rng, mut first, journal) = (Rng::new(seed), Bench::new(), Recorder::default());
            seed_thread(seed);
            (self.set)(&first, seed);
            assert!(first.worker.server().store.listeners.set_journal(Box::new(journal.clone())));
            for round in 1..=self.rounds {
                let template = self.templates[rng.below(self.templates.len() as u64) as usize];
                let now = first.clock.unix_ms();
                let command: Command = template.split(' ').map(|word| (self.fill)(word, &mut rng, now)).collect();
                let reply = first.run(&command);
                assert!(!reply.starts_with(b"-ERR syntax"), "{command:?}: {}", String::from_utf8_lossy(&reply));
                first.clock.advance(Duration::from_millis(rng.below(60)));
                if round % self.every == 0 {
                    let mut second = Bench::new();
                    (self.set)(&second, seed);
                    second.clock.set_unix_ms(self.at);
                    journal.0.lock().iter().for_each(|command| replay(&mut second, command));
                    second.clock.set_unix_ms(first.clock.unix_ms());
                    assert_eq!(seen(&mut first), seen(&mut second), "seed {seed}, round {round}");
                }
            }
            assert!(journal.0.lock().len() > self.least);
        }
    }
}

/// A journal has what changed, and not what asked for it.
fn replay(bench: &mut Bench, command: &Command) {
    assert!(!command[0].starts_with(b"EVAL") && !command[0].starts_with(b"FCALL"), "{command:?}");
    let reply = bench.run(command);
    assert_ne!(reply.first(), Some(&b'-'), "{command:?}: {}", String::from_utf8_lossy(&reply));
}

#[test]
fn the_journal_replayed_gives_the_same_dataset() {
    Plan {
        seeds: 8,
        rounds: 500,
        every: 100,
        least: 200,
        templates: TEMPLATES,
        fill: &fill,
        at: EARLY,
        set: &|_, _| {},
    }
    .run(|bench| bench.dataset());
}

fn words(line: &str) -> Command {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// What `lines` leave in the journal.
fn journalled(lines: &[&str]) -> Vec<String> {
    let (mut bench, journal) = (Bench::new(), Recorder::default());
    assert!(bench.worker.server().store.listeners.set_journal(Box::new(journal.clone())));
    lines.iter().for_each(|line| {
        bench.run(&words(line));
    });
    let commands = journal.0.lock();
    commands.iter().map(|c| String::from_utf8_lossy(&c.join(&b' ')).into_owned()).collect()
}

#[test]
fn the_journal_is_deterministic() {
    let cases: &[(&[&str], &str)] = &[
        (&["SET k v EX 10 NX GET"], "SET k v PXAT 1700000010000"),
        (&["SETEX k 10 v"], "SET k v PXAT 1700000010000"),
        (&["SET k v", "SET k w IFEQ v KEEPTTL"], "SET k w KEEPTTL"),
        (&["SET k v", "GETSET k w"], "SET k w"),
        (&["INCRBYFLOAT k 0.1"], "SET k 0.1 KEEPTTL"),
        (&["SET k v", "GETDEL k"], "DEL k"),
        (&["SET k v", "DELIFEQ k v"], "DEL k"),
        (&["SET k v", "GETEX k PX 5"], "PEXPIREAT k 1700000000005"),
        (&["SET k v", "GETEX k EXAT 5"], "DEL k"),
        (&["SETEX k 10 v", "GETEX k PERSIST"], "PERSIST k"),
        (&["INCR k"], "INCR k"),
        (&["RPUSH k a b", "LMPOP 2 j k LEFT COUNT 5"], "LPOP k 2"),
        (&["RPUSH k a b", "BLPOP j k 0"], "LPOP k"),
        (&["RPUSH k a b", "BRPOP j k 0"], "RPOP k"),
        (&["RPUSH k a b", "BLMPOP 0 2 j k RIGHT COUNT 1"], "RPOP k 1"),
        (&["RPUSH k a b", "BLMOVE k k LEFT RIGHT 0"], "LMOVE k k LEFT RIGHT"),
        (&["RPUSH k a b", "BRPOPLPUSH k j 0"], "RPOPLPUSH k j"),
        (&["RPUSH k b a", "SORT k ALPHA STORE j"], "SORT k ALPHA STORE j"),
        (&["RPUSH k b a", "SORT j STORE k"], "SORT j STORE k"),
    ];
    for (lines, last) in cases {
        assert_eq!(journalled(lines).last().map(String::as_str), Some(*last), "{lines:?}");
        assert_eq!(journalled(lines).len(), lines.len());
    }
}

#[test]
fn what_changes_nothing_is_not_journalled() {
    let cases: &[&[&str]] = &[
        &["SET k v", "SET k w NX"],
        &["SET k v", "SET k w IFEQ x"],
        &["SET k v", "GETEX k"],
        &["SET k v", "GETEX k PERSIST"],
        &["SET k v", "MSETNX a 1 k 2"],
        &["SET k v", "DELIFEQ k w"],
        &["SET k v", "INCR k"],
        &["SETBIT k 7 1", "SETBIT k 7 1"],
        &["SETBIT k 7 1", "BITFIELD k SET u8 0 1"],
        &["SETBIT k 7 1", "BITFIELD k OVERFLOW FAIL INCRBY u8 0 300"],
        &["SETBIT k 7 1", "BITOP AND none a b"],
        &["RPUSH k a", "LTRIM k 0 -1"],
        &["RPUSH k a", "LREM k 0 b"],
        &["RPUSH k a", "LPOP k 0"],
        &["RPUSH k a", "RPUSHX j b"],
        &["RPUSH k a", "LINSERT k BEFORE b c"],
        &["RPUSH k a", "LMPOP 1 j LEFT"],
        &["RPUSH k a", "SORT j STORE j"],
    ];
    for lines in cases {
        assert_eq!(journalled(lines), [lines[0]], "{lines:?}");
    }
}

/// A notifier that keeps what it is told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Notify for Told {
    fn event(&self, event: &Event, _: &mut Vec<Call>) {
        self.0.lock().push(format!("{} {}", event.name, String::from_utf8_lossy(&event.key)));
    }
}

/// As redis-server tells them, but for `new`.
#[test]
fn events_of_the_list_commands() {
    let cases: &[(&str, &str)] = &[
        ("LPUSH l a b c", "new l, lpush l"),
        ("RPUSHX l a", "rpush l"),
        ("LSET l 0 x", "lset l"),
        ("LINSERT l AFTER x y", "linsert l"),
        ("LTRIM l 0 -1", "ltrim l"),
        ("LREM l 0 y", "lrem l"),
        ("LREM l 0 y", ""),
        ("LPOP l 0", ""),
        ("RPOP l 2", "rpop l"),
        ("LMOVE l l LEFT LEFT", "lpush l, lpop l"),
        ("LMOVE l m RIGHT RIGHT", "new m, rpush m, rpop l"),
        ("BRPOPLPUSH l m 0", "lpush m, rpop l, del l"),
        ("BLPOP l m 0", "lpop m"),
        ("LMPOP 2 l m RIGHT COUNT 2", "rpop m, del m"),
        ("RPUSH l 2 1", "new l, rpush l"),
        ("SORT l STORE m", "new m, sortstore m"),
        ("SORT l STORE m", "sortstore m"),
        ("SORT nokey STORE m", "keymiss nokey, del m"),
        ("SORT nokey STORE m", "keymiss nokey"),
        ("LTRIM l 1 0", "ltrim l, del l"),
    ];
    let (mut bench, told) = (Bench::new(), Told::default());
    assert!(bench.worker.server().store.listeners.set_notify(Box::new(told.clone())));
    bench.worker.server().store.listeners.listen(u32::MAX);
    for (line, events) in cases {
        bench.run(&words(line));
        assert_eq!(std::mem::take(&mut *told.0.lock()).join(", "), *events, "{line}");
    }
}

#[test]
fn strings_stop_at_the_longest_length_allowed() {
    let mut bench = Bench::new();
    bench.worker.server().config.update(|settings| settings.proto_max_bulk_len = 1 << 20);
    let too_long = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n";
    for (line, reply) in [
        ("SETRANGE k 1048575 x", ":1048576\r\n"),
        ("SETRANGE k 1048576 x", too_long),
        ("APPEND k x", too_long),
        ("SETRANGE k 1048575 yy", too_long),
        ("SETBIT k 8388607 1", ":0\r\n"),
        ("SETBIT k 8388608 1", "-ERR bit offset is not an integer or out of range\r\n"),
        ("BITFIELD k GET u8 8388608", "-ERR bit offset is not an integer or out of range\r\n"),
        ("STRLEN k", ":1048576\r\n"),
    ] {
        assert_eq!(String::from_utf8_lossy(&bench.run(&words(line))), reply, "{line}");
    }
}

#[test]
fn a_large_string_is_read_in_place() {
    let mut bench = Bench::new();
    let large = vec![b'a'; 100_000];
    bench.run(&[b"SET".to_vec(), b"k".to_vec(), large.clone()]);
    let reply = bench.run(&words("GETRANGE k 10 -11"));
    assert_eq!((&reply[..8], reply.len()), (&b"$99980\r\n"[..], 8 + 99_980 + 2));
    assert_eq!(bench.run(&words("BITCOUNT k")), b":300000\r\n");
    assert_eq!(bench.run(&words("BITPOS k 1 1 -1 BYTE")), b":9\r\n");
    assert_eq!(bench.run(&words("LCS k k2 LEN")), b":0\r\n");
    assert_eq!(bench.run(&words("MULTI")), b"+OK\r\n");
    bench.run(&words("BITCOUNT k"));
    bench.run(&words("APPEND k b"));
    assert_eq!(bench.run(&words("EXEC")), b"*2\r\n:300000\r\n:100001\r\n");
}
