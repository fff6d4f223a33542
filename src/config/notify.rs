//! The classes of keyspace events as bits, and their letters.
//!
//! Lives here because the letters are a directive's value; who publishes reads the bits.

/// Publish to `__keyspace@db__` channels (`K`).
pub const KEYSPACE: u32 = 1 << 0;
/// Publish to `__keyevent@db__` channels (`E`).
pub const KEYEVENT: u32 = 1 << 1;
/// Commands of any type: DEL, EXPIRE, RENAME… (`g`).
pub const GENERIC: u32 = 1 << 2;
/// String commands (`$`).
pub const STRING: u32 = 1 << 3;
/// List commands (`l`).
pub const LIST: u32 = 1 << 4;
/// Set commands (`s`).
pub const SET: u32 = 1 << 5;
/// Hash commands (`h`).
pub const HASH: u32 = 1 << 6;
/// Sorted-set commands (`z`).
pub const ZSET: u32 = 1 << 7;
/// A key expired (`x`).
pub const EXPIRED: u32 = 1 << 8;
/// A key was evicted (`e`).
pub const EVICTED: u32 = 1 << 9;
/// Stream commands (`t`).
pub const STREAM: u32 = 1 << 10;
/// A look-up found no key (`m`).
pub const KEY_MISS: u32 = 1 << 11;
/// Module types (`d`).
pub const MODULE: u32 = 1 << 13;
/// A key came into being (`n`).
pub const NEW: u32 = 1 << 14;
/// All but key misses and new keys (`A`).
pub const ALL: u32 = GENERIC | STRING | LIST | SET | HASH | ZSET | EXPIRED | EVICTED | STREAM | MODULE;

/// Letters in the order in which Redis prints them, before and after `K` and `E`.
const LETTERS: [(char, u32); 10] = [
    ('g', GENERIC),
    ('$', STRING),
    ('l', LIST),
    ('s', SET),
    ('h', HASH),
    ('z', ZSET),
    ('x', EXPIRED),
    ('e', EVICTED),
    ('t', STREAM),
    ('d', MODULE),
];
const TAIL: [(char, u32); 4] = [('n', NEW), ('K', KEYSPACE), ('E', KEYEVENT), ('m', KEY_MISS)];

/// The bits of a text such as `KEA`; `None` where a character names no class.
pub fn from_text(text: &str) -> Option<u32> {
    text.chars().try_fold(0, |bits, c| {
        let class = LETTERS.iter().chain(&TAIL).find(|(letter, _)| *letter == c).map(|(_, bit)| *bit);
        match c {
            'A' => Some(bits | ALL),
            _ => class.map(|bit| bits | bit),
        }
    })
}

/// The text of some bits, in the order in which CONFIG GET prints it.
pub fn to_text(bits: u32) -> String {
    let mut text = String::new();
    if bits & ALL == ALL {
        text.push('A');
    } else {
        text.extend(LETTERS.iter().filter(|(_, bit)| bits & bit != 0).map(|(letter, _)| letter));
    }
    text.extend(TAIL.iter().filter(|(_, bit)| bits & bit != 0).map(|(letter, _)| letter));
    text
}
