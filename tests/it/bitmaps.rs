//! The bitmap commands: SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP, BITFIELD, BITFIELD_RO.

use crate::support::{check, check_ours, encode_line, same_sequence_on_both};

#[test]
fn setbit_getbit() {
    check(
        r#"
        GETBIT k 0 => :0
        SETBIT k 1 1 => :0
        GET k => @
        SETBIT k 1 1 => :1
        SETBIT k 1 0 => :1
        SETBIT k 7 1 => :0
        SETBIT k 20 1 => :0
        GET k => '\x01\x00\x08'
        GETBIT k 7 => :1
        GETBIT k 6 => :0
        GETBIT k 20 => :1
        GETBIT k 100000 => :0
        SET n 1 => +OK
        SETBIT n 6 1 => :0
        GET n => 3
        GETBIT n 2 => :1
        OBJECT ENCODING n => raw
        SETBIT k 0 2 => -ERR bit is not an integer or out of range
        SETBIT k 0 -1 => -ERR bit is not an integer or out of range
        SETBIT k 0 x => -ERR bit is not an integer or out of range
        SETBIT k -1 0 => -ERR bit offset is not an integer or out of range
        SETBIT k x 0 => -ERR bit offset is not an integer or out of range
        SETBIT k 4294967296 1 => -ERR bit offset is not an integer or out of range
        SETBIT k 9223372036854775808 1 => -ERR bit offset is not an integer or out of range
        GETBIT k -1 => -ERR bit offset is not an integer or out of range
        GETBIT k x => -ERR bit offset is not an integer or out of range
        GETBIT k 4294967296 => -ERR bit offset is not an integer or out of range
        GETBIT k 4294967295 => :0
        SETBIT zero 9 0 => :0
        GET zero => '\x00\x00'
        STRLEN zero => :2
        SETEX t 100 a => +OK
        SETBIT t 0 1 => :0
        TTL t => :99..100
        RPUSH l a => :1
        SETBIT l 0 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        GETBIT l 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        SETBIT l x 1 => -ERR bit offset is not an integer or out of range
        SETBIT k 1 => -ERR wrong number of arguments for 'setbit' command
        GETBIT k => -ERR wrong number of arguments for 'getbit' command
        "#,
    );
}

#[test]
fn bitcount() {
    check(
        r#"
        BITCOUNT missing => :0
        SET k foobar => +OK
        BITCOUNT k => :26
        BITCOUNT k 0 0 => :4
        BITCOUNT k 1 1 => :6
        BITCOUNT k 1 1 BYTE => :6
        BITCOUNT k 5 30 BIT => :17
        BITCOUNT k 0 -1 => :26
        BITCOUNT k -2 -1 => :7
        BITCOUNT k -1000 1000 => :26
        BITCOUNT k 3 1 => :0
        BITCOUNT k -1 -3 => :0
        BITCOUNT k -100 -200 => :0
        BITCOUNT k 100 200 => :0
        BITCOUNT k 0 0 BIT => :0
        BITCOUNT k 1 1 BIT => :1
        BITCOUNT k 5 -5 bit => :23
        BITCOUNT k -8 -1 BIT => :4
        BITCOUNT k 40 100 BIT => :4
        BITCOUNT k -100000 3 BIT => :2
        BITCOUNT k 0 => -ERR syntax error
        BITCOUNT k 0 x => -ERR value is not an integer or out of range
        BITCOUNT k x 0 => -ERR value is not an integer or out of range
        BITCOUNT k 0 1 WORD => -ERR syntax error
        BITCOUNT k 0 1 BIT BIT => -ERR syntax error
        BITCOUNT missing 0 => -ERR syntax error
          7.0: :0 -- 7.0 answers for a missing key before it reads the rest
        BITCOUNT missing x y => -ERR value is not an integer or out of range
          7.0: :0 -- 7.0 answers for a missing key before it reads the rest
        BITCOUNT missing 0 1 WORD => -ERR syntax error
          7.0: :0 -- 7.0 answers for a missing key before it reads the rest
        BITCOUNT missing 0 1 => :0
        SET n 12345 => +OK
        BITCOUNT n => :17
        BITCOUNT n 0 1 => :6
        RPUSH l a => :1
        BITCOUNT l => -WRONGTYPE Operation against a key holding the wrong kind of value
        BITCOUNT l 0 x => -ERR value is not an integer or out of range
          7.0: -WRONGTYPE Operation against a key holding the wrong kind of value -- 7.0 looks at the key before it reads the rest
        BITCOUNT => -ERR wrong number of arguments for 'bitcount' command
        "#,
    );
}

#[test]
fn bitpos() {
    check(
        r#"
        BITPOS missing 0 => :0
        BITPOS missing 1 => :-1
        BITPOS missing 0 5 => :0
        BITPOS missing 1 0 -1 => :-1
        SET k "\xff\xf0\x00" => +OK
        BITPOS k 0 => :12
        BITPOS k 1 => :0
        BITPOS k 1 2 => :-1
        BITPOS k 0 2 => :16
        BITPOS k 0 0 0 => :-1
        BITPOS k 0 0 1 => :12
        BITPOS k 0 -1 => :16
        BITPOS k 0 -3 -3 => :-1
        BITPOS k 0 7 15 BIT => :12
        BITPOS k 1 12 -1 BIT => :-1
        BITPOS k 1 3 7 BIT => :3
        BITPOS k 0 0 11 BIT => :-1
        BITPOS k 0 0 12 BIT => :12
        BITPOS k 0 0 -1 BIT => :12
        BITPOS k 1 7 15 BYTE => :-1
        SET f "\xff\xff\xff" => +OK
        BITPOS f 0 => :24
        BITPOS f 0 0 => :24
        BITPOS f 0 0 -1 => :-1
        BITPOS f 0 0 23 BIT => :-1
        BITPOS f 0 3 => :-1
        BITPOS f 0 100 => :-1
        BITPOS f 1 3 => :-1
        BITPOS f 0 2 1 => :-1
        SET z "\x00\x00" => +OK
        BITPOS z 1 => :-1
        BITPOS z 1 0 -1 => :-1
        BITPOS z 0 => :0
        BITPOS z 0 1 => :8
        SET e "" => +OK
        BITPOS e 0 => :-1
        BITPOS e 1 => :-1
        BITPOS e 0 0 -1 => :-1
        BITPOS k 2 => -ERR The bit argument must be 1 or 0.
        BITPOS k -1 => -ERR The bit argument must be 1 or 0.
        BITPOS k x => -ERR value is not an integer or out of range
        BITPOS k 0 x => -ERR value is not an integer or out of range
        BITPOS k 0 0 x => -ERR value is not an integer or out of range
        BITPOS k 0 0 1 WORD => -ERR syntax error
        BITPOS k 0 0 BIT => -ERR value is not an integer or out of range
        BITPOS k 0 0 1 BIT 3 => -ERR syntax error
        BITPOS missing 2 => -ERR The bit argument must be 1 or 0.
        BITPOS missing 0 x => -ERR value is not an integer or out of range
          7.0: :0 -- 7.0 answers for a missing key before it reads the rest
        BITPOS missing 0 0 1 WORD => -ERR syntax error
          7.0: :0 -- 7.0 answers for a missing key before it reads the rest
        SET n 12 => +OK
        BITPOS n 1 => :2
        BITPOS n 1 1 => :10
        RPUSH l a => :1
        BITPOS l 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        BITPOS k => -ERR wrong number of arguments for 'bitpos' command
        "#,
    );
}

#[test]
fn bitop() {
    check(
        r#"
        MSET a foobar b abcdef c "\xff" => +OK
        BITOP AND d a b => :6
        GET d => `bc`ab
        BITOP OR d a b => :6
        GET d => goofev
        BITOP XOR d a b => :6
        GET d => '\x07\r\x0c\x06\x04\x14'
        BITOP NOT d a => :6
        GET d => '\x99\x90\x90\x9d\x9e\x8d'
        BITOP AND d a c => :6
        GET d => 'f\x00\x00\x00\x00\x00'
        BITOP OR d a c => :6
        GET d => '\xffoobar'
        BITOP XOR d a c missing => :6
        GET d => '\x99oobar'
        BITOP AND d a missing => :6
        GET d => '\x00\x00\x00\x00\x00\x00'
        BITOP OR d missing c => :1
        GET d => '\xff'
        BITOP NOT d c => :1
        GET d => '\x00'
        BITOP and d a => :6
        GET d => foobar
        BITOP AND a a b => :6
        GET a => `bc`ab
        BITOP NOT d missing => :0
        EXISTS d => :0
        SET d v => +OK
        BITOP AND d missing none => :0
        EXISTS d => :0
        SETEX d 100 v => +OK
        BITOP OR d b => :6
        TTL d => :-1
        SET n 12 => +OK
        BITOP OR d n c => :2
        GET d => '\xff2'
        BITOP NOT d a b => -ERR BITOP NOT must be called with a single source key.
        BITOP NOT d => -ERR wrong number of arguments for 'bitop' command
        BITOP BAD d a => -ERR syntax error
        BITOP AND d => -ERR wrong number of arguments for 'bitop' command
        RPUSH l x => :1
        BITOP AND d a l => -WRONGTYPE Operation against a key holding the wrong kind of value
        BITOP NOT d l => -WRONGTYPE Operation against a key holding the wrong kind of value
        BITOP AND l a b => :6
        TYPE l => +string
        SET e "" => +OK
        BITOP OR d e => :0
        EXISTS d => :0
        MSET x "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11" y "\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff" => +OK
        BITOP AND d x y => :17
        GET d => '\x01\x00\x03\x00\x05\x00\x07\x00\t\x00\x0b\x00\r\x00\x0f\x00\x11'
        BITOP XOR d x y x => :17
        GET d => '\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff'
        BITOP OR d x y a => :17
        GET d => '\xffb\xffd\xfff\xff\x08\xff\n\xff\x0c\xff\x0e\xff\x10\xff'
        BITOP NOT d x => :17
        GET d => '\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6\xf5\xf4\xf3\xf2\xf1\xf0\xef\xee'
        "#,
    );
}

/// Redis 8.2: DIFF is X and not any Y, DIFF1 is any Y and not X, ANDOR is X and any Y, ONE is the bits in exactly one.
#[test]
fn bitop_of_redis_82() {
    check_ours(
        "BITOP DIFF, DIFF1, ANDOR, ONE are Redis 8.2's",
        r#"
        MSET x "\xf0\xff" y "\xc3" z "\x30\x01" => +OK
        BITOP DIFF d x y z       => :2
        GET d                    => '\x00\xfe'
        BITOP DIFF1 d x y z      => :2
        GET d                    => '\x03\x00'
        BITOP ANDOR d x y z      => :2
        GET d                    => '\xf0\x01'
        BITOP ONE d x y z        => :2
        GET d                    => '\x03\xfe'
        BITOP one d x            => :2
        GET d                    => '\xf0\xff'
        BITOP DIFF d x missing   => :2
        GET d                    => '\xf0\xff'
        BITOP DIFF d missing x   => :2
        GET d                    => '\x00\x00'
        BITOP DIFF1 d missing x  => :2
        GET d                    => '\xf0\xff'
        BITOP ANDOR d x missing  => :2
        GET d                    => '\x00\x00'
        BITOP ONE d none missing => :0
        EXISTS d                 => :0
        BITOP DIFF d x           => ~-ERR BITOP DIFF must be called with at least two source keys*
        BITOP DIFF1 d x          => ~-ERR BITOP DIFF1 must be called with at least two source keys*
        BITOP ANDOR d x          => ~-ERR BITOP ANDOR must be called with at least two source keys*
        "#,
    );
}

#[test]
fn bitfield() {
    check(
        r#"
        BITFIELD k => []
        EXISTS k => :0
        BITFIELD k GET u8 0 => [:0]
        EXISTS k => :0
        BITFIELD k SET u8 0 255 => [:0]
        BITFIELD k GET u8 0 GET i8 0 GET u4 4 GET u8 4 GET u8 800 => [:255, :-1, :15, :240, :0]
        BITFIELD k INCRBY u8 0 1 => [:0]
        BITFIELD k INCRBY u8 0 -1 => [:255]
        BITFIELD k OVERFLOW SAT INCRBY u8 0 10 => [:255]
        BITFIELD k OVERFLOW FAIL INCRBY u8 0 10 => [(nil)]
        BITFIELD k OVERFLOW FAIL INCRBY u8 0 10 OVERFLOW WRAP INCRBY u8 0 10 => [(nil), :9]
        BITFIELD k OVERFLOW SAT INCRBY u8 0 -100 => [:0]
        BITFIELD k OVERFLOW SAT SET u4 0 100 GET u4 0 => [:0, :15]
        BITFIELD k OVERFLOW FAIL SET u4 0 100 GET u4 0 => [(nil), :15]
        BITFIELD k OVERFLOW WRAP SET u4 0 100 GET u4 0 => [:15, :4]
        BITFIELD k SET i8 0 -1 GET u8 0 => [:64, :255]
        BITFIELD k SET u8 0 -1 GET u8 0 => [:255, :255]
        BITFIELD i SET i8 0 127 => [:0]
        BITFIELD i INCRBY i8 0 1 => [:-128]
        BITFIELD i INCRBY i8 0 -1 => [:127]
        BITFIELD i OVERFLOW SAT INCRBY i8 0 1 => [:127]
        BITFIELD i OVERFLOW SAT SET i8 0 -1000 GET i8 0 => [:127, :-128]
        BITFIELD i OVERFLOW SAT INCRBY i8 0 -1 => [:-128]
        BITFIELD i OVERFLOW FAIL INCRBY i8 0 -1 => [(nil)]
        BITFIELD i OVERFLOW FAIL SET i8 0 128 => [(nil)]
        BITFIELD big SET i64 0 9223372036854775807 => [:0]
        BITFIELD big INCRBY i64 0 1 => [:-9223372036854775808]
        BITFIELD big OVERFLOW SAT INCRBY i64 0 -1 => [:-9223372036854775808]
        BITFIELD big OVERFLOW FAIL INCRBY i64 0 -1 => [(nil)]
        BITFIELD big SET u63 0 9223372036854775807 => [:4611686018427387904]
        BITFIELD big INCRBY u63 0 1 => [:0]
        BITFIELD big OVERFLOW SAT INCRBY u63 0 -9223372036854775808 => [:0]
        BITFIELD h SET u8 #0 1 SET u8 #1 2 SET u8 #2 3 GET u16 #0 => [:0, :0, :0, :258]
        GET h => '\x01\x02\x03'
        BITFIELD h SET u5 3 31 GET u5 3 GET u1 0 => [:1, :31, :0]
        GET h => '\x1f\x02\x03'
        BITFIELD h GET u3 #1 => [:7]
        BITFIELD k GET u64 0 => -ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
        BITFIELD k GET i65 0 => -ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
        BITFIELD k GET u0 0 => -ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
        BITFIELD k GET i0 0 => -ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
        BITFIELD k GET x8 0 => -ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
        BITFIELD k GET u 0 => -ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
        BITFIELD k GET 8 0 => -ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
        BITFIELD k GET U8 0 => -ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
        BITFIELD k GET u8 -1 => -ERR bit offset is not an integer or out of range
        BITFIELD k GET u8 x => -ERR bit offset is not an integer or out of range
        BITFIELD k GET u8 # => -ERR bit offset is not an integer or out of range
        BITFIELD k GET u8 #x => -ERR bit offset is not an integer or out of range
        BITFIELD k GET u8 #-1 => -ERR bit offset is not an integer or out of range
        BITFIELD k GET u8 4294967296 => -ERR bit offset is not an integer or out of range
        BITFIELD k GET u8 4294967288 => [:0]
        BITFIELD k GET u8 4294967289 => [:0]
        BITFIELD k SET u8 0 x => -ERR value is not an integer or out of range
        BITFIELD k SET u8 0 => -ERR syntax error
        BITFIELD k GET u8 => -ERR syntax error
        BITFIELD k INCRBY u8 0 x => -ERR value is not an integer or out of range
        BITFIELD k INCRBY u8 0 9223372036854775808 => -ERR value is not an integer or out of range
        BITFIELD k OVERFLOW BAD => -ERR Invalid OVERFLOW type specified
        BITFIELD k OVERFLOW => -ERR syntax error
        BITFIELD k OVERFLOW SAT => []
        BITFIELD k bogus u8 0 => -ERR syntax error
        BITFIELD k GET u8 0 bogus => -ERR syntax error
        BITFIELD nokey SET u8 0 x => -ERR value is not an integer or out of range
        EXISTS nokey => :0
        BITFIELD zero SET u8 8 0 => [:0]
        GET zero => '\x00\x00'
        BITFIELD short OVERFLOW FAIL SET u8 0 256 => [(nil)]
        EXISTS short => :1
        STRLEN short => :1
        SET n 12 => +OK
        BITFIELD n GET u8 0 INCRBY u8 8 1 => [:49, :51]
        GET n => 13
        RPUSH l a => :1
        BITFIELD l GET u8 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        BITFIELD l SET u8 0 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        BITFIELD l => -WRONGTYPE Operation against a key holding the wrong kind of value
        BITFIELD => -ERR wrong number of arguments for 'bitfield' command
        BITFIELD k get u8 0 set u8 0 1 incrby u8 0 1 => [:255, :255, :2]
        "#,
    );
}

#[test]
fn bitfield_ro() {
    check(
        r#"
        BITFIELD_RO k GET u8 0 => [:0]
        SET k ab => +OK
        BITFIELD_RO k GET u8 0 GET u8 8 GET u8 #1 GET u16 0 GET i4 4 => [:97, :98, :98, :24930, :1]
        BITFIELD_RO k => []
        BITFIELD_RO k SET u8 0 1 => -ERR BITFIELD_RO only supports the GET subcommand
        BITFIELD_RO k INCRBY u8 0 1 => -ERR BITFIELD_RO only supports the GET subcommand
        BITFIELD_RO k OVERFLOW SAT GET u8 0 => [:97]
        BITFIELD_RO k GET u8 0 SET u8 0 1 => -ERR BITFIELD_RO only supports the GET subcommand
        BITFIELD_RO k GET u64 0 => -ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
        BITFIELD_RO k GET u8 => -ERR syntax error
        RPUSH l a => :1
        BITFIELD_RO l GET u8 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        BITFIELD_RO => -ERR wrong number of arguments for 'bitfield_ro' command
        GET k => ab
        "#,
    );
}

/// Counting and searching take shortcuts over whole words: every range of a patterned string, against the oracle.
#[test]
fn every_range_of_a_pattern() {
    same_sequence_on_both(&[], |server| {
        let mut client = server.client();
        client.line(r#"SET k "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x11\xff\xff\xff\xff\xff\xff\xff\xff\xf7\x00\xff""#);
        let mut batch = Vec::new();
        let mut count = 0;
        for start in -24..24 {
            for end in -24..24 {
                for command in ["BITCOUNT k", "BITPOS k 0", "BITPOS k 1"] {
                    batch.extend(encode_line(&format!("{command} {start} {end}")));
                    batch.extend(encode_line(&format!("{command} {} {} BIT", start * 7, end * 7 + 3)));
                    count += 2;
                }
            }
        }
        client.pipeline(&batch, count)
    });
}

/// Pseudo-random BITFIELD writes over all widths, offsets and overflow kinds leave the same bytes.
#[test]
fn bitfield_at_random() {
    same_sequence_on_both(&[], |server| {
        let mut client = server.client();
        let mut seed = 7_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed >> 33
        };
        let mut batch = Vec::new();
        for _ in 0..1000 {
            let overflow = ["WRAP", "SAT", "FAIL"][(next() % 3) as usize];
            let width = if next() % 2 == 0 { format!("u{}", next() % 63 + 1) } else { format!("i{}", next() % 64 + 1) };
            let command = ["SET", "INCRBY"][(next() % 2) as usize];
            let value = ((next() << 33) ^ (next() << 8)) as i64 >> (next() % 63);
            let offset = next() % 100;
            batch.extend(encode_line(&format!("BITFIELD k OVERFLOW {overflow} {command} {width} {offset} {value}")));
        }
        let mut replies = client.pipeline(&batch, 1000);
        replies.push(client.line("GET k"));
        replies
    });
}
