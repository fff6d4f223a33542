//! SHARDS, which is ours alone: how keys and waits are spread, and which keys are asked for most.

use crate::support::{Client, Value, check_ours, on_ours};

const OURS: &str = "SHARDS is Ostracon's own";

#[test]
fn errors_and_help() {
    check_ours(
        OURS,
        r#"
        SHARDS => -ERR wrong number of arguments for 'shards' command
        SHARDS BOGUS => -ERR unknown subcommand 'BOGUS'. Try SHARDS HELP.
        SHARDS INFO x => -ERR wrong number of arguments for 'shards|info' command
        SHARDS RESET x => -ERR wrong number of arguments for 'shards|reset' command
        SHARDS HOT x => -ERR value is not an integer or out of range
        SHARDS HOT 1 2 => -ERR syntax error
        SHARDS HOT -1 => -ERR value is out of range, must be positive
        SHARDS HOT 0 => []
        SHARDS HOT => []
        SHARDS RESET => +OK
        SHARDS HELP => ~[+SHARDS <subcommand> *]
        "#,
    );
}

/// The figures of the shards, in the protocol's two forms and inside EXEC, where the shards are held already.
#[test]
fn replies() {
    check_ours(
        OURS,
        r#"
        SHARDS INFO => ~[scripts_on_all_shards, :*, shards, :*, db, :0, total, [keys, :0, volatile, :0, *], list, []]
        SET k v => +OK
        SHARDS INFO => ~[scripts_on_all_shards, :*, shards, :*, db, :0, total, [keys, :1, volatile, :0, bytes, :*, operations, :1, waits, :0, wait_usec, :0], list, [[shard, :*, keys, :1, volatile, :0, bytes, :*, operations, :1, waits, :0, wait_usec, :0]]]
        EXPIRE k 100 => :1
        MULTI => +OK
        SET j v => +QUEUED
        SHARDS INFO => +QUEUED
        SHARDS RESET => +QUEUED
        SHARDS HOT => +QUEUED
        EXEC => ~[+OK, [scripts_on_all_shards, :*, shards, :*, db, :0, total, [keys, :2, volatile, :1, *]*], +OK, []]
        SELECT 3 => +OK
        SHARDS INFO => ~[scripts_on_all_shards, :*, shards, :*, db, :3, total, [keys, :0, *], list, []]
        SELECT 0 => +OK
        HELLO 3 => ~{*}
        SHARDS INFO => ~{scripts_on_all_shards: :*, shards: :*, db: :0, total: {keys: :2, volatile: :1, bytes: :*, operations: :0, waits: :0, wait_usec: :0}, list: [{shard: :*, keys: :*}*]}
        "#,
    );
}

#[track_caller]
fn number(pairs: &[Value], name: &str) -> i64 {
    field(pairs, name).int()
}

#[track_caller]
fn field<'v>(pairs: &'v [Value], name: &str) -> &'v Value {
    let pair = pairs.chunks(2).find(|pair| pair[0].text() == name);
    &pair.unwrap_or_else(|| panic!("no {name} in {pairs:?}"))[1]
}

/// The total is the sum of the list.
#[test]
fn the_total_is_the_sum() {
    on_ours(&["--shards", "16"], |server| {
        let mut client = server.client();
        (0..200).for_each(|i| drop(client.line(&format!("SET key{i} {i}"))));
        (0..50).for_each(|i| drop(client.line(&format!("EXPIRE key{i} 1000"))));
        let reply = client.line("SHARDS INFO");
        let info = reply.items();
        assert_eq!(number(info, "shards"), 16);
        let total = field(info, "total").items();
        let list = field(info, "list").items();
        assert_eq!(list.len(), 16, "200 keys over 16 shards");
        for name in ["keys", "volatile", "bytes", "operations", "waits", "wait_usec"] {
            let sum: i64 = list.iter().map(|shard| number(shard.items(), name)).sum();
            assert!((sum - number(total, name)).abs() <= if name == "wait_usec" { 16 } else { 0 }, "{name}");
        }
        assert_eq!([number(total, "keys"), number(total, "volatile"), number(total, "operations")], [200, 50, 250]);
        assert!(number(total, "bytes") > 200 * 16);
        let numbers: Vec<i64> = list.iter().map(|shard| number(shard.items(), "shard")).collect();
        assert_eq!(numbers, (0..16).collect::<Vec<_>>());
        assert_eq!(server.info("shards", "shards_per_database"), "16");
    });
}

fn hot(client: &mut Client, count: usize) -> Vec<(String, i64, i64, i64)> {
    let reply = client.line(&format!("SHARDS HOT {count}"));
    let row = |map: &Value| {
        let map = map.items();
        (field(map, "key").text(), number(map, "db"), number(map, "operations"), number(map, "error"))
    };
    reply.items().iter().map(row).collect()
}

/// The keys that most commands name come first, each with its database and about its number of commands.
#[test]
fn hot_keys() {
    on_ours(&["--workers", "2"], |server| {
        let (mut one, mut two) = (server.client(), server.client());
        two.line("SELECT 2");
        // Periods that share no factor with the sampling's, so that the samples see each key in its proportion.
        for i in 0..6_500 {
            for client in [&mut one, &mut two] {
                match i % 13 {
                    0..7 => client.line("GET hottest"),
                    7..10 => client.line("INCR warm"),
                    _ => client.line(&format!("GET cold{i}")),
                };
            }
        }
        let mut top = hot(&mut one, 4);
        top.sort_by(|a, b| (&b.0, b.1).cmp(&(&a.0, a.1)).reverse());
        let names: Vec<(&str, i64)> = top.iter().map(|(key, db, ..)| (key.as_str(), *db)).collect();
        assert_eq!(names, [("hottest", 0), ("hottest", 2), ("warm", 0), ("warm", 2)]);
        for (key, _, operations, error) in &top {
            let truth = if key == "hottest" { 3_500 } else { 1_500 };
            assert!((operations - truth).abs() < truth / 3 + 256 && *error < 256 * 5, "{key}: {operations} ± {error}");
        }
        assert_eq!(hot(&mut one, 1)[0].0, "hottest");
        assert_eq!(one.line("SHARDS HOT").items().len(), 10);
        assert_eq!(one.line("SHARDS RESET").render(), "+OK");
        assert!(hot(&mut one, 10).is_empty());
        let reply = one.line("SHARDS INFO");
        assert_eq!(number(field(reply.items(), "total").items(), "operations"), 0);
    });
}
