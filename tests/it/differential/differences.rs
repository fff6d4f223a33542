//! Where ours is meant to differ from redis-server 7.0, each with its reason: the one list of them.
//!
//! A difference in a reply alone is known when it is met ([`KNOWN`]). One that would leave different data behind must
//! not come up at all: it is kept out of the stream ([`EXTENSIONS`], [`AVOIDED`]).

use super::generator::integer;
use crate::support::Value;

/// A reply that differs.
pub struct Known {
    /// Why.
    pub reason: &'static str,
    /// Whether it is this one: name of the command, its arguments, our reply, the oracle's.
    pub applies: fn(&str, &[Vec<u8>], &Value, &Value) -> bool,
}

/// Every reply that may differ.
pub const KNOWN: &[Known] = &[
    Known {
        reason: "redis-server counts its own temporary references too, such as those of a queued command",
        applies: |name, _, ours, oracle| {
            name == "object|refcount" && matches!((ours, oracle), (Value::Int(1..), Value::Int(1..)))
        },
    },
    Known {
        reason: "an unsupported option is shown up to 128 bytes and as UTF-8, where 7.0 shows it whole",
        applies: |name, _, ours, oracle| {
            let is = |v: &Value| matches!(v, Value::Error(text) if text.starts_with(b"ERR Unsupported option "));
            name.contains("expire") && is(ours) && is(oracle)
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
];

/// Options that the oracle does not know: command, token, reason.
pub const EXTENSIONS: &[(&str, &str, &str)] = &[
    ("set", "IFEQ", "from Redis 8.4: a table case"),
    ("hscan", "NOVALUES", "from Redis 7.4: a table case"),
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

/// Every kind of argument that the stream avoids.
pub const AVOIDED: &[Avoided] = &[
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
    Avoided {
        command: "hscan",
        reason: "cursors but 0 are a server's own, and 7.0 takes one for a C string, which ends at its first zero byte",
        change: |args| {
            if args.get(2).is_some_and(|arg| arg.contains(&0) || integer(arg).is_some_and(|n| n < 1 << 64)) {
                args[2] = b"0".to_vec();
            }
        },
    },
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
fn every_difference_has_a_reason() {
    assert!(KNOWN.iter().all(|known| !known.reason.is_empty()));
    assert!(AVOIDED.iter().all(|avoided| !avoided.reason.is_empty() && !avoided.command.is_empty()));
    assert!(EXTENSIONS.iter().all(|(_, _, reason)| !reason.is_empty()));
}
