//! The commands of positions on the globe: their rows, and the handlers that add and read positions.
//!
//! Owns the table of the family, how positions and lengths are written in arguments and replies. A set of positions is
//! a sorted set whose scores are cells. Searches are in [`search`]; the arithmetic is [`crate::types::geo`]'s.

mod search;

use super::zset::{limits, store};
use super::*;
use crate::base::num::{LongDouble, parse_f64, parse_i64};
use crate::resp::Proto;
use crate::spec::{Begin, Find, KeyFlags};
use crate::store::{Class, Edit, Key};
use crate::types::geo::{Point, Unit, format_distance};
use crate::types::zset::{AddFlags, Outcome, ZSet};
use smallvec::SmallVec;

const RO_ACCESS: KeyFlags = KeyFlags::RO.union(KeyFlags::ACCESS);
const STORED: KeyFlags = KeyFlags::OW.union(KeyFlags::UPDATE);

const RO_KEY: &[KeySpec] = &[KeySpec::one(1, RO_ACCESS)];
const RW_KEY: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RW.union(KeyFlags::UPDATE))];
const STORE_KEY: &[KeySpec] = &[KeySpec::one(1, STORED), KeySpec::one(2, RO_ACCESS)];
const RADIUS_KEYS: &[KeySpec] = &[KeySpec::one(1, RO_ACCESS), behind("STORE", 6), behind("STOREDIST", 6)];
const BY_MEMBER_KEYS: &[KeySpec] = &[KeySpec::one(1, RO_ACCESS), behind("STORE", 5), behind("STOREDIST", 5)];

/// The key behind a keyword.
const fn behind(word: &'static str, from: i16) -> KeySpec {
    KeySpec { begin: Begin::Keyword(word, from), find: Find::Range { last: 0, step: 1, limit: 0 }, flags: STORED }
}

const NONE: Flags = Flags::empty();
const DENYOOM: Flags = Flags::DENYOOM;
const STORES: Flags = DENYOOM.union(Flags::MOVABLEKEYS);

const ADD: &str = "key [NX|XX] [CH] longitude latitude member [longitude latitude member ...]";
const RADIUS: &str = "key longitude latitude radius <m|km|ft|mi> [WITHCOORD] [WITHDIST] [WITHHASH] \
     [COUNT count [ANY]] [ASC|DESC] [STORE key|STOREDIST key]";
const RADIUS_RO: &str = "key longitude latitude radius <m|km|ft|mi> [WITHCOORD] [WITHDIST] [WITHHASH] \
     [COUNT count [ANY]] [ASC|DESC]";
const BY_MEMBER: &str = "key member radius <m|km|ft|mi> [WITHCOORD] [WITHDIST] [WITHHASH] \
     [COUNT count [ANY]] [ASC|DESC] [STORE key|STOREDIST key]";
const BY_MEMBER_RO: &str = "key member radius <m|km|ft|mi> [WITHCOORD] [WITHDIST] [WITHHASH] \
     [COUNT count [ANY]] [ASC|DESC]";
const SEARCH: &str = "key [FROMMEMBER member|FROMLONLAT longitude latitude] \
     <BYRADIUS radius <m|km|ft|mi>|BYBOX width height <m|km|ft|mi>|\
     BYPOLYGON num-vertices longitude latitude [longitude latitude ...]> \
     [ASC|DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]";
const SEARCH_STORE: &str = "destination source [FROMMEMBER member|FROMLONLAT longitude latitude] \
     <BYRADIUS radius <m|km|ft|mi>|BYBOX width height <m|km|ft|mi>|\
     BYPOLYGON num-vertices longitude latitude [longitude latitude ...]> \
     [ASC|DESC] [COUNT count [ANY]] [STOREDIST]";

/// The rest of a row of this family.
const fn geo(
    row: Row,
    flags: Flags,
    keys: &'static [KeySpec],
    since: &'static str,
    complexity: &'static str,
    summary: &'static str,
) -> Row {
    row.flags(flags).keys(keys).acl(Categories::GEO).doc(Group::Geo, since, complexity, summary)
}

#[rustfmt::skip]
pub(super) const TABLE: &[Row] = &[
    geo(write("geoadd", -5, ADD, geoadd), DENYOOM, RW_KEY, "3.2.0", "O(log(N))",
        "Adds members with positions to a sorted set, or changes their positions."),
    geo(read("geodist", -4, "key member1 member2 [m|km|ft|mi]", geodist), NONE, RO_KEY, "3.2.0", "O(1)",
        "Returns the distance between two members."),
    geo(read("geohash", -2, "key [member [member ...]]", geohash), NONE, RO_KEY, "3.2.0", "O(1)",
        "Returns the positions of members as geohashes."),
    geo(read("geopos", -2, "key [member [member ...]]", geopos), NONE, RO_KEY, "3.2.0", "O(1)",
        "Returns the longitudes and latitudes of members."),
    geo(write("georadius", -6, RADIUS, search::georadius).locks(Locks::By(destinations)), STORES,
        RADIUS_KEYS, "3.2.0", "O(N+log(M))",
        "Finds the members within a distance of a position; the old form of GEOSEARCH and GEOSEARCHSTORE."),
    geo(read("georadius_ro", -6, RADIUS_RO, search::georadius_ro), NONE, RO_KEY, "3.2.10", "O(N+log(M))",
        "Finds the members within a distance of a position; the old form of GEOSEARCH."),
    geo(write("georadiusbymember", -5, BY_MEMBER, search::georadiusbymember).locks(Locks::By(destinations)),
        STORES, BY_MEMBER_KEYS, "3.2.0", "O(N+log(M))",
        "Finds the members within a distance of a member; the old form of GEOSEARCH and GEOSEARCHSTORE."),
    geo(read("georadiusbymember_ro", -5, BY_MEMBER_RO, search::georadiusbymember_ro), NONE, RO_KEY, "3.2.10",
        "O(N+log(M))", "Finds the members within a distance of a member; the old form of GEOSEARCH."),
    geo(read("geosearch", -7, SEARCH, search::geosearch), NONE, RO_KEY, "6.2.0", "O(N+log(M))",
        "Finds the members in a circle, a box or a polygon."),
    geo(write("geosearchstore", -8, SEARCH_STORE, search::geosearchstore), DENYOOM, STORE_KEY, "6.2.0", "O(N+log(M))",
        "Stores the members in a circle, a box or a polygon."),
];

/// Every key behind STORE or STOREDIST: the key specifications find the first of each, and the last of all is written.
fn destinations(store: &Store, db: u32, args: ArgView<'_>, set: &mut LockSet) {
    let is_store = |word: &[u8]| word.eq_ignore_ascii_case(b"store") || word.eq_ignore_ascii_case(b"storedist");
    for (word, key) in args.iter().zip(args.iter().skip(1)) {
        if is_store(word) {
            set.key(store, db, store.hash(key));
        }
    }
}

/// A valid position: two arguments.
fn position(args: &mut Args<'_>) -> Result<Point> {
    let degrees = |text| parse_f64(text).ok_or(Error::NotFloat);
    let point = Point { longitude: degrees(args.bytes())?, latitude: degrees(args.bytes())? };
    if point.is_valid() {
        return Ok(point);
    }
    let Point { longitude, latitude } = point;
    Err(Error::Owned(format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}")))
}

/// A unit of length.
fn unit(args: &mut Args<'_>) -> Result<Unit> {
    Unit::parse(args.bytes()).ok_or(Error::Text("ERR unsupported unit provided. please use M, KM, FT, MI"))
}

/// Writes a distance in some unit as a string with four decimals.
fn reply_distance(out: &mut Reply<'_>, distance: f64) {
    let mut text = Vec::new();
    format_distance(distance, &mut text);
    out.bulk(&text);
}

/// Writes longitude and latitude.
fn reply_point(out: &mut Reply<'_>, point: Point) {
    out.array(2);
    for degrees in [point.longitude, point.latitude] {
        let mut text = Vec::new();
        LongDouble::from_f64(degrees).format_human(&mut text);
        match out.proto() {
            Proto::Resp2 => out.bulk(&text),
            Proto::Resp3 => {
                out.raw(b",");
                out.raw(&text);
                out.raw(b"\r\n");
            }
        }
    }
}

/// All positions are read before the first is stored.
fn geoadd(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, mut flags, mut changed) = (args.key(), AddFlags::default(), false);
    loop {
        match () {
            () if args.take("nx") => flags.nx = true,
            () if args.take("xx") => flags.xx = true,
            () if args.take("ch") => changed = true,
            () => break,
        }
    }
    if args.is_empty() || !args.left().is_multiple_of(3) || (flags.nx && flags.xx) {
        return Err(Error::Syntax);
    }
    let mut entries: SmallVec<[(&[u8], f64); 4]> = SmallVec::new();
    while !args.is_empty() {
        let score = position(args)?.score();
        entries.push((args.bytes(), score));
    }
    let limits = limits(args.settings());
    let (added, updated) = tx.upsert(key, |set: &mut ZSet| {
        let (mut added, mut updated) = (0, 0);
        for (member, score) in entries {
            match set.add(member, score, flags, limits) {
                Outcome::Added(_) => added += 1,
                Outcome::Updated(_) => updated += 1,
                Outcome::Same(_) | Outcome::Skipped | Outcome::NotANumber => {}
            }
        }
        Edit::new((added, updated), added + updated, Class::ZSet, "zadd")
    })?;
    let counted = if changed { added + updated } else { added };
    out.int(counted as i64);
    Ok(())
}

fn geodist(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, from, to) = (args.key(), args.bytes(), args.bytes());
    let unit = match args.left() {
        0 => Unit::Metres,
        1 => unit(args)?,
        _ => return Err(Error::Syntax),
    };
    let set = tx.read::<ZSet>(key)?;
    let point = |member| set.as_ref().and_then(|set| set.score(member)).map(Point::of_score);
    match (point(from), point(to)) {
        (Some(from), Some(to)) => reply_distance(out, from.distance(to) / unit.metres()),
        _ => out.null(),
    }
    Ok(())
}

fn geohash(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let set = tx.read::<ZSet>(key)?;
    out.array(args.left());
    while let Some(member) = args.next() {
        match set.as_ref().and_then(|set| set.score(member)) {
            Some(score) => out.bulk(&Point::of_score(score).geohash()),
            None => out.null(),
        }
    }
    Ok(())
}

fn geopos(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let set = tx.read::<ZSet>(key)?;
    out.array(args.left());
    while let Some(member) = args.next() {
        match set.as_ref().and_then(|set| set.score(member)) {
            Some(score) => reply_point(out, Point::of_score(score)),
            None => out.null_array(),
        }
    }
    Ok(())
}
