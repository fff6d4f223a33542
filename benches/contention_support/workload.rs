//! The workload every way gets: a seeded sequence of keys and of reads and writes, drawn before the clock starts, run
//! by so many threads for so long. Knows no way by name.

use super::ways::{Session, Way};
use bytes::Bytes;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Bytes of a key.
const KEY: usize = 16;

/// The value.
const VALUE: &[u8] = b"abcdefghijklmnopqrstuvwxyzabcdef";

/// Operations drawn for each thread, over and over.
const DRAWN: usize = 1 << 17;

/// Operations between two looks at the stop sign.
const STRIDE: usize = 32;

/// How keys are drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spread {
    /// All alike.
    Uniform,
    /// The k-th key in proportion to 1 / k^0.99.
    Zipfian,
}

impl Spread {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Spread::Uniform => "uniform",
            Spread::Zipfian => "Zipfian 0.99",
        }
    }
}

/// What is done to a map.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Load {
    /// How keys are drawn.
    pub spread: Spread,
    /// How many of 100 operations are writes.
    pub writes: u32,
}

/// All keys by number.
pub struct Keys(pub Vec<String>);

impl Keys {
    /// `count` keys of [`KEY`] bytes.
    pub fn new(count: usize) -> Self {
        Self((0..count).map(|number| format!("key:{number:012}")).collect())
    }

    /// A fresh value, as a parser would hand it over.
    pub fn value() -> Bytes {
        Bytes::copy_from_slice(VALUE)
    }

    /// Sets every key.
    pub fn fill(&self, session: &mut dyn Session) {
        self.0.iter().for_each(|key| session.set(key, VALUE));
    }
}

/// One operation: the key's number, and whether it is a write.
#[derive(Clone, Copy)]
pub struct Operation {
    /// The key.
    pub key: u32,
    /// SET, else GET.
    pub write: bool,
}

/// Requests of one thread.
struct Requests {
    /// Their keys, one behind the other.
    text: String,
    /// Whether they are writes.
    writes: Vec<bool>,
}

/// Draws the operations of thread `seed`: the same for every way.
pub fn draw(load: Load, keys: usize, count: usize, seed: u64) -> Vec<Operation> {
    let mut cumulated = Vec::new();
    if load.spread == Spread::Zipfian {
        let mut sum = 0.0;
        cumulated.extend((1..=keys).map(|rank| {
            sum += (rank as f64).powf(-0.99);
            sum
        }));
    }
    let mut state = seed;
    // splitmix64 (Steele, Lea and Flood, 2014), as a fraction of 1.
    let mut fraction = move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    };
    let mut operation = || {
        let (place, write) = (fraction(), fraction() * 100.0 < f64::from(load.writes));
        let key = match cumulated.last() {
            Some(sum) => cumulated.partition_point(|reached| *reached <= place * sum),
            None => (place * keys as f64) as usize,
        };
        Operation { key: key.min(keys - 1) as u32, write }
    };
    (0..count).map(|_| operation()).collect()
}

/// The operations of `threads` threads.
pub struct Script(Vec<Vec<Operation>>);

impl Script {
    /// Draws them.
    pub fn draw(load: Load, keys: &Keys, threads: usize) -> Self {
        Self((0..threads as u64).map(|seed| draw(load, keys.0.len(), DRAWN, seed << 32)).collect())
    }
}

/// Runs the script on `way`, a thread for each of its parts, for `window`. Returns operations a second, all threads
/// together. A way that shares is filled by the caller; of one that does not, each connection's own map is filled here.
pub fn run(way: &dyn Way, keys: &Keys, script: &Script, window: Duration) -> f64 {
    let (stop, start) = (AtomicBool::new(false), Barrier::new(script.0.len() + 1));
    std::thread::scope(|scope| {
        let threads: Vec<_> = script
            .0
            .iter()
            .map(|operations| {
                let (stop, start) = (&stop, &start);
                scope.spawn(move || {
                    let mut session = way.connect();
                    if !way.is_shared() {
                        keys.fill(&mut *session);
                    }
                    let requests = requests(keys, operations);
                    start.wait();
                    let began = Instant::now();
                    let done = operate(&mut *session, &requests, stop);
                    done as f64 / began.elapsed().as_secs_f64()
                })
            })
            .collect();
        start.wait();
        std::thread::sleep(window);
        stop.store(true, Relaxed);
        // A thread that panicked has said so; it counts nothing.
        threads.into_iter().map(|thread| thread.join().unwrap_or(0.0)).sum()
    })
}

/// The operations as requests in the order in which they come: a key's text is near, as it is in a connection's input.
fn requests(keys: &Keys, operations: &[Operation]) -> Requests {
    let text = operations.iter().map(|operation| keys.0[operation.key as usize].as_str()).collect();
    Requests { text, writes: operations.iter().map(|operation| operation.write).collect() }
}

fn operate(session: &mut dyn Session, requests: &Requests, stop: &AtomicBool) -> u64 {
    let (mut done, mut reply) = (0, Vec::new());
    let (mut rest, mut left) = ("", [].iter());
    let mut more = || loop {
        match left.next() {
            Some(write) => {
                let (key, others) = rest.split_at(KEY);
                rest = others;
                return (key, *write);
            }
            None => (rest, left) = (requests.text.as_str(), requests.writes.iter()),
        }
    };
    loop {
        for _ in 0..STRIDE {
            let (key, write) = more();
            if write {
                session.set(key, VALUE);
            } else {
                reply.clear();
                std::hint::black_box(session.reply(key, &mut reply));
            }
        }
        done += STRIDE as u64;
        if stop.load(Relaxed) {
            break;
        }
    }
    done
}

/// The median; NaN of none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => values[len / 2],
        len => f64::midpoint(values[len / 2 - 1], values[len / 2]),
    }
}

/// Checks the draws; panics when they are wrong.
pub fn self_test() {
    for (spread, least, most) in [(Spread::Uniform, 0, 100), (Spread::Zipfian, 6_000, 9_500)] {
        let operations = draw(Load { spread, writes: 5 }, 100_000, 100_000, 1);
        let writes = operations.iter().filter(|operation| operation.write).count();
        assert!((4_500..5_500).contains(&writes), "{writes} of 100,000 are writes");
        // Of 100,000 Zipfian keys the first is drawn once in 12.8: 1 over the sum of k^-0.99.
        let first = operations.iter().filter(|operation| operation.key == 0).count();
        assert!((least..=most).contains(&first), "{}: the first key is drawn {first} times", spread.name());
    }
    assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9, "the median of three");
}
