//! The part of `benches/types.rs` about streams: adding entries and walking over them, in process and beside redis-server.

use crate::wire_support::Result;
use crate::wire_support::cell::median;
use crate::wire_support::machine;
use crate::wire_support::requests::{Random, push_bulk, push_command, push_head};
use crate::wire_support::rival::{Rival, Server};
use crate::{Options, RUNS, SHOWN, Texts, Times, columns, cpu_seconds, row, usec_per_call};
use ostracon::types::stream::{NewId, NodeLimits, Stream, StreamId};
use std::hint::black_box;

const STREAM_LIMITS: NodeLimits = NodeLimits { bytes: 4096, entries: 100 };

/// Adds an entry of three fields with the next id; its number says what they hold.
fn append(stream: &mut Stream, text: &[u8]) {
    let words: [&[u8]; 6] = [b"name", text, b"unit", b"C", b"value", text];
    let next = NewId::Exactly(StreamId::new(stream.entries().last_id().ms + 1, 0));
    black_box(stream.add(next, 0, &words, STREAM_LIMITS).is_ok());
}

/// Looks at 10 entries from an id on.
fn walk(stream: &Stream, from: u64) {
    for entry in stream.entries().range(StreamId::new(from, 0), StreamId::MAX).take(SHOWN) {
        entry.fields.for_each(|(field, value)| {
            black_box((field.len(), value.len()));
        });
    }
}

pub fn stream(options: &Options) {
    let mut columns = columns(options, Texts::members, append);
    row("stream: add an entry of 3 fields", &mut columns, options, |stream, texts, _, other| {
        append(stream, &texts.outside[other]);
    });
    row("stream: 10 entries from a random id", &mut columns, options, |stream, _, index, _| {
        walk(stream, index as u64 + 1);
    });
}

fn text(n: u64) -> Vec<u8> {
    format!("member:{}", n + 100).into_bytes()
}

fn fields(out: &mut Vec<u8>, n: u64) {
    let text = text(n);
    [b"name", &text[..], b"unit", b"C", b"value", &text].iter().for_each(|word| push_bulk(out, word));
}

fn add(out: &mut Vec<u8>, n: u64) {
    push_head(out, 9);
    [b"XADD", &b"log"[..], format!("{}-0", n + 1).as_bytes()].iter().for_each(|word| push_bulk(out, word));
    fields(out, n);
}

fn added(out: &mut Vec<u8>, n: u64) {
    push_bulk(out, format!("{}-0", n + 1).as_bytes());
}

/// What a server says it spent on each XADD of these numbers, and on each of `times` XRANGEs from ids that `from` says.
fn on(server: &Server, new: std::ops::Range<u64>, times: u64, from: impl Fn(u64) -> u64) -> Result<[f64; 2]> {
    server.ask(&["CONFIG", "RESETSTAT"])?;
    server.converse(new, add, added)?;
    let ask = |out: &mut Vec<u8>, n: u64| {
        push_command(out, &["XRANGE", "log", &from(n).to_string(), "+", "COUNT", &SHOWN.to_string()]);
    };
    server.converse(0..times, ask, |out, n| {
        push_head(out, SHOWN);
        for id in from(n)..from(n) + SHOWN as u64 {
            push_head(out, 2);
            push_bulk(out, format!("{id}-0").as_bytes());
            push_head(out, 6);
            fields(out, id - 1);
        }
    })?;
    Ok([usec_per_call(server, "xadd")?, usec_per_call(server, "xrange")?])
}

/// XADD and XRANGE at the largest size, in process and as redis-server accounts for them.
pub fn beside(options: &Options) -> Result<()> {
    let size = options.sizes[options.sizes.len() - 1] as u64;
    let redis = machine::on_path("redis-server").ok_or("no redis-server on the PATH")?;
    let redis = Rival { name: "redis-server".to_owned(), binary: redis, workers: None };
    let ours = Rival::ours("ours", &options.server, Some(1));
    let servers = [Server::start(&ours, "0", &[])?, Server::start(&redis, "0", &[])?];
    let mut model = Stream::default();
    (0..size).for_each(|n| append(&mut model, &text(n)));
    for server in &servers {
        server.converse(0..size, add, added)?;
    }
    let times = options.times as u64;
    let mut all: [Times; 2] = Default::default();
    for run in 0..RUNS as u64 {
        let new = size + run * times..size + (run + 1) * times;
        let texts: Vec<Vec<u8>> = new.clone().map(text).collect();
        let began = cpu_seconds();
        texts.iter().for_each(|text| append(&mut model, text));
        all[0].in_process.push((cpu_seconds() - began) * 1e6 / times as f64);
        let from = |n: u64| Random(n + run).below(size - SHOWN as u64) + 1;
        let began = cpu_seconds();
        (0..times).for_each(|n| walk(&model, from(n)));
        all[1].in_process.push((cpu_seconds() - began) * 1e6 / times as f64);
        for (which, server) in servers.iter().enumerate() {
            let spent = on(server, new.clone(), times, from)?;
            for (times, spent) in all.iter_mut().zip(spent) {
                if which == 0 { &mut times.ours } else { &mut times.redis }.push(spent);
            }
        }
    }
    for (title, times) in ["XADD of 3 fields", "XRANGE id + COUNT 10"].iter().zip(all) {
        let (in_process, ours, redis) = (median(times.in_process), median(times.ours), median(times.redis));
        let verdict = if in_process <= 0.8 * redis { "pass" } else { "miss" };
        println!(
            "{title:<44}{in_process:>12.2}{ours:>12.2}{redis:>14.2}{:>8.2}{:>8.2}  {verdict}",
            in_process / redis,
            ours / redis
        );
    }
    Ok(())
}
