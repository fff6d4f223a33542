//! MULTI, EXEC, DISCARD, WATCH, UNWATCH: queueing, errors, what a watched key's changes do, atomicity.

use crate::support::{check, check_with, encode_line, on_each};

#[test]
fn multi_exec_discard() {
    check(
        r#"
        EXEC => -ERR EXEC without MULTI
        DISCARD => -ERR DISCARD without MULTI
        MULTI => +OK
        EXEC => []
        MULTI => +OK
        SET k 1 => +QUEUED
        INCR k => +QUEUED
        GET k => +QUEUED
        @b GET k => (nil)
        EXEC => [+OK, :2, 2]
        GET k => 2
        MULTI => +OK
        SET k 5 => +QUEUED
        DISCARD => +OK
        GET k => 2
        DISCARD => -ERR DISCARD without MULTI
        EXEC => -ERR EXEC without MULTI
        MULTI => +OK
        PING => +QUEUED
        ECHO x => +QUEUED
        MGET k missing => +QUEUED
        LRANGE l 0 -1 => +QUEUED
        EXEC => [+PONG, x, [2, (nil)], []]
        MULTI x => -ERR wrong number of arguments for 'multi' command
        EXEC x => -EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command
        DISCARD x => -ERR wrong number of arguments for 'discard' command
        UNWATCH => +OK
        UNWATCH x => -ERR wrong number of arguments for 'unwatch' command
        WATCH => -ERR wrong number of arguments for 'watch' command
        multi => +OK
        exec => []
        "#,
    );
}

#[test]
fn nesting_and_watch_inside() {
    check(
        r#"
        MULTI => +OK
        MULTI => -ERR MULTI calls can not be nested
        SET k 1 => +QUEUED
        WATCH k => -ERR WATCH inside MULTI is not allowed
        UNWATCH => +QUEUED
        EXEC => [+OK, +OK]
        GET k => 1
        MULTI => +OK
        SELECT 1 => +QUEUED
        SET k one => +QUEUED
        EXEC => [+OK, +OK]
        GET k => one
        SELECT 0 => +OK
        GET k => 1
        "#,
    );
}

#[test]
fn errors_while_queueing_abort() {
    check(
        r#"
        MULTI => +OK
        SET k 1 => +QUEUED
        NOSUCH a b => -ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b'\s
        SET k => -ERR wrong number of arguments for 'set' command
        EXEC => -EXECABORT Transaction discarded because of previous errors.
        EXISTS k => :0
        MULTI => +OK
        GET => -ERR wrong number of arguments for 'get' command
        DISCARD => +OK
        MULTI => +OK
        SET k 1 => +QUEUED
        EXEC => [+OK]
        MULTI => +OK
        OBJECT BOGUS k => -ERR unknown subcommand 'BOGUS'. Try OBJECT HELP.
        EXEC => -EXECABORT Transaction discarded because of previous errors.
        MULTI => +OK
        CONFIG => -ERR wrong number of arguments for 'config' command
        EXEC => -EXECABORT Transaction discarded because of previous errors.
        MULTI => +OK
        SET k 2 bogus => +QUEUED
        EXEC => [-ERR syntax error]
        "#,
    );
}

#[test]
fn errors_inside_exec_do_not_roll_back() {
    check(
        r#"
        SET s v => +OK
        MULTI => +OK
        INCR n => +QUEUED
        LPUSH s x => +QUEUED
        INCR s => +QUEUED
        INCR n => +QUEUED
        SELECT 99 => +QUEUED
        GET n => +QUEUED
        EXEC => [:1, -WRONGTYPE Operation against a key holding the wrong kind of value, -ERR value is not an integer or out of range, :2, -ERR DB index is out of range, 2]
        GET n => 2
        "#,
    );
}

#[test]
fn commands_not_allowed_in_multi() {
    check(
        r#"
        MULTI => +OK
        WATCH k => -ERR WATCH inside MULTI is not allowed
        EXEC => []
        MULTI => +OK
        MONITOR => +QUEUED
        EXEC => [-ERR MONITOR isn't allowed for DENY BLOCKING client]
        MULTI => +OK
        SUBSCRIBE c => +QUEUED
        EXEC => [[subscribe, c, :1]]
        UNSUBSCRIBE c => [unsubscribe, c, :0]
        MULTI => +OK
        HELLO 3 => +QUEUED
        EXEC => ~[{server: *}]
        "#,
    );
}

#[test]
fn watch_notices_every_kind_of_change() {
    check(
        r#"
        SET k 1 => +OK
        WATCH k => +OK
        MULTI => +OK
        INCR k => +QUEUED
        EXEC => [:2]
        WATCH k => +OK
        @b SET k 2 => +OK
        MULTI => +OK
        INCR k => +QUEUED
        EXEC => (nil-array)
        GET k => 2
        # the same value again is a change too
        WATCH k => +OK
        @b SET k 2 => +OK
        MULTI => +OK
        EXEC => (nil-array)
        # own changes before MULTI count
        WATCH k => +OK
        SET k 3 => +OK
        MULTI => +OK
        EXEC => (nil-array)
        WATCH k => +OK
        @b DEL k => :1
        MULTI => +OK
        EXEC => (nil-array)
        # a key that is not there and stays so
        WATCH k => +OK
        @b DEL k => :0
        MULTI => +OK
        EXEC => []
        WATCH k => +OK
        @b SET k v => +OK
        MULTI => +OK
        EXEC => (nil-array)
        # a read is no change
        WATCH k => +OK
        @b GET k => v
        @b TTL k => :-1
        MULTI => +OK
        EXEC => []
        # EXPIRE and PERSIST are
        WATCH k => +OK
        @b EXPIRE k 100 => :1
        MULTI => +OK
        EXEC => (nil-array)
        WATCH k => +OK
        @b PERSIST k => :1
        MULTI => +OK
        EXEC => (nil-array)
        # a write that changes nothing is none
        WATCH k => +OK
        @b PERSIST k => :0
        @b SETNX k w => :0
        @b HDEL nokey f => :0
        MULTI => +OK
        EXEC => []
        # APPEND is one, also of nothing; SETRANGE of nothing and SADD of a member that is there are not
        SADD s m => :1
        WATCH k => +OK
        @b APPEND k "" => :1
        MULTI => +OK
        EXEC => (nil-array)
        WATCH k => +OK
        @b SETRANGE k 0 "" => :1
        MULTI => +OK
        EXEC => []
        WATCH s => +OK
        @b SADD s m => :0
        MULTI => +OK
        EXEC => []
        WATCH a b c => +OK
        @b SET b 1 => +OK
        MULTI => +OK
        EXEC => (nil-array)
        # EXEC and DISCARD end the watch, also of an aborted transaction
        WATCH k => +OK
        @b SET k x => +OK
        MULTI => +OK
        DISCARD => +OK
        MULTI => +OK
        EXEC => []
        WATCH k => +OK
        @b SET k y => +OK
        UNWATCH => +OK
        MULTI => +OK
        EXEC => []
        WATCH k => +OK
        @b SET k z => +OK
        MULTI => +OK
        NOSUCH => -ERR unknown command 'NOSUCH', with args beginning with:\s
        EXEC => -EXECABORT Transaction discarded because of previous errors.
        MULTI => +OK
        EXEC => []
        WATCH k k k => +OK
        @b SET k z => +OK
        MULTI => +OK
        EXEC => (nil-array)
        "#,
    );
}

#[test]
fn watch_and_whole_databases() {
    check(
        r#"
        SET k v => +OK
        WATCH k => +OK
        @b FLUSHALL => +OK
        MULTI => +OK
        EXEC => (nil-array)
        WATCH k => +OK
        @b FLUSHALL => +OK
        MULTI => +OK
        EXEC => []
        SET k v => +OK
        WATCH k => +OK
        @b FLUSHDB => +OK
        MULTI => +OK
        EXEC => (nil-array)
        SET k v => +OK
        WATCH k => +OK
        @b SELECT 1 => +OK
        @b FLUSHDB => +OK
        MULTI => +OK
        EXEC => []
        WATCH k => +OK
        @b SET k one => +OK
        MULTI => +OK
        EXEC => []
        WATCH k => +OK
        @b SWAPDB 0 1 => +OK
        MULTI => +OK
        EXEC => (nil-array)
        WATCH missing => +OK
        @b SWAPDB 0 1 => +OK
        MULTI => +OK
        EXEC => []
        WATCH k => +OK
        SELECT 2 => +OK
        @b SELECT 0 => +OK
        @b SET k v => +OK
        MULTI => +OK
        EXEC => (nil-array)
        "#,
    );
}

#[test]
fn watch_and_moved_keys() {
    check(
        r#"
        MSET a 1 b 2 => +OK
        WATCH a => +OK
        @b RENAME a c => +OK
        MULTI => +OK
        EXEC => (nil-array)
        WATCH a => +OK
        @b RENAME b a => +OK
        MULTI => +OK
        EXEC => (nil-array)
        WATCH d => +OK
        @b COPY a d => :1
        MULTI => +OK
        EXEC => (nil-array)
        WATCH a => +OK
        @b COPY a e => :1
        MULTI => +OK
        EXEC => []
        WATCH a => +OK
        @b MOVE a 1 => :1
        MULTI => +OK
        EXEC => (nil-array)
        WATCH l => +OK
        @b LPUSH l x => :1
        MULTI => +OK
        EXEC => (nil-array)
        WATCH l => +OK
        @b LPOP l => x
        MULTI => +OK
        EXEC => (nil-array)
        WATCH dst => +OK
        @b SADD src m => :1
        @b SINTERSTORE dst src => :1
        MULTI => +OK
        EXEC => (nil-array)
        WATCH dst => +OK
        @b SINTERSTORE dst src nokey => :0
        MULTI => +OK
        EXEC => (nil-array)
        WATCH dst => +OK
        @b SINTERSTORE dst src nokey => :0
        MULTI => +OK
        EXEC => []
        "#,
    );
}

/// A watched key that expires aborts; one that had expired when it was watched does not.
#[test]
fn watch_and_expiry() {
    check(
        r#"
        SET k v PX 300 => +OK
        WATCH k => +OK
        @b EXISTS k ~> :0
        MULTI => +OK
        EXEC => (nil-array)
        # gone, but still in the table, when it is watched
        DEBUG SET-ACTIVE-EXPIRE 0 => +OK
        SET k v PX 1 => +OK
        SET later v PX 2 => +OK
        @b EXISTS later ~> :0
        WATCH k => +OK
        @b GET k => (nil)
        MULTI => +OK
        EXEC => []
        # expired and not yet removed at EXEC
        SET k v PX 300 => +OK
        WATCH k => +OK
        SET later v PX 301 => +OK
        @b EXISTS later ~> :0
        MULTI => +OK
        SET x 1 => +QUEUED
        EXEC => (nil-array)
        DEBUG SET-ACTIVE-EXPIRE 1 => +OK
        "#,
    );
}

#[test]
fn reset_and_quit_inside_multi() {
    check(
        r#"
        SET k 1 => +OK
        MULTI => +OK
        SET k 2 => +QUEUED
        RESET => +RESET
        EXEC => -ERR EXEC without MULTI
        GET k => 1
        WATCH k => +OK
        RESET => +RESET
        @b SET k 3 => +OK
        MULTI => +OK
        EXEC => []
        MULTI => +OK
        SET k 4 => +QUEUED
        QUIT => +OK
        (recv) => (closed)
        @b GET k => 3
        "#,
    );
}

/// In RESP3 an aborted EXEC is a null, and replies inside keep their types.
#[test]
fn exec_in_resp3() {
    check(
        r#"
        HELLO 3 => ~{*}
        WATCH k => +OK
        @b SET k v => +OK
        MULTI => +OK
        EXEC => (null)
        HSET h f v => :1
        ZADD z 1.5 m => :1
        MULTI => +OK
        HGETALL h => +QUEUED
        ZSCORE z m => +QUEUED
        GET missing => +QUEUED
        EXEC => [{f: v}, ,1.5, (null)]
        "#,
    );
}

#[test]
fn multi_needs_a_login_where_a_password_is_set() {
    check_with(
        &["--requirepass", "secret"],
        r#"
        MULTI => -NOAUTH Authentication required.
        EXEC => -EXECABORT Transaction discarded because of: NOAUTH Authentication required.
        AUTH secret => +OK
        MULTI => +OK
        AUTH wrong => +QUEUED
        AUTH secret => +QUEUED
        GET k => +QUEUED
        EXEC => [-WRONGPASS invalid username-password pair or user is disabled., +OK, (nil)]
        "#,
    );
}

/// EXEC is atomic: no reader sees one of two keys changed and not the other, in whatever shards they are.
#[test]
fn no_reader_sees_half_of_an_exec() {
    on_each(&[], |server| {
        server.client().line("MSET x 0 y 0 z 0");
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut client = server.client();
                    let one: Vec<u8> = ["MULTI", "INCR x", "INCR y", "INCR z", "EXEC"].map(encode_line).concat();
                    client.pipeline(&one.repeat(200), 1000);
                });
            }
            scope.spawn(|| {
                let mut client = server.client();
                for _ in 0..500 {
                    let reply = client.line("MGET x y z");
                    let values = reply.items();
                    assert!(values.iter().all(|v| *v == values[0]), "{reply}");
                }
            });
        });
        assert_eq!(server.client().ask("MGET x y z"), "[600, 600, 600]");
    });
}

/// Optimistic counters: of all EXECs exactly as many succeed as the counter says.
#[test]
fn watch_loses_no_update() {
    on_each(&[], |server| {
        let successes: i64 = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let mut client = server.client();
                        let mut successes = 0;
                        for _ in 0..150 {
                            client.line("WATCH n");
                            let value = client.ask("GET n").parse::<i64>().unwrap_or(0);
                            client.line("MULTI");
                            client.line(&format!("SET n {}", value + 1));
                            successes += i64::from(client.ask("EXEC") == "[+OK]");
                        }
                        successes
                    })
                })
                .collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        assert!(successes >= 150, "{successes}");
        assert_eq!(server.client().ask("GET n"), successes.to_string());
    });
}
