//! LATENCY: slow events and the histograms of the commands. The samples are in [`crate::stats::LatencyMonitor`].

use super::*;
use crate::stats::{Sample, Series};
use std::collections::BTreeMap;

pub(super) const TABLE: &[Row] =
    &[container("latency", -2, SUBS).doc(Group::Server, "2.8.13", "", "Watches for slow events.")];

const SUBS: &[Row] = &[
    admin("latency|doctor", 2, "", doctor)
        .flags(Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE))
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
        .doc(Group::Server, "2.8.13", "O(1)", "Reports on the slow events and what might be done."),
    admin("latency|graph", 3, "event", graph)
        .flags(Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE))
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
        .doc(Group::Server, "2.8.13", "O(1)", "Draws an event over time."),
    admin("latency|help", 2, "", help).flags(Flags::LOADING.union(Flags::STALE)).doc(
        Group::Server,
        "2.8.13",
        "O(1)",
        "Lists these subcommands.",
    ),
    admin("latency|histogram", -2, "[COMMAND [COMMAND ...]]", histogram)
        .flags(Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE))
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
        .doc(Group::Server, "7.0.0", "O(N)", "Shows how long commands took, in steps of two."),
    admin("latency|history", 3, "event", history)
        .flags(Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE))
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
        .doc(Group::Server, "2.8.13", "O(1)", "Shows the samples of an event."),
    admin("latency|latest", 2, "", latest)
        .flags(Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE))
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
        .doc(Group::Server, "2.8.13", "O(1)", "Shows the last sample of every event."),
    admin("latency|reset", -2, "[event [event ...]]", reset)
        .flags(Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE))
        .tips(&["request_policy:all_nodes", "response_policy:agg_sum"])
        .doc(Group::Server, "2.8.13", "O(1)", "Forgets events."),
];

/// Columns of a graph.
const GRAPH_COLUMNS: usize = 80;
/// Rows of a graph.
const GRAPH_ROWS: u64 = 4;

fn latest(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let all = cx.server.stats.latency.all();
    out.array(all.len());
    for (event, series) in all {
        let last = series.samples.back().copied().unwrap_or(Sample { time: 0, ms: 0 });
        out.array(4);
        out.bulk(event.as_bytes());
        out.int(last.time as i64);
        out.int(last.ms as i64);
        out.int(series.max as i64);
    }
    Ok(())
}

fn history(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let series = cx.server.stats.latency.series(args.bytes()).map(|(_, s)| s).unwrap_or_default();
    out.array(series.samples.len());
    for sample in series.samples {
        out.array(2);
        out.int(sample.time as i64);
        out.int(sample.ms as i64);
    }
    Ok(())
}

fn reset(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let monitor = &cx.server.stats.latency;
    if args.is_empty() {
        out.int(monitor.reset_all() as i64);
        return Ok(());
    }
    let mut gone = 0;
    while let Some(event) = args.next() {
        gone += i64::from(monitor.reset(event));
    }
    out.int(gone);
    Ok(())
}

fn graph(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let event = args.bytes();
    let Some((name, series)) = cx.server.stats.latency.series(event) else {
        let event = String::from_utf8_lossy(event);
        return Err(Error::Owned(format!("ERR No samples available for event '{event}'")));
    };
    out.verbatim(b"txt", draw(name, &series, cx.server.clock.unix_ms() / 1000).as_bytes());
    Ok(())
}

/// The latest samples as bars, each with its age written downwards below it.
fn draw(name: &str, series: &Series, now: u64) -> String {
    let s = series.summary();
    let head = format!("{name} - high {} ms, low {} ms (all time high {} ms)\n", s.high, s.low, series.max);
    let mut text = head + &"-".repeat(GRAPH_COLUMNS) + "\n";
    let skip = series.samples.len().saturating_sub(GRAPH_COLUMNS);
    let shown: Vec<&Sample> = series.samples.iter().skip(skip).collect();
    let height = |ms: u64| 1 + (ms - s.low) * (GRAPH_ROWS - 1) / (s.high - s.low).max(1);
    for row in (1..=GRAPH_ROWS).rev() {
        let bars: String = shown.iter().map(|x| if height(x.ms) >= row { '#' } else { ' ' }).collect();
        text += bars.trim_end();
        text.push('\n');
    }
    let ages: Vec<String> = shown.iter().map(|x| age(now.saturating_sub(x.time))).collect();
    for row in 0..ages.iter().map(String::len).max().unwrap_or(0) {
        let line: String = ages.iter().map(|a| a[row.min(a.len())..].chars().next().unwrap_or(' ')).collect();
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86400),
    }
}

fn doctor(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let settings = cx.server.config.current();
    let report = diagnosis(cx.server, settings.latency_monitor_threshold, settings.slowlog_log_slower_than);
    out.verbatim(b"txt", report.as_bytes());
    Ok(())
}

fn diagnosis(server: &Server, threshold_ms: u64, slow_us: i64) -> String {
    let all = server.stats.latency.all();
    if all.is_empty() && threshold_ms == 0 {
        return "The latency monitor is off. To switch it on, set latency-monitor-threshold to the number of milliseconds \
                from which an event counts as slow.\n"
            .into();
    }
    if all.is_empty() {
        return format!("No event took {threshold_ms} ms or longer since the samples were last reset.\n");
    }
    let mut text = String::from("Slow events, the worst of each second:\n\n");
    for (event, series) in &all {
        let s = series.summary();
        text += &format!(
            "{event}: {} samples within {} s, mean {} ms, mean deviation {} ms, worst {} ms, worst ever {} ms.\n",
            s.count, s.span, s.mean, s.deviation, s.high, series.max
        );
    }
    text += "\nWhat may help:\n";
    if slow_us < 0 || slow_us as u64 > threshold_ms.saturating_mul(1000) {
        text += &format!(
            "- The slow log does not keep what the monitor calls slow: set slowlog-log-slower-than to {}.\n",
            threshold_ms.saturating_mul(1000)
        );
    } else {
        text += "- SLOWLOG GET names the commands that were slow.\n";
    }
    if all.iter().any(|(event, _)| *event == "command") {
        text += "- Commands that visit many keys or very large values take time in proportion: ask for less at a time \
                 (SCAN instead of KEYS, UNLINK instead of DEL).\n";
    }
    if all.iter().any(|(event, _)| *event == "fast-command") {
        text += "- A fast command that was slow waited, for its shard or for a core: SHARDS INFO shows the waits, and \
                 the load of the machine the rest.\n";
    }
    if all.iter().any(|(event, _)| *event == "expire-cycle") {
        text += "- Many keys expire at the same time: spread their times to live, or lower active-expire-effort.\n";
    }
    text
}

fn histogram(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let mut ids = Vec::new();
    if args.is_empty() {
        ids.extend(cx.server.commands.all().map(|(id, _)| id));
    }
    // As often as asked for, in that order; a container's subcommands after it.
    while let Some(name) = args.next() {
        let Some((id, row)) = find_full(cx.server, name) else { continue };
        ids.push(id);
        ids.extend(
            row.subs.iter().filter_map(|s| Some(cx.server.commands.find_sub(id, s.spec.short_name().as_bytes())?.0)),
        );
    }
    let at = out.defer_array();
    let mut n = 0;
    for id in ids {
        let latencies = cx.server.stats.latencies(id as usize);
        if latencies.is_empty() {
            continue;
        }
        n += 1;
        out.bulk(cx.server.commands.row(id).spec.name.as_bytes());
        write_histogram(&latencies, out);
    }
    out.set_map(at, n);
    Ok(())
}

fn find_full(server: &Server, name: &[u8]) -> Option<(CommandId, &'static Row)> {
    let mut parts = name.splitn(2, |&b| b == b'|');
    let (id, row) = server.commands.find(parts.next()?)?;
    match parts.next() {
        Some(sub) => server.commands.find_sub(id, sub),
        None => Some((id, row)),
    }
}

/// Calls, and for each power of two of 1.024 µs the calls that took no longer, where they grow.
fn write_histogram(latencies: &BTreeMap<u64, u64>, out: &mut Reply<'_>) {
    let mut steps: BTreeMap<u64, u64> = BTreeMap::new();
    let mut total = 0;
    for (&upper, &n) in latencies {
        total += n;
        steps.insert((upper + 1).next_power_of_two().max(1024), total);
    }
    out.map(2);
    out.bulk(b"calls");
    out.int(total as i64);
    out.bulk(b"histogram_usec");
    out.map(steps.len());
    for (bound, count) in steps {
        // The bound is shown as the last value of its bucket, of 128 to an octave, in whole microseconds.
        out.int(((bound + bound / 128 - 1) / 1000) as i64);
        out.int(count as i64);
    }
}

fn help(_: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    help::write("latency", SUBS, out);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_has_bars_and_ages() {
        let monitor = crate::stats::LatencyMonitor::default();
        [(1, 10), (40, 90), (20, 100)].iter().for_each(|&(ms, t)| monitor.note("command", ms, t));
        let text = draw("command", &monitor.series(b"command").unwrap().1, 131);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "command - high 40 ms, low 1 ms (all time high 40 ms)");
        assert_eq!(
            lines[2..],
            [" #", " #", " ##", "###", "243", "m11", " ss"].map(str::to_owned)[..]
                .iter()
                .map(|s| &**s)
                .collect::<Vec<_>>()[..]
        );
    }
}
