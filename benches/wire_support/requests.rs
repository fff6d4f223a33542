//! Requests, built before the clock starts: whole pipeline batches of bytes over a seeded random sequence of keys,
//! each with the number of bytes its replies will have. Every key exists and every value has one size, so replies are
//! told apart by counting bytes, or lines where numbers grow. Knows the wire form of GET and SET, and no socket.

use super::lines::{LINES, Line, Reply};

/// Bytes of requests a load process holds at most: enough that keys do not repeat while they are in a cache.
const BYTES_MAX: usize = 128 << 20;

/// Requests a load process holds at most.
const REQUESTS_MAX: usize = 2 << 20;

/// What a connection sends.
#[derive(Clone, Copy, Debug)]
pub enum Mix {
    /// GET only.
    Get,
    /// SET only.
    Set,
    /// Nine GET to one SET, drawn at random.
    Mixed,
    /// A line of redis-benchmark.
    Line(&'static Line),
}

impl Mix {
    /// The word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Mix::Get => "get",
            Mix::Set => "set",
            Mix::Mixed => "mixed",
            Mix::Line(line) => line.name,
        }
    }

    /// The mix of that name.
    pub fn parse(name: &str) -> Option<Self> {
        let lines = LINES.iter().map(Mix::Line);
        [Mix::Get, Mix::Set, Mix::Mixed].into_iter().chain(lines).find(|mix| mix.name() == name)
    }
}

/// One pipeline batch.
pub struct Batch {
    /// Where its requests lie in [`Batches::bytes`].
    pub requests: std::ops::Range<usize>,
    /// How many bytes its replies have, or how many lines.
    pub reply_len: usize,
    /// Is that a number of lines?
    pub lines: bool,
    /// The byte its first reply starts with.
    pub first: u8,
}

/// The batches of one run.
pub struct Batches {
    /// All requests, one after another.
    pub bytes: Vec<u8>,
    /// The batches, in the order of their bytes.
    pub batches: Vec<Batch>,
}

/// splitmix64 (Steele, Lea and Flood, 2014): the keys need a spread, not secrecy.
pub struct Random(pub u64);

impl Random {
    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.draw()) * u128::from(bound)) >> 64) as u64
    }
}

/// Appends a command of these words.
pub fn push_command<W: AsRef<[u8]>>(out: &mut Vec<u8>, words: &[W]) {
    push_head(out, words.len());
    words.iter().for_each(|word| push_bulk(out, word.as_ref()));
}

/// Appends `*<count>`: so many bulks follow.
pub fn push_head(out: &mut Vec<u8>, count: usize) {
    push_number(out, b'*', count as i64);
}

/// Appends one bulk: a word of a command, or a reply.
pub fn push_bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    push_number(out, b'$', bytes.len() as i64);
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// Appends a line that is a number: an integer reply, a length.
pub fn push_number(out: &mut Vec<u8>, kind: u8, number: i64) {
    out.push(kind);
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends `GET key:<12 digits>`.
pub fn push_get(out: &mut Vec<u8>, key: u64) {
    out.extend_from_slice(format!("*2\r\n$3\r\nGET\r\n$16\r\nkey:{key:012}\r\n").as_bytes());
}

/// Appends `SET key:<12 digits> <value>`.
pub fn push_set(out: &mut Vec<u8>, key: u64, value: &[u8]) {
    out.extend_from_slice(format!("*3\r\n$3\r\nSET\r\n$16\r\nkey:{key:012}\r\n${}\r\n", value.len()).as_bytes());
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// A value of `len` bytes that is no number, so that no server keeps it as one.
pub fn value(len: usize) -> Vec<u8> {
    (0..len).map(|i| b'a' + (i % 23) as u8).collect()
}

/// How many bytes the reply to a GET of a value of `len` bytes has.
pub fn get_reply_len(len: usize) -> usize {
    format!("${len}\r\n").len() + len + 2
}

/// The bytes of `+OK\r\n`.
pub const SET_REPLY_LEN: usize = 5;

impl Batches {
    /// Draws `pipeline` requests a batch over `keys` keys with values of `value_len` bytes: about four times as many
    /// requests as keys, within [`REQUESTS_MAX`] and [`BYTES_MAX`], and never fewer than 64 batches. The same
    /// arguments give the same bytes.
    pub fn build(mix: Mix, value_len: usize, keys: u64, pipeline: usize, seed: u64) -> Self {
        let mut random = Random(seed);
        if let Mix::Line(line) = mix {
            return Self::of_line(line, keys, pipeline, &mut random);
        }
        let value = value(value_len);
        let wanted = (keys as usize).saturating_mul(4).min(REQUESTS_MAX);
        let mut built = Self { bytes: Vec::new(), batches: Vec::new() };
        while built.batches.len() < 64 || (built.batches.len() * pipeline < wanted && built.bytes.len() < BYTES_MAX) {
            let start = built.bytes.len();
            let (mut reply_len, mut first) = (0, 0);
            for position in 0..pipeline {
                let key = random.below(keys);
                let set = matches!(mix, Mix::Set) || (matches!(mix, Mix::Mixed) && random.below(10) == 0);
                if set {
                    push_set(&mut built.bytes, key, &value);
                } else {
                    push_get(&mut built.bytes, key);
                }
                reply_len += if set { SET_REPLY_LEN } else { get_reply_len(value_len) };
                if position == 0 {
                    first = if set { b'+' } else { b'$' };
                }
            }
            let requests = start..built.bytes.len();
            built.batches.push(Batch { requests, reply_len, lines: false, first });
        }
        built
    }

    /// The same for a line of redis-benchmark, of which few batches do where all requests are the same.
    fn of_line(line: &Line, keys: u64, pipeline: usize, random: &mut Random) -> Self {
        let wanted = if line.drawn { (keys as usize).saturating_mul(4).min(REQUESTS_MAX) } else { 0 };
        let (first, len, lines) = match line.reply {
            Reply::Bytes(first, len) => (first, len, false),
            Reply::Lines(first, lines) => (first, lines, true),
        };
        let mut built = Self { bytes: Vec::new(), batches: Vec::new() };
        while built.batches.len() < 64 || built.batches.len() * pipeline < wanted {
            let start = built.bytes.len();
            (0..pipeline).for_each(|_| (line.request)(&mut built.bytes, random, keys));
            let requests = start..built.bytes.len();
            built.batches.push(Batch { requests, reply_len: len * pipeline, lines, first });
        }
        built
    }
}

/// Checks sizes and shares of a mix; panics when they are wrong.
pub fn self_test() {
    let batches = Batches::build(Mix::Mixed, 32, 1000, 16, 1);
    let sets = batches.bytes.windows(3).filter(|word| word == b"SET").count();
    let requests = batches.batches.len() * 16;
    assert!((requests / 12..requests / 8).contains(&sets), "{sets} of {requests} requests are SET");
    let replies: usize = batches.batches.iter().map(|batch| batch.reply_len).sum();
    assert_eq!(replies, sets * 5 + (requests - sets) * 39, "reply bytes");
    assert_eq!(get_reply_len(1024), 7 + 1024 + 2, "reply bytes of a GET");
}
