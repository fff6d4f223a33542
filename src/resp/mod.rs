//! The RESP protocol: bytes in, bytes out.
//!
//! Owns the request parser ([`request`]), the reply writer ([`reply`]) and an owned reply value ([`value`]). Knows no
//! socket, command, store or clock, so that every split of a stream and every malformed byte can be tested and fuzzed
//! in memory.
//!
//! The parser is in four parts: `scan` reads the syntax, `partial` remembers what was cut off, `inline` splits the
//! rarely used second request syntax, [`args`] is what a command is handed. [`out`] is the buffer that replies are
//! written to.

pub mod args;
mod inline;
pub mod out;
mod partial;
pub mod reply;
pub mod request;
mod scan;
pub mod value;

pub use args::{ArgBuffer, ArgRange, ArgView, BIG_ARG, Batch, CommandSpan, OwnedCommand};
pub use out::{Mark, OutBuf, SHARE_MIN};
pub use reply::{Deferred, Proto, Reply};
pub use request::{BigTarget, Limits, Parsed, Parser, ProtocolError, Status};
