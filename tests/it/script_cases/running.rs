//! How scripts are run: arguments, EVALSHA and SCRIPT, EVAL_RO, shebangs, MULTI, what stays after an error.

use crate::support::check;

#[test]
fn arguments_and_the_cache() {
    check(
        r#"
        SET k v => +OK
        EVAL => -ERR wrong number of arguments for 'eval' command
        EVAL "return 1" => -ERR wrong number of arguments for 'eval' command
        EVAL "return 1" x => -ERR value is not an integer or out of range
        EVAL "return 1" -1 => -ERR Number of keys can't be negative
        EVAL "return 1" 1 => -ERR Number of keys can't be greater than number of args
        EVAL "return 1" 2 a => -ERR Number of keys can't be greater than number of args
        EVAL "return 1" 99999999999 => -ERR Number of keys can't be greater than number of args
        EVAL "" 0 => (nil)
        EVALSHA nosuch 0 => -NOSCRIPT No matching script. Please use EVAL.
        EVALSHA ffffffffffffffffffffffffffffffffffffffff 0 => -NOSCRIPT No matching script. Please use EVAL.
        EVALSHA FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF 0 => -NOSCRIPT No matching script. Please use EVAL.
        EVALSHA x => -ERR wrong number of arguments for 'evalsha' command
        SCRIPT LOAD "return 5" => 4ca238f611c9d0ae4e9a75a5dbac22aedc379801
        EVALSHA 4ca238f611c9d0ae4e9a75a5dbac22aedc1e1c31 0 => -NOSCRIPT No matching script. Please use EVAL.
        SCRIPT LOAD "return +" => -ERR Error compiling script (new function): user_script:1: unexpected symbol near '+'
        SCRIPT LOAD "return ARGV[1]" => 098e0f0d1448c0a81dafe820f66d460eb09263da
        EVALSHA 098e0f0d1448c0a81dafe820f66d460eb09263da 0 x => x
        EVALSHA 098E0F0D1448C0A81DAFE820F66D460EB09263DA 0 x => x
        SCRIPT EXISTS 098e0f0d1448c0a81dafe820f66d460eb09263da nosuch 098E0F0D1448C0A81DAFE820F66D460EB09263DA => [:1, :0, :1]
        SCRIPT EXISTS => -ERR wrong number of arguments for 'script|exists' command
        SCRIPT NOSUCH => -ERR unknown subcommand 'NOSUCH'. Try SCRIPT HELP.
        SCRIPT FLUSH x => -ERR SCRIPT FLUSH only support SYNC|ASYNC option
        SCRIPT FLUSH ASYNC => +OK
        EVALSHA 098e0f0d1448c0a81dafe820f66d460eb09263da 0 x => -NOSCRIPT No matching script. Please use EVAL.
        SCRIPT FLUSH SYNC => +OK
        SCRIPT KILL => -NOTBUSY No scripts in execution right now.
        SCRIPT DEBUG no => +OK
        SCRIPT DEBUG x => -ERR Use SCRIPT DEBUG YES/SYNC/NO
        "#,
    );
}

#[test]
fn read_only_scripts() {
    check(
        r#"
        SET k v => +OK
        EVAL_RO "return redis.call('GET',KEYS[1])" 1 k => v
        EVAL_RO "return redis.call('SET',KEYS[1],'x')" 1 k => -ERR Write commands are not allowed from read-only scripts. script: 1f8f4cfba6f3375f8c4ec02b9de4361a5dea5c64, on @user_script:1.
        EVAL_RO "return redis.pcall('SET',KEYS[1],'x').err" 1 k => 'ERR Write commands are not allowed from read-only scripts.'
        EVAL_RO "return redis.call('DEL',KEYS[1])" 1 k => -ERR Write commands are not allowed from read-only scripts. script: 71923a30a2cad96b7271cad5b0fdb4d5a1dd868c, on @user_script:1.
        EVAL_RO "return redis.call('PUBLISH','c','m')" 1 k => -ERR Write commands are not allowed from read-only scripts. script: cf83e0d368326f081288903612dabe0892e511ff, on @user_script:1.
        EVAL_RO "return redis.call('SORT_RO',KEYS[1])" 1 k => -WRONGTYPE Operation against a key holding the wrong kind of value script: d2894c0d620e50582eca5b32f0f9950648215df4, on @user_script:1.
        EVAL_RO "return redis.call('EXPIRE',KEYS[1],1)" 1 k => -ERR Write commands are not allowed from read-only scripts. script: a3f736b2eb6d20dc4f8e980d519072abfaa7d0a6, on @user_script:1.
        EVAL_RO "return redis.call('PFCOUNT',KEYS[1])" 1 k => -ERR Write commands are not allowed from read-only scripts. script: daaf837690a6a8faa9c03e8a8a74c3498913959f, on @user_script:1.
        EVAL_RO "return redis.call('GETEX',KEYS[1])" 1 k => -ERR Write commands are not allowed from read-only scripts. script: 26a7c8a345b4b969f48c09681d9eb90d10f42f19, on @user_script:1.
        EVAL_RO "return redis.call('BITFIELD',KEYS[1],'GET','u8',0)" 1 k => -ERR Write commands are not allowed from read-only scripts. script: a2fb8471f9fa3754e055bc50f79475e7242926ab, on @user_script:1.
        EVAL_RO "return redis.call('BITFIELD_RO',KEYS[1],'GET','u8',0)" 1 k => [:118]
        EVAL_RO "local t = redis.call('TIME') return #t" 1 k => :2
        "#,
    );
}

#[test]
fn shebangs() {
    check(
        r#"
        EVAL "\x23!lua\nreturn 1" 1 k => :1
        EVAL "\x23!lua\nreturn redis.call(\"SET\",KEYS[1],1)" 1 k => +OK
        EVAL "\x23!lua flags=no-writes\nreturn redis.call(\"SET\",KEYS[1],1)" 1 k => -ERR Write commands are not allowed from read-only scripts. script: 6068b5c78e5476bba9dc4206d64da1787002c9d6, on @user_script:2.
        EVAL "\x23!lua flags=no-writes\nreturn redis.call(\"GET\",KEYS[1])" 1 k => 1
        EVAL "\x23!lua flags=no-writes,allow-stale\nreturn 1" 1 k => :1
        EVAL "\x23!lua flags=allow-oom\nreturn 1" 1 k => :1
        EVAL "\x23!lua flags=no-cluster\nreturn 1" 1 k => :1
        EVAL "\x23!lua flags=allow-cross-slot-keys\nreturn 1" 1 k => :1
        EVAL "\x23!lua flags=\nreturn 1" 1 k => :1
        EVAL "\x23!lua flags=bogus\nreturn 1" 1 k => -ERR Unexpected flag in script shebang: bogus
        EVAL "\x23!lua flags=no-writes,bogus\nreturn 1" 1 k => -ERR Unexpected flag in script shebang: bogus
        EVAL "\x23!lua bogus=1\nreturn 1" 1 k => -ERR Unknown lua shebang option: bogus=1
        EVAL "\x23!lua flags\nreturn 1" 1 k => -ERR Unknown lua shebang option: flags
        EVAL "\x23!lua name=x\nreturn 1" 1 k => -ERR Unknown lua shebang option: name=x
        EVAL "\x23!lua" 1 k => -ERR Invalid script shebang
        EVAL "\x23!lua\n" 1 k => (nil)
        EVAL "\x23!" 1 k => -ERR Invalid script shebang
        EVAL "\x23!\nreturn 1" 1 k => -ERR Unexpected engine in script shebang: #!
        EVAL "\x23!python\nreturn 1" 1 k => -ERR Unexpected engine in script shebang: #!python
        EVAL "\x23!LUA\nreturn 1" 1 k => -ERR Unexpected engine in script shebang: #!LUA
        EVAL "\x23!lua  flags=no-writes\nreturn 1" 1 k => :1
        EVAL "\x23!lua flags=no-writes flags=allow-oom\nreturn 1" 1 k => :1
        EVAL "\x23!lua flags=no-writes, allow-oom\nreturn 1" 1 k => -ERR Unexpected flag in script shebang:\s
        EVAL "\x23!lua flags=NO-WRITES\nreturn 1" 1 k => -ERR Unexpected flag in script shebang: NO-WRITES
        EVAL " \x23!lua\nreturn 1" 1 k => -ERR Error compiling script (new function): user_script:1: unexpected symbol near '#'
        EVAL "\x23!lua\nerror(\"here\")" 1 k => -ERR user_script:2: here script: 065a2d3855ac3fbb1afff0c9aab6478f9afc32f5, on @user_script:2.
        EVAL "\x23!lua\n\nreturn +" 1 k => -ERR Error compiling script (new function): user_script:3: unexpected symbol near '+'
        EVAL "\x23!lua flags=no-writes\nreturn redis.pcall(\"SET\",KEYS[1],1).err" 1 k => 'ERR Write commands are not allowed from read-only scripts.'
        EVAL "\x23!lua\r\nreturn 1" 1 k => :1
        EVAL "\x23!lua flags=no-writes\r\nreturn 1" 1 k => :1
        "#,
    );
}

#[test]
fn scripts_in_transactions() {
    check(
        r#"
        MULTI => +OK
        EVAL "return redis.call('INCR',KEYS[1])" 1 c => +QUEUED
        EVAL "return redis.call('NOSUCH')" 0 => +QUEUED
        EVAL "return {1,{2}}" 0 => +QUEUED
        INCR c => +QUEUED
        EXEC => [:1, -ERR Unknown Redis command called from script script: 7ae0187b9ac91447963709e3bfd83c5935fec648, on @user_script:1., [:1, [:2]], :2]
        MULTI => +OK
        EVAL "return redis.call('MULTI')" 0 => +QUEUED
        EVAL "return 1 +" 0 => +QUEUED
        EVAL "redis.call('SET',KEYS[1],'a') error('after')" 1 s => +QUEUED
        GET s => +QUEUED
        EXEC => [-ERR This Redis command is not allowed from script script: ba922d924f6e7808414359ed93c37767dd0532ce, on @user_script:1., -ERR Error compiling script (new function): user_script:1: unexpected symbol near '<eof>', -ERR user_script:1: after script: 2e70be23edefb8a53991acbb21939b66d6de2380, on @user_script:1., a]
        MULTI => +OK
        EVAL "return 1" => ~-ERR wrong number*
        EXEC => -EXECABORT Transaction discarded because of previous errors.
        GET c => 2
        WATCH w => +OK
        EVAL "return redis.call('SET',KEYS[1],1)" 1 w => +OK
        MULTI => +OK
        PING => +QUEUED
        EXEC => (nil-array)
        "#,
    );
}

#[test]
fn effects_stay_and_time_stands() {
    check(
        r#"
        EVAL "redis.call('SET','k','a') redis.call('NOSUCH')" 0 => -ERR Unknown Redis command called from script script: 6c168d5c1200cb7195b7717b75e42823717b868e, on @user_script:1.
        EVAL "return redis.call('GET','k')" 0 => a
        EVAL "redis.call('SELECT',3) return redis.call('SET','k3','v')" 0 => +OK
        EVAL "return redis.call('EXISTS','k3')" 0 => :0
        EVAL "local n=0 for i=1,1000 do n = n + redis.call('INCR','loop') end return n" 0 => :500500
        EVAL "return redis.call('GET','loop')" 0 => 1000
        EVAL "local r={} for i=1,5 do r[i]=redis.call('RPUSH','ll',i) end return r" 0 => [:1, :2, :3, :4, :5]
        EVAL "redis.call('SET','ttl','x','PX',100000) return redis.call('PTTL','ttl') > 99000" 0 => :1
        "#,
    );
}
