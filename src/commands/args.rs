//! The cursor with which handlers read their arguments.
//!
//! Owns the position and the first error: every read answers with a harmless value once something was wrong, so a
//! handler reads all its arguments in a straight line and asks once, with [`Args::end`] or [`Args::check`].

use super::error::{Error, Result};
use crate::base::num;
use crate::config::Settings;
use crate::resp::ArgView;
use crate::store::{Key, NewStr, Store};

/// The arguments of one command, the name (argument 0) already read.
pub struct Args<'a> {
    view: ArgView<'a>,
    at: usize,
    error: Option<Error>,
    store: &'a Store,
    settings: &'a Settings,
    first_key: (usize, u64),
}

/// `text` as a database number of `store`: for lock functions, which have no [`Args`].
///
/// # Errors
/// No integer, none of 32 bits, or no such database.
pub fn db_number(store: &Store, text: &[u8]) -> Result<u32> {
    const RANGE: Error = Error::Text("ERR value is out of range, value must between -2147483648 and 2147483647");
    let n = i32::try_from(num::parse_i64(text).ok_or(Error::NotInteger)?).map_err(|_| RANGE)?;
    u32::try_from(n).ok().filter(|n| *n < store.databases()).ok_or(Error::DbIndex)
}

impl<'a> Args<'a> {
    /// A cursor behind the name. `first_key`: index and hash of a key whose hash is known, or index 0.
    #[inline]
    pub fn new(view: ArgView<'a>, store: &'a Store, settings: &'a Settings, first_key: (usize, u64)) -> Self {
        Self { view, at: 1, error: None, store, settings, first_key }
    }

    /// The configuration in force.
    #[inline]
    pub fn settings(&self) -> &'a Settings {
        self.settings
    }

    /// All arguments, the name included.
    pub fn view(&self) -> ArgView<'a> {
        self.view
    }

    /// Arguments not read yet.
    #[inline]
    pub fn left(&self) -> usize {
        self.view.len() - self.at.min(self.view.len())
    }

    /// Number of arguments, the name included.
    pub fn len(&self) -> usize {
        self.view.len()
    }

    /// Whether there is nothing left to read.
    pub fn is_empty(&self) -> bool {
        self.left() == 0
    }

    /// Remembers an error unless there is one already.
    #[cold]
    pub fn fail(&mut self, e: Error) {
        self.error.get_or_insert(e);
    }

    /// The next argument; latches a syntax error (and answers the empty string) if there is none.
    #[inline]
    pub fn bytes(&mut self) -> &'a [u8] {
        match self.view.get(self.at) {
            Some(b) => {
                self.at += 1;
                b
            }
            None => {
                self.fail(Error::Syntax);
                b""
            }
        }
    }

    /// The next argument, if there is one.
    #[allow(clippy::should_implement_trait, reason = "a cursor with several ways to read on is no iterator")]
    pub fn next(&mut self) -> Option<&'a [u8]> {
        let b = self.view.get(self.at)?;
        self.at += 1;
        Some(b)
    }

    /// The next argument, not read.
    pub fn peek(&self) -> Option<&'a [u8]> {
        self.view.get(self.at)
    }

    /// The next argument as a key.
    #[inline]
    pub fn key(&mut self) -> Key<'a> {
        let at = self.at;
        let bytes = self.bytes();
        let hash = if at == self.first_key.0 { self.first_key.1 } else { self.store.hash(bytes) };
        Key { bytes, hash }
    }

    /// The next argument as a value to store: a large one shares the bytes that were received.
    #[inline]
    pub fn value(&mut self) -> NewStr<'a> {
        let at = self.at;
        let bytes = self.bytes();
        if self.view.is_big(at) { NewStr::Shared(self.view.bytes(at)) } else { NewStr::Slice(bytes) }
    }

    /// The next argument as a 64-bit integer.
    #[inline]
    pub fn int(&mut self) -> i64 {
        let b = self.bytes();
        self.parse_int(b)
    }

    /// `b` as a 64-bit integer; latches [`Error::NotInteger`].
    pub fn parse_int(&mut self, b: &[u8]) -> i64 {
        match num::parse_i64(b) {
            Some(n) => n,
            None => {
                self.fail(Error::NotInteger);
                0
            }
        }
    }

    /// The next argument as an integer, `error` where it is none.
    pub fn int_or(&mut self, error: Error) -> i64 {
        let b = self.bytes();
        num::parse_i64(b).unwrap_or_else(|| {
            self.fail(error);
            0
        })
    }

    /// The next argument as a database number of this server.
    pub fn db(&mut self) -> u32 {
        let b = self.bytes();
        db_number(self.store, b).unwrap_or_else(|e| {
            self.fail(e);
            0
        })
    }

    /// Reads the next argument if it is `word`, in whatever case.
    #[inline]
    pub fn take(&mut self, word: &str) -> bool {
        let is = self.peek().is_some_and(|b| b.eq_ignore_ascii_case(word.as_bytes()));
        self.at += usize::from(is);
        is
    }

    /// The next argument as one of `words`, in whatever case: its index. Latches a syntax error if it is none of them.
    pub fn one_of(&mut self, words: &[&str]) -> usize {
        let b = self.bytes();
        match words.iter().position(|w| b.eq_ignore_ascii_case(w.as_bytes())) {
            Some(i) => i,
            None => {
                self.fail(Error::Syntax);
                0
            }
        }
    }

    /// Whether an error is latched.
    pub fn failed(&self) -> bool {
        self.error.is_some()
    }

    /// The latched error, if any.
    ///
    /// # Errors
    /// The first thing that was wrong.
    #[inline]
    pub fn check(&mut self) -> Result {
        match self.error.take() {
            None => Ok(()),
            Some(e) => Err(e),
        }
    }

    /// Everything must have been read.
    ///
    /// # Errors
    /// The latched error, else a syntax error if an argument is left.
    #[inline]
    pub fn end(&mut self) -> Result {
        if self.left() > 0 {
            self.fail(Error::Syntax);
        }
        self.check()
    }
}
