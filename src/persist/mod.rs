//! Redis's serialised form: what DUMP and FUNCTION DUMP hand out and RESTORE takes, and what its files are made of.
//!
//! Owns the format ([`payload`]: strings with their lengths, the footer with version and checksum). Bytes in, bytes out: it
//! must not know keys, commands, files or locks. What is read may come from anyone, so every length is checked against
//! what is there, and nothing is set aside for more than the bytes at hand can hold.

pub mod payload;
