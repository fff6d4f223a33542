//! INFO: the figures of [`super::fields`] and the lists that have no fixed names (commands, errors, databases), by
//! section.
//!
//! Takes no lock of the store, so that it can be asked for at any moment, in EXEC too.

use super::fields::{FIELDS, Figure, Figures, Section};
use super::*;
use std::fmt::Write;

pub(super) const TABLE: &[Row] = &[admin("info", -1, "[section [section ...]]", info)
    .flags(Flags::LOADING.union(Flags::STALE))
    .acl(Categories::DANGEROUS)
    .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
    .doc(Group::Server, "1.0.0", "O(1)", "Prints figures on the server, by section.")];

/// What a section prints.
#[derive(Clone, Copy)]
enum Content {
    Fields(Section),
    List(fn(&Server, &mut String)),
}

/// One section: name (lower case), title, when it is printed unasked, content.
struct Part {
    name: &'static str,
    title: &'static str,
    level: Level,
    content: Content,
}

/// The smallest of `default`, `all` and `everything` that prints a section.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Default,
    All,
    Everything,
}

const fn part(name: &'static str, title: &'static str, level: Level, content: Content) -> Part {
    Part { name, title, level, content }
}

/// The sections in order.
const PARTS: &[Part] = &[
    part("server", "Server", Level::Default, Content::Fields(Section::Server)),
    part("clients", "Clients", Level::Default, Content::Fields(Section::Clients)),
    part("memory", "Memory", Level::Default, Content::Fields(Section::Memory)),
    part("persistence", "Persistence", Level::Default, Content::Fields(Section::Persistence)),
    part("stats", "Stats", Level::Default, Content::Fields(Section::Stats)),
    part("replication", "Replication", Level::Default, Content::Fields(Section::Replication)),
    part("cpu", "CPU", Level::Default, Content::Fields(Section::Cpu)),
    part("modules", "Modules", Level::Default, Content::List(|_, _| {})),
    part("commandstats", "Commandstats", Level::All, Content::List(commandstats)),
    part("errorstats", "Errorstats", Level::Default, Content::List(errorstats)),
    part("latencystats", "Latencystats", Level::All, Content::List(latencystats)),
    part("cluster", "Cluster", Level::Default, Content::Fields(Section::Cluster)),
    part("keyspace", "Keyspace", Level::Default, Content::List(keyspace)),
    part("shards", "Shards", Level::Default, Content::Fields(Section::Shards)),
];

fn info(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let mut wanted = [args.is_empty(); PARTS.len()];
    if args.is_empty() {
        wanted = std::array::from_fn(|i| PARTS[i].level == Level::Default);
    }
    while let Some(name) = args.next() {
        let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
        let level = match () {
            () if is("default") => Some(Level::Default),
            () if is("all") => Some(Level::All),
            () if is("everything") => Some(Level::Everything),
            () => None,
        };
        for (want, part) in wanted.iter_mut().zip(PARTS) {
            *want |= level.is_some_and(|l| part.level <= l) || is(part.name);
        }
    }
    out.verbatim(b"txt", report(cx.server, &wanted).as_bytes());
    Ok(())
}

fn report(server: &Server, wanted: &[bool]) -> String {
    let figures = Figures::new(server);
    let mut text = String::new();
    for (part, _) in PARTS.iter().zip(wanted).filter(|(_, want)| **want) {
        if !text.is_empty() {
            text += "\r\n";
        }
        line(&mut text, format_args!("# {}", part.title));
        match part.content {
            Content::List(list) => list(server, &mut text),
            Content::Fields(section) => {
                for (_, name, value) in FIELDS.iter().filter(|(s, ..)| *s == section) {
                    match value(&figures) {
                        Figure::Count(n) => line(&mut text, format_args!("{name}:{n}")),
                        Figure::Int(n) => line(&mut text, format_args!("{name}:{n}")),
                        Figure::Float(x, places) => line(&mut text, format_args!("{name}:{x:.places$}")),
                        Figure::Text(t) => line(&mut text, format_args!("{name}:{t}")),
                    }
                }
            }
        }
    }
    text
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = write!(text, "{content}\r\n");
}

fn commandstats(server: &Server, text: &mut String) {
    for (id, row) in server.commands.all() {
        let s = server.stats.command(id as usize);
        if s.calls + s.rejected + s.failed == 0 {
            continue;
        }
        let usec = s.ns / 1000;
        let per_call = if s.calls == 0 { 0.0 } else { s.ns as f64 / 1000.0 / s.calls as f64 };
        line(
            text,
            format_args!(
                "cmdstat_{}:calls={},usec={usec},usec_per_call={per_call:.2},rejected_calls={},failed_calls={}",
                row.spec.name, s.calls, s.rejected, s.failed
            ),
        );
    }
}

fn errorstats(server: &Server, text: &mut String) {
    for (code, n) in server.stats.errors() {
        line(text, format_args!("errorstat_{code}:count={n}"));
    }
}

fn latencystats(server: &Server, text: &mut String) {
    let settings = server.config.current();
    if !settings.latency_tracking {
        return;
    }
    let percentiles = &settings.latency_tracking_info_percentiles;
    for (id, row) in server.commands.all() {
        let latencies = server.stats.latencies(id as usize);
        if latencies.is_empty() {
            continue;
        }
        let parts: Vec<String> =
            percentiles.iter().map(|p| format!("p{p}={:.3}", percentile(&latencies, *p) as f64 / 1000.0)).collect();
        line(text, format_args!("latency_percentiles_usec_{}:{}", row.spec.name, parts.join(",")));
    }
}

/// The upper bound of the bucket that percentile `p` of the values falls into.
fn percentile(buckets: &std::collections::BTreeMap<u64, u64>, p: f64) -> u64 {
    let total: u64 = buckets.values().sum();
    let rank = ((p / 100.0 * total as f64).ceil() as u64).clamp(1, total.max(1));
    let mut seen = 0;
    for (&upper, &n) in buckets {
        seen += n;
        if seen >= rank {
            return upper;
        }
    }
    0
}

fn keyspace(server: &Server, text: &mut String) {
    for (n, db) in server.store.used().filter(|(_, db)| !db.is_empty()) {
        let (keys, volatile, ttl) = (db.len(), db.volatile_len(), db.avg_ttl());
        line(text, format_args!("db{n}:keys={keys},expires={volatile},avg_ttl={ttl}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let buckets = [(10, 50), (20, 49), (30, 1)].into();
        assert_eq!([0.0, 50.0, 50.1, 99.0, 99.9, 100.0].map(|p| percentile(&buckets, p)), [10, 10, 20, 20, 30, 30]);
        assert_eq!(percentile(&[].into(), 50.0), 0);
    }

    #[test]
    fn no_figure_is_there_twice() {
        let mut names: Vec<&str> = FIELDS.iter().map(|(_, n, _)| *n).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|w| w[0] != w[1]));
        assert!(names.len() > 120);
    }
}
