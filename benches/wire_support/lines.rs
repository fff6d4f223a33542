//! The lines of redis-benchmark's default run, request for request: one key for each collection, values of 3 bytes, the
//! literal `__rand_int__` where nothing is drawn; what the server must hold before each; and, behind them, the same
//! commands over many elements (`redis-benchmark -r 100000`), because the default run adds one element again and
//! again and pops from sets that are empty.
//!
//! Each run of a line starts with a fresh server that is filled alike, so that a list which one contestant has let grow
//! is no burden to the next. Knows the wire form of the commands, and no clock.

use super::Result;
use super::requests::{Random, push_bulk, push_command, push_head, push_number};
use super::rival::Server;
use std::ops::Range;
use std::time::Duration;

/// What `redis-benchmark -d 3` sends as a value.
const DATA: &str = "VXK";

/// Elements that a command adds when a server is filled.
const CHUNK: u64 = 500;

/// Elements of the list that LRANGE reads, as after the default run's 100,000 LPUSH.
const LIST_LEN: u64 = 100_000;

/// One line.
#[derive(Debug)]
pub struct Line {
    /// Its name for `--only`.
    pub name: &'static str,
    /// redis-benchmark's title.
    pub title: &'static str,
    /// What is there before.
    pub state: State,
    /// How the end of a reply is known.
    pub reply: Reply,
    /// Does a request differ from the next?
    pub drawn: bool,
    /// Appends a request; numbers of elements are drawn below the second.
    pub request: fn(&mut Vec<u8>, &mut Random, u64),
}

/// How the end of a reply is known without parsing it.
#[derive(Clone, Copy, Debug)]
pub enum Reply {
    /// The byte that it starts with, and how many it has.
    Bytes(u8, usize),
    /// The byte that it starts with, and how many lines it has: for numbers that grow.
    Lines(u8, usize),
}

/// What a server holds before a run.
#[derive(Debug)]
pub enum State {
    /// Nothing.
    Empty,
    /// What this one command leaves; its reply is the second.
    Once(&'static [&'static str], &'static str),
    /// A collection of so many elements; the function appends the command that adds those numbers and returns the
    /// number that is replied.
    Filled(Count, fn(&mut Vec<u8>, Range<u64>) -> u64),
}

/// How many elements.
#[derive(Clone, Copy, Debug)]
pub enum Count {
    /// So many.
    Fixed(u64),
    /// As many as the keys of the bench.
    Keys,
    /// So many for each second of the run, which takes them away.
    EachSecond(u64),
}

/// The lines of the default run, which the targets are about.
pub const DEFAULT_RUN: &[&str] = &[
    "rb-ping-inline",
    "rb-ping-mbulk",
    "rb-set",
    "rb-get",
    "rb-incr",
    "rb-lpush",
    "rb-rpush",
    "rb-lpop",
    "rb-rpop",
    "rb-sadd",
    "rb-hset",
    "rb-spop",
    "rb-zadd",
    "rb-zpopmin",
    "rb-lrange-100",
    "rb-lrange-300",
    "rb-lrange-500",
    "rb-lrange-600",
    "rb-mset",
];

/// Faster than any server pops here: there is something left at the end.
const POPS: Count = Count::EachSecond(2_000_000);
/// The same of sets, where an element is dearer to make.
const SET_POPS: Count = Count::EachSecond(1_500_000);

const KEY: &str = "key:__rand_int__";
const ELEMENT: &str = "element:__rand_int__";
const OK: Reply = Reply::Bytes(b'+', 5);
const NUMBER: Reply = Reply::Lines(b':', 1);
const VALUE: Reply = Reply::Bytes(b'$', 9);

const fn line(
    name: &'static str,
    title: &'static str,
    state: State,
    reply: Reply,
    request: fn(&mut Vec<u8>, &mut Random, u64),
) -> Line {
    Line { name, title, state, reply, drawn: false, request }
}

const fn drawn(
    name: &'static str,
    title: &'static str,
    state: State,
    reply: Reply,
    request: fn(&mut Vec<u8>, &mut Random, u64),
) -> Line {
    Line { name, title, state, reply, drawn: true, request }
}

/// All lines, in redis-benchmark's order.
pub static LINES: [Line; 25] = [
    line("rb-ping-inline", "PING_INLINE", State::Empty, Reply::Bytes(b'+', 7), |out, _, _| {
        out.extend_from_slice(b"PING\r\n")
    }),
    line("rb-ping-mbulk", "PING_MBULK", State::Empty, Reply::Bytes(b'+', 7), |out, _, _| push_command(out, &["PING"])),
    line("rb-set", "SET", State::Empty, OK, |out, _, _| push_command(out, &["SET", KEY, DATA])),
    line("rb-get", "GET", State::Once(&["SET", KEY, DATA], "OK"), VALUE, |out, _, _| push_command(out, &["GET", KEY])),
    line("rb-incr", "INCR", State::Empty, NUMBER, |out, _, _| push_command(out, &["INCR", "counter:__rand_int__"])),
    line("rb-lpush", "LPUSH", State::Empty, NUMBER, |out, _, _| push_command(out, &["LPUSH", "mylist", DATA])),
    line("rb-rpush", "RPUSH", State::Empty, NUMBER, |out, _, _| push_command(out, &["RPUSH", "mylist", DATA])),
    line("rb-lpop", "LPOP", State::Filled(POPS, list), VALUE, |out, _, _| push_command(out, &["LPOP", "mylist"])),
    line("rb-rpop", "RPOP", State::Filled(POPS, list), VALUE, |out, _, _| push_command(out, &["RPOP", "mylist"])),
    line("rb-sadd", "SADD", State::Empty, NUMBER, |out, _, _| push_command(out, &["SADD", "myset", ELEMENT])),
    line("rb-hset", "HSET", State::Empty, NUMBER, |out, _, _| push_command(out, &["HSET", "myhash", ELEMENT, DATA])),
    line("rb-spop", "SPOP (of nothing)", State::Empty, Reply::Bytes(b'$', 5), |out, _, _| {
        push_command(out, &["SPOP", "myset"])
    }),
    line("rb-zadd", "ZADD", State::Empty, NUMBER, |out, _, _| push_command(out, &["ZADD", "myzset", "0", ELEMENT])),
    line("rb-zpopmin", "ZPOPMIN (of nothing)", State::Empty, Reply::Bytes(b'*', 4), |out, _, _| {
        push_command(out, &["ZPOPMIN", "myzset"]);
    }),
    line("rb-lrange-100", "LRANGE_100", LIST, elements(100), |out, _, _| {
        push_command(out, &["LRANGE", "mylist", "0", "99"])
    }),
    line("rb-lrange-300", "LRANGE_300", LIST, elements(300), |out, _, _| {
        push_command(out, &["LRANGE", "mylist", "0", "299"])
    }),
    line("rb-lrange-500", "LRANGE_500", LIST, elements(500), |out, _, _| {
        push_command(out, &["LRANGE", "mylist", "0", "499"])
    }),
    line("rb-lrange-600", "LRANGE_600", LIST, elements(600), |out, _, _| {
        push_command(out, &["LRANGE", "mylist", "0", "599"])
    }),
    line("rb-mset", "MSET (10 keys)", State::Empty, OK, |out, _, _| {
        push_head(out, 21);
        push_bulk(out, b"MSET");
        (0..10).for_each(|_| [KEY, DATA].iter().for_each(|word| push_bulk(out, word.as_bytes())));
    }),
    drawn("rb-r-sadd", "SADD, many members", State::Filled(Count::Keys, set), NUMBER, |out, random, below| {
        push_command(out, &["SADD", "myset", &element(random.below(below))]);
    }),
    drawn("rb-r-hset", "HSET, many fields", State::Filled(Count::Keys, hash), NUMBER, |out, random, below| {
        push_command(out, &["HSET", "myhash", &element(random.below(below)), DATA]);
    }),
    drawn("rb-r-zadd", "ZADD, many members", State::Filled(Count::Keys, zset), NUMBER, |out, random, below| {
        push_command(out, &["ZADD", "myzset", &score(random.draw()), &element(random.below(below))]);
    }),
    line("rb-r-spop", "SPOP, many members", State::Filled(SET_POPS, set), Reply::Lines(b'$', 2), |out, _, _| {
        push_command(out, &["SPOP", "myset"]);
    }),
    line("rb-r-zpopmin", "ZPOPMIN, many members", State::Filled(SET_POPS, zset), Reply::Lines(b'*', 5), |out, _, _| {
        push_command(out, &["ZPOPMIN", "myzset"]);
    }),
    drawn("rb-r-mset", "MSET, 10 of many keys", State::Empty, OK, |out, random, below| {
        push_head(out, 21);
        push_bulk(out, b"MSET");
        for _ in 0..10 {
            push_bulk(out, format!("key:{:012}", random.below(below)).as_bytes());
            push_bulk(out, DATA.as_bytes());
        }
    }),
];

const LIST: State = State::Filled(Count::Fixed(LIST_LEN), list);

/// The reply of an LRANGE of `count` values; 100 to 999 of them.
const fn elements(count: usize) -> Reply {
    Reply::Bytes(b'*', 6 + count * 9)
}

fn element(number: u64) -> String {
    format!("element:{number:012}")
}

/// Six digits: the scores of many members are shared by few.
fn score(bits: u64) -> String {
    (bits % 1_000_000).to_string()
}

fn push_adding(
    out: &mut Vec<u8>,
    name: &str,
    key: &str,
    numbers: Range<u64>,
    mut push: impl FnMut(&mut Vec<u8>, u64),
    words: u64,
) {
    push_head(out, 2 + ((numbers.end - numbers.start) * words) as usize);
    push_bulk(out, name.as_bytes());
    push_bulk(out, key.as_bytes());
    numbers.for_each(|number| push(out, number));
}

/// RPUSH, which replies the length.
fn list(out: &mut Vec<u8>, numbers: Range<u64>) -> u64 {
    let len = numbers.end;
    push_adding(out, "RPUSH", "mylist", numbers, |out, _| push_bulk(out, DATA.as_bytes()), 1);
    len
}

fn set(out: &mut Vec<u8>, numbers: Range<u64>) -> u64 {
    let added = numbers.end - numbers.start;
    push_adding(out, "SADD", "myset", numbers, |out, number| push_bulk(out, element(number).as_bytes()), 1);
    added
}

fn hash(out: &mut Vec<u8>, numbers: Range<u64>) -> u64 {
    let added = numbers.end - numbers.start;
    let push = |out: &mut Vec<u8>, number| {
        push_bulk(out, element(number).as_bytes());
        push_bulk(out, DATA.as_bytes());
    };
    push_adding(out, "HSET", "myhash", numbers, push, 2);
    added
}

fn zset(out: &mut Vec<u8>, numbers: Range<u64>) -> u64 {
    let added = numbers.end - numbers.start;
    let push = |out: &mut Vec<u8>, number| {
        push_bulk(out, score(Random(number).draw()).as_bytes());
        push_bulk(out, element(number).as_bytes());
    };
    push_adding(out, "ZADD", "myzset", numbers, push, 2);
    added
}

impl State {
    /// Brings a fresh server to it, for a run of so long over so many keys.
    ///
    /// # Errors
    /// A reply that is not the expected one.
    pub fn prepare(&self, server: &Server, keys: u64, run: Duration) -> Result<()> {
        match self {
            State::Empty => Ok(()),
            State::Once(words, expected) => match server.ask(words)? {
                reply if reply == *expected => Ok(()),
                reply => Err(format!("{words:?}: {reply}").into()),
            },
            State::Filled(count, add) => {
                let count = match count {
                    Count::Fixed(count) => *count,
                    Count::Keys => keys,
                    Count::EachSecond(rate) => (*rate as f64 * run.as_secs_f64()) as u64,
                };
                let numbers = |chunk: u64| chunk * CHUNK..((chunk + 1) * CHUNK).min(count);
                let mut unused = Vec::new();
                server.converse(
                    0..count.div_ceil(CHUNK),
                    |out, chunk| {
                        add(out, numbers(chunk));
                    },
                    |out, chunk| {
                        unused.clear();
                        push_number(out, b':', add(&mut unused, numbers(chunk)) as i64);
                    },
                )
            }
        }
    }
}

/// Checks the table; panics when it is wrong.
pub fn self_test() {
    for name in DEFAULT_RUN {
        assert!(LINES.iter().any(|line| line.name == *name), "{name} is no line");
    }
    let mut out = Vec::new();
    let mut random = Random(1);
    (LINES[18].request)(&mut out, &mut random, 10);
    assert!(out.starts_with(b"*21\r\n$4\r\nMSET\r\n$16\r\nkey:__rand_int__\r\n$3\r\nVXK\r\n"), "MSET's words");
    assert!(matches!(elements(100), Reply::Bytes(b'*', 906)), "the reply of LRANGE_100");
}
