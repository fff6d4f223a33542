//! The process among others: background, process id file, supervisor, open files, out-of-memory score, directory.
//!
//! Owns the system calls around a start; all through safe wrappers. Knows settings, and nothing of what is served.
//! Order at start: [`daemonize`] (before any thread), [`enter_dir`], the log, [`PidFile::create`], [`raise_open_files`],
//! and [`notify_ready`] once clients are accepted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};
use sd_notify::NotifyState;

use crate::config::{OomScoreAdj, Settings, Supervised};

/// Descriptors kept for everything that is no client: listeners, logs, files, runtimes.
pub const RESERVED_FILES: u64 = 32;

/// Where a daemon writes its process id when it was told no file.
const DEFAULT_PIDFILE: &str = "/var/run/redis.pid";

/// Goes to the background where the settings ask for it and no supervisor runs the process.
///
/// Must come before any thread is started: only the calling thread lives on. The working directory stays.
pub fn daemonize(settings: &Settings) -> io::Result<()> {
    if settings.daemonize && supervisor(settings).is_none() {
        nix::unistd::daemon(true, false)?;
    }
    Ok(())
}

/// Enters the working directory of the settings; does nothing where none was set.
pub fn enter_dir(settings: &Settings) -> io::Result<()> {
    if settings.dir.is_empty() { Ok(()) } else { std::env::set_current_dir(&settings.dir) }
}

/// The process id file, removed when this is dropped.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
}

impl PidFile {
    /// Writes the process id where the settings say, or, for a daemon without a word, where Redis does.
    ///
    /// `None` where there is no file to write. As in Redis, a failure is worth a log line and no reason to stop.
    pub fn create(settings: &Settings) -> io::Result<Option<PidFile>> {
        let path = match (settings.pidfile.as_str(), settings.daemonize) {
            ("", true) => DEFAULT_PIDFILE,
            ("", false) => return Ok(None),
            (path, _) => path,
        };
        let path = std::path::absolute(path)?;
        fs::write(&path, format!("{}\n", std::process::id()))?;
        Ok(Some(PidFile { path }))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Gone already is as good as removed.
        let _ = fs::remove_file(&self.path);
    }
}

/// The supervisor that is told of the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supervisor {
    /// systemd, by its notification socket.
    Systemd,
    /// upstart, by stopping until it continues the process.
    Upstart,
}

/// The supervisor there is, of those the settings allow. Both announce themselves in the environment.
pub fn supervisor(settings: &Settings) -> Option<Supervisor> {
    let has = |name: &str| std::env::var_os(name).is_some();
    supervisor_of(settings.supervised, has("NOTIFY_SOCKET"), has("UPSTART_JOB"))
}

fn supervisor_of(asked: Supervised, systemd: bool, upstart: bool) -> Option<Supervisor> {
    match asked {
        Supervised::Systemd | Supervised::Auto if systemd => Some(Supervisor::Systemd),
        Supervised::Upstart | Supervised::Auto if upstart => Some(Supervisor::Upstart),
        _ => None,
    }
}

/// Tells the supervisor that clients are served.
pub fn notify_ready(settings: &Settings) -> io::Result<()> {
    match supervisor(settings) {
        Some(Supervisor::Systemd) => {
            sd_notify::notify(&[NotifyState::Status("Ready to accept connections"), NotifyState::Ready])
        }
        Some(Supervisor::Upstart) => Ok(nix::sys::signal::raise(nix::sys::signal::Signal::SIGSTOP)?),
        None => Ok(()),
    }
}

/// Tells the supervisor that the server is going down.
pub fn notify_stopping(settings: &Settings) -> io::Result<()> {
    match supervisor(settings) {
        Some(Supervisor::Systemd) => sd_notify::notify(&[NotifyState::Stopping]),
        _ => Ok(()),
    }
}

/// Runs `bind` with a umask under which a Unix socket has no more than `mode`, so that it is never open too wide.
///
/// The umask is the process's: call it before other threads create files.
pub fn with_socket_umask<T>(mode: u32, bind: impl FnOnce() -> T) -> T {
    if mode == 0 {
        return bind();
    }
    let before = umask(Mode::from_bits_truncate(!mode & 0o777));
    let result = bind();
    umask(before);
    result
}

/// Sets the mode of the Unix socket; 0 leaves it alone.
pub fn set_socket_mode(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if mode == 0 { Ok(()) } else { fs::set_permissions(path, fs::Permissions::from_mode(mode)) }
}

/// Room for clients after [`raise_open_files`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenFiles {
    /// Clients there is room for: what was asked, or less.
    pub maxclients: u32,
    /// Log lines at warning level.
    pub warnings: Vec<String>,
    /// A log line at notice level.
    pub notice: Option<String>,
}

/// Raises the limit of open files to `maxclients` and the reserve, as far as the system lets.
///
/// An error is a text that ends the start: there is not even room for the reserve.
pub fn raise_open_files(maxclients: u32) -> Result<OpenFiles, String> {
    let wanted = u64::from(maxclients) + RESERVED_FILES;
    let (soft, hard) = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok(limits) => limits,
        Err(error) => {
            let maxclients = 1024 - RESERVED_FILES as u32;
            let warning = format!(
                "Unable to obtain the current NOFILE limit ({}), assuming 1024 and setting the max clients \
                 configuration accordingly.",
                error.desc()
            );
            return Ok(OpenFiles { maxclients, warnings: vec![warning], notice: None });
        }
    };
    if soft >= wanted {
        return Ok(OpenFiles { maxclients, warnings: Vec::new(), notice: None });
    }
    let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, wanted, hard.max(wanted)) else {
        let notice = format!("Increased maximum number of open files to {wanted} (it was originally set to {soft}).");
        return Ok(OpenFiles { maxclients, warnings: Vec::new(), notice: Some(notice) });
    };
    // Not more than the hard limit, then, where that is more than there was.
    let best = hard.min(wanted);
    let got = if best > soft && setrlimit(Resource::RLIMIT_NOFILE, best, hard).is_ok() { best } else { soft };
    short_of_files(maxclients, wanted, got, error.desc())
}

fn short_of_files(maxclients: u32, wanted: u64, got: u64, reason: &str) -> Result<OpenFiles, String> {
    if got >= wanted {
        return Ok(OpenFiles { maxclients, warnings: Vec::new(), notice: None });
    }
    if got <= RESERVED_FILES {
        return Err(format!(
            "Your current 'ulimit -n' of {got} is not enough for the server to start. Please increase your open file \
             limit to at least {wanted}. Exiting."
        ));
    }
    let room = u32::try_from(got - RESERVED_FILES).unwrap_or(u32::MAX);
    let warnings = vec![
        format!("You requested maxclients of {maxclients} requiring at least {wanted} max file descriptors."),
        format!("Server can't set maximum open files to {wanted} because of OS error: {reason}."),
        format!(
            "Current maximum open files is {got}. maxclients has been reduced to {room} to compensate for low ulimit. \
             If you need higher maxclients increase 'ulimit -n'."
        ),
    ];
    Ok(OpenFiles { maxclients: room, warnings, notice: None })
}

/// The effect of `maxclients` at run time: room for that many, or the text of CONFIG SET's refusal.
pub fn make_room_for(maxclients: u32) -> Result<(), String> {
    let files = raise_open_files(maxclients)?;
    for warning in &files.warnings {
        tracing::warn!("{warning}");
    }
    if files.maxclients == maxclients {
        return Ok(());
    }
    Err(format!(
        "The operating system is not able to handle the specified number of clients, try with {}",
        files.maxclients
    ))
}

/// Where the kernel takes the score.
const OOM_SCORE_FILE: &str = "/proc/self/oom_score_adj";

/// The kernel's out-of-memory score of the process, as it was before anything changed it.
#[derive(Clone, Copy, Debug)]
pub struct OomScore {
    before: i32,
}

impl OomScore {
    /// Reads the score at start; `None` where the system has none.
    pub fn read() -> Option<Self> {
        let before = fs::read_to_string(OOM_SCORE_FILE).ok()?.trim().parse().ok()?;
        Some(OomScore { before })
    }

    /// Writes the score that the settings ask for, as a master; `no` brings back the one of the start.
    pub fn apply(self, settings: &Settings) -> io::Result<()> {
        fs::write(OOM_SCORE_FILE, self.value(settings).to_string())
    }

    fn value(self, settings: &Settings) -> i32 {
        let [master, ..] = settings.oom_score_adj_values;
        let score = match settings.oom_score_adj {
            OomScoreAdj::No => self.before,
            OomScoreAdj::Yes | OomScoreAdj::Relative => self.before + master,
            OomScoreAdj::Absolute => master,
        };
        score.clamp(-1000, 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pid_file_comes_and_goes() {
        let path = std::env::temp_dir().join(format!("ostracon-pid-{}", std::process::id()));
        let mut settings = Settings::default();
        assert!(PidFile::create(&settings).unwrap().is_none());
        settings.pidfile = path.to_str().unwrap().to_owned();
        let file = PidFile::create(&settings).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn supervisors_are_those_there_are() {
        let cases = [
            (Supervised::No, true, true, None),
            (Supervised::Systemd, true, true, Some(Supervisor::Systemd)),
            (Supervised::Systemd, false, true, None),
            (Supervised::Upstart, true, true, Some(Supervisor::Upstart)),
            (Supervised::Auto, false, true, Some(Supervisor::Upstart)),
            (Supervised::Auto, true, false, Some(Supervisor::Systemd)),
            (Supervised::Auto, false, false, None),
        ];
        for (asked, systemd, upstart, want) in cases {
            assert_eq!(supervisor_of(asked, systemd, upstart), want, "{asked:?} {systemd} {upstart}");
        }
    }

    #[test]
    fn few_files_mean_few_clients() {
        let files = short_of_files(10000, 10032, 1024, "Operation not permitted").unwrap();
        assert_eq!((files.maxclients, files.warnings.len()), (992, 3));
        assert!(short_of_files(10000, 10032, 32, "").unwrap_err().contains("'ulimit -n' of 32"));
        assert_eq!(raise_open_files(1).unwrap().maxclients, 1);
    }

    #[test]
    fn scores_stay_in_the_kernels_range() {
        let mut settings = Settings::default();
        let score = OomScore { before: 300 };
        assert_eq!(score.value(&settings), 300);
        settings.oom_score_adj_values = [800, 0, 0];
        for (mode, want) in [(OomScoreAdj::Relative, 1000), (OomScoreAdj::Yes, 1000), (OomScoreAdj::Absolute, 800)] {
            settings.oom_score_adj = mode;
            assert_eq!(score.value(&settings), want);
        }
    }

    #[test]
    fn a_socket_file_gets_its_mode() {
        use std::os::unix::fs::PermissionsExt;
        let path = std::env::temp_dir().join(format!("ostracon-mode-{}", std::process::id()));
        fs::write(&path, "").unwrap();
        set_socket_mode(&path, 0o600).unwrap();
        set_socket_mode(&path, 0).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_file(path).unwrap();
    }
}
