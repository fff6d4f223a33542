//! GEOSEARCH, GEOSEARCHSTORE and the four commands that they came from.
//!
//! Owns their one grammar, of which each has a part, the order of the results, and what is stored. The type of the key is
//! looked at first, as Redis does, and a member to search around is looked up as its option is read. Which members are in
//! a shape is [`crate::types::geo`]'s.

use super::*;
use crate::types::geo::{self, Shape};
use crate::types::zset::Builder;

/// The most corners of a polygon: each member near it is compared with all of them.
const CORNERS_MAX: usize = 1024;

/// Which command it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Command {
    /// GEORADIUS.
    Radius,
    /// GEORADIUSBYMEMBER.
    RadiusByMember,
    /// GEOSEARCH.
    Search,
    /// GEOSEARCHSTORE.
    SearchStore,
}

impl Command {
    fn is_search(self) -> bool {
        matches!(self, Command::Search | Command::SearchStore)
    }
}

/// What is searched, in the unit of the arguments.
enum Extent {
    Radius(f64),
    Box(f64, f64),
    Polygon(Vec<Point>),
}

/// The centre.
#[derive(Clone, Copy)]
enum From {
    Point(Point),
    /// A member of a sorted set that is missing.
    Nowhere,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Any,
    Ascending,
    Descending,
}

/// What a command asks for.
struct Query<'a> {
    from: Option<From>,
    extent: Option<Extent>,
    unit: Unit,
    order: Order,
    /// 0: all.
    count: usize,
    any: bool,
    with_distance: bool,
    with_hash: bool,
    with_point: bool,
    store: Option<Key<'a>>,
    store_distance: bool,
}

/// A member that was found.
struct Entry {
    member: Vec<u8>,
    distance: f64,
    score: f64,
    point: Point,
}

/// A length.
fn length(text: &[u8], not_numeric: &'static str) -> Result<f64> {
    parse_f64(text).ok_or(Error::Text(not_numeric))
}

/// A member's position.
fn from_member(set: Option<&ZSet>, member: &[u8]) -> Result<From> {
    let Some(set) = set else { return Ok(From::Nowhere) };
    let score = set.score(member).ok_or(Error::Text("ERR could not decode requested zset member"))?;
    Ok(From::Point(Point::of_score(score)))
}

impl<'a> Query<'a> {
    /// The arguments behind the key of the source. `stores`: STORE and STOREDIST are options of the old commands.
    fn parse(args: &mut Args<'a>, command: Command, stores: bool, set: Option<&ZSet>) -> Result<Self> {
        let mut query = Self {
            from: None,
            extent: None,
            unit: Unit::Metres,
            order: Order::Any,
            count: 0,
            any: false,
            with_distance: false,
            with_hash: false,
            with_point: false,
            store: None,
            store_distance: false,
        };
        match command {
            Command::Radius => {
                query.from = Some(From::Point(position(args)?));
                query.radius(args)?;
            }
            Command::RadiusByMember => {
                query.from = Some(from_member(set, args.bytes())?);
                if set.is_some() {
                    query.radius(args)?;
                } else {
                    // Not looked at, as in Redis.
                    args.bytes();
                    args.bytes();
                }
            }
            Command::Search | Command::SearchStore => {}
        }
        while !args.is_empty() {
            let known = query.result_option(args)?
                || (command.is_search() && query.shape_option(args, set)?)
                || (stores && query.store_option(args))
                || (command == Command::SearchStore && query.take(args, "storedist", |q| &mut q.store_distance));
            if !known {
                return Err(Error::Syntax);
            }
        }
        Ok(query)
    }

    fn take(&mut self, args: &mut Args<'_>, word: &str, flag: impl FnOnce(&mut Self) -> &mut bool) -> bool {
        let there = args.take(word);
        if there {
            *flag(self) = true;
        }
        there
    }

    /// How results are chosen and shown; `false`: it is none of these.
    fn result_option(&mut self, args: &mut Args<'_>) -> Result<bool> {
        let flag = self.take(args, "withdist", |q| &mut q.with_distance)
            || self.take(args, "withhash", |q| &mut q.with_hash)
            || self.take(args, "withcoord", |q| &mut q.with_point)
            || self.take(args, "any", |q| &mut q.any);
        if flag {
            return Ok(true);
        }
        if args.take("asc") {
            self.order = Order::Ascending;
        } else if args.take("desc") {
            self.order = Order::Descending;
        } else if args.left() > 1 && args.take("count") {
            let count = parse_i64(args.bytes()).ok_or(Error::NotInteger)?;
            let count = usize::try_from(count).ok().filter(|n| *n > 0);
            self.count = count.ok_or(Error::Text("ERR COUNT must be > 0"))?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// What is searched; `false`: it is none of these.
    fn shape_option(&mut self, args: &mut Args<'_>, set: Option<&ZSet>) -> Result<bool> {
        if self.from.is_none() && args.left() > 1 && args.take("frommember") {
            self.from = Some(from_member(set, args.bytes())?);
        } else if self.from.is_none() && args.left() > 2 && args.take("fromlonlat") {
            self.from = Some(From::Point(position(args)?));
        } else if self.extent.is_none() && args.left() > 2 && args.take("byradius") {
            self.radius(args)?;
        } else if self.extent.is_none() && args.left() > 3 && args.take("bybox") {
            let width = length(args.bytes(), "ERR need numeric width")?;
            let height = length(args.bytes(), "ERR need numeric height")?;
            if width < 0.0 || height < 0.0 {
                return Err(Error::Text("ERR height or width cannot be negative"));
            }
            self.extent = Some(Extent::Box(width, height));
            self.unit = unit(args)?;
        } else if self.extent.is_none() && args.left() > 1 && args.take("bypolygon") {
            self.polygon(args)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn radius(&mut self, args: &mut Args<'_>) -> Result {
        let radius = length(args.bytes(), "ERR need numeric radius")?;
        if radius < 0.0 {
            return Err(Error::Text("ERR radius cannot be negative"));
        }
        self.extent = Some(Extent::Radius(radius));
        self.unit = unit(args)?;
        Ok(())
    }

    /// `corners longitude latitude [longitude latitude ...]`.
    fn polygon(&mut self, args: &mut Args<'_>) -> Result {
        let corners = parse_i64(args.bytes()).ok_or(Error::NotInteger)?;
        let corners = usize::try_from(corners).ok().filter(|n| (3..=CORNERS_MAX).contains(n));
        let corners = corners.ok_or(Error::Text("ERR BYPOLYGON must have 3 to 1024 vertices"))?;
        if args.left() < corners * 2 {
            return Err(Error::Syntax);
        }
        self.extent = Some(Extent::Polygon((0..corners).map(|_| position(args)).collect::<Result<_>>()?));
        Ok(())
    }

    /// The old commands' destination; `false`: it is none.
    fn store_option(&mut self, args: &mut Args<'a>) -> bool {
        let (there, distance) = match args.left() > 1 {
            true if args.take("store") => (true, false),
            true => (args.take("storedist"), true),
            false => (false, false),
        };
        if there {
            (self.store, self.store_distance) = (Some(args.key()), distance);
        }
        there
    }

    /// What cannot go together. `name` is the command's as it was sent.
    fn check(&self, command: Command, name: &[u8]) -> Result {
        let exactly = |what: &str| {
            let name = String::from_utf8_lossy(name);
            Err(Error::Owned(format!("ERR exactly one of {what} can be specified for {name}")))
        };
        if self.store.is_some() && (self.with_distance || self.with_hash || self.with_point) {
            let what = if command == Command::SearchStore { "GEOSEARCHSTORE" } else { "STORE option in GEORADIUS" };
            return Err(Error::Owned(format!(
                "ERR {what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )));
        }
        let polygon = matches!(self.extent, Some(Extent::Polygon(_)));
        if command.is_search() && self.from.is_some() == polygon {
            return exactly("FROMMEMBER or FROMLONLAT");
        }
        if command.is_search() && self.extent.is_none() {
            return exactly("BYRADIUS and BYBOX");
        }
        if self.any && self.count == 0 {
            return Err(Error::Text("ERR the ANY argument requires COUNT argument"));
        }
        Ok(())
    }

    fn shape(&self) -> Option<Shape> {
        let metres = self.unit.metres();
        match (&self.extent, self.from) {
            (Some(Extent::Polygon(corners)), _) => Some(Shape::Polygon { corners: corners.clone() }),
            (Some(Extent::Radius(radius)), Some(From::Point(centre))) => {
                Some(Shape::Circle { centre, radius: radius * metres })
            }
            (Some(Extent::Box(width, height)), Some(From::Point(centre))) => {
                Some(Shape::Box { centre, width: width * metres, height: height * metres })
            }
            _ => None,
        }
    }

    /// The members in the shape, as many as are wanted, in the order wanted. With a count but no order the nearest are
    /// wanted, unless any will do.
    fn run(&self, set: &ZSet) -> Vec<Entry> {
        let mut found = Vec::new();
        let Some(shape) = self.shape() else { return found };
        let limit = if self.any { self.count } else { usize::MAX };
        geo::search(set, &shape, limit, |one| {
            let (member, distance) = (one.member.to_vec(), one.distance / self.unit.metres());
            found.push(Entry { member, distance, score: one.score, point: one.point });
        });
        match self.order {
            Order::Any if self.count == 0 || self.any => {}
            Order::Any | Order::Ascending => found.sort_by(|a, b| a.distance.total_cmp(&b.distance)),
            Order::Descending => found.sort_by(|a, b| b.distance.total_cmp(&a.distance)),
        }
        if self.count > 0 {
            found.truncate(self.count);
        }
        found
    }

    fn reply(&self, found: &[Entry], out: &mut Reply<'_>) {
        let more = [self.with_distance, self.with_hash, self.with_point].into_iter().filter(|with| *with).count();
        out.array(found.len());
        for entry in found {
            if more > 0 {
                out.array(1 + more);
            }
            out.bulk(&entry.member);
            if self.with_distance {
                reply_distance(out, entry.distance);
            }
            if self.with_hash {
                out.int(entry.score as i64);
            }
            if self.with_point {
                reply_point(out, entry.point);
            }
        }
    }
}

fn name<'a>(args: &Args<'a>) -> &'a [u8] {
    args.view().get(0).unwrap_or_default()
}

/// Searches and replies.
fn find(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>, command: Command) -> Result {
    let key = args.key();
    let set = tx.read::<ZSet>(key)?;
    let query = Query::parse(args, command, false, set.as_deref())?;
    query.check(command, name(args))?;
    query.reply(&set.map(|set| query.run(&set)).unwrap_or_default(), out);
    Ok(())
}

/// Searches and stores, or replies where no destination is given.
fn find_and_store(
    tx: &mut WriteTx<'_>,
    args: &mut Args<'_>,
    out: &mut Reply<'_>,
    command: Command,
    event: &'static str,
) -> Result {
    let to = (command == Command::SearchStore).then(|| args.key());
    let key = args.key();
    let set = tx.reader().read::<ZSet>(key)?;
    let mut query = Query::parse(args, command, to.is_none(), set.as_deref())?;
    query.store = to.or(query.store);
    query.check(command, name(args))?;
    let found = set.map(|set| query.run(&set)).unwrap_or_default();
    let Some(to) = query.store else {
        query.reply(&found, out);
        return Ok(());
    };
    let mut result = Builder::new();
    for entry in &found {
        // Rounding can make the distance of opposites NaN, which is no score.
        let distance = if entry.distance.is_nan() { 0.0 } else { entry.distance };
        result.add(&entry.member, if query.store_distance { distance } else { entry.score });
    }
    store(tx, out, to, result.build(limits(args.settings())), event);
    Ok(())
}

pub(super) fn geosearch(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    find(tx, args, out, Command::Search)
}

pub(super) fn georadius_ro(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    find(tx, args, out, Command::Radius)
}

pub(super) fn georadiusbymember_ro(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    find(tx, args, out, Command::RadiusByMember)
}

pub(super) fn geosearchstore(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    find_and_store(tx, args, out, Command::SearchStore, "geosearchstore")
}

pub(super) fn georadius(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    find_and_store(tx, args, out, Command::Radius, "georadiusstore")
}

pub(super) fn georadiusbymember(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    find_and_store(tx, args, out, Command::RadiusByMember, "georadiusstore")
}
