//! Scripts beside other clients: atomicity over shards, scripts that run for too long, what others see of them.

use std::thread;

use ostracon::base::rng::Rng;

use crate::support::{Client, Kind, Server, check_ours, encode, eventually, on_each, on_ours};

/// Fails on any reply that does not begin so.
#[track_caller]
fn expect(client: &mut Client, line: &str, begin: &str) {
    let reply = client.ask(line);
    assert!(reply.starts_with(begin), "{line}: {reply}");
}

/// The number of pairs like `name:n` in a reply.
fn figure(text: &str, name: &str) -> u64 {
    let at = text.find(&format!("{name}:")).unwrap_or_else(|| panic!("{name} in {text}")) + name.len() + 1;
    text[at..].chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

const ACCOUNTS: u64 = 1000;
const CONNECTIONS: u64 = 50;
const START: i64 = 1000;

/// Moves money between accounts that it does not declare.
const UNDECLARED: &str = "local from, to, n = 'account:'..ARGV[1], 'account:'..ARGV[2], tonumber(ARGV[3]) \
    if tonumber(redis.call('GET', from)) < n then return 0 end \
    redis.call('DECRBY', from, n) redis.call('INCRBY', to, n) return 1";
/// The same between declared ones.
const DECLARED: &str = "local n = tonumber(ARGV[1]) \
    if tonumber(redis.call('GET', KEYS[1])) < n then return 0 end \
    redis.call('DECRBY', KEYS[1], n) redis.call('INCRBY', KEYS[2], n) return 1";
/// Declares where the money comes from, and looks where it goes only after it has written. What is refused is put back.
const STRAYS_LATE: &str = "redis.call('DECRBY', KEYS[1], ARGV[2]) \
    local r = redis.pcall('INCRBY', 'account:'..ARGV[1], ARGV[2]) \
    if type(r) == 'table' then redis.call('INCRBY', KEYS[1], ARGV[2]) return r end return 1";

/// One transfer, in one of five ways.
fn transfer(client: &mut Client, rng: &mut Rng, unique: &str) {
    let (from, to) = (rng.below(ACCOUNTS).to_string(), rng.below(ACCOUNTS).to_string());
    let amount = (1 + rng.below(20)).to_string();
    let (a, b) = (format!("account:{from}"), format!("account:{to}"));
    match rng.below(20) {
        0..8 => _ = client.command(&["EVAL", UNDECLARED, "0", &from, &to, &amount]),
        8..13 => _ = client.command(&["EVAL", DECLARED, "2", &a, &b, &amount]),
        13..16 => {
            let words: [&[&str]; 4] = [&["MULTI"], &["DECRBY", &a, &amount], &["INCRBY", &b, &amount], &["EXEC"]];
            let bytes: Vec<u8> = words.iter().flat_map(|words| encode(words)).collect();
            let replies = client.pipeline(&bytes, 4);
            assert!(replies[3].render().starts_with("[:"), "{:?}", replies[3]);
        }
        16..19 => {
            client.command(&["DECRBY", &a, &amount]);
            client.command(&["INCRBY", &b, &amount]);
        }
        _ => {
            // A script that nobody knows keeps to its key at first.
            let source = format!("{STRAYS_LATE} -- {unique}");
            client.command(&["EVAL", &source, "1", &a, &from, &amount]);
            let reply = client.command(&["EVAL", &source, "1", &a, &to, &amount]).render();
            assert!(reply == ":1" || reply.starts_with("-BUSY"), "{reply}");
        }
    }
}

/// The number of transfers is that of `OSTRACON_TRANSFERS`.
#[test]
fn a_bank_of_scripts_transactions_and_commands_keeps_its_money() {
    let transfers: u64 = std::env::var("OSTRACON_TRANSFERS").map_or(20_000, |n| n.parse().unwrap());
    let server = Server::start(&["--workers", "4"]);
    let mut client = server.client();
    for i in 0..ACCOUNTS {
        client.command(&["SET", &format!("account:{i}"), &START.to_string()]);
    }
    thread::scope(|scope| {
        for part in 0..CONNECTIONS {
            let server = &server;
            scope.spawn(move || {
                let (mut client, mut rng) = (server.client(), Rng::new(77 + part));
                for i in 0..transfers / CONNECTIONS {
                    transfer(&mut client, &mut rng, &format!("{part} {i}"));
                }
            });
        }
    });
    let sum = "local sum = 0 for i = 0, ARGV[1] - 1 do sum = sum + redis.call('GET', 'account:'..i) end return sum";
    let total = client.command(&["EVAL", sum, "0", &ACCOUNTS.to_string()]).render();
    assert_eq!(total, format!(":{}", START * ACCOUNTS as i64));
    let sum: i64 = (0..ACCOUNTS)
        .map(|i| client.command(&["GET", &format!("account:{i}")]).render().trim_matches('\'').parse::<i64>().unwrap())
        .sum();
    assert_eq!(sum, START * ACCOUNTS as i64);
    assert!(figure(&client.ask("INFO stats"), "scripts_on_all_shards") > 0);
}

/// Sends a command until it is not refused because a script is busy.
fn insist(client: &mut Client, words: &[&str]) -> String {
    loop {
        let reply = client.command(words).render();
        if !reply.starts_with("-BUSY") {
            return reply;
        }
    }
}

/// Every script is busy at once, so each worker runs others within it: what they and the commands between them move is
/// neither created nor lost, and who waits is served.
#[test]
fn busy_scripts_within_each_other_keep_the_money() {
    const SLOWLY: &str = "for i = 1, 2e6 do end";
    let server = Server::start(&["--workers", "2", "--busy-reply-threshold", "1"]);
    let mut client = server.client();
    (0..ACCOUNTS).for_each(|i| _ = client.command(&["SET", &format!("account:{i}"), &START.to_string()]));
    let declared = DECLARED.replace("return 0 end", &format!("return 0 end {SLOWLY}"));
    let undeclared = UNDECLARED.replace("return 0 end", &format!("return 0 end {SLOWLY}"));
    thread::scope(|scope| {
        for part in 0..30 {
            let (server, declared, undeclared) = (&server, &declared, &undeclared);
            scope.spawn(move || {
                let (mut client, mut rng) = (server.client(), Rng::new(770 + part));
                let queue = format!("queue:{part}");
                for i in 0..20 {
                    let (from, to) = (rng.below(ACCOUNTS).to_string(), rng.below(ACCOUNTS).to_string());
                    let (a, b) = (format!("account:{from}"), format!("account:{to}"));
                    match rng.below(8) {
                        0..3 => _ = insist(&mut client, &["EVAL", declared, "2", &a, &b, "7"]),
                        3 => _ = client.command(&["EVAL", undeclared, "0", &from, &to, "7"]),
                        4 => {
                            let words: [&[&str]; 4] =
                                [&["MULTI"], &["DECRBY", &a, "7"], &["INCRBY", &b, "7"], &["EXEC"]];
                            let bytes: Vec<u8> = words.iter().flat_map(|words| encode(words)).collect();
                            let replies = client.pipeline(&bytes, 4);
                            let reply = replies[3].render();
                            assert!(reply.starts_with("[:") || reply.contains("because of: BUSY"), "{reply}");
                        }
                        5 => {
                            insist(&mut client, &["DECRBY", &a, "7"]);
                            insist(&mut client, &["INCRBY", &b, "7"]);
                        }
                        _ => {
                            let (mut waiter, element) = (server.client(), i.to_string());
                            waiter.send(&["BLPOP", &queue, "0"]);
                            insist(&mut client, &["RPUSH", &queue, &element]);
                            let mut reply = waiter.recv().render();
                            if reply.starts_with("-BUSY") {
                                reply = insist(&mut waiter, &["BLPOP", &queue, "0"]);
                            }
                            assert_eq!(reply, format!("[{queue}, {element}]"));
                        }
                    }
                }
            });
        }
    });
    let amount = |i| insist(&mut client, &["GET", &format!("account:{i}")]).trim_matches('\'').parse::<i64>().unwrap();
    assert_eq!((0..ACCOUNTS).map(amount).sum::<i64>(), START * ACCOUNTS as i64);
    assert!(server.log().contains("Slow script detected"));
    eventually("nobody waits", || client.ask("INFO clients").contains("blocked_clients:0"));
}

const SOON: [&str; 2] = ["--busy-reply-threshold", "30"];

/// A script that never ends is reported to others, and ended by one of them, also by one of the same worker.
#[test]
fn a_script_without_end_is_killed() {
    on_each(&SOON, |server| {
        let servers = match server.kind() {
            Kind::Ours => vec![server.another(&["--busy-reply-threshold", "30", "--workers", "1"])],
            Kind::Oracle => Vec::new(),
        };
        for server in servers.iter().chain([server]) {
            let (mut a, mut b) = (server.client(), server.client());
            expect(&mut b, "SCRIPT KILL", "-NOTBUSY No scripts in execution right now.");
            for script in ["while true do end", "while true do pcall(function() while true do end end) end"] {
                a.send(&["EVAL", script, "0"]);
                eventually("busy", || b.ask("GET k").starts_with("-BUSY Redis is busy running a script."));
                expect(&mut b, "SET k v", "-BUSY");
                // One that connects meanwhile is served as well.
                let mut c = server.client();
                expect(&mut c, "SCRIPT KILL", "+OK");
                assert!(a.recv().render().starts_with("-ERR Script killed by user with SCRIPT KILL"));
                eventually("free", || b.ask("SET k v") == "+OK");
                expect(&mut b, "SCRIPT KILL", "-NOTBUSY");
            }
        }
    });
}

/// What the caller is told names the line that the script was in.
#[test]
fn the_error_of_a_killed_script_says_where_it_was() {
    on_each(&SOON, |server| {
        let (mut a, mut b) = (server.client(), server.client());
        for (script, line) in [
            ("while true do end", 1),
            ("\nlocal a = 1\n\nwhile true do\nend", 4),
            ("\nlocal a = 1\nwhile true do pcall(function()\nwhile true do end end) end", 4),
            ("local function f() while true do end end\nlocal function g() f() return 1 end\ng()", 1),
        ] {
            let sha = b.command(&["SCRIPT", "LOAD", script]).text();
            for in_exec in [false, true] {
                if in_exec {
                    expect(&mut a, "MULTI", "+OK");
                    expect(&mut a, &format!("EVALSHA {sha} 0"), "+QUEUED");
                    a.send(&["EXEC"]);
                } else {
                    a.send(&["EVALSHA", &sha, "0"]);
                }
                eventually("busy", || b.ask("GET k").starts_with("-BUSY"));
                expect(&mut b, "SCRIPT KILL", "+OK");
                let error =
                    format!("-ERR Script killed by user with SCRIPT KILL... script: {sha}, on @user_script:{line}.");
                let expected = if in_exec { format!("[{error}]") } else { error };
                assert_eq!(a.recv().render(), expected, "{script}");
                eventually("free", || b.ask("SET k v") == "+OK");
            }
        }
    });
}

/// The time of a script is that of its beginning, as that of a transaction is.
#[test]
fn time_stands_still_in_a_script() {
    const FROZEN: &str = "local a = redis.call('TIME') for i = 1, 1e6 do end local b = redis.call('TIME') \
        return a[1] == b[1] and a[2] == b[2] and 1 or 0";
    on_ours(&[], |server| {
        let mut client = server.client();
        for _ in 0..3 {
            assert_eq!(client.command(&["EVAL", FROZEN, "0"]).render(), ":1");
        }
        let library = format!("#!lua name=l\nredis.register_function('f', function() {FROZEN} end)");
        client.command(&["FUNCTION", "LOAD", &library]);
        expect(&mut client, "FCALL f 0", ":1");
        let words: [&[&str]; 5] = [&["MULTI"], &["TIME"], &["EVAL", FROZEN, "0"], &["TIME"], &["EXEC"]];
        let bytes: Vec<u8> = words.iter().flat_map(|words| encode(words)).collect();
        let exec = client.pipeline(&bytes, 5).pop().unwrap();
        let [before, one, after] = exec.items() else { panic!("{exec:?}") };
        assert_eq!((before.render(), one.render()), (after.render(), ":1".into()));
        // From one script to the next it goes on, also within a pipeline.
        let time = "for i = 1, 1e6 do end local t = redis.call('TIME') return t[1] * 1e6 + t[2]";
        let bytes = encode(&["EVAL", time, "0"]).repeat(3);
        let times: Vec<String> = client.pipeline(&bytes, 3).iter().map(|time| time.render()).collect();
        assert!(times[0] < times[1] && times[1] < times[2], "{times:?}");
    });
}

/// A key does not expire under a script's hands, but does right after.
#[test]
fn nothing_expires_while_a_script_runs() {
    on_each(&[], |server| {
        let mut client = server.client();
        let script = "redis.call('SET', KEYS[1], 'v', 'PX', 1) for i = 1, 5e6 do end \
            return {redis.call('EXISTS', KEYS[1]), redis.call('GET', KEYS[1])}";
        let words: [&[&str]; 2] = [&["EVAL", script, "1", "k"], &["EXISTS", "k"]];
        let bytes: Vec<u8> = words.iter().flat_map(|words| encode(words)).collect();
        let replies = client.pipeline(&bytes, 2);
        assert_eq!((replies[0].render(), replies[1].render()), ("[:1, v]".into(), ":0".into()));
    });
}

#[test]
fn a_script_that_has_written_is_not_killed() {
    on_each(&SOON, |server| {
        let (mut a, mut b) = (server.client(), server.client());
        a.send(&["EVAL", "redis.call('SET', KEYS[1], 'v') while true do end", "1", "k"]);
        eventually("busy", || b.ask("GET k").starts_with("-BUSY"));
        expect(&mut b, "SCRIPT KILL", "-UNKILLABLE Sorry the script already executed write commands");
        b.send_line("SHUTDOWN NOSAVE");
        a.expect_closed();
    });
}

/// A script that is known to keep to its keys holds up nobody else.
#[test]
fn only_the_shards_of_a_busy_script_are_busy() {
    for workers in ["1", "4"] {
        let server = Server::start(&["--busy-reply-threshold", "30", "--workers", workers]);
        let (mut a, mut b) = (server.client(), server.client());
        let script = "if ARGV[1] == 'loop' then while true do end end return redis.call('GET', KEYS[1])";
        expect(&mut a, "SET k v", "+OK");
        a.command(&["EVAL", script, "2", "k", "q", "no"]);
        // Others that keep to their key, for now.
        let late = ["1", "2"].map(|n| {
            let source =
                "redis.call('SET', KEYS[1], ARGV[1]) if ARGV[2] then return redis.call('APPEND', ARGV[2], 'x') end";
            format!("{source} -- {n}")
        });
        late.iter().for_each(|source| _ = a.command(&["EVAL", source, "1", "w", "0"]));
        b.command(&["BLPOP", "k2", "0.01"]);
        // A client that watches the key and goes, and one that waits for it, meanwhile.
        let (mut watcher, mut waiter) = (server.client(), server.client());
        expect(&mut watcher, "WATCH k", "+OK");
        waiter.send(&["BLPOP", "q", "0.2"]);
        eventually("waits", || b.ask("INFO clients").contains("blocked_clients:1"));
        a.send(&["EVAL", script, "2", "k", "q", "loop"]);
        eventually("busy", || b.ask("GET k").starts_with("-BUSY"));
        let free = (0..).map(|i| format!("key:{i}")).find(|key| b.command(&["SET", key, "v"]).render() == "+OK");
        assert_eq!(free.as_deref(), Some("key:0"), "one shard of 1024 is busy");
        drop(watcher);
        expect(&mut b, "DBSIZE", ":");
        expect(&mut b, "KEYS *", "-BUSY");
        expect(&mut b, "MULTI", "+OK");
        expect(&mut b, "GET k", "+QUEUED");
        expect(&mut b, "EXEC", "-EXECABORT Transaction discarded because of: BUSY");
        eventually("the watcher is gone", || !b.ask("CLIENT LIST").contains("cmd=watch"));
        // Other scripts run on free shards, on whatever worker; one that is new too, unless it needs a shard that is held.
        for _ in 0..8 {
            assert_eq!(server.client().command(&["EVAL", script, "1", "key:0", "no"]).render(), "v");
        }
        expect(&mut b, "EVAL \"return redis.call('GET', KEYS[1]) .. 1\" 1 key:0", "v1");
        expect(&mut b, "EVAL \"return redis.call('GET', KEYS[1]) .. 1\" 1 k", "-BUSY");
        expect(&mut b, "EVAL \"return redis.call('GET', 'k')\" 1 key:0", "-BUSY");
        // One that has written when it touches another key has it if that is free.
        assert_eq!(b.command(&["EVAL", &late[0], "1", "w", "1", "key:0"]).render(), ":2");
        assert!(b.command(&["EVAL", &late[1], "1", "w", "2", "k"]).render().starts_with("-BUSY"));
        expect(&mut b, "MGET w key:0", "[2, vx]");
        expect(&mut b, "SCRIPT KILL", "+OK");
        assert!(a.recv().render().starts_with("-ERR Script killed"));
        assert_eq!(waiter.recv().render(), "(nil-array)");
        eventually("free", || b.ask("KEYS nothing") == "[]");
        eventually("nobody waits", || b.ask("INFO clients").contains("blocked_clients:0"));
    }
}

/// One worker has two scripts without end, and still serves.
#[test]
fn a_second_script_may_become_busy_within_the_first() {
    let server = Server::start(&["--busy-reply-threshold", "30", "--workers", "1"]);
    let mut b = server.client();
    let script = "if ARGV[1] == 'loop' then while true do end end return redis.call('INCR', KEYS[1])";
    expect(&mut b, &format!("EVAL \"{script}\" 1 a no"), ":1");
    for round in 0..3 {
        let (mut outer, mut inner) = (server.client(), server.client());
        outer.send(&["EVAL", script, "1", "a", "loop"]);
        eventually("the first is busy", || b.ask("GET a").starts_with("-BUSY"));
        inner.send(&["EVAL", script, "1", "b", "loop"]);
        eventually("the second is busy", || b.ask("GET b").starts_with("-BUSY"));
        // What they are sent meanwhile is read later; others are served, but for scripts.
        outer.send_line("PING");
        inner.send_line("PING");
        expect(&mut b, "SET c v", "+OK");
        expect(&mut server.client(), "GET c", "v");
        expect(&mut b, &format!("EVAL \"{script}\" 1 c no"), "-BUSY");
        if round == 2 {
            b.send_line("SHUTDOWN NOSAVE");
            outer.expect_closed();
            inner.expect_closed();
            break;
        }
        expect(&mut b, "SCRIPT KILL", "+OK");
        for client in [&mut outer, &mut inner] {
            assert!(client.recv().render().starts_with("-ERR Script killed"));
            assert_eq!(client.recv().render(), "+PONG");
        }
        expect(&mut b, &format!("EVAL \"{script}\" 1 b no"), &format!(":{}", round + 1));
    }
}

/// A busy script and the one within it may both nest calls as deep as Lua lets them.
#[test]
fn two_scripts_of_a_worker_have_stack_enough() {
    let server = Server::start(&["--busy-reply-threshold", "30", "--workers", "1"]);
    let mut b = server.client();
    // How deep it goes is Lua's limit; what is raised there comes back up to the loop.
    let script =
        "local function f() pcall(string.gsub, 'a', 'a', f) if ARGV[1] == 'loop' then while true do end end end f()";
    for key in ["a", "b"] {
        expect(&mut b, &format!("EVAL \"{script}\" 1 {key} no"), "(nil)");
    }
    let (mut outer, mut inner) = (server.client(), server.client());
    outer.send(&["EVAL", script, "1", "a", "loop"]);
    eventually("the first is busy", || b.ask("GET a").starts_with("-BUSY"));
    inner.send(&["EVAL", script, "1", "b", "loop"]);
    eventually("the second is busy", || b.ask("GET b").starts_with("-BUSY"));
    expect(&mut b, "SCRIPT KILL", "+OK");
    for client in [&mut outer, &mut inner] {
        assert!(client.recv().render().starts_with("-ERR Script killed"));
    }
}

/// The server ends on a signal whatever scripts do.
#[test]
fn a_signal_ends_a_busy_script() {
    let mut server = Server::start(&["--busy-reply-threshold", "30", "--workers", "2"]);
    let (mut a, mut b) = (server.client(), server.client());
    a.send(&["EVAL", "redis.call('SET', 'k', 'v') while true do end", "0"]);
    eventually("busy", || b.ask("GET k").starts_with("-BUSY"));
    assert!(server.terminate());
    a.expect_closed();
}

#[test]
fn scripts_that_hold_all_shards_are_listed() {
    check_ours(
        "SCRIPT STATS is ours",
        r#"
        SCRIPT STATS => []
        SCRIPT STATS x => -ERR wrong number of arguments for 'script|stats' command
        EVAL "return redis.call('GET',KEYS[1])" 1 a => (nil)
        EVAL "return redis.call('GET',KEYS[1])" 1 a => (nil)
        SCRIPT STATS => [[sha1, 620cd258c2c9c88c9d10db67812ccf663d96bdc6, runs, :2, wide_runs, :1, undeclared_keys, :0]]
        EVAL "return redis.call('GET','a')" 0 => (nil)
        EVAL "return redis.call('GET','a')" 0 => (nil)
        SCRIPT STATS => ~*runs, :2, wide_runs, :2, undeclared_keys, :1*
        SCRIPT SHOW 620cd258c2c9c88c9d10db67812ccf663d96bdc6 => 'return redis.call(\'GET\',KEYS[1])'
        SCRIPT SHOW d3c21d0c2b9ca22f82737626a27bcaf5d288f99e => -NOSCRIPT No matching script.
        SCRIPT DEBUG YES => -ERR There is no debugger for scripts here
        EVALSHA_RO 620cd258c2c9c88c9d10db67812ccf663d96bdc6 1 a => (nil)
        INFO stats => ~*scripts_on_all_shards:3*
        SCRIPT HELP => ~*Ends a script*
        SCRIPT FLUSH => +OK
        SCRIPT STATS => []
        "#,
    );
}

/// What a C library would leave the stack, the memory or the server's time for.
#[test]
fn hostile_scripts_leave_the_server_as_it_was() {
    on_ours(&SOON, |server| {
        let mut client = server.client();
        for script in [
            "error({})",
            "return string.rep('x', 1e10)",
            "local t = {} while true do t[#t + 1] = string.rep('x', 1e6)..#t end",
            "return string.find(string.rep('a', 1e6), string.rep('a?', 1e5))",
            "local function f() return f() + 1 end return f()",
            "local t = {} t[1] = t return t",
            "return {unpack({}, 1, 1e8)}",
        ] {
            let reply = client.command(&["EVAL", script, "0"]).render();
            assert!(
                reply.starts_with('-') || reply.starts_with('[') || reply.starts_with('{'),
                "{script}: {reply:.200}"
            );
            expect(&mut client, "PING", "+PONG");
        }
    });
}
