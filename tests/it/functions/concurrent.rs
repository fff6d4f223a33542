//! Many connections that load and call at once, time and memory of a library's code, the worker's own state.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crate::support::{Client, Server, eventually, matches, on_each, on_ours};

fn load(client: &mut Client, code: &str) -> String {
    client.command(&["FUNCTION", "LOAD", "REPLACE", code]).render()
}

/// Who calls while a library is replaced again and again sees one version or the next, never an older one than was
/// there when the call began, and no error.
#[test]
fn calls_see_the_old_code_or_the_new() {
    const VERSIONS: i64 = 300;
    let server = Server::start(&["--workers", "4"]);
    let code = |version: i64| {
        format!(
            "#!lua name=lib\nlocal version = {version}\n\
             redis.register_function('v', function(keys) redis.call('INCR', keys[1]) return version end)\n\
             redis.register_function{{function_name='ro', flags={{'no-writes'}}, callback=function() return version end}}"
        )
    };
    assert_eq!(load(&mut server.client(), &code(0)), "lib");
    let (published, over) = (AtomicI64::new(0), AtomicBool::new(false));
    let calls: i64 = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..8)
            .map(|i| {
                let (server, published, over) = (&server, &published, &over);
                scope.spawn(move || {
                    let mut client = server.client();
                    let call = if i % 2 == 0 { format!("FCALL v 1 k{i}") } else { "FCALL_RO ro 0".into() };
                    let mut calls = 0;
                    while !over.load(Ordering::SeqCst) {
                        let least = published.load(Ordering::SeqCst);
                        let version = client.line(&call).int();
                        assert!((least..=published.load(Ordering::SeqCst) + 1).contains(&version), "{least} {version}");
                        calls += i64::from(i % 2 == 0);
                    }
                    calls
                })
            })
            .collect();
        let mut loader = server.client();
        for version in 1..=VERSIONS {
            assert_eq!(load(&mut loader, &code(version)), "lib");
            published.store(version, Ordering::SeqCst);
        }
        over.store(true, Ordering::SeqCst);
        callers.into_iter().map(|caller| caller.join().unwrap()).sum()
    });
    let mut client = server.client();
    let counted: i64 = (0..8).filter_map(|i| client.ask(&format!("GET k{i}")).parse::<i64>().ok()).sum();
    assert_eq!(counted, calls);
}

/// Connections on all workers find a library, and do not when it is gone.
#[test]
fn every_worker_knows_what_is_there() {
    on_ours(&["--workers", "3"], |server| {
        let mut clients: Vec<Client> = (0..6).map(|_| server.client()).collect();
        for round in 0..20 {
            let name =
                format!("#!lua name=l{round}\nredis.register_function('f{round}', function() return {round} end)");
            assert_eq!(load(&mut clients[round % 6], &name), format!("l{round}"));
            for client in &mut clients {
                assert_eq!(client.ask(&format!("FCALL f{round} 0")), format!(":{round}"));
            }
            let (end, gone) = if round % 2 == 0 {
                ("FUNCTION FLUSH".into(), true)
            } else {
                (format!("FUNCTION DELETE l{round}"), true)
            };
            assert_eq!(clients[(round + 3) % 6].ask(&end), "+OK");
            for client in &mut clients {
                assert_eq!(client.ask(&format!("FCALL f{round} 0")).starts_with("-ERR Function not found"), gone);
            }
        }
    });
}

/// What a library keeps in its variables lasts from call to call, and until the library is replaced, not another one.
#[test]
fn variables_of_a_library() {
    on_each(&[], |server| {
        let mut client = server.client();
        let counter = "#!lua name=c\nlocal n = 0\nredis.register_function('n', function() n = n + 1 return n end)";
        load(&mut client, counter);
        assert_eq!((client.ask("FCALL n 0"), client.ask("FCALL n 0")), (":1".into(), ":2".into()));
        load(&mut client, "#!lua name=other\nredis.register_function('o', function() end)");
        assert_eq!(client.ask("FCALL n 0"), ":3");
        client.line("FUNCTION DELETE other");
        assert_eq!(client.ask("FCALL n 0"), ":4");
        load(&mut client, counter);
        assert_eq!(client.ask("FCALL n 0"), ":1");
    });
}

#[test]
fn code_that_does_not_end_is_ended() {
    on_each(&[], |server| {
        let mut client = server.client();
        let late = "-ERR Error registering functions: ERR FUNCTION LOAD timeout";
        assert_eq!(load(&mut client, "#!lua name=l\nwhile true do end"), late);
        let good = "#!lua name=l\nredis.register_function('f', function() return 1 end)";
        assert_eq!(load(&mut client, good), "l");
        assert_eq!(load(&mut client, "#!lua name=l\nwhile true do end"), late);
        assert_eq!(client.ask("FCALL f 0"), ":1");
    });
}

#[test]
fn code_that_takes_all_memory_is_ended() {
    on_ours(&[], |server| {
        let mut client = server.client();
        let hungry = "#!lua name=l\nlocal s = 'x'\nwhile true do s = s .. s end";
        assert_eq!(load(&mut client, hungry), "-ERR Error registering functions: not enough memory");
        let good = "#!lua name=l\nredis.register_function('f', function() return 1 end)";
        assert_eq!(load(&mut client, good), "l");
        assert_eq!(client.ask("FCALL f 0"), ":1");
    });
}

#[test]
fn figures() {
    on_each(&[], |server| {
        let mut client = server.client();
        client.line("EVAL 'return 1' 0");
        load(&mut client, "#!lua name=l\nredis.register_function('f', function() return 1 end)");
        load(
            &mut client,
            "#!lua name=m\nredis.register_function('g', function() return 1 end) redis.register_function('h', function() end)",
        );
        let figure = |name: &str| server.info("memory", name).parse::<u64>().unwrap();
        assert_eq!(figure("number_of_cached_scripts"), 1);
        assert_eq!((figure("number_of_libraries"), figure("number_of_functions")), (2, 3));
        assert!(figure("used_memory_vm_functions") > 10_000 && figure("used_memory_vm_eval") > 10_000);
        assert_eq!(figure("used_memory_vm_total"), figure("used_memory_vm_functions") + figure("used_memory_vm_eval"));
        assert!(figure("used_memory_functions") > 100);
        assert_eq!(figure("used_memory_scripts"), figure("used_memory_functions") + figure("used_memory_scripts_eval"));
        client.line("FUNCTION FLUSH");
        assert_eq!(
            (figure("number_of_libraries"), figure("used_memory_functions")),
            (0, figure("used_memory_functions"))
        );
    });
}

/// A function that runs for long: FUNCTION STATS shows it, FUNCTION KILL ends it and SCRIPT KILL does not.
#[test]
fn long_functions() {
    on_each(&["--busy-reply-threshold", "50"], |server| {
        let mut client = server.client();
        let code = "#!lua name=l\nredis.register_function('spin', function() while true do end end)\n\
                    redis.register_function('wspin', function(keys) redis.call('SET', keys[1], 'v') \
                    while redis.call('GET', 'over') == false do end return redis.call('GET', keys[1]) end)";
        assert_eq!(load(&mut client, code), "l");
        let mut caller = server.client();
        caller.send_line("FCALL spin 1 k a");
        let mut shown = client.line("FUNCTION STATS");
        eventually("FUNCTION STATS shows it", || {
            shown = client.line("FUNCTION STATS");
            shown.items().get(1).is_some_and(|running| running.render() != "(nil)")
        });
        let pattern = "~[name, spin, command, [FCALL, spin, '1', k, a], duration_ms, :*]";
        let running = shown.items()[1].render();
        assert!(
            matches(pattern, &shown.items()[1]) || running.starts_with("[name, spin, command, [FCALL"),
            "{running}"
        );
        let other = "-BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";
        eventually("SCRIPT KILL does not end it", || client.ask("SCRIPT KILL") == other);
        assert_eq!(client.ask("FUNCTION KILL"), "+OK");
        let killed = caller.recv().render();
        assert!(killed.starts_with("-ERR Script killed by user with SCRIPT KILL... script: spin"), "{killed}");
        eventually("none runs", || client.ask("FUNCTION KILL").starts_with("-NOTBUSY"));
    });
}
