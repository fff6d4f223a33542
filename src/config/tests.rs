//! Tests of the table as a whole, of CONFIG's commands, of whole files, and against a real redis-server.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use super::*;

fn loaded(text: &str) -> Result<Loaded, LoadError> {
    let mut loader = Loader::new();
    loader.text("test", text)?;
    loader.finish()
}

fn config(text: &str) -> Config {
    loaded(text).unwrap().into()
}

fn value(config: &Config, name: &str) -> String {
    let found = config.get(&[name.as_bytes()]);
    assert_eq!(found.len(), 1, "{name}");
    found[0].1.clone()
}

fn set(config: &Config, pairs: &[(&str, &str)]) -> String {
    config.set(pairs, true).map_or_else(|e| e.to_string(), |_| "OK".to_owned())
}

/// A folder of its own, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ostracon-config-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path.canonicalize().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn every_row_is_sound() {
    let mut names = BTreeSet::new();
    let settings = Settings::default();
    for directive in DIRECTIVES {
        for name in directive.names() {
            assert!(names.insert(name), "{name} twice");
            assert_eq!(name, name.to_ascii_lowercase());
            assert!(std::ptr::eq(find(&name.to_ascii_uppercase()).unwrap(), directive));
        }
        assert!(!directive.summary.is_empty(), "{}", directive.name);
        if directive.file_only || directive.name == "dir" {
            continue;
        }
        assert_eq!(directive.get(&settings), directive.default, "{}", directive.name);
        let mut again = settings.clone();
        assert_eq!(directive.set(&mut again, &[directive.default]), Ok(()), "{}", directive.name);
        assert_eq!(again, settings, "{}", directive.name);
    }
    assert!(names.len() > 200, "{}", names.len());
}

#[test]
fn config_set_answers_as_redis() {
    let failed =
        |name: &str, why: &str| format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {why}");
    let unknown = |name: &str| format!("ERR Unknown option or number of arguments for CONFIG SET - '{name}'");
    let words = "argument(s) must be one of the following:";
    let cases: &[(&[(&str, &str)], String)] = &[
        (&[("maxclients", "10"), ("nosuch", "1")], unknown("nosuch")),
        (&[("user", "x")], unknown("user")),
        (&[("include", "x")], unknown("include")),
        (&[("rename-command", "a b")], unknown("rename-command")),
        (&[("maxclients", "10"), ("maxclients", "20")], failed("maxclients", "duplicate parameter")),
        (&[("databases", "3")], failed("databases", "can't set immutable config")),
        (&[("dir", "/tmp")], failed("dir", "can't set protected config")),
        (&[("workers", "3")], failed("workers", "can't set immutable config")),
        (&[("appendonly", "zz")], failed("appendonly", "argument must be 'yes' or 'no'")),
        (&[("maxmemory", "10%")], failed("maxmemory", "argument must be a memory value")),
        (&[("maxmemory", "1.5gb")], failed("maxmemory", "argument must be a memory value")),
        (
            &[("maxmemory-clients", "101%")],
            failed("maxmemory-clients", "percentage argument must be less or equal to 100"),
        ),
        (&[("maxmemory-clients", "-5%")], failed("maxmemory-clients", "argument must be a memory or percent value")),
        (&[("tcp-keepalive", " 12")], failed("tcp-keepalive", "argument couldn't be parsed into an integer")),
        (&[("tcp-keepalive", "012")], failed("tcp-keepalive", "argument couldn't be parsed into an integer")),
        (&[("timeout", "4294967296")], failed("timeout", "argument must be between 0 and 2147483647 inclusive")),
        (
            &[("proto-max-bulk-len", "1")],
            failed("proto-max-bulk-len", "argument must be between 1048576 and 9223372036854775807 inclusive"),
        ),
        (&[("loglevel", "x")], failed("loglevel", &format!("{words} debug, verbose, notice, warning, nothing"))),
        (
            &[("shutdown-on-sigterm", "now zz")],
            failed("shutdown-on-sigterm", &format!("{words} default, save, nosave, now, force")),
        ),
        (&[("save", "900")], failed("save", "Invalid save parameters")),
        (&[("save", "0 1")], failed("save", "Invalid save parameters")),
        (
            &[("client-output-buffer-limit", "normal 0 0")],
            failed("client-output-buffer-limit", "Wrong number of arguments in buffer limit configuration."),
        ),
        (
            &[("client-output-buffer-limit", "master 0 0 0")],
            failed("client-output-buffer-limit", "Invalid client class specified in buffer limit configuration."),
        ),
        (
            &[("client-output-buffer-limit", "normal 0 0 -1")],
            failed(
                "client-output-buffer-limit",
                "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
            ),
        ),
        (&[("oom-score-adj-values", "0 200")], failed("oom-score-adj-values", "wrong number of arguments")),
        (
            &[("oom-score-adj-values", "0 200 x")],
            failed("oom-score-adj-values", "Invalid oom-score-adj-values, elements must be between -2000 and 2000."),
        ),
        (
            &[("notify-keyspace-events", "Q")],
            failed("notify-keyspace-events", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."),
        ),
        (
            &[("latency-tracking-info-percentiles", "50 101")],
            failed(
                "latency-tracking-info-percentiles",
                "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]",
            ),
        ),
        (
            &[("proc-title-template", "{zz}")],
            failed("proc-title-template", "template format is invalid or contains unknown variables"),
        ),
        (&[("bind", "a b c d e f g h i j k l m n o p q")], failed("bind", "Too many bind addresses specified.")),
        (
            &[("cluster-announce-hostname", "a_b")],
            failed("cluster-announce-hostname", "Hostnames may only contain alphanumeric characters, hyphens or dots"),
        ),
        (&[("hash-max-listpack-entries", "3"), ("hash-max-ziplist-entries", "4")], "OK".to_owned()),
    ];
    let config = config("");
    for (pairs, want) in cases {
        assert_eq!(set(&config, pairs), *want, "{pairs:?}");
    }
    assert_eq!(value(&config, "hash-max-listpack-entries"), "4");
}

#[test]
fn values_are_canonical() {
    let config = config("");
    let cases = [
        ("notify-keyspace-events", "KEA", "AKE"),
        ("notify-keyspace-events", "Kg$lszxetdnm", "g$lszxetdnKm"),
        ("notify-keyspace-events", "mnKE", "nKEm"),
        ("save", "", ""),
        ("save", "900 1 300 10", "900 1 300 10"),
        (
            "client-output-buffer-limit",
            "normal 1mb 0 1 replica 1gb 0 3",
            "normal 1048576 0 1 slave 1073741824 0 3 pubsub 33554432 8388608 60",
        ),
        ("client-output-buffer-limit", "", "normal 1048576 0 1 slave 1073741824 0 3 pubsub 33554432 8388608 60"),
        ("latency-tracking-info-percentiles", "", ""),
        ("latency-tracking-info-percentiles", "50 99 99.99", "50 99 99.99"),
        ("repl-backlog-size", "1k", "16384"),
        ("maxmemory", "99999999999999999999999", "18446744073709551615"),
        ("maxmemory-clients", "10%", "10%"),
        ("shutdown-on-sigterm", "force save", "save force"),
        ("shutdown-on-sigterm", "default now", "now"),
        ("loglevel", "NOTICE", "notice"),
        ("hz", "1000", "500"),
        ("hz", "0", "1"),
        ("bind", "", ""),
        ("requirepass", "a b", "a b"),
        ("oom-score-adj-values", "0 200 100", "0 200 100"),
        ("PORT", "0", "0"),
    ];
    for (name, given, want) in cases {
        assert_eq!(set(&config, &[(name, given)]), "OK", "{name}");
        assert_eq!(value(&config, name), want, "{name} {given}");
    }
}

#[test]
fn a_change_is_all_or_nothing() {
    let config = config("enable-protected-configs local");
    let generation = config.generation();
    assert!(config.set(&[("maxmemory", "1mb"), ("timeout", "x")], true).is_err());
    assert_eq!((config.generation(), value(&config, "maxmemory").as_str()), (generation, "0"));

    let pairs = [("port", "7000"), ("bind", "x"), ("timeout", "9"), ("maxclients", "99")];
    let mut seen = Vec::new();
    let refused = config.set_with(&pairs, true, |effect, settings| {
        seen.push((effect, settings.port));
        if effect == Effect::MaxClients { Err("no room".to_owned()) } else { Ok(()) }
    });
    assert_eq!(
        refused.unwrap_err().to_string(),
        "ERR CONFIG SET failed (possibly related to argument 'maxclients') - no room"
    );
    // Listeners once for both of their directives, and once more to bring back the old ones.
    assert_eq!(seen, [(Effect::Listeners, 7000), (Effect::MaxClients, 7000), (Effect::Listeners, 6379)]);
    assert_eq!((config.generation(), config.current().timeout), (generation, 0));

    assert_eq!(config.set(&pairs, true), Ok(vec![Effect::Listeners, Effect::MaxClients]));
    assert_eq!(config.set(&pairs, true), Ok(vec![]), "nothing changed, nothing to do");
    assert_eq!(config.current().timeout, 9);
    assert!(config.generation() > generation);
    assert_eq!(config.set(&[("dir", "/")], true), Ok(vec![Effect::Dir]));
    assert!(config.set(&[("dir", "/")], false).is_err(), "protected from other hosts");
}

#[test]
fn config_get_takes_globs_and_aliases() {
    let config = config("");
    let names = |patterns: &[&str]| -> Vec<String> {
        let patterns: Vec<&[u8]> = patterns.iter().map(|p| p.as_bytes()).collect();
        let mut names: Vec<String> = config.get(&patterns).into_iter().map(|(name, _)| name).collect();
        names.sort();
        names
    };
    assert_eq!(
        names(&["port", "PORT", "po*rt", "slaveof", "replica-priority", "slave-priority"]),
        ["port", "replica-priority", "slave-priority", "slaveof"]
    );
    assert_eq!(names(&["*PRIORITY"]), ["replica-priority", "slave-priority"]);
    assert_eq!(names(&["watchdog*"]), [""; 0]);
    assert_eq!(names(&["watchdog-period"]), ["watchdog-period"]);
    assert_eq!(names(&["user", "include", "nosuch", "list-max-ziplist-value"]), [""; 0]);
}

#[test]
fn bad_lines_are_reported_as_redis_does() {
    let cases = [
        ("port 1\nnosuch 1", 2, "nosuch 1", "Bad directive or wrong number of arguments"),
        ("port", 1, "port", "wrong number of arguments"),
        ("port 1 3", 1, "port 1 3", "wrong number of arguments"),
        ("port 1\nport \"77", 2, "port \"77", "Unbalanced quotes in configuration line"),
        ("   # x\n\t port    abc  \r\n", 2, "port    abc", "argument couldn't be parsed into an integer"),
        ("save 900 x", 1, "save 900 x", "Invalid save parameters"),
        ("rename-command a", 1, "rename-command a", "Bad directive or wrong number of arguments"),
        ("user", 1, "user", "Bad directive or wrong number of arguments"),
        ("include", 1, "include", "Bad directive or wrong number of arguments"),
        ("sentinel monitor x", 1, "sentinel monitor x", "sentinel directive while not in sentinel mode"),
        ("dir /nonexistent", 1, "dir /nonexistent", "No such file or directory"),
        ("unixsocketperm 9", 1, "unixsocketperm 9", "argument couldn't be parsed as an octal number"),
        ("unixsocketperm 1777", 1, "unixsocketperm 1777", "argument must be between 0 and 777 inclusive"),
        ("replicaof 1.1.1.1 99999999", 1, "replicaof 1.1.1.1 99999999", "Invalid master port"),
        ("replicaof a", 1, "replicaof a", "wrong number of arguments"),
        ("shards 3", 1, "shards 3", "argument must be 0 or a power of two"),
    ];
    for (text, line, shown, message) in cases {
        let want = format!(
            "\n*** FATAL CONFIG FILE ERROR (Redis 7.2.4) ***\nReading the configuration file, at line {line}\n>>> \
             '{shown}'\n{message}\n(in test)"
        );
        assert_eq!(loaded(text).unwrap_err().to_string(), want, "{text}");
    }
    let whole = loaded("cluster-enabled yes\nreplicaof a 1").unwrap_err().to_string();
    assert!(whole.ends_with("replicaof directive not allowed in cluster mode"), "{whole}");
}

#[test]
fn lines_add_up_where_they_do() {
    let text = "save 900 1\nsave 300 10\nclient-output-buffer-limit normal 1mb 0 0\nclient-output-buffer-limit pubsub 1 2 3\n\
                rename-command FLUSHALL \"\"\nrename-command keys k\nhz 20\nHZ 30\nbind 1.1.1.1 ::1\nlist-max-ziplist-value 3";
    let settings = loaded(text).unwrap().settings;
    let saves: Vec<_> = settings.save.iter().map(|p| (p.seconds, p.changes)).collect();
    assert_eq!(saves, [(900, 1), (300, 10)]);
    let limits = settings.client_output_buffer_limit;
    assert_eq!((limits.normal.hard, limits.replica.hard, limits.pubsub.soft_seconds), (1 << 20, 256 << 20, 3));
    assert_eq!(settings.renamed_commands, [("FLUSHALL".into(), String::new()), ("keys".into(), "k".into())]);
    assert_eq!((settings.hz, settings.bind.len()), (30, 2));
    assert_eq!(loaded("save 900 1\nsave \"\"").unwrap().settings.save, []);
    assert_eq!(loaded("save 900 1\nsave \"\"\nsave 5 6").unwrap().settings.save.len(), 1);
}

#[test]
fn what_has_no_effect_is_named_once() {
    let text =
        "appendonly yes\nappendonly no\nappendfsync always\nslaveof a 1\nsave \"\"\nuser bob on\nuser eve on\nport 1";
    let warnings = loaded(text).unwrap().warnings;
    let named: Vec<&str> = warnings.iter().map(|w| w.split('\'').nth(1).unwrap()).collect();
    assert_eq!(named, ["appendfsync", "replicaof", "user"]);
    assert_eq!(loaded("").unwrap().warnings, [""; 0]);
}

#[test]
fn includes_are_read_in_place_and_loops_refused() {
    let folder = Folder::new("include");
    let dir = folder.0.display();
    folder.write("a1.part", "timeout 1\nhz 20\n");
    folder.write("a2.part", "timeout 2\n");
    folder.write("bad.part", "\nnosuch 1\n");
    let main = folder.write("main.conf", &format!("timeout 9\ninclude {dir}/a*.part\nhz 30\ninclude {dir}/no*.part\n"));
    let mut loader = Loader::new();
    loader.file(&main).unwrap();
    let loaded = loader.finish().unwrap();
    assert_eq!((loaded.settings.timeout, loaded.settings.hz), (2, 30));
    assert_eq!(loaded.file, Some(main));

    let error = |text: String| Loader::new().file(&folder.write("x.conf", &text)).unwrap_err().to_string();
    let bad = error(format!("include {dir}/bad.part"));
    assert!(bad.contains("at line 2\n>>> 'nosuch 1'") && bad.ends_with(&format!("(in '{dir}/bad.part')")), "{bad}");
    assert!(error(format!("include {dir}/x.conf")).ends_with("it includes itself"));
    assert_eq!(
        error("include /nonexistent".to_owned()),
        "Fatal error, can't open config file '/nonexistent': No such file or directory"
    );
}

#[test]
fn a_rewrite_keeps_the_file_and_changes_its_lines() {
    let old = "# top\nport 7793\nsave 900 1\n# mid\nsave 300 10\nhz 10\nmaxmemory 100mb\nmaxmemory 200mb\n\ninclude x\n\
               requirepass \"\"\nslaveof no one\nhash-max-ziplist-entries 400\nrename-command FLUSHALL \"\"\n";
    let mut settings = loaded(&old.replace("include x\n", "dir /\n")).unwrap().settings;
    settings.save.truncate(1);
    settings.requirepass = "p \"q".to_owned();
    settings.maxmemory = 3 << 30;
    settings.bind = Vec::new();
    settings.unixsocketperm = 0o700;
    find("masteruser").unwrap().set(&mut settings, &["me"]).unwrap();
    let new = rewritten(old, &settings);
    let want = "# top\nport 7793\nsave 900 1\n# mid\nhz 10\nmaxmemory 3gb\n\ninclude x\nrequirepass \"p \\\"q\"\n\
                replicaof \"\"\nhash-max-listpack-entries 400\nrename-command FLUSHALL \"\"\n\n\
                # Generated by CONFIG REWRITE\nbind \"\"\nunixsocketperm 700\ndir \"/\"\nmasteruser \"me\"\n";
    assert_eq!(new, want);
    let again = loaded(&new.replace("include x\n", "")).unwrap().settings;
    assert_eq!(again, settings);
    assert_eq!(rewritten(&new, &settings), new, "a second rewrite changes nothing");
}

#[test]
fn every_directive_survives_a_rewrite() {
    let others =
        ["7", "yes", "no", "1mb", "a", "local", "always", "allchannels", "warning", "5%", "now", "9 9 9", "9 9"];
    let mut settings = Settings::default();
    for directive in DIRECTIVES.iter().filter(|d| !d.file_only) {
        let before = directive.get(&settings);
        for other in others {
            let done = directive.set(&mut settings, &[other]);
            if done.is_ok() && directive.get(&settings) != before {
                break;
            }
        }
    }
    find("dir").unwrap().set(&mut settings, &["/"]).unwrap();
    let text = rewritten("", &settings);
    let mut loader = Loader::new();
    // Line by line: some of these values do not go together.
    loader.text("rewritten", &text).unwrap();
    let again = loader.into_settings();
    for directive in DIRECTIVES {
        assert_eq!(directive.get(&again), directive.get(&settings), "{}", directive.name);
    }
}

#[test]
fn config_rewrite_replaces_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("rewrite");
    let path = folder.write("r.conf", "# c\nport 7\n");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut loader = Loader::new();
    loader.file(&path).unwrap();
    let shared = Config::from(loader.finish().unwrap());
    assert_eq!(set(&shared, &[("port", "8"), ("timeout", "3")]), "OK");
    shared.rewrite().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("# c\nport 8\n\n# Generated by CONFIG REWRITE\n"), "{text}");
    assert!(text.contains("\ntimeout 3\n"), "{text}");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1, "no temporary file stays");
    assert_eq!(config("").rewrite().unwrap_err().to_string(), "ERR The server is running without a config file");
}

/// Says why a test against the system's Redis cannot run, or fails where it must.
fn skip(why: &str) {
    assert!(std::env::var_os("OSTRACON_REQUIRE_ORACLE").is_none(), "{why}");
    eprintln!("skipped: {why}");
}

#[test]
fn debians_file_loads() {
    let Ok(text) = std::fs::read_to_string("/etc/redis/redis.conf") else {
        return skip("/etc/redis/redis.conf is absent or not readable");
    };
    // Its directory is that of an installed service.
    let text = text.replace("\ndir /var/lib/redis", "\ndir /");
    let stock = loaded(&text).unwrap();
    assert_eq!(stock.warnings, [""; 0]);
    assert_eq!((stock.settings.daemonize, stock.settings.bind.len()), (true, 2));
    assert_eq!(loaded(&rewritten(&text, &stock.settings)).unwrap().settings, stock.settings);

    let mut toggled = 0;
    for line in text.lines().filter_map(|line| line.strip_prefix("# ")) {
        let known = line.split_whitespace().next().and_then(find);
        let Some(directive) = known.filter(|d| line.starts_with(d.name)) else {
            continue;
        };
        if let Err(error) = loaded(line) {
            // Prose and placeholders such as `<masterip>` begin with a directive's name, too; they name no bad keyword.
            assert!(!error.to_string().contains("Bad directive") || directive.file_only, "{line}: {error}");
        } else {
            toggled += 1;
        }
    }
    assert!(toggled > 40, "{toggled}");
}

/// A redis-server on a port of its own, ended when dropped.
struct Oracle {
    server: Child,
    stream: BufReader<TcpStream>,
    _folder: Folder,
}

impl Oracle {
    fn start(name: &str) -> Option<Self> {
        let folder = Folder::new(name);
        let port = std::net::TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port().to_string();
        let mut server = std::process::Command::new("redis-server")
            .args(["--port", &port, "--bind", "127.0.0.1", "--dir"])
            .arg(&folder.0)
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let mut log = BufReader::new(server.stdout.take()?);
        let mut line = String::new();
        while !line.contains("Ready to accept connections") {
            line.clear();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "redis-server ended");
        }
        let stream = BufReader::new(TcpStream::connect(format!("127.0.0.1:{port}")).unwrap());
        Some(Oracle { server, stream, _folder: folder })
    }

    fn send(&mut self, words: &[&str]) {
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn get_all(&mut self) -> BTreeMap<String, String> {
        self.send(&["CONFIG", "GET", "*"]);
        let count: usize = self.line()[1..].parse().unwrap();
        let mut bulk = || {
            let len: usize = self.line()[1..].parse().unwrap();
            let mut bytes = vec![0; len + 2];
            self.stream.read_exact(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes[..len]).into_owned()
        };
        (0..count / 2).map(|_| (bulk(), bulk())).collect()
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn defaults_are_redis_own() {
    let Some(mut oracle) = Oracle::start("defaults") else {
        return skip("redis-server is absent");
    };
    let ours: BTreeMap<String, String> = config("").get(&[b"*"]).into_iter().collect();
    for (name, theirs) in oracle.get_all() {
        let mine = ours.get(&name).or_else(|| panic!("{name} is missing"));
        // Given to the oracle on its command line.
        if !["port", "bind", "dir"].contains(&name.as_str()) {
            assert_eq!(mine, Some(&theirs), "{name}");
        }
    }
}

#[test]
fn refusals_are_redis_own() {
    let Some(mut oracle) = Oracle::start("refusals") else {
        return skip("redis-server is absent");
    };
    let config = config("");
    let rows = DIRECTIVES.iter().filter(|d| d.mutability != Mutability::Protected && !d.later && !d.hidden);
    let known: BTreeSet<String> = oracle.get_all().into_keys().collect();
    // Changes that would cut the line to the oracle, an effect that depends on its system, words that 7.2 added.
    let apart = ["port", "bind", "requirepass", "maxclients", "loglevel", "dir", "unixsocket"];
    for directive in rows.filter(|d| known.contains(d.name) && !apart.contains(&d.name)) {
        for value in ["zz", "-1", "99999999999999999999", "", " 1", "1.5", "0", "YES", "3 4"] {
            oracle.send(&["CONFIG", "SET", directive.name, value]);
            let theirs = oracle.line();
            let ours = set(&config, &[(directive.name, value)]);
            assert_eq!(ours, theirs[1..], "{} {value:?}", directive.name);
        }
    }
}
