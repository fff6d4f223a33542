//! SET and its kin: SETNX, SETEX, PSETEX, GETSET, MSET, MSETNX; and GETEX, which shares SET's expiry options.
//!
//! Owns the grammar of the options and the expiry times. Must not know how a time to live is kept. SET without options
//! is a path of its own that looks at nothing but the number of arguments.
//!
//! A relative time to live is journalled as the moment it ends, a condition that held not at all: a replay may run
//! later, and must not decide anew.

use super::*;

/// When SET sets.
#[derive(Clone, Copy)]
enum Condition<'a> {
    Always,
    Absent,
    Present,
    /// The present string is this one (Valkey's IFEQ).
    Equal(&'a [u8]),
}

/// The option about the time to live, its number unread: syntax errors anywhere go before an invalid number.
#[derive(Clone, Copy)]
enum Ttl<'a> {
    Unsaid,
    Keep,
    Persist,
    Ex(&'a [u8]),
    Px(&'a [u8]),
    ExAt(&'a [u8]),
    PxAt(&'a [u8]),
}

impl<'a> Ttl<'a> {
    /// Reads the number that follows `word`, one of the four options with one.
    fn read(word: &[u8], args: &mut Args<'a>) -> Result<Self> {
        let number = args.next().ok_or(Error::Syntax)?;
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if is("EX") {
            Ok(Ttl::Ex(number))
        } else if is("PX") {
            Ok(Ttl::Px(number))
        } else if is("EXAT") {
            Ok(Ttl::ExAt(number))
        } else if is("PXAT") {
            Ok(Ttl::PxAt(number))
        } else {
            Err(Error::Syntax)
        }
    }

    /// One option may come again, the last number counts; two different ones may not.
    fn then(self, next: Self) -> Result<Self> {
        let fits = matches!(self, Ttl::Unsaid) || std::mem::discriminant(&self) == std::mem::discriminant(&next);
        if fits { Ok(next) } else { Err(Error::Syntax) }
    }

    /// The unix time in milliseconds that the option means; `None` where it names no time.
    fn deadline(self, now: u64, command: &str) -> Result<Option<u64>> {
        let (text, unit, base) = match self {
            Ttl::Unsaid | Ttl::Keep | Ttl::Persist => return Ok(None),
            Ttl::Ex(text) => (text, 1000, now),
            Ttl::Px(text) => (text, 1, now),
            Ttl::ExAt(text) => (text, 1000, 0),
            Ttl::PxAt(text) => (text, 1, 0),
        };
        let number = crate::base::num::parse_i64(text).ok_or(Error::NotInteger)?;
        let base = i64::try_from(base).unwrap_or(i64::MAX);
        let time = Some(number).filter(|n| *n > 0).and_then(|n| n.checked_mul(unit)?.checked_add(base));
        match time {
            Some(time) => Ok(Some(time.unsigned_abs())),
            None => Err(Error::Owned(format!("ERR invalid expire time in '{command}' command"))),
        }
    }
}

/// Sets a key to a string without further ado.
#[inline]
fn put(tx: &mut WriteTx<'_>, key: Key<'_>, value: NewStr<'_>) {
    tx.set(key, encoded(value), Expiry::Clear);
    tx.dirty(1);
    tx.event(Class::String, "set", key.bytes);
}

/// Sets a key to a string that expires at `time`. `text`: the string, for the journal.
fn put_until(tx: &mut WriteTx<'_>, key: Key<'_>, value: NewStr<'_>, text: &[u8], time: u64) {
    tx.set(key, encoded(value), Expiry::At(time));
    tx.dirty(1);
    tx.event(Class::String, "set", key.bytes);
    tx.event(Class::Generic, "expire", key.bytes);
    tx.rewrite(&[b"SET", key.bytes, text, b"PXAT", itoa::Buffer::new().format(time).as_bytes()]);
}

pub(super) fn set(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, value) = (args.key(), args.value());
    if !args.is_empty() {
        return set_with_options(tx, args, key, value, out);
    }
    put(tx, key, value);
    out.ok();
    Ok(())
}

struct SetOptions<'a> {
    condition: Condition<'a>,
    get: bool,
    ttl: Ttl<'a>,
}

impl<'a> SetOptions<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut o = SetOptions { condition: Condition::Always, get: false, ttl: Ttl::Unsaid };
        while let Some(word) = args.next() {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            if is("GET") {
                o.get = true;
            } else if is("KEEPTTL") {
                o.ttl = o.ttl.then(Ttl::Keep)?;
            } else if is("NX") || is("XX") || is("IFEQ") {
                o.condition = match o.condition {
                    Condition::Always | Condition::Absent if is("NX") => Condition::Absent,
                    Condition::Always | Condition::Present if is("XX") => Condition::Present,
                    Condition::Always if is("IFEQ") => Condition::Equal(args.next().ok_or(Error::Syntax)?),
                    _ => return Err(Error::Syntax),
                };
            } else {
                o.ttl = o.ttl.then(Ttl::read(word, args)?)?;
            }
        }
        Ok(o)
    }
}

#[cold]
#[inline(never)]
fn set_with_options(
    tx: &mut WriteTx<'_>,
    args: &mut Args<'_>,
    key: Key<'_>,
    value: NewStr<'_>,
    out: &mut Reply<'_>,
) -> Result {
    let options = SetOptions::parse(args)?;
    let time = options.ttl.deadline(tx.now(), "set")?;
    if options.get {
        // The old string is the reply, whether or not there will be a new one.
        match tx.string(key)? {
            Some(s) => bulk(out, s),
            None => out.null(),
        }
    }
    if !holds(tx, key, options.condition)? {
        if !options.get {
            out.null();
        }
        return Ok(());
    }
    let text = args.view().get(2).unwrap_or_default();
    if let Some(time) = time {
        put_until(tx, key, value, text, time);
    } else if let Ttl::Keep = options.ttl {
        tx.set(key, encoded(value), Expiry::Keep);
        tx.dirty(1);
        tx.event(Class::String, "set", key.bytes);
        tx.rewrite(&[b"SET", key.bytes, text, b"KEEPTTL"]);
    } else {
        put(tx, key, value);
        tx.rewrite(&[b"SET", key.bytes, text]);
    }
    if !options.get {
        out.ok();
    }
    Ok(())
}

fn holds(tx: &mut WriteTx<'_>, key: Key<'_>, condition: Condition<'_>) -> Result<bool> {
    Ok(match condition {
        Condition::Always => true,
        Condition::Absent => tx.peek(key).is_none(),
        Condition::Present => tx.peek(key).is_some(),
        Condition::Equal(text) => tx.string_for_update(key)?.is_some_and(|s| equals(s, text)),
    })
}

pub(super) fn setnx(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, value) = (args.key(), args.value());
    let absent = tx.peek(key).is_none();
    if absent {
        put(tx, key, value);
    }
    out.int(i64::from(absent));
    Ok(())
}

pub(super) fn setex(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    set_for(tx, args, Ttl::Ex, "setex", out)
}

pub(super) fn psetex(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    set_for(tx, args, Ttl::Px, "psetex", out)
}

fn set_for<'a>(
    tx: &mut WriteTx<'_>,
    args: &mut Args<'a>,
    ttl: fn(&'a [u8]) -> Ttl<'a>,
    command: &str,
    out: &mut Reply<'_>,
) -> Result {
    let (key, ttl, value) = (args.key(), ttl(args.bytes()), args.value());
    if let Some(time) = ttl.deadline(tx.now(), command)? {
        let text = args.view().get(3).unwrap_or_default();
        put_until(tx, key, value, text, time);
    }
    out.ok();
    Ok(())
}

pub(super) fn getset(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, value) = (args.key(), args.value());
    match tx.string(key)? {
        Some(s) => bulk(out, s),
        None => out.null(),
    }
    put(tx, key, value);
    tx.rewrite(&[b"SET", key.bytes, args.view().get(2).unwrap_or_default()]);
    Ok(())
}

pub(super) fn getex(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let mut ttl = Ttl::Unsaid;
    while let Some(word) = args.next() {
        let next = if word.eq_ignore_ascii_case(b"PERSIST") { Ttl::Persist } else { Ttl::read(word, args)? };
        ttl = ttl.then(next)?;
    }
    let now = tx.now();
    let Some(s) = tx.string(key)? else {
        out.null();
        return Ok(());
    };
    // A missing key is answered before the number is looked at.
    let time = ttl.deadline(now, "getex")?;
    bulk(out, s);
    match time {
        Some(time) if time <= now => {
            tx.remove(key, args.settings().lazyfree_lazy_expire);
            tx.event(Class::Generic, "del", key.bytes);
            tx.rewrite(&[b"DEL", key.bytes]);
        }
        Some(time) => {
            tx.set_expire(key, Some(time));
            tx.event(Class::Generic, "expire", key.bytes);
            tx.rewrite(&[b"PEXPIREAT", key.bytes, itoa::Buffer::new().format(time).as_bytes()]);
        }
        None if matches!(ttl, Ttl::Persist) && tx.peek(key).is_some_and(|e| e.expire_at().is_some()) => {
            tx.set_expire(key, None);
            tx.event(Class::Generic, "persist", key.bytes);
            tx.rewrite(&[b"PERSIST", key.bytes]);
        }
        None => return Ok(()),
    }
    tx.dirty(1);
    Ok(())
}

pub(super) fn mset(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    pairs(args, "ERR wrong number of arguments for 'mset' command")?;
    put_all(tx, args);
    out.ok();
    Ok(())
}

pub(super) fn msetnx(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    pairs(args, "ERR wrong number of arguments for 'msetnx' command")?;
    let free = args.view().iter().skip(1).step_by(2).all(|bytes| {
        let key = tx.key(bytes);
        tx.peek(key).is_none()
    });
    if free {
        put_all(tx, args);
    }
    out.int(i64::from(free));
    Ok(())
}

/// The arguments must be keys and values.
fn pairs(args: &Args<'_>, error: &'static str) -> Result {
    if args.left().is_multiple_of(2) { Ok(()) } else { Err(Error::Text(error)) }
}

fn put_all(tx: &mut WriteTx<'_>, args: &mut Args<'_>) {
    while !args.is_empty() {
        let (key, value) = (args.key(), args.value());
        put(tx, key, value);
    }
}
