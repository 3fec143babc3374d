//! PostgreSQL.

use crate::programs::{absent, postgresql, unprivileged};
use crate::{Server, folder};
use std::path::Path;
use std::process::Command;

impl Server {
    /// A PostgreSQL of one's own, without anything in it. None, and a word about it, where there is none.
    pub fn postgres() -> Option<Self> {
        let Some(programs) = postgresql() else {
            absent("initdb", "postgresql");
            return None;
        };
        let folder = folder::fresh();
        let mut initdb = Command::new(programs.join("initdb"));
        initdb.args(["--no-sync", "--auth", "trust", "--username", "postgres", "--encoding", "UTF8", "--locale", "C"]);
        let made = unprivileged(initdb.arg("--pgdata").arg(folder.join("data")), &folder).output();
        let made = made.unwrap_or_else(|error| panic!("initdb: {error}"));
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        Some(Server::started(folder, command, answers))
    }

    /// How a client finds this PostgreSQL.
    pub fn postgres_url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// The sessions that a PostgreSQL has beside the one that asks.
    pub fn postgres_sessions(&self) -> i64 {
        let asks =
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        let mut client = postgres::Client::connect(&self.postgres_url(), postgres::NoTls).expect("it is up");
        client.query_one(asks, &[]).expect("it answers").get(0)
    }
}

fn command(folder: &Path, port: u16) -> Command {
    let programs = postgresql().expect("it was there a moment ago");
    let mut postgres = Command::new(programs.join("postgres"));
    postgres.arg("-D").arg(folder.join("data")).args(["-h", "127.0.0.1", "-p", &port.to_string()]);
    for setting in ["unix_socket_directories=", "fsync=off", "shared_buffers=16MB", "max_connections=60", "jit=off"] {
        postgres.args(["-c", setting]);
    }
    unprivileged(&mut postgres, folder);
    postgres
}

fn answers(port: u16) -> bool {
    let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
    postgres::Client::connect(&url, postgres::NoTls).is_ok()
}
