//! Foreign bytes as packed blocks, integer sets and HyperLogLogs: whatever is taken for sound can be walked, changed and
//! written again; whatever is not is refused without a panic.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use ostracon::types::hyperloglog;
use ostracon::types::intset::Intset;
use ostracon::types::packed::Packed;

fuzz_target!(|data: &[u8]| {
    if let Some(mut packed) = Packed::from_listpack(data) {
        let forward: Vec<Vec<u8>> = packed.iter().map(|item| item.to_vec()).collect();
        let mut backward: Vec<Vec<u8>> = packed.iter_rev().map(|item| item.to_vec()).collect();
        backward.reverse();
        assert_eq!(forward, backward);
        assert_eq!(forward.len(), packed.len());
        packed.push_back(b"more");
        if let Some(first) = packed.first() {
            packed.remove(first);
        }
        let again = Packed::from_listpack(&packed.to_listpack());
        assert_eq!(again.map(|p| p.len()), Some(packed.len()));
    }
    if let Some(mut ints) = Intset::from_bytes(data) {
        let all: Vec<i64> = ints.iter().collect();
        assert!(all.is_sorted());
        assert!(all.iter().all(|n| ints.contains(*n)));
        ints.add(i64::MIN);
    }
    if hyperloglog::encoding(data).is_some() {
        let mut text = BytesMut::from(data);
        let counted = hyperloglog::count(&text).is_ok();
        let added = hyperloglog::add(&mut text, b"element", 3000).is_ok();
        let decoded = hyperloglog::decode(&text).is_ok();
        let _ = (counted, added, decoded, hyperloglog::to_dense(&mut text));
    }
});
