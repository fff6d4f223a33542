//! What is printed: each cell as soon as it is measured, at the end the Markdown tables for the README, with every
//! target beside what was measured.

use super::cell::{Cell, Ratio, Sample};
use super::cli::Options;
use super::freeing::{self, Freed};
use super::lines::DEFAULT_RUN;
use super::machine;
use super::memory::{Memory, What};
use super::scenario::{OURS, OURS_ONE, OURS_TWO, REDIS};
use std::fmt::Write;

/// A server busier than this is the bound of the throughput; below, the load is.
const SATURATED: f64 = 0.95;

/// A pinned server that waited longer than this, in cores, had to share its core with something else.
const DISTURBED: f64 = 0.05;

/// A figure that a target is about.
#[derive(Clone, Copy)]
enum Figure {
    UserCpu,
    TotalCpu,
    Throughput,
}

impl Figure {
    fn of(self, sample: &Sample) -> f64 {
        match self {
            Figure::UserCpu => sample.user,
            Figure::TotalCpu => sample.total,
            Figure::Throughput => sample.throughput,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Figure::UserCpu => "user CPU a command",
            Figure::TotalCpu => "CPU a command",
            Figure::Throughput => "throughput",
        }
    }
}

/// A ratio that must be reached: at most `bound` of CPU, at least `bound` of throughput.
struct Target {
    scenarios: &'static [&'static str],
    pipelines: &'static [usize],
    figure: Figure,
    of: &'static str,
    against: &'static str,
    bound: f64,
}

const fn cpu(scenarios: &'static [&'static str], pipelines: &'static [usize], bound: f64) -> Target {
    Target { scenarios, pipelines, figure: Figure::TotalCpu, of: OURS, against: REDIS, bound }
}

const fn throughput(
    scenarios: &'static [&'static str],
    pipelines: &'static [usize],
    of: &'static str,
    against: &'static str,
    bound: f64,
) -> Target {
    Target { scenarios, pipelines, figure: Figure::Throughput, of, against, bound }
}

const SMALL: &[&str] = &["mix32", "get32", "set32"];
const MEDIUM: &[&str] = &["mix1k", "get1k", "set1k"];

const TARGETS: &[Target] = &[
    Target { figure: Figure::UserCpu, ..cpu(SMALL, &[1], 0.65) },
    cpu(SMALL, &[16], 0.75),
    cpu(SMALL, &[100], 0.45),
    throughput(SMALL, &[16], OURS, REDIS, 1.3),
    throughput(SMALL, &[100], OURS, REDIS, 2.0),
    cpu(MEDIUM, &[16], 0.85),
    cpu(MEDIUM, &[100], 0.7),
    cpu(&["get5m"], &[16], 0.55),
    cpu(&["get5m"], &[100], 0.3),
    cpu(DEFAULT_RUN, &[16], 0.8),
    Target { figure: Figure::UserCpu, ..cpu(DEFAULT_RUN, &[1], 0.75) },
    throughput(&["cores"], &[16], OURS_TWO, REDIS, 1.5),
    throughput(&["cores"], &[100], OURS_TWO, REDIS, 2.0),
    throughput(&["cores"], &[1, 16, 100], OURS_TWO, OURS_ONE, 1.0),
];

/// Prints one cell, a line a contestant.
pub fn print_cell(cell: &Cell) {
    println!("\n{} ({}), pipeline {}", cell.scenario.name, cell.scenario.title, cell.pipeline);
    println!(
        "  {:<16} {:>10} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8} {:>6} {:>8}",
        "", "k/s", "p50 µs", "p99", "p99.9", "user µs", "kernel", "total", "busy", "load µs"
    );
    for series in &cell.series {
        let of = |figure: fn(&Sample) -> f64| series.median(figure);
        println!(
            "  {:<16} {:>10.1} {:>9.1} {:>9.1} {:>9.1} {:>8.3} {:>8.3} {:>8.3} {:>6.2} {:>8.3}",
            series.name,
            of(|s| s.throughput) / 1e3,
            of(|s| s.p50),
            of(|s| s.p99),
            of(|s| s.p999),
            of(|s| s.user),
            of(|s| s.kernel),
            of(|s| s.total),
            of(|s| s.busy),
            of(|s| s.load)
        );
    }
    if let Some(waited) = disturbed(cell) {
        println!("  something else used the server's core: it waited {:.0} % of the time", waited * 100.0);
    }
    for (name, against) in pairs(cell) {
        let ratio = |figure: fn(&Sample) -> f64| cell.ratio(name, against, figure).map_or(String::new(), spread);
        println!(
            "  {name} / {against}: throughput {}, user {}, kernel {}, total {}",
            ratio(|s| s.throughput),
            ratio(|s| s.user),
            ratio(|s| s.kernel),
            ratio(|s| s.total)
        );
    }
}

/// The longest wait for the core in any run of the cell, where it was long and should not have been.
fn disturbed(cell: &Cell) -> Option<f64> {
    let samples = cell.series.iter().flat_map(|series| &series.samples);
    let most = samples.map(|sample| sample.waited).fold(0.0, f64::max);
    (most > DISTURBED && !cell.scenario.both_cores).then_some(most)
}

/// Who is compared with whom in a cell: each of ours with every other.
fn pairs(cell: &Cell) -> Vec<(&str, &str)> {
    let names: Vec<&str> = cell.series.iter().map(|series| series.name.as_str()).collect();
    let ours = names.iter().filter(|name| [OURS, OURS_TWO].contains(name));
    ours.flat_map(|one| names.iter().filter(move |other| *other != one).map(move |other| (*one, *other))).collect()
}

fn spread(ratio: Ratio) -> String {
    format!("{:.2} ({:.2} to {:.2})", ratio.median, ratio.least, ratio.most)
}

/// The whole report in Markdown.
pub fn markdown(options: &Options, cells: &[Cell], freed: &[Freed], memories: &[Memory], load_before: &str) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "Machine: {}. Load average before: {load_before}.\n", machine::describe());
    let _ = writeln!(
        out,
        "{} connections, {} keys of 16 bytes ({} in \"many keys\"), medians of {} interleaved runs of {:.1} s (twice \
         that without pipelining).{}",
        options.connections,
        options.keys,
        options.many,
        options.runs,
        options.window.as_secs_f64(),
        if options.quick { " A quick run: these figures mean nothing." } else { "" }
    );
    for rival in &options.rivals {
        let _ = writeln!(out, "{}: {}.", rival.name, rival.version());
    }
    let disturbed = cells.iter().filter(|cell| disturbed(cell).is_some()).count();
    if disturbed > 0 {
        let _ = writeln!(out, "Something else used the server's core in {disturbed} of {} cells.", cells.len());
    }
    if !cells.is_empty() {
        load_table(&mut out, cells);
    }
    if !freed.is_empty() {
        out.push_str(&freeing::table(freed));
    }
    if !memories.is_empty() {
        memory_table(&mut out, memories);
    }
    targets_table(&mut out, cells, memories);
    out
}

fn load_table(out: &mut String, cells: &[Cell]) {
    out.push_str(
        "\n| load | pipeline | server | thousand/s | batch p50 µs | p99 | p99.9 | user µs | kernel µs | total µs | \
         server busy |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for cell in cells {
        for series in &cell.series {
            let of = |figure: fn(&Sample) -> f64| series.median(figure);
            let _ = writeln!(
                out,
                "| {} | {} | {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.2} | {:.2} | {:.2} | {:.0} % |",
                cell.scenario.title,
                cell.pipeline,
                series.name,
                of(|s| s.throughput) / 1e3,
                of(|s| s.p50),
                of(|s| s.p99),
                of(|s| s.p999),
                of(|s| s.user),
                of(|s| s.kernel),
                of(|s| s.total),
                of(|s| s.busy) * 100.0
            );
        }
    }
}

fn memory_table(out: &mut String, memories: &[Memory]) {
    out.push_str("\n| resident | server | measured |\n| --- | --- | --- |\n");
    for memory in memories {
        let _ = writeln!(out, "| {} | {} | {:.0} |", memory.title(), memory.name, memory.bytes);
    }
}

fn targets_table(out: &mut String, cells: &[Cell], memories: &[Memory]) {
    out.push_str("\n| target | asked | measured | |\n| --- | --- | --- | --- |\n");
    for target in TARGETS {
        let hit =
            |cell: &&Cell| target.scenarios.contains(&cell.scenario.name) && target.pipelines.contains(&cell.pipeline);
        for cell in cells.iter().filter(hit) {
            target_row(out, target, cell);
        }
    }
    for memory in memories.iter().filter(|memory| memory.name == OURS) {
        let bound = match memory.what {
            What::Empty => (8 << 20) as f64,
            What::Key(5_000_000) => 84.0,
            What::Connection(_) => 4096.0,
            What::Key(_) => continue,
        };
        let verdict = verdict(memory.bytes <= bound);
        let _ = writeln!(out, "| resident: {} | ≤ {bound:.0} | {:.0} | {verdict} |", memory.title(), memory.bytes);
    }
}

fn target_row(out: &mut String, target: &Target, cell: &Cell) {
    let Some(ratio) = cell.ratio(target.of, target.against, |sample| target.figure.of(sample)) else {
        return;
    };
    let more = matches!(target.figure, Figure::Throughput);
    let (sign, reached) =
        if more { ("≥", ratio.median >= target.bound) } else { ("≤", ratio.median <= target.bound) };
    let busy = cell.of(target.of).map_or(1.0, |series| series.median(|sample| sample.busy));
    let idle = more && target.of == OURS && busy < SATURATED;
    let note = if idle { format!(" (the server was only {:.0} % busy)", busy * 100.0) } else { String::new() };
    let _ = writeln!(
        out,
        "| {}, pipeline {}: {} of {} over {} | {sign} {:.2} | {} | {}{note} |",
        cell.scenario.title,
        cell.pipeline,
        target.figure.name(),
        target.of,
        target.against,
        target.bound,
        spread(ratio),
        verdict(reached)
    );
}

fn verdict(reached: bool) -> &'static str {
    if reached { "pass" } else { "**miss**" }
}
