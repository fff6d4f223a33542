//! Inline requests: a word that is quoted, byte by byte in any of the ways there are, comes out as it was; any line at
//! all is split without a panic into no more than it holds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ostracon::resp::request::{Batch, Limits, Parser};

const LIMITS: Limits = Limits { bulk_max: 1 << 29, authenticated: true };

fn words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut batch = Batch::default();
    let parsed = Parser::new().parse(line, &LIMITS, &mut batch, 1);
    assert!(parsed.consumed <= line.len());
    let view = batch.view(line, 0);
    (!batch.commands.is_empty()).then(|| view.iter().map(<[u8]>::to_vec).collect())
}

/// `word` in double or single quotes.
fn quote(word: &[u8], line: &mut Vec<u8>) {
    let single = word.len() % 2 == 0 && !word.iter().any(|byte| matches!(byte, b'\\' | b'\n' | b'\''));
    if single {
        line.push(b'\'');
        line.extend_from_slice(word);
        line.extend_from_slice(b"' ");
        return;
    }
    line.push(b'"');
    for &byte in word {
        match byte {
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'"' | b'\\' => line.extend_from_slice(&[b'\\', byte]),
            0x80.. => line.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
            _ => line.push(byte),
        }
    }
    line.extend_from_slice(b"\" ");
}

fuzz_target!(|input: &[u8]| {
    if input.len() > 8192 {
        return;
    }
    let mut raw = input.to_vec();
    raw.push(b'\n');
    if let Some(words) = words(&raw)
        && raw[0] != b'*'
    {
        assert!(words.iter().map(Vec::len).sum::<usize>() <= raw.len());
    }
    let expected: Vec<Vec<u8>> = input.split(|&byte| byte == 0).map(<[u8]>::to_vec).collect();
    let mut line = Vec::new();
    expected.iter().for_each(|word| quote(word, &mut line));
    line.extend_from_slice(b"\r\n");
    assert_eq!(words(&line), Some(expected));
});
