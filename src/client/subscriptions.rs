//! The names that a client has subscribed to.
//!
//! Owns three sets of names, boxed in a client that has any. It must not know who else has subscribed: that is the
//! registry's (`pubsub`), which shares the names' bytes.

use crate::pubsub::Space;
use bytes::Bytes;
use std::collections::BTreeSet;

/// What a client has subscribed to, by [`Space`].
#[derive(Default)]
pub struct Subscriptions([BTreeSet<Bytes>; 3]);

impl Subscriptions {
    /// The names of one space.
    pub fn of(&mut self, space: Space) -> &mut BTreeSet<Bytes> {
        &mut self.0[space as usize]
    }

    /// How many there are in one space.
    pub fn len(&self, space: Space) -> usize {
        self.0[space as usize].len()
    }

    /// Whether there are none at all.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(BTreeSet::is_empty)
    }
}
