//! Why a server does not start.

use std::io;
use std::net::SocketAddr;

/// Why a [`Server`](super::Server) cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address names nothing that could be bound.
    #[error("the address to serve on cannot be understood: {source}; give one like \"127.0.0.1:9188\"")]
    Address {
        /// What the system says of it.
        source: io::Error,
    },
    /// The address can be reached from other machines, and nobody said that this is meant.
    #[error(
        "{addr} can be reached from other machines; serve on 127.0.0.1, or name the hosts that clients ask for with allow_remote"
    )]
    Remote {
        /// The address.
        addr: SocketAddr,
    },
    /// What was given to `allow_remote` is not the name or address of a host.
    #[error(
        "{host:?} is not a host; give its name or address alone, like \"pool.example.com\", without scheme or port"
    )]
    Host {
        /// What was given.
        host: String,
    },
    /// The address is taken, or not this machine's, or not allowed.
    #[error("cannot serve on {addr}: {source}; give another port, or 0 for any that is free")]
    Bind {
        /// The address.
        addr: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// There is no thread to serve on.
    #[error("cannot start the server's thread: {source}; end other threads, or raise the limit")]
    Thread {
        /// What the system says.
        source: io::Error,
    },
}
