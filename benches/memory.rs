//! Resident bytes of collections: our server beside `redis-server`, both as a user would start them, filled with the very
//! same bytes.
//!
//! ```text
//! cargo bench --bench memory                        # everything, about five minutes
//! cargo bench --bench memory -- --quick             # does it work? the figures mean little
//! cargo bench --bench memory -- --only small-hash   # one row
//! cargo bench --bench memory -- --help
//! ```
//!
//! **Method.** Each row starts a fresh server, waits, and reads the resident memory of the process; then it loads the row's
//! data over one pipelined connection, reads some of it back (every key of the small collections, every element of the
//! large ones: that compares the values, and lets a table that grows a step at each command come to rest), waits until the
//! resident memory is steady, and reads it again. What the server grew by, over the elements, is the figure. A small
//! collection is made by one command, a large one element by element. `allocated` is the same of INFO's `used_memory`, which
//! both servers take from jemalloc: where it is far below the resident figure, the allocator holds pages back.
//!
//! Nothing is timed, so that a busy machine does no harm.
//!
//! **Data.** Keys have 16 bytes. Values and list elements have 10 to 20 letters, hash fields are `field:1` to `field:5`, or
//! `field:<number>` in the large hash; members are `member:<number>` with 10 to 14 bytes; integers are below 10^8, scores are integers
//! below 10^6.

// Each bench uses its own part of what they share.
#[allow(dead_code)]
mod wire_support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use wire_support::machine;
use wire_support::requests::{push_bulk, push_head, push_number};
use wire_support::rival::{Rival, Server};
use wire_support::{Result, cell};

const HELP: &str = "\
cargo bench --bench memory -- [OPTIONS]

  --only NAME[,NAME]   run these rows only (a name's start is enough); see --list
  --list               print the names of the rows
  --quick              a hundredth of the data: shows that it works
  --count N            small collections, and elements of a large one (1000000)
  --server PATH        test this binary instead of the one Cargo built
  --rival PATH         compare with this one instead of redis-server of the PATH
  --markdown FILE      write the table there too
";

/// What Redis's figure is multiplied by to give the bound of ours.
const BOUND: f64 = 0.9;
/// The same of the large sorted set, which Redis keeps as a skip list beside a hash table.
const BOUND_LARGE_ZSET: f64 = 0.7;

/// The same of streams, whose nodes hold the bytes that Redis's do.
const BOUND_STREAM: f64 = 1.0;

/// One row of the table.
struct Row {
    name: &'static str,
    title: &'static str,
    /// Elements that one command adds.
    elements: u64,
    /// All commands have the same key.
    one_key: bool,
    bound: f64,
    /// Appends the words of the command number n but for their count and the key; and how many.
    command: Part,
    /// Appends the words that read some of it back, likewise.
    check: Part,
    /// Appends the reply to that.
    answer: fn(&mut Vec<u8>, u64),
}

/// The name of a command, how many words follow its key, and what appends them.
struct Part(&'static str, usize, fn(&mut Vec<u8>, u64));

const ROWS: &[Row] = &[
    Row {
        name: "small-hash",
        title: "hashes of 5 fields",
        elements: 5,
        one_key: false,
        bound: BOUND,
        command: Part("HSET", 10, |out, n| {
            (0..5).for_each(|i| {
                push_bulk(out, format!("field:{}", i + 1).as_bytes());
                push_bulk(out, &letters(n * 5 + i));
            });
        }),
        check: Part("HGET", 1, |out, _| push_bulk(out, b"field:3")),
        answer: |out, n| push_bulk(out, &letters(n * 5 + 2)),
    },
    Row {
        name: "small-list",
        title: "lists of 10 elements",
        elements: 10,
        one_key: false,
        bound: BOUND,
        command: Part("RPUSH", 10, |out, n| (0..10).for_each(|i| push_bulk(out, &letters(n * 10 + i)))),
        check: Part("LINDEX", 1, |out, _| push_bulk(out, b"7")),
        answer: |out, n| push_bulk(out, &letters(n * 10 + 7)),
    },
    Row {
        name: "small-set",
        title: "sets of 10 strings",
        elements: 10,
        one_key: false,
        bound: BOUND,
        command: Part("SADD", 10, |out, n| (0..10).for_each(|i| push_bulk(out, &member(n * 10 + i)))),
        check: Part("SISMEMBER", 1, |out, n| push_bulk(out, &member(n * 10 + 4))),
        answer: |out, _| push_number(out, b':', 1),
    },
    Row {
        name: "small-intset",
        title: "sets of 10 integers",
        elements: 10,
        one_key: false,
        bound: BOUND,
        command: Part("SADD", 10, |out, n| (0..10).for_each(|i| push_bulk(out, &integer(n * 10 + i)))),
        check: Part("SISMEMBER", 1, |out, n| push_bulk(out, &integer(n * 10 + 4))),
        answer: |out, _| push_number(out, b':', 1),
    },
    Row {
        name: "small-zset",
        title: "sorted sets of 10 members",
        elements: 10,
        one_key: false,
        bound: BOUND,
        command: Part("ZADD", 20, |out, n| (0..10).for_each(|i| push_scored(out, n * 10 + i))),
        check: Part("ZSCORE", 1, |out, n| push_bulk(out, &member(n * 10 + 4))),
        answer: |out, n| push_bulk(out, &score(n * 10 + 4)),
    },
    Row {
        name: "small-stream",
        title: "streams of one entry of 3 fields",
        elements: 1,
        one_key: false,
        bound: BOUND_STREAM,
        command: Part("XADD", 7, push_entry),
        check: Part("XLEN", 0, |_, _| ()),
        answer: |out, _| push_number(out, b':', 1),
    },
    Row {
        name: "large-list",
        title: "one list",
        elements: 1,
        one_key: true,
        bound: BOUND,
        command: Part("RPUSH", 1, |out, n| push_bulk(out, &letters(n))),
        check: Part("LINDEX", 1, |out, n| push_bulk(out, n.to_string().as_bytes())),
        answer: |out, n| push_bulk(out, &letters(n)),
    },
    Row {
        name: "large-hash",
        title: "one hash",
        elements: 1,
        one_key: true,
        bound: BOUND,
        command: Part("HSET", 2, |out, n| {
            push_bulk(out, format!("field:{n}").as_bytes());
            push_bulk(out, &letters(n));
        }),
        check: Part("HGET", 1, |out, n| push_bulk(out, format!("field:{n}").as_bytes())),
        answer: |out, n| push_bulk(out, &letters(n)),
    },
    Row {
        name: "large-set",
        title: "one set of strings",
        elements: 1,
        one_key: true,
        bound: BOUND,
        command: Part("SADD", 1, |out, n| push_bulk(out, &member(n))),
        check: Part("SISMEMBER", 1, |out, n| push_bulk(out, &member(n))),
        answer: |out, _| push_number(out, b':', 1),
    },
    Row {
        name: "large-intset",
        title: "one set of integers",
        elements: 1,
        one_key: true,
        bound: BOUND,
        command: Part("SADD", 1, |out, n| push_bulk(out, &integer(n))),
        check: Part("SISMEMBER", 1, |out, n| push_bulk(out, &integer(n))),
        answer: |out, _| push_number(out, b':', 1),
    },
    Row {
        name: "large-zset",
        title: "one sorted set",
        elements: 1,
        one_key: true,
        bound: BOUND_LARGE_ZSET,
        command: Part("ZADD", 2, push_scored),
        check: Part("ZSCORE", 1, |out, n| push_bulk(out, &member(n))),
        answer: |out, n| push_bulk(out, &score(n)),
    },
    Row {
        name: "large-stream",
        title: "one stream of entries of 3 fields",
        elements: 1,
        one_key: true,
        bound: BOUND_STREAM,
        command: Part("XADD", 7, push_entry),
        check: Part("XRANGE", 2, |out, n| (0..2).for_each(|_| push_bulk(out, &entry_id(n)))),
        answer: |out, n| {
            push_head(out, 1);
            push_head(out, 2);
            push_bulk(out, &entry_id(n));
            push_head(out, 6);
            push_fields(out, n);
        },
    },
];

/// The id of an entry.
fn entry_id(n: u64) -> Vec<u8> {
    format!("{}-0", 1_700_000_000_000 + n).into_bytes()
}

fn push_fields(out: &mut Vec<u8>, n: u64) {
    for (field, value) in [("sensor", integer(n)), ("place", letters(n)), ("value", score(n))] {
        push_bulk(out, field.as_bytes());
        push_bulk(out, &value);
    }
}

fn push_entry(out: &mut Vec<u8>, n: u64) {
    push_bulk(out, &entry_id(n));
    push_fields(out, n);
}

/// splitmix64's output function: every number has its own.
fn mix(number: u64) -> u64 {
    wire_support::requests::Random(number).draw()
}

/// 10 to 20 letters.
fn letters(n: u64) -> Vec<u8> {
    let mut bits = mix(n);
    let len = 10 + bits % 11;
    (0..len)
        .map(|_| {
            bits = bits.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
            b'a' + ((bits >> 40) % 26) as u8
        })
        .collect()
}

fn member(n: u64) -> Vec<u8> {
    format!("member:{}", 100 + n).into_bytes()
}

/// Different for different numbers below 10^8: a multiplication by a number that has no factor of 10.
fn integer(n: u64) -> Vec<u8> {
    (n * 76_543_211 % 100_000_000).to_string().into_bytes()
}

fn score(n: u64) -> Vec<u8> {
    (mix(n) % 1_000_000).to_string().into_bytes()
}

fn push_scored(out: &mut Vec<u8>, n: u64) {
    push_bulk(out, &score(n));
    push_bulk(out, &member(n));
}

impl Row {
    /// Appends one whole command.
    fn push(&self, part: &Part, out: &mut Vec<u8>, n: u64) {
        let Part(name, words, push) = part;
        push_head(out, 2 + words);
        push_bulk(out, name.as_bytes());
        let key = if self.one_key { 0 } else { n };
        push_bulk(out, format!("key:{key:012}").as_bytes());
        push(out, n);
    }

    /// Appends the reply to the command number n that adds elements.
    fn added(&self, out: &mut Vec<u8>, n: u64) {
        if self.command.0 == "XADD" {
            return push_bulk(out, &entry_id(n));
        }
        let long = self.one_key && self.command.0 == "RPUSH";
        push_number(out, b':', if long { n + 1 } else { self.elements } as i64);
    }

    /// Is number n read back? The index of a list is not O(1), so that there one in a thousand is.
    fn is_checked(&self, n: u64) -> bool {
        self.name != "large-list" || n.is_multiple_of(1000)
    }

    fn load(&self, server: &Server, count: u64) -> Result<()> {
        server.converse(0..count, |out, n| self.push(&self.command, out, n), |out, n| self.added(out, n))?;
        server.converse(
            0..count,
            |out, n| {
                if self.is_checked(n) {
                    self.push(&self.check, out, n)
                }
            },
            |out, n| {
                if self.is_checked(n) {
                    (self.answer)(out, n)
                }
            },
        )
    }
}

/// Bytes an element.
#[derive(Clone, Copy)]
struct Figure {
    resident: f64,
    allocated: f64,
}

/// One server, one row.
fn measure(row: &Row, rival: &Rival, options: &Options) -> Result<Figure> {
    let cores: Vec<String> = (0..std::thread::available_parallelism()?.get()).map(|core| core.to_string()).collect();
    let server = Server::start(rival, &cores.join(","), &[])?;
    let allocated = || -> Result<f64> { Ok(server.info("memory", "used_memory")?.parse()?) };
    let (resident_before, allocated_before) = (steady(&server)?, allocated()?);
    row.load(&server, options.count)?;
    let (resident_after, allocated_after) = (steady(&server)?, allocated()?);
    let elements = (options.count * row.elements) as f64;
    Ok(Figure {
        resident: (resident_after - resident_before) / elements,
        allocated: (allocated_after - allocated_before) / elements,
    })
}

/// Resident bytes, when they have not changed by a thousandth for three seconds: allocators give pages back at leisure.
fn steady(server: &Server) -> Result<f64> {
    const SECONDS_MAX: usize = 30;
    let mut seen = vec![machine::resident(server.pid)? as f64];
    while seen.len() < SECONDS_MAX {
        std::thread::sleep(Duration::from_secs(1));
        seen.push(machine::resident(server.pid)? as f64);
        if let [.., a, b, c, d] = seen[..]
            && [a, b, c].iter().all(|earlier| (earlier - d).abs() < d / 1000.0)
        {
            break;
        }
    }
    Ok(seen[seen.len() - 1])
}

/// The parsed command line.
struct Options {
    only: Vec<String>,
    count: u64,
    server: PathBuf,
    rival: Option<PathBuf>,
    markdown: Option<PathBuf>,
    quick: bool,
    /// Cargo's word for a bench that is to run, not to be tested.
    bench: bool,
}

fn parse(words: &[String]) -> Result<Options> {
    let mut options = Options {
        only: Vec::new(),
        count: 1_000_000,
        server: PathBuf::from(env!("CARGO_BIN_EXE_ostracon")),
        rival: machine::on_path("redis-server"),
        markdown: None,
        quick: false,
        bench: false,
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut next = || words.next().cloned().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--bench" => options.bench = true,
            "--only" => options.only = next()?.split(',').map(str::to_owned).collect(),
            "--quick" => (options.quick, options.count) = (true, 10_000),
            "--count" => options.count = next()?.parse()?,
            "--server" => options.server = next()?.into(),
            "--rival" => options.rival = Some(next()?.into()),
            "--markdown" => options.markdown = Some(next()?.into()),
            _ => return Err(format!("unknown option {word}; see --help").into()),
        }
    }
    if options.count == 0 || options.count > 10_000_000 {
        return Err("--count is from 1 to 10000000: the integers differ only that far".into());
    }
    match options.only.iter().find(|start| !ROWS.iter().any(|row| row.name.starts_with(start.as_str()))) {
        Some(unknown) => Err(format!("no row {unknown}; see --list").into()),
        None => Ok(options),
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Err(error) = bench(&words) {
        eprintln!("memory: {error}");
        std::process::exit(1);
    }
}

fn bench(words: &[String]) -> Result<()> {
    cell::self_test();
    self_test();
    if words.iter().any(|word| word == "--help" || word == "-h") {
        print!("{HELP}");
        return Ok(());
    }
    if words.iter().any(|word| word == "--list") {
        ROWS.iter().for_each(|row| println!("{}", row.name));
        return Ok(());
    }
    let options = parse(words)?;
    if !options.bench {
        println!("memory: the bench's own checks passed; run it with `cargo bench`");
        return Ok(());
    }
    machine::check_tools()?;
    let ours = Rival::ours("ours", &options.server, None);
    let path = options.rival.clone().ok_or("no redis-server on the PATH; see --rival")?;
    let rival = Rival { name: name_of(&path), binary: path, workers: None };
    let mut text = head(&ours, &rival, &options);
    print!("{text}");
    for row in ROWS.iter() {
        if !options.only.is_empty() && !options.only.iter().any(|start| row.name.starts_with(start.as_str())) {
            continue;
        }
        let line = line(row, measure(row, &ours, &options)?, measure(row, &rival, &options)?, &options);
        print!("{line}");
        text.push_str(&line);
    }
    if let Some(file) = &options.markdown {
        std::fs::write(file, text)?;
    }
    Ok(())
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn head(ours: &Rival, rival: &Rival, options: &Options) -> String {
    let mut text =
        format!("Machine: {}. {}: {}. ours: {}.", machine::describe(), rival.name, rival.version(), ours.version());
    if options.quick {
        text.push_str(" A quick run: these figures mean little.");
    }
    text.push_str(&format!(
        "\n\n| collections | bytes an element: ours | {0} | ratio | asked | | allocated: ours | {0} | ratio |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        rival.name
    ));
    text
}

fn line(row: &Row, ours: Figure, rival: Figure, options: &Options) -> String {
    let ratio = ours.resident / rival.resident;
    let what = if row.one_key {
        format!("{} of {} elements", row.title, options.count)
    } else {
        format!("{} {}", options.count, row.title)
    };
    format!(
        "| {what} | {:.1} | {:.1} | {ratio:.2} | ≤ {:.2} | {} | {:.1} | {:.1} | {:.2} |\n",
        ours.resident,
        rival.resident,
        row.bound,
        if ratio <= row.bound { "pass" } else { "**miss**" },
        ours.allocated,
        rival.allocated,
        ours.allocated / rival.allocated
    )
}

/// Checks the data; panics when it is wrong.
fn self_test() {
    let lengths: Vec<usize> = (0..1000).map(|n| letters(n).len()).collect();
    assert!(lengths.iter().all(|len| (10..=20).contains(len)), "values of 10 to 20 bytes");
    let differ: std::collections::HashSet<Vec<u8>> = (0..100_000).map(integer).collect();
    assert_eq!(differ.len(), 100_000, "integers differ");
    let mut words = Vec::new();
    ROWS[1].push(&ROWS[1].check, &mut words, 12);
    assert_eq!(words, b"*3\r\n$6\r\nLINDEX\r\n$16\r\nkey:000000000012\r\n$1\r\n7\r\n", "a command's words");
}
