//! SHARDS (ours): how the keys and the waiting are spread over the shards, and which keys are asked for most.
//!
//! `SHARDS INFO` answers a map: `scripts_on_all_shards` (how many runs of scripts have held all of them; SCRIPT STATS lists
//! them), `shards` (of a database), `db` (the selected one), `total` (keys, volatile, bytes,
//! operations, waits, wait_usec) and `list`: one map of the same figures, with `shard`, for every shard that has keys.
//! `SHARDS HOT` answers an array of maps: `key`, `db`, `operations` (an estimate: the key was met in one sampled command
//! of 256) and `error` (by how much the estimate may be too high).

use super::*;
use crate::stats::{HOT_EVERY, hottest};
use crate::store::ShardStats;

pub(super) const TABLE: &[Row] =
    &[container("shards", -2, SUBS).doc(Group::Server, "0.1.0", "", "Shows how keys, bytes and waits are spread.")];

const ADMIN: Flags = Flags::ADMIN.union(Flags::LOADING).union(Flags::STALE);

const SUBS: &[Row] = &[
    admin("shards|help", 2, "", help).flags(Flags::LOADING.union(Flags::STALE)).doc(
        Group::Server,
        "0.1.0",
        "O(1)",
        "Lists these subcommands.",
    ),
    admin("shards|hot", -2, "[count]", hot).flags(ADMIN).doc(
        Group::Server,
        "0.1.0",
        "O(workers)",
        "Shows the keys that are asked for most, by sampling.",
    ),
    admin("shards|info", 2, "", info).flags(ADMIN).locks(Locks::Walk).doc(
        Group::Server,
        "0.1.0",
        "O(shards)",
        "Shows the figures of every shard of the selected database that has keys.",
    ),
    admin("shards|reset", 2, "", reset).flags(ADMIN).locks(Locks::Walk).doc(
        Group::Server,
        "0.1.0",
        "O(shards)",
        "Sets the counts of operations, waits and hot keys to zero.",
    ),
];

/// Keys that SHARDS HOT shows unless told.
const DEFAULT_COUNT: i64 = 10;

fn info(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (db, shards) = (cx.tx.db(), cx.server.store.shard_count());
    let all: Vec<ShardStats> = (0..shards).map(|shard| cx.tx.shard_stats(db, shard)).collect();
    let sum = |f: fn(&ShardStats) -> u64| all.iter().map(f).sum();
    out.map(5);
    out.bulk(b"scripts_on_all_shards");
    out.int(cx.server.scripts.wide_runs.load(std::sync::atomic::Ordering::Relaxed) as i64);
    out.bulk(b"shards");
    out.int(shards as i64);
    out.bulk(b"db");
    out.int(db.into());
    out.bulk(b"total");
    out.map(6);
    let total = ShardStats {
        keys: sum(|s| s.keys),
        volatile: sum(|s| s.volatile),
        bytes: sum(|s| s.bytes),
        table_bytes: sum(|s| s.table_bytes),
        ops: sum(|s| s.ops),
        waits: sum(|s| s.waits),
        wait_ns: sum(|s| s.wait_ns),
    };
    write_figures(&total, out);
    out.bulk(b"list");
    let full: Vec<(usize, &ShardStats)> = all.iter().enumerate().filter(|(_, s)| s.keys > 0).collect();
    out.array(full.len());
    for (shard, stats) in full {
        out.map(7);
        out.bulk(b"shard");
        out.int(shard as i64);
        write_figures(stats, out);
    }
    Ok(())
}

/// Six pairs of a map.
fn write_figures(s: &ShardStats, out: &mut Reply<'_>) {
    let pairs = [
        ("keys", s.keys),
        ("volatile", s.volatile),
        ("bytes", s.bytes),
        ("operations", s.ops),
        ("waits", s.waits),
        ("wait_usec", s.wait_ns / 1000),
    ];
    for (name, n) in pairs {
        out.bulk(name.as_bytes());
        out.int(n as i64);
    }
}

fn hot(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let count = if args.is_empty() { DEFAULT_COUNT } else { args.int() };
    args.end()?;
    let count = usize::try_from(count).map_err(|_| Error::Text("ERR value is out of range, must be positive"))?;
    let mut slots = Vec::new();
    cx.server.stats.all().for_each(|w| slots.extend_from_slice(w.hot.lock().slots()));
    let top = hottest(slots.into_iter(), count);
    out.array(top.len());
    for key in top {
        out.map(4);
        out.bulk(b"key");
        out.bulk(&key.key);
        out.bulk(b"db");
        out.int(key.db.into());
        out.bulk(b"operations");
        out.int((key.count * u64::from(HOT_EVERY)) as i64);
        out.bulk(b"error");
        out.int((key.error * u64::from(HOT_EVERY)) as i64);
    }
    Ok(())
}

fn reset(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let used: Vec<u32> = cx.server.store.used().map(|(db, _)| db).collect();
    for db in used {
        (0..cx.server.store.shard_count()).for_each(|shard| cx.tx.reset_shard_stats(db, shard));
    }
    cx.server.stats.all().for_each(|w| w.hot.lock().clear());
    out.ok();
    Ok(())
}

fn help(_: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    help::write("shards", SUBS, out);
    Ok(())
}
