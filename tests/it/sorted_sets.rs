//! The sorted set commands, by tables that run on ours and on redis-server.

use crate::support::{check, check_ours, check_with};

#[test]
fn additions_ranges_and_algebra() {
    check(
        r#"
        ZADD k 1 a 2 b 3 c => :3
        ZADD k nx xx 1 a => -ERR XX and NX options at the same time are not compatible
        ZADD k gt nx 1 a => -ERR GT, LT, and/or NX options at the same time are not compatible
        ZADD k incr 1 a 2 b => -ERR INCR option supports a single increment-element pair
        ZADD k incr 1 a => 2
        ZADD k x a => -ERR value is not a valid float
        ZADD k ch 5 a 7 d => :2
        ZADD k 1 => -ERR wrong number of arguments for 'zadd' command
        ZADD k nx => -ERR wrong number of arguments for 'zadd' command
        ZADD k xx incr 1 zz => (nil)
        ZINCRBY k 2.5 a => 7.5
        ZINCRBY k inf a => inf
        ZINCRBY k -inf a => -ERR resulting score is not a number (NaN)
        ZINCRBY k XX 1 => -ERR syntax error
        ZINCRBY k x a => -ERR value is not a valid float
        ZRANGE k 0 -1 withscores => [b, 2, c, 3, d, 7, a, inf]
        ZRANGE k 0 -1 rev withscores => [a, inf, d, 7, c, 3, b, 2]
        ZRANGE k (2 +inf byscore limit 0 1 => [c]
        ZRANGE k 0 -1 limit 0 -1 => [b, c, d, a]
        ZRANGE k 0 -1 limit 0 1 => -ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX
        ZRANGE k - + bylex withscores => -ERR syntax error, WITHSCORES not supported in combination with BYLEX
        ZRANGE k - + bylex limit -1 2 => []
        ZRANGE k + - bylex rev limit 1 -2 => [d, c, b]
        ZRANGE k x 1 => -ERR value is not an integer or out of range
        ZRANGE k x 1 byscore => -ERR min or max is not a float
        ZRANGEBYSCORE k "" 3 => [b, c]
        ZRANGEBYSCORE k 1e400 3 => []
        ZRANGEBYSCORE k -1e400 1e400 => [b, c, d, a]
        ZRANGEBYSCORE k " 1" 3 => [b, c]
        ZRANGEBYSCORE k "1 " 3 => -ERR min or max is not a float
        ZRANGEBYSCORE k nan 3 => -ERR min or max is not a float
        ZRANGEBYSCORE k -inf +inf withscores limit 1 2 => [c, 3, d, 7]
        ZREVRANGEBYSCORE k inf -inf limit 1 2 withscores => [d, 7, c, 3]
        ZREVRANGE k 0 1 => [a, d]
        ZREVRANGE k 0 1 rev => -ERR syntax error
        ZRANGEBYLEX k [a [c => [b, c]
        ZRANGEBYLEX k a c => -ERR min or max not valid string range item
        ZREVRANGEBYLEX k + (b => []
        ZRANK k c => :1
        ZRANK k zz => (nil)
        ZREVRANK k c => :2
        ZSCORE k b => 2
        ZSCORE k zz => (nil)
        ZMSCORE k a zz => [inf, (nil)]
        ZMSCORE nokey a zz => [(nil), (nil)]
        ZCARD k => :4
        ZCOUNT k 2 (7 => :2
        ZLEXCOUNT k - + => :4
        ZLEXCOUNT k - x => -ERR min or max not valid string range item
        ZREM k zz => :0
        ZRANGESTORE d k 0 1 => :2
        ZRANGE d 0 -1 withscores => [b, 2, c, 3]
        ZRANGESTORE d k 5 9 => :0
        EXISTS d => :0
        ZRANGESTORE d k 0 1 withscores => -ERR syntax error
        SADD s a b x => :3
        SET str v => +OK
        ZUNION 2 k s withscores => [x, 1, b, 3, c, 3, d, 7, a, inf]
        ZUNION 2 k s weights 2 3 aggregate max withscores => [x, 3, b, 4, c, 6, d, 14, a, inf]
        ZUNION 2 k s weights 2 => -ERR syntax error
        ZUNION 2 k s weights 2 x => -ERR weight value is not a float
        ZUNION 0 k => -ERR at least 1 input key is needed for 'zunion' command
        ZUNION x k => -ERR value is not an integer or out of range
        ZUNION 3 k s => -ERR syntax error
        ZUNION 2 k str foo => -WRONGTYPE Operation against a key holding the wrong kind of value
        ZUNION 2 k s foo => -ERR syntax error
        ZINTER 2 k s withscores => [b, 3, a, inf]
        ZINTER 3 k s no => []
        ZDIFF 2 k s withscores => [c, 3, d, 7]
        ZDIFF 2 k s weights 1 2 => -ERR syntax error
        ZDIFFSTORE d 2 k s => :2
        ZINTERSTORE d 2 k s aggregate min => :2
        ZUNIONSTORE d 2 no no2 => :0
        ZUNIONSTORE d 2 no str => -WRONGTYPE Operation against a key holding the wrong kind of value
        ZINTERCARD 2 k s => :2
        ZINTERCARD 2 k s limit 1 => :1
        ZINTERCARD 2 k s limit 0 => :2
        ZINTERCARD 2 k s limit -1 => -ERR LIMIT can't be negative
        ZINTERCARD 0 k => -ERR at least 1 input key is needed for 'zintercard' command
        ZRANDMEMBER no => (nil)
        ZRANDMEMBER k 0 => []
        ZRANDMEMBER k -9223372036854775808 => -ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
        ZRANDMEMBER k 9223372036854775807 withscores => -ERR value is out of range
        ZRANDMEMBER k 1 foo => -ERR syntax error
        ZPOPMIN k 0 => []
        ZPOPMIN str 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        ZPOPMIN no 0 => []
        ZPOPMIN k -1 => -ERR value is out of range, must be positive
        ZPOPMIN k -1 x => -ERR syntax error
        ZPOPMAX k x x => -ERR syntax error
        ZPOPMIN k x => -ERR value is out of range, must be positive
        ZPOPMIN k => [b, 2]
        ZPOPMAX k 2 => [a, inf, d, 7]
        ZPOPMAX no => []
        "#,
    );
}

#[test]
fn pops_and_removals() {
    check(
        r#"
        SET str v => +OK
        ZADD k 1 a => :1
        ZADD q 1 a 2 b 3 c => :3
        ZMPOP 2 no q min => [q, [[a, 1]]]
        ZMPOP 2 no q max count 5 => [q, [[c, 3], [b, 2]]]
        ZMPOP 2 no q max => (nil-array)
        ZMPOP 1 str max => -WRONGTYPE Operation against a key holding the wrong kind of value
        ZMPOP 0 q max => -ERR numkeys should be greater than 0
        ZMPOP 1 q foo => -ERR syntax error
        ZMPOP 1 q min count 0 => -ERR count should be greater than 0
        ZMPOP 1 q min count 1 count 1 => -ERR syntax error
        ZADD q 1 a 2 b 3 c => :3
        BZPOPMIN no q 0 => [q, a, 1]
        BZPOPMAX q no 0 => [q, c, 3]
        BZPOPMAX q no x => -ERR timeout is not a float or out of range
        BZPOPMAX q no -1 => -ERR timeout is negative
        BZMPOP 0 2 no q min count 2 => [q, [[b, 2]]]
        BZPOPMIN str q 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        ZADD q 1 a 2 b 3 c => :3
        ZREMRANGEBYRANK q 0 0 => :1
        ZREMRANGEBYSCORE q (2 3 => :1
        ZREMRANGEBYLEX q - + => :1
        ZREMRANGEBYLEX q x + => -ERR min or max not valid string range item
        ZADD str 1 a => -WRONGTYPE Operation against a key holding the wrong kind of value
        ZRANGE str 0 -1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        ZRANGE str 0 x => -ERR value is not an integer or out of range
        OBJECT encoding k => listpack
        ZADD big 1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa => :1
        OBJECT encoding big => skiplist
        ZRANGESTORE d big 0 -1 => :1
        OBJECT encoding d => skiplist
        "#,
    );
}

#[test]
fn replies_of_resp3_are_doubles_and_pairs() {
    check(
        r#"
        HELLO 3 => ~*
        ZADD k 1 a 2.5 b => :2
        ZSCORE k a => ,1
        ZADD k INCR 1 a => ,2
        ZRANGE k 0 -1 WITHSCORES => [[a, ,2], [b, ,2.5]]
        ZUNION 1 k WITHSCORES => [[a, ,2], [b, ,2.5]]
        ZMSCORE k a no => [,2, (null)]
        ZRANK k no => (null)
        ZPOPMIN k => [a, ,2]
        ZPOPMAX k 1 => [[b, ,2.5]]
        ZPOPMIN no => []
        ZADD k 1 a => :1
        BZPOPMIN k 0 => [k, a, ,1]
        ZADD k 1 a => :1
        ZMPOP 1 k MIN => [k, [[a, ,1]]]
        ZMPOP 1 k MIN => (null)
        ZADD k 1 a => :1
        ZSCAN k 0 => [0, [a, 1]]
        "#,
    );
}

#[test]
fn ranks_with_scores() {
    check_ours(
        "Redis 7.2: WITHSCORE",
        r#"
        ZADD k 0.1 a 2 b 3 c             => :3
        ZRANK k a WITHSCORE              => [:0, 0.1]
        ZREVRANK k a WITHSCORE           => [:2, 0.1]
        ZRANK k no WITHSCORE             => (nil-array)
        ZRANK no a WITHSCORE             => (nil-array)
        ZRANK k a WITHSCORES             => -ERR syntax error
        ZRANK k a WITHSCORE x            => -ERR syntax error
        ZSCAN k 0 NOSCORES               => [0, [a, b, c]]
        ZSCAN k 0                        => [0, [a, 0.1, b, 2, c, 3]]
        "#,
    );
}

/// C's `strtod` reads them, which ends at a zero byte.
#[test]
fn bounds_of_scores_end_at_a_zero_byte() {
    check(
        r#"
        ZADD z -1 a 0 b 5 c                => :3
        ZRANGEBYSCORE z "-1\x00zz" "(5\x00x" => [a, b]
        ZRANGEBYSCORE z "\x00" 5           => [b, c]
        ZRANGEBYSCORE z "(\x00q" 9         => [c]
        ZRANGEBYSCORE z " \x00" 9          => -ERR min or max is not a float
        ZRANGEBYSCORE z "x\x001" 9         => -ERR min or max is not a float
        ZCOUNT z "0\x00" +inf              => :2
        ZREMRANGEBYSCORE z "0\x00" "0\x00" => :1
        "#,
    );
}

/// A product of 0 and a negative number keeps its sign until it is stored packed.
#[test]
fn zero_keeps_its_sign_in_what_is_computed() {
    check(
        r#"
        ZADD z -1 a 0 b 5 c                  => :3
        ZUNION 1 z WEIGHTS 0 WITHSCORES      => [a, '-0', b, 0, c, 0]
        ZINTER 2 z z WEIGHTS 0 0 WITHSCORES  => [a, '-0', b, 0, c, 0]
        ZUNIONSTORE d 1 z WEIGHTS 0          => :3
        ZRANGE d 0 -1 WITHSCORES             => [a, 0, b, 0, c, 0]
        "#,
    );
}

/// A sum that is the same score is shown as it comes out, and is no change.
#[test]
fn zero_has_two_signs() {
    check_with(
        &["--zset-max-listpack-entries", "0"],
        r#"
        ZADD z -0 m => :1
        ZSCORE z m => '-0'
        ZADD z INCR 0 m => 0
        ZINCRBY z 0 m => 0
        ZSCORE z m => '-0'
        ZADD z 0 m => :0
        ZSCORE z m => '-0'
        "#,
    );
}
