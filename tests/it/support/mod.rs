//! The test harness: servers to start, a client to speak to them, tables of commands and expected replies.
//!
//! Knows the wire format and how to start a process; must not know the crate's internals, so that an error in our own
//! parser or writer cannot hide itself. Nothing here sleeps for a fixed time: every wait is for a condition and has a
//! deadline.
// A harness is used in parts by each family.
#![allow(dead_code, unused_imports)]

mod client;
mod expect;
mod later;
mod server;
mod table;
mod value;
mod words;

pub use client::Client;
pub use expect::matches;
pub use later::{is_later, needs};
pub use server::{Kind, Oracle, Server, Signal, on_each, on_ours, same_on_both, same_sequence_on_both};
pub use table::{Check, check, check_ours, check_with};
pub use value::{Decoder, Value};
pub use words::{encode, encode_line, split};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::time::{Duration, Instant};

/// How long any single wait may last before the test fails.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Polls `condition` until it holds; panics, naming `what`, after [`DEADLINE`].
#[track_caller]
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < end, "not within {DEADLINE:?}: {what}");
        pause();
    }
}

/// The pause between two polls of a condition.
pub fn pause() {
    std::thread::sleep(Duration::from_millis(2));
}

/// Raises this process's limit of open files, if it may have so many; why not otherwise.
pub fn allow_files(wanted: u64) -> Result<(), String> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(|e| e.to_string())?;
    if soft >= wanted {
        return Ok(());
    }
    if hard < wanted {
        return Err(format!("this test needs {wanted} open files, the hard limit is {hard}"));
    }
    // As many as may be: tests that run at the same time share the limit.
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(wanted.max(1 << 17)), hard).map_err(|e| e.to_string())
}
