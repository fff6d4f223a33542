//! Keyspace notifications: the events of every command, their classes, expiry, and switching them on and off.

use crate::support::{Client, Server, check, eventually, on_each, on_ours, same_sequence_on_both};

/// What a command publishes: `name key` for each event, from both channels of it, up to a mark that is sent after it.
fn events(listener: &mut Client, other: &mut Client) -> Vec<String> {
    other.line("PUBLISH __keymark__:mark x");
    let mut all = Vec::new();
    loop {
        let message = listener.recv();
        let [_, _, channel, text] = &message.items() else { panic!("no pmessage: {message}") };
        if channel.text() == "__keymark__:mark" {
            return all;
        }
        all.push(format!("{} {}", channel.text(), text.text()));
    }
}

/// A connection that hears every event of `classes`.
fn listener(server: &Server, classes: &str) -> Client {
    let mut listener = server.client();
    assert_eq!(listener.ask(&format!("CONFIG SET notify-keyspace-events {classes}")), "+OK");
    listener.line("PSUBSCRIBE __key*__:*");
    listener
}

/// Runs command lines on both servers and compares the events of each.
fn same_events(classes: &str, lines: &str) {
    let mut some = false;
    same_sequence_on_both(&[], |server| {
        let (mut listener, mut client) = (listener(server, classes), server.client());
        let mut other = server.client();
        let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines
            .map(|line| {
                let reply = client.line(line);
                let error = if reply.is_error() { reply.render() } else { String::new() };
                format!("{line} => {error}{}", events(&mut listener, &mut other).join(", "))
            })
            .inspect(|line| some |= line.contains("__keyevent@0__:new "))
            .collect::<Vec<String>>()
    });
    assert!(some, "no events at all");
}

#[test]
fn events_of_strings() {
    same_events(
        "KEAnm",
        r#"
        SET k v
        SET k v EX 100
        SET k v KEEPTTL
        SET k v NX
        SET k v XX GET
        SET k v PXAT 4102444800000
        SET k v EXAT 1
        GET k
        SETEX k 100 v
        PSETEX k 100000 v
        SETNX k v
        SETNX k2 v
        GETSET k w
        GETSET new1 w
        MSET a 1 b 2 a 3
        MSETNX c 1 d 2
        MSETNX c 1 e 2
        INCR n
        INCRBY n 5
        DECR n
        DECRBY n 2
        INCR k
        INCRBYFLOAT n 1.5
        APPEND k tail
        APPEND app x
        APPEND k ''
        SETRANGE k 2 zz
        SETRANGE sr 3 x
        SETRANGE k 2 ''
        SETRANGE nosuch 2 ''
        GETRANGE nosuch 0 1
        STRLEN nosuch
        GETDEL k2
        GETDEL k2
        GETEX k EX 100
        GETEX k PERSIST
        GETEX k PERSIST
        GETEX k
        GETEX k PXAT 1
        GETEX k
        MGET a nosuch b
        SETBIT bits 7 1
        SETBIT bits 7 1
        GETBIT nosuch 1
        BITFIELD bits SET u8 0 5 GET u8 0
        BITFIELD bits GET u8 0
        BITFIELD nosuch GET u8 0
        BITFIELD fresh INCRBY u8 0 1
        BITOP NOT dest bits
        BITOP AND dest nosuch nosuch2
        BITOP AND dest nosuch nosuch2
        BITCOUNT nosuch
        BITPOS nosuch 1
        PFADD hll a b
        PFADD hll a
        PFADD hll
        PFADD hll2
        PFADD hll2
        PFCOUNT hll
        PFCOUNT nosuch
        PFCOUNT hll nosuch
        PFMERGE merged hll hll2
        PFMERGE merged
        LCS a b
        "#,
    );
}

#[test]
fn events_of_keys() {
    same_events(
        "KEAnm",
        r#"
        MSET a 1 b 2 c 3 d 4
        DEL a nosuch b
        UNLINK c nosuch
        EXISTS nosuch d
        TYPE nosuch
        TTL nosuch
        TOUCH nosuch d
        OBJECT ENCODING nosuch
        EXPIRE d 100
        EXPIRE nosuch 100
        PEXPIRE d 200000 GT
        PEXPIRE d 1000000 LT
        EXPIREAT d 4102444800
        PEXPIREAT d 4102444800000
        PERSIST d
        PERSIST d
        EXPIRE d -1
        SET d 1
        EXPIREAT d 1
        SET a 1
        RENAME a b
        RENAME nosuch b
        SET a 2
        RENAME a b
        RENAME b b
        RENAMENX b c
        SET b 1
        RENAMENX b c
        COPY b e
        COPY b e
        COPY b e REPLACE
        COPY b e DB 1
        COPY nosuch e
        MOVE b 1
        MOVE b 1
        MOVE nosuch 1
        SELECT 1
        DEL b e
        SELECT 0
        RPUSH l 3 1 2
        SORT l
        SORT l STORE sorted
        SORT l STORE sorted
        SORT nosuch STORE sorted
        SORT nosuch STORE sorted
        SORT nosuch
        SORT l BY w_* GET p_*
        SORT_RO l
        RANDOMKEY
        SCAN 0
        KEYS *
        DBSIZE
        MULTI
        SET m 1
        DEL m
        EXEC
        FLUSHDB
        SET a 1
        FLUSHALL
        SWAPDB 0 1
        "#,
    );
}

#[test]
fn events_of_lists() {
    same_events(
        "KEAnm",
        r#"
        LPUSH l a b c
        RPUSH l d
        LPUSHX l e
        RPUSHX l f
        LPUSHX nosuch e
        RPUSHX nosuch e
        LSET l 0 x
        LINSERT l BEFORE a y
        LINSERT l AFTER nosuch y
        LINSERT nosuch AFTER x y
        LREM l 0 y
        LREM l 0 y
        LTRIM l 0 2
        LTRIM l 0 -1
        LRANGE nosuch 0 1
        LLEN nosuch
        LINDEX nosuch 0
        LPOS nosuch 0
        LPOP l
        RPOP l 1
        RPOP l 0
        RPOP nosuch
        LPOP l 5
        RPUSH l a b c d
        LMOVE l m LEFT RIGHT
        LMOVE l l LEFT RIGHT
        LMOVE nosuch m LEFT RIGHT
        RPOPLPUSH l m
        BLMOVE l m LEFT RIGHT 0
        BRPOPLPUSH l m 0
        BLPOP m 0
        BRPOP m 0
        LMPOP 2 l m LEFT COUNT 1
        BLMPOP 0 2 l m LEFT COUNT 10
        LMPOP 2 l m LEFT
        BLPOP l m 0.01
        RPUSH l a
        LREM l 0 a
        RPUSH l a
        LTRIM l 1 0
        LTRIM nosuch 1 0
        SET s v
        LPUSH s x
        "#,
    );
}

#[test]
fn events_of_sets() {
    same_events(
        "KEAnm",
        r#"
        SADD s a b c
        SADD s a
        SREM s a nosuch
        SREM s nosuch
        SREM nosuch a
        SMOVE s t b
        SMOVE s t nosuch
        SMOVE nosuch t x
        SMOVE s s c
        SMOVE s t c
        SADD s 1 2 3 4
        SPOP s 0
        SPOP s 2
        SPOP s 2
        SPOP s
        SPOP nosuch
        SPOP nosuch 2
        SADD s 1
        SPOP s
        SADD s 1 2 3
        SADD t 2 3
        SINTERSTORE d s t
        SINTERSTORE d s nosuch
        SINTERSTORE d s nosuch
        SUNIONSTORE d s t
        SDIFFSTORE d s t
        SDIFFSTORE d t s
        SDIFFSTORE d t s
        SUNION nosuch s
        SINTER nosuch s
        SDIFF nosuch s
        SINTERCARD 2 s nosuch
        SMEMBERS nosuch
        SISMEMBER nosuch x
        SMISMEMBER nosuch x
        SCARD nosuch
        SRANDMEMBER nosuch
        SRANDMEMBER nosuch 2
        SSCAN nosuch 0
        SREM s 1 2 3
        "#,
    );
}

#[test]
fn events_of_hashes() {
    same_events(
        "KEAnm",
        r#"
        HSET h a 1 b 2
        HSET h a 1
        HMSET h c 3
        HSETNX h a 1
        HSETNX h d 1
        HINCRBY h a 5
        HINCRBYFLOAT h a 1.5
        HINCRBY hnew a 5
        HINCRBYFLOAT hnew2 a 1.5
        HINCRBY h text x
        HDEL h a nosuch
        HDEL h nosuch
        HDEL nosuch a
        HGET nosuch a
        HGET h nosuch
        HMGET nosuch a
        HGETALL nosuch
        HKEYS nosuch
        HVALS nosuch
        HLEN nosuch
        HEXISTS nosuch a
        HSTRLEN nosuch a
        HRANDFIELD nosuch
        HRANDFIELD nosuch 2
        HSCAN nosuch 0
        HDEL h b c d
        "#,
    );
}

#[test]
fn events_of_sorted_sets() {
    same_events(
        "KEAnm",
        r#"
        ZADD z 1 a 2 b 3 c
        ZADD z 1 a
        ZADD z XX 5 nosuch
        ZADD z XX CH 5 a
        ZADD z INCR 1 a
        ZADD z NX INCR 1 a
        ZADD z2 INCR 1 a
        ZINCRBY z 1 a
        ZINCRBY z 0 a
        ZINCRBY z3 1 a
        ZREM z a nosuch
        ZREM z nosuch
        ZREM nosuch a
        ZADD z 1 a 2 b 3 c 4 d 5 e
        ZREMRANGEBYRANK z 0 0
        ZREMRANGEBYRANK z 100 200
        ZREMRANGEBYRANK nosuch 0 0
        ZREMRANGEBYSCORE z 2 2
        ZREMRANGEBYSCORE z 2 2
        ZREMRANGEBYLEX z [c [c
        ZREMRANGEBYLEX z [c [c
        ZPOPMIN z
        ZPOPMAX z
        ZPOPMIN z
        ZPOPMIN nosuch 2
        ZADD z 1 a 2 b 3 c
        BZPOPMIN z 0
        BZPOPMAX z 0
        BZPOPMIN z 0.01
        ZADD z 1 a 2 b 3 c
        ZMPOP 2 nosuch z MIN COUNT 2
        BZMPOP 0 1 z MAX
        ZMPOP 1 z MIN
        ZADD z 1 a 2 b 3 c
        ZADD y 1 a 2 x
        ZUNIONSTORE d 2 z y
        ZINTERSTORE d 2 z y
        ZINTERSTORE d 2 z nosuch
        ZINTERSTORE d 2 z nosuch
        ZDIFFSTORE d 2 z y
        ZDIFFSTORE d 2 z z
        ZRANGESTORE d z 0 1
        ZRANGESTORE d nosuch 0 1
        ZRANGESTORE d nosuch 0 1
        ZUNION 2 nosuch z
        ZINTER 2 nosuch z
        ZDIFF 2 nosuch z
        ZINTERCARD 2 nosuch z
        ZRANGE nosuch 0 1
        ZRANGEBYSCORE nosuch 0 1
        ZSCORE nosuch a
        ZMSCORE nosuch a
        ZRANK nosuch a
        ZCARD nosuch
        ZCOUNT nosuch 0 1
        ZLEXCOUNT nosuch - +
        ZRANDMEMBER nosuch
        ZRANDMEMBER nosuch 2
        ZSCAN nosuch 0
        ZREM z a b c
        GEOADD g 1 1 a 2 2 b
        GEOADD g 1 1 a
        GEOSEARCHSTORE gs g FROMLONLAT 1 1 BYRADIUS 1000 km
        GEOSEARCHSTORE gs g FROMLONLAT 50 50 BYRADIUS 1 m
        GEOSEARCHSTORE gs g FROMLONLAT 50 50 BYRADIUS 1 m
        GEORADIUS g 1 1 1000 km STORE gr
        GEORADIUS g 1 1 1000 km STOREDIST gr
        GEORADIUSBYMEMBER g a 1000 km STORE gr
        GEORADIUS nosuch 1 1 1000 km STORE gr
        GEOPOS nosuch a
        GEODIST nosuch a b
        GEOHASH nosuch a
        GEOSEARCH nosuch FROMLONLAT 1 1 BYRADIUS 1 m
        "#,
    );
}

/// A client that waits is served after the command that serves it, and so are the events.
#[test]
fn events_of_blocked_clients() {
    same_sequence_on_both(&[], |server| {
        let (mut listener, mut client) = (listener(server, "KEAn"), server.client());
        let mut all = Vec::new();
        for (blocks, serves) in [
            ("BLPOP l 0", "RPUSH l a"),
            ("BLMOVE l m LEFT RIGHT 0", "RPUSH l a b"),
            ("BZPOPMIN z 0", "ZADD z 1 a"),
            ("BLMPOP 0 1 k LEFT COUNT 5", "RPUSH k a b"),
        ] {
            let mut blocked = server.client();
            blocked.send_line(blocks);
            eventually("it waits", || client.line("INFO clients").text().contains("blocked_clients:1\r\n"));
            client.line(serves);
            blocked.recv();
            all.push(events(&mut listener, &mut client).join(", "));
        }
        all
    });
}

/// Fields that expire are Redis 7.4's.
#[test]
fn events_of_fields_that_expire() {
    on_ours(&[], |server| {
        let (mut listener, mut client, mut other) = (listener(server, "Ehg"), server.client(), server.client());
        let mut heard = |line: &str| {
            client.line(line);
            events(&mut listener, &mut other).join(", ").replace("__keyevent@0__:", "")
        };
        for (line, expected) in [
            ("HSET h a 1 b 2", "hset h"),
            ("HEXPIRE h 100 FIELDS 1 a", "hexpire h"),
            ("HPEXPIRE h 100000 FIELDS 2 a nosuch", "hexpire h"),
            ("HPERSIST h FIELDS 1 a", "hpersist h"),
            ("HPERSIST h FIELDS 1 a", ""),
            ("HEXPIRE h 0 FIELDS 1 a", "hdel h"),
            ("HGETDEL h FIELDS 1 b", "hdel h, del h"),
            ("HSETEX h FIELDS 1 a 1", "hset h"),
        ] {
            assert_eq!(heard(line), expected, "{line}");
        }
        other.line("HPEXPIRE h 1 FIELDS 1 a");
        let names: Vec<String> = (0..3).map(|_| listener.recv().items()[2].text()).collect();
        assert_eq!(names, ["__keyevent@0__:hexpire", "__keyevent@0__:hexpired", "__keyevent@0__:del"]);
    });
}

#[test]
fn keys_that_expire_say_so() {
    on_each(&[], |server| {
        let (mut listener, mut client) = (listener(server, "Ex"), server.client());
        // By access.
        client.line("DEBUG SET-ACTIVE-EXPIRE 0");
        client.line("PSETEX k 1 v");
        eventually("it is gone", || client.ask("GET k") == "(nil)");
        assert_eq!(events(&mut listener, &mut client), ["__keyevent@0__:expired k"]);
        // By the periodic work.
        client.line("PSETEX k2 1 v");
        client.line("DEBUG SET-ACTIVE-EXPIRE 1");
        assert_eq!(listener.recv().render(), "[pmessage, __key*__:*, __keyevent@0__:expired, k2]");
    });
}

#[test]
fn classes_are_chosen_and_switched_off() {
    check(
        r#"
        @l PSUBSCRIBE __key*__:* => [psubscribe, __key*__:*, :1]
        SET k v => +OK
        CONFIG SET notify-keyspace-events K$ => +OK
        SET k v => +OK
        @l (recv) => [pmessage, __key*__:*, __keyspace@0__:k, set]
        RPUSH list a => :1
        CONFIG SET notify-keyspace-events El => +OK
        SET k v => +OK
        RPUSH list a => :2
        @l (recv) => [pmessage, __key*__:*, __keyevent@0__:rpush, list]
        CONFIG SET notify-keyspace-events KE => +OK
        SET k v => +OK
        CONFIG SET notify-keyspace-events A => +OK
        SET k v => +OK
        CONFIG SET notify-keyspace-events '' => +OK
        SET k v => +OK
        CONFIG SET notify-keyspace-events KEg => +OK
        SELECT 3 => +OK
        SET k v => +OK
        DEL k => :1
        @l (recv) => [pmessage, __key*__:*, __keyspace@3__:k, del]
        @l (recv) => [pmessage, __key*__:*, __keyevent@3__:del, k]
        CONFIG GET notify-keyspace-events => [notify-keyspace-events, gKE]
        "#,
    );
}

/// A client hears its own changes after their reply, as from 7.2 on.
#[test]
fn ones_own_events_follow_the_reply() {
    check(
        r#"
        CONFIG SET notify-keyspace-events E$ => +OK
        HELLO 3 => ~{server: *
        SUBSCRIBE __keyevent@0__:set => push[subscribe, __keyevent@0__:set, :1]
        SET k v => +OK
          7.0: push[message, __keyevent@0__:set, k] -- 7.2 sends pushes after the reply
        (recv) => push[message, __keyevent@0__:set, k]
          7.0: +OK -- 7.2 sends pushes after the reply
        MULTI => +OK
        SET a 1 => +QUEUED
        SET b 1 => +QUEUED
        EXEC => [+OK, +OK]
          7.0: ~* -- 7.2 sends pushes after the reply
        "#,
    );
}
