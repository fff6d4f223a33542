//! Rows: listening, clients and their limits.

use super::super::directive::{Directive, Effect};
use super::super::rows::{boolean, int, memory, octal, special, text};
use super::super::settings::Settings;
use super::super::special;

const MIB: u64 = 1 << 20;

pub(super) const ROWS: &[Directive] = &[
    special("bind", "* -::*", special::bind_get, special::bind_set)
        .multi()
        .lines(special::bind_lines)
        .then(Effect::Listeners)
        .about("Addresses to listen on; a leading - lets one be absent"),
    int("port", "6379", (0, 65535), |s| s.port.into(), |s, n| s.port = n as u16)
        .then(Effect::Listeners)
        .about("TCP port; 0 listens on none"),
    int("tcp-backlog", "511", (0, INT_MAX), |s| s.tcp_backlog.into(), |s, n| s.tcp_backlog = n as i32)
        .immutable()
        .about("Connections that may wait to be accepted"),
    text("unixsocket", "", |s| &s.unixsocket, |s, t| s.unixsocket = t.to_owned())
        .immutable()
        .about("Path of a Unix socket to listen on"),
    octal("unixsocketperm", "0", 0o777, |s| s.unixsocketperm.into(), |s, n| s.unixsocketperm = n as u32)
        .immutable()
        .about("File mode of the Unix socket, octal; 0 leaves it to the umask"),
    boolean("protected-mode", "yes", |s| s.protected_mode, |s, on| s.protected_mode = on)
        .about("Refuse other hosts while there is neither a password nor a bind address"),
    int("tcp-keepalive", "300", (0, INT_MAX), |s| s.tcp_keepalive.into(), |s, n| s.tcp_keepalive = n as u32)
        .about("Seconds between TCP keep-alive probes; 0 sends none"),
    int("timeout", "0", (0, INT_MAX), |s| s.timeout as i64, |s, n| s.timeout = n as u64)
        .about("Seconds after which an idle client is closed; 0 is never"),
    int("maxclients", "10000", (1, u32::MAX as i64), |s| s.maxclients.into(), |s, n| s.maxclients = n as u32)
        .then(Effect::MaxClients)
        .about("Clients connected at a time"),
    text("requirepass", "", |s| &s.requirepass, |s, t| s.requirepass = t.to_owned())
        .then(Effect::Password)
        .about("Password of the default user"),
    memory("proto-max-bulk-len", "536870912", (MIB, LONG_MAX), |s| s.proto_max_bulk_len, set_bulk)
        .about("Bytes of the longest argument"),
    memory("client-query-buffer-limit", "1073741824", (MIB, LONG_MAX), |s| s.client_query_buffer_limit, set_query)
        .about("Bytes a client may send before they form a request"),
    special(
        "client-output-buffer-limit",
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        special::output_limits_get,
        special::output_limits_set,
    )
    .multi()
    .then(Effect::PubSub)
    .lines(special::output_limits_lines)
    .about("Per class (normal, replica, pubsub): hard limit, soft limit, seconds above the soft one"),
];

const INT_MAX: i64 = i32::MAX as i64;
const LONG_MAX: u64 = i64::MAX as u64;

fn set_bulk(s: &mut Settings, n: u64) {
    s.proto_max_bulk_len = n;
}

fn set_query(s: &mut Settings, n: u64) {
    s.client_query_buffer_limit = n;
}
