//! The string commands: SET and its options, GET and its kin, counters, ranges, several keys at once, LCS.

use crate::support::{Client, check, check_ours, on_each, same_sequence_on_both};

#[test]
fn set_and_get() {
    check(
        r#"
        GET k => (nil)
        SET k v => +OK
        GET k => v
        SET k "" => +OK
        GET k => ''
        SET k "a\x00\r\n\xff b" => +OK
        GET k => 'a\x00\r\n\xff b'
        SET "\x00 key" 1 => +OK
        GET "\x00 key" => 1
        SET "" empty => +OK
        GET "" => empty
        RPUSH l a => :1
        GET l => -WRONGTYPE Operation against a key holding the wrong kind of value
        SET l v => +OK
        TYPE l => +string
        set k lower => +OK
        sEt k mixed => +OK
        GET k => mixed
        GET => -ERR wrong number of arguments for 'get' command
        GET a b => -ERR wrong number of arguments for 'get' command
        SET => -ERR wrong number of arguments for 'set' command
        SET k => -ERR wrong number of arguments for 'set' command
        SET k v bogus => -ERR syntax error
        SET k v NX XX => -ERR syntax error
        SET k v XX NX => -ERR syntax error
        SET k v EX => -ERR syntax error
        SET k v EX 10 PX 10 => -ERR syntax error
        SET k v EX 10 KEEPTTL => -ERR syntax error
        SET k v KEEPTTL EX 10 => -ERR syntax error
        SET k v EXAT 10 PX 10 => -ERR syntax error
        SET k v PXAT 10 EXAT 10 => -ERR syntax error
        SET k v PERSIST => -ERR syntax error
        SET k v NX NX => (nil)
        SET n1 v NX NX => +OK
        SET n1 w XX XX GET GET => v
        SET k v EX 10 EX 10 => +OK
        SET k v GET XX => v
        "#,
    );
}

#[test]
fn set_nx_xx_get() {
    check(
        r#"
        SET k v XX => (nil)
        EXISTS k => :0
        SET k v NX => +OK
        SET k w NX => (nil)
        GET k => v
        SET k x XX => +OK
        GET k => x
        SET k y GET => x
        SET k z NX GET => y
        GET k => y
        SET k z XX GET => y
        GET k => z
        SET new 1 GET => (nil)
        GET new => 1
        SET new2 1 NX GET => (nil)
        GET new2 => 1
        SET new3 1 XX GET => (nil)
        EXISTS new3 => :0
        SET k w nx => (nil)
        SET k w xx get => z
        RPUSH l a => :1
        SET l v GET => -WRONGTYPE Operation against a key holding the wrong kind of value
        TYPE l => +list
        SET l v NX => (nil)
        SET l v XX GET => -WRONGTYPE Operation against a key holding the wrong kind of value
        SET l v NX GET => -WRONGTYPE Operation against a key holding the wrong kind of value
        TYPE l => +list
        SET l v XX => +OK
        TYPE l => +string
        "#,
    );
}

#[test]
fn set_expiry_options() {
    check(
        r#"
        SET k v EX 100 => +OK
        TTL k => :99..100
        SET k v KEEPTTL => +OK
        TTL k => :99..100
        SET k v => +OK
        TTL k => :-1
        SET k v PX 100000 => +OK
        PTTL k => :99000..100000
        SET k v XX KEEPTTL GET => v
        PTTL k => :99000..100000
        SET k v EXAT 33177117420 => +OK
        EXPIRETIME k => :33177117420
        PEXPIRETIME k => :33177117420000
        SET k v PXAT 33177117420123 => +OK
        PEXPIRETIME k => :33177117420123
        EXPIRETIME k => :33177117420
        SET k v EXAT 1 => +OK
        EXISTS k => :0
        SET k v PXAT 1 => +OK
        EXISTS k => :0
        SET k v EXAT 1 GET => (nil)
        SET k v => +OK
        SET k w EXAT 1 GET => v
        GET k => (nil)
        SET gone v PXAT 1 NX => +OK
        SET gone v EX 10 NX => +OK
        SET gone v EX 10 NX => (nil)
        TTL gone => :9..10
        SET k v EX 0 => -ERR invalid expire time in 'set' command
        SET k v EX -1 => -ERR invalid expire time in 'set' command
        SET k v PX 0 => -ERR invalid expire time in 'set' command
        SET k v PX -1 => -ERR invalid expire time in 'set' command
        SET k v EXAT 0 => -ERR invalid expire time in 'set' command
        SET k v PXAT -1 => -ERR invalid expire time in 'set' command
        SET k v EX x => -ERR value is not an integer or out of range
        SET k v EX 1.5 => -ERR value is not an integer or out of range
        SET k v EX "" => -ERR value is not an integer or out of range
        SET k v EX " 1" => -ERR value is not an integer or out of range
        SET k v EX 9223372036854775807 => -ERR invalid expire time in 'set' command
        SET k v EX 9223372036854775 => -ERR invalid expire time in 'set' command
        SET k v EX 9223372036854775808 => -ERR value is not an integer or out of range
        SET k v PX 9223372036854775807 => -ERR invalid expire time in 'set' command
        SET k v EXAT 9223372036854775807 => -ERR invalid expire time in 'set' command
        SET k v PXAT 9223372036854775807 => +OK
        PEXPIRETIME k => :9223372036854775807
        SET k v ex 100 => +OK
        SET short v PX 1 => +OK
        EXISTS short ~> :0
        GET short => (nil)
        "#,
    );
}

#[test]
fn setex_psetex_setnx_getset_getdel() {
    check(
        r#"
        SETEX k 100 v => +OK
        TTL k => :99..100
        SETEX k 0 v => -ERR invalid expire time in 'setex' command
        SETEX k -1 v => -ERR invalid expire time in 'setex' command
        SETEX k x v => -ERR value is not an integer or out of range
        SETEX k 9223372036854775807 v => -ERR invalid expire time in 'setex' command
        SETEX k 100 => -ERR wrong number of arguments for 'setex' command
        PSETEX k 100000 v => +OK
        PTTL k => :99000..100000
        PSETEX k 0 v => -ERR invalid expire time in 'psetex' command
        PSETEX k -5 v => -ERR invalid expire time in 'psetex' command
        PSETEX k x v => -ERR value is not an integer or out of range
        PSETEX k 9223372036854775807 v => -ERR invalid expire time in 'psetex' command
        PSETEX k => -ERR wrong number of arguments for 'psetex' command
        RPUSH l a => :1
        SETEX l 100 v => +OK
        TYPE l => +string
        DEL l => :1
        RPUSH l a => :1
        SETNX l v => :0
        SETNX k v => :0
        SETNX n v => :1
        SETNX n => -ERR wrong number of arguments for 'setnx' command
        GETSET k w => v
        TTL k => :-1
        GETSET missing v => (nil)
        GETSET l v => -WRONGTYPE Operation against a key holding the wrong kind of value
        GETSET k => -ERR wrong number of arguments for 'getset' command
        GETDEL k => w
        GETDEL k => (nil)
        GETDEL l => -WRONGTYPE Operation against a key holding the wrong kind of value
        EXISTS k l => :1
        GETDEL => -ERR wrong number of arguments for 'getdel' command
        "#,
    );
}

#[test]
fn getex() {
    check(
        r#"
        GETEX k => (nil)
        GETEX k EX 10 => (nil)
        SET k v => +OK
        GETEX k => v
        TTL k => :-1
        GETEX k EX 100 => v
        TTL k => :99..100
        GETEX k => v
        TTL k => :99..100
        GETEX k PERSIST => v
        TTL k => :-1
        GETEX k PX 100000 => v
        PTTL k => :99000..100000
        GETEX k EXAT 33177117420 => v
        EXPIRETIME k => :33177117420
        GETEX k PXAT 33177117420123 => v
        PEXPIRETIME k => :33177117420123
        GETEX k persist => v
        GETEX k EX 0 => -ERR invalid expire time in 'getex' command
        GETEX k EX -1 => -ERR invalid expire time in 'getex' command
        GETEX k EX x => -ERR value is not an integer or out of range
        GETEX k PX 0 => -ERR invalid expire time in 'getex' command
        GETEX k EXAT 0 => -ERR invalid expire time in 'getex' command
        GETEX k PXAT -1 => -ERR invalid expire time in 'getex' command
        GETEX k EX 9223372036854775807 => -ERR invalid expire time in 'getex' command
        GETEX missing EX 0 => (nil)
        GETEX missing EX x => (nil)
        GETEX k EX => -ERR syntax error
        GETEX k NX => -ERR syntax error
        GETEX k KEEPTTL => -ERR syntax error
        GETEX k EX 10 PX 10 => -ERR syntax error
        GETEX k EX 10 PERSIST => -ERR syntax error
        GETEX k PERSIST EX 10 => -ERR syntax error
        GETEX k PERSIST PERSIST => v
        GETEX k bogus => -ERR syntax error
        RPUSH l a => :1
        GETEX l => -WRONGTYPE Operation against a key holding the wrong kind of value
        GETEX l EX 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        GETEX k EXAT 1 => v
        EXISTS k => :0
        SET k v => +OK
        GETEX k PXAT 1 => v
        EXISTS k => :0
        GETEX => -ERR wrong number of arguments for 'getex' command
        "#,
    );
}

#[test]
fn counters() {
    check(
        r#"
        INCR n => :1
        INCR n => :2
        INCRBY n 10 => :12
        DECR n => :11
        DECRBY n 20 => :-9
        GET n => '-9'
        INCRBY n -5 => :-14
        DECRBY n -5 => :-9
        SET n 9223372036854775807 => +OK
        INCR n => -ERR increment or decrement would overflow
        INCRBY n 1 => -ERR increment or decrement would overflow
        DECRBY n -1 => -ERR increment or decrement would overflow
        INCRBY n -9223372036854775808 => :-1
        SET n -9223372036854775808 => +OK
        DECR n => -ERR increment or decrement would overflow
        DECRBY n 1 => -ERR increment or decrement would overflow
        INCRBY n -1 => -ERR increment or decrement would overflow
        DECRBY n -9223372036854775808 => -ERR decrement would overflow
        DECRBY n 9223372036854775807 => -ERR increment or decrement would overflow
        SET n " 1" => +OK
        INCR n => -ERR value is not an integer or out of range
        SET n "1 " => +OK
        INCR n => -ERR value is not an integer or out of range
        SET n 1.0 => +OK
        INCR n => -ERR value is not an integer or out of range
        SET n 01 => +OK
        INCR n => -ERR value is not an integer or out of range
        SET n +1 => +OK
        INCR n => -ERR value is not an integer or out of range
        SET n -0 => +OK
        INCR n => -ERR value is not an integer or out of range
        SET n "" => +OK
        INCR n => -ERR value is not an integer or out of range
        SET n abc => +OK
        INCR n => -ERR value is not an integer or out of range
        SET n 9223372036854775808 => +OK
        INCR n => -ERR value is not an integer or out of range
        SET n 1 => +OK
        INCRBY n x => -ERR value is not an integer or out of range
        INCRBY n 1.5 => -ERR value is not an integer or out of range
        INCRBY n "" => -ERR value is not an integer or out of range
        INCRBY n 9223372036854775808 => -ERR value is not an integer or out of range
        DECRBY n x => -ERR value is not an integer or out of range
        DECRBY n -9223372036854775808 => -ERR decrement would overflow
        RPUSH l a => :1
        INCR l => -WRONGTYPE Operation against a key holding the wrong kind of value
        INCRBY l x => -ERR value is not an integer or out of range
        DECRBY l 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        INCRBYFLOAT l 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        INCR => -ERR wrong number of arguments for 'incr' command
        INCRBY n => -ERR wrong number of arguments for 'incrby' command
        DECR n 1 => -ERR wrong number of arguments for 'decr' command
        DECRBY n => -ERR wrong number of arguments for 'decrby' command
        SETEX t 100 5 => +OK
        INCR t => :6
        TTL t => :99..100
        OBJECT ENCODING t => int
        "#,
    );
}

#[test]
fn incrbyfloat() {
    check(
        r#"
        INCRBYFLOAT f 1.5 => 1.5
        INCRBYFLOAT f 1.5 => 3
        INCRBYFLOAT f 0.1 => 3.1
        INCRBYFLOAT f -3.1 => 0
        SET f 10.50 => +OK
        INCRBYFLOAT f 0.1 => 10.6
        SET f 5.0e3 => +OK
        INCRBYFLOAT f 2.0e2 => 5200
        INCRBYFLOAT f 1e17 => 100000000000005200
        SET f 3.0e10 => +OK
        INCRBYFLOAT f 0.00000000000000001 => 30000000000
        SET f 0 => +OK
        INCRBYFLOAT f 0.1 => 0.1
        INCRBYFLOAT f 0.2 => 0.3
        INCRBYFLOAT f 1e-17 => 0.30000000000000001
        INCRBYFLOAT f 1e-18 => 0.30000000000000001
        SET f 1 => +OK
        INCRBYFLOAT f 0.30000000000000004 => 1.30000000000000004
        SET f 17179869184 => +OK
        INCRBYFLOAT f 1.5 => 17179869185.5
        SET f 1e300 => +OK
        INCRBYFLOAT f 1 => 1000000000000000000008997324079559193870523944273290747938260082321265646596180935755849152083750497190350372508614274835903592556184672983913096260520748646287327135641843653294084255107606016789726652932370030551382947620994540294772781889620606179267611627097410650567187386105690089424915104006144
        SET f 1.7976931348623157e308 => +OK
        INCRBYFLOAT f 1.7976931348623157e308 => 359538626972463139991842093548208868096772893888658356970628841530353257046248792709403737216774171128857586838851041378617416726902272110715794556052955234146997955372576789671236326588091188869859074894581254961338834769297758245552436667197907705664206565009503223382416235440319971852753604933726679072768
        SET f 9223372036854775807 => +OK
        INCRBYFLOAT f 1 => 9223372036854775808
        SET f 123456789012345678 => +OK
        INCRBYFLOAT f 0.5 => 123456789012345678.5
        SET f 0x10 => +OK
        INCRBYFLOAT f 1 => 17
        SET f -0 => +OK
        INCRBYFLOAT f 0 => 0
        SET f 3 => +OK
        INCRBYFLOAT f -3 => 0
        INCRBYFLOAT f x => -ERR value is not a valid float
        INCRBYFLOAT f "" => -ERR value is not a valid float
        INCRBYFLOAT f " 1" => -ERR value is not a valid float
        INCRBYFLOAT f "1 " => -ERR value is not a valid float
        INCRBYFLOAT f nan => -ERR value is not a valid float
        INCRBYFLOAT f inf => -ERR increment would produce NaN or Infinity
        INCRBYFLOAT f -inf => -ERR increment would produce NaN or Infinity
        INCRBYFLOAT f 1e5000 => -ERR value is not a valid float
        INCRBYFLOAT f +1 => 1
        INCRBYFLOAT f .5 => 1.5
        INCRBYFLOAT f 5. => 6.5
        INCRBYFLOAT f 1e => -ERR value is not a valid float
        INCRBYFLOAT f 1,5 => -ERR value is not a valid float
        SET f abc => +OK
        INCRBYFLOAT f 1 => -ERR value is not a valid float
        SET f "1 " => +OK
        INCRBYFLOAT f 1 => -ERR value is not a valid float
        SET f inf => +OK
        INCRBYFLOAT f 1 => -ERR increment would produce NaN or Infinity
        SET f "" => +OK
        INCRBYFLOAT f 1 => -ERR value is not a valid float
        INCRBYFLOAT f => -ERR wrong number of arguments for 'incrbyfloat' command
        SETEX t 100 1 => +OK
        INCRBYFLOAT t 1 => 2
        TTL t => :99..100
        INCR t => :3
        INCRBYFLOAT t 0.5 => 3.5
        INCR t => -ERR value is not an integer or out of range
        "#,
    );
}

#[test]
fn append_strlen() {
    check(
        r#"
        APPEND k foo => :3
        APPEND k bar => :6
        GET k => foobar
        APPEND k "" => :6
        STRLEN k => :6
        STRLEN missing => :0
        APPEND new "" => :0
        EXISTS new => :1
        GET new => ''
        SET n 12 => +OK
        APPEND n 3 => :3
        GET n => 123
        OBJECT ENCODING n => raw
        INCR n => :124
        OBJECT ENCODING n => int
        STRLEN n => :3
        SETEX t 100 a => +OK
        APPEND t b => :2
        TTL t => :99..100
        APPEND bin "\x00\xff" => :2
        STRLEN bin => :2
        RPUSH l a => :1
        APPEND l x => -WRONGTYPE Operation against a key holding the wrong kind of value
        STRLEN l => -WRONGTYPE Operation against a key holding the wrong kind of value
        APPEND k => -ERR wrong number of arguments for 'append' command
        STRLEN => -ERR wrong number of arguments for 'strlen' command
        "#,
    );
}

#[test]
fn getrange_substr() {
    check(
        r#"
        SET k "Hello World" => +OK
        GETRANGE k 0 3 => Hell
        GETRANGE k 0 -1 => 'Hello World'
        GETRANGE k -4 -1 => orld
        GETRANGE k -5 -3 => Wor
        GETRANGE k 5 3 => ''
        GETRANGE k 5 5000 => ' World'
        GETRANGE k -5000 10000 => 'Hello World'
        GETRANGE k -5000 -100 => H
        GETRANGE k -1 -5 => ''
        GETRANGE k 100 200 => ''
        GETRANGE k 10 10 => d
        GETRANGE k 11 11 => ''
        GETRANGE k -11 -11 => H
        GETRANGE k -12 -12 => H
        GETRANGE k -9223372036854775808 9223372036854775807 => 'Hello World'
        GETRANGE k 0 9223372036854775808 => -ERR value is not an integer or out of range
        GETRANGE k x 1 => -ERR value is not an integer or out of range
        GETRANGE k 0 1.5 => -ERR value is not an integer or out of range
        GETRANGE missing 0 -1 => ''
        GETRANGE missing x -1 => -ERR value is not an integer or out of range
        SUBSTR k 0 3 => Hell
        SUBSTR k -5 -1 => World
        SUBSTR missing 0 1 => ''
        SUBSTR k => -ERR wrong number of arguments for 'substr' command
        SET n 1234 => +OK
        GETRANGE n 1 2 => 23
        GETRANGE n -1 -1 => 4
        SET e "" => +OK
        GETRANGE e 0 -1 => ''
        RPUSH l a => :1
        GETRANGE l 0 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        SUBSTR l 0 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        GETRANGE k 0 => -ERR wrong number of arguments for 'getrange' command
        GETRANGE k 0 1 2 => -ERR wrong number of arguments for 'getrange' command
        "#,
    );
}

#[test]
fn setrange() {
    check(
        r#"
        SETRANGE k 0 foo => :3
        GET k => foo
        SETRANGE k 0 b => :3
        GET k => boo
        SETRANGE k 2 XYZ => :5
        GET k => boXYZ
        SETRANGE k 8 z => :9
        GET k => 'boXYZ\x00\x00\x00z'
        SETRANGE k 0 "" => :9
        SETRANGE pad 2 ab => :4
        GET pad => '\x00\x00ab'
        SETRANGE none 0 "" => :0
        EXISTS none => :0
        SETRANGE none 10 "" => :0
        EXISTS none => :0
        SET n 1234 => +OK
        SETRANGE n 1 9 => :4
        GET n => 1934
        OBJECT ENCODING n => raw
        INCR n => :1935
        SETRANGE n 0 - => :4
        GET n => '-935'
        INCR n => :-934
        SETRANGE k -1 x => -ERR offset is out of range
        SETRANGE k x x => -ERR value is not an integer or out of range
        SETRANGE k 536870912 x => -ERR string exceeds maximum allowed size (proto-max-bulk-len)
        SETRANGE k 536870911 xy => -ERR string exceeds maximum allowed size (proto-max-bulk-len)
        SETRANGE k 9223372036854775807 x => -ERR string exceeds maximum allowed size (proto-max-bulk-len)
        SETRANGE k 9223372036854775808 x => -ERR value is not an integer or out of range
        SETRANGE none 536870912 x => -ERR string exceeds maximum allowed size (proto-max-bulk-len)
        EXISTS none => :0
        SETRANGE k 536870912 "" => :9
        SETEX t 100 abc => +OK
        SETRANGE t 1 Z => :3
        TTL t => :99..100
        RPUSH l a => :1
        SETRANGE l 0 x => -WRONGTYPE Operation against a key holding the wrong kind of value
        SETRANGE l 0 "" => -WRONGTYPE Operation against a key holding the wrong kind of value
        SETRANGE l -1 x => -ERR offset is out of range
        SETRANGE k 0 => -ERR wrong number of arguments for 'setrange' command
        "#,
    );
}

#[test]
fn several_keys() {
    check(
        r#"
        MSET a 1 b 2 => +OK
        MGET a b c => [1, 2, (nil)]
        MGET a a a => [1, 1, 1]
        MGET missing => [(nil)]
        MGET => -ERR wrong number of arguments for 'mget' command
        MSET a 1 b => -ERR wrong number of arguments for 'mset' command
        MSET a => -ERR wrong number of arguments for 'mset' command
        MSET => -ERR wrong number of arguments for 'mset' command
        MSET a x a y a z => +OK
        GET a => z
        RPUSH l e => :1
        MGET a l b => [z, (nil), 2]
        MSET l over => +OK
        GET l => over
        SETEX t 100 v => +OK
        MSET t w => +OK
        TTL t => :-1
        MSETNX a 1 new 2 => :0
        EXISTS new => :0
        MSETNX x 1 y 2 => :1
        MGET x y => [1, 2]
        MSETNX z 1 z 2 => :1
        GET z => 2
        MSETNX z => -ERR wrong number of arguments for 'msetnx' command
        MSETNX z 1 w => -ERR wrong number of arguments for 'msetnx' command
        MSETNX => -ERR wrong number of arguments for 'msetnx' command
        RPUSH l2 e => :1
        MSETNX l2 v q v => :0
        EXISTS q => :0
        MSET "" e "\x00" z => +OK
        MGET "" "\x00" => [e, z]
        "#,
    );
}

#[test]
fn lcs() {
    check(
        r#"
        MSET k1 ohmytext k2 mynewtext => +OK
        LCS k1 k2 => mytext
        LCS k1 k2 LEN => :6
        LCS k1 k2 IDX => [matches, [[[:4, :7], [:5, :8]], [[:2, :3], [:0, :1]]], len, :6]
        LCS k1 k2 IDX MINMATCHLEN 4 => [matches, [[[:4, :7], [:5, :8]]], len, :6]
        LCS k1 k2 IDX MINMATCHLEN 4 WITHMATCHLEN => [matches, [[[:4, :7], [:5, :8], :4]], len, :6]
        LCS k1 k2 IDX WITHMATCHLEN => [matches, [[[:4, :7], [:5, :8], :4], [[:2, :3], [:0, :1], :2]], len, :6]
        LCS k1 k2 IDX MINMATCHLEN 0 WITHMATCHLEN => [matches, [[[:4, :7], [:5, :8], :4], [[:2, :3], [:0, :1], :2]], len, :6]
        LCS k1 k2 IDX MINMATCHLEN -3 => [matches, [[[:4, :7], [:5, :8]], [[:2, :3], [:0, :1]]], len, :6]
        LCS k1 k2 IDX MINMATCHLEN 100 => [matches, [], len, :6]
        LCS k1 k2 MINMATCHLEN 4 => mytext
        LCS k1 k2 WITHMATCHLEN => mytext
        LCS k1 k2 LEN MINMATCHLEN 3 => :6
        LCS k1 k2 LEN WITHMATCHLEN => :6
        LCS k1 k2 len => :6
        LCS k1 k1 => ohmytext
        LCS k1 k1 IDX => [matches, [[[:0, :7], [:0, :7]]], len, :8]
        LCS k1 missing => ''
        LCS missing k1 LEN => :0
        LCS missing none IDX => [matches, [], len, :0]
        LCS k1 missing IDX WITHMATCHLEN => [matches, [], len, :0]
        LCS k1 k2 IDX LEN => -ERR If you want both the length and indexes, please just use IDX.
        LCS k1 k2 LEN IDX => -ERR If you want both the length and indexes, please just use IDX.
        LCS k1 k2 IDX MINMATCHLEN => -ERR syntax error
        LCS k1 k2 IDX MINMATCHLEN x => -ERR value is not an integer or out of range
        LCS k1 k2 bogus => -ERR syntax error
        LCS k1 => -ERR wrong number of arguments for 'lcs' command
        LCS => -ERR wrong number of arguments for 'lcs' command
        MSET a AGGTAB b GXTXAYB => +OK
        LCS a b => GTAB
        LCS a b IDX WITHMATCHLEN => [matches, [[[:5, :5], [:6, :6], :1], [[:4, :4], [:4, :4], :1], [[:3, :3], [:2, :2], :1], [[:2, :2], [:0, :0], :1]], len, :4]
        MSET c abcabc d cbacba => +OK
        LCS c d => cbc
        LCS c d IDX => [matches, [[[:5, :5], [:3, :3]], [[:4, :4], [:1, :1]], [[:2, :2], [:0, :0]]], len, :3]
        MSET e "" f x => +OK
        LCS e f => ''
        LCS e f IDX => [matches, [], len, :0]
        MSET n 12345 m 345 => +OK
        LCS n m => 345
        LCS n m LEN => :3
        RPUSH l x => :1
        LCS l k1 => -ERR The specified keys must contain string values
        LCS k1 l => -ERR The specified keys must contain string values
        LCS missing l => -ERR The specified keys must contain string values
        HELLO 3 => ~{*}
        LCS k1 k2 IDX => {matches: [[[:4, :7], [:5, :8]], [[:2, :3], [:0, :1]]], len: :6}
        LCS k1 k2 IDX WITHMATCHLEN => {matches: [[[:4, :7], [:5, :8], :4], [[:2, :3], [:0, :1], :2]], len: :6}
        LCS missing none IDX => {matches: [], len: :0}
        "#,
    );
}

#[test]
fn object_encoding_of_strings() {
    check(
        r#"
        SET k 12345 => +OK
        OBJECT ENCODING k => int
        SET k -1 => +OK
        OBJECT ENCODING k => int
        SET k 9223372036854775807 => +OK
        OBJECT ENCODING k => int
        SET k 9223372036854775808 => +OK
        OBJECT ENCODING k => embstr
        SET k 01 => +OK
        OBJECT ENCODING k => embstr
        SET k 1.5 => +OK
        OBJECT ENCODING k => embstr
        SET k "" => +OK
        OBJECT ENCODING k => embstr
        SET k 01234567890123456789012345678901234567890123 => +OK
        STRLEN k => :44
        OBJECT ENCODING k => embstr
        SET k 012345678901234567890123456789012345678901234 => +OK
        OBJECT ENCODING k => raw
        APPEND a x => :1
        OBJECT ENCODING a => embstr
        APPEND a y => :2
        OBJECT ENCODING a => raw
        SETRANGE r 0 x => :1
        OBJECT ENCODING r => raw
        INCRBYFLOAT f 1 => 1
        OBJECT ENCODING f => embstr
        INCRBYFLOAT f 0.5 => 1.5
        OBJECT ENCODING f => embstr
        SETNX nx 5 => :1
        OBJECT ENCODING nx => int
        MSET m 5 o abc => +OK
        OBJECT ENCODING m => int
        OBJECT ENCODING o => embstr
        GETSET m 6 => 5
        OBJECT ENCODING m => int
        "#,
    );
}

#[test]
fn resp3_nulls() {
    check(
        r#"
        HELLO 3 => ~{*}
        GET k => (null)
        MGET k l => [(null), (null)]
        SET k v XX => (null)
        SET k v GET => (null)
        GETEX none => (null)
        GETDEL none => (null)
        GETSET none2 v => (null)
        INCRBYFLOAT f 1.5 => 1.5
        "#,
    );
}

/// Valkey 8.1: SET when the present value equals the one compared with.
#[test]
fn set_ifeq() {
    check_ours(
        "SET IFEQ is Valkey 8.1's",
        r#"
        SET k new IFEQ old       => (nil)
        EXISTS k                 => :0
        SET k old                => +OK
        SET k new IFEQ other     => (nil)
        GET k                    => old
        SET k new IFEQ old       => +OK
        GET k                    => new
        SET k w ifeq new EX 100  => +OK
        TTL k                    => :99..100
        SET k x IFEQ w KEEPTTL   => +OK
        TTL k                    => :99..100
        SET k y IFEQ x GET       => x
        GET k                    => y
        SET k z IFEQ no GET      => y
        GET k                    => y
        SET none z IFEQ no GET   => (nil)
        EXISTS none              => :0
        SET k z IFEQ y PX 0      => -ERR invalid expire time in 'set' command
        SET k z IFEQ y NX        => -ERR syntax error
        SET k z NX IFEQ y        => -ERR syntax error
        SET k z XX IFEQ y        => -ERR syntax error
        SET k z IFEQ y XX        => -ERR syntax error
        SET k z IFEQ             => -ERR syntax error
        GET k                    => y
        SET n 10                 => +OK
        SET n 11 IFEQ 10         => +OK
        SET n 12 IFEQ 011        => (nil)
        GET n                    => 11
        RPUSH l a                => :1
        SET l v IFEQ a           => -WRONGTYPE Operation against a key holding the wrong kind of value
        TYPE l                   => +list
        "#,
    );
}

/// Valkey 9.0: DEL when the present value equals the one compared with.
#[test]
fn delifeq() {
    check_ours(
        "DELIFEQ is Valkey 9.0's",
        r#"
        DELIFEQ k v   => :0
        SET k v       => +OK
        DELIFEQ k w   => :0
        EXISTS k      => :1
        DELIFEQ k v   => :1
        EXISTS k      => :0
        SET n 10      => +OK
        DELIFEQ n 010 => :0
        DELIFEQ n 10  => :1
        SET b "\x00"  => +OK
        DELIFEQ b ""  => :0
        DELIFEQ b "\x00" => :1
        RPUSH l a     => :1
        DELIFEQ l a   => -WRONGTYPE Operation against a key holding the wrong kind of value
        DELIFEQ k     => -ERR wrong number of arguments for 'delifeq' command
        DELIFEQ k v w => -ERR wrong number of arguments for 'delifeq' command
        "#,
    );
}

/// APPEND and SETRANGE stop at proto-max-bulk-len, whatever it is set to.
#[test]
fn the_longest_string() {
    check(
        r#"
        CONFIG SET proto-max-bulk-len 1mb => +OK
        SETRANGE k 1048575 x => :1048576
        SETRANGE k 1048576 x => -ERR string exceeds maximum allowed size (proto-max-bulk-len)
        APPEND k x => -ERR string exceeds maximum allowed size (proto-max-bulk-len)
        STRLEN k => :1048576
        APPEND k "" => :1048576
        SETRANGE k 1048575 yy => -ERR string exceeds maximum allowed size (proto-max-bulk-len)
        SETBIT k 8388607 1 => :0
        SETBIT k 8388608 1 => -ERR bit offset is not an integer or out of range
        "#,
    );
}

/// Many writers on one counter lose no increment.
#[test]
fn concurrent_increments_add_up() {
    on_each(&[], |server| {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut client = server.client();
                    let batch = crate::support::encode_line("INCR n").repeat(500);
                    let replies = client.pipeline(&batch, 500);
                    assert!(replies.windows(2).all(|two| two[0].int() < two[1].int()));
                });
            }
        });
        assert_eq!(server.client().ask("GET n"), "4000");
    });
}

/// INCRBYFLOAT adds in the x87 extended format and prints 17 decimals: over many pseudo-random pairs, the same text.
#[test]
fn incrbyfloat_prints_as_the_oracle_does() {
    same_sequence_on_both(&[], |server| {
        let mut client = server.client();
        let mut seed = 42_u64;
        let mut replies = Vec::new();
        for round in 0..400 {
            let (a, b) = (decimal(&mut seed), decimal(&mut seed));
            client.line(&format!("SET f{round} {a}"));
            replies.push((a, b.clone(), ask_float(&mut client, round, &b)));
        }
        replies
    });
}

fn ask_float(client: &mut Client, round: usize, increment: &str) -> String {
    let reply = client.ask(&format!("INCRBYFLOAT f{round} {increment}"));
    assert_eq!(client.ask(&format!("GET f{round}")), reply);
    reply
}

/// A decimal fraction from a small linear congruential generator.
fn decimal(seed: &mut u64) -> String {
    let mut next = || {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *seed >> 33
    };
    let sign = if next() % 2 == 0 { "-" } else { "" };
    let whole = next() % 10_u64.pow((next() % 9) as u32 + 1);
    match next() % 3 {
        0 => format!("{sign}{whole}.{}", next() % 1000),
        1 => format!("{sign}{whole}.{:09}", next() % 1_000_000_000),
        _ => format!("{sign}{}.{}e{}", whole % 10, next() % 1000, next() as i64 % 20 - 10),
    }
}
