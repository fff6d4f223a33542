//! Rows: the process, its logs, threads, directory, and who may do what is dangerous.

use super::super::directive::{Directive, Effect};
use super::super::rows::{boolean, choice, int, line, special, text};
use super::super::settings::{Access, LogFormat, LogLevel, OomScoreAdj, Supervised};
use super::super::special;

pub(super) const ROWS: &[Directive] = &[
    int("workers", "0", (0, 1024), |s| s.workers as i64, |s, n| s.workers = n as usize)
        .immutable()
        .then(Effect::Workers)
        .about("Worker threads; 0 is one a core"),
    special("shards", "0", special::shards_get, special::shards_set)
        .immutable()
        .then(Effect::Workers)
        .about("Shards a database, a power of two; 0 chooses by the number of workers"),
    boolean("daemonize", "no", |s| s.daemonize, |s, on| s.daemonize = on).immutable().about("Run in the background"),
    choice("supervised", "no", Supervised::WORDS, |s| s.supervised as usize, |s, i| s.supervised = Supervised::ALL[i])
        .immutable()
        .about("Supervisor to tell when the server is ready"),
    text("pidfile", "", |s| &s.pidfile, |s, t| s.pidfile = t.to_owned())
        .immutable()
        .about("File that holds the process id while the server runs"),
    choice("loglevel", "notice", LogLevel::WORDS, |s| s.loglevel as usize, |s, i| s.loglevel = LogLevel::ALL[i])
        .then(Effect::LogLevel)
        .about("Least severe event that is logged"),
    text("logfile", "", |s| &s.logfile, |s, t| s.logfile = t.to_owned())
        .immutable()
        .about("Log file; empty is standard output"),
    choice("log-format", "redis", LogFormat::WORDS, |s| s.log_format as usize, |s, i| s.log_format = LogFormat::ALL[i])
        .immutable()
        .about("Form of a log line: Redis's, or a JSON object"),
    boolean("always-show-logo", "no", |s| s.always_show_logo, |s, on| s.always_show_logo = on)
        .immutable()
        .about("Draw the logo at start even where the log is no terminal"),
    boolean("crash-log-enabled", "yes", |s| s.crash_log_enabled, |s, on| s.crash_log_enabled = on)
        .about("Write a report to the log on a crash"),
    boolean("set-proc-title", "yes", |s| s.set_proc_title, |s, on| s.set_proc_title = on)
        .immutable()
        .not_yet()
        .about("Show address and mode in the process list"),
    text(
        "proc-title-template",
        "{title} {listen-addr} {server-mode}",
        |s| &s.proc_title_template,
        |s, t| s.proc_title_template = t.to_owned(),
    )
    .not_yet()
    .checked(special::check_title)
    .about("What the process list shows"),
    choice(
        "oom-score-adj",
        "no",
        OomScoreAdj::WORDS,
        |s| s.oom_score_adj as usize,
        |s, i| s.oom_score_adj = OomScoreAdj::ALL[i],
    )
    .then(Effect::OomScore)
    .about("Whether to tell the kernel how readily to kill the server when memory runs out"),
    special("oom-score-adj-values", "0 200 800", special::oom_get, special::oom_set)
        .multi()
        .then(Effect::OomScore)
        .about("Out-of-memory scores as master, replica, background child"),
    special("dir", "", special::dir_get, special::dir_set)
        .protected()
        .then(Effect::Dir)
        .about("Working directory, where data files are"),
    text("dbfilename", "dump.rdb", |s| &s.dbfilename, |s, t| s.dbfilename = t.to_owned())
        .protected()
        .checked(special::check_dbfilename)
        .not_yet()
        .about("Name of the snapshot file"),
    special("save", "3600 1 300 100 60 10000", special::save_get, special::save_set)
        .multi()
        .accumulates()
        .lines(special::save_lines)
        .not_yet()
        .about("Snapshot after so many seconds if there were so many changes; \"\" is never"),
    choice(
        "enable-debug-command",
        "no",
        Access::WORDS,
        |s| s.enable_debug_command as usize,
        |s, i| s.enable_debug_command = Access::ALL[i],
    )
    .immutable()
    .about("Who may use DEBUG"),
    choice(
        "enable-protected-configs",
        "no",
        Access::WORDS,
        |s| s.enable_protected_configs as usize,
        |s, i| s.enable_protected_configs = Access::ALL[i],
    )
    .immutable()
    .about("Who may change dir and dbfilename"),
    choice(
        "enable-module-command",
        "no",
        Access::WORDS,
        |s| s.enable_module_command as usize,
        |s, i| s.enable_module_command = Access::ALL[i],
    )
    .immutable()
    .about("Who may use MODULE"),
    line("rename-command", special::rename_line).about("Gives a command another name; \"\" disables it"),
    line("user", special::user_line).not_yet().about("An ACL user and its rules"),
    line("loadmodule", special::module_line).not_yet().about("Loads a module"),
    line("sentinel", special::sentinel_line).about("Only of a sentinel: refused"),
    line("list-max-ziplist-entries", special::obsolete_line).about("Obsolete, ignored as Redis does"),
    line("list-max-ziplist-value", special::obsolete_line).about("Obsolete, ignored as Redis does"),
    line("lua-replicate-commands", special::obsolete_line).about("Obsolete, ignored as Redis does"),
];
