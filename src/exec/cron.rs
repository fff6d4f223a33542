//! The periodic work: active expiry, and closing clients that are idle, too slow, or take too much memory together.
//!
//! Owns how hard it works, not when it is called: the main thread calls [`Cron::tick`] every [`Cron::period`]. Each tick
//! sweeps a bounded sample of the keys with a time to live and goes on only while so many of them had expired that it
//! is worth it, and never for more than its share of the period; the shards are locked one at a time, for the few
//! microseconds of a [`Store::sweep`](crate::store::Store::sweep) step. Removals are committed like any change, so they
//! reach the journal; then, with no shard held, who waits for a key that went is served, which XREADGROUP takes for an
//! error. With `maxmemory-clients` each tick also adds up what all clients take, and closes the largest of them while that
//! is too much. It must not know timers or sockets: a client is closed by asking its worker to.

use super::{Worker, commit};
use crate::client::{ClientFlags, Shared};
use crate::config::Settings;
use crate::resp::OwnedCommand;
use crate::server::Server;
use crate::store::{Context, Effects, SweepPosition, Swept};
use smallvec::SmallVec;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Clients a tick; with more of them `dynamic-hz` ticks faster.
const CLIENTS_PER_TICK: u64 = 200;
/// The fastest that it ticks.
const HZ_MAX: u64 = 500;
/// Keys with a time to live that decide whether a tick goes on, at the least effort.
const SAMPLE: u64 = 400;
/// Entries looked at for such a sample where few have a time to live.
const SAMPLE_SLOTS: u64 = 16_384;
/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;
/// Nanoseconds from one sample of the rates to the next.
const RATES: u64 = SECOND / 10;

/// The periodic work's own state.
pub struct Cron {
    position: SweepPosition,
    effects: Effects,
    /// What is committed is nobody's command.
    no_command: OwnedCommand,
    /// When the work of once a second is due, on the monotonic clock.
    second_ns: u64,
    /// When the rates are sampled next, monotonic nanoseconds.
    sample_ns: u64,
    /// Serves who waits for a key whose time came; made when the first one does.
    serving: Option<Box<Worker>>,
}

impl Default for Cron {
    fn default() -> Self {
        Self::new()
    }
}

/// Share of the time, sample and threshold that `active-expire-effort` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Effort {
    /// Nanoseconds a tick.
    budget_ns: u64,
    /// Keys with a time to live that make a sample.
    sample: u64,
    /// Percentage of expired ones in it up to which the tick ends.
    stale_percent: u64,
}

impl Effort {
    /// 25 to 43 % of the period, 10 to 1 % of stale keys, for an effort of 1 to 10.
    fn new(settings: &Settings, period: Duration) -> Self {
        let effort = u64::from(settings.active_expire_effort.clamp(1, 10)) - 1;
        Self {
            budget_ns: period.as_nanos() as u64 / 100 * (25 + 2 * effort),
            sample: SAMPLE + SAMPLE / 4 * effort,
            stale_percent: 10 - effort,
        }
    }
}

/// What has been looked at since the last decision to go on.
#[derive(Default)]
struct Sample {
    looked: u64,
    seen: u64,
    gone: u64,
}

impl Sample {
    fn add(&mut self, swept: Swept) {
        self.looked += u64::from(swept.looked);
        self.seen += u64::from(swept.seen) + u64::from(swept.fields_seen);
        self.gone += u64::from(swept.gone) + u64::from(swept.fields_gone);
    }

    fn is_whole(&self, effort: Effort) -> bool {
        self.seen >= effort.sample || self.looked >= SAMPLE_SLOTS
    }

    fn is_worth_more(&self, effort: Effort) -> bool {
        self.gone * 100 > self.seen * effort.stale_percent
    }
}

/// Times to live met in one tick: database, milliseconds added up, keys.
type Ttls = SmallVec<[(u32, u128, u64); 4]>;

impl Cron {
    /// At the start of the keyspace.
    pub fn new() -> Self {
        Self {
            position: SweepPosition::default(),
            effects: Effects::default(),
            no_command: OwnedCommand::new([&b""[..]]),
            second_ns: 0,
            sample_ns: 0,
            serving: None,
        }
    }

    /// The time from one tick to the next: 1/`hz` seconds, less where `dynamic-hz` is on and clients are many.
    pub fn period(server: &Server) -> Duration {
        let settings = server.config.current();
        let hz = ticks_per_second(&settings, server.clients.len() as u64);
        server.expiry.hz.store(hz, Relaxed);
        Duration::from_nanos(SECOND / hz)
    }

    /// One tick. Takes at most its share of the period (a quarter at the least effort).
    pub fn tick(&mut self, server: &Arc<Server>) {
        let settings = server.config.current();
        self.effects.lazy = commit::lazy(&settings);
        // While clients are paused nothing goes by itself, not even its time having come.
        if server.active_expire.load(Relaxed) && server.pause.until(server.clock.mono_ns(), true).is_none() {
            let start = server.clock.mono_ns();
            self.expire(server, &settings);
            let ns = server.clock.mono_ns().saturating_sub(start);
            server.expiry.ns.fetch_add(ns, Relaxed);
            let ms = ns / 1_000_000;
            if settings.latency_monitor_threshold > 0 && ms >= settings.latency_monitor_threshold {
                server.stats.latency.note("expire-cycle", ms, server.clock.unix_ms() / 1000);
            }
        }
        if server.tracking.clients() > 0 {
            let max = usize::try_from(settings.tracking_table_max_keys).unwrap_or(usize::MAX);
            server.tracking.tick(max, &mut self.effects.calls);
            server.tell(&mut self.effects.calls);
        }
        let most = settings.maxmemory_clients.of(settings.maxmemory);
        if most > 0 {
            evict_clients(server, most);
        }
        let now = server.clock.mono_ns();
        if now >= self.sample_ns {
            self.sample_ns = now + RATES;
            server.stats.sample(now);
        }
        if now >= self.second_ns {
            self.second_ns = now + SECOND;
            each_second(server, &settings);
        }
    }

    /// Active expiry: sample after sample, as long as it is worth it and there is time.
    fn expire(&mut self, server: &Arc<Server>, settings: &Settings) {
        let effort = Effort::new(settings, Self::period(server));
        let (start, now_ms) = (server.clock.mono_ns(), server.clock.unix_ms());
        let context = Context { db: 0, now: now_ms, access: server.access(settings, now_ms), no_touch: true };
        let (mut sample, mut ttls) = (Sample::default(), Ttls::new());
        let (mut whole, mut seen, mut gone) = (self.position == SweepPosition::default(), 0, 0);
        let mut fields = 0;
        loop {
            let swept = self.step(server, context);
            if swept.wrapped {
                // From the start to the end is everything; from the middle with nothing seen, not worth another round.
                if whole || seen + fields == 0 {
                    break;
                }
                whole = true;
                continue;
            }
            seen += u64::from(swept.seen);
            gone += u64::from(swept.gone);
            fields += u64::from(swept.fields_seen);
            note_ttl(&mut ttls, swept);
            sample.add(swept);
            if sample.is_whole(effort) {
                if !sample.is_worth_more(effort) {
                    break;
                }
                sample = Sample::default();
            }
            if server.clock.mono_ns() - start >= effort.budget_ns {
                server.expiry.capped.fetch_add(1, Relaxed);
                break;
            }
        }
        server.expiry.note_stale(gone, seen);
        for (db, sum, keys) in ttls {
            if let (Some(db), true) = (server.store.existing(db), keys > 0) {
                db.sample_ttl(Some((sum / u128::from(keys)) as u64));
            }
        }
    }

    /// One step of the sweep, committed; what is large is freed with no shard held.
    fn step(&mut self, server: &Arc<Server>, context: Context) -> Swept {
        let (stats, nobody) = (server.stats.background(), self.no_command.view());
        let swept = server.store.sweep(&mut self.position, context, &mut self.effects, |tx| {
            commit::commit(server, stats, tx, 0, nobody);
        });
        if !self.effects.garbage.is_empty() {
            commit::dispose(server, &mut self.effects);
        }
        server.tell(&mut self.effects.calls);
        if !self.effects.ready.is_empty() {
            let ready = std::mem::take(&mut self.effects.ready);
            let serving = self.serving.get_or_insert_with(|| Box::new(Worker::in_background(Arc::clone(server))));
            serving.tick();
            serving.serve(server, ready);
        }
        swept
    }
}

fn note_ttl(ttls: &mut Ttls, swept: Swept) {
    let keys = u64::from(swept.seen - swept.gone);
    match ttls.last_mut() {
        Some(last) if last.0 == swept.db => {
            last.1 += swept.ttl_ms;
            last.2 += keys;
        }
        _ => ttls.push((swept.db, swept.ttl_ms, keys)),
    }
}

/// Ticks a second: `hz`, doubled while there are more than [`CLIENTS_PER_TICK`] clients for one tick.
fn ticks_per_second(settings: &Settings, clients: u64) -> u64 {
    let mut hz = u64::from(settings.hz).clamp(1, HZ_MAX);
    while settings.dynamic_hz && hz < HZ_MAX && clients / hz > CLIENTS_PER_TICK {
        hz = (hz * 2).min(HZ_MAX);
    }
    hz
}

/// The work of once a second.
fn each_second(server: &Server, settings: &Settings) {
    for (_, db) in server.store.used() {
        if db.avg_ttl() > 0 && db.volatile_len() == 0 {
            db.sample_ttl(None);
        }
    }
    let limits = &settings.client_output_buffer_limit;
    let subscribers = limits.pubsub.soft > 0 && server.pubsub.clients.load(Relaxed) > 0;
    if settings.timeout == 0 && limits.normal.soft == 0 && !subscribers {
        return;
    }
    let now_ms = server.clock.unix_ms();
    for client in server.clients.all() {
        if is_idle(&client, settings, now_ms) {
            tracing::debug!("Closing idle client {} ({})", client.id, client.addr);
            client.close();
        } else if is_too_slow(&client, settings, now_ms) {
            tracing::warn!("Client {} ({}) closed for overcoming of output buffer limits", client.id, client.addr);
            client.close();
        }
    }
}

/// Closes clients, the largest first, until all of them together take at most `most` bytes. Those that asked for
/// CLIENT NO-EVICT stay, but count.
fn evict_clients(server: &Server, most: u64) {
    let mut clients: Vec<(u64, Arc<Shared>)> = server
        .clients
        .all()
        .into_iter()
        .filter(|client| !client.kill.load(Relaxed))
        .map(|client| (client.memory() as u64, client))
        .collect();
    let mut sum: u64 = clients.iter().map(|(bytes, _)| bytes).sum();
    if sum <= most {
        return;
    }
    clients.retain(|(_, client)| !client.flags().contains(ClientFlags::NO_EVICT));
    clients.sort_unstable_by_key(|(bytes, client)| (std::cmp::Reverse(*bytes), client.id));
    for (bytes, client) in clients {
        if sum <= most {
            break;
        }
        sum -= bytes;
        tracing::info!("Evicting client {} ({}) of {bytes} bytes", client.id, client.addr);
        server.clients.evicted.fetch_add(1, Relaxed);
        client.close();
    }
}

/// Whether a client has done nothing for more than `timeout` seconds. Monitors and subscribers only listen and blocked
/// clients only wait, so they are never idle.
fn is_idle(client: &Shared, settings: &Settings, now_ms: u64) -> bool {
    let since = (now_ms / 1000).saturating_sub(client.active_ms.load(Relaxed) / 1000);
    settings.timeout > 0
        && since > settings.timeout
        && !client.flags().intersects(ClientFlags::MONITOR | ClientFlags::BLOCKED | ClientFlags::PUBSUB)
}

/// Whether a client's waiting replies have been over the soft limit for more than its seconds. Notes when that began
/// and ended, too: messages of others wait without the connection's doing.
fn is_too_slow(client: &Shared, settings: &Settings, now_ms: u64) -> bool {
    let limit = settings.client_output_buffer_limit.of(client.flags().contains(ClientFlags::PUBSUB));
    let waiting = client.output.load(Relaxed) + client.mail_bytes();
    let since_ms = client.soft_since.load(Relaxed);
    if limit.soft == 0 || waiting as u64 <= limit.soft {
        if since_ms != 0 {
            client.soft_since.store(0, Relaxed);
        }
        return false;
    }
    if since_ms == 0 {
        client.soft_since.store(now_ms.max(1), Relaxed);
        return false;
    }
    (now_ms / 1000).saturating_sub(since_ms / 1000) > limit.soft_seconds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;
    use crate::config::Config;
    use crate::store::{Expiry, Journal, Key, NewStr};
    use parking_lot::Mutex;

    fn server(settings: Settings) -> (Arc<Server>, Clock) {
        let clock = Clock::manual();
        clock.set_unix_ms(1_000_000);
        (Arc::new(Server::new(Config::new(settings, None), clock.clone(), 1).expect("no renames")), clock)
    }

    fn fill(server: &Server, db: u32, keys: std::ops::Range<u32>, expiry: Expiry) {
        for i in keys {
            let bytes = format!("k{i}");
            let key = Key { bytes: bytes.as_bytes(), hash: server.store.hash(bytes.as_bytes()) };
            let now = server.clock.unix_ms();
            let context = Context { db, now, access: server.access(&server.config.current(), now), no_touch: false };
            let mut effects = Effects::default();
            server.store.begin_one(key.hash, context, &mut effects).set(key, NewStr::Int(1), expiry);
        }
    }

    fn at(server: &Server, ms: u64) -> Expiry {
        Expiry::At(server.clock.unix_ms() + ms)
    }

    #[test]
    fn untouched_keys_go_and_are_counted() {
        let (server, clock) = server(Settings::default());
        fill(&server, 0, 0..5000, at(&server, 50));
        fill(&server, 3, 0..3000, at(&server, 50));
        fill(&server, 3, 3000..3100, Expiry::Clear);
        let mut cron = Cron::new();
        cron.tick(&server);
        assert_eq!(server.store.len(), 8100);
        clock.advance(Duration::from_millis(50));
        cron.tick(&server);
        assert_eq!((server.store.db(0).len(), server.store.db(3).len()), (0, 100));
        assert_eq!(server.stats.background().expired.get(), 8000);
        assert_eq!(server.expiry.capped.load(Relaxed), 0);
    }

    #[test]
    fn it_can_be_switched_off() {
        let (server, clock) = server(Settings::default());
        fill(&server, 0, 0..100, at(&server, 1));
        clock.advance(Duration::from_millis(2));
        server.active_expire.store(false, Relaxed);
        Cron::new().tick(&server);
        assert_eq!(server.store.len(), 100);
        server.active_expire.store(true, Relaxed);
        Cron::new().tick(&server);
        assert!(server.store.is_empty());
    }

    /// With few stale keys a tick looks at one sample; the next ticks go on from there until all have gone.
    #[test]
    fn few_stale_keys_are_no_hurry_but_go() {
        let (server, clock) = server(Settings::default());
        fill(&server, 0, 0..1000, at(&server, 1));
        fill(&server, 0, 1000..20_000, at(&server, 1_000_000));
        clock.advance(Duration::from_millis(2));
        let mut cron = Cron::new();
        cron.tick(&server);
        let left = server.store.len();
        assert!((19_800..20_000).contains(&left), "{left}");
        let mut ticks = 1;
        while server.store.len() > 19_000 {
            cron.tick(&server);
            ticks += 1;
            assert!(ticks < 100);
        }
        assert!(ticks > 20, "{ticks}");
    }

    /// A journal whose every entry takes a millisecond of the manual clock.
    struct Slow(Clock, Arc<Mutex<Vec<String>>>);

    impl Journal for Slow {
        fn append(&self, db: u32, args: &[&[u8]]) {
            self.0.advance(Duration::from_millis(1));
            let words: Vec<_> = args.iter().map(|a| String::from_utf8_lossy(a).into_owned()).collect();
            self.1.lock().push(format!("{db} {}", words.join(" ")));
        }
        fn append_group(&self, _: &[crate::store::JournalEntry]) {}
    }

    #[test]
    fn a_tick_has_its_time_and_removals_reach_the_journal() {
        let (server, clock) = server(Settings::default());
        fill(&server, 0, 0..200, at(&server, 1));
        clock.advance(Duration::from_millis(2));
        let lines = Arc::new(Mutex::new(Vec::new()));
        server.store.listeners.set_journal(Box::new(Slow(clock.clone(), Arc::clone(&lines))));
        let mut cron = Cron::new();
        cron.tick(&server);
        // A quarter of 100 ms; steps end between shards, which hold a key or two each.
        let gone = 200 - server.store.len();
        assert!((25..30).contains(&gone), "{gone}");
        assert_eq!((lines.lock().len() as u64, server.expiry.capped.load(Relaxed)), (gone, 1));
        while !server.store.is_empty() {
            cron.tick(&server);
        }
        let mut lines = lines.lock().clone();
        lines.sort();
        lines.dedup();
        assert_eq!(lines.len(), 200);
        assert!(lines.contains(&"0 DEL k7".to_owned()));
    }

    #[test]
    fn lazily_freed_keys_are_journalled_as_unlink() {
        let (server, clock) = server(Settings::default());
        server.config.set(&[("lazyfree-lazy-expire", "yes")], true).unwrap();
        fill(&server, 2, 0..1, at(&server, 1));
        clock.advance(Duration::from_millis(2));
        let lines = Arc::new(Mutex::new(Vec::new()));
        server.store.listeners.set_journal(Box::new(Slow(clock.clone(), Arc::clone(&lines))));
        Cron::new().tick(&server);
        assert_eq!(*lines.lock(), ["2 UNLINK k0"]);
    }

    #[test]
    fn effort_scales_time_sample_and_threshold() {
        let mut settings = Settings::default();
        let period = Duration::from_millis(100);
        let least = Effort { budget_ns: 25_000_000, sample: 400, stale_percent: 10 };
        assert_eq!(Effort::new(&settings, period), least);
        settings.active_expire_effort = 10;
        let most = Effort { budget_ns: 43_000_000, sample: 1300, stale_percent: 1 };
        assert_eq!(Effort::new(&settings, period), most);
        let sample = Sample { looked: 500, seen: 400, gone: 40 };
        assert!(sample.is_whole(least) && !sample.is_worth_more(least));
        assert!(!sample.is_whole(most) && sample.is_worth_more(most));
    }

    #[test]
    fn many_clients_tick_faster() {
        let mut settings = Settings::default();
        assert_eq!(ticks_per_second(&settings, 0), 10);
        assert_eq!(ticks_per_second(&settings, 2009), 10);
        assert_eq!(ticks_per_second(&settings, 2010), 20);
        assert_eq!(ticks_per_second(&settings, 1_000_000), 500);
        settings.dynamic_hz = false;
        assert_eq!(ticks_per_second(&settings, 1_000_000), 10);
        let (server, _) = server(Settings::default());
        assert_eq!(Cron::period(&server), Duration::from_millis(100));
    }

    #[test]
    fn the_mean_time_to_live_is_estimated() {
        let (server, clock) = server(Settings::default());
        fill(&server, 1, 0..100, at(&server, 20_000));
        let mut cron = Cron::new();
        cron.tick(&server);
        assert_eq!(server.store.db(1).avg_ttl(), 20_000);
        assert_eq!(server.store.existing(0).map_or(0, |db| db.avg_ttl()), 0);
        clock.advance(Duration::from_secs(10));
        cron.tick(&server);
        assert_eq!(server.store.db(1).avg_ttl(), 19_800);
        clock.advance(Duration::from_secs(20));
        cron.tick(&server);
        assert_eq!(server.store.db(1).avg_ttl(), 0);
    }

    fn client(server: &Server, id: u64) -> Arc<Shared> {
        let client = Arc::new(Shared::new(id, String::new(), String::new(), 0, 0, server.clock.unix_ms()));
        server.clients.add(&client);
        client
    }

    #[test]
    fn idle_clients_are_closed_and_monitors_and_blocked_ones_are_not() {
        let (server, clock) = server(Settings::default());
        server.config.set(&[("timeout", "5")], true).unwrap();
        let [idle, busy, monitor, blocked] = [1, 2, 3, 4].map(|id| client(&server, id));
        monitor.set_flag(ClientFlags::MONITOR, true);
        blocked.set_flag(ClientFlags::BLOCKED, true);
        let mut cron = Cron::new();
        for _ in 0..50 {
            clock.advance(Duration::from_millis(100));
            cron.tick(&server);
        }
        assert!(!idle.kill.load(Relaxed), "5 s are not more than 5 s");
        busy.active_ms.store(clock.unix_ms(), Relaxed);
        for _ in 0..20 {
            clock.advance(Duration::from_millis(100));
            cron.tick(&server);
        }
        assert_eq!([&idle, &busy, &monitor, &blocked].map(|c| c.kill.load(Relaxed)), [true, false, false, false]);
    }

    #[test]
    fn clients_over_the_soft_limit_have_its_seconds() {
        let (server, clock) = server(Settings::default());
        server.config.set(&[("client-output-buffer-limit", "normal 0 100 3")], true).unwrap();
        let (slow, recovers, fed) = (client(&server, 1), client(&server, 2), client(&server, 3));
        slow.output.store(101, Relaxed);
        recovers.output.store(101, Relaxed);
        fed.post(bytes::Bytes::from(vec![b'x'; 101]));
        let mut cron = Cron::new();
        let mut run = |seconds| {
            for _ in 0..seconds {
                clock.advance(Duration::from_secs(1));
                cron.tick(&server);
            }
            [&slow, &recovers, &fed].map(|c| c.kill.load(Relaxed))
        };
        assert_eq!(run(4), [false; 3]);
        recovers.output.store(100, Relaxed);
        assert_eq!(run(1), [true, false, true]);
        recovers.output.store(200, Relaxed);
        assert_eq!(run(4), [true, false, true]);
        assert_eq!(run(1), [true; 3]);
    }
}
