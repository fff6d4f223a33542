//! Where ours is meant to differ from redis-server 7.0, each with its reason: the one list of them.
//!
//! A difference in a reply alone is known when it is met ([`KNOWN`]). One that would leave different data behind must
//! not come up at all: it is kept out of the stream ([`EXTENSIONS`], [`AVOIDED`]).

use super::generator::{integer, may_wait};
use crate::support::Value;
use ostracon::base::num::{format_f64, parse_f64};

/// A reply that differs.
pub struct Known {
    /// Why.
    pub reason: &'static str,
    /// Whether it is this one: name of the command, its arguments, our reply, the oracle's.
    pub applies: fn(&str, &[Vec<u8>], &Value, &Value) -> bool,
}

/// Commands whose replies hold floating-point numbers, alone or among other things.
const OF_DOUBLES: &[&str] = &[
    "zadd",
    "zincrby",
    "zscore",
    "zmscore",
    "zrange",
    "zrangebyscore",
    "zrevrange",
    "zrevrangebyscore",
    "zrandmember",
    "zpopmin",
    "zpopmax",
    "zmpop",
    "bzpopmin",
    "bzpopmax",
    "bzmpop",
    "zdiff",
    "zinter",
    "zunion",
    "zscan",
    "memory|stats",
];

/// Whether the replies are the same but for numbers of which the oracle prints 17 digits and ours as few as tell the
/// number: ours must be that very text.
fn same_but_for_digits(ours: &Value, oracle: &Value) -> bool {
    let each = |a: &[Value], b: &[Value]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_but_for_digits(a, b));
    match (ours, oracle) {
        (a, b) if a == b => true,
        (Value::Bulk(a), Value::Bulk(b)) | (Value::Double(a), Value::Double(b)) => {
            let mut shortest = Vec::new();
            parse_f64(b).is_some_and(|n| {
                format_f64(n, &mut shortest);
                *a == shortest
            })
        }
        (Value::Array(a), Value::Array(b)) | (Value::Set(a), Value::Set(b)) => each(a, b),
        (Value::Map(a), Value::Map(b)) => {
            let pairs = |pairs: &[(Value, Value)]| -> Vec<Value> {
                pairs.iter().flat_map(|(key, value)| [key.clone(), value.clone()]).collect()
            };
            each(&pairs(a), &pairs(b))
        }
        _ => false,
    }
}

/// [`same_but_for_digits`] of the members and scores of a scan that has come to its end, in any order.
fn scanned_alike(ours: &Value, oracle: &Value) -> bool {
    let by_member = |reply: &Value| -> Option<Vec<Value>> {
        let Value::Array(parts) = reply else { return None };
        let [Value::Bulk(cursor), Value::Array(items)] = &parts[..] else { return None };
        let mut pairs: Vec<&[Value]> = items.chunks(2).collect();
        pairs.sort_by_key(|pair| pair[0].render());
        (cursor == b"0").then(|| pairs.concat())
    };
    match (by_member(ours), by_member(oracle)) {
        (Some(ours), Some(oracle)) => same_but_for_digits(&Value::Array(ours), &Value::Array(oracle)),
        _ => false,
    }
}

/// Whether two lists of pending entries are the same but for how long each has been idle.
fn same_but_for_idle(ours: &Value, oracle: &Value) -> bool {
    let (Value::Array(a), Value::Array(b)) = (ours, oracle) else { return false };
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| match (a, b) {
            (Value::Array(a), Value::Array(b)) if a.len() == 4 && b.len() == 4 => {
                let idle = matches!((&a[2], &b[2]), (Value::Int(0..), Value::Int(0..)));
                idle && a[..2] == b[..2] && a[3] == b[3]
            }
            _ => false,
        })
}

/// Every reply that may differ.
pub const KNOWN: &[Known] = &[
    Known {
        reason: "how long an entry has been idle depends on when the servers were asked",
        applies: |name, _, ours, oracle| name == "xpending" && same_but_for_idle(ours, oracle),
    },
    Known {
        reason: "a name that is no UTF-8 is shown as such, where 7.0 shows its bytes, up to a NUL",
        applies: |name, args, ours, oracle| {
            let texts: [&[u8]; 2] = [b"NOGROUP ", b"ERR Unrecognized XCLAIM option "];
            let starts = |v: &Value| matches!(v, Value::Error(t) if texts.iter().any(|start| t.starts_with(start)));
            let odd = |arg: &Vec<u8>| arg.contains(&0) || std::str::from_utf8(arg).is_err();
            name.starts_with('x') && starts(ours) && starts(oracle) && args.iter().any(odd)
        },
    },
    Known {
        reason: "a consumer is made by asking from 7.2 on, so that it is there already",
        applies: |name, _, ours, oracle| {
            name == "xgroup|createconsumer" && *ours == Value::Int(0) && *oracle == Value::Int(1)
        },
    },
    Known {
        reason: "an odd number of streams and ids is told in other words from 7.2",
        applies: |name, _, ours, oracle| {
            let starts = |v: &Value| matches!(v, Value::Error(text) if text.starts_with(b"ERR Unbalanced "));
            name.starts_with("xread") && starts(ours) && starts(oracle)
        },
    },
    Known {
        reason: "redis-server counts its own temporary references too, such as those of a queued command",
        applies: |name, _, ours, oracle| {
            name == "object|refcount" && matches!((ours, oracle), (Value::Int(1..), Value::Int(1..)))
        },
    },
    Known {
        reason: "an unsupported option is shown up to 128 bytes and as UTF-8, where 7.0 shows it whole, or up to a NUL",
        applies: |name, _, ours, oracle| {
            let starts = |v: &Value, start: &[u8]| matches!(v, Value::Error(text) if text.starts_with(start));
            let both = |start: &[u8]| starts(ours, start) && starts(oracle, start);
            (name.contains("expire") && both(b"ERR Unsupported option "))
                || (name == "pfdebug" && both(b"ERR Unknown PFDEBUG subcommand '"))
        },
    },
    Known {
        reason: "wrong arguments are an error from 7.2, also where the key is missing, of another type, or the range is empty",
        applies: |name, _, ours, oracle| {
            let later = matches!(oracle, Value::Int(-1..=0))
                || matches!(oracle, Value::Error(text) if text.starts_with(b"WRONGTYPE"));
            matches!(name, "bitcount" | "bitpos") && ours.is_error() && later
        },
    },
    Known {
        reason: "small integers are shared by redis-server's keys, and so is the time of their last use",
        applies: |name, _, ours, oracle| {
            name == "object|idletime" && matches!((ours, oracle), (Value::Int(0..), Value::Int(0..)))
        },
    },
    Known {
        reason: "LPOS refuses the rank whose negative is no 64-bit integer from 7.2 on",
        applies: |name, args, ours, _| {
            name == "lpos" && ours.is_error() && args.iter().any(|arg| arg == b"-9223372036854775808")
        },
    },
    Known {
        reason: "short lists are packed from 7.2 on",
        applies: |name, _, ours, oracle| {
            let is = |value: &Value, name: &[u8]| matches!(value, Value::Bulk(text) if text == name);
            name == "object|encoding" && is(ours, b"listpack") && is(oracle, b"quicklist")
        },
    },
    Known {
        reason: "a STORE command or PFMERGE without a source has one key; 7.0 calls its arguments invalid as soon as a range of keys is empty",
        applies: |name, args, ours, oracle| {
            name == "command|getkeys"
                && args.len() >= 4
                && (args[2].eq_ignore_ascii_case(b"pfmerge") || args[2].to_ascii_lowercase().ends_with(b"store"))
                && *ours == Value::Array(vec![Value::Bulk(args[3].clone())])
                && oracle.is_error()
        },
    },
    Known {
        reason: "7.0 takes the error that an earlier command's number has left behind for one of SORT's",
        applies: |name, _, ours, oracle| {
            let text = b"ERR One or more scores can't be converted into double";
            name.starts_with("sort")
                && matches!(ours, Value::Array(_))
                && matches!(oracle, Value::Error(error) if error == text)
        },
    },
    Known {
        reason: "a time-out whose end no clock can tell is out of range from 7.2: 7.0 lets the sum overflow",
        applies: |name, _, ours, oracle| {
            let is = |value: &Value, text: &[u8]| matches!(value, Value::Error(error) if error == text);
            may_wait(name) && is(ours, b"ERR timeout is out of range") && is(oracle, b"ERR timeout is negative")
        },
    },
    Known {
        reason: "listpacks of sets are from 7.2: a small set has one instead of a table",
        applies: |name, args, ours, oracle| {
            let is = |value: &Value, text: &str| *value == Value::Bulk(text.into());
            // Where the data are compared the type is known.
            let is_set = args.get(3).is_none_or(|kind| kind == b"set");
            name == "object|encoding" && is_set && is(ours, "listpack") && is(oracle, "hashtable")
        },
    },
    Known {
        reason: "without an order members come as their cells are searched, which is the server's own",
        applies: |name, args, ours, oracle| {
            let ordered = args
                .iter()
                .any(|arg| [&b"asc"[..], b"desc", b"count"].iter().any(|word| arg.eq_ignore_ascii_case(word)));
            let sorted = |v: &Value| match v {
                Value::Array(items) => {
                    let mut items: Vec<String> = items.iter().map(Value::render).collect();
                    items.sort();
                    Some(items)
                }
                _ => None,
            };
            let is_search = name.starts_with("geosearch") || name.starts_with("georadius");
            is_search && !ordered && sorted(ours).is_some() && sorted(ours) == sorted(oracle)
        },
    },
    Known {
        reason: "7.0 prints doubles with 17 digits, 7.2 in the fewest that read back the same",
        applies: |name, _, ours, oracle| {
            OF_DOUBLES.contains(&name)
                && (same_but_for_digits(ours, oracle) || name == "zscan" && scanned_alike(ours, oracle))
        },
    },
];

/// Options that the oracle does not know, or that the stream leaves out: command, token, reason.
pub const EXTENSIONS: &[(&str, &str, &str)] = &[
    ("set", "IFEQ", "from Redis 8.4: a table case"),
    ("hscan", "NOVALUES", "from Redis 7.4: a table case"),
    ("zscan", "NOSCORES", "from Redis 8: a table case"),
    ("zrank", "WITHSCORE", "from Redis 7.2: a table case"),
    ("zrevrank", "WITHSCORE", "from Redis 7.2: a table case"),
    ("geosearch", "BYPOLYGON", "from Valkey 9: a table case"),
    ("geosearchstore", "BYPOLYGON", "from Valkey 9: a table case"),
    ("xinfo|stream", "FULL", "shows times: a table case"),
    ("xread", "BLOCK", "waits: a table case"),
    ("xreadgroup", "BLOCK", "waits: a table case"),
    ("xadd", "KEEPREF", "from Redis 8.2: a table case"),
    ("xadd", "DELREF", "from Redis 8.2: a table case"),
    ("xadd", "ACKED", "from Redis 8.2: a table case"),
    ("xtrim", "KEEPREF", "from Redis 8.2: a table case"),
    ("xtrim", "DELREF", "from Redis 8.2: a table case"),
    ("xtrim", "ACKED", "from Redis 8.2: a table case"),
    ("bitop", "DIFF", "from Redis 8.2: a table case"),
    ("bitop", "DIFF1", "from Redis 8.2: a table case"),
    ("bitop", "ANDOR", "from Redis 8.2: a table case"),
    ("bitop", "ONE", "from Redis 8.2: a table case"),
];

/// Arguments that are changed into harmless ones.
pub struct Avoided {
    /// The command.
    pub command: &'static str,
    /// Why.
    pub reason: &'static str,
    /// Changes the arguments.
    pub change: fn(&mut Vec<Vec<u8>>),
}

const CURSORS: &str =
    "cursors but 0 are a server's own, and 7.0 takes one for a C string, which ends at its first zero byte";

/// No id that is a time.
#[allow(clippy::ptr_arg, reason = "it is an `Avoided::change`")]
fn no_time(args: &mut Vec<Vec<u8>>) {
    args.iter_mut().skip(2).filter(|arg| **arg == b"*").for_each(|arg| *arg = b"53-*".to_vec());
}

const ANY: &str = "which members ANY finds is a server's own matter, and they would be stored";

fn not_any(args: &mut Vec<Vec<u8>>) {
    args.retain(|arg| !arg.eq_ignore_ascii_case(b"any"));
}

fn not_any_stored(args: &mut Vec<Vec<u8>>) {
    if args.iter().any(|arg| arg.eq_ignore_ascii_case(b"store") || arg.eq_ignore_ascii_case(b"storedist")) {
        not_any(args);
    }
}

const WITHSCORE: &str = "a fourth argument is from 7.2: a table case";

#[allow(clippy::ptr_arg, reason = "it is an `Avoided::change`")]
fn from_the_start(args: &mut Vec<Vec<u8>>) {
    if args.get(2).is_some_and(|arg| arg.contains(&0) || integer(arg).is_some_and(|n| n < 1 << 64)) {
        args[2] = b"0".to_vec();
    }
}

/// Every kind of argument that the stream avoids.
pub const AVOIDED: &[Avoided] = &[
    Avoided {
        command: "sort",
        reason: "elements whose weights are equal are in no order, and would be stored so; nor would 7.0 store where it \
                 finds an error that an earlier command has left behind",
        change: |args| {
            let at =
                |args: &[Vec<u8>], word: &str| args.iter().position(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
            if at(args, "store").is_some() && args.len() > 2 {
                while let Some(by) = at(args, "by") {
                    args.drain(by..(by + 2).min(args.len()));
                }
                if at(args, "store").is_some() && at(args, "alpha").is_none() {
                    args.insert(2, b"ALPHA".to_vec());
                }
            }
        },
    },
    Avoided {
        command: "bitfield",
        reason: "SET of less than -2^62 under OVERFLOW SAT: 7.0 subtracts past 64 bits and saturates upwards",
        change: |args| {
            for at in 4..args.len() {
                if args[at - 3].eq_ignore_ascii_case(b"set") && integer(&args[at]).is_some_and(|n| n < -(1 << 62)) {
                    args[at] = b"-1".to_vec();
                }
            }
        },
    },
    Avoided { command: "xadd", reason: "ids that are times differ", change: no_time },
    Avoided { command: "geosearchstore", reason: ANY, change: not_any },
    Avoided { command: "georadius", reason: ANY, change: not_any_stored },
    Avoided { command: "georadiusbymember", reason: ANY, change: not_any_stored },
    Avoided {
        command: "xread",
        reason: "the last entry, +, is from Redis 7.4: a table case",
        change: |args| args.iter_mut().filter(|arg| **arg == b"+").for_each(|arg| *arg = b"0".to_vec()),
    },
    Avoided { command: "hscan", reason: CURSORS, change: from_the_start },
    Avoided { command: "sscan", reason: CURSORS, change: from_the_start },
    Avoided { command: "zrank", reason: WITHSCORE, change: |args| args.truncate(3) },
    Avoided { command: "zrevrank", reason: WITHSCORE, change: |args| args.truncate(3) },
    Avoided { command: "zscan", reason: CURSORS, change: from_the_start },
    Avoided {
        command: "command|getkeys",
        reason: "of a command without arguments: 7.0 wants one, 7.2 does not, which spoils a transaction or not",
        change: |args| {
            if args.len() < 4 {
                args.push(b"k1".to_vec());
            }
        },
    },
];

#[test]
fn digits_are_compared_by_value() {
    let bulk = |text: &str| Value::Bulk(text.into());
    let double = |text: &str| Value::Double(text.into());
    let pair = |text: &str| Value::Array(vec![bulk("member"), bulk(text)]);
    for (ours, oracle, alike) in [
        (bulk("0.1"), bulk("0.10000000000000001"), true),
        (double("0.1"), double("0.10000000000000001"), true),
        (pair("3.1"), pair("3.1000000000000001"), true),
        (pair("1e+300"), pair("1.0000000000000001e+300"), true),
        (pair("1.0000000000000001e+300"), pair("1e+300"), false),
        (bulk("0.10000000000000001"), bulk("0.1"), false),
        (bulk("0.1"), bulk("0.10000000000000002"), false),
        (bulk("0.1"), double("0.10000000000000001"), false),
        (pair("0.1"), Value::Array(vec![bulk("member")]), false),
        (bulk("a"), bulk("b"), false),
        (
            Value::Map(vec![(bulk("a"), double("0.1"))]),
            Value::Map(vec![(bulk("a"), double("0.10000000000000001"))]),
            true,
        ),
    ] {
        assert_eq!(same_but_for_digits(&ours, &oracle), alike, "{ours} {oracle}");
    }
}

#[test]
fn every_difference_has_a_reason() {
    assert!(KNOWN.iter().all(|known| !known.reason.is_empty()));
    assert!(AVOIDED.iter().all(|avoided| !avoided.reason.is_empty() && !avoided.command.is_empty()));
    assert!(EXTENSIONS.iter().all(|(_, _, reason)| !reason.is_empty()));
}
