//! Tests of the request parser: what it finds must not depend on how the bytes were split.

use super::*;
use crate::resp::partial::{BIG_RESERVE, Big};

const OPEN: Limits = Limits { bulk_max: 512 * 1024 * 1024, authenticated: true };

type Commands = Vec<Vec<Vec<u8>>>;

/// How a test's connection feeds the parser.
struct Feed {
    max: usize,
    window: usize,
    /// Whether bodies of big arguments are read straight to their place.
    direct: bool,
}

const FEED: Feed = Feed { max: 16, window: WINDOW, direct: true };

/// Feeds `input` in pieces of the lengths that `piece` gives; the commands, their wire sizes' sum, and the error.
fn feed(
    input: &[u8],
    limits: &Limits,
    how: &Feed,
    mut piece: impl FnMut() -> usize,
) -> (Commands, usize, Option<ProtocolError>) {
    let mut parser = Parser::new();
    let mut batch = Batch::default();
    let (mut commands, mut wire, mut rest, mut buf) = (Vec::new(), 0, input, Vec::new());
    loop {
        let n = piece().max(1).min(rest.len());
        match parser.big_target().filter(|_| how.direct) {
            Some(target) => {
                let n = n.min(target.missing).min(target.buf.capacity() - target.buf.len());
                target.buf.extend_from_slice(&rest[..n]);
                rest = &rest[n..];
            }
            None => {
                buf.extend_from_slice(&rest[..n]);
                rest = &rest[n..];
            }
        }
        loop {
            batch.clear();
            let parsed = parser.parse_window(&buf, limits, &mut batch, how.max, how.window);
            assert!(batch.commands.len() <= how.max);
            let mut ends = 0;
            for (i, span) in batch.commands.iter().enumerate() {
                assert!(span.end > ends && span.end as usize <= parsed.consumed);
                ends = span.end;
                wire += span.bytes;
                commands.push(batch.view(&buf, i).iter().map(<[u8]>::to_vec).collect());
            }
            buf.drain(..parsed.consumed);
            match parsed.status {
                Status::Full => {}
                Status::NeedMore => break,
                Status::Error(error) => return (commands, wire, Some(error)),
            }
        }
        if rest.is_empty() {
            assert_eq!(buf.is_empty() && parser.is_idle(), parser.is_idle());
            return (commands, wire, None);
        }
    }
}

fn whole(input: &[u8]) -> (Commands, usize, Option<ProtocolError>) {
    feed(input, &OPEN, &FEED, || usize::MAX)
}

fn multibulk(args: &[&[u8]]) -> Vec<u8> {
    let mut wire = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        wire.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        wire.extend_from_slice(arg);
        wire.extend_from_slice(b"\r\n");
    }
    wire
}

fn error_of(input: &[u8]) -> Option<ProtocolError> {
    whole(input).2
}

/// A small xorshift generator: tests are the same in every run.
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

#[test]
fn every_split_of_a_pipeline_gives_the_same_commands() {
    let mut input = multibulk(&[b"GET", b"key:000000000001"]);
    input.extend_from_slice(b"\r\n*0\r\n*-1\r\nPING\n  set \"a b\\x00\" 'c' d\r\n\n");
    input.extend(multibulk(&[b"SET", b"", b"\r\n$*"]));
    input.extend(multibulk(&[b"MSET", b"a", b"1", b"b", b"2", b"c", b"3", b"d", b"4", b"e", b"5", b"f", b"6"]));
    let expected = whole(&input);
    assert_eq!(expected.0.len(), 5);
    assert_eq!(expected.0[2], [&b"set"[..], b"a b\0", b"c", b"d"]);
    assert_eq!(expected.2, None);
    for first in 1..input.len() {
        for second in 1..input.len() - first {
            let mut pieces = [first, second].into_iter();
            let got = feed(&input, &OPEN, &FEED, || pieces.next().unwrap_or(usize::MAX));
            assert_eq!(got, expected, "{first}, {second}");
        }
    }
    for max in 1..4 {
        assert_eq!(feed(&input, &OPEN, &Feed { max, ..FEED }, || 1), expected);
    }
}

#[test]
fn big_arguments_at_every_kind_of_split() {
    let (big, bigger) = (vec![b'x'; BIG_ARG], vec![b'y'; 3 * BIG_ARG + 1]);
    let mut input = multibulk(&[b"MSET", b"k1", &big, b"k2", &bigger, b"k3", b"v"]);
    let sizes = [input.len(), multibulk(&[b"GET", &big[1..]]).len()];
    input.extend(multibulk(&[b"GET", &big[1..]]));
    let expected = whole(&input);
    assert_eq!(expected.0[0][4], bigger);
    assert_eq!(expected.0[1][1], &big[1..]);
    assert_eq!(expected.1, sizes.iter().sum::<usize>());
    let edges = [30, 31, 40, BIG_ARG, BIG_ARG + 28, BIG_ARG + 40];
    let near = edges.into_iter().flat_map(|edge| edge - 4..edge + 4);
    for (i, first) in near.chain((1..sizes[0]).step_by(4999)).enumerate() {
        for direct in [false, true] {
            let mut pieces = [first, 1 + i % 7].into_iter();
            let got = feed(&input, &OPEN, &Feed { direct, ..FEED }, || pieces.next().unwrap_or(9000));
            assert!(got == expected, "{first} {direct}");
        }
    }
}

#[test]
fn random_streams_at_random_splits() {
    let mut rng = Rng(0x9E37_79B9_7F4A_7C15);
    for round in 0..150 {
        let mut input = Vec::new();
        let mut expected: Commands = Vec::new();
        for _ in 0..1 + rng.below(12) {
            let args: Vec<Vec<u8>> = (0..1 + rng.below(9))
                .map(|_| {
                    let len = if rng.below(25) == 0 { BIG_ARG - 3 + rng.below(2000) } else { rng.below(40) };
                    (0..len).map(|_| rng.below(256) as u8).collect()
                })
                .collect();
            let refs: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
            input.extend(multibulk(&refs));
            expected.push(args);
        }
        let order = rng.below(17);
        let piece = 8 + rng.below(1 << order);
        // A window of a few arguments makes commands move out of the buffer in between.
        let window = if round % 3 == 0 { BIG_ARG + INLINE_MAX } else { WINDOW };
        let how = Feed { max: 1 + rng.below(16), window, direct: round % 2 == 0 };
        let (commands, wire, error) = feed(&input, &OPEN, &how, || 1 + rng.below(piece));
        assert!(commands == expected, "round {round}");
        assert_eq!((wire, error), (input.len(), None), "round {round}");
    }
}

#[test]
fn a_command_larger_than_the_window() {
    let args: Vec<Vec<u8>> = (0..20_000).map(|i| format!("argument {i}").into_bytes()).collect();
    let refs: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
    let mut input = multibulk(&refs);
    input.extend(multibulk(&[b"PING"]));
    let how = Feed { window: BIG_ARG + INLINE_MAX, ..FEED };
    for piece in [100, 100_000, usize::MAX] {
        let (commands, wire, error) = feed(&input, &OPEN, &how, || piece);
        assert!(commands.len() == 2 && commands[0] == args && commands[1] == [b"PING"], "{piece}");
        assert_eq!((wire, error), (input.len(), None));
    }
}

#[test]
fn nothing_is_scanned_twice() {
    let mut parser = Parser::new();
    let mut batch = Batch::default();
    let input = multibulk(&[&b"a"[..]; 1000]);
    for end in (1..input.len()).step_by(10) {
        assert_eq!(parser.parse(&input[..end], &OPEN, &mut batch, 16).consumed, 0);
        let partial = parser.partial.as_ref().unwrap();
        assert!(partial.scanned + partial.searched + 8 >= end);
        assert!(batch.args.is_empty());
    }
    assert!(parser.pending_bytes() >= 999 * 8);
    assert_eq!(parser.parse(&input, &OPEN, &mut batch, 16).consumed, input.len());
    assert!(parser.is_idle() && parser.pending_bytes() == 0);
}

#[test]
fn a_claimed_length_reserves_little() {
    let mut parser = Parser::new();
    let mut batch = Batch::default();
    let input = b"*2\r\n$3\r\nGET\r\n$536870912\r\nab";
    let parsed = parser.parse(input, &OPEN, &mut batch, 16);
    assert_eq!(parsed, Parsed { consumed: input.len(), status: Status::NeedMore });
    let target = parser.big_target().unwrap();
    assert_eq!(target.missing, 536_870_910);
    assert!(target.buf.capacity() <= BIG_RESERVE + 2);
    assert!(!parser.is_idle());
    assert!(parser.pending_bytes() < 1000);
    // The finished buffer holds no more than the argument.
    let mut big = Big::start(5 * BIG_RESERVE + 1, b"");
    assert_eq!(big.take(&vec![0; 6 * BIG_RESERVE]), 5 * BIG_RESERVE + 1);
    assert_eq!(big.buf.capacity(), big.total);
}

#[test]
fn protocol_errors_as_redis_words_them() {
    let long = |prefix: &[u8], byte: u8, n: usize| [prefix, &vec![byte; n]].concat();
    let cases: [(Vec<u8>, &str); 24] = [
        (b"*abc\r\n".to_vec(), "invalid multibulk length"),
        (b"*\r\n".to_vec(), "invalid multibulk length"),
        (b"*-0\r\n".to_vec(), "invalid multibulk length"),
        (b"*01\r\n".to_vec(), "invalid multibulk length"),
        (b"*+1\r\n".to_vec(), "invalid multibulk length"),
        (b"* 1\r\n".to_vec(), "invalid multibulk length"),
        (b"*2147483648\r\n".to_vec(), "invalid multibulk length"),
        (b"*-9223372036854775809\r\n".to_vec(), "invalid multibulk length"),
        (b"*1\r\nPING\r\n".to_vec(), "expected '$', got 'P'"),
        (b"*1\r\n*1\r\n".to_vec(), "expected '$', got '*'"),
        (b"*1\r\n$-1\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n$01\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n$\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n$abc\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n$536870913\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n$99999999999999999999\r\n".to_vec(), "invalid bulk length"),
        (long(b"*", b'1', 65536), "too big mbulk count string"),
        (long(b"*1\r\n$", b'1', 65600), "too big bulk count string"),
        (long(b"*1\r\n", b'x', 65600), "too big bulk count string"),
        (long(b"", b'a', 65537), "too big inline request"),
        (b"echo \"abc\r\n".to_vec(), "unbalanced quotes in request"),
        (b"echo \"a\"b\r\n".to_vec(), "unbalanced quotes in request"),
        (b"echo '\r\n".to_vec(), "unbalanced quotes in request"),
        (b"echo \"abc\\\r\n".to_vec(), "unbalanced quotes in request"),
    ];
    for (input, text) in cases {
        let shown = input[..input.len().min(40)].escape_ascii().to_string();
        let error = error_of(&input).unwrap();
        assert_eq!(error.to_string(), format!("Protocol error: {text}"), "{shown}");
        assert_eq!(error.text(), error.to_string().into_bytes(), "{shown}");
        let mut after_one = multibulk(&[b"PING"]);
        after_one.extend_from_slice(&input);
        let (commands, _, error) = feed(&after_one, &OPEN, &FEED, || 7);
        assert_eq!(commands.len(), 1, "{shown}");
        assert_eq!(error, error_of(&input), "{shown}");
    }
    assert_eq!(error_of(b"*1\r\n\xff\r\n").unwrap().text(), b"Protocol error: expected '$', got '\xff'");
}

#[test]
fn what_redis_accepts_is_accepted() {
    let just_short = [b"*", &vec![b'1'; 65535][..]].concat();
    for input in [&b"*2147483647\r\n"[..], b"*1\r\n$536870912\r\n", b"*1\r\nxyz", &just_short, &[b'a'; 65536]] {
        assert_eq!(whole(input), (vec![], 0, None));
    }
    // The bytes where a line end belongs are not looked at.
    assert_eq!(whole(b"*1\rX$4\rXPINGxx").0, [[b"PING"]]);
    assert_eq!(whole(b"*-9223372036854775808\r\nPING\r\n").0, [[b"PING"]]);
}

#[test]
fn limits_before_authentication() {
    let closed = Limits { authenticated: false, ..OPEN };
    let cases: [(&[u8], Option<ProtocolError>); 6] = [
        (b"*10\r\n", None),
        (b"*11\r\n", Some(ProtocolError::UnauthenticatedMultibulk)),
        (b"*2147483648\r\n", Some(ProtocolError::MultibulkLength)),
        (b"*1\r\n$16384\r\n", None),
        (b"*1\r\n$16385\r\n", Some(ProtocolError::UnauthenticatedBulk)),
        (b"*1\r\n$536870913\r\n", Some(ProtocolError::BulkLength)),
    ];
    for (input, error) in cases {
        assert_eq!(feed(input, &closed, &FEED, || 3).2, error, "{}", input.escape_ascii());
    }
    let small = Limits { bulk_max: 1_000_000, authenticated: true };
    assert_eq!(feed(b"*1\r\n$1000001\r\n", &small, &FEED, || 99).2, Some(ProtocolError::BulkLength));
}

#[test]
fn a_warm_batch_allocates_nothing() {
    let input = multibulk(&[b"GET", b"key:000000000001"]).repeat(16);
    let (mut parser, mut batch) = (Parser::new(), Batch::default());
    parser.parse(&input, &OPEN, &mut batch, 16);
    let (commands, args) = (batch.commands.as_ptr(), batch.args.as_ptr());
    batch.clear();
    let parsed = parser.parse(&input, &OPEN, &mut batch, 16);
    assert_eq!(parsed, Parsed { consumed: input.len(), status: Status::NeedMore });
    assert_eq!((batch.commands.as_ptr(), batch.args.as_ptr()), (commands, args));
    assert_eq!(size_of::<Parser>(), 8);
}

/// A caller may stop behind any command of a batch: a parser at the start finds the others from there on, whatever the
/// first parse has made of them.
#[test]
fn a_batch_can_be_left_behind_any_of_its_commands() {
    let big = vec![b'x'; BIG_ARG + 1];
    let mut input = multibulk(&[b"SET", b"k", &big]);
    input.extend_from_slice(b"\r\n*0\r\nPING\n");
    input.extend(multibulk(&[b"GET", b"k"]));
    input.extend_from_slice(b"\r\n");
    input.extend(multibulk(&[b"SET", b"k", &big]));
    let all = whole(&input).0;
    for cut in [0, 5, BIG_ARG / 2] {
        // The first of them may have been under way; the last one may be cut off.
        for come in [input.len(), input.len() - 10] {
            for stop in 1..=3 {
                let (mut parser, mut batch) = (Parser::new(), Batch::default());
                let at = parser.parse(&input[..cut], &OPEN, &mut batch, 16).consumed;
                parser.parse(&input[at..come], &OPEN, &mut batch, 16);
                let end = at + batch.commands[stop - 1].end as usize;
                let rest = feed(&input[end..], &OPEN, &FEED, || usize::MAX);
                assert_eq!((&rest.0[..], rest.2), (&all[stop..], None), "{cut} {come} {stop}");
            }
        }
    }
}
