//! Servers as child processes: ours, and `redis-server` as the oracle.
//!
//! Each has its own port and directory and dies with its handle, so that tests share nothing. A port is chosen by
//! binding it and letting it go; as another process may take it in between, the answering process must be our child.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub use nix::sys::signal::Signal;

use super::{Client, DEADLINE, Value, pause};

/// Which server a case runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The binary of this package.
    Ours,
    /// `redis-server`.
    Oracle,
}

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    address: SocketAddr,
    directory: PathBuf,
    kind: Kind,
}

/// The oracle: `redis-server`, where it is installed.
pub struct Oracle;

impl Oracle {
    /// Starts one with the harness's settings and `args`. Without `redis-server`: says `SKIPPED`, or panics where
    /// `OSTRACON_REQUIRE_ORACLE` is set.
    #[track_caller]
    pub fn start(args: &[&str]) -> Option<Server> {
        let found = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        if found.is_err() {
            println!("SKIPPED: redis-server not installed");
            assert!(std::env::var_os("OSTRACON_REQUIRE_ORACLE").is_none(), "redis-server not installed");
            return None;
        }
        Some(Server::launch(Kind::Oracle, args))
    }
}

impl Server {
    /// Starts ours with the harness's settings and `args` (`["--maxmemory", "1mb"]`) and waits until it answers.
    #[track_caller]
    pub fn start(args: &[&str]) -> Server {
        Server::launch(Kind::Ours, args)
    }

    /// A further server of this kind: a replica, a second node.
    #[track_caller]
    pub fn another(&self, args: &[&str]) -> Server {
        Server::launch(self.kind, args)
    }

    #[track_caller]
    fn launch(kind: Kind, args: &[&str]) -> Server {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let mut log = String::new();
        for _attempt in 0..5 {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("{kind:?}-{}-{number}", std::process::id()).to_lowercase();
            let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
            fs::create_dir_all(&directory).unwrap();
            let mut server = Server::spawn(kind, args, directory);
            if server.wait_until_ready() {
                return server;
            }
            log = server.log();
        }
        panic!("{kind:?} did not start with {args:?}; its log:\n{log}");
    }

    /// Ends the server with `signal` (SIGTERM: orderly, SIGKILL: a crash) and starts it again in the same directory, on
    /// another port, with these arguments: what it kept on disk is what it has.
    #[track_caller]
    pub fn restart(mut self, signal: Signal, args: &[&str]) -> Server {
        self.signal(signal);
        self.wait_for_exit();
        let directory = std::mem::take(&mut self.directory);
        for _attempt in 0..5 {
            let mut server = Server::spawn(self.kind, args, directory.clone());
            if server.wait_until_ready() {
                return server;
            }
            let log = server.log();
            assert!(log.contains("in use"), "{:?} did not start again with {args:?}; its log:\n{log}", self.kind);
            server.directory = PathBuf::new();
        }
        panic!("{:?} found no free port", self.kind);
    }

    fn spawn(kind: Kind, args: &[&str], directory: PathBuf) -> Server {
        let port = free_port();
        let log = File::create(directory.join("log")).unwrap();
        let program = match kind {
            Kind::Ours => env!("CARGO_BIN_EXE_ostracon"),
            Kind::Oracle => "redis-server",
        };
        let child = Command::new(program)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--enable-debug-command", "yes", "--dir"])
            .arg(&directory)
            .args(args)
            .current_dir(&directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|e| panic!("{program}: {e}"));
        Server { child, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), directory, kind }
    }

    /// Whether the child answers PING (or asks for a password) before it ends or the deadline passes.
    fn wait_until_ready(&mut self) -> bool {
        let end = Instant::now() + DEADLINE;
        while Instant::now() < end {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if let Ok(mut client) = Client::try_connect(self.address) {
                client.set_deadline(Duration::from_secs(5));
                let sent = client.try_send_raw(b"*1\r\n$4\r\nPING\r\n");
                match sent.and_then(|()| client.try_recv()) {
                    Ok(Some(Value::Simple(pong))) if pong == b"PONG" => {
                        let ours = self.is_our_child(&mut client);
                        leave(&mut client);
                        return ours;
                    }
                    Ok(Some(Value::Error(text))) if text.starts_with(b"NOAUTH") => {
                        leave(&mut client);
                        return true;
                    }
                    _ => {}
                }
            }
            pause();
        }
        false
    }

    /// False when another process got the port first and answers in the place of our child.
    fn is_our_child(&self, client: &mut Client) -> bool {
        let info = client.line("INFO server").render();
        match info.split("process_id:").nth(1) {
            Some(rest) => rest.starts_with(&format!("{}\\r", self.child.id())),
            None => true,
        }
    }

    /// A new connection.
    #[track_caller]
    pub fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Its process id, for `/proc` and signals.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its working directory, removed with it.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Which one it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What it has written to stdout and stderr so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    /// Whether the process is still there.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends SIGTERM, waits for the end, returns whether it was an orderly one (exit status 0).
    #[track_caller]
    pub fn terminate(&mut self) -> bool {
        self.signal(Signal::SIGTERM);
        self.wait_for_exit()
    }

    /// Sends a signal to the process.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    /// Waits for the process to end by itself, returns whether its exit status was 0.
    #[track_caller]
    pub fn wait_for_exit(&mut self) -> bool {
        let end = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            assert!(Instant::now() < end, "{:?} does not end; its log:\n{}", self.kind, self.log());
            pause();
        }
    }

    /// One field of INFO's `section`; panics where there is none.
    #[track_caller]
    pub fn info(&self, section: &str, field: &str) -> String {
        let text = self.client().line(&format!("INFO {section}")).text();
        let prefix = format!("{field}:");
        let line = text.lines().find_map(|line| line.strip_prefix(&prefix));
        line.unwrap_or_else(|| panic!("no {field} in INFO {section}:\n{text}")).to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(20).collect();
            eprintln!("--- the end of the log of {:?}:", self.kind);
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        }
        // Empty where another handle has taken the directory over.
        if !self.directory.as_os_str().is_empty() {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// Ends the connection and waits until the server has forgotten it, so that a test finds no client but its own.
fn leave(client: &mut Client) {
    let _ = client.try_send_raw(b"*1\r\n$4\r\nQUIT\r\n");
    while let Ok(Some(_)) = client.try_recv() {}
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// `OSTRACON_TEST_ON`: whether cases run on this kind.
fn wanted(kind: Kind) -> bool {
    match std::env::var("OSTRACON_TEST_ON").as_deref() {
        Ok("ours") => kind == Kind::Ours,
        Ok("oracle") => kind == Kind::Oracle,
        Ok("both") | Err(_) => true,
        Ok(other) => panic!("OSTRACON_TEST_ON={other}: it is both, ours or oracle"),
    }
}

/// Runs the test on the oracle, then on ours, each started with `args`.
#[track_caller]
pub fn on_each(args: &[&str], mut test: impl FnMut(&Server)) {
    if wanted(Kind::Oracle)
        && let Some(server) = Oracle::start(args)
    {
        test(&server);
    }
    on_ours(args, test);
}

/// Runs the test on ours alone: for what the oracle does not have.
#[track_caller]
pub fn on_ours(args: &[&str], mut test: impl FnMut(&Server)) {
    if wanted(Kind::Ours) {
        test(&Server::start(args));
    }
}

/// Runs the same on both and compares what it returns; returns ours (the oracle's, where ours does not run).
#[track_caller]
pub fn same_on_both<T: PartialEq + std::fmt::Debug>(args: &[&str], mut run: impl FnMut(&Server) -> T) -> Option<T> {
    let mut results = Vec::new();
    on_each(args, |server| results.push(run(server)));
    let ours = results.pop()?;
    if let Some(oracle) = results.pop() {
        assert_eq!(ours, oracle, "ours (left) against the oracle (right)");
    }
    Some(ours)
}

/// [`same_on_both`] for a sequence: names the first elements that differ, and not the thousands that do not.
#[track_caller]
pub fn same_sequence_on_both<T: PartialEq + std::fmt::Debug>(args: &[&str], mut run: impl FnMut(&Server) -> Vec<T>) {
    let mut results = Vec::new();
    on_each(args, |server| results.push(run(server)));
    let [oracle, ours] = &results[..] else { return };
    let pairs = oracle.iter().zip(ours).enumerate();
    let differ: Vec<String> = pairs
        .filter(|(_, (oracle, ours))| oracle != ours)
        .map(|(i, (oracle, ours))| format!("{i}:\n  oracle {oracle:?}\n  ours   {ours:?}"))
        .collect();
    let shown = differ.iter().take(10).cloned().collect::<Vec<_>>().join("\n");
    assert!(differ.is_empty(), "{} of {} differ:\n{shown}", differ.len(), oracle.len());
    assert_eq!(oracle.len(), ours.len(), "the oracle's number of elements (left) against ours (right)");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_restarts_in_its_directory() {
        if !wanted(Kind::Oracle) {
            return;
        }
        let Some(server) = Oracle::start(&["--appendonly", "yes"]) else { return };
        let (pid, directory) = (server.pid(), server.directory().to_owned());
        server.client().line("SET k v");
        let server = server.restart(Signal::SIGTERM, &["--appendonly", "yes"]);
        assert_ne!(server.pid(), pid);
        assert_eq!(server.client().ask("GET k"), "v");
        drop(server);
        assert!(!directory.exists());
    }
}
