//! Streams: their journal replayed gives the same entries, groups and pending entries.

use super::*;

const TEMPLATES: &[&str] = &[
    "XADD key * f v g w",
    "XADD key * f v",
    "XADD key MAXLEN ~ count * f v",
    "XADD key MINID ~ id * f v",
    "XADD key MAXLEN count ACKED * f v",
    "XTRIM key MAXLEN ~ count",
    "XTRIM key MAXLEN count DELREF",
    "XDEL key id",
    "XDELEX key ACKED IDS 1 id",
    "XSETID key id",
    "XGROUP CREATE key group $ MKSTREAM",
    "XGROUP CREATE key group 0 MKSTREAM",
    "XGROUP SETID key group id",
    "XGROUP DELCONSUMER key group consumer",
    "XGROUP DESTROY key group",
    "XREADGROUP GROUP group consumer COUNT 2 STREAMS key >",
    "XREADGROUP GROUP group consumer COUNT 2 STREAMS key >",
    "XREADGROUP GROUP group consumer NOACK STREAMS key >",
    "XACK key group id",
    "XACKDEL key group DELREF IDS 1 id",
    "XCLAIM key group consumer 0 id",
    "XCLAIM key group consumer 0 id FORCE JUSTID LASTID id",
    "XAUTOCLAIM key group consumer 5 0 COUNT 3",
    "DEL key",
    "COPY key key",
];

fn fill_in(word: &str, rng: &mut Rng, now: u64) -> Vec<u8> {
    match word {
        "key" => format!("k{}", rng.below(3)).into_bytes(),
        "group" => format!("g{}", rng.below(2)).into_bytes(),
        "consumer" => format!("c{}", rng.below(3)).into_bytes(),
        "count" => rng.below(20).to_string().into_bytes(),
        "id" => format!("{}-0", now - rng.below(400)).into_bytes(),
        word => word.as_bytes().to_vec(),
    }
}

/// What can be seen of the streams, but for when consumers were seen.
fn seen(bench: &mut Bench) -> Vec<String> {
    let mut all = Vec::new();
    for key in ["k0", "k1", "k2"] {
        let mut lines = vec![format!("XRANGE {key} - +"), format!("XINFO GROUPS {key}"), format!("XINFO STREAM {key}")];
        lines.extend((0..2).map(|n| format!("XPENDING {key} g{n} - + 1000")));
        for line in lines {
            let command: Command = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
            all.push(format!("{line}: {}", String::from_utf8_lossy(&bench.run(&command))));
        }
    }
    all
}

#[test]
fn the_journal_of_streams_replayed_gives_the_same_streams() {
    let limit = |bench: &Bench, seed: u64| {
        bench.worker.server().config.update(|s| s.stream_node_max_entries = [100, 3][seed as usize % 2]);
    };
    Plan {
        seeds: 6,
        rounds: 1200,
        every: 200,
        least: 200,
        templates: TEMPLATES,
        fill: &fill_in,
        at: LATE,
        set: &limit,
    }
    .run(seen);
}

/// What is journalled depends on nothing but the data: no time, no node.
#[test]
fn what_the_journal_says() {
    let said = journalled(&[
        "XADD s MAXLEN ~ 5 1-* f v",
        "XADD s NOMKSTREAM 2 f v",
        "XGROUP CREATE s g $",
        "XGROUP SETID s g 0",
        "XREADGROUP GROUP g c COUNT 1 STREAMS s >",
        "XREADGROUP GROUP g c STREAMS s 0",
        "XREADGROUP GROUP g c NOACK STREAMS s >",
        "XCLAIM s g c 999999 1-0",
        "XDEL s 1-0",
        "XAUTOCLAIM s g c 0 0",
        "XTRIM s MAXLEN ~ 0",
        "XTRIM s MAXLEN 0",
        "XGROUP DESTROY s none",
    ]);
    assert_eq!(
        said,
        [
            "XADD s MAXLEN = 1 1-0 f v",
            "XADD s 2-0 f v",
            "XGROUP CREATE s g 2-0 ENTRIESREAD -1",
            "XGROUP SETID s g 0-0 ENTRIESREAD -1",
            "XGROUP CREATECONSUMER s g c",
            "XCLAIM s g c 0 1-0 TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-0",
            "XGROUP SETID s g 1-0 ENTRIESREAD 1",
            "XGROUP SETID s g 2-0 ENTRIESREAD 2",
            "XDEL s 1-0",
            "XACK s g 1-0",
            "XTRIM s MAXLEN = 0",
        ]
    );
}

#[test]
fn events_of_streams() {
    let cases: &[(&str, &str)] = &[
        ("XADD s 1 f v", "xadd s"),
        ("XADD s MAXLEN 1 2 f v", "xadd s, xtrim s"),
        ("XADD s 2 f v", ""),
        ("XGROUP CREATE s g 0", "xgroup-create s"),
        ("XGROUP CREATE s g 0", ""),
        ("XGROUP CREATECONSUMER s g c", "xgroup-createconsumer s"),
        ("XREADGROUP GROUP g d STREAMS s >", "xgroup-createconsumer s"),
        ("XCLAIM s g e 0 2-0", "xgroup-createconsumer s"),
        ("XACK s g 2-0", ""),
        ("XGROUP DELCONSUMER s g d", "xgroup-delconsumer s"),
        ("XGROUP SETID s g 0", "xgroup-setid s"),
        ("XGROUP DESTROY s g", "xgroup-destroy s"),
        ("XSETID s 9", "xsetid s"),
        ("XDEL s 5 2-0", "xdel s"),
        ("XDEL s 2-0", ""),
        ("XADD s 10 f v", "xadd s"),
        ("XDELEX s IDS 1 10", "xdel s"),
        ("XADD s 11 f v", "xadd s"),
        ("XTRIM s MAXLEN 0", "xtrim s"),
        ("DEL s", "del s"),
    ];
    let (mut bench, heard) = (Bench::new(), Heard::default());
    assert!(bench.worker.server().store.listeners.set_notify(Box::new(heard.clone())));
    bench.worker.server().store.listeners.listen(u32::MAX);
    for (line, expected) in cases {
        bench.run(&words(line));
        assert_eq!(heard.take(), *expected, "{line}");
    }
}
