#![allow(unsafe_code)]
//! Entries of collections: making one, lending the collection, changing it in place.
//!
//! A collection's payload is its owning pointer, 8 bytes, and which encoding the pointer leads to is part of the kind.
//! So a change of the collection never moves the entry: pointer and kind are written back. Must not know which types
//! there are ([`super::super::kinds`] does).

use super::{EXPIRES, Entry, KIND, Kind, Value};
use crate::store::kinds::{Holder, encoding_in, lend};
use crate::types::Collection;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::NonNull;

/// A collection on loan from its entry.
pub struct Lent<'a, C: Collection> {
    value: ManuallyDrop<C>,
    entry: PhantomData<&'a C>,
}

impl<C: Collection> Deref for Lent<'_, C> {
    type Target = C;
    #[inline]
    fn deref(&self) -> &C {
        &self.value
    }
}

impl Entry {
    /// An entry with the given key, collection, expiry (Unix time, ms) and access clock (the low 24 bits).
    ///
    /// # Panics
    /// If the key is longer than `KEY_MAX`.
    pub fn new_collection<C: Collection>(key: &[u8], value: C, expire_at: Option<u64>, access: u32) -> Entry {
        let flags = if expire_at.is_some() { EXPIRES } else { 0 };
        Entry::build(key, Value::Collection(Holder::new(value)), flags, expire_at.unwrap_or(0), access)
    }

    /// The pointer that is the payload.
    ///
    /// # Safety
    /// The entry holds a collection.
    unsafe fn pointer(&self) -> NonNull<u8> {
        // SAFETY: the payload of such an entry.
        unsafe { self.get(self.shape().payload_at()) }
    }

    /// The collection, if it is a `C`. O(1).
    #[inline]
    pub fn collection<C: Collection>(&self) -> Option<Lent<'_, C>> {
        let encoding = encoding_in(self.bits() & KIND, C::TYPE)?;
        // SAFETY: the kind says that the payload is a `C`; it is borrowed with the entry, so nobody changes it.
        let value = unsafe { lend(encoding, self.pointer()) };
        Some(Lent { value, entry: PhantomData })
    }

    /// Lets `f` change the collection in place, if it is a `C`. If `f` panics the collection stays as `f` left it.
    #[inline]
    pub fn edit<C: Collection, R>(&mut self, f: impl FnOnce(&mut C) -> R) -> Option<R> {
        /// Gives the collection back to its entry, also when `f` unwinds.
        struct Back<'e, C: Collection>(&'e mut Entry, ManuallyDrop<C>);
        impl<C: Collection> Drop for Back<'_, C> {
            #[inline]
            fn drop(&mut self) {
                // SAFETY: taken once, here.
                let holder = ManuallyDrop::new(Holder::new(unsafe { ManuallyDrop::take(&mut self.1) }));
                let shape = self.0.shape();
                self.0.set_bits(shape.bits & !KIND | holder.kind);
                // SAFETY: all kinds of collections have the same payload, a pointer.
                unsafe { self.0.put(shape.payload_at(), holder.pointer) };
            }
        }
        let encoding = encoding_in(self.bits() & KIND, C::TYPE)?;
        // SAFETY: the kind says that the payload is a `C`. The entry is borrowed for as long as `Back` has the
        // collection, so nobody sees the pointer meanwhile.
        let value = unsafe { lend::<C>(encoding, self.pointer()) };
        let mut back = Back(self, value);
        Some(f(&mut back.1))
    }

    /// The collection as a holder that is never dropped; `None`: a string.
    pub(super) fn holder(&self) -> Option<ManuallyDrop<Holder>> {
        let shape = self.shape();
        // SAFETY: the payload is that of the kind; it is used while the entry is borrowed, by the callers here.
        (Kind::of(shape.bits) == Kind::Collection)
            .then(|| unsafe { Holder::lent(shape.bits & KIND, self.get(shape.payload_at())) })
    }

    /// Number of elements of a collection; `None`: a string. O(1).
    pub fn elements(&self) -> Option<usize> {
        Some(self.holder()?.len())
    }

    /// What OBJECT ENCODING says of a collection; `None`: a string.
    pub fn encoding(&self) -> Option<&'static str> {
        Some(self.holder()?.encoding())
    }
}
