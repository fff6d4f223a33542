//! A random stream of commands, run on ours and on `redis-server`: every reply is compared, and now and then the data.
//!
//! The stream is drawn from the command table (`generator`, by its notation `syntax` and values by hand `values`),
//! pipelined over several connections to each server, chunk by chunk, so that both see one order. A difference is
//! shrunk to few commands before it is shown. Environment: `OSTRACON_SEED` repeats a stream, `OSTRACON_COMMANDS` says
//! how long it is, `OSTRACON_GROUPS` (`list,generic`) which groups' commands it has.

mod differences;
mod generator;
mod journal;
mod pair;
mod syntax;
mod values;

use generator::Generator;
use ostracon::base::rng::{Rng, random_u64};
use pair::{CONNECTIONS, Difference, Pair, Step};

use crate::support::{Oracle, Server};
use std::collections::BTreeMap;

/// Commands of the stream in a plain `cargo test`.
const COMMANDS: u64 = 20_000;
/// Commands between two comparisons of the data.
const COMPARE_EVERY: u64 = 2_500;

fn environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.replace('_', "").parse().unwrap_or_else(|_| panic!("{name}={text}: a number is wanted")))
}

/// A chunk of the stream: commands for one connection, or something between the chunks.
fn chunk(generator: &mut Generator, steps: &mut Vec<Step>, drawn: &mut BTreeMap<String, u64>) {
    let connection = generator.rng().below(CONNECTIONS as u64) as usize;
    let mut push = |steps: &mut Vec<Step>, args: Vec<Vec<u8>>| {
        *drawn.entry(name_of(&args)).or_default() += 1;
        steps.push(Step::Command { connection, args });
    };
    match generator.rng().below(60) {
        0 => {
            // Inside MULTI the reply of HELLO, which differs, would be one of EXEC's.
            push(steps, vec![b"DISCARD".to_vec()]);
            let version = if generator.rng().below(2) == 0 { "3" } else { "2" };
            push(steps, vec![b"HELLO".to_vec(), version.into()]);
        }
        1 => {
            let (name, most) = pair::LIMITS[generator.rng().below(pair::LIMITS.len() as u64) as usize];
            let limit = [0, 1, 4, 16, most, most][generator.rng().below(6) as usize].to_string();
            push(steps, vec![b"DISCARD".to_vec()]);
            push(steps, [&b"CONFIG"[..], b"SET", name.as_bytes(), limit.as_bytes()].map(<[u8]>::to_vec).to_vec());
        }
        2 | 3 => {
            let db = generator.rng().below(values::DATABASES);
            let args = scan_options(generator.rng());
            steps.push(Step::Scan { db, args });
        }
        _ => {
            for _ in 0..1 + generator.rng().below(100) {
                generator.next().into_iter().for_each(|args| push(steps, args));
            }
        }
    }
}

fn scan_options(rng: &mut Rng) -> Vec<Vec<u8>> {
    let mut args = Vec::new();
    let notation = syntax::parse("[MATCH pattern] [COUNT count] [TYPE type]");
    notation.draw(rng, &mut args, &mut |rng, name| values::value(rng, "scan", name));
    args
}

/// The name of a command in the table, where it has one: `client|setname`.
fn name_of(args: &[Vec<u8>]) -> String {
    let word = |at: usize| args.get(at).map(|w| String::from_utf8_lossy(w).to_lowercase()).unwrap_or_default();
    match word(0).as_str() {
        container @ ("object" | "client" | "command" | "xgroup" | "xinfo") => format!("{container}|{}", word(1)),
        name => name.to_owned(),
    }
}

#[test]
fn a_random_stream_gives_the_same_replies_and_the_same_data() {
    if std::env::var("OSTRACON_TEST_ON").is_ok_and(|on| on != "both") {
        println!("SKIPPED: a comparison needs both servers");
        return;
    }
    let Some(oracle) = Oracle::start(&[]) else { return };
    let mut pair = Pair::new(Server::start(&["--workers", "4"]), oracle);
    let seed = environment("OSTRACON_SEED").unwrap_or_else(|| random_u64().unwrap());
    let commands = environment("OSTRACON_COMMANDS").unwrap_or(COMMANDS);
    println!("OSTRACON_SEED={seed} OSTRACON_COMMANDS={commands}");
    let mut generator = Generator::of_groups(seed);
    let (mut all, mut drawn, mut compared) = (Vec::new(), BTreeMap::new(), 0);
    let mut sent = 0;
    while sent < commands {
        let from = all.len();
        chunk(&mut generator, &mut all, &mut drawn);
        sent += (all.len() - from) as u64;
        if sent / COMPARE_EVERY > compared || sent >= commands {
            compared = sent / COMPARE_EVERY;
            all.push(Step::Compare);
        }
        if let Err(difference) = pair.run(&all[from..]) {
            report(&mut pair, seed, commands, from, &all, &difference);
        }
        if all.len() > 200_000 && all.last() == Some(&Step::Compare) {
            // What came before this comparison is the same on both: shrinking starts from what both have now.
            println!("{sent} commands");
            all.clear();
        }
    }
    let missing: Vec<&str> = generator.names().filter(|name| !drawn.contains_key(*name)).collect();
    assert!(missing.is_empty() || commands < COMMANDS, "never drawn: {missing:?}");
    let undrawn = generator.undrawn();
    assert!(undrawn.is_empty() || commands < 10 * COMMANDS, "never drawn: {undrawn:?}");
    println!("{sent} commands, no difference; {} known ones: {:?}", pair.known.values().sum::<u64>(), pair.known);
}

/// Shows the difference, shrinks what led to it, and fails.
fn report(pair: &mut Pair, seed: u64, commands: u64, from: usize, all: &[Step], difference: &Difference) -> ! {
    eprintln!("OSTRACON_SEED={seed} OSTRACON_COMMANDS={commands}, step {}:\n{difference}", from + difference.at);
    let end = from + difference.at + 1;
    let (few, smaller) = pair.shrink(&all[..end]);
    eprintln!("\nshrunk to {} steps:", few.len());
    few.iter().for_each(|step| eprintln!("  {step}"));
    panic!("OSTRACON_SEED={seed}: {}", smaller.unwrap_or_else(|| "not seen again from an empty server".into()));
}
