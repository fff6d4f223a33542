//! The machine: pinned processes that die with the bench, the spinners that keep the cores awake, CPU time and
//! resident memory of a process, and the words that name it all in a report. Linux only: it reads `/proc` and uses
//! `taskset`, `chrt` and `setpriv` of util-linux. Knows nothing of Redis.

use super::{Error, Result};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A child that is killed and reaped when dropped, so also when the bench panics.
pub struct Process {
    /// The child.
    pub child: Child,
}

impl Process {
    /// Starts `command`.
    ///
    /// # Errors
    /// A program that is not there.
    pub fn spawn(command: &mut Command) -> Result<Self> {
        let child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
        Ok(Self { child })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; there is nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that runs `program` on `cores` (`0`, `0,1`) and is killed by the kernel if this process dies first, even
/// by a signal. `setpriv` and `taskset` replace themselves by the program: the child's id is the program's.
pub fn pinned(cores: &str, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "taskset", "-c", cores]).arg(program);
    command
}

/// One spinning process of scheduling class `SCHED_IDLE` a core. On a virtual machine an idle core halts, and to wake
/// it costs more than a command; these keep it from halting, and yield to anything else.
pub struct Spinners {
    _processes: Vec<Process>,
}

impl Spinners {
    /// Starts them on `cores`.
    ///
    /// # Errors
    /// `chrt`, `taskset` or `setpriv` missing.
    pub fn start(cores: &[usize]) -> Result<Self> {
        let spin = |core: &usize| {
            let mut command = pinned(&core.to_string(), Path::new("chrt"));
            command.args(["-i", "0", "sh", "-c", "while :; do :; done"]);
            Process::spawn(command.stdin(Stdio::null()))
        };
        Ok(Self { _processes: cores.iter().map(spin).collect::<Result<_>>()? })
    }
}

/// CPU time of a process, all threads together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    /// Clock ticks of 10 ms in user mode.
    pub user_ticks: u64,
    /// Clock ticks of 10 ms in the kernel.
    pub kernel_ticks: u64,
    /// Both together, in ns, from the scheduler: exact where the ticks are coarse.
    pub nanos: u64,
    /// How long its threads were ready to run and another process had the core, in ns.
    pub waited_nanos: u64,
}

impl Cpu {
    /// What process `pid` has used since it started (threads that ended count in the ticks only).
    ///
    /// # Errors
    /// No such process.
    pub fn of(pid: u32) -> Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name in parentheses may hold anything; the fields after it are counted from 3.
        let (_, fields) = stat.rsplit_once(')').ok_or("/proc/PID/stat without a name")?;
        let mut fields = fields.split_whitespace().skip(14 - 3);
        let mut ticks = || fields.next().and_then(|field| field.parse().ok()).ok_or("/proc/PID/stat too short");
        let (user_ticks, kernel_ticks) = (ticks()?, ticks()?);
        let (mut nanos, mut waited_nanos) = (0, 0);
        for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
            // A thread may end between the two reads.
            let Ok(schedstat) = fs::read_to_string(thread?.path().join("schedstat")) else {
                continue;
            };
            let mut words = schedstat.split_whitespace().map(str::parse::<u64>);
            nanos += words.next().ok_or("an empty schedstat")??;
            waited_nanos += words.next().ok_or("a schedstat of one word")??;
        }
        Ok(Self { user_ticks, kernel_ticks, nanos, waited_nanos })
    }

    /// What was used between `earlier` and `self`.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            user_ticks: self.user_ticks - earlier.user_ticks,
            kernel_ticks: self.kernel_ticks - earlier.kernel_ticks,
            nanos: self.nanos.saturating_sub(earlier.nanos),
            waited_nanos: self.waited_nanos.saturating_sub(earlier.waited_nanos),
        }
    }

    /// The share of user mode, 0 to 1: the kernel samples it at every timer tick.
    pub fn user_share(&self) -> f64 {
        self.user_ticks as f64 / (self.user_ticks + self.kernel_ticks).max(1) as f64
    }
}

/// Resident bytes of process `pid`: what `VmRSS` counts, taken from `smaps_rollup`, which walks the pages where
/// `VmRSS` may lag behind by some.
///
/// # Errors
/// No such process.
pub fn resident(pid: u32) -> Result<u64> {
    let field = |file: &str, name: &str| -> Result<u64> {
        let text = fs::read_to_string(format!("/proc/{pid}/{file}"))?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such field")?;
        let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib * 1024)
    };
    field("smaps_rollup", "Rss:").or_else(|_| field("status", "VmRSS:"))
}

/// Raises the limit of open files to the hard limit and returns it.
///
/// # Errors
/// A refusal by the kernel.
pub fn raise_file_limit() -> Result<u64> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(hard)
}

/// Is `program` on the PATH?
pub fn on_path(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Processor, cores, memory and kernel, in one line.
pub fn describe() -> String {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let cpu = field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let memory = field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
    let gib = memory.trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) / f64::from(1 << 20);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let virtualised = if read("/proc/cpuinfo").contains(" hypervisor") { ", virtual machine" } else { "" };
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{cpu}, {cores} cores{virtualised}, {gib:.0} GiB, Linux {}", kernel.trim())
}

/// The load average of the last minute: above about 0.1 before a run, something else is using the machine.
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("?").to_owned()
}

/// Fails with the names of the tools that are missing.
///
/// # Errors
/// One of `setpriv`, `taskset`, `chrt` is not on the PATH.
pub fn check_tools() -> Result<()> {
    let missing: Vec<&str> =
        ["setpriv", "taskset", "chrt"].into_iter().filter(|tool| on_path(tool).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::from(format!("not on the PATH: {} (they are in util-linux)", missing.join(", "))))
}
