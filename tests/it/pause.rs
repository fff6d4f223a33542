//! CLIENT PAUSE and UNPAUSE: what is held back, and what becomes of it.

use crate::support::{Server, check, check_ours, encode_line, eventually, on_each, on_ours};

#[test]
fn arguments() {
    check(
        r#"
        CLIENT PAUSE => -ERR wrong number of arguments for 'client|pause' command
        CLIENT PAUSE x => -ERR timeout is not an integer or out of range
        CLIENT PAUSE -1 => -ERR timeout is negative
        CLIENT PAUSE 9223372036854775807 => -ERR timeout is out of range
          7.0: +OK -- the sum overflows, and there is no pause
        CLIENT PAUSE 100 bogus => -ERR CLIENT PAUSE mode must be WRITE or ALL
        CLIENT PAUSE 100 write x => -ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP.
        CLIENT UNPAUSE x => -ERR wrong number of arguments for 'client|unpause' command
        CLIENT UNPAUSE => +OK
        CLIENT PAUSE 0 => +OK
        SET k v => +OK
    "#,
    );
}

#[test]
fn writes_wait_and_reads_do_not() {
    check(
        r#"
        SET k v => +OK
        CLIENT PAUSE 100000 WRITE => +OK
        GET k => v
        TOUCH k => :1
        MULTI => +OK
        GET k => +QUEUED
        EXEC => [v]
        WATCH k => +OK
        SORT_RO nothing => []
        CONFIG SET maxclients 9000 => +OK
        nothing => ~-ERR unknown command*
        SET => -ERR wrong number of arguments for 'set' command
        @b SET k w => (later)
        @c PUBLISH channel message => (later)
        @d PFCOUNT none => (later)
        @e SORT nothing => (later)
        @f BLPOP l 0 => (later)
        # Held where it would be queued.
        @g MULTI => +OK
        @g INCR n => (later)
        INFO clients ~> ~*blocked_clients:6*
        CLIENT LIST => ~*flags=b *cmd=set *
        GET k => v
        CLIENT UNPAUSE => +OK
        @b (recv) => +OK
        @c (recv) => :0
        @d (recv) => :0
        @e (recv) => []
        @g (recv) => +QUEUED
        @g EXEC => [:1]
        RPUSH l x => :1
        @f (recv) => [l, x]
        GET k => w
        INFO clients ~> ~*blocked_clients:0*
    "#,
    );
}

#[test]
fn an_exec_that_writes_waits() {
    check(
        r#"
        MULTI => +OK
        SET k v => +QUEUED
        @c MULTI => +OK
        @c PUBLISH c m => +QUEUED
        @b CLIENT PAUSE 100000 WRITE => +OK
        EXEC => (later)
        @c EXEC => (later)
        @b INFO clients ~> ~*blocked_clients:2*
        @b GET k => (nil)
        @b CLIENT UNPAUSE => +OK
        (recv) => [+OK]
        @c (recv) => [:0]
        @b GET k => v
    "#,
    );
}

#[test]
fn everything_waits_for_the_end() {
    check(
        r#"
        CLIENT PAUSE 200 => +OK
        PING => +PONG
        GET k => (nil)
        CLIENT PAUSE 200 ALL => +OK
        @b PING => +PONG
        @c BLPOP l 0.01 => (nil-array)
        # Of two pauses the stricter kind and the later end.
        CLIENT PAUSE 300 WRITE => +OK
        CLIENT PAUSE 10 ALL => +OK
        MULTI => +OK
        SET k v => +QUEUED
        CLIENT UNPAUSE => +QUEUED
        EXEC => [+OK, +OK]
    "#,
    );
}

/// What follows the command that is held stays where it is, and runs behind it; also a large value, whose bytes are not
/// in the pipeline any more.
#[test]
fn a_pipeline_goes_on_where_it_stopped() {
    on_each(&[], |server| {
        let (mut client, mut operator) = (server.client(), server.client());
        let big = "x".repeat(300_000);
        for value in ["v", &*big] {
            assert_eq!(operator.ask("CLIENT PAUSE 100000 WRITE"), "+OK");
            let lines = ["GET none", &*format!("SET k {value}"), "STRLEN k", "DEL k", "GET k"];
            client.send_raw(&lines.map(encode_line).concat());
            assert_eq!(client.recv().render(), "(nil)");
            eventually("it is held", || operator.line("INFO clients").text().contains("blocked_clients:1"));
            assert_eq!(operator.ask("EXISTS k"), ":0");
            assert_eq!(operator.ask("CLIENT UNPAUSE"), "+OK");
            let replies: Vec<String> = (0..4).map(|_| client.recv().render()).collect();
            assert_eq!(replies, ["+OK", &*format!(":{}", value.len()), ":1", "(nil)"]);
        }
    });
}

#[test]
fn who_is_held_can_be_killed_but_not_unblocked() {
    // Redis 7.0 dies of unblocking a paused client.
    on_ours(&[], |server| {
        let (mut held, mut goes, mut operator) = (server.client(), server.client(), server.client());
        let number = held.line("CLIENT ID").int();
        operator.line("CLIENT PAUSE 100000 WRITE");
        held.send_line("SET a 1");
        goes.send_line("SET b 1");
        eventually("both are held", || operator.line("INFO clients").text().contains("blocked_clients:2"));
        assert_eq!(operator.ask(&format!("CLIENT UNBLOCK {number}")), ":0");
        assert_eq!(operator.ask(&format!("CLIENT KILL ID {number}")), ":1");
        held.expect_closed();
        drop(goes);
        eventually("nobody is held", || operator.line("INFO clients").text().contains("blocked_clients:0"));
        operator.line("CLIENT UNPAUSE");
        assert_eq!(operator.ask("EXISTS a b"), ":0");
    });
}

/// While clients are paused nothing goes because its time has come but what is looked at.
#[test]
fn nothing_expires_by_itself() {
    on_each(&[], |server: &Server| {
        let mut client = server.client();
        client.line("CLIENT PAUSE 100000 WRITE");
        let before = client.line("INFO stats").text();
        assert!(before.contains("expired_keys:0\r\n"));
        client.line("CLIENT UNPAUSE");
        client.line("SET k v PX 1");
        eventually("it has expired", || client.line("INFO stats").text().contains("expired_keys:1\r\n"));
    });
}

#[test]
fn info_says_why() {
    check_ours(
        "Redis 7.0 does not say",
        r#"
        INFO clients => ~*paused_reason:none\r\npaused_actions:none\r\npaused_timeout_milliseconds:0\r\n*
        CLIENT PAUSE 100000 WRITE => +OK
        INFO clients => ~*paused_reason:client_pause\r\npaused_actions:write\r\npaused_timeout_milliseconds:<90000..100000>\r\n*
        CLIENT UNPAUSE => +OK
        INFO clients => ~*paused_reason:none\r\n*
    "#,
    );
}
