//! The commands on the server itself: COMMAND, CONFIG, INFO, MEMORY, SLOWLOG, LATENCY, DEBUG, TIME, MONITOR and others.

use crate::support::{
    Check, Client, Value, check, check_ours, check_with, eventually, is_later, on_each, on_ours, same_on_both,
};

#[test]
fn unknown_commands() {
    check(
        r#"
        NOSUCH => -ERR unknown command 'NOSUCH', with args beginning with:\s
        nosuch a b => -ERR unknown command 'nosuch', with args beginning with: 'a' 'b'\s
        "NO SUCH" x => -ERR unknown command 'NO SUCH', with args beginning with: 'x'\s
        NOSUCH "" => -ERR unknown command 'NOSUCH', with args beginning with: ''\s
        NOSUCH "a\r\nb" => -ERR unknown command 'NOSUCH', with args beginning with: 'a  b'\s
        "a\x00b\xff" c => -ERR unknown command 'a', with args beginning with: 'c'\s
        "" x => -ERR unknown command '', with args beginning with: 'x'\s
        get|set k => -ERR unknown command 'get|set', with args beginning with: 'k'\s
        CONFIG => -ERR wrong number of arguments for 'config' command
        CONFIG BOGUS => -ERR unknown subcommand 'BOGUS'. Try CONFIG HELP.
        CONFIG BOGUS a b => -ERR unknown subcommand 'BOGUS'. Try CONFIG HELP.
        CONFIG "bo\r\ngus" => -ERR unknown subcommand 'bo  gus'. Try CONFIG HELP.
        "config|get" maxmemory => -ERR unknown command 'config|get', with args beginning with: 'maxmemory'\s
        NOSUCH 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789 x => -ERR unknown command 'NOSUCH', with args beginning with: '01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567'\s
        N23456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890 => -ERR unknown command 'N2345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678', with args beginning with:\s
        NOSUCH aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb cccccccccccccccccccccccccccc dddddddddddddddddddddddddd eeeeeeeeee f => -ERR unknown command 'NOSUCH', with args beginning with: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb' 'cccccccccccccccccccccccccccc' 'dddddddddddddddddddddddddd'\s
        "#,
    );
}

#[test]
fn command_info_and_getkeys() {
    check(
        r#"
        COMMAND INFO get => [[get, :2, [+readonly, +fast], :1, :1, :1, [+@read, +@string, +@fast], [], [[flags, [+RO, +access], begin_search, [type, index, spec, [index, :1]], find_keys, [type, range, spec, [lastkey, :0, keystep, :1, limit, :0]]]], []]]
        COMMAND INFO GET nosuch Set => ~[[get, :2, [+readonly, +fast], :1, :1, :1, [+@read, +@string, +@fast], [], [[flags, [+RO, +access], begin_search, [type, index, spec, [index, :1]], find_keys, [type, range, spec, [lastkey, :0, keystep, :1, limit, :0]]]], []], (nil), [set, :-3, [+write, +denyoom], :1, :1, :1, [+@write, +@string, +@slow], [], [[notes, *, flags, [+RW, +access, +update, +variable_flags], begin_search, [type, index, spec, [index, :1]], find_keys, [type, range, spec, [lastkey, :0, keystep, :1, limit, :0]]]], []]]
        COMMAND INFO mset => [[mset, :-3, [+write, +denyoom], :1, :-1, :2, [+@write, +@string, +@slow], [request_policy:multi_shard, response_policy:all_succeeded], [[flags, [+OW, +update], begin_search, [type, index, spec, [index, :1]], find_keys, [type, range, spec, [lastkey, :-1, keystep, :2, limit, :0]]]], []]]
        COMMAND INFO ping => [[ping, :-1, [+fast], :0, :0, :0, [+@fast, +@connection], [request_policy:all_shards, response_policy:all_succeeded], [], []]]
        COMMAND INFO exec => [[exec, :1, [+noscript, +loading, +stale, +skip_slowlog], :0, :0, :0, [+@slow, +@transaction], [], [], []]]
        COMMAND INFO config|get => [[config|get, :-3, [+admin, +noscript, +loading, +stale], :0, :0, :0, [+@admin, +@slow, +@dangerous], [], [], []]]
        COMMAND INFO nosuch|x => [(nil)]
        COMMAND GETKEYS GET k => [k]
        COMMAND GETKEYS MSET a 1 b 2 => [a, b]
        COMMAND GETKEYS MGET a b c => [a, b, c]
        COMMAND GETKEYS BITOP AND d a b => [d, a, b]
        COMMAND GETKEYS OBJECT ENCODING k => [k]
        COMMAND GETKEYS RENAME a b => [a, b]
        COMMAND GETKEYS SET k => -ERR Invalid number of arguments specified for command
        COMMAND GETKEYS PING => -ERR The command has no key arguments
          7.0: -ERR wrong number of arguments for 'command|getkeys' command -- 7.2 lowered the arity to -3
        COMMAND GETKEYS NOSUCH k => -ERR Invalid command specified
        COMMAND GETKEYS CONFIG GET x => -ERR The command has no key arguments
        COMMAND GETKEYS => -ERR wrong number of arguments for 'command|getkeys' command
        COMMAND GETKEYSANDFLAGS GET k => [[k, [+RO, +access]]]
        COMMAND GETKEYSANDFLAGS SET k v => [[k, [+OW, +update]]]
        COMMAND GETKEYSANDFLAGS SET k v GET => [[k, [+RW, +access, +update]]]
        COMMAND GETKEYSANDFLAGS MSET a 1 b 2 => [[a, [+OW, +update]], [b, [+OW, +update]]]
        COMMAND GETKEYSANDFLAGS DEL a => [[a, [+RM, +delete]]]
        COMMAND GETKEYSANDFLAGS COPY a b => [[a, [+RO, +access]], [b, [+OW, +update]]]
        COMMAND GETKEYSANDFLAGS BITFIELD k GET u8 0 => [[k, [+RO, +access]]]
        COMMAND GETKEYSANDFLAGS BITFIELD k SET u8 0 1 => [[k, [+RW, +access, +update]]]
        COMMAND GETKEYSANDFLAGS PING => -ERR The command has no key arguments
          7.0: -ERR wrong number of arguments for 'command|getkeysandflags' command -- 7.2 lowered the arity to -3
        COMMAND GETKEYSANDFLAGS NOSUCH => -ERR Invalid command specified
          7.0: -ERR wrong number of arguments for 'command|getkeysandflags' command -- 7.2 lowered the arity to -3
        COMMAND COUNT x => -ERR wrong number of arguments for 'command|count' command
        COMMAND BOGUS => -ERR unknown subcommand 'BOGUS'. Try COMMAND HELP.
        COMMAND LIST FILTERBY => -ERR syntax error
        COMMAND LIST FILTERBY BOGUS x => -ERR syntax error
        COMMAND LIST BOGUS => -ERR syntax error
        COMMAND LIST FILTERBY ACLCAT nosuch => []
        COMMAND LIST FILTERBY MODULE nosuch => []
        COMMAND LIST FILTERBY PATTERN nosuch* => []
        COMMAND LIST FILTERBY PATTERN config|re* => unordered [config|rewrite, config|resetstat]
        COMMAND DOCS nosuch => []
        COMMAND HELP => ~[+COMMAND *]
        "#,
    );
}

/// COMMAND on commands of other types.
#[test]
fn command_on_later_commands() {
    check(
        r#"
        COMMAND INFO eval => ~[[eval, :-3, [+noscript, +stale, +skip_monitor, +may_replicate, +no_mandatory_keys, +movablekeys], :0, :0, :0, [+@slow, +@scripting], [], [[notes, *, flags, [+RW, +access, +update], begin_search, [type, index, spec, [index, :2]], find_keys, [type, keynum, spec, [keynumidx, :0, firstkey, :1, keystep, :1]]]], []]]
          7.0: ~[[eval, :-3, [+noscript, +stale, +skip_monitor, +no_mandatory_keys, +movablekeys], :0, :0, :0, [+@slow, +@scripting], [], [[notes, *, flags, [+RW, +access, +update], begin_search, [type, index, spec, [index, :2]], find_keys, [type, keynum, spec, [keynumidx, :0, firstkey, :1, keystep, :1]]]], []]] -- does not show may_replicate
        COMMAND GETKEYS EVAL s 2 a b c => [a, b]
        COMMAND GETKEYS EVAL s 0 a => []
        COMMAND GETKEYS EVAL s x a => []
        COMMAND GETKEYS ZUNIONSTORE d 2 a b WEIGHTS 1 2 => [d, a, b]
        COMMAND GETKEYS ZUNION 2 a b => [a, b]
        COMMAND GETKEYS ZUNION 3 a b => -ERR Invalid arguments specified for command
        COMMAND GETKEYS GEORADIUS k 1 2 3 km STORE => [k]
        COMMAND GETKEYS GEORADIUSBYMEMBER k m 3 km STOREDIST => [k]
        COMMAND GETKEYSANDFLAGS GEORADIUS k 1 2 3 km STORE a STOREDIST => [[k, [+RO, +access]], [a, [+OW, +update]]]
        COMMAND GETKEYS XREAD STREAMS a b c => [a]
        COMMAND GETKEYS XREAD COUNT 1 STREAMS a => -ERR Invalid arguments specified for command
        COMMAND GETKEYS XREAD COUNT 1 BLOCK STREAMS => -ERR Invalid arguments specified for command
        COMMAND GETKEYS ZINTERCARD 2 a b LIMIT 1 => [a, b]
        COMMAND GETKEYS XREAD COUNT 2 STREAMS a b 0 0 => [a, b]
        COMMAND GETKEYS XREADGROUP GROUP g c STREAMS a b > > => [a, b]
        COMMAND GETKEYS SORT k BY p GET g STORE d => [k, d]
        COMMAND GETKEYS MIGRATE h 1 k 0 10 => [k]
        COMMAND GETKEYS MIGRATE h 1 "" 0 10 KEYS a b => [a, b]
        COMMAND GETKEYS GEORADIUS k 1 2 3 m STORE d => [k, d]
        COMMAND GETKEYS BLPOP a b 0 => [a, b]
        COMMAND GETKEYS LMPOP 2 a b LEFT => [a, b]
        COMMAND GETKEYS BLMPOP 0 2 a b LEFT => [a, b]
        COMMAND GETKEYS FCALL f 1 a b => [a]
        COMMAND GETKEYSANDFLAGS LMOVE a b LEFT RIGHT => [[a, [+RW, +access, +delete]], [b, [+RW, +insert]]]
        "#,
    );
    on_each(&[], |server| {
        Check::new(server).check("COMMAND LIST FILTERBY PATTERN xread*", "unordered [xread, xreadgroup]");
    });
}

#[test]
fn command_list_counts_and_docs() {
    on_each(&[], |server| {
        let mut client = server.client();
        let count = client.line("COMMAND COUNT").int();
        assert!(count > 70, "{count}");
        assert_eq!(client.line("COMMAND").items().len() as i64, count);
        assert_eq!(client.line("COMMAND INFO").items().len() as i64, count);
        let list: Vec<String> = client.line("COMMAND LIST").items().iter().map(Value::text).collect();
        assert!(list.len() as i64 >= count);
        assert!(list.contains(&"get".into()) && list.contains(&"config|get".into()));
        let bitmaps = client.line("COMMAND LIST FILTERBY ACLCAT bitmap");
        let bitmaps: Vec<String> = bitmaps.items().iter().map(Value::text).collect();
        assert!(bitmaps.contains(&"setbit".into()) && bitmaps.iter().all(|name| name.contains("bit")), "{bitmaps:?}");
        let hashes = client.line("COMMAND LIST FILTERBY ACLCAT hash");
        let hashes: Vec<String> = hashes.items().iter().map(Value::text).collect();
        assert!(hashes.contains(&"hset".into()) && hashes.iter().all(|name| name.starts_with('h')), "{hashes:?}");

        // DOCS: a map by name; each command has these fields.
        let docs = client.line("COMMAND DOCS get config");
        assert_eq!(docs.items().len(), 4);
        let get = field(docs.items(), "get");
        assert!(!field(get.items(), "summary").text().is_empty());
        assert_eq!(field(get.items(), "since").text(), "1.0.0");
        assert_eq!(field(get.items(), "group").text(), "string");
        assert_eq!(field(get.items(), "complexity").text(), "O(1)");
        let argument = &field(get.items(), "arguments").items()[0];
        assert_eq!(field(argument.items(), "name").text(), "key");
        assert_eq!(field(argument.items(), "type").text(), "key");
        assert_eq!(field(argument.items(), "key_spec_index").int(), 0);
        let config = field(docs.items(), "config");
        let get = field(field(config.items(), "subcommands").items(), "config|get");
        assert_eq!(field(get.items(), "group").text(), "server");
        assert_eq!(client.line("COMMAND DOCS").items().len() as i64, count * 2);
    });
}

#[track_caller]
fn field<'v>(pairs: &'v [Value], name: &str) -> &'v Value {
    let pair = pairs.chunks(2).find(|pair| pair[0].text() == name);
    &pair.unwrap_or_else(|| panic!("no field {name} in {pairs:?}"))[1]
}

/// What changed from 7.0 to 7.2: an optional argument of ZRANK; blocking commands run in scripts, so that `noscript`
/// went; SCAN and RANDOMKEY are marked as touching any key; MULTI and WATCH have `no_multi`; `may_replicate` is shown.
const CHANGED_IN_72: [&str; 19] = [
    "multi",
    "watch",
    "zrank",
    "zrevrank",
    "blpop",
    "brpop",
    "brpoplpush",
    "blmove",
    "bzpopmin",
    "bzpopmax",
    "wait",
    "scan",
    "randomkey",
    "pfcount",
    "publish",
    "spublish",
    "eval",
    "evalsha",
    "fcall",
];

/// The tables of the oracle and of ours: facts by name.
fn command_tables() -> Vec<std::collections::BTreeMap<String, Vec<String>>> {
    let mut tables = Vec::new();
    on_each(&[], |server| {
        let mut rows = std::collections::BTreeMap::new();
        for command in server.client().line("COMMAND").items() {
            rows.insert(command.items()[0].text(), facts(command));
        }
        tables.push(rows);
    });
    tables
}

/// Every command of ours that the oracle has too has the same arity, flags, keys and categories.
#[test]
fn command_table_is_the_oracles() {
    if let [oracle, ours] = &command_tables()[..] {
        for (name, facts) in ours.iter().filter(|(name, _)| !CHANGED_IN_72.contains(&name.as_str())) {
            if let Some(theirs) = oracle.get(name) {
                assert_eq!(facts, theirs, "{name}: ours (left) against the oracle (right)");
            }
        }
    }
}

/// Every command that the oracle knows is known to ours, or of a later release.
#[test]
fn every_command_is_there() {
    if let [oracle, ours] = &command_tables()[..] {
        let missing: Vec<&String> = oracle.keys().filter(|name| !ours.contains_key(*name) && !is_later(name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}

/// Arity, sorted flags, first key, last key, step, sorted categories.
fn facts(command: &Value) -> Vec<String> {
    let items = command.items();
    let sorted = |value: &Value| {
        let mut names: Vec<String> = value.items().iter().map(Value::text).collect();
        names.sort();
        names.join(" ")
    };
    let mut facts: Vec<String> = [1, 3, 4, 5].iter().map(|i| items[*i].render()).collect();
    facts.extend([sorted(&items[2]), sorted(&items[6])]);
    facts
}

#[test]
fn config() {
    check(
        r#"
        CONFIG GET maxmemory => [maxmemory, 0]
        CONFIG GET MAXMEMORY => [MAXMEMORY, 0]
        CONFIG GET nosuch => []
        CONFIG GET maxmemory nosuch timeout => unordered2 [maxmemory, 0, timeout, 0]
        CONFIG GET maxmemory maxmemory => [maxmemory, 0]
        CONFIG GET maxmemory-pol* maxmemory-policy => [maxmemory-policy, noeviction]
        CONFIG GET appendo* => [appendonly, no]
        CONFIG GET save => [save, '']
        CONFIG GET => -ERR wrong number of arguments for 'config|get' command
        CONFIG SET maxmemory 100mb => +OK
        CONFIG GET maxmemory => [maxmemory, 104857600]
        CONFIG SET maxmemory 1gb => +OK
        CONFIG GET maxmemory => [maxmemory, 1073741824]
        CONFIG SET maxmemory 1000k => +OK
        CONFIG GET maxmemory => [maxmemory, 1000000]
        CONFIG SET maxmemory x => -ERR CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory value
        CONFIG SET maxmemory -1 => -ERR CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory value
        CONFIG SET maxmemory 0 => +OK
        CONFIG SET timeout 10 tcp-keepalive 60 => +OK
        CONFIG GET timeout => [timeout, 10]
        CONFIG SET timeout 20 nosuch 1 => -ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'
        CONFIG GET timeout => [timeout, 10]
        CONFIG SET timeout 20 tcp-keepalive x => -ERR CONFIG SET failed (possibly related to argument 'tcp-keepalive') - argument couldn't be parsed into an integer
        CONFIG GET timeout => [timeout, 10]
        CONFIG SET timeout 20 timeout 30 => -ERR CONFIG SET failed (possibly related to argument 'timeout') - duplicate parameter
        CONFIG SET timeout => -ERR wrong number of arguments for 'config|set' command
        CONFIG SET => -ERR wrong number of arguments for 'config|set' command
        CONFIG SET timeout -1 => -ERR CONFIG SET failed (possibly related to argument 'timeout') - argument must be between 0 and 2147483647 inclusive
        CONFIG SET nosuch 1 => -ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'
        CONFIG SET maxmemory-policy bogus => -ERR CONFIG SET failed (possibly related to argument 'maxmemory-policy') - argument(s) must be one of the following: volatile-lru, volatile-lfu, volatile-random, volatile-ttl, allkeys-lru, allkeys-lfu, allkeys-random, noeviction
        CONFIG SET maxmemory-policy allkeys-lru => +OK
        CONFIG SET lazyfree-lazy-expire maybe => -ERR CONFIG SET failed (possibly related to argument 'lazyfree-lazy-expire') - argument must be 'yes' or 'no'
        CONFIG SET lazyfree-lazy-expire YES => +OK
        CONFIG GET lazyfree-lazy-expire => [lazyfree-lazy-expire, yes]
        CONFIG SET port => -ERR wrong number of arguments for 'config|set' command
        CONFIG SET databases 5 => -ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config
        CONFIG SET daemonize yes => -ERR CONFIG SET failed (possibly related to argument 'daemonize') - can't set immutable config
        CONFIG SET save "60 1000 300 10" => +OK
        CONFIG GET save => [save, '60 1000 300 10']
        CONFIG SET save "" => +OK
        CONFIG SET save "60" => -ERR CONFIG SET failed (possibly related to argument 'save') - Invalid save parameters
        CONFIG SET save "x y" => -ERR CONFIG SET failed (possibly related to argument 'save') - Invalid save parameters
        CONFIG GET save => [save, '']
        CONFIG SET notify-keyspace-events KEA => +OK
        CONFIG GET notify-keyspace-events => [notify-keyspace-events, AKE]
        CONFIG SET notify-keyspace-events bogus! => -ERR CONFIG SET failed (possibly related to argument 'notify-keyspace-events') - Invalid event class character. Use 'Ag$lshzxeKEtmdn'.
        CONFIG SET notify-keyspace-events "" => +OK
        CONFIG SET client-output-buffer-limit "normal 1mb 0 0" => +OK
        CONFIG GET client-output-buffer-limit => [client-output-buffer-limit, 'normal 1048576 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60']
        CONFIG SET client-output-buffer-limit "normal x 0 0" => -ERR CONFIG SET failed (possibly related to argument 'client-output-buffer-limit') - Error in hard, soft or soft_seconds setting in buffer limit configuration.
        CONFIG SET client-output-buffer-limit "bogus 1 0 0" => -ERR CONFIG SET failed (possibly related to argument 'client-output-buffer-limit') - Invalid client class specified in buffer limit configuration.
        CONFIG SET hash-max-ziplist-entries 77 => +OK
        CONFIG GET hash-max-*-entries => unordered2 [hash-max-listpack-entries, 77, hash-max-ziplist-entries, 77]
        CONFIG SET slowlog-log-slower-than -1 => +OK
        CONFIG GET slowlog-log-slower-than => [slowlog-log-slower-than, '-1']
        CONFIG SET maxclients 0 => -ERR CONFIG SET failed (possibly related to argument 'maxclients') - argument must be between 1 and 4294967295 inclusive
        CONFIG SET loglevel verbose => +OK
        CONFIG SET loglevel bogus => -ERR CONFIG SET failed (possibly related to argument 'loglevel') - argument(s) must be one of the following: debug, verbose, notice, warning, nothing
          7.0: -ERR CONFIG SET failed (possibly related to argument 'loglevel') - argument(s) must be one of the following: debug, verbose, notice, warning -- 7.2 has nothing
        CONFIG SET proto-max-bulk-len 1023 => -ERR CONFIG SET failed (possibly related to argument 'proto-max-bulk-len') - argument must be between 1048576 and 9223372036854775807 inclusive
        CONFIG SET appendfsync sometimes => -ERR CONFIG SET failed (possibly related to argument 'appendfsync') - argument(s) must be one of the following: everysec, always, no
        CONFIG RESETSTAT => +OK
        CONFIG RESETSTAT x => -ERR wrong number of arguments for 'config|resetstat' command
        CONFIG REWRITE => -ERR The server is running without a config file
        CONFIG REWRITE x => -ERR wrong number of arguments for 'config|rewrite' command
        CONFIG HELP => ~[+CONFIG <subcommand> *]
        HELLO 3 => ~{*}
        CONFIG GET timeout => {timeout: 10}
        CONFIG GET nosuch => {}
        "#,
    );
}

/// Every directive that the oracle has, with its default. Left out: what names the process, its files or its build.
#[test]
fn config_defaults_are_the_oracles() {
    let volatile =
        ["dir", "port", "bind", "pidfile", "logfile", "oom-score-adj-values", "proc-title-template", "locale-collate"];
    let mut all = Vec::new();
    on_each(&[], |server| {
        let reply = server.client().line("CONFIG GET *");
        let mut rows = std::collections::BTreeMap::new();
        for pair in reply.items().chunks(2) {
            rows.insert(pair[0].text(), pair[1].text());
        }
        volatile.iter().for_each(|name| drop(rows.remove(*name)));
        all.push(rows);
    });
    if let [oracle, ours] = &all[..] {
        let wrong: Vec<String> = oracle
            .iter()
            .filter(|(name, value)| ours.get(*name) != Some(value))
            .map(|(name, value)| format!("{name}: ours {:?}, the oracle {value:?}", ours.get(name)))
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

/// CONFIG RESETSTAT zeroes the counters.
#[test]
fn resetstat() {
    on_each(&[], |server| {
        let mut client = server.client();
        client.line("GET nokey");
        client.line("NOSUCH");
        assert_eq!(server.info("stats", "keyspace_misses"), "1");
        assert!(server.info("errorstats", "errorstat_ERR").starts_with("count=1"));
        assert!(server.info("commandstats", "cmdstat_get").starts_with("calls=1,usec="));
        client.line("CONFIG RESETSTAT");
        assert_eq!(server.info("stats", "keyspace_misses"), "0");
        let text = client.line("INFO everything").text();
        assert!(!text.contains("cmdstat_get:") && !text.contains("errorstat_ERR:"), "{text}");
    });
}

const INFO_FIELDS: [(&str, &str); 8] = [
    (
        "server",
        "redis_version redis_git_sha1 redis_git_dirty redis_build_id redis_mode os arch_bits process_id \
         process_supervised run_id tcp_port server_time_usec uptime_in_seconds uptime_in_days hz configured_hz \
         lru_clock executable config_file",
    ),
    (
        "clients",
        "connected_clients cluster_connections maxclients client_recent_max_input_buffer \
         client_recent_max_output_buffer blocked_clients tracking_clients clients_in_timeout_table",
    ),
    (
        "memory",
        "used_memory used_memory_human used_memory_rss used_memory_rss_human used_memory_peak used_memory_peak_human \
         used_memory_overhead used_memory_dataset total_system_memory maxmemory maxmemory_human maxmemory_policy \
         mem_fragmentation_ratio mem_allocator active_defrag_running lazyfree_pending_objects",
    ),
    (
        "persistence",
        "loading async_loading rdb_changes_since_last_save rdb_bgsave_in_progress rdb_last_save_time \
         rdb_last_bgsave_status rdb_last_bgsave_time_sec aof_enabled aof_rewrite_in_progress \
         aof_last_bgrewrite_status aof_last_write_status",
    ),
    (
        "stats",
        "total_connections_received total_commands_processed instantaneous_ops_per_sec total_net_input_bytes \
         total_net_output_bytes rejected_connections expired_keys evicted_keys keyspace_hits keyspace_misses \
         pubsub_channels pubsub_patterns latest_fork_usec total_error_replies total_reads_processed \
         total_writes_processed",
    ),
    (
        "replication",
        "role connected_slaves master_failover_state master_replid master_replid2 master_repl_offset \
         second_repl_offset repl_backlog_active repl_backlog_size repl_backlog_first_byte_offset repl_backlog_histlen",
    ),
    ("cpu", "used_cpu_sys used_cpu_user used_cpu_sys_children used_cpu_user_children"),
    ("cluster", "cluster_enabled"),
];

/// The fields that people's monitoring reads are there, each in its section, under its header.
#[test]
fn info_sections_and_fields() {
    on_each(&[], |server| {
        let mut client = server.client();
        for (section, fields) in INFO_FIELDS {
            let text = client.line(&format!("INFO {section}")).text();
            let mut title = section.to_owned();
            title[..1].make_ascii_uppercase();
            let title = if section == "cpu" { "CPU".to_owned() } else { title };
            assert!(text.starts_with(&format!("# {title}\r\n")), "{text}");
            assert_eq!(text.matches("# ").count(), 1, "{text}");
            for name in fields.split_whitespace() {
                assert!(text.contains(&format!("\r\n{name}:")), "{section}: no {name} in\n{text}");
            }
        }
        let default = client.line("INFO").text();
        for title in [
            "Server",
            "Clients",
            "Memory",
            "Persistence",
            "Stats",
            "Replication",
            "CPU",
            "Modules",
            "Errorstats",
            "Cluster",
            "Keyspace",
        ] {
            assert!(default.contains(&format!("# {title}\r\n")), "{title}");
        }
        assert!(!default.contains("# Commandstats") && !default.contains("# Latencystats"));
        let all = client.line("INFO ALL").text();
        assert!(all.contains("# Commandstats\r\n") && all.contains("# Latencystats\r\n"));
        assert_eq!(client.line("INFO nosuch").text(), "");
        let two = client.line("INFO cpu CLUSTER cpu").text();
        assert!(two.matches("# CPU").count() == 1 && two.contains("# Cluster") && !two.contains("# Server"), "{two}");
        client.line("HELLO 3");
        assert!(matches!(client.line("INFO cluster"), Value::Verbatim(format, _) if format == b"txt"));
    });
}

/// The counters count what happens.
#[test]
fn info_counts() {
    on_each(&[], |server| {
        let mut client = server.client();
        client.line("MSET a 1 b 2");
        client.line("GET a");
        client.line("GET missing");
        client.line("EXPIRE a 100");
        assert_eq!(server.info("stats", "keyspace_hits"), "1");
        assert_eq!(server.info("stats", "keyspace_misses"), "1");
        let keyspace = server.info("keyspace", "db0");
        assert!(keyspace.starts_with("keys=2,expires=1,avg_ttl="), "{keyspace}");
        assert_eq!(server.info("persistence", "rdb_changes_since_last_save"), "3");
        client.line("SET a x");
        client.line("INCR a");
        client.line("GET");
        assert_eq!(server.info("errorstats", "errorstat_ERR"), "count=2");
        let stats = server.info("commandstats", "cmdstat_incr");
        assert!(stats.starts_with("calls=1,") && stats.ends_with(",rejected_calls=0,failed_calls=1"), "{stats}");
        client.line("LPUSH a x");
        assert_eq!(server.info("errorstats", "errorstat_WRONGTYPE"), "count=1");
        let stats = server.info("commandstats", "cmdstat_lpush");
        assert!(stats.starts_with("calls=1,") && stats.ends_with(",rejected_calls=0,failed_calls=1"), "{stats}");
        let stats = server.info("commandstats", "cmdstat_get");
        assert!(stats.starts_with("calls=2,") && stats.ends_with(",rejected_calls=1,failed_calls=0"), "{stats}");
        let info = client.line("CONFIG GET maxmemory");
        assert_eq!(info.items().len(), 2);
        assert!(server.info("commandstats", "cmdstat_config|get").starts_with("calls=1,"));
        let latency = server.info("latencystats", "latency_percentiles_usec_get");
        assert!(latency.starts_with("p50=") && latency.contains(",p99=") && latency.contains(",p99.9="), "{latency}");
        assert_eq!(server.info("server", "tcp_port"), server.port().to_string());
        assert_eq!(server.info("server", "process_id"), server.pid().to_string());
        assert_eq!(server.info("server", "run_id").len(), 40);
    });
}

#[test]
fn memory() {
    check(
        r#"
        MEMORY USAGE missing => (nil)
        SET k v => +OK
        MEMORY USAGE k => :20..120
        MEMORY USAGE k SAMPLES 0 => :20..120
        MEMORY USAGE k SAMPLES 5 => :20..120
        MEMORY USAGE k SAMPLES -1 => -ERR syntax error
        MEMORY USAGE k SAMPLES x => -ERR value is not an integer or out of range
        MEMORY USAGE k SAMPLES => -ERR syntax error
        MEMORY USAGE k bogus => -ERR syntax error
        MEMORY USAGE => -ERR wrong number of arguments for 'memory|usage' command
        MEMORY DOCTOR => ~'*'
        MEMORY PURGE => +OK
        MEMORY MALLOC-STATS => ~'*'
        MEMORY STATS => ~[peak.allocated, :*, total.allocated, :*, startup.allocated, :*, *, keys.count, :1, *]
        MEMORY STATS x => -ERR wrong number of arguments for 'memory|stats' command
        MEMORY BOGUS => -ERR unknown subcommand 'BOGUS'. Try MEMORY HELP.
        MEMORY => -ERR wrong number of arguments for 'memory' command
        MEMORY HELP => ~[+MEMORY <subcommand> *]
        "#,
    );
}

/// MEMORY USAGE follows the value, and used_memory what is stored: up with a large value, down again without it.
#[test]
fn memory_follows_the_values() {
    on_each(&[], |server| {
        let mut client = server.client();
        let used = || server.info("memory", "used_memory").parse::<i64>().unwrap();
        client.command(&[&b"SET"[..], b"small", &[b'x'; 100]]);
        let before = used();
        client.command(&[&b"SET"[..], b"large", &vec![b'x'; 4_000_000]]);
        assert!((4_000_000..4_400_000).contains(&client.line("MEMORY USAGE large").int()));
        assert!((100..300).contains(&client.line("MEMORY USAGE small").int()));
        assert!(used() - before > 3_900_000);
        client.line("DEL large");
        eventually("the memory is given back", || used() - before < 400_000);
    });
}

#[test]
fn slowlog() {
    check(
        r#"
        SLOWLOG LEN => :0
        CONFIG SET slowlog-log-slower-than 0 => +OK
        SLOWLOG RESET => +OK
        SET k v => +OK
        SLOWLOG LEN => :2
        SLOWLOG GET 1 => ~[[:*, :*, :*, [SLOWLOG, LEN], 127.0.0.1:*, '']]
        CLIENT SETNAME me => +OK
        GET k => v
        SLOWLOG GET 1 => ~[[:*, :*, :*, [GET, k], 127.0.0.1:*, me]]
        CONFIG SET slowlog-log-slower-than -1 => +OK
        # The limit is looked up after the command.
        SLOWLOG GET 1 => ~[[:*, [SLOWLOG, GET, 1], *]]
        SLOWLOG RESET => +OK
        SLOWLOG GET => []
        SLOWLOG GET -1 => []
        SLOWLOG GET -2 => -ERR count should be greater than or equal to -1
        SLOWLOG GET x => -ERR count should be greater than or equal to -1
        SLOWLOG GET 0 => []
        SLOWLOG GET 1 2 => -ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.
        SLOWLOG LEN => :0
        SLOWLOG BOGUS => -ERR unknown subcommand 'BOGUS'. Try SLOWLOG HELP.
        SLOWLOG => -ERR wrong number of arguments for 'slowlog' command
        SLOWLOG HELP => ~[+SLOWLOG <subcommand> *]
        CONFIG SET slowlog-max-len 3 => +OK
        CONFIG SET slowlog-log-slower-than 0 => +OK
        PING => +PONG
        PING => +PONG
        PING => +PONG
        PING => +PONG
        SLOWLOG LEN => :3
        CONFIG SET slowlog-log-slower-than -1 => +OK
        SLOWLOG RESET => +OK
        CONFIG SET slowlog-log-slower-than 0 => +OK
        PING 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 => -ERR wrong number of arguments for 'ping' command
        DEL 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 => :0
        SLOWLOG GET 1 => ~[[:*, [DEL, 1, *, 30, '... (10 more arguments)'], *]]
        SET k aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa => +OK
        SLOWLOG GET 1 => ~[[:*, [SET, k, 'aaa*a... (12 more bytes)'], *]]
        AUTH default secret => +OK
        SLOWLOG GET 1 => ~[[:*, [AUTH, '(redacted)', '(redacted)'], *]]
        "#,
    );
}

#[test]
fn latency() {
    check(
        r#"
        LATENCY LATEST => []
        LATENCY HISTORY nosuch => []
        LATENCY HISTORY => -ERR wrong number of arguments for 'latency|history' command
        LATENCY RESET => :0
        LATENCY RESET nosuch other => :0
        LATENCY GRAPH nosuch => -ERR No samples available for event 'nosuch'
        LATENCY GRAPH => -ERR wrong number of arguments for 'latency|graph' command
        LATENCY DOCTOR => ~'*'
        LATENCY BOGUS => -ERR unknown subcommand 'BOGUS'. Try LATENCY HELP.
        LATENCY => -ERR wrong number of arguments for 'latency' command
        LATENCY HELP => ~[+LATENCY <subcommand> *]
        LATENCY HISTOGRAM nosuch => []
        SET k v => +OK
        LATENCY HISTOGRAM set => ~[set, [calls, :1, histogram_usec, [:*, :1]]]
        CONFIG SET latency-monitor-threshold 1 => +OK
        DEBUG SLEEP 0.01 => +OK
        LATENCY LATEST => ~[[command, :*, :<10..999>, :<10..999>]]
        LATENCY HISTORY command => ~[[:*, :<10..999>]]
        LATENCY GRAPH command => ~'command - high *'
        LATENCY RESET command => :1
        LATENCY LATEST => []
        "#,
    );
}

#[test]
fn debug_is_gated() {
    check(
        r#"
        DEBUG SLEEP 0 => +OK
        DEBUG BOGUS => -ERR unknown subcommand or wrong number of arguments for 'BOGUS'. Try DEBUG HELP.
        DEBUG => -ERR wrong number of arguments for 'debug' command
        DEBUG HELP => ~[+DEBUG <subcommand> *]
        DEBUG SET-ACTIVE-EXPIRE 1 => +OK
        DEBUG OBJECT missing => -ERR no such key
        DEBUG DIGEST => +0000000000000000000000000000000000000000
        SET k v => +OK
        DEBUG DIGEST => +264ccf65edec66bccfa7cc659414ccca432057d2
        DEBUG DIGEST-VALUE k missing => [+d79ee9fe5d5ad902d7f6620efc3b07b75ddd742f, +0000000000000000000000000000000000000000]
        DEBUG SLEEP x => +OK
        DEBUG CHANGE-REPL-ID => +OK
        DEBUG PROTOCOL bogus => -ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false
        HELLO 3 => ~{*}
        DEBUG PROTOCOL string => 'Hello World'
        DEBUG PROTOCOL integer => :12345
        DEBUG PROTOCOL double => ,3.141
        DEBUG PROTOCOL null => (null)
        DEBUG PROTOCOL array => [:0, :1, :2]
        DEBUG PROTOCOL set => set[:0, :1, :2]
        DEBUG PROTOCOL map => {:0: #f, :1: #t, :2: #f}
        DEBUG PROTOCOL attrib => ~|{key-popularity: [key:123, :90]}| '*'
        DEBUG PROTOCOL push => push[server-cpu-usage, :42]
        (recv) => ~'*'
        DEBUG PROTOCOL verbatim => ~(txt '*\n*')
        DEBUG PROTOCOL true => #t
        DEBUG PROTOCOL false => #f
        DEBUG PROTOCOL bignum => (big 1234567999999999999999999999999999999)
        "#,
    );
    check_with(
        &["--enable-debug-command", "no"],
        r#"
        DEBUG SLEEP 0 => -ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.
        MULTI => +OK
        DEBUG SLEEP 0 => -ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.
        EXEC => -EXECABORT Transaction discarded because of previous errors.
        DEBUG HELP => -ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.
        DEBUG => -ERR wrong number of arguments for 'debug' command
        CONFIG SET enable-debug-command yes => -ERR CONFIG SET failed (possibly related to argument 'enable-debug-command') - can't set immutable config
        "#,
    );
    check_with(&["--enable-debug-command", "local"], "DEBUG SLEEP 0 => +OK\n");
}

/// The digest of a dataset with a list.
#[test]
fn digest_of_a_list() {
    check(
        r#"
        SET k v => +OK
        RPUSH l a b => :2
        DEBUG DIGEST-VALUE l => [+62f55a532623cf6c3d81081db480b6fd8461eb3f]
        DEBUG DIGEST => +622ad7071dfa679b4ffef295dfea5f457c7452a5
        "#,
    );
}

#[test]
fn time_lastsave_lolwut_and_others() {
    check(
        r#"
        TIME => ~[<1600000000..9999999999>, <0..999999>]
        TIME x => -ERR wrong number of arguments for 'time' command
        LASTSAVE => :1600000000..9999999999
        LASTSAVE x => -ERR wrong number of arguments for 'lastsave' command
        LOLWUT => ~'*ver*'
        LOLWUT VERSION 5 => ~'*'
        LOLWUT VERSION x => -ERR value is not an integer or out of range
        SHUTDOWN bogus => -ERR syntax error
        SHUTDOWN ABORT => -ERR No shutdown in progress.
        SHUTDOWN SAVE NOSAVE => -ERR syntax error
        SWAPDB 0 1 => +OK
        "#,
    );
}

/// Replication, cluster, ACLs and modules on a server that is alone.
#[test]
fn replication_cluster_and_others() {
    check(
        r#"
        FAILOVER ABORT => -ERR No failover in progress.
        ROLE => [master, :0, []]
        REPLICAOF NO ONE => +OK
        SLAVEOF no one => +OK
        REPLICAOF host x => -ERR Invalid master port
        REPLICAOF => -ERR wrong number of arguments for 'replicaof' command
        WAIT 0 0 => :0
        WAIT x 0 => -ERR value is not an integer or out of range
        WAIT 0 x => -ERR timeout is not an integer or out of range
        WAIT 0 -1 => -ERR timeout is negative
        WAITAOF 0 0 0 => [:0, :0]
          7.0: ~-ERR unknown command 'WAITAOF'* -- new in 7.2
        MODULE LIST => []
        MODULE LOAD => -ERR wrong number of arguments for 'module|load' command
        ACL WHOAMI => default
        BGSAVE bogus => -ERR syntax error
        CLUSTER INFO => -ERR This instance has cluster support disabled
        READONLY => -ERR This instance has cluster support disabled
        ASKING => -ERR This instance has cluster support disabled
        PSYNC => -ERR wrong number of arguments for 'psync' command
        "#,
    );
}

/// The types of RESP3 in the replies of these commands.
#[test]
fn resp3_replies() {
    check(
        r#"
        HELLO 3 => ~{*}
        COMMAND INFO get => [[get, :2, set[+readonly, +fast], :1, :1, :1, set[+@read, +@string, +@fast], set[], set[{flags: set[+RO, +access], begin_search: {type: index, spec: {index: :1}}, find_keys: {type: range, spec: {lastkey: :0, keystep: :1, limit: :0}}}], set[]]]
        COMMAND DOCS nosuch => {}
        COMMAND DOCS ping => ~{ping: {summary: *, since: *, group: connection, complexity: *, *arguments: [{name: message, type: string, *flags: set[+optional]}]}}
        COMMAND GETKEYSANDFLAGS GET k => [[k, set[+RO, +access]]]
        COMMAND LIST FILTERBY PATTERN nosuch* => []
        CONFIG GET maxmemory => {maxmemory: 0}
        CLIENT INFO => ~(txt 'id=* resp=3*\n')
        CLIENT LIST => ~(txt 'id=*\n')
        CLIENT GETNAME => (null)
        SET k v => +OK
        MEMORY STATS => ~{peak.allocated: :*, *, keys.count: :1, *, dataset.percentage: ,*, *}
        MEMORY DOCTOR => ~(txt '*')
        MEMORY USAGE missing => (null)
        LATENCY HISTOGRAM set => ~{set: {calls: :1, histogram_usec: {:*: :1}}}
        LATENCY DOCTOR => ~(txt '*')
        LOLWUT => ~(txt '*')
        INFO cluster => (txt '# Cluster\r\ncluster_enabled:0\r\n')
        SLOWLOG GET => []
        TIME => ~[<1600000000..9999999999>, <0..999999>]
        OBJECT ENCODING missing => (null)
        RANDOMKEY => k
        SCAN 0 => [0, [k]]
        KEYS * => [k]
        EXISTS k => :1
        "#,
    );
}

/// RESP3 in replies of replication and tracking.
#[test]
fn resp3_replies_of_later_commands() {
    check(
        r#"
        HELLO 3 => ~{*}
        CLIENT TRACKINGINFO => {flags: set[off], redirect: :-1, prefixes: []}
        ROLE => [master, :0, []]
        "#,
    );
}

fn monitor_line(client: &mut Client) -> String {
    client.recv().render()
}

/// MONITOR: OK, then a line a command: seconds.micros [db address] "word" …, with control bytes and quotes escaped.
#[test]
fn monitor_format() {
    on_each(&[], |server| {
        let (mut monitor, mut client) = (server.client(), server.client());
        assert_eq!(monitor.ask("MONITOR"), "+OK");
        let address = client.local_address();
        client.line(r#"set k "a \"b\"\x00\r\n\\\xff""#);
        let line = monitor_line(&mut monitor);
        let tail = format!(r#" [0 {address}] "set" "k" "a \\"b\\"\\x00\\r\\n\\\\\\xff""#);
        assert!(line.ends_with(&tail), "{line} should end with {tail}");
        let stamp = line.trim_start_matches('+').split(' ').next().unwrap().to_owned();
        let (seconds, micros) = stamp.split_once('.').unwrap();
        assert!(seconds.len() == 10 && micros.len() == 6 && stamp.parse::<f64>().is_ok(), "{stamp}");
        client.line("SELECT 7");
        assert!(monitor_line(&mut monitor).ends_with(&format!(r#" [7 {address}] "SELECT" "7""#)));
        client.line("GET k");
        assert!(monitor_line(&mut monitor).ends_with(&format!(r#" [7 {address}] "GET" "k""#)));
        // Secrets are blotted out; errors of arity and unknown commands are not executed, so not shown.
        client.line("AUTH default secret");
        client.line("NOSUCH");
        client.line("GET");
        client.line("MULTI");
        client.line("INCR n");
        client.line("EXEC");
        let mut lines: Vec<String> = Vec::new();
        while !lines.iter().any(|line| line.contains("EXEC")) {
            lines.push(monitor_line(&mut monitor));
        }
        let words: Vec<&str> = lines.iter().map(|line| line.split_once("] ").unwrap().1).collect();
        assert_eq!(words[0], r#""AUTH" "(redacted)" "(redacted)""#);
        assert_eq!(words[1..], [r#""MULTI""#, r#""INCR" "n""#, r#""EXEC""#]);
        // Another command on the monitoring connection is refused or ends it; RESET ends it in order.
        assert_eq!(monitor.ask("RESET"), "+RESET");
        assert_eq!(monitor.ask("GET missing"), "(nil)");
    });
}

/// A monitor may not touch keys, nor be made inside EXEC; asking twice has no reply.
#[test]
fn monitors_only_listen() {
    check(
        r#"
        SET k v => +OK
        MULTI => +OK
        MONITOR => +QUEUED
        EXEC => [-ERR MONITOR isn't allowed for DENY BLOCKING client]
        GET k => v
        MONITOR => +OK
        GET k => -ERR Replica can't interact with the keyspace
        SET k w => -ERR Replica can't interact with the keyspace
        DBSIZE => -ERR Replica can't interact with the keyspace
        MONITOR => (none)
        MULTI => +OK
        (recv) => ~+* "MULTI"
        GET k => -ERR Replica can't interact with the keyspace
        EXEC => -EXECABORT Transaction discarded because of previous errors.
        (recv) => ~+* "EXEC"
        RESET => +RESET
        GET k => v
        "#,
    );
}

/// A monitor that does not read is closed once too much waits for it.
#[test]
fn a_monitor_that_does_not_read_is_closed() {
    on_each(&["--client-output-buffer-limit", "normal 1mb 0 0"], |server| {
        let (mut monitor, mut client) = (server.client(), server.client());
        assert_eq!(monitor.ask("MONITOR"), "+OK");
        let value = vec![b'x'; 100_000];
        eventually("the monitor is closed", || {
            client.command(&[&b"SET"[..], b"k", &value]);
            !client.line("CLIENT LIST").text().contains("flags=O")
        });
    });
}

/// SHUTDOWN ends the process with status 0; the connection is closed without a reply.
#[test]
fn shutdown_ends_the_process() {
    same_on_both(&[], |server| {
        let mut client = server.client();
        client.send_line("SHUTDOWN NOSAVE");
        client.expect_closed();
        eventually("nothing listens", || Client::try_connect(server.address()).is_err());
        true
    });
}

/// Ours: how keys and waits are spread, and the hottest keys.
#[test]
fn shards() {
    check_ours(
        "SHARDS is ours",
        r#"
        SET k v => +OK
        SHARDS INFO => ~[scripts_on_all_shards, :*, shards, :*, db, :0, total, [keys, :1, volatile, :0, bytes, :*, operations, :*, waits, :*, wait_usec, :*], list, [[shard, :*, keys, :1, volatile, :0, bytes, :*, operations, :*, waits, :*, wait_usec, :*]]]
        SHARDS INFO x => -ERR wrong number of arguments for 'shards|info' command
        SHARDS HOT 0 => []
        SHARDS HOT -1 => -ERR value is out of range, must be positive
        SHARDS HOT x => -ERR value is not an integer or out of range
        SHARDS HOT 1 2 => -ERR syntax error
        SHARDS RESET => +OK
        SHARDS BOGUS => -ERR unknown subcommand 'BOGUS'. Try SHARDS HELP.
        SHARDS HELP => ~[+SHARDS <subcommand> *]
        "#,
    );
    on_ours(&["--workers", "1"], |server| {
        let mut client = server.client();
        for i in 0..640 {
            client.line(&format!("GET {}", if i % 2 == 0 { "hot".to_owned() } else { format!("cold{i}") }));
        }
        client.line("SHARDS RESET");
        (0..512).for_each(|_| drop(client.line("GET hot")));
        assert_eq!(client.line("SHARDS HOT").render(), "[[key, hot, db, :0, operations, :512, error, :0]]");
    });
}

/// What visits the shards one by one finds them held in an EXEC.
#[test]
fn walkers_inside_exec() {
    check_ours(
        "SHARDS is ours",
        r#"
        MULTI => +OK
        SET k v => +QUEUED
        INFO => +QUEUED
        MEMORY STATS => +QUEUED
        MEMORY USAGE k => +QUEUED
        DEBUG POPULATE 100 => +QUEUED
        DEBUG DIGEST-VALUE k => +QUEUED
        DEBUG DIGEST => +QUEUED
        DEBUG OBJECT k => +QUEUED
        SHARDS INFO => +QUEUED
        SHARDS RESET => +QUEUED
        EXEC => ~[+OK, *, +OK, [+d79ee9fe5d5ad902d7f6620efc3b07b75ddd742f], *, +OK]
        DBSIZE => :101
        "#,
    );
}
