//! The tools and libraries that people already have, against ours: redis-cli, redis-benchmark, the `redis` crate,
//! mini-redis's client.
//!
//! A tool that is not installed is skipped, and says so; with `OSTRACON_REQUIRE_ORACLE` that is a failure. Tools that
//! run until they are stopped are stopped once they have shown what is expected.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use mini_redis::Frame;
use redis::{Commands, ConnectionLike};

use crate::support::{Client, DEADLINE, Server, pause};

/// A tool that is to speak to the server; `None` where it is not installed.
fn tool(name: &str, server: &Server) -> Option<Command> {
    if Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        println!("SKIPPED: {name} not installed");
        assert!(std::env::var_os("OSTRACON_REQUIRE_ORACLE").is_none(), "{name} not installed");
        return None;
    }
    let mut command = Command::new(name);
    command.args(["-p", &server.port().to_string()]).stdin(Stdio::null());
    Some(command)
}

/// Runs it to its end; what it wrote to both streams. Panics when it does not end, or not with 0.
#[track_caller]
fn run(command: &mut Command) -> String {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (id, end) = (child.id(), Instant::now() + 3 * DEADLINE);
    let done = std::thread::scope(|scope| {
        let reader = scope.spawn(move || child.wait_with_output().unwrap());
        while !reader.is_finished() {
            if Instant::now() > end {
                let pid = nix::unistd::Pid::from_raw(i32::try_from(id).unwrap());
                let _ = nix::sys::signal::kill(pid, crate::support::Signal::SIGKILL);
            }
            pause();
        }
        reader.join().unwrap()
    });
    let Output { status, stdout, stderr } = done;
    let text = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?}: {status}\n{text}");
    text
}

/// Starts a tool that would run for ever, reads until `lines` lines satisfy `wanted`, ends it.
#[track_caller]
fn run_until(command: &mut Command, lines: usize, wanted: impl Fn(&str) -> bool) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).split(b'\n');
    // A tool that falls silent is ended from here, which ends its output.
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let _ = receiver.recv_timeout(DEADLINE);
            let _ = child.kill();
            let _ = child.wait();
        });
        let mut seen = Vec::new();
        let texts = std::iter::from_fn(|| output.next()?.ok()).map(|line| String::from_utf8_lossy(&line).into_owned());
        let found = texts.inspect(|line| seen.push(line.clone())).filter(|line| wanted(line)).take(lines).count();
        drop(sender);
        assert_eq!(found, lines, "{command:?} wrote {seen:#?}");
    });
}

/// A server with keys of several sizes.
fn filled() -> (Server, Client) {
    let server = Server::start(&["--workers", "4"]);
    let mut client = server.client();
    for n in 0..300 {
        client.line(&format!("SET key:{n} {}", "v".repeat(n + 1)));
    }
    (server, client)
}

#[test]
fn redis_cli_finds_keys() {
    let (server, _) = filled();
    let Some(mut cli) = tool("redis-cli", &server) else { return };
    let mut keys: Vec<String> = run(cli.arg("--scan")).lines().map(str::to_owned).collect();
    keys.sort();
    let mut expected: Vec<String> = (0..300).map(|n| format!("key:{n}")).collect();
    expected.sort();
    assert_eq!(keys, expected);
    let some = run(tool("redis-cli", &server).unwrap().args(["--scan", "--pattern", "key:29?"]));
    assert_eq!(some.lines().count(), 10, "{some}");
    let big = run(tool("redis-cli", &server).unwrap().arg("--bigkeys"));
    assert!(big.contains("Biggest string found '\"key:299\"' has 300 bytes"), "{big}");
    let memory = run(tool("redis-cli", &server).unwrap().arg("--memkeys"));
    assert!(memory.contains("Biggest string found '\"key:") && memory.contains("Sampled 300 keys"), "{memory}");
}

#[test]
fn redis_cli_watches_a_server() {
    let (server, _) = filled();
    let Some(mut cli) = tool("redis-cli", &server) else { return };
    run_until(cli.args(["--stat", "-i", "0.05"]), 3, |line| line.trim_start().starts_with("300 "));
    // Without a terminal it measures for a time and prints one line: least, greatest, mean, samples.
    let latency = run(tool("redis-cli", &server).unwrap().args(["--latency", "-i", "0.2"]));
    let figures: Vec<f64> = latency.split_whitespace().map(|word| word.parse().unwrap()).collect();
    assert!(figures.len() == 4 && figures[3] >= 1.0, "{latency}");
    let info = run(tool("redis-cli", &server).unwrap().arg("INFO"));
    for line in ["# Server", "redis_version:7.2", "# Keyspace", "db0:keys=300,expires=0"] {
        assert!(info.contains(line), "no {line} in\n{info}");
    }
}

#[test]
fn redis_cli_speaks_resp3_and_reads_a_pipe() {
    let (server, _) = filled();
    let Some(mut cli) = tool("redis-cli", &server) else { return };
    let config = run(cli.args(["-3", "CONFIG", "GET", "maxmemory-policy"]));
    assert!(config.contains("maxmemory-policy") && config.contains("noeviction"), "{config}");
    let hello = run(tool("redis-cli", &server).unwrap().args(["-3", "HELLO"]));
    assert!(hello.contains("proto") && hello.contains('3'), "{hello}");
    // What it asks at the start of an interactive session, for its hints.
    let docs = run(tool("redis-cli", &server).unwrap().args(["COMMAND", "DOCS", "set"]));
    assert!(docs.contains("summary") && docs.contains("arguments"), "{docs}");
    let mut cli = tool("redis-cli", &server).unwrap();
    let mut child = cli.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input
        .write_all(b"SET piped \"a b\"\nMULTI\nGET piped\nINCR piped\nEXEC\nSTRLEN piped\nSELECT 3\nDBSIZE\n")
        .unwrap();
    drop(input);
    let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let lines: Vec<&str> = output.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines[..5], ["OK", "OK", "QUEUED", "QUEUED", "a b"], "{output}");
    assert!(lines[5].starts_with("ERR value is not an integer"), "{output}");
    assert_eq!(lines[6..], ["3", "OK", "0"], "{output}");
}

#[test]
fn redis_cli_pipes_the_protocol_in_bulk() {
    let (server, mut client) = filled();
    let Some(mut cli) = tool("redis-cli", &server) else { return };
    let mut child = cli.arg("--pipe").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    for n in 0..5000 {
        input.write_all(&crate::support::encode_line(&format!("SET bulk:{n} {n}"))).unwrap();
    }
    drop(input);
    let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(output.contains("errors: 0, replies: 5000"), "{output}");
    assert_eq!(client.ask("DBSIZE"), ":5300");
}

#[test]
fn redis_benchmark_runs_without_an_error() {
    let server = Server::start(&["--workers", "4"]);
    let Some(mut benchmark) = tool("redis-benchmark", &server) else { return };
    let arguments = ["-t", "ping,set,get,incr,mset", "-P", "16", "-c", "50", "-n", "20000", "-r", "1000", "--csv"];
    let output = run(benchmark.args(arguments));
    assert!(!output.contains("Error") && !output.contains("WARNING"), "{output}");
    for test in ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"] {
        assert!(output.contains(&format!("\"{test}\",")), "no {test} in\n{output}");
    }
}

/// The `redis` crate, speaking one of its protocols.
fn with_the_redis_crate(protocol: &str) {
    let server = Server::start(&["--workers", "4"]);
    let url = format!("redis://127.0.0.1:{}/?protocol={protocol}", server.port());
    let mut connection = redis::Client::open(url).unwrap().get_connection_with_timeout(DEADLINE).unwrap();
    connection.set_read_timeout(Some(DEADLINE)).unwrap();
    assert!(connection.check_connection());

    let binary: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    connection.set::<_, _, ()>("binary", &binary).unwrap();
    assert_eq!(connection.get::<_, Vec<u8>>("binary").unwrap(), binary);
    assert_eq!(connection.get::<_, Option<String>>("missing").unwrap(), None);
    connection.set_ex::<_, _, ()>("brief", 1.5, 100).unwrap();
    assert!((99..=100).contains(&connection.ttl::<_, i64>("brief").unwrap()));
    assert_eq!(connection.get::<_, f64>("brief").unwrap(), 1.5);
    connection.mset::<_, _, ()>(&[("a", 1), ("b", 2), ("c", 3)]).unwrap();
    assert_eq!(
        connection.mget::<_, Vec<Option<i64>>>(&["a", "b", "none", "c"]).unwrap(),
        [Some(1), Some(2), None, Some(3)]
    );
    let error = connection.incr::<_, _, i64>("binary", 1).unwrap_err();
    assert!(error.to_string().contains("not an integer"), "{error}");

    let replies: (i64, String, bool) = redis::pipe().incr("a", 10).get("b").exists("c").query(&mut connection).unwrap();
    assert_eq!(replies, (11, "2".to_owned(), true));
    let atomic: (i64, i64) = redis::pipe().atomic().incr("a", 1).decr("b", 1).query(&mut connection).unwrap();
    assert_eq!(atomic, (12, 1));

    // The first attempt is spoilt from outside; the second goes through.
    let (mut attempts, mut other) = (0, server.client());
    let (doubled,): (i64,) = redis::transaction(&mut connection, &["a"], |connection, pipe| {
        let value: i64 = connection.get("a")?;
        attempts += 1;
        if attempts == 1 {
            other.line("SET a 100");
        }
        pipe.set("a", value * 2).ignore().get("a").query(connection)
    })
    .unwrap();
    assert_eq!((attempts, doubled), (2, 200));

    for n in 0..500 {
        connection.set::<_, _, ()>(format!("scan:{n}"), n).unwrap();
    }
    let mut found: Vec<String> = connection.scan_match("scan:*").unwrap().map(Result::unwrap).collect();
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 500);

    redis::cmd("CLIENT").arg("SETNAME").arg("the-crate").exec(&mut connection).unwrap();
    assert_eq!(redis::cmd("CLIENT").arg("GETNAME").query::<String>(&mut connection).unwrap(), "the-crate");
    let listed = server.client().line("CLIENT LIST").text();
    let own = listed.lines().find(|line| line.contains("name=the-crate ")).unwrap();
    assert!(own.contains(&format!(" resp={}", &protocol[4..])) && own.contains("lib-name=redis-rs"), "{own}");
}

#[test]
fn the_redis_crate_in_resp2() {
    with_the_redis_crate("resp2");
}

#[test]
fn the_redis_crate_in_resp3() {
    with_the_redis_crate("resp3");
}

/// A request as mini-redis writes it.
fn frame(words: &[&'static str]) -> Frame {
    Frame::Array(words.iter().map(|word| Frame::Bulk((*word).into())).collect())
}

#[test]
fn the_client_of_mini_redis() {
    let server = Server::start(&["--workers", "4"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let conversation = async {
        let mut client = mini_redis::client::connect(server.address()).await.unwrap();
        assert_eq!(client.get("k").await.unwrap(), None);
        client.set("k", "v\0\r\n".into()).await.unwrap();
        assert_eq!(client.get("k").await.unwrap().unwrap(), &b"v\0\r\n"[..]);
        let large = vec![7; 1 << 20];
        client.set("large", large.clone().into()).await.unwrap();
        assert_eq!(client.get("large").await.unwrap().unwrap(), large);
        // It sends the time as an integer within the request, which no other server than its own takes.
        let refused = client.set_expires("brief", "v".into(), Duration::from_millis(50)).await.unwrap_err();
        assert_eq!(refused.to_string(), "ERR Protocol error: expected '$', got ':'");
    };
    runtime.block_on(async { tokio::time::timeout(DEADLINE, conversation).await }).unwrap();
}

#[test]
fn the_connection_of_mini_redis() {
    let server = Server::start(&["--workers", "4"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let conversation = async {
        let socket = tokio::net::TcpStream::connect(server.address()).await.unwrap();
        let mut connection = mini_redis::Connection::new(socket);
        let requests: [(&[&str], &str); 5] = [
            (&["PING"], "Simple(\"PONG\")"),
            (&["SET", "brief", "v", "PX", "50"], "Simple(\"OK\")"),
            (&["SET", "lasting", "v"], "Simple(\"OK\")"),
            (&["EXPIRE", "lasting", "100"], "Integer(1)"),
            (&["NOSUCH"], "Error(\"ERR unknown command 'NOSUCH', with args beginning with: \")"),
        ];
        for (request, expected) in requests {
            connection.write_frame(&frame(request)).await.unwrap();
            let reply = connection.read_frame().await.unwrap().unwrap();
            assert_eq!(format!("{reply:?}"), expected, "{request:?}");
        }
        loop {
            connection.write_frame(&frame(&["GET", "brief"])).await.unwrap();
            match connection.read_frame().await.unwrap().unwrap() {
                Frame::Null => break,
                value => assert_eq!(value.to_string(), "v"),
            }
        }
    };
    runtime.block_on(async { tokio::time::timeout(DEADLINE, conversation).await }).unwrap();
    assert!((99_000..=100_000).contains(&server.client().line("PTTL lasting").int()));
}
