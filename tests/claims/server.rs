//! A Redis server of the test's own, on a free port, ended with it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Server {
    /// `None`, said aloud, where there is none; in CI that is a failure.
    pub(crate) fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let program = ["redis-server", "valkey-server"].into_iter().find(|name| {
            Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
        });
        let Some(program) = program else {
            assert!(std::env::var_os("CI").is_none(), "redis-server is not installed");
            println!("skipped: redis-server is not installed");
            return None;
        };
        let options = format!("--port {port} --bind 127.0.0.1 --save  --appendonly no --daemonize no");
        let child = Command::new(program)
            .args(options.split(' '))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .spawn()
            .unwrap();
        let server = Self { child, port };
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(server);
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("redis-server does not listen");
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// One inline command; what comes back at once.
    pub(crate) fn command(&self, line: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
        let mut answer = [0; 4096];
        let length = stream.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
