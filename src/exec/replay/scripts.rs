//! Scripts and functions: their journal replayed, its groups, and those of others that a busy script lets in.

use super::*;
use std::cell::RefCell;

/// Scripts that change what they are called with, each its own way.
const SCRIPTS: &[&str] = &[
    "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('APPEND', KEYS[1], ARGV[1])",
    "redis.call('SET', KEYS[1], ARGV[1], 'PX', 1000) redis.call('DEL', KEYS[2]) return 1",
    "for i = 1, 3 do redis.pcall('RPUSH', KEYS[2], i) end return redis.pcall('SORT', KEYS[2], 'STORE', KEYS[1])",
    "redis.call('DEL', KEYS[1]) redis.call('SADD', KEYS[1], 'a', 'b', ARGV[1]) return redis.call('SPOP', KEYS[1])",
    "redis.call('SET', KEYS[1], 1) redis.call('INCRBYFLOAT', KEYS[1], 0.1) return redis.call('GETDEL', KEYS[1])",
    "redis.call('SET', KEYS[1], 'v') redis.call('NO SUCH COMMAND')",
    "redis.call('SET', 'undeclared', ARGV[1]) redis.call('SET', KEYS[1], ARGV[1]) return 1",
    "return redis.call('GET', KEYS[1])",
];

const LIBRARIES: &[&str] = &[
    "#!lua name=one\nredis.register_function('f', function(keys, args) redis.call('SET', keys[1], args[1]) \
     return redis.call('INCR', keys[2]) end)",
    "#!lua name=one\nredis.register_function('f', function(keys, args) return redis.call('SET', keys[1], '1') end)",
    "#!lua name=two\nredis.register_function('g', function(keys, args) return redis.call('RPUSH', keys[1], args[1]) end)",
    "no library",
];

const TEMPLATES: &[&str] = &[
    "EVAL script 2 key key value",
    "EVAL script 2 key key value",
    "EVAL script 2 key key value",
    "FUNCTION LOAD REPLACE library",
    "FUNCTION LOAD library",
    "FUNCTION DELETE one",
    "FCALL f 2 key key value",
    "FCALL g 1 key value",
    "SET key value",
    "DEL key",
    "PEXPIRE key ms",
];

fn fill_in(word: &str, rng: &mut Rng, now: u64) -> Vec<u8> {
    let mut pick = |list: &[&str]| list[rng.below(list.len() as u64) as usize].as_bytes().to_vec();
    match word {
        "script" => pick(SCRIPTS),
        "library" => pick(LIBRARIES),
        word => fill(word, rng, now),
    }
}

#[test]
fn the_journal_of_scripts_and_libraries_replayed_gives_the_same_data() {
    Plan {
        seeds: 4,
        rounds: 600,
        every: 100,
        least: 400,
        templates: TEMPLATES,
        fill: &fill_in,
        at: EARLY,
        set: &|_, _| {},
    }
    .run(|bench| (bench.dataset(), bench.run(&words("FUNCTION DUMP"))));
}

#[test]
fn what_a_script_changes_is_one_group() {
    let eval = |script: &str| [&words("EVAL")[..], &[script.as_bytes().to_vec()], &words("1 k")].concat();
    let cases: &[(&str, &str)] = &[
        ("redis.call('SET', KEYS[1], 'v')", "SET k v"),
        ("redis.call('SET', KEYS[1], 'v') redis.call('APPEND', KEYS[1], 'w')", "MULTI|SET k v|APPEND k w|EXEC"),
        (
            "redis.call('SET', KEYS[1], 'v') redis.call('APPEND', KEYS[1], 'w') error('x')",
            "MULTI|SET k v|APPEND k w|EXEC",
        ),
        (
            "redis.call('SET', KEYS[1], 'v', 'PX', '5') redis.call('PERSIST', KEYS[1])",
            "MULTI|SET k v PXAT 1700000000005|PERSIST k|EXEC",
        ),
        ("redis.set_repl(redis.REPL_NONE) redis.call('SET', KEYS[1], 'v')", ""),
    ];
    for (script, expected) in cases {
        let (mut bench, journal) = (Bench::new(), Recorder::default());
        assert!(bench.worker.server().store.listeners.set_journal(Box::new(journal.clone())));
        bench.run(&eval(script));
        let got: Vec<Vec<u8>> = journal.0.lock().iter().map(|command| command.join(&b' ')).collect();
        assert_eq!(String::from_utf8_lossy(&got.join(&b'|')), *expected, "{script}");
    }
}

thread_local! {
    /// The half of the worker that serves while a script is busy.
    static WITHIN: RefCell<Option<(Bench, Command)>> = const { RefCell::new(None) };
}

/// Runs the other client's command, once.
fn serve_within() {
    if let Some((mut bench, command)) = WITHIN.take() {
        assert_eq!(bench.run(&command), b"+OK\r\n");
    }
}

/// A busy script lets others of its thread write, in scripts too: what they do is not of its group, and it goes on as if
/// nothing had been.
#[test]
fn what_others_do_during_a_busy_script_is_not_of_its_group() {
    let mut bench = Bench::at(Clock::new());
    let (server, journal) = (Arc::clone(&bench.server), Recorder::default());
    server.config.update(|settings| settings.busy_reply_threshold = 1);
    bench.worker = Worker::new(Arc::clone(&server), 0).beside_scripts(serve_within, true);
    let shard = |key: &str| server.store.split(server.store.hash(key.as_bytes())).0;
    let other = (0..).map(|i| format!("other{i}")).find(|key| shard(key) != shard("k")).expect("there are many shards");
    let script = "redis.setresp(3) redis.call('SET', KEYS[1], 1) for i = 1, tonumber(ARGV[1]) do end \
        local map = redis.call('LCS', KEYS[1], KEYS[1], 'IDX').map \
        return {redis.call('INCR', KEYS[1]), map and 'map' or 'list', KEYS[1]}";
    let call = |loops: &str| [&words("EVAL")[..], &[script.as_bytes().to_vec()], &words("1 k"), &words(loops)].concat();
    // In RESP3, which it has asked for, LCS answers with a map.
    let replied: &[u8] = b"*3\r\n:2\r\n$3\r\nmap\r\n$1\r\nk\r\n";
    // The first run holds all shards, and learns that one is enough.
    assert_eq!(bench.run(&call("0")), replied);
    assert!(server.store.listeners.set_journal(Box::new(journal.clone())));
    let set = words(&format!("SET {other} v"));
    let two = b"redis.call('SET', KEYS[1], 'v') redis.call('APPEND', KEYS[1], 'w') return redis.status_reply('OK')";
    let eval = [&words("EVAL")[..], &[two.to_vec()], &words(&format!("1 {other}"))].concat();
    for (command, before) in
        [(set, &["SET other v"][..]), (eval, &["MULTI", "SET other v", "APPEND other w", "EXEC"][..])]
    {
        let within = Worker::new(Arc::clone(&server), 0).beside_scripts(|| {}, true);
        let client = Bench::with(Arc::clone(&server), within, bench.clock.clone());
        WITHIN.set(Some((client, command)));
        assert_eq!(bench.run(&call("30000000")), replied);
        assert!(WITHIN.take().is_none(), "nobody was served meanwhile");
        let expected = before.iter().chain(&["MULTI", "SET k 1", "INCR k", "EXEC"]);
        let expected: Vec<Command> = expected.map(|line| words(&line.replace("other", &other))).collect();
        assert_eq!(std::mem::take(&mut *journal.0.lock()), expected);
    }
}
