//! MEMORY: where the memory is, as the allocator, the kernel and the store see it.

use super::*;
use crate::stats::memory::{self, Memory};

/// The one key of MEMORY USAGE.
const KEY: &[KeySpec] = &[KeySpec::one(2, crate::spec::KeyFlags::RO)];

pub(super) const TABLE: &[Row] =
    &[container("memory", -2, SUBS).doc(Group::Server, "4.0.0", "", "Tells where the memory is.")];

const SUBS: &[Row] = &[
    admin("memory|doctor", 2, "", doctor)
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
        .doc(Group::Server, "4.0.0", "O(1)", "Reports on what is odd about the memory."),
    admin("memory|help", 2, "", help).flags(Flags::LOADING.union(Flags::STALE)).doc(
        Group::Server,
        "4.0.0",
        "O(1)",
        "Lists these subcommands.",
    ),
    admin("memory|malloc-stats", 2, "", malloc_stats)
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
        .doc(Group::Server, "4.0.0", "", "Prints what the allocator knows of itself."),
    admin("memory|purge", 2, "", purge).tips(&["request_policy:all_shards", "response_policy:all_succeeded"]).doc(
        Group::Server,
        "4.0.0",
        "",
        "Asks the allocator to give unused pages back.",
    ),
    admin("memory|stats", 2, "", stats)
        .locks(Locks::Walk)
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
        .doc(Group::Server, "4.0.0", "O(1)", "Prints figures on memory."),
    admin("memory|usage", -3, "key [SAMPLES count]", usage).flags(Flags::READONLY).locks(Locks::Keys).keys(KEY).doc(
        Group::Server,
        "4.0.0",
        "O(N)",
        "Tells how many bytes a key and its value take.",
    ),
];

fn usage(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    while !args.is_empty() {
        if !args.take("SAMPLES") {
            return Err(Error::Syntax);
        }
        // Strings are known exactly: there is nothing to sample.
        let samples = args.int();
        args.check()?;
        if samples < 0 {
            return Err(Error::Syntax);
        }
    }
    args.end()?;
    match cx.tx.usage(key) {
        Some(bytes) => out.int(bytes as i64),
        None => out.null(),
    }
    Ok(())
}

/// A figure of MEMORY STATS.
enum Value {
    Int(u64),
    Float(f64),
    /// Bytes of a database's tables.
    Db(u64),
}

/// `a / b`, 0 where `b` is.
pub(super) fn ratio(a: u64, b: u64) -> f64 {
    if b == 0 { 0.0 } else { a as f64 / b as f64 }
}

fn stats(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let pairs = stats_pairs(cx);
    out.map(pairs.len());
    for (name, value) in pairs {
        out.bulk(name.as_bytes());
        match value {
            Value::Int(n) => out.int(n as i64),
            Value::Float(n) => out.double(n),
            Value::Db(bytes) => {
                out.map(3);
                let parts = [
                    ("overhead.hashtable.main", bytes),
                    ("overhead.hashtable.expires", 0),
                    ("overhead.hashtable.slot-to-keys", 0),
                ];
                for (name, n) in parts {
                    out.bulk(name.as_bytes());
                    out.int(n as i64);
                }
            }
        }
    }
    Ok(())
}

fn stats_pairs(cx: &mut Cx<'_, '_>) -> Vec<(String, Value)> {
    let (store, stats) = (&cx.server.store, &cx.server.stats);
    let m = Memory::now();
    let peak = stats.memory_peak(m.allocated);
    let clients: u64 = client_bytes(cx.server);
    let mut tables = Vec::new();
    let mut keys = 0;
    let used: Vec<u32> = store.used().filter(|(_, db)| !db.is_empty()).map(|(n, _)| n).collect();
    for db in used {
        let all = (0..store.shard_count()).map(|shard| cx.tx.shard_stats(db, shard));
        let (n, bytes) = all.fold((0, 0), |(n, b), s| (n + s.keys, b + s.table_bytes));
        keys += n;
        tables.push((db, bytes));
    }
    let overhead = stats.memory_startup + clients + tables.iter().map(|(_, b)| b).sum::<u64>();
    let dataset = m.allocated.saturating_sub(overhead);
    let net = m.allocated.saturating_sub(stats.memory_startup);
    let int = |name: &str, n: u64| (name.to_owned(), Value::Int(n));
    let float = |name: &str, n: f64| (name.to_owned(), Value::Float(n));
    let mut pairs = vec![
        int("peak.allocated", peak),
        int("total.allocated", m.allocated),
        int("startup.allocated", stats.memory_startup),
        int("replication.backlog", 0),
        int("clients.slaves", 0),
        int("clients.normal", clients),
        int("cluster.links", 0),
        int("aof.buffer", 0),
        int("lua.caches", cx.server.scripts.bytes()),
        int("functions.caches", cx.server.functions.catalog().bytes() as u64),
    ];
    pairs.extend(tables.iter().map(|(db, bytes)| (format!("db.{db}"), Value::Db(*bytes))));
    pairs.extend([
        int("overhead.total", overhead),
        int("keys.count", keys),
        int("keys.bytes-per-key", net.checked_div(keys).unwrap_or(0)),
        int("dataset.bytes", dataset),
        float("dataset.percentage", 100.0 * ratio(dataset, net)),
        float("peak.percentage", 100.0 * ratio(m.allocated, peak)),
        int("allocator.allocated", m.allocated),
        int("allocator.active", m.active),
        int("allocator.resident", m.resident),
        float("allocator-fragmentation.ratio", ratio(m.active, m.allocated)),
        int("allocator-fragmentation.bytes", m.active.saturating_sub(m.allocated)),
        float("allocator-rss.ratio", ratio(m.resident, m.active)),
        int("allocator-rss.bytes", m.resident.saturating_sub(m.active)),
        float("rss-overhead.ratio", ratio(m.rss, m.resident)),
        int("rss-overhead.bytes", m.rss.saturating_sub(m.resident)),
        float("fragmentation", ratio(m.rss, m.allocated)),
        int("fragmentation.bytes", m.rss.saturating_sub(m.allocated)),
    ]);
    pairs
}

/// Bytes that all clients take.
pub(super) fn client_bytes(server: &Server) -> u64 {
    server.clients.all().iter().map(|client| client.memory() as u64).sum()
}

/// Below this the figures are those of the empty server, and say nothing.
const DOCTOR_BYTES_MIN: u64 = 5 << 20;
/// Ratios above this are worth a word.
const DOCTOR_RATIO: f64 = 1.4;

fn doctor(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let m = Memory::now();
    let peak = cx.server.stats.memory_peak(m.allocated);
    let clients = client_bytes(cx.server);
    out.verbatim(b"txt", diagnosis(m, peak, clients, cx.server.clients.len() as u64).as_bytes());
    Ok(())
}

fn diagnosis(m: Memory, peak: u64, client_bytes: u64, clients: u64) -> String {
    if m.allocated < DOCTOR_BYTES_MIN {
        return "There is too little in memory to say anything about it.\n".into();
    }
    let mut text = String::new();
    if ratio(peak, m.allocated) > 1.5 {
        text += &format!(
            "- Peak: at its most the server had {:.1} times what it has now. Pages of then may still be resident; MEMORY \
             PURGE asks for them back.\n",
            ratio(peak, m.allocated)
        );
    }
    if ratio(m.active, m.allocated) > DOCTOR_RATIO {
        text += &format!(
            "- Fragmentation: the pages in use are {:.2} times the bytes in them, as happens after values of one size \
             were replaced by others.\n",
            ratio(m.active, m.allocated)
        );
    }
    if ratio(m.resident, m.active) > DOCTOR_RATIO {
        text += &format!(
            "- Unused pages: the allocator keeps {:.2} times the pages that are in use. MEMORY PURGE gives them back.\n",
            ratio(m.resident, m.active)
        );
    }
    if client_bytes / clients.max(1) > 200 << 10 {
        text += "- Clients: their buffers are large. CLIENT LIST shows whose (qbuf-free, omem).\n";
    }
    if text.is_empty() { "Nothing odd about the memory.\n".into() } else { format!("Findings:\n{text}") }
}

fn malloc_stats(_: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let report = memory::report().map_err(|e| Error::Owned(format!("ERR {e}")))?;
    out.verbatim(b"txt", &report);
    Ok(())
}

fn purge(_: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    memory::purge();
    out.ok();
    Ok(())
}

fn help(_: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    help::write("memory", SUBS, out);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_doctor_finds_what_is_odd() {
        let m = Memory { allocated: 10 << 20, active: 11 << 20, resident: 12 << 20, rss: 13 << 20 };
        assert!(diagnosis(m, 10 << 20, 0, 0).starts_with("Nothing odd"));
        let odd = diagnosis(Memory { resident: 90 << 20, ..m }, 100 << 20, 1 << 30, 1);
        assert!(odd.contains("Peak") && odd.contains("Unused pages") && odd.contains("Clients"), "{odd}");
        assert!(diagnosis(Memory { allocated: 1000, ..m }, 0, 0, 0).contains("too little"));
    }
}
