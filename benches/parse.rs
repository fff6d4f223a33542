//! Cost of the wire: nanoseconds a command for parsing requests and for writing replies, and both together.
//!
//! Method: a buffer of 100 pipelined commands is parsed in batches of 16, as a connection does, over and over for about
//! 50 ms; the figure is the median of 15 such runs, printed with the fastest. One thread, warm caches, no system calls:
//! it shows the protocol's own cost, to be held against the whole server's (`benches/wire.rs`).
//!
//! `cargo bench --bench parse`

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ostracon::resp::{Batch, Limits, OutBuf, Parser, Proto, Reply};

#[global_allocator]
static ALLOC: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const RUNS: usize = 15;
const RUN: Duration = Duration::from_millis(50);
const DEPTH: usize = 100;
const BATCH: usize = 16;

/// Runs `work`, which does `commands` commands, and prints the cost of one.
fn measure(name: &str, commands: usize, mut work: impl FnMut()) {
    let mut costs: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            let mut done = 0;
            while start.elapsed() < RUN {
                for _ in 0..10 {
                    work();
                }
                done += 10 * commands;
            }
            start.elapsed().as_nanos() as f64 / done as f64
        })
        .collect();
    costs.sort_by(f64::total_cmp);
    println!("{name:<44} {:>8.1} ns   (fastest {:.1})", costs[RUNS / 2], costs[0]);
}

fn request(args: &[&[u8]]) -> Vec<u8> {
    let mut wire = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        wire.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        wire.extend_from_slice(arg);
        wire.extend_from_slice(b"\r\n");
    }
    wire
}

/// Parses all of `input` in batches; hands each batch's arguments to `each`.
fn parse_all(input: &[u8], parser: &mut Parser, batch: &mut Batch, mut each: impl FnMut(&Batch, &[u8])) {
    let limits = Limits { bulk_max: 512 << 20, authenticated: true };
    let mut at = 0;
    while at < input.len() {
        batch.clear();
        let buf = &input[at..];
        at += parser.parse(buf, &limits, batch, BATCH).consumed;
        each(batch, buf);
    }
}

fn parsing(name: &str, args: &[&[u8]]) {
    let input = request(args).repeat(DEPTH);
    let (mut parser, mut batch) = (Parser::new(), Batch::default());
    measure(name, DEPTH, || {
        parse_all(black_box(&input), &mut parser, &mut batch, |batch, _| {
            black_box(batch.args.len());
        });
    });
}

fn writing(name: &str, write: impl Fn(&mut Reply<'_>)) {
    let mut out = OutBuf::new();
    measure(name, DEPTH, || {
        let mut reply = Reply::new(&mut out, Proto::Resp2);
        for _ in 0..DEPTH {
            write(&mut reply);
        }
        black_box(&out);
        out.clear();
    });
}

fn main() {
    let key: &[u8] = b"key:000000123456";
    let (small, kib, large) = ([b'v'; 32], [b'v'; 1024], vec![b'v'; 64 * 1024]);
    parsing("parse GET, key of 16", &[b"GET", key]);
    parsing("parse SET, value of 32", &[b"SET", key, &small]);
    parsing("parse SET, value of 1 KiB", &[b"SET", key, &kib]);
    parsing("parse SET, value of 64 KiB (copied once)", &[b"SET", key, &large]);
    let pairs: Vec<&[u8]> = std::iter::once(&b"MSET"[..]).chain([key, &small].into_iter().cycle().take(20)).collect();
    parsing("parse MSET of 10", &pairs);

    writing("reply OK", |reply| reply.ok());
    writing("reply int 1", |reply| reply.int(black_box(1)));
    writing("reply int 1234567", |reply| reply.int(black_box(1_234_567)));
    writing("reply null", |reply| reply.null());
    writing("reply bulk of 32", |reply| reply.bulk(black_box(&small)));
    writing("reply bulk of 1 KiB", |reply| reply.bulk(black_box(&kib)));
    let shared = Bytes::from(large);
    writing("reply shared value of 64 KiB", |reply| reply.shared(shared.clone()));

    let input = request(&[b"GET", key]).repeat(DEPTH);
    let (mut parser, mut batch, mut out) = (Parser::new(), Batch::default(), OutBuf::new());
    measure("parse GET and reply its key and a value of 32", DEPTH, || {
        parse_all(black_box(&input), &mut parser, &mut batch, |batch, buf| {
            let mut reply = Reply::new(&mut out, Proto::Resp2);
            for i in 0..batch.commands.len() {
                let args = batch.view(buf, i);
                if args.get(1).is_some() {
                    reply.bulk(black_box(&small));
                }
            }
        });
        black_box(&out);
        out.clear();
    });
}
