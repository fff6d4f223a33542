//! Values for the names in a command's notation: few keys so that commands meet, and numbers at every edge.
//!
//! Two rules keep both servers comparable. No time to live may end during the run, nor may two that are compared be
//! nearly equal: relative times are drawn from so wide a range that neither happens. And no offset may ask for hundreds
//! of megabytes: an offset is small or refused.

use ostracon::base::rng::Rng;

/// Databases that the stream uses.
pub const DATABASES: u64 = 4;

/// One of these.
pub fn pick<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    from[rng.below(from.len() as u64) as usize]
}

fn text(rng: &mut Rng, from: &[&str]) -> Vec<u8> {
    pick(rng, from).as_bytes().to_vec()
}

fn number(rng: &mut Rng, low: i64, high: i64) -> Vec<u8> {
    (low + rng.below((high - low) as u64 + 1) as i64).to_string().into_bytes()
}

/// What no number parser may take, or takes at its limit.
const ODD_NUMBERS: [&str; 22] = [
    "",
    " 1",
    "1 ",
    "+1",
    "-0",
    "00",
    "0x10",
    "1e3",
    "1.0",
    "abc",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999",
    "nan",
    "inf",
    "-",
    "1\0",
    "\u{ff}1",
];

fn odd_number(rng: &mut Rng) -> Vec<u8> {
    text(rng, &ODD_NUMBERS)
}

/// A value for the argument `name` of `command`.
pub fn value(rng: &mut Rng, command: &str, name: &str) -> Vec<u8> {
    if command.starts_with('x')
        && let Some(value) = of_stream(rng, command, name)
    {
        return value;
    }
    match name {
        "count" if matches!(command, "lrem" | "lpop" | "rpop" | "lmpop" | "blmpop" | "sort" | "sort_ro") => {
            text(rng, &["1", "2", "3", "1", "2", "0", "-1", "-2", "10", "9223372036854775807", "x"])
        }
        "longitude" => degrees(rng, 180.0),
        "latitude" => degrees(rng, 85.051_128_78),
        "radius" | "width" | "height" => match rng.below(12) {
            0 => text(rng, &["0", "-1", "nan", "inf", "-inf", "x", "1e300", "0x10", " 1", "1e-300", ""]),
            _ => text(rng, &["1", "100", "1000", "5000", "50000", "400000", "1000000", "20000000", "123.456"]),
        },
        "key" | "key1" | "key2" | "newkey" | "source" | "destination" | "destkey" | "sourcekey" | "src" | "dst" => {
            match home(command) {
                Some(home) if rng.below(10) > 0 => format!("{home}{}", rng.below(3)).into_bytes(),
                _ => key(rng),
            }
        }
        "pattern" if command.starts_with("sort") => {
            text(rng, &["k*", "k*", "*", "#", "nosort", "k1", "k*->a", "*->", "k*1", ""])
        }
        "offset" if command.starts_with("sort") => text(rng, &["0", "1", "2", "-1", "100", "x"]),
        "offset" if command.starts_with('z') => {
            text(rng, &["0", "0", "0", "1", "2", "-1", "100", "x", "9223372036854775807", "-9223372036854775808"])
        }
        "score" | "weight" | "increment" if command.starts_with('z') => score(rng),
        "min" | "max" | "start" | "stop" if command.contains("bylex") || command == "zlexcount" => lex(rng),
        "min" | "max" => bound(rng),
        "start" | "stop" if matches!(command, "zrange" | "zrangestore") => match rng.below(4) {
            0 => bound(rng),
            1 => lex(rng),
            _ => index(rng),
        },
        "subcommand" => text(rng, &["DECODE", "DECODE", "ENCODING", "TODENSE", "GETREG", "nosuch"]),
        "element" if command.starts_with("pf") && rng.below(2) == 0 => number(rng, 0, 100_000),
        "member" | "member1" | "member2" | "element" | "pivot" => member(rng),
        "numkeys" => text(rng, &[NUMKEYS, NUMKEYS, NUMKEYS, NUMKEYS, NUMKEYS, NUMKEYS, "1", "2", "0", "-1", "x"]),
        "timeout" => text(rng, &["0.001", "0.002", "1e-3", "0x0.004", "-1", "x"]),
        "limit" => text(rng, &["0", "1", "2", "5", "100", "9223372036854775807", "9223372036854775808", "-1", "x"]),
        "rank" => {
            text(rng, &["1", "2", "3", "-1", "-2", "50", "0", "9223372036854775807", "-9223372036854775808", "x"])
        }
        "num-matches" | "len" => text(rng, &["0", "0", "1", "2", "5", "1000", "9223372036854775807", "-1", "x"]),
        "index" if command == "lindex" || command == "lset" => index(rng),
        "value" if command == "setbit" => text(rng, &["0", "1", "0", "1", "0", "1", "2", "-1", "x"]),
        "value" if command == "bitfield" => integer(rng),
        "value" | "message" => string(rng),
        "increment" if command == "incrbyfloat" || command == "hincrbyfloat" => float(rng),
        "field" => field(rng),
        "increment" | "decrement" => integer(rng),
        "start" | "end" | "stop" => index(rng),
        "offset" => offset(rng, command),
        "encoding" => encoding(rng),
        "bit" => text(rng, &["0", "1", "0", "1", "0", "1", "2", "x"]),
        "seconds" => relative(rng, 1),
        "milliseconds" => relative(rng, 1000),
        "unix-time-seconds" => absolute(rng, 1),
        "unix-time-milliseconds" => absolute(rng, 1000),
        "min-match-len" => text(rng, &["0", "1", "2", "3", "4", "10", "-1", "x"]),
        "db" | "destination-db" | "index" | "index1" | "index2" => database(rng),
        "pattern" => text(rng, &["*", "k*", "k?", "k[0-3]", "k[^0-3]", "\\k0", "nokey", "", "*1", "[k]*", "k[", "k\\"]),
        "cursor" if matches!(command, "hscan" | "sscan" | "zscan") => {
            text(rng, &["0", "0", "0", "0", "0", "0", "x", "18446744073709551616"])
        }
        "cursor" => text(rng, &["0", "0", "0", "x", "-1", "18446744073709551616"]),
        "count" if matches!(command, "hrandfield" | "srandmember" | "zrandmember" | "lrem") => text(
            rng,
            &["1", "2", "5", "100", "0", "-1", "-3", "-40", "9223372036854775807", "-9223372036854775808", "x"],
        ),
        "count"
            if matches!(
                command,
                "lpop"
                    | "rpop"
                    | "lmpop"
                    | "blmpop"
                    | "spop"
                    | "zpopmin"
                    | "zpopmax"
                    | "zmpop"
                    | "bzmpop"
                    | "sort"
                    | "sort_ro"
            ) =>
        {
            text(
                rng,
                &["1", "1", "2", "2", "3", "7", "20", "0", "-1", "x", "9223372036854775807", "9223372036854775808"],
            )
        }
        "count" => text(rng, &["1", "2", "10", "1000", "0", "-1", "x", "9223372036854775807", "-9223372036854775808"]),
        "type" => text(rng, &["string", "list", "hash", "set", "zset", "stream", "STRING", "nosuch"]),
        "connection-name" => text(rng, &["", "me", "a b", "x\n", "na\u{ef}ve", "worker-1"]),
        "protover" => text(rng, &["2", "3", "1", "4", "x"]),
        _ => string(rng),
    }
}

/// A value for an argument of a stream command, but for those that others have as well. Idle times are none or endless,
/// so that both servers find the same entries idle.
fn of_stream(rng: &mut Rng, command: &str, name: &str) -> Option<Vec<u8>> {
    Some(match name {
        "id" | "ID" | "lastid" | "last-id" | "max-deleted-id" if command == "xreadgroup" => {
            text(rng, &[">", ">", ">", ">", ">", ">", "0", "0", "51-3", "$", "x"])
        }
        "id" if command == "xadd" => match rng.below(8) {
            0 => stream_id(rng),
            1 => number(rng, 50, 53),
            _ => [number(rng, 50, 53), b"-*".to_vec()].concat(),
        },
        "id" | "ID" | "lastid" | "last-id" | "max-deleted-id" | "id|$" => match rng.below(12) {
            0 => text(rng, &["$", "0", "-", "+", "(", "x", "", "0-0", "18446744073709551615-18446744073709551615"]),
            _ => stream_id(rng),
        },
        "start" | "end" => match rng.below(6) {
            0 | 1 => text(rng, &["-", "+", "-", "+", "(", "(-", "0", "x"]),
            2 => [b"(".to_vec(), stream_id(rng)].concat(),
            _ => stream_id(rng),
        },
        "threshold" if rng.below(2) == 0 => stream_id(rng),
        "threshold" => text(rng, &["0", "1", "5", "20", "50", "100", "150", "-1", "x"]),
        "group" => text(rng, &["g0", "g1", "g0", "g1", "g0", "g1", "nosuch"]),
        "consumer" => text(rng, &["c0", "c1", "c2"]),
        "min-idle-time" => text(rng, &["0", "0", "0", "1000000000", "-1", "x"]),
        "ms" => text(rng, &["0", "5", "-1", "x"]),
        "unix-time-milliseconds" => text(rng, &["1000", "0", "-1", "99999999999999", "x"]),
        "entries-read" | "entries-added" => text(rng, &["0", "1", "10", "200", "-1", "-2", "x"]),
        "count" => text(rng, &["1", "2", "5", "100", "0", "-1", "x", "9223372036854775807", "-9223372036854775808"]),
        _ => return None,
    })
}

fn stream_id(rng: &mut Rng) -> Vec<u8> {
    match rng.below(5) {
        0 => number(rng, 49, 54),
        _ => format!("{}-{}", 50 + rng.below(4), rng.below(60)).into_bytes(),
    }
}

/// Stands for the number of keys until they are drawn ([`super::generator`] puts it in).
pub const NUMKEYS: &str = "numkeys";

/// The first letter of the keys that commands of one type use most of the time, so that they meet values of it.
fn home(command: &str) -> Option<char> {
    const SETS: [&str; 11] =
        ["sadd", "srem", "scard", "smove", "sdiff", "sinter", "sunion", "smem", "smis", "sism", "sscan"];
    let starts = |with: &[&str]| with.iter().any(|start| command.starts_with(start));
    match command {
        "spop" | "srandmember" => Some('s'),
        "lcs" => None,
        _ if starts(&SETS) => Some('s'),
        _ if starts(&["z", "bz"]) => Some('z'),
        _ if starts(&["geo"]) => Some('g'),
        _ if starts(&["pf"]) => Some('p'),
        _ if starts(&["x"]) => Some('x'),
        _ if starts(&["h"]) => Some('h'),
        _ if starts(&["l", "rpush", "rpop", "bl", "br"]) => Some('l'),
        _ => None,
    }
}

/// One of two dozen keys, some of them odd, some of them those that a type is at home at.
pub fn key(rng: &mut Rng) -> Vec<u8> {
    match rng.below(40) {
        0 => Vec::new(),
        1 => b"k\0\xff\r\n".to_vec(),
        2 => vec![b'K'; 300],
        n if n < 12 => format!("{}{}", pick(rng, &["s", "p", "h", "l", "z", "x", "g"]), rng.below(3)).into_bytes(),
        n => format!("k{}", n % 10).into_bytes(),
    }
}

/// A member of a set or element of a list: few, so that they meet, many of them integers.
fn member(rng: &mut Rng) -> Vec<u8> {
    match rng.below(40) {
        0 => Vec::new(),
        1 => b"m\0\xff\r\n".to_vec(),
        2 => repeated(rng, 62, 66),
        3 | 4 => string(rng),
        5 if rng.below(10) == 0 => repeated(rng, 69_990, 70_010),
        6 => number(rng, -70_000, 70_000),
        7..=25 => number(rng, 0, 20),
        n => format!("m{}", n % 8).into_bytes(),
    }
}

/// One of a dozen fields, some of them odd: values are fields now and then, so that a hash is full of both.
fn field(rng: &mut Rng) -> Vec<u8> {
    match rng.below(40) {
        0 => Vec::new(),
        1 => b"f\0\xff\r\n".to_vec(),
        2 => repeated(rng, 62, 66),
        3 | 4 => string(rng),
        5 if rng.below(10) == 0 => repeated(rng, 69_990, 70_010),
        5..=10 => number(rng, 0, 9),
        n => format!("f{}", n % 10).into_bytes(),
    }
}

/// A value of any kind.
pub fn string(rng: &mut Rng) -> Vec<u8> {
    match rng.below(20) {
        0..=5 => number(rng, -1000, 20_000),
        6 => number(rng, i64::MAX - 10, i64::MAX),
        7 => number(rng, i64::MIN, i64::MIN + 10),
        8 => float(rng),
        9 => Vec::new(),
        10 => odd_number(rng),
        11 => (0..rng.below(40)).map(|_| rng.next_u64() as u8).collect(),
        12 => repeated(rng, 43, 46),
        13 => repeated(rng, 60, 70),
        14 => repeated(rng, 250, 1030),
        15 if rng.below(8) == 0 => repeated(rng, 16_000, 70_000),
        15 if rng.below(8) == 0 => repeated(rng, 69_990, 70_010),
        _ => text(rng, &["a", "foo", "foobar", "hello world", "ohmytext", "mynewtext", "\u{e9}\u{20ac}", "\r\n"]),
    }
}

/// A score, a weight: few, so that they are equal now and then.
fn score(rng: &mut Rng) -> Vec<u8> {
    match rng.below(8) {
        0..=3 => number(rng, -5, 10),
        4 => text(rng, &["inf", "-inf", "+inf", "Infinity", "0", "-0", "nan", "1e308", "-1e308", "5e-324", "0.1"]),
        5 => integer(rng),
        _ => float(rng),
    }
}

/// A longitude or latitude, up to `most`: nearly always near one place, so that searches find something. Not the limit
/// itself: redis-server finds what lies on it only from there, and only that.
fn degrees(rng: &mut Rng, most: f64) -> Vec<u8> {
    match rng.below(20) {
        0 => text(rng, &["nan", "inf", "-inf", "x", "179.9", "-179.9", "180.0001", "85.05", "-85.05112879", ""]),
        1 | 2 => format!("{:.5}", (rng.below(2_000_001) as f64 / 1e6 - 1.0) * most).into_bytes(),
        _ => format!("{:.4}", rng.below(100_001) as f64 / 1e4).into_bytes(),
    }
}

/// A bound of a range of scores.
fn bound(rng: &mut Rng) -> Vec<u8> {
    match rng.below(6) {
        0 => text(rng, &["-inf", "+inf", "inf", "(-inf", "(+inf", "(nan", "(", "((1", "( 1"]),
        1 | 2 => [b"(".to_vec(), score(rng)].concat(),
        _ => score(rng),
    }
}

/// A bound of a range of members.
fn lex(rng: &mut Rng) -> Vec<u8> {
    match rng.below(6) {
        0 | 1 => text(rng, &["-", "+", "-", "+", "(", "[", "", "--", "a", "+a"]),
        2 | 3 => [b"(".to_vec(), member(rng)].concat(),
        _ => [b"[".to_vec(), member(rng)].concat(),
    }
}

fn repeated(rng: &mut Rng, low: u64, high: u64) -> Vec<u8> {
    let (length, letter) = (low + rng.below(high - low + 1), rng.below(256) as u8);
    (0..length).map(|i| letter.wrapping_add((i % 7) as u8)).collect()
}

/// An increment.
pub fn integer(rng: &mut Rng) -> Vec<u8> {
    match rng.below(10) {
        0..=4 => number(rng, -100, 100),
        5 => number(rng, i64::MAX - 3, i64::MAX),
        6 => number(rng, i64::MIN, i64::MIN + 3),
        7 => number(rng, -(1 << 40), 1 << 40),
        8 => number(rng, -300, 300),
        _ => odd_number(rng),
    }
}

fn float(rng: &mut Rng) -> Vec<u8> {
    match rng.below(8) {
        0 => odd_number(rng),
        1 => text(rng, &["1e300", "-1e300", "5e-10", "1e17", "0.1", "-0.0", ".5", "5.", "3.0e3", "-.5e-3", "1e4932"]),
        2 => number(rng, -10_000, 10_000),
        3 => text(rng, &["infinity", "-inf", "NaN", "0x1p3", "1e", "1e5000", "1,5"]),
        _ => format!("{}", (rng.below(2_000_001) as f64 - 1_000_000.0) / 1000.0).into_bytes(),
    }
}

fn index(rng: &mut Rng) -> Vec<u8> {
    match rng.below(10) {
        0..=3 => number(rng, -12, 12),
        4 | 5 => number(rng, -100, 100),
        6 => number(rng, -80_000, 80_000),
        7 => text(rng, &["0", "-1", "7", "8", "9"]),
        8 => text(rng, &["9223372036854775807", "-9223372036854775808", "4294967296", "-4294967297", "2147483648"]),
        _ => odd_number(rng),
    }
}

fn offset(rng: &mut Rng, command: &str) -> Vec<u8> {
    let bits = command != "setrange";
    match rng.below(12) {
        0..=4 => number(rng, 0, 40),
        5 | 6 => number(rng, 0, if bits { 4000 } else { 500 }),
        7 => number(rng, 0, if bits { 600_000 } else { 75_000 }),
        8 if command.starts_with("bitfield") => [b"#".to_vec(), number(rng, 0, 50)].concat(),
        9 => {
            text(rng, &["-1", "4294967296", "4294967297", "536870912", "536870913", "9223372036854775807", "#-1", "#"])
        }
        10 => odd_number(rng),
        _ => number(rng, 0, 100),
    }
}

fn encoding(rng: &mut Rng) -> Vec<u8> {
    let sign = if rng.below(2) == 0 { "u" } else { "i" };
    match rng.below(12) {
        0 => text(rng, &["u64", "i64", "u63", "i65", "u0", "i0", "x8", "u", "i", "", "U8", "I8", "u08", "i-1", "u1x"]),
        1..=4 => format!("{sign}8").into_bytes(),
        5 => format!("{sign}16").into_bytes(),
        6 => text(rng, &["i64", "u63", "i63", "u32", "i32", "u1", "i1"]),
        _ => format!("{sign}{}", 1 + rng.below(63)).into_bytes(),
    }
}

/// A time from now, in units of 1/`per_second` s: in the past, refused, or hours to decades ahead.
fn relative(rng: &mut Rng, per_second: i64) -> Vec<u8> {
    match rng.below(12) {
        0 => text(rng, &["0", "-1", "-1000", "-2000000000"]),
        1 => odd_number(rng),
        2 if per_second == 1 => text(rng, &["9223372036854775", "9223372036854774", "9223372036854776"]),
        2 => number(rng, (1 << 62) - (1 << 40), 1 << 62),
        _ => number(rng, 20_000 * per_second, 2_000_000_000 * per_second),
    }
}

/// A point in time, in units of 1/`per_second` s: long past, refused, or far in the future.
fn absolute(rng: &mut Rng, per_second: i64) -> Vec<u8> {
    match rng.below(12) {
        0 => text(rng, &["0", "-1", "1", "1000000000"]),
        1 => odd_number(rng),
        2 => text(rng, &["9223372036854775807", "9223372036854775", "9223372036854776"]),
        _ => number(rng, 3_000_000_000 * per_second, 9_000_000_000 * per_second),
    }
}

fn database(rng: &mut Rng) -> Vec<u8> {
    match rng.below(12) {
        0 => text(rng, &["16", "-1", "x", "", "4294967296", "99999999999999999999", "01", " 1"]),
        _ => rng.below(DATABASES).to_string().into_bytes(),
    }
}

/// Something in the place of any argument.
pub fn anything(rng: &mut Rng) -> Vec<u8> {
    match rng.below(4) {
        0 => odd_number(rng),
        1 => text(rng, &["NX", "XX", "GET", "EX", "PX", "KEEPTTL", "BIT", "BYTE", "LEN", "IDX", "GT", "DB", "REPLACE"]),
        2 => key(rng),
        _ => string(rng),
    }
}
