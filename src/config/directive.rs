//! What one directive *is*: a row of the table, and the reading and printing that follow from its kind.
//!
//! Owns the row type, the parsing of a value by kind, and the wire texts of a bad value. Knows no directive by name.
//! A row is plain data and function pointers; `const fn` builders keep the table readable. The kind says which texts
//! are good, the place says where the value lives; the builders pair them, so that they cannot disagree.

use crate::base::num::{parse_i64, parse_memory};

use super::settings::{Amount, Settings};

/// What values a directive takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `yes` or `no`.
    Bool,
    /// A decimal integer within bounds.
    Int {
        /// Least value.
        min: i64,
        /// Greatest value.
        max: i64,
    },
    /// An octal integer up to a bound, as in file modes.
    Octal {
        /// Greatest value.
        max: u32,
    },
    /// Bytes, with an optional unit (`kb`, `1k`, `mb`, …).
    Memory {
        /// Least value.
        min: u64,
        /// Greatest value.
        max: u64,
    },
    /// Bytes, or a percentage of `maxmemory`.
    MemoryOrPercent,
    /// One of some words.
    Enum(&'static [&'static str]),
    /// Any of some words; the first stands for none of the others.
    Flags(&'static [&'static str]),
    /// A string, which may have a check of its own.
    Text,
    /// A grammar of its own.
    Special,
}

/// What the server has to do once a directive has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Nothing: readers take the new value from the settings.
    Nothing,
    /// Enter the working directory.
    Dir,
    /// Open and close listening sockets.
    Listeners,
    /// Make room for the number of clients (open files), or refuse.
    MaxClients,
    /// Set the logger's level.
    LogLevel,
    /// Reset the timers of background work.
    Hz,
    /// Change the default user's password.
    Password,
    /// Bring the slow log to its new length.
    SlowLog,
    /// Tell the store its limits: memory, policy, encodings.
    Store,
    /// Start or stop the latency histograms.
    LatencyTracking,
    /// Tell pub/sub its limit and the keyspace events to publish.
    PubSub,
    /// Write the out-of-memory score.
    OomScore,
    /// Restart with another number of threads or shards: never at run time.
    Workers,
}

/// Whether CONFIG SET may change a directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutability {
    /// At any time.
    Modifiable,
    /// Only in the file or on the command line.
    Immutable,
    /// Only where `enable-protected-configs` lets it.
    Protected,
}

/// Where a directive's value lives in [`Settings`].
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// Its canonical text in `Settings::kept`.
    Kept,
    Bool(fn(&Settings) -> bool, fn(&mut Settings, bool)),
    Int(fn(&Settings) -> i64, fn(&mut Settings, i64)),
    Memory(fn(&Settings) -> u64, fn(&mut Settings, u64)),
    Amount(fn(&Settings) -> Amount, fn(&mut Settings, Amount)),
    Choice(fn(&Settings) -> usize, fn(&mut Settings, usize)),
    Text(fn(&Settings) -> &str, fn(&mut Settings, &str)),
    Special(fn(&Settings) -> String, fn(&mut Settings, &[&str]) -> Result<(), String>),
    /// Kept, but with a grammar: words in, canonical text out.
    KeptSpecial(fn(&[&str]) -> Result<String, String>),
}

/// A check or adjustment beyond the kind.
#[derive(Clone, Copy)]
pub(super) enum Check {
    /// Refuses texts, with the wire text of the refusal.
    Text(fn(&str) -> Result<(), String>),
    /// Refuses `yes` or `no`.
    Bool(fn(bool) -> Result<(), String>),
    /// Brings bytes to a value that can be had.
    Memory(fn(u64) -> u64),
}

/// One row of the table.
#[derive(Clone, Copy)]
pub struct Directive {
    /// Name, in lower case.
    pub name: &'static str,
    /// Other names, older or newer, that mean the same.
    pub aliases: &'static [&'static str],
    /// What values it takes.
    pub kind: Kind,
    /// Redis 7.2's default, as CONFIG GET prints it.
    pub default: &'static str,
    /// Whether CONFIG SET may change it.
    pub mutability: Mutability,
    /// What the server does after a change.
    pub effect: Effect,
    /// What it is for, one line.
    pub summary: &'static str,
    /// True where nothing acts on it in this release; the value is checked and kept.
    pub later: bool,
    /// CONFIG GET shows it only when asked by its exact name.
    pub hidden: bool,
    /// Takes several words; a single one is split at its blanks.
    pub multi: bool,
    /// Lines of a file add up instead of replacing each other.
    pub accumulates: bool,
    /// A line of the file that is no parameter: unknown to CONFIG.
    pub file_only: bool,
    pub(super) place: Place,
    pub(super) check: Option<Check>,
    /// The lines of a rewritten file, without the keyword; `None` is one line of the value.
    pub(super) lines: Option<fn(&Settings) -> Vec<String>>,
}

impl Directive {
    /// Every name: the row's own, then the aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// The value as CONFIG GET prints it.
    pub fn get(&self, settings: &Settings) -> String {
        match self.place {
            Place::Kept | Place::KeptSpecial(_) => {
                settings.kept.get(self.name).cloned().unwrap_or_else(|| self.default.to_owned())
            }
            Place::Bool(get, _) => yes_no(get(settings)).to_owned(),
            Place::Int(get, _) => match self.kind {
                Kind::Octal { .. } => format!("{:o}", get(settings)),
                _ => get(settings).to_string(),
            },
            Place::Memory(get, _) => get(settings).to_string(),
            Place::Amount(get, _) => match get(settings) {
                Amount::Bytes(bytes) => bytes.to_string(),
                Amount::Percent(percent) => format!("{percent}%"),
            },
            Place::Choice(get, _) => match self.kind {
                Kind::Enum(words) => words.get(get(settings)).copied().unwrap_or_default().to_owned(),
                _ => String::new(),
            },
            Place::Text(get, _) => get(settings).to_owned(),
            Place::Special(get, _) => get(settings),
        }
    }

    /// Checks a value, given as words, and puts it into the settings.
    ///
    /// A directive that takes several words also takes them as one, each separated by one space. On an error, which is the
    /// text that Redis gives, the settings are unchanged.
    pub fn set(&self, settings: &mut Settings, words: &[&str]) -> Result<(), String> {
        if self.multi {
            if let [one] = words {
                let split: Vec<&str> = if one.is_empty() { Vec::new() } else { one.split(' ').collect() };
                return self.set_words(settings, &split);
            }
            return self.set_words(settings, words);
        }
        match (self.file_only, words) {
            (true, _) | (false, [_]) => self.set_words(settings, words),
            _ => Err("wrong number of arguments".to_owned()),
        }
    }

    fn set_words(&self, settings: &mut Settings, words: &[&str]) -> Result<(), String> {
        if let Place::Special(_, set) = self.place {
            return set(settings, words);
        }
        if let Place::KeptSpecial(canonical) = self.place {
            let text = canonical(words)?;
            self.keep(settings, text);
            return Ok(());
        }
        let mut value = self.kind.parse(words)?;
        match (self.check, &mut value) {
            (Some(Check::Text(check)), Value::Text(text)) => check(text)?,
            (Some(Check::Bool(check)), Value::Bool(on)) => check(*on)?,
            (Some(Check::Memory(adjust)), Value::Memory(bytes)) => *bytes = adjust(*bytes),
            _ => {}
        }
        match (self.place, value) {
            (Place::Bool(_, set), Value::Bool(on)) => set(settings, on),
            (Place::Int(_, set), Value::Int(n)) => set(settings, n),
            (Place::Memory(_, set), Value::Memory(bytes)) => set(settings, bytes),
            (Place::Amount(_, set), Value::Memory(bytes)) => set(settings, Amount::Bytes(bytes)),
            (Place::Amount(_, set), Value::Percent(percent)) => set(settings, Amount::Percent(percent)),
            (Place::Choice(_, set), Value::Choice(i)) => set(settings, i),
            (Place::Text(_, set), Value::Text(text)) => set(settings, &text),
            (Place::Kept, value) => self.keep(settings, value.canonical(self.kind)),
            // The builders pair kinds and places, and a test sets every row, so that this cannot be met.
            _ => return Err("directive without a place".to_owned()),
        }
        Ok(())
    }

    fn keep(&self, settings: &mut Settings, text: String) {
        if text == self.default {
            settings.kept.remove(self.name);
        } else {
            settings.kept.insert(self.name, text);
        }
    }
}

/// A checked value, before it is put in its place.
#[derive(Debug, PartialEq)]
enum Value {
    Bool(bool),
    Int(i64),
    Memory(u64),
    Percent(u64),
    Choice(usize),
    Flags(u32),
    Text(String),
}

impl Value {
    fn canonical(self, kind: Kind) -> String {
        match (self, kind) {
            (Value::Bool(on), _) => yes_no(on).to_owned(),
            (Value::Int(n), Kind::Octal { .. }) => format!("{n:o}"),
            (Value::Int(n), _) => n.to_string(),
            (Value::Memory(n), _) => n.to_string(),
            (Value::Percent(n), _) => format!("{n}%"),
            (Value::Choice(i), Kind::Enum(words)) => words.get(i).copied().unwrap_or_default().to_owned(),
            (Value::Flags(bits), Kind::Flags(words)) => flag_words(bits, words),
            (Value::Choice(_) | Value::Flags(_), _) => String::new(),
            (Value::Text(text), _) => text,
        }
    }
}

/// `yes` or `no`.
pub(super) fn yes_no(on: bool) -> &'static str {
    if on { "yes" } else { "no" }
}

fn flag_words(bits: u32, words: &[&str]) -> String {
    let set: Vec<&str> = (1..words.len()).filter(|i| bits >> i & 1 == 1).map(|i| words[i]).collect();
    if set.is_empty() { words.first().copied().unwrap_or_default().to_owned() } else { set.join(" ") }
}

fn between(min: impl std::fmt::Display, max: impl std::fmt::Display) -> String {
    format!("argument must be between {min} and {max} inclusive")
}

impl Kind {
    fn parse(self, words: &[&str]) -> Result<Value, String> {
        let word = words.first().copied().unwrap_or_default();
        match self {
            Kind::Bool => parse_bool(word).map(Value::Bool),
            Kind::Int { min, max } => {
                let n = parse_i64(word.as_bytes()).ok_or("argument couldn't be parsed into an integer")?;
                if n < min || n > max { Err(between(min, max)) } else { Ok(Value::Int(n)) }
            }
            Kind::Octal { max } => {
                let n = i64::from_str_radix(word, 8).map_err(|_| "argument couldn't be parsed as an octal number")?;
                if n < 0 || n > i64::from(max) { Err(between(0, format!("{max:o}"))) } else { Ok(Value::Int(n)) }
            }
            Kind::Memory { min, max } => {
                let n = memory_of(word).ok_or("argument must be a memory value")?;
                if n < min || n > max { Err(between(min, max)) } else { Ok(Value::Memory(n)) }
            }
            Kind::MemoryOrPercent => parse_memory_or_percent(word),
            Kind::Enum(names) => position(names, word).map(Value::Choice).ok_or_else(|| one_of(names)),
            Kind::Flags(names) => parse_flags(words, names).map(Value::Flags),
            Kind::Text | Kind::Special => Ok(Value::Text(word.to_owned())),
        }
    }
}

fn parse_bool(word: &str) -> Result<bool, String> {
    if word.eq_ignore_ascii_case("yes") {
        Ok(true)
    } else if word.eq_ignore_ascii_case("no") {
        Ok(false)
    } else {
        Err("argument must be 'yes' or 'no'".to_owned())
    }
}

/// Bytes with a unit; no text at all is 0, as Redis has it.
fn memory_of(word: &str) -> Option<u64> {
    if word.is_empty() { Some(0) } else { parse_memory(word) }
}

fn parse_memory_or_percent(word: &str) -> Result<Value, String> {
    let bad = || "argument must be a memory or percent value".to_owned();
    let Some(number) = word.strip_suffix('%') else {
        return memory_of(word).map(Value::Memory).ok_or_else(bad);
    };
    match parse_i64(number.as_bytes()) {
        Some(n) if n > 100 => Err("percentage argument must be less or equal to 100".to_owned()),
        Some(n) if n >= 0 => Ok(Value::Percent(n.unsigned_abs())),
        _ => Err(bad()),
    }
}

fn parse_flags(words: &[&str], names: &[&str]) -> Result<u32, String> {
    let mut bits = 0;
    for word in words {
        let i = position(names, word).ok_or_else(|| one_of(names))?;
        // The first word stands for "none of them" and has no bit.
        bits |= if i == 0 { 0 } else { 1 << i };
    }
    if words.is_empty() { Err(one_of(names)) } else { Ok(bits) }
}

fn position(names: &[&str], word: &str) -> Option<usize> {
    names.iter().position(|name| name.eq_ignore_ascii_case(word))
}

fn one_of(names: &[&str]) -> String {
    format!("argument(s) must be one of the following: {}", names.join(", "))
}
