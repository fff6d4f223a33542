//! Text to number and number to text, exactly as clients of Redis see it.
//!
//! Owns the accepted spellings of integers ([`parse_i64`]), doubles ([`parse_f64`]), extended floats ([`LongDouble`])
//! and memory sizes ([`parse_memory`]), and the printed form of each. It must not know which command asks, nor the
//! error text for a bad number. A file a kind of number, because each has its own rules.

mod float;
mod general;
mod int;
mod long_double;
mod memory;

pub use float::{format_f64, parse_f64};
pub use general::format_general;
pub use int::{parse_i64, parse_u64, parse_u64_lenient, write_i64, write_u64};
pub use long_double::LongDouble;
pub use memory::{human_bytes, parse_memory};
