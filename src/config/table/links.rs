//! Rows: replication, cluster and TLS, which this release does not have. See `later`.

use super::super::directive::Kind::{Bool, Enum, Special, Text};
use super::super::directive::{Directive, Kind};
use super::super::rows::later;
use super::super::special;
use super::later::{INT, LONG, PORT, SIZE_FROM_1};

const FROM_1: Kind = Kind::Int { min: 1, max: i32::MAX as i64 };
const UNSIGNED: Kind = Kind::Memory { min: 0, max: u64::MAX };

pub(super) const ROWS: &[Directive] = &[
    // Replication.
    later("replicaof", Special, "", "Address and port of the master")
        .alias(&["slaveof"])
        .immutable()
        .words(special::replicaof),
    later("masteruser", Text, "", "User to authenticate as with the master"),
    later("masterauth", Text, "", "Password to authenticate with"),
    later("replica-serve-stale-data", Bool, "yes", "Answer while the master is away")
        .alias(&["slave-serve-stale-data"]),
    later("replica-read-only", Bool, "yes", "Refuse writes on a replica").alias(&["slave-read-only"]),
    later("replica-ignore-maxmemory", Bool, "yes", "Leave eviction to the master").alias(&["slave-ignore-maxmemory"]),
    later("replica-ignore-disk-write-errors", Bool, "no", "Go on when a replica cannot write its log"),
    later("replica-lazy-flush", Bool, "no", "Free the old data in the background").alias(&["slave-lazy-flush"]),
    later("replica-priority", INT, "100", "Order of promotion; 0 is never").alias(&["slave-priority"]),
    later("replica-announce-ip", Text, "", "Address to give to the master").alias(&["slave-announce-ip"]),
    later("replica-announce-port", PORT, "0", "Port to give to the master").alias(&["slave-announce-port"]),
    later("replica-announced", Bool, "yes", "Let sentinels report this replica"),
    later("repl-diskless-sync", Bool, "yes", "Send snapshots without a file"),
    later("repl-diskless-sync-delay", INT, "5", "Seconds to wait for more replicas"),
    later("repl-diskless-sync-max-replicas", INT, "0", "Replicas that end the wait"),
    later("repl-diskless-load", Enum(&["disabled", "on-empty-db", "swapdb"]), "disabled", "Load without a file"),
    later("repl-disable-tcp-nodelay", Bool, "no", "Fewer, larger packets to replicas"),
    later("repl-ping-replica-period", FROM_1, "10", "Seconds between pings").alias(&["repl-ping-slave-period"]),
    later("repl-timeout", FROM_1, "60", "Seconds of silence that end a link"),
    later("repl-backlog-size", SIZE_FROM_1, "1048576", "Bytes kept for replicas that come back")
        .normalized(special::backlog_size),
    later("repl-backlog-ttl", LONG, "3600", "Seconds that the backlog outlives the last replica"),
    later("min-replicas-to-write", INT, "0", "Replicas needed to accept writes").alias(&["min-slaves-to-write"]),
    later("min-replicas-max-lag", INT, "10", "Seconds a replica may lag to count").alias(&["min-slaves-max-lag"]),
    later(
        "propagation-error-behavior",
        Enum(&["ignore", "panic", "panic-on-replicas"]),
        "ignore",
        "What a command that fails on a replica means",
    ),
    // Cluster.
    later("cluster-enabled", Bool, "no", "Be a node of a cluster").immutable(),
    later("cluster-config-file", Text, "nodes.conf", "File of the cluster's state").immutable(),
    later("cluster-node-timeout", LONG, "15000", "Milliseconds after which a node counts as failed"),
    later("cluster-port", PORT, "0", "Port of the cluster bus").immutable(),
    later("cluster-replica-validity-factor", INT, "10", "How old a replica's data may be for promotion")
        .alias(&["cluster-slave-validity-factor"]),
    later("cluster-migration-barrier", INT, "1", "Replicas a master keeps before lending one"),
    later("cluster-allow-replica-migration", Bool, "yes", "Lend replicas to orphaned masters"),
    later("cluster-require-full-coverage", Bool, "yes", "Stop when a slot has no node"),
    later("cluster-replica-no-failover", Bool, "no", "Never promote this replica by itself")
        .alias(&["cluster-slave-no-failover"]),
    later("cluster-allow-reads-when-down", Bool, "no", "Answer reads while the cluster is down"),
    later("cluster-allow-pubsubshard-when-down", Bool, "yes", "Publish to shards while the cluster is down"),
    later("cluster-link-sendbuf-limit", UNSIGNED, "0", "Bytes that may wait on a bus link"),
    later("cluster-announce-ip", Text, "", "Address to give to other nodes"),
    later("cluster-announce-port", PORT, "0", "Port to give to other nodes"),
    later("cluster-announce-tls-port", PORT, "0", "TLS port to give to other nodes"),
    later("cluster-announce-bus-port", PORT, "0", "Bus port to give to other nodes"),
    later("cluster-announce-hostname", Text, "", "Host name to give to clients").checked(special::check_hostname),
    later("cluster-announce-human-nodename", Text, "", "Name of the node in logs").checked(special::check_nodename),
    later(
        "cluster-preferred-endpoint-type",
        Enum(&["ip", "hostname", "unknown-endpoint"]),
        "ip",
        "What clients are redirected to",
    ),
    // TLS.
    later("tls-port", PORT, "0", "TLS port; 0 is none"),
    later("tls-cert-file", Text, "", "Certificate"),
    later("tls-key-file", Text, "", "Its key"),
    later("tls-key-file-pass", Text, "", "Password of the key"),
    later("tls-client-cert-file", Text, "", "Certificate as a client"),
    later("tls-client-key-file", Text, "", "Its key"),
    later("tls-client-key-file-pass", Text, "", "Password of the key"),
    later("tls-dh-params-file", Text, "", "Diffie-Hellman parameters"),
    later("tls-ca-cert-file", Text, "", "Certificates that are trusted"),
    later("tls-ca-cert-dir", Text, "", "Directory of such certificates"),
    later("tls-auth-clients", Enum(&["no", "yes", "optional"]), "yes", "Whether clients must show a certificate"),
    later("tls-replication", Bool, "no", "TLS to the master"),
    later("tls-cluster", Bool, "no", "TLS on the bus"),
    later("tls-protocols", Text, "", "Versions of the protocol"),
    later("tls-ciphers", Text, "", "Ciphers up to version 1.2"),
    later("tls-ciphersuites", Text, "", "Ciphers of version 1.3"),
    later("tls-prefer-server-ciphers", Bool, "no", "The server's order of ciphers counts"),
    later("tls-session-caching", Bool, "yes", "Resume sessions"),
    later("tls-session-cache-size", INT, "20480", "Sessions kept"),
    later("tls-session-cache-timeout", INT, "300", "Seconds a session is kept"),
];
