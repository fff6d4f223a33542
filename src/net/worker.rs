//! Worker threads: one `current_thread` runtime each, and the dealing of connections to them.
//!
//! Owns the threads and the queues by which accepted connections reach them. A connection goes to the worker that has
//! the fewest; it stays there. A worker's scratch (input buffer, output buffer, the pipeline's half) is one
//! [`Scratch`], lent to a connection while its task is polled; that is why an idle connection owns no buffers.

use super::connection::{Connection, Stream};
use crate::client::{Client, ClientFlags, Shared};
use crate::exec::Worker;
use crate::resp::OutBuf;
use crate::server::Server;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::JoinHandle;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How long a shutdown waits for replies to be written.
const DRAIN_NS: u64 = 1_000_000_000;
/// Size of the buffer that a socket is read into.
const INPUT: usize = 64 * 1024;

/// A connection that was accepted, as it travels to its worker.
pub struct Accepted {
    /// The client's number, given at accept: numbers rise in the order of the connections, whatever worker takes them.
    pub id: u64,
    /// The socket.
    pub socket: Socket,
    /// Peer address for CLIENT LIST.
    pub addr: String,
    /// Local address.
    pub laddr: String,
}

/// A socket that belongs to no runtime yet.
pub enum Socket {
    /// TCP.
    Tcp(std::net::TcpStream),
    /// Unix domain.
    Unix(std::os::unix::net::UnixStream),
}

/// What a worker lends to the connection whose task is being polled.
pub(super) struct Scratch {
    pub(super) exec: Worker,
    pub(super) server: Arc<Server>,
    pub(super) input: Box<[u8]>,
    pub(super) output: OutBuf,
}

/// The worker threads.
pub struct Pool {
    queues: Vec<UnboundedSender<Accepted>>,
    loads: Vec<Arc<AtomicUsize>>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Starts the threads.
    ///
    /// # Errors
    /// Whatever the system says when a thread or its runtime cannot be made.
    pub fn start(server: &Arc<Server>) -> std::io::Result<Self> {
        let mut pool = Self { queues: Vec::new(), loads: Vec::new(), threads: Vec::new() };
        for index in 0..server.workers {
            let (tx, rx) = unbounded_channel();
            let load = Arc::new(AtomicUsize::new(0));
            let (server, mine) = (Arc::clone(server), Arc::clone(&load));
            let run = move || {
                // No timers: what a worker waits for is a socket, its queue or an inbox.
                let runtime = Builder::new_current_thread().enable_io().build_local(LocalOptions::default());
                let runtime = match runtime {
                    Ok(runtime) => runtime,
                    Err(e) => {
                        tracing::error!("Worker {index} cannot start: {e}");
                        return;
                    }
                };
                let scratch = Scratch {
                    exec: Worker::new(Arc::clone(&server), index),
                    server: Arc::clone(&server),
                    input: vec![0; INPUT].into_boxed_slice(),
                    output: OutBuf::default(),
                };
                let scratch = Rc::new(RefCell::new(scratch));
                runtime.block_on(accept(server, index, mine, scratch, rx));
            };
            pool.threads.push(std::thread::Builder::new().name(format!("worker-{index}")).spawn(run)?);
            pool.queues.push(tx);
            pool.loads.push(load);
        }
        Ok(pool)
    }

    /// Hands a connection to the worker that has the fewest.
    pub fn deal(&self, accepted: Accepted) {
        let fewest = (0..self.loads.len()).min_by_key(|&i| self.loads[i].load(Relaxed)).unwrap_or(0);
        self.loads[fewest].fetch_add(1, Relaxed);
        // A closed queue means shutdown: the connection is dropped.
        let _ = self.queues[fewest].send(accepted);
    }

    /// Connections dealt and not closed. The registry of clients learns of them later, from their workers: too late to
    /// hold a burst to `maxclients`.
    pub fn connections(&self) -> usize {
        self.loads.iter().map(|load| load.load(Relaxed)).sum()
    }

    /// Closes the queues and waits for the workers to drain.
    pub fn join(self) {
        drop(self.queues);
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

/// A worker's main task: takes connections from its queue until it closes, then drains.
async fn accept(
    server: Arc<Server>,
    index: usize,
    load: Arc<AtomicUsize>,
    scratch: Rc<RefCell<Scratch>>,
    mut queue: UnboundedReceiver<Accepted>,
) {
    while let Some(accepted) = queue.recv().await {
        let unix = matches!(accepted.socket, Socket::Unix(_));
        let (stream, fd) = match Stream::register(accepted.socket) {
            Ok(registered) => registered,
            Err(e) => {
                tracing::warn!("Error registering a connection: {e}");
                load.fetch_sub(1, Relaxed);
                continue;
            }
        };
        let now = server.clock.unix_ms();
        let shared = Arc::new(Shared::new(accepted.id, accepted.addr, accepted.laddr, fd, index, now));
        shared.set_flag(ClientFlags::UNIX, unix);
        server.clients.add(&shared);
        let authenticated = server.config.current().requirepass.is_empty();
        let client = Box::new(Client::new(shared, authenticated));
        let connection = Connection::new(stream, client, Rc::clone(&scratch));
        let load = Arc::clone(&load);
        tokio::task::spawn_local(async move {
            connection.await;
            load.fetch_sub(1, Relaxed);
        });
    }
    drain(&server, &load).await;
}

/// Waits until the worker's connections have written what they had to write, at most a second.
async fn drain(server: &Server, load: &AtomicUsize) {
    server.clients.all().iter().for_each(|c| c.close_when_written());
    let deadline = server.clock.mono_ns() + DRAIN_NS;
    while load.load(Relaxed) > 0 && server.clock.mono_ns() < deadline {
        tokio::task::yield_now().await;
    }
}
