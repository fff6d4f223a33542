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
