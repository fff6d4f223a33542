//! The directives with a grammar of their own: reading, printing, and their lines in a rewritten file.
//!
//! Functions only, named by the rows of the table. Every setter leaves the settings alone when it refuses.

use std::path::{Path, PathBuf};

use crate::base::num::{parse_i64, parse_memory};

use super::notify;
use super::settings::{OutputLimit, OutputLimits, SavePoint, Settings};

/// Addresses that `bind` takes at most.
const BIND_ADDRESSES_MAX: usize = 16;

pub(super) fn bind_get(s: &Settings) -> String {
    s.bind.join(" ")
}

pub(super) fn bind_set(s: &mut Settings, words: &[&str]) -> Result<(), String> {
    if words.len() > BIND_ADDRESSES_MAX {
        return Err("Too many bind addresses specified.".to_owned());
    }
    s.bind = words.iter().map(|&w| w.to_owned()).collect();
    Ok(())
}

pub(super) fn bind_lines(s: &Settings) -> Vec<String> {
    vec![if s.bind.is_empty() { "\"\"".to_owned() } else { bind_get(s) }]
}

pub(super) fn output_limits_get(s: &Settings) -> String {
    let classes = classes(&s.client_output_buffer_limit);
    let text = classes.map(|(name, l)| format!("{name} {} {} {}", l.hard, l.soft, l.soft_seconds));
    text.join(" ")
}

fn classes(limits: &OutputLimits) -> [(&'static str, OutputLimit); 3] {
    [("normal", limits.normal), ("slave", limits.replica), ("pubsub", limits.pubsub)]
}

pub(super) fn output_limits_set(s: &mut Settings, words: &[&str]) -> Result<(), String> {
    if !words.len().is_multiple_of(4) {
        return Err("Wrong number of arguments in buffer limit configuration.".to_owned());
    }
    let mut limits = s.client_output_buffer_limit;
    for four in words.chunks_exact(4) {
        let class = match four[0].to_ascii_lowercase().as_str() {
            "normal" => &mut limits.normal,
            "slave" | "replica" => &mut limits.replica,
            "pubsub" => &mut limits.pubsub,
            _ => {
                return Err("Invalid client class specified in buffer limit configuration.".to_owned());
            }
        };
        let seconds = parse_i64(four[3].as_bytes()).and_then(|n| u64::try_from(n).ok());
        match (parse_memory(four[1]), parse_memory(four[2]), seconds) {
            (Some(hard), Some(soft), Some(soft_seconds)) => *class = OutputLimit { hard, soft, soft_seconds },
            _ => {
                return Err("Error in hard, soft or soft_seconds setting in buffer limit configuration.".to_owned());
            }
        }
    }
    s.client_output_buffer_limit = limits;
    Ok(())
}

pub(super) fn output_limits_lines(s: &Settings) -> Vec<String> {
    classes(&s.client_output_buffer_limit)
        .map(|(name, l)| {
            let name = if name == "slave" { "replica" } else { name };
            format!("{name} {} {} {}", bytes_text(l.hard), bytes_text(l.soft), l.soft_seconds)
        })
        .to_vec()
}

/// Bytes in the largest unit that divides them, as a rewritten file has them: `256mb`.
pub(super) fn bytes_text(bytes: u64) -> String {
    for (shift, unit) in [(30, "gb"), (20, "mb"), (10, "kb")] {
        if bytes > 0 && bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

pub(super) fn save_get(s: &Settings) -> String {
    let points: Vec<String> = s.save.iter().map(|p| format!("{} {}", p.seconds, p.changes)).collect();
    points.join(" ")
}

pub(super) fn save_set(s: &mut Settings, words: &[&str]) -> Result<(), String> {
    let bad = || "Invalid save parameters".to_owned();
    if !words.len().is_multiple_of(2) {
        return Err(bad());
    }
    let mut points = Vec::with_capacity(words.len() / 2);
    for pair in words.chunks_exact(2) {
        let seconds = parse_i64(pair[0].as_bytes()).filter(|&n| n >= 1).ok_or_else(bad)?;
        let changes = parse_i64(pair[1].as_bytes()).filter(|&n| n >= 0).ok_or_else(bad)?;
        points.push(SavePoint { seconds: seconds.unsigned_abs(), changes: changes.unsigned_abs() });
    }
    s.save = points;
    Ok(())
}

pub(super) fn save_lines(s: &Settings) -> Vec<String> {
    if s.save.is_empty() {
        return vec!["\"\"".to_owned()];
    }
    s.save.iter().map(|p| format!("{} {}", p.seconds, p.changes)).collect()
}

pub(super) fn oom_get(s: &Settings) -> String {
    s.oom_score_adj_values.map(|n| n.to_string()).join(" ")
}

pub(super) fn oom_set(s: &mut Settings, words: &[&str]) -> Result<(), String> {
    if words.len() != 3 {
        return Err("wrong number of arguments".to_owned());
    }
    let mut values = [0; 3];
    for (value, word) in values.iter_mut().zip(words) {
        let n = parse_i64(word.as_bytes()).filter(|n| (-2000..=2000).contains(n));
        *value = n.ok_or("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")? as i32;
    }
    s.oom_score_adj_values = values;
    Ok(())
}

pub(super) fn percentiles_get(s: &Settings) -> String {
    let texts: Vec<String> = s.latency_tracking_info_percentiles.iter().map(f64::to_string).collect();
    texts.join(" ")
}

pub(super) fn percentiles_set(s: &mut Settings, words: &[&str]) -> Result<(), String> {
    let mut percentiles = Vec::with_capacity(words.len());
    for word in words {
        let Ok(p) = word.parse::<f64>() else {
            return Err("Invalid latency-tracking-info-percentiles parameters".to_owned());
        };
        if !(0.0..=100.0).contains(&p) {
            return Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]".to_owned());
        }
        percentiles.push(p);
    }
    s.latency_tracking_info_percentiles = percentiles;
    Ok(())
}

pub(super) fn notify_get(s: &Settings) -> String {
    notify::to_text(s.notify_keyspace_events)
}

pub(super) fn notify_set(s: &mut Settings, words: &[&str]) -> Result<(), String> {
    let text = words.first().copied().unwrap_or_default();
    s.notify_keyspace_events =
        notify::from_text(text).ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")?;
    Ok(())
}

pub(super) fn notify_lines(s: &Settings) -> Vec<String> {
    vec![format!("\"{}\"", notify_get(s))]
}

pub(super) fn shards_get(s: &Settings) -> String {
    s.shards.to_string()
}

/// Shards a database at most: 16 bits of the hash.
const SHARDS_MAX: i64 = 65536;

pub(super) fn shards_set(s: &mut Settings, words: &[&str]) -> Result<(), String> {
    let word = words.first().copied().unwrap_or_default();
    let n = parse_i64(word.as_bytes()).ok_or("argument couldn't be parsed into an integer")?;
    if !(0..=SHARDS_MAX).contains(&n) {
        return Err(format!("argument must be between 0 and {SHARDS_MAX} inclusive"));
    }
    if n != 0 && !n.unsigned_abs().is_power_of_two() {
        return Err("argument must be 0 or a power of two".to_owned());
    }
    s.shards = n as usize;
    Ok(())
}

pub(super) fn dir_get(s: &Settings) -> String {
    if !s.dir.is_empty() {
        return s.dir.clone();
    }
    std::env::current_dir().map(|dir| dir.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Resolves against the directory set before, as a `chdir` a line would. Entering it is the server's step.
pub(super) fn dir_set(s: &mut Settings, words: &[&str]) -> Result<(), String> {
    let word = words.first().copied().unwrap_or_default();
    if word.is_empty() {
        // Only the default is empty: the directory the server was started in.
        s.dir.clear();
        return Ok(());
    }
    let path: PathBuf = Path::new(&s.dir).join(word);
    let path = std::fs::canonicalize(&path).map_err(|e| os_text(&e))?;
    if !path.is_dir() {
        return Err("Not a directory".to_owned());
    }
    s.dir = path.to_string_lossy().into_owned();
    Ok(())
}

/// The system's text of an error, without the number that std appends.
pub(super) fn os_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

fn check_name(text: &str, name: &str) -> Result<(), String> {
    let base = Path::new(text).file_name().and_then(|n| n.to_str());
    if base == Some(text) { Ok(()) } else { Err(format!("{name} can't be a path, just a filename")) }
}

pub(super) fn check_dbfilename(text: &str) -> Result<(), String> {
    check_name(text, "dbfilename")
}

pub(super) fn check_appendfilename(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("appendfilename can't be empty".to_owned());
    }
    check_name(text, "appendfilename")
}

pub(super) fn check_appenddirname(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("appenddirname can't be empty".to_owned());
    }
    if text.contains('/') { Err("appenddirname can't be a path, just a dirname".to_owned()) } else { Ok(()) }
}

/// Variables that a process title may use.
const TITLE_VARIABLES: [&str; 7] =
    ["title", "listen-addr", "server-mode", "port", "tls-port", "unixsocket", "config-file"];

pub(super) fn check_title(text: &str) -> Result<(), String> {
    let bad = || "template format is invalid or contains unknown variables".to_owned();
    let mut rest = text;
    if text.trim().is_empty() {
        return Err(bad());
    }
    while let Some(open) = rest.find('{') {
        let tail = &rest[open + 1..];
        let close = tail.find('}').ok_or_else(bad)?;
        if !TITLE_VARIABLES.contains(&&tail[..close]) {
            return Err(bad());
        }
        rest = &tail[close + 1..];
    }
    Ok(())
}

pub(super) fn check_hostname(text: &str) -> Result<(), String> {
    if text.len() >= 256 {
        return Err("Hostnames must be less than 256 characters".to_owned());
    }
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if text.chars().all(good) {
        Ok(())
    } else {
        Err("Hostnames may only contain alphanumeric characters, hyphens or dots".to_owned())
    }
}

pub(super) fn check_nodename(text: &str) -> Result<(), String> {
    if text.len() >= 256 {
        return Err("Announced human node name must be less than 256 characters".to_owned());
    }
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.' || c == '_';
    if text.chars().all(good) {
        Ok(())
    } else {
        Err("Announced human node name contained invalid character".to_owned())
    }
}

pub(super) fn no_defrag(on: bool) -> Result<(), String> {
    if on { Err("Active defragmentation cannot be enabled: this server does not have it".to_owned()) } else { Ok(()) }
}

/// Bytes of the smallest replication backlog.
const BACKLOG_BYTES_MIN: u64 = 16 * 1024;

pub(super) fn backlog_size(bytes: u64) -> u64 {
    bytes.max(BACKLOG_BYTES_MIN)
}

pub(super) fn replicaof(words: &[&str]) -> Result<String, String> {
    match words {
        [] => Ok(String::new()),
        [no, one] if no.eq_ignore_ascii_case("no") && one.eq_ignore_ascii_case("one") => Ok(String::new()),
        [host, port] => match parse_i64(port.as_bytes()) {
            Some(0..=65535) => Ok(format!("{host} {port}")),
            _ => Err("Invalid master port".to_owned()),
        },
        _ => Err("wrong number of arguments".to_owned()),
    }
}

/// The refusal of a line whose keyword or number of words is wrong.
pub(super) const BAD_DIRECTIVE: &str = "Bad directive or wrong number of arguments";

pub(super) fn rename_line(s: &mut Settings, words: &[&str]) -> Result<(), String> {
    let [old, new] = words else {
        return Err(BAD_DIRECTIVE.to_owned());
    };
    s.renamed_commands.push(((*old).to_owned(), (*new).to_owned()));
    Ok(())
}

pub(super) fn user_line(s: &mut Settings, words: &[&str]) -> Result<(), String> {
    if words.is_empty() {
        return Err(BAD_DIRECTIVE.to_owned());
    }
    s.users.push(words.iter().map(|&w| w.to_owned()).collect());
    Ok(())
}

pub(super) fn module_line(_: &mut Settings, words: &[&str]) -> Result<(), String> {
    if words.is_empty() { Err(BAD_DIRECTIVE.to_owned()) } else { Ok(()) }
}

pub(super) fn sentinel_line(_: &mut Settings, _: &[&str]) -> Result<(), String> {
    Err("sentinel directive while not in sentinel mode".to_owned())
}

pub(super) fn obsolete_line(_: &mut Settings, words: &[&str]) -> Result<(), String> {
    if words.len() == 1 { Ok(()) } else { Err(BAD_DIRECTIVE.to_owned()) }
}
