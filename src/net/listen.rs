//! Listening sockets: several TCP addresses, the unix socket, and what happens at accept.
//!
//! Owns the accept tasks of the main thread. Each accepted connection passes `maxclients` and protected mode, gets its
//! socket options and is dealt to a worker. Changing `bind` or `port` at run time opens the new listeners first and
//! closes the old ones then, so a refused address changes nothing.

use super::pool::{Accepted, Pool, Socket};
use crate::config::Settings;
use crate::daemon;
use crate::server::Server;
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket as RawSocket, TcpKeepalive, Type};
use std::collections::BTreeMap;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::task::JoinHandle;

/// A listener could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("Could not create server TCP listening socket {address}: {source}")]
pub struct ListenError {
    address: String,
    source: std::io::Error,
}

/// The open listeners; dropping them stops accepting.
#[derive(Default)]
pub struct Listeners {
    tcp: BTreeMap<(String, u16), JoinHandle<()>>,
    unix: Option<(String, JoinHandle<()>)>,
}

impl Drop for Listeners {
    fn drop(&mut self) {
        self.tcp.values().for_each(JoinHandle::abort);
        self.close_unix();
    }
}

impl Listeners {
    /// Opens the listeners that the settings ask for; must run inside a runtime.
    ///
    /// # Errors
    /// The first address that cannot be listened on, unless it was marked optional (`-::1`).
    pub fn open(settings: &Settings, server: &Arc<Server>, pool: &Arc<Pool>) -> Result<Self, ListenError> {
        let mut listeners = Self::default();
        listeners.reopen(settings, server, pool)?;
        Ok(listeners)
    }

    /// Brings the listeners to what the settings ask for: those that stay are not touched, new ones are opened before
    /// old ones are closed.
    ///
    /// # Errors
    /// As [`Listeners::open`]; the listeners are as before then.
    pub fn reopen(&mut self, settings: &Settings, server: &Arc<Server>, pool: &Arc<Pool>) -> Result<(), ListenError> {
        let mut wanted = Vec::new();
        let mut opened = Vec::new();
        for bind in settings.bind.iter().filter(|_| settings.port != 0) {
            let (optional, name) = match bind.strip_prefix('-') {
                Some(name) => (true, name),
                None => (false, bind.as_str()),
            };
            let address = (name.to_owned(), settings.port);
            if !self.tcp.contains_key(&address) {
                match tcp(name, settings.port, settings.tcp_backlog) {
                    Ok(listener) => opened.push((address.clone(), listener)),
                    Err(e) if optional && !in_use(&e) => {}
                    Err(source) => {
                        return Err(ListenError { address: format!("{name}:{}", settings.port), source });
                    }
                }
            }
            wanted.push(address);
        }
        self.reopen_unix(settings, server, pool)?;
        for (address, listener) in opened {
            self.tcp.insert(address, spawn_tcp(listener, server, pool));
        }
        self.tcp.retain(|address, task| {
            let stays = wanted.contains(address);
            if !stays {
                task.abort();
            }
            stays
        });
        Ok(())
    }

    fn reopen_unix(&mut self, settings: &Settings, server: &Arc<Server>, pool: &Arc<Pool>) -> Result<(), ListenError> {
        if self.unix.as_ref().map_or("", |(path, _)| path) == settings.unixsocket {
            return Ok(());
        }
        let opened = if settings.unixsocket.is_empty() {
            None
        } else {
            let path = settings.unixsocket.clone();
            let listener = unix(&path, settings).map_err(|source| ListenError { address: path.clone(), source })?;
            Some((path.clone(), spawn_unix(listener, path, server, pool)))
        };
        self.close_unix();
        self.unix = opened;
        Ok(())
    }

    fn close_unix(&mut self) {
        if let Some((path, task)) = self.unix.take() {
            task.abort();
            let _ = std::fs::remove_file(path);
        }
    }
}

fn in_use(e: &std::io::Error) -> bool {
    e.kind() == std::io::ErrorKind::AddrInUse
}

/// A listening TCP socket on `name` (an address, `*` for every IPv4, `::*` or `::` for every IPv6).
fn tcp(name: &str, port: u16, backlog: i32) -> std::io::Result<tokio::net::TcpListener> {
    let ip: IpAddr = match name {
        "*" => Ipv4Addr::UNSPECIFIED.into(),
        "::*" => Ipv6Addr::UNSPECIFIED.into(),
        _ => match name.parse() {
            Ok(ip) => ip,
            Err(_) => resolve(name)?,
        },
    };
    let address = SocketAddr::new(ip, port);
    let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    socket.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(socket.into())
}

fn resolve(name: &str) -> std::io::Result<IpAddr> {
    use std::net::ToSocketAddrs;
    let mut found = (name, 0).to_socket_addrs()?;
    found.next().map(|a| a.ip()).ok_or_else(|| std::io::Error::other("no address"))
}

fn unix(path: &str, settings: &Settings) -> std::io::Result<tokio::net::UnixListener> {
    let _ = std::fs::remove_file(path);
    let socket = RawSocket::new(Domain::UNIX, Type::STREAM, None)?;
    let address = SockAddr::unix(path)?;
    daemon::with_socket_umask(settings.unixsocketperm, || socket.bind(&address))?;
    daemon::set_socket_mode(Path::new(path), settings.unixsocketperm)?;
    socket.listen(settings.tcp_backlog)?;
    socket.set_nonblocking(true)?;
    tokio::net::UnixListener::from_std(socket.into())
}

fn spawn_tcp(listener: tokio::net::TcpListener, server: &Arc<Server>, pool: &Arc<Pool>) -> JoinHandle<()> {
    let (server, pool) = (Arc::clone(server), Arc::clone(pool));
    tokio::spawn(async move {
        loop {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(e) => {
                    pause_after(&e).await;
                    continue;
                }
            };
            let local = stream.local_addr().map_or_else(|_| String::new(), |a| a.to_string());
            let Ok(stream) = stream.into_std() else { continue };
            let settings = server.config.current();
            let socket = Socket::Tcp(stream);
            if let Some(refusal) = refusal(&pool, &settings, peer.ip().to_canonical().is_loopback()) {
                refuse(socket, refusal, &server);
                continue;
            }
            if let Socket::Tcp(stream) = &socket {
                prepare(stream, u64::from(settings.tcp_keepalive));
            }
            let id = server.clients.next_id();
            pool.deal(Accepted { id, socket, addr: peer.to_string(), laddr: local });
        }
    })
}

fn spawn_unix(
    listener: tokio::net::UnixListener,
    path: String,
    server: &Arc<Server>,
    pool: &Arc<Pool>,
) -> JoinHandle<()> {
    let (server, pool) = (Arc::clone(server), Arc::clone(pool));
    tokio::spawn(async move {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(e) => {
                    pause_after(&e).await;
                    continue;
                }
            };
            let Ok(stream) = stream.into_std() else { continue };
            let settings = server.config.current();
            let socket = Socket::Unix(stream);
            match refusal(&pool, &settings, true) {
                Some(text) => refuse(socket, text, &server),
                None => {
                    let (id, addr) = (server.clients.next_id(), format!("{path}:0"));
                    pool.deal(Accepted { id, socket, laddr: addr.clone(), addr });
                }
            }
        }
    })
}

/// Out of file descriptors or memory: a moment's rest instead of a busy loop.
async fn pause_after(e: &std::io::Error) {
    tracing::warn!("Accepting client connection: {e}");
    tokio::time::sleep(Duration::from_millis(10)).await;
}

/// Socket options of an accepted connection; a failure only costs the option.
fn prepare(stream: &std::net::TcpStream, keepalive: u64) {
    let _ = stream.set_nodelay(true);
    if keepalive > 0 {
        let interval = Duration::from_secs((keepalive / 3).max(1));
        let keepalive =
            TcpKeepalive::new().with_time(Duration::from_secs(keepalive)).with_interval(interval).with_retries(3);
        let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
    }
}

/// The error line for a connection that may not come in, if so.
fn refusal(pool: &Pool, settings: &Settings, local: bool) -> Option<&'static str> {
    if pool.connections() >= settings.maxclients as usize {
        return Some("-ERR max number of clients reached\r\n");
    }
    if settings.protected_mode && settings.requirepass.is_empty() && !local {
        return Some(PROTECTED);
    }
    None
}

const PROTECTED: &str = "-DENIED Ostracon is running in protected mode because protected mode is enabled and no \
    password is set for the default user. In this mode connections are only accepted from the loopback interface. \
    To connect from other computers, do one of these: 1) On the server's host, switch protected mode off with \
    'CONFIG SET protected-mode no', if the server is not reachable from an untrusted network; CONFIG REWRITE makes \
    it permanent. 2) Write 'protected-mode no' into the configuration file and restart. 3) Start the server with \
    '--protected-mode no'. 4) Set a password for the default user. One of them is enough.\r\n";

fn refuse(socket: Socket, text: &str, server: &Server) {
    server.clients.rejected.fetch_add(1, Relaxed);
    // Best effort: the socket's empty buffer takes a line at once, or the peer is gone.
    match socket {
        Socket::Tcp(mut s) => {
            let _ = s.write_all(text.as_bytes());
        }
        Socket::Unix(mut s) => {
            let _ = s.write_all(text.as_bytes());
        }
    }
}
