//! What is journalled is enough: the random stream runs inside this process with a journal, the journal is replayed
//! into an empty store, and both stores hold the same.
//!
//! Drives `exec::Worker` without a socket. The only part of these tests that knows the crate's insides.

use std::sync::{Arc, Mutex};

use ostracon::base::clock::Clock;
use ostracon::base::rng::random_u64;
use ostracon::client::{Client, Shared};
use ostracon::config::{Access, Config, Settings};
use ostracon::exec::Worker;
use ostracon::resp::OutBuf;
use ostracon::server::Server;
use ostracon::store::{Journal, JournalEntry};

use super::generator::{Generator, may_wait};
use super::pair::shown;
use super::{environment, name_of, values};
use crate::support::{Decoder, Value, encode};

/// Commands of the stream.
const COMMANDS: u64 = 20_000;

type Args = Vec<Vec<u8>>;

/// A server without sockets, and one client of it.
struct Local {
    server: Arc<Server>,
    worker: Worker,
    client: Client,
}

impl Local {
    fn new(clock: &Clock) -> Local {
        let mut settings = Settings::default();
        settings.enable_debug_command = Access::Yes;
        let config = Config::new(settings, None);
        let server = Arc::new(Server::new(config, clock.clone(), 1).unwrap());
        let shared = Shared::new(1, String::new(), String::new(), 0, 0, clock.unix_ms());
        Local { worker: Worker::new(Arc::clone(&server), 0), server, client: Client::new(Arc::new(shared), true) }
    }

    fn run(&mut self, args: &[impl AsRef<[u8]>]) -> Value {
        let mut out = OutBuf::new();
        let input = encode(args);
        let progress = self.worker.run(&self.server, &mut self.client, &input, &mut out);
        assert_eq!(progress.consumed, input.len());
        let mut decoder = Decoder::default();
        decoder.feed(&out.to_vec());
        decoder.next().unwrap().expect("one whole reply")
    }

    /// Every key of every database with all that can be asked about it, times to live as points in time.
    fn digest(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        self.run(&["RESET"]);
        for db in 0..values::DATABASES {
            self.run(&["SELECT".to_owned(), db.to_string()]);
            for key in self.run(&["KEYS", "*"]).items() {
                let key = key.bytes();
                let asked = ["TYPE", "GET", "DEBUG DIGEST-VALUE", "PEXPIRETIME"].map(|question| {
                    let words = question.split(' ').map(str::as_bytes).chain([key]);
                    self.run(&words.collect::<Vec<_>>()).render()
                });
                lines.push(format!("{db} {}: {}", key.escape_ascii(), asked.join(" ")));
            }
        }
        lines.sort();
        lines
    }
}

/// What was journalled: database and command.
type Entries = Vec<(u32, Args)>;

/// Keeps what comes, in order.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Entries>>);

impl Journal for Recorder {
    fn append(&self, db: u32, args: &[&[u8]]) {
        self.0.lock().unwrap().push((db, args.iter().map(|arg| arg.to_vec()).collect()));
    }

    fn append_group(&self, entries: &[JournalEntry]) {
        assert!(entries.len() > 1, "a group of {}", entries.len());
        let own = |(db, args): &JournalEntry| (*db, args.iter().map(|arg| arg.to_vec()).collect());
        self.0.lock().unwrap().extend(entries.iter().map(own));
    }
}

fn replayed(clock: &Clock, journal: &[(u32, Args)]) -> Vec<String> {
    let mut other = Local::new(clock);
    for (db, args) in journal {
        other.run(&["SELECT".to_owned(), db.to_string()]);
        let reply = other.run(args);
        assert!(!reply.is_error(), "the journal holds {}, which is refused: {reply}", shown(args));
    }
    other.digest()
}

#[test]
fn the_journal_replayed_gives_the_same_data() {
    let seed = environment("OSTRACON_SEED").unwrap_or_else(|| random_u64().unwrap());
    println!("OSTRACON_SEED={seed}");
    let clock = Clock::new();
    let (mut local, recorder) = (Local::new(&clock), Recorder::default());
    assert!(local.worker.server().store.listeners.set_journal(Box::new(recorder.clone())));
    let mut generator = Generator::of_groups(seed);
    let (mut base, mut sent) = (Vec::new(), 0);
    while sent < COMMANDS {
        for args in generator.next() {
            sent += 1;
            if may_wait(&name_of(&args)) {
                // This worker has no clock that would end the wait.
                continue;
            }
            local.run(&args);
            let step = std::mem::take(&mut *recorder.0.lock().unwrap());
            base.extend(step);
        }
        // Often enough that a difference is near its cause.
        if sent % 2_000 < 20 || sent >= COMMANDS {
            let last: Vec<String> =
                base.iter().rev().take(20).map(|(db, args)| format!("{db} {}", shown(args))).collect();
            let (ours, replay) = (local.digest(), replayed(&clock, &base));
            let step = std::mem::take(&mut *recorder.0.lock().unwrap());
            base.extend(step);
            let differ = ours.iter().zip(&replay).find(|(a, b)| a != b);
            assert!(
                ours == replay,
                "OSTRACON_SEED={seed}: {} keys, {} replayed, {differ:?}, after {last:#?}",
                ours.len(),
                replay.len()
            );
        }
    }
    assert!(!base.is_empty());
}
