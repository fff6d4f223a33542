//! The libraries against what redis-server's do: `recorded.txt` has its answers, one a script.

use mlua::{Function, Lua, Value};

/// A state with the libraries, and the function that runs a script and spells what came of it.
fn show() -> (Lua, Function) {
    let lua = Lua::new();
    super::install(&lua).unwrap();
    lua.globals().raw_set("ARGV", lua.create_table().unwrap()).unwrap();
    let function = lua.load(include_str!("tests/show.lua")).into_function().unwrap();
    (lua, function)
}

fn run(lua: &Lua, show: &Function, script: &str) -> String {
    lua.globals().get::<mlua::Table>("ARGV").unwrap().raw_set(1, script).unwrap();
    show.call(()).unwrap()
}

#[test]
fn answers_are_those_of_redis_server() {
    let (lua, show) = show();
    let mut differences = Vec::new();
    let mut lines = include_str!("tests/recorded.txt").lines();
    let mut count = 0;
    while let (Some(script), Some(expected)) = (lines.next(), lines.next()) {
        let (expected, got) = (expected.strip_prefix("=> ").unwrap(), run(&lua, &show, script));
        if got != expected {
            differences.push(format!("{script}\n  expected {expected}\n  got      {got}"));
        }
        count += 1;
    }
    assert!(count > 500, "{count}");
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
    assert_eq!(lua.globals().raw_get::<Value>("cjson").unwrap().type_name(), "table");
}

#[test]
fn what_a_script_can_take_is_bounded() {
    let (lua, show) = show();
    let too_many = "too many return values at once; use unpack_one or unpack_limit instead.";
    for (script, expected) in [
        ("return select('#', cmsgpack.unpack(string.rep('\\1', 7900)))", "7900".to_owned()),
        (
            "return select('#', cmsgpack.unpack(string.rep('\\1', 7901)))",
            format!("error \"user_script:1: stack overflow ({too_many})\""),
        ),
        ("return select('#', struct.unpack(string.rep('b', 7899), string.rep('a', 7899)))", "7900".to_owned()),
        (
            "return select('#', struct.unpack(string.rep('b', 8000), string.rep('a', 8000)))",
            "error \"user_script:1: stack overflow (too many results)\"".to_owned(),
        ),
        // Strings that are returned take the binding's slots.
        ("return (select('#', struct.unpack(string.rep('c1', 7000), string.rep('a', 7000))))", "7001".to_owned()),
        (
            "return pcall(cmsgpack.unpack, string.rep('\\161a', 9000))",
            format!("false, \"stack overflow ({too_many})\""),
        ),
        // A short script that would write gigabytes.
        (
            "local c = cjson.new() c.encode_sparse_array(false, 0) return c.encode({[2147483647] = 1})",
            "error \"not enough memory\"".to_owned(),
        ),
        (
            "local t = string.rep('x', 1e6) for i = 1, 40 do t = {t, t} end return cjson.encode(t)",
            "error \"not enough memory\"".to_owned(),
        ),
        (
            "local t = string.rep('x', 1e6) for i = 1, 15 do t = {t, t} end return cmsgpack.pack(t)",
            "error \"not enough memory\"".to_owned(),
        ),
        (
            "return pcall(struct.pack, 'c2147483647', 'x')",
            "false, \"bad argument #3 to '?' (string too short)\"".to_owned(),
        ),
        ("return pcall(cmsgpack.unpack, '\\221\\255\\255\\255\\255')", "false, \"Missing bytes in input.\"".to_owned()),
    ] {
        assert_eq!(run(&lua, &show, script), expected, "{script}");
    }
}

/// Nothing that it is given makes a decoder panic, and what it makes of it is the same each time.
#[test]
fn any_bytes_are_answered() {
    let (lua, show) = show();
    let pieces: [&[u8]; 24] = [
        b"[", b"]", b"{", b"}", b"\"", b"\\u", b"\\", b":", b",", b"1", b"-", b"e", b"0x", b"nan", b"inf", b"tru",
        b"true", b"null", b"\xd8", b"d83d", b" ", b"\0", b"\x91", b"\x82",
    ];
    let mut seed = 1_u64;
    let mut random = move |bound: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % bound
    };
    let script = lua
        .load(
            "local text, format = ... \
             local r = {pcall(cjson.decode, text)} r[3] = pcall(cmsgpack.unpack, text) \
             r[4] = pcall(struct.unpack, format, text) r[5] = pcall(struct.size, format) return r[1], type(r[2])",
        )
        .into_function()
        .unwrap();
    let (mut good, mut bad) = (0, 0);
    for _ in 0..20_000 {
        let text: Vec<u8> = (0..random(12)).flat_map(|_| pieces[random(pieces.len())].to_vec()).collect();
        let format: Vec<u8> = (0..random(6)).map(|_| b"bBhHlLiIfdsxc0123!<> T"[random(22)]).collect();
        let (ok, kind): (bool, String) =
            script.call((lua.create_string(&text).unwrap(), lua.create_string(&format).unwrap())).unwrap();
        if ok {
            good += 1;
        } else {
            bad += 1;
            assert_eq!(kind, "string", "{}", text.escape_ascii());
        }
    }
    assert!(good > 100 && bad > 100, "{good} {bad}");
    assert_eq!(run(&lua, &show, "return cjson.decode('[1]')"), "{1}");
}
