//! `redis.call` of every family of commands: each reply as the script returns it.

use crate::support::check;

#[test]
fn strings_hashes_and_lists() {
    check(
        r#"
        EVAL "return redis.call('SET','a','1','EX',100)" 0 => +OK
        EVAL "return redis.call('SET','a','2','NX')" 0 => (nil)
        EVAL "return redis.call('SET','a','2','GET')" 0 => 1
        EVAL "return redis.call('GETSET','a','3')" 0 => 2
        EVAL "return redis.call('GETDEL','a')" 0 => 3
        EVAL "return redis.call('APPEND','ap','xy')" 0 => :2
        EVAL "return redis.call('STRLEN','ap')" 0 => :2
        EVAL "return redis.call('INCRBYFLOAT','fl','1.5')" 0 => 1.5
        EVAL "return redis.call('INCRBY','in',5)" 0 => :5
        EVAL "return redis.call('INCR','ap')" 0 => -ERR value is not an integer or out of range script: e1cc868e9a840c4a11c744081683868cdc8092bf, on @user_script:1.
        EVAL "return redis.call('MSET','m1','1','m2','2')" 0 => +OK
        EVAL "return redis.call('MGET','m1','nope','m2')" 0 => [1, (nil), 2]
        EVAL "return redis.call('SETRANGE','ap',5,'z')" 0 => :6
        EVAL "return redis.call('GETRANGE','ap',0,-1)" 0 => 'xy\x00\x00\x00z'
        EVAL "return redis.call('SETNX','ap','q')" 0 => :0
        EVAL "return redis.call('LCS','m1','m2','IDX')" 0 => [matches, [], len, :0]
        EVAL "return redis.call('HSET','h','a',1,'b',2)" 0 => :2
        EVAL "return redis.call('HGET','h','a')" 0 => 1
        EVAL "return redis.call('HMGET','h','a','x','b')" 0 => [1, (nil), 2]
        EVAL "return redis.call('HGETALL','h')" 0 => [a, 1, b, 2]
        EVAL "return redis.call('HINCRBYFLOAT','h','a','0.1')" 0 => 1.1
        EVAL "return redis.call('HDEL','h','a','x')" 0 => :1
        EVAL "return redis.call('HSCAN','h',0)" 0 => [0, [b, 2]]
        EVAL "return redis.call('HRANDFIELD','h')" 0 => b
        EVAL "return redis.call('HEXISTS','h','b')" 0 => :1
        EVAL "return redis.call('RPUSH','l','a','b','c')" 0 => :3
        EVAL "return redis.call('LRANGE','l',0,-1)" 0 => [a, b, c]
        EVAL "return redis.call('LPOP','l')" 0 => a
        EVAL "return redis.call('LPOP','l',5)" 0 => [b, c]
        EVAL "return redis.call('LPOP','l',5)" 0 => (nil)
        EVAL "return redis.call('LPOP','l')" 0 => (nil)
        EVAL "return redis.call('LMOVE','l','l2','LEFT','RIGHT')" 0 => (nil)
        EVAL "return redis.call('LPOS','l2','x')" 0 => (nil)
        EVAL "return redis.call('LINSERT','l2','BEFORE','a','b')" 0 => :0
        EVAL "return redis.call('BLPOP','l',0)" 0 => (nil)
          7.0: -ERR This Redis command is not allowed from script script: 369da2c732f29407ba723639e9e916864793a9e4, on @user_script:1. -- from 7.2 on scripts may call what could block
        EVAL "return redis.call('BLMOVE','l','l2','LEFT','LEFT',0)" 0 => (nil)
          7.0: -ERR This Redis command is not allowed from script script: 600fdc6d5cd39e6d378a085d6dc9c8c285a9bb7a, on @user_script:1. -- from 7.2 on scripts may call what could block
        EVAL "return redis.call('BLMPOP',0,1,'l','LEFT')" 0 => (nil)
        "#,
    );
}

#[test]
fn sets_sorted_sets_hyperloglogs_and_geo() {
    check(
        r#"
        EVAL "return redis.call('SADD','s','a','b')" 0 => :2
        EVAL "return redis.call('SISMEMBER','s','a')" 0 => :1
        EVAL "return redis.call('SMISMEMBER','s','a','z')" 0 => [:1, :0]
        EVAL "return redis.call('SCARD','s')" 0 => :2
        EVAL "return redis.call('SPOP','s0')" 0 => (nil)
        EVAL "return redis.call('SPOP','s0',2)" 0 => []
        EVAL "return redis.call('SINTERCARD',1,'s')" 0 => :2
        EVAL "return redis.call('SSCAN','s',0,'MATCH','a')" 0 => [0, [a]]
        EVAL "return redis.call('ZADD','z',1,'a',2.5,'b')" 0 => :2
        EVAL "return redis.call('ZRANGE','z',0,-1,'WITHSCORES')" 0 => [a, 1, b, 2.5]
        EVAL "return redis.call('ZSCORE','z','b')" 0 => 2.5
        EVAL "return redis.call('ZINCRBY','z',0.1,'a')" 0 => 1.1
          7.0: 1.1000000000000001 -- 7.2 prints the shortest digits
        EVAL "return redis.call('ZRANGEBYSCORE','z','-inf','(2','WITHSCORES','LIMIT',0,1)" 0 => [a, 1.1]
          7.0: [a, 1.1000000000000001] -- 7.2 prints the shortest digits
        EVAL "return redis.call('ZPOPMIN','z')" 0 => [a, 1.1]
          7.0: [a, 1.1000000000000001] -- 7.2 prints the shortest digits
        EVAL "return redis.call('ZPOPMIN','z0')" 0 => []
        EVAL "return redis.call('ZMSCORE','z','b','x')" 0 => [2.5, (nil)]
        EVAL "return redis.call('ZRANK','z','x')" 0 => (nil)
        EVAL "return redis.call('ZADD','z','INCR','XX',1,'x')" 0 => (nil)
        EVAL "return redis.call('ZADD','z','x','y')" 0 => -ERR value is not a valid float script: ea4bddd2a3a4a9d68c0f4eb1de6fe18c474d5dbf, on @user_script:1.
        EVAL "return redis.call('BZPOPMIN','z0',0)" 0 => (nil)
          7.0: -ERR This Redis command is not allowed from script script: 6f3b695ed8e7d88b2f18a58a2b8d96a7b514e588, on @user_script:1. -- from 7.2 on scripts may call what could block
        EVAL "return redis.call('PFADD','hl','a','b','c')" 0 => :1
        EVAL "return redis.call('PFCOUNT','hl')" 0 => :3
        EVAL "return redis.call('PFMERGE','hl2','hl')" 0 => +OK
        EVAL "return redis.call('GEOADD','g','13.361389','38.115556','Palermo','15.087269','37.502669','Catania')" 0 => :2
        EVAL "return redis.call('GEODIST','g','Palermo','Catania','km')" 0 => 166.2742
        EVAL "return redis.call('GEOPOS','g','Palermo','x')" 0 => [[13.36138933897018433, 38.11555639549629859], (nil)]
        EVAL "return redis.call('GEOHASH','g','Palermo')" 0 => [sqc8b49rny0]
        EVAL "return redis.call('GEOSEARCH','g','FROMMEMBER','Palermo','BYRADIUS','200','km','ASC','WITHDIST')" 0 => [[Palermo, 0.0000], [Catania, 166.2742]]
        EVAL "return redis.call('SETBIT','b',7,1)" 0 => :0
        "#,
    );
}

#[test]
fn bits_keys_streams_and_channels() {
    check(
        r#"
        RPUSH l2 b a => :2
        ZADD z 1 b => :1
        EVAL "return redis.call('GETBIT','b',7)" 0 => :0
        EVAL "return redis.call('BITCOUNT','b')" 0 => :0
        EVAL "return redis.call('BITPOS','b',1)" 0 => :-1
        EVAL "return redis.call('BITOP','NOT','b2','b')" 0 => :0
        EVAL "return redis.call('BITFIELD','b','INCRBY','u8',0,300,'OVERFLOW','FAIL','INCRBY','u8',0,300)" 0 => [:44, (nil)]
        EVAL "return redis.call('TYPE','z')" 0 => +zset
        EVAL "return redis.call('TYPE','nope')" 0 => +none
        EVAL "return redis.call('EXISTS','z','z','nope')" 0 => :2
        EVAL "return redis.call('RENAME','z','z9')" 0 => +OK
        EVAL "return redis.call('RENAME','nope','z9')" 0 => -ERR no such key script: 4b82d17f2b8f555de8fd6ead2d67f3cb3345a5e7, on @user_script:1.
        EVAL "return redis.call('COPY','z9','z8')" 0 => :1
        EVAL "return redis.call('EXPIRE','z8',100)" 0 => :1
        EVAL "return redis.call('TTL','z8')" 0 => :100
        EVAL "return redis.call('PERSIST','z8')" 0 => :1
        EVAL "return redis.call('OBJECT','ENCODING','z8')" 0 => listpack
        EVAL "return redis.call('UNLINK','z8','z9')" 0 => :2
        EVAL "return redis.call('SCAN',0,'MATCH','nomatch*','COUNT',1000)" 0 => [0, []]
        EVAL "return redis.call('SORT','l2','ALPHA','DESC')" 0 => [b, a]
        EVAL "return redis.call('TOUCH','l2')" 0 => :1
        EVAL "return redis.call('DBSIZE')" 0 => :2
        EVAL "return redis.call('XADD','x','1-1','f','v')" 0 => 1-1
        EVAL "return redis.call('XADD','x','1-1','f','v')" 0 => -ERR The ID specified in XADD is equal or smaller than the target stream top item script: 99141ca12c0605107913a514668965a54249c8a2, on @user_script:1.
        EVAL "return redis.call('XADD','x','1-2','g','w')" 0 => 1-2
        EVAL "return redis.call('XRANGE','x','-','+')" 0 => [[1-1, [f, v]], [1-2, [g, w]]]
        EVAL "return redis.call('XREAD','COUNT',1,'STREAMS','x','0')" 0 => [[x, [[1-1, [f, v]]]]]
        EVAL "return redis.call('XREAD','BLOCK',0,'STREAMS','x','$')" 0 => (nil)
          7.0: -ERR XREAD command is not allowed with BLOCK option from scripts script: daaf337138a5c442d1e994b23ee454ef99ccde93, on @user_script:1. -- from 7.2 on scripts may call what could block
        EVAL "return redis.call('XREAD','STREAMS','nope','0')" 0 => (nil)
        EVAL "return redis.call('XGROUP','CREATE','x','g','0')" 0 => +OK
        EVAL "return redis.call('XREADGROUP','GROUP','g','c','STREAMS','x','>')" 0 => [[x, [[1-1, [f, v]], [1-2, [g, w]]]]]
        EVAL "return redis.call('XACK','x','g','1-1')" 0 => :1
        EVAL "return redis.call('XPENDING','x','g')" 0 => [:1, 1-2, 1-2, [[c, 1]]]
        EVAL "return redis.call('XLEN','x')" 0 => :2
        EVAL "return redis.call('XTRIM','x','MAXLEN',1)" 0 => :1
        EVAL "return redis.call('XINFO','STREAM','x')[2]" 0 => :1
        EVAL "return redis.call('PUBLISH','c','m')" 0 => :0
        EVAL "return redis.call('SPUBLISH','c','m')" 0 => :0
        EVAL "return redis.call('PUBSUB','NUMSUB','c')" 0 => [c, :0]
        EVAL "return redis.call('ECHO','hi')" 0 => hi
        EVAL "return redis.call('COMMAND','COUNT') > 100" 0 => :1
        EVAL "return redis.call('LASTSAVE') > 0" 0 => :1
        EVAL "return redis.call('OBJECT','HELP')[1]" 0 => +OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:
        EVAL "return redis.call('MEMORY','USAGE','nope')" 0 => (nil)
        EVAL "return redis.call('FLUSHDB')" 0 => +OK
        "#,
    );
}
