//! The hash commands: setting, reading, counting, picking, scanning; and the times to live of fields.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{Value, check, check_ours, check_with, eventually, on_each, on_ours, same_sequence_on_both};

#[test]
fn set_get_and_delete() {
    check(
        r#"
        HSET h f v => :1
        HSET h f w => :0
        HSET h f 1 g 2 h 3 g 4 => :2
        HGET h f => 1
        HGET h g => 4
        HGET h none => (nil)
        HGET none f => (nil)
        HMGET h f none g f => [1, (nil), 4, 1]
        HMGET none f g => [(nil), (nil)]
        HLEN h => :3
        HLEN none => :0
        HEXISTS h f => :1
        HEXISTS h none => :0
        HEXISTS none f => :0
        HSTRLEN h f => :1
        HSET h long "some text" number -12345678901 "" "" => :3
        HSTRLEN h long => :9
        HSTRLEN h number => :12
        HSTRLEN h "" => :0
        HSTRLEN h none => :0
        HSTRLEN none f => :0
        HGET h "" => ''
        HSETNX h f x => :0
        HGET h f => 1
        HSETNX h n x => :1
        HGET h n => x
        HSETNX made f v => :1
        TYPE made => +hash
        HMSET h m 1 n 2 => +OK
        HGET h n => 2
        HMSET made2 f v => +OK
        HDEL h m n none m => :2
        HDEL h none => :0
        HDEL none f => :0
        HDEL made f => :1
        EXISTS made => :0
        HDEL made2 f f f => :1
        EXISTS made2 => :0
        HSET b "\x00\r\n\xff" "\x00 bin" => :1
        HGET b "\x00\r\n\xff" => '\x00 bin'
        HGETALL b => ['\x00\r\n\xff', '\x00 bin']
        hset h CASE 1 => :1
        HGET h case => (nil)
        "#,
    );
}

#[test]
fn numbers_are_kept_as_they_are_written() {
    check(
        r#"
        HSET h 1 1 01 01 -0 -0 +1 +1 "1 " "1 " 9223372036854775807 9223372036854775807 => :6
        HSET h 9223372036854775808 9223372036854775808 -9223372036854775808 -9223372036854775808 1.0 1.0 => :3
        HMGET h 1 01 -0 +1 "1 " => [1, 01, '-0', '+1', '1 ']
        HMGET h 9223372036854775807 9223372036854775808 -9223372036854775808 1.0 => [9223372036854775807, 9223372036854775808, '-9223372036854775808', 1.0]
        HLEN h => :9
        HDEL h 1 => :1
        HEXISTS h 01 => :1
        HSTRLEN h -9223372036854775808 => :20
        "#,
    );
}

#[test]
fn errors() {
    check(
        r#"
        SET s v => +OK
        HSET s f v => -WRONGTYPE Operation against a key holding the wrong kind of value
        HSETNX s f v => -WRONGTYPE Operation against a key holding the wrong kind of value
        HMSET s f v => -WRONGTYPE Operation against a key holding the wrong kind of value
        HGET s f => -WRONGTYPE Operation against a key holding the wrong kind of value
        HMGET s f => -WRONGTYPE Operation against a key holding the wrong kind of value
        HGETALL s => -WRONGTYPE Operation against a key holding the wrong kind of value
        HKEYS s => -WRONGTYPE Operation against a key holding the wrong kind of value
        HVALS s => -WRONGTYPE Operation against a key holding the wrong kind of value
        HLEN s => -WRONGTYPE Operation against a key holding the wrong kind of value
        HSTRLEN s f => -WRONGTYPE Operation against a key holding the wrong kind of value
        HEXISTS s f => -WRONGTYPE Operation against a key holding the wrong kind of value
        HDEL s f => -WRONGTYPE Operation against a key holding the wrong kind of value
        HINCRBY s f 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        HINCRBYFLOAT s f 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        HRANDFIELD s => -WRONGTYPE Operation against a key holding the wrong kind of value
        HRANDFIELD s 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        HSCAN s 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        GET s => v
        HSET h f v => :1
        GET h => -WRONGTYPE Operation against a key holding the wrong kind of value
        APPEND h x => -WRONGTYPE Operation against a key holding the wrong kind of value
        HSET h => -ERR wrong number of arguments for 'hset' command
        HSET h f => -ERR wrong number of arguments for 'hset' command
        HSET h f v g => -ERR wrong number of arguments for 'hset' command
        HSET s f v g => -ERR wrong number of arguments for 'hset' command
        HMSET h f => -ERR wrong number of arguments for 'hmset' command
        HMSET h f v g => -ERR wrong number of arguments for 'hmset' command
        HSETNX h f => -ERR wrong number of arguments for 'hsetnx' command
        HSETNX h f v g => -ERR wrong number of arguments for 'hsetnx' command
        HGET h => -ERR wrong number of arguments for 'hget' command
        HGET h f g => -ERR wrong number of arguments for 'hget' command
        HMGET h => -ERR wrong number of arguments for 'hmget' command
        HGETALL => -ERR wrong number of arguments for 'hgetall' command
        HGETALL h f => -ERR wrong number of arguments for 'hgetall' command
        HDEL h => -ERR wrong number of arguments for 'hdel' command
        HLEN h f => -ERR wrong number of arguments for 'hlen' command
        HSTRLEN h => -ERR wrong number of arguments for 'hstrlen' command
        HEXISTS h => -ERR wrong number of arguments for 'hexists' command
        HINCRBY h f => -ERR wrong number of arguments for 'hincrby' command
        HINCRBYFLOAT h f => -ERR wrong number of arguments for 'hincrbyfloat' command
        HRANDFIELD => -ERR wrong number of arguments for 'hrandfield' command
        HSCAN h => -ERR wrong number of arguments for 'hscan' command
        HGETALL h => [f, v]
        "#,
    );
}

#[test]
fn everything_at_once() {
    check(
        r#"
        HGETALL none => []
        HKEYS none => []
        HVALS none => []
        HSET h b 2 a 1 c 3 => :3
        HGETALL h => [b, 2, a, 1, c, 3]
        HKEYS h => [b, a, c]
        HVALS h => [2, 1, 3]
        HSET h a 9 => :0
        HDEL h b => :1
        HSET h b 8 => :1
        HGETALL h => [a, 9, c, 3, b, 8]
        CONFIG SET hash-max-listpack-value 8 => +OK
        HSET h a 123456789 => :0
        OBJECT ENCODING h => hashtable
        HGETALL h => unordered2 [a, 123456789, b, 8, c, 3]
        HKEYS h => unordered [a, b, c]
        HVALS h => unordered [123456789, 8, 3]
        HELLO 3 => ~*
        HGETALL none => ~*
        HSET m f v => :1
        HGETALL m => {f: v}
        HKEYS m => [f]
        HVALS m => [v]
        HMGET m f g => [v, (null)]
        HGET m g => (null)
        "#,
    );
}

#[test]
fn counters() {
    check(
        r#"
        HINCRBY h f 5 => :5
        HINCRBY h f -7 => :-2
        HGET h f => '-2'
        HINCRBY h f 0 => :-2
        HSET h max 9223372036854775807 min -9223372036854775808 text abc float 1.5 space " 1" big 9223372036854775808 => :6
        HINCRBY h max 1 => -ERR increment or decrement would overflow
        HINCRBY h min -1 => -ERR increment or decrement would overflow
        HINCRBY h max -9223372036854775807 => :0
        HINCRBY h min 9223372036854775807 => :-1
        HINCRBY h text 1 => -ERR hash value is not an integer
        HINCRBY h float 1 => -ERR hash value is not an integer
        HINCRBY h space 1 => -ERR hash value is not an integer
        HINCRBY h big 1 => -ERR hash value is not an integer
        HINCRBY h f x => -ERR value is not an integer or out of range
        HINCRBY h f 1.5 => -ERR value is not an integer or out of range
        HINCRBY h f 9223372036854775808 => -ERR value is not an integer or out of range
        HINCRBY none f x => -ERR value is not an integer or out of range
        EXISTS none => :0
        HINCRBYFLOAT h f 0.5 => '-1.5'
        HINCRBYFLOAT h new 3.0e3 => 3000
        HINCRBYFLOAT h float 0.1 => 1.6
        HINCRBYFLOAT h float -1.6 => 0
        HINCRBYFLOAT h text 1 => -ERR hash value is not a float
        HINCRBYFLOAT h space 1 => -ERR hash value is not a float
        HINCRBYFLOAT h f x => -ERR value is not a valid float
        HINCRBYFLOAT h f "" => -ERR value is not a valid float
        HINCRBYFLOAT h f " 1" => -ERR value is not a valid float
        HINCRBYFLOAT h f nan => -ERR value is not a valid float
        HINCRBYFLOAT h f inf => -ERR value is NaN or Infinity
        HINCRBYFLOAT h f -inf => -ERR value is NaN or Infinity
        HINCRBYFLOAT h f 1e5000 => -ERR value is not a valid float
        HINCRBYFLOAT none f x => -ERR value is not a valid float
        HINCRBYFLOAT none f 0.1 => 0.1
        HINCRBYFLOAT none f 0.2 => 0.3
        HINCRBYFLOAT none huge 1e4932 => ~*
        HINCRBYFLOAT none huge 1e4932 => -ERR increment would produce NaN or Infinity
        "#,
    );
}

#[test]
fn random_fields() {
    check(
        r#"
        HRANDFIELD none => (nil)
        HRANDFIELD none 5 => []
        HRANDFIELD none -5 WITHVALUES => []
        HSET h f v => :1
        HRANDFIELD h => f
        HRANDFIELD h 0 => []
        HRANDFIELD h 0 WITHVALUES => []
        HRANDFIELD h 5 => [f]
        HRANDFIELD h -3 => [f, f, f]
        HRANDFIELD h 5 WITHVALUES => [f, v]
        HRANDFIELD h -2 withvalues => [f, v, f, v]
        HSET h g w i 3 => :2
        HRANDFIELD h 3 => unordered [f, g, i]
        HRANDFIELD h 9223372036854775807 => unordered [f, g, i]
        HRANDFIELD h 4611686018427387903 WITHVALUES => unordered2 [f, v, g, w, i, 3]
        HRANDFIELD h => oneof f | g | i
        HRANDFIELD h x => -ERR value is not an integer or out of range
        HRANDFIELD h 1.5 => -ERR value is not an integer or out of range
        HRANDFIELD h x foo => -ERR value is not an integer or out of range
        HRANDFIELD h 1 foo => -ERR syntax error
        HRANDFIELD h 1 WITHVALUES foo => -ERR syntax error
        HRANDFIELD h -9223372036854775808 => -ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
        HRANDFIELD h 9223372036854775808 => -ERR value is not an integer or out of range
        HRANDFIELD h 4611686018427387904 WITHVALUES => -ERR value is out of range
        HRANDFIELD h -4611686018427387904 WITHVALUES => -ERR value is out of range
        HRANDFIELD none -9223372036854775808 => -ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
        HELLO 3 => ~*
        HDEL h g i => :2
        HRANDFIELD h 2 WITHVALUES => [[f, v]]
        HRANDFIELD h -2 WITHVALUES => [[f, v], [f, v]]
        HRANDFIELD h -2 => [f, f]
        HRANDFIELD h 0 WITHVALUES => []
        HRANDFIELD none => (null)
        HRANDFIELD none 2 => []
        "#,
    );
}

/// Distinct picks are distinct, others are not, and all fields come up; packed and not.
#[test]
fn random_fields_of_large_hashes() {
    on_each(&[], |server| {
        let mut client = server.client();
        for fields in [100, 2000] {
            let pairs: String = (0..fields).map(|i| format!(" f{i} {i}")).collect();
            client.line(&format!("HSET h{fields}{pairs}"));
            for count in [1, 10, fields / 2, fields - 1, fields, fields * 2] {
                let picked = client.line(&format!("HRANDFIELD h{fields} {count}"));
                let distinct: BTreeSet<String> = picked.items().iter().map(Value::text).collect();
                assert_eq!(distinct.len(), count.min(fields), "{fields}, {count}");
                assert_eq!(distinct.len(), picked.items().len());
            }
            let picked = client.line(&format!("HRANDFIELD h{fields} -{} WITHVALUES", fields * 20));
            let pairs: Vec<Vec<String>> =
                picked.items().chunks(2).map(|pair| pair.iter().map(Value::text).collect()).collect();
            assert_eq!(pairs.len(), fields * 20);
            assert!(pairs.iter().all(|pair| pair[0] == format!("f{}", pair[1])));
            let seen: BTreeSet<&String> = pairs.iter().map(|pair| &pair[0]).collect();
            // The chance that a field is never among so many: 2000 * e^-20.
            assert_eq!(seen.len(), fields);
        }
    });
}

#[test]
fn scan_replies() {
    check(
        r#"
        HSCAN none 0 => [0, []]
        HSCAN none x => -ERR invalid cursor
        HSCAN none 0 COUNT x => [0, []]
        HSCAN none 0 foo => [0, []]
        HSET h a 1 b 2 ab 3 => :3
        HSCAN h 0 => [0, [a, 1, b, 2, ab, 3]]
        HSCAN h 0 MATCH a* => [0, [a, 1, ab, 3]]
        HSCAN h 0 MATCH * COUNT 1 => [0, [a, 1, b, 2, ab, 3]]
        HSCAN h 0 match a match b => [0, [b, 2]]
        HSCAN h 0 MATCH none => [0, []]
        HSCAN h 5 => [0, [a, 1, b, 2, ab, 3]]
        HSCAN h x => -ERR invalid cursor
        HSCAN h 18446744073709551616 => -ERR invalid cursor
        HSCAN h "" => [0, [a, 1, b, 2, ab, 3]]
        HSCAN h 0 COUNT 0 => -ERR syntax error
        HSCAN h 0 COUNT -1 => -ERR syntax error
        HSCAN h 0 COUNT x => -ERR value is not an integer or out of range
        HSCAN h 0 COUNT => -ERR syntax error
        HSCAN h 0 MATCH => -ERR syntax error
        HSCAN h 0 foo => -ERR syntax error
        HSCAN h 0 TYPE hash => -ERR syntax error
        SET s v => +OK
        HSCAN s x => -ERR invalid cursor
        HSCAN s 0 COUNT x => -WRONGTYPE Operation against a key holding the wrong kind of value
        HELLO 3 => ~*
        HSCAN h 0 MATCH b => [0, [b, 2]]
        "#,
    );
    check_ours(
        "NOVALUES is from Redis 7.4",
        r#"
        HSET h a 1 b 2 ab 3 => :3
        HSCAN h 0 NOVALUES => [0, [a, b, ab]]
        HSCAN h 0 COUNT 5 novalues MATCH a* => [0, [a, ab]]
        CONFIG SET hash-max-listpack-entries 1 => +OK
        HSET h c 4 => :1
        OBJECT ENCODING h => hashtable
        HSCAN h 0 NOVALUES MATCH c => [0, [c]]
        "#,
    );
}

/// What is there from the first call to the last is returned, whatever comes and goes; what never was, is not.
#[test]
fn a_scan_survives_growth_and_shrinkage() {
    on_each(&[], |server| {
        let mut client = server.client();
        let set = |client: &mut crate::support::Client, name: &str, n: usize| {
            let pairs: String = (0..n).map(|i| format!(" {name}{i} {i}")).collect();
            client.line(&format!("HSET h{pairs}"));
        };
        set(&mut client, "stays", 1000);
        set(&mut client, "goes", 1000);
        let (mut cursor, mut seen, mut calls) = ("0".to_owned(), BTreeMap::new(), 0);
        loop {
            let reply = client.line(&format!("HSCAN h {cursor} COUNT 37"));
            let [next, found] = reply.items() else { panic!("{reply}") };
            for pair in found.items().chunks(2) {
                assert!(pair[0].text().ends_with(&pair[1].text()));
                *seen.entry(pair[0].text()).or_insert(0) += 1;
            }
            cursor = next.text();
            calls += 1;
            match calls {
                10 => set(&mut client, "comes", 9000),
                30 => {
                    let gone: String = (0..1000).map(|i| format!(" goes{i}")).collect();
                    assert_eq!(client.line(&format!("HDEL h{gone}")).int(), 1000);
                }
                _ => {}
            }
            if cursor == "0" {
                break;
            }
        }
        assert!((0..1000).all(|i| seen.contains_key(&format!("stays{i}"))));
        assert!(calls > 30, "{calls}");
        assert!(seen.keys().all(|name| ["stays", "goes", "comes"].iter().any(|known| name.starts_with(known))));
    });
}

#[test]
fn encodings() {
    check(
        r#"
        HSET h f v => :1
        OBJECT ENCODING h => listpack
        TYPE h => +hash
        HSET h f 0123456789012345678901234567890123456789012345678901234567890123 => :0
        OBJECT ENCODING h => listpack
        HSET h f 01234567890123456789012345678901234567890123456789012345678901234 => :0
        OBJECT ENCODING h => hashtable
        HSET h f v => :0
        OBJECT ENCODING h => hashtable
        HSET k 01234567890123456789012345678901234567890123456789012345678901234 v => :1
        OBJECT ENCODING k => hashtable
        CONFIG SET hash-max-ziplist-entries 2 hash-max-ziplist-value 3 => +OK
        CONFIG GET hash-max-listpack-* => unordered2 [hash-max-listpack-entries, 2, hash-max-listpack-value, 3]
        HSET e a 1 b 2 => :2
        OBJECT ENCODING e => listpack
        HINCRBY e a 1000 => :1001
        OBJECT ENCODING e => hashtable
        HSETNX n a 1 => :1
        HSETNX n b 1 => :1
        OBJECT ENCODING n => listpack
        HSETNX n c 1 => :1
        OBJECT ENCODING n => hashtable
        HINCRBYFLOAT f a 1.5 => 1.5
        OBJECT ENCODING f => listpack
        HINCRBYFLOAT f a 10 => 11.5
        OBJECT ENCODING f => hashtable
        COPY n m => :1
        OBJECT ENCODING m => hashtable
        HGETALL m => unordered2 [a, 1, b, 1, c, 1]
        HSET m a 2 => :0
        HGET n a => 1
        RENAME m r => +OK
        HGET r a => 2
        SCAN 0 TYPE hash MATCH r COUNT 1000 => [0, [r]]
        SET r v => +OK
        HGET r a => -WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
    check_with(
        &["--hash-max-listpack-entries", "0"],
        r#"
        HSET h f v => :1
        OBJECT ENCODING h => hashtable
        "#,
    );
}

/// Long fields, long values and many fields; the same replies and the same digest on both servers.
#[test]
fn large_and_binary_fields() {
    same_sequence_on_both(&[], |server| {
        let mut client = server.client();
        let long = |letter: u8, n: usize| (0..n).map(|i| letter.wrapping_add((i % 251) as u8)).collect::<Vec<u8>>();
        let mut replies = Vec::new();
        let mut ask = |args: &[&[u8]]| {
            let reply = client.command(&args.iter().map(|arg| arg.to_vec()).collect::<Vec<_>>());
            replies.push(reply.render());
        };
        for n in [0, 1, 63, 64, 65, 127, 128, 254, 255, 256, 2047, 2048, 2049, 16_384, 70_000] {
            let (field, value) = (long(b'f', n), long(b'v', n));
            ask(&[b"HSET", b"h", &field, b"short"]);
            ask(&[b"HSET", b"h", b"short", &value]);
            ask(&[b"HGET", b"h", &field]);
            ask(&[b"HGET", b"h", b"short"]);
            ask(&[b"HSTRLEN", b"h", b"short"]);
            ask(&[b"HSET", b"own", &n.to_string().into_bytes(), &value]);
            ask(&[b"DEBUG", b"DIGEST-VALUE", b"h", b"own"]);
            ask(&[b"HMGET", b"own", b"64", b"2049", b"70000"]);
        }
        ask(&[b"COPY", b"own", b"copy"]);
        ask(&[b"HDEL", b"own", b"70000", b"2049", b"none"]);
        ask(&[b"HLEN", b"own"]);
        ask(&[b"HGET", b"copy", b"70000"]);
        for i in 0_u32..6_000 {
            let name = i.wrapping_mul(2_654_435_761).to_string();
            ask(&[b"HSET", b"many", name.as_bytes(), name.as_bytes()]);
            if i % 3 == 0 {
                ask(&[b"HDEL", b"many", (i / 2).wrapping_mul(2_654_435_761).to_string().as_bytes()]);
            }
        }
        ask(&[b"HLEN", b"many"]);
        ask(&[b"DEBUG", b"DIGEST"]);
        replies
    });
}

const NEWER: &str = "times to live of fields are from Redis 7.4 and 8.0";

#[test]
fn field_expiry_is_set_and_asked() {
    check_ours(
        NEWER,
        r#"
        HEXPIRE none 10 FIELDS 2 f g => [:-2, :-2]
        HTTL none FIELDS 2 f g => [:-2, :-2]
        HPTTL none FIELDS 1 f => [:-2]
        HEXPIRETIME none FIELDS 1 f => [:-2]
        HPEXPIRETIME none FIELDS 1 f => [:-2]
        HPERSIST none FIELDS 2 f g => [:-2, :-2]
        EXISTS none => :0
        HSET h f 1 g 2 i 3 => :3
        HTTL h FIELDS 2 f none => [:-1, :-2]
        HEXPIRE h 100 FIELDS 3 f none g => [:1, :-2, :1]
        HTTL h FIELDS 3 f i none => ~[:<99..100>, :-1, :-2]
        HPTTL h FIELDS 1 g => ~[:<99000..100000>]
        OBJECT ENCODING h => listpackex
        HGETALL h => unordered2 [f, 1, g, 2, i, 3]
        HPEXPIRE h 200500 fields 1 f => [:1]
        HTTL h FIELDS 1 f => ~[:<200..201>]
        HEXPIREAT h 33177117420 FIELDS 1 f => [:1]
        HEXPIRETIME h FIELDS 2 f i => [:33177117420, :-1]
        HPEXPIRETIME h FIELDS 2 f none => [:33177117420000, :-2]
        HPEXPIREAT h 33177117420123 FIELDS 1 f => [:1]
        HPEXPIRETIME h FIELDS 1 f => [:33177117420123]
        # seconds that have begun count
        HEXPIRETIME h FIELDS 1 f => [:33177117421]
        HPERSIST h FIELDS 3 f i none => [:1, :-1, :-2]
        HTTL h FIELDS 1 f => [:-1]
        HPERSIST h FIELDS 1 f => [:-1]
        # a field that is set anew lives for ever, one that is counted up keeps its time
        HEXPIRE h 100 FIELDS 3 f g i => [:1, :1, :1]
        HSET h f 5 => :0
        HINCRBY h g 1 => :3
        HINCRBYFLOAT h i 0.5 => 3.5
        HTTL h FIELDS 3 f g i => ~[:-1, :<99..100>, :<99..100>]
        HDEL h g => :1
        HSET h g 1 => :1
        HTTL h FIELDS 1 g => [:-1]
        # the same of the same field more than once
        HEXPIRE h 100 NX FIELDS 2 g g => [:1, :0]
        HPERSIST h FIELDS 2 g g => [:1, :-1]
        "#,
    );
}

#[test]
fn field_expiry_conditions() {
    check_ours(
        NEWER,
        r#"
        HSET h f 1 => :1
        HEXPIREAT h 33177117420 XX FIELDS 1 f => [:0]
        HEXPIREAT h 33177117420 GT FIELDS 1 f => [:0]
        HEXPIREAT h 33177117420 NX FIELDS 1 f => [:1]
        HEXPIREAT h 33177117421 NX FIELDS 1 f => [:0]
        HEXPIREAT h 33177117420 GT FIELDS 1 f => [:0]
        HEXPIREAT h 33177117420 LT FIELDS 1 f => [:0]
        HEXPIREAT h 33177117421 gt FIELDS 1 f => [:1]
        HEXPIREAT h 33177117420 LT FIELDS 1 f => [:1]
        HEXPIREAT h 33177117425 xx FIELDS 2 f none => [:1, :-2]
        HEXPIRETIME h FIELDS 1 f => [:33177117425]
        HPERSIST h FIELDS 1 f => [:1]
        HEXPIREAT h 33177117420 LT FIELDS 1 f => [:1]
        HEXPIREAT h 1 GT FIELDS 1 f => [:0]
        HEXPIREAT h 1 NX FIELDS 1 f => [:0]
        HGET h f => 1
        HEXPIREAT h 1 LT FIELDS 1 f => [:2]
        EXISTS h => :0
        HSET h f 1 g 2 i 3 j 4 k 5 => :5
        HEXPIRE h 0 FIELDS 2 f none => [:2, :-2]
        HPEXPIRE h 0 FIELDS 1 g => [:2]
        HEXPIREAT h 0 FIELDS 1 i => [:2]
        HPEXPIREAT h 1 FIELDS 2 j j => [:2, :-2]
        HGETALL h => [k, 5]
        HPEXPIREAT h 1 FIELDS 1 k => [:2]
        EXISTS h => :0
        "#,
    );
}

#[test]
fn field_expiry_errors() {
    check_ours(
        NEWER,
        r#"
        SET s v => +OK
        HSET h f 1 => :1
        HEXPIRE s 10 FIELDS 1 f => -WRONGTYPE Operation against a key holding the wrong kind of value
        HPERSIST s FIELDS 1 f => -WRONGTYPE Operation against a key holding the wrong kind of value
        HTTL s FIELDS 1 f => -WRONGTYPE Operation against a key holding the wrong kind of value
        HPEXPIRETIME s FIELDS 1 f => -WRONGTYPE Operation against a key holding the wrong kind of value
        HGETEX s FIELDS 1 f => -WRONGTYPE Operation against a key holding the wrong kind of value
        HSETEX s FIELDS 1 f v => -WRONGTYPE Operation against a key holding the wrong kind of value
        HGETDEL s FIELDS 1 f => -WRONGTYPE Operation against a key holding the wrong kind of value
        HEXPIRE h 10 FIELDS 1 => -ERR wrong number of arguments for 'hexpire' command
        HTTL h FIELDS 1 => -ERR wrong number of arguments for 'httl' command
        HGETDEL h FIELDS 1 => -ERR wrong number of arguments for 'hgetdel' command
        HEXPIRE h x FIELDS 1 f => -ERR value is not an integer or out of range
        HEXPIRE h 1.5 FIELDS 1 f => -ERR value is not an integer or out of range
        HEXPIRE h -1 FIELDS 1 f => -ERR invalid expire time, must be >= 0
        HPEXPIREAT h -1 FIELDS 1 f => -ERR invalid expire time, must be >= 0
        HEXPIRE h 9223372036854775807 FIELDS 1 f => -ERR invalid expire time in 'hexpire' command
        HEXPIREAT h 9223372036854775 FIELDS 1 f => [:1]
        HEXPIREAT h 9223372036854776 FIELDS 1 f => -ERR invalid expire time in 'hexpireat' command
        HPEXPIRE h 9223372036854775807 FIELDS 1 f => -ERR invalid expire time in 'hpexpire' command
        HPEXPIREAT h 9223372036854775807 FIELDS 1 f => [:1]
        HPEXPIRETIME h FIELDS 1 f => [:9223372036854775807]
        HPERSIST h FIELDS 1 f => [:1]
        HEXPIRE h 10 FIELD 1 f => -ERR Mandatory argument FIELDS is missing or not at the right position
        HEXPIRE h 10 NX XX FIELDS 1 f => -ERR Mandatory argument FIELDS is missing or not at the right position
        HEXPIRE h 10 1 f g => -ERR Mandatory argument FIELDS is missing or not at the right position
        HEXPIRE h 10 FIELDS 0 f => -ERR Parameter `numFields` should be greater than 0
        HEXPIRE h 10 FIELDS -1 f => -ERR Parameter `numFields` should be greater than 0
        HEXPIRE h 10 FIELDS x f => -ERR Parameter `numFields` should be greater than 0
        HEXPIRE h 10 FIELDS 2 f => -ERR The `numfields` parameter must match the number of arguments
        HEXPIRE h 10 FIELDS 1 f g => -ERR The `numfields` parameter must match the number of arguments
        HEXPIRE h 10 FIELDS 9223372036854775807 f => -ERR The `numfields` parameter must match the number of arguments
        HTTL h FIELD 1 f => -ERR Mandatory argument FIELDS is missing or not at the right position
        HTTL h FIELDS 0 f => -ERR Number of fields must be a positive integer
        HTTL h FIELDS 2 f => -ERR The `numfields` parameter must match the number of arguments
        HPERSIST h FIELDS x f => -ERR Number of fields must be a positive integer
        HPERSIST h FIELDS 1 f g => -ERR The `numfields` parameter must match the number of arguments
        HGETDEL h FIELDS 0 f => -ERR Number of fields must be a positive integer
        HGETDEL h FIELDS 2 f => -ERR The `numfields` parameter must match the number of arguments
        HGETDEL h NX 2 f => -ERR Mandatory argument FIELDS is missing or not at the right position
        HGETEX h EX 10 PX 10 FIELDS 1 f => -ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified
        HGETEX h EX 10 PERSIST FIELDS 1 f => -ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified
        HGETEX h KEEPTTL FIELDS 1 f => -ERR unknown argument: KEEPTTL
        HGETEX h EX 10 FIELD 1 f => -ERR unknown argument: FIELD
        HGETEX h EX x FIELDS 1 f => -ERR value is not an integer or out of range
        HGETEX h EX -1 FIELDS 1 f => -ERR invalid expire time, must be >= 0
        HGETEX h EX 9223372036854775807 FIELDS 1 f => -ERR invalid expire time in 'hgetex' command
        HGETEX h FIELDS 0 f => -ERR invalid number of fields
        HGETEX h FIELDS 2 f => -ERR wrong number of arguments
        HGETEX h EX 10 EX 10 => -ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified
        HGETEX h PERSIST EXAT => -ERR wrong number of arguments for 'hgetex' command
        HSETEX h EX 60 KEEPTTL FIELDS 1 f v => -ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified
        HSETEX h FNX FXX FIELDS 1 f v => -ERR Only one of FXX or FNX arguments can be specified
        HSETEX h PERSIST FIELDS 1 f v => -ERR unknown argument: PERSIST
        HSETEX h FIELDS 1 f v g => -ERR wrong number of arguments
        HSETEX h FIELDS 2 f v g => -ERR wrong number of arguments
        HSETEX h FIELDS 9223372036854775807 f v => -ERR wrong number of arguments
        HSETEX h FIELDS 0 f v => -ERR invalid number of fields
        HSETEX h PXAT -1 FIELDS 1 f v => -ERR invalid expire time, must be >= 0
        HSETEX h PX 9223372036854775807 FIELDS 1 f v => -ERR invalid expire time in 'hsetex' command
        HSETEX h FXX KEEPTTL FNX a b => -ERR Only one of FXX or FNX arguments can be specified
        HGETALL h => [f, 1]
        HTTL h FIELDS 1 f => [:-1]
        "#,
    );
}

#[test]
fn getting_and_setting_with_expiry() {
    check_ours(
        NEWER,
        r#"
        HGETEX none EX 10 FIELDS 2 f g => [(nil), (nil)]
        HGETDEL none FIELDS 2 f g => [(nil), (nil)]
        HSETEX none FXX FIELDS 1 f v => :0
        EXISTS none => :0
        HSETEX h EX 100 FIELDS 2 f 1 g 2 => :1
        HTTL h FIELDS 2 f g => ~[:<99..100>, :<99..100>]
        HGETEX h FIELDS 3 f none g => [1, (nil), 2]
        HTTL h FIELDS 1 f => ~[:<99..100>]
        HGETEX h PERSIST FIELDS 2 f none => [1, (nil)]
        HTTL h FIELDS 2 f g => ~[:-1, :<99..100>]
        HGETEX h PX 200000 FIELDS 1 f => [1]
        HPTTL h FIELDS 1 f => ~[:<199000..200000>]
        HGETEX h EXAT 33177117420 FIELDS 1 f => [1]
        HEXPIRETIME h FIELDS 1 f => [:33177117420]
        HGETEX h PXAT 33177117420123 FIELDS 1 f => [1]
        HPEXPIRETIME h FIELDS 1 f => [:33177117420123]
        HSETEX h KEEPTTL FIELDS 2 f 5 i 6 => :1
        HPEXPIRETIME h FIELDS 2 f i => [:33177117420123, :-1]
        HSETEX h FIELDS 1 f 7 => :1
        HTTL h FIELDS 1 f => [:-1]
        HGET h f => 7
        HSETEX h FNX FIELDS 2 new 1 f 2 => :0
        HEXISTS h new => :0
        HSETEX h FXX FIELDS 2 new 1 f 2 => :0
        HSETEX h FXX PXAT 33177117420123 FIELDS 2 f 8 g 9 => :1
        HMGET h f g => [8, 9]
        HPEXPIRETIME h FIELDS 2 f g => [:33177117420123, :33177117420123]
        HSETEX h EX 100 FNX FIELDS 1 new 1 => :1
        HSETEX h fields 2 new 1 new 2 => :1
        HGET h new => 2
        # a time that has come deletes at once
        HGETEX h EX 0 FIELDS 2 new none => [2, (nil)]
        HEXISTS h new => :0
        HSETEX h PXAT 1 FIELDS 2 f 1 new 1 => :1
        HMGET h f new => [(nil), (nil)]
        HGETEX h EXAT 1 FIELDS 2 g i => [9, 6]
        EXISTS h => :0
        HSETEX h EX 0 FIELDS 1 f v => :1
        EXISTS h => :0
        HSET h f 1 g 2 i 3 => :3
        HGETDEL h FIELDS 3 f none f => [1, (nil), 1]
        HLEN h => :2
        HGETDEL h FIELDS 2 g i => [2, 3]
        EXISTS h => :0
        HELLO 3 => ~*
        HSET h f 1 => :1
        HGETEX h FIELDS 2 f none => [1, (null)]
        HGETDEL h FIELDS 1 f => [1]
        "#,
    );
}

/// A hash keeps its fields' times through COPY, RENAME, MOVE and the change of its form.
#[test]
fn field_expiry_follows_the_hash() {
    check_ours(
        NEWER,
        r#"
        HSETEX h PXAT 33177117420123 FIELDS 1 f 1 => :1
        OBJECT ENCODING h => listpackex
        HSET h g 2 => :1
        COPY h c => :1
        HPEXPIRETIME c FIELDS 2 f g => [:33177117420123, :-1]
        RENAME c r => +OK
        HPEXPIRETIME r FIELDS 2 f g => [:33177117420123, :-1]
        MOVE r 1 => :1
        SELECT 1 => +OK
        HPEXPIRETIME r FIELDS 2 f g => [:33177117420123, :-1]
        SELECT 0 => +OK
        CONFIG SET hash-max-listpack-entries 2 => +OK
        HSET h i 3 => :1
        OBJECT ENCODING h => hashtable
        HPEXPIRETIME h FIELDS 3 f g i => [:33177117420123, :-1, :-1]
        HPEXPIREAT h 33177117420456 FIELDS 1 i => [:1]
        HPERSIST h FIELDS 3 f g i => [:1, :-1, :1]
        HPERSIST h FIELDS 3 f g i => [:-1, :-1, :-1]
        SCAN 0 TYPE hash COUNT 1000 => [0, [h]]
        "#,
    );
}

/// Nobody asks for the fields: the search for expired ones finds them, and the hash goes with its last one.
#[test]
fn fields_expire_by_themselves() {
    on_ours(&[], |server| {
        let mut client = server.client();
        let names: String = (0..1000).map(|i| format!(" f{i} {i}")).collect();
        let before = server.info("stats", "expired_subkeys");
        assert_eq!(client.line(&format!("HSETEX large PX 20 FIELDS 1000{names}")).int(), 1);
        client.line("HSETEX small PX 20 FIELDS 2 a 1 b 2");
        client.line("HSET small c 3");
        client.line("HSETEX later EX 1000 FIELDS 1 f v");
        eventually("the fields are gone", || client.line("DBSIZE").int() == 2);
        eventually("all are counted", || server.info("stats", "expired_subkeys") == "1002");
        assert_eq!(before, "0");
        assert_eq!(client.ask("HGETALL small"), "[c, 3]");
        assert_eq!(client.ask("HLEN later"), ":1");
    });
}

/// WATCH notices what happens to a field, its expiry included.
#[test]
fn a_watched_hash() {
    check(
        r#"
        HSET h f 1 => :1
        WATCH h => +OK
        @b HSET h f 2 => :0
        MULTI => +OK
        HGET h f => +QUEUED
        EXEC => (nil-array)
        WATCH h => +OK
        @b HDEL h none => :0
        MULTI => +OK
        HINCRBY h f 1 => +QUEUED
        HINCRBY h f x => +QUEUED
        HDEL h f => +QUEUED
        EXEC => [:3, -ERR value is not an integer or out of range, :1]
        EXISTS h => :0
        "#,
    );
    check_ours(
        NEWER,
        r#"
        DEBUG SET-ACTIVE-EXPIRE 0 => +OK
        HSETEX h PX 30 FIELDS 1 f 1 => :1
        WATCH h => +OK
        @b HGET h f ~> (nil)
        @b HDEL h f => :0
        MULTI => +OK
        PING => +QUEUED
        EXEC => (nil-array)
        EXISTS h => :0
        "#,
    );
}
