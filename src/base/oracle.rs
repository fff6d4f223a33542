//! Test-only: asks a real `redis-server` what the right answer is.
//!
//! Owns a blocking client of a few lines, so that a unit test can compare a pure function with the server it imitates.
//! The tests that use it are `#[ignore]`d; run them with `OSTRACON_ORACLE=127.0.0.1:6399 cargo test -- --ignored`.
//! It must not be used outside tests, and knows nothing of our own protocol code, which it may be used to judge.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU8, Ordering};

static NEXT_DATABASE: AtomicU8 = AtomicU8::new(0);

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

/// A connection to the server named by `OSTRACON_ORACLE`.
pub(crate) struct Oracle(BufReader<TcpStream>);

impl Oracle {
    /// Connects to an emptied database of its own, since tests run side by side.
    pub(crate) fn connect() -> Self {
        let at = std::env::var("OSTRACON_ORACLE").expect("OSTRACON_ORACLE names a redis-server");
        let mut oracle = Self(BufReader::new(TcpStream::connect(at).unwrap()));
        let database = NEXT_DATABASE.fetch_add(1, Ordering::Relaxed) % 16;
        oracle.ask(&[b"SELECT", database.to_string().as_bytes()]);
        oracle.ask(&[b"FLUSHDB"]);
        oracle
    }

    /// Runs one command.
    pub(crate) fn ask(&mut self, args: &[&[u8]]) -> Answer {
        let mut request = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            request.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            request.extend_from_slice(arg);
            request.extend_from_slice(b"\r\n");
        }
        self.0.get_mut().write_all(&request).unwrap();
        self.answer()
    }

    fn answer(&mut self) -> Answer {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        let (kind, rest) = line.trim_end().split_at(1);
        match kind {
            "+" => Answer::Text(rest.into()),
            "-" => Answer::Error(rest.into()),
            ":" => Answer::Int(rest.parse().unwrap()),
            _ if rest == "-1" => Answer::Nil,
            "$" => {
                let mut text = vec![0; rest.parse::<usize>().unwrap() + 2];
                self.0.read_exact(&mut text).unwrap();
                text.truncate(text.len() - 2);
                Answer::Text(text)
            }
            "*" => Answer::Array((0..rest.parse().unwrap()).map(|_| self.answer()).collect()),
            other => panic!("unexpected reply type {other:?}"),
        }
    }
}
