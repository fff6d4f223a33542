//! LCS: the grammar and the reply; the algorithm is [`crate::types::lcs`]'s.
//!
//! The time is the product of the lengths, so the strings are copied (large ones shared) and the shards unlocked before
//! the work starts.

use super::*;
use crate::types::lcs::{Lcs, LcsError, lcs_len};
use bytes::Bytes;

#[derive(Default)]
struct Options {
    len: bool,
    idx: bool,
    with_match_len: bool,
    min_match_len: usize,
}

impl Options {
    fn parse(args: &mut Args<'_>) -> Result<Self> {
        let mut o = Options::default();
        while let Some(word) = args.next() {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            if is("IDX") {
                o.idx = true;
            } else if is("LEN") {
                o.len = true;
            } else if is("WITHMATCHLEN") {
                o.with_match_len = true;
            } else if is("MINMATCHLEN") && !args.is_empty() {
                let min = args.int();
                args.check()?;
                o.min_match_len = usize::try_from(min).unwrap_or(0);
            } else {
                return Err(Error::Syntax);
            }
        }
        if o.idx && o.len {
            return Err(Error::Text("ERR If you want both the length and indexes, please just use IDX."));
        }
        Ok(o)
    }
}

pub(super) fn lcs(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key_a, key_b) = (args.key(), args.key());
    let (a, b) = (text(tx, key_a)?, text(tx, key_b)?);
    let options = Options::parse(args)?;
    tx.release_early();
    let limit = args.settings().string_max();
    if options.len {
        out.int(lcs_len(&a, &b, limit).map_err(refusal)? as i64);
        return Ok(());
    }
    let found = Lcs::find(&a, &b, limit).map_err(refusal)?;
    if options.idx {
        indexes(&found, &options, out);
    } else {
        out.bulk(found.sequence());
    }
    Ok(())
}

/// The string at a key, as a copy or shared; the empty one for a missing key.
fn text(tx: &mut ReadTx<'_>, key: Key<'_>) -> Result<Bytes> {
    match tx.string(key) {
        Ok(None) => Ok(Bytes::new()),
        Ok(Some(s)) => Ok(to_bytes(s)),
        Err(_) => Err(Error::Text("ERR The specified keys must contain string values")),
    }
}

fn refusal(e: LcsError) -> Error {
    Error::Text(match e {
        LcsError::TooLong => "ERR String too long for LCS",
        LcsError::TooMuchMemory => "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
    })
}

fn indexes(found: &Lcs, options: &Options, out: &mut Reply<'_>) {
    out.map(2);
    out.bulk(b"matches");
    out.array(found.matches(options.min_match_len).count());
    for run in found.matches(options.min_match_len) {
        out.array(2 + usize::from(options.with_match_len));
        for range in [&run.a, &run.b] {
            out.array(2);
            out.int(*range.start() as i64);
            out.int(*range.end() as i64);
        }
        if options.with_match_len {
            out.int(run.len as i64);
        }
    }
    out.bulk(b"len");
    out.int(found.sequence().len() as i64);
}
