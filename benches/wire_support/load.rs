//! The load process: one thread, its share of the connections, one task a connection that sends a prepared batch,
//! counts the bytes of the replies and sends the next. It is this bench's own binary, started again with `--load`, so
//! that it can be pinned and timed apart from the rest. It must stay cheaper than any server: a batch costs one write,
//! one read (a read that does not fill the buffer tells tokio that the socket is empty), a look at the clock and a
//! counter; nothing is parsed but the first and the last byte, and lines are counted where lengths are not known.
//!
//! It also samples the server's CPU time, because only here are the start and the end of the window known exactly.

use super::histogram::Histogram;
use super::machine::{self, Cpu};
use super::requests::{Batch, Batches, Mix};
use super::{Error, Result};
use std::collections::HashMap;
use std::io::{self, BufRead, ErrorKind, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, Interest};
use tokio::net::TcpStream;

/// Bytes a read takes at most.
const READ_LEN: usize = 128 << 10;

/// What a load process is told to do: passed as `name=value` words after `--load`.
#[derive(Clone, Debug)]
pub struct Task {
    /// The server.
    pub address: SocketAddr,
    /// The server's process, for its CPU time.
    pub pid: u32,
    /// What to send.
    pub mix: Mix,
    /// Bytes a value.
    pub value_len: usize,
    /// Keys drawn from.
    pub keys: u64,
    /// Requests a batch.
    pub pipeline: usize,
    /// Connections of this process.
    pub connections: usize,
    /// Load before the window.
    pub warm: Duration,
    /// The window.
    pub window: Duration,
    /// Between two batches of a connection; zero: each follows the replies to the one before.
    pub pace: Duration,
    /// Seed of the keys.
    pub seed: u64,
}

impl Task {
    /// The words that [`Task::parse`] reads.
    pub fn words(&self) -> Vec<String> {
        vec![
            format!("address={}", self.address),
            format!("pid={}", self.pid),
            format!("mix={}", self.mix.name()),
            format!("value={}", self.value_len),
            format!("keys={}", self.keys),
            format!("pipeline={}", self.pipeline),
            format!("connections={}", self.connections),
            format!("warm={}", self.warm.as_millis()),
            format!("window={}", self.window.as_millis()),
            format!("pace={}", self.pace.as_micros()),
            format!("seed={}", self.seed),
        ]
    }

    /// The task that `words` describe.
    ///
    /// # Errors
    /// A missing or malformed word.
    pub fn parse(words: &[String]) -> Result<Self> {
        let named: HashMap<&str, &str> = words.iter().filter_map(|word| word.split_once('=')).collect();
        let text = |name: &str| named.get(name).copied().ok_or_else(|| format!("--load: no {name}"));
        let number = |name: &str| -> Result<u64> { Ok(text(name)?.parse()?) };
        Ok(Self {
            address: text("address")?.parse()?,
            pid: number("pid")? as u32,
            mix: Mix::parse(text("mix")?).ok_or("--load: unknown mix")?,
            value_len: number("value")? as usize,
            keys: number("keys")?,
            pipeline: number("pipeline")? as usize,
            connections: number("connections")? as usize,
            warm: Duration::from_millis(number("warm")?),
            window: Duration::from_millis(number("window")?),
            pace: Duration::from_micros(number("pace")?),
            seed: number("seed")?,
        })
    }
}

/// What one load process saw in its window.
pub struct Outcome {
    /// Requests answered.
    pub requests: u64,
    /// Length of the window as measured.
    pub elapsed: Duration,
    /// The server's CPU time within it.
    pub server: Cpu,
    /// This process's own.
    pub own: Cpu,
    /// Round trips of batches, as [`Histogram::encode`] prints them.
    pub histogram: String,
}

impl Outcome {
    fn print(&self) -> String {
        let Cpu { user_ticks, kernel_ticks, nanos, waited_nanos } = self.server;
        let (requests, elapsed, own) = (self.requests, self.elapsed.as_nanos(), self.own.nanos);
        format!("{requests} {elapsed} {user_ticks} {kernel_ticks} {nanos} {waited_nanos} {own};{}", self.histogram)
    }

    /// Reads the line a load process printed.
    ///
    /// # Errors
    /// A line of another form: the process failed, and said why on its standard error.
    pub fn parse(line: &str) -> Result<Self> {
        let (numbers, histogram) = line.split_once(';').ok_or("the load process failed")?;
        let numbers = numbers.split_whitespace().map(str::parse).collect::<std::result::Result<Vec<u64>, _>>()?;
        let [requests, elapsed, user_ticks, kernel_ticks, nanos, waited_nanos, own] = numbers[..] else {
            return Err("the load process printed another number of figures".into());
        };
        Ok(Self {
            requests,
            elapsed: Duration::from_nanos(elapsed),
            server: Cpu { user_ticks, kernel_ticks, nanos, waited_nanos },
            own: Cpu { nanos: own, ..Cpu::default() },
            histogram: histogram.trim().to_owned(),
        })
    }
}

/// What the connections of the process share.
struct Shared {
    batches: Batches,
    pipeline: u64,
    pace: Duration,
    measuring: AtomicBool,
    requests: AtomicU64,
    histogram: Histogram,
    failure: Mutex<Option<Error>>,
}

/// The whole life of a load process: connects, prints `ready`, waits for a line, loads, prints the outcome.
///
/// # Errors
/// Words of another form, a connection that cannot be made, a reply that is not the expected one.
pub fn main(words: &[String]) -> Result<()> {
    let task = Task::parse(words)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(run(task))?;
    println!("{}", outcome.print());
    Ok(())
}

async fn run(task: Task) -> Result<Outcome> {
    let shared = Arc::new(Shared {
        batches: Batches::build(task.mix, task.value_len, task.keys, task.pipeline, task.seed),
        pipeline: task.pipeline as u64,
        pace: task.pace,
        measuring: AtomicBool::new(false),
        requests: AtomicU64::new(0),
        histogram: Histogram::new(),
        failure: Mutex::new(None),
    });
    let mut streams = Vec::with_capacity(task.connections);
    for _ in 0..task.connections {
        let stream = TcpStream::connect(task.address).await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    println!("ready");
    io::stdout().flush()?;
    if io::stdin().lock().read_line(&mut String::new())? == 0 {
        return Err("the bench went away".into());
    }
    for (number, stream) in streams.into_iter().enumerate() {
        let first = number * shared.batches.batches.len() / task.connections;
        let late = task.pace * number as u32 / task.connections as u32;
        tokio::spawn(connection(stream, first, late, shared.clone()));
    }
    tokio::time::sleep(task.warm).await;
    let (server, own, began) = (Cpu::of(task.pid)?, Cpu::of(std::process::id())?, Instant::now());
    shared.measuring.store(true, Relaxed);
    tokio::time::sleep(task.window * 9 / 10).await;
    let by_then = shared.requests.load(Relaxed);
    tokio::time::sleep(task.window / 10).await;
    let (requests, elapsed) = (shared.requests.load(Relaxed), began.elapsed());
    let (server, own) = (Cpu::of(task.pid)?.since(&server), Cpu::of(std::process::id())?.since(&own));
    if let Some(failure) = shared.failure.lock().ok().and_then(|mut slot| slot.take()) {
        return Err(failure);
    }
    if requests == by_then && !moves(&shared, requests).await {
        return Err("the load came to a halt: a server without an answer, or a collection popped empty".into());
    }
    Ok(Outcome { requests, elapsed, server, own, histogram: shared.histogram.encode() })
}

/// Does the number of requests change within two seconds? On a busy machine the last part of a window may pass without.
async fn moves(shared: &Shared, requests: u64) -> bool {
    tokio::time::sleep(Duration::from_secs(2)).await;
    shared.requests.load(Relaxed) != requests
}

async fn connection(mut stream: TcpStream, first: usize, late: Duration, shared: Arc<Shared>) {
    tokio::time::sleep(late).await;
    let failure = drive(&mut stream, first, &shared).await;
    if let (Err(error), Ok(mut slot)) = (failure, shared.failure.lock()) {
        slot.get_or_insert(error);
    }
}

/// Sends batch after batch, starting with number `first`, until an error. A paced batch that is late counts from when
/// it should have been sent.
async fn drive(stream: &mut TcpStream, first: usize, shared: &Shared) -> Result<()> {
    let mut buffer = vec![0; READ_LEN];
    let batches = &shared.batches.batches;
    let mut began = Instant::now();
    for batch in batches.iter().cycle().skip(first) {
        exchange(stream, &shared.batches.bytes[batch.requests.clone()], batch, &mut buffer).await?;
        let ended = Instant::now();
        if shared.measuring.load(Relaxed) {
            shared.requests.store(shared.requests.load(Relaxed) + shared.pipeline, Relaxed);
            shared.histogram.record((ended - began).as_nanos() as u64);
        }
        began = if shared.pace.is_zero() { ended } else { paced(began + shared.pace).await };
    }
    Ok(())
}

/// Waits until a batch is due. When that is past, the batch is late, and counts from then; else from now.
async fn paced(due: Instant) -> Instant {
    if due <= Instant::now() {
        return due;
    }
    tokio::time::sleep_until(due.into()).await;
    Instant::now()
}

/// One batch and its replies. Reads while the request is not yet written, so that a server that stops reading until
/// its replies are taken does not block us for ever.
async fn exchange(stream: &mut TcpStream, requests: &[u8], batch: &Batch, buffer: &mut [u8]) -> Result<()> {
    let mut sent = blocked_as_zero(stream.try_write(requests))?;
    let mut received = 0;
    while received < batch.reply_len {
        let read = if sent == requests.len() {
            // Ends the wait with 0 only at the end of the stream.
            match stream.read(buffer).await? {
                0 => return Err("the server closed a connection".into()),
                read => read,
            }
        } else {
            let ready = stream.ready(Interest::READABLE | Interest::WRITABLE).await?;
            if ready.is_writable() {
                sent += blocked_as_zero(stream.try_write(&requests[sent..]))?;
            }
            if ready.is_readable() { blocked_as_zero(stream.try_read(buffer))? } else { 0 }
        };
        if read > 0 && received == 0 && buffer[0] != batch.first {
            let text = String::from_utf8_lossy(&buffer[..read.min(120)]);
            return Err(format!("expected a reply that starts with {:?}, got {text:?}", batch.first as char).into());
        }
        received += if batch.lines { memchr::memchr_iter(b'\n', &buffer[..read]).count() } else { read };
        if received > batch.reply_len || (received == batch.reply_len && buffer[read.max(1) - 1] != b'\n') {
            let unit = if batch.lines { "lines" } else { "bytes" };
            return Err(format!("expected {} {unit} of replies, got {received}", batch.reply_len).into());
        }
    }
    Ok(())
}

fn blocked_as_zero(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}

/// A running load process, waiting for the word to start.
pub struct Loader {
    process: machine::Process,
    output: io::BufReader<std::process::ChildStdout>,
}

impl Loader {
    /// Starts a load process on `cores` and waits until it has connected.
    ///
    /// # Errors
    /// A process that cannot be started or does not get ready.
    pub fn start(cores: &str, task: &Task) -> Result<Self> {
        let program = std::env::current_exe()?;
        let mut command = machine::pinned(cores, &program);
        command.arg("--load").args(task.words());
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut process = machine::Process::spawn(&mut command)?;
        let mut output = io::BufReader::new(process.child.stdout.take().ok_or("no output of the load process")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        if line.trim() != "ready" {
            return Err("the load process did not get ready".into());
        }
        Ok(Self { process, output })
    }

    /// Lets it begin.
    ///
    /// # Errors
    /// A process that has gone.
    pub fn go(&mut self) -> Result<()> {
        let input = self.process.child.stdin.as_mut().ok_or("no input of the load process")?;
        input.write_all(b"go\n")?;
        Ok(input.flush()?)
    }

    /// Waits for its figures.
    ///
    /// # Errors
    /// A process that failed.
    pub fn finish(mut self) -> Result<Outcome> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Outcome::parse(&line)
    }
}
