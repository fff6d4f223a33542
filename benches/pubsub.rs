//! What a delivery costs: one publisher, a thousand subscribers, 64-byte messages, ours beside `redis-server`.
//!
//! ```text
//! cargo bench --bench pubsub                # everything, about a minute
//! cargo bench --bench pubsub -- --quick     # does it work? the figures mean nothing
//! cargo bench --bench pubsub -- --only one  # one scenario
//! ```
//!
//! **Method.** Each server has a core to itself, the load another; spinners of class `SCHED_IDLE` keep both awake. The
//! load is this very binary, started again with `--load`: one thread that connects the subscribers, sends a batch of
//! PUBLISH, and sends the next once the replies have come and nobody is too far behind. The
//! figure is the server's CPU time over a window divided by the messages delivered in it. Interleaved runs; medians, and
//! ratios of neighbouring runs. What came is counted by bytes: every message of a window has the same length.
//!
//! **Scenarios.** `flow`: all on one channel, a message at a time, as clients publish: each waits for the reply to the one
//! before, and subscribers are at most 64 messages behind. In the others they are not behind at all: the next batch follows
//! once every message has come, which no publisher knows. `one`: the same, in that lock step. `batch`: 16 messages a batch.
//! `spread`: each subscriber has a channel of its own, 16 messages a batch on channels in turn. `pattern`: each has
//! subscribed to one pattern, a message at a time.

// Each bench uses its own part of what they share.
#[allow(dead_code)]
mod wire_support;

use std::cell::Cell;
use std::io::BufRead;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use wire_support::Result;
use wire_support::cell::median;
use wire_support::machine::{self, Cpu};
use wire_support::requests::push_command;
use wire_support::rival::{Rival, Server};

const MESSAGE: usize = 64;
const SUBSCRIBERS: usize = 1000;
/// Load before the window.
const WARM: Duration = Duration::from_millis(300);

/// One way to publish.
struct Scenario {
    name: &'static str,
    about: &'static str,
    /// Messages a batch.
    batch: usize,
    /// Messages that subscribers may be behind when the next batch is sent.
    behind: u64,
    /// A channel for each subscriber.
    spread: bool,
    /// PSUBSCRIBE instead of SUBSCRIBE.
    pattern: bool,
}

const LOCK_STEP: Scenario = Scenario { name: "", about: "", batch: 1, behind: 0, spread: false, pattern: false };
const SCENARIOS: [Scenario; 5] = [
    Scenario { name: "flow", about: "one channel, a message at a time", behind: 64, ..LOCK_STEP },
    Scenario { name: "one", about: "the same, none before all had the last", ..LOCK_STEP },
    Scenario { name: "batch", about: "one channel, 16 a batch", batch: 16, ..LOCK_STEP },
    Scenario { name: "spread", about: "a channel each, 16 a batch", batch: 16, spread: true, ..LOCK_STEP },
    Scenario { name: "pattern", about: "one pattern, a message at a time", pattern: true, ..LOCK_STEP },
];

struct Options {
    only: Vec<String>,
    runs: usize,
    window: Duration,
    subscribers: usize,
    server: PathBuf,
    bench: bool,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.split_first() {
        Some((first, rest)) if first == "--load" => load(rest),
        _ => parse(&words).and_then(|options| bench(&options)),
    };
    if let Err(error) = done {
        eprintln!("pubsub: {error}");
        std::process::exit(1);
    }
}

fn parse(words: &[String]) -> Result<Options> {
    let mut options = Options {
        only: Vec::new(),
        runs: 5,
        window: Duration::from_secs(1),
        subscribers: SUBSCRIBERS,
        server: PathBuf::from(env!("CARGO_BIN_EXE_ostracon")),
        bench: false,
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut next = || words.next().cloned().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--bench" => options.bench = true,
            "--quick" => (options.runs, options.window, options.subscribers) = (1, Duration::from_millis(200), 100),
            "--only" => options.only = next()?.split(',').map(str::to_owned).collect(),
            "--server" => options.server = next()?.into(),
            "--runs" => options.runs = next()?.parse()?,
            _ => {
                let known = "--quick, --only NAME[,NAME], --runs N, --server PATH";
                return Err(format!("unknown option {word}: {known}").into());
            }
        }
    }
    let names = SCENARIOS.map(|scenario| scenario.name);
    match options.only.iter().find(|name| !names.contains(&name.as_str())) {
        Some(unknown) => Err(format!("no scenario {unknown}: {names:?}").into()),
        None => Ok(options),
    }
}

fn bench(options: &Options) -> Result<()> {
    if !options.bench {
        println!("pubsub: run it with `cargo bench`");
        return Ok(());
    }
    machine::check_tools()?;
    let mut rivals = vec![Rival::ours("ostracon", &options.server, Some(1))];
    match machine::on_path("redis-server") {
        Some(binary) => rivals.push(Rival { name: "redis-server".to_owned(), binary, workers: None }),
        None => println!("redis-server is not installed: ours alone"),
    }
    println!("{}; load average {}", machine::describe(), machine::load_average());
    let _spinners = machine::Spinners::start(&[0, 1])?;
    println!("\n{:<36}{:>14}{:>14}{:>10}", "server CPU ns a delivery", rivals[0].name, "redis-server", "ratio");
    for scenario in &SCENARIOS {
        if !options.only.is_empty() && !options.only.iter().any(|name| name == scenario.name) {
            continue;
        }
        let mut figures = vec![Vec::new(); rivals.len()];
        for _ in 0..options.runs {
            for (rival, figures) in rivals.iter().zip(&mut figures) {
                figures.push(measure(rival, scenario, options)?);
            }
        }
        let shown = figures.iter().map(|runs| format!("{:>14.0}", median(runs.clone()))).collect::<String>();
        let ratio = figures.get(1).map_or(f64::NAN, |theirs| {
            median(figures[0].iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect())
        });
        println!("{:<36}{shown}{ratio:>10.2}", format!("{}: {}", scenario.name, scenario.about));
    }
    Ok(())
}

/// Server CPU in ns a message delivered.
fn measure(rival: &Rival, scenario: &Scenario, options: &Options) -> Result<f64> {
    let server = Server::start(rival, "0", &[])?;
    let mut command = machine::pinned("1", &std::env::current_exe()?);
    command.arg("--load").args([server.address.to_string(), server.pid.to_string(), scenario.name.to_owned()]);
    command.args([options.subscribers.to_string(), options.window.as_millis().to_string()]);
    command.stdout(std::process::Stdio::piped());
    let mut process = machine::Process::spawn(&mut command)?;
    let mut line = String::new();
    let output = process.child.stdout.take().ok_or("no output of the load process")?;
    std::io::BufReader::new(output).read_line(&mut line)?;
    let numbers = line.split_whitespace().map(str::parse).collect::<std::result::Result<Vec<u64>, _>>()?;
    let [nanos, deliveries] = numbers[..] else { return Err("the load process failed".into()) };
    Ok(nanos as f64 / deliveries as f64)
}

/// What the subscribers have been sent.
#[derive(Default)]
struct Received {
    bytes: Cell<u64>,
    /// What is to have come before the next batch is sent.
    wanted: Cell<u64>,
    reached: Notify,
}

fn load(words: &[String]) -> Result<()> {
    let [address, pid, scenario, subscribers, window] = words else { return Err("--load: five words".into()) };
    let scenario = SCENARIOS.iter().find(|s| s.name == scenario).ok_or("--load: no such scenario")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let window = Duration::from_millis(window.parse()?);
    let load = publish(address.parse()?, pid.parse()?, scenario, subscribers.parse()?, window);
    let (nanos, deliveries) = tokio::task::LocalSet::new().block_on(&runtime, load)?;
    println!("{nanos} {deliveries}");
    Ok(())
}

/// The name that subscriber `number` listens to. All are of one length.
fn name(scenario: &Scenario, number: usize) -> String {
    let number = if scenario.spread { number } else { 0 };
    format!("channel:{number:05}{}", if scenario.pattern { "*" } else { "" })
}

async fn publish(
    address: SocketAddr,
    pid: u32,
    scenario: &Scenario,
    subscribers: usize,
    window: Duration,
) -> Result<(u64, u64)> {
    let received = Rc::new(Received::default());
    for number in 0..subscribers {
        let stream = subscribe(address, scenario, number).await?;
        tokio::task::spawn_local(listen(stream, Rc::clone(&received)));
    }
    let mut publisher = TcpStream::connect(address).await?;
    publisher.set_nodelay(true)?;
    let message = "m".repeat(MESSAGE);
    let reach = if scenario.spread { 1 } else { subscribers };
    let each = message_len(scenario, &message) * reach as u64;
    let reply = format!(":{reach}\r\n").repeat(scenario.batch).into_bytes();
    let (mut next, mut sent, mut buffer) = (0, 0, vec![0; reply.len()]);
    let (mut began, mut before, mut deliveries) = (None, Cpu::default(), 0);
    let start = Instant::now();
    loop {
        let mut batch = Vec::new();
        for _ in 0..scenario.batch {
            let channel = name(&Scenario { pattern: false, ..*scenario }, next % subscribers);
            push_command(&mut batch, &["PUBLISH", &channel, &message]);
            next += 1;
        }
        sent += each * scenario.batch as u64;
        received.wanted.set(sent.saturating_sub(each * scenario.behind));
        publisher.write_all(&batch).await?;
        publisher.read_exact(&mut buffer).await?;
        if buffer != reply {
            return Err(format!("PUBLISH: {:?}", String::from_utf8_lossy(&buffer)).into());
        }
        while received.bytes.get() < received.wanted.get() {
            tokio::time::timeout(Duration::from_secs(30), received.reached.notified()).await?;
        }
        match began {
            None if start.elapsed() >= WARM => (began, before) = (Some(Instant::now()), Cpu::of(pid)?),
            None => {}
            Some(began) => {
                deliveries += (scenario.batch * reach) as u64;
                if began.elapsed() >= window {
                    return Ok((Cpu::of(pid)?.since(&before).nanos, deliveries));
                }
            }
        }
    }
}

/// Bytes of a message on the wire.
fn message_len(scenario: &Scenario, message: &str) -> u64 {
    let mut wire = Vec::new();
    let channel = name(&Scenario { pattern: false, ..*scenario }, 0);
    match scenario.pattern {
        true => push_command(&mut wire, &["pmessage", &name(scenario, 0), &channel, message]),
        false => push_command(&mut wire, &["message", &channel, message]),
    }
    wire.len() as u64
}

async fn subscribe(address: SocketAddr, scenario: &Scenario, number: usize) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (verb, name) = (if scenario.pattern { "psubscribe" } else { "subscribe" }, name(scenario, number));
    let (mut request, mut confirmation) = (Vec::new(), Vec::new());
    push_command(&mut request, &[verb, &name]);
    stream.write_all(&request).await?;
    push_command(&mut confirmation, &[verb, &name]);
    // Of three words, the last of which is a number.
    confirmation[1] = b'3';
    confirmation.extend_from_slice(b":1\r\n");
    let mut reply = vec![0; confirmation.len()];
    stream.read_exact(&mut reply).await?;
    if reply != confirmation {
        return Err(format!("{verb}: {:?}", String::from_utf8_lossy(&reply)).into());
    }
    Ok(stream)
}

async fn listen(mut stream: TcpStream, received: Rc<Received>) {
    let mut buffer = vec![0; 16 << 10];
    // The end of a connection shows as messages that do not come.
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        received.bytes.set(received.bytes.get() + n as u64);
        if received.bytes.get() >= received.wanted.get() {
            received.reached.notify_one();
        }
    }
}
