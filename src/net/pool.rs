//! The worker threads, and the dealing of connections to them.
//!
//! Owns the threads and the queues by which accepted connections reach them. A connection goes to the worker that has the
//! fewest; it stays there. It must not know what a worker does with it.

use super::worker::{EventLoop, WAKE};
use crate::client::Mailbox;
use crate::server::Server;
use mio::{Poll, Waker};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

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

/// A socket that no worker has yet, in non-blocking mode.
pub enum Socket {
    /// TCP.
    Tcp(std::net::TcpStream),
    /// Unix domain.
    Unix(std::os::unix::net::UnixStream),
}

/// The worker threads.
pub struct Pool {
    workers: Vec<Handle>,
    threads: Vec<JoinHandle<()>>,
}

/// A worker as the main thread knows it.
struct Handle {
    queue: Sender<Accepted>,
    mailbox: Arc<Mailbox>,
    /// Connections dealt to it and not closed.
    load: Arc<AtomicUsize>,
}

impl Pool {
    /// Starts the threads.
    ///
    /// # Errors
    /// Whatever the system says when a thread or its epoll cannot be made.
    pub fn start(server: &Arc<Server>) -> io::Result<Self> {
        let mut pool = Self { workers: Vec::new(), threads: Vec::new() };
        for index in 0..server.workers {
            let poll = Poll::new()?;
            let waker = Waker::new(poll.registry(), WAKE)?;
            let rouse = move || {
                if let Err(e) = waker.wake() {
                    tracing::error!("Waking worker {index} failed: {e}");
                }
            };
            let mailbox = Arc::new(Mailbox::new(rouse));
            let (queue, accepted) = channel();
            let load = Arc::new(AtomicUsize::new(0));
            let handle = Handle { queue, mailbox: Arc::clone(&mailbox), load: Arc::clone(&load) };
            let server = Arc::clone(server);
            let run = move || Rc::new(EventLoop::new(server, index, poll, mailbox, accepted, load)).run();
            pool.threads.push(std::thread::Builder::new().name(format!("worker-{index}")).spawn(run)?);
            pool.workers.push(handle);
        }
        Ok(pool)
    }

    /// Hands a connection to the worker that has the fewest.
    pub fn deal(&self, accepted: Accepted) {
        let Some(worker) = self.workers.iter().min_by_key(|worker| worker.load.load(Relaxed)) else { return };
        worker.load.fetch_add(1, Relaxed);
        // A closed queue means shutdown: the connection is dropped.
        let _ = worker.queue.send(accepted);
        worker.mailbox.ring();
    }

    /// Connections dealt and not closed. The registry of clients learns of them later, from their workers: too late to
    /// hold a burst to `maxclients`.
    pub fn connections(&self) -> usize {
        self.workers.iter().map(|worker| worker.load.load(Relaxed)).sum()
    }

    /// Closes the queues and waits for the workers to drain.
    pub fn join(self) {
        for Handle { queue, mailbox, .. } in self.workers {
            drop(queue);
            mailbox.ring();
        }
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}
