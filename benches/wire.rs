//! What a command costs over the wire: our server beside `redis-server` (and `valkey-server`), both as a user would
//! start them, under the same load.
//!
//! ```text
//! cargo bench --bench wire                                        # everything, about an hour
//! cargo bench --bench wire -- --quick                             # does it work? two minutes, figures mean nothing
//! cargo bench --bench wire -- --only get32 --pipelines 16,100     # one scenario
//! cargo bench --bench wire -- --only rb-                          # redis-benchmark's lines: half an hour
//! cargo bench --bench wire -- --only freeing                      # other clients while collections are freed
//! cargo bench --bench wire -- --help
//! ```
//!
//! # Method
//!
//! A closed loop of 50 connections over loopback TCP. Each sends a batch of 1, 16 or 100 commands (GET, SET or nine
//! GET to one SET; keys drawn uniformly; values of 32 bytes, 1 KiB or 64 KiB; all keys exist) and waits for all its
//! replies. The batches are built before the clock starts and replies are counted in bytes, so that the load costs
//! less than the server; its own cost is printed beside the server's. Every value was compared once when the server
//! was filled, and during the load a reply of another length or kind ends the bench.
//!
//! - **A core each.** The server is pinned to one core, the load to another. The `cores` scenario alone lets the
//!   server and two load processes share both.
//! - **Awake.** On a virtual machine an idle core halts and is slow to wake, so that a closed loop measures the
//!   hypervisor. A spinning process of class `SCHED_IDLE` on each core keeps it awake and yields to everything else.
//! - **CPU time, not only throughput.** The server's CPU time a command, over all its threads, is what a core is
//!   worth, and is quieter than throughput. The total comes from the scheduler in nanoseconds; how it divides
//!   into user and kernel is sampled by the kernel at each timer tick, hence longer runs without pipelining. There
//!   the loopback in the kernel is nine tenths of the cost and the same for all: look at the user time.
//! - **Interleaved.** Every cell is run at least three times, contestants in turn, and each run's figure is divided
//!   by its neighbour's: the tables hold medians, and a ratio's spread says what to believe.
//! - **Whose bound?** `busy` is the number of cores the server kept busy. Below 0.95 of a core it waited for the
//!   load, and its throughput is a lower bound; or something else used its core, which the report then says.
//!
//! **redis-benchmark's lines** (`rb-`) are the commands of its default run with its arguments, and `rb-r-` those that work on
//! many elements. Each run starts with a fresh server that holds the same, because a list that has grown for one
//! contestant's speed would slow it.
//!
//! **Freeing** is about latency, and its load is paced: see `wire_support/freeing.rs`.
//!
//! Memory is resident memory of the process. A key costs what the server grew by, over the keys; likewise an idle
//! connection, after one PING each.
//!
//! The bench needs Linux, two cores and util-linux. Whatever it starts dies with it.

// Each bench uses its own part of what they share.
#[allow(dead_code)]
mod wire_support;

use wire_support::cell;
use wire_support::cli::{self, Options, Request};
use wire_support::{Result, freeing, histogram, lines, load, machine, memory, report, requests, scenario};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.split_first() {
        Some((word, task)) if word == "--load" => load::main(task),
        _ => bench(&words),
    };
    if let Err(error) = done {
        eprintln!("wire: {error}");
        std::process::exit(1);
    }
}

fn bench(words: &[String]) -> Result<()> {
    histogram::self_test();
    requests::self_test();
    lines::self_test();
    cell::self_test();
    match cli::parse(words, env!("CARGO_BIN_EXE_ostracon"))? {
        Request::Help => print!("{}", cli::HELP),
        Request::List => scenario::names().for_each(|name| println!("{name}")),
        Request::SelfTest => {
            println!("wire: the bench's own checks passed; run it with `cargo bench`")
        }
        Request::Run(options) => measure(&options)?,
    }
    Ok(())
}

fn measure(options: &Options) -> Result<()> {
    machine::check_tools()?;
    let load_before = machine::load_average();
    let rivals: Vec<&str> = options.rivals.iter().map(|rival| rival.name.as_str()).collect();
    println!(
        "{}; load average {load_before}; ours: {}; beside: {rivals:?}",
        machine::describe(),
        options.server.display()
    );
    let (cells, freed) = {
        let _awake = machine::Spinners::start(&[options.server_core, options.load_core])?;
        (scenario::run(options)?, freeing::run(options)?)
    };
    println!();
    let memories = memory::run(options)?;
    let text = report::markdown(options, &cells, &freed, &memories, &load_before);
    println!("\n{text}");
    if let Some(file) = &options.markdown {
        std::fs::write(file, text)?;
    }
    Ok(())
}
