//! Lua's own libraries in the sandbox: numbers, strings, mathematics, tables, and what the language does.

use crate::support::check;

#[test]
fn numbers_and_formats() {
    check(
        r#"
        EVAL "return tostring(1)" 0 => 1
        EVAL "return tostring(1.5)" 0 => 1.5
        EVAL "return tostring(1e15)" 0 => 1e+15
        EVAL "return tostring(1e14)" 0 => 1e+14
        EVAL "return tostring(123456789012345678)" 0 => 1.2345678901235e+17
        EVAL "return tostring(0.1)" 0 => 0.1
        EVAL "return tostring(1/3)" 0 => 0.33333333333333
        EVAL "return tostring(-0.0)" 0 => '-0'
        EVAL "return tostring(1/0)" 0 => inf
        EVAL "return tostring(2^53)" 0 => 9.007199254741e+15
        EVAL "return tostring(100000000000000)" 0 => 1e+14
        EVAL "return 1 .. ''" 0 => 1
        EVAL "return 1.0 .. 'x'" 0 => 1x
        EVAL "return tonumber('0x10')" 0 => :16
        EVAL "return tonumber('  12  ')" 0 => :12
        EVAL "return tostring(tonumber('1e1'))" 0 => 10
        EVAL "return tostring(tonumber('abc'))" 0 => nil
        EVAL "return tostring(tonumber(''))" 0 => nil
        EVAL "return tonumber('10',2)" 0 => :2
        EVAL "return tonumber('zz',36)" 0 => :1295
        EVAL "return tostring(tonumber('8',8))" 0 => nil
        EVAL "return '10'+5" 0 => :15
        EVAL "return '3' * '4'" 0 => :12
        EVAL "return 10 .. 20" 0 => 1020
        EVAL "return 'a' + 1" 0 => -ERR user_script:1: attempt to perform arithmetic on a string value script: 8fd50257d5115d9d5cb9d0c337531222d8d17ec1, on @user_script:1.
        EVAL "return {} .. 'x'" 0 => -ERR user_script:1: attempt to concatenate a table value script: bd7fed2b307ec6d6b2ab70b695be1da1b8c86eca, on @user_script:1.
        EVAL "return #'abc'" 0 => :3
        EVAL "return -7 % 3" 0 => :2
        EVAL "return 7 % -3" 0 => :-2
        EVAL "return 5 % 0 ~= 5 % 0" 0 => :1
        EVAL "return 2^10" 0 => :1024
        EVAL "return 7/2" 0 => :3
        EVAL "return 1 == 1.0" 0 => :1
        EVAL "return '1' == 1" 0 => (nil)
        EVAL "return 1 < 'x'" 0 => -ERR user_script:1: attempt to compare number with string script: 6eb39b93a508ef218c3d802c1e5162ad876dfecf, on @user_script:1.
        EVAL "return {} < {}" 0 => -ERR user_script:1: attempt to compare two table values script: fe12717409b91d7c0c64c39528a098f1c423fefe, on @user_script:1.
        EVAL "return string.format('%d',3.99)" 0 => 3
        EVAL "return string.format('%5.2f|%-5d|%05d',3.14159,42,42)" 0 => ' 3.14|42   |00042'
        EVAL "return string.format('%s %q',1,'a\"b')" 0 => '1 "a\\"b"'
        EVAL "return string.format('%x %X %o %c %e %g',255,255,8,65,12345.678,0.0001)" 0 => 'ff FF 10 A 1.234568e+04 0.0001'
        EVAL "return string.format('%i',1)" 0 => 1
        EVAL "return string.format('%d','x')" 0 => -ERR user_script:1: bad argument #2 to 'format' (number expected, got string) script: 9bfa036ce43f6560d99a9ff4520ef83947aa76a4, on @user_script:1.
        EVAL "return string.format('%y',1)" 0 => -ERR user_script:1: invalid option '%y' to 'format' script: d3f40a677febc060576608255c259e051536a6cc, on @user_script:1.
        EVAL "return string.format('%d')" 0 => -ERR user_script:1: bad argument #2 to 'format' (no value) script: 05feaa4990f14508c855a12844d0665b829def5d, on @user_script:1.
        EVAL "return string.format('%s',nil)" 0 => -ERR user_script:1: bad argument #2 to 'format' (string expected, got nil) script: d4f83bf20563c8907f2dc21ad2da9dd30c04a082, on @user_script:1.
        EVAL "return string.format('%s',{}) ~= nil" 0 => -ERR user_script:1: bad argument #2 to 'format' (string expected, got table) script: 5397286128c82a58d1dc0a408ea452df219adc76, on @user_script:1.
        EVAL "return string.format('%.20s','abcdefghijklmnopqrstuvwxyz')" 0 => abcdefghijklmnopqrst
        EVAL "return string.format('%.3d',5)" 0 => 005
        EVAL "return string.format('%%')" 0 => %
        EVAL "return string.format('%099d',1) == string.rep('0',98)..'1'" 0 => :1
        EVAL "return string.format('%100d',1)" 0 => -ERR user_script:1: invalid format (width or precision too long) script: af46e652c8dc55b2ca886f81e43accb19c5e3c8e, on @user_script:1.
        EVAL "return string.format('%.14g',0.1)" 0 => 0.1
        EVAL "return string.format('%.17g',0.1)" 0 => 0.10000000000000001
        EVAL "return string.format('%u',-1)" 0 => 18446744073709551615
        EVAL "return string.format('%d',2^53)" 0 => 9007199254740992
        EVAL "return string.format('%d',2^63)" 0 => '-9223372036854775808'
        EVAL "return string.format('%a',1)" 0 => -ERR user_script:1: invalid option '%a' to 'format' script: ace2647579172c97b013d4c64f84cb61d3125c4b, on @user_script:1.
        "#,
    );
}

#[test]
fn strings() {
    check(
        r#"
        EVAL "return string.rep('ab',3)" 0 => ababab
        EVAL "return string.rep('x',0)" 0 => ''
        EVAL "return string.rep('x',-1)" 0 => ''
        EVAL "return #string.rep('x',1000000)" 0 => :1000000
        EVAL "return string.rep()" 0 => -ERR user_script:1: bad argument #1 to 'rep' (string expected, got no value) script: 312a592c4be4cbcb6748209b815c8eb090f3ca71, on @user_script:1.
        EVAL "return ('x'):rep(2)" 0 => xx
        EVAL "return string.sub('hello',2,-2)" 0 => ell
        EVAL "return string.sub('hello',-100,100)" 0 => hello
        EVAL "return string.find('hello','l')" 0 => :3
        EVAL "return {string.find('hello','(l)(l)')}" 0 => [:3, :4, l, l]
        EVAL "return {string.find('a.b','.',1,true)}" 0 => [:2, :2]
        EVAL "return string.match('key:123','%d+')" 0 => 123
        EVAL "return {string.match('k=v','(%w)=(%w)')}" 0 => [k, v]
        EVAL "return string.gsub('hello','l','L')" 0 => heLLo
        EVAL "return {string.gsub('hello','l','L',1)}" 0 => [heLlo, :1]
        EVAL "return string.gsub('abc','%w','%0%0')" 0 => aabbcc
        EVAL "return string.gsub('abc','b',{b='X'})" 0 => aXc
        EVAL "return string.gsub('abc','(b)',function(c) return c:upper() end)" 0 => aBc
        EVAL "return string.gsub('abc','[','x')" 0 => -ERR user_script:1: malformed pattern (missing ']') script: ba79166797c293f2455b4c976938495553eb973f, on @user_script:1.
        EVAL "return string.gsub('abc','%','x')" 0 => -ERR user_script:1: malformed pattern (ends with '%') script: c7065636298c6fe56e4e8716035990a76af9ceb5, on @user_script:1.
        EVAL "return string.gsub('abc','b','%2')" 0 => -ERR user_script:1: invalid capture index script: f22d4cbd619cef07c0e1fa6461dedfc577a77438, on @user_script:1.
        EVAL "local r={} for w in string.gmatch('a b c','%a') do r[#r+1]=w end return r" 0 => [a, b, c]
        EVAL "return string.byte('A')" 0 => :65
        EVAL "return {string.byte('ABC',1,3)}" 0 => [:65, :66, :67]
        EVAL "return string.char(72,105)" 0 => Hi
        EVAL "return string.char(256)" 0 => -ERR user_script:1: bad argument #1 to 'char' (invalid value) script: 3d9288df94e38fc1669acdaeb8b94be37e5c7bf8, on @user_script:1.
        EVAL "return string.upper('abc')..string.lower('DEF')" 0 => ABCdef
        EVAL "return string.reverse('abc')" 0 => cba
        EVAL "return string.len('\\0a')" 0 => :2
        EVAL "return ('%bxy'):len()" 0 => :4
        EVAL "return string.match('THE (quick) fox','%b()')" 0 => '(quick)'
        EVAL "return string.match('hello','.-(l+)')" 0 => ll
        EVAL "return string.find('abc','b',-1)" 0 => (nil)
        EVAL "return string.gsub('abc','','-')" 0 => '-a-b-c-'
        EVAL "return string.format('%s',true)" 0 => -ERR user_script:1: bad argument #2 to 'format' (string expected, got boolean) script: ade180f59da9e199394aa60a14c5c4e1271a7d4a, on @user_script:1.
        EVAL "return string.format(1)" 0 => 1
        EVAL "return string.join" 0 => (nil)
        EVAL "return ('x').y" 0 => (nil)
        EVAL "return ('abc'):nosuch()" 0 => -ERR user_script:1: attempt to call method 'nosuch' (a nil value) script: a9c2f69fe6ad46b7027c0b19130c6227c145d6e3, on @user_script:1.
        EVAL "return math.floor(3.7)" 0 => :3
        EVAL "return math.ceil(3.2)" 0 => :4
        "#,
    );
}

#[test]
fn mathematics() {
    check(
        r#"
        EVAL "return math.max(1,5,3)" 0 => :5
        EVAL "return math.min()" 0 => -ERR user_script:1: bad argument #1 to 'min' (number expected, got no value) script: 91f61f3d71e1eba70cf6bb32adb691a6cab4bc6b, on @user_script:1.
        EVAL "return math.abs(-5)" 0 => :5
        EVAL "return tostring(math.pi)" 0 => 3.1415926535898
        EVAL "return tostring(math.huge)" 0 => inf
        EVAL "return math.fmod(7,3)" 0 => :1
        EVAL "return tostring(math.sqrt(2))" 0 => 1.4142135623731
        EVAL "return math.mod(7,3)" 0 => :1
        EVAL "return math.pow(2,8)" 0 => :256
        EVAL "return {math.modf(3.7)}" 0 => [:3, :0]
        EVAL "return {math.frexp(8)}" 0 => [:0, :4]
        EVAL "return math.ldexp(1,4)" 0 => :16
        EVAL "return math.floor('x')" 0 => -ERR user_script:1: bad argument #1 to 'floor' (number expected, got string) script: 7cf2c038a55f1ca159d6ef112dff26587d2f619f, on @user_script:1.
        EVAL "return math.random(1,1)" 0 => :1
        EVAL "return math.random(0)" 0 => -ERR user_script:1: bad argument #1 to 'random' (interval is empty) script: 008bcb60f86ee36d26c67b641b46674578d9cba0, on @user_script:1.
        EVAL "return math.random(5,1)" 0 => -ERR user_script:1: bad argument #2 to 'random' (interval is empty) script: a741818ffb7c388451f24cddac469a3d600c6b45, on @user_script:1.
        EVAL "math.randomseed(7) local a=math.random(1000000) math.randomseed(7) return a==math.random(1000000)" 0 => :1
        EVAL "return math.random() < 1" 0 => :1
        EVAL "return tostring(math.log(10))" 0 => 2.302585092994
        EVAL "return tostring(math.exp(1))" 0 => 2.718281828459
        EVAL "local t={3,1,2} table.sort(t) return t" 0 => [:1, :2, :3]
        EVAL "local t={3,1,2} table.sort(t,function(a,b) return a>b end) return t" 0 => [:3, :2, :1]
        "#,
    );
}

#[test]
fn tables_and_the_language() {
    check(
        r#"
        EVAL "local t={3,'x'} table.sort(t) return t" 0 => -ERR attempt to compare string with number script: db3247073cfb24bc5323b03d1012bb69824e120c, on @user_script:1.
        EVAL "local t={3,1,2,5,4} table.sort(t,function(a,b) return true end) return 1" 0 => -ERR user_script:1: invalid order function for sorting script: 30870ad38869d771782624d0c6386c4eb187bca7, on @user_script:1.
        EVAL "return table.concat({1,2,3},',')" 0 => '1,2,3'
        EVAL "return table.concat({1,{},3},',')" 0 => -ERR user_script:1: invalid value (table) at index 2 in table for 'concat' script: 3eac0dc6700e284f5edcafb4e2c3fe2d264b1b5a, on @user_script:1.
        EVAL "return table.concat({},',')" 0 => ''
        EVAL "return table.concat({1,2,3},',',2,3)" 0 => '2,3'
        EVAL "local t={1,2} table.insert(t,3) table.insert(t,1,0) return t" 0 => [:0, :1, :2, :3]
        EVAL "local t={1,2,3} return {table.remove(t),table.remove(t,1),#t}" 0 => [:3, :1, :1]
        EVAL "return table.remove({})" 0 => (nil)
        EVAL "local t={} table.insert(t) return t" 0 => -ERR user_script:1: wrong number of arguments to 'insert' script: 557bc2247ac04da4de7e0ad8512bf42fb537fe64, on @user_script:1.
        EVAL "table.insert({},1,2,3)" 0 => -ERR user_script:1: wrong number of arguments to 'insert' script: 034634df7933fa68a6108b8bebecc7b3a25f531a, on @user_script:1.
        EVAL "return table.getn({1,2,3})" 0 => :3
        EVAL "return table.maxn({1,2,[10]=3})" 0 => :10
        EVAL "return table.unpack" 0 => (nil)
        EVAL "return {unpack({1,2,3})}" 0 => [:1, :2, :3]
        EVAL "return {unpack({1,2,3},2)}" 0 => [:2, :3]
        EVAL "return {unpack({1,2,3},2,3)}" 0 => [:2, :3]
        EVAL "return select('#',unpack({},1,7000))" 0 => :7000
        EVAL "return unpack({},1,8000)" 0 => -ERR user_script:1: too many results to unpack script: 03c453adca32e7c0d94e6b72177979ab9b229fb9, on @user_script:1.
        EVAL "return unpack({},1,1e8)" 0 => -ERR user_script:1: too many results to unpack script: 9f9851677101b29a9435a5c773e3f7f0ca3d7e77, on @user_script:1.
        EVAL "return select('#',1,nil,3)" 0 => :3
        EVAL "return {select(2,'a','b','c')}" 0 => [b, c]
        EVAL "return select(-1,'a','b')" 0 => b
        EVAL "return select(0)" 0 => -ERR user_script:1: bad argument #1 to 'select' (index out of range) script: 70b55a93a3790ab47c0165baf2bf51e1f37155e2, on @user_script:1.
        EVAL "return next({})" 0 => (nil)
        EVAL "return {next({10})}" 0 => [:1, :10]
        EVAL "return type(next)" 0 => function
        EVAL "local n=0 for k,v in pairs({a=1,b=2}) do n=n+v end return n" 0 => :3
        EVAL "local r={} for i,v in ipairs({1,2,nil,4}) do r[#r+1]=v end return r" 0 => [:1, :2]
        EVAL "return rawequal('a','a')" 0 => :1
        EVAL "return rawlen" 0 => -ERR user_script:1: Script attempted to access nonexistent global variable 'rawlen' script: ed47cb414b36a1a6d28657111c90e9969a0496fe, on @user_script:1.
        EVAL "return type(nil)" 0 => nil
        EVAL "return type()" 0 => -ERR user_script:1: bad argument #1 to 'type' (value expected) script: 49749cbfc8696dfdf0abcd40bf0d1d0a6ea3ea0d, on @user_script:1.
        EVAL "local t=setmetatable({},{__index=function(t,k) return k..'!' end}) return t.x" 0 => x!
        EVAL "local t=setmetatable({},{__tostring=function() return 'T' end}) return tostring(t)" 0 => T
        EVAL "local t=setmetatable({},{__call=function(self,x) return x*2 end}) return t(21)" 0 => :42
        EVAL "local t=setmetatable({},{__metatable='locked'}) return getmetatable(t)" 0 => locked
        EVAL "setmetatable(setmetatable({},{__metatable='locked'}),{})" 0 => -ERR user_script:1: cannot change a protected metatable script: f8c02c0d4cc7b9f738e50502d09b8e653652b78e, on @user_script:1.
        EVAL "local t=setmetatable({},{__len=function() return 9 end}) return #t" 0 => :0
        EVAL "local t=setmetatable({1},{__index={2,3}}) return t" 0 => [:1]
        EVAL "return assert(false)" 0 => -ERR user_script:1: assertion failed! script: d53a31b7cf6464f11dda0b675ec10264407f979b, on @user_script:1.
        EVAL "return assert(nil,'msg')" 0 => -ERR user_script:1: msg script: 580e3fce88db94f0e9e820838ca20dc37d591271, on @user_script:1.
        EVAL "return assert(1,2)" 0 => :1
        EVAL "return assert(false,{err='A b'})" 0 => -ERR user_script:1: bad argument #2 to 'assert' (string expected, got table) script: ba9b11de96d7537f68492f8d224fc8bbc93d37d9, on @user_script:1.
        EVAL "assert()" 0 => -ERR user_script:1: bad argument #1 to 'assert' (value expected) script: 63ae10d79f4a0c4781e4e9b2dacd5c9896a57556, on @user_script:1.
        EVAL "return xpcall(function() error('x') end,function(m) return 'H '..m end)" 0 => (nil)
        EVAL "local a,b=xpcall(function() error('x') end,function(m) return 'H '..m end) return {tostring(a),b}" 0 => [false, 'H user_script:1: x']
        EVAL "local a,b=xpcall(function() error('x') end,function(m) error('y') end) return {tostring(a),b}" 0 => [false, 'error in error handling']
        EVAL "local n=0 local a,b=xpcall(function() error('x') end,function(m) n=n+1 if n<3 then error('y') end return m end) return {tostring(a),b,n}" 0 => [false, 'user_script:1: y', :3]
        EVAL "local a,b,c=xpcall(function() return 1,2 end,1) return {tostring(a),b,c}" 0 => [true, :1, :2]
        EVAL "local a,b,c=xpcall(function() error('x') end,nil) return {tostring(a),b,tostring(c)}" 0 => [false, 'error in error handling', nil]
        EVAL "local a,b,c=xpcall(1,function(m) return m end) return {tostring(a),b,tostring(c)}" 0 => [false, 'attempt to call a number value', nil]
        EVAL "return {pcall(function() return 1,2 end)}" 0 => [:1, :1, :2]
        EVAL "return pcall()" 0 => (nil)
        EVAL "goto x" 0 => -ERR Error compiling script (new function): user_script:1: '=' expected near 'x'
        EVAL "local x <const> = 1" 0 => -ERR Error compiling script (new function): user_script:1: unexpected symbol near '<'
        EVAL "return 1 // 2" 0 => -ERR Error compiling script (new function): user_script:1: unexpected symbol near '/'
        EVAL "return 1 & 2" 0 => -ERR Error compiling script (new function): user_script:1: '<eof>' expected near '&'
        EVAL "return 0x10p1" 0 => :32
        EVAL "return [[long\nstring]]" 0 => 'long\nstring'
        EVAL "--[[ c ]] return 1 -- d" 0 => :1
        EVAL "return #{1,2,nil}" 0 => :2
        EVAL "return #{nil,nil,3}" 0 => :3
        EVAL "local a,b,c = (function() return 1,2 end)() return {a,b,c}" 0 => [:1, :2]
        EVAL "local function f(...) return select('#',...) end return f(nil,nil)" 0 => :2
        EVAL "local function f(...) return arg.n end return f(1,2)" 0 => :2
        EVAL "local t={} for i=3,1,-1 do t[#t+1]=i end return t" 0 => [:3, :2, :1]
        EVAL "for i=1,10,0 do return 1 end" 0 => (nil)
        EVAL "local i=0 repeat i=i+1 until i>=3 return i" 0 => :3
        EVAL "local function r(n) return r(n+1) end return 1" 0 => :1
        EVAL "local function r(n) return 1 + r(n+1) end return r(1)" 0 => -ERR user_script:1: stack overflow script: 651923d4c5131259f3e4d0b7ed65f7efae308dfb, on @user_script:1.
        EVAL "local s='' for i=1,300 do s = s..'(' end return loadstring('return '..s)" 0 => (nil)
        EVAL "local t={} for i=1,250 do t[i]='local a'..i..'=1' end local f,e=loadstring(table.concat(t,' ')) return e" 0 => '[string "local a1=1 local a2=1 local a3=1 local a4=1 local a5=1 local a6..."]:1: main function has more than 200 local variables'
        "#,
    );
}
