//! Test-only: asks a real `redis-server` what the right answer is.
//!
//! Owns a server for each test that asks (a setting that one changes is none of another's business) and a blocking client
//! of a few lines, so that a unit test can compare a pure function with the server it imitates. Where `redis-server` is
//! not installed such a test says `SKIPPED`, or fails if `OSTRACON_REQUIRE_ORACLE` is set. It must not be used outside tests, and knows nothing of our own protocol code, which it may be used to judge.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A reply of the reference server, in RESP2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// `+text` or `$len`.
    Text(Vec<u8>),
    /// `-text`.
    Error(String),
    /// `:n`.
    Int(i64),
    /// `$-1` or `*-1`.
    Nil,
    /// `*n`.
    Array(Vec<Answer>),
}

/// A `redis-server` of a test's own, ended when dropped, and a connection to it.
pub(crate) struct Oracle {
    child: Child,
    stream: BufReader<TcpStream>,
}

impl Oracle {
    /// Starts one. Where `redis-server` is not installed: says `SKIPPED`, or panics if `OSTRACON_REQUIRE_ORACLE` is set.
    pub(crate) fn start() -> Option<Self> {
        if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_err() {
            println!("SKIPPED: redis-server not installed");
            assert!(std::env::var_os("OSTRACON_REQUIRE_ORACLE").is_none(), "redis-server not installed");
            return None;
        }
        // Another process may take the port between its choice and its use: then try again.
        Some((0..5).find_map(|_| Self::try_start()).expect("redis-server starts"))
    }

    fn try_start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--dir", &std::env::temp_dir().to_string_lossy()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Ends by itself, or answers, or is ended after so many pauses: about 20 seconds.
        for _ in 0..4000 {
            if child.try_wait().unwrap().is_some() {
                return None;
            }
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) {
                let mut oracle = Self { child, stream: BufReader::new(stream) };
                let Answer::Text(info) = oracle.ask(&[b"INFO", b"server"]) else { return None };
                let own = format!("process_id:{}\r", oracle.child.id());
                return String::from_utf8_lossy(&info).contains(&own).then_some(oracle);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = child.kill();
        let _ = child.wait();
        None
    }

    /// Runs one command.
    pub(crate) fn ask(&mut self, args: &[&[u8]]) -> Answer {
        let mut request = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            request.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            request.extend_from_slice(arg);
            request.extend_from_slice(b"\r\n");
        }
        self.stream.get_mut().write_all(&request).unwrap();
        self.answer()
    }

    fn answer(&mut self) -> Answer {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        let (kind, rest) = line.trim_end().split_at(1);
        match kind {
            "+" => Answer::Text(rest.into()),
            "-" => Answer::Error(rest.into()),
            ":" => Answer::Int(rest.parse().unwrap()),
            _ if rest == "-1" => Answer::Nil,
            "$" => {
                let mut text = vec![0; rest.parse::<usize>().unwrap() + 2];
                self.stream.read_exact(&mut text).unwrap();
                text.truncate(text.len() - 2);
                Answer::Text(text)
            }
            "*" => Answer::Array((0..rest.parse().unwrap()).map(|_| self.answer()).collect()),
            other => panic!("unexpected reply type {other:?}"),
        }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
