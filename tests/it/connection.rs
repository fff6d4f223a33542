//! The connection commands: HELLO, AUTH, PING, ECHO, SELECT, QUIT, RESET and CLIENT.

use crate::support::{Client, check, check_ours, check_with, eventually, on_each};

#[test]
fn ping_echo() {
    check(
        r#"
        PING => +PONG
        PING hello => hello
        PING "a\x00b" => 'a\x00b'
        PING a b => -ERR wrong number of arguments for 'ping' command
        ping => +PONG
        ECHO hello => hello
        ECHO "" => ''
        ECHO => -ERR wrong number of arguments for 'echo' command
        ECHO a b => -ERR wrong number of arguments for 'echo' command
        "#,
    );
}

#[test]
fn quit_and_reset() {
    check(
        r#"
        QUIT => +OK
        (recv) => (closed)
        @b QUIT now please => +OK
        @b (recv) => (closed)
        @c SELECT 3 => +OK
        @c CLIENT SETNAME me => +OK
        @c SUBSCRIBE ch => [subscribe, ch, :1]
        @c RESET => +RESET
        @c CLIENT GETNAME => (nil)
        @c SET k v => +OK
        @c SELECT 3 => +OK
        @c EXISTS k => :0
        @c RESET x => -ERR wrong number of arguments for 'reset' command
        @c HELLO 3 => ~{*}
        @c RESET => +RESET
        @c GET missing => (nil)
        "#,
    );
}

#[test]
fn hello() {
    check(
        r#"
        HELLO => ~[server, *, version, *, proto, :2, id, :*, mode, standalone, role, master, modules, []]
        HELLO 2 => ~[server, *, version, *, proto, :2, id, :*, mode, standalone, role, master, modules, []]
        HELLO 3 => ~{server: *, version: *, proto: :3, id: :*, mode: standalone, role: master, modules: []}
        HELLO => ~{server: *, version: *, proto: :3, id: :*, mode: standalone, role: master, modules: []}
        GET missing => (null)
        HELLO 1 => -NOPROTO unsupported protocol version
        HELLO 4 => -NOPROTO unsupported protocol version
        HELLO x => -ERR Protocol version is not an integer or out of range
        HELLO -3 => -NOPROTO unsupported protocol version
        HELLO 3.0 => -ERR Protocol version is not an integer or out of range
        HELLO 3 bogus => -ERR Syntax error in HELLO option 'bogus'
        HELLO 3 AUTH => -ERR Syntax error in HELLO option 'AUTH'
        HELLO 3 AUTH default => -ERR Syntax error in HELLO option 'AUTH'
        HELLO 3 SETNAME => -ERR Syntax error in HELLO option 'SETNAME'
        HELLO 3 SETNAME "a b" => -ERR Client names cannot contain spaces, newlines or special characters.
        CLIENT GETNAME => (null)
        HELLO 3 SETNAME me => ~{*}
        CLIENT GETNAME => me
        HELLO 3 AUTH default x SETNAME you => ~{*}
        CLIENT GETNAME => you
        HELLO 3 AUTH nobody x => -WRONGPASS invalid username-password pair or user is disabled.
        HELLO 3 AUTH nobody x SETNAME third => -WRONGPASS invalid username-password pair or user is disabled.
        CLIENT GETNAME => you
        HELLO 2 => ~[*]
        GET missing => (nil)
        HELLO 2 SETNAME a SETNAME b => ~[*]
        CLIENT GETNAME => b
        hello 3 setname c => ~{*}
        "#,
    );
}

#[test]
fn auth_without_a_password() {
    check(
        r#"
        AUTH => -ERR wrong number of arguments for 'auth' command
        AUTH a b c => -ERR syntax error
        AUTH x => -ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?
        AUTH default x => +OK
        AUTH nobody x => -WRONGPASS invalid username-password pair or user is disabled.
        "#,
    );
}

#[test]
fn auth_with_a_password() {
    check_with(
        &["--requirepass", "secret"],
        r#"
        GET k => -NOAUTH Authentication required.
        PING => -NOAUTH Authentication required.
        SELECT 1 => -NOAUTH Authentication required.
        CLIENT ID => -NOAUTH Authentication required.
        COMMAND => -NOAUTH Authentication required.
        NOSUCH => -ERR unknown command 'NOSUCH', with args beginning with:\s
        GET => -ERR wrong number of arguments for 'get' command
        AUTH => -ERR wrong number of arguments for 'auth' command
        HELLO => -NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time
          7.0: -NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time -- 7.2 names the argument
        HELLO 3 => -NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time
          7.0: -NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time -- 7.2 names the argument
        HELLO 9 => -NOPROTO unsupported protocol version
        HELLO 3 AUTH default wrong => -WRONGPASS invalid username-password pair or user is disabled.
        HELLO 3 SETNAME x => -NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time
          7.0: -NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time -- 7.2 names the argument
        AUTH wrong => -WRONGPASS invalid username-password pair or user is disabled.
        AUTH default wrong => -WRONGPASS invalid username-password pair or user is disabled.
        AUTH nobody secret => -WRONGPASS invalid username-password pair or user is disabled.
        RESET => +RESET
        PING => -NOAUTH Authentication required.
        AUTH secret => +OK
        PING => +PONG
        GET k => (nil)
        RESET => +RESET
        GET k => -NOAUTH Authentication required.
        AUTH default secret => +OK
        GET k => (nil)
        AUTH wrong => -WRONGPASS invalid username-password pair or user is disabled.
        GET k => (nil)
        @b HELLO 3 AUTH default secret => ~{*}
        @b GET k => (null)
        @c QUIT => +OK
        @c (recv) => (closed)
        CONFIG SET requirepass "" => +OK
        @d GET k => (nil)
        CONFIG SET requirepass other => +OK
        GET k => (nil)
        @d GET k => (nil)
        @e GET k => -NOAUTH Authentication required.
        @e AUTH secret => -WRONGPASS invalid username-password pair or user is disabled.
        @e AUTH other => +OK
        "#,
    );
}

#[test]
fn client_names_and_info() {
    check(
        r#"
        CLIENT GETNAME => (nil)
        CLIENT SETNAME me => +OK
        CLIENT GETNAME => me
        CLIENT SETNAME "with space" => -ERR Client names cannot contain spaces, newlines or special characters.
        CLIENT SETNAME "line\n" => -ERR Client names cannot contain spaces, newlines or special characters.
        CLIENT SETNAME "\xc3\xa9" => -ERR Client names cannot contain spaces, newlines or special characters.
        CLIENT GETNAME => me
        CLIENT SETNAME "" => +OK
        CLIENT GETNAME => (nil)
        CLIENT SETNAME => -ERR wrong number of arguments for 'client|setname' command
        CLIENT GETNAME x => -ERR wrong number of arguments for 'client|getname' command
        CLIENT ID x => -ERR wrong number of arguments for 'client|id' command
        CLIENT INFO x => -ERR wrong number of arguments for 'client|info' command
        CLIENT => -ERR wrong number of arguments for 'client' command
        CLIENT BOGUS => -ERR unknown subcommand 'BOGUS'. Try CLIENT HELP.
        CLIENT BOGUS a b => -ERR unknown subcommand 'BOGUS'. Try CLIENT HELP.
        CLIENT HELP => ~[+CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:, *]
        CLIENT HELP x => -ERR wrong number of arguments for 'client|help' command
        client getname => (nil)
        CLIENT SETINFO lib-name redis-py => +OK
          7.0: -ERR unknown subcommand 'SETINFO'. Try CLIENT HELP. -- new in 7.2
        CLIENT SETINFO LIB-VER 1.2.3 => +OK
          7.0: -ERR unknown subcommand 'SETINFO'. Try CLIENT HELP. -- new in 7.2
        CLIENT SETINFO lib-name "a b" => -ERR lib-name cannot contain spaces, newlines or special characters.
          7.0: -ERR unknown subcommand 'SETINFO'. Try CLIENT HELP. -- new in 7.2
        CLIENT SETINFO lib-ver "1\n" => -ERR lib-ver cannot contain spaces, newlines or special characters.
          7.0: -ERR unknown subcommand 'SETINFO'. Try CLIENT HELP. -- new in 7.2
        CLIENT SETINFO bogus x => -ERR Unrecognized option 'bogus'
          7.0: -ERR unknown subcommand 'SETINFO'. Try CLIENT HELP. -- new in 7.2
        CLIENT SETINFO lib-name => -ERR wrong number of arguments for 'client|setinfo' command
          7.0: -ERR unknown subcommand 'SETINFO'. Try CLIENT HELP. -- new in 7.2
        CLIENT INFO => ~'id=<1..99> addr=127.0.0.1:<1..65535> laddr=127.0.0.1:<1..65535> fd=<0..9999> name= age=<0..99> idle=<0..99> flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 * cmd=client|info user=default redir=-1 resp=2 lib-name=redis-py lib-ver=1.2.3\n'
          7.0: ~'id=* cmd=client|info user=default redir=-1 resp=2\n' -- lib-name and lib-ver are new in 7.2
        CLIENT SETINFO lib-name "" => +OK
          7.0: -ERR unknown subcommand 'SETINFO'. Try CLIENT HELP. -- new in 7.2
        "#,
    );
}

#[test]
fn client_switches() {
    check(
        r#"
        CLIENT NO-EVICT ON => +OK
        CLIENT NO-EVICT off => +OK
        CLIENT NO-EVICT bogus => -ERR syntax error
        CLIENT NO-EVICT => -ERR wrong number of arguments for 'client|no-evict' command
        CLIENT NO-TOUCH ON => +OK
          7.0: -ERR unknown subcommand 'NO-TOUCH'. Try CLIENT HELP. -- new in 7.2
        CLIENT NO-TOUCH off => +OK
          7.0: -ERR unknown subcommand 'NO-TOUCH'. Try CLIENT HELP. -- new in 7.2
        CLIENT NO-TOUCH bogus => -ERR syntax error
          7.0: -ERR unknown subcommand 'NO-TOUCH'. Try CLIENT HELP. -- new in 7.2
        CLIENT NO-TOUCH => -ERR wrong number of arguments for 'client|no-touch' command
          7.0: -ERR unknown subcommand 'NO-TOUCH'. Try CLIENT HELP. -- new in 7.2
        CLIENT REPLY ON => +OK
        CLIENT REPLY bogus => -ERR syntax error
        CLIENT REPLY => -ERR wrong number of arguments for 'client|reply' command
        CLIENT REPLY SKIP => (none)
        SET k 1 => (none)
        GET k => 1
        CLIENT REPLY OFF => (none)
        SET k 2 => (none)
        PING => (none)
        NOSUCH => (none)
        CLIENT REPLY SKIP => (none)
        GET k => (none)
        CLIENT REPLY ON => +OK
        GET k => 2
        CLIENT REPLY skip => (none)
        CLIENT REPLY bogus => (none)
        PING => +PONG
        "#,
    );
}

#[test]
fn client_kill_and_list_errors() {
    check(
        r#"
        CLIENT KILL => -ERR wrong number of arguments for 'client|kill' command
        CLIENT KILL 1.2.3.4:5 => -ERR No such client
        CLIENT KILL bogus => -ERR No such client
        CLIENT KILL ID x => -ERR client-id should be greater than 0
        CLIENT KILL ID 0 => -ERR client-id should be greater than 0
        CLIENT KILL ID -1 => -ERR client-id should be greater than 0
        CLIENT KILL ID 999999 => :0
        CLIENT KILL TYPE bogus => -ERR Unknown client type 'bogus'
        CLIENT KILL TYPE pubsub => :0
        CLIENT KILL TYPE replica => :0
        CLIENT KILL TYPE slave => :0
        CLIENT KILL TYPE master => :0
        CLIENT KILL USER nobody => -ERR No such user 'nobody'
        CLIENT KILL SKIPME bogus => -ERR syntax error
        CLIENT KILL SKIPME yes => :0
        CLIENT KILL ADDR 1.2.3.4:5 => :0
        CLIENT KILL LADDR 1.2.3.4:5 => :0
        CLIENT KILL ID => -ERR No such client
        CLIENT KILL BOGUS x => -ERR syntax error
        CLIENT KILL ID 1 BOGUS => -ERR syntax error
        CLIENT KILL ID 1 ADDR => -ERR syntax error
        CLIENT LIST BOGUS => -ERR syntax error
        CLIENT LIST TYPE => -ERR syntax error
        CLIENT LIST TYPE bogus => -ERR Unknown client type 'bogus'
        CLIENT LIST TYPE master => ''
        CLIENT LIST TYPE replica => ''
        CLIENT LIST TYPE pubsub => ''
        CLIENT LIST ID => -ERR syntax error
        CLIENT LIST ID x => -ERR Invalid client ID
        CLIENT LIST ID 0 => ''
        CLIENT LIST ID 999999 => ''
        CLIENT LIST ID 1 x => -ERR Invalid client ID
        CLIENT LIST TYPE normal ID 1 => -ERR syntax error
        CLIENT UNBLOCK x => -ERR value is not an integer or out of range
        CLIENT UNBLOCK 999999 => :0
        CLIENT UNBLOCK 999999 BOGUS => -ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR
        CLIENT UNBLOCK 999999 TIMEOUT => :0
        CLIENT UNBLOCK 999999 ERROR => :0
        CLIENT UNBLOCK => -ERR wrong number of arguments for 'client|unblock' command
        CLIENT PAUSE => -ERR wrong number of arguments for 'client|pause' command
        CLIENT PAUSE x => -ERR timeout is not an integer or out of range
        CLIENT PAUSE -1 => -ERR timeout is negative
        CLIENT PAUSE 1 BOGUS => -ERR CLIENT PAUSE mode must be WRITE or ALL
        CLIENT UNPAUSE => +OK
        CLIENT UNPAUSE x => -ERR wrong number of arguments for 'client|unpause' command
        CLIENT GETREDIR => :-1
        CLIENT GETREDIR x => -ERR wrong number of arguments for 'client|getredir' command
        CLIENT TRACKINGINFO => [flags, [off], redirect, :-1, prefixes, []]
        CLIENT CACHING YES => -ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled
        CLIENT CACHING bogus => -ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled
        CLIENT TRACKING bogus => -ERR syntax error
        CLIENT TRACKING => -ERR wrong number of arguments for 'client|tracking' command
        "#,
    );
}

fn id(client: &mut Client) -> i64 {
    client.line("CLIENT ID").int()
}

/// Ids rise and are never used again; the filters of CLIENT LIST select.
#[test]
fn client_ids_and_list_filters() {
    on_each(&[], |server| {
        let (mut a, mut b) = (server.client(), server.client());
        let (first, second) = (id(&mut a), id(&mut b));
        assert!(0 < first && first < second);
        assert_eq!(id(&mut a), first);
        drop(b);
        let mut c = server.client();
        let third = id(&mut c);
        assert!(third > second);
        c.line("CLIENT SETNAME third");
        c.line("SELECT 5");

        eventually("two clients", || a.line("CLIENT LIST").text().lines().count() == 2);
        let list = a.line("CLIENT LIST").text();
        assert!(list.lines().any(|l| l.starts_with(&format!("id={third} ")) && l.contains(" name=third ")), "{list}");
        assert!(list.contains(" db=5 ") && list.contains(" cmd=select "), "{list}");
        assert!(list.contains(&format!(" addr={} ", a.local_address())), "{list}");
        assert!(list.contains(&format!(" laddr={} ", server.address())), "{list}");

        let one = a.line(&format!("CLIENT LIST ID {third} 999999")).text();
        assert_eq!(one.lines().count(), 1, "{one}");
        let both = a.line(&format!("CLIENT LIST ID {first} {third} {third}")).text();
        assert!((2..=3).contains(&both.lines().count()), "{both}");
        assert_eq!(a.line("CLIENT LIST TYPE normal").text().lines().count(), 2);

        let mut subscriber = server.client();
        subscriber.line("SUBSCRIBE c");
        let list = a.line("CLIENT LIST TYPE pubsub").text();
        assert!(list.contains(" flags=P ") && list.contains(" sub=1 "), "{list}");
        let mut in_multi = server.client();
        in_multi.line("MULTI");
        in_multi.line("PING");
        let id = id_of(&mut a, " multi=1 ");
        assert!(a.line(&format!("CLIENT LIST ID {id}")).text().contains(" flags=x "));
    });
}

fn id_of(client: &mut Client, part: &str) -> String {
    let list = client.line("CLIENT LIST").text();
    let line = list.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("no {part} in {list}"));
    line.trim_start_matches("id=").split(' ').next().unwrap().to_owned()
}

/// CLIENT KILL, old form and new form, closes the right connections and counts them.
#[test]
fn client_kill_closes() {
    on_each(&[], |server| {
        let mut killer = server.client();
        killer.line("PING");

        let mut victim = server.client();
        victim.line("PING");
        assert_eq!(killer.ask(&format!("CLIENT KILL {}", victim.local_address())), "+OK");
        victim.expect_closed();
        assert_eq!(killer.ask(&format!("CLIENT KILL {}", victim.local_address())), "-ERR No such client");

        let mut victim = server.client();
        let number = id(&mut victim);
        assert_eq!(killer.ask(&format!("CLIENT KILL ID {number}")), ":1");
        victim.expect_closed();

        let mut victim = server.client();
        victim.line("PING");
        assert_eq!(killer.ask(&format!("CLIENT KILL ADDR {} TYPE normal USER default", victim.local_address())), ":1");
        victim.expect_closed();

        // Every filter has to hold.
        let mut victim = server.client();
        let number = id(&mut victim);
        assert_eq!(killer.ask(&format!("CLIENT KILL ID {number} TYPE pubsub")), ":0");
        assert_eq!(victim.ask("PING"), "+PONG");

        let mut subscriber = server.client();
        subscriber.line("SUBSCRIBE c");
        assert_eq!(killer.ask("CLIENT KILL TYPE pubsub"), ":1");
        subscriber.expect_closed();

        // By its own address, and all but oneself.
        assert_eq!(killer.ask(&format!("CLIENT KILL LADDR {}", server.address())), ":1");
        victim.expect_closed();
        let own = id(&mut killer);
        assert_eq!(killer.ask(&format!("CLIENT KILL ID {own}")), ":0");
        // The reply still comes.
        assert_eq!(killer.ask(&format!("CLIENT KILL ID {own} SKIPME no")), ":1");
        killer.expect_closed();
    });
}

/// A connection that waits for nothing is killed too: one blocked in BLPOP.
#[test]
fn client_kill_and_unblock_reach_blocked_clients() {
    on_each(&[], |server| {
        let mut other = server.client();
        for (command, reply) in [
            ("CLIENT UNBLOCK", "(nil-array)"),
            ("CLIENT UNBLOCK ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK"),
        ] {
            let mut blocked = server.client();
            let number = id(&mut blocked);
            blocked.send_line("BLPOP nokey 0");
            eventually("it is blocked", || {
                other.line(&format!("CLIENT LIST ID {number}")).text().contains(" flags=b ")
            });
            let line = match command.strip_suffix(" ERROR") {
                Some(short) => format!("{short} {number} ERROR"),
                None => format!("{command} {number}"),
            };
            assert_eq!(other.ask(&line), ":1");
            assert_eq!(blocked.recv().render(), reply);
            assert_eq!(other.ask(&line), ":0");
        }
        let mut blocked = server.client();
        let number = id(&mut blocked);
        blocked.send_line("BLPOP nokey 0");
        eventually("it is blocked", || server.info("clients", "blocked_clients") == "1");
        assert_eq!(other.ask(&format!("CLIENT KILL ID {number}")), ":1");
        blocked.expect_closed();
        eventually("nothing is blocked", || server.info("clients", "blocked_clients") == "0");
    });
}

/// CLIENT PAUSE holds writes (or all commands) back until its end, without losing or reordering any.
#[test]
fn client_pause_delays() {
    on_each(&[], |server| {
        let (mut a, mut b) = (server.client(), server.client());
        assert_eq!(a.ask("CLIENT PAUSE 100000 WRITE"), "+OK");
        assert_eq!(b.ask("GET k"), "(nil)");
        b.send_line("SET k v");
        b.send_line("GET k");
        let mut c = server.client();
        assert_eq!(c.ask("GET k"), "(nil)");
        assert_eq!(a.ask("CLIENT UNPAUSE"), "+OK");
        assert_eq!(b.recv().render(), "+OK");
        assert_eq!(b.recv().render(), "v");
        let start = std::time::Instant::now();
        assert_eq!(a.ask("CLIENT PAUSE 60"), "+OK");
        assert_eq!(b.ask("GET k"), "v");
        assert!(start.elapsed().as_millis() >= 60);
    });
}

/// `maxclients`: one too many is told so and closed; after one has left there is room again.
#[test]
fn too_many_clients() {
    on_each(&["--maxclients", "5"], |server| {
        let mut clients: Vec<Client> = Vec::new();
        eventually("five fit", || {
            let mut client = server.client();
            match client.try_ask("PING") {
                Some(reply) if reply == "+PONG" => clients.push(client),
                _ => {}
            }
            clients.len() == 5
        });
        let mut extra = server.client();
        assert_eq!(extra.recv().render(), "-ERR max number of clients reached");
        extra.expect_closed();
        clients.pop();
        eventually("room again", || server.client().try_ask("PING").is_some_and(|reply| reply == "+PONG"));
        assert_eq!(clients[0].ask("PING"), "+PONG");
    });
}

/// `timeout` closes an idle connection, but none that is subscribed.
#[test]
fn idle_connections_are_closed() {
    on_each(&["--timeout", "1"], |server| {
        let (mut idle, mut subscriber) = (server.client(), server.client());
        idle.line("PING");
        subscriber.line("SUBSCRIBE c");
        idle.expect_closed();
        assert_eq!(server.client().ask("PING"), "+PONG");
        assert_eq!(server.client().ask("PUBLISH c hello"), ":1");
        assert_eq!(subscriber.recv().render(), "[message, c, hello]");
    });
}

/// Valkey 8: a client tells what it understands; unknown names are ignored.
#[test]
fn client_capa() {
    check_ours(
        "CLIENT CAPA is Valkey 8.0's",
        r#"
        CLIENT CAPA redirect       => +OK
        CLIENT CAPA redirect other => +OK
        CLIENT CAPA                => -ERR wrong number of arguments for 'client|capa' command
        "#,
    );
}
