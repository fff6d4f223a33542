//! What a script costs, and whether scripts on different keys run side by side.
//!
//! ```text
//! cargo bench --bench script                 # everything, about a minute
//! cargo bench --bench script -- --quick      # does it work? the figures mean nothing
//! cargo bench --bench script -- --only cost  # one part
//! ```
//!
//! **Method.** The load is this very binary, started again with `--load`: each of its threads sends a batch of EVALSHA on
//! each of its connections, each on a key of its own, reads all replies and sends the next. Spinners of class `SCHED_IDLE`
//! keep the cores awake. Interleaved runs; medians, and ratios of neighbouring runs.
//!
//! **Parts.** `cost`: an EVALSHA of GET and SET, one at a time and 16 a batch, on one connection and on 50: server CPU a
//! script and the user part of it, ours beside `redis-server`, the server on one core and the load on the other. One at a
//! time it is the user part that tells: the rest is the kernel's. `parallel`: a script of 100 GET and SET
//! on the key of its connection, 16 a batch; scripts a second of two connections on two workers as a multiple of one's on
//! one, on all cores.

// Each bench uses its own part of what they share.
#[allow(dead_code)]
mod wire_support;

use std::io::{BufRead, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use wire_support::Result;
use wire_support::cell::median;
use wire_support::machine::{self, Cpu};
use wire_support::requests::push_command;
use wire_support::rival::{Rival, Server};

const SHORT: &str = "redis.call('SET', KEYS[1], redis.call('GET', KEYS[1])) return 1";
const LONG: &str = "for i = 1, 100 do redis.call('SET', KEYS[1], redis.call('GET', KEYS[1])) end return 1";
/// Load before the window.
const WARM: Duration = Duration::from_millis(300);
/// What every script replies.
const REPLY: &[u8] = b":1\r\n";

struct Options {
    only: Option<String>,
    runs: usize,
    window: Duration,
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
        eprintln!("script: {error}");
        std::process::exit(1);
    }
}

fn parse(words: &[String]) -> Result<Options> {
    let mut options = Options {
        only: None,
        runs: 5,
        window: Duration::from_secs(1),
        server: PathBuf::from(env!("CARGO_BIN_EXE_ostracon")),
        bench: false,
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut next = || words.next().cloned().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--bench" => options.bench = true,
            "--quick" => (options.runs, options.window) = (1, Duration::from_millis(200)),
            "--only" => options.only = Some(next()?),
            "--server" => options.server = next()?.into(),
            "--runs" => options.runs = next()?.parse()?,
            _ => return Err(format!("unknown option {word}: --quick, --only PART, --runs N, --server PATH").into()),
        }
    }
    match options.only.as_deref() {
        None | Some("cost" | "parallel") => Ok(options),
        Some(other) => Err(format!("no part {other}: cost, parallel").into()),
    }
}

fn bench(options: &Options) -> Result<()> {
    if !options.bench {
        println!("script: run it with `cargo bench`");
        return Ok(());
    }
    machine::check_tools()?;
    println!("{}; load average {}", machine::describe(), machine::load_average());
    let _spinners = machine::Spinners::start(&[0, 1])?;
    let wanted = |part: &str| options.only.as_deref().is_none_or(|only| only == part);
    if wanted("cost") {
        cost(options)?;
    }
    if wanted("parallel") {
        parallel(options)?;
    }
    Ok(())
}

fn cost(options: &Options) -> Result<()> {
    let mut rivals = vec![Rival::ours("ostracon", &options.server, Some(1))];
    match machine::on_path("redis-server") {
        Some(binary) => rivals.push(Rival { name: "redis-server".to_owned(), binary, workers: None }),
        None => println!("redis-server is not installed: ours alone"),
    }
    let head = ["ours", "redis-server", "ratio", "user: ours", "redis-server", "ratio"];
    let head: String = head.iter().map(|word| format!("{word:>14}")).collect();
    println!("\n{:<44}{head}", "server CPU ns a script, EVALSHA of GET and SET");
    for (batch, connections) in [(1, 1), (1, 50), (16, 1), (16, 50)] {
        let mut figures = [vec![Vec::new(); rivals.len()], vec![Vec::new(); rivals.len()]];
        for _ in 0..options.runs {
            for (number, rival) in rivals.iter().enumerate() {
                let work = Work { script: "short", threads: 1, connections, batch };
                let measured = measure(rival, ("0", "1"), &work, options)?;
                figures[0][number].push(measured.nanos as f64 / measured.scripts as f64);
                figures[1][number].push(measured.user as f64 / measured.scripts as f64);
            }
        }
        let shown = figures.iter().map(|runs| {
            let theirs = runs.get(1).map_or(f64::NAN, |theirs| median(theirs.clone()));
            let ratio = runs.get(1).map_or(f64::NAN, |theirs| ratio(&runs[0], theirs));
            format!("{:>14.0}{theirs:>14.0}{ratio:>14.2}", median(runs[0].clone()))
        });
        println!("{:<44}{}", format!("{batch} a batch, connections: {connections}"), shown.collect::<String>());
    }
    Ok(())
}

/// The median of the ratios of neighbours.
fn ratio(a: &[f64], b: &[f64]) -> f64 {
    median(a.iter().zip(b).map(|(a, b)| a / b).collect())
}

fn parallel(options: &Options) -> Result<()> {
    println!("\n{:<36}{:>14}{:>14}{:>10}", "scripts a second", "1 connection", "2 connections", "ratio");
    let mut figures = vec![Vec::new(); 2];
    for _ in 0..options.runs {
        for (figures, connections) in figures.iter_mut().zip(1..) {
            let rival = Rival::ours("ostracon", &options.server, Some(connections));
            let work = Work { script: "long", threads: connections, connections, batch: 16 };
            let measured = measure(&rival, ("0,1", "0,1"), &work, options)?;
            figures.push(measured.scripts as f64 / measured.seconds);
        }
    }
    let shown = figures.iter().map(|runs| format!("{:>14.0}", median(runs.clone()))).collect::<String>();
    println!("{:<36}{shown}{:>10.2}", "100 GET and SET, keys apart", ratio(&figures[1], &figures[0]));
    Ok(())
}

/// What the load process is to do.
struct Work {
    script: &'static str,
    threads: usize,
    /// In all; each thread has as many.
    connections: usize,
    batch: usize,
}

/// What a window has come to.
struct Measured {
    /// Server CPU.
    nanos: u64,
    /// The user part of it.
    user: u64,
    scripts: u64,
    seconds: f64,
}

fn measure(
    rival: &Rival,
    (server_cores, load_cores): (&str, &str),
    work: &Work,
    options: &Options,
) -> Result<Measured> {
    let server = Server::start(rival, server_cores, &[])?;
    let mut command = machine::pinned(load_cores, &std::env::current_exe()?);
    command.arg("--load").args([server.address.to_string(), server.pid.to_string(), work.script.to_owned()]);
    command.args([work.threads, work.connections, work.batch].map(|number| number.to_string()));
    command.arg(options.window.as_millis().to_string());
    command.stdout(std::process::Stdio::piped());
    let mut process = machine::Process::spawn(&mut command)?;
    let mut line = String::new();
    let output = process.child.stdout.take().ok_or("no output of the load process")?;
    std::io::BufReader::new(output).read_line(&mut line)?;
    let numbers = line.split_whitespace().map(str::parse).collect::<std::result::Result<Vec<u64>, _>>()?;
    let [nanos, user, scripts, micros] = numbers[..] else { return Err("the load process failed".into()) };
    Ok(Measured { nanos, user, scripts, seconds: micros as f64 / 1e6 })
}

fn load(words: &[String]) -> Result<()> {
    let [address, pid, script, threads, connections, batch, window] = words else {
        return Err("--load: seven words".into());
    };
    let (address, pid): (SocketAddr, u32) = (address.parse()?, pid.parse()?);
    let (threads, connections, batch): (usize, usize, usize) = (threads.parse()?, connections.parse()?, batch.parse()?);
    let window = Duration::from_millis(window.parse()?);
    let source = if script == "short" { SHORT } else { LONG };
    // All connect before any sends, so that they are dealt to different workers.
    let mut clients: Vec<Vec<Client>> = (0..threads).map(|_| Vec::new()).collect();
    for number in 0..connections {
        clients[number % threads].push(Client::connect(address, source, number, batch)?);
    }
    let begin = Instant::now() + WARM;
    let threads: Vec<_> =
        clients.into_iter().map(|clients| std::thread::spawn(move || run(clients, begin, window))).collect();
    std::thread::sleep(begin.saturating_duration_since(Instant::now()));
    let before = Cpu::of(pid)?;
    let mut scripts = 0;
    for thread in threads {
        scripts += thread.join().map_err(|_| "a connection failed")?.map_err(|error| error.to_string())?;
    }
    let took = begin.elapsed();
    let cpu = Cpu::of(pid)?.since(&before);
    println!("{} {:.0} {scripts} {}", cpu.nanos, cpu.nanos as f64 * cpu.user_share(), took.as_micros());
    Ok(())
}

/// One connection and the batch that it sends.
struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    replies: Vec<u8>,
    batch: u64,
}

impl Client {
    fn connect(address: SocketAddr, source: &str, number: usize, batch: usize) -> Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let key = format!("key:{number}");
        let mut bytes = Vec::new();
        push_command(&mut bytes, &["SET", &key, &"v".repeat(32)]);
        push_command(&mut bytes, &["SCRIPT", "LOAD", source]);
        stream.write_all(&bytes)?;
        let mut head = [0; b"+OK\r\n$40\r\n".len()];
        stream.read_exact(&mut head)?;
        let mut sha = [0; 42];
        stream.read_exact(&mut sha)?;
        let sha = std::str::from_utf8(&sha[..40])?.to_owned();
        let mut request = Vec::new();
        (0..batch).for_each(|_| push_command(&mut request, &["EVALSHA", &sha, "1", &key]));
        Ok(Self { stream, request, replies: vec![0; REPLY.len() * batch], batch: batch as u64 })
    }

    fn send(&mut self) -> std::io::Result<()> {
        self.stream.write_all(&self.request)
    }

    /// The scripts whose replies have come.
    fn receive(&mut self) -> std::io::Result<u64> {
        self.stream.read_exact(&mut self.replies)?;
        if self.replies.chunks(REPLY.len()).any(|reply| reply != REPLY) {
            return Err(std::io::Error::other(String::from_utf8_lossy(&self.replies).into_owned()));
        }
        Ok(self.batch)
    }
}

/// The scripts that these connections ran from `begin` on, for the window.
fn run(mut clients: Vec<Client>, begin: Instant, window: Duration) -> std::io::Result<u64> {
    let mut scripts = 0;
    loop {
        clients.iter_mut().try_for_each(Client::send)?;
        let mut served = 0;
        for client in &mut clients {
            served += client.receive()?;
        }
        let now = Instant::now();
        if now >= begin {
            scripts += served;
        }
        if now >= begin + window {
            return Ok(scripts);
        }
    }
}
