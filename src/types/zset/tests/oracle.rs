//! Sums of infinities, weights, flags and conversions as a real server has them.

use super::*;
use crate::base::num;
use crate::base::oracle::{Answer, Oracle};

fn members_and_scores(answer: Answer) -> Vec<(Vec<u8>, f64)> {
    let Answer::Array(items) = answer else { panic!("{answer:?}") };
    let text = |item: &Answer| match item {
        Answer::Text(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    items.chunks(2).map(|pair| (text(&pair[0]), num::parse_f64(&text(&pair[1])).unwrap())).collect()
}

fn ask(oracle: &mut Oracle, line: &str) -> Answer {
    let words: Vec<&[u8]> = line.split_whitespace().map(str::as_bytes).collect();
    oracle.ask(&words)
}

fn printed(score: f64) -> String {
    let mut out = Vec::new();
    num::format_f64(score, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn oracle_agrees_on_algebra() {
    let Some(mut oracle) = Oracle::start() else { return };
    let mut rng = Rng::new(31);
    for round in 0..1500 {
        ask(&mut oracle, "FLUSHALL");
        let mut sets = Vec::new();
        for key in 0..3 {
            let mut set = ZSet::default();
            for _ in 0..rng.below(30) {
                let (member, score) = (format!("m{}", rng.below(20)), some_score(&mut rng));
                ask(&mut oracle, &format!("ZADD k{key} {} {member}", printed(score)));
                set.add(member.as_bytes(), score, AddFlags::default(), SMALL);
            }
            sets.push(set);
        }
        let mut weight = || [1.0, 0.0, 2.5, -1.0, f64::INFINITY][rng.below(5) as usize];
        let weights = [weight(), weight(), weight()];
        let inputs: Vec<Weighted<'_>> = sets.iter().zip(weights).map(|(set, weight)| (set as _, weight)).collect();
        let (aggregate, name) = [(Aggregate::Sum, "SUM"), (Aggregate::Min, "MIN"), (Aggregate::Max, "MAX")][round % 3];
        let options = weights.map(printed).join(" ");
        let options = format!("3 k0 k1 k2 WEIGHTS {options} AGGREGATE {name} WITHSCORES");
        let theirs = members_and_scores(ask(&mut oracle, &format!("ZUNION {options}")));
        assert_eq!(entries(&union(&inputs, aggregate, SMALL)), theirs, "ZUNION {options}");
        let theirs = members_and_scores(ask(&mut oracle, &format!("ZINTER {options}")));
        assert_eq!(entries(&inter(&inputs, aggregate, SMALL)), theirs, "ZINTER {options}");
        let plain: Vec<&dyn Scored> = sets.iter().map(|set| set as _).collect();
        let theirs = members_and_scores(ask(&mut oracle, "ZDIFF 3 k0 k1 k2 WITHSCORES"));
        assert_eq!(entries(&diff(&plain, SMALL)), theirs);
        let theirs = ask(&mut oracle, "ZINTERCARD 3 k0 k1 k2 LIMIT 3");
        assert_eq!(Answer::Int(inter_card(&plain, 3) as i64), theirs);
    }
}

#[test]
fn oracle_agrees_on_additions() {
    let Some(mut oracle) = Oracle::start() else { return };
    let mut rng = Rng::new(32);
    let mut set = ZSet::default();
    let limits = ZSetLimits { listpack_entries: 40, listpack_value: 8 };
    ask(&mut oracle, "CONFIG SET zset-max-listpack-entries 40");
    ask(&mut oracle, "CONFIG SET zset-max-listpack-value 8");
    for round in 0..6000 {
        if round % 600 == 0 {
            ask(&mut oracle, "DEL z");
            set = ZSet::default();
        }
        let bits = rng.below(8);
        let member = rng.below(1 << bits).to_string();
        let member = if rng.below(400) == 0 { format!("long member {member}").replace(' ', "-") } else { member };
        let score = some_score(&mut rng);
        let (nx, gt, lt) = match rng.below(6) {
            0 => (true, false, false),
            1 => (false, true, false),
            2 => (false, false, true),
            _ => (false, false, false),
        };
        let xx = !nx && rng.below(3) == 0;
        let incr = rng.below(2) == 0;
        let names = [(nx, "NX"), (xx, "XX"), (gt, "GT"), (lt, "LT"), (incr, "INCR")];
        let options: Vec<_> = names.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| *name).collect();
        let line = format!("ZADD z {} CH {} {member}", options.join(" "), printed(score));
        let theirs = ask(&mut oracle, &line);
        let ours = set.add(member.as_bytes(), score, AddFlags { nx, xx, gt, lt, incr }, limits);
        match (&theirs, incr) {
            (Answer::Nil, true) => assert_eq!(ours, Outcome::Skipped, "{line}"),
            (Answer::Error(_), true) => assert_eq!(ours, Outcome::NotANumber, "{line}"),
            (Answer::Text(text), true) => assert_eq!(num::parse_f64(text), ours.score(), "{line}"),
            (Answer::Int(changed), false) => {
                let ours = matches!(ours, Outcome::Added(_) | Outcome::Updated(_));
                assert_eq!(*changed, i64::from(ours), "{line}");
            }
            other => panic!("{line}: {other:?}"),
        }
        if rng.below(10) == 0 {
            let theirs = members_and_scores(ask(&mut oracle, "ZRANGE z 0 -1 WITHSCORES"));
            assert_eq!(entries(&set), theirs);
            if !theirs.is_empty() {
                let encoding = Answer::Text(set.encoding().into());
                assert_eq!(ask(&mut oracle, "OBJECT ENCODING z"), encoding, "after {line}");
            }
        }
    }
}
