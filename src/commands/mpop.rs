//! What LMPOP, ZMPOP and their blocking forms ask for.
//!
//! Owns the options that they share and their errors. Must not know what is popped.

use super::{Args, Error, Result};
use crate::base::num::parse_i64;
use crate::store::Key;

/// The arguments `numkeys key [key ...] <end> [COUNT count]`.
pub(super) struct Mpop<'a> {
    /// Looked at in order.
    pub(super) keys: Vec<Key<'a>>,
    /// Which of the two ends.
    pub(super) end: usize,
    /// Elements at most; at least 1.
    pub(super) count: usize,
}

impl<'a> Mpop<'a> {
    /// Reads the rest of `args`; `ends` are the words for the two ends. O(keys).
    ///
    /// # Errors
    /// A number of keys or elements that is none, more keys than there are, or anything else that does not belong here.
    pub(super) fn parse(args: &mut Args<'a>, ends: [&str; 2]) -> Result<Self> {
        let natural = |text| parse_i64(text).and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
        let keys = natural(args.bytes()).ok_or(Error::Text("ERR numkeys should be greater than 0"))?;
        if keys >= args.left() {
            return Err(Error::Syntax);
        }
        let keys = (0..keys).map(|_| args.key()).collect();
        let end = args.one_of(&ends);
        args.check()?;
        let mut count = None;
        while !args.is_empty() {
            if count.is_some() || !args.take("count") || args.is_empty() {
                return Err(Error::Syntax);
            }
            count = Some(natural(args.bytes()).ok_or(Error::Text("ERR count should be greater than 0"))?);
        }
        Ok(Self { keys, end, count: count.unwrap_or(1) })
    }
}
