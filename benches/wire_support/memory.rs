//! Resident memory: of an empty server, a key, an idle connection. The server decides all else by its defaults (ours
//! starts as many workers as it would for anyone), but for `--maxclients`, which must let the connections in.

use super::cli::Options;
use super::rival::{Rival, Server};
use super::scenario::OURS;
use super::{Result, machine};
use std::time::Duration;

/// Name of the scenario about keys and the empty server.
pub const MEMORY: &str = "memory";
/// Name of the scenario about idle connections.
pub const IDLE: &str = "idle";

/// Bytes a value.
const VALUE_LEN: usize = 32;

/// How long a server is left alone before its memory is read: allocators give back, tables finish growing.
const REST: Duration = Duration::from_secs(2);

/// What was measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// The whole server after its first PING.
    Empty,
    /// Growth a key at so many keys.
    Key(u64),
    /// Growth a connection at so many idle connections.
    Connection(u64),
}

/// One figure.
pub struct Memory {
    /// The contestant.
    pub name: String,
    /// What it is.
    pub what: What,
    /// Bytes.
    pub bytes: f64,
}

impl Memory {
    /// The figure in words.
    pub fn title(&self) -> String {
        match self.what {
            What::Empty => "the empty server, bytes".to_owned(),
            What::Key(count) => format!("a key at {count} keys, bytes"),
            What::Connection(count) => format!("an idle connection at {count}, bytes"),
        }
    }
}

/// Measures what `options` want, one server after another.
///
/// # Errors
/// A server that fails, too few file descriptors.
pub fn run(options: &Options) -> Result<Vec<Memory>> {
    let mut rivals = vec![Rival::ours(OURS, &options.server, None)];
    rivals.extend(options.rivals.iter().cloned());
    let mut figures = Vec::new();
    for rival in &rivals {
        let mut add = |what, bytes| {
            let figure = Memory { name: rival.name.clone(), what, bytes };
            println!("{:<16} {}: {bytes:.0}", figure.name, figure.title());
            figures.push(figure);
        };
        if options.wants(MEMORY) {
            keys(rival, options, &mut add)?;
        }
        if options.wants(IDLE) {
            connections(rival, options, &mut add)?;
        }
    }
    Ok(figures)
}

fn both(options: &Options) -> String {
    format!("{},{}", options.server_core, options.load_core)
}

/// Bytes a key at a fifth, three fifths and all of `--many` keys: one server that grows.
fn keys(rival: &Rival, options: &Options, add: &mut impl FnMut(What, f64)) -> Result<()> {
    let server = Server::start(rival, &both(options), &[])?;
    std::thread::sleep(REST);
    let empty = machine::resident(server.pid)?;
    add(What::Empty, empty as f64);
    let mut from = 0;
    for fifths in [1, 3, 5] {
        let count = options.many * fifths / 5;
        server.fill(from..count, VALUE_LEN)?;
        server.verify(0..count, VALUE_LEN)?;
        from = count;
        std::thread::sleep(REST);
        let grown = machine::resident(server.pid)?.saturating_sub(empty);
        add(What::Key(count), grown as f64 / count as f64);
    }
    Ok(())
}

/// Bytes a connection that has had one PING answered and now says nothing.
fn connections(rival: &Rival, options: &Options, add: &mut impl FnMut(What, f64)) -> Result<()> {
    let limit = machine::raise_file_limit()?;
    if options.idle + 200 > limit {
        return Err(format!("{} connections with a limit of {limit} open files; see --idle", options.idle).into());
    }
    let server = Server::start(rival, &both(options), &["--maxclients", &(options.idle + 100).to_string()])?;
    std::thread::sleep(REST);
    let before = machine::resident(server.pid)?;
    let streams = (0..options.idle).map(|_| server.pinged()).collect::<Result<Vec<_>>>()?;
    std::thread::sleep(REST);
    let grown = machine::resident(server.pid)?.saturating_sub(before);
    server.ping()?;
    add(What::Connection(options.idle), grown as f64 / streams.len() as f64);
    Ok(())
}
