//! Serialised libraries: to and from redis-server, and what is refused.

use crate::support::{Client, Kind, Oracle, Server, on_each};

/// The code of a library; `extra` more bytes than need be, so that redis-server compresses it.
fn code(name: &str, answer: i64, extra: usize) -> String {
    let padding = "-- padding\n".repeat(extra / 11);
    format!("#!lua name={name}\n{padding}redis.register_function('{name}_f', function() return {answer} end)")
}

fn load(client: &mut Client, code: &str) {
    let reply = client.command(&["FUNCTION", "LOAD", code]);
    assert!(!reply.is_error(), "{}", reply.render());
}

/// A payload around this body: version 10 and its CRC-64, bit by bit.
fn payload(body: &[u8], version: u16) -> Vec<u8> {
    let mut bytes = [body, &version.to_le_bytes()].concat();
    let sum = bytes.iter().fold(0_u64, |sum, byte| {
        (0..8).fold(sum ^ u64::from(*byte), |sum, _| (sum >> 1) ^ if sum & 1 == 1 { 0x95ac_9329_ac4b_c9b5 } else { 0 })
    });
    bytes.extend(sum.to_le_bytes());
    bytes
}

fn restore(client: &mut Client, payload: &[u8], policy: &str) -> String {
    client.command(&[&b"FUNCTION"[..], b"RESTORE", payload, policy.as_bytes()]).render()
}

/// The names of the libraries, sorted.
fn names(client: &mut Client) -> Vec<String> {
    let list = client.line("FUNCTION LIST");
    let mut names: Vec<String> = list.items().iter().map(|library| library.items()[1].text()).collect();
    names.sort();
    names
}

#[test]
fn what_one_server_dumps_the_other_restores() {
    let Some(oracle) = Oracle::start(&[]) else { return };
    let ours = Server::start(&[]);
    for (from, to) in [(&oracle, &ours), (&ours, &oracle), (&ours, &ours), (&oracle, &oracle)] {
        let (mut from, mut to) = (from.client(), to.client());
        from.line("FUNCTION FLUSH");
        to.line("FUNCTION FLUSH");
        for (i, extra) in [0, 100, 3000, 40_000, 300_000].into_iter().enumerate() {
            load(&mut from, &code(&format!("lib{i}"), i as i64, extra));
        }
        let dump = from.line("FUNCTION DUMP").bytes().to_vec();
        let list = |client: &mut Client| {
            let mut all: Vec<String> =
                client.line("FUNCTION LIST WITHCODE").items().iter().map(|library| library.render()).collect();
            all.sort();
            all
        };
        let before = list(&mut from);
        to.line("FUNCTION FLUSH");
        assert_eq!(restore(&mut to, &dump, "APPEND"), "+OK");
        assert_eq!(list(&mut to), before);
        for i in 0..5 {
            assert_eq!(to.ask(&format!("FCALL lib{i}_f 0")), format!(":{i}"));
        }
    }
}

#[test]
fn policies() {
    on_each(&[], |server| {
        let mut client = server.client();
        load(&mut client, &code("a", 1, 0));
        load(&mut client, &code("b", 1, 0));
        let both = client.line("FUNCTION DUMP").bytes().to_vec();
        client.line("FUNCTION FLUSH");
        load(&mut client, &code("b", 2, 0));
        load(&mut client, &code("c", 2, 0));
        assert_eq!(restore(&mut client, &both, "APPEND"), "-ERR Library b already exists");
        let reply = client.command(&[&b"FUNCTION"[..], b"RESTORE", &both]).render();
        assert_eq!(reply, "-ERR Library b already exists");
        assert_eq!((names(&mut client), client.ask("FCALL b_f 0")), (vec!["b".into(), "c".into()], ":2".into()));
        assert_eq!(restore(&mut client, &both, "replace"), "+OK");
        assert_eq!((names(&mut client).len(), client.ask("FCALL b_f 0")), (3, ":1".into()));
        assert_eq!(restore(&mut client, &both, "Flush"), "+OK");
        assert_eq!((names(&mut client).len(), client.ask("FCALL c_f 0")), (2, "-ERR Function not found".into()));
        let policy = "-ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.";
        assert_eq!(restore(&mut client, &both, "x"), policy);
        let reply = client.command(&[&b"FUNCTION"[..], b"RESTORE", &both, b"FLUSH", b"x"]).render();
        let words = "-ERR unknown subcommand or wrong number of arguments for 'RESTORE'. Try FUNCTION HELP.";
        assert_eq!(reply, words);
        // A function of the same name in a library that stays.
        let other = "#!lua name=d\nredis.register_function('a_f', function() return 9 end)";
        assert!(other.len() >= 64, "the length takes two bytes");
        let mut body = vec![245, 0x40, other.len() as u8];
        body.extend_from_slice(other.as_bytes());
        assert_eq!(restore(&mut client, &payload(&body, 10), "REPLACE"), "-ERR Function a_f already exists");
        assert_eq!(restore(&mut client, &payload(&body, 10), "FLUSH"), "+OK");
        assert_eq!(names(&mut client), ["d"]);
        // Nothing at all.
        assert_eq!(restore(&mut client, &payload(b"", 10), "APPEND"), "+OK");
        assert_eq!(names(&mut client), ["d"]);
        assert_eq!(restore(&mut client, &payload(b"", 10), "FLUSH"), "+OK");
        assert_eq!(names(&mut client).len(), 0);
    });
}

#[test]
fn what_is_no_payload() {
    let short = |code: &str| {
        assert!(code.len() < 64);
        [&[245, code.len() as u8], code.as_bytes()].concat()
    };
    let good = short("#!lua name=a\nredis.register_function('f',function() end)");
    let cases: Vec<(Vec<u8>, &str)> = vec![
        ([&good[..], &good].concat(), "-ERR Library 'a' already exists"),
        (
            [&good[..], &short("#!lua name=b\nredis.register_function('f',function() end)")].concat(),
            "-ERR Function f already exists",
        ),
        (
            [&good[..], &short("#!lua name=b\nfoo bar")].concat(),
            "-ERR Error compiling function: user_function:2: '=' expected near 'bar'",
        ),
        (short("return"), "-ERR Missing library metadata"),
        (short("#!lua name=b\n"), "-ERR No functions registered"),
        (
            short("#!lua name=b\nx=1"),
            "-ERR Error registering functions: ERR user_function:2: Attempt to modify a readonly table",
        ),
        ([b"\x00", &good[1..]].concat(), "-ERR given type is not a function"),
        ([&good[..], b"x"].concat(), "-ERR given type is not a function"),
        (b"\xff".to_vec(), "-ERR given type is not a function"),
        (b"\xf5".to_vec(), "-ERR Failed loading library payload"),
        (b"\xf5\xc0\x01".to_vec(), "-ERR Missing library metadata"),
        (b"\xf5\xc3\x01\x05\x00".to_vec(), "-ERR Failed loading library payload"),
        (b"\xf5\xc3\x02\x05\x00a".to_vec(), "-ERR Failed loading library payload"),
        (b"\xf5\xc4".to_vec(), "-ERR Failed loading library payload"),
        (b"\xf5\x80\xff\xff\xff\xffab".to_vec(), "-ERR Failed loading library payload"),
        (b"\xf5\x81\xff\xff\xff\xff\xff\xff\xff\xffab".to_vec(), "-ERR Failed loading library payload"),
    ];
    let checksum = "-ERR DUMP payload version or checksum are wrong";
    on_each(&[], |server| {
        let mut client = server.client();
        for (body, error) in &cases {
            assert_eq!(restore(&mut client, &payload(body, 10), "APPEND"), *error, "{body:?}");
            assert_eq!(names(&mut client).len(), 0);
        }
        assert_eq!(restore(&mut client, &payload(&good, 80), "APPEND"), checksum);
        for bytes in [&b""[..], b"bad", b"0123456789", &payload(&good, 10)[1..]] {
            assert_eq!(restore(&mut client, bytes, "APPEND"), checksum);
        }
        for version in [1, 9, 10] {
            assert_eq!(restore(&mut client, &payload(&good, version), "FLUSH"), "+OK", "{version}");
        }
        if server.kind() == Kind::Ours {
            // Redis 7.2 and 8 write these.
            for version in [11, 12] {
                assert_eq!(restore(&mut client, &payload(&good, version), "FLUSH"), "+OK", "{version}");
            }
        }
    });
}

/// Payloads of few bytes that say they are large.
#[test]
fn bombs_take_no_memory() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let peak = |server: &Server| server.info("memory", "used_memory_peak").parse::<u64>().unwrap();
    let before = peak(&server);
    // 4 GiB, 2^63 bytes, and as many as the packed bytes could make at best, and more.
    for head in [&b"\xf5\xc3\x02\x80\xff\xff\xff\xff"[..], b"\xf5\xc3\x02\x81\x7f\xff\xff\xff\xff\xff\xff\xff"] {
        let body = [head, b"\x00a"].concat();
        assert_eq!(restore(&mut client, &payload(&body, 10), "APPEND"), "-ERR Failed loading library payload");
    }
    assert!(peak(&server) < before + (8 << 20), "{before}");
}
