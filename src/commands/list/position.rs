//! LPOS.
//!
//! Owns its options and the shapes of its reply. The search is [`crate::types::list`]'s.

use super::*;

/// What LPOS looks for.
struct Options {
    /// The first match that counts; from the tail if negative. Not 0.
    rank: i64,
    /// Matches wanted, 0 for all; `None`: one, which is then not in an array.
    count: Option<usize>,
    /// Elements compared, 0 for all.
    maxlen: usize,
}

fn options(args: &mut Args<'_>) -> Result<Options> {
    let mut options = Options { rank: 1, count: None, maxlen: 0 };
    let natural = |text: &[u8], error| parse_i64(text).and_then(|n| usize::try_from(n).ok()).ok_or(Error::Text(error));
    while let Some(word) = args.next() {
        let Some(value) = args.next() else { return Err(Error::Syntax) };
        if word.eq_ignore_ascii_case(b"RANK") {
            options.rank = rank(value)?;
        } else if word.eq_ignore_ascii_case(b"COUNT") {
            options.count = Some(natural(value, "ERR COUNT can't be negative")?);
        } else if word.eq_ignore_ascii_case(b"MAXLEN") {
            options.maxlen = natural(value, "ERR MAXLEN can't be negative")?;
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok(options)
}

fn rank(text: &[u8]) -> Result<i64> {
    match parse_i64(text) {
        None => Err(Error::NotInteger),
        Some(0) => Err(Error::Text(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... \
             or use negative to start from the end of the list",
        )),
        Some(i64::MIN) => Err(Error::Text(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        )),
        Some(rank) => Ok(rank),
    }
}

pub(super) fn lpos(tx: &mut ReadTx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, text) = (args.key(), args.bytes());
    let Options { rank, count, maxlen } = options(args)?;
    let list = tx.read::<List>(key)?;
    let Some(count) = count else {
        let mut found = None;
        if let Some(list) = list {
            list.positions(text, rank, 1, maxlen, |index| found = Some(index));
        }
        match found {
            Some(index) => out.int(index as i64),
            None => out.null(),
        }
        return Ok(());
    };
    let (header, mut found) = (out.defer_array(), 0);
    if let Some(list) = list {
        list.positions(text, rank, count, maxlen, |index| {
            out.int(index as i64);
            found += 1;
        });
    }
    out.set_array(header, found);
    Ok(())
}
