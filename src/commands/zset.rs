//! The sorted set commands: their rows, and the handlers that look at members one by one.
//!
//! Owns the table of the family and what its parts share: the limits of packed sets, how entries become a reply, how
//! bounds are written, what a STORE form does to its destination. Additions are in [`add`], ranges in [`range`], removal
//! from an end in [`pop`], unions and the like in [`algebra`], random picks and ZSCAN in [`pick`]. Must not know how a
//! sorted set is stored; that is [`crate::types::zset`]'s.

mod add;
mod algebra;
mod pick;
mod pop;
mod range;

use super::shapes::*;
use super::*;
use crate::config::Settings;
use crate::resp::Proto;
use crate::store::{Class, Edit, Expiry, Key};
use crate::types::Collection;
use crate::types::packed::Item;
use crate::types::zset::{ZSet, ZSetLimits};

const STORE_ONE: &[KeySpec] = &[STORED, KeySpec::one(2, RO.union(ACCESS))];
const STORE_COUNTED: &[KeySpec] = &[STORED, counted(2, RO.union(ACCESS))];

const STORES: Flags = DENYOOM.union(MOVABLE);

const ADD: &str = "key [NX|XX] [GT|LT] [CH] [INCR] score member [score member ...]";
const MPOP: &str = "numkeys key [key ...] <MIN|MAX> [COUNT count]";
const BLOCKING_MPOP: &str = "timeout numkeys key [key ...] <MIN|MAX> [COUNT count]";
const WEIGHTED: &str = "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM|MIN|MAX] [WITHSCORES]";
const WEIGHTED_STORE: &str = "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM|MIN|MAX]";
const RANGE: &str = "key start stop [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES]";
const RANGE_STORE: &str = "dst src min max [BYSCORE|BYLEX] [REV] [LIMIT offset count]";

/// The rest of a row of this family.
const fn zset(
    row: Row,
    flags: Flags,
    keys: &'static [KeySpec],
    since: &'static str,
    complexity: &'static str,
    summary: &'static str,
) -> Row {
    row.flags(flags).keys(keys).acl(Categories::SORTEDSET).doc(Group::SortedSet, since, complexity, summary)
}

#[rustfmt::skip]
pub(super) const TABLE: &[Row] = &[
    zset(block("bzmpop", -5, BLOCKING_MPOP, pop::bzmpop), MOVABLE, POP_COUNTED_LATER, "7.0.0", "O(K)",
        "Takes members from an end of the first of several sorted sets that is not empty; waits for one if all are."),
    zset(block("bzpopmax", -3, "key [key ...] timeout", pop::bzpopmax), FAST, POP_FIRST, "5.0.0", "O(log(N))",
        "Takes the member of the highest score from the first of several sorted sets; waits for one if all are empty."),
    zset(block("bzpopmin", -3, "key [key ...] timeout", pop::bzpopmin), FAST, POP_FIRST, "5.0.0", "O(log(N))",
        "Takes the member of the lowest score from the first of several sorted sets; waits for one if all are empty."),
    zset(write("zadd", -4, ADD, add::zadd), DENYOOM_FAST, RW_UPDATE, "1.2.0", "O(log(N))",
        "Adds members to a sorted set, or changes their scores."),
    zset(read("zcard", 2, "key", zcard), FAST, RO_KEY, "1.2.0", "O(1)",
        "Returns the number of members of a sorted set."),
    zset(read("zcount", 4, "key min max", range::zcount), FAST, RO_ACCESS, "2.0.0", "O(log(N))",
        "Returns the number of members whose scores are within a range."),
    zset(read("zdiff", -3, "numkeys key [key ...] [WITHSCORES]", algebra::zdiff), MOVABLE, RO_COUNTED, "6.2.0",
        "O(L + (N-K)log(N))", "Returns the members of the first sorted set that no other has."),
    zset(write("zdiffstore", -4, "destination numkeys key [key ...]", algebra::zdiffstore), STORES, STORE_COUNTED,
        "6.2.0", "O(L + (N-K)log(N))", "Stores the members of the first sorted set that no other has."),
    zset(write("zincrby", 4, "key increment member", add::zincrby), DENYOOM_FAST, RW_ACCESS_UPDATE, "1.2.0",
        "O(log(N))", "Adds a number to the score of a member, 0 if it is missing."),
    zset(read("zinter", -3, WEIGHTED, algebra::zinter), MOVABLE, RO_COUNTED, "6.2.0", "O(N*K)",
        "Returns the members that all sorted sets have."),
    zset(read("zintercard", -3, "numkeys key [key ...] [LIMIT limit]", algebra::zintercard), MOVABLE, RO_COUNTED,
        "7.0.0", "O(N*K)", "Returns the number of members that all sorted sets have."),
    zset(write("zinterstore", -4, WEIGHTED_STORE, algebra::zinterstore), STORES, STORE_COUNTED, "2.0.0", "O(N*K)",
        "Stores the members that all sorted sets have."),
    zset(read("zlexcount", 4, "key min max", range::zlexcount), FAST, RO_ACCESS, "2.8.9", "O(log(N))",
        "Returns the number of members that are within a range of the order of bytes."),
    zset(write("zmpop", -4, MPOP, pop::zmpop), MOVABLE, POP_COUNTED, "7.0.0", "O(K)",
        "Takes members from an end of the first of several sorted sets that is not empty."),
    zset(read("zmscore", -3, "key member [member ...]", zmscore), FAST, RO_ACCESS, "6.2.0", "O(N)",
        "Returns the scores of several members of a sorted set."),
    zset(write("zpopmax", -2, "key [count]", pop::zpopmax), FAST, RW_ACCESS_DELETE, "5.0.0", "O(log(N)*M)",
        "Takes the members of the highest scores from a sorted set."),
    zset(write("zpopmin", -2, "key [count]", pop::zpopmin), FAST, RW_ACCESS_DELETE, "5.0.0", "O(log(N)*M)",
        "Takes the members of the lowest scores from a sorted set."),
    zset(read("zrandmember", -2, "key [count [WITHSCORES]]", pick::zrandmember), NONE, RO_ACCESS, "6.2.0", "O(N)",
        "Returns random members of a sorted set.").tips(RANDOM),
    zset(read("zrange", -4, RANGE, range::zrange), NONE, RO_ACCESS, "1.2.0", "O(log(N)+M)",
        "Returns the members of a sorted set within a range of ranks, scores, or the order of bytes."),
    zset(read("zrangebylex", -4, "key min max [LIMIT offset count]", range::zrangebylex), NONE, RO_ACCESS, "2.8.9",
        "O(log(N)+M)", "Returns the members within a range of the order of bytes."),
    zset(read("zrangebyscore", -4, "key min max [WITHSCORES] [LIMIT offset count]", range::zrangebyscore), NONE,
        RO_ACCESS, "1.0.5", "O(log(N)+M)", "Returns the members whose scores are within a range."),
    zset(write("zrangestore", -5, RANGE_STORE, range::zrangestore), DENYOOM, STORE_ONE, "6.2.0", "O(log(N)+M)",
        "Stores the members of a sorted set within a range."),
    zset(read("zrank", -3, "key member [WITHSCORE]", zrank), FAST, RO_ACCESS, "2.0.0", "O(log(N))",
        "Returns the rank of a member, counted from the lowest score."),
    zset(write("zrem", -3, "key member [member ...]", zrem), FAST, RW_DELETE, "1.2.0", "O(M*log(N))",
        "Removes members from a sorted set, and the set with its last one."),
    zset(write("zremrangebylex", 4, "key min max", range::zremrangebylex), NONE, RW_DELETE, "2.8.9", "O(log(N)+M)",
        "Removes the members within a range of the order of bytes."),
    zset(write("zremrangebyrank", 4, "key start stop", range::zremrangebyrank), NONE, RW_DELETE, "2.0.0",
        "O(log(N)+M)", "Removes the members within a range of ranks."),
    zset(write("zremrangebyscore", 4, "key min max", range::zremrangebyscore), NONE, RW_DELETE, "1.2.0",
        "O(log(N)+M)", "Removes the members whose scores are within a range."),
    zset(read("zrevrange", -4, "key start stop [WITHSCORES]", range::zrevrange), NONE, RO_ACCESS, "1.2.0",
        "O(log(N)+M)", "Returns the members within a range of ranks, the highest score first."),
    zset(read("zrevrangebylex", -4, "key max min [LIMIT offset count]", range::zrevrangebylex), NONE, RO_ACCESS,
        "2.8.9", "O(log(N)+M)", "Returns the members within a range of the order of bytes, the last first."),
    zset(read("zrevrangebyscore", -4, "key max min [WITHSCORES] [LIMIT offset count]", range::zrevrangebyscore), NONE,
        RO_ACCESS, "2.2.0", "O(log(N)+M)", "Returns the members whose scores are within a range, the highest first."),
    zset(read("zrevrank", -3, "key member [WITHSCORE]", zrevrank), FAST, RO_ACCESS, "2.0.0", "O(log(N))",
        "Returns the rank of a member, counted from the highest score."),
    zset(read("zscan", -3, "key cursor [MATCH pattern] [COUNT count] [NOSCORES]", pick::zscan), NONE, RO_ACCESS,
        "2.8.0", "O(1)", "Returns some of the members of a sorted set, and a cursor to the rest.").tips(RANDOM),
    zset(read("zscore", 3, "key member", zscore), FAST, RO_ACCESS, "1.2.0", "O(1)",
        "Returns the score of a member of a sorted set."),
    zset(read("zunion", -3, WEIGHTED, algebra::zunion), MOVABLE, RO_COUNTED, "6.2.0", "O(N)",
        "Returns the members that any of the sorted sets has."),
    zset(write("zunionstore", -4, WEIGHTED_STORE, algebra::zunionstore), STORES, STORE_COUNTED, "2.0.0", "O(N)",
        "Stores the members that any of the sorted sets has."),
];

/// Up to where sorted sets are packed.
#[inline]
pub(super) fn limits(settings: &Settings) -> ZSetLimits {
    let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    ZSetLimits {
        listpack_entries: size(settings.zset_max_listpack_entries),
        listpack_value: size(settings.zset_max_listpack_value),
    }
}

/// Writes a member as a bulk reply.
#[inline]
fn reply_member(out: &mut Reply<'_>, member: Item<'_>) {
    match member {
        Item::Int(n) => out.bulk_int(n),
        Item::Str(text) => out.bulk(text),
    }
}

/// How entries are shown in a reply.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// The members.
    Members,
    /// Members and scores in turn.
    Flat,
    /// An array of two for each entry.
    Pairs,
}

impl Shown {
    /// Members, with their scores if asked for: in turn, in RESP3 as pairs.
    fn new(scores: bool, out: &Reply<'_>) -> Self {
        match (scores, out.proto()) {
            (false, _) => Shown::Members,
            (true, Proto::Resp2) => Shown::Flat,
            (true, Proto::Resp3) => Shown::Pairs,
        }
    }

    /// Elements of the reply's array for so many entries.
    fn elements(self, entries: usize) -> usize {
        if self == Shown::Flat { entries.saturating_mul(2) } else { entries }
    }

    /// Writes an entry.
    #[inline]
    fn entry(self, out: &mut Reply<'_>, member: Item<'_>, score: f64) {
        if self == Shown::Pairs {
            out.array(2);
        }
        reply_member(out, member);
        if self != Shown::Members {
            out.double(score);
        }
    }
}

/// Puts a result at `to`, an empty one in the sense that nothing is there then; records `event`, replies with the number of
/// members.
pub(super) fn store(tx: &mut WriteTx<'_>, out: &mut Reply<'_>, to: Key<'_>, result: ZSet, event: &'static str) {
    let members = result.len();
    let existed = tx.put_collection(to, result, Expiry::Clear);
    if members > 0 {
        tx.event(Class::ZSet, event, to.bytes);
        tx.dirty(1);
    } else if existed {
        tx.event(Class::Generic, "del", to.bytes);
        tx.dirty(1);
    }
    out.int(members as i64);
}

fn zcard(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let members = tx.read::<ZSet>(args.key())?.map_or(0, |set| set.len());
    out.int(members as i64);
    Ok(())
}

fn zscore(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, member) = (args.key(), args.bytes());
    match tx.read::<ZSet>(key)?.and_then(|set| set.score(member)) {
        Some(score) => out.double(score),
        None => out.null(),
    }
    Ok(())
}

fn zmscore(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let set = tx.read::<ZSet>(key)?;
    out.array(args.left());
    while let Some(member) = args.next() {
        match set.as_ref().and_then(|set| set.score(member)) {
            Some(score) => out.double(score),
            None => out.null(),
        }
    }
    Ok(())
}

fn zrank(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    rank(tx, args, out, false)
}

fn zrevrank(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    rank(tx, args, out, true)
}

fn rank(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>, reverse: bool) -> Result {
    let (key, member, scored) = (args.key(), args.bytes(), args.take("withscore"));
    args.end()?;
    let found = tx.read::<ZSet>(key)?.and_then(|set| set.rank(member, reverse));
    match found {
        Some((rank, score)) if scored => {
            out.array(2);
            out.int(rank as i64);
            out.double(score);
        }
        Some((rank, _)) => out.int(rank as i64),
        None if scored => out.null_array(),
        None => out.null(),
    }
    Ok(())
}

fn zrem(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let removed = tx.edit(key, |set: &mut ZSet| {
        let mut removed = 0;
        while let Some(member) = args.next() {
            removed += u64::from(set.remove(member).is_some());
        }
        Edit::new(removed, removed, Class::ZSet, "zrem")
    })?;
    out.int(removed.unwrap_or(0) as i64);
    Ok(())
}
