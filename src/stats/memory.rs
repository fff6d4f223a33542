//! Memory: what the allocator and the kernel say of it.
//!
//! Owns the calls into jemalloc and `/proc`. Where the process has another allocator (unit tests) the allocator's
//! figures are zeros.

use std::io;
use tikv_jemalloc_ctl::{Access, AsName, arenas, epoch, stats, stats_print};

/// Figures of one moment, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Handed out to the program.
    pub allocated: u64,
    /// In pages that hold something.
    pub active: u64,
    /// In pages that the allocator has in memory.
    pub resident: u64,
    /// Resident set of the process.
    pub rss: u64,
}

impl Memory {
    /// The figures of now. Some ten microseconds.
    pub fn now() -> Self {
        // Without the allocator there is nothing to bring up to date.
        let _ = epoch::advance();
        let read = |r: Result<usize, tikv_jemalloc_ctl::Error>| r.unwrap_or(0) as u64;
        Self {
            allocated: read(stats::allocated::read()),
            active: read(stats::active::read()),
            resident: read(stats::resident::read()),
            rss: rss().unwrap_or(0),
        }
    }
}

/// Bytes handed out to the program now.
pub fn allocated() -> u64 {
    let _ = epoch::advance();
    stats::allocated::read().unwrap_or(0) as u64
}

fn rss() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok()??;
    Some(pages * page as u64)
}

/// Memory of the machine in bytes, 0 where it cannot be told.
pub fn system_total() -> u64 {
    let read = |var| nix::unistd::sysconf(var).ok().flatten().unwrap_or(0) as u64;
    read(nix::unistd::SysconfVar::_PHYS_PAGES) * read(nix::unistd::SysconfVar::PAGE_SIZE)
}

/// Gives pages that hold nothing back to the kernel.
///
/// A decay time of zero makes jemalloc purge at once what it would have kept for that time; then the old time is put
/// back. The control that purges directly takes no value, and cannot be called without `unsafe`.
pub fn purge() {
    let arenas = arenas::narenas::read().unwrap_or(0);
    for arena in 0..arenas {
        for kind in ["dirty", "muzzy"] {
            let name = format!("arena.{arena}.{kind}_decay_ms\0");
            let name = name[..].name();
            // An arena that was never used has no decay time and nothing to purge.
            let old: Result<isize, _> = name.read();
            if let Ok(old) = old {
                let _ = name.write(0_isize);
                let _ = name.write(old);
            }
        }
    }
}

/// The allocator's report on itself, as text.
pub fn report() -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    stats_print::stats_print(&mut text, stats_print::Options::default())?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_has_memory() {
        let m = Memory::now();
        assert!(m.rss > 100_000 && m.rss < system_total(), "{m:?}");
        purge();
        assert!(Memory::now().rss > 100_000);
    }
}
