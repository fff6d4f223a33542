//! What had to be put off because a busy script held the shards for it.
//!
//! Owns the list. Whoever ends a script that was busy says so and then empties it and does what is in it; who puts something
//! off looks afterwards whether any script is still busy, and empties it himself if none is. So nothing is forgotten.

use super::Server;
use crate::store::{Ticket, Watch};
use parking_lot::Mutex;

/// One such thing.
pub enum Late {
    /// Clients that wait for this key, of this database, may be served.
    Ready(u32, Box<[u8]>),
    /// Keys that are watched no more.
    Unwatch(Vec<Watch>),
    /// A client that has gone leaves the queues of its keys.
    Leave(Ticket),
}

/// The list.
#[derive(Default)]
pub(super) struct LateList {
    list: Mutex<Vec<Late>>,
}

impl Server {
    /// Puts something off.
    pub fn put_off(&self, late: Late) {
        self.late.list.lock().push(late);
    }

    /// Takes all that was put off, to be done.
    pub fn take_late(&self) -> Vec<Late> {
        std::mem::take(&mut *self.late.list.lock())
    }
}
