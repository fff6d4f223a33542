//! The collections in process: what an operation costs with 10, 1,000 and 1,000,000 elements; and what `redis-server`
//! spends on the commands of sorted sets and streams at a million elements, beside.
//!
//! ```text
//! cargo bench --bench types                  # everything, about a minute
//! cargo bench --bench types -- --quick       # does it work? the figures mean nothing
//! cargo bench --bench types -- --only zset   # one type
//! cargo bench --bench types -- --only beside # the comparison with redis-server
//! ```
//!
//! **Method.** A collection is filled in random order; then an operation is done some 100,000 times on elements drawn
//! uniformly, and the CPU time of the thread is divided by that (a busy machine disturbs it less than wall time). What
//! adds and what removes are timed as a pair, so that the size stays: one figure is the cost of both. Limits are
//! Redis 7.2's defaults, so that 10 elements are packed.
//!
//! **Beside redis-server.** Both servers and a sorted set in this process get the very same members, scores and
//! commands. What a server spends is its own account, `usec_per_call` of INFO commandstats after CONFIG RESETSTAT:
//! the command's execution without parsing and without the socket. The column in process is the operation on the type
//! alone, without looking up the key; ours by commandstats has all that redis-server's has. Every reply of both servers is
//! compared with the sorted set in this process. Medians of three interleaved runs.
//!
//! The allocator is jemalloc, as in the server.

mod types_support;
// Each bench uses its own part of what they share.
#[allow(dead_code)]
mod wire_support;

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Duration;

use nix::time::ClockId;
use ostracon::types::Collection;
use ostracon::types::hash::{Hash, HashLimits};
use ostracon::types::list::{End, List, ListLimits};
use ostracon::types::packed::Item;
use ostracon::types::set::{Set, SetLimits};
use ostracon::types::zset::{AddFlags, Range, ScoreRange, ZSet, ZSetLimits};
use wire_support::Result;
use wire_support::cell::median;
use wire_support::machine;
use wire_support::requests::{Random, push_bulk, push_command, push_head, push_number};
use wire_support::rival::{Rival, Server};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const SIZES: [usize; 3] = [10, 1_000, 1_000_000];
const SECTIONS: [&str; 6] = ["list", "hash", "set", "zset", "stream", "beside"];
const LIST_LIMITS: ListLimits = ListLimits { max_listpack_size: -2, compress_depth: 0 };
const HASH_LIMITS: HashLimits = HashLimits { listpack_entries: 128, listpack_value: 64 };
const SET_LIMITS: SetLimits = SetLimits { intset_entries: 512, listpack_entries: 128, listpack_value: 64 };
const ZSET_LIMITS: ZSetLimits = ZSetLimits { listpack_entries: 128, listpack_value: 64 };
/// Members that are not in a collection, to be added and removed.
const OTHERS: usize = 1024;
/// Elements that a range shows.
const SHOWN: usize = 10;
/// Runs of the comparison.
const RUNS: usize = 3;

/// The rows of one type.
type Section = fn(&Options);

struct Options {
    only: Vec<String>,
    /// Times that an operation is done.
    times: usize,
    sizes: Vec<usize>,
    server: PathBuf,
    bench: bool,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = parse(&words).and_then(|options| bench(&options));
    if let Err(error) = done {
        eprintln!("types: {error}");
        std::process::exit(1);
    }
}

fn parse(words: &[String]) -> Result<Options> {
    let mut options = Options {
        only: Vec::new(),
        times: 100_000,
        sizes: SIZES.to_vec(),
        server: PathBuf::from(env!("CARGO_BIN_EXE_ostracon")),
        bench: false,
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut next = || words.next().cloned().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--bench" => options.bench = true,
            "--quick" => (options.times, options.sizes) = (2_000, vec![10, 1_000, 20_000]),
            "--only" => options.only = next()?.split(',').map(str::to_owned).collect(),
            "--server" => options.server = next()?.into(),
            _ => return Err(format!("unknown option {word}: --quick, --only NAME[,NAME], --server PATH").into()),
        }
    }
    match options.only.iter().find(|name| !SECTIONS.contains(&name.as_str())) {
        Some(unknown) => Err(format!("no section {unknown}: {SECTIONS:?}").into()),
        None => Ok(options),
    }
}

fn bench(options: &Options) -> Result<()> {
    if !options.bench {
        println!("types: run it with `cargo bench`");
        return Ok(());
    }
    let wants = |name: &str| options.only.is_empty() || options.only.iter().any(|only| only == name);
    println!("{}; load average {}", machine::describe(), machine::load_average());
    print!("\n{:<44}", "ns an operation (pairs: of both)");
    options.sizes.iter().for_each(|size| print!("{size:>12}"));
    println!();
    let sections: [(&str, Section); 5] =
        [("list", list), ("hash", hash), ("set", set), ("zset", zset), ("stream", types_support::stream)];
    for (_, section) in sections.iter().filter(|(name, _)| wants(name)) {
        section(options);
    }
    if wants("beside") {
        machine::check_tools()?;
        beside(options)?;
        types_support::beside(options)?;
    }
    Ok(())
}

/// The texts of one collection, in random order, and others that are not in it.
struct Texts {
    inside: Vec<Vec<u8>>,
    outside: Vec<Vec<u8>>,
}

impl Texts {
    fn new(len: usize, text: impl Fn(usize) -> Vec<u8>) -> Self {
        let mut inside: Vec<Vec<u8>> = (0..len).map(&text).collect();
        let mut random = Random(len as u64);
        for last in (1..len).rev() {
            inside.swap(last, random.below(last as u64 + 1) as usize);
        }
        Self { inside, outside: (len..len + OTHERS).map(text).collect() }
    }

    fn members(len: usize) -> Self {
        Self::new(len, |n| format!("member:{}", n + 100).into_bytes())
    }

    fn integers(len: usize) -> Self {
        Self::new(len, |n| (n * 76_543_211 % 100_000_000).to_string().into_bytes())
    }
}

/// One row: each column is an operation on a collection of its size.
fn row<C>(
    title: &str,
    columns: &mut [(C, Texts)],
    options: &Options,
    mut operation: impl FnMut(&mut C, &Texts, usize, usize),
) {
    print!("{title:<44}");
    for (collection, texts) in columns {
        let mut random = Random(7);
        let drawn: Vec<usize> = (0..options.times).map(|_| random.below(texts.inside.len() as u64) as usize).collect();
        let began = cpu_seconds();
        for (turn, &index) in drawn.iter().enumerate() {
            operation(collection, texts, index, turn % OTHERS);
        }
        print!("{:>12.0}", (cpu_seconds() - began) * 1e9 / options.times as f64);
    }
    println!();
}

fn columns<C: Default>(options: &Options, texts: fn(usize) -> Texts, add: impl Fn(&mut C, &[u8])) -> Vec<(C, Texts)> {
    let column = |&size: &usize| {
        let texts = texts(size);
        let mut collection = C::default();
        texts.inside.iter().for_each(|text| add(&mut collection, text));
        (collection, texts)
    };
    options.sizes.iter().map(column).collect()
}

fn list(options: &Options) {
    let mut columns = columns(options, Texts::members, |list: &mut List, text| list.push(End::Back, text, LIST_LIMITS));
    for (title, push, pop) in [
        ("list: push and pop at the tail", End::Back, End::Back),
        ("list: push and pop at the head", End::Front, End::Front),
        ("list: push at the head, pop at the tail", End::Front, End::Back),
    ] {
        row(title, &mut columns, options, |list, texts, _, other| {
            list.push(push, &texts.outside[other], LIST_LIMITS);
            list.pop_with(pop, 1, |item| {
                black_box(item.len());
            });
        });
    }
    row("list: the element at a random index", &mut columns, options, |list, _, index, _| {
        black_box(list.get(index as i64, |item| item.len()));
    });
    row("list: 10 elements from the head", &mut columns, options, |list, _, _, _| {
        list.range(0, SHOWN as i64 - 1, |item| {
            black_box(item.len());
        });
    });
}

fn hash(options: &Options) {
    let add = |hash: &mut Hash, text: &[u8]| {
        hash.set(text, text, HASH_LIMITS, false, 0);
    };
    let mut columns = columns(options, Texts::members, add);
    row("hash: add and remove a field", &mut columns, options, |hash, texts, _, other| {
        let field = &texts.outside[other];
        black_box(hash.set(field, field, HASH_LIMITS, false, 0));
        black_box(hash.remove(field, 0));
    });
    row("hash: overwrite a value", &mut columns, options, |hash, texts, index, other| {
        black_box(hash.set(&texts.inside[index], &texts.outside[other], HASH_LIMITS, false, 0));
    });
    row("hash: get a field", &mut columns, options, |hash, texts, index, _| {
        black_box(hash.get(&texts.inside[index], 0).is_some());
    });
}

fn set(options: &Options) {
    for (strings, texts) in [(true, Texts::members as fn(usize) -> Texts), (false, Texts::integers)] {
        let what = if strings { "set" } else { "set of integers" };
        let add = |set: &mut Set, text: &[u8]| {
            set.add(text, SET_LIMITS);
        };
        let mut columns = columns(options, texts, add);
        row(&format!("{what}: add and remove a member"), &mut columns, options, |set, texts, _, other| {
            black_box(set.add(&texts.outside[other], SET_LIMITS));
            black_box(set.remove(&texts.outside[other]));
        });
        row(&format!("{what}: is it a member"), &mut columns, options, |set, texts, index, _| {
            black_box(set.contains(&texts.inside[index]));
        });
        let mut random = Random(3);
        row(&format!("{what}: a random member"), &mut columns, options, |set, _, _, _| {
            black_box(set.random(&mut || random.draw()).is_some());
        });
    }
}

/// Where a member stands: a function of its text, so that nothing else has to be kept.
fn score(member: &[u8], salt: u64) -> f64 {
    let sum = member.iter().fold(salt, |sum, &byte| sum.wrapping_mul(0x100_0000_01B3) ^ u64::from(byte));
    (Random(sum).draw() % 1_000_000) as f64
}

fn above(min: f64) -> Range<'static> {
    Range::Score(ScoreRange { min, max: f64::INFINITY, min_exclusive: false, max_exclusive: false })
}

fn show(zset: &ZSet, min: f64, mut f: impl FnMut(Item<'_>)) {
    zset.iterate(&above(min), false, 0, SHOWN, |item, _| {
        f(item);
        true
    });
}

fn add(zset: &mut ZSet, member: &[u8], salt: u64) {
    black_box(zset.add(member, score(member, salt), AddFlags::default(), ZSET_LIMITS));
}

fn zset(options: &Options) {
    let mut columns = columns(options, Texts::members, |zset: &mut ZSet, text| add(zset, text, 0));
    row("zset: add and remove a member", &mut columns, options, |zset, texts, _, other| {
        add(zset, &texts.outside[other], 0);
        black_box(zset.remove(&texts.outside[other]));
    });
    let mut salt = 0;
    row("zset: change a score", &mut columns, options, |zset, texts, index, _| {
        salt += 1;
        add(zset, &texts.inside[index], salt);
    });
    row("zset: score of a member", &mut columns, options, |zset, texts, index, _| {
        black_box(zset.score(&texts.inside[index]));
    });
    row("zset: rank of a member", &mut columns, options, |zset, texts, index, _| {
        black_box(zset.rank(&texts.inside[index], false));
    });
    row("zset: the member of a rank", &mut columns, options, |zset, _, index, _| {
        black_box(zset.get(index).is_some());
    });
    row("zset: 10 members from a score", &mut columns, options, |zset, texts, index, _| {
        show(zset, score(&texts.inside[index], 1), |item| {
            black_box(item.len());
        });
    });
    row("zset: pop the lowest, add it again", &mut columns, options, |zset, _, _, _| {
        let mut popped = Vec::new();
        zset.pop_min(1, |item, _| popped = item.to_vec());
        add(zset, &popped, 0);
    });
}

/// The µs a call that a server says it spent.
fn usec_per_call(server: &Server, command: &str) -> Result<f64> {
    let stats = server.info("commandstats", &format!("cmdstat_{command}"))?;
    let spent = stats.split(',').find_map(|word| word.strip_prefix("usec_per_call="));
    Ok(spent.ok_or("commandstats without usec_per_call")?.trim().parse()?)
}

/// The commands that are compared.
const COMMANDS: [(&str, &str); 4] = [
    ("zadd", "ZADD of a new member"),
    ("zadd", "ZADD of another score"),
    ("zrank", "ZRANK"),
    ("zrangebyscore", "ZRANGEBYSCORE min +inf LIMIT 0 10"),
];
const KEY: &str = "leaderboard";

/// Times of one command, µs: a figure a run.
#[derive(Default)]
struct Times {
    in_process: Vec<f64>,
    ours: Vec<f64>,
    redis: Vec<f64>,
}

/// The sorted set's commands at the largest size, in process and on two servers.
fn beside(options: &Options) -> Result<()> {
    let size = options.sizes[options.sizes.len() - 1];
    let redis = machine::on_path("redis-server").ok_or("no redis-server on the PATH")?;
    let redis = Rival { name: "redis-server".to_owned(), binary: redis, workers: None };
    let ours = Rival::ours("ours", &options.server, Some(1));
    let texts = Texts::new(size + RUNS * options.times, |n| format!("member:{}", n + 100).into_bytes());
    let (members, new) = texts.inside.split_at(size);
    let servers = [Server::start(&ours, "0", &[])?, Server::start(&redis, "0", &[])?];
    let mut model = ZSet::default();
    members.iter().for_each(|member| add(&mut model, member, 0));
    for server in &servers {
        let words = |out: &mut Vec<u8>, n: u64| push_zadd(out, &members[n as usize], 0);
        server.converse(0..size as u64, words, |out, _| push_number(out, b':', 1))?;
    }
    let mut all: [Times; COMMANDS.len()] = Default::default();
    for run in 0..RUNS {
        let new = &new[run * options.times..(run + 1) * options.times];
        for (command, times) in all.iter_mut().enumerate() {
            let work = Work { command, members, new, salt: run as u64 + 1 };
            let after = work.in_process(&model, times);
            for (server, spent) in servers.iter().zip([&mut times.ours, &mut times.redis]) {
                spent.push(work.on(server, &model)?);
            }
            model = after;
        }
    }
    println!(
        "\n{:<44}{:>12}{:>12}{:>14}{:>8}{:>8}",
        format!("µs a command at {size} members"),
        "in process",
        "ours",
        "redis-server",
        "ratio",
        "ratio"
    );
    println!("{:<44}{:>12}{:>12}{:>14}{:>8}{:>8}", "", "", "commandstats", "commandstats", "in pr.", "stats");
    for ((_, title), times) in COMMANDS.iter().zip(all) {
        let (in_process, ours, redis) = (median(times.in_process), median(times.ours), median(times.redis));
        let verdict = if in_process <= redis { "pass" } else { "miss" };
        println!(
            "{title:<44}{in_process:>12.2}{ours:>12.2}{redis:>14.2}{:>8.2}{:>8.2}  {verdict}",
            in_process / redis,
            ours / redis
        );
    }
    Ok(())
}

fn push_zadd(out: &mut Vec<u8>, member: &[u8], salt: u64) {
    let score = (score(member, salt) as u64).to_string();
    push_command(out, &[b"ZADD", KEY.as_bytes(), score.as_bytes(), member]);
}

/// One command, done once for every new member, or for as many drawn ones.
struct Work<'a> {
    /// Index in [`COMMANDS`].
    command: usize,
    members: &'a [Vec<u8>],
    new: &'a [Vec<u8>],
    salt: u64,
}

impl Work<'_> {
    /// The member that time number n is about.
    fn member(&self, n: u64) -> &[u8] {
        match self.command {
            0 => &self.new[n as usize],
            _ => &self.members[Random(n + self.salt).below(self.members.len() as u64) as usize],
        }
    }

    /// Does it on a copy of `model`, and returns that.
    fn in_process(&self, model: &ZSet, times: &mut Times) -> ZSet {
        let mut zset = model.duplicate();
        let drawn: Vec<(&[u8], f64)> = (0..self.new.len() as u64)
            .map(|n| self.member(n))
            .map(|member| (member, score(member, self.salt)))
            .collect();
        let began = cpu_seconds();
        for (member, score) in drawn {
            match self.command {
                0 | 1 => {
                    black_box(zset.add(member, score, AddFlags::default(), ZSET_LIMITS));
                }
                2 => {
                    black_box(zset.rank(member, false));
                }
                _ => show(&zset, score, |item| {
                    black_box(item.len());
                }),
            }
        }
        times.in_process.push((cpu_seconds() - began) * 1e6 / self.new.len() as f64);
        zset
    }

    /// Does it on a server that holds what `model` does, and returns the µs a call that the server says it spent.
    fn on(&self, server: &Server, model: &ZSet) -> Result<f64> {
        server.ask(&["CONFIG", "RESETSTAT"])?;
        server.converse(0..self.new.len() as u64, |out, n| self.request(out, n), |out, n| self.reply(out, n, model))?;
        usec_per_call(server, COMMANDS[self.command].0)
    }

    fn request(&self, out: &mut Vec<u8>, n: u64) {
        let member = self.member(n);
        match self.command {
            0 | 1 => push_zadd(out, member, self.salt),
            2 => push_command(out, &[b"ZRANK", KEY.as_bytes(), member]),
            _ => {
                let min = (score(member, self.salt) as u64).to_string();
                push_command(out, &["ZRANGEBYSCORE", KEY, &min, "+inf", "LIMIT", "0", &SHOWN.to_string()]);
            }
        }
    }

    fn reply(&self, out: &mut Vec<u8>, n: u64, model: &ZSet) {
        let member = self.member(n);
        match self.command {
            0 => push_number(out, b':', 1),
            1 => push_number(out, b':', 0),
            2 => push_number(out, b':', model.rank(member, false).map_or(-1, |(rank, _)| rank as i64)),
            _ => {
                let mut shown = Vec::new();
                show(model, score(member, self.salt), |item| shown.push(item.to_vec()));
                push_head(out, shown.len());
                shown.iter().for_each(|member| push_bulk(out, member));
            }
        }
    }
}

/// CPU time of this thread, to the nanosecond (getrusage's is as old as the last timer tick).
fn cpu_seconds() -> f64 {
    ClockId::CLOCK_THREAD_CPUTIME_ID.now().map_or(f64::NAN, |time| Duration::from(time).as_secs_f64())
}
