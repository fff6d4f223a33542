//! Reply values: no bytes make decoding panic or take memory beyond their length; what is decoded encodes to bytes that
//! decode to the same again; a reply's prefix is never a reply.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ostracon::resp::value::Value;

fuzz_target!(|input: &[u8]| {
    let Ok(Some((value, len))) = Value::decode(input) else {
        return;
    };
    assert!(len <= input.len());
    assert_eq!(Value::decode(&input[..len - 1]), Ok(None));
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    let Ok(Some((again, used))) = Value::decode(&bytes) else { panic!("does not decode: {value:?}") };
    assert_eq!(used, bytes.len());
    // NaN is not equal to itself, so compare the bytes.
    let mut twice = Vec::new();
    again.encode(&mut twice);
    assert_eq!(bytes, twice);
});
