//! Key specifications: where in its arguments a command names its keys, and what it does with them.
//!
//! Owns the two-step description of Redis 7 (where the keys begin, how they go on) and the one routine that finds them
//! from it. Everything that must know a command's keys (shards to lock, cluster slot, ACL, COMMAND GETKEYS) asks here.

bitflags::bitflags! {
    /// What a command does with the keys of one specification.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct KeyFlags: u16 {
        /// Reads the value's data or metadata.
        const RO = 1;
        /// Reads and changes it.
        const RW = 1 << 1;
        /// Overwrites it whole.
        const OW = 1 << 2;
        /// Deletes it.
        const RM = 1 << 3;
        /// Returns or copies user data of the value.
        const ACCESS = 1 << 4;
        /// Changes data of a value.
        const UPDATE = 1 << 5;
        /// Adds data and never changes what is there.
        const INSERT = 1 << 6;
        /// Deletes some of the value's data.
        const DELETE = 1 << 7;
        /// Not a key, though it is routed like one.
        const NOT_KEY = 1 << 8;
        /// The specification may miss some of the keys.
        const INCOMPLETE = 1 << 9;
        /// The flags depend on the arguments.
        const VARIABLE_FLAGS = 1 << 10;
    }
}

/// The names of [`KeyFlags`] as COMMAND INFO prints them, in its order.
pub const KEY_FLAG_NAMES: &[(KeyFlags, &str)] = &[
    (KeyFlags::RO, "RO"),
    (KeyFlags::RW, "RW"),
    (KeyFlags::OW, "OW"),
    (KeyFlags::RM, "RM"),
    (KeyFlags::ACCESS, "access"),
    (KeyFlags::UPDATE, "update"),
    (KeyFlags::INSERT, "insert"),
    (KeyFlags::DELETE, "delete"),
    (KeyFlags::NOT_KEY, "not_key"),
    (KeyFlags::INCOMPLETE, "incomplete"),
    (KeyFlags::VARIABLE_FLAGS, "variable_flags"),
];

impl KeyFlags {
    /// The names that COMMAND INFO prints for this set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        KEY_FLAG_NAMES.iter().filter(move |(f, _)| self.contains(*f)).map(|(_, n)| *n)
    }
}

/// Where the keys begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At this argument; the name is argument 0.
    Index(u16),
    /// After this keyword, searched from argument `from` (negative: backwards, from the end).
    Keyword(&'static str, i16),
    /// Cannot be told by a rule.
    Unknown,
}

/// How the keys go on from where they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// To `last` (relative to the first if >= 0; -1 the last argument, -2 the last but one…), each `step`-th argument;
    /// `limit` > 1 with `last` = -1: only the first 1/limit of the rest.
    Range {
        /// See above.
        last: i16,
        /// Distance between two keys.
        step: u16,
        /// Divisor of the rest.
        limit: u16,
    },
    /// As many as the argument at `count` says, from `first` on; both relative to the begin.
    KeyNum {
        /// Offset of the number of keys.
        count: u16,
        /// Offset of the first key.
        first: u16,
        /// Distance between two keys.
        step: u16,
    },
    /// Cannot be told by a rule.
    Unknown,
}

/// One specification of a command's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// Where they begin.
    pub begin: Begin,
    /// How they go on.
    pub find: Find,
    /// What is done with them.
    pub flags: KeyFlags,
}

impl KeySpec {
    /// One key at argument `at`.
    pub const fn one(at: u16, flags: KeyFlags) -> Self {
        Self::range(at, 0, 1, flags)
    }

    /// Keys from argument `at` to `last` (see [`Find::Range`]), each `step`-th.
    pub const fn range(at: u16, last: i16, step: u16, flags: KeyFlags) -> Self {
        Self { begin: Begin::Index(at), find: Find::Range { last, step, limit: 0 }, flags }
    }

    /// Where the keys are in a command of `argc` arguments.
    fn resolve<'a>(&self, argc: usize, arg: &impl Fn(usize) -> &'a [u8]) -> Resolved {
        let first = match self.begin {
            Begin::Index(i) => i as usize,
            // A keyword with nothing behind it is the command's to complain about.
            Begin::Keyword(word, from) => match find_keyword(word, from, argc, arg) {
                Some(at) if at < argc => at,
                _ => return Resolved::Nothing,
            },
            Begin::Unknown => return Resolved::Nothing,
        };
        if first >= argc {
            return Resolved::Wrong;
        }
        let range = match self.find {
            Find::Range { last, step, limit } => {
                let end = if last >= 0 {
                    Some(first + last as usize)
                } else if limit > 1 {
                    ((argc - first) / limit as usize).checked_sub(1).map(|more| first + more)
                } else {
                    Some((argc as i64 + i64::from(last)).max(0) as usize)
                };
                end.map(|end| (first, end, step))
            }
            Find::KeyNum { count, first: offset, step } => {
                let at = first + count as usize;
                let number = (at < argc).then(|| crate::base::num::parse_i64(arg(at))).flatten();
                let begin = first + offset as usize;
                let last = |n: usize| n.checked_sub(1)?.checked_mul(step.max(1) as usize)?.checked_add(begin);
                number.and_then(|n| usize::try_from(n).ok()).and_then(last).map(|end| (begin, end, step))
            }
            Find::Unknown => return Resolved::Nothing,
        };
        match range {
            Some((first, end, step)) if first <= end && end < argc => Resolved::At(first, end, step.max(1) as usize),
            _ => Resolved::Wrong,
        }
    }
}

/// What one specification comes to in a command.
enum Resolved {
    /// Keys from one argument to another, each so many.
    At(usize, usize, usize),
    /// There are none: its keyword is absent, or no rule can tell.
    Nothing,
    /// The arguments do not fit it: there are fewer of them than it needs, or a number that is none.
    Wrong,
}

fn find_keyword<'a>(word: &str, from: i16, argc: usize, arg: &impl Fn(usize) -> &'a [u8]) -> Option<usize> {
    let is = |i: &usize| arg(*i).eq_ignore_ascii_case(word.as_bytes());
    let at = if from >= 0 {
        (from as usize..argc).find(is)
    } else {
        let start = argc.checked_sub(from.unsigned_abs() as usize)?;
        (1..=start).rev().find(is)
    };
    at.map(|i| i + 1)
}

/// Calls `each` with the index and flags of every key of a command of `argc` arguments; returns whether the arguments fit
/// every specification. O(keys).
pub fn for_each_key<'a>(
    specs: &[KeySpec],
    argc: usize,
    arg: impl Fn(usize) -> &'a [u8],
    mut each: impl FnMut(usize, KeyFlags),
) -> bool {
    let mut all = true;
    for spec in specs {
        match spec.resolve(argc, &arg) {
            Resolved::At(first, last, step) => (first..=last).step_by(step).for_each(|i| each(i, spec.flags)),
            Resolved::Nothing => {}
            Resolved::Wrong => all = false,
        }
    }
    all
}

/// The argument that holds the only key of a command whose keys are always exactly one, else 0. Const, so that a row
/// can hold it.
pub const fn first_key(specs: &[KeySpec]) -> u8 {
    if specs.len() != 1 || specs[0].flags.contains(KeyFlags::NOT_KEY) {
        return 0;
    }
    match (specs[0].begin, specs[0].find) {
        (Begin::Index(i), Find::Range { last: 0, .. }) => i as u8,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(specs: &[KeySpec], args: &[&str]) -> Vec<usize> {
        let mut out = Vec::new();
        for_each_key(specs, args.len(), |i| args[i].as_bytes(), |i, _| out.push(i));
        out
    }

    #[test]
    fn ranges_keywords_and_counts() {
        let f = KeyFlags::RO;
        assert_eq!(keys(&[KeySpec::one(1, f)], &["get", "k"]), [1]);
        assert_eq!(keys(&[KeySpec::range(1, -1, 2, f)], &["mset", "a", "1", "b", "2"]), [1, 3]);
        assert_eq!(
            keys(&[KeySpec::one(2, f), KeySpec::range(3, -1, 1, f)], &["bitop", "and", "d", "a", "b"]),
            [2, 3, 4]
        );
        let by_count = KeySpec { begin: Begin::Index(1), find: Find::KeyNum { count: 0, first: 1, step: 1 }, flags: f };
        assert_eq!(keys(&[by_count], &["x", "2", "a", "b", "c"]), [2, 3]);
        assert_eq!(keys(&[by_count], &["x", "9", "a", "b", "c"]), [] as [usize; 0]);
        let word =
            KeySpec { begin: Begin::Keyword("KEYS", -2), find: Find::Range { last: -1, step: 1, limit: 0 }, flags: f };
        assert_eq!(keys(&[word], &["migrate", "h", "p", "", "0", "1", "keys", "a", "b"]), [7, 8]);
        let half = KeySpec {
            begin: Begin::Keyword("STREAMS", 1),
            find: Find::Range { last: -1, step: 1, limit: 2 },
            flags: f,
        };
        assert_eq!(keys(&[half], &["xread", "streams", "a", "b", "0", "0"]), [2, 3]);
        assert_eq!(keys(&[half], &["xread"]), [] as [usize; 0]);
    }

    /// The forms of the commands whose keys are not simply at a place, as their rows write them down.
    #[test]
    fn every_form_of_the_documentation() {
        const RO: KeyFlags = KeyFlags::RO.union(KeyFlags::ACCESS);
        const fn spec(begin: Begin, find: Find, flags: KeyFlags) -> KeySpec {
            KeySpec { begin, find, flags }
        }
        const NUMBERED: Find = Find::KeyNum { count: 0, first: 1, step: 1 };
        const ALL: Find = Find::Range { last: -1, step: 1, limit: 0 };
        const HALF: Find = Find::Range { last: -1, step: 1, limit: 2 };
        let eval = [spec(Begin::Index(2), NUMBERED, RO)];
        let xread = [spec(Begin::Keyword("STREAMS", 1), HALF, RO)];
        let xreadgroup = [spec(Begin::Keyword("STREAMS", 4), HALF, RO)];
        let migrate = [KeySpec::one(3, RO), spec(Begin::Keyword("KEYS", -2), ALL, RO.union(KeyFlags::INCOMPLETE))];
        let sort = [KeySpec::one(1, RO), spec(Begin::Unknown, Find::Unknown, RO.union(KeyFlags::INCOMPLETE))];
        let store = [KeySpec::one(1, RO), spec(Begin::Index(2), NUMBERED, RO)];
        let geo =
            [KeySpec::one(1, RO), spec(Begin::Keyword("STORE", 6), Find::Range { last: 0, step: 1, limit: 0 }, RO)];
        let spublish = [KeySpec::one(1, KeyFlags::NOT_KEY)];
        let cases: [(&[KeySpec], &str, &[usize], bool); 23] = [
            (&eval, "eval s 2 a b c", &[3, 4], true),
            (&eval, "eval s 0 a", &[], false),
            (&eval, "eval s 9 a", &[], false),
            (&eval, "eval s -1 a", &[], false),
            (&eval, "eval s 9223372036854775807 a", &[], false),
            (&eval, "eval s x a", &[], false),
            (&eval, "eval s", &[], false),
            (&xread, "xread count 1 streams a b 0 0", &[4, 5], true),
            (&xread, "xread streams a b 0", &[2], true),
            (&xread, "xread count 1 block 2", &[], true),
            (&xread, "xread count 1 streams", &[], true),
            (&xread, "xread count 1 streams a", &[], false),
            (&xreadgroup, "xreadgroup group streams c streams a >", &[5], true),
            (&migrate, "migrate h 1 k 0 1 copy", &[3], true),
            (&migrate, "migrate h 1 k 0 1 keys a b", &[3, 7, 8], true),
            (&sort, "sort l by x", &[1], true),
            (&store, "zunionstore d 2 a b", &[1, 3, 4], true),
            (&store, "zunionstore d 3 a b", &[1], false),
            (&geo, "georadius k 1 2 3 m store d", &[1, 7], true),
            (&geo, "georadius k 1 2 3 m", &[1], true),
            (&geo, "georadius k 1 2 3 m store", &[1], true),
            (&spublish, "spublish c m", &[1], true),
            (&[], "ping", &[], true),
        ];
        for (specs, line, at, sound) in cases {
            let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            let mut found = Vec::new();
            let fits = for_each_key(specs, args.len(), |i| args[i], |i, _| found.push(i));
            assert_eq!((&found[..], fits), (at, sound), "{line}");
        }
        assert_eq!(first_key(&spublish), 0);
    }
}
