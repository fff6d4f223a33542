//! The command line: what the process was asked to do, and the texts it prints about itself.
//!
//! Owns arguments, version, help and banner. Flags are turned into config lines, exactly as Redis does, so that one
//! parser reads both. Knows the configuration's table, and nothing of what is served.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::config::{DIRECTIVES, LoadError, Loaded, Loader, Mutability, Settings, quote};

/// What the process was asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Serve, with the configuration from these sources.
    Serve(Sources),
    /// Load these sources, report, exit: 0 where they are good, 1 where not.
    Check(Sources),
    /// Print the version line.
    Version,
    /// Print the help.
    Help,
    /// Print this on standard error and exit with 1.
    Refuse(String),
}

/// Where configuration comes from, in order of reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The config file.
    pub file: Option<PathBuf>,
    /// Whether standard input is read after it.
    pub stdin: bool,
    /// The flags, as config lines.
    pub flags: String,
}

/// Reads the arguments, without the program's name.
pub fn parse(arguments: &[String]) -> Command {
    let mut rest: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match rest.first() {
        Some(&"-v" | &"--version") => return Command::Version,
        Some(&"-h" | &"--help") => return Command::Help,
        Some(&flag @ ("--test-memory" | "--check-system")) => {
            return Command::Refuse(format!(
                "{flag} is not offered: memtester and the start-up warnings do that work."
            ));
        }
        _ => {}
    }
    let check = rest.contains(&"--check-config");
    rest.retain(|&word| word != "--check-config");
    let mut sources = Sources::default();
    if rest.first() == Some(&"-") {
        sources.stdin = true;
        rest.remove(0);
    } else if rest.first().is_some_and(|word| !word.starts_with('-')) {
        sources.file = Some(PathBuf::from(rest.remove(0)));
    }
    if rest.last() == Some(&"-") {
        sources.stdin = true;
        rest.pop();
    }
    sources.flags = flag_lines(&rest);
    if check { Command::Check(sources) } else { Command::Serve(sources) }
}

/// The flags as lines: `--port 7000 --bind a b` is `port "7000"` and `bind "a" "b"`.
///
/// The word after a flag is its value, dashes or not; from the second on, a word with dashes is the next flag. Only
/// `--save` may stand alone: it is `save ""`. The first line is empty, so that the first flag is reported as line 2.
fn flag_lines(words: &[&str]) -> String {
    let mut text = String::new();
    let mut values = 0;
    let mut name = "";
    for word in words {
        let awaits_value = !name.is_empty() && values == 0 && !name.eq_ignore_ascii_case("save");
        match word.strip_prefix("--") {
            Some(flag) if !awaits_value => {
                end_flag(&mut text, name, values);
                text.push('\n');
                text.push_str(flag);
                name = flag;
                values = 0;
            }
            _ => {
                text.push_str(if text.is_empty() { "\n" } else { " " });
                text.push_str(&quote::quote(word));
                values += 1;
            }
        }
    }
    end_flag(&mut text, name, values);
    text
}

fn end_flag(text: &mut String, name: &str, values: usize) {
    if values == 0 && name.eq_ignore_ascii_case("save") {
        text.push_str(" \"\"");
    }
}

/// Loads the sources: file, then `stdin` where asked for, then flags.
pub fn load(sources: &Sources, mut stdin: impl Read) -> Result<Loaded, LoadError> {
    let mut loader = Loader::new();
    if let Some(file) = &sources.file {
        loader.file(file)?;
    }
    if sources.stdin {
        let mut bytes = Vec::new();
        stdin.read_to_end(&mut bytes).map_err(|e| LoadError::Open { path: "-".to_owned(), message: e.to_string() })?;
        loader.text("standard input", &String::from_utf8_lossy(&bytes))?;
    }
    loader.text("the command line", &sources.flags)?;
    loader.finish()
}

/// The line of `--version`.
pub fn version_line() -> String {
    format!(
        "Ostracon server v={} redis={} malloc=jemalloc bits={} arch={}",
        env!("CARGO_PKG_VERSION"),
        crate::config::REDIS_VERSION,
        usize::BITS,
        std::env::consts::ARCH
    )
}

/// The text of `--help`: how to call the server, and every directive with its default and meaning.
pub fn help() -> String {
    let mut text = String::from(
        "Ostracon: a Redis-compatible server that runs commands on every core\n\n\
         usage: ostracon [CONFIG-FILE | -] [--DIRECTIVE VALUE...]... [-]\n       \
         ostracon --check-config [CONFIG-FILE | -] [--DIRECTIVE VALUE...]...\n       \
         ostracon --version | --help\n\n\
         A config file has the lines of a redis.conf; - reads such lines from standard input.\n\
         Every directive is also a flag, read after the file:\n\n    \
         ostracon --port 7000 --save 900 1 --save 60 1000\n    \
         ostracon /etc/redis/redis.conf --loglevel verbose\n    \
         echo 'maxclients 500' | ostracon -\n\n\
         Directives, with defaults; = cannot change while running:\n\n",
    );
    for directive in DIRECTIVES.iter().filter(|d| !d.later && !d.hidden) {
        let fixed = if directive.mutability == Mutability::Immutable { '=' } else { ' ' };
        let default = if directive.default.is_empty() { "\"\"" } else { directive.default };
        let default = if directive.file_only { "" } else { default };
        text.push_str(&format!("{fixed} {} {default}\n      {}\n", directive.name, directive.summary));
    }
    text.push_str("\nAccepted and kept, but without effect in this release:\n\n");
    let later: Vec<&str> = DIRECTIVES.iter().filter(|d| d.later && !d.hidden).map(|d| d.name).collect();
    for names in later.chunks(3) {
        text.push_str(&format!("  {}\n", names.join(", ")));
    }
    text
}

/// The README's table of directives, in Markdown.
pub fn directives_markdown() -> String {
    let mut text = String::from("| directive | default | at run time | meaning |\n| --- | --- | --- | --- |\n");
    for d in DIRECTIVES.iter().filter(|d| !d.hidden) {
        let change = match d.mutability {
            _ if d.file_only => "file only",
            Mutability::Modifiable => "yes",
            Mutability::Immutable => "no",
            Mutability::Protected => "protected",
        };
        let later = if d.later { " (no effect yet)" } else { "" };
        let default = if d.default.is_empty() { String::new() } else { format!("`{}`", d.default) };
        text.push_str(&format!("| `{}` | {default} | {change} | {}{later} |\n", d.name, d.summary));
    }
    text
}

/// The facts in the banner.
#[derive(Clone, Copy, Debug)]
pub struct BannerFacts {
    /// The process id.
    pub pid: u32,
    /// Worker threads.
    pub workers: usize,
    /// Shards a database.
    pub shards: usize,
}

/// A potsherd with something scratched into it.
const SHERD: [&str; 9] = [
    r"        __.-----.__        ",
    r"    _.-'  .  .     '-._    ",
    r"   /   |  /  |_  |/    '.  ",
    r"  |  . | /   |   |\  .   \ ",
    r"  |                   .  / ",
    r"   \   o s t r a c o n  (  ",
    r"    )  .         .      /  ",
    r"   (____.--.__     _.--'   ",
    r"              '---'        ",
];

/// The banner: the drawing, with version, mode, port, process id, cores and shards beside it.
pub fn banner(settings: &Settings, facts: BannerFacts) -> String {
    let port = if settings.port == 0 { "none".to_owned() } else { settings.port.to_string() };
    let beside = [
        String::new(),
        format!("Ostracon {} ({} bit)", env!("CARGO_PKG_VERSION"), usize::BITS),
        format!("speaks Redis {}", crate::config::REDIS_VERSION),
        "Running in standalone mode".to_owned(),
        format!("Port: {port}"),
        format!("PID: {}", facts.pid),
        format!("Workers: {}", facts.workers),
        format!("Shards: {}", facts.shards),
        String::new(),
    ];
    let lines: Vec<String> =
        SHERD.iter().zip(beside).map(|(sherd, fact)| format!("{sherd}  {fact}").trim_end().to_owned()).collect();
    format!("\n{}\n", lines.join("\n"))
}

/// Whether the banner is drawn: as Redis does, only where the log goes to a terminal, or where it is asked for.
pub fn shows_banner(settings: &Settings, stdout_is_terminal: bool) -> bool {
    let plain_terminal = stdout_is_terminal && settings.logfile.is_empty() && !settings.daemonize;
    settings.always_show_logo || plain_terminal
}

/// The report of `--check-config`: what was read, and the warnings. Exit status is the caller's: 0.
pub fn check_report(loaded: &Loaded) -> String {
    let from = loaded.file.as_deref().unwrap_or(Path::new("flags and defaults")).display();
    let mut text = format!("Configuration is good: {from}\n");
    for warning in &loaded.warnings {
        text.push_str(warning);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        quote::split(line).unwrap()
    }

    fn error(line: &str) -> String {
        let Command::Serve(sources) = parse(&words(line)) else { panic!("{line}") };
        load(&sources, std::io::empty()).unwrap_err().to_string()
    }

    #[test]
    fn commands() {
        assert_eq!(parse(&words("-v")), Command::Version);
        assert_eq!(parse(&words("--help")), Command::Help);
        assert!(matches!(parse(&words("--test-memory 5")), Command::Refuse(_)));
        let sources = Sources { file: Some("a.conf".into()), stdin: true, flags: "\nport \"1\"".into() };
        assert_eq!(parse(&words("a.conf --port 1 -")), Command::Serve(sources.clone()));
        assert_eq!(parse(&words("a.conf --check-config --port 1 -")), Command::Check(sources));
        let sources = Sources { stdin: true, ..Sources::default() };
        assert_eq!(parse(&words("-")), Command::Serve(sources));
    }

    #[test]
    fn flags_become_lines() {
        let cases = [
            ("--port 1 --bind a b", "\nport \"1\"\nbind \"a\" \"b\""),
            ("--save 900 1 --save ''", "\nsave \"900\" \"1\"\nsave \"\""),
            ("--save --port 1", "\nsave \"\"\nport \"1\""),
            ("--save", "\nsave \"\""),
            ("--daemonize --nosuch 1", "\ndaemonize \"--nosuch\" \"1\""),
            ("--port=1", "\nport=1"),
            ("-x", "\n\"-x\""),
        ];
        for (line, want) in cases {
            let words = words(line);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            assert_eq!(flag_lines(&words), want, "{line}");
        }
    }

    #[test]
    fn errors_are_reported_as_redis_does() {
        let head = "\n*** FATAL CONFIG FILE ERROR (Redis 7.2.4) ***\nReading the configuration file, at line";
        let cases = [
            ("--port", "2\n>>> 'port'\nwrong number of arguments"),
            ("--port abc", "2\n>>> 'port \"abc\"'\nargument couldn't be parsed into an integer"),
            ("--nosuch 1", "2\n>>> 'nosuch \"1\"'\nBad directive or wrong number of arguments"),
            (
                "--port 7799 --save 900 1 --save '' --nosuch",
                "5\n>>> 'nosuch'\nBad directive or wrong number of arguments",
            ),
            ("-x", "2\n>>> '\"-x\"'\nBad directive or wrong number of arguments"),
        ];
        for (line, want) in cases {
            assert_eq!(error(line), format!("{head} {want}\n(in the command line)"), "{line}");
        }
    }

    #[test]
    fn sources_are_read_in_order() {
        let Command::Serve(sources) = parse(&words("- --port 3 --client-output-buffer-limit \"normal 1mb 0 0\""))
        else {
            panic!()
        };
        let loaded = load(&sources, &b"port 2\ntimeout 9\n"[..]).unwrap();
        assert_eq!((loaded.settings.port, loaded.settings.timeout), (3, 9));
        assert_eq!(loaded.settings.client_output_buffer_limit.normal.hard, 1 << 20);
    }

    #[test]
    fn texts_name_what_they_must() {
        assert!(version_line().starts_with("Ostracon server v="));
        let help = help();
        for directive in DIRECTIVES.iter().filter(|d| !d.hidden) {
            assert!(help.contains(directive.name), "{}", directive.name);
            assert!(directives_markdown().contains(&format!("| `{}` |", directive.name)));
        }
        let banner = banner(&Settings::default(), BannerFacts { pid: 77, workers: 2, shards: 64 });
        for part in ["6379", "77", "Workers: 2", "Shards: 64"] {
            assert!(banner.contains(part), "{part}");
        }
    }

    #[test]
    fn the_banner_keeps_out_of_log_files() {
        let mut settings = Settings::default();
        assert!(shows_banner(&settings, true));
        assert!(!shows_banner(&settings, false));
        settings.logfile = "x".into();
        assert!(!shows_banner(&settings, true));
        settings.always_show_logo = true;
        assert!(shows_banner(&settings, false));
    }
}
