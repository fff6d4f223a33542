//! The RESP protocol: bytes in, bytes out.
//!
//! Owns the request parser ([`request`]), the reply writer ([`reply`]) and an owned reply value ([`value`]). Knows no
//! socket, command, store or clock, so that every split of a stream and every malformed byte can be tested and fuzzed
//! in memory.
//!
//! The split follows the direction of the bytes: [`args`] is what the parser hands to a command, [`inline`] is the
//! rarely used second request syntax, [`out`] is the buffer that replies are written to.

pub mod args;
pub mod inline;
pub mod out;
pub mod reply;
pub mod request;
pub mod value;
