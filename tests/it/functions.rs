//! Functions: libraries, what their code finds, calls, serialised libraries, and many connections at once.

mod concurrent;
mod payloads;

use crate::support::check;

#[test]
fn the_first_line_of_a_library() {
    check(
        r#"
        FUNCTION LOAD REPLACE "return 1"
        FUNCTION LOAD REPLACE "\x23!lua name=l"
        FUNCTION LOAD REPLACE "\x23!lua\n"
        FUNCTION LOAD REPLACE "\x23!lua name=l\n"
        FUNCTION LOAD REPLACE "\x23!foo name=l\nreturn 1"
        FUNCTION LOAD REPLACE "\x23!foo name=l-1\nreturn 1"
        FUNCTION LOAD REPLACE "\x23!foo\nreturn 1"
        FUNCTION LOAD REPLACE "\x23!lua name=l-1\nreturn 1"
        FUNCTION LOAD REPLACE "\x23!lua name=\nreturn"
        FUNCTION LOAD REPLACE "\x23!lua name=a name=b\nreturn"
        FUNCTION LOAD REPLACE "\x23!lua foo=x\nreturn"
        FUNCTION LOAD REPLACE "\x23!lua name=l foo\nreturn"
        FUNCTION LOAD REPLACE "\x23! lua name=a\nreturn"
        FUNCTION LOAD REPLACE "\x23!\n"
        FUNCTION LOAD REPLACE "\x23!"
        FUNCTION LOAD REPLACE "\x23"
        FUNCTION LOAD REPLACE ""
        FUNCTION LOAD REPLACE "\x23!LUA name=l\nredis.register_function('f',function() return 1 end)"
        FUNCTION LOAD REPLACE "\x23!lua  name=l \nredis.register_function('f',function() return 1 end)"
        FUNCTION LOAD REPLACE "\x23!lua\tname=l\nredis.register_function('f',function() return 1 end)"
        FUNCTION LOAD REPLACE "\x23!lua \"name=l\"\nredis.register_function('f',function() return 1 end)"
        FUNCTION LOAD REPLACE "\x23!lua \"name=l\n"
        FUNCTION LOAD REPLACE "\x23!lua NAME=l\nredis.register_function('f',function() return 1 end)"
        FUNCTION LOAD REPLACE "\x23!lua name=\"l\"\nredis.register_function('f',function() return 1 end)"
        FUNCTION LOAD REPLACE "\x23!\"lua\" name=l\nredis.register_function('f',function() return 1 end)"
        FUNCTION LOAD REPLACE "\x23!lua name=l\r\nredis.register_function('f',function() return 1 end)"
        "#,
    );
}

#[test]
fn what_a_library_finds_and_registers() {
    check(
        r#"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nx=1"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal x = y"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nreturn redis.call('GET','x')"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.pcall('GET','x')"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nreturn redis.setresp(3)"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.log(redis.LOG_WARNING,'hi')"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.log(redis.LOG_WARNING)"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.log('x','y')"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nreturn redis.sha1hex('')"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nreturn redis.REPL_ALL"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nsyntax error here"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nreturn 1 2"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nerror('boom')"
        FUNCTION LOAD REPLACE "\x23!lua name=l\npcall(1)"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal t=_G"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal t={} t.x.y=1"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.x=1"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal f=1 f()"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function()"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function('f')"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function('f',1)"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function(1,function() end)"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function(nil,function() end)"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function({},function() end)"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function('f',function() end,1)"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function('f-x',function() end)"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function('',function() end)"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function('f',function() end) redis.register_function('f',function() end)"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{}"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f'}"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{callback=function() end}"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name=1,callback=function() end}"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name={},callback=function() end}"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=1}"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=redis.call}"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,foo=1}"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,[1]=1}"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,[{}]=1}"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,description=1}"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,description={}}"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,flags=1}"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,flags='no-writes'}"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,flags={'foo'}}"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,flags={1}}"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,flags={{}}}"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,flags={x='no-writes'}}"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,flags={}}"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,flags={'no-writes','no-writes'}}"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f-',callback=function() end}"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function{function_name='f',callback=function() end,FLAGS={}}"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function('f',print)"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function('f',function() return 1 end) return 5"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function('f',function() return 1 end) f()"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal f=redis.register_function f(f)"
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal s='x' local z=s:rep(3) redis.register_function(z,function() return z end)"
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\x1bLua"
        "#,
    );
}

#[test]
fn libraries_come_and_go() {
    check(
        r#"
        FUNCTION LIST
        FUNCTION STATS
        FUNCTION LOAD "\x23!lua name=a\nredis.register_function{function_name='fa',callback=function(k,a) return redis.call('set','x','y') end,description='does a',flags={'no-writes','allow-stale'}}"
        FUNCTION LOAD "\x23!lua name=a\nredis.register_function{function_name='fa',callback=function(k,a) return redis.call('set','x','y') end,description='does a',flags={'no-writes','allow-stale'}}"
        FUNCTION LOAD "\x23!lua name=a\nfoo bar"
        FUNCTION LOAD REPLACE "\x23!lua name=a\nredis.register_function{function_name='fa',callback=function(k,a) return redis.call('set','x','y') end,description='does a',flags={'no-writes','allow-stale'}}"
        FUNCTION LOAD replace REPLACE "\x23!lua name=a\nredis.register_function{function_name='fa',callback=function(k,a) return redis.call('set','x','y') end,description='does a',flags={'no-writes','allow-stale'}}"
        FUNCTION LOAD FOO "\x23!lua name=a\nredis.register_function{function_name='fa',callback=function(k,a) return redis.call('set','x','y') end,description='does a',flags={'no-writes','allow-stale'}}"
        FUNCTION LOAD REPLACE
        FUNCTION LOAD A B C
        FUNCTION LOAD
        FUNCTION LIST
        FUNCTION LIST WITHCODE
        FUNCTION LOAD "\x23!lua name=b\nredis.register_function('gb',function() return 3 end)"
        FUNCTION LOAD "\x23!lua name=c\nredis.register_function('gb',function() return 2 end)"
        FUNCTION LOAD "\x23!lua name=c\nredis.register_function('GB',function() return 2 end)"
        FCALL gb 0
        FCALL GB 0
        FUNCTION LOAD "\x23!lua name=A\nredis.register_function('o',function() return 2 end)"
        FUNCTION DELETE c
        FUNCTION DELETE A
        FUNCTION LOAD REPLACE "\x23!lua name=b\nredis.register_function('fa',function() return 2 end)"
        FUNCTION LOAD REPLACE "\x23!lua name=b\nfoo bar"
        FUNCTION LOAD REPLACE "\x23!lua name=b\n"
        FCALL gb 0
        FUNCTION LIST LIBRARYNAME b*
        FUNCTION LIST libraryname B* withcode
        FUNCTION LIST LIBRARYNAME
        FUNCTION LIST WITHCODE WITHCODE
        FUNCTION LIST LIBRARYNAME a LIBRARYNAME b
        FUNCTION LIST x
        FUNCTION LIST LIBRARYNAME a WITHCODE x
        FUNCTION LIST LIBRARYNAME z*
        FUNCTION STATS
        FUNCTION STATS x
        FUNCTION DELETE nosuch
        FUNCTION DELETE
        FUNCTION DELETE B
        FUNCTION DELETE b
        FCALL gb 0
        FUNCTION FLUSH X
        FUNCTION FLUSH SYNC ASYNC
        FUNCTION FLUSH sync
        FUNCTION FLUSH ASYNC
        FUNCTION FLUSH
        FUNCTION KILL
        FUNCTION KILL x
        FUNCTION NOPE
        FUNCTION
        FUNCTION DUMP x
        FUNCTION HELP x
        FUNCTION LOAD "\x23!lua name=a\nredis.register_function('fa',function() return 2 end)"
        FCALL fa 0
        FUNCTION LOAD REPLACE "\x23!lua name=b\nredis.register_function('gb',function() return 3 end)"
        HELLO 3 => ~*
        FUNCTION LIST LIBRARYNAME b WITHCODE
        FUNCTION STATS
        FUNCTION LOAD REPLACE "\x23!lua name=a\nredis.register_function{function_name='fa',callback=function(k,a) return redis.call('set','x','y') end,description='does a',flags={'no-writes','allow-stale'}}"
        FUNCTION LIST LIBRARYNAME a
        HELLO 2 => ~*
        FLUSHALL
        FUNCTION STATS
        EVAL "return redis.call('FUNCTION','LIST')" 0
        EVAL "return redis.call('FCALL','gb',0)" 0
        MULTI
        FUNCTION LOAD REPLACE "\x23!lua name=b\nredis.register_function('gb',function() return 4 end)"
        FCALL gb 0
        FUNCTION DELETE b
        FCALL gb 0
        EXEC
        COMMAND GETKEYS FCALL f 2 a b c
        "#,
    );
}

#[test]
fn calls_and_flags() {
    check(
        r#"
        FCALL nosuch 0
        FCALL nosuch x
        FCALL fa
        FUNCTION LOAD "\x23!lua name=a\nredis.register_function{function_name='fa',callback=function(k,a) return redis.call('set','x','y') end,description='does a',flags={'no-writes','allow-stale'}}"
        FCALL fa x
        FCALL fa -1
        FCALL fa 1
        FCALL fa 1.5
        FCALL_RO nosuch 0
        FCALL_RO fa
        FCALL fa 0
        FCALL_RO fa 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\nredis.register_function('w',function(k,a) return redis.call('set',k[1],a[1]) end)\nredis.register_function{function_name='r',flags={'no-writes'},callback=function(k) return redis.call('get',k[1]) end}\nredis.register_function{function_name='p',flags={'no-writes','allow-oom','allow-stale','no-cluster','allow-cross-slot-keys'},callback=function() return redis.pcall('set','x',1) end}"
        FCALL w 1 k v
        FCALL_RO w 1 k v
        FCALL r 1 k
        FCALL_RO r 1 k
        FCALL p 0
        FCALL_RO p 0
        FCALL W 1 k z
        GET k
        "#,
    );
}

#[test]
fn what_functions_find() {
    check(
        r#"
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) local r={} for k in pairs(_G) do r[#r+1]=k end table.sort(r) return r end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) local r={} for k in pairs(redis) do r[#r+1]=k end table.sort(r) return r end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal l=redis\nredis.register_function('f',function(keys,args) local r={} for k in pairs(l) do r[#r+1]=k end table.sort(r) return r end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal l=redis\nredis.register_function('f',function(keys,args) return tostring(l==redis) end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal l=redis\nredis.register_function('f',function(keys,args) return l.call('ping') end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return redis.register_function('a',function() end) end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal l=redis\nredis.register_function('f',function(keys,args) return l.register_function('a',function() end) end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal l=redis.register_function\nredis.register_function('f',function(keys,args) return l('a',function() end) end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal l=redis.register_function\nredis.register_function('f',function(keys,args) return pcall(l,'a',function() end) end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) x=1 end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return x end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return KEYS end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) rawset(_G,'x',1) end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) setmetatable(_G,{}) end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) redis.x=1 end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) string.x=1 end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) keys[3]='x' return {keys,args,#keys,#args} end)" => l
        FCALL f 2 a b c
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return {type(keys),type(args),tostring(getmetatable(keys))} end)" => l
        FCALL f 2 a b c
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) n=n+1 end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal n=0\nredis.register_function('f',function(keys,args) n=n+1 return n end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return loadstring('return x')() end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return loadstring('return redis.call(\"ping\")')() end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return loadstring('x=1')() end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return loadstring('return _G')()==_G and 1 or 0 end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) error('boom') end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) \n\nerror('boom') end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) error({err='boo'}) end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) error({err='ERR boo'}) end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) error() end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return redis.call('nosuch') end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return redis.call('incr') end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) redis.call('set','a','b') return redis.call('incr','a') end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return redis.pcall('incr','a') end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return redis.error_reply('X y') end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return redis.setresp(3) end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) redis.setresp(3) return true end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return redis.status_reply('fine') end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return 'x' .. nil end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) local function g() error('deep') end g() end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal function g() error('deep') end\nredis.register_function('f',function(keys,args) g() end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal function g() redis.call('incr','a') end\nredis.register_function('f',function(keys,args) g() end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return (redis.call('incr','a')) end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) local t=redis.pcall('incr','a') return t.err end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) local a,b=pcall(redis.call,'incr','a') return b end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) local a,b=pcall(function() error('x') end) return b end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return debug end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return getfenv end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return string.format('%d',3) end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) redis.set_repl(redis.REPL_ALL) return redis.replicate_commands() end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return redis.breakpoint() end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return redis.debug('x') end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return redis.call('multi') end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return redis.call('fcall','x',0) end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return {1,{2,'x'},false,true,3.9} end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return cjson.encode({1,2}) end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) return bit.band(7,2) end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\nlocal function f2() return math.floor(2.5) end\nredis.register_function('f',function(keys,args) return f2() end)" => l
        FCALL f 0
        FUNCTION LOAD REPLACE "\x23!lua name=l\n\nredis.register_function('f',function(keys,args) redis.call('select',1) redis.call('set','only','1') end)" => l
        FCALL f 0
        EXISTS only
        SELECT 1
        GET only
        "#,
    );
}
