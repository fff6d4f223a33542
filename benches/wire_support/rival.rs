//! A server under test: which binary, how it is started, filled and stopped. Every contestant is started with the
//! same words, but for `--workers`, which only ours knows.

use super::machine::{self, Process};
use super::requests::{get_reply_len, push_command, push_get, push_set, value};
use super::{Error, Result};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How long a server may take to answer its first PING.
const START_MAX: Duration = Duration::from_secs(15);

/// How long a server may stay silent while it is filled.
const REPLY_MAX: Duration = Duration::from_secs(60);

/// About how many bytes of requests, or of replies, [`Server::converse`] lets be under way.
const BATCH_BYTES: usize = 48 * 1024;

/// A contestant.
#[derive(Clone, Debug)]
pub struct Rival {
    /// Its name in tables.
    pub name: String,
    /// Its binary.
    pub binary: PathBuf,
    /// `--workers`, where it is ours.
    pub workers: Option<usize>,
}

impl Rival {
    /// Ours, with `workers` threads, or with its own default. A binary named redis-server or valkey-server gets no
    /// `--workers`, so that it can stand in for ours when the bench itself is tested.
    pub fn ours(name: &str, binary: &Path, workers: Option<usize>) -> Self {
        let file = binary.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let foreign = file.starts_with("redis-server") || file.starts_with("valkey-server");
        Self { name: name.to_owned(), binary: binary.to_owned(), workers: workers.filter(|_| !foreign) }
    }

    /// What it says of itself with `--version`.
    pub fn version(&self) -> String {
        let output = std::process::Command::new(&self.binary).arg("--version").output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        let line = text.lines().next().unwrap_or("").trim().to_owned();
        if line.is_empty() { "unknown version".to_owned() } else { line }
    }
}

/// A running server: empty at first, stopped when dropped.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its process.
    pub pid: u32,
    _process: Process,
    _folder: Folder,
}

/// A folder of one server's own, so that it finds no dump of another; removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Relaxed);
        let path = std::env::temp_dir().join(format!("ostracon-wire-{}-{number}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Left behind, it is an empty folder and a log.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Server {
    /// Starts `rival` on `cores` with `extra` words on its command line, and waits until it answers PING.
    ///
    /// # Errors
    /// A server that does not start; the end of its log is in the text.
    pub fn start(rival: &Rival, cores: &str, extra: &[&str]) -> Result<Self> {
        let folder = Folder::new()?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let log = fs::File::create(folder.0.join("log"))?;
        let mut command = machine::pinned(cores, &std::path::absolute(&rival.binary)?);
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        if let Some(workers) = rival.workers {
            command.args(["--workers", &workers.to_string()]);
        }
        command.args(extra).current_dir(&folder.0);
        command.stdin(std::process::Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let process = Process::spawn(&mut command)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut server = Self { address, pid: process.child.id(), _process: process, _folder: folder };
        server.wait(&rival.name)?;
        Ok(server)
    }

    fn wait(&mut self, name: &str) -> Result<()> {
        let began = Instant::now();
        loop {
            if self.ping().is_ok() {
                return Ok(());
            }
            let ended = self._process.child.try_wait()?;
            if ended.is_some() || began.elapsed() > START_MAX {
                let log = fs::read_to_string(self._folder.0.join("log")).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(5).collect();
                let tail: Vec<&str> = tail.into_iter().rev().collect();
                return Err(Error::from(format!("{name} does not answer ({ended:?}):\n{}", tail.join("\n"))));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// One PING on a connection of its own.
    ///
    /// # Errors
    /// Any answer but `+PONG`.
    pub fn ping(&self) -> Result<()> {
        self.pinged().map(|_| ())
    }

    /// A connection that has had its PING answered.
    ///
    /// # Errors
    /// Any answer but `+PONG`.
    pub fn pinged(&self) -> Result<TcpStream> {
        let mut stream = self.connect()?;
        stream.write_all(b"*1\r\n$4\r\nPING\r\n")?;
        let mut reply = [0; 7];
        stream.read_exact(&mut reply)?;
        if &reply != b"+PONG\r\n" {
            return Err(format!("PING: {:?}", String::from_utf8_lossy(&reply)).into());
        }
        Ok(stream)
    }

    /// A connection that gives up after a minute of silence.
    ///
    /// # Errors
    /// No server there.
    pub fn connect(&self) -> Result<TcpStream> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(REPLY_MAX))?;
        Ok(stream)
    }

    /// Sets keys number `keys` to values of `value_len` bytes, pipelined over one connection.
    ///
    /// # Errors
    /// Any answer but `+OK`.
    pub fn fill(&self, keys: Range<u64>, value_len: usize) -> Result<()> {
        let value = value(value_len);
        self.converse(keys, |out, key| push_set(out, key, &value), |out, _| out.extend_from_slice(b"+OK\r\n"))
    }

    /// Gets keys number `keys` and compares every reply with what [`Server::fill`] wrote. Also lets a table that
    /// grows a step at each command come to rest.
    ///
    /// # Errors
    /// Any other value.
    pub fn verify(&self, keys: Range<u64>, value_len: usize) -> Result<()> {
        let mut expected = format!("${value_len}\r\n").into_bytes();
        expected.extend_from_slice(&value(value_len));
        expected.extend_from_slice(b"\r\n");
        assert_eq!(expected.len(), get_reply_len(value_len));
        self.converse(keys, push_get, |out, _| out.extend_from_slice(&expected))
    }

    /// Pipelines requests over one connection: for each number, `request` appends one or none, and `expect` the very
    /// bytes of its reply. A batch fits the socket's buffers.
    ///
    /// # Errors
    /// Any other reply.
    pub fn converse(
        &self,
        numbers: Range<u64>,
        mut request: impl FnMut(&mut Vec<u8>, u64),
        mut expect: impl FnMut(&mut Vec<u8>, u64),
    ) -> Result<()> {
        let mut stream = self.connect()?;
        let (mut requests, mut expected, mut replies) = (Vec::new(), Vec::new(), Vec::new());
        let last = numbers.end.saturating_sub(1);
        for number in numbers {
            request(&mut requests, number);
            expect(&mut expected, number);
            if number == last || requests.len().max(expected.len()) >= BATCH_BYTES {
                stream.write_all(&requests)?;
                replies.resize(expected.len(), 0);
                read_expected(&mut stream, &expected, &mut replies)?;
                requests.clear();
                expected.clear();
            }
        }
        Ok(())
    }

    /// One command on a connection of its own: the text of a bulk reply, or the line of another (`OK`, `1`).
    ///
    /// # Errors
    /// An error reply, or one of more than one line that is not a bulk.
    pub fn ask(&self, words: &[&str]) -> Result<String> {
        let mut request = Vec::new();
        push_command(&mut request, words);
        let mut stream = BufReader::new(self.connect()?);
        stream.get_mut().write_all(&request)?;
        let mut line = String::new();
        stream.read_line(&mut line)?;
        match line.trim_end().split_at_checked(1) {
            Some(("$", len)) => {
                let mut bulk = vec![0; len.parse()?];
                stream.read_exact(&mut bulk)?;
                Ok(String::from_utf8_lossy(&bulk).into_owned())
            }
            Some(("+" | ":", text)) => Ok(text.to_owned()),
            _ => Err(format!("{words:?}: {line}").into()),
        }
    }

    /// The value of a field of INFO.
    ///
    /// # Errors
    /// No such field.
    pub fn info(&self, section: &str, field: &str) -> Result<String> {
        let text = self.ask(&["INFO", section])?;
        let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        Ok(value.ok_or_else(|| format!("INFO {section} has no {field}"))?.to_owned())
    }
}

/// Reads as many bytes as are expected, and fails as soon as one differs: a shorter reply is not waited for.
fn read_expected(stream: &mut TcpStream, expected: &[u8], buffer: &mut [u8]) -> Result<()> {
    let mut received = 0;
    while received < expected.len() {
        let read = stream.read(&mut buffer[received..])?;
        let came = &buffer[received..received + read];
        if read == 0 || came != &expected[received..received + read] {
            let at = came.iter().zip(&expected[received..]).take_while(|(one, other)| one == other).count();
            let text = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
            let (wrong, right) = (text(&came[at..]), text(&expected[received + at..]));
            return Err(format!("unexpected reply: {wrong:?} where {right:?} should be").into());
        }
        received += read;
    }
    Ok(())
}
