//! What had to be put off because a busy script held the shards for it.
//!
//! Owns the list, which holds a key once however often something comes for it, so a busy script does not let it grow beyond
//! the keys that somebody waits for and the clients that have gone. Whoever ends a script that was busy says so and then empties it and does what is in it; who puts something
//! off looks afterwards whether any script is still busy, and empties it himself if none is. So nothing is forgotten.

use super::Server;
use crate::store::{Ticket, Watch};
use parking_lot::Mutex;
use std::collections::BTreeSet;

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
    list: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    ready: BTreeSet<(u32, Box<[u8]>)>,
    others: Vec<Late>,
}

impl Server {
    /// Puts something off.
    pub fn put_off(&self, late: Late) {
        let mut list = self.late.list.lock();
        match late {
            Late::Ready(db, key) => {
                list.ready.insert((db, key));
            }
            other => list.others.push(other),
        }
    }

    /// Takes all that was put off, to be done.
    pub fn take_late(&self) -> Vec<Late> {
        let Waiting { ready, mut others } = std::mem::take(&mut *self.late.list.lock());
        others.extend(ready.into_iter().map(|(db, key)| Late::Ready(db, key)));
        others
    }
}
