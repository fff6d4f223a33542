//! The configuration of a running server: the current settings, shared; CONFIG GET, SET and REWRITE on them.
//!
//! Readers keep an `Arc<Settings>` of their own and look at the generation, one relaxed load, to learn whether it is
//! stale. Writers take turns. New settings are published only once the server has carried out their effects, so that
//! a change is had entirely or not at all.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use super::directive::{Directive, Effect, Mutability};
use super::file::Loaded;
use super::rewrite;
use super::settings::{Access, Settings};
use super::special::os_text;
use super::table::{DIRECTIVES, find};
use crate::base::glob::glob_match;

/// Why CONFIG SET refused. Its `Display` is the error reply, `ERR` included.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// No such parameter, or no value for it.
    #[error("ERR Unknown option or number of arguments for CONFIG SET - '{0}'")]
    Unknown(String),
    /// The parameter cannot have that value.
    #[error("ERR CONFIG SET failed (possibly related to argument '{name}') - {message}")]
    Refused {
        /// The parameter, as it was asked for.
        name: String,
        /// What is wrong.
        message: String,
    },
}

/// Why CONFIG REWRITE failed. Its `Display` is the error reply, `ERR` included.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RewriteError {
    /// There is no file to rewrite.
    #[error("ERR The server is running without a config file")]
    NoFile,
    /// The file could not be written; the old one is intact.
    #[error("ERR Rewriting config file: {0}")]
    Write(String),
}

/// The configuration of a running server.
#[derive(Debug)]
pub struct Config {
    current: RwLock<Arc<Settings>>,
    generation: AtomicU64,
    /// Held through a change, effects included; readers never wait for it.
    change: Mutex<()>,
    file: Option<PathBuf>,
}

impl Config {
    /// Shares the settings of a load. `file` is where CONFIG REWRITE writes.
    pub fn new(settings: Settings, file: Option<PathBuf>) -> Self {
        Config { current: RwLock::new(Arc::new(settings)), generation: AtomicU64::new(0), change: Mutex::new(()), file }
    }

    /// The settings of now. Takes a lock for the time of one reference count: for cold paths, and after
    /// [`Self::generation`] has moved.
    pub fn current(&self) -> Arc<Settings> {
        Arc::clone(&self.current.read())
    }

    /// A number that moves with every change: one relaxed load.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// The main config file, absolute; for INFO.
    pub fn file(&self) -> Option<&PathBuf> {
        self.file.as_ref()
    }

    /// CONFIG GET: the parameters whose name fits one of the patterns, each once, under the name that fits.
    ///
    /// Without regard to case. O(directives × patterns).
    pub fn get(&self, patterns: &[&[u8]]) -> Vec<(String, String)> {
        let settings = self.current();
        let rows = DIRECTIVES.iter().filter(|d| !d.file_only);
        let names = rows.flat_map(|d| d.names().map(move |name| (name, d)));
        names
            .filter(|(name, d)| patterns.iter().any(|pattern| fits(pattern, name, d.hidden)))
            .map(|(name, d)| (name.to_owned(), d.get(&settings)))
            .collect()
    }

    /// CONFIG SET of directives whose effects cannot fail, or are carried out by the caller from the list returned.
    ///
    /// All or nothing. `local` says that the client is on this host, which some protected directives ask for.
    pub fn set(&self, pairs: &[(&str, &str)], local: bool) -> Result<Vec<Effect>, SetError> {
        let mut effects = Vec::new();
        self.set_with(pairs, local, |effect, _| {
            effects.push(effect);
            Ok(())
        })?;
        Ok(effects)
    }

    /// CONFIG SET with the server's part: `apply` carries out each distinct effect against the new settings, before
    /// they are published.
    ///
    /// Where one fails, those done are applied again, last first, against the old settings, nothing is published,
    /// and the error names the first parameter with that effect. `apply` must not call back into this value's
    /// setters; `current()` still gives the old settings to it.
    pub fn set_with(
        &self,
        pairs: &[(&str, &str)],
        local: bool,
        mut apply: impl FnMut(Effect, &Settings) -> Result<(), String>,
    ) -> Result<(), SetError> {
        let _turn = self.change.lock();
        let old = self.current();
        let rows = self.rows(pairs, &old, local)?;
        let mut new = Settings::clone(&old);
        for (directive, (name, value)) in rows.iter().zip(pairs) {
            directive.set(&mut new, &[value]).map_err(|message| refused(name, &message))?;
        }
        let mut done: Vec<Effect> = Vec::new();
        for (directive, (name, _)) in rows.iter().zip(pairs) {
            let effect = directive.effect;
            let changed = directive.get(&old) != directive.get(&new);
            if effect == Effect::Nothing || !changed || done.contains(&effect) {
                continue;
            }
            if let Err(message) = apply(effect, &new) {
                tracing::warn!(
                    "Failed applying new configuration. Possibly related to new {name} setting. Restoring previous \
                     settings."
                );
                restore(&done, &old, apply);
                return Err(refused(name, &message));
            }
            done.push(effect);
        }
        *self.current.write() = Arc::new(new);
        self.generation.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// The rows of the parameters, after all checks that need no value. In Redis's order: unknown names of all
    /// pairs, immutable and protected ones, duplicates.
    fn rows(&self, pairs: &[(&str, &str)], old: &Settings, local: bool) -> Result<Vec<&'static Directive>, SetError> {
        let mut rows: Vec<&'static Directive> = Vec::with_capacity(pairs.len());
        for (name, _) in pairs {
            match find(name).filter(|d| !d.file_only) {
                Some(directive) => rows.push(directive),
                None => return Err(SetError::Unknown((*name).to_owned())),
            }
        }
        let protected = match old.enable_protected_configs {
            Access::Yes => false,
            Access::Local => !local,
            Access::No => true,
        };
        for (i, (directive, (name, _))) in rows.iter().zip(pairs).enumerate() {
            let message = match directive.mutability {
                Mutability::Immutable => "can't set immutable config",
                Mutability::Protected if protected => "can't set protected config",
                // The same name twice; the row under another of its names is allowed, and the last one counts.
                _ if pairs[..i].iter().any(|(before, _)| before.eq_ignore_ascii_case(name)) => "duplicate parameter",
                _ => continue,
            };
            return Err(refused(name, message));
        }
        Ok(rows)
    }

    /// CONFIG REWRITE: brings the file to the current settings, atomically. Blocks on the disk.
    pub fn rewrite(&self) -> Result<(), RewriteError> {
        let _turn = self.change.lock();
        let file = self.file.as_ref().ok_or(RewriteError::NoFile)?;
        rewrite::rewrite_file(file, &self.current()).map_err(|e| RewriteError::Write(os_text(&e)))
    }

    /// Changes settings from inside the server, such as `maxclients` lowered to what the system allows.
    pub fn update(&self, change: impl FnOnce(&mut Settings)) {
        let _turn = self.change.lock();
        let mut new = Settings::clone(&self.current());
        change(&mut new);
        *self.current.write() = Arc::new(new);
        self.generation.fetch_add(1, Ordering::Release);
    }
}

impl From<Loaded> for Config {
    fn from(loaded: Loaded) -> Self {
        Config::new(loaded.settings, loaded.file)
    }
}

fn refused(name: &str, message: &str) -> SetError {
    SetError::Refused { name: name.to_owned(), message: message.to_owned() }
}

/// Applies effects again, last first, against the settings of before.
fn restore(done: &[Effect], old: &Settings, mut apply: impl FnMut(Effect, &Settings) -> Result<(), String>) {
    for effect in done.iter().rev() {
        if let Err(message) = apply(*effect, old) {
            tracing::warn!("Failed applying restored failed CONFIG SET command: {message}");
        }
    }
}

/// A pattern without glob characters is a name, and only a name shows what is hidden.
fn fits(pattern: &[u8], name: &str, hidden: bool) -> bool {
    if pattern.iter().any(|byte| b"*?[".contains(byte)) {
        !hidden && glob_match(pattern, name.as_bytes(), true)
    } else {
        pattern.eq_ignore_ascii_case(name.as_bytes())
    }
}
