//! What other clients notice while large collections are freed: the latency of paced SET commands during windows in which
//! collections of a million elements go, one after another, in one of the ways a collection can go; beside windows in
//! which nothing goes, run in turn with them.
//!
//! Fifty connections send one SET each every two milliseconds, which leaves most of the cores idle, so that the figures
//! tell of the server and not of a queue before it. A reply that is late past the next command's time counts from that
//! time: a pause is noticed by every command it would have met. The server may use all cores and starts as a user
//! would start it, because a thread that frees in the background needs somewhere to run.
//!
//! Each quantile is the median of those of the windows: a machine that stands still for ten milliseconds in one of them would
//! else be what is measured.

use super::Result;
use super::cell::median;
use super::cli::Options;
use super::histogram::Histogram;
use super::load::{Loader, Task};
use super::requests::{Mix, Random, push_bulk, push_head, push_number};
use super::rival::{Rival, Server};
use super::scenario::OURS;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// Names of the scenarios, in the order of the kinds.
pub const FREEING: [&str; 4] = ["freeing-list", "freeing-hash", "freeing-set", "freeing-zset"];

/// Collections that go in one window.
const VICTIMS: u32 = 4;
/// The window.
const WINDOW: Duration = Duration::from_millis(250);
/// Load before the window.
const WARM: Duration = Duration::from_millis(250);
/// Windows a run of the bench's `--runs`: a window has about six thousand commands, of which six are slower than p99.9.
const WINDOWS: usize = 4;
/// Between two commands of a connection.
const PACE: Duration = Duration::from_millis(2);
/// Elements added by a command.
const CHUNK: u64 = 500;
/// Other clients' p99.9 while a collection is freed, over the idle one.
const BOUND: f64 = 2.0;
/// A server that has not freed by now never will.
const FREED_MAX: Duration = Duration::from_secs(60);

/// How a collection goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// It does not: the figure to compare with.
    Idle,
    Unlink,
    Expiry,
    /// SET over it, with `lazyfree-lazy-server-del no`.
    Overwrite,
    /// The same with `yes`.
    OverwriteLazy,
    FlushAll,
}

const WAYS: [(Way, &str); 6] = [
    (Way::Idle, "nothing is freed"),
    (Way::Unlink, "UNLINK"),
    (Way::Expiry, "expiry"),
    (Way::Overwrite, "SET over it"),
    (Way::OverwriteLazy, "SET over it, lazyfree-lazy-server-del yes"),
    (Way::FlushAll, "FLUSHALL ASYNC"),
];

/// What a collection is made by: its type, the command, words an element, and what appends them.
struct Kind(&'static str, &'static str, usize, fn(&mut Vec<u8>, u64));

const KINDS: [Kind; 4] = [
    Kind("list", "RPUSH", 1, |out, n| push_bulk(out, text(n).as_bytes())),
    Kind("hash", "HSET", 2, |out, n| {
        push_bulk(out, format!("field:{n}").as_bytes());
        push_bulk(out, text(n).as_bytes());
    }),
    Kind("set", "SADD", 1, |out, n| push_bulk(out, text(n).as_bytes())),
    Kind("zset", "ZADD", 2, |out, n| {
        push_bulk(out, (Random(n).draw() % 1_000_000).to_string().as_bytes());
        push_bulk(out, text(n).as_bytes());
    }),
];

fn text(n: u64) -> String {
    format!("member:{n}")
}

/// The latencies of one contestant for one kind and way.
pub struct Freed {
    name: String,
    kind: &'static str,
    way: Way,
    title: &'static str,
    windows: Vec<Histogram>,
    commands: u64,
}

impl Freed {
    /// The median of the windows' quantiles, in microseconds.
    fn quantile(&self, q: f64) -> f64 {
        median(self.windows.iter().map(|window| window.quantile(q) as f64 / 1e3).collect())
    }
}

/// Measures every kind and way, on ours and on the rivals.
///
/// # Errors
/// A server or a load process that fails.
pub fn run(options: &Options) -> Result<Vec<Freed>> {
    let mut all = Vec::new();
    let elements = if options.quick { 100_000 } else { 1_000_000 };
    let mut rivals = vec![Rival::ours(OURS, &options.server, None)];
    rivals.extend(options.rivals.iter().cloned());
    for (kind, _) in KINDS.iter().zip(FREEING).filter(|(_, name)| options.wants(name)) {
        for rival in &rivals {
            let results = one(kind, rival, elements, options)?;
            let idle = results[0].quantile(0.999);
            for freed in &results {
                let p999 = freed.quantile(0.999);
                println!(
                    "{:<16} {} {}: p99.9 {p999:.0} µs, {:.2} of idle",
                    freed.name,
                    freed.kind,
                    freed.title,
                    p999 / idle
                );
            }
            all.extend(results);
        }
    }
    Ok(all)
}

/// All ways of one kind on one server, in turn.
fn one(kind: &Kind, rival: &Rival, elements: u64, options: &Options) -> Result<Vec<Freed>> {
    let server = Server::start(rival, &format!("{},{}", options.server_core, options.load_core), &[])?;
    let start = |(way, title): &(Way, &'static str)| Freed {
        name: rival.name.clone(),
        kind: kind.0,
        way: *way,
        title,
        windows: Vec::new(),
        commands: 0,
    };
    let mut results: Vec<Freed> = WAYS.iter().map(start).collect();
    let windows = if options.quick { 1 } else { options.runs * WINDOWS };
    for number in 0..windows {
        for freed in &mut results {
            window(&server, kind, freed, elements, number, options)?;
        }
    }
    Ok(results)
}

fn victim(number: u32) -> String {
    format!("victim:{number}")
}

/// One window: makes the victims, lets the load begin, and lets them go.
fn window(
    server: &Server,
    kind: &Kind,
    freed: &mut Freed,
    elements: u64,
    number: usize,
    options: &Options,
) -> Result<()> {
    let lazy = if freed.way == Way::OverwriteLazy { "yes" } else { "no" };
    server.ask(&["CONFIG", "SET", "lazyfree-lazy-server-del", lazy])?;
    make(server, kind, elements)?;
    at_rest(server)?;
    let task = Task {
        address: server.address,
        pid: server.pid,
        mix: Mix::Set,
        value_len: 32,
        keys: 10_000,
        pipeline: 1,
        connections: options.connections,
        warm: WARM,
        window: WINDOW,
        pace: PACE,
        seed: 0x05_7A_AC_0A + number as u64,
    };
    let mut loader = Loader::start(&options.load_core.to_string(), &task)?;
    if freed.way == Way::Expiry {
        for number in 0..VICTIMS {
            let after = WARM + WINDOW * number / VICTIMS;
            server.ask(&["PEXPIRE", &victim(number), &after.as_millis().to_string()])?;
        }
    }
    loader.go()?;
    std::thread::sleep(WARM);
    for number in 0..VICTIMS {
        match freed.way {
            Way::Idle | Way::Expiry => break,
            Way::Unlink => server.ask(&["UNLINK", &victim(number)])?,
            Way::Overwrite | Way::OverwriteLazy => server.ask(&["SET", &victim(number), "x"])?,
            Way::FlushAll => {
                server.ask(&["FLUSHALL", "ASYNC"])?;
                break;
            }
        };
        std::thread::sleep(WINDOW / VICTIMS);
    }
    let outcome = loader.finish()?;
    let histogram = Histogram::new();
    histogram.merge(&outcome.histogram).ok_or("a malformed histogram")?;
    freed.windows.push(histogram);
    freed.commands += outcome.requests;
    Ok(())
}

/// Makes those of the victims that are not there: the first element by element, the others as copies.
fn make(server: &Server, kind: &Kind, elements: u64) -> Result<()> {
    let Kind(name, command, words, push) = kind;
    let mut whole = None;
    for number in 0..VICTIMS {
        let key = victim(number);
        if server.ask(&["TYPE", &key])? == *name {
            server.ask(&["PERSIST", &key])?;
            whole = Some(key);
            continue;
        }
        server.ask(&["DEL", &key])?;
        if let Some(whole) = &whole {
            server.ask(&["COPY", whole, &key])?;
            continue;
        }
        let numbers = |chunk: u64| chunk * CHUNK..((chunk + 1) * CHUNK).min(elements);
        let request = |out: &mut Vec<u8>, chunk| {
            let numbers = numbers(chunk);
            push_head(out, 2 + (numbers.end - numbers.start) as usize * words);
            push_bulk(out, command.as_bytes());
            push_bulk(out, key.as_bytes());
            numbers.for_each(|n| push(out, n));
        };
        let reply = |out: &mut Vec<u8>, chunk| {
            let numbers = numbers(chunk);
            let added = if *command == "RPUSH" { numbers.end } else { numbers.end - numbers.start };
            push_number(out, b':', added as i64);
        };
        server.converse(0..elements.div_ceil(CHUNK), request, reply)?;
        whole = Some(key);
    }
    Ok(())
}

/// Waits until the server has freed all that it has taken out, and a moment longer.
fn at_rest(server: &Server) -> Result<()> {
    let began = Instant::now();
    while server.info("memory", "lazyfree_pending_objects")? != "0" {
        if began.elapsed() > FREED_MAX {
            return Err("the server does not get its freeing done".into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(100));
    Ok(())
}

/// The figures in Markdown.
pub fn table(all: &[Freed]) -> String {
    let mut out = String::from(
        "\n| large collections go by | type | server | p50 µs | p99 | p99.9 | over idle | asked | |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for freed in all {
        let same = |other: &&Freed| other.way == Way::Idle && other.name == freed.name && other.kind == freed.kind;
        let idle = all.iter().find(same).map_or(f64::NAN, |idle| idle.quantile(0.999));
        let over = freed.quantile(0.999) / idle;
        let (asked, verdict) = match (freed.way, freed.name == OURS) {
            (Way::Idle, _) | (_, false) => (String::new(), ""),
            _ => (format!("≤ {BOUND:.1}"), if over <= BOUND { "pass" } else { "**miss**" }),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "| {} | {} | {} | {:.0} | {:.0} | {:.0} | {over:.2} | {asked} | {verdict} |",
            freed.title,
            freed.kind,
            freed.name,
            freed.quantile(0.5),
            freed.quantile(0.99),
            freed.quantile(0.999),
        );
    }
    let least = all.iter().map(|freed| freed.commands).min().unwrap_or(0);
    let windows = all.iter().map(|freed| freed.windows.len()).min().unwrap_or(0);
    let _ = writeln!(
        out,
        "\nEach row is of at least {least} commands of other clients in {windows} windows, sent at their time whatever the \
         server does; quantiles are the medians of the windows'."
    );
    out
}
