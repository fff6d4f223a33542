//! What a transaction on keys records while it changes them, and who listens to it.
//!
//! Owns the scratch record ([`Effects`]) and the traits of the listeners ([`Listeners`]). Only [`super::WriteTx`] (and
//! expiry, which goes through the same door) writes the record; only `exec::commit` reads it. It must not know
//! commands or the wire: an event is a class, a name and a key; a journal entry is a list of byte strings.
//!
//! With nobody listening `Wants` is empty, and recording costs one test of a flag that the transaction holds.

use super::Entry;

bitflags::bitflags! {
    /// Which records somebody listens to; loaded once a command.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Wants: u32 {
        /// The journal (append-only file, replicas).
        const JOURNAL = 1;
        /// Client-side tracking: keys that changed.
        const TRACKING = 1 << 1;
        /// Keyspace notifications.
        const NOTIFY = 1 << 2;
    }
}

bitflags::bitflags! {
    /// What is freed in the background rather than by who removed it (the `lazyfree-lazy-…` directives).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Lazy: u8 {
        /// Values that expired; they are journalled as UNLINK, too.
        const EXPIRE = 1;
        /// Values that another took the place of.
        const SERVER_DEL = 1 << 1;
    }
}

/// Class of a keyspace event, as `notify-keyspace-events` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// `g`: DEL, EXPIRE, RENAME…
    Generic,
    /// `$`: strings.
    String,
    /// `l`: lists.
    List,
    /// `s`: sets.
    Set,
    /// `h`: hashes.
    Hash,
    /// `z`: sorted sets.
    ZSet,
    /// `t`: streams.
    Stream,
    /// `d`: types of modules.
    Module,
    /// `x`: a key expired.
    Expired,
    /// `e`: a key was evicted.
    Evicted,
    /// `n`: a key came to be.
    New,
    /// `m`: a key was asked for and absent.
    Miss,
}

impl Class {
    /// The class as one bit, of the masks that [`Listeners::listen`] takes.
    #[inline]
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A connection that something was left for while shards were held, to be told once none is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its worker.
    pub worker: usize,
    /// What it is known by there.
    pub token: u64,
}

/// One keyspace event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its class.
    pub class: Class,
    /// Its name, such as `set`.
    pub name: &'static str,
    /// Database.
    pub db: u32,
    /// Key.
    pub key: Box<[u8]>,
}

/// A key, with its database.
pub type KeyIn = (u32, Box<[u8]>);

/// A field of a hash that expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiredField {
    /// Database.
    pub db: u32,
    /// Key of the hash.
    pub key: Box<[u8]>,
    /// Field.
    pub field: Box<[u8]>,
}

/// How a command that changed something is to be journalled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rewrite {
    /// As the client sent it.
    #[default]
    Verbatim,
    /// As these commands, each a list of arguments. Empty: not at all.
    As(Vec<Vec<Box<[u8]>>>),
}

/// The record of one command (or of one EXEC's commands, one after the other). Reused by its worker.
#[derive(Default)]
pub struct Effects {
    /// Who listens; set when the transaction opens.
    pub wants: Wants,
    /// What is freed in the background; set when the configuration changes.
    pub lazy: Lazy,
    /// Changes made (Redis's `dirty`).
    pub dirty: u64,
    /// Look-ups by reading commands that found a key.
    pub hits: u64,
    /// … and that found none.
    pub misses: u64,
    /// Keys removed because their time had come.
    pub expired: u64,
    /// Keyspace events, in order. Empty unless wanted.
    pub events: Vec<Event>,
    /// Keys that changed, with their database, in order. Empty unless tracking wants them.
    pub changed: Vec<KeyIn>,
    /// All keys of a database went at once. Not noted unless tracking wants it.
    pub flushed: bool,
    /// Keys that changed and the client that changed each, to be told to who tracks by prefix. [`Effects::reset`] leaves
    /// them: they are told once a command, after the last of `grouped` ones.
    pub broadcast: Vec<(Box<[u8]>, u64)>,
    /// More commands of one EXEC or script follow.
    pub grouped: bool,
    /// What the commands of a group have for the journal so far. It is handed over as a whole at the end: meanwhile others,
    /// of this very thread too, append theirs. [`Effects::reset`] leaves it.
    pub group: Vec<JournalEntry>,
    /// Keys that expired on the way; each goes to the journal as a DEL before the command. Empty unless wanted.
    pub expired_keys: Vec<KeyIn>,
    /// Fields of hashes that expired; each goes to the journal as an HDEL before the command.
    /// Empty unless wanted.
    pub expired_fields: Vec<ExpiredField>,
    /// Number of fields of hashes removed because their time had come.
    pub expired_subkeys: u64,
    /// Keys that clients wait for ([`super::WriteTx::block`]) and that something happened to, each once, in order: to be
    /// looked at once the shards are unlocked. [`Effects::reset`] forgets them, so who runs several commands in one
    /// transaction takes them after each.
    pub ready: Vec<KeyIn>,
    /// How the command is journalled.
    pub rewrite: Rewrite,
    /// What is too large to be freed under a lock.
    pub garbage: Vec<Garbage>,
    /// Connections that messages were left for.
    pub calls: Vec<Call>,
}

/// Values taken out of the store, to be freed after the shards are unlocked.
pub enum Garbage {
    /// One entry; `true`: in the background.
    Entry(Entry, bool),
    /// The tables of a flushed database.
    Tables(Vec<super::Table<Entry>>, bool),
}

impl Effects {
    /// Forgets everything but the capacity, `garbage` and `calls`.
    #[inline]
    pub fn reset(&mut self) {
        self.dirty = 0;
        self.hits = 0;
        self.misses = 0;
        self.expired = 0;
        self.expired_subkeys = 0;
        self.ready.clear();
        if !self.wants.is_empty() {
            self.events.clear();
            self.changed.clear();
            self.flushed = false;
            self.expired_keys.clear();
            self.expired_fields.clear();
            self.rewrite = Rewrite::Verbatim;
        }
    }

    /// Takes over what another record leaves to be done once the shards are unlocked.
    pub fn take_over(&mut self, other: &mut Effects) {
        if !other.garbage.is_empty() {
            self.garbage.append(&mut other.garbage);
        }
        if !other.calls.is_empty() {
            self.calls.append(&mut other.calls);
        }
        if !other.ready.is_empty() {
            self.ready.append(&mut other.ready);
        }
    }
}

/// A command of a group of the journal, with its database.
pub type JournalEntry = (u32, Vec<Box<[u8]>>);

/// Receives the journal: what a replay needs to reach the same dataset. Called with the shards of the command held,
/// so that the order of calls is the order of application for every key.
pub trait Journal: Send + Sync {
    /// One command on database `db`.
    fn append(&self, db: u32, args: &[&[u8]]);
    /// Several commands that belong together (EXEC, a script): a replay runs all or none of them.
    fn append_group(&self, entries: &[JournalEntry]);
}

/// Receives keyspace events.
pub trait Notify: Send + Sync {
    /// One event. Called with the shards of the command held, so messages are only left; who is to be told of one goes
    /// into `calls`.
    fn event(&self, event: &Event, calls: &mut Vec<Call>);
}

/// Everybody that listens to commits. Slots are filled while the server is put together or a feature is switched on;
/// `wants` says which are on, with one relaxed load a command.
#[derive(Default)]
pub struct Listeners {
    wants: std::sync::atomic::AtomicU32,
    /// Classes of events that the notifier listens to.
    classes: std::sync::atomic::AtomicU32,
    journal: std::sync::OnceLock<Box<dyn Journal>>,
    notify: std::sync::OnceLock<Box<dyn Notify>>,
}

impl Listeners {
    /// Who listens now.
    #[inline]
    pub fn wants(&self) -> Wants {
        Wants::from_bits_retain(self.wants.load(std::sync::atomic::Ordering::Relaxed))
    }

    fn switch(&self, what: Wants, on: bool) {
        use std::sync::atomic::Ordering::Relaxed;
        if on {
            self.wants.fetch_or(what.bits(), Relaxed);
        } else {
            self.wants.fetch_and(!what.bits(), Relaxed);
        }
    }

    /// Installs the journal and switches it on; `false` if one was there.
    pub fn set_journal(&self, j: Box<dyn Journal>) -> bool {
        let fresh = self.journal.set(j).is_ok();
        self.switch(Wants::JOURNAL, true);
        fresh
    }

    /// Says whether keys that change are recorded for client-side caching.
    pub fn track(&self, on: bool) {
        self.switch(Wants::TRACKING, on);
    }

    /// Installs the notifier, to which nothing is told before [`Listeners::listen`]; `false` if one was there.
    pub fn set_notify(&self, n: Box<dyn Notify>) -> bool {
        self.notify.set(n).is_ok()
    }

    /// Says which classes of events, [`Class::bit`]s, are told to the notifier: none switches it off.
    pub fn listen(&self, classes: u32) {
        self.classes.store(classes, std::sync::atomic::Ordering::Relaxed);
        self.switch(Wants::NOTIFY, classes != 0);
    }

    /// Whether events of a class are told to the notifier.
    #[inline]
    pub fn hears(&self, class: Class) -> bool {
        self.classes.load(std::sync::atomic::Ordering::Relaxed) & class.bit() != 0
    }

    /// The journal, if any.
    pub fn journal(&self) -> Option<&dyn Journal> {
        self.journal.get().map(|b| &**b)
    }

    /// The notifier, if any.
    pub fn notify(&self) -> Option<&dyn Notify> {
        self.notify.get().map(|b| &**b)
    }
}
