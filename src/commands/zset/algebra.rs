//! ZUNION, ZINTER, ZDIFF, their STORE forms and ZINTERCARD.
//!
//! Owns their grammar, and that sets are inputs too. All keys are looked at before the options are read, as Redis does:
//! a wrong type is an error before any other. The result is whole before the destination, which may be a source, is
//! changed.

use super::*;
use crate::base::num::{parse_f64, parse_i64};
use crate::store::{Entry, Lent, WrongType};
use crate::types::set::Set;
use crate::types::zset::{Aggregate, Scored, Weighted, diff, inter, inter_card, union};

/// What is done with the sets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Inter,
    Diff,
}

/// The value of a key.
enum Input<'t> {
    Missing(ZSet),
    ZSet(Lent<'t, ZSet>),
    Set(Lent<'t, Set>),
}

impl<'t> Input<'t> {
    fn new(entry: Option<&'t Entry>) -> std::result::Result<Self, WrongType> {
        let Some(entry) = entry else { return Ok(Input::Missing(ZSet::default())) };
        match entry.collection::<ZSet>() {
            Some(set) => Ok(Input::ZSet(set)),
            None => entry.collection::<Set>().map(Input::Set).ok_or(WrongType),
        }
    }

    fn scored(&self) -> &dyn Scored {
        match self {
            Input::Missing(set) => set,
            Input::ZSet(set) => &**set,
            Input::Set(set) => &**set,
        }
    }
}

/// `numkeys key [key ...]` of the command of this name: the values at the keys.
fn inputs<'t>(tx: &'t mut ReadTx<'_>, args: &mut Args<'_>, name: &str) -> Result<Vec<Input<'t>>> {
    let count = args.int();
    args.check()?;
    if count < 1 {
        return Err(Error::Owned(format!("ERR at least 1 input key is needed for '{name}' command")));
    }
    let count = usize::try_from(count).ok().filter(|n| *n <= args.left()).ok_or(Error::Syntax)?;
    let keys: Vec<Key<'_>> = (0..count).map(|_| args.key()).collect();
    Ok(tx.get_many(&keys).into_iter().map(Input::new).collect::<std::result::Result<_, _>>()?)
}

/// What may stand behind the keys.
struct Options {
    weights: Vec<f64>,
    aggregate: Aggregate,
    scores: bool,
}

impl Options {
    /// The options of an operation on so many inputs; WITHSCORES is none where the result is stored.
    fn parse(args: &mut Args<'_>, operation: Operation, inputs: usize, stores: bool) -> Result<Self> {
        let mut options = Self { weights: vec![1.0; inputs], aggregate: Aggregate::Sum, scores: false };
        let weighted = operation != Operation::Diff;
        while !args.is_empty() {
            if weighted && args.left() > inputs && args.take("weights") {
                for weight in &mut options.weights {
                    *weight = parse_f64(args.bytes()).ok_or(Error::Text("ERR weight value is not a float"))?;
                }
            } else if weighted && args.left() > 1 && args.take("aggregate") {
                let which = args.one_of(&["sum", "min", "max"]);
                args.check()?;
                options.aggregate = [Aggregate::Sum, Aggregate::Min, Aggregate::Max][which];
            } else if !stores && args.take("withscores") {
                options.scores = true;
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(options)
    }

    fn compute(&self, operation: Operation, inputs: &[Input<'_>], limits: ZSetLimits) -> ZSet {
        let weighted =
            || -> Vec<Weighted<'_>> { inputs.iter().map(Input::scored).zip(self.weights.iter().copied()).collect() };
        match operation {
            Operation::Union => union(&weighted(), self.aggregate, limits),
            Operation::Inter => inter(&weighted(), self.aggregate, limits),
            Operation::Diff => diff(&inputs.iter().map(Input::scored).collect::<Vec<_>>(), limits),
        }
    }
}

fn reply(
    tx: &mut ReadTx<'_>,
    args: &mut Args<'_>,
    out: &mut Reply<'_>,
    operation: Operation,
    name: &'static str,
) -> Result {
    let inputs = inputs(tx, args, name)?;
    let options = Options::parse(args, operation, inputs.len(), false)?;
    // As redis-server computes it: only the packed form, which is for storing, takes the sign off a zero.
    let result = options.compute(operation, &inputs, ZSetLimits { listpack_entries: 0, listpack_value: 0 });
    let shown = Shown::new(options.scores, out);
    out.array(shown.elements(result.len()));
    result.for_each(&mut |member, score| {
        shown.entry(out, member, score);
        true
    });
    Ok(())
}

/// `name` is the command's, and the event's.
fn compute_and_store(
    tx: &mut WriteTx<'_>,
    args: &mut Args<'_>,
    out: &mut Reply<'_>,
    operation: Operation,
    name: &'static str,
) -> Result {
    let to = args.key();
    let inputs = inputs(tx.reader(), args, name)?;
    let options = Options::parse(args, operation, inputs.len(), true)?;
    let result = options.compute(operation, &inputs, limits(args.settings()));
    drop(inputs);
    store(tx, out, to, result, name);
    Ok(())
}

pub(super) fn zunion(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    reply(tx, args, out, Operation::Union, "zunion")
}

pub(super) fn zinter(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    reply(tx, args, out, Operation::Inter, "zinter")
}

pub(super) fn zdiff(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    reply(tx, args, out, Operation::Diff, "zdiff")
}

pub(super) fn zunionstore(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    compute_and_store(tx, args, out, Operation::Union, "zunionstore")
}

pub(super) fn zinterstore(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    compute_and_store(tx, args, out, Operation::Inter, "zinterstore")
}

pub(super) fn zdiffstore(tx: &mut WriteTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    compute_and_store(tx, args, out, Operation::Diff, "zdiffstore")
}

/// A limit of 0 is none.
pub(super) fn zintercard(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let inputs = inputs(tx, args, "zintercard")?;
    let mut limit = 0;
    while !args.is_empty() {
        if args.left() < 2 || !args.take("limit") {
            return Err(Error::Syntax);
        }
        let n = parse_i64(args.bytes()).and_then(|n| usize::try_from(n).ok());
        limit = n.ok_or(Error::Text("ERR LIMIT can't be negative"))?;
    }
    let limit = if limit == 0 { usize::MAX } else { limit };
    let members = inter_card(&inputs.iter().map(Input::scored).collect::<Vec<_>>(), limit);
    out.int(members as i64);
    Ok(())
}
