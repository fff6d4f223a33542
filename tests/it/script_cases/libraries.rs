//! `cjson`, `cmsgpack`, `struct` and `bit` as scripts use them. The many small cases are unit tests of the libraries.

use crate::support::check;

#[test]
fn libraries() {
    check(
        r#"
        EVAL "return cjson.encode({a={1,2,{b=cjson.null}}})" 0 => '{"a":[1,2,{"b":null}]}'
        EVAL "return cjson.encode({})" 0 => '{}'
        EVAL "return cjson.encode({1,2,nil,4})" 0 => '[1,2,null,4]'
        EVAL "return cjson.encode({[1]=1,[100]=1})" 0 => -ERR user_script:1: Cannot serialise table: excessively sparse array script: 75f2fdac8282c045ebcbab2351b04b944a293dec, on @user_script:1.
        EVAL "return cjson.encode({[1]=1,a=2})" 0 => '{"1":1,"a":2}'
        EVAL "return cjson.encode(0/0)" 0 => -ERR user_script:1: Cannot serialise number: must not be NaN or Inf script: d3f8d4e745d6587b04e9dd216e0d4631f0a306d9, on @user_script:1.
        EVAL "return cjson.encode('a/b\"\\\\\\127')" 0 => '"a\\/b\\"\\\\\\u007f"'
        EVAL "return cjson.encode(1/3)" 0 => 0.33333333333333
        EVAL "return cjson.encode(redis.call)" 0 => -ERR user_script:1: Cannot serialise function: type not supported script: 803b18de276feb2354b12add12ed7375abaa84cc, on @user_script:1.
        EVAL "return cjson.encode({f=redis.call})" 0 => -ERR user_script:1: Cannot serialise function: type not supported script: 5f70d9ab03c9c6f564505130db89ae3e0ac01afa, on @user_script:1.
        EVAL "local t={} t.t=t return cjson.encode(t)" 0 => -ERR user_script:1: Cannot serialise, excessive nesting (1001) script: 430c40d63e6ce612463303c85d8ac6e12323b755, on @user_script:1.
        EVAL "return cjson.encode(redis.call('TIME')) ~= nil" 0 => :1
        EVAL "return cjson.decode('[1,2,{\"a\":null}]')" 0 => [:1, :2, []]
        EVAL "return cjson.decode('{\"a\":[1,2.5,\"x\"]}').a" 0 => [:1, :2, x]
        EVAL "return cjson.decode('{\"a\":[1,2.5,\"x\"]}').a[2] * 2" 0 => :5
        EVAL "return cjson.decode('{')" 0 => -ERR user_script:1: Expected object key string but found T_END at character 2 script: 6c60bbb22c4b71b0415e4e539d6dc66cc27df21d, on @user_script:1.
        EVAL "return cjson.decode('[1,]')" 0 => -ERR user_script:1: Expected value but found T_ARR_END at character 4 script: d31ab1dd313d99d4ad3dac6e48cdff283bea270c, on @user_script:1.
        EVAL "return pcall(cjson.decode,'x')" 0 => (nil)
        EVAL "local ok,e=pcall(cjson.decode,'x') return e" 0 => 'Expected value but found invalid token at character 1'
        EVAL "return cjson.decode('null')" 0 => (nil)
        EVAL "return cjson.decode('[null]')" 0 => [(nil)]
        EVAL "return {cjson.null}" 0 => [(nil)]
        EVAL "return cjson.null" 0 => (nil)
        EVAL "return tostring(cjson.null)" 0 => 'userdata: (nil)'
        EVAL "return cjson.null == nil" 0 => (nil)
        EVAL "return type(cjson.null)" 0 => userdata
        EVAL "return cjson.decode('[true,false]')" 0 => [:1, (nil)]
        EVAL "return cjson.decode('1e400')" 0 => :-9223372036854775808
        EVAL "return cjson.decode('\"\\\\u00e9\\\\ud83d\\\\ude00\"')" 0 => '\xc3\xa9\xf0\x9f\x98\x80'
        EVAL "return cjson.encode(cjson.decode('{\"a\":{}}'))" 0 => '{"a":{}}'
        EVAL "return cjson.encode(cjson.decode('[]'))" 0 => '{}'
        EVAL "return cjson.encode(cjson.decode('[[],{}]'))" 0 => '[{},{}]'
        EVAL "cjson.encode_sparse_array(true) return cjson.encode({[1]=1,[100]=1})" 0 => '{"1":1,"100":1}'
        EVAL "cjson.encode_sparse_array(false) return pcall(cjson.encode,{[1]=1,[100]=1})" 0 => (nil)
        EVAL "return cjson.encode(9007199254740992)" 0 => 9.007199254741e+15
        EVAL "return cjson.encode(12345678901234)" 0 => 12345678901234
        EVAL "return cjson.encode(KEYS)" 0 => '{}'
        EVAL "return cmsgpack.pack({1,2,3})" 0 => '\x93\x01\x02\x03'
        EVAL "return cmsgpack.pack({a='b'})" 0 => '\x81\xa1a\xa1b'
        EVAL "return cmsgpack.pack('x',1,nil,true,1.5)" 0 => '\xa1x\x01\xc0\xc3\xca?\xc0\x00\x00'
        EVAL "return cmsgpack.unpack(cmsgpack.pack({1,{2,'three'},4}))" 0 => [:1, [:2, three], :4]
        EVAL "return {cmsgpack.unpack(cmsgpack.pack(1,2,3))}" 0 => [:1, :2, :3]
        EVAL "return cmsgpack.unpack('')" 0 => (nil)
        EVAL "return cmsgpack.unpack('\\193')" 0 => -ERR user_script:1: Bad data format in input. script: dc135bd7bc2955014f03280e151acf74360378e7, on @user_script:1.
        EVAL "return cmsgpack.unpack('\\146\\1')" 0 => -ERR user_script:1: Missing bytes in input. script: a554dbe54e9b5e6d26753c722e2cef5aded0e5e2, on @user_script:1.
        EVAL "return {cmsgpack.unpack_one('\\1\\2')}" 0 => [:1, :1]
        EVAL "return {cmsgpack.unpack_limit('\\1\\2\\3',2)}" 0 => [:2, :1, :2]
        EVAL "return cmsgpack.pack()" 0 => -ERR user_script:1: bad argument #0 to 'pack' (MessagePack pack needs input.) script: 6bc235afa55de88253e203cc5fe5844792e25209, on @user_script:1.
        EVAL "return cmsgpack.pack(2^53, -1, -129, 65536)" 0 => '\xcf\x00 \x00\x00\x00\x00\x00\x00\xff\xd1\xff\x7f\xce\x00\x01\x00\x00'
        EVAL "return cmsgpack.pack(redis.call)" 0 => '\xc0'
        EVAL "return cjson.encode(cmsgpack.unpack(cmsgpack.pack({x={y={z=1}}})))" 0 => '{"x":{"y":{"z":1}}}'
        EVAL "return struct.pack('>I2<i4','1',-2)" 0 => '\x00\x01\xfe\xff\xff\xff'
        EVAL "return {struct.unpack('>I2<i4',struct.pack('>I2<i4',1,-2))}" 0 => [:1, :-2, :7]
        EVAL "return struct.pack('s',KEYS[1] or 'z')" 0 => 'z\x00'
        EVAL "return struct.size('!8bd')" 0 => :16
        EVAL "return {struct.unpack('Bc0','\\3abc')}" 0 => [abc, :5]
        EVAL "return struct.pack('q',1)" 0 => -ERR user_script:1: bad argument #1 to 'pack' (invalid format option 'q') script: 1b5cc12c9373f0c88806e2dfc2bf83162eb3a0a1, on @user_script:1.
        EVAL "return struct.unpack('i','x')" 0 => -ERR user_script:1: bad argument #2 to 'unpack' (data string too short) script: 2c20c842175a12ea62e0416a4edd9903d0891b36, on @user_script:1.
        EVAL "return struct.pack('d',0.1)" 0 => '\x9a\x99\x99\x99\x99\x99\xb9?'
        EVAL "return tostring((struct.unpack('d',struct.pack('d',0.1))))" 0 => 0.1
        EVAL "return {bit.band(0xff,0x0f),bit.bor(1,2),bit.bxor(5,1),bit.bnot(0)}" 0 => [:15, :3, :4, :-1]
        EVAL "return {bit.lshift(1,31),bit.rshift(-1,28),bit.arshift(-16,2),bit.rol(1,33),bit.ror(1,1)}" 0 => [:-2147483648, :15, :-4, :2, :-2147483648]
        EVAL "return {bit.tohex(255),bit.tohex(255,-4),bit.bswap(1)}" 0 => [000000ff, 00FF, :16777216]
        EVAL "return bit.tobit(2^32+5)" 0 => :5
        EVAL "return bit.band('x')" 0 => -ERR user_script:1: bad argument #1 to 'band' (number expected, got string) script: d35c9a1d4f4825ae2c0656c3cb8c9f397ca6d9b1, on @user_script:1.
        EVAL "return bit.band()" 0 => -ERR user_script:1: bad argument #1 to 'band' (number expected, got no value) script: 5cf53f885283a4f44a8fe7ad7e7fccaed4113e62, on @user_script:1.
        "#,
    );
}
