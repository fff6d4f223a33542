//! The set commands: members, moves, picks by chance, scans, and the algebra of several sets.

use std::collections::BTreeSet;

use crate::support::{Client, check, check_ours, check_with, on_each, same_sequence_on_both};

#[test]
fn members_come_and_go() {
    check(
        r#"
        SADD s a => :1
        SADD s a b b c => :2
        TYPE s => +set
        SCARD s => :3
        SCARD none => :0
        SISMEMBER s a => :1
        SISMEMBER s x => :0
        SISMEMBER none a => :0
        SMISMEMBER s a x c a => [:1, :0, :1, :1]
        SMISMEMBER none a b => [:0, :0]
        SMEMBERS s => unordered [a, b, c]
        SMEMBERS none => []
        SREM s x => :0
        SREM s a a x => :1
        SREM none a => :0
        SMEMBERS s => unordered [b, c]
        SREM s b c d => :2
        EXISTS s => :0
        SADD s "" "a\x00\r\n\xff" 007 -0 +1 9223372036854775807 -9223372036854775808 9223372036854775808 ' 1' 1.0 => :10
        SMEMBERS s => unordered ['', 'a\x00\r\n\xff', 007, '-0', '+1', 9223372036854775807, '-9223372036854775808', 9223372036854775808, ' 1', 1.0]
        SMISMEMBER s "" "a\x00\r\n\xff" 007 7 -0 0 +1 1 9223372036854775807 -9223372036854775808 9223372036854775808 1.0 => [:1, :1, :1, :0, :1, :0, :1, :0, :1, :1, :1, :1]
        SREM s 7 0 1 007 => :1
        SCARD s => :9
        EXPIRE s 100 => :1
        SADD s more => :1
        TTL s => :99..100
        SADD => -ERR wrong number of arguments for 'sadd' command
        SADD s => -ERR wrong number of arguments for 'sadd' command
        SREM s => -ERR wrong number of arguments for 'srem' command
        SCARD => -ERR wrong number of arguments for 'scard' command
        SCARD s s => -ERR wrong number of arguments for 'scard' command
        SISMEMBER s => -ERR wrong number of arguments for 'sismember' command
        SISMEMBER s a b => -ERR wrong number of arguments for 'sismember' command
        SMISMEMBER s => -ERR wrong number of arguments for 'smismember' command
        SMEMBERS => -ERR wrong number of arguments for 'smembers' command
        SMEMBERS s s => -ERR wrong number of arguments for 'smembers' command
        SET str v => +OK
        SADD str a => -WRONGTYPE Operation against a key holding the wrong kind of value
        SREM str a => -WRONGTYPE Operation against a key holding the wrong kind of value
        SCARD str => -WRONGTYPE Operation against a key holding the wrong kind of value
        SISMEMBER str a => -WRONGTYPE Operation against a key holding the wrong kind of value
        SMISMEMBER str a b => -WRONGTYPE Operation against a key holding the wrong kind of value
        SMEMBERS str => -WRONGTYPE Operation against a key holding the wrong kind of value
        GET s => -WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn a_member_is_moved() {
    check(
        r#"
        SADD a 1 x => :2
        SADD b 2 => :1
        SMOVE a b 1 => :1
        SMOVE a b 1 => :0
        SMOVE none b 1 => :0
        SMOVE a none nothing => :0
        EXISTS none => :0
        SMEMBERS a => [x]
        SMEMBERS b => unordered [1, 2]
        SMOVE a a x => :1
        SMOVE a a y => :0
        SADD b x => :1
        SMOVE a b x => :1
        EXISTS a => :0
        SCARD b => :3
        SMOVE b new x => :1
        SMEMBERS new => [x]
        OBJECT ENCODING new => listpack
          7.0: hashtable -- listpacks of sets are from 7.2
        EXPIRE b 100 => :1
        SMOVE b new 1 => :1
        TTL b => :99..100
        TTL new => :-1
        # which of several errors comes first
        SET str v => +OK
        SMOVE none str x => :0
        SMOVE str none x => -WRONGTYPE Operation against a key holding the wrong kind of value
        SMOVE str str x => -WRONGTYPE Operation against a key holding the wrong kind of value
        SMOVE b str 2 => -WRONGTYPE Operation against a key holding the wrong kind of value
        SMOVE b str nothing => -WRONGTYPE Operation against a key holding the wrong kind of value
        SMOVE str b 2 => -WRONGTYPE Operation against a key holding the wrong kind of value
        SMEMBERS b => [2]
        SMOVE b => -ERR wrong number of arguments for 'smove' command
        SMOVE b new => -ERR wrong number of arguments for 'smove' command
        SMOVE b new 2 3 => -ERR wrong number of arguments for 'smove' command
        "#,
    );
}

#[test]
fn intersections() {
    check(
        r#"
        SADD a 1 2 3 4 5 => :5
        SADD b 4 5 6 => :3
        SADD c 5 x y => :3
        SINTER a => unordered [1, 2, 3, 4, 5]
        SINTER a b => unordered [4, 5]
        SINTER a b c => [5]
        SINTER c b a => [5]
        SINTER a a => unordered [1, 2, 3, 4, 5]
        SINTER a none b => []
        SINTER none => []
        SINTERSTORE d a b => :2
        SMEMBERS d => unordered [4, 5]
        OBJECT ENCODING d => intset
        SINTERSTORE d a b c => :1
        SMEMBERS d => [5]
        SINTERSTORE d a none => :0
        EXISTS d => :0
        SINTERSTORE d none => :0
        SINTERSTORE d none => :0
        # a destination of another type is replaced; one that is a source as well; its time to live goes
        SET d v EX 100 => +OK
        SINTERSTORE d a b => :2
        TTL d => :-1
        TYPE d => +set
        SET d v => +OK
        SINTERSTORE d none a => :0
        EXISTS d => :0
        SINTERSTORE a a b => :2
        SMEMBERS a => unordered [4, 5]
        SINTERCARD 1 a => :2
        SINTERCARD 2 a b => :2
        SINTERCARD 2 a none => :0
        SINTERCARD 3 a b b => :2
        SINTERCARD 2 a b LIMIT 0 => :2
        SINTERCARD 2 a b limit 1 => :1
        SINTERCARD 2 a b LIMIT 2 => :2
        SINTERCARD 2 a b LIMIT 9223372036854775807 => :2
        SINTERCARD 2 a b LIMIT 1 LIMIT 0 => :2
        SINTERCARD 2 a b LIMIT -1 => -ERR LIMIT can't be negative
        SINTERCARD 2 a b LIMIT x => -ERR LIMIT can't be negative
        SINTERCARD 2 a b LIMIT 9223372036854775808 => -ERR LIMIT can't be negative
        SINTERCARD 2 a b LIMIT => -ERR syntax error
        SINTERCARD 2 a b BOGUS 1 => -ERR syntax error
        SINTERCARD 2 a b LIMIT 1 x => -ERR syntax error
        SINTERCARD 1 a b => -ERR syntax error
        SINTERCARD 0 a => -ERR numkeys should be greater than 0
        SINTERCARD -1 a => -ERR numkeys should be greater than 0
        SINTERCARD x a => -ERR numkeys should be greater than 0
        SINTERCARD 9223372036854775807 a => -ERR Number of keys can't be greater than number of args
        SINTERCARD 9223372036854775808 a => -ERR numkeys should be greater than 0
        SINTERCARD 2 a => -ERR Number of keys can't be greater than number of args
        SINTERCARD 2 a LIMIT => :0
        SINTERCARD 2 a LIMIT 1 => -ERR syntax error
        SINTERCARD 1 => -ERR wrong number of arguments for 'sintercard' command
        # a wrong type is one wherever it stands, also behind a missing key
        SET str v => +OK
        SINTER str => -WRONGTYPE Operation against a key holding the wrong kind of value
        SINTER a str => -WRONGTYPE Operation against a key holding the wrong kind of value
        SINTER none str => -WRONGTYPE Operation against a key holding the wrong kind of value
        SINTER str none => -WRONGTYPE Operation against a key holding the wrong kind of value
        SINTERCARD 2 none str => -WRONGTYPE Operation against a key holding the wrong kind of value
        SINTERCARD 2 str a LIMIT -1 => -ERR LIMIT can't be negative
        SINTERSTORE d none str => -WRONGTYPE Operation against a key holding the wrong kind of value
        SINTERSTORE str none str => -WRONGTYPE Operation against a key holding the wrong kind of value
        SINTERSTORE d str none => -WRONGTYPE Operation against a key holding the wrong kind of value
        GET str => v
        SINTER => -ERR wrong number of arguments for 'sinter' command
        SINTERSTORE => -ERR wrong number of arguments for 'sinterstore' command
        SINTERSTORE d => -ERR wrong number of arguments for 'sinterstore' command
        "#,
    );
}

#[test]
fn unions_and_differences() {
    check(
        r#"
        SADD a 1 2 3 => :3
        SADD b 3 4 z => :3
        SADD c 1 4 => :2
        SUNION a => unordered [1, 2, 3]
        SUNION a b c => unordered [1, 2, 3, 4, z]
        SUNION none a a => unordered [1, 2, 3]
        SUNION none other => []
        SDIFF a => unordered [1, 2, 3]
        SDIFF a b => unordered [1, 2]
        SDIFF a b c => [2]
        SDIFF a none b => unordered [1, 2]
        SDIFF none a => []
        SDIFF a a => []
        SDIFF a b a => []
        SDIFF b a c => [z]
        SUNIONSTORE d a b => :5
        SMEMBERS d => unordered [1, 2, 3, 4, z]
        SUNIONSTORE d none => :0
        EXISTS d => :0
        SUNIONSTORE d none => :0
        SUNIONSTORE d c none => :2
        OBJECT ENCODING d => intset
        SUNIONSTORE d d a => :4
        SMEMBERS d => unordered [1, 2, 3, 4]
        SDIFFSTORE d d a => :1
        SMEMBERS d => [4]
        SDIFFSTORE d a d => :3
        SMEMBERS d => unordered [1, 2, 3]
        SDIFFSTORE d a a => :0
        EXISTS d => :0
        SDIFFSTORE d none a => :0
        SET d v EX 100 => +OK
        SDIFFSTORE d a b => :2
        TTL d => :-1
        SET d v => +OK
        SUNIONSTORE d none => :0
        EXISTS d => :0
        SET str v => +OK
        SUNION str => -WRONGTYPE Operation against a key holding the wrong kind of value
        SUNION a str => -WRONGTYPE Operation against a key holding the wrong kind of value
        SUNION none str => -WRONGTYPE Operation against a key holding the wrong kind of value
        SDIFF str a => -WRONGTYPE Operation against a key holding the wrong kind of value
        SDIFF a str => -WRONGTYPE Operation against a key holding the wrong kind of value
        SDIFF none str => -WRONGTYPE Operation against a key holding the wrong kind of value
        SDIFF a none str => -WRONGTYPE Operation against a key holding the wrong kind of value
        SUNIONSTORE d a str => -WRONGTYPE Operation against a key holding the wrong kind of value
        SDIFFSTORE d none str => -WRONGTYPE Operation against a key holding the wrong kind of value
        EXISTS d => :0
        SUNIONSTORE str a => :3
        SMEMBERS str => unordered [1, 2, 3]
        SUNION => -ERR wrong number of arguments for 'sunion' command
        SDIFF => -ERR wrong number of arguments for 'sdiff' command
        SUNIONSTORE d => -ERR wrong number of arguments for 'sunionstore' command
        SDIFFSTORE d => -ERR wrong number of arguments for 'sdiffstore' command
        "#,
    );
}

#[test]
fn random_members() {
    check(
        r#"
        SADD one x => :1
        SRANDMEMBER one => x
        SRANDMEMBER none => (nil)
        SRANDMEMBER one 1 => [x]
        SRANDMEMBER one 5 => [x]
        SRANDMEMBER one 0 => []
        SRANDMEMBER one -3 => [x, x, x]
        SRANDMEMBER one 9223372036854775807 => [x]
        SRANDMEMBER none 3 => []
        SRANDMEMBER none -3 => []
        SRANDMEMBER one -9223372036854775808 => -ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
        SRANDMEMBER none -9223372036854775808 => -ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
        SRANDMEMBER one 9223372036854775808 => -ERR value is not an integer or out of range
        SRANDMEMBER one x => -ERR value is not an integer or out of range
        SRANDMEMBER one 1.5 => -ERR value is not an integer or out of range
        SRANDMEMBER one 1 2 => -ERR syntax error
        SRANDMEMBER one x y => -ERR syntax error
        SRANDMEMBER one 0 y => -ERR syntax error
        SRANDMEMBER none x y => -ERR syntax error
        SADD s 1 2 3 4 5 => :5
        SRANDMEMBER s 5 => unordered [1, 2, 3, 4, 5]
        SRANDMEMBER s 100 => unordered [1, 2, 3, 4, 5]
        SCARD s => :5
        SPOP none => (nil)
        SPOP none 0 => []
        SPOP none 3 => []
        SPOP s 0 => []
        SPOP s -1 => -ERR value is out of range, must be positive
        SPOP s x => -ERR value is out of range, must be positive
        SPOP s 1.5 => -ERR value is out of range, must be positive
        SPOP s 9223372036854775808 => -ERR value is out of range, must be positive
        SPOP s 1 2 => -ERR syntax error
        SPOP s x y => -ERR syntax error
        SPOP s -1 y => -ERR syntax error
        SPOP none -1 => -ERR value is out of range, must be positive
        SPOP none x => -ERR value is out of range, must be positive
        SPOP s 9223372036854775807 => unordered [1, 2, 3, 4, 5]
        EXISTS s => :0
        SPOP one => x
        EXISTS one => :0
        SADD s a b c => :3
        SPOP s 3 => unordered [a, b, c]
        EXISTS s => :0
        SET str v => +OK
        SPOP str => -WRONGTYPE Operation against a key holding the wrong kind of value
        SPOP str 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        SPOP str 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        SPOP str -1 => -ERR value is out of range, must be positive
        SPOP str x => -ERR value is out of range, must be positive
        SRANDMEMBER str => -WRONGTYPE Operation against a key holding the wrong kind of value
        SRANDMEMBER str 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        SRANDMEMBER str x => -ERR value is not an integer or out of range
        SPOP => -ERR wrong number of arguments for 'spop' command
        SRANDMEMBER => -ERR wrong number of arguments for 'srandmember' command
        "#,
    );
}

#[test]
fn scans() {
    check(
        r#"
        SADD i 1 2 3 10 => :4
        SSCAN i 0 => [0, [1, 2, 3, 10]]
        SSCAN i 0 MATCH 1* => [0, [1, 10]]
        SSCAN i 0 match x* => [0, []]
        SSCAN i 0 MATCH * => [0, [1, 2, 3, 10]]
        SSCAN i 0 COUNT 1 => [0, [1, 2, 3, 10]]
        SSCAN i 0 COUNT 1000 MATCH ? => [0, [1, 2, 3]]
        SSCAN i 0 MATCH ? MATCH 1? => [0, [10]]
        SSCAN i 0 COUNT 0 => -ERR syntax error
        SSCAN i 0 COUNT -1 => -ERR syntax error
        SSCAN i 0 COUNT x => -ERR value is not an integer or out of range
        SSCAN i 0 COUNT 9223372036854775807 => [0, [1, 2, 3, 10]]
        SSCAN i 0 COUNT 9223372036854775808 => -ERR value is not an integer or out of range
        SSCAN i 0 COUNT => -ERR syntax error
        SSCAN i 0 MATCH => -ERR syntax error
        SSCAN i 0 COUNT x BOGUS => -ERR value is not an integer or out of range
        SSCAN i 0 BOGUS => -ERR syntax error
        SSCAN i 0 BOGUS 1 => -ERR syntax error
        SSCAN i 0 TYPE set => -ERR syntax error
        SSCAN i 0 NOVALUES => -ERR syntax error
        SSCAN i 5 => [0, [1, 2, 3, 10]]
        SSCAN i "" => [0, [1, 2, 3, 10]]
        SSCAN i x => -ERR invalid cursor
        SSCAN i -1 => [0, [1, 2, 3, 10]]
        SSCAN i 18446744073709551615 => [0, [1, 2, 3, 10]]
        SSCAN i 18446744073709551616 => -ERR invalid cursor
        SSCAN i 1.5 => -ERR invalid cursor
        SSCAN none 0 => [0, []]
        SSCAN none 0 COUNT x => [0, []]
        SSCAN none 0 BOGUS => [0, []]
        SSCAN none x => -ERR invalid cursor
        SADD s only => :1
        SSCAN s 0 => [0, [only]]
        SSCAN s 0 MATCH o*y => [0, [only]]
        SET str v => +OK
        SSCAN str 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        SSCAN str x => -ERR invalid cursor
        SSCAN str 0 COUNT x => -WRONGTYPE Operation against a key holding the wrong kind of value
        SSCAN i => -ERR wrong number of arguments for 'sscan' command
        SSCAN => -ERR wrong number of arguments for 'sscan' command
        "#,
    );
}

#[test]
fn replies_of_resp3() {
    check(
        r#"
        HELLO 3 => ~*
        SADD s a => :1
        SADD t a b => :2
        SMEMBERS s => set[a]
        SMEMBERS none => set[]
        SINTER s t => set[a]
        SINTER s none => set[]
        SUNION s none => set[a]
        SUNION none => set[]
        SDIFF s none => set[a]
        SDIFF s t => set[]
        SMISMEMBER s a b => [:1, :0]
        SISMEMBER s a => :1
        SINTERCARD 2 s t => :1
        SRANDMEMBER s => a
        SRANDMEMBER none => (null)
        SRANDMEMBER s 1 => [a]
        SRANDMEMBER s 5 => [a]
        SRANDMEMBER s -2 => [a, a]
        SRANDMEMBER s 0 => []
        SRANDMEMBER none 1 => []
        SSCAN s 0 => [0, [a]]
        SPOP none => (null)
        SPOP none 1 => set[]
        SPOP s 0 => set[]
        SPOP s 5 => set[a]
        SADD s a => :1
        SPOP s => a
        SPOP t 1 => ~*
        "#,
    );
}

#[test]
fn encodings() {
    check_with(
        &["--set-max-intset-entries", "4"],
        r#"
        SADD i 3 1 2 => :3
        OBJECT ENCODING i => intset
        SADD i 4 => :1
        OBJECT ENCODING i => intset
        SADD i 4 => :0
        OBJECT ENCODING i => intset
        CONFIG GET set-max-intset-entries => [set-max-intset-entries, 4]
        SREM i 1 => :1
        SADD i -9223372036854775808 => :1
        OBJECT ENCODING i => intset
        SMEMBERS i => unordered [2, 3, 4, '-9223372036854775808']
        SREM i -9223372036854775808 => :1
        SINTERSTORE j i i => :3
        OBJECT ENCODING j => intset
        SADD k 10 11 12 13 => :4
        SUNIONSTORE j i k => :7
        OBJECT ENCODING j => listpack
          7.0: hashtable -- listpacks of sets are from 7.2
        SCARD j => :7
        SDIFFSTORE j j i => :4
        SMEMBERS j => unordered [10, 11, 12, 13]
        CONFIG SET set-max-intset-entries 0 => +OK
        SADD new 1 => :1
        OBJECT ENCODING new => listpack
          7.0: hashtable -- listpacks of sets are from 7.2
        SADD k 10 => :0
        OBJECT ENCODING k => intset
        COPY k copy => :1
        OBJECT ENCODING copy => intset
        "#,
    );
    check_ours(
        "listpacks of sets are from Redis 7.2",
        r#"
        CONFIG GET set-max-listpack-* => unordered2 [set-max-listpack-entries, 128, set-max-listpack-value, 64]
        SADD s a b 1 => :3
        OBJECT ENCODING s => listpack
        SADD i 1 2 => :2
        SADD i x => :1
        OBJECT ENCODING i => listpack
        SREM i x => :1
        OBJECT ENCODING i => listpack
        CONFIG SET set-max-listpack-entries 4 => +OK
        SADD s c => :1
        OBJECT ENCODING s => listpack
        SADD s c => :0
        OBJECT ENCODING s => listpack
        SADD s d => :1
        OBJECT ENCODING s => hashtable
        SREM s d c b a => :4
        OBJECT ENCODING s => hashtable
        SMEMBERS s => [1]
        CONFIG SET set-max-listpack-value 3 => +OK
        SADD v abc => :1
        OBJECT ENCODING v => listpack
        SADD v abcd => :1
        OBJECT ENCODING v => hashtable
        SADD w abcd => :1
        OBJECT ENCODING w => hashtable
        CONFIG SET set-max-intset-entries 3 => +OK
        SADD j 1 2 3 => :3
        OBJECT ENCODING j => intset
        SADD j 4 => :1
        OBJECT ENCODING j => listpack
        SADD j 5 => :1
        OBJECT ENCODING j => hashtable
        SMEMBERS j => unordered [1, 2, 3, 4, 5]
        SADD k 1 2 3 => :3
        SADD k abcd => :1
        OBJECT ENCODING k => hashtable
        "#,
    );
}

/// Members of every length that a length prefix changes at, and sets that grow and shrink through every form.
#[test]
fn long_members_and_many() {
    same_sequence_on_both(&[], |server| {
        let mut client = server.client();
        let long = |first: u8, n: usize| (0..n).map(|i| first.wrapping_add((i % 251) as u8)).collect::<Vec<u8>>();
        let mut replies = Vec::new();
        let mut ask = |args: &[&[u8]]| replies.push(client.command(args).render());
        for n in [0, 1, 63, 64, 65, 127, 128, 254, 255, 256, 2047, 2048, 2049, 16_384, 70_000] {
            let (member, other) = (long(b'f', n), long(b'v', n));
            ask(&[b"SADD", b"s", &member]);
            ask(&[b"SADD", b"t", b"17", &other, &member]);
            ask(&[b"SISMEMBER", b"s", &member]);
            ask(&[b"SMISMEMBER", b"t", &other, &member, b"17"]);
            ask(&[b"SINTERCARD", b"2", b"s", b"t"]);
            ask(&[b"SMOVE", b"t", b"u", &other]);
            ask(&[b"SUNIONSTORE", b"all", b"s", b"t", b"u"]);
            ask(&[b"DEBUG", b"DIGEST-VALUE", b"s", b"t", b"u", b"all"]);
            ask(&[b"SREM", b"s", &other]);
        }
        for i in 0_i64..6_000 {
            let name = (i.wrapping_mul(2_654_435_761) << (i % 32)).to_string();
            ask(&[b"SADD", b"many", name.as_bytes()]);
            if i % 3 == 0 {
                let gone = ((i / 2).wrapping_mul(2_654_435_761) << (i / 2 % 32)).to_string();
                ask(&[b"SREM", b"many", gone.as_bytes()]);
            }
            if i % 500 == 0 {
                ask(&[b"SCARD", b"many"]);
                ask(&[b"DEBUG", b"DIGEST-VALUE", b"many"]);
            }
        }
        for command in [&b"SINTERSTORE"[..], b"SUNIONSTORE", b"SDIFFSTORE"] {
            ask(&[command, b"to", b"many", b"all"]);
            ask(&[b"DEBUG", b"DIGEST-VALUE", b"to"]);
            ask(&[command, b"all", b"all", b"many"]);
            ask(&[b"DEBUG", b"DIGEST-VALUE", b"all"]);
        }
        replies
    });
}

/// Picks are members, distinct where they must be, of every form; what is popped is gone.
#[test]
fn picks_are_members() {
    on_each(&[], |server| {
        let mut client = server.client();
        for (members, prefix) in [(100, ""), (100, "m"), (3000, ""), (3000, "m")] {
            let all: BTreeSet<String> = (0..members).map(|n| format!("{prefix}{n}")).collect();
            let fill = format!("SADD s {}", all.iter().cloned().collect::<Vec<_>>().join(" "));
            client.line(&fill);
            let picked = |client: &mut Client, line: &str| -> Vec<String> {
                client.line(line).items().iter().map(|v| v.text()).collect()
            };
            for count in [1, 2, 40, members / 2, members - 1, members, members + 1] {
                let some = picked(&mut client, &format!("SRANDMEMBER s {count}"));
                let distinct: BTreeSet<String> = some.iter().cloned().collect();
                assert_eq!((some.len(), distinct.len()), (count.min(members), count.min(members)), "{count}");
                assert!(distinct.is_subset(&all));
                let some = picked(&mut client, &format!("SRANDMEMBER s -{count}"));
                assert!(some.len() == count && some.iter().all(|member| all.contains(member)));
            }
            let mut left = all.clone();
            for count in [1, 2, 30, members / 3, members] {
                let gone = picked(&mut client, &format!("SPOP s {count}"));
                let expected = count.min(left.len());
                assert!(gone.iter().all(|member| left.remove(member)), "{count}");
                assert_eq!(gone.len(), expected);
                assert_eq!(client.line("SCARD s").int() as usize, left.len());
                let now: BTreeSet<String> = picked(&mut client, "SMEMBERS s").into_iter().collect();
                assert_eq!(now, left);
            }
            client.line(&fill);
            let mut left = all.clone();
            while !left.is_empty() {
                assert!(left.remove(&client.line("SPOP s").text()));
            }
            assert_eq!(client.ask("EXISTS s"), ":0");
        }
    });
}

/// Runs scans of `count` of a key that holds `lasting` members all the time, while others come and go between the
/// calls, and the set or hash grows and shrinks through all its forms.
fn scan_while_it_changes(client: &mut Client, hash: bool, lasting: usize, count: usize) {
    let (scan, add, remove) = if hash { ("HSCAN", "HSET", "HDEL") } else { ("SSCAN", "SADD", "SREM") };
    let value = |name: String| if hash { format!("{name} v") } else { name };
    client.line("DEL k");
    let names: Vec<String> = (0..lasting).map(|n| value(format!("lasting:{n}"))).collect();
    client.line(&format!("{add} k {}", names.join(" ")));
    let (mut cursor, mut seen, mut round) = ("0".to_owned(), BTreeSet::new(), 0);
    loop {
        let reply = client.line(&format!("{scan} k {cursor} COUNT {count}"));
        let items = reply.items()[1].items();
        seen.extend(items.iter().step_by(1 + usize::from(hash)).map(|v| v.text()));
        cursor = reply.items()[0].text();
        if cursor == "0" {
            break;
        }
        // Grows for some rounds, shrinks for some.
        let others: Vec<String> = (0..200).map(|n| format!("other:{}", round / 2 % 10 * 200 + n)).collect();
        if round / 8 % 2 == 0 {
            let others: Vec<String> = others.into_iter().map(value).collect();
            client.line(&format!("{add} k {}", others.join(" ")));
        } else {
            client.line(&format!("{remove} k {}", others.join(" ")));
        }
        round += 1;
        assert!(round < 100_000, "the scan does not come to an end");
    }
    let missed: Vec<usize> = (0..lasting).filter(|n| !seen.contains(&format!("lasting:{n}"))).collect();
    assert!(missed.is_empty(), "{scan} COUNT {count} of {lasting} missed {missed:?}");
}

/// Every element that is there from the start of a scan to its end is returned.
#[test]
fn a_scan_returns_what_lasts() {
    on_each(&[], |server| {
        let mut client = server.client();
        for hash in [false, true] {
            for (lasting, count) in [(20, 1), (130, 1), (600, 7), (3000, 50), (20_000, 400)] {
                scan_while_it_changes(&mut client, hash, lasting, count);
            }
        }
    });
}
