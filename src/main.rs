//! The server's binary: reads what it was asked to do, becomes the process it was asked to be, and serves.
//!
//! Owns the order of a start, for each step wants the one before it: command line and configuration; daemon (before
//! any thread); working directory; log; pid file; open files; then [`net::serve`] until somebody ends it.

use ostracon::base::clock::Clock;
use ostracon::cli::{self, BannerFacts, Command, Sources};
use ostracon::config::{Config, Loaded, Settings};
use ostracon::daemon::{self, PidFile};
use ostracon::logging::Role;
use ostracon::server::{Server, VERSION};
use ostracon::{logging, net};
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Exact statistics, MEMORY PURGE and fragmentation figures; level with mimalloc in speed.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Settings of the allocator, read before `main`. Freed pages go back after a second, by a background thread: the
/// arrays that growing tables leave behind are the bulk of them. Slabs of eight pages instead of one for the sizes that
/// small keys have: jemalloc's own record of a slab costs two bytes a key less. And for that of a stream's nodes, each of
/// which had a slab and its record of 128 bytes to itself: a byte an entry less.
#[allow(unsafe_code, non_upper_case_globals)]
// SAFETY: the symbol is the one that jemalloc documents for this purpose; its first word is a pointer to a string that
// ends in NUL and lives for ever, which is all that jemalloc reads.
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static malloc_conf: &[u8] =
    b"background_thread:true,max_background_threads:1,dirty_decay_ms:1000,muzzy_decay_ms:0,slab_sizes:33-160:8|3585-4096:8\0";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match cli::parse(&arguments) {
        Command::Version => println!("{}", cli::version_line()),
        Command::Help => print!("{}", cli::help()),
        Command::Refuse(text) => return fail(&text),
        Command::Check(sources) => match cli::load(&sources, std::io::stdin()) {
            Ok(loaded) => print!("{}", cli::check_report(&loaded)),
            Err(e) => return fail(&e.to_string()),
        },
        Command::Serve(sources) => {
            return match start(&sources) {
                Ok(()) => ExitCode::SUCCESS,
                Err(text) => fail(&text),
            };
        }
    }
    ExitCode::SUCCESS
}

fn fail(text: &str) -> ExitCode {
    eprintln!("{}", text.trim_end());
    ExitCode::FAILURE
}

/// Worker threads: as configured, else one a core.
fn workers(settings: &Settings) -> usize {
    match settings.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        n => n,
    }
}

/// Everything up to serving, serving, and the end.
fn start(sources: &Sources) -> Result<(), String> {
    let loaded = cli::load(sources, std::io::stdin()).map_err(|e| e.to_string())?;
    daemon::daemonize(&loaded.settings).map_err(|e| format!("Can't become a daemon: {e}"))?;
    daemon::enter_dir(&loaded.settings).map_err(|e| format!("Can't chdir to '{}': {e}", loaded.settings.dir))?;
    logging::init(&loaded.settings).map_err(|e| format!("Can't open the log file: {e}"))?;
    let result = serve(loaded);
    if let Err(text) = &result {
        tracing::error!("{text}");
    }
    logging::flush(Duration::from_secs(1));
    result
}

fn serve(loaded: Loaded) -> Result<(), String> {
    let Loaded { mut settings, warnings, file } = loaded;
    tracing::warn!("Ostracon is starting");
    tracing::warn!("Ostracon version={VERSION}, bits={}, pid={}, just started", usize::BITS, std::process::id());
    warnings.iter().for_each(|w| tracing::warn!("{w}"));
    let _pid_file = PidFile::create(&settings).unwrap_or_else(|e| {
        tracing::warn!("Failed to write PID file: {e}");
        None
    });
    let files = daemon::raise_open_files(settings.maxclients)?;
    files.warnings.iter().for_each(|w| tracing::warn!("{w}"));
    files.notice.iter().for_each(|n| tracing::info!("{n}"));
    settings.maxclients = files.maxclients;
    let workers = workers(&settings);
    let config = Config::new(settings, file);
    let server = Arc::new(Server::new(config, Clock::new(), workers)?);
    greet(&server);
    logging::set_role(Role::Master);
    net::serve(&server).map_err(|e| e.to_string())
}

/// The banner, or its facts in one line.
fn greet(server: &Server) {
    let settings = server.config.current();
    let facts = BannerFacts { pid: std::process::id(), workers: server.workers, shards: server.store.shard_count() };
    if cli::shows_banner(&settings, std::io::stdout().is_terminal()) {
        println!("{}", cli::banner(&settings, facts));
    }
    tracing::info!(
        "Running mode=standalone, port={}, pid={}, workers={}, shards={}.",
        settings.port,
        facts.pid,
        facts.workers,
        facts.shards
    );
}
