//! Redis.

use crate::programs::{absent, redis, unprivileged};
use crate::{Server, folder};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

impl Server {
    /// A Redis of one's own, which keeps nothing. None, and a word about it, where there is none.
    pub fn redis() -> Option<Self> {
        if redis().is_none() {
            absent("redis-server", "redis-tools");
            return None;
        }
        Some(Server::started(folder::fresh(), command, answers))
    }

    /// How a client finds this Redis.
    pub fn redis_url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }
}

fn command(folder: &Path, port: u16) -> Command {
    let mut command = redis().expect("it was there a moment ago");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
    unprivileged(&mut command, folder);
    command
}

fn answers(port: u16) -> bool {
    let asked = TcpStream::connect(("127.0.0.1", port)).and_then(|mut stream| {
        stream.write_all(b"PING\r\n")?;
        let mut reply = [0; 5];
        stream.read_exact(&mut reply)?;
        Ok(reply)
    });
    asked.is_ok_and(|reply| &reply == b"+PONG")
}
