//! Reading configuration: files, standard input, and the command line turned into lines.
//!
//! Owns the line format, `include`, and the report of what is wrong where. Everything arrives as text lines, the
//! flags too, because Redis reads them so and reports them so. Knows no directive by name but `include`.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};

use super::directive::Directive;
use super::quote;
use super::settings::Settings;
use super::special::{BAD_DIRECTIVE, os_text};
use super::table::find;
use crate::base::glob::glob_match;

/// Files that may include one another in a chain.
const INCLUDE_DEPTH_MAX: usize = 16;

/// Why a configuration was refused. Its `Display` is what the server prints before it exits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// A line is wrong.
    Line {
        /// The file, `stdin`, or `command line`.
        source: String,
        /// Counted from 1.
        line: usize,
        /// The line, trimmed.
        text: String,
        /// What is wrong with it.
        message: String,
    },
    /// A file cannot be read.
    Open {
        /// The file.
        path: String,
        /// The system's reason.
        message: String,
    },
    /// The lines are good but do not go together.
    Whole(String),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEAD: &str = "\n*** FATAL CONFIG FILE ERROR (Redis 7.2.4) ***";
        match self {
            LoadError::Line { source, line, text, message } => write!(
                f,
                "{HEAD}\nReading the configuration file, at line {line}\n>>> '{text}'\n{message}\n(in {source})"
            ),
            LoadError::Open { path, message } => {
                write!(f, "Fatal error, can't open config file '{path}': {message}")
            }
            LoadError::Whole(message) => write!(f, "{HEAD}\n{message}"),
        }
    }
}

impl std::error::Error for LoadError {}

/// What a load gives.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings: defaults, then the file, then standard input, then the flags.
    pub settings: Settings,
    /// One line for every directive that was set to something this release does not act on.
    pub warnings: Vec<String>,
    /// The main file, absolute, for CONFIG REWRITE and INFO.
    pub file: Option<PathBuf>,
}

/// Builds settings from sources, in the order in which they are given.
#[derive(Debug, Default)]
pub struct Loader {
    settings: Settings,
    file: Option<PathBuf>,
    /// Words so far of directives whose lines add up.
    sums: HashMap<&'static str, Vec<String>>,
    /// Names of the directives that were met.
    met: BTreeSet<&'static str>,
}

impl Loader {
    /// Starts from the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the main file, and what it includes.
    pub fn file(&mut self, path: &Path) -> Result<(), LoadError> {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.read(&absolute, &mut Vec::new())?;
        self.file = Some(absolute);
        Ok(())
    }

    /// Reads lines that are in no file; `source` names them in errors.
    pub fn text(&mut self, source: &str, text: &str) -> Result<(), LoadError> {
        self.lines(source, text, &mut Vec::new())
    }

    /// The settings so far, without the checks of [`Self::finish`].
    #[cfg(test)]
    pub(super) fn into_settings(self) -> Settings {
        self.settings
    }

    /// Ends the load: checks what concerns several directives, collects the warnings.
    pub fn finish(self) -> Result<Loaded, LoadError> {
        let value = |name: &str| find(name).map(|d| d.get(&self.settings)).unwrap_or_default();
        if value("cluster-enabled") == "yes" && !value("replicaof").is_empty() {
            return Err(LoadError::Whole("replicaof directive not allowed in cluster mode".to_owned()));
        }
        let warnings = self.met.iter().filter_map(|name| warning(find(name)?, &self.settings)).collect();
        Ok(Loaded { settings: self.settings, warnings, file: self.file })
    }

    fn read(&mut self, path: &Path, chain: &mut Vec<PathBuf>) -> Result<(), LoadError> {
        let shown = path.display().to_string();
        let open_error = |message: String| LoadError::Open { path: shown.clone(), message };
        let bytes = std::fs::read(path).map_err(|e| open_error(os_text(&e)))?;
        let real = std::fs::canonicalize(path).map_err(|e| open_error(os_text(&e)))?;
        if chain.contains(&real) {
            return Err(open_error("it includes itself".to_owned()));
        }
        if chain.len() >= INCLUDE_DEPTH_MAX {
            return Err(open_error(format!("more than {INCLUDE_DEPTH_MAX} files include one another")));
        }
        chain.push(real);
        self.lines(&format!("'{shown}'"), &String::from_utf8_lossy(&bytes), chain)?;
        chain.pop();
        Ok(())
    }

    fn lines(&mut self, source: &str, text: &str, chain: &mut Vec<PathBuf>) -> Result<(), LoadError> {
        for (index, line) in text.split('\n').enumerate() {
            let line = line.trim_matches([' ', '\t', '\r', '\n']);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |message: String| LoadError::Line {
                source: source.to_owned(),
                line: index + 1,
                text: line.to_owned(),
                message,
            };
            let Some(words) = quote::split(line) else {
                return Err(wrong("Unbalanced quotes in configuration line".to_owned()));
            };
            match words.as_slice() {
                [] => {}
                [keyword, pattern] if keyword.eq_ignore_ascii_case("include") => {
                    for path in expand(pattern) {
                        self.read(&path, chain)?;
                    }
                }
                [keyword, values @ ..] => self.directive(keyword, values).map_err(wrong)?,
            }
        }
        Ok(())
    }

    fn directive(&mut self, keyword: &str, values: &[String]) -> Result<(), String> {
        let directive = find(keyword).ok_or(BAD_DIRECTIVE)?;
        let summed;
        let values = if directive.accumulates {
            summed = self.sum(directive, values);
            &summed
        } else {
            values
        };
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        directive.set(&mut self.settings, &values)?;
        self.met.insert(directive.name);
        Ok(())
    }

    /// The words of this line after those of the lines before; a line of nothing starts afresh.
    fn sum(&mut self, directive: &Directive, values: &[String]) -> Vec<String> {
        let words = values.iter().flat_map(|v| v.split(' ')).filter(|v| !v.is_empty()).map(str::to_owned);
        let sum = self.sums.entry(directive.name).or_default();
        let before = sum.len();
        sum.extend(words);
        if sum.len() == before {
            sum.clear();
        }
        sum.clone()
    }
}

/// The one line that tells of a directive without effect.
fn warning(directive: &Directive, settings: &Settings) -> Option<String> {
    if !directive.later {
        return None;
    }
    let name = directive.name;
    if directive.file_only {
        return Some(format!("WARNING: '{name}' has no effect: this release of Ostracon does not have it."));
    }
    let value = directive.get(settings);
    // A schedule of no snapshots asks for nothing, so nothing is missing.
    let asks_nothing = value == directive.default || (name == "save" && value.is_empty());
    (!asks_nothing).then(|| {
        format!("WARNING: '{name}' is set, but this release of Ostracon does not act on it: the value is kept.")
    })
}

/// The files that an include names. Without a glob character that is the name itself, there or not.
fn expand(pattern: &str) -> Vec<PathBuf> {
    if !pattern.contains(['*', '?', '[']) {
        return vec![PathBuf::from(pattern)];
    }
    let start = if pattern.starts_with('/') { PathBuf::from("/") } else { PathBuf::new() };
    let mut paths = vec![start];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        paths = paths.iter().flat_map(|path| step(path, part)).collect();
    }
    paths.retain(|path| path.is_file());
    paths.sort();
    paths
}

/// One step down from `path` by one part of a pattern.
fn step(path: &Path, part: &str) -> Vec<PathBuf> {
    if !part.contains(['*', '?', '[']) {
        return vec![path.join(part)];
    }
    let dir = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    let fits = |name: &std::ffi::OsString| {
        let bytes = name.as_encoded_bytes();
        (part.starts_with('.') || !bytes.starts_with(b".")) && glob_match(part.as_bytes(), bytes, false)
    };
    names.filter(fits).map(|name| path.join(name)).collect()
}
