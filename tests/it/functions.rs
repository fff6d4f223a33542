//! Functions: libraries, what their code finds, calls, serialised libraries, and many connections at once.

mod concurrent;
mod payloads;

use crate::support::{check, eventually, on_each};

/// Who is told of a busy function is told of FUNCTION KILL, of a busy script of SCRIPT KILL: the other one does not end it.
#[test]
fn a_busy_function_is_ended_by_its_own_command() {
    let of =
        |what: &str| format!("-BUSY Redis is busy running a script. You can only call {what} KILL or SHUTDOWN NOSAVE.");
    let library = "#!lua name=l\nredis.register_function('loop', function() while true do end end) \
        redis.register_function('writes', function(keys) redis.call('SET', keys[1], 'v') while true do end end)";
    on_each(&["--busy-reply-threshold", "30"], |server| {
        let (mut a, mut b) = (server.client(), server.client());
        a.command(&["FUNCTION", "LOAD", library]);
        assert_eq!(b.ask("SET k v"), "+OK");
        for (call, kind, other) in [("FCALL loop 0", "FUNCTION", "SCRIPT"), ("EVAL loop 0", "SCRIPT", "FUNCTION")] {
            let is_function = kind == "FUNCTION";
            if is_function {
                a.send_line(call)
            } else {
                a.send(&["EVAL", "while true do end", "0"])
            }
            eventually("busy", || b.ask("GET k") == of(kind));
            for line in ["SET k v", "KEYS *", "FCALL writes 1 k", r#"EVAL "redis.call('GET', 'k')" 0"#, "SHUTDOWN"] {
                assert_eq!(b.ask(line), of(kind), "{line}");
            }
            b.ask("MULTI");
            b.ask("GET k");
            let discarded = format!("-EXECABORT Transaction discarded because of: {}", &of(kind)[1..]);
            assert_eq!(b.ask("EXEC"), discarded);
            assert_eq!(b.ask(&format!("{other} KILL")), of(kind));
            let stats = b.ask("FUNCTION STATS");
            assert!(
                if is_function { stats.contains("[name, loop, command, [FCALL") } else { stats == of(kind) },
                "{stats}"
            );
            assert_eq!(b.ask(&format!("{kind} KILL")), "+OK");
            let error = a.recv().render();
            let place = if is_function { "script: loop, on @user_function:2." } else { "on @user_script:1." };
            assert!(
                error.starts_with("-ERR Script killed by user with SCRIPT KILL... ") && error.ends_with(place),
                "{error}"
            );
            eventually("free", || b.ask("SET k v") == "+OK");
            assert_eq!(b.ask(&format!("{kind} KILL")), "-NOTBUSY No scripts in execution right now.");
        }
        a.send_line("FCALL writes 1 k");
        eventually("busy", || b.ask("GET k") == of("FUNCTION"));
        for kind in ["SCRIPT", "FUNCTION"] {
            assert!(b.ask(&format!("{kind} KILL")).starts_with("-UNKILLABLE "));
        }
        b.send_line("SHUTDOWN NOSAVE");
        a.expect_closed();
    });
}

#[test]
fn the_first_line_of_a_library() {
    check(
        r#"
        FUNCTION LOAD REPLACE "return 1" => -ERR Missing library metadata
        FUNCTION LOAD REPLACE "\x23!lua name=l" => -ERR Invalid library metadata
        FUNCTION LOAD REPLACE "\x23!lua\n" => -ERR Library name was not given
        FUNCTION LOAD REPLACE "\x23!lua name=l\n" => -ERR No functions registered
        FUNCTION LOAD REPLACE "\x23!foo name=l\nreturn 1" => -ERR Engine 'foo' not found
        FUNCTION LOAD REPLACE "\x23!foo name=l-1\nreturn 1" => -ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long
        FUNCTION LOAD REPLACE "\x23!foo\nreturn 1" => -ERR Library name was not given
        FUNCTION LOAD REPLACE "\x23!lua name=l-1\nreturn 1" => -ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long
        FUNCTION LOAD REPLACE "\x23!lua name=\nreturn" => -ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long
        FUNCTION LOAD REPLACE "\x23!lua name=a name=b\nreturn" => -ERR Invalid metadata value, name argument was given multiple times
        FUNCTION LOAD REPLACE "\x23!lua foo=x\nreturn" => -ERR Invalid metadata value given: foo=x
        FUNCTION LOAD REPLACE "\x23!lua name=l foo\nreturn" => -ERR Invalid metadata value given: foo
        FUNCTION LOAD REPLACE "\x23! lua name=a\nreturn" => -ERR Invalid metadata value given: lua
        FUNCTION LOAD REPLACE "\x23!\n" => -ERR Library name was not given
        FUNCTION LOAD REPLACE "\x23!" => -ERR Invalid library metadata
        FUNCTION LOAD REPLACE "\x23" => -ERR Missing library metadata
        FUNCTION LOAD REPLACE "" => -ERR Missing library metadata
        FUNCTION LOAD REPLACE "\x23!LUA name=l\nredis.register_function('f',function() return 1 end)" => l
        FUNCTION LOAD REPLACE "\x23!lua  name=l \nredis.register_function('f',function() return 1 end)" => l
        FUNCTION LOAD REPLACE "\x23!lua\tname=l\nredis.register_function('f',function() return 1 end)" => l
        FUNCTION LOAD REPLACE "\x23!lua \"name=l\"\nredis.register_function('f',function() return 1 end)" => l
        FUNCTION LOAD REPLACE "\x23!lua \"name=l\n" => -ERR Invalid library metadata
        FUNCTION LOAD REPLACE "\x23!lua NAME=l\nredis.register_function('f',function() return 1 end)" => l
        FUNCTION LOAD REPLACE "\x23!lua name=\"l\"\nredis.register_function('f',function() return 1 end)" => l
        FUNCTION LOAD REPLACE "\x23!\"lua\" name=l\nredis.register_function('f',function() return 1 end)" => l
        FUNCTION LOAD REPLACE "\x23!lua name=l\r\nredis.register_function('f',function() return 1 end)" => l
        "#,
    );
}

#[test]
fn what_a_library_finds_and_registers() {
    check(
        r#"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nx=1" => -ERR Error registering functions: ERR user_function:2: Attempt to modify a readonly table
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal x = y" => -ERR Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'y'
        FUNCTION LOAD REPLACE "\x23!lua name=l\nreturn redis.call('GET','x')" => -ERR Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'call'
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.pcall('GET','x')" => -ERR Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'pcall'
        FUNCTION LOAD REPLACE "\x23!lua name=l\nreturn redis.setresp(3)" => -ERR Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'setresp'
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.log(redis.LOG_WARNING,'hi')" => -ERR No functions registered
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.log(redis.LOG_WARNING)" => -ERR Error registering functions: ERR redis.log() requires two arguments or more.
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.log('x','y')" => -ERR Error registering functions: ERR First argument must be a number (log level).
        FUNCTION LOAD REPLACE "\x23!lua name=l\nreturn redis.sha1hex('')" => -ERR Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'sha1hex'
        FUNCTION LOAD REPLACE "\x23!lua name=l\nreturn redis.REPL_ALL" => -ERR Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'REPL_ALL'
        FUNCTION LOAD REPLACE "\x23!lua name=l\nsyntax error here" => -ERR Error compiling function: user_function:2: '=' expected near 'error'
        FUNCTION LOAD REPLACE "\x23!lua name=l\nreturn 1 2" => -ERR Error compiling function: user_function:2: '<eof>' expected near '2'
        FUNCTION LOAD REPLACE "\x23!lua name=l\nerror('boom')" => -ERR Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'error'
        FUNCTION LOAD REPLACE "\x23!lua name=l\npcall(1)" => -ERR Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'pcall'
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal t=_G" => -ERR Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable '_G'
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal t={} t.x.y=1" => -ERR Error registering functions: ERR user_function:2: attempt to index field 'x' (a nil value)
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.x=1" => -ERR Error registering functions: ERR user_function:2: Attempt to modify a readonly table
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal f=1 f()" => -ERR Error registering functions: ERR user_function:2: attempt to call local 'f' (a number value)
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function()" => -ERR Error registering functions: ERR wrong number of arguments to redis.register_function
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function('f')" => -ERR Error registering functions: ERR calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function('f',1)" => -ERR Error registering functions: ERR second argument to redis.register_function must be a function
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function(1,function() end)" => l
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function(nil,function() end)" => -ERR Error registering functions: ERR first argument to redis.register_function must be a string
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function({},function() end)" => -ERR Error registering functions: ERR first argument to redis.register_function must be a string
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function('f',function() end,1)" => -ERR Error registering functions: ERR wrong number of arguments to redis.register_function
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function('f-x',function() end)" => -ERR Error registering functions: ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function('',function() end)" => -ERR Error registering functions: ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function('f',function() end) redis.register_function('f',function() end)" => -ERR Error registering functions: ERR Function already exists in the library
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{}" => -ERR Error registering functions: ERR redis.register_function must get a function name argument
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f'}" => -ERR Error registering functions: ERR redis.register_function must get a callback argument
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{callback=function() end}" => -ERR Error registering functions: ERR redis.register_function must get a function name argument
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name=1,callback=function() end}" => l
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name={},callback=function() end}" => -ERR Error registering functions: ERR function_name argument given to redis.register_function must be a string
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=1}" => -ERR Error registering functions: ERR callback argument given to redis.register_function must be a function
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=redis.call}" => -ERR Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'call'
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,foo=1}" => -ERR Error registering functions: ERR unknown argument given to redis.register_function
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,[1]=1}" => -ERR Error registering functions: ERR unknown argument given to redis.register_function
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,[{}]=1}" => -ERR Error registering functions: ERR named argument key given to redis.register_function is not a string
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,description=1}" => l
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,description={}}" => -ERR Error registering functions: ERR description argument given to redis.register_function must be a string
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,flags=1}" => -ERR Error registering functions: ERR flags argument to redis.register_function must be a table representing function flags
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,flags='no-writes'}" => -ERR Error registering functions: ERR flags argument to redis.register_function must be a table representing function flags
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,flags={'foo'}}" => -ERR Error registering functions: ERR unknown flag given
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,flags={1}}" => -ERR Error registering functions: ERR unknown flag given
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,flags={{}}}" => -ERR Error registering functions: ERR unknown flag given
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,flags={x='no-writes'}}" => l
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,flags={}}" => l
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,flags={'no-writes','no-writes'}}" => l
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f-',callback=function() end}" => -ERR Error registering functions: ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,FLAGS={}}" => l
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function('f',print)" => -ERR Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'print'
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function('f',function() return 1 end) return 5" => l
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function('f',function() return 1 end) f()" => -ERR Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'f'
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal f=redis.register_function f(f)" => -ERR Error registering functions: ERR calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal s='x' local z=s:rep(3) redis.register_function(z,function() return z end)" => l
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\x1bLua" => -ERR Error compiling function: user_function:2: unexpected symbol near 'char(27)'
        "#,
    );
}

#[test]
fn libraries_come_and_go() {
    check(
        r#"
        FUNCTION RESTORE bad => -ERR DUMP payload version or checksum are wrong
        FUNCTION LIST => []
        FUNCTION STATS => [running_script, (nil), engines, [LUA, [libraries_count, :0, functions_count, :0]]]
        FUNCTION LOAD "\x23!lua name=a\nredis.register_function{function_name='fa',callback=function(k,a) return redis.call('set','x','y') end,description='does a',flags={'no-writes','allow-stale'}}" => a
        FUNCTION LOAD "\x23!lua name=a\nredis.register_function{function_name='fa',callback=function(k,a) return redis.call('set','x','y') end,description='does a',flags={'no-writes','allow-stale'}}" => -ERR Library 'a' already exists
        FUNCTION LOAD "\x23!lua name=a\nfoo bar" => -ERR Library 'a' already exists
        FUNCTION LOAD REPLACE "\x23!lua name=a\nredis.register_function{function_name='fa',callback=function(k,a) return redis.call('set','x','y') end,description='does a',flags={'no-writes','allow-stale'}}" => a
        FUNCTION LOAD replace REPLACE "\x23!lua name=a\nredis.register_function{function_name='fa',callback=function(k,a) return redis.call('set','x','y') end,description='does a',flags={'no-writes','allow-stale'}}" => a
        FUNCTION LOAD FOO "\x23!lua name=a\nredis.register_function{function_name='fa',callback=function(k,a) return redis.call('set','x','y') end,description='does a',flags={'no-writes','allow-stale'}}" => -ERR Unknown option given: FOO
        FUNCTION LOAD REPLACE => -ERR Missing library metadata
        FUNCTION LOAD A B C => -ERR Unknown option given: A
        FUNCTION LOAD => -ERR wrong number of arguments for 'function|load' command
        FUNCTION LIST => [[library_name, a, engine, LUA, functions, [[name, fa, description, 'does a', flags, [+no-writes, +allow-stale]]]]]
        FUNCTION LIST WITHCODE => [[library_name, a, engine, LUA, functions, [[name, fa, description, 'does a', flags, [+no-writes, +allow-stale]]], library_code, '#!lua name=a\nredis.register_function{function_name=\'fa\',callback=function(k,a) return redis.call(\'set\',\'x\',\'y\') end,description=\'does a\',flags={\'no-writes\',\'allow-stale\'}}']]
        FUNCTION LOAD "\x23!lua name=b\nredis.register_function('gb',function() return 3 end)" => b
        FUNCTION LOAD "\x23!lua name=c\nredis.register_function('gb',function() return 2 end)" => -ERR Function gb already exists
        FUNCTION LOAD "\x23!lua name=c\nredis.register_function('GB',function() return 2 end)" => -ERR Function GB already exists
        FCALL gb 0 => :3
        FCALL GB 0 => :3
        FUNCTION LOAD "\x23!lua name=A\nredis.register_function('o',function() return 2 end)" => A
        FUNCTION DELETE c => -ERR Library not found
        FUNCTION DELETE A => +OK
        FUNCTION LOAD REPLACE "\x23!lua name=b\nredis.register_function('fa',function() return 2 end)" => -ERR Function fa already exists
        FUNCTION LOAD REPLACE "\x23!lua name=b\nfoo bar" => -ERR Error compiling function: user_function:2: '=' expected near 'bar'
        FUNCTION LOAD REPLACE "\x23!lua name=b\n" => -ERR No functions registered
        FCALL gb 0 => :3
        FUNCTION LIST LIBRARYNAME b* => [[library_name, b, engine, LUA, functions, [[name, gb, description, (nil), flags, []]]]]
        FUNCTION LIST libraryname B* withcode => [[library_name, b, engine, LUA, functions, [[name, gb, description, (nil), flags, []]], library_code, '#!lua name=b\nredis.register_function(\'gb\',function() return 3 end)']]
        FUNCTION LIST LIBRARYNAME => -ERR library name argument was not given
        FUNCTION LIST WITHCODE WITHCODE => -ERR Unknown argument WITHCODE
        FUNCTION LIST LIBRARYNAME a LIBRARYNAME b => -ERR Unknown argument LIBRARYNAME
        FUNCTION LIST x => -ERR Unknown argument x
        FUNCTION LIST LIBRARYNAME a WITHCODE x => -ERR Unknown argument x
        FUNCTION LIST LIBRARYNAME z* => []
        FUNCTION STATS => [running_script, (nil), engines, [LUA, [libraries_count, :2, functions_count, :2]]]
        FUNCTION STATS x => -ERR wrong number of arguments for 'function|stats' command
        FUNCTION DELETE nosuch => -ERR Library not found
        FUNCTION DELETE => -ERR wrong number of arguments for 'function|delete' command
        FUNCTION DELETE B => -ERR Library not found
        FUNCTION DELETE b => +OK
        FCALL gb 0 => -ERR Function not found
        FUNCTION FLUSH X => -ERR FUNCTION FLUSH only supports SYNC|ASYNC option
        FUNCTION FLUSH SYNC ASYNC => -ERR unknown subcommand or wrong number of arguments for 'FLUSH'. Try FUNCTION HELP.
        FUNCTION FLUSH sync => +OK
        FUNCTION FLUSH ASYNC => +OK
        FUNCTION FLUSH => +OK
        FUNCTION KILL => -NOTBUSY No scripts in execution right now.
        FUNCTION KILL x => -ERR wrong number of arguments for 'function|kill' command
        FUNCTION NOPE => -ERR unknown subcommand 'NOPE'. Try FUNCTION HELP.
        FUNCTION => -ERR wrong number of arguments for 'function' command
        FUNCTION DUMP x => -ERR wrong number of arguments for 'function|dump' command
        FUNCTION HELP x => -ERR wrong number of arguments for 'function|help' command
        FUNCTION LOAD "\x23!lua name=a\nredis.register_function('fa',function() return 2 end)" => a
        FCALL fa 0 => :2
        FUNCTION LOAD REPLACE "\x23!lua name=b\nredis.register_function('gb',function() return 3 end)" => b
        HELLO 3 => ~*
        FUNCTION LIST LIBRARYNAME b WITHCODE => [{library_name: b, engine: LUA, functions: [{name: gb, description: (null), flags: set[]}], library_code: '#!lua name=b\nredis.register_function(\'gb\',function() return 3 end)'}]
        FUNCTION STATS => {running_script: (null), engines: {LUA: {libraries_count: :2, functions_count: :2}}}
        FUNCTION LOAD REPLACE "\x23!lua name=a\nredis.register_function{function_name='fa',callback=function(k,a) return redis.call('set','x','y') end,description='does a',flags={'no-writes','allow-stale'}}" => a
        FUNCTION LIST LIBRARYNAME a => [{library_name: a, engine: LUA, functions: [{name: fa, description: 'does a', flags: set[+no-writes, +allow-stale]}]}]
        HELLO 2 => ~*
        FLUSHALL => +OK
        FUNCTION STATS => [running_script, (nil), engines, [LUA, [libraries_count, :2, functions_count, :2]]]
        EVAL "return redis.call('FUNCTION','LIST')" 0 => -ERR This Redis command is not allowed from script script: 7f6afd040c261bf55895a89ce00933982b1b93d9, on @user_script:1.
        EVAL "return redis.call('FCALL','gb',0)" 0 => -ERR This Redis command is not allowed from script script: df1d656bae10c120abfc6c5fc8be9cd8f9c25530, on @user_script:1.
        MULTI => +OK
        FUNCTION LOAD REPLACE "\x23!lua name=b\nredis.register_function('gb',function() return 4 end)" => +QUEUED
        FCALL gb 0 => +QUEUED
        FUNCTION DELETE b => +QUEUED
        FCALL gb 0 => +QUEUED
        EXEC => [b, :4, +OK, -ERR Function not found]
        COMMAND GETKEYS FCALL f 2 a b c => [a, b]
        "#,
    );
}

#[test]
fn calls_and_flags() {
    check(
        r#"
        FCALL nosuch 0 => -ERR Function not found
        FCALL nosuch x => -ERR Function not found
        FCALL fa => -ERR wrong number of arguments for 'fcall' command
        FUNCTION LOAD "\x23!lua name=a\nredis.register_function{function_name='fa',callback=function(k,a) return redis.call('set','x','y') end,description='does a',flags={'no-writes','allow-stale'}}" => a
        FCALL fa x => -ERR Bad number of keys provided
        FCALL fa -1 => -ERR Number of keys can't be negative
        FCALL fa 1 => -ERR Number of keys can't be greater than number of args
        FCALL fa 1.5 => -ERR Bad number of keys provided
        FCALL_RO nosuch 0 => -ERR Function not found
        FCALL_RO fa => -ERR wrong number of arguments for 'fcall_ro' command
        FCALL fa 0 => -ERR Write commands are not allowed from read-only scripts. script: fa, on @user_function:2.
        FCALL_RO fa 0 => -ERR Write commands are not allowed from read-only scripts. script: fa, on @user_function:2.
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function('w',function(k,a) return redis.call('set',k[1],a[1]) end)\nredis.register_function{function_name='r',flags={'no-writes'},callback=function(k) return redis.call('get',k[1]) end}\nredis.register_function{function_name='p',flags={'no-writes','allow-oom','allow-stale','no-cluster','allow-cross-slot-keys'},callback=function() return redis.pcall('set','x',1) end}" => l
        FCALL w 1 k v => +OK
        FCALL_RO w 1 k v => -ERR Can not execute a script with write flag using *_ro command.
        FCALL r 1 k => v
        FCALL_RO r 1 k => v
        FCALL p 0 => -ERR Write commands are not allowed from read-only scripts.
        FCALL_RO p 0 => -ERR Write commands are not allowed from read-only scripts.
        FCALL W 1 k z => +OK
        GET k => z
        "#,
    );
}

#[test]
fn what_functions_find() {
    check(
        r#"
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) local r={} for k in pairs(_G) do r[#r+1]=k end table.sort(r) return r end)" => l
        FCALL f 0 => [_G, _VERSION, assert, bit, cjson, cmsgpack, collectgarbage, coroutine, error, gcinfo, getmetatable, ipairs, load, loadstring, math, next, pairs, pcall, rawequal, rawget, rawset, redis, select, setmetatable, string, struct, table, tonumber, tostring, type, unpack, xpcall]
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) local r={} for k in pairs(redis) do r[#r+1]=k end table.sort(r) return r end)" => l
        FCALL f 0 => [LOG_DEBUG, LOG_NOTICE, LOG_VERBOSE, LOG_WARNING, REDIS_VERSION, REDIS_VERSION_NUM, REPL_ALL, REPL_AOF, REPL_NONE, REPL_REPLICA, REPL_SLAVE, acl_check_cmd, call, error_reply, log, pcall, set_repl, setresp, sha1hex, status_reply]
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal l=redis\nredis.register_function('f',function(keys,args) local r={} for k in pairs(l) do r[#r+1]=k end table.sort(r) return r end)" => l
        FCALL f 0 => [LOG_DEBUG, LOG_NOTICE, LOG_VERBOSE, LOG_WARNING, REDIS_VERSION, REDIS_VERSION_NUM, log, register_function]
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal l=redis\nredis.register_function('f',function(keys,args) return tostring(l==redis) end)" => l
        FCALL f 0 => false
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal l=redis\nredis.register_function('f',function(keys,args) return l.call('ping') end)" => l
        FCALL f 0 => -ERR user_function:3: Script attempted to access nonexistent global variable 'call' script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return redis.register_function('a',function() end) end)" => l
        FCALL f 0 => -ERR user_function:3: attempt to call field 'register_function' (a nil value) script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal l=redis\nredis.register_function('f',function(keys,args) return l.register_function('a',function() end) end)" => l
        FCALL f 0 => -ERR redis.register_function can only be called on FUNCTION LOAD command script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal l=redis.register_function\nredis.register_function('f',function(keys,args) return l('a',function() end) end)" => l
        FCALL f 0 => -ERR redis.register_function can only be called on FUNCTION LOAD command script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal l=redis.register_function\nredis.register_function('f',function(keys,args) return pcall(l,'a',function() end) end)" => l
        FCALL f 0 => (nil)
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) x=1 end)" => l
        FCALL f 0 => -ERR user_function:3: Attempt to modify a readonly table script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return x end)" => l
        FCALL f 0 => -ERR user_function:3: Script attempted to access nonexistent global variable 'x' script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return KEYS end)" => l
        FCALL f 0 => -ERR user_function:3: Script attempted to access nonexistent global variable 'KEYS' script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) rawset(_G,'x',1) end)" => l
        FCALL f 0 => -ERR Attempt to modify a readonly table script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) setmetatable(_G,{}) end)" => l
        FCALL f 0 => -ERR Attempt to modify a readonly table script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) redis.x=1 end)" => l
        FCALL f 0 => -ERR user_function:3: Attempt to modify a readonly table script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) string.x=1 end)" => l
        FCALL f 0 => -ERR user_function:3: Attempt to modify a readonly table script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) keys[3]='x' return {keys,args,#keys,#args} end)" => l
        FCALL f 2 a b c => [[a, b, x], [c], :3, :1]
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return {type(keys),type(args),tostring(getmetatable(keys))} end)" => l
        FCALL f 2 a b c => [table, table, nil]
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) n=n+1 end)" => l
        FCALL f 0 => -ERR user_function:3: Script attempted to access nonexistent global variable 'n' script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal n=0\nredis.register_function('f',function(keys,args) n=n+1 return n end)" => l
        FCALL f 0 => :1
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return loadstring('return x')() end)" => l
        FCALL f 0 => -ERR [string "return x"]:1: Script attempted to access nonexistent global variable 'x' script: f, on return x:1.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return loadstring('return redis.call(\"ping\")')() end)" => l
        FCALL f 0 => +PONG
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return loadstring('x=1')() end)" => l
        FCALL f 0 => -ERR [string "x=1"]:1: Attempt to modify a readonly table script: f, on x=1:1.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return loadstring('return _G')()==_G and 1 or 0 end)" => l
        FCALL f 0 => :1
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) error('boom') end)" => l
        FCALL f 0 => -ERR user_function:3: boom script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) \n\nerror('boom') end)" => l
        FCALL f 0 => -ERR user_function:5: boom script: f, on @user_function:5.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) error({err='boo'}) end)" => l
        FCALL f 0 => -boo script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) error({err='ERR boo'}) end)" => l
        FCALL f 0 => -ERR boo script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) error() end)" => l
        FCALL f 0 => -ERR nil script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return redis.call('nosuch') end)" => l
        FCALL f 0 => -ERR Unknown Redis command called from script script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return redis.call('incr') end)" => l
        FCALL f 0 => -ERR Wrong number of args calling Redis command from script script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) redis.call('set','a','b') return redis.call('incr','a') end)" => l
        FCALL f 0 => -ERR value is not an integer or out of range script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return redis.pcall('incr','a') end)" => l
        FCALL f 0 => -ERR value is not an integer or out of range
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return redis.error_reply('X y') end)" => l
        FCALL f 0 => -X y
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return redis.setresp(3) end)" => l
        FCALL f 0 => (nil)
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) redis.setresp(3) return true end)" => l
        FCALL f 0 => :1
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return redis.status_reply('fine') end)" => l
        FCALL f 0 => +fine
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return 'x' .. nil end)" => l
        FCALL f 0 => -ERR user_function:3: attempt to concatenate a nil value script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) local function g() error('deep') end g() end)" => l
        FCALL f 0 => -ERR user_function:3: deep script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal function g() error('deep') end\nredis.register_function('f',function(keys,args) g() end)" => l
        FCALL f 0 => -ERR user_function:2: deep script: f, on @user_function:2.
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal function g() redis.call('incr','a') end\nredis.register_function('f',function(keys,args) g() end)" => l
        FCALL f 0 => -ERR value is not an integer or out of range script: f, on @user_function:2.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return (redis.call('incr','a')) end)" => l
        FCALL f 0 => -ERR value is not an integer or out of range script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) local t=redis.pcall('incr','a') return t.err end)" => l
        FCALL f 0 => 'ERR value is not an integer or out of range'
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) local a,b=pcall(redis.call,'incr','a') return b end)" => l
        FCALL f 0 => 'ERR value is not an integer or out of range'
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) local a,b=pcall(function() error('x') end) return b end)" => l
        FCALL f 0 => 'user_function:3: x'
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return debug end)" => l
        FCALL f 0 => -ERR user_function:3: Script attempted to access nonexistent global variable 'debug' script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return getfenv end)" => l
        FCALL f 0 => -ERR user_function:3: Script attempted to access nonexistent global variable 'getfenv' script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return string.format('%d',3) end)" => l
        FCALL f 0 => 3
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) redis.set_repl(redis.REPL_ALL) return redis.replicate_commands() end)" => l
        FCALL f 0 => -ERR user_function:3: attempt to call field 'replicate_commands' (a nil value) script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return redis.breakpoint() end)" => l
        FCALL f 0 => -ERR user_function:3: attempt to call field 'breakpoint' (a nil value) script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return redis.debug('x') end)" => l
        FCALL f 0 => -ERR user_function:3: attempt to call field 'debug' (a nil value) script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return redis.call('multi') end)" => l
        FCALL f 0 => -ERR This Redis command is not allowed from script script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return redis.call('fcall','x',0) end)" => l
        FCALL f 0 => -ERR This Redis command is not allowed from script script: f, on @user_function:3.
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return {1,{2,'x'},false,true,3.9} end)" => l
        FCALL f 0 => [:1, [:2, x], (nil), :1, :3]
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return cjson.encode({1,2}) end)" => l
        FCALL f 0 => '[1,2]'
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return bit.band(7,2) end)" => l
        FCALL f 0 => :2
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal function f2() return math.floor(2.5) end\nredis.register_function('f',function(keys,args) return f2() end)" => l
        FCALL f 0 => :2
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) redis.call('select',1) redis.call('set','only','1') end)" => l
        FCALL f 0 => (nil)
        EXISTS only => :0
        SELECT 1 => +OK
        GET only => 1
        "#,
    );
}
