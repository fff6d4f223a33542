//! Ostracon: a Redis-compatible in-memory server whose store is a vector of locked shards.
//!
//! This page is the architecture. The README says how to run it.
//!
//! # Layers
//!
//! Lowest first; a module imports strictly lower layers only (`tests/it/tidy.rs` checks it).
//!
//! | layer | owns |
//! | --- | --- |
//! | [`base`] | clock, numbers as text, glob, random numbers, hashing, hash tables, allocator size classes |
//! | [`resp`] | request parser, reply writer, owned reply value: bytes in, bytes out |
//! | [`types`] | what values mean and how they lie in memory: strings, bitmaps, HyperLogLogs, lists, hashes, sets, sorted sets, streams, geometry; no key, lock or wire |
//! | [`spec`] | what a command *is*: data that everything else is derived from |
//! | [`store`] | databases of shards, entries, ordered multi-lock, transactions on keys, effects, expiry, queues of clients that wait for keys |
//! | [`script`] | Lua: states, the sandbox and its libraries, conversions, the table of scripts; a script's commands go through one seam |
//! | [`config`], [`stats`], [`persist`], [`pubsub`], [`tracking`], [`cli`], [`daemon`], [`logging`] | one mechanism each |
//! | [`client`], [`server`] | a connection's state; the composition |
//! | [`commands`] | one file a family: a table of rows, the handlers below |
//! | [`exec`] | the pipeline: parse, look up, prefetch, gate, lock, run, commit, unlock, count, serve who waits |
//! | [`net`] | sockets, worker threads and their loops, connections, shutdown |
//!
//! # The life of one GET
//!
//! 1. `net/worker.rs`: the worker's epoll says that a socket is readable, and its connection has a turn:
//!    `net/connection.rs` reads the socket into the worker's buffer and calls [`exec::Worker::run`].
//! 2. `exec/mod.rs`: `run` lets the parser (`resp/request.rs`) find up to [`exec::BATCH`] whole commands in place,
//!    looks up their rows, hashes their keys ([`store::Store::hash`]), and prefetches first every key's table slot, then
//!    every key's entry. Past the caches this is the largest single gain there is.
//! 3. For each command `Worker::call` locks the key's shard ([`store::Store::begin_one`]; `store/tx.rs`) and hands the
//!    reading half of the transaction to the row's handler.
//! 4. `commands/string.rs`: `get` asks the transaction for the string and writes it into the reply buffer; a large
//!    value is shared, not copied.
//! 5. `exec/commit.rs` counts the hit, and would tell listeners had anything changed; the shard is unlocked.
//!    Of a long pipeline the next batch is parsed and its slots are on their way while this one runs.
//! 6. Back in `net/connection.rs` the replies of all batches go to the socket in one write, together with those of up to
//!    16 connections that were ready at the same time, so that a peer which has several of them is woken once.
//!
//! # Invariants
//!
//! - Only [`store::WriteTx`] changes a key (expiry goes through the same door), and only it writes
//!   [`store::Effects`]. Only `exec::commit` reads them, while the shards are held: the order of the journal is the
//!   order of application.
//! - Shards are locked in ascending order of (database, shard) and all at once ([`store::LockSet`]). While one is held
//!   there is no `.await`, no wait for a client, no other lock but leaf mutexes for a moment. `store` and `exec` are
//!   synchronous, so a guard cannot meet an `.await`.
//! - A reading handler gets a [`store::ReadTx`], which has no mutators: it is in the handler's type.
//! - What a command is stands in one row ([`commands::Row`]); arity, locks, gates, COMMAND, statistics and documentation
//!   are derived from it.
//! - Only `base/clock.rs` reads the time; a command has one time.
//! - Workers share the store and nothing else. What must reach a connection of another worker is left with the
//!   connection ([`client::Shared::post`], [`client::Shared::close`]), and its token in its worker's
//!   [`client::Mailbox`], which wakes a worker that sleeps.
//! - What is left for other clients while shards are held (a published message, a keyspace event) only notes whom to wake
//!   ([`store::Effects::calls`]); waking, which may be a system call, follows the unlocking ([`server::Server::tell`]), each
//!   worker once. A subscriber's inbox and socket together have a limit; a publisher never waits for it.
//! - A key that a tracking client reads is remembered while its shard is held, and who remembers it is told of a change
//!   while its shard is held; what lies in the client's inbox when its command holds its shards goes out before the
//!   reply (`exec/track.rs`). So an invalidation is never behind a reply that shows what came after it.
//! - A client that a command blocks ([`client::Blocked`]) runs nothing else. It goes on when it is woken or its deadline
//!   comes ([`exec::Worker::resume`]). An element is taken for it only with the shards of all its keys held, while it is
//!   known to be connected (`exec/block.rs`).
//! - A script's commands pass the gate, the transaction and the commit like a client's ([`script::Host`], which
//!   `exec/script.rs` implements). Whoever waits for a shard looks at intervals whether a busy script holds it and gives up
//!   then, so nothing of the server hangs on a script that does not end.
//! - A collection is an enum of owning pointers ([`types::Collection`]), so that an entry holds it in 8 bytes; a packed
//!   form ([`types::packed`]) while it is small, tables of at most 8192 entries ([`base::segmented`]) or a tree when it is
//!   large, so that no insertion moves more than one of them.
//! - `unsafe` stands in `base/table.rs`, `base/segmented.rs`, `store/entry.rs`, `store/kinds.rs` and where the types
//!   lay out memory (`types/`), tested against models under AddressSanitizer, and in the few lines that name
//!   themselves with `allow(unsafe_code)`.
//!
//! # Threads
//!
//! The main thread accepts connections, hears signals and drives the periodic work (active expiry, time-outs, samples).
//! Each worker thread is a loop over its epoll (`net/worker.rs`): connections whose sockets are ready, which other threads
//! have left something for, whose deadlines have come, or which had work left, have a turn each, of bounded length. A
//! background thread frees large values in small pieces ([`base::pace`]), another writes the log. Only the main thread has an
//! async runtime.
#![warn(missing_docs)]
pub mod base;
pub mod cli;
pub mod client;
pub mod commands;
pub mod config;
pub mod daemon;
pub mod exec;
pub mod logging;
pub mod net;
pub mod persist;
pub mod pubsub;
pub mod resp;
pub mod script;
pub mod server;
pub mod spec;
pub mod stats;
pub mod store;
pub mod tracking;
pub mod types;
