//! The command line of the wire bench.

use super::rival::Rival;
use super::{Result, machine, scenario};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What `--help` prints.
pub const HELP: &str = "\
cargo bench --bench wire -- [OPTIONS]

  --only NAME[,NAME]      run these scenarios only (a name's start is enough); see --list
  --list                  print the names of the scenarios
  --quick                 one short run of each, small data sets: shows that it works, measures nothing
  --pipelines N[,N]       instead of each scenario's own
  --runs N                interleaved runs of each cell, of which the median is printed (3)
  --seconds S             length of a run; without pipelining twice that (3)
  --connections N         connections in all (50)
  --keys N                keys of the scenarios that are not about many keys (100000)
  --many N                keys of get5m and the largest count of memory (5000000)
  --idle N                idle connections (10000)
  --server PATH           test this binary instead of the one Cargo built
  --rivals NAME[,NAME]    binaries to compare with, from the PATH (redis-server,valkey-server)
  --server-core N         core of the server (0)
  --load-core N           core of the load (1)
  --markdown FILE         write the report there too
";

/// The parsed command line.
pub struct Options {
    /// Names of scenarios, or starts of names; empty for all.
    pub only: Vec<String>,
    /// Batch lengths instead of the scenarios' own; empty for those.
    pub pipelines: Vec<usize>,
    /// Runs of each cell.
    pub runs: usize,
    /// Length of a run with pipelining.
    pub window: Duration,
    /// Connections, over all load processes.
    pub connections: usize,
    /// Keys of most scenarios.
    pub keys: u64,
    /// Keys of the scenarios about many keys.
    pub many: u64,
    /// Idle connections.
    pub idle: u64,
    /// Our binary.
    pub server: PathBuf,
    /// What it is compared with.
    pub rivals: Vec<Rival>,
    /// Core of the server.
    pub server_core: usize,
    /// Core of the load.
    pub load_core: usize,
    /// Where the report goes too.
    pub markdown: Option<PathBuf>,
    /// Is this a run that measures nothing?
    pub quick: bool,
}

/// What the command line asks for.
pub enum Request {
    /// Print [`HELP`].
    Help,
    /// Print the scenarios' names.
    List,
    /// Check the bench itself only: Cargo runs it as a test.
    SelfTest,
    /// Measure.
    Run(Box<Options>),
}

impl Options {
    /// Does `--only` allow this scenario?
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|start| name.starts_with(start.as_str()))
    }

    /// Load before the window of a run.
    pub fn warm(&self) -> Duration {
        (self.window / 5).min(Duration::from_millis(500))
    }
}

/// Reads the words after the program's name; `server` is our binary as Cargo built it.
///
/// # Errors
/// An unknown option, a value that is missing or malformed, a scenario that does not exist.
pub fn parse(words: &[String], server: &str) -> Result<Request> {
    let mut options = Options {
        only: Vec::new(),
        pipelines: Vec::new(),
        runs: 3,
        window: Duration::from_secs(3),
        connections: 50,
        keys: 100_000,
        many: 5_000_000,
        idle: 10_000,
        server: PathBuf::from(server),
        rivals: Vec::new(),
        server_core: 0,
        load_core: 1,
        markdown: None,
        quick: false,
    };
    let (mut bench, mut rivals) = (false, "redis-server,valkey-server".to_owned());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut next = || words.next().cloned().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--bench" => bench = true,
            "--help" | "-h" => return Ok(Request::Help),
            "--list" => return Ok(Request::List),
            "--quick" => quick(&mut options),
            "--only" => options.only = next()?.split(',').map(str::to_owned).collect(),
            "--pipelines" => {
                options.pipelines = next()?.split(',').map(str::parse).collect::<std::result::Result<_, _>>()?;
            }
            "--runs" => options.runs = next()?.parse()?,
            "--seconds" => options.window = Duration::try_from_secs_f64(next()?.parse()?)?,
            "--connections" => options.connections = next()?.parse()?,
            "--keys" => options.keys = next()?.parse()?,
            "--many" => options.many = next()?.parse()?,
            "--idle" => options.idle = next()?.parse()?,
            "--server" => options.server = PathBuf::from(next()?),
            "--rivals" => rivals = next()?,
            "--server-core" => options.server_core = next()?.parse()?,
            "--load-core" => options.load_core = next()?.parse()?,
            "--markdown" => options.markdown = Some(PathBuf::from(next()?)),
            _ => return Err(format!("unknown option {word}; see --help").into()),
        }
    }
    check(&options)?;
    options.rivals = rivals.split(',').filter_map(rival).collect();
    Ok(if bench { Request::Run(Box::new(options)) } else { Request::SelfTest })
}

fn check(options: &Options) -> Result<()> {
    let positive = [options.runs, options.connections].into_iter().chain(options.pipelines.iter().copied());
    if positive.chain([options.keys, options.many, options.idle].map(|n| n as usize)).any(|number| number == 0) {
        return Err("0 makes no sense for any of the numbers but the cores".into());
    }
    for start in &options.only {
        if !scenario::names().any(|name| name.starts_with(start.as_str())) {
            return Err(format!("no scenario {start}; see --list").into());
        }
    }
    Ok(())
}

fn quick(options: &mut Options) {
    options.quick = true;
    options.runs = 1;
    options.window = Duration::from_millis(300);
    options.many = 200_000;
    options.idle = 1_000;
}

fn rival(name: &str) -> Option<Rival> {
    let binary = if name.contains('/') { Some(PathBuf::from(name)) } else { machine::on_path(name) }?;
    let name = Path::new(name).file_name()?.to_string_lossy().into_owned();
    Some(Rival { name, binary, workers: None })
}
