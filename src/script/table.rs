//! The table of the server's scripts: their sources by SHA1, and what a shebang says of them.
//!
//! Owns what lasts longer than a Lua state: source, flags, and what was learnt of the keys that a script touches. The table
//! is read when a worker meets a script for the first time and written by SCRIPT LOAD, EVAL and SCRIPT FLUSH; its lock is
//! a leaf.

use bytes::Bytes;
use parking_lot::RwLock;
use sha1::{Digest as _, Sha1};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};

/// The SHA1 of a source.
pub type Sha = [u8; 20];
/// The same in hexadecimal.
pub type Hex = [u8; 40];

bitflags::bitflags! {
    /// What a shebang declares.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct ScriptFlags: u8 {
        /// There is a shebang.
        const DECLARED = 1;
        /// `no-writes`
        const NO_WRITES = 1 << 1;
        /// `allow-oom`
        const ALLOW_OOM = 1 << 2;
        /// `allow-stale`
        const ALLOW_STALE = 1 << 3;
        /// `no-cluster`
        const NO_CLUSTER = 1 << 4;
        /// `allow-cross-slot-keys`
        const CROSS_SLOT = 1 << 5;
    }
}

/// The flags that a shebang may name.
pub(super) const FLAG_NAMES: [(&str, ScriptFlags); 5] = [
    ("no-writes", ScriptFlags::NO_WRITES),
    ("allow-oom", ScriptFlags::ALLOW_OOM),
    ("allow-stale", ScriptFlags::ALLOW_STALE),
    ("no-cluster", ScriptFlags::NO_CLUSTER),
    ("allow-cross-slot-keys", ScriptFlags::CROSS_SLOT),
];

impl ScriptFlags {
    /// The names of those that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        FLAG_NAMES.iter().filter(move |(_, flag)| self.contains(*flag)).map(|(name, _)| *name)
    }
}

/// What is known of the keys that a script touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Learnt {
    /// It has not run yet.
    Nothing = 0,
    /// It has kept to the shards of its declared keys.
    Keeps = 1,
    /// It has touched others.
    Strays = 2,
}

/// A script, or a function of a library.
pub struct Script {
    /// SHA1 of the source; of a function, of its library's code.
    pub sha: Sha,
    /// The same in hexadecimal; a function's name.
    pub name: String,
    /// It is a function: its source is its library's.
    pub is_function: bool,
    /// The source.
    pub source: Bytes,
    /// Where the code begins: behind the shebang's line.
    pub code_at: usize,
    /// What the shebang says.
    pub flags: ScriptFlags,
    learnt: AtomicU8,
    /// SCRIPT LOAD has loaded it.
    stays: AtomicBool,
    /// Runs.
    pub runs: AtomicU64,
    /// Runs that held all shards.
    pub wide_runs: AtomicU64,
}

impl Script {
    /// A script from its source.
    ///
    /// # Errors
    /// What is wrong with the shebang, as the error that the client gets.
    pub fn new(source: Bytes, sha: Sha) -> Result<Self, String> {
        let (code_at, flags) = shebang(&source)?;
        Ok(Self {
            sha,
            name: hex(&sha),
            is_function: false,
            source,
            code_at,
            flags,
            learnt: AtomicU8::new(0),
            stays: AtomicBool::new(false),
            runs: AtomicU64::new(0),
            wide_runs: AtomicU64::new(0),
        })
    }

    /// A function of the library with this code.
    pub(super) fn function(name: String, sha: Sha, flags: ScriptFlags) -> Self {
        Self {
            sha,
            name,
            is_function: true,
            source: Bytes::new(),
            code_at: 0,
            flags,
            learnt: AtomicU8::new(0),
            stays: AtomicBool::new(true),
            runs: AtomicU64::new(0),
            wide_runs: AtomicU64::new(0),
        }
    }

    /// The SHA1 in hexadecimal, of a script that is no function.
    pub(super) fn hex(&self) -> Hex {
        self.name.as_bytes().try_into().unwrap_or([0; 40])
    }

    /// What is known of the keys that it touches.
    pub fn learnt(&self) -> Learnt {
        match self.learnt.load(Relaxed) {
            0 => Learnt::Nothing,
            1 => Learnt::Keeps,
            _ => Learnt::Strays,
        }
    }

    /// Has it kept until SCRIPT FLUSH.
    pub fn keep(&self) {
        self.stays.store(true, Relaxed);
    }

    /// Whether it has touched shards that its declared keys do not lie in.
    pub fn strays(&self) -> bool {
        self.learnt() == Learnt::Strays
    }

    /// Notes whether a run touched shards that its declared keys do not lie in. Once a script has, it counts as one that does.
    pub fn learn(&self, strays: bool) {
        let what = if strays { Learnt::Strays } else { Learnt::Keeps };
        self.learnt.fetch_max(what as u8, Relaxed);
    }
}

/// The SHA1 of a source.
pub fn sha_of(source: &[u8]) -> Sha {
    Sha1::digest(source).into()
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|n| char::from_digit(n.into(), 16).unwrap_or('0')).collect()
}

/// 40 hexadecimal digits as a SHA1.
pub fn parse_sha(text: &[u8]) -> Option<Sha> {
    let mut sha = [0; 20];
    if text.len() != 40 {
        return None;
    }
    for (byte, two) in sha.iter_mut().zip(text.chunks_exact(2)) {
        let digit = |c: u8| char::from(c).to_digit(16);
        *byte = (digit(two[0])? << 4 | digit(two[1])?) as u8;
    }
    Some(sha)
}

/// Where the code begins, and the flags.
fn shebang(source: &[u8]) -> Result<(usize, ScriptFlags), String> {
    let Some(rest) = source.strip_prefix(b"#!") else { return Ok((0, ScriptFlags::default())) };
    let Some(end) = rest.iter().position(|b| *b == b'\n') else {
        return Err("ERR Invalid script shebang".into());
    };
    let mut words = rest[..end].split(u8::is_ascii_whitespace).filter(|w| !w.is_empty());
    let engine = words.next().unwrap_or_default();
    if engine != b"lua" {
        return Err(format!("ERR Unexpected engine in script shebang: #!{}", String::from_utf8_lossy(engine)));
    }
    let mut flags = ScriptFlags::DECLARED;
    for word in words {
        let Some(list) = word.strip_prefix(b"flags=") else {
            return Err(format!("ERR Unknown lua shebang option: {}", String::from_utf8_lossy(word)));
        };
        for name in list.split(|b| *b == b',').filter(|_| !list.is_empty()) {
            match FLAG_NAMES.iter().find(|(known, _)| known.as_bytes() == name) {
                Some((_, flag)) => flags |= *flag,
                None => {
                    return Err(format!("ERR Unexpected flag in script shebang: {}", String::from_utf8_lossy(name)));
                }
            }
        }
    }
    // The line's end stays, so that errors count the lines as the author does.
    Ok((end + 2, flags))
}

/// The last epoch given to a table: no two tables have ever had the same.
static EPOCH: AtomicU64 = AtomicU64::new(0);

pub(super) fn next_epoch() -> u64 {
    EPOCH.fetch_add(1, Relaxed) + 1
}

/// Scripts that came with EVAL and are kept, as in Redis 7.4: programs that put values into their sources would else fill the
/// memory. The eldest goes first; those of SCRIPT LOAD stay.
const OF_EVAL_MAX: usize = 500;

#[derive(Default)]
struct Map {
    scripts: HashMap<Sha, Arc<Script>>,
    /// Those of EVAL, the eldest first; some may have gone, or have been loaded since.
    of_eval: VecDeque<Sha>,
}

/// All scripts of a server.
pub struct Scripts {
    map: RwLock<Map>,
    epoch: AtomicU64,
    /// Those that run.
    pub running: super::RunningScripts,
    /// Runs that held all shards.
    pub wide_runs: AtomicU64,
}

impl Default for Scripts {
    fn default() -> Self {
        Self {
            map: RwLock::default(),
            epoch: AtomicU64::new(next_epoch()),
            running: super::RunningScripts::default(),
            wide_runs: AtomicU64::new(0),
        }
    }
}

impl Scripts {
    /// Names this content of the table: changes when scripts are forgotten.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Relaxed)
    }

    /// A script by its SHA1.
    pub fn get(&self, sha: &Sha) -> Option<Arc<Script>> {
        self.map.read().scripts.get(sha).cloned()
    }

    /// Puts a script in, unless it is there; returns the one that is. `stays`: it was loaded, not called.
    pub fn add(&self, script: Arc<Script>, stays: bool) -> Arc<Script> {
        let mut map = self.map.write();
        let known = Arc::clone(map.scripts.entry(script.sha).or_insert_with(|| Arc::clone(&script)));
        if stays {
            known.stays.store(true, Relaxed);
        } else if Arc::ptr_eq(&known, &script) {
            map.of_eval.push_back(known.sha);
            while map.of_eval.len() > OF_EVAL_MAX
                && let Some(eldest) = map.of_eval.pop_front()
            {
                if map.scripts.get(&eldest).is_some_and(|script| !script.stays.load(Relaxed)) {
                    map.scripts.remove(&eldest);
                }
            }
        }
        known
    }

    /// Forgets all.
    pub fn flush(&self) {
        let old = std::mem::take(&mut *self.map.write());
        self.epoch.store(next_epoch(), Relaxed);
        drop(old);
    }

    /// All scripts.
    pub fn all(&self) -> Vec<Arc<Script>> {
        self.map.read().scripts.values().cloned().collect()
    }

    /// Bytes of their sources and of what is kept of each beside.
    pub fn bytes(&self) -> u64 {
        let of_one = |script: &Arc<Script>| (script.source.len() + script.name.len() + size_of::<Script>()) as u64;
        self.map.read().scripts.values().map(of_one).sum()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.map.read().scripts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(n: usize) -> Arc<Script> {
        let source = format!("return {n}");
        Arc::new(Script::new(Bytes::from(source.clone()), sha_of(source.as_bytes())).unwrap())
    }

    #[test]
    fn scripts_of_eval_are_bounded_and_loaded_ones_stay() {
        let scripts = Scripts::default();
        let (loaded, later) = (scripts.add(script(0), true), scripts.add(script(1), false));
        let epoch = scripts.epoch();
        later.keep();
        (2..2 * OF_EVAL_MAX).for_each(|n| _ = scripts.add(script(n), false));
        assert!(scripts.get(&loaded.sha).is_some() && scripts.get(&later.sha).is_some());
        assert!(scripts.get(&script(2).sha).is_none() && scripts.get(&script(2 * OF_EVAL_MAX - 1).sha).is_some());
        assert!(scripts.len() <= OF_EVAL_MAX + 2 && scripts.epoch() == epoch);
        scripts.flush();
        assert!(scripts.is_empty() && scripts.epoch() != epoch);
    }

    #[test]
    fn shebangs() {
        let flags = |source: &str| shebang(source.as_bytes()).map(|(at, flags)| (source[at..].to_owned(), flags));
        assert_eq!(flags("return 1"), Ok(("return 1".into(), ScriptFlags::default())));
        assert_eq!(flags("#!lua\nx"), Ok(("\nx".into(), ScriptFlags::DECLARED)));
        let both = ScriptFlags::DECLARED | ScriptFlags::NO_WRITES | ScriptFlags::ALLOW_OOM;
        assert_eq!(flags("#!lua  flags=no-writes,allow-oom \n"), Ok(("\n".into(), both)));
        assert_eq!(flags("#!lua"), Err("ERR Invalid script shebang".into()));
        assert_eq!(flags("#!lua x=1\n"), Err("ERR Unknown lua shebang option: x=1".into()));
    }

    #[test]
    fn what_is_learnt_only_grows() {
        let script = script(7);
        assert_eq!(script.learnt(), Learnt::Nothing);
        script.learn(false);
        assert_eq!(script.learnt(), Learnt::Keeps);
        script.learn(true);
        script.learn(false);
        assert!(script.strays());
    }
}
