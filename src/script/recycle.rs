//! Small blocks of memory that one run of a state leaves to the next.
//!
//! Owns lists of free blocks, one for each size: what a script makes (two tables of arguments, a table for each status, strings)
//! is freed a little later and needed again by the next script in the same sizes. The lists stand before the state's own
//! allocator while a script runs, and only then: each block is one of that allocator's, of exactly its size, so whoever
//! frees or counts it need not know of them, and the limit of the state's memory holds as ever. They are bounded
//! ([`KEPT_MAX`]) and belong to the state's thread.
#![allow(unsafe_code)]

use mlua::Lua;
use mlua::ffi::{self, lua_Alloc, lua_State};
use std::cell::UnsafeCell;
use std::os::raw::c_void;
use std::ptr::null_mut;

/// Longest block that is kept.
const BLOCK_MAX: usize = 128;
/// Bytes of all blocks that are kept.
const KEPT_MAX: usize = 64 * 1024;

/// Free blocks, each with the address of the next in its first bytes.
struct Lists {
    allocate: lua_Alloc,
    /// What the allocator wants to be called with.
    data: *mut c_void,
    free: [*mut c_void; BLOCK_MAX + 1],
    kept: usize,
}

/// The lists of a state. Dropped before the state is.
pub(super) struct Recycler(Box<UnsafeCell<Lists>>);

impl Recycler {
    pub(super) fn new(lua: &Lua) -> mlua::Result<Self> {
        let mut own = None;
        let mut data = null_mut();
        // SAFETY: the state is valid; nothing is raised.
        let done: mlua::Result<()> =
            unsafe { lua.exec_raw((), |state| own = Some(ffi::lua_getallocf(state, &mut data))) };
        done?;
        let allocate = own.ok_or_else(|| mlua::Error::runtime("no allocator"))?;
        Ok(Self(Box::new(UnsafeCell::new(Lists { allocate, data, free: [null_mut(); BLOCK_MAX + 1], kept: 0 }))))
    }

    /// Puts the lists before the state's allocator, until [`Recycler::withdraw`].
    ///
    /// # Safety
    /// `state` is that of the lists.
    pub(super) unsafe fn stand_in(&self, state: *mut lua_State) {
        // SAFETY: as the caller's; the lists live as long as the state.
        unsafe { ffi::lua_setallocf(state, allocate, self.0.get().cast()) };
    }

    /// Puts the state's allocator back.
    ///
    /// # Safety
    /// As [`Recycler::stand_in`].
    pub(super) unsafe fn withdraw(&self, state: *mut lua_State) {
        // SAFETY: as the caller's.
        unsafe {
            let lists = self.0.get();
            ffi::lua_setallocf(state, (*lists).allocate, (*lists).data);
        }
    }
}

impl Drop for Recycler {
    fn drop(&mut self) {
        let Lists { allocate, data, free, .. } = self.0.get_mut();
        for (size, first) in free.iter().enumerate() {
            let mut block = *first;
            while !block.is_null() {
                // SAFETY: a free block of this size, of that allocator, with the next one's address in it.
                unsafe {
                    let next = block.cast::<*mut c_void>().read();
                    allocate(*data, block, size, 0);
                    block = next;
                }
            }
        }
    }
}

/// What Lua calls for memory while a script runs.
///
/// # Safety
/// `lists` are the state's; `block` is null or one of `old` bytes.
unsafe extern "C" fn allocate(lists: *mut c_void, block: *mut c_void, old: usize, new: usize) -> *mut c_void {
    // SAFETY: as the caller's; one thread uses the lists, and nothing called here calls back. A block has room for an address
    // from eight bytes on, and is aligned for one.
    unsafe {
        let lists = &mut *lists.cast::<Lists>();
        if block.is_null() {
            if (8..=BLOCK_MAX).contains(&new) {
                let first = lists.free[new];
                if !first.is_null() {
                    lists.free[new] = first.cast::<*mut c_void>().read();
                    lists.kept -= new;
                    return first;
                }
            }
        } else if new == 0 && (8..=BLOCK_MAX).contains(&old) && lists.kept < KEPT_MAX {
            block.cast::<*mut c_void>().write(lists.free[old]);
            lists.free[old] = block;
            lists.kept += old;
            return null_mut();
        }
        (lists.allocate)(lists.data, block, old, new)
    }
}
