//! Ways to share a map between connections, measured side by side: why the store is a vector of locked shards.
//!
//! ```text
//! cargo bench --bench contention                       # everything, about three minutes
//! cargo bench --bench contention -- --quick            # does it work? seconds, figures mean nothing
//! cargo bench --bench contention -- --svg ways.svg     # and a plot
//! cargo bench --bench contention -- --help
//! ```
//!
//! # The ways
//!
//! 1. **A map a connection.** The problem: a SET on one connection is invisible to another. The bench checks that it
//!    is, over a socket too, and prints it; its speed is what sharing nothing would give.
//! 2. **One lock** around one map, `Arc<Mutex<HashMap<String, Bytes>>>`, with std's mutex and with parking_lot's.
//! 3. **One task** owns the map; the others send it messages (tokio's `mpsc`) and wait for an answer (`oneshot`).
//! 4. **Shards**: `Vec<Mutex<HashMap>>`, the shard chosen by the key's hash, with std's mutex and parking_lot's; the
//!    same with reader-writer locks; and `dashmap`, a library of that kind.
//!
//! # Method
//!
//! 100,000 keys of 16 bytes with values of 32 bytes, all set before the clock starts. Each thread has its own
//! sequence of operations, drawn beforehand from a seed, the same for every way: keys uniform or Zipfian (theta
//! 0.99), 5, 50 or 100 % of them SET, the rest GET. It runs them without a pause, so contention is far above that of
//! a server, whose threads spend nine tenths of their time in the kernel: the last table, over loopback sockets with
//! mini-redis's connection and client, shows how much of a difference is left there. All maps have the same hasher and
//! the server's allocator.
//! Every figure is the median of at least three short runs, in which the ways take turns.
//!
//! # How to read it
//!
//! Along a row: more threads than cores (or more writes, or Zipfian keys) must not cost throughput. A row that
//! falls is a lock that is waited for while its holder is not running. Down a column: what a way costs. In the tables
//! over shards, the column from which a row no longer rises is the number of shards that is enough for this machine;
//! Zipfian rows stop earlier, as a hot key has one shard however many there are. Beyond that, shards cost memory and
//! caches. Differences below a tenth are noise.

mod contention_support;

use contention_support::plot::{self, Table};
use contention_support::ways::{self, Row, WAYS, Way};
use contention_support::workload::{self, Keys, Load, Script, Spread, median};
use contention_support::{Result, wire};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The server's, for every way alike.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const HELP: &str = "\
cargo bench --bench contention -- [OPTIONS]

  --quick              one very short run of each: shows that it works, measures nothing
  --only TEXT          ways whose name contains TEXT
  --threads N[,N]      numbers of threads (1,2,4 … up to twice the cores)
  --shards N[,N]       numbers of shards, powers of two (1,4,16 … 4096)
  --fixed-shards N     shards in the tables over threads and over the wire (256)
  --connections N      connections over the wire (16)
  --keys N             keys (100000)
  --runs N             runs of each figure (3)
  --seconds S          length of a run; over the wire three times that (0.1)
  --svg FILE           plot the tables over threads and shards
";

/// The parsed command line.
struct Options {
    only: String,
    threads: Vec<usize>,
    shards: Vec<usize>,
    fixed_shards: usize,
    connections: usize,
    keys: usize,
    runs: usize,
    window: Duration,
    svg: Option<PathBuf>,
    bench: bool,
    help: bool,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Err(error) = bench(&words) {
        eprintln!("contention: {error}");
        std::process::exit(1);
    }
}

fn bench(words: &[String]) -> Result<()> {
    let options = parse(words)?;
    if options.help {
        print!("{HELP}");
        return Ok(());
    }
    ways::self_test();
    workload::self_test();
    show_the_problem()?;
    if !options.bench {
        println!("contention: the bench's own checks passed; run it with `cargo bench`");
        return Ok(());
    }
    // Anything but about 0 means that the cores are shared with something else, and the figures with it.
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load average before: {}", load.split(' ').next().unwrap_or("unknown"));
    let keys = Arc::new(Keys::new(options.keys));
    let mut tables = Vec::new();
    for load in loads() {
        tables.push(over_threads(&options, &keys, load));
    }
    for load in loads() {
        tables.push(over_shards(&options, &keys, load));
    }
    if let Some(file) = &options.svg {
        plot::draw(&tables, file)?;
    }
    over_the_wire(&options, &keys)
}

/// SET on one connection, GET on another, over sockets: fails unless only a map a connection loses it.
fn show_the_problem() -> Result<()> {
    for row in WAYS {
        let way: Arc<dyn Way> = Arc::from((row.make)(16));
        let shared = way.is_shared();
        let seen = wire::seen_by_another(way)?;
        if seen.is_some() != shared {
            return Err(format!("{}: another connection's GET answers {seen:?}", row.name).into());
        }
        let answer = seen.map_or("nothing".to_owned(), |value| format!("{value:?}"));
        println!("{:<38} SET on one connection, GET on another: {answer}", row.name);
    }
    Ok(())
}

fn loads() -> impl Iterator<Item = Load> {
    let spreads = [Spread::Uniform, Spread::Zipfian].into_iter();
    spreads.flat_map(|spread| [5, 50, 100].map(|writes| Load { spread, writes }))
}

fn chosen(options: &Options) -> impl Iterator<Item = &'static Row> {
    WAYS.iter().filter(|row| row.name.contains(&options.only))
}

/// A way with all keys set, where connections share them.
fn filled(row: &Row, shards: usize, keys: &Keys) -> Box<dyn Way> {
    let way = (row.make)(shards);
    if way.is_shared() {
        keys.fill(&mut *way.connect());
    }
    way
}

fn over_threads(options: &Options, keys: &Keys, load: Load) -> Table {
    let rows: Vec<&Row> = chosen(options).collect();
    let ways: Vec<Box<dyn Way>> = rows.iter().map(|row| filled(row, options.fixed_shards, keys)).collect();
    let mut values = vec![Vec::new(); rows.len()];
    for &threads in &options.threads {
        let script = Script::draw(load, keys, threads);
        let mut runs = vec![Vec::new(); rows.len()];
        for _ in 0..options.runs {
            for (way, figures) in ways.iter().zip(&mut runs) {
                figures.push(workload::run(&**way, keys, &script, options.window) / 1e6);
            }
        }
        values.iter_mut().zip(runs).for_each(|(row, figures)| row.push(median(figures)));
    }
    let title = format!("{} keys, {} % writes, {} shards", load.spread.name(), load.writes, options.fixed_shards);
    let rows = rows.iter().map(|row| row.name).collect();
    print_table(Table { title, axis: "threads", columns: options.threads.clone(), rows, values })
}

fn over_shards(options: &Options, keys: &Keys, load: Load) -> Table {
    let rows: Vec<&Row> = chosen(options).filter(|row| row.sharded).collect();
    let threads = options.threads.iter().copied().max().unwrap_or(1);
    let script = Script::draw(load, keys, threads);
    let mut values = vec![Vec::new(); rows.len()];
    for &shards in &options.shards {
        let ways: Vec<Box<dyn Way>> = rows.iter().map(|row| filled(row, shards, keys)).collect();
        let mut runs = vec![Vec::new(); rows.len()];
        for _ in 0..options.runs {
            for (way, figures) in ways.iter().zip(&mut runs) {
                figures.push(workload::run(&**way, keys, &script, options.window) / 1e6);
            }
        }
        values.iter_mut().zip(runs).for_each(|(row, figures)| row.push(median(figures)));
    }
    let title = format!("{} keys, {} % writes, {threads} threads", load.spread.name(), load.writes);
    let rows = rows.iter().map(|row| row.name).collect();
    print_table(Table { title, axis: "shards", columns: options.shards.clone(), rows, values })
}

/// Prints a table, in million operations a second, and hands it back.
fn print_table(table: Table) -> Table {
    println!("\n{}: million operations/s over {}", table.title, table.axis);
    let heads: Vec<String> = table.columns.iter().map(|head| format!("{head:>8}")).collect();
    println!("{:<38}{}", "", heads.concat());
    for (name, values) in table.rows.iter().zip(&table.values) {
        let values: Vec<String> = values.iter().map(|value| format!("{value:>8.2}")).collect();
        println!("{name:<38}{}", values.concat());
    }
    table
}

fn over_the_wire(options: &Options, keys: &Arc<Keys>) -> Result<()> {
    println!("\nOver the wire, mini-redis's, {} connections: thousand operations/s", options.connections);
    println!("{:<38}{:>14}{:>14}", "", "5 % writes", "50 % writes");
    let rows: Vec<&Row> = chosen(options).collect();
    let ways: Vec<Arc<dyn Way>> = rows.iter().map(|row| Arc::from(filled(row, options.fixed_shards, keys))).collect();
    let mut figures = vec![[Vec::new(), Vec::new()]; rows.len()];
    for _ in 0..options.runs {
        for (way, of_way) in ways.iter().zip(&mut figures) {
            for (writes, runs) in [5, 50].into_iter().zip(of_way) {
                let load = Load { spread: Spread::Uniform, writes };
                let rate = wire::run(way.clone(), keys, load, options.connections, options.window * 3)?;
                runs.push(rate / 1e3);
            }
        }
    }
    for (row, [few, half]) in rows.iter().zip(figures) {
        println!("{:<38}{:>14.1}{:>14.1}", row.name, median(few), median(half));
    }
    Ok(())
}

fn parse(words: &[String]) -> Result<Options> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let doubling = std::iter::successors(Some(1), |threads| Some(threads * 2));
    let mut options = Options {
        only: String::new(),
        threads: doubling.take_while(|threads| *threads <= cores * 2).collect(),
        shards: (0..=6).map(|power| 4usize.pow(power)).collect(),
        fixed_shards: 256,
        connections: 16,
        keys: 100_000,
        runs: 3,
        window: Duration::from_millis(100),
        svg: None,
        bench: false,
        help: false,
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut next = || words.next().cloned().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--bench" => options.bench = true,
            "--help" | "-h" => options.help = true,
            "--quick" => {
                (options.runs, options.keys) = (1, 10_000);
                options.window = Duration::from_millis(10);
                options.shards = vec![1, 64, 4096];
            }
            "--only" => options.only = next()?,
            "--threads" => options.threads = numbers(&next()?)?,
            "--shards" => options.shards = numbers(&next()?)?,
            "--fixed-shards" => options.fixed_shards = next()?.parse()?,
            "--connections" => options.connections = next()?.parse()?,
            "--keys" => options.keys = next()?.parse()?,
            "--runs" => options.runs = next()?.parse()?,
            "--seconds" => options.window = Duration::try_from_secs_f64(next()?.parse()?)?,
            "--svg" => options.svg = Some(PathBuf::from(next()?)),
            _ => return Err(format!("unknown option {word}; see --help").into()),
        }
    }
    let counts = [options.keys, options.runs, options.connections];
    if counts.iter().chain(&options.threads).any(|number| *number == 0) {
        return Err("0 makes no sense for any of the numbers".into());
    }
    if !options.shards.iter().chain([&options.fixed_shards]).all(|shards| shards.is_power_of_two()) {
        return Err("numbers of shards are powers of two".into());
    }
    if chosen(&options).next().is_none() {
        return Err(format!("no way's name contains {}", options.only).into());
    }
    Ok(options)
}

fn numbers(list: &str) -> Result<Vec<usize>> {
    Ok(list.split(',').map(str::parse).collect::<std::result::Result<_, _>>()?)
}
