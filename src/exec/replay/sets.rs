//! Sets: their journal replayed, what it says, the events, and that picks by chance are even.

use super::*;

const TEMPLATES: &[&str] = &[
    "SADD key member",
    "SADD key member member member",
    "SREM key member member",
    "SMOVE key key member",
    "SPOP key",
    "SPOP key count",
    "SINTERSTORE key key key",
    "SUNIONSTORE key key key",
    "SDIFFSTORE key key key",
    "SRANDMEMBER key count",
    "DEL key",
    "COPY key key",
    "RENAME key key",
    "PEXPIRE key ms",
];

fn fill_in(word: &str, rng: &mut Rng, now: u64) -> Vec<u8> {
    match word {
        "key" => format!("k{}", rng.below(4)).into_bytes(),
        "member" => format!("{}{}", ["", "m"][rng.below(8) as usize / 7], rng.below(12)).into_bytes(),
        "count" => rng.below(8).to_string().into_bytes(),
        word => fill(word, rng, now),
    }
}

fn limit(bench: &Bench, (intset, listpack): (u64, u64)) {
    bench.worker.server().config.update(|settings| {
        (settings.set_max_intset_entries, settings.set_max_listpack_entries) = (intset, listpack);
    });
}

/// In every form.
#[test]
fn the_journal_of_sets_replayed_gives_the_same_sets() {
    let limit = |bench: &Bench, seed: u64| limit(bench, [(512, 128), (0, 0), (3, 6)][seed as usize % 3]);
    Plan {
        seeds: 9,
        rounds: 1500,
        every: 100,
        least: 500,
        templates: TEMPLATES,
        fill: &fill_in,
        at: EARLY,
        set: &limit,
    }
    .run(|bench| bench.dataset());
}

#[test]
fn the_journal_of_sets_is_deterministic() {
    let cases: &[(&[&str], &str)] = &[
        (&["SADD k a b"], "SADD k a b"),
        (&["SADD k a b", "SREM k a x"], "SREM k a x"),
        (&["SADD k a", "SPOP k"], "SREM k a"),
        (&["SADD k a", "SPOP k 1"], "DEL k"),
        (&["SADD k 1 2 3", "SPOP k 9"], "DEL k"),
        (&["SADD k a b", "SMOVE k l a"], "SMOVE k l a"),
        (&["SADD k a", "SUNIONSTORE l k"], "SUNIONSTORE l k"),
        (&["SADD k a", "SDIFFSTORE k k k"], "SDIFFSTORE k k k"),
    ];
    for (lines, last) in cases {
        assert_eq!(journalled(lines).last().map(String::as_str), Some(*last), "{lines:?}");
        assert_eq!(journalled(lines).len(), lines.len(), "{lines:?}");
    }
    let all: BTreeMap<&str, ()> = ["1", "2", "3", "x"].map(|member| (member, ())).into();
    for (line, gone) in [("SPOP k", 1), ("SPOP k 1", 1), ("SPOP k 3", 3)] {
        let last = journalled(&["SADD k 1 2 3 x", line]).pop().unwrap_or_default();
        let members: Vec<&str> = last.strip_prefix("SREM k ").expect(&last).split(' ').collect();
        assert!(members.len() == gone && members.iter().all(|member| all.contains_key(member)), "{last}");
    }
}

#[test]
fn what_does_not_change_a_set_is_not_journalled() {
    for line in [
        "SADD k a",
        "SREM k x",
        "SREM none a",
        "SMOVE k l x",
        "SMOVE k k a",
        "SMOVE none k a",
        "SPOP k 0",
        "SPOP none",
        "SPOP none 3",
        "SRANDMEMBER k -3",
        "SUNIONSTORE l none",
        "SINTERSTORE l k none",
        "SDIFFSTORE l k k",
    ] {
        assert_eq!(journalled(&["SADD k a", line]), ["SADD k a"], "{line}");
    }
}

/// However many are popped, no command of the journal is endless.
#[test]
fn many_popped_members_are_several_commands() {
    let (mut bench, journal) = (Bench::new(), Recorder::default());
    assert!(bench.worker.server().store.listeners.set_journal(Box::new(journal.clone())));
    bench.run(&words(&format!("SADD k{}", (0..3000).map(|n| format!(" m{n}")).collect::<String>())));
    bench.run(&words("SPOP k 2500"));
    let commands: Vec<Command> = journal.0.lock().clone();
    let lengths: Vec<usize> = commands.iter().skip(1).map(|command| command.len() - 2).collect();
    assert!(commands[1..].iter().all(|command| command[..2] == words("SREM k")));
    assert_eq!(lengths, [1024, 1024, 452]);
    let mut second = Bench::new();
    commands.iter().for_each(|command| drop(second.run(command)));
    assert_eq!(bench.dataset(), second.dataset());
}

#[test]
fn commands_on_sets_tell_what_they_did() {
    let cases: &[(&str, &str)] = &[
        ("SADD k a b", "sadd k"),
        ("SADD k a", ""),
        ("SREM k x", ""),
        ("SREM k b", "srem k"),
        ("SMOVE k l a", "srem k, del k, sadd l"),
        ("SMOVE l l a", ""),
        ("SADD m a b", "sadd m"),
        ("SMOVE l m a", "srem l, del l"),
        ("SPOP m 0", ""),
        ("SPOP m", "spop m"),
        ("SPOP m", "spop m, del m"),
        ("SADD m a b c", "sadd m"),
        ("SPOP m 2", "spop m"),
        ("SPOP m 5", "spop m, del m"),
        ("SADD k 1 2", "sadd k"),
        ("SRANDMEMBER k 2", ""),
        ("SUNIONSTORE d k", "sunionstore d"),
        ("SINTERSTORE d k k", "sinterstore d"),
        ("SDIFFSTORE d k none", "keymiss none, sdiffstore d"),
        ("SINTERSTORE d k none", "keymiss none, del d"),
        ("SDIFFSTORE d k k", ""),
        ("SREM k 1 2", "srem k, del k"),
    ];
    let (mut bench, heard) = (Bench::new(), Heard::default());
    assert!(bench.worker.server().store.listeners.set_notify(Box::new(heard.clone())));
    bench.worker.server().store.listeners.listen(u32::MAX);
    for (line, expected) in cases {
        bench.run(&words(line));
        assert_eq!(heard.take(), *expected, "{line}");
    }
}

/// A negative count must not be a way to fill the memory.
#[test]
fn a_reply_of_random_members_has_a_limit() {
    let mut bench = Bench::new();
    bench.run(&[b"SADD".to_vec(), b"k".to_vec(), vec![b'm'; 4 << 20]]);
    let reply = bench.run(&words("SRANDMEMBER k -4000000000000000000"));
    assert_eq!(String::from_utf8_lossy(&reply), "-ERR the reply would be too long\r\n");
}

/// The commands' own ways to the types' picks favour nobody: chi-square of 9 degrees of freedom, whose 99.9 % point is
/// 27.9. Without replacement it is smaller.
#[test]
fn picks_by_command_are_even() {
    const DRAWS: usize = 6_000;
    for (intset, listpack, prefix) in [(512, 128, ""), (0, 128, ""), (0, 128, "m"), (0, 0, "m")] {
        let mut bench = Bench::new();
        limit(&bench, (intset, listpack));
        bench.worker.server().config.update(|settings| {
            settings.hash_max_listpack_entries = listpack;
            settings.zset_max_listpack_entries = listpack;
        });
        let members: Vec<String> = (0..10).map(|n| format!("{prefix}{n}")).collect();
        let (set, hash) = (format!("SADD k {}", members.join(" ")), format!("HSET h {}", members.join(" v ") + " v"));
        let zset = format!("ZADD z {}", members.iter().map(|m| format!("1 {m} ")).collect::<String>());
        bench.run(&words(&hash));
        bench.run(&words(zset.trim_end()));
        for (line, drawn) in [
            ("SRANDMEMBER k", 1),
            ("SRANDMEMBER k 1", 1),
            ("SRANDMEMBER k 3", 3),
            ("SRANDMEMBER k 8", 8),
            ("SRANDMEMBER k -3", 3),
            ("SPOP k", 1),
            ("SPOP k 3", 3),
            ("SPOP k 8", 8),
            ("HRANDFIELD h", 1),
            ("HRANDFIELD h 3", 3),
            ("HRANDFIELD h 8", 8),
            ("HRANDFIELD h -3", 3),
            ("ZRANDMEMBER z", 1),
            ("ZRANDMEMBER z 3", 3),
            ("ZRANDMEMBER z 8", 8),
            ("ZRANDMEMBER z -3", 3),
        ] {
            seed_thread(7);
            let mut counts = [0_usize; 10];
            for _ in 0..DRAWS {
                bench.run(&words(&set));
                let reply = String::from_utf8(bench.run(&words(line))).unwrap_or_default();
                for text in reply.split("\r\n").filter(|text| !text.is_empty() && !text.starts_with(['$', '*', '~'])) {
                    counts[members.iter().position(|member| member == text).expect("a member")] += 1;
                }
            }
            let expected = (DRAWS * drawn) as f64 / 10.0;
            let chi: f64 = counts.iter().map(|n| (*n as f64 - expected).powi(2) / expected).sum();
            assert_eq!(counts.iter().sum::<usize>(), DRAWS * drawn, "{line}");
            assert!(chi < 27.9, "{line} of {intset} {listpack}: {chi}, {counts:?}");
        }
    }
}
