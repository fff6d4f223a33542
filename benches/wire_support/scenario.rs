//! The scenarios that put load on a server, as a table, and how one is run: interleaved over the contestants.

use super::cell::{Cell, Sample, Series};
use super::cli::Options;
use super::histogram::Histogram;
use super::lines::{LINES, Line};
use super::load::{Loader, Outcome, Task};
use super::requests::Mix;
use super::rival::{Rival, Server};
use super::{Result, freeing, memory, report};
use std::time::Duration;

/// Ours on one core.
pub const OURS: &str = "ours";
/// Ours with one worker, where the server may use both cores.
pub const OURS_ONE: &str = "ours, 1 worker";
/// Ours with two workers on both cores.
pub const OURS_TWO: &str = "ours, 2 workers";
/// The reference of all targets.
pub const REDIS: &str = "redis-server";

/// How many keys a scenario has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// `--keys`.
    Usual,
    /// `--many`: far past the caches.
    Many,
    /// 2,000, for values so large that more would only be memory.
    Few,
}

/// One row of [`SCENARIOS`].
#[derive(Clone, Copy)]
pub struct Scenario {
    /// Its name for `--only`.
    pub name: &'static str,
    /// What it is, for the report.
    pub title: &'static str,
    mix: Mix,
    value_len: usize,
    keys: Keys,
    pipelines: &'static [usize],
    /// Server and two load processes share both cores, instead of a core each.
    pub both_cores: bool,
}

const fn pinned(
    name: &'static str,
    title: &'static str,
    mix: Mix,
    value_len: usize,
    keys: Keys,
    pipelines: &'static [usize],
) -> Scenario {
    Scenario { name, title, mix, value_len, keys, pipelines, both_cores: false }
}

/// All of them. Neighbours with the same data share their servers.
pub const SCENARIOS: &[Scenario] = &[
    pinned("mix32", "GET/SET 9:1, 32 B", Mix::Mixed, 32, Keys::Usual, &[1, 16, 100]),
    pinned("get32", "GET, 32 B", Mix::Get, 32, Keys::Usual, &[1, 16, 100]),
    pinned("set32", "SET, 32 B", Mix::Set, 32, Keys::Usual, &[1, 16, 100]),
    pinned("mix1k", "GET/SET 9:1, 1 KiB", Mix::Mixed, 1 << 10, Keys::Usual, &[16, 100]),
    pinned("get1k", "GET, 1 KiB", Mix::Get, 1 << 10, Keys::Usual, &[16, 100]),
    pinned("set1k", "SET, 1 KiB", Mix::Set, 1 << 10, Keys::Usual, &[16, 100]),
    pinned("mix64k", "GET/SET 9:1, 64 KiB", Mix::Mixed, 64 << 10, Keys::Few, &[1, 16]),
    pinned("get64k", "GET, 64 KiB", Mix::Get, 64 << 10, Keys::Few, &[1, 16]),
    pinned("set64k", "SET, 64 KiB", Mix::Set, 64 << 10, Keys::Few, &[1, 16]),
    pinned("get5m", "GET, 32 B, many keys", Mix::Get, 32, Keys::Many, &[16, 100]),
    Scenario {
        name: "cores",
        title: "GET/SET 9:1, 32 B, both cores shared with two loads",
        mix: Mix::Mixed,
        value_len: 32,
        keys: Keys::Usual,
        pipelines: &[1, 16, 100],
        both_cores: true,
    },
];

/// redis-benchmark's lines: each run starts with a fresh server.
static LINE_SCENARIOS: [Scenario; LINES.len()] = {
    let mut all = [of_line(&LINES[0]); LINES.len()];
    let mut number = 1;
    while number < LINES.len() {
        all[number] = of_line(&LINES[number]);
        number += 1;
    }
    all
};

const fn of_line(line: &'static Line) -> Scenario {
    pinned(line.name, line.title, Mix::Line(line), 3, Keys::Usual, &[1, 16])
}

/// Every name `--only` knows.
pub fn names() -> impl Iterator<Item = &'static str> {
    let scenarios = SCENARIOS.iter().chain(&LINE_SCENARIOS).map(|scenario| scenario.name);
    scenarios.chain(freeing::FREEING).chain([memory::MEMORY, memory::IDLE])
}

/// Runs every scenario that `options` want, printing each cell as it is done.
///
/// # Errors
/// A server or a load process that fails.
pub fn run(options: &Options) -> Result<Vec<Cell>> {
    let mut cells = Vec::new();
    let mut field: Option<Field> = None;
    for scenario in SCENARIOS.iter().filter(|scenario| options.wants(scenario.name)) {
        let data = (scenario.keys_of(options), scenario.value_len, scenario.both_cores);
        if field.as_ref().is_none_or(|field| field.data != data) {
            drop(field.take());
            field = Some(Field::start(scenario, options)?);
        }
        let Some(field) = &field else { continue };
        for &pipeline in scenario.lengths(options) {
            let names = field.servers.iter().map(|(name, _)| name.as_str());
            let run = |number: usize| field.sample(&field.servers[number].1, scenario, pipeline, options);
            cells.push(interleave(scenario, pipeline, names, options.runs, run)?);
        }
    }
    drop(field);
    for scenario in LINE_SCENARIOS.iter().filter(|scenario| options.wants(scenario.name)) {
        for &pipeline in scenario.lengths(options) {
            let rivals = scenario.contestants(options);
            let names = rivals.iter().map(|rival| rival.name.as_str());
            let run = |number: usize| {
                let field = Field::fresh(scenario, rivals[number].clone(), pipeline, options)?;
                field.sample(&field.servers[0].1, scenario, pipeline, options)
            };
            cells.push(interleave(scenario, pipeline, names, options.runs, run)?);
        }
    }
    Ok(cells)
}

/// Runs one cell, the contestants in turn, and prints it; `run` makes one run of a contestant.
fn interleave<'n>(
    scenario: &'static Scenario,
    pipeline: usize,
    names: impl Iterator<Item = &'n str>,
    runs: usize,
    run: impl Fn(usize) -> Result<Sample>,
) -> Result<Cell> {
    let empty = |name: &str| Series { name: name.to_owned(), samples: Vec::new() };
    let mut cell = Cell { scenario, pipeline, series: names.map(empty).collect() };
    for number in 0..runs {
        for turn in 0..cell.series.len() {
            // Each run starts with another contestant, so that none always follows the same one.
            let contestant = (number + turn) % cell.series.len();
            let sample = run(contestant).map_err(|error| format!("{}: {error}", scenario.name))?;
            cell.series[contestant].samples.push(sample);
        }
    }
    report::print_cell(&cell);
    Ok(cell)
}

impl Scenario {
    /// Pipeline lengths to run it at.
    fn lengths<'o>(&'o self, options: &'o Options) -> &'o [usize] {
        if options.pipelines.is_empty() { self.pipelines } else { &options.pipelines }
    }

    /// How long a run is: user and kernel time are told apart by samples, and user time is the lesser part without
    /// pipelining.
    fn window(&self, pipeline: usize, options: &Options) -> Duration {
        if pipeline == 1 { options.window * 2 } else { options.window }
    }

    fn keys_of(&self, options: &Options) -> u64 {
        match self.keys {
            Keys::Usual => options.keys,
            Keys::Many => options.many,
            Keys::Few => 2_000,
        }
    }

    fn contestants(&self, options: &Options) -> Vec<Rival> {
        let ours = |name, workers| Rival::ours(name, &options.server, Some(workers));
        let mut rivals = if self.both_cores { vec![ours(OURS_TWO, 2), ours(OURS_ONE, 1)] } else { vec![ours(OURS, 1)] };
        rivals.extend(options.rivals.iter().cloned());
        rivals
    }

    /// Cores of the server and of each load process.
    fn cores(&self, options: &Options) -> (String, Vec<String>) {
        let (server, load) = (options.server_core, options.load_core);
        if self.both_cores {
            let both = format!("{server},{load}");
            (both.clone(), vec![both.clone(), both])
        } else {
            (server.to_string(), vec![load.to_string()])
        }
    }
}

/// The contestants, started and filled with the same data.
struct Field {
    data: (u64, usize, bool),
    servers: Vec<(String, Server)>,
}

impl Field {
    fn start(scenario: &Scenario, options: &Options) -> Result<Self> {
        let (cores, _) = scenario.cores(options);
        let keys = scenario.keys_of(options);
        let mut servers = Vec::new();
        for rival in scenario.contestants(options) {
            let server = Server::start(&rival, &cores, &[])?;
            server.fill(0..keys, scenario.value_len)?;
            server.verify(0..keys, scenario.value_len)?;
            servers.push((rival.name, server));
        }
        Ok(Self { data: (keys, scenario.value_len, scenario.both_cores), servers })
    }

    /// One contestant, for one run of a line of redis-benchmark.
    fn fresh(scenario: &Scenario, rival: Rival, pipeline: usize, options: &Options) -> Result<Self> {
        let (cores, _) = scenario.cores(options);
        let keys = scenario.keys_of(options);
        let server = Server::start(&rival, &cores, &[])?;
        if let Mix::Line(line) = scenario.mix {
            line.state.prepare(&server, keys, options.warm() + scenario.window(pipeline, options))?;
        }
        Ok(Self { data: (keys, scenario.value_len, scenario.both_cores), servers: vec![(rival.name, server)] })
    }

    fn sample(&self, server: &Server, scenario: &Scenario, pipeline: usize, options: &Options) -> Result<Sample> {
        let (_, cores) = scenario.cores(options);
        let mut loaders = Vec::new();
        for (number, cores_of_one) in cores.iter().enumerate() {
            let task = Task {
                address: server.address,
                pid: server.pid,
                mix: scenario.mix,
                value_len: scenario.value_len,
                keys: self.data.0,
                pipeline,
                connections: options.connections.div_ceil(cores.len()),
                warm: options.warm(),
                window: scenario.window(pipeline, options),
                pace: Duration::ZERO,
                seed: 0x05_7A_AC_0A + number as u64,
            };
            loaders.push(Loader::start(cores_of_one, &task)?);
        }
        loaders.iter_mut().try_for_each(Loader::go)?;
        let outcomes = loaders.into_iter().map(Loader::finish).collect::<Result<Vec<Outcome>>>()?;
        combine(&outcomes)
    }
}

/// The figures of one run from those of its load processes. Each saw the whole server in its own window; the windows
/// are the same but for a millisecond, so rates add and the server's rates are averaged.
fn combine(outcomes: &[Outcome]) -> Result<Sample> {
    let rate = |value: u64, outcome: &Outcome| value as f64 / outcome.elapsed.as_secs_f64();
    let throughput: f64 = outcomes.iter().map(|outcome| rate(outcome.requests, outcome)).sum();
    if throughput <= 0.0 {
        return Err("not one request was answered".into());
    }
    let count = outcomes.len() as f64;
    let server: f64 = outcomes.iter().map(|outcome| rate(outcome.server.nanos, outcome)).sum::<f64>() / count;
    let waits = outcomes.iter().map(|outcome| rate(outcome.server.waited_nanos, outcome));
    let waited = waits.sum::<f64>() / count / 1e9;
    let load: f64 = outcomes.iter().map(|outcome| rate(outcome.own.nanos, outcome)).sum();
    let user_share = outcomes.iter().map(|outcome| outcome.server.user_share()).sum::<f64>() / count;
    let histogram = Histogram::new();
    for outcome in outcomes {
        histogram.merge(&outcome.histogram).ok_or("a malformed histogram")?;
    }
    let total = server / 1e3 / throughput;
    let quantile = |q| histogram.quantile(q) as f64 / 1e3;
    Ok(Sample {
        throughput,
        p50: quantile(0.5),
        p99: quantile(0.99),
        p999: quantile(0.999),
        user: total * user_share,
        kernel: total * (1.0 - user_share),
        total,
        busy: server / 1e9,
        waited,
        load: load / 1e3 / throughput,
    })
}
