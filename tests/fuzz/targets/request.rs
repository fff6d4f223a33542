//! The request parser: however a stream is split, the same commands and the same error come out, and what the parser
//! holds is bounded by what it was sent.
//!
//! The first bytes of the input are the lengths of the pieces, the rest is the stream. So that big arguments are reached
//! with short inputs, a byte 0xff in the stream stands for 8 KiB of `x`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ostracon::resp::request::{Batch, Limits, Parser, Status};

type Outcome = (Vec<Vec<Vec<u8>>>, Option<String>);

fn parse(stream: &[u8], pieces: &[u8], direct: bool) -> Outcome {
    let limits = Limits { bulk_max: 1 << 20, authenticated: pieces.len() % 2 == 0 };
    let max = if limits.authenticated { 16 } else { 1 };
    let (mut parser, mut batch) = (Parser::new(), Batch::default());
    let (mut commands, mut buf, mut rest, mut turn) = (Vec::new(), Vec::new(), stream, 0);
    loop {
        let piece = pieces.get(turn % pieces.len().max(1)).map_or(usize::MAX, |&n| usize::from(n).pow(2) + 1);
        turn += 1;
        let piece = piece.min(rest.len());
        match parser.big_target().filter(|_| direct) {
            Some(target) => {
                let piece = piece.min(target.missing).min(target.buf.capacity() - target.buf.len());
                target.buf.extend_from_slice(&rest[..piece]);
                rest = &rest[piece..];
            }
            None => {
                buf.extend_from_slice(&rest[..piece]);
                rest = &rest[piece..];
            }
        }
        loop {
            batch.clear();
            let parsed = parser.parse(&buf, &limits, &mut batch, max);
            for i in 0..batch.commands.len() {
                let view = batch.view(&buf, i);
                assert!(!view.is_empty());
                assert!(view.to_owned().view().iter().eq(view.iter()));
                commands.push(view.iter().map(<[u8]>::to_vec).collect());
            }
            buf.drain(..parsed.consumed);
            assert!(parser.pending_bytes() <= 40 * stream.len() + 4096);
            match parsed.status {
                Status::Full => assert!(parsed.consumed > 0),
                Status::NeedMore => break,
                Status::Error(error) => return (commands, Some(error.to_string())),
            }
        }
        if rest.is_empty() {
            return (commands, None);
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&count, input)) = input.split_first() else {
        return;
    };
    let (pieces, coded) = input.split_at(usize::from(count % 16).min(input.len()));
    let mut stream = Vec::with_capacity(coded.len());
    for &byte in coded {
        match byte {
            0xff => stream.resize(stream.len() + 8192, b'x'),
            _ => stream.push(byte),
        }
    }
    let pad = &[255; 16][..pieces.len()];
    let whole = parse(&stream, pad, false);
    assert!(parse(&stream, pieces, true) == whole);
    assert!(parse(&stream, pieces, false) == whole);
});
