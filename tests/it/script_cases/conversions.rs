//! Lua values to replies and replies to Lua values, for connections of both protocols.

use crate::support::check;

#[test]
fn values_become_replies() {
    check(
        r#"
        EVAL "return 1" 1 k a => :1
        EVAL "return -1" 1 k a => :-1
        EVAL "return 3.99" 1 k a => :3
        EVAL "return -3.99" 1 k a => :-3
        EVAL "return 0" 1 k a => :0
        EVAL "return 2^53" 1 k a => :9007199254740992
        EVAL "return 2^63" 1 k a => :-9223372036854775808
        EVAL "return -2^63" 1 k a => :-9223372036854775808
        EVAL "return 1e300" 1 k a => :-9223372036854775808
        EVAL "return 0/0" 1 k a => :-9223372036854775808
        EVAL "return 1/0" 1 k a => :-9223372036854775808
        EVAL "return 'x'" 1 k a => x
        EVAL "return ''" 1 k a => ''
        EVAL "return nil" 1 k a => (nil)
        EVAL "return true" 1 k a => :1
        EVAL "return false" 1 k a => (nil)
        EVAL "return {}" 1 k a => []
        EVAL "return {1,2,3}" 1 k a => [:1, :2, :3]
        EVAL "return {1,nil,3}" 1 k a => [:1]
        EVAL "return {1,false,3}" 1 k a => [:1, (nil), :3]
        EVAL "return {1,true,'a',{2,{3}}}" 1 k a => [:1, :1, a, [:2, [:3]]]
        EVAL "return {a=1}" 1 k a => []
        EVAL "return {1,2,a=3}" 1 k a => [:1, :2]
        EVAL "return {[2]=2}" 1 k a => []
        EVAL "return {ok='fine'}" 1 k a => +fine
        EVAL "return {err='bad'}" 1 k a => -bad
        EVAL "return {err='ERR bad'}" 1 k a => -ERR bad
        EVAL "return {err='MYERR bad thing'}" 1 k a => -MYERR bad thing
        EVAL "return {ok='a',err='b'}" 1 k a => -b
        EVAL "return {ok=1}" 1 k a => []
        EVAL "return {err=1}" 1 k a => []
        EVAL "return {ok='fine',1,2}" 1 k a => +fine
        EVAL "return {{ok='in'},{err='in ERR'}}" 1 k a => [+in, -in ERR]
        EVAL "return {double=3.5}" 1 k a => 3.5
        EVAL "return {double='x'}" 1 k a => []
        EVAL "return {map={a=1}}" 1 k a => [a, :1]
        EVAL "return {map={}}" 1 k a => []
        EVAL "return {set={a=true}}" 1 k a => [a]
        EVAL "return {set={a=1,b=false}}" 1 k a => [a, b]
        EVAL "return {big_number='123456789012345678901234567890'}" 1 k a => 123456789012345678901234567890
        EVAL "return {verbatim_string={format='txt',string='hello'}}" 1 k a => hello
        EVAL "return {verbatim_string={}}" 1 k a => []
        EVAL "return {big_number='12\\r\\n3'}" 1 k a => '12  3'
        EVAL "return {ok='a\\r\\nb'}" 1 k a => +a  b
        EVAL "return {err='a\\r\\nb'}" 1 k a => -a  b
        EVAL "return redis.status_reply('S')" 1 k a => +S
        EVAL "return redis.error_reply('E')" 1 k a => -ERR E
        EVAL "return redis.error_reply('-E text')" 1 k a => -E text
        EVAL "return redis.error_reply('My Err')" 1 k a => -My Err
        EVAL "return redis.call" 1 k a => (nil)
        EVAL "return function() end" 1 k a => (nil)
        EVAL "return 1,2" 1 k a => :1
        EVAL "return" 1 k a => (nil)
        EVAL "return ('x'):rep(3)" 1 k a => xxx
        EVAL "return KEYS" 1 k a => [k]
        EVAL "return ARGV" 1 k a => [a]
        EVAL "return {KEYS,ARGV}" 1 k a => [[k], [a]]
        EVAL "return #KEYS + #ARGV" 1 k a => :2
        EVAL "return tostring(nil)" 1 k a => nil
        EVAL "return {[0]=1,2}" 1 k a => [:2]
        EVAL "return {{{{{{1}}}}}}" 1 k a => [[[[[[:1]]]]]]
        EVAL "return 9007199254740993" 1 k a => :9007199254740992
        EVAL "return 4611686018427387904*2" 1 k a => :-9223372036854775808
        EVAL "return -0.0" 1 k a => :0
        EVAL "return 1e15" 1 k a => :1000000000000000
        EVAL "return '\\0\\255'" 1 k a => '\x00\xff'
        "#,
    );
}

#[test]
fn values_become_replies_of_resp3() {
    check(
        r#"
        @b HELLO 3 => ~*
        @b EVAL "return 1" 1 k a => :1
        @b EVAL "return -1" 1 k a => :-1
        @b EVAL "return 3.99" 1 k a => :3
        @b EVAL "return -3.99" 1 k a => :-3
        @b EVAL "return 0" 1 k a => :0
        @b EVAL "return 2^53" 1 k a => :9007199254740992
        @b EVAL "return 2^63" 1 k a => :-9223372036854775808
        @b EVAL "return -2^63" 1 k a => :-9223372036854775808
        @b EVAL "return 1e300" 1 k a => :-9223372036854775808
        @b EVAL "return 0/0" 1 k a => :-9223372036854775808
        @b EVAL "return 1/0" 1 k a => :-9223372036854775808
        @b EVAL "return 'x'" 1 k a => x
        @b EVAL "return ''" 1 k a => ''
        @b EVAL "return nil" 1 k a => (null)
        @b EVAL "return true" 1 k a => :1
        @b EVAL "return false" 1 k a => (null)
        @b EVAL "return {}" 1 k a => []
        @b EVAL "return {1,2,3}" 1 k a => [:1, :2, :3]
        @b EVAL "return {1,nil,3}" 1 k a => [:1]
        @b EVAL "return {1,false,3}" 1 k a => [:1, (null), :3]
        @b EVAL "return {1,true,'a',{2,{3}}}" 1 k a => [:1, :1, a, [:2, [:3]]]
        @b EVAL "return {a=1}" 1 k a => []
        @b EVAL "return {1,2,a=3}" 1 k a => [:1, :2]
        @b EVAL "return {[2]=2}" 1 k a => []
        @b EVAL "return {ok='fine'}" 1 k a => +fine
        @b EVAL "return {err='bad'}" 1 k a => -bad
        @b EVAL "return {err='ERR bad'}" 1 k a => -ERR bad
        @b EVAL "return {err='MYERR bad thing'}" 1 k a => -MYERR bad thing
        @b EVAL "return {ok='a',err='b'}" 1 k a => -b
        @b EVAL "return {ok=1}" 1 k a => []
        @b EVAL "return {err=1}" 1 k a => []
        @b EVAL "return {ok='fine',1,2}" 1 k a => +fine
        @b EVAL "return {{ok='in'},{err='in ERR'}}" 1 k a => [+in, -in ERR]
        @b EVAL "return {double=3.5}" 1 k a => ,3.5
        @b EVAL "return {double='x'}" 1 k a => []
        @b EVAL "return {map={a=1}}" 1 k a => {a: :1}
        @b EVAL "return {map={}}" 1 k a => {}
        @b EVAL "return {set={a=true}}" 1 k a => set[a]
        @b EVAL "return {set={a=1,b=false}}" 1 k a => set[a, b]
        @b EVAL "return {big_number='123456789012345678901234567890'}" 1 k a => (big 123456789012345678901234567890)
        @b EVAL "return {verbatim_string={format='txt',string='hello'}}" 1 k a => (txt hello)
        @b EVAL "return {verbatim_string={}}" 1 k a => []
        @b EVAL "return {big_number='12\\r\\n3'}" 1 k a => (big 12  3)
        @b EVAL "return {ok='a\\r\\nb'}" 1 k a => +a  b
        @b EVAL "return {err='a\\r\\nb'}" 1 k a => -a  b
        @b EVAL "return redis.status_reply('S')" 1 k a => +S
        @b EVAL "return redis.error_reply('E')" 1 k a => -ERR E
        @b EVAL "return redis.error_reply('-E text')" 1 k a => -E text
        @b EVAL "return redis.error_reply('My Err')" 1 k a => -My Err
        @b EVAL "return redis.call" 1 k a => (null)
        @b EVAL "return function() end" 1 k a => (null)
        @b EVAL "return 1,2" 1 k a => :1
        @b EVAL "return" 1 k a => (null)
        @b EVAL "return ('x'):rep(3)" 1 k a => xxx
        @b EVAL "return KEYS" 1 k a => [k]
        @b EVAL "return ARGV" 1 k a => [a]
        @b EVAL "return {KEYS,ARGV}" 1 k a => [[k], [a]]
        @b EVAL "return #KEYS + #ARGV" 1 k a => :2
        @b EVAL "return tostring(nil)" 1 k a => nil
        @b EVAL "return {[0]=1,2}" 1 k a => [:2]
        @b EVAL "return {{{{{{1}}}}}}" 1 k a => [[[[[[:1]]]]]]
        @b EVAL "return 9007199254740993" 1 k a => :9007199254740992
        @b EVAL "return 4611686018427387904*2" 1 k a => :-9223372036854775808
        @b EVAL "return -0.0" 1 k a => :0
        @b EVAL "return 1e15" 1 k a => :1000000000000000
        @b EVAL "return '\\0\\255'" 1 k a => '\x00\xff'
        "#,
    );
}

#[test]
fn replies_become_values() {
    check(
        r#"
        HSET h f v => :1
        SADD s m => :1
        ZADD z 1.5 m => :1
        SET k v => +OK
        RPUSH l a b => :2
        @b HELLO 3 => ~*
        EVAL "redis.setresp(3) local r=redis.call('HGETALL','h') return {type(r), type(r.map), r.map.f}" 0 => [table, table, v]
        EVAL "local r=redis.call('HGETALL','h') return {type(r), r[1], r[2]}" 0 => [table, f, v]
        EVAL "redis.setresp(3) return redis.call('HGETALL','h')" 0 => [f, v]
        EVAL "return redis.call('HGETALL','h')" 0 => [f, v]
        EVAL "redis.setresp(3) local r=redis.call('SMEMBERS','s') return {type(r.set), tostring(r.set.m)}" 0 => [table, true]
        EVAL "redis.setresp(3) return redis.call('SMEMBERS','s')" 0 => [m]
        EVAL "redis.setresp(3) local r=redis.call('ZSCORE','z','m') return {type(r), type(r.double), tostring(r.double)}" 0 => [table, number, 1.5]
        EVAL "redis.setresp(3) return redis.call('ZSCORE','z','m')" 0 => 1.5
        EVAL "return redis.call('ZSCORE','z','m')" 0 => 1.5
        EVAL "redis.setresp(3) return redis.call('ZRANGE','z',0,-1,'WITHSCORES')" 0 => [[m, 1.5]]
        EVAL "redis.setresp(3) return tostring(redis.call('GET','none'))" 0 => nil
        EVAL "redis.setresp(2) return tostring(redis.call('GET','none'))" 0 => false
        EVAL "redis.setresp(3) return redis.call('GET','none')" 0 => (nil)
        EVAL "redis.setresp(3) return type(redis.call('GET','k'))" 0 => string
        EVAL "redis.setresp(3) local r=redis.call('SET','k','v') return {type(r), r.ok}" 0 => [table, OK]
        EVAL "redis.setresp(3) return redis.call('DEBUG','PROTOCOL','true') == true" 0 => -ERR This Redis command is not allowed from script script: cc3feffd89aa7f8d3ae7daaa938a916378e276aa, on @user_script:1.
        EVAL "redis.setresp(3) return redis.call('LRANGE','l',0,-1)" 0 => [a, b]
        EVAL "redis.setresp(4)" 0 => -ERR RESP version must be 2 or 3. script: 68e72e4d8a428b9f599dce492315f2455a425a82, on @user_script:1.
        EVAL "redis.setresp(1)" 0 => -ERR RESP version must be 2 or 3. script: c7b902a2c3928d46426d230692867f2c99b55bcc, on @user_script:1.
        EVAL "redis.setresp()" 0 => -ERR redis.setresp() requires one argument. script: 42aacaf580759e59c97e8b1974d08a62f960014f, on @user_script:1.
        EVAL "redis.setresp('3') return 1" 0 => :1
        EVAL "redis.setresp('x')" 0 => -ERR RESP version must be 2 or 3. script: c2a797a9752572869ec889597b789377db40332b, on @user_script:1.
        EVAL "redis.setresp(3,2)" 0 => -ERR redis.setresp() requires one argument. script: bc8e73e013734954b167da48f0e30d7821ea8355, on @user_script:1.
        EVAL "redis.setresp(3) redis.setresp(2) return redis.call('HGETALL','h')" 0 => [f, v]
        EVAL "return redis.call('HGETALL','none')" 0 => []
        EVAL "redis.setresp(3) return redis.call('HGETALL','none')" 0 => []
        EVAL "redis.setresp(3) return {redis.call('GET','none'), 1}" 0 => []
        @b EVAL "redis.setresp(3) local r=redis.call('HGETALL','h') return {type(r), type(r.map), r.map.f}" 0 => [table, table, v]
        @b EVAL "local r=redis.call('HGETALL','h') return {type(r), r[1], r[2]}" 0 => [table, f, v]
        @b EVAL "redis.setresp(3) return redis.call('HGETALL','h')" 0 => {f: v}
        @b EVAL "return redis.call('HGETALL','h')" 0 => [f, v]
        @b EVAL "redis.setresp(3) local r=redis.call('SMEMBERS','s') return {type(r.set), tostring(r.set.m)}" 0 => [table, true]
        @b EVAL "redis.setresp(3) return redis.call('SMEMBERS','s')" 0 => set[m]
        @b EVAL "redis.setresp(3) local r=redis.call('ZSCORE','z','m') return {type(r), type(r.double), tostring(r.double)}" 0 => [table, number, 1.5]
        @b EVAL "redis.setresp(3) return redis.call('ZSCORE','z','m')" 0 => ,1.5
        @b EVAL "return redis.call('ZSCORE','z','m')" 0 => 1.5
        @b EVAL "redis.setresp(3) return redis.call('ZRANGE','z',0,-1,'WITHSCORES')" 0 => [[m, ,1.5]]
        @b EVAL "redis.setresp(3) return tostring(redis.call('GET','none'))" 0 => nil
        @b EVAL "redis.setresp(2) return tostring(redis.call('GET','none'))" 0 => false
        @b EVAL "redis.setresp(3) return redis.call('GET','none')" 0 => (null)
        @b EVAL "redis.setresp(3) return type(redis.call('GET','k'))" 0 => string
        @b EVAL "redis.setresp(3) local r=redis.call('SET','k','v') return {type(r), r.ok}" 0 => [table, OK]
        @b EVAL "redis.setresp(3) return redis.call('DEBUG','PROTOCOL','true') == true" 0 => -ERR This Redis command is not allowed from script script: cc3feffd89aa7f8d3ae7daaa938a916378e276aa, on @user_script:1.
        @b EVAL "redis.setresp(3) return redis.call('LRANGE','l',0,-1)" 0 => [a, b]
        @b EVAL "redis.setresp(4)" 0 => -ERR RESP version must be 2 or 3. script: 68e72e4d8a428b9f599dce492315f2455a425a82, on @user_script:1.
        @b EVAL "redis.setresp(1)" 0 => -ERR RESP version must be 2 or 3. script: c7b902a2c3928d46426d230692867f2c99b55bcc, on @user_script:1.
        @b EVAL "redis.setresp()" 0 => -ERR redis.setresp() requires one argument. script: 42aacaf580759e59c97e8b1974d08a62f960014f, on @user_script:1.
        @b EVAL "redis.setresp('3') return 1" 0 => :1
        @b EVAL "redis.setresp('x')" 0 => -ERR RESP version must be 2 or 3. script: c2a797a9752572869ec889597b789377db40332b, on @user_script:1.
        @b EVAL "redis.setresp(3,2)" 0 => -ERR redis.setresp() requires one argument. script: bc8e73e013734954b167da48f0e30d7821ea8355, on @user_script:1.
        @b EVAL "redis.setresp(3) redis.setresp(2) return redis.call('HGETALL','h')" 0 => [f, v]
        @b EVAL "return redis.call('HGETALL','none')" 0 => []
        @b EVAL "redis.setresp(3) return redis.call('HGETALL','none')" 0 => {}
        @b EVAL "redis.setresp(3) return {redis.call('GET','none'), 1}" 0 => []
        "#,
    );
}

#[test]
fn resp3_values_by_setresp() {
    check(
        r#"
        @b HELLO 3 => ~*
        EVAL "redis.setresp(3) return redis.call('HGETALL',KEYS[1] or 'h')" 0 => []
        EVAL "redis.setresp(3) return {double=3.5}" 0 => 3.5
        EVAL "redis.setresp(3) return {map={a=1}}" 0 => [a, :1]
        EVAL "redis.setresp(3) return {set={a=true}}" 0 => [a]
        EVAL "redis.setresp(3) return true" 0 => :1
        EVAL "redis.setresp(3) return false" 0 => :0
        EVAL "redis.setresp(3) return nil" 0 => (nil)
        EVAL "redis.setresp(3) return {big_number='123'}" 0 => 123
        EVAL "redis.setresp(3) return {verbatim_string={format='txt',string='hello'}}" 0 => hello
        @b EVAL "redis.setresp(3) return redis.call('HGETALL',KEYS[1] or 'h')" 0 => {}
        @b EVAL "redis.setresp(3) return {double=3.5}" 0 => ,3.5
        @b EVAL "redis.setresp(3) return {map={a=1}}" 0 => {a: :1}
        @b EVAL "redis.setresp(3) return {set={a=true}}" 0 => set[a]
        @b EVAL "redis.setresp(3) return true" 0 => #t
        @b EVAL "redis.setresp(3) return false" 0 => #f
        @b EVAL "redis.setresp(3) return nil" 0 => (null)
        @b EVAL "redis.setresp(3) return {big_number='123'}" 0 => (big 123)
        @b EVAL "redis.setresp(3) return {verbatim_string={format='txt',string='hello'}}" 0 => (txt hello)
        "#,
    );
}
