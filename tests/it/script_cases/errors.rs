//! Errors in scripts: their texts and lines, what is caught, what the sandbox forbids, the `redis` table.

use crate::support::check;

#[test]
fn errors_of_scripts_and_commands() {
    check(
        r#"
        EVAL "error('boom')" 0 => -ERR user_script:1: boom script: 82903a0434f1503e152f89c03c9acd881a0e8150, on @user_script:1.
        EVAL "error('boom',0)" 0 => -ERR boom script: 8ed6bdaa91a78433c7127e0a0f1b142e932907c7, on @user_script:1.
        EVAL "error('boom',2)" 0 => -ERR boom script: 91065e039132b5090752f12c8acc5a012952043d, on @user_script:1.
        EVAL "error({err='TBL x'})" 0 => -TBL x script: 875884957048aefe102a6f79334794d1d18cabd1, on @user_script:1.
        EVAL "error({err='My own'})" 0 => -My own script: 2530970497ea85cfd5b965c49db098003d75c77c, on @user_script:1.
        EVAL "error()" 0 => -ERR nil script: aca90d914519fdb9825352bdc0befb59f7c8510f, on @user_script:1.
        EVAL "error(nil)" 0 => -ERR nil script: c402aa49952c86c38f35fb311d54977d08f3bf01, on @user_script:1.
        EVAL "error(12)" 0 => -ERR user_script:1: 12 script: 531d78cb0a3022f46aa8fcca247caa61d303b321, on @user_script:1.
        EVAL "error(true)" 0 => -ERR true script: 4fafe2149f68a1618a3eef40aeef55f5af6951da, on @user_script:1.
        EVAL "local ok,e=pcall(error,'x') return e" 0 => x
        EVAL "local ok,e=pcall(error,{err='x'}) return e" 0 => x
        EVAL "local ok,e=pcall(function() error('x') end) return e" 0 => 'user_script:1: x'
        EVAL "local ok,e=pcall(function() local a=nil; return a.b end) return e" 0 => 'user_script:1: attempt to index local \'a\' (a nil value)'
        EVAL "return redis.call('NOSUCH')" 0 => -ERR Unknown Redis command called from script script: 7ae0187b9ac91447963709e3bfd83c5935fec648, on @user_script:1.
        EVAL "return redis.pcall('NOSUCH')" 0 => -ERR Unknown Redis command called from script
        EVAL "return redis.pcall('NOSUCH').err" 0 => 'ERR Unknown Redis command called from script'
        EVAL "return redis.call('GET')" 0 => -ERR Wrong number of args calling Redis command from script script: 72273adc3c5955bf8543f1ad6ce893355b89617d, on @user_script:1.
        EVAL "return redis.pcall('GET')" 0 => -ERR Wrong number of args calling Redis command from script
        EVAL "return redis.pcall('GET').err" 0 => 'ERR Wrong number of args calling Redis command from script'
        EVAL "return redis.call('SET','k')" 0 => -ERR Wrong number of args calling Redis command from script script: a6999cdfd0d02734a16da1498f9d68bdd938fd62, on @user_script:1.
        EVAL "return redis.call()" 0 => -ERR Please specify at least one argument for this redis lib call script: 0a907e1429221a4d85516cab7fd219a82a9439d8, on @user_script:1.
        EVAL "return redis.pcall()" 0 => -ERR Please specify at least one argument for this redis lib call
        EVAL "return redis.call({})" 0 => -ERR Lua redis lib command arguments must be strings or integers script: 80747816df1f4411f7c442b928fce6a814214839, on @user_script:1.
        EVAL "return redis.call(nil)" 0 => -ERR Lua redis lib command arguments must be strings or integers script: 99304b0aecba6a93ad3911cc253cf22c84ab4d15, on @user_script:1.
        EVAL "return redis.call('GET',{})" 0 => -ERR Lua redis lib command arguments must be strings or integers script: 8b0252cf61f0366816877b103f40fe40092fa13d, on @user_script:1.
        EVAL "return redis.call('GET',nil)" 0 => -ERR Lua redis lib command arguments must be strings or integers script: 0a5e593006042edfe46d9b337161907f85f81fb5, on @user_script:1.
        EVAL "return redis.call('GET',true)" 0 => -ERR Lua redis lib command arguments must be strings or integers script: 1d27783e16635a08314476d67c1b6cc886d96f42, on @user_script:1.
        EVAL "return redis.pcall('GET',redis.call)" 0 => -ERR Lua redis lib command arguments must be strings or integers
        EVAL "return redis.call(1)" 0 => -ERR Unknown Redis command called from script script: 9bdfc0557e68d76a6a10c85f455de0f93ee495a7, on @user_script:1.
        EVAL "return redis.call('SET','n',12.5)" 0 => +OK
        EVAL "return redis.call('SET','n',1e20)" 0 => +OK
        EVAL "return redis.call('SET','n',2^53)" 0 => +OK
        EVAL "return redis.call('GET','n')" 0 => 9007199254740992
        EVAL "redis.call('LPUSH','l','a') return redis.call('GET','l')" 0 => -WRONGTYPE Operation against a key holding the wrong kind of value script: d65c48549b3c9f3aecefa77066f9a2707dd912c8, on @user_script:1.
        EVAL "return redis.pcall('GET','l')" 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        EVAL "local r=redis.pcall('GET','l') return {r.err}" 0 => ['WRONGTYPE Operation against a key holding the wrong kind of value']
        EVAL "local r=redis.pcall('GET','l') return {tostring(r.err), tostring(r.source), tostring(r.line), tostring(r.ignore_error_stats_update)}" 0 => ['WRONGTYPE Operation against a key holding the wrong kind of value', nil, nil, true]
        EVAL "local r=redis.pcall('GET','l') return r" 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        EVAL "return {1,redis.pcall('GET','l')}" 0 => [:1, -WRONGTYPE Operation against a key holding the wrong kind of value]
        EVAL "local ok,e=pcall(redis.call,'GET','l') return e" 0 => 'WRONGTYPE Operation against a key holding the wrong kind of value'
        EVAL "local ok,e=pcall(redis.call,'GET','l') return type(e)" 0 => string
        EVAL "local ok,e=pcall(redis.call,'GET','l') return e.err" 0 => (nil)
        EVAL "local ok,e=pcall(redis.call,'GET','l') error(e)" 0 => -ERR user_script:1: WRONGTYPE Operation against a key holding the wrong kind of value script: e4ced4bf67ea1b2342f956178b9cbd0b4f3c89ad, on @user_script:1.
        EVAL "local ok,e=pcall(redis.call,'NOSUCH') return e.err" 0 => (nil)
        EVAL "return redis.call('MULTI')" 0 => -ERR This Redis command is not allowed from script script: ba922d924f6e7808414359ed93c37767dd0532ce, on @user_script:1.
        EVAL "return redis.pcall('MULTI').err" 0 => 'ERR This Redis command is not allowed from script'
        EVAL "return redis.call('EVAL','return 1',0)" 0 => -ERR This Redis command is not allowed from script script: c225e144ce9661ef1bbf2a55c99e7c3ff6a38b64, on @user_script:1.
        EVAL "return redis.call('WATCH','k')" 0 => -ERR This Redis command is not allowed from script script: 2005181b973a07b7d787043a5551dcdeb360f147, on @user_script:1.
        EVAL "return redis.call('BLPOP','l2',0)" 0 => (nil)
          7.0: -ERR This Redis command is not allowed from script script: 1b04ac52a55a8227a680298383ae66c28f4146df, on @user_script:1. -- from 7.2 on scripts may call what could block
        EVAL "return redis.call('BLPOP','l2','x')" 0 => -ERR timeout is not a float or out of range script: cd17f8af5be6fe6d974c7441203215ede072bd4e, on @user_script:1.
          7.0: -ERR This Redis command is not allowed from script script: cd17f8af5be6fe6d974c7441203215ede072bd4e, on @user_script:1. -- from 7.2 on scripts may call what could block
        EVAL "return redis.call('SUBSCRIBE','c')" 0 => -ERR This Redis command is not allowed from script script: 424e4269b514d2669960b4656df8f3ab4aa2c2a6, on @user_script:1.
        EVAL "return redis.call('SHUTDOWN')" 0 => -ERR This Redis command is not allowed from script script: 3f015a397180968e42a7299b68bb00dfc94f51e3, on @user_script:1.
        EVAL "return redis.call('CLIENT','ID')" 0 => -ERR This Redis command is not allowed from script script: 14a340356663d6198502058227488df08c8f36d8, on @user_script:1.
        EVAL "return redis.call('HELLO',3)" 0 => -ERR This Redis command is not allowed from script script: ad481860d106429a7b190f73c0f7aa43fb49f5f4, on @user_script:1.
        EVAL "return redis.call('AUTH','x')" 0 => -ERR This Redis command is not allowed from script script: 0ed5a039001c51d472a43bd74e7bf5f4e3a614d0, on @user_script:1.
        EVAL "return redis.call('DEBUG','SLEEP',0)" 0 => -ERR This Redis command is not allowed from script script: fa7e5def4b572f9155cc60cdd34bcd4ff3942553, on @user_script:1.
        EVAL "return redis.call('CONFIG','GET','maxmemory')" 0 => -ERR This Redis command is not allowed from script script: 56e4de7d9e9f1eddf1aaeb1a383b9b6fa9881eae, on @user_script:1.
        EVAL "return redis.call('KEYS','*nope*')" 0 => []
        EVAL "return redis.call('INFO','nosuch')" 0 => ''
        EVAL "return redis.call('PING')" 0 => +PONG
        EVAL "return redis.call('ping','x')" 0 => x
        EVAL "return redis.call('SELECT',1)" 0 => +OK
        EVAL "return redis.call('SELECT',99)" 0 => -ERR DB index is out of range script: bbaece38950b01bb8e08adda4d958771352193fc, on @user_script:1.
        EVAL "return redis.call('RANDOMKEY') ~= nil" 0 => :1
        EVAL "return 1 +" 0 => -ERR Error compiling script (new function): user_script:1: unexpected symbol near '<eof>'
        EVAL "return (" 0 => -ERR Error compiling script (new function): user_script:1: unexpected symbol near '<eof>'
        EVAL "x" 0 => -ERR Error compiling script (new function): user_script:1: '=' expected near '<eof>'
        EVAL "local" 0 => -ERR Error compiling script (new function): user_script:1: '<name>' expected near '<eof>'
        EVAL "return 'a" 0 => -ERR Error compiling script (new function): user_script:1: unfinished string near '<eof>'
        "#,
    );
}

#[test]
fn sources_globals_and_the_sandbox() {
    check(
        r#"
        EVAL "for" 0 => -ERR Error compiling script (new function): user_script:1: '<name>' expected near '<eof>'
        EVAL "return redis.call('GET' 'k')" 0 => -ERR Error compiling script (new function): user_script:1: ')' expected near ''k''
        EVAL "local x = 1\nlocal y = 2\nerror('third')" 0 => -ERR user_script:3: third script: 30e69749405c4a99052ad9deb4d4d3c02ee05878, on @user_script:3.
        EVAL "\n\nreturn redis.call('NOSUCH')" 0 => -ERR Unknown Redis command called from script script: 975ae66498df02e683ef7818fa3be6b9524ae63d, on @user_script:3.
        EVAL "local function f()\n error('inner')\nend\nf()" 0 => -ERR user_script:2: inner script: ea8401b0e582ed2c37fac86c5ef61805452ccb2b, on @user_script:2.
        EVAL "local function f() return redis.call('NOSUCH') end return f()" 0 => -ERR Unknown Redis command called from script script: 3239e7498f70856320c290cdeceb7f37fc6ed3fb, on @user_script:1.
        EVAL "local function f() local x = redis.call('NOSUCH') end f()" 0 => -ERR Unknown Redis command called from script script: db07b50b578b86da72a38b1442e0bdc763a1fbdd, on @user_script:1.
        EVAL "return nosuch" 0 => -ERR user_script:1: Script attempted to access nonexistent global variable 'nosuch' script: 100e7d6e08587ed416717dc6d703eca312809a20, on @user_script:1.
        EVAL "nosuch = 1" 0 => -ERR user_script:1: Attempt to modify a readonly table script: 3929005fb96fc8c4ad4532cc319573a093537339, on @user_script:1.
        EVAL "return nosuch.x" 0 => -ERR user_script:1: Script attempted to access nonexistent global variable 'nosuch' script: 42dc45c3bdb4ebb96d4a67ea2ffd7cb381821db1, on @user_script:1.
        EVAL "rawset(_G,'x',1)" 0 => -ERR Attempt to modify a readonly table script: 90860ee597073785c7a12c667667abc4495e2c78, on @user_script:1.
        EVAL "_G.x = 1" 0 => -ERR user_script:1: Attempt to modify a readonly table script: e5cf4a26667af1721988fe8c9829d5cd2e26c62e, on @user_script:1.
        EVAL "return rawget(_G,'nosuch')" 0 => (nil)
        EVAL "function f() end" 0 => -ERR user_script:1: Attempt to modify a readonly table script: f37995b1d7c626139c9a239b83b074295e82ad29, on @user_script:1.
        EVAL "setmetatable(_G,{})" 0 => -ERR Attempt to modify a readonly table script: e8f1b52cec0990f58c59b37010d130cfdce9e1a5, on @user_script:1.
        EVAL "return getmetatable(_G)" 0 => []
        EVAL "_G.redis = nil" 0 => -ERR user_script:1: Attempt to modify a readonly table script: 6af9ce79e05e68fb2006e01b14e492bc00faca49, on @user_script:1.
        EVAL "redis = nil" 0 => -ERR user_script:1: Attempt to modify a readonly table script: f3fd7dd12033660a6251e9580faba253187a8a12, on @user_script:1.
        EVAL "redis.call = nil" 0 => -ERR user_script:1: Attempt to modify a readonly table script: 2786c35ed73d3860851cf52e0b5dfbbc0bdb4803, on @user_script:1.
        EVAL "redis.x = 1" 0 => -ERR user_script:1: Attempt to modify a readonly table script: 0e3b052f72a1147275fd3ab2c8c15d4453b9010f, on @user_script:1.
        EVAL "cjson.x = 1" 0 => -ERR user_script:1: Attempt to modify a readonly table script: 4b2ca7db0bf72ed85cdead5baca2fcaf0f05131c, on @user_script:1.
        EVAL "string.x = 1" 0 => -ERR user_script:1: Attempt to modify a readonly table script: c3eb0a2a15b3d4790b323c4104029c1ae425a769, on @user_script:1.
        EVAL "math.random = nil" 0 => -ERR user_script:1: Attempt to modify a readonly table script: d9b92ca5dd59604e95d9aa086206364417903caf, on @user_script:1.
        EVAL "table.foo = 1" 0 => -ERR user_script:1: Attempt to modify a readonly table script: edb22b043a66c191a896e9c4b1bbf6fcdd9a9432, on @user_script:1.
        EVAL "_VERSION = 'x'" 0 => -ERR user_script:1: Attempt to modify a readonly table script: d9bca9bd64b8d6ea9ba78ff90c5c56351699b37e, on @user_script:1.
        EVAL "KEYS = 1" 0 => -ERR user_script:1: Attempt to modify a readonly table script: 8726473c55e0c4527ed3b82564a764667277b20e, on @user_script:1.
        EVAL "KEYS[1] = 'x' return KEYS" 0 => [x]
        EVAL "ARGV = nil" 0 => -ERR user_script:1: Attempt to modify a readonly table script: e467bd36a8b4335c32d72a8eff839e07b2f4ca43, on @user_script:1.
        EVAL "local t=getmetatable('') return type(t)" 0 => table
        EVAL "getmetatable('').__index = nil" 0 => -ERR user_script:1: Attempt to modify a readonly table script: d73a1dfb50411851ebe32e3e075eb37e35009eff, on @user_script:1.
        EVAL "local _ENV = {} return 1" 0 => :1
        EVAL "return _VERSION" 0 => 'Lua 5.1'
        EVAL "rawset(redis,'x',1)" 0 => -ERR Attempt to modify a readonly table script: 7b6209d7fed36b4873b6a6cf0c3d3de1d89b9933, on @user_script:1.
        EVAL "rawset(cjson,'x',1)" 0 => -ERR Attempt to modify a readonly table script: 4a61bbd2d416e92e138132e1e783ac4b530768c6, on @user_script:1.
        EVAL "rawset(math,'x',1)" 0 => -ERR Attempt to modify a readonly table script: d6747482459c904020d04188b9d1cc107cee0bb4, on @user_script:1.
        EVAL "return os.execute('true')" 0 => -ERR user_script:1: Script attempted to access nonexistent global variable 'os' script: 49e8c00d77c8d1404c0f115cf2c5be89d346adf8, on @user_script:1.
        EVAL "return os.time()" 0 => -ERR user_script:1: Script attempted to access nonexistent global variable 'os' script: 13dea82ee9da896aebcd10f5e36f4a1eeb839b48, on @user_script:1.
        EVAL "return type(os.clock())" 0 => -ERR user_script:1: Script attempted to access nonexistent global variable 'os' script: 9cb747080dced7677254b1b2a90673ffa0fd9ead, on @user_script:1.
        EVAL "return os.date()" 0 => -ERR user_script:1: Script attempted to access nonexistent global variable 'os' script: 366af14743c2e7ee4da2d8429d96d731968cfd34, on @user_script:1.
        EVAL "return io" 0 => -ERR user_script:1: Script attempted to access nonexistent global variable 'io' script: badfe324d30f60abd2dbecf4d4b0f915038384e2, on @user_script:1.
        EVAL "return require('x')" 0 => -ERR user_script:1: Script attempted to access nonexistent global variable 'require' script: bffdeb6e2d56eb24d259c153aa4333a8e1af434d, on @user_script:1.
        EVAL "return dofile('x')" 0 => -ERR user_script:1: Script attempted to access nonexistent global variable 'dofile' script: 2dbd3c59d2826545495b5ce65ef4ec4cb629b2ad, on @user_script:1.
        EVAL "return loadfile('x')" 0 => -ERR user_script:1: Script attempted to access nonexistent global variable 'loadfile' script: bb2a8290a3426540824dc66417f907c980f1dd02, on @user_script:1.
        EVAL "return print('x')" 0 => -ERR user_script:1: Script attempted to access nonexistent global variable 'print' script: 2f6def963b4a1f78d3d640304d016c097195dbc7, on @user_script:1.
        EVAL "return newproxy()" 0 => -ERR user_script:1: Script attempted to access nonexistent global variable 'newproxy' script: bddb64a680ce3388bd0a4d27677baa11bff7fecf, on @user_script:1.
        EVAL "return module('x')" 0 => -ERR user_script:1: Script attempted to access nonexistent global variable 'module' script: 047aed40aad6a3c764fb9a12ccd7291f5bfd0eff, on @user_script:1.
        EVAL "return package" 0 => -ERR user_script:1: Script attempted to access nonexistent global variable 'package' script: bfab18646c3a65e87365badef4807726c27a0041, on @user_script:1.
        EVAL "return debug" 0 => -ERR user_script:1: Script attempted to access nonexistent global variable 'debug' script: 7f0eed9eaa523ec9e1ff69159f45a399473d9771, on @user_script:1.
        EVAL "return getfenv()" 0 => -ERR user_script:1: Script attempted to access nonexistent global variable 'getfenv' script: 6c92ea5baf03892d52ed7e5b677481512dcbff83, on @user_script:1.
        EVAL "return setfenv(1,{})" 0 => -ERR user_script:1: Script attempted to access nonexistent global variable 'setfenv' script: ec74b5f5fd35a01e8d9d7997f3bfc1c74928d343, on @user_script:1.
        EVAL "return type(loadstring)" 0 => function
        EVAL "return loadstring('return 7')()" 0 => :7
        EVAL "local f,e=loadstring('return +') return e" 0 => '[string "return +"]:1: unexpected symbol near \'+\''
        EVAL "return type(load)" 0 => function
        EVAL "local f,e=loadstring(string.dump(function() return 1 end)) return {tostring(f),type(e)}" 0 => [nil, string]
        EVAL "return type(string.dump(function() end))" 0 => string
        EVAL "return collectgarbage('count') > 0" 0 => :1
        EVAL "return type(gcinfo())" 0 => number
        EVAL "return type(coroutine.running())" 0 => nil
        EVAL "local co=coroutine.wrap(function() coroutine.yield(1) return 2 end) return {co(),co()}" 0 => [:1, :2]
        EVAL "return coroutine.resume(coroutine.create(function() error('in co') end))" 0 => (nil)
        EVAL "local co=coroutine.create(function() return redis.call('PING') end) local ok,r=coroutine.resume(co) return r" 0 => +PONG
        EVAL "return redis.error_reply()" 0 => -ERR wrong number or type of arguments
        EVAL "return redis.error_reply(1)" 0 => -ERR wrong number or type of arguments
        EVAL "return redis.error_reply({})" 0 => -ERR wrong number or type of arguments
        EVAL "return redis.error_reply('a','b')" 0 => -ERR wrong number or type of arguments
        EVAL "return redis.status_reply()" 0 => -ERR wrong number or type of arguments
        "#,
    );
}

#[test]
fn the_redis_table() {
    check(
        r#"
        EVAL "return redis.status_reply(1)" 0 => -ERR wrong number or type of arguments
        EVAL "return redis.sha1hex('')" 0 => da39a3ee5e6b4b0d3255bfef95601890afd80709
        EVAL "return redis.sha1hex('abc')" 0 => a9993e364706816aba3e25717850c26c9cd0d89d
        EVAL "return redis.sha1hex()" 0 => -ERR wrong number of arguments script: 3c7ce947ae74a835cc575b6ee87fb27503cb7ba4, on @user_script:1.
        EVAL "return redis.sha1hex(1)" 0 => 356a192b7913b04c54574d18c28d46e6395428ab
        EVAL "return redis.sha1hex({})" 0 => da39a3ee5e6b4b0d3255bfef95601890afd80709
        EVAL "return redis.sha1hex('a','b')" 0 => -ERR wrong number of arguments script: edf6261c570172733db1a1733deb85dff3d07a94, on @user_script:1.
        EVAL "return redis.sha1hex(nil)" 0 => da39a3ee5e6b4b0d3255bfef95601890afd80709
        EVAL "return redis.log(redis.LOG_DEBUG,'x')" 0 => (nil)
        EVAL "return redis.log()" 0 => -ERR redis.log() requires two arguments or more. script: 28e28bf25123668ac541f5eec91bf7ad3d2fe0bd, on @user_script:1.
        EVAL "return redis.log('x')" 0 => -ERR redis.log() requires two arguments or more. script: 1fcd6a303159eb531344e55c3a1258a5faf371df, on @user_script:1.
        EVAL "return redis.log('x','y')" 0 => -ERR First argument must be a number (log level). script: 7eb2c51797b5ba4486062c3780fcd2ba1dfab7c7, on @user_script:1.
        EVAL "return redis.log(99,'y')" 0 => -ERR Invalid debug level. script: 73457c4edea5201ebaa5f8079e78c4dc0682e505, on @user_script:1.
        EVAL "return redis.log(redis.LOG_NOTICE,'a','b',1)" 0 => (nil)
        EVAL "return redis.log(-1,'y')" 0 => -ERR Invalid debug level. script: d7e041ff4b951a75a8600a79e698bb7fcbbd877c, on @user_script:1.
        EVAL "return redis.log(1)" 0 => -ERR redis.log() requires two arguments or more. script: f5438245431406aa19fc387d93c6d03a0d5bcb0f, on @user_script:1.
        EVAL "return {redis.LOG_DEBUG,redis.LOG_VERBOSE,redis.LOG_NOTICE,redis.LOG_WARNING}" 0 => [:0, :1, :2, :3]
        EVAL "return {redis.REPL_ALL,redis.REPL_AOF,redis.REPL_SLAVE,redis.REPL_REPLICA,redis.REPL_NONE}" 0 => [:3, :1, :2, :2, :0]
        EVAL "return redis.replicate_commands()" 0 => :1
        EVAL "return redis.set_repl(redis.REPL_ALL)" 0 => (nil)
        EVAL "return redis.set_repl(99)" 0 => -ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE. script: fae934173b6296d6836d5d5f52e192640f8897d9, on @user_script:1.
        EVAL "return redis.set_repl()" 0 => -ERR redis.set_repl() requires two arguments. script: 9504533b41060c143a92eb2f8878e77d33b6dc33, on @user_script:1.
        EVAL "return redis.set_repl('x')" 0 => (nil)
        EVAL "return redis.breakpoint()" 0 => (nil)
        EVAL "return redis.debug('x')" 0 => (nil)
        EVAL "return {type(redis.REDIS_VERSION),type(redis.REDIS_VERSION_NUM)}" 0 => [string, number]
        EVAL "return redis.acl_check_cmd('GET','k')" 0 => :1
        EVAL "return redis.acl_check_cmd('nosuch')" 0 => -ERR Invalid command passed to redis.acl_check_cmd() script: d2491587bab5149c93be0dce4426f7a06ba9e1a1, on @user_script:1.
        EVAL "return redis.acl_check_cmd()" 0 => -ERR Please specify at least one argument for this redis lib call script: 1124f33ad66e7866b4e0c1499a4c20fb5eb9c180, on @user_script:1.
        EVAL "return redis.acl_check_cmd('GET',{})" 0 => -ERR Lua redis lib command arguments must be strings or integers script: a5faa37f7a2ca2215c69dba3477dbe511e924d2f, on @user_script:1.
        EVAL "return redis.acl_check_cmd(nil)" 0 => -ERR Lua redis lib command arguments must be strings or integers script: f89cf0f6262e633d6503b62e030ae88e4612495b, on @user_script:1.
        EVAL "return redis.register_function" 0 => (nil)
        EVAL "local r={} for k in pairs(redis) do r[#r+1]=k end table.sort(r) return r" 0 => [LOG_DEBUG, LOG_NOTICE, LOG_VERBOSE, LOG_WARNING, REDIS_VERSION, REDIS_VERSION_NUM, REPL_ALL, REPL_AOF, REPL_NONE, REPL_REPLICA, REPL_SLAVE, acl_check_cmd, breakpoint, call, debug, error_reply, log, pcall, replicate_commands, set_repl, setresp, sha1hex, status_reply]
        EVAL "local r={} for k in pairs(_G) do r[#r+1]=k end table.sort(r) return r" 0 => [ARGV, KEYS, _G, _VERSION, assert, bit, cjson, cmsgpack, collectgarbage, coroutine, error, gcinfo, getmetatable, ipairs, load, loadstring, math, next, pairs, pcall, rawequal, rawget, rawset, redis, select, setmetatable, string, struct, table, tonumber, tostring, type, unpack, xpcall]
          7.0: [ARGV, KEYS, _G, _VERSION, __redis__err__handler, assert, bit, cjson, cmsgpack, collectgarbage, coroutine, error, gcinfo, getmetatable, ipairs, load, loadstring, math, next, pairs, pcall, rawequal, rawget, rawset, redis, select, setmetatable, string, struct, table, tonumber, tostring, type, unpack, xpcall] -- its handler of errors is a global
        "#,
    );
}
