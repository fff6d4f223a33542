//! The figures of the runs, and what is taken from them: medians, and ratios of neighbouring runs. Knows nothing of
//! how they were measured.

use super::scenario::{SCENARIOS, Scenario};

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
    pub fn ratio(&self, name: &str, against: &str, figure: impl Fn(&Sample) -> f64) -> Option<Ratio> {
        let pairs = self.of(name)?.samples.iter().zip(&self.of(against)?.samples);
        let ratios: Vec<f64> = pairs.map(|(one, other)| figure(one) / figure(other)).collect();
        Some(Ratio {
            median: median(ratios.clone()),
            least: ratios.iter().copied().fold(f64::INFINITY, f64::min),
            most: ratios.iter().copied().fold(0.0, f64::max),
        })
    }
}

/// Checks medians and ratios; panics when they are wrong.
pub fn self_test() {
    assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9, "median of three");
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
    let series = |name: &str, totals: [f64; 3]| Series { name: name.to_owned(), samples: totals.map(sample).to_vec() };
    let series = vec![series("a", [1.0, 2.0, 9.0]), series("b", [2.0, 2.0, 3.0])];
    let cell = Cell { scenario: &SCENARIOS[0], pipeline: 1, series };
    let ratio = cell.ratio("a", "b", |sample| sample.total).map(|ratio| (ratio.least, ratio.median, ratio.most));
    assert_eq!(ratio, Some((0.5, 1.0, 3.0)), "ratios are of paired runs");
}
