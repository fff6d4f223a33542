//! The store's table against `hashbrown::HashTable` over the same entries.
//!
//! ```text
//! cargo bench --bench store              # 1, 3, 5 and 10 million keys: about two minutes
//! cargo bench --bench store -- 1 5       # 1 and 5 million
//! ```
//!
//! **Method.**  Each row is a process of its own, so that resident memory is the row's alone.  It
//! fills a vector of tables, each in a line-padded shard, from one thread without locks, then
//! looks up keys in random order that are there and keys that are not; a hit also reads the
//! value's length.  Keys and hashes are made in batches outside the timed parts.  `mixed`
//! keys are 8 to 47 bytes long, their values 0 to 63; `16/32` is a key of 16 bytes with a value
//! of 32.  The allocator is jemalloc, as in the server.
//!
//! Times are CPU times of the thread, but for the pauses, so that a busy machine disturbs them less
//! (it still shares caches and memory: compare rows of one run).
//!
//! **Columns.**  `insert`: million inserts a second, blocks included.  `hit`, `miss`: ns a look-up.
//! `hit+p`: the same with batches of 16 whose slots, then entries are prefetched, as the pipeline
//! does (only our table offers it).  `array`, `blocks`: bytes a key of the arrays and of the
//! entries' blocks.  `alloc`, `rss`: bytes a key that jemalloc counts and that the kernel counts
//! (the latter includes freed pages the allocator has not given back yet).  `pause`: the longest
//! insert, of those that changed an array, in µs of wall time; on a machine that does other things
//! it shows the scheduler's time slices.  `grow`: the median, over the shards, of those inserts
//! that led to the largest array: what the last and longest growth costs when nothing interferes.
//! `cpu`: the longest group of 16 inserts one of which changed an array, in µs of the thread's CPU
//! time: no insert can have been held up for longer by the table itself.
//!
//! Compare rows of one number of keys.  The shard count to choose has a pause far below 2 ms at 10
//! million keys, no loss in the other columns, and headers (128 bytes a shard) that stay in L2.

use std::env;
use std::error::Error;
use std::hash::BuildHasher;
use std::hint::black_box;
use std::process::Command;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use nix::time::ClockId;
use ostracon::store::{Entry, NewStr, StrRef};
use ostracon::store::{Table, prefetch_slot};
use quanta::Clock;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const MILLIONS: [usize; 4] = [1, 3, 5, 10];
const SHARDS: [usize; 5] = [1, 16, 256, 1024, 4096];
const LOOKUPS: usize = 1 << 20;
/// Keys made at a time.
const BATCH: usize = 8192;
/// Commands the pipeline prefetches for at a time.
const AHEAD: usize = 16;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    if let [row, table, keys, count, shards] = &args[..]
        && row == "--row"
    {
        let keys = if keys == "mixed" { Keys::Mixed } else { Keys::Fixed };
        let (count, shards) = (count.parse()?, shards.parse()?);
        return match &table[..] {
            "ours" => measure::<Table<Entry>>(table, keys, count, shards),
            _ => measure::<HashTable<Entry>>(table, keys, count, shards),
        };
    }
    let mut millions: Vec<usize> = args.iter().filter_map(|a| a.parse().ok()).collect();
    if millions.is_empty() {
        millions = MILLIONS.to_vec();
    }
    println!(
        "{:<10}{:<7}{:>5}{:>7}{:>8}{:>7}{:>7}{:>7}{:>7}{:>8}{:>7}{:>7}{:>9}{:>9}{:>9}",
        "table",
        "keys",
        "Mkeys",
        "shards",
        "insert",
        "hit",
        "miss",
        "hit+p",
        "array",
        "blocks",
        "alloc",
        "rss",
        "pause",
        "grow",
        "cpu"
    );
    for m in millions {
        for shards in SHARDS {
            row("ours", "mixed", m, shards)?;
            if shards == 1 || shards == 1024 {
                row("hashbrown", "mixed", m, shards)?;
            }
        }
        row("ours", "16/32", m, 1024)?;
        row("hashbrown", "16/32", m, 1024)?;
    }
    Ok(())
}

/// One row, in a process of its own.
fn row(table: &str, keys: &str, millions: usize, shards: usize) -> Result<(), Box<dyn Error>> {
    let (count, shards) = ((millions * 1_000_000).to_string(), shards.to_string());
    let exe = env::current_exe()?;
    let status = Command::new(exe).args(["--row", table, keys, &count, &shards]).status()?;
    if status.success() { Ok(()) } else { Err(format!("{table}: {status}").into()) }
}

#[derive(Clone, Copy, PartialEq)]
enum Keys {
    Mixed,
    Fixed,
}

/// Keys and their hashes, made ahead of a timed part.
struct Batch {
    keys: Keys,
    state: FixedState,
    text: Vec<u8>,
    /// Offset, length, hash.
    made: Vec<(usize, usize, u64)>,
}

impl Batch {
    fn new(keys: Keys) -> Batch {
        Batch { keys, state: FixedState::with_seed(1), text: Vec::new(), made: Vec::new() }
    }

    /// The keys of the given numbers; equal numbers have equal keys.
    fn make(&mut self, ids: impl Iterator<Item = u64>) {
        self.text.clear();
        self.made.clear();
        for id in ids {
            let at = self.text.len();
            let mut digits = itoa::Buffer::new();
            let digits = digits.format(id).as_bytes();
            let pad = match self.keys {
                Keys::Mixed => (mix(id) % 40) as usize + 8,
                Keys::Fixed => 16,
            };
            self.text.extend_from_slice(digits);
            self.text.resize(at + pad.max(digits.len()), b'.');
            let hash = self.state.hash_one(&self.text[at..]);
            self.made.push((at, self.text.len() - at, hash));
        }
    }

    fn key(&self, i: usize) -> (u64, &[u8]) {
        let (at, len, hash) = self.made[i];
        (hash, &self.text[at..at + len])
    }
}

/// SplitMix64's output function.
fn mix(id: u64) -> u64 {
    let z = id.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A table under test.  Shards are chosen by the upper half of a hash.
trait Map: Default {
    const PREFETCHES: bool;
    fn insert(&mut self, hash: u64, e: Entry);
    fn get(&self, hash: u64, key: &[u8]) -> Option<&Entry>;
    fn prefetch_slot(&self, hash: u64);
    fn prefetch_entry(&self, hash: u64);
    fn array_bytes(&self) -> usize;
    fn entries(&self) -> impl Iterator<Item = &Entry>;
}

impl Map for Table<Entry> {
    const PREFETCHES: bool = true;
    fn insert(&mut self, hash: u64, e: Entry) {
        Table::insert(self, hash as u32, e, 0);
    }
    #[inline]
    fn get(&self, hash: u64, key: &[u8]) -> Option<&Entry> {
        self.find(hash as u32, key).map(|p| self.entry(p))
    }
    #[inline]
    fn prefetch_slot(&self, hash: u64) {
        prefetch_slot(self.hint(), hash as u32);
    }
    #[inline]
    fn prefetch_entry(&self, hash: u64) {
        Table::prefetch_entry(self, hash as u32);
    }
    fn array_bytes(&self) -> usize {
        self.bytes()
    }
    fn entries(&self) -> impl Iterator<Item = &Entry> {
        std::iter::successors(self.first_from(0), |&p| self.next(p)).map(|p| self.entry(p))
    }
}

impl Map for HashTable<Entry> {
    const PREFETCHES: bool = false;
    fn insert(&mut self, hash: u64, e: Entry) {
        let state = FixedState::with_seed(1);
        self.insert_unique(hash, e, |e| state.hash_one(e.key()));
    }
    #[inline]
    fn get(&self, hash: u64, key: &[u8]) -> Option<&Entry> {
        self.find(hash, |e| e.key() == key)
    }
    fn prefetch_slot(&self, _: u64) {}
    fn prefetch_entry(&self, _: u64) {}
    fn array_bytes(&self) -> usize {
        self.allocation_size()
    }
    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.iter()
    }
}

#[derive(Default)]
#[repr(align(128))]
struct Shard<M>(M);

struct Store<M> {
    shards: Vec<Shard<M>>,
    mask: usize,
}

impl<M: Map> Store<M> {
    #[inline]
    fn shard(&self, hash: u64) -> &M {
        &self.shards[(hash >> 32) as usize & self.mask].0
    }
}

/// Fills a store and prints its row.
fn measure<M: Map>(name: &str, keys: Keys, count: usize, shards: usize) -> Result<(), Box<dyn Error>> {
    let (resident, allocated) = (resident()?, allocated()?);
    let mut store = Store { shards: (0..shards).map(|_| Shard::<M>::default()).collect(), mask: shards - 1 };
    let fill = fill(&mut store, keys, count);
    let per_key = |bytes: usize| bytes as f64 / count as f64;
    let alloc = per_key(self::allocated()?.saturating_sub(allocated));
    let rss = per_key(self::resident()?.saturating_sub(resident));
    let n = count as u64;
    let hit = look_up(&store, keys, 0, n, false);
    let miss = look_up(&store, keys, n, n, false);
    let ahead = if M::PREFETCHES { look_up(&store, keys, 0, n, true) } else { f64::NAN };
    let array = per_key(store.shards.iter().map(|s| s.0.array_bytes()).sum());
    let entries = store.shards.iter().flat_map(|s| s.0.entries());
    let blocks = per_key(entries.map(Entry::alloc_bytes).sum());
    let keys = if keys == Keys::Mixed { "mixed" } else { "16/32" };
    println!(
        "{name:<10}{keys:<7}{:>5}{shards:>7}{:>8.2}{hit:>7.0}{miss:>7.0}{ahead:>7.0}{array:>7.1}\
         {blocks:>8.1}{alloc:>7.1}{rss:>7.1}{:>9.0}{:>9.0}{:>9.0}",
        count / 1_000_000,
        count as f64 / fill.seconds / 1e6,
        fill.pause_max,
        fill.grow,
        fill.cpu_max
    );
    // The process ends here; dropping millions of blocks first would only take time.
    std::mem::forget(store);
    Ok(())
}

struct Fill {
    seconds: f64,
    /// µs.
    pause_max: f64,
    grow: f64,
    cpu_max: f64,
}

/// Inserts the keys `0..count`.
fn fill<M: Map>(store: &mut Store<M>, keys: Keys, count: usize) -> Fill {
    let clock = Clock::new();
    let mut batch = Batch::new(keys);
    let value = [b'v'; 64];
    let mut seconds = 0.0;
    let (mut pauses, mut cpu_max) = (Vec::new(), 0.0_f64);
    for first in (0..count).step_by(BATCH) {
        let n = BATCH.min(count - first);
        batch.make((first..first + n).map(|id| id as u64));
        let batch_start = cpu_seconds();
        let (mut group_start, mut known) = (thread_micros(), pauses.len());
        for i in 0..n {
            let (hash, key) = batch.key(i);
            let vlen = if keys == Keys::Fixed { 32 } else { (hash >> 50) as usize % 64 };
            let shard = &mut store.shards[(hash >> 32) as usize & store.mask].0;
            let bytes = shard.array_bytes();
            let start = clock.raw();
            shard.insert(hash, Entry::new(key, NewStr::Slice(&value[..vlen]), None, 0));
            let end = clock.raw();
            if shard.array_bytes() != bytes {
                let pause = clock.delta_as_nanos(start, end);
                pauses.push((shard.array_bytes(), pause));
            }
            if i % AHEAD == AHEAD - 1 || i == n - 1 {
                let now = thread_micros();
                if pauses.len() > known {
                    cpu_max = cpu_max.max(now - group_start);
                }
                (group_start, known) = (now, pauses.len());
            }
        }
        seconds += cpu_seconds() - batch_start;
    }
    let pause_max = pauses.iter().map(|p| p.1).max().unwrap_or(0) as f64 / 1e3;
    let largest = pauses.iter().map(|p| p.0).max().unwrap_or(0);
    let mut last: Vec<u64> = pauses.iter().filter(|p| p.0 == largest).map(|p| p.1).collect();
    last.sort_unstable();
    let grow = last.get(last.len() / 2).map_or(0.0, |&ns| ns as f64 / 1e3);
    Fill { seconds, pause_max, grow, cpu_max }
}

/// CPU time of this thread in µs.
fn thread_micros() -> f64 {
    let time = ClockId::CLOCK_THREAD_CPUTIME_ID.now().map_or(0, |time| time.num_nanoseconds());
    time as f64 / 1e3
}

/// Looks up random keys of `from..from + count` and returns ns a look-up.
fn look_up<M: Map>(store: &Store<M>, keys: Keys, from: u64, count: u64, ahead: bool) -> f64 {
    let mut batch = Batch::new(keys);
    let (mut seconds, mut found, mut id) = (0.0, 0, from);
    for _ in 0..LOOKUPS / BATCH {
        batch.make((0..BATCH).map(|_| {
            id = mix(id);
            from + id % count
        }));
        let start = cpu_seconds();
        for group in (0..BATCH).step_by(AHEAD) {
            let group = group..group + AHEAD;
            if ahead {
                for (hash, _) in group.clone().map(|i| batch.key(i)) {
                    store.shard(hash).prefetch_slot(hash);
                }
                for (hash, _) in group.clone().map(|i| batch.key(i)) {
                    store.shard(hash).prefetch_entry(hash);
                }
            }
            for (hash, key) in group.map(|i| batch.key(i)) {
                if let Some(e) = store.shard(hash).get(hash, key) {
                    found += 1;
                    black_box(match e.str() {
                        Some(StrRef::Inline(s)) => s.len(),
                        _ => 0,
                    });
                }
            }
        }
        seconds += cpu_seconds() - start;
    }
    assert_eq!(found, if from == 0 { LOOKUPS } else { 0 }, "keys got lost or made up");
    seconds * 1e9 / LOOKUPS as f64
}

/// CPU time of this thread, to the microsecond.
fn cpu_seconds() -> f64 {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_THREAD) else {
        return f64::NAN;
    };
    let seconds = |t: TimeVal| t.tv_sec() as f64 + t.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}

/// Bytes resident, from the kernel.
fn resident() -> Result<usize, Box<dyn Error>> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: usize = statm.split(' ').nth(1).ok_or("statm")?.parse()?;
    Ok(pages * 4096)
}

/// Bytes allocated, from jemalloc.
fn allocated() -> Result<usize, Box<dyn Error>> {
    tikv_jemalloc_ctl::epoch::advance().map_err(|e| e.to_string())?;
    Ok(tikv_jemalloc_ctl::stats::allocated::read().map_err(|e| e.to_string())?)
}
