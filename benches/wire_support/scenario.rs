//! The scenarios that put load on a server, as a table, and how one is run: interleaved over the contestants, the
//! figures of each run kept, medians and ratios taken from them.

use super::cli::Options;
use super::histogram::Histogram;
use super::load::{Loader, Outcome, Task};
use super::requests::Mix;
use super::rival::{Rival, Server};
use super::{Result, memory, report};

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
    Scenario {
        name,
        title,
        mix,
        value_len,
        keys,
        pipelines,
        both_cores: false,
    }
}

/// All of them. Neighbours with the same data share their servers.
pub const SCENARIOS: &[Scenario] = &[
    pinned(
        "mix32",
        "GET/SET 9:1, 32 B",
        Mix::Mixed,
        32,
        Keys::Usual,
        &[1, 16, 100],
    ),
    pinned(
        "get32",
        "GET, 32 B",
        Mix::Get,
        32,
        Keys::Usual,
        &[1, 16, 100],
    ),
    pinned(
        "set32",
        "SET, 32 B",
        Mix::Set,
        32,
        Keys::Usual,
        &[1, 16, 100],
    ),
    pinned(
        "mix1k",
        "GET/SET 9:1, 1 KiB",
        Mix::Mixed,
        1 << 10,
        Keys::Usual,
        &[16, 100],
    ),
    pinned(
        "get1k",
        "GET, 1 KiB",
        Mix::Get,
        1 << 10,
        Keys::Usual,
        &[16, 100],
    ),
    pinned(
        "set1k",
        "SET, 1 KiB",
        Mix::Set,
        1 << 10,
        Keys::Usual,
        &[16, 100],
    ),
    pinned(
        "mix64k",
        "GET/SET 9:1, 64 KiB",
        Mix::Mixed,
        64 << 10,
        Keys::Few,
        &[1, 16],
    ),
    pinned(
        "get64k",
        "GET, 64 KiB",
        Mix::Get,
        64 << 10,
        Keys::Few,
        &[1, 16],
    ),
    pinned(
        "set64k",
        "SET, 64 KiB",
        Mix::Set,
        64 << 10,
        Keys::Few,
        &[1, 16],
    ),
    pinned(
        "get5m",
        "GET, 32 B, many keys",
        Mix::Get,
        32,
        Keys::Many,
        &[16, 100],
    ),
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

/// Every name `--only` knows.
pub fn names() -> impl Iterator<Item = &'static str> {
    SCENARIOS
        .iter()
        .map(|scenario| scenario.name)
        .chain([memory::MEMORY, memory::IDLE])
}

/// The figures of one run of one contestant.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Requests a second.
    pub throughput: f64,
    /// Median round trip of a batch, µs.
    pub p50: f64,
    /// 99th percentile, µs.
    pub p99: f64,
    /// 99.9th percentile, µs.
    pub p999: f64,
    /// Server CPU a request in user mode, µs.
    pub user: f64,
    /// Server CPU a request in the kernel, µs.
    pub kernel: f64,
    /// Both, µs.
    pub total: f64,
    /// Cores the server kept busy.
    pub busy: f64,
    /// Cores' worth of time the server was ready to run and something else had the core.
    pub waited: f64,
    /// CPU of the load processes a request, µs.
    pub load: f64,
}

/// The runs of one contestant in one cell.
pub struct Series {
    /// The contestant's name.
    pub name: String,
    /// Its runs, in order.
    pub samples: Vec<Sample>,
}

/// One scenario at one pipeline length.
pub struct Cell {
    /// The scenario.
    pub scenario: &'static Scenario,
    /// Requests a batch.
    pub pipeline: usize,
    /// One for each contestant.
    pub series: Vec<Series>,
}

/// A ratio over the interleaved runs: run i of one over run i of the other.
#[derive(Clone, Copy)]
pub struct Ratio {
    /// Its median.
    pub median: f64,
    /// Its least.
    pub least: f64,
    /// Its greatest.
    pub most: f64,
}

/// The median of `values`; NaN of none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => values[len / 2],
        len => f64::midpoint(values[len / 2 - 1], values[len / 2]),
    }
}

impl Series {
    /// The median of a figure.
    pub fn median(&self, figure: impl Fn(&Sample) -> f64) -> f64 {
        median(self.samples.iter().map(figure).collect())
    }
}

impl Cell {
    /// The runs of `name`.
    pub fn of(&self, name: &str) -> Option<&Series> {
        self.series.iter().find(|series| series.name == name)
    }

    /// `name`'s figure over `against`'s.
    pub fn ratio(
        &self,
        name: &str,
        against: &str,
        figure: impl Fn(&Sample) -> f64,
    ) -> Option<Ratio> {
        let pairs = self
            .of(name)?
            .samples
            .iter()
            .zip(&self.of(against)?.samples);
        let ratios: Vec<f64> = pairs
            .map(|(one, other)| figure(one) / figure(other))
            .collect();
        Some(Ratio {
            median: median(ratios.clone()),
            least: ratios.iter().copied().fold(f64::INFINITY, f64::min),
            most: ratios.iter().copied().fold(0.0, f64::max),
        })
    }
}

/// Runs every scenario that `options` want, printing each cell as it is done.
///
/// # Errors
/// A server or a load process that fails.
pub fn run(options: &Options) -> Result<Vec<Cell>> {
    let mut cells = Vec::new();
    let mut field: Option<Field> = None;
    for scenario in SCENARIOS
        .iter()
        .filter(|scenario| options.wants(scenario.name))
    {
        let data = (
            scenario.keys_of(options),
            scenario.value_len,
            scenario.both_cores,
        );
        if field.as_ref().is_none_or(|field| field.data != data) {
            drop(field.take());
            field = Some(Field::start(scenario, options)?);
        }
        let Some(field) = &field else { continue };
        let lengths = if options.pipelines.is_empty() {
            scenario.pipelines
        } else {
            &options.pipelines
        };
        for &pipeline in lengths {
            let cell = field.measure(scenario, pipeline, options)?;
            report::print_cell(&cell);
            cells.push(cell);
        }
    }
    Ok(cells)
}

impl Scenario {
    fn keys_of(&self, options: &Options) -> u64 {
        match self.keys {
            Keys::Usual => options.keys,
            Keys::Many => options.many,
            Keys::Few => 2_000,
        }
    }

    fn contestants(&self, options: &Options) -> Vec<Rival> {
        let ours = |name, workers| Rival::ours(name, &options.server, Some(workers));
        let mut rivals = if self.both_cores {
            vec![ours(OURS_TWO, 2), ours(OURS_ONE, 1)]
        } else {
            vec![ours(OURS, 1)]
        };
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
        Ok(Self {
            data: (keys, scenario.value_len, scenario.both_cores),
            servers,
        })
    }

    fn measure(
        &self,
        scenario: &'static Scenario,
        pipeline: usize,
        options: &Options,
    ) -> Result<Cell> {
        let empty = |(name, _): &(String, Server)| Series {
            name: name.clone(),
            samples: Vec::new(),
        };
        let mut cell = Cell {
            scenario,
            pipeline,
            series: self.servers.iter().map(empty).collect(),
        };
        for run in 0..options.runs {
            for turn in 0..self.servers.len() {
                // Each run starts with another contestant, so that none always follows the same one.
                let number = (run + turn) % self.servers.len();
                let sample = self.sample(&self.servers[number].1, scenario, pipeline, options)?;
                cell.series[number].samples.push(sample);
            }
        }
        Ok(cell)
    }

    fn sample(
        &self,
        server: &Server,
        scenario: &Scenario,
        pipeline: usize,
        options: &Options,
    ) -> Result<Sample> {
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
                // User and kernel time are told apart by samples, and user time is the lesser part without pipelining.
                window: if pipeline == 1 {
                    options.window * 2
                } else {
                    options.window
                },
                seed: 0x05_7A_AC_0A + number as u64,
            };
            loaders.push(Loader::start(cores_of_one, &task)?);
        }
        loaders.iter_mut().try_for_each(Loader::go)?;
        let outcomes = loaders
            .into_iter()
            .map(Loader::finish)
            .collect::<Result<Vec<Outcome>>>()?;
        combine(&outcomes)
    }
}

/// The figures of one run from those of its load processes. Each saw the whole server in its own window; the windows
/// are the same but for a millisecond, so rates add and the server's rates are averaged.
fn combine(outcomes: &[Outcome]) -> Result<Sample> {
    let rate = |value: u64, outcome: &Outcome| value as f64 / outcome.elapsed.as_secs_f64();
    let throughput: f64 = outcomes
        .iter()
        .map(|outcome| rate(outcome.requests, outcome))
        .sum();
    if throughput <= 0.0 {
        return Err("not one request was answered".into());
    }
    let count = outcomes.len() as f64;
    let server: f64 = outcomes
        .iter()
        .map(|outcome| rate(outcome.server.nanos, outcome))
        .sum::<f64>()
        / count;
    let waits = outcomes
        .iter()
        .map(|outcome| rate(outcome.server.waited_nanos, outcome));
    let waited = waits.sum::<f64>() / count / 1e9;
    let load: f64 = outcomes
        .iter()
        .map(|outcome| rate(outcome.own.nanos, outcome))
        .sum();
    let user_share = outcomes
        .iter()
        .map(|outcome| outcome.server.user_share())
        .sum::<f64>()
        / count;
    let histogram = Histogram::new();
    for outcome in outcomes {
        histogram
            .merge(&outcome.histogram)
            .ok_or("a malformed histogram")?;
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

/// Checks medians and ratios; panics when they are wrong.
pub fn self_test() {
    assert!(
        (median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9,
        "median of three"
    );
    assert!((median(vec![4.0, 1.0]) - 2.5).abs() < 1e-9, "median of two");
    let sample = |total| Sample {
        throughput: 1.0,
        p50: 0.0,
        p99: 0.0,
        p999: 0.0,
        user: 0.0,
        kernel: 0.0,
        total,
        busy: 1.0,
        waited: 0.0,
        load: 0.0,
    };
    let series = |name: &str, totals: [f64; 3]| Series {
        name: name.to_owned(),
        samples: totals.map(sample).to_vec(),
    };
    let series = vec![series("a", [1.0, 2.0, 9.0]), series("b", [2.0, 2.0, 3.0])];
    let cell = Cell {
        scenario: &SCENARIOS[0],
        pipeline: 1,
        series,
    };
    let ratio = cell
        .ratio("a", "b", |sample| sample.total)
        .map(|ratio| (ratio.least, ratio.median, ratio.most));
    assert_eq!(ratio, Some((0.5, 1.0, 3.0)), "ratios are of paired runs");
}
