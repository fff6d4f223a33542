//! Hashes: their journal replayed, what it says, and the events, with a clock that the test moves.

use super::*;

const TEMPLATES: &[&str] = &[
    "HSET key name value",
    "HSET key name int name value name float",
    "HMSET key name value",
    "HSETNX key name int",
    "HDEL key name name",
    "HINCRBY key name int",
    "HINCRBYFLOAT key name float",
    "HEXPIRE key seconds FIELDS 2 name name",
    "HPEXPIRE key ms FIELDS 1 name",
    "HPEXPIRE key ms NX FIELDS 2 name name",
    "HPEXPIREAT key moment XX FIELDS 2 name name",
    "HPEXPIREAT key moment GT FIELDS 2 name name",
    "HPEXPIREAT key moment LT FIELDS 2 name name",
    "HPEXPIREAT key moment FIELDS 1 name",
    "HPERSIST key FIELDS 2 name name",
    "HGETEX key PX ms FIELDS 2 name name",
    "HGETEX key PXAT moment FIELDS 1 name",
    "HGETEX key PERSIST FIELDS 2 name name",
    "HSETEX key PX ms FIELDS 1 name value",
    "HSETEX key FNX PXAT moment FIELDS 2 name int name value",
    "HSETEX key FXX KEEPTTL FIELDS 2 name int name value",
    "HSETEX key FIELDS 1 name int",
    "HGETDEL key FIELDS 2 name name",
    "DEL key",
    "PEXPIRE key ms",
    "COPY key key",
    "RENAME key key",
];

const FIELDS: u64 = 8;

fn fill_in(word: &str, rng: &mut Rng, now: u64) -> Vec<u8> {
    match word {
        "name" => format!("f{}", rng.below(FIELDS)).into_bytes(),
        "key" => format!("k{}", rng.below(3)).into_bytes(),
        word => fill(word, rng, now),
    }
}

/// Every value and every time to live of every hash.
fn contents(bench: &mut Bench) -> Vec<Vec<u8>> {
    let names = (0..FIELDS).map(|n| format!(" f{n}")).collect::<String>();
    let keys = (0..3).map(|n| format!("k{n}"));
    let asked = |key: String| {
        [
            format!("HLEN {key}"),
            format!("HMGET {key}{names}"),
            format!("HPEXPIRETIME {key} FIELDS {FIELDS}{names}"),
            format!("PEXPIRETIME {key}"),
            format!("TYPE {key}"),
        ]
    };
    keys.flat_map(asked).map(|line| bench.run(&words(&line))).collect()
}

/// Small hashes, and such as are tables from the first field on.
#[test]
fn the_journal_of_hashes_replayed_gives_the_same_hashes() {
    let limit = |bench: &Bench, seed: u64| {
        bench.worker.server().config.update(|s| s.hash_max_listpack_entries = [512, 0][seed as usize % 2]);
    };
    Plan {
        seeds: 8,
        rounds: 1500,
        every: 50,
        least: 500,
        templates: TEMPLATES,
        fill: &fill_in,
        at: EARLY,
        set: &limit,
    }
    .run(contents);
}

#[test]
fn the_journal_of_hashes_is_deterministic() {
    let cases: &[(&[&str], &str)] = &[
        (&["HSET k f v g w"], "HSET k f v g w"),
        (&["HINCRBY k f 5"], "HINCRBY k f 5"),
        (&["HINCRBYFLOAT k f 0.1"], "HSET k f 0.1"),
        (&["HSET k f 1", "HEXPIRE k 10 FIELDS 1 f", "HINCRBYFLOAT k f 1"], "HSETEX k KEEPTTL FIELDS 1 f 2"),
        (&["HSET k f v g w", "HEXPIRE k 10 FIELDS 3 f g h"], "HPEXPIREAT k 1700000010000 FIELDS 2 f g"),
        (&["HSET k f v", "HPEXPIRE k 10 LT FIELDS 1 f"], "HPEXPIREAT k 1700000000010 FIELDS 1 f"),
        (&["HSET k f v", "HEXPIREAT k 1800000000 FIELDS 1 f"], "HPEXPIREAT k 1800000000000 FIELDS 1 f"),
        (&["HSET k f v g w", "HEXPIRE k 0 FIELDS 1 f"], "HDEL k f"),
        (&["HSET k f v g w", "HPEXPIREAT k 1 FIELDS 3 f g h"], "HDEL k f g"),
        (&["HSET k f v", "HGETEX k EX 5 FIELDS 2 f g"], "HPEXPIREAT k 1700000005000 FIELDS 1 f"),
        (&["HSET k f v", "HGETEX k PXAT 5 FIELDS 2 f g"], "HDEL k f"),
        (&["HSETEX k EX 5 FIELDS 1 f v"], "HSETEX k PXAT 1700000005000 FIELDS 1 f v"),
        (&["HSETEX k FNX PXAT 1700000005000 FIELDS 1 f v"], "HSETEX k PXAT 1700000005000 FIELDS 1 f v"),
        (&["HSETEX k FNX FIELDS 1 f v"], "HSET k f v"),
        (&["HSETEX k KEEPTTL FIELDS 1 f v"], "HSETEX k KEEPTTL FIELDS 1 f v"),
        (&["HSET k f v", "HSETEX k EX 0 FIELDS 2 f v g w"], "HDEL k f"),
        (&["HSETEX k EX 5 FIELDS 1 f v", "HGETEX k PERSIST FIELDS 2 f g"], "HPERSIST k FIELDS 1 f"),
        (&["HSETEX k EX 5 FIELDS 1 f v", "HPERSIST k FIELDS 2 f g"], "HPERSIST k FIELDS 2 f g"),
        (&["HSET k f v g w", "HGETDEL k FIELDS 2 f x"], "HDEL k f"),
    ];
    for (lines, last) in cases {
        assert_eq!(journalled(lines).last().map(String::as_str), Some(*last), "{lines:?}");
        assert_eq!(journalled(lines).len(), lines.len(), "{lines:?}");
    }
}

#[test]
fn what_does_not_change_a_hash_is_not_journalled() {
    let cases: &[&[&str]] = &[
        &["HSET k f v", "HSETNX k f w"],
        &["HSET k f v", "HDEL k g"],
        &["HSET k f v", "HINCRBY k f 1"],
        &["HSET k f v", "HINCRBYFLOAT k f 1"],
        &["HSET k f v", "HEXPIRE k 10 XX FIELDS 1 f"],
        &["HSET k f v", "HEXPIRE k 0 GT FIELDS 2 f g"],
        &["HSET k f v", "HPERSIST k FIELDS 1 f"],
        &["HSET k f v", "HGETEX k FIELDS 1 f"],
        &["HSET k f v", "HGETEX k EX 5 FIELDS 1 g"],
        &["HSET k f v", "HGETEX k PERSIST FIELDS 1 f"],
        &["HSET k f v", "HSETEX k FNX FIELDS 2 f v g w"],
        &["HSET k f v", "HSETEX k FXX FIELDS 2 f v g w"],
        &["HSET k f v", "HSETEX k PXAT 1 FIELDS 1 g w"],
        &["HSET k f v", "HGETDEL k FIELDS 1 g"],
        &["HSET k f v", "HDEL x f"],
        &["HSET k f v", "HEXPIRE x 10 FIELDS 1 f"],
        &["HSET k f v", "HGETDEL x FIELDS 1 f"],
        &["HSET k f v", "HSETEX x FXX FIELDS 1 f v"],
    ];
    for lines in cases {
        assert_eq!(journalled(lines), [lines[0]], "{lines:?}");
    }
}

/// A field whose time has come goes to the journal before the command that writes it: a replay runs at another time.
#[test]
fn a_field_that_is_over_is_journalled_before_it_is_written() {
    for (line, last) in [
        ("HSETNX k f w", Some("HSETNX k f w")),
        ("HINCRBY k f 5", Some("HINCRBY k f 5")),
        ("HINCRBYFLOAT k f 5", Some("HSET k f 5")),
        ("HSET k f w", Some("HSET k f w")),
        ("HSETEX k FNX FIELDS 1 f w", Some("HSET k f w")),
        ("HDEL k f", None),
        ("HGETDEL k FIELDS 1 f", None),
        ("HPERSIST k FIELDS 1 f", None),
        ("HEXPIRE k 10 FIELDS 1 f", None),
        ("HGETEX k EX 10 FIELDS 1 f", None),
    ] {
        let (mut bench, journal) = (Bench::new(), Recorder::default());
        assert!(bench.worker.server().store.listeners.set_journal(Box::new(journal.clone())));
        bench.run(&words("HSETEX k PX 100 FIELDS 2 f 7 g 8"));
        bench.run(&words("HPERSIST k FIELDS 1 g"));
        bench.clock.advance(Duration::from_millis(100));
        assert_eq!(bench.run(&words("HMGET k f g")), b"*2\r\n$-1\r\n$1\r\n8\r\n");
        bench.run(&words(line));
        let commands = journal.0.lock();
        let lines: Vec<String> =
            commands.iter().skip(2).map(|c| String::from_utf8_lossy(&c.join(&b' ')).into_owned()).collect();
        let expected: Vec<&str> = ["HDEL k f"].into_iter().chain(last).collect();
        assert_eq!(lines, expected, "{line}");
    }
}

/// To the millisecond, in both forms.
#[test]
fn fields_are_there_until_their_time_and_not_at_it() {
    for entries in [512, 0] {
        let mut bench = Bench::new();
        bench.worker.server().config.update(|settings| settings.hash_max_listpack_entries = entries);
        bench.run(&words("HSET k a 1 b 2 c 3"));
        assert_eq!(bench.run(&words("HPEXPIRE k 1500 FIELDS 2 a b")), b"*2\r\n:1\r\n:1\r\n");
        let ask = |bench: &mut Bench| -> Vec<String> {
            let lines = ["HTTL k FIELDS 1 a", "HPTTL k FIELDS 1 a", "HLEN k", "HEXISTS k a", "HSTRLEN k a", "HGET k b"];
            lines.iter().map(|line| String::from_utf8_lossy(&bench.run(&words(line))).replace("\r\n", "")).collect()
        };
        assert_eq!(ask(&mut bench), ["*1:2", "*1:1500", ":3", ":1", ":1", "$12"]);
        bench.clock.advance(Duration::from_millis(1499));
        assert_eq!(ask(&mut bench), ["*1:1", "*1:1", ":3", ":1", ":1", "$12"]);
        bench.clock.advance(Duration::from_millis(1));
        assert_eq!(ask(&mut bench), ["*1:-2", "*1:-2", ":1", ":0", ":0", "$-1"]);
        assert_eq!(bench.run(&words("HGETALL k")), b"*2\r\n$1\r\nc\r\n$1\r\n3\r\n");
        assert_eq!(bench.run(&words("HRANDFIELD k 5 WITHVALUES")), b"*2\r\n$1\r\nc\r\n$1\r\n3\r\n");
        assert_eq!(bench.run(&words("HKEYS k")), b"*1\r\n$1\r\nc\r\n");
        assert_eq!(bench.run(&words("HVALS k")), b"*1\r\n$1\r\n3\r\n");
        assert_eq!(bench.run(&words("HSCAN k 0")), b"*2\r\n$1\r\n0\r\n*2\r\n$1\r\nc\r\n$1\r\n3\r\n");
        // What is set anew is new, and lives for ever.
        assert_eq!(bench.run(&words("HINCRBY k a 5")), b":5\r\n");
        assert_eq!(bench.run(&words("HTTL k FIELDS 2 a b")), b"*2\r\n:-1\r\n:-2\r\n");
        // A copy has the times to live.
        bench.run(&words("HPEXPIRE k 100 FIELDS 1 a"));
        assert_eq!(bench.run(&words("COPY k l")), b":1\r\n");
        assert_eq!(bench.run(&words("HPTTL l FIELDS 2 a c")), b"*2\r\n:100\r\n:-1\r\n");
        bench.clock.advance(Duration::from_millis(100));
        assert_eq!(bench.run(&words("HLEN l")), b":1\r\n");
    }
}

#[test]
fn commands_on_hashes_tell_what_they_did() {
    let cases: &[(&str, &str)] = &[
        ("HSET k f 1 g 2", "hset k"),
        ("HMSET k f 1 g 2", "hset k"),
        ("HSETNX k f 1", ""),
        ("HSETNX k x 1", "hset k"),
        ("HINCRBY k f 1", "hincrby k"),
        ("HINCRBYFLOAT k f 1", "hincrbyfloat k"),
        ("HEXPIRE k 10 FIELDS 2 f none", "hexpire k"),
        ("HEXPIRE k 10 NX FIELDS 1 f", ""),
        ("HPERSIST k FIELDS 2 f g", "hpersist k"),
        ("HPERSIST k FIELDS 2 f g", ""),
        ("HGETEX k FIELDS 1 f", ""),
        ("HGETEX k EX 10 FIELDS 1 f", "hexpire k"),
        ("HGETEX k PERSIST FIELDS 1 f", "hpersist k"),
        ("HSETEX k FIELDS 1 f 5", "hset k"),
        ("HSETEX k EX 10 FIELDS 1 f 5", "hset k, hexpire k"),
        ("HSETEX k FNX EX 10 FIELDS 1 f 5", ""),
        ("HPEXPIREAT k 1 FIELDS 1 f", "hdel k"),
        ("HGETEX k PXAT 1 FIELDS 1 x", "hdel k"),
        ("HDEL k none", ""),
        ("HGETDEL k FIELDS 1 g", "hdel k, del k"),
        ("HDEL k g", ""),
        ("HSETEX k PX 5 FIELDS 2 f 1 g 1", "hset k, hexpire k"),
        ("(wait)", ""),
        ("HGET k f", ""),
        ("HINCRBY k f 1", "hexpired k, hincrby k"),
        ("HDEL k f", "hdel k"),
        ("HDEL k g", "hexpired k, del k"),
    ];
    let (mut bench, heard) = (Bench::new(), Heard::default());
    assert!(bench.worker.server().store.listeners.set_notify(Box::new(heard.clone())));
    bench.worker.server().store.listeners.listen(u32::MAX);
    for (line, expected) in cases {
        if *line == "(wait)" {
            bench.clock.advance(Duration::from_millis(5));
            continue;
        }
        bench.run(&words(line));
        assert_eq!(heard.take(), *expected, "{line}");
    }
}

/// A negative count must not be a way to fill the memory.
#[test]
fn a_reply_of_random_fields_has_a_limit() {
    let mut bench = Bench::new();
    bench.run(&[b"HSET".to_vec(), b"k".to_vec(), vec![b'f'; 4 << 20], b"v".to_vec()]);
    let reply = bench.run(&words("HRANDFIELD k -4000000000000000000 WITHVALUES"));
    assert_eq!(String::from_utf8_lossy(&reply), "-ERR the reply would be too long\r\n");
}
