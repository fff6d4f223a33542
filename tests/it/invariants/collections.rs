//! Collections under fire: what several keys hold together is neither lost, doubled nor seen half done.

use std::collections::BTreeSet;

use super::*;

const KEYS: usize = 6;
const ELEMENTS: usize = 300;

fn names(prefix: &str) -> String {
    (0..KEYS).map(|n| format!(" {prefix}{n}")).collect()
}

fn numbered(prefix: &str) -> String {
    (0..ELEMENTS).map(|n| format!(" {prefix}{n}")).collect()
}

/// The same question for each of the keys, at one moment.
fn of_each(client: &mut Client, prefix: &str, question: impl Fn(&str) -> String) -> Vec<Value> {
    let questions: Vec<String> = (0..KEYS).map(|n| question(&format!("{prefix}{n}"))).collect();
    exec(client, &questions).unwrap()
}

#[test]
fn members_that_are_moved_are_neither_lost_nor_doubled() {
    let server = Server::start(&WORKERS);
    for member in ["", "m"] {
        server.client().line(&format!("DEL{}", names("s")));
        server.client().line(&format!("SADD s0{}", numbered(member)));
        let act = |actor: usize, client: &mut Client| {
            let mut rng = Rng::new(500 + actor as u64);
            for _ in 0..100 {
                let mut one = || {
                    let (from, to) = (below(&mut rng, KEYS), below(&mut rng, KEYS));
                    format!("SMOVE s{from} s{to} {member}{}", below(&mut rng, ELEMENTS))
                };
                let batch: Vec<String> = (0..30).map(|_| one()).collect();
                lines(client, &batch);
            }
        };
        let observe = |client: &mut Client| {
            let sizes = of_each(client, "s", |key| format!("SCARD {key}"));
            assert_eq!(sizes.iter().map(Value::int).sum::<i64>(), ELEMENTS as i64, "{sizes:?}");
            assert_eq!(client.line(&format!("SUNION{}", names("s"))).items().len(), ELEMENTS);
            assert_eq!(client.ask(&format!("SINTERCARD 2 s{} s{}", 1, 4)), ":0");
        };
        under_fire(&server, 5, act, observe);
    }
}

#[test]
fn elements_that_are_moved_are_neither_lost_nor_doubled() {
    let server = Server::start(&WORKERS);
    server.client().line(&format!("RPUSH l0{}", numbered("e")));
    let act = |actor: usize, client: &mut Client| {
        let mut rng = Rng::new(600 + actor as u64);
        for _ in 0..100 {
            let mut one = || {
                let (from, to) = (below(&mut rng, KEYS), below(&mut rng, KEYS));
                match rng.below(4) {
                    0 => format!("RPOPLPUSH l{from} l{to}"),
                    1 => format!("LMOVE l{from} l{to} LEFT RIGHT"),
                    2 => format!("LMOVE l{from} l{to} RIGHT RIGHT"),
                    _ => format!("LMOVE l{from} l{to} LEFT LEFT"),
                }
            };
            let batch: Vec<String> = (0..30).map(|_| one()).collect();
            lines(client, &batch);
        }
    };
    let observe = |client: &mut Client| {
        let lists = of_each(client, "l", |key| format!("LRANGE {key} 0 -1"));
        let elements: Vec<String> = lists.iter().flat_map(|list| list.items()).map(Value::text).collect();
        let distinct: BTreeSet<&String> = elements.iter().collect();
        assert_eq!((elements.len(), distinct.len()), (ELEMENTS, ELEMENTS));
    };
    under_fire(&server, 5, act, observe);
}

/// The two sources are always of one version, and together 40 members.
#[test]
fn stored_sets_are_seen_whole() {
    let server = Server::start(&WORKERS);
    let act = |actor: usize, client: &mut Client| {
        for round in 0..250 {
            let members = |from: usize| (from..from + 20).map(|n| format!(" {actor}:{round}:{n}")).collect::<String>();
            let inner =
                ["DEL left right".to_owned(), format!("SADD left{}", members(0)), format!("SADD right{}", members(20))];
            exec(client, &inner).unwrap();
            client.line("SUNIONSTORE union left right");
            client.line("SINTERSTORE half union left");
            client.line("SDIFFSTORE none left left");
        }
    };
    let observe = |client: &mut Client| {
        for (line, size) in [("SMEMBERS union", 40), ("SUNION left right", 40), ("SDIFF left right", 20)] {
            let reply = client.line(line);
            let version = |member: &Value| member.text().rsplit_once(':').map(|(version, _)| version.to_owned());
            let versions: BTreeSet<_> = reply.items().iter().map(version).collect();
            assert!([0, size].contains(&reply.items().len()) && versions.len() <= 1, "{line}: {reply}");
        }
        assert_eq!(client.ask("SINTER left right"), "[]");
        assert_eq!(client.ask("EXISTS none"), ":0");
        // Of two versions there is nothing, of one it is half.
        assert!([0, 20].contains(&client.line("SCARD half").int()));
    };
    under_fire(&server, 3, act, observe);
}

#[test]
fn transactions_on_collections_are_never_seen_half_done() {
    let server = Server::start(&WORKERS);
    let act = |actor: usize, client: &mut Client| {
        let mut rng = Rng::new(700 + actor as u64);
        for round in 0..400 {
            let (from, to) = (below(&mut rng, KEYS), below(&mut rng, KEYS));
            let inner = [
                format!("HINCRBY h{from} balance -3"),
                format!("RPUSH journal {from}:{to}"),
                format!("SADD entries {actor}:{round}"),
                format!("HINCRBY h{to} balance 3"),
            ];
            exec(client, &inner).unwrap();
        }
    };
    let observe = |client: &mut Client| {
        let mut questions: Vec<String> = (0..KEYS).map(|n| format!("HGET h{n} balance")).collect();
        questions.extend(["LLEN journal".to_owned(), "SCARD entries".to_owned()]);
        let replies = exec(client, &questions).unwrap();
        let balance = |value: &Value| if *value == Value::Nil { 0 } else { number(value) };
        assert_eq!(replies[..KEYS].iter().map(balance).sum::<i64>(), 0, "{replies:?}");
        assert_eq!(replies[KEYS], replies[KEYS + 1], "{replies:?}");
    };
    under_fire(&server, 5, act, observe);
    assert_eq!(server.client().ask("LLEN journal"), ":2000");
}

#[test]
fn collections_are_renamed_and_copied_whole() {
    let server = Server::start(&WORKERS);
    let pairs: String = (0..ELEMENTS).map(|n| format!(" f{n} {n}")).collect();
    server.client().line(&format!("HSET h0{pairs}"));
    let act = |actor: usize, client: &mut Client| {
        let mut rng = Rng::new(800 + actor as u64);
        for round in 0..150 {
            let (from, to) = (below(&mut rng, KEYS), below(&mut rng, KEYS));
            let version: String = (0..100 + actor).map(|_| format!(" {actor}:{round}")).collect();
            let batch = [
                format!("RENAME h{from} h{to}"),
                format!("COPY h{to} copy REPLACE"),
                format!("RENAMENX h{to} h{from}"),
                "DEL list".to_owned(),
                format!("RPUSH list{version}"),
                "COPY list list2 REPLACE".to_owned(),
                "RENAME list2 list3".to_owned(),
            ];
            lines(client, &batch);
        }
    };
    let observe = |client: &mut Client| {
        let sizes: Vec<i64> = of_each(client, "h", |key| format!("HLEN {key}")).iter().map(Value::int).collect();
        assert!(sizes.iter().all(|n| [0, ELEMENTS as i64].contains(n)), "{sizes:?}");
        assert_eq!(sizes.iter().sum::<i64>(), ELEMENTS as i64, "{sizes:?}");
        let copy = client.line("HLEN copy").int();
        assert!([0, ELEMENTS as i64].contains(&copy), "{copy}");
        // Whatever was pushed together is copied together.
        let list = client.line("LRANGE list3 0 -1");
        let mut rest = list.items();
        while let Some(first) = rest.first() {
            let actor: usize = first.text().split(':').next().unwrap().parse().unwrap();
            let (together, after) = rest.split_at(100 + actor);
            assert!(together.iter().all(|element| element == first), "{list}");
            rest = after;
        }
    };
    under_fire(&server, 4, act, observe);
}
