//! The HyperLogLog commands: PFADD, PFCOUNT, PFMERGE, PFDEBUG, PFSELFTEST, and their bytes on both servers.

use crate::support::{Kind, Oracle, Server, Value, check, encode, on_ours, same_on_both, same_sequence_on_both};
use ostracon::base::rng::Rng;

#[test]
fn pfadd_pfcount() {
    check(
        r#"
        PFCOUNT k => :0
        EXISTS k => :0
        PFADD k => :1
        GET k => 'HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff'
        PFADD k => :0
        PFADD k a => :1
        GET k => 'HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80q\xa6\x84NW'
        PFCOUNT k => :1
        GET k => 'HYLL\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00q\xa6\x84NW'
        PFADD k a => :0
        GET k => 'HYLL\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00q\xa6\x84NW'
        PFADD k b c a b c => :1
        GET k => 'HYLL\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x80`\xf3\x80P\xb1\x84K\xfb\x80BZ'
        PFCOUNT k => :3
        PFADD k "" => :1
        PFCOUNT k => :4
        TYPE k => +string
        OBJECT ENCODING k => raw
        PFADD other a x y z => :1
        PFCOUNT k other => :7
        PFCOUNT k missing other k => :7
        PFCOUNT missing none => :0
        PFADD binary "\x00\xff\r\n" "\x00" => :1
        PFCOUNT binary => :2
        GET binary => 'HYLL\x01\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00b\x87\x84L}\x80P\xf7'
        SETEX t 100 "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7f\xff" => +OK
        OBJECT ENCODING t => embstr
        PFADD t a => :1
        OBJECT ENCODING t => raw
        TTL t => :100
        SETEX t 100 "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff" => +OK
        PFCOUNT t => :0
        OBJECT ENCODING t => raw
        GET t => 'HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7f\xff'
        TTL t => :100
        SET lie "HYLL\x01\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00\x7f\xff" => +OK
        PFCOUNT lie => :7
        PFCOUNT lie missing => :0
        PFADD => -ERR wrong number of arguments for 'pfadd' command
        PFCOUNT => -ERR wrong number of arguments for 'pfcount' command
        "#,
    );
}

#[test]
fn what_is_no_hyperloglog() {
    check(
        r#"
        RPUSH l a => :1
        PFADD l a => -WRONGTYPE Operation against a key holding the wrong kind of value
        PFCOUNT l => -WRONGTYPE Operation against a key holding the wrong kind of value
        PFCOUNT l missing => -WRONGTYPE Operation against a key holding the wrong kind of value
        PFMERGE l => -WRONGTYPE Operation against a key holding the wrong kind of value
        PFMERGE missing l => -WRONGTYPE Operation against a key holding the wrong kind of value
        PFDEBUG ENCODING l => -WRONGTYPE Operation against a key holding the wrong kind of value
        SET s abc => +OK
        PFADD s a => -WRONGTYPE Key is not a valid HyperLogLog string value.
        PFADD s => -WRONGTYPE Key is not a valid HyperLogLog string value.
        PFCOUNT s => -WRONGTYPE Key is not a valid HyperLogLog string value.
        PFCOUNT missing s => -WRONGTYPE Key is not a valid HyperLogLog string value.
        PFMERGE s => -WRONGTYPE Key is not a valid HyperLogLog string value.
        PFMERGE missing s => -WRONGTYPE Key is not a valid HyperLogLog string value.
        EXISTS missing => :0
        PFDEBUG ENCODING s => -WRONGTYPE Key is not a valid HyperLogLog string value.
        SET n 12 => +OK
        PFADD n a => -WRONGTYPE Key is not a valid HyperLogLog string value.
        PFCOUNT n => -WRONGTYPE Key is not a valid HyperLogLog string value.
        SET e "" => +OK
        PFADD e a => -WRONGTYPE Key is not a valid HyperLogLog string value.
        SET short "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" => +OK
        PFCOUNT short => -WRONGTYPE Key is not a valid HyperLogLog string value.
        SET kind "HYLL\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7f\xff" => +OK
        PFCOUNT kind => -WRONGTYPE Key is not a valid HyperLogLog string value.
        SET dense "HYLL\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7f\xff" => +OK
        PFCOUNT dense => -WRONGTYPE Key is not a valid HyperLogLog string value.
        SET small "hyll\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7f\xff" => +OK
        PFCOUNT small => -WRONGTYPE Key is not a valid HyperLogLog string value.
        "#,
    );
}

/// Runs that end too early or too late are an error where all registers are looked at; else where one is missing.
#[test]
fn corrupt_runs() {
    check(
        r#"
        SET none "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80" => +OK
        PFCOUNT none => -INVALIDOBJ Corrupted HLL object detected
        PFCOUNT none missing => -INVALIDOBJ Corrupted HLL object detected
        PFADD none a => -INVALIDOBJ Corrupted HLL object detected
        PFMERGE d none => -INVALIDOBJ Corrupted HLL object detected
        EXISTS d => :0
        PFMERGE none => -INVALIDOBJ Corrupted HLL object detected
        PFDEBUG DECODE none => ''
        PFDEBUG ENCODING none => +sparse
        PFDEBUG TODENSE none => -INVALIDOBJ Corrupted HLL object detected
        PFDEBUG GETREG none => -INVALIDOBJ Corrupted HLL object detected
        SET few "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\x00" => +OK
        PFCOUNT few => -INVALIDOBJ Corrupted HLL object detected
        PFADD few a => :1
        PFDEBUG TODENSE few => -INVALIDOBJ Corrupted HLL object detected
        PFMERGE d few => -INVALIDOBJ Corrupted HLL object detected
        SET many "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff\x80" => +OK
        PFCOUNT many => -INVALIDOBJ Corrupted HLL object detected
        PFDEBUG TODENSE many => -INVALIDOBJ Corrupted HLL object detected
        PFMERGE d many => -INVALIDOBJ Corrupted HLL object detected
        PFDEBUG DECODE many => 'Z:16384 v:1,1'
        SET cached "HYLL\x01\x00\x00\x00\x09\x00\x00\x00\x00\x00\x00\x00\x7f\x00" => +OK
        PFCOUNT cached => :9
        PFCOUNT cached missing => -INVALIDOBJ Corrupted HLL object detected
        SET part "HYLL\x01\x00\x00\x00\x09\x00\x00\x00\x00\x00\x00\x00\x7f\x00" => +OK
        PFADD part b => :1
        PFADD part a => :1
        SET half "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x5f\xff" => +OK
        PFADD half a => -INVALIDOBJ Corrupted HLL object detected
        PFADD half 1 2 3 4 5 => -INVALIDOBJ Corrupted HLL object detected
        PFADD half 6 7 8 9 a => -INVALIDOBJ Corrupted HLL object detected
        PFDEBUG DECODE half => 'Z:7527 v:1,1 Z:664'
        PFADD half 6 7 8 9 => -INVALIDOBJ Corrupted HLL object detected
        PFCOUNT half => -INVALIDOBJ Corrupted HLL object detected
        SET cut "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7f" => +OK
        PFADD cut a => -INVALIDOBJ Corrupted HLL object detected
          7.0: :1 -- 7.0 reads the byte behind the string
        PFDEBUG DECODE cut => -INVALIDOBJ Corrupted HLL object detected
          7.0: ~* -- 7.0 reads the byte behind the string
        "#,
    );
}

#[test]
fn pfmerge() {
    check(
        r#"
        PFMERGE d => +OK
        GET d => 'HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff'
        PFCOUNT d => :0
        PFMERGE d missing => +OK
        GET d => 'HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff'
        PFADD a 1 2 3 => :1
        PFADD b 3 4 5 => :1
        PFMERGE d a b => +OK
        PFCOUNT d => :5
        GET d => 'HYLL\x01\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00A\xee\x84H#\x80SQ\x80Mt\x80Q,\x8cC\xf3'
        PFMERGE d d d => +OK
        GET d => 'HYLL\x01\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x80A\xee\x84H#\x80SQ\x80Mt\x80Q,\x8cC\xf3'
        PFMERGE a b missing => +OK
        PFCOUNT a => :5
        GET a => 'HYLL\x01\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00A\xee\x84H#\x80SQ\x80Mt\x80Q,\x8cC\xf3'
        PFADD dense x => :1
        PFDEBUG TODENSE dense => :1
        PFMERGE e a => +OK
        PFDEBUG ENCODING e => +sparse
        PFMERGE e dense => +OK
        PFDEBUG ENCODING e => +dense
        PFCOUNT e => :6
        PFMERGE dense a => +OK
        PFCOUNT dense => :6
        SETEX t 100 v => +OK
        PFMERGE t a => -WRONGTYPE Key is not a valid HyperLogLog string value.
        DEL t => :1
        PFADD t x => :1
        EXPIRE t 100 => :1
        PFMERGE t a => +OK
        TTL t => :100
        PFMERGE => -ERR wrong number of arguments for 'pfmerge' command
        "#,
    );
}

#[test]
fn pfdebug_pfselftest() {
    check(
        r#"
        PFADD k a b c d e f => :1
        PFDEBUG ENCODING k => +sparse
        PFDEBUG encoding k => +sparse
        PFDEBUG DECODE k => 'Z:1646 v:1,1 Z:5645 v:1,1 Z:1143 v:1,1 Z:4274 v:2,1 Z:2445 v:1,1 Z:622 v:1,1 Z:603'
        PFDEBUG NOSUCH k => -ERR Unknown PFDEBUG subcommand 'NOSUCH'
        PFDEBUG "a b" k => -ERR Unknown PFDEBUG subcommand 'a b'
        PFDEBUG ENCODING missing => -ERR The specified key does not exist
        PFDEBUG NOSUCH missing => -ERR The specified key does not exist
        PFDEBUG TODENSE k => :1
        PFDEBUG TODENSE k => :0
        PFDEBUG ENCODING k => +dense
        PFDEBUG DECODE k => -ERR HLL encoding is not sparse
        PFCOUNT k => :6
        STRLEN k => :12304
        OBJECT ENCODING k => raw
        PFDEBUG => -ERR wrong number of arguments for 'pfdebug' command
        PFDEBUG ENCODING => -ERR wrong number of arguments for 'pfdebug' command
        PFDEBUG ENCODING k k => -ERR wrong number of arguments for 'pfdebug' command
        PFSELFTEST => +OK
        PFSELFTEST x => -ERR wrong number of arguments for 'pfselftest' command
        "#,
    );
}

/// A string is dense from the byte on that `hll-sparse-max-bytes` forbids, header included.
#[test]
fn hll_sparse_max_bytes() {
    check(
        r#"
        CONFIG GET hll-sparse-max-bytes => [hll-sparse-max-bytes, 3000]
        CONFIG SET hll-sparse-max-bytes 21 => +OK
        PFADD k a => :1
        PFDEBUG ENCODING k => +sparse
        CONFIG SET hll-sparse-max-bytes 22 => +OK
        PFADD l a => :1
        STRLEN l => :21
        PFADD l b => :1
        PFDEBUG ENCODING l => +dense
        CONFIG SET hll-sparse-max-bytes 0 => +OK
        PFADD m => :1
        PFDEBUG ENCODING m => +sparse
        PFADD m a => :1
        PFDEBUG ENCODING m => +dense
        PFADD n a => :1
        PFCOUNT n => :1
        "#,
    );
}

/// A count that is remembered is a change for WATCH and the journal; one that was known is none.
#[test]
fn what_counts_as_a_change() {
    same_sequence_on_both(&[], |server| {
        let mut client = server.client();
        let mut seen = Vec::new();
        for line in [
            "PFADD k",
            "PFADD k",
            "PFADD k a b c a",
            "PFADD k a",
            "PFCOUNT k",
            "PFCOUNT k",
            "PFCOUNT k none",
            "PFCOUNT none",
            "PFMERGE d k",
            "PFMERGE d",
            "PFDEBUG ENCODING d",
            "PFDEBUG DECODE d",
            "PFDEBUG GETREG k",
            "PFDEBUG GETREG k",
            "PFDEBUG TODENSE k",
            "PFDEBUG TODENSE d",
        ] {
            let mut watcher = server.client();
            watcher.ask("WATCH k d none");
            let reply = client.ask(line).chars().take(100).collect();
            watcher.ask("MULTI");
            let untouched = watcher.ask("EXEC");
            let of = |field| server.info("stats", field);
            let dirty = server.info("persistence", "rdb_changes_since_last_save");
            seen.push([line.into(), reply, untouched, dirty, of("keyspace_hits"), of("keyspace_misses")]);
        }
        seen
    });
}

/// Registers are replied in order, of a sparse value (which becomes dense by it) and of a dense one.
#[test]
fn pfdebug_getreg() {
    let registers = same_on_both(&[], |server| {
        let mut client = server.client();
        for batch in 0..4 {
            let elements: Vec<String> = (0..200).map(|n| (batch * 1000 + n).to_string()).collect();
            client.command(&[vec!["PFADD".into(), "k".into()], elements].concat());
        }
        let first = client.line("PFDEBUG GETREG k");
        assert_eq!(client.ask("PFDEBUG ENCODING k"), "+dense");
        assert_eq!(client.line("PFDEBUG GETREG k"), first);
        first
    });
    let Some(registers) = registers else { return };
    assert_eq!(registers.items().len(), 16384);
    let raised = registers.items().iter().filter(|value| value.int() > 0).count();
    assert!((700..=800).contains(&raised), "{raised}");
}

/// Commands at random, on few keys, in a size that passes the limit of sparse ones: every reply and every byte.
#[test]
fn commands_at_random() {
    same_sequence_on_both(&[], |server| {
        let mut client = server.client();
        let mut rng = Rng::new(11);
        let (mut batch, mut count, mut replies) = (Vec::new(), 0, Vec::new());
        for _ in 0..4000 {
            let key = |rng: &mut Rng| format!("k{}", rng.below(5));
            let mut words = Vec::new();
            match rng.below(16) {
                0..7 => {
                    words.extend(["PFADD".into(), key(&mut rng)]);
                    let elements = [3, 30, 300][rng.below(3) as usize];
                    words.extend((0..rng.below(elements)).map(|_| rng.below(20_000).to_string()));
                }
                7..9 => words.extend(["PFCOUNT".into(), key(&mut rng)]),
                9..11 => words.extend(["PFCOUNT".into(), key(&mut rng), key(&mut rng), key(&mut rng)]),
                11 => words.extend(["PFMERGE".into(), key(&mut rng), key(&mut rng), key(&mut rng)]),
                12 => words.extend(["PFDEBUG".into(), "DECODE".into(), key(&mut rng)]),
                13 => {
                    let limit = ["3000", "3000", "500", "12000"][rng.below(4) as usize];
                    words.extend(["CONFIG", "SET", "hll-sparse-max-bytes", limit].map(String::from));
                }
                14 => words.extend(["GET".into(), key(&mut rng)]),
                _ if rng.below(4) == 0 => words.extend(["DEL".into(), key(&mut rng), key(&mut rng)]),
                _ => words.extend(["PFDEBUG".into(), "ENCODING".into(), key(&mut rng)]),
            }
            batch.extend(encode(&words));
            count += 1;
            if batch.len() > 1 << 15 {
                replies.extend(client.pipeline(&batch, count));
                (batch, count) = (Vec::new(), 0);
            }
        }
        replies.extend(client.pipeline(&batch, count));
        replies.extend((0..5).map(|n| client.line(&format!("GET k{n}"))));
        replies
    });
}

/// What one server has written the other one counts, adds to and merges, both ways.
#[test]
fn bytes_go_both_ways() {
    let Some(oracle) = Oracle::start(&[]) else { return };
    let fill = |server: &Server, from: u32| -> Vec<Vec<u8>> {
        let mut client = server.client();
        let sizes = [0, 1, 100, 3000, 40_000];
        sizes
            .map(|size| {
                client.line("PFADD k");
                for start in (0..size).step_by(500) {
                    let elements: Vec<String> =
                        (start..size.min(start + 500)).map(|n| (from + n).to_string()).collect();
                    client.command(&[vec!["PFADD".into(), "k".into()], elements].concat());
                }
                let value = client.line("GET k").bytes().to_vec();
                client.line("DEL k");
                value
            })
            .into()
    };
    let counts = |server: &Server, values: &[Vec<u8>]| -> Vec<Value> {
        let mut client = server.client();
        let mut seen = Vec::new();
        for (n, value) in values.iter().enumerate() {
            let key = format!("v{n}").into_bytes();
            client.command(&[b"SET".to_vec(), key.clone(), value.clone()]);
            seen.push(client.command(&[b"PFCOUNT".to_vec(), key.clone()]));
            seen.push(client.command(&[b"PFADD".to_vec(), key.clone(), b"another".to_vec()]));
            seen.push(client.command(&[b"PFMERGE".to_vec(), b"all".to_vec(), key]));
            seen.push(client.line("PFCOUNT all"));
            seen.push(client.line("GET all"));
        }
        seen
    };
    on_ours(&[], |ours| {
        assert_eq!(ours.kind(), Kind::Ours);
        for (writer, reader, from) in [(ours, &oracle, 0), (&oracle, ours, 100_000)] {
            let values = fill(writer, from);
            assert_eq!(counts(writer, &values), counts(reader, &values));
        }
    });
}
