//! The run that is under way on a thread.
//!
//! Owns what a thread knows of its run ([`Run`]) and the [`Host`] that is lent to it for the run's duration ([`with_host`]):
//! a function of Lua is one C function for all runs, and finds both here. A run that begins between two instructions of
//! another, on a state of its own, leaves that as it found it. Also owns how a run is made to end. Must not know what
//! scripts can ask for. What may raise an error does so after everything that has to be dropped is gone.
#![allow(unsafe_code)]

use super::raise::raise_text;
use super::{Host, sandbox};
use crate::resp::{ArgBuffer, OutBuf, Proto};
use mlua::ffi::{self, lua_State};
use scoped_tls_hkt::{ReborrowMut, scoped_thread_local};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::os::raw::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Instructions between two looks at whether the script is to end.
const HOOK_EVERY: c_int = 100_000;

/// The host of the run under way.
pub(super) struct Seam<'a>(pub(super) &'a mut (dyn Host + 'a));

impl<'a, 'b> ReborrowMut<'b> for Seam<'a> {
    type Result = Seam<'b>;
    fn reborrow_mut(&'b mut self) -> Seam<'b> {
        Seam(self.0)
    }
}

scoped_thread_local!(pub(super) static mut SEAM: for<'a> Seam<'a>);

/// What a thread knows of its run.
pub(super) struct Run {
    /// The protocol that the script sees (`redis.setresp`).
    pub(super) proto: Cell<Proto>,
    /// The script is to end.
    pub(super) stop: Cell<bool>,
    /// The main thread of the Lua state.
    main: Cell<*mut lua_State>,
    /// A run is under way.
    under_way: Cell<bool>,
    /// A panic in a command, to go on when the script has ended.
    pub(super) panic: RefCell<Option<Box<dyn Any + Send>>>,
    /// A command of the script.
    pub(super) args: RefCell<ArgBuffer>,
    /// Its reply.
    pub(super) out: RefCell<OutBuf>,
}

thread_local! {
    pub(super) static RUN: Run = Run {
        proto: Cell::new(Proto::Resp2),
        stop: Cell::new(false),
        main: Cell::new(std::ptr::null_mut()),
        under_way: Cell::new(false),
        panic: RefCell::new(None),
        args: RefCell::default(),
        out: RefCell::new(OutBuf::new()),
    };
}

/// What a thread knows of the run around another, which began between two of its instructions. Put back when dropped.
struct Around {
    proto: Proto,
    stop: bool,
    main: *mut lua_State,
    random: u64,
}

impl Around {
    /// `None`: no run is under way.
    fn now() -> Option<Self> {
        RUN.with(|run| {
            run.under_way.replace(true).then(|| Self {
                proto: run.proto.get(),
                stop: run.stop.get(),
                main: run.main.get(),
                random: sandbox::RANDOM.get(),
            })
        })
    }
}

/// The end of a run.
struct End(Option<Around>);

impl Drop for End {
    fn drop(&mut self) {
        RUN.with(|run| match &self.0 {
            None => run.under_way.set(false),
            Some(around) => {
                run.proto.set(around.proto);
                run.stop.set(around.stop);
                run.main.set(around.main);
                sandbox::RANDOM.set(around.random);
            }
        });
    }
}

/// Lends a host to what `f` runs. A run that is under way on this thread, on another state, goes on afterwards as if there had
/// been none.
pub(super) fn with_host<R>(host: &mut dyn Host, f: impl FnOnce() -> R) -> R {
    let _end = End(Around::now());
    SEAM.set(Seam(host), f)
}

/// Begins a run on a state.
///
/// # Safety
/// `state` is the main thread of a valid state.
pub(super) unsafe fn begin(state: *mut lua_State) {
    RUN.with(|run| {
        run.proto.set(Proto::Resp2);
        run.stop.set(false);
        run.main.set(state);
    });
    // SAFETY: as the caller's.
    unsafe { ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKCOUNT, HOOK_EVERY) };
}

/// Whether the script was made to end.
pub(super) fn stopped() -> bool {
    RUN.with(|run| run.stop.get())
}

/// Whether the script has asked for RESP3.
pub(super) fn resp3() -> bool {
    RUN.with(|run| run.proto.get() == Proto::Resp3)
}

/// The panic of a command of the run that has ended.
pub(super) fn take_panic() -> Option<Box<dyn Any + Send>> {
    RUN.with(|run| {
        run.out.borrow_mut().clear();
        run.args.borrow_mut().clear();
        run.panic.borrow_mut().take()
    })
}

/// Raises the error that no `pcall` keeps.
///
/// # Safety
/// Called from a C function of Lua, holding nothing that has to be dropped.
pub(super) unsafe fn stop(state: *mut lua_State) -> ! {
    let main = RUN.with(|run| {
        run.stop.set(true);
        run.main.get()
    });
    // SAFETY: the main thread lives as long as the run.
    unsafe {
        hasten(state);
        hasten(main);
        raise_text(state, b"the script was ended")
    }
}

/// Has the next instruction of this thread of Lua's look whether the script is to end.
///
/// # Safety
/// `state` is valid.
pub(super) unsafe fn hasten(state: *mut lua_State) {
    // SAFETY: as the caller's.
    unsafe { ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKCOUNT, 1) };
}

/// Called by Lua every so many instructions.
unsafe extern "C-unwind" fn hook(state: *mut lua_State, _: *mut ffi::lua_Debug) {
    // A panic in what the host does is kept, as one in a command.
    let look = || !SEAM.is_set() || SEAM.with(|seam| seam.0.goes_on());
    let goes_on = stopped()
        || catch_unwind(AssertUnwindSafe(look)).unwrap_or_else(|panic| {
            RUN.with(|run| *run.panic.borrow_mut() = Some(panic));
            false
        });
    if stopped() || !goes_on {
        // SAFETY: a hook may raise errors.
        unsafe { stop(state) }
    }
}
