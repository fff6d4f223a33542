//! The server: everything that connections share, put together.
//!
//! Owns the composition: store, configuration, commands, statistics, the registry of clients, the monitors, the
//! shutdown. Each part has its own lock or none; the registry's mutex is taken at connect and disconnect and by CLIENT
//! LIST and KILL only. It must not know sockets or handlers.

mod late;
mod pause;
mod pubsub;
mod tracking;

pub use late::Late;
pub use pause::Pause;
pub use pubsub::{PubSub, Seat};
pub use tracking::Tracking;

use crate::base::clock::Clock;
use crate::base::rng::random_hex;
use crate::client::{Mailbox, Shared};
use crate::commands::Commands;
use crate::config::{Config, Effect, Settings};
use crate::script::{Functions, Scripts};
use crate::stats::Stats;
use crate::store::{Access, Call, DEFAULT_SHARDS, Store};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use tokio::sync::Notify;

/// This server's own version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Everything that connections share.
pub struct Server {
    /// The dataset.
    pub store: Store,
    /// The configuration.
    pub config: Config,
    /// The commands.
    pub commands: Commands,
    /// The figures.
    pub stats: Stats,
    /// The clients.
    pub clients: Clients,
    /// Clients in MONITOR mode.
    pub monitors: Monitors,
    /// Clients that have subscribed, and to what.
    pub pubsub: Arc<PubSub>,
    /// Clients that cache, and what.
    pub tracking: Tracking,
    /// Scripts by their SHA1.
    pub scripts: Scripts,
    /// Libraries of functions.
    pub functions: Functions,
    /// What waits for a busy script to end.
    late: late::LateList,
    /// Whether clients are held back.
    pub pause: Pause,
    /// The workers' mailboxes, each entered by its worker.
    pub mailboxes: Box<[OnceLock<Arc<Mailbox>>]>,
    /// How it ends.
    pub shutdown: Shutdown,
    /// Time.
    pub clock: Clock,
    /// 40 hexadecimal digits of this process.
    pub run_id: String,
    /// Unix time in milliseconds of the start.
    pub started_ms: u64,
    /// Worker threads.
    pub workers: usize,
    /// What the periodic work tells of itself.
    pub expiry: ExpiryFigures,
    /// Whether the active expiry runs (DEBUG SET-ACTIVE-EXPIRE).
    pub active_expire: AtomicBool,
    /// Carries out what a change of the configuration asks for: listeners, log level, directory, limits of the
    /// process. Set once, by whoever owns them; without it those changes only change the settings.
    pub on_config: OnceLock<OnConfig>,
    /// Replication id: 40 hexadecimal digits that name this history of the dataset.
    repl_id: Mutex<String>,
}

/// See [`Server::on_config`]: one effect against the settings that ask for it; an error refuses the change.
pub type OnConfig = Box<dyn Fn(Effect, &Settings) -> Result<(), String> + Send + Sync>;

impl Server {
    /// A server with this configuration and nothing in its store. `workers` as resolved from the configuration.
    ///
    /// # Errors
    /// A text for the start's error: `rename-command` names a command that there is not.
    pub fn new(config: Config, clock: Clock, workers: usize) -> Result<Self, &'static str> {
        let settings = config.current();
        let shards = if settings.shards == 0 { DEFAULT_SHARDS } else { settings.shards };
        let commands = Commands::renamed(&settings.renamed_commands)?;
        let store = Store::new(settings.databases as usize, shards, None, clock.clone());
        let pubsub = Arc::new(PubSub::default());
        pubsub.configure(&settings, &store.listeners);
        let tracking = Tracking::default();
        tracking.configure(&settings);
        Ok(Self {
            store,
            pubsub,
            tracking,
            scripts: Scripts::default(),
            functions: Functions::default(),
            late: late::LateList::default(),
            pause: Pause::default(),
            mailboxes: (0..workers).map(|_| OnceLock::new()).collect(),
            stats: Stats::new(workers, commands.len()),
            commands,
            clients: Clients::default(),
            monitors: Monitors::default(),
            shutdown: Shutdown::default(),
            run_id: hex_id(&clock),
            started_ms: clock.unix_ms(),
            config,
            workers,
            expiry: ExpiryFigures { hz: AtomicU64::new(settings.hz.into()), ..ExpiryFigures::default() },
            active_expire: AtomicBool::new(true),
            on_config: OnceLock::new(),
            repl_id: Mutex::new(hex_id(&clock)),
            clock,
        })
    }

    /// The replication id.
    pub fn repl_id(&self) -> String {
        self.repl_id.lock().clone()
    }

    /// Takes a new replication id (DEBUG CHANGE-REPL-ID).
    pub fn change_repl_id(&self) {
        *self.repl_id.lock() = hex_id(&self.clock);
    }

    /// Carries out an effect of CONFIG SET against the settings `new`, which are not in force yet.
    ///
    /// # Errors
    /// Why it cannot be had; the change is refused with this text.
    pub fn apply(&self, effect: Effect, new: &Settings) -> Result<(), String> {
        match effect {
            Effect::PubSub => {
                PubSub::configure(&self.pubsub, new, &self.store.listeners);
                self.tracking.configure(new);
            }
            Effect::SlowLog => self.stats.slowlog.cut(new.slowlog_max_len),
            // Workers read these from the settings.
            Effect::Nothing | Effect::Password | Effect::Store | Effect::LatencyTracking => {}
            _ => return self.on_config.get().map_or(Ok(()), |apply| apply(effect, new)),
        }
        Ok(())
    }

    /// Has connections looked at that messages were left for. Not while a shard is held: each worker is woken, once, which
    /// may be a system call.
    pub fn tell(&self, calls: &mut Vec<Call>) {
        while let Some(&Call { worker, .. }) = calls.last() {
            if let Some(mailbox) = self.mailboxes.get(worker).and_then(OnceLock::get) {
                mailbox.put_all(calls.iter().filter(|call| call.worker == worker).map(|call| call.token));
            }
            calls.retain(|call| call.worker != worker);
        }
    }

    /// CONFIG RESETSTAT: all counters that INFO shows as totals.
    pub fn reset_stats(&self) {
        self.stats.reset();
        self.clients.accepted.store(0, Relaxed);
        self.clients.rejected.store(0, Relaxed);
        self.clients.evicted.store(0, Relaxed);
        self.expiry.reset();
        self.store.reaper.reset();
    }

    /// The access clock that the configuration asks for.
    pub fn access(&self, settings: &Settings, now_ms: u64) -> Access {
        if settings.maxmemory_policy.is_lfu() {
            Access::lfu(now_ms, settings.lfu_log_factor, settings.lfu_decay_time)
        } else {
            Access::lru(now_ms)
        }
    }
}

/// 40 random hexadecimal digits; without the system's randomness, the time.
fn hex_id(clock: &Clock) -> String {
    random_hex(20).unwrap_or_else(|_| format!("{:040x}", clock.unix_us()))
}

/// Figures of the periodic work, which alone writes them.
#[derive(Debug, Default)]
pub struct ExpiryFigures {
    /// Ticks a second at the moment: `hz`, or more with many clients.
    pub hz: AtomicU64,
    /// Times that the active expiry ran out of its time.
    pub capped: AtomicU64,
    /// Nanoseconds that it took so far.
    pub ns: AtomicU64,
    /// Bits of an `f64`: percentage of keys that should be gone among those with a time to live.
    stale: AtomicU64,
}

impl ExpiryFigures {
    /// Percentage of expired keys among those with a time to live, as the active expiry has met them lately.
    pub fn stale_percent(&self) -> f64 {
        f64::from_bits(self.stale.load(Relaxed))
    }

    /// Takes what one tick has met into the running mean, at a twentieth of the weight.
    pub(crate) fn note_stale(&self, gone: u64, seen: u64) {
        let percent = if seen == 0 { 0.0 } else { 100.0 * gone as f64 / seen as f64 };
        self.stale.store((percent * 0.05 + self.stale_percent() * 0.95).to_bits(), Relaxed);
    }

    /// CONFIG RESETSTAT.
    fn reset(&self) {
        [&self.capped, &self.ns, &self.stale].into_iter().for_each(|n| n.store(0, Relaxed));
    }
}

/// The registry of clients.
#[derive(Default)]
pub struct Clients {
    next: AtomicU64,
    map: Mutex<BTreeMap<u64, Arc<Shared>>>,
    connected: AtomicUsize,
    /// Connections accepted so far.
    pub accepted: AtomicU64,
    /// Clients that wait in a blocking command.
    pub blocked: AtomicU64,
    /// Clients that wait in a blocking command for some time at most.
    pub timed: AtomicU64,
    /// Connections refused by `maxclients`.
    pub rejected: AtomicU64,
    /// Clients closed by `maxmemory-clients`.
    pub evicted: AtomicU64,
}

impl Clients {
    /// A new client number.
    pub fn next_id(&self) -> u64 {
        self.next.fetch_add(1, Relaxed) + 1
    }

    /// Enters a client.
    pub fn add(&self, client: &Arc<Shared>) {
        self.map.lock().insert(client.id, Arc::clone(client));
        self.connected.fetch_add(1, Relaxed);
        self.accepted.fetch_add(1, Relaxed);
    }

    /// Strikes a client out.
    pub fn remove(&self, id: u64) {
        if self.map.lock().remove(&id).is_some() {
            self.connected.fetch_sub(1, Relaxed);
        }
    }

    /// A client by its number.
    pub fn get(&self, id: u64) -> Option<Arc<Shared>> {
        self.map.lock().get(&id).cloned()
    }

    /// All clients, by number.
    pub fn all(&self) -> Vec<Arc<Shared>> {
        self.map.lock().values().cloned().collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.connected.load(Relaxed)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Clients in MONITOR mode.
#[derive(Default)]
pub struct Monitors {
    count: AtomicUsize,
    list: Mutex<Vec<Arc<Shared>>>,
}

impl Monitors {
    /// Whether anybody monitors: one relaxed load a command.
    #[inline]
    pub fn any(&self) -> bool {
        self.count.load(Relaxed) > 0
    }

    /// Adds a client.
    pub fn add(&self, client: &Arc<Shared>) {
        let mut list = self.list.lock();
        list.push(Arc::clone(client));
        self.count.store(list.len(), Relaxed);
    }

    /// Removes a client.
    pub fn remove(&self, id: u64) {
        let mut list = self.list.lock();
        list.retain(|c| c.id != id);
        self.count.store(list.len(), Relaxed);
    }

    /// Sends a line to all of them; one for which more than `limit` bytes wait, in its inbox and for its socket, is
    /// closed.
    pub fn feed(&self, line: &bytes::Bytes, limit: usize) {
        for client in self.list.lock().iter() {
            let waiting = client.post(line.clone()) + client.output.load(Relaxed);
            if waiting > limit && !client.kill.load(Relaxed) {
                tracing::warn!("Client {} ({}) closed for overcoming of output buffer limits", client.id, client.addr);
                client.close();
            }
        }
    }
}

/// How the server ends: somebody asks once, the main task waits for it.
#[derive(Default)]
pub struct Shutdown {
    asked: AtomicBool,
    notify: Notify,
}

impl Shutdown {
    /// Asks the server to end.
    pub fn ask(&self) {
        self.asked.store(true, Relaxed);
        self.notify.notify_one();
    }

    /// Whether somebody asked.
    pub fn asked(&self) -> bool {
        self.asked.load(Relaxed)
    }

    /// Waits until somebody asks.
    pub async fn wait(&self) {
        while !self.asked() {
            self.notify.notified().await;
        }
    }
}
