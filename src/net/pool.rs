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

/// Bytes of a worker's stack, of which it takes what it touches. Lua nests calls through its C functions 200 deep, of which some
/// have frames of nine kilobytes, and a busy script may have another within it.
const STACK: usize = 16 << 20;

/// Keeps the system from giving this thread's stack huge pages: the first touch would take two megabytes.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn touch_stack_in_small_pages() {
    /// A multiple of every size of a page.
    const PAGE: usize = 64 * 1024;
    let here = 0_u8;
    let top = (&raw const here).addr() & !(PAGE - 1);
    let bottom = top - (STACK - 4 * PAGE);
    let bottom = std::ptr::without_provenance_mut(bottom);
    // SAFETY: the range lies in this thread's stack, and the advice changes nothing of what it holds. Without it nothing is
    // worse but the figure.
    let _ = unsafe { rustix::mm::madvise(bottom, STACK - 4 * PAGE, rustix::mm::Advice::LinuxNoHugepage) };
}

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
            let run = move || {
                #[cfg(target_os = "linux")]
                touch_stack_in_small_pages();
                Rc::new(EventLoop::new(server, index, poll, mailbox, accepted, load)).run();
            };
            let thread = std::thread::Builder::new().name(format!("worker-{index}")).stack_size(STACK);
            pool.threads.push(thread.spawn(run)?);
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_stack_has_no_huge_pages() {
        if std::fs::metadata("/sys/kernel/mm/transparent_hugepage").is_err() {
            return;
        }
        let flags = || {
            touch_stack_in_small_pages();
            let here = 0_u8;
            let inside = (&raw const here).addr() - STACK / 2;
            let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
            let mut mine = false;
            for line in maps.lines() {
                let range = line.split(' ').next().and_then(|range| range.split_once('-'));
                let ends = range.map(|(from, to)| (usize::from_str_radix(from, 16), usize::from_str_radix(to, 16)));
                if let Some((Ok(from), Ok(to))) = ends {
                    mine = (from..to).contains(&inside);
                } else if mine && let Some(flags) = line.strip_prefix("VmFlags:") {
                    return flags.to_owned();
                }
            }
            String::new()
        };
        let flags = std::thread::Builder::new().stack_size(STACK).spawn(flags).unwrap().join().unwrap();
        assert!(flags.split(' ').any(|flag| flag == "nh"), "{flags}");
    }
}
