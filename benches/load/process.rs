//! A server as a process of its own, ended with this value.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::client;

/// Ticks of `/proc/<pid>/stat`: a hundred a second on every Linux that this runs on.
const TICK: Duration = Duration::from_millis(10);

pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    /// Starts it and waits until it answers at `path`.
    pub(crate) fn start(command: &mut Command, address: SocketAddr, path: &str) -> Self {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null()).spawn();
        let process = Self { child: child.expect("a program that starts"), address };
        let begun = Instant::now();
        while !client::is_ready(address, path) {
            assert!(begun.elapsed() < Duration::from_secs(60), "the server did not become ready");
            std::thread::sleep(Duration::from_millis(50));
        }
        process
    }

    /// Of all its threads, in user and kernel mode.
    pub(crate) fn cpu(&self) -> Duration {
        let stat =
            fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("a process that runs");
        // The name, in parentheses, may hold spaces; what is counted from there does not.
        let rest = stat.rsplit_once(')').expect("a name").1;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks: u32 = [fields[11], fields[12]].iter().map(|it| it.parse::<u32>().expect("ticks")).sum();
        TICK * ticks
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address")
}
