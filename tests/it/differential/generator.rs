//! Random commands, derived from the command table: every row of this release's groups, by its own notation.
//!
//! What is written by hand is only what the table cannot know: weights, what is left out and why, and what would make
//! two servers differ without either being wrong (see `values`). Knows nothing of connections.

use std::collections::{BTreeMap, BTreeSet};

use ostracon::base::rng::Rng;
use ostracon::commands::{Commands, Row};
use ostracon::spec::{Command, Group, for_each_key};

use super::differences::{AVOIDED, EXTENSIONS};
use super::syntax::{Node, any_case, parse};
use super::values;

/// Commands that the stream leaves out, with the reason.
const LEFT_OUT: &[(&str, &str)] = &[
    ("quit", "ends the connection"),
    ("scan", "its cursors are a server's own: the stream scans to the end instead"),
    ("subscribe", "answers with a message for each name, and leaves a connection that may do little"),
    ("psubscribe", "as subscribe"),
    ("ssubscribe", "as subscribe"),
    ("unsubscribe", "answers with a message for each name"),
    ("punsubscribe", "as unsubscribe"),
    ("sunsubscribe", "as unsubscribe"),
    ("monitor", "turns the connection into another kind"),
    ("shutdown", "ends the server"),
    ("wait", "waits"),
    ("waitaof", "waits"),
    ("hello", "its reply describes the server: sent between chunks to change the protocol"),
    ("migrate", "needs another server"),
    ("dump", "the version in its payload is the server's own"),
    ("restore", "needs a payload"),
    ("object|freq", "refused or not, by maxmemory-policy alone: a table case"),
    ("client|caching", "needs tracking"),
    ("client|getredir", "needs tracking"),
    ("client|tracking", "sends messages of its own"),
    ("client|trackinginfo", "needs tracking"),
    ("client|id", "a server's own number"),
    ("client|info", "describes the connection"),
    ("client|list", "describes the connections"),
    ("client|kill", "ends connections"),
    ("client|pause", "stops the server"),
    ("client|unpause", "belongs to CLIENT PAUSE"),
    ("client|unblock", "ids are a server's own"),
    ("client|reply", "switches the replies off that are compared"),
    ("client|help", "grows from version to version: a table case"),
    ("pubsub|channels", "the stream has no subscribers: a table case"),
    ("pubsub|help", "its last line changed with 7.2: a table case"),
    ("pubsub|numpat", "as pubsub|channels"),
    ("pubsub|numsub", "as pubsub|channels"),
    ("pubsub|shardchannels", "as pubsub|channels"),
    ("pubsub|shardnumsub", "as pubsub|channels"),
    ("client|setinfo", "new in 7.2"),
    ("client|no-touch", "new in 7.2"),
    ("auth", "a table case"),
    ("xinfo|consumers", "shows times: a table case"),
    ("xinfo|help", "in words of ours: a table case"),
    ("xgroup|help", "in words of ours: a table case"),
    ("pfselftest", "takes redis-server half a second: a table case"),
];

/// Commands of group `server` that touch nothing but the dataset.
const SERVER: [&str; 5] = ["dbsize", "flushdb", "flushall", "swapdb", "command|getkeys"];

/// How often a command comes; the others: [`WEIGHT`].
const WEIGHTS: &[(&str, u64)] = &[
    ("set", 80),
    ("get", 30),
    ("getset", 15),
    ("bitfield", 30),
    ("incr", 20),
    ("incrbyfloat", 25),
    ("append", 20),
    ("lpush", 30),
    ("rpush", 60),
    ("setrange", 20),
    ("expire", 15),
    ("copy", 15),
    ("lcs", 2),
    ("hset", 40),
    ("hincrbyfloat", 15),
    ("sadd", 40),
    ("sunionstore", 15),
    ("spop", 6),
    ("lpush", 20),
    ("rpush", 30),
    ("linsert", 15),
    ("lset", 15),
    ("zadd", 50),
    ("geoadd", 40),
    ("pfadd", 30),
    ("xadd", 120),
    ("xreadgroup", 60),
    ("xgroup|create", 25),
    ("xack", 20),
    ("pfdebug", 4),
    ("flushdb", 1),
    ("flushall", 1),
    ("swapdb", 3),
    ("reset", 1),
    ("keys", 4),
    ("discard", 2),
    ("multi", 5),
    ("exec", 5),
    ("watch", 8),
    ("unwatch", 2),
    ("move", 12),
    ("select", 6),
];
const WEIGHT: u64 = 10;

struct Entry {
    name: &'static str,
    notation: Node,
    up_to: u64,
}

/// The source of the stream.
pub struct Generator {
    rng: Rng,
    entries: Vec<Entry>,
}

/// Whether redis-server 7.0 knows a command of this version.
fn known_to_the_oracle(since: &str) -> bool {
    let mut parts = since.split('.').map(|part| part.parse::<u32>().unwrap_or(u32::MAX));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) <= (7, 0)
}

fn wanted(spec: &Command) -> bool {
    let group = match spec.group {
        Group::Server => SERVER.contains(&spec.name),
        // A random text is no script: `tests/it/script_cases` and `tests/it/functions` have the scripts that are compared.
        Group::Scripting => false,
        _ => !LEFT_OUT.iter().any(|(name, _)| *name == spec.name),
    };
    group && known_to_the_oracle(spec.since)
}

fn notation(spec: &Command) -> Node {
    let own = EXTENSIONS.iter().filter(|(command, ..)| *command == spec.name);
    own.fold(parse(spec.syntax), |node, (_, token, _)| node.without(token))
}

impl Generator {
    /// Of this seed.
    pub fn new(seed: u64) -> Generator {
        Generator::of(seed, |_| true)
    }

    /// Of this seed, and of the groups that the environment names, for whoever works on one family.
    pub fn of_groups(seed: u64) -> Generator {
        match std::env::var("OSTRACON_GROUPS") {
            Ok(groups) => Generator::of(seed, |group| groups.split(',').any(|one| one == group.name())),
            Err(_) => Generator::new(seed),
        }
    }

    fn of(seed: u64, chosen: impl Fn(Group) -> bool) -> Generator {
        let commands = Commands::default();
        let mut up_to = 0;
        let mut entries = Vec::new();
        let is_drawn = |row: &Row| row.subs.is_empty() && wanted(&row.spec) && chosen(row.spec.group);
        for (_, row) in commands.all().filter(|(_, row)| is_drawn(row)) {
            up_to += WEIGHTS.iter().find(|(name, _)| *name == row.spec.name).map_or(WEIGHT, |(_, weight)| *weight);
            entries.push(Entry { name: row.spec.name, notation: notation(&row.spec), up_to });
        }
        assert!(!entries.is_empty(), "no command is of these groups");
        Generator { rng: Rng::new(seed), entries }
    }

    /// The names of the commands that it draws from.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.entries.iter().map(|entry| entry.name)
    }

    /// The options and arguments that have never been drawn, with their command.
    pub fn undrawn(&self) -> Vec<String> {
        let mut all = Vec::new();
        // The arguments of this one are other commands.
        for entry in self.entries.iter().filter(|entry| entry.name != "command|getkeys") {
            let mut words = Vec::new();
            entry.notation.undrawn(&mut words);
            all.extend(words.iter().map(|word| format!("{} {word}", entry.name)));
        }
        all
    }

    /// The generator's own dice, for what surrounds the commands.
    pub fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    /// The next commands: nearly always one.
    pub fn next(&mut self) -> Vec<Vec<Vec<u8>>> {
        match self.rng.below(400) {
            0 => vec![self.unknown()],
            1..=8 => self.transaction(),
            _ => self.one(),
        }
    }

    /// A whole MULTI/EXEC block.
    fn transaction(&mut self) -> Vec<Vec<Vec<u8>>> {
        let mut all = vec![vec![b"MULTI".to_vec()]];
        for _ in 0..self.rng.below(8) {
            all.extend(self.one());
        }
        all.push(vec![if self.rng.below(8) == 0 { b"DISCARD".to_vec() } else { b"EXEC".to_vec() }]);
        all
    }

    fn one(&mut self) -> Vec<Vec<Vec<u8>>> {
        let total = self.entries.last().map_or(1, |entry| entry.up_to);
        let at = self.rng.below(total);
        let entry = self.entries.iter().find(|entry| at < entry.up_to).expect("the weights add up");
        let name = entry.name;
        let rng = &mut self.rng;
        let mut args: Vec<Vec<u8>> = name.split('|').map(|word| any_case(rng, &word.to_ascii_uppercase())).collect();
        let words = args.len();
        if name == "command|getkeys" {
            let mut inner = self.one();
            let inner = inner.swap_remove(self.rng.below(inner.len() as u64) as usize);
            args.extend(inner);
            avoid(name, &mut args);
            return vec![args];
        }
        entry.notation.draw(rng, &mut args, &mut |rng, argument| values::value(rng, name, argument));
        match rng.below(100) {
            0 if args.len() > 1 => drop(args.pop()),
            1 => args.push(values::anything(rng)),
            2 | 3 if args.len() > words => {
                let at = words + rng.below((args.len() - words) as u64) as usize;
                args[at] = values::anything(rng);
            }
            _ => {}
        }
        balance(rng, name, &mut args);
        keep_counters_whole(name, &mut args);
        avoid(name, &mut args);
        tame(rng, name, &mut args);
        count_keys(&mut args);
        if rng.below(40) == 0 {
            add_many(rng, name, &mut args);
        }
        if let Some(at) = ordered_by_member(name, &args) {
            return of_equal_scores(rng, name, args, at);
        }
        if matches!(name, "sort" | "sort_ro") && args.len() > 1 {
            return of_a_copy(args);
        }
        if lands_in_the_past(&args) {
            // A key whose time is over is there until somebody asks for it: ask at once, or DBSIZE depends on chance.
            let touch = vec![b"EXISTS".to_vec(), args[1].clone()];
            return vec![args, touch];
        }
        if name == "bitfield" && args.len() > 1 && args.iter().any(|arg| arg.eq_ignore_ascii_case(b"fail")) {
            // An overflow that fails may still lengthen the value, of which 7.0 tells no WATCH: change it for both.
            let change = vec![b"APPEND".to_vec(), args[1].clone(), b"x".to_vec()];
            return vec![args, change];
        }
        vec![args]
    }

    fn unknown(&mut self) -> Vec<Vec<u8>> {
        let name = values::pick(&mut self.rng, &["nosuch", "NO\0", "object nosuch", "client nosuch", "a\r\nb", ""]);
        let mut args: Vec<Vec<u8>> = name.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        args.extend((0..self.rng.below(5)).map(|_| values::string(&mut self.rng)));
        args
    }
}

/// As many ids as streams, nearly always. No id with a zero byte, which ends it for 7.0.
fn balance(rng: &mut Rng, name: &str, args: &mut Vec<Vec<u8>>) {
    if name.starts_with('x') {
        args.iter_mut().for_each(|arg| arg.retain(|byte| *byte != 0));
    }
    let Some(at) = args.iter().position(|arg| arg.eq_ignore_ascii_case(b"streams")) else { return };
    if !matches!(name, "xread" | "xreadgroup") || rng.below(30) == 0 {
        return;
    }
    args.truncate(at + 1);
    // One stream for a group: `afterwards` makes its consumer in one.
    let streams = if name == "xread" { 1 + rng.below(2) } else { 1 };
    (0..streams).for_each(|_| args.push(values::value(rng, name, "key")));
    (0..streams).for_each(|_| args.push(values::value(rng, name, "ID")));
}

/// HyperLogLogs have keys of their own, whose bits nothing else changes: 7.0 reads past the end of a corrupted one, and
/// what it finds there decides.
fn keep_counters_whole(name: &str, args: &mut [Vec<u8>]) {
    let of_counters = |key: &Vec<u8>| key.is_empty() || key.starts_with(b"p");
    let keys = match name {
        "pfadd" => 1..2,
        "pfdebug" => 2..3,
        "pfcount" | "pfmerge" => 1..args.len(),
        _ => 0..0,
    };
    for key in args.iter_mut().take(keys.end).skip(keys.start).filter(|key| !of_counters(key)) {
        *key = format!("p{}", key.len() % 3).into_bytes();
    }
    let changed = match name {
        "append" | "setbit" | "setrange" | "bitfield" => 1,
        "bitop" => 2,
        "copy" | "rename" | "renamenx" if args.get(1).is_some_and(|from| !of_counters(from)) => 2,
        _ => return,
    };
    if let Some(key) = args.get_mut(changed).filter(|key| of_counters(key)) {
        *key = b"k1".to_vec();
    }
}

/// Puts the number of the keys that follow in the place of [`values::NUMKEYS`].
fn count_keys(args: &mut [Vec<u8>]) {
    const BEHIND_KEYS: [&str; 8] = ["LEFT", "RIGHT", "MIN", "MAX", "LIMIT", "WEIGHTS", "AGGREGATE", "WITHSCORES"];
    let Some(at) = args.iter().position(|arg| arg == values::NUMKEYS.as_bytes()) else { return };
    let ends = |arg: &Vec<u8>| BEHIND_KEYS.iter().any(|word| arg.eq_ignore_ascii_case(word.as_bytes()));
    let keys = args[at + 1..].iter().take_while(|arg| !ends(arg)).count();
    args[at] = keys.to_string().into_bytes();
}

/// Makes a collection large at one stroke, and most of it go by another: small ones have another form.
fn add_many(rng: &mut Rng, name: &str, args: &mut Vec<Vec<u8>>) {
    if args.len() < 3 {
        return;
    }
    let (pairs, letter) = (matches!(name, "hset" | "hmset" | "zadd"), pick_letter(rng));
    if name == "zadd" {
        // The score comes first.
        args.push(b"1".to_vec());
    }
    if pairs && (name == "zadd" || args.len().is_multiple_of(2))
        || matches!(name, "sadd" | "srem" | "rpush" | "lpush" | "hdel" | "smismember")
    {
        let start = rng.below(100);
        for n in start..start + [20, 100, 600][rng.below(3) as usize] {
            args.push(format!("{letter}{n}").into_bytes());
            if pairs {
                args.push(n.to_string().into_bytes());
            }
        }
    }
}

/// Where the key is of a command that takes a sorted set in the order of its members.
fn ordered_by_member(name: &str, args: &[Vec<u8>]) -> Option<usize> {
    let by_lex = args.iter().any(|arg| arg.eq_ignore_ascii_case(b"bylex"));
    let at = match name {
        "zlexcount" | "zrangebylex" | "zrevrangebylex" | "zremrangebylex" => 1,
        "zrange" if by_lex => 1,
        "zrangestore" if by_lex => 2,
        _ => return None,
    };
    (at < args.len()).then_some(at)
}

/// Where scores differ the order of members has no meaning: these commands have keys of their own, whose scores are all
/// the same.
fn of_equal_scores(rng: &mut Rng, name: &str, mut args: Vec<Vec<u8>>, at: usize) -> Vec<Vec<Vec<u8>>> {
    let key = format!("y{}", rng.below(3)).into_bytes();
    let mut add = vec![b"ZADD".to_vec(), key.clone()];
    for _ in 0..1 + rng.below(6) {
        add.extend([b"0".to_vec(), values::value(rng, "zadd", "member")]);
    }
    args[at] = key;
    if name.starts_with("zrange") && !name.ends_with("lex") && rng.below(10) > 0 {
        // Drawn before the option was.
        args.iter_mut().skip(at + 1).take(2).for_each(|arg| *arg = values::value(rng, "zlexcount", "min"));
    }
    vec![add, args]
}

/// SORT unpacks a sorted set in 7.0 and leaves it so, while ours changes nothing: it sorts a copy that goes afterwards.
fn of_a_copy(mut args: Vec<Vec<u8>>) -> Vec<Vec<Vec<u8>>> {
    let key = std::mem::replace(&mut args[1], b"q".to_vec());
    vec![vec![b"COPY".to_vec(), key, b"q".to_vec(), b"REPLACE".to_vec()], args, vec![b"DEL".to_vec(), b"q".to_vec()]]
}

/// Nothing before a number makes it an integer.
fn pick_letter(rng: &mut Rng) -> &'static str {
    values::pick(rng, &["", "", "m", "f"])
}

/// What goes to both servers right after a command, so that they stay comparable: the members that SPOP takes are
/// chance, and so what is left of the set goes as well.
pub fn afterwards(args: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    match args {
        [name, key, ..] if name.eq_ignore_ascii_case(b"spop") => Some(vec![b"DEL".to_vec(), key.clone()]),
        // From 7.2 on a consumer is made by asking, also where there is nothing to get.
        [name, key, group, consumer, ..]
            if name.eq_ignore_ascii_case(b"xclaim") || name.eq_ignore_ascii_case(b"xautoclaim") =>
        {
            Some([&b"XGROUP"[..], &b"CREATECONSUMER"[..], key, group, consumer].map(<[u8]>::to_vec).to_vec())
        }
        [name, _, group, consumer, .., key, _] if name.eq_ignore_ascii_case(b"xreadgroup") => {
            Some([&b"XGROUP"[..], &b"CREATECONSUMER"[..], key, group, consumer].map(<[u8]>::to_vec).to_vec())
        }
        _ => None,
    }
}

fn avoid(name: &str, args: &mut Vec<Vec<u8>>) {
    AVOIDED.iter().filter(|avoided| avoided.command == name).for_each(|avoided| (avoided.change)(args));
}

/// The number that an argument is, `#` before it or not.
pub fn integer(arg: &[u8]) -> Option<i128> {
    std::str::from_utf8(arg).ok()?.trim_start_matches('#').parse().ok()
}

/// Takes the sting out of what an exchanged argument may have made: an offset that allocates hundreds of megabytes, a
/// time to live that ends during the run.
fn tame(rng: &mut Rng, name: &str, args: &mut [Vec<u8>]) {
    let is = |arg: &Vec<u8>, words: &[&str]| words.iter().any(|w| arg.eq_ignore_ascii_case(w.as_bytes()));
    let after = |words: &[&str], by: usize| -> Vec<usize> {
        (1..args.len().saturating_sub(by)).filter(|i| is(&args[*i], words)).map(|i| i + by).collect()
    };
    let offsets = match name {
        "setbit" | "setrange" => vec![2],
        "bitfield" => after(&["get", "set", "incrby"], 2),
        _ => vec![],
    };
    let times = match name {
        "expire" | "pexpire" | "expireat" | "pexpireat" | "setex" | "psetex" => vec![2],
        "set" | "getex" => after(&["ex", "px", "exat", "pxat"], 1),
        _ => vec![],
    };
    if let Some(at) = timeout_of(name, args.len())
        && let Some(arg) = args.get_mut(at)
        && std::str::from_utf8(arg).is_ok_and(|text| text.parse() != Ok(-1.0) && text.parse() != Ok(0.001))
    {
        // Nobody else would end the wait.
        *arg = b"0.002".to_vec();
    }
    // A negative count asks for as many elements.
    if (name == "hrandfield" || name == "srandmember")
        && args.get(2).and_then(|arg| integer(arg)).is_some_and(|n| (-1 << 63) < n && n < -1000)
    {
        args[2] = b"-5".to_vec();
    }
    for at in offsets {
        let limit = if name == "setrange" { 80_000..536_870_912 } else { 1_000_000..4_294_967_296 };
        if args.get(at).and_then(|arg| integer(arg)).is_some_and(|n| limit.contains(&n)) {
            args[at] = rng.below(100).to_string().into_bytes();
        }
    }
    for at in times {
        if args.get(at).and_then(|arg| integer(arg)).is_some_and(|n| (1..20_000_000).contains(&n)) {
            let far = values::value(rng, name, if name.starts_with('p') { "milliseconds" } else { "seconds" });
            let fits = integer(&far).is_some_and(|n| n > 20_000_000);
            args[at] = if fits { far } else { b"-1".to_vec() };
        }
    }
}

/// Whether a command may wait.
pub fn may_wait(name: &str) -> bool {
    timeout_of(name, usize::MAX).is_some()
}

/// Where a blocking command of this many arguments says how long it waits.
fn timeout_of(name: &str, args: usize) -> Option<usize> {
    match name {
        "blpop" | "brpop" | "bzpopmin" | "bzpopmax" => args.checked_sub(1),
        "blmove" => Some(5),
        "brpoplpush" => Some(3),
        "blmpop" | "bzmpop" => Some(1),
        _ => None,
    }
}

/// SET with a point in time that is over.
fn lands_in_the_past(args: &[Vec<u8>]) -> bool {
    let absolute = |arg: &Vec<u8>| arg.eq_ignore_ascii_case(b"exat") || arg.eq_ignore_ascii_case(b"pxat");
    args.len() > 4 && args[0].eq_ignore_ascii_case(b"set") && args[3..].iter().any(absolute)
}

/// Groups whose commands the stream is to cover whole.
const COVERED: [Group; 10] = [
    Group::String,
    Group::Bitmap,
    Group::Generic,
    Group::List,
    Group::Hash,
    Group::Set,
    Group::SortedSet,
    Group::HyperLogLog,
    Group::Geo,
    Group::Stream,
];

/// That no option is left over, but those that [`EXTENSIONS`] names.
#[test]
fn every_option_is_drawn() {
    let mut generator = Generator::new(1);
    for _ in 0..60_000 {
        generator.next();
    }
    assert_eq!(generator.undrawn(), [""; 0]);
    let commands = Commands::default();
    for (name, token, _) in EXTENSIONS {
        let known = commands.all().any(|(_, row)| row.spec.name == *name && row.spec.syntax.contains(token));
        assert!(known, "{name} has no {token}");
    }
}

/// A kind of argument: what it is called, whether an argument is of it, and the groups that must meet it.
type Kind = (&'static str, fn(&[u8]) -> bool, &'static [Group]);

/// The kinds of argument that are hard.
const KINDS: [Kind; 6] = {
    use Group::{Geo, Hash, HyperLogLog, List, Set, SortedSet, Stream, String};
    fn is_one_of(arg: &[u8], words: &[&str]) -> bool {
        words.iter().any(|word| arg.eq_ignore_ascii_case(word.as_bytes()))
    }
    [
        ("a huge number", |arg| integer(arg).is_some_and(|n| n >= i128::from(i64::MAX)), &COVERED),
        ("a negative number", |arg| integer(arg).is_some_and(|n| n < 0), &COVERED),
        ("no number", |arg| is_one_of(arg, &["nan"]), &[String, Hash, SortedSet, Geo]),
        ("infinity", |arg| is_one_of(arg, &["inf", "-inf", "+inf", "infinity"]), &[String, Hash, SortedSet, Geo]),
        ("nothing", <[u8]>::is_empty, &COVERED),
        ("70 KB", |arg| arg.len() >= 70_000, &[String, List, Hash, Set, SortedSet, HyperLogLog, Geo, Stream]),
    ]
};

/// That every group is given what is hard: arguments of each kind, a key without a byte, keys with values of other types.
#[test]
fn every_kind_of_argument_is_drawn() {
    let commands = Commands::default();
    let rows: BTreeMap<&str, &Row> = commands.all().map(|(_, row)| (row.spec.name, row)).collect();
    let mut generator = Generator::new(2);
    let mut met: BTreeSet<(&str, &str)> = BTreeSet::new();
    for args in (0..60_000).flat_map(|_| generator.next()) {
        let Some(row) = rows.get(super::name_of(&args).as_str()) else { continue };
        let group = row.spec.group.name();
        let kinds = KINDS.iter().filter(|(_, holds, _)| args[1..].iter().any(|arg| holds(arg)));
        met.extend(kinds.map(|(kind, ..)| (group, *kind)));
        for_each_key(
            row.spec.keys,
            args.len(),
            |at| &args[at],
            |at, _| {
                match &args[at][..] {
                    [] => met.insert((group, "a key without a byte")),
                    [b'k', _] => met.insert((group, "a key of any type")),
                    _ => false,
                };
            },
        );
    }
    for group in COVERED {
        let kinds = KINDS.iter().filter(|(.., groups)| groups.contains(&group)).map(|(kind, ..)| *kind);
        let any_type = (group != Group::HyperLogLog).then_some("a key of any type");
        for kind in kinds.chain(["a key without a byte"]).chain(any_type) {
            assert!(met.contains(&(group.name(), kind)), "{}: {kind}", group.name());
        }
    }
}

/// That every command of the table is either in the stream or left out for a reason, and no reason is stale.
#[test]
fn every_command_is_drawn_or_left_out_for_a_reason() {
    let commands = Commands::default();
    let generator = Generator::new(1);
    let names: Vec<&str> = generator.names().collect();
    for (_, row) in commands.all().filter(|(_, row)| row.subs.is_empty() && COVERED.contains(&row.spec.group)) {
        let (name, left_out) = (row.spec.name, LEFT_OUT.iter().any(|(name, _)| *name == row.spec.name));
        assert!(names.contains(&name) || left_out || !known_to_the_oracle(row.spec.since), "{name}");
    }
    for (name, reason) in LEFT_OUT {
        assert!(!reason.is_empty() && !names.contains(name), "{name}");
    }
    for (name, _) in WEIGHTS {
        let known = commands.all().any(|(_, row)| row.spec.name == *name && wanted(&row.spec));
        assert!(!known || names.contains(name), "a weight for {name}, which is not drawn");
    }
}
