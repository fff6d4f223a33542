//! The commands on keys of any type: existence, types, names, copies, databases, expiry, OBJECT, KEYS, SCAN, flushing.

use std::collections::BTreeSet;

use crate::support::{Client, check, check_with, encode_line, on_each};

#[test]
fn del_unlink_exists_type_touch() {
    check(
        r#"
        DEL k => :0
        SET k v => +OK
        RPUSH l a => :1
        HSET h f v => :1
        SADD s m => :1
        ZADD z 1 m => :1
        XADD x 1-1 f v => 1-1
        TYPE k => +string
        TYPE l => +list
        TYPE h => +hash
        TYPE s => +set
        TYPE z => +zset
        TYPE x => +stream
        TYPE missing => +none
        EXISTS k l h => :3
        EXISTS k k k missing => :3
        TOUCH k l missing k => :3
        TOUCH missing => :0
        DEL k missing l k => :2
        UNLINK h s missing h => :2
        UNLINK z => :1
        EXISTS z => :0
        DEL => -ERR wrong number of arguments for 'del' command
        UNLINK => -ERR wrong number of arguments for 'unlink' command
        EXISTS => -ERR wrong number of arguments for 'exists' command
        TYPE => -ERR wrong number of arguments for 'type' command
        TOUCH => -ERR wrong number of arguments for 'touch' command
        TYPE a b => -ERR wrong number of arguments for 'type' command
        SET "\x00\xff" v => +OK
        EXISTS "\x00\xff" => :1
        DEL "\x00\xff" => :1
        "#,
    );
}

#[test]
fn rename_renamenx() {
    check(
        r#"
        RENAME missing k => -ERR no such key
        RENAMENX missing k => -ERR no such key
        SETEX a 100 v => +OK
        RENAME a b => +OK
        EXISTS a => :0
        GET b => v
        TTL b => :99..100
        SET c w => +OK
        RENAME c b => +OK
        TTL b => :-1
        GET b => w
        SETEX d 100 x => +OK
        SET e y => +OK
        RENAME e d => +OK
        TTL d => :-1
        RENAME d d => +OK
        GET d => y
        RENAMENX d d => :0
        RENAMENX d b => :0
        RENAMENX d f => :1
        EXISTS d f => :1
        RPUSH l a => :1
        RENAME l f => +OK
        TYPE f => +list
        RENAME missing missing => -ERR no such key
        RENAMENX missing missing => -ERR no such key
        RENAME a => -ERR wrong number of arguments for 'rename' command
        RENAMENX a => -ERR wrong number of arguments for 'renamenx' command
        RENAME a b c => -ERR wrong number of arguments for 'rename' command
        "#,
    );
}

#[test]
fn copy() {
    check(
        r#"
        COPY missing k => :0
        SETEX a 100 v => +OK
        COPY a b => :1
        GET b => v
        TTL b => :99..100
        COPY a b => :0
        SET a w => +OK
        COPY a b => :0
        GET b => v
        COPY a b REPLACE => :1
        GET b => w
        TTL b => :-1
        COPY a a => -ERR source and destination objects are the same
        COPY a a REPLACE => -ERR source and destination objects are the same
        COPY a a DB 0 => -ERR source and destination objects are the same
        COPY a a DB 1 => :1
        SELECT 1 => +OK
        GET a => w
        SELECT 0 => +OK
        COPY a a DB 1 => :0
        COPY a c DB 1 REPLACE => :1
        COPY a c REPLACE DB 1 => :1
        COPY a c replace db 2 => :1
        COPY a c DB 16 => -ERR DB index is out of range
        COPY a c DB -1 => -ERR DB index is out of range
        COPY a c DB x => -ERR value is not an integer or out of range
        COPY a c DB => -ERR syntax error
        COPY a c bogus => -ERR syntax error
        COPY a c REPLACE REPLACE => :1
        COPY missing missing => -ERR source and destination objects are the same
        COPY missing missing2 DB 1 => :0
        RPUSH l a b => :2
        COPY l l2 => :1
        RPUSH l2 c => :3
        LRANGE l 0 -1 => [a, b]
        LRANGE l2 0 -1 => [a, b, c]
        HSET h f v => :1
        COPY h h2 => :1
        HSET h2 f w => :0
        HGETALL h => [f, v]
        SADD s 1 2 3 => :3
        COPY s s2 => :1
        SADD s2 x => :1
        SCARD s => :3
        ZADD z 1 a 2 b => :2
        COPY z z2 => :1
        ZREM z2 a => :1
        ZRANGE z 0 -1 WITHSCORES => [a, 1, b, 2]
        XADD x 1-1 f v => 1-1
        XGROUP CREATE x g 0 => +OK
        COPY x x2 => :1
        XADD x2 2-1 f v => 2-1
        XLEN x => :1
        XINFO GROUPS x2 => [[name, g, consumers, :0, pending, :0, last-delivered-id, 0-0, entries-read, (nil), lag, :2]]
        COPY l a => :0
        COPY l a REPLACE => :1
        TYPE a => +list
        COPY a => -ERR wrong number of arguments for 'copy' command
        "#,
    );
}

#[test]
fn select_move_swapdb() {
    check(
        r#"
        SELECT 16 => -ERR DB index is out of range
        SELECT -1 => -ERR DB index is out of range
        SELECT x => -ERR value is not an integer or out of range
        SELECT 1.0 => -ERR value is not an integer or out of range
        SELECT 9223372036854775808 => -ERR value is not an integer or out of range
        SELECT => -ERR wrong number of arguments for 'select' command
        SELECT 0 1 => -ERR wrong number of arguments for 'select' command
        SET k zero => +OK
        SELECT 1 => +OK
        GET k => (nil)
        SET k one => +OK
        SELECT 0 => +OK
        GET k => zero
        MOVE k 1 => :0
        MOVE missing 1 => :0
        MOVE k 0 => -ERR source and destination objects are the same
        MOVE k 16 => -ERR DB index is out of range
        MOVE k -1 => -ERR DB index is out of range
        MOVE k x => -ERR value is not an integer or out of range
        MOVE k => -ERR wrong number of arguments for 'move' command
        SETEX t 100 v => +OK
        MOVE t 2 => :1
        EXISTS t => :0
        SELECT 2 => +OK
        TTL t => :99..100
        SELECT 0 => +OK
        SWAPDB 0 1 => +OK
        GET k => one
        SELECT 1 => +OK
        GET k => zero
        SWAPDB 0 0 => +OK
        SWAPDB 0 16 => -ERR DB index is out of range
        SWAPDB -1 0 => -ERR DB index is out of range
        SWAPDB x 0 => -ERR invalid first DB index
        SWAPDB 0 x => -ERR invalid second DB index
        SWAPDB 0 => -ERR wrong number of arguments for 'swapdb' command
        SWAPDB 0 1 2 => -ERR wrong number of arguments for 'swapdb' command
        SWAPDB 3 4 => +OK
        SELECT 15 => +OK
        DBSIZE => :0
        "#,
    );
    check_with(&["--databases", "2"], "SELECT 1 => +OK\nSELECT 2 => -ERR DB index is out of range\n");
}

#[test]
fn expire_family() {
    check(
        r#"
        EXPIRE missing 10 => :0
        SET k v => +OK
        TTL k => :-1
        PTTL k => :-1
        EXPIRETIME k => :-1
        PEXPIRETIME k => :-1
        TTL missing => :-2
        PTTL missing => :-2
        EXPIRETIME missing => :-2
        PEXPIRETIME missing => :-2
        EXPIRE k 100 => :1
        TTL k => :99..100
        PTTL k => :99000..100000
        PEXPIRE k 200000 => :1
        TTL k => :199..200
        EXPIREAT k 33177117420 => :1
        EXPIRETIME k => :33177117420
        PEXPIREAT k 33177117420123 => :1
        PEXPIRETIME k => :33177117420123
        EXPIRETIME k => :33177117420
        PERSIST k => :1
        PERSIST k => :0
        PERSIST missing => :0
        TTL k => :-1
        EXPIRE k 0 => :1
        EXISTS k => :0
        SET k v => +OK
        EXPIRE k -1 => :1
        EXISTS k => :0
        SET k v => +OK
        PEXPIRE k -1000 => :1
        EXISTS k => :0
        SET k v => +OK
        EXPIREAT k 1 => :1
        EXISTS k => :0
        SET k v => +OK
        PEXPIREAT k 0 => :1
        EXISTS k => :0
        SET k v => +OK
        PEXPIREAT k -5 => :1
        EXISTS k => :0
        SET k v => +OK
        EXPIRE k x => -ERR value is not an integer or out of range
        EXPIRE k 1.5 => -ERR value is not an integer or out of range
        EXPIRE k "" => -ERR value is not an integer or out of range
        PEXPIRE k x => -ERR value is not an integer or out of range
        EXPIREAT k x => -ERR value is not an integer or out of range
        PEXPIREAT k x => -ERR value is not an integer or out of range
        EXPIRE k 9223372036854775807 => -ERR invalid expire time in 'expire' command
        EXPIRE k 9223372036854775 => -ERR invalid expire time in 'expire' command
        EXPIRE k -9223372036854775808 => -ERR invalid expire time in 'expire' command
        PEXPIRE k 9223372036854775807 => -ERR invalid expire time in 'pexpire' command
        PEXPIRE k -9223372036854775808 => :1
        EXISTS k => :0
        SET k v => +OK
        EXPIREAT k 9223372036854775807 => -ERR invalid expire time in 'expireat' command
        PEXPIREAT k 9223372036854775807 => :1
        PEXPIRETIME k => :9223372036854775807
        EXPIRE k 9223372036854775808 => -ERR value is not an integer or out of range
        EXPIRE missing 9223372036854775807 => -ERR invalid expire time in 'expire' command
        EXPIRE missing x => -ERR value is not an integer or out of range
        SET p v => +OK
        PEXPIRE p 1 => :1
        EXISTS p ~> :0
        EXPIRE k => -ERR wrong number of arguments for 'expire' command
        PEXPIRE => -ERR wrong number of arguments for 'pexpire' command
        EXPIREAT k => -ERR wrong number of arguments for 'expireat' command
        PEXPIREAT k => -ERR wrong number of arguments for 'pexpireat' command
        TTL => -ERR wrong number of arguments for 'ttl' command
        PTTL => -ERR wrong number of arguments for 'pttl' command
        EXPIRETIME => -ERR wrong number of arguments for 'expiretime' command
        PEXPIRETIME => -ERR wrong number of arguments for 'pexpiretime' command
        PERSIST => -ERR wrong number of arguments for 'persist' command
        RPUSH l a => :1
        EXPIRE l 100 => :1
        TTL l => :99..100
        RPUSH l b => :2
        TTL l => :99..100
        "#,
    );
}

#[test]
fn expire_conditions() {
    check(
        r#"
        SET k v => +OK
        EXPIRE k 100 XX => :0
        EXPIRE k 100 GT => :0
        TTL k => :-1
        EXPIRE k 100 LT => :1
        TTL k => :99..100
        EXPIRE k 200 NX => :0
        EXPIRE k 200 XX => :1
        TTL k => :199..200
        EXPIRE k 100 GT => :0
        EXPIRE k 300 GT => :1
        TTL k => :299..300
        EXPIRE k 400 LT => :0
        EXPIRE k 100 LT => :1
        TTL k => :99..100
        PERSIST k => :1
        EXPIRE k 100 NX => :1
        EXPIRE k 200 XX GT => :1
        EXPIRE k 100 xx lt => :1
        PEXPIRE k 1000000 gt => :1
        EXPIREAT k 33177117420 GT => :1
        EXPIREAT k 33177117420 GT => :0
        EXPIREAT k 33177117420 LT => :0
        PEXPIREAT k 33177117420000 NX => :0
        PEXPIREAT k 33177117420001 GT => :1
        PEXPIREAT k 33177117420000 LT => :1
        EXPIRE k 100 NX XX => -ERR NX and XX, GT or LT options at the same time are not compatible
        EXPIRE k 100 NX GT => -ERR NX and XX, GT or LT options at the same time are not compatible
        EXPIRE k 100 NX LT => -ERR NX and XX, GT or LT options at the same time are not compatible
        EXPIRE k 100 GT LT => -ERR GT and LT options at the same time are not compatible
        EXPIRE k 100 GT NX => -ERR NX and XX, GT or LT options at the same time are not compatible
        EXPIRE k 100 bogus => -ERR Unsupported option bogus
        EXPIRE k 100 GT bogus => -ERR Unsupported option bogus
        EXPIRE k 100 NX NX => :0
        EXPIRE missing 100 NX => :0
        EXPIRE missing 100 bogus => -ERR Unsupported option bogus
        EXPIRE missing 100 NX XX => -ERR NX and XX, GT or LT options at the same time are not compatible
        EXPIRE k x bogus => -ERR Unsupported option bogus
        PERSIST k => :1
        EXPIRE k -1 GT => :0
        EXISTS k => :1
        EXPIRE k -1 NX => :1
        EXISTS k => :0
        SET k v EX 100 => +OK
        EXPIRE k -1 LT => :1
        EXISTS k => :0
        "#,
    );
}

#[test]
fn object() {
    check(
        r#"
        OBJECT ENCODING missing => (nil)
        OBJECT REFCOUNT missing => (nil)
        OBJECT IDLETIME missing => (nil)
        OBJECT FREQ missing => (nil)
        SET k v => +OK
        OBJECT REFCOUNT k => :1
        OBJECT IDLETIME k => :0..2
        OBJECT FREQ k => -ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.
        OBJECT ENCODING k => embstr
        object encoding k => embstr
        SET n 1000000 => +OK
        OBJECT REFCOUNT n => :1
        RPUSH l a => :1
        OBJECT ENCODING l => listpack
          7.0: quicklist -- small lists are a single listpack from 7.2
        HSET h f v => :1
        OBJECT ENCODING h => listpack
        HSET h2 f 01234567890123456789012345678901234567890123456789012345678901234 => :1
        OBJECT ENCODING h2 => hashtable
        SADD s 1 2 3 => :3
        OBJECT ENCODING s => intset
        SADD s a => :1
        OBJECT ENCODING s => listpack
          7.0: hashtable -- small sets of strings are listpacks from 7.2
        SADD s3 a b => :2
        OBJECT ENCODING s3 => listpack
          7.0: hashtable -- small sets of strings are listpacks from 7.2
        ZADD z 1 a => :1
        OBJECT ENCODING z => listpack
        ZADD z2 1 01234567890123456789012345678901234567890123456789012345678901234 => :1
        OBJECT ENCODING z2 => skiplist
        XADD x 1-1 f v => 1-1
        OBJECT ENCODING x => stream
        OBJECT HELP => ~[+OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:, *]
        OBJECT HELP x => -ERR wrong number of arguments for 'object|help' command
        OBJECT => -ERR wrong number of arguments for 'object' command
        OBJECT ENCODING => -ERR wrong number of arguments for 'object|encoding' command
        OBJECT ENCODING k x => -ERR wrong number of arguments for 'object|encoding' command
        OBJECT BOGUS k => -ERR unknown subcommand 'BOGUS'. Try OBJECT HELP.
        OBJECT BOGUS => -ERR unknown subcommand 'BOGUS'. Try OBJECT HELP.
        CONFIG SET maxmemory-policy allkeys-lfu => +OK
        SET f v => +OK
        OBJECT FREQ f => :1..10
        OBJECT IDLETIME f => -ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.
        "#,
    );
}

/// Encodings change at Redis's thresholds, and these are settable.
#[test]
fn object_encoding_thresholds() {
    check(
        r#"
        CONFIG SET hash-max-listpack-entries 2 zset-max-listpack-entries 2 => +OK
        HSET h a 1 b 2 => :2
        OBJECT ENCODING h => listpack
        HSET h c 3 => :1
        OBJECT ENCODING h => hashtable
        HDEL h c => :1
        OBJECT ENCODING h => hashtable
        ZADD z 1 a 2 b => :2
        OBJECT ENCODING z => listpack
        ZADD z 3 c => :1
        OBJECT ENCODING z => skiplist
        CONFIG SET hash-max-listpack-value 4 => +OK
        HSET v f 1234 => :1
        OBJECT ENCODING v => listpack
        HSET v f 12345 => :0
        OBJECT ENCODING v => hashtable
        CONFIG SET list-max-listpack-size 2 => +OK
        RPUSH l a b => :2
        OBJECT ENCODING l => listpack
          7.0: quicklist -- small lists are a single listpack from 7.2
        RPUSH l c => :3
        OBJECT ENCODING l => quicklist
        LPOP l 2 => [a, b]
        OBJECT ENCODING l => listpack
          7.0: quicklist -- a quicklist shrinks to a listpack from 7.2
        "#,
    );
}

/// An intset, a packed hash and a packed sorted set hold exactly as many elements as the directive says.
#[test]
fn encodings_change_just_above_the_limit() {
    on_each(&[], |server| {
        let mut client = server.client();
        for (directive, add, packed, large) in [
            ("set-max-intset-entries", "SADD k", "intset", "hashtable"),
            ("hash-max-listpack-entries", "HSET k", "listpack", "hashtable"),
            ("zset-max-listpack-entries", "ZADD k", "listpack", "skiplist"),
        ] {
            let limit = client.line(&format!("CONFIG GET {directive}")).items()[1].text();
            let limit: usize = limit.parse().unwrap();
            let element = |i| {
                if add == "SADD k" { format!(" {i}") } else { format!(" {i} {i}") }
            };
            client.line(&format!("{add}{}", (0..limit).map(element).collect::<String>()));
            assert_eq!(client.ask("OBJECT ENCODING k"), packed, "{directive}: {limit} elements");
            client.line(&format!("{add}{}", element(limit)));
            assert_eq!(client.ask("OBJECT ENCODING k"), large, "{directive}: {limit} elements and one");
            client.line("DEL k");
        }
    });
}

#[test]
fn keys() {
    check(
        r#"
        KEYS * => []
        MSET one 1 two 2 three 3 hello 4 hallo 5 hllo 6 heello 7 "a*b" 8 "a[b" 9 "" 10 => +OK
        KEYS *o* => unordered [one, two, hello, hallo, hllo, heello]
        KEYS t?? => unordered [two]
        KEYS h?llo => unordered [hello, hallo]
        KEYS h*llo => unordered [hello, hallo, hllo, heello]
        KEYS h[ae]llo => unordered [hello, hallo]
        KEYS h[^e]llo => unordered [hallo]
        KEYS h[a-b]llo => unordered [hallo]
        KEYS h[b-a]llo => unordered [hallo]
        KEYS "a\\*b" => [a*b]
        KEYS "a\\[b" => ['a[b']
        KEYS "a[[]b" => ['a[b']
        KEYS a[*]b => [a*b]
        KEYS one => [one]
        KEYS "" => ['']
        KEYS ONE => []
        KEYS h[ae => []
        KEYS h[^ => []
        KEYS "one\\" => []
        KEYS [ => []
        KEYS a[]b => []
        KEYS h[e-]llo => []
        KEYS "h[\\e]llo" => [hello]
        KEYS "\x00" => []
        KEYS => -ERR wrong number of arguments for 'keys' command
        KEYS a b => -ERR wrong number of arguments for 'keys' command
        SETEX t 100 v => +OK
        PEXPIRE t 1 => :1
        EXISTS t ~> :0
        KEYS t* => unordered [three, two]
        "#,
    );
}

#[test]
fn dbsize_randomkey_flush() {
    check(
        r#"
        DBSIZE => :0
        RANDOMKEY => (nil)
        SET k v => +OK
        RANDOMKEY => k
        DBSIZE => :1
        SELECT 1 => +OK
        SET a 1 => +OK
        FLUSHDB => +OK
        DBSIZE => :0
        SELECT 0 => +OK
        DBSIZE => :1
        FLUSHDB ASYNC => +OK
        DBSIZE => :0
        SET k v => +OK
        FLUSHDB SYNC => +OK
        DBSIZE => :0
        SET k v => +OK
        FLUSHALL async => +OK
        DBSIZE => :0
        SET k v => +OK
        FLUSHALL sync => +OK
        DBSIZE => :0
        FLUSHALL => +OK
        FLUSHALL bogus => -ERR syntax error
        FLUSHDB bogus => -ERR syntax error
        FLUSHALL SYNC ASYNC => -ERR syntax error
        FLUSHDB SYNC SYNC => -ERR syntax error
        DBSIZE x => -ERR wrong number of arguments for 'dbsize' command
        RANDOMKEY x => -ERR wrong number of arguments for 'randomkey' command
        "#,
    );
}

#[test]
fn scan_replies() {
    check(
        r#"
        SCAN 0 => [0, []]
        SET k v => +OK
        SCAN 0 => [0, [k]]
        SCAN 0 MATCH x* => [0, []]
        SCAN 0 MATCH k COUNT 10 TYPE string => [0, [k]]
        SCAN 0 TYPE list => [0, []]
        SCAN 0 TYPE STRING => [0, [k]]
        SCAN 0 TYPE bogus => [0, []]
        SCAN 0 COUNT 0 => -ERR syntax error
        SCAN 0 COUNT -1 => -ERR syntax error
        SCAN 0 COUNT x => -ERR value is not an integer or out of range
        SCAN 0 COUNT => -ERR syntax error
        SCAN 0 MATCH => -ERR syntax error
        SCAN 0 bogus => -ERR syntax error
        SCAN 0 COUNT 9223372036854775807 => [0, [k]]
        SCAN x => -ERR invalid cursor
        SCAN "" => [0, [k]]
        SCAN -1 => ~[*]
        SCAN 1.5 => -ERR invalid cursor
        SCAN 18446744073709551615 => ~[*]
        SCAN 18446744073709551616 => -ERR invalid cursor
        SCAN 0 COUNT 1 COUNT 5 => [0, [k]]
        SCAN => -ERR wrong number of arguments for 'scan' command
        SELECT 1 => +OK
        SCAN 0 => [0, []]
        SET gone v PX 1 => +OK
        EXISTS gone ~> :0
        SCAN 0 => [0, []]
        "#,
    );
}

fn scan_all(client: &mut Client, options: &str, mut each: impl FnMut(&mut Client)) -> Vec<String> {
    let mut cursor = "0".to_owned();
    let mut found = Vec::new();
    loop {
        let reply = client.line(&format!("SCAN {cursor} {options}"));
        cursor = reply.items()[0].text();
        found.extend(reply.items()[1].items().iter().map(|key| key.text()));
        if cursor == "0" {
            return found;
        }
        each(client);
    }
}

/// SCAN's guarantee: a key that is there from the start to the end is returned, also when the table grows and shrinks.
#[test]
fn scan_returns_every_lasting_key() {
    on_each(&[], |server| {
        let mut client = server.client();
        let fill: Vec<u8> = (0..2000).flat_map(|i| encode_line(&format!("SET lasting:{i} v"))).collect();
        client.pipeline(&fill, 2000);
        let lasting: BTreeSet<String> = (0..2000).map(|i| format!("lasting:{i}")).collect();

        let found: BTreeSet<String> = scan_all(&mut client, "COUNT 7", |_| {}).into_iter().collect();
        assert_eq!(found, lasting);

        // Growth while scanning.
        let mut round = 0;
        let found = scan_all(&mut client, "COUNT 50", |client| {
            let more: Vec<u8> = (0..300).flat_map(|i| encode_line(&format!("SET new:{round}:{i} v"))).collect();
            round += 1;
            if round < 40 {
                client.pipeline(&more, 300);
            }
        });
        let found: BTreeSet<String> = found.into_iter().collect();
        assert!(found.is_superset(&lasting));

        // Shrinking while scanning.
        let mut round = 0;
        let found = scan_all(&mut client, "COUNT 50 MATCH lasting:*", |client| {
            let less: Vec<u8> = (0..300).flat_map(|i| encode_line(&format!("DEL new:{round}:{i}"))).collect();
            round += 1;
            if round < 40 {
                client.pipeline(&less, 300);
            }
        });
        let found: BTreeSet<String> = found.into_iter().collect();
        assert_eq!(found, lasting);
    });
}

/// Without any change in between no key comes twice, whatever COUNT is, and TYPE filters.
#[test]
fn scan_of_a_quiet_database_has_no_duplicates() {
    on_each(&[], |server| {
        let mut client = server.client();
        let fill: Vec<u8> = (0..500)
            .flat_map(|i| encode_line(&if i % 5 == 0 { format!("RPUSH k{i} v") } else { format!("SET k{i} v") }))
            .collect();
        client.pipeline(&fill, 500);
        for count in [1, 3, 10, 499, 500, 100_000] {
            let mut found = scan_all(&mut client, &format!("COUNT {count}"), |_| {});
            found.sort();
            found.dedup();
            assert_eq!(found.len(), 500, "COUNT {count}");
            let found = scan_all(&mut client, &format!("TYPE list COUNT {count}"), |_| {});
            assert_eq!(found.len(), 100, "TYPE list COUNT {count}");
            let found = scan_all(&mut client, &format!("TYPE string COUNT {count}"), |_| {});
            assert_eq!(found.len(), 400, "TYPE string COUNT {count}");
        }
    });
}

/// RANDOMKEY reaches every key and never returns an expired one.
#[test]
fn randomkey_reaches_every_key() {
    on_each(&[], |server| {
        let mut client = server.client();
        client.line("MSET a 1 b 2 c 3 d 4");
        client.line("SET gone v PX 1");
        crate::support::eventually("gone is gone", || client.ask("EXISTS gone") == ":0");
        let mut seen = BTreeSet::new();
        for _ in 0..500 {
            seen.insert(client.ask("RANDOMKEY"));
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    });
}

/// Keys expire without being touched: DBSIZE falls by the active cycle alone, and INFO counts them.
#[test]
fn untouched_keys_expire() {
    on_each(&[], |server| {
        let mut client = server.client();
        let fill: Vec<u8> = (0..500).flat_map(|i| encode_line(&format!("SET k{i} v PX 50"))).collect();
        client.pipeline(&fill, 500);
        crate::support::eventually("an empty database", || client.ask("DBSIZE") == ":0");
        assert_eq!(server.info("stats", "expired_keys"), "500");
    });
}
