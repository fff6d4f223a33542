//! Values and times to live of fields at once: HGETEX, HSETEX, HGETDEL.
//!
//! Owns the options that may stand before `FIELDS`, in any order, each kind once. A condition that held is not journalled,
//! and a time as absolute milliseconds.

use super::expire::{self, NOT_POSITIVE, Unit, journal, journal_expiry};
use super::*;
use crate::base::num::parse_i64;
use crate::resp::ArgView;
use crate::types::hash::FieldTtl;

/// What is to become of the fields' times to live.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ttl {
    Unsaid,
    Keep,
    Persist,
    /// This unix time in milliseconds.
    At(u64),
}

/// When HSETEX sets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    Always,
    /// None of the fields is there.
    Absent,
    /// All of them are.
    Present,
}

/// One of the two commands with options.
#[derive(Clone, Copy)]
struct Grammar {
    name: &'static str,
    /// The option without a number, and what it means.
    word: (&'static str, Ttl),
    conditions: bool,
    /// Arguments of one field.
    stride: usize,
    only_one: &'static str,
}

const HGETEX: Grammar = Grammar {
    name: "hgetex",
    word: ("persist", Ttl::Persist),
    conditions: false,
    stride: 1,
    only_one: "ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified",
};

const HSETEX: Grammar = Grammar {
    name: "hsetex",
    word: ("keepttl", Ttl::Keep),
    conditions: true,
    stride: 2,
    only_one: "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
};

const UNITS: [(&str, Unit); 4] = [
    ("ex", Unit { ms: 1000, relative: true }),
    ("px", Unit { ms: 1, relative: true }),
    ("exat", Unit { ms: 1000, relative: false }),
    ("pxat", Unit { ms: 1, relative: false }),
];

/// What the arguments behind the key say.
struct Options<'a> {
    ttl: Ttl,
    condition: Condition,
    /// The fields, each with its value where there are values.
    fields: ArgView<'a>,
}

impl<'a> Options<'a> {
    fn parse(args: &mut Args<'a>, grammar: Grammar, now: u64) -> Result<Self> {
        let (mut ttl, mut condition) = (Ttl::Unsaid, Condition::Always);
        while !args.take("fields") {
            let word = if let Some((_, unit)) = UNITS.into_iter().find(|(word, _)| args.take(word)) {
                let n = args.int();
                args.check()?;
                Ttl::At(expire::absolute(n, unit, now, grammar.name)?)
            } else if args.take(grammar.word.0) {
                grammar.word.1
            } else if grammar.conditions && (args.take("fnx") || args.take("fxx")) {
                if condition != Condition::Always {
                    return Err(Error::Text("ERR Only one of FXX or FNX arguments can be specified"));
                }
                let fnx = args.view().get(args.len() - args.left() - 1);
                let absent = fnx.is_some_and(|word| word.eq_ignore_ascii_case(b"fnx"));
                condition = if absent { Condition::Absent } else { Condition::Present };
                continue;
            } else {
                return Err(unknown(args));
            };
            if ttl != Ttl::Unsaid {
                return Err(Error::Text(grammar.only_one));
            }
            ttl = word;
        }
        let count = parse_i64(args.bytes()).and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
        let count = count.ok_or(Error::Text("ERR invalid number of fields"))?;
        let fields = args.view().skip(args.len() - args.left());
        match count.checked_mul(grammar.stride) == Some(fields.len()) {
            true => Ok(Options { ttl, condition, fields }),
            false => Err(Error::Text("ERR wrong number of arguments")),
        }
    }

    /// The fields' names.
    fn names(&self, grammar: Grammar) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.fields.iter().step_by(grammar.stride)
    }
}

/// The error for the next argument, or for there being none.
fn unknown(args: &Args<'_>) -> Error {
    match args.peek() {
        None => Error::Text("ERR missing FIELDS argument"),
        Some(word) => {
            let shown = String::from_utf8_lossy(&word[..word.len().min(128)]);
            Error::Owned(format!("ERR unknown argument: {shown}"))
        }
    }
}

/// The values are those before the change of the times to live.
pub(super) fn hgetex(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, now) = (args.key(), tx.now());
    let Options { ttl, fields, .. } = Options::parse(args, HGETEX, now)?;
    let hash = tx.read::<Hash>(key)?;
    reply_values(out, hash, fields.iter(), now);
    let event = match ttl {
        Ttl::At(at) if at <= now => "hdel",
        Ttl::At(_) => "hexpire",
        Ttl::Persist => "hpersist",
        Ttl::Unsaid | Ttl::Keep => return Ok(()),
    };
    let changed = change(tx, key, Missing::Leave, fields.iter(), |hash| {
        let changed: Vec<&[u8]> = fields
            .iter()
            .filter(|field| match ttl {
                Ttl::At(at) => {
                    hash.contains(field, now) && {
                        hash.set_expire(field, at, now);
                        true
                    }
                }
                _ => matches!(hash.persist(field, now), FieldTtl::At(_)),
            })
            .collect();
        let changes = changed.len() as u64;
        Edit::new(changed, changes, Class::Hash, event)
    })?;
    let changed = changed.unwrap_or_default();
    match ttl {
        _ if changed.is_empty() => {}
        Ttl::At(at) => journal_expiry(tx, key, at, &changed),
        _ => journal(tx, &[b"HPERSIST", key.bytes], true, &changed),
    }
    Ok(())
}

/// Fields that would expire at once are not set, and deleted where they are.
pub(super) fn hsetex(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, limits, now) = (args.key(), limits(args.settings()), tx.now());
    let options = Options::parse(args, HSETEX, now)?;
    let (ttl, fields) = (options.ttl, options.fields);
    let names = || options.names(HSETEX);
    let over = matches!(ttl, Ttl::At(at) if at <= now);
    let done = change(tx, key, Missing::Make, names(), |hash| {
        let holds = match options.condition {
            Condition::Always => true,
            Condition::Absent => !names().any(|field| hash.contains(field, now)),
            Condition::Present => names().all(|field| hash.contains(field, now)),
        };
        if !holds {
            return Edit::unchanged(None);
        }
        if over {
            let gone: Vec<&[u8]> = names().filter(|field| hash.remove(field, now)).collect();
            let changes = gone.len() as u64;
            return Edit::new(Some(gone), changes, Class::Hash, "hset").and_event(Class::Hash, "hdel");
        }
        let mut words = fields.iter();
        while let (Some(field), Some(value)) = (words.next(), words.next()) {
            hash.set(field, value, limits, ttl == Ttl::Keep, now);
            if let Ttl::At(at) = ttl {
                hash.set_expire(field, at, now);
            }
        }
        let edit = Edit::new(Some(Vec::new()), (fields.len() / 2) as u64, Class::Hash, "hset");
        if let Ttl::At(_) = ttl { edit.and_event(Class::Hash, "hexpire") } else { edit }
    })?;
    let Some(gone) = done.flatten() else {
        out.int(0);
        return Ok(());
    };
    if !gone.is_empty() {
        journal(tx, &[b"HDEL", key.bytes], false, &gone);
    } else if !over {
        journal_set(tx, key, ttl, fields);
    }
    out.int(1);
    Ok(())
}

/// Journals HSETEX without its condition, its time as a moment; as HSET where that says it all.
fn journal_set(tx: &mut WriteTx<'_>, key: Key<'_>, ttl: Ttl, fields: ArgView<'_>) {
    let (mut at, mut count) = (itoa::Buffer::new(), itoa::Buffer::new());
    let count = [&b"FIELDS"[..], count.format(fields.len() / 2).as_bytes()];
    let words: &[&[u8]] = match ttl {
        Ttl::At(time) => &[b"HSETEX", key.bytes, b"PXAT", at.format(time).as_bytes()],
        Ttl::Keep => &[b"HSETEX", key.bytes, b"KEEPTTL"],
        Ttl::Unsaid | Ttl::Persist => &[b"HSET", key.bytes],
    };
    let count = if matches!(ttl, Ttl::At(_) | Ttl::Keep) { &count[..] } else { &[] };
    let fields: Vec<&[u8]> = fields.iter().collect();
    tx.rewrite(&[words, count, &fields].concat());
}

pub(super) fn hgetdel(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, now) = (args.key(), tx.now());
    let fields = expire::fields(args, NOT_POSITIVE)?;
    let hash = tx.read::<Hash>(key)?;
    reply_values(out, hash, fields.iter(), now);
    let gone = change(tx, key, Missing::Leave, fields.iter(), |hash| {
        let gone: Vec<&[u8]> = fields.iter().filter(|field| hash.remove(field, now)).collect();
        let changes = gone.len() as u64;
        Edit::new(gone, changes, Class::Hash, "hdel")
    })?;
    let gone = gone.unwrap_or_default();
    if !gone.is_empty() {
        journal(tx, &[b"HDEL", key.bytes], false, &gone);
    }
    Ok(())
}
