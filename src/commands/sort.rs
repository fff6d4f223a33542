//! SORT and SORT_RO.
//!
//! Owns their options, where elements and weights come from, and what becomes of the result: a reply or a list at another
//! key. The order is [`crate::types::sort`]'s. What BY and GET lead to are keys made from the elements, which no key
//! specification can name: with such a pattern the whole database is locked, without one the keys that are written out.

use super::string::with_text;
use super::*;
use crate::base::num::parse_i64;
use crate::spec::{Begin, Find, KeyFlags};
use crate::store::{Class, Entry, Expiry, Key};
use crate::types::hash::Hash;
use crate::types::list::{End, List};
use crate::types::packed::ItemText;
use crate::types::set::Set;
use crate::types::sort::{self as types, By, NotANumber, Order, Pattern};
use crate::types::zset::{Range, RankRange, ZSet};
use crate::types::{Collection, TypeTag};

const RO: KeyFlags = KeyFlags::RO.union(KeyFlags::ACCESS);
const STORED: KeyFlags = KeyFlags::OW.union(KeyFlags::UPDATE);

/// Keys that no rule finds.
const fn unknown(flags: KeyFlags) -> KeySpec {
    KeySpec { begin: Begin::Unknown, find: Find::Unknown, flags }
}

const CATEGORIES: Categories =
    Categories::SET.union(Categories::SORTEDSET).union(Categories::LIST).union(Categories::DANGEROUS);

const SORT_SYNTAX: &str = "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC|DESC] [ALPHA] \
     [STORE destination]";
const SORT_RO_SYNTAX: &str = "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC|DESC] [ALPHA]";

pub(super) const TABLE: &[Row] = &[
    write("sort", -2, SORT_SYNTAX, sort)
        .keys(&[KeySpec::one(1, RO), unknown(RO), unknown(STORED)])
        .flags(Flags::DENYOOM.union(Flags::MOVABLEKEYS))
        .locks(Locks::By(locks))
        .acl(CATEGORIES)
        .doc(Group::Generic, "1.0.0", "O(N+M*log(M))", "Sorts a list, a set or a sorted set; returns or stores it."),
    read("sort_ro", -2, SORT_RO_SYNTAX, sort_ro)
        .keys(&[KeySpec::one(1, RO), unknown(RO)])
        .flags(Flags::MOVABLEKEYS)
        .locks(Locks::By(locks))
        .acl(CATEGORIES)
        .doc(Group::Generic, "7.0.0", "O(N+M*log(M))", "Sorts a list, a set or a sorted set and returns it."),
];

/// What SORT is asked for.
struct Options<'a> {
    /// The pattern of the weights; the last one counts.
    by: Option<Pattern<'a>>,
    /// A pattern of BY, whichever, leads nowhere: the order is left alone.
    keep_order: bool,
    /// What is returned for each element; empty: itself.
    get: Vec<Pattern<'a>>,
    order: Order,
    limit: (i64, i64),
    store: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    /// Reads all that follows the key.
    fn parse(args: ArgView<'a>, may_store: bool) -> Result<Self> {
        let order = Order::default();
        let mut all = Self { by: None, keep_order: false, get: Vec::new(), order, limit: (0, -1), store: None };
        let mut words = args.iter().skip(2);
        while let Some(word) = words.next() {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            if is("asc") || is("desc") {
                all.order.desc = is("desc");
            } else if is("alpha") {
                all.order.alpha = true;
            } else if is("limit") && words.len() >= 2 {
                let mut number = || words.next().and_then(parse_i64).ok_or(Error::NotInteger);
                all.limit = (number()?, number()?);
            } else if is("store") && may_store && words.len() >= 1 {
                all.store = words.next();
            } else if is("by") && words.len() >= 1 {
                let pattern = words.next().map(Pattern::parse);
                all.keep_order |= pattern.is_some_and(Pattern::keeps_order);
                all.by = pattern;
            } else if is("get") && words.len() >= 1 {
                all.get.extend(words.next().map(Pattern::parse));
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(all)
    }

    /// Whether it looks at keys that the arguments do not name.
    fn follows_patterns(&self) -> bool {
        let by = self.by.filter(|_| !self.keep_order);
        self.get.iter().copied().chain(by).any(|pattern| !pattern.keeps_order())
    }

    /// The part of `len` elements that is wanted.
    fn wanted(&self, len: usize) -> std::ops::Range<usize> {
        types::limit(self.limit.0, self.limit.1, len)
    }
}

/// The shards beside that of the first key.
fn locks(store: &Store, db: u32, args: ArgView<'_>, set: &mut LockSet) {
    // What cannot be read touches no key.
    let Ok(options) = Options::parse(args, true) else { return };
    if options.follows_patterns() {
        set.database(store, db);
    } else if let Some(key) = options.store {
        set.key(store, db, store.hash(key));
    }
}

/// The index of the key behind STORE in a command that need not be well formed; the last one counts.
pub(super) fn stored_at(command: &[&[u8]]) -> Option<usize> {
    let (mut at, mut found) = (2, None);
    while let Some(word) = command.get(at) {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if is("store") && at + 1 < command.len() {
            found = Some(at + 1);
        }
        at += match () {
            () if is("limit") => 3,
            () if is("by") || is("get") || is("store") => 2,
            () => 1,
        };
    }
    found
}

/// The flags of that key.
pub(super) const STORED_FLAGS: KeyFlags = STORED;

/// Texts, one behind the other.
#[derive(Default)]
struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
    }

    fn slices(&self) -> Vec<&[u8]> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[*start..*end]).collect()
    }
}

/// The elements of a list, set or sorted set. If their order is left alone: those wanted, in order. O(elements).
fn elements(entry: &Entry, options: &Options<'_>) -> Result<Texts> {
    let (mut texts, mut room) = (Texts::default(), ItemText::default());
    let len = entry.elements().unwrap_or(0);
    let wanted = if options.keep_order { options.wanted(len) } else { 0..len };
    let reverse = options.keep_order && options.order.desc;
    match entry.type_tag() {
        TypeTag::List => {
            let list = entry.collection::<List>().ok_or(Error::WrongType)?;
            let (first, last) = (wanted.start as i64, wanted.end as i64 - 1);
            let push = |item: crate::types::packed::Item<'_>| texts.push(item.text(&mut room));
            match (wanted.is_empty(), reverse) {
                (true, _) => {}
                (false, false) => list.range(first, last, push),
                (false, true) => list.range_rev(len as i64 - 1 - last, len as i64 - 1 - first, push),
            }
        }
        TypeTag::Set => {
            // Members are in no order that could be reversed.
            let set = entry.collection::<Set>().ok_or(Error::WrongType)?;
            let members = set.iter().skip(wanted.start).take(wanted.len());
            members.for_each(|member| texts.push(member.text(&mut room)));
        }
        TypeTag::ZSet => {
            let zset = entry.collection::<ZSet>().ok_or(Error::WrongType)?;
            let all = Range::Rank(RankRange { start: 0, stop: -1 });
            zset.iterate(&all, reverse, wanted.start, wanted.len(), |member, _| {
                texts.push(member.text(&mut room));
                true
            });
        }
        TypeTag::String | TypeTag::Hash | TypeTag::Stream => return Err(Error::WrongType),
    }
    Ok(texts)
}

/// Calls `f` with what a pattern leads to from an element, if that is a string or a field's value. `room` is for the key.
fn follow<R>(
    tx: &mut ReadTx<'_>,
    pattern: Pattern<'_>,
    element: &[u8],
    room: &mut Vec<u8>,
    f: impl FnOnce(Option<&[u8]>) -> R,
) -> R {
    if pattern == Pattern::Element {
        return f(Some(element));
    }
    if !pattern.key(element, room) {
        return f(None);
    }
    let (key, now) = (tx.key(room), tx.now());
    let Some(entry) = tx.get(key) else { return f(None) };
    let Some(field) = pattern.field() else {
        return match entry.str() {
            Some(text) => with_text(text, |text| f(Some(text))),
            None => f(None),
        };
    };
    let hash = entry.collection::<Hash>();
    match hash.as_ref().and_then(|hash| hash.get(field, now)) {
        Some(value) => f(Some(value.text(&mut ItemText::default()))),
        None => f(None),
    }
}

/// Calls `f` with the elements in the order asked for; with none where there is no key.
fn sorted<R>(
    tx: &mut ReadTx<'_>,
    key: Key<'_>,
    options: &mut Options<'_>,
    f: impl FnOnce(&mut ReadTx<'_>, &[&[u8]]) -> R,
) -> Result<R> {
    let Some(entry) = tx.get(key) else { return Ok(f(tx, &[])) };
    let stored_set = entry.type_tag() == TypeTag::Set && options.store.is_some();
    if stored_set && options.keep_order {
        // What is stored must come out of a replay alike, and the order of a set's members is a server's own.
        (options.keep_order, options.by, options.order.alpha) = (false, None, true);
    }
    let texts = elements(entry, options)?;
    let mut elements = texts.slices();
    if options.keep_order {
        return Ok(f(tx, &elements));
    }
    let by = match options.by {
        None => By::Elements,
        Some(pattern) => {
            if stored_set && options.order.alpha {
                // Elements whose weights are equal stay as they stand.
                elements.sort_unstable();
            }
            let mut room = Vec::new();
            let weight = |element: &&[u8]| follow(tx, pattern, element, &mut room, |text| text.map(<[u8]>::to_vec));
            By::Weights(elements.iter().map(weight).collect())
        }
    };
    let wanted = options.wanted(elements.len());
    let elements = types::sort(elements, by, options.order, wanted)
        .map_err(|NotANumber| Error::Text("ERR One or more scores can't be converted into double"))?;
    Ok(f(tx, &elements))
}

/// Writes what is returned for each of the elements.
fn reply(tx: &mut ReadTx<'_>, elements: &[&[u8]], get: &[Pattern<'_>], out: &mut Reply<'_>) {
    out.array(elements.len() * get.len().max(1));
    let mut room = Vec::new();
    for element in elements {
        if get.is_empty() {
            out.bulk(element);
        }
        for pattern in get {
            follow(tx, *pattern, element, &mut room, |text| out.bulk_or_null(text));
        }
    }
}

fn sort_ro(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, mut options) = (args.key(), Options::parse(args.view(), false)?);
    let get = std::mem::take(&mut options.get);
    sorted(tx, key, &mut options, |tx, elements| reply(tx, elements, &get, out))
}

fn sort(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, mut options) = (args.key(), Options::parse(args.view(), true)?);
    let get = std::mem::take(&mut options.get);
    let Some(destination) = options.store else {
        return sorted(tx.reader(), key, &mut options, |tx, elements| reply(tx, elements, &get, out));
    };
    let (destination, limits) = (tx.key(destination), super::list::limits(args));
    let list = sorted(tx.reader(), key, &mut options, |tx, elements| {
        let (mut list, mut room) = (List::default(), Vec::new());
        let itself = [Pattern::Element];
        let get = if get.is_empty() { &itself[..] } else { &get };
        for element in elements {
            for pattern in get {
                let push = |text: Option<&[u8]>| list.push(End::Back, text.unwrap_or_default(), limits);
                follow(tx, *pattern, element, &mut room, push);
            }
        }
        list
    })?;
    let len = list.len();
    if len > 0 {
        tx.put_collection(destination, list, Expiry::Clear);
        tx.event(Class::List, "sortstore", destination.bytes);
        tx.dirty(len as u64);
    } else if tx.remove(destination, args.settings().lazyfree_lazy_server_del) {
        tx.event(Class::Generic, "del", destination.bytes);
        tx.dirty(1);
    }
    out.int(len as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_behind_store_is_found_in_any_command() {
        for (line, at) in [
            ("sort l", None),
            ("sort l store", None),
            ("sort l store d", Some(3)),
            ("sort l STORE d store e", Some(5)),
            ("sort l by store desc", None),
            ("sort l get store store d", Some(5)),
            ("sort l limit store store get", None),
            ("sort l bogus store d", Some(4)),
        ] {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            assert_eq!(stored_at(&words), at, "{line}");
        }
    }
}
