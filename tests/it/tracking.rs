//! Client-side caching: what is tracked, what is told to whom, and in which order with replies.

use std::collections::HashMap;

use ostracon::base::rng::Rng;

use crate::support::{Client, Server, Value, check, check_with, eventually, on_each, on_ours};

/// A connection in RESP3.
fn resp3(server: &Server) -> Client {
    let mut client = server.client();
    client.line("HELLO 3");
    client
}

fn id(client: &mut Client) -> i64 {
    client.line("CLIENT ID").int()
}

#[test]
fn options_and_their_errors() {
    check(
        r#"
        CLIENT TRACKING => -ERR wrong number of arguments for 'client|tracking' command
        CLIENT TRACKING maybe => -ERR syntax error
        CLIENT TRACKING on bogus => -ERR syntax error
        CLIENT TRACKING on PREFIX a => -ERR PREFIX option requires BCAST mode to be enabled
        CLIENT TRACKING on BCAST OPTIN => -ERR OPTIN and OPTOUT are not compatible with BCAST
        CLIENT TRACKING on OPTIN OPTOUT => -ERR You can't specify both OPTIN mode and OPTOUT mode
        CLIENT TRACKING on REDIRECT 999 => -ERR The client ID you want redirect to does not exist
        CLIENT TRACKING on REDIRECT x => -ERR value is not an integer or out of range
        CLIENT TRACKING on REDIRECT => -ERR syntax error
        CLIENT TRACKING on REDIRECT 0 => -ERR The client ID you want redirect to does not exist
        CLIENT TRACKING off REDIRECT 999 => -ERR The client ID you want redirect to does not exist
        CLIENT TRACKING maybe REDIRECT 999 => -ERR The client ID you want redirect to does not exist
        CLIENT TRACKING on REDIRECT 999 bogus => -ERR The client ID you want redirect to does not exist
        CLIENT TRACKINGINFO => [flags, [off], redirect, :-1, prefixes, []]
        CLIENT TRACKINGINFO x => -ERR wrong number of arguments for 'client|trackinginfo' command
        CLIENT GETREDIR => :-1
        CLIENT TRACKING on => +OK
        CLIENT GETREDIR => :0
        CLIENT TRACKINGINFO => [flags, [on], redirect, :0, prefixes, []]
        CLIENT TRACKING on OPTIN => +OK
        CLIENT TRACKINGINFO => [flags, [on, optin], redirect, :0, prefixes, []]
        CLIENT TRACKING on OPTOUT => -ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.
        CLIENT TRACKING on => +OK
        CLIENT TRACKING on BCAST => -ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.
        CLIENT TRACKING on NOLOOP => +OK
        CLIENT TRACKINGINFO => [flags, [on, noloop], redirect, :0, prefixes, []]
        CLIENT TRACKING off bogus => -ERR syntax error
        CLIENT TRACKING off => +OK
        CLIENT TRACKING off => +OK
        CLIENT TRACKINGINFO => [flags, [off], redirect, :-1, prefixes, []]
        CLIENT INFO => ~*flags=N *redir=-1*
        CLIENT TRACKING on BCAST PREFIX => -ERR syntax error
        CLIENT TRACKING on PREFIX a BCAST => +OK
        CLIENT INFO => ~*flags=tB *redir=0*
        INFO clients => ~*tracking_clients:1*
        RESET => +RESET
        CLIENT INFO => ~*flags=N *redir=-1*
        INFO clients => ~*tracking_clients:0*
    "#,
    );
}

#[test]
fn prefixes_must_not_overlap() {
    check(
        r#"
        CLIENT TRACKING on BCAST PREFIX foo PREFIX foobar => -ERR Prefix 'foo' overlaps with another provided prefix 'foobar'. Prefixes for a single client must not overlap.
        CLIENT TRACKING on BCAST PREFIX a PREFIX a => -ERR Prefix 'a' overlaps with another provided prefix 'a'. Prefixes for a single client must not overlap.
        CLIENT TRACKING on BCAST PREFIX foo PREFIX bar => +OK
        CLIENT TRACKINGINFO => [flags, [on, bcast], redirect, :0, prefixes, [bar, foo]]
        CLIENT TRACKING on BCAST PREFIX barx => -ERR Prefix 'barx' overlaps with an existing prefix 'bar'. Prefixes for a single client must not overlap.
        CLIENT TRACKING on BCAST PREFIX foo => -ERR Prefix 'foo' overlaps with an existing prefix 'foo'. Prefixes for a single client must not overlap.
        CLIENT TRACKING on BCAST PREFIX ba => -ERR Prefix 'ba' overlaps with an existing prefix 'bar'. Prefixes for a single client must not overlap.
        CLIENT TRACKING on BCAST PREFIX "" => -ERR Prefix '' overlaps with an existing prefix 'bar'. Prefixes for a single client must not overlap.
        @b CLIENT TRACKING on BCAST PREFIX foo PREFIX zed => +OK
        INFO stats => ~*tracking_total_prefixes:3*
        CLIENT TRACKING on BCAST NOLOOP => +OK
        CLIENT TRACKINGINFO => [flags, [on, bcast, noloop], redirect, :0, prefixes, ['', bar, foo]]
        CLIENT TRACKING on BCAST PREFIX zed => -ERR Prefix 'zed' overlaps with an existing prefix ''. Prefixes for a single client must not overlap.
        CLIENT TRACKING on => -ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.
        CLIENT CACHING yes => -ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.
        CLIENT TRACKING off => +OK
        INFO stats => ~*tracking_total_prefixes:2*
        @b CLIENT TRACKING off => +OK
        INFO stats => ~*tracking_total_prefixes:0*
    "#,
    );
}

#[test]
fn caching_is_for_the_next_command() {
    check(
        r#"
        CLIENT CACHING yes => -ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled
        CLIENT CACHING bogus => -ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled
        HELLO 3 => ~*
        CLIENT TRACKING on OPTOUT => +OK
        CLIENT CACHING bogus => -ERR syntax error
        CLIENT CACHING yes => -ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.
        CLIENT CACHING no => +OK
        CLIENT TRACKINGINFO => ~*set[on, optout, caching-no]*
        CLIENT TRACKINGINFO => ~*set[on, optout, caching-no]*
        bogus => ~-ERR*
        CLIENT TRACKINGINFO => ~*set[on, optout]*
        CLIENT CACHING no => +OK
        GET a => (null)
        GET b => (null)
        @b MSET a 1 b 1 => +OK
        (recv) => push[invalidate, [b]]
        CLIENT TRACKING off => +OK
        CLIENT TRACKING on OPTIN => +OK
        CLIENT CACHING no => -ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.
        GET a => 1
        CLIENT CACHING yes => +OK
        GET b => 1
        GET c => (null)
        @b MSET a 2 b 2 c 2 => +OK
        (recv) => push[invalidate, [b]]
        # For all of a transaction.
        CLIENT CACHING yes => +OK
        MULTI => +OK
        GET a => +QUEUED
        GET b => +QUEUED
        EXEC => [2, 2]
        GET c => 2
        @b MSET a 3 b 3 c 3 => +OK
        (recv) => push[invalidate, [a]]
        (recv) => push[invalidate, [b]]
        PING => +PONG
    "#,
    );
}

#[test]
fn keys_that_are_read_are_told_of_once() {
    check(
        r#"
        HELLO 3 => ~*
        CLIENT TRACKING on => +OK
        @b MSET k 1 x 1 y 1 => +OK
        MGET k x y missing => [1, 1, 1, (null)]
        INFO stats => ~*tracking_total_keys:4\r\ntracking_total_items:4*
        @b DEL k x y => :3
        (recv) => push[invalidate, [k]]
        (recv) => push[invalidate, [x]]
        (recv) => push[invalidate, [y]]
        @b MSET k 1 x 1 missing 1 => +OK
        (recv) => push[invalidate, [missing]]
        # Whatever reads; writes are not remembered.
        EXISTS k => :1
        @b APPEND k x => :2
        (recv) => push[invalidate, [k]]
        TTL k => :-1
        @b EXPIRE k 100 => :1
        (recv) => push[invalidate, [k]]
        LRANGE k 0 -1 => ~-WRONGTYPE*
        @b RENAME k l => +OK
        (recv) => push[invalidate, [k]]
        LPUSH n 1 => :1
        LPOP n => 1
        GETDEL n => (null)
        SORT n => []
        @b LPUSH n 1 2 3 => :3
        SORT_RO n => [1, 2, 3]
        OBJECT ENCODING n => ~*
        @b LTRIM n 0 0 => +OK
        (recv) => push[invalidate, [n]]
        # A key is a key in whatever database.
        SELECT 3 => +OK
        GET k => (null)
        @b SET k 2 => +OK
        (recv) => push[invalidate, [k]]
        SELECT 0 => +OK
        # Everything.
        GET k => 2
        @b SELECT 1 => +OK
        @b FLUSHDB => +OK
        (recv) => push[invalidate, (null)]
        @b SELECT 0 => +OK
        @b SET k 3 => +OK
        INFO stats => ~*tracking_total_keys:0\r\ntracking_total_items:0*
        @b FLUSHALL => +OK
        (recv) => push[invalidate, (null)]
        CLIENT TRACKING off => +OK
        GET k => (null)
        @b SET k 1 => +OK
        PING => +PONG
    "#,
    );
}

#[test]
fn what_a_client_changes_itself_follows_its_reply() {
    check(
        r#"
        HELLO 3 => ~*
        CLIENT TRACKING on => +OK
        SET k 1 => +OK
        GET k => 1
        SET k 2 => +OK
        (recv) => push[invalidate, [k]]
        PING => +PONG
        MULTI => +OK
        GET k => +QUEUED
        SET k 4 => +QUEUED
        GET k => +QUEUED
        SET k 5 => +QUEUED
        EXEC => [2, +OK, 4, +OK]
        (recv) => push[invalidate, [k]]
        (recv) => push[invalidate, [k]]
        PING => +PONG
        GET k => 5
        FLUSHALL => +OK
        (recv) => push[invalidate, (null)]
        CLIENT TRACKING on NOLOOP => +OK
        GET k => (null)
        SET k 1 => +OK
        PING => +PONG
        # The key was forgotten with the change.
        @b SET k 2 => +OK
        PING => +PONG
        GET k => 2
        @b SET k 3 => +OK
        (recv) => push[invalidate, [k]]
        FLUSHALL => +OK
        (recv) => push[invalidate, (null)]
        # Replies that are not sent do not hold up messages.
        GET k => (null)
        CLIENT REPLY off => (none)
        GET m => (none)
        @b SET k 1 => +OK
        (recv) => push[invalidate, [k]]
        CLIENT REPLY on => +OK
    "#,
    );
}

#[test]
fn what_expires_is_told_of() {
    on_each(&[], |server| {
        let (mut cache, mut other) = (resp3(server), server.client());
        for loops in ["", " NOLOOP"] {
            cache.line("CLIENT TRACKING off");
            cache.line(&format!("CLIENT TRACKING on{loops}"));
            // By the periodic work, and by somebody's look at it.
            other.line("SET k v PX 30");
            assert!(["v", "(null)"].contains(&&*cache.ask("GET k")));
            if other.ask("EXISTS k") == ":1" || cache.ask("EXISTS k") == ":1" {
                eventually("it has expired", || other.ask("EXISTS k") == ":0");
                assert_eq!(cache.recv().render(), "push[invalidate, [k]]");
            }
        }
    });
}

#[test]
fn a_resp2_client_hears_nothing_itself() {
    check(
        r#"
        CLIENT TRACKING on => +OK
        GET k => (nil)
        SET k 1 => +OK
        PING => +PONG
        GET k => 1
        @b SET k 2 => +OK
        @b FLUSHALL => +OK
        PING => +PONG
    "#,
    );
}

#[test]
fn another_client_is_told_in_its_place() {
    on_each(&[], |server| {
        let (mut cache, mut other, mut target) = (server.client(), server.client(), server.client());
        let number = id(&mut target);
        assert_eq!(cache.ask(&format!("CLIENT TRACKING on REDIRECT {number} REDIRECT {number}")), {
            "-ERR A client can only redirect to a single other client"
        });
        assert_eq!(cache.ask(&format!("CLIENT TRACKING on REDIRECT {number}")), "+OK");
        assert_eq!(cache.ask("CLIENT GETREDIR"), format!(":{number}"));
        assert!(cache.line("CLIENT INFO").text().contains(&format!(" redir={number} ")));
        // In RESP2 only a subscriber can be told.
        cache.ask("GET k");
        other.ask("SET k 1");
        assert_eq!(target.ask("SUBSCRIBE __redis__:invalidate"), "[subscribe, __redis__:invalidate, :1]");
        cache.ask("GET k");
        other.ask("SET k 2");
        assert_eq!(target.recv().render(), "[message, __redis__:invalidate, [k]]");
        other.ask("FLUSHALL");
        assert_eq!(target.recv().render(), "[message, __redis__:invalidate, (nil)]");
        // In RESP3 anybody can.
        let mut target3 = resp3(server);
        let number = id(&mut target3);
        assert_eq!(cache.ask(&format!("CLIENT TRACKING on REDIRECT {number}")), "+OK");
        cache.ask("GET k");
        cache.ask("SET k 3");
        assert_eq!(target3.recv().render(), "push[invalidate, [k]]");
        // Once it is gone, its client is told of that, if it can be.
        cache.line("HELLO 3");
        assert_eq!(other.ask(&format!("CLIENT KILL ID {number}")), ":1");
        target3.expect_closed();
        cache.ask("GET k");
        assert_eq!(cache.ask("CLIENT TRACKINGINFO"), {
            format!("{{flags: set[on], redirect: :{number}, prefixes: []}}")
        });
        other.ask("SET k 4");
        assert_eq!(cache.recv().render(), format!("push[tracking-redir-broken, :{number}]"));
        assert_eq!(cache.ask("CLIENT TRACKINGINFO"), {
            format!("{{flags: set[on, broken_redirect], redirect: :{number}, prefixes: []}}")
        });
        assert!(cache.line("CLIENT INFO").text().contains(" flags=tR "));
        cache.ask("GET k");
        assert_eq!(cache.ask("SET k 5"), "+OK");
        assert_eq!(cache.recv().render(), format!("push[tracking-redir-broken, :{number}]"));
        assert_eq!(cache.ask("CLIENT TRACKING on"), "+OK");
        assert_eq!(cache.ask("CLIENT TRACKINGINFO"), "{flags: set[on], redirect: :0, prefixes: []}");
    });
}

#[test]
fn broadcast_by_prefix() {
    check(
        r#"
        HELLO 3 => ~*
        CLIENT TRACKING on BCAST PREFIX a PREFIX b => +OK
        @b MSET a1 1 b1 1 a2 1 a1 5 c 1 => +OK
        (recv) => push[invalidate, [a1, a2]]
        (recv) => push[invalidate, [b1]]
        @b SET c 1 => +OK
        @b MULTI => +OK
        @b SET a2 1 => +QUEUED
        @b SET a1 1 => +QUEUED
        @b SET a2 2 => +QUEUED
        @b EXEC => [+OK, +OK, +OK]
        (recv) => push[invalidate, [a1, a2]]
        SET a1 1 => +OK
        (recv) => push[invalidate, [a1]]
        CLIENT TRACKING off => +OK
        CLIENT TRACKING on BCAST NOLOOP => +OK
        SET a1 1 => +OK
        PING => +PONG
        @b MSET x 1 y 2 => +OK
        (recv) => push[invalidate, [x, y]]
        @b FLUSHALL => +OK
        (recv) => push[invalidate, (null)]
        GET x => (null)
        INFO stats => ~*tracking_total_keys:0\r\ntracking_total_items:0\r\ntracking_total_prefixes:1*
    "#,
    );
}

#[test]
fn a_blocked_client_is_told() {
    check(
        r#"
        HELLO 3 => ~*
        CLIENT TRACKING on => +OK
        LLEN l => :0
        GET k => (null)
        BLPOP l 0 => (later)
        @b INFO clients ~> ~*blocked_clients:1*
        @b SET k 1 => +OK
        (recv) => push[invalidate, [k]]
        @b RPUSH l a => :1
        (recv) => push[invalidate, [l]]
        (recv) => [l, a]
        PING => +PONG
    "#,
    );
}

#[test]
fn the_table_is_held_to_its_limit() {
    check_with(
        &["--tracking-table-max-keys", "2"],
        r#"
        CONFIG GET tracking-table-max-keys => [tracking-table-max-keys, 2]
        HELLO 3 => ~*
        CLIENT TRACKING on => +OK
        MGET a b c => [(null), (null), (null)]
        (recv) => ~push[invalidate, [*]]
        INFO stats ~> ~*tracking_total_keys:2\r\ntracking_total_items:2*
        @b CONFIG SET tracking-table-max-keys 1 => +OK
        (recv) => ~push[invalidate, [*]]
        INFO stats ~> ~*tracking_total_keys:1\r\n*
        @b CONFIG SET tracking-table-max-keys 0 => +OK
        MGET a b c => [(null), (null), (null)]
        INFO stats => ~*tracking_total_keys:3\r\n*
    "#,
    );
}

/// Redis leaves those who have gone until their keys change; ours goes and looks.
#[test]
fn who_is_gone_leaves_nothing_in_the_table() {
    on_ours(&[], |server| {
        let (mut stays, mut goes) = (resp3(server), resp3(server));
        for client in [&mut stays, &mut goes] {
            client.line("CLIENT TRACKING on");
        }
        stays.line("MGET a b");
        goes.line("MGET b c d");
        let figures = |client: &mut Client, keys: usize, items: usize| {
            let text = client.line("INFO stats").text();
            text.contains(&format!("tracking_total_keys:{keys}\r\ntracking_total_items:{items}\r\n"))
        };
        assert!(figures(&mut stays, 4, 5));
        drop(goes);
        eventually("its entries go", || figures(&mut stays, 2, 2));
        stays.line("CLIENT TRACKING off");
        assert!(figures(&mut stays, 0, 0));
    });
}

#[test]
fn who_does_not_read_is_closed() {
    on_each(&["--client-output-buffer-limit", "normal", "200kb", "0", "0"], |server| {
        let (mut slow, mut writer) = (resp3(server), server.client());
        slow.line("CLIENT TRACKING on BCAST");
        let name = "k".repeat(10_000);
        eventually("it is closed", || {
            (0..100).for_each(|_| _ = writer.ask(&format!("SET {name} v")));
            writer.line("INFO clients").text().contains("tracking_clients:0")
        });
    });
}

/// What a cache holds, as the pushes leave it.
struct Cache {
    client: Client,
    held: HashMap<String, String>,
}

impl Cache {
    fn new(server: &Server, mode: &str) -> Cache {
        let mut client = resp3(server);
        assert_eq!(client.ask(&format!("CLIENT TRACKING on {mode}")), "+OK");
        Cache { client, held: HashMap::new() }
    }

    /// Takes replies, dropping what is invalidated, up to the reply of a command.
    fn reply(&mut self) -> Value {
        loop {
            match self.client.recv() {
                Value::Push(push) if push[0].text() == "invalidate" => match &push[1] {
                    Value::Array(keys) => keys.iter().for_each(|key| _ = self.held.remove(&key.text())),
                    _ => self.held.clear(),
                },
                other => return other,
            }
        }
    }

    fn ask(&mut self, line: &str) -> Value {
        self.client.send_line(line);
        self.reply()
    }

    /// The value of a key: the cache's, else the server's.
    fn get(&mut self, key: &str) -> String {
        if let Some(held) = self.held.get(key) {
            return held.clone();
        }
        let value = self.ask(&format!("GET {key}")).render();
        self.held.insert(key.to_owned(), value.clone());
        value
    }
}

/// Many caches, filled under tracking while writers change, delete and expire the keys: once all is quiet, no cache
/// holds what is not so. And while they write: each writer counts its own key up before a second one, so whoever
/// sees the second at n must not trust a first below n.
#[test]
fn no_cache_is_stale() {
    const KEYS: u64 = 40;
    on_ours(&["--workers", "4"], |server| {
        let modes = ["", "NOLOOP", "BCAST", "BCAST PREFIX k: PREFIX p", "OPTOUT", ""];
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..4u64)
                .map(|number| {
                    scope.spawn(move || {
                        let (mut client, mut rng) = (server.client(), Rng::new(number));
                        for step in 0..1500 {
                            client.line(&format!("SET pair:{number}:first {step}"));
                            client.line(&format!("SET pair:{number}:second {step}"));
                            let key = format!("k:{}", rng.below(KEYS));
                            match rng.below(5) {
                                0 => client.line(&format!("DEL {key}")),
                                1 => client.line(&format!("SET {key} {step} PX 3")),
                                2 => client.line(&format!("MSET {key} {step} k:0 {step}")),
                                3 if step % 50 == 0 => client.line("FLUSHDB"),
                                _ => client.line(&format!("SET {key} {step}")),
                            };
                        }
                    })
                })
                .collect();
            let caches: Vec<_> = (0..modes.len())
                .map(|i| {
                    scope.spawn(move || {
                        let (mut cache, mut rng) = (Cache::new(server, modes[i]), Rng::new(99 + i as u64));
                        for _ in 0..4000 {
                            cache.get(&format!("k:{}", rng.below(KEYS)));
                            let pair = rng.below(4);
                            let second = cache.get(&format!("pair:{pair}:second"));
                            if let (Ok(second), Some(first)) =
                                (second.parse::<u64>(), cache.held.get(&format!("pair:{pair}:first")))
                                && let Ok(first) = first.parse::<u64>()
                            {
                                assert!(first >= second, "{}: {first} is cached, and {second} was seen", modes[i]);
                            }
                            cache.get(&format!("pair:{pair}:first"));
                        }
                        cache
                    })
                })
                .collect();
            writers.into_iter().for_each(|writer| writer.join().unwrap());
            let mut plain = server.client();
            eventually("what expires has expired", || {
                let text = plain.line("INFO keyspace").text();
                text.contains(",expires=0,") || !text.contains("db0")
            });
            // Locks every shard: what was removed has been told.
            plain.line("KEYS *");
            for cache in caches {
                let mut cache = cache.join().unwrap();
                // All that was told before lies before the reply.
                cache.ask("PING");
                let held = std::mem::take(&mut cache.held);
                for (key, value) in held {
                    let now = plain.line(&format!("GET {key}")).render().replace("(nil)", "(null)");
                    assert_eq!(value, now, "{key}");
                }
            }
        });
    });
}
