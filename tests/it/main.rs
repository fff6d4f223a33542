//! The integration tests: one binary, one file a family, all on the harness in `support`.
//!
//! Every case runs on our server and, where `redis-server` is installed, on that too, which is how a case is known to
//! be right. Environment:
//! - `OSTRACON_TEST_ON` = `both` (default), `ours` or `oracle`: the servers that the cases run on.
//! - `OSTRACON_REQUIRE_ORACLE`: fail, instead of saying `SKIPPED`, when `redis-server` is not installed.
//! - `OSTRACON_BLESS`: rows of a table that have no expectation yet get the oracle's reply, written into the source
//!   file; to be read and judged by a person before they are committed.
// Test helpers outside `#[test]` functions: a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

mod support;

mod bitmaps;
mod blocking;
mod clients;
mod connection;
mod differential;
mod functions;
mod generic;
mod geo;
mod hashes;
mod hyperloglog;
mod invariants;
mod lists;
mod notifications;
mod pause;
mod protocol;
mod pubsub;
mod readme;
mod script_cases;
mod scripts;
mod server;
mod sets;
mod shards;
mod sort;
mod sorted_sets;
mod streams;
mod streams_groups;
mod strings;
mod tidy;
mod tracking;
mod transactions;
