//! The log: Redis's line format or JSON, to standard output or a file, written by a thread of its own.
//!
//! Owns format, level and output. `tracing` is the front: `warn` and `error` are Redis's `#`, `info` its notice `*`,
//! `debug` its verbose `-`, `trace` its debug `.`; in JSON the levels have tracing's names. The level is checked in
//! the caller, before anything is formatted; a line then goes into a bounded queue.
//!
//! A caller never waits: where the output stands still (a full pipe, a stuck disk), lines beyond the queue are
//! dropped, and their number is written once the output moves again. A log file is opened anew for every batch of
//! lines that was waiting, so one that was renamed or removed by a rotation is followed without a signal.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Registry, fmt as layer, reload};

use crate::config::{LogFormat, LogLevel, Settings};

/// Lines that may wait for the output.
const QUEUE_LINES_MAX: usize = 8192;

/// Lines written to a file between two openings.
const BATCH_LINES_MAX: usize = 256;

/// What the process is, the letter after the process id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A master.
    Master,
    /// A replica.
    Replica,
    /// A process that is still starting, or a child.
    Child,
}

impl Role {
    const fn letter(self) -> u8 {
        match self {
            Role::Master => b'M',
            Role::Replica => b'S',
            Role::Child => b'C',
        }
    }
}

static ROLE: AtomicU8 = AtomicU8::new(Role::Child.letter());
static LOGGER: OnceLock<Logger> = OnceLock::new();

struct Logger {
    queue: Queue,
    level: reload::Handle<LevelFilter, Registry>,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file cannot be opened; the text is Redis's.
    #[error("\n*** FATAL CONFIG FILE ERROR (Redis 7.2.4) ***\nCan't open the log file: {0}")]
    Open(String),
    /// The writing thread cannot be started.
    #[error("can't start the log's thread: {0}")]
    Thread(io::Error),
    /// A log was set up before.
    #[error("the log was set up before")]
    Twice,
}

/// Sets up the log of the process. Once, after becoming a daemon (it starts a thread) and entering `dir`.
pub fn init(settings: &Settings) -> Result<(), LogError> {
    let output = Output::open(&settings.logfile)?;
    let queue = start_writer(output).map_err(LogError::Thread)?;
    let (filter, level) = reload::Layer::new(filter_of(settings.loglevel));
    let registry = Registry::default().with(filter);
    let installed = match settings.log_format {
        LogFormat::Redis => tracing::subscriber::set_global_default(
            registry.with(layer::layer().event_format(RedisFormat).with_ansi(false).with_writer(queue.clone())),
        ),
        LogFormat::Json => tracing::subscriber::set_global_default(
            registry.with(layer::layer().json().with_timer(LocalTime).with_writer(queue.clone())),
        ),
    };
    installed.map_err(|_| LogError::Twice)?;
    LOGGER.set(Logger { queue, level }).map_err(|_| LogError::Twice)
}

/// Changes the least level that is logged, now, in all threads.
pub fn set_level(level: LogLevel) {
    if let Some(logger) = LOGGER.get() {
        // Fails only where the subscriber is gone, and then nothing logs.
        let _ = logger.level.reload(filter_of(level));
    }
}

/// Changes the letter after the process id.
pub fn set_role(role: Role) {
    ROLE.store(role.letter(), Ordering::Relaxed);
}

/// Waits until what was logged before is written, or `patience` is over: before the process ends.
pub fn flush(patience: Duration) {
    if let Some(logger) = LOGGER.get() {
        logger.queue.flush(patience);
    }
}

/// Lines dropped so far because the output stood still.
pub fn lines_dropped() -> u64 {
    LOGGER.get().map_or(0, |logger| logger.queue.shared.dropped_total.load(Ordering::Relaxed))
}

const fn filter_of(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Debug => LevelFilter::TRACE,
        LogLevel::Verbose => LevelFilter::DEBUG,
        LogLevel::Notice => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Nothing => LevelFilter::OFF,
    }
}

/// `pid:M 23 Nov 2026 16:03:04.123 * message field=value`.
struct RedisFormat;

impl<S, N> FormatEvent<S, N> for RedisFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mark = mark_of(*event.metadata().level());
        write_head(&mut out, mark)?;
        context.format_fields(out.by_ref(), event)?;
        writeln!(out)
    }
}

const fn mark_of(level: Level) -> char {
    match level {
        Level::ERROR | Level::WARN => '#',
        Level::INFO => '*',
        Level::DEBUG => '-',
        Level::TRACE => '.',
    }
}

fn write_head(out: &mut impl fmt::Write, mark: char) -> fmt::Result {
    let role = char::from(ROLE.load(Ordering::Relaxed));
    let now = jiff::ZonedDateTime::now();
    write!(out, "{}:{role} {} {mark} ", std::process::id(), now.strftime("%d %b %Y %H:%M:%S.%3f"))
}

/// The time stamp of JSON lines: local time with its offset.
struct LocalTime;

impl layer::time::FormatTime for LocalTime {
    fn format_time(&self, out: &mut Writer<'_>) -> fmt::Result {
        write!(out, "{}", jiff::ZonedDateTime::now().strftime("%Y-%m-%dT%H:%M:%S.%3f%:z"))
    }
}

enum Message {
    Line(Vec<u8>),
    /// Answered once everything before is written.
    Flush(SyncSender<()>),
}

#[derive(Default)]
struct Shared {
    /// Lines dropped and not yet told of.
    dropped: AtomicU64,
    dropped_total: AtomicU64,
}

/// The callers' end of the queue.
#[derive(Clone)]
struct Queue {
    sender: SyncSender<Message>,
    shared: std::sync::Arc<Shared>,
}

impl Queue {
    fn flush(&self, patience: Duration) {
        let (done, wait) = sync_channel(1);
        // Where the queue is full the output stands still, and waiting would not help.
        if self.sender.try_send(Message::Flush(done)).is_ok() {
            let _ = wait.recv_timeout(patience);
        }
    }
}

impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Err(TrySendError::Full(_)) = self.sender.try_send(Message::Line(line.to_vec())) {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            self.shared.dropped_total.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = Queue;

    fn make_writer(&'a self) -> Queue {
        self.clone()
    }
}

/// Where lines go.
enum Output {
    Stdout,
    File(PathBuf),
}

impl Output {
    fn open(logfile: &str) -> Result<Self, LogError> {
        if logfile.is_empty() {
            return Ok(Output::Stdout);
        }
        let path = std::path::absolute(logfile).map_err(|e| LogError::Open(e.to_string()))?;
        open_append(&path).map_err(|e| {
            let text = e.to_string();
            LogError::Open(text.split(" (os error").next().unwrap_or_default().to_owned())
        })?;
        Ok(Output::File(path))
    }

    /// Writes a batch. A failure has nowhere to be told: the lines are lost, the next batch tries again.
    fn write(&self, lines: &[u8]) {
        let _ = match self {
            Output::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(lines).and_then(|()| out.flush())
            }
            Output::File(path) => open_append(path).and_then(|mut file| file.write_all(lines)),
        };
    }
}

fn open_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

fn start_writer(output: Output) -> io::Result<Queue> {
    let (sender, receiver) = sync_channel(QUEUE_LINES_MAX);
    let queue = Queue { sender, shared: std::sync::Arc::default() };
    let shared = std::sync::Arc::clone(&queue.shared);
    std::thread::Builder::new().name("log".to_owned()).spawn(move || write_lines(&receiver, &output, &shared))?;
    Ok(queue)
}

/// The writing thread: one write a batch, until every sender is gone.
fn write_lines(receiver: &Receiver<Message>, output: &Output, shared: &Shared) {
    let mut batch = Vec::new();
    while let Ok(first) = receiver.recv() {
        let mut flushes = Vec::new();
        let waiting = std::iter::once(first).chain(receiver.try_iter()).take(BATCH_LINES_MAX);
        for message in waiting {
            match message {
                Message::Line(line) => batch.extend_from_slice(&line),
                Message::Flush(done) => flushes.push(done),
            }
        }
        tell_dropped(&mut batch, shared);
        if !batch.is_empty() {
            output.write(&batch);
            batch.clear();
        }
        for done in flushes {
            // Whoever asked may have lost patience.
            let _ = done.send(());
        }
    }
}

fn tell_dropped(batch: &mut Vec<u8>, shared: &Shared) {
    let dropped = shared.dropped.swap(0, Ordering::Relaxed);
    if dropped > 0 {
        let mut line = String::new();
        // Writing into a string cannot fail.
        let _ = write_head(&mut line, '#');
        batch.extend_from_slice(line.as_bytes());
        batch.extend_from_slice(format!("{dropped} log lines were dropped: the log's output stood still\n").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temporary(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("ostracon-log-{name}-{}", std::process::id()))
    }

    fn logged(path: &Path, act: impl FnOnce(&Queue)) -> String {
        let _ = std::fs::remove_file(path);
        let output = Output::open(path.to_str().unwrap()).unwrap();
        let queue = start_writer(output).unwrap();
        act(&queue);
        queue.flush(Duration::from_secs(30));
        let text = std::fs::read_to_string(path).unwrap();
        std::fs::remove_file(path).unwrap();
        text
    }

    #[test]
    fn lines_have_redis_format() {
        let text = logged(&temporary("format"), |queue| {
            let layer = layer::layer().event_format(RedisFormat).with_ansi(false).with_writer(queue.clone());
            let subscriber = Registry::default().with(filter_of(LogLevel::Verbose)).with(layer);
            tracing::subscriber::with_default(subscriber, || {
                tracing::error!("bad");
                tracing::info!(port = 7, "Ready");
                tracing::debug!("detail");
                tracing::trace!("never");
            });
        });
        let pid = std::process::id();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        for (line, end) in lines.iter().zip(["# bad", "* Ready port=7", "- detail"]) {
            assert!(line.starts_with(&format!("{pid}:")), "{line}");
            assert!(line.ends_with(end), "{line}");
        }
        let time = lines[0].split_once(' ').unwrap().1.strip_suffix(" # bad").unwrap();
        assert!(jiff::civil::DateTime::strptime("%d %b %Y %H:%M:%S%.f", time).is_ok(), "{time}");
        assert_eq!(time.rsplit('.').next().unwrap().len(), 3);
    }

    #[test]
    fn json_lines() {
        let text = logged(&temporary("json"), |queue| {
            let layer = layer::layer().json().with_timer(LocalTime).with_writer(queue.clone());
            tracing::subscriber::with_default(Registry::default().with(layer), || tracing::warn!(n = 1, "odd \"x\""));
        });
        assert!(text.starts_with("{\"timestamp\":\""), "{text}");
        for part in [r#""level":"WARN""#, r#""message":"odd \"x\"""#, r#""n":1"#] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_rotated_file_is_followed() {
        let (path, aside) = (temporary("rotate"), temporary("rotated"));
        let text = logged(&path, |queue| {
            queue.clone().write_all(b"one\n").unwrap();
            queue.flush(Duration::from_secs(30));
            std::fs::rename(&path, &aside).unwrap();
            queue.clone().write_all(b"two\n").unwrap();
        });
        assert_eq!(text, "two\n");
        assert_eq!(std::fs::read_to_string(&aside).unwrap(), "one\n");
        std::fs::remove_file(aside).unwrap();
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        let (sender, receiver) = sync_channel(1);
        let mut queue = Queue { sender, shared: std::sync::Arc::default() };
        for _ in 0..5 {
            queue.write_all(b"line\n").unwrap();
        }
        assert_eq!(queue.shared.dropped_total.load(Ordering::Relaxed), 4);
        let path = temporary("full");
        let (shared, output) = (std::sync::Arc::clone(&queue.shared), Output::File(path.clone()));
        drop(queue);
        write_lines(&receiver, &output, &shared);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        assert!(text.starts_with("line\n"), "{text}");
        assert!(text.contains("# 4 log lines were dropped"), "{text}");
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_refused() {
        let error = Output::open("/nonexistent/x").err().unwrap().to_string();
        assert!(error.ends_with("Can't open the log file: No such file or directory"), "{error}");
    }
}
