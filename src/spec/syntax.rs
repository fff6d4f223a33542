//! The syntax notation of a command's row, and the tree of arguments that COMMAND DOCS prints of it.
//!
//! Owns the grammar of the notation: lower-case words are arguments, others tokens; `[…]` is optional, `<…>` groups,
//! `|` separates alternatives, `x [x ...]` repeats. The rows hold one line of text each and this module derives the
//! rest, because a tree written out by hand for every command would be ten times the text and could disagree with it.
//! It must not know handlers or the wire. Parsed on demand: COMMAND DOCS is rare.

use super::{Begin, Command, Find};

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgType {
    /// Any text.
    String,
    /// A 64-bit integer.
    Integer,
    /// A floating-point number.
    Double,
    /// A key.
    Key,
    /// A glob pattern.
    Pattern,
    /// A point in time.
    UnixTime,
    /// A word that stands for itself.
    PureToken,
    /// One of the nested arguments.
    OneOf,
    /// The nested arguments, one after the other.
    Block,
}

impl ArgType {
    /// The name that COMMAND DOCS prints.
    pub const fn name(self) -> &'static str {
        match self {
            ArgType::String => "string",
            ArgType::Integer => "integer",
            ArgType::Double => "double",
            ArgType::Key => "key",
            ArgType::Pattern => "pattern",
            ArgType::UnixTime => "unix-time",
            ArgType::PureToken => "pure-token",
            ArgType::OneOf => "oneof",
            ArgType::Block => "block",
        }
    }

    /// Whether it holds nested arguments.
    pub const fn nests(self) -> bool {
        matches!(self, ArgType::OneOf | ArgType::Block)
    }
}

/// One argument of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ArgType,
    /// The word in front of it, or that it is.
    pub token: Option<String>,
    /// Index of the key specification that finds it.
    pub key_spec: Option<usize>,
    /// May be left out.
    pub optional: bool,
    /// May come several times.
    pub multiple: bool,
    /// … each time with its token.
    pub multiple_token: bool,
    /// Nested arguments.
    pub arguments: Vec<Argument>,
}

/// The arguments of a command, from its syntax and key specifications. O(length of the syntax).
pub fn arguments(command: &Command) -> Vec<Argument> {
    let mut lexer = Lexer { rest: command.syntax };
    let alternatives = lexer.alternatives();
    let mut list = match &alternatives[..] {
        [one] => sequence(one),
        _ => vec![group(false, alternatives)],
    };
    if command.name.ends_with("float") {
        list.iter_mut().filter(|a| a.kind == ArgType::Integer).for_each(|a| a.kind = ArgType::Double);
    }
    mark_keys(command, &mut list);
    list
}

/// An element of the notation.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Item<'a> {
    Word(&'a str),
    /// `[…]` (`true`) or `<…>`, with its alternatives.
    Group(bool, Vec<Vec<Item<'a>>>),
    Ellipsis,
}

struct Lexer<'a> {
    rest: &'a str,
}

impl<'a> Lexer<'a> {
    /// Everything up to the bracket that closes, which is eaten, or to the end.
    fn alternatives(&mut self) -> Vec<Vec<Item<'a>>> {
        let mut all = vec![Vec::new()];
        loop {
            self.rest = self.rest.trim_start();
            let Some(first) = self.rest.chars().next() else { return all };
            let item = match first {
                '[' | '<' => {
                    self.rest = &self.rest[1..];
                    Item::Group(first == '[', self.alternatives())
                }
                ']' | '>' => {
                    self.rest = &self.rest[1..];
                    return all;
                }
                '|' => {
                    self.rest = &self.rest[1..];
                    all.push(Vec::new());
                    continue;
                }
                _ => {
                    let end = self.rest.find([' ', '[', ']', '<', '>', '|']).unwrap_or(self.rest.len());
                    let word = &self.rest[..end];
                    self.rest = &self.rest[end..];
                    if word == "..." { Item::Ellipsis } else { Item::Word(word) }
                }
            };
            if let Some(last) = all.last_mut() {
                last.push(item);
            }
        }
    }
}

/// Whether a word stands for itself: it has no lower-case letter.
fn is_token(word: &str) -> bool {
    !word.contains(|c: char| c.is_ascii_lowercase())
}

fn token_of<'a>(item: Option<&Item<'a>>) -> Option<&'a str> {
    match item {
        Some(Item::Word(w)) if is_token(w) => Some(w),
        _ => None,
    }
}

/// The arguments of items that follow one another.
fn sequence(items: &[Item<'_>]) -> Vec<Argument> {
    let mut list = Vec::new();
    let mut i = 0;
    while i < items.len() {
        if let Some(n) = repeated(&items[i..]) {
            let mut one = match &items[i..i + n] {
                // `ID [ID ...]`: a word that repeats by itself is a name, in whatever case.
                [Item::Word(w)] => leaf(&w.to_ascii_lowercase()),
                several => alternative(several),
            };
            one.multiple = true;
            one.multiple_token = one.token.is_some();
            list.push(one);
            i += n + 1;
            continue;
        }
        match &items[i] {
            Item::Word(w) if is_token(w) => {
                // A token takes what follows it; in brackets of its own this is the usual case.
                list.push(alternative(&items[i..]));
                return list;
            }
            Item::Word(w) => list.push(leaf(w)),
            Item::Group(optional, alternatives) => list.push(group(*optional, alternatives.clone())),
            Item::Ellipsis => {}
        }
        i += 1;
    }
    list
}

/// If the items begin as in `x y [x y ...]`: the number of those that repeat.
fn repeated(items: &[Item<'_>]) -> Option<usize> {
    (1..items.len()).find(|&n| match &items[n] {
        Item::Group(true, alternatives) => match &alternatives[..] {
            [only] => only.len() == n + 1 && only[n] == Item::Ellipsis && only[..n] == items[..n],
            _ => false,
        },
        _ => false,
    })
}

/// One argument of items that follow one another.
fn alternative(items: &[Item<'_>]) -> Argument {
    let token = token_of(items.first()).filter(|_| repeated(items) != Some(1));
    let Some(token) = token else {
        let mut list = sequence(items);
        return if list.len() == 1 { list.remove(0) } else { nest(ArgType::Block, list) };
    };
    let rest = &items[1..];
    if rest.is_empty() {
        return pure(token);
    }
    if items.iter().all(|i| token_of(Some(i)).is_some()) {
        return nest(ArgType::Block, items.iter().filter_map(|i| token_of(Some(i))).map(pure).collect());
    }
    let mut list = sequence(rest);
    let mut one = match list.len() {
        1 if list[0].token.is_none() => list.remove(0),
        _ => nest(ArgType::Block, list),
    };
    one.token = Some(token.to_owned());
    one
}

/// One argument of a bracketed group.
fn group(optional: bool, mut alternatives: Vec<Vec<Item<'_>>>) -> Argument {
    let multiple = strip_repetition(&mut alternatives);
    let mut one = match &alternatives[..] {
        [only] => alternative(only),
        _ => one_of(&alternatives),
    };
    if multiple {
        one.multiple = true;
        one.multiple_token = one.token.is_some();
    }
    one.optional |= optional;
    one
}

/// Takes the `[… ...]` off a group that ends in a repetition of itself.
fn strip_repetition(alternatives: &mut [Vec<Item<'_>>]) -> bool {
    let Some((last, before)) = alternatives.split_last_mut() else { return false };
    let Some(Item::Group(true, inner)) = last.last() else { return false };
    let Some((inner_last, inner_before)) = inner.split_last() else { return false };
    let same = inner_last.len() == last.len()
        && inner_last.last() == Some(&Item::Ellipsis)
        && inner_last[..inner_last.len() - 1] == last[..last.len() - 1]
        && inner_before == before;
    // A single argument that repeats (`key [key ...]`) is left to `sequence`.
    let same = same && (last.len() > 2 || !before.is_empty());
    if same {
        last.pop();
    }
    same
}

fn one_of(alternatives: &[Vec<Item<'_>>]) -> Argument {
    let name = |a: &[Item<'_>]| matches!(a, [Item::Word(w)] if !is_token(w));
    let (first, rest) = (&alternatives[0], &alternatives[1..]);
    if alternatives.iter().all(|a| name(a)) {
        return nest(ArgType::OneOf, alternatives.iter().map(|a| literal(a)).collect());
    }
    // `TYPE string|list`, `AGGREGATE SUM|MIN`: the token stands before all of the alternatives.
    let before_names = token_of(first.first()).is_some() && name(&first[1..]) && rest.iter().all(|a| name(a));
    let before_tokens = first.len() > 1 && first[..2].iter().all(|i| token_of(Some(i)).is_some());
    if before_names || before_tokens {
        let mut list = vec![if before_names { literal(&first[1..]) } else { alternative(&first[1..]) }];
        list.extend(rest.iter().map(|a| if before_names { literal(a) } else { alternative(a) }));
        let mut one = nest(ArgType::OneOf, list);
        one.token = token_of(first.first()).map(str::to_owned);
        return one;
    }
    nest(ArgType::OneOf, alternatives.iter().map(|a| alternative(a)).collect())
}

fn literal(items: &[Item<'_>]) -> Argument {
    match items.first() {
        Some(Item::Word(w)) => pure(w),
        _ => pure(""),
    }
}

fn plain(name: String, kind: ArgType) -> Argument {
    Argument {
        name,
        kind,
        token: None,
        key_spec: None,
        optional: false,
        multiple: false,
        multiple_token: false,
        arguments: Vec::new(),
    }
}

fn pure(word: &str) -> Argument {
    let token = word.trim_matches('"').to_ascii_uppercase();
    let name = match &token[..] {
        "" => "empty-string".to_owned(),
        "*" => "auto-id".to_owned(),
        "=" => "equal".to_owned(),
        "~" => "approximately".to_owned(),
        _ => token.to_ascii_lowercase(),
    };
    Argument { token: Some(token), ..plain(name, ArgType::PureToken) }
}

fn nest(kind: ArgType, arguments: Vec<Argument>) -> Argument {
    Argument { arguments: arguments.clone(), ..plain(nest_name(kind, &arguments), kind) }
}

/// Groups have no name in the notation: a usual one for the usual sets of options, else the names of the parts.
fn nest_name(kind: ArgType, arguments: &[Argument]) -> String {
    let has = |token: &str| arguments.iter().any(|a| a.token.as_deref() == Some(token));
    let usual = match kind {
        ArgType::OneOf if has("EX") || has("PX") => Some("expiration"),
        ArgType::OneOf if has("NX") || has("XX") => Some("condition"),
        ArgType::OneOf if has("BYTE") => Some("unit"),
        ArgType::OneOf if has("ASC") => Some("order"),
        ArgType::OneOf if has("ON") && has("OFF") => Some("enabled"),
        _ => None,
    };
    match usual {
        Some(name) => name.to_owned(),
        None => arguments.iter().map(|a| &a.name[..]).collect::<Vec<_>>().join("_"),
    }
}

fn leaf(word: &str) -> Argument {
    plain(word.to_owned(), leaf_type(word))
}

/// The type of an argument, by its name: the notation says no more.
fn leaf_type(name: &str) -> ArgType {
    const INTEGERS: &[&str] = &[
        "seconds",
        "milliseconds",
        "count",
        "offset",
        "increment",
        "decrement",
        "numkeys",
        "index",
        "index1",
        "index2",
        "client-id",
        "protover",
        "version",
        "timeout",
        "limit",
        "bit",
        "len",
        "ttl",
        "frequency",
        "bits",
        "port",
        "destination-db",
        "db",
        "cursor",
        "numreplicas",
        "numlocal",
        "min-match-len",
        "maxage",
        "slot",
        "start-slot",
        "end-slot",
        "config-epoch",
        "start",
        "end",
    ];
    const DOUBLES: &[&str] = &["longitude", "latitude", "radius", "width", "height", "score", "weight"];
    if name.starts_with("unix-time") {
        ArgType::UnixTime
    } else if name.ends_with("pattern") {
        ArgType::Pattern
    } else if INTEGERS.contains(&name) {
        ArgType::Integer
    } else if DOUBLES.contains(&name) {
        ArgType::Double
    } else {
        ArgType::String
    }
}

/// Marks the arguments that the key specifications name.
fn mark_keys(command: &Command, list: &mut [Argument]) {
    let words = command.name.split('|').count();
    for (i, spec) in command.keys.iter().enumerate() {
        let found = match (spec.begin, spec.find) {
            (Begin::Index(at), Find::KeyNum { first, .. }) => list.get_mut(at as usize + first as usize - words),
            (Begin::Index(at), _) => list.get_mut((at as usize).wrapping_sub(words)),
            (Begin::Keyword(word, _), _) => list.iter_mut().find(|a| a.token.as_deref() == Some(word)),
            (Begin::Unknown, _) => None,
        };
        if let Some(leaf) = found.and_then(first_leaf) {
            leaf.kind = ArgType::Key;
            leaf.key_spec = Some(i);
        }
    }
}

fn first_leaf(argument: &mut Argument) -> Option<&mut Argument> {
    match argument.kind {
        ArgType::PureToken => None,
        ArgType::OneOf | ArgType::Block => argument.arguments.iter_mut().find_map(first_leaf),
        _ => Some(argument),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Categories, Flags, Group, KeyFlags, KeySpec};

    fn parse(name: &'static str, syntax: &'static str, keys: &'static [KeySpec]) -> Vec<Argument> {
        arguments(&Command {
            name,
            arity: -1,
            flags: Flags::empty(),
            acl: Categories::empty(),
            keys,
            group: Group::Generic,
            since: "1.0.0",
            complexity: "",
            summary: "",
            syntax,
            tips: &[],
        })
    }

    /// A compact form: `name:type`, the token in front, `?` optional, `*` multiple, `+` with its token.
    fn show(list: &[Argument]) -> String {
        let one = |a: &Argument| {
            let token = a.token.as_ref().map_or(String::new(), |t| format!("{t}="));
            let nested = if a.kind.nests() { format!("({})", show(&a.arguments)) } else { String::new() };
            let key = a.key_spec.map_or(String::new(), |k| format!("#{k}"));
            let flag = |on: bool, mark| if on { mark } else { "" };
            let flags = flag(a.optional, "?").to_owned() + flag(a.multiple, "*") + flag(a.multiple_token, "+");
            format!("{token}{}:{}{key}{flags}{nested}", a.name, a.kind.name())
        };
        list.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    const FIRST: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RO)];

    #[test]
    fn options_and_alternatives() {
        let syntax = "key value [NX|XX] [GET] [EX seconds|PXAT unix-time-milliseconds|KEEPTTL]";
        assert_eq!(
            show(&parse("set", syntax, FIRST)),
            "key:key#0 value:string condition:oneof?(NX=nx:pure-token XX=xx:pure-token) GET=get:pure-token? \
             expiration:oneof?(EX=seconds:integer PXAT=unix-time-milliseconds:unix-time KEEPTTL=keepttl:pure-token)"
        );
        assert_eq!(
            show(&parse("bitcount", "key [start [end [BYTE|BIT]]]", FIRST)),
            "key:key#0 start_end_unit:block?(start:integer end_unit:block?(end:integer \
             unit:oneof?(BYTE=byte:pure-token BIT=bit:pure-token)))"
        );
        assert_eq!(
            show(&parse("x", "[FILTERBY MODULE module-name|PATTERN pattern]", &[])),
            "FILTERBY=module-name_pattern:oneof?(MODULE=module-name:string PATTERN=pattern:pattern)"
        );
        assert_eq!(
            show(&parse("x", "[TYPE normal|pubsub] <host port|NO ONE>", &[])),
            "TYPE=normal_pubsub:oneof?(NORMAL=normal:pure-token PUBSUB=pubsub:pure-token) \
             host_port_no_one:oneof(host_port:block(host:string port:integer) \
             no_one:block(NO=no:pure-token ONE=one:pure-token))"
        );
    }

    #[test]
    fn repetitions_and_keys() {
        const PAIRS: &[KeySpec] = &[KeySpec::range(1, -1, 2, KeyFlags::OW)];
        assert_eq!(
            show(&parse("mset", "key value [key value ...]", PAIRS)),
            "key_value:block*(key:key#0 value:string)"
        );
        assert_eq!(
            show(&parse("x", "[GET pattern [GET pattern ...]] [ID client-id [client-id ...]]", &[])),
            "GET=pattern:pattern?*+ ID=client-id:integer?*"
        );
        assert_eq!(show(&parse("x", "[section [section ...]]", &[])), "section:string?*");
        assert_eq!(show(&parse("x", "[COMMAND [COMMAND ...]]", &[])), "command:string?*");
        assert_eq!(
            show(&parse("x", "[COUNT count] STREAMS key [key ...] ID [ID ...]", &[])),
            "COUNT=count:integer? STREAMS=key_id:block(key:string* id:string*)"
        );
        assert_eq!(show(&parse("incrbyfloat", "key increment", FIRST)), "key:key#0 increment:double");
        const SUB: &[KeySpec] = &[KeySpec::one(2, KeyFlags::RO)];
        assert_eq!(show(&parse("object|freq", "key", SUB)), "key:key#0");
        const TWO: &[KeySpec] = &[KeySpec::one(2, KeyFlags::OW), KeySpec::range(3, -1, 1, KeyFlags::RO)];
        assert_eq!(
            show(&parse("bitop", "<AND|OR> destkey key [key ...]", TWO)),
            "and_or:oneof(AND=and:pure-token OR=or:pure-token) destkey:key#0 key:key#1*"
        );
        let counted: &'static [KeySpec] = const {
            &[KeySpec {
                begin: Begin::Index(1),
                find: Find::KeyNum { count: 0, first: 1, step: 1 },
                flags: KeyFlags::RO,
            }]
        };
        assert_eq!(show(&parse("lmpop", "numkeys key [key ...]", counted)), "numkeys:integer key:key#0*");
    }

    #[test]
    fn a_group_that_repeats_itself() {
        let syntax = "key [GET encoding offset|[OVERFLOW WRAP|SAT] <SET value|INCRBY increment> \
                      [GET encoding offset|[OVERFLOW WRAP|SAT] <SET value|INCRBY increment> ...]]";
        assert_eq!(
            show(&parse("bitfield", syntax, FIRST)),
            "key:key#0 encoding_offset_wrap_sat_value_increment:oneof?*(\
             GET=encoding_offset:block(encoding:string offset:integer) \
             wrap_sat_value_increment:block(OVERFLOW=wrap_sat:oneof?(WRAP=wrap:pure-token SAT=sat:pure-token) \
             value_increment:oneof(SET=value:string INCRBY=increment:integer)))"
        );
    }
}
