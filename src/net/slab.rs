//! The connections of one worker, found by token.
//!
//! Owns the numbering. A token is a place and how often places were given away, so an event or a wake-up that was meant
//! for a connection that is gone meets nobody. What is in here lies in a box of its own, so that lending it moves a
//! pointer; the places of many connections lie in few cache lines, and what they point to is prefetched, because after a
//! system call little of it is in the near caches any more.

use crate::base::table::prefetch_whole;

/// Places that are kept once all are free.
const KEPT: usize = 1024;

struct Slot<T> {
    generation: u32,
    content: Option<Box<T>>,
}

/// Things found by token.
pub(super) struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    /// Generation of a new place.
    born: u32,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), born: 0 }
    }
}

fn token(index: usize, generation: u32) -> u64 {
    u64::from(generation) << 32 | index as u64
}

fn index(token: u64) -> usize {
    token as u32 as usize
}

impl<T> Slab<T> {
    /// The token that [`Slab::insert`] will use next. Places are as few as file descriptors, so none is `u64::MAX`.
    pub(super) fn next_token(&self) -> u64 {
        match self.free.last() {
            Some(&place) => token(place as usize, self.slots[place as usize].generation),
            None => token(self.slots.len(), self.born),
        }
    }

    /// Adds something under [`Slab::next_token`]. Amortised O(1).
    pub(super) fn insert(&mut self, content: Box<T>) {
        match self.free.pop() {
            Some(place) => self.slots[place as usize].content = Some(content),
            None => self.slots.push(Slot { generation: self.born, content: Some(content) }),
        }
    }

    /// What was given this token, if it is still there. O(1).
    #[cfg(test)]
    pub(super) fn get(&mut self, token: u64) -> Option<&mut T> {
        let slot = self.slots.get_mut(index(token))?;
        if slot.generation == (token >> 32) as u32 { slot.content.as_deref_mut() } else { None }
    }

    /// Brings what has this token nearer, for a [`Slab::lend`] soon.
    #[inline]
    pub(super) fn prefetch(&self, token: u64) {
        if let Some(content) = self.slots.get(index(token)).and_then(|slot| slot.content.as_deref()) {
            prefetch_whole(content);
        }
    }

    /// Takes something out for a while: its place and its token stay its own until [`Slab::put_back`] or
    /// [`Slab::vacate`]. O(1).
    #[inline]
    pub(super) fn lend(&mut self, token: u64) -> Option<Box<T>> {
        let slot = self.slots.get_mut(index(token))?;
        if slot.generation == (token >> 32) as u32 { slot.content.take() } else { None }
    }

    /// Whether what has this token is lent. O(1).
    pub(super) fn is_lent(&self, token: u64) -> bool {
        let slot = self.slots.get(index(token));
        slot.is_some_and(|slot| slot.generation == (token >> 32) as u32 && slot.content.is_none())
    }

    /// Puts what was lent back. O(1).
    #[inline]
    pub(super) fn put_back(&mut self, token: u64, content: Box<T>) {
        if let Some(slot) = self.slots.get_mut(index(token)) {
            slot.content = Some(content);
        }
    }

    /// Gives up the place of something that was lent. Amortised O(1).
    pub(super) fn vacate(&mut self, token: u64) {
        let Some(slot) = self.slots.get_mut(index(token)) else { return };
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(index(token) as u32);
        if self.free.len() == self.slots.len() && self.slots.len() > KEPT {
            // The memory of a burst goes back. New places are younger than all of these.
            self.born = self.slots.iter().map(|slot| slot.generation).max().unwrap_or(0);
            self.slots = Vec::new();
            self.free = Vec::new();
        }
    }

    /// All tokens, of what is lent as well. O(places).
    pub(super) fn tokens(&self) -> Vec<u64> {
        let mut used = vec![true; self.slots.len()];
        self.free.iter().for_each(|place| used[*place as usize] = false);
        let used = self.slots.iter().enumerate().zip(used).filter(|(_, used)| *used);
        used.map(|((place, slot), _)| token(place, slot.generation)).collect()
    }

    /// Whether nothing is in here.
    pub(super) fn is_empty(&self) -> bool {
        self.free.len() == self.slots.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;
    use std::collections::BTreeMap;

    #[test]
    fn tokens_find_their_own_and_never_a_successor() {
        let mut rng = Rng::new(7);
        let (mut slab, mut model, mut gone) = (Slab::default(), BTreeMap::new(), Vec::new());
        for round in 0..20_000u32 {
            // Grows far beyond what is kept, then shrinks to nothing, again and again.
            if (round / 2500) % 2 == 0 || model.is_empty() {
                let token = slab.next_token();
                slab.insert(Box::new(round));
                assert_eq!(model.insert(token, round), None);
            } else {
                let nth = rng.below(model.len() as u64) as usize;
                let token = *model.keys().nth(nth).unwrap();
                assert_eq!(slab.lend(token).as_deref(), model.remove(&token).as_ref());
                assert_eq!(slab.lend(token), None);
                slab.vacate(token);
                gone.push(token);
            }
            if let Some((&token, &value)) = model.iter().next() {
                assert!(!slab.is_lent(token));
                let lent = slab.lend(token).unwrap();
                assert!(slab.is_lent(token) && slab.tokens().len() == model.len());
                assert_eq!(*lent, value);
                slab.put_back(token, lent);
                assert_eq!(slab.get(token), Some(&mut { value }));
            }
            if let Some(&token) = gone.last() {
                slab.prefetch(token);
                assert_eq!(slab.get(token), None);
                assert_eq!(slab.lend(token), None);
            }
            assert_eq!(slab.is_empty(), model.is_empty());
        }
        assert_eq!(slab.tokens().len(), model.len());
        assert!(gone.iter().all(|token| slab.get(*token).is_none()));
        assert!(model.iter().all(|(token, value)| slab.get(*token) == Some(&mut { *value })));
    }
}
