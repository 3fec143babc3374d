//! The server: its settings, its thread, its end.

use super::connection;
use super::error::ServeError;
use super::hosts::Hosts;
use super::table::Table;
use super::watch::Watch;
use crate::error::let_go;
use crate::manager::Manager;
use crate::pool::Pool;
use crate::registry::Registry;
use std::fmt;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long it does not ask for connections after the system had none to give: no descriptors are left, say.
const REST: Duration = Duration::from_millis(20);

/// How long it takes at most to reach ourselves.
const KNOCK: Duration = Duration::from_millis(200);

/// What a thread of a connection needs, with room to spare.
const STACK: usize = 512 * 1024;

/// A server that is yet to be started: see the [module](crate::http).
#[derive(Debug)]
#[must_use = "a server serves nothing until `start`"]
pub struct Server {
    addresses: Vec<SocketAddr>,
    hosts: Option<Vec<String>>,
    watch: Arc<Watch>,
}

impl Server {
    /// A server on this address: `"127.0.0.1:9188"`, or port 0 for any that is free. It is bound by [`start`](Self::start).
    ///
    /// # Errors
    /// [`Address`](ServeError::Address) if there is no such address.
    pub fn bind(address: impl ToSocketAddrs) -> Result<Server, ServeError> {
        let addresses: Vec<_> = address.to_socket_addrs().map_err(|source| ServeError::Address { source })?.collect();
        if addresses.is_empty() {
            let source = std::io::Error::new(ErrorKind::AddrNotAvailable, "there is none of that name");
            return Err(ServeError::Address { source });
        }
        Ok(Server { addresses, hosts: None, watch: Arc::default() })
    }

    /// Shows `pool`, without keeping it open or alive. Call it for each of several.
    pub fn pool<M: Manager>(self, pool: &Pool<M>) -> Server {
        self.watch.add(pool);
        self
    }

    /// Shows all pools that are registered now, under their own names, in the order of registration. Those that come later are shown by
    /// [`ServerHandle::add`].
    pub fn registry(self, registry: &Registry) -> Server {
        registry.pools().iter().for_each(|(_, pool)| self.watch.add_look(pool.look()));
        self
    }

    /// Lets it listen on an address that other machines can reach, and answer to these hosts besides loopback and its address:
    /// names or addresses, without port. Whoever can reach it reads everything on it; put what asks for a password before it.
    pub fn allow_remote<H: Into<String>>(self, hosts: impl IntoIterator<Item = H>) -> Server {
        Server { hosts: Some(hosts.into_iter().map(Into::into).collect()), ..self }
    }

    /// Binds the address and serves from a thread of its own, with one more for each connection.
    ///
    /// # Errors
    /// [`Remote`](ServeError::Remote) for an address beyond loopback without [`allow_remote`](Self::allow_remote),
    /// [`Host`](ServeError::Host) for what is no host there, [`Bind`](ServeError::Bind) and [`Thread`](ServeError::Thread) for what
    /// the system refuses.
    pub fn start(self) -> Result<ServerHandle, ServeError> {
        let Server { addresses, hosts, watch } = self;
        if let Some(&addr) = addresses.iter().find(|address| hosts.is_none() && !address.ip().is_loopback()) {
            return Err(ServeError::Remote { addr });
        }
        let hosts = Hosts::new(hosts.as_deref().unwrap_or_default()).map_err(|host| ServeError::Host { host })?;
        let bind = |source| ServeError::Bind { addr: addresses[0], source };
        let listener = TcpListener::bind(&addresses[..]).map_err(bind)?;
        let addr = listener.local_addr().map_err(bind)?;
        let hosts = hosts.bound_to(addr.ip());
        let table = Arc::<Table>::default();
        let serving = Serving { addr, table: Arc::clone(&table), hosts, watch: Arc::clone(&watch) };
        let thread =
            thread::Builder::new().name(format!("http-{}", addr.port())).spawn(move || serving.serve(listener));
        let thread = thread.map_err(|source| ServeError::Thread { source })?;
        Ok(ServerHandle { addr, table, watch, thread: Some(thread) })
    }
}

/// A server that serves until this is dropped, or [`stop`](Self::stop) is called.
pub struct ServerHandle {
    addr: SocketAddr,
    table: Arc<Table>,
    watch: Arc<Watch>,
    thread: Option<JoinHandle<()>>,
}

impl ServerHandle {
    /// The address that it is bound to, with the port that was free.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where a browser on this machine finds the page.
    pub fn url(&self) -> String {
        format!("http://{}/", here(self.addr))
    }

    /// Shows `pool` too, from now on, without keeping it open or alive.
    pub fn add<M: Manager>(&self, pool: &Pool<M>) {
        self.watch.add(pool);
    }

    /// Cuts all connections, frees the address, and ends the server's threads.
    ///
    /// # Blocking
    /// Until they have ended, which is at once, unless the text of an error of your own takes its time.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.table.stop();
        let Some(thread) = self.thread.take() else { return };
        // It waits for connections. If none comes from elsewhere, here is one.
        while !thread.is_finished() && TcpStream::connect_timeout(&here(self.addr), KNOCK).is_err() {
            thread::park_timeout(Duration::from_millis(1));
        }
        // Whatever went wrong in it was caught there, or has been reported by the panic hook.
        let _ = thread.join();
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle").field("addr", &self.addr).finish_non_exhaustive()
    }
}

/// The address by which this machine reaches it.
fn here(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, addr.port())
}

/// What the server's thread has.
struct Serving {
    addr: SocketAddr,
    table: Arc<Table>,
    hosts: Hosts,
    watch: Arc<Watch>,
}

impl Serving {
    fn serve(&self, listener: TcpListener) {
        thread::scope(|scope| {
            while !self.table.is_stopped() {
                let stream = match listener.accept() {
                    Ok((stream, _)) => stream,
                    // They thought better of it.
                    Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => {
                        continue;
                    }
                    Err(_) => {
                        self.table.pause(REST);
                        continue;
                    }
                };
                let Some(seat) = self.table.seat(stream) else { break };
                let serve = move || {
                    let served = catch_unwind(AssertUnwindSafe(|| connection::serve(&seat, &self.hosts, &self.watch)));
                    served.unwrap_or_else(let_go);
                };
                let builder = thread::Builder::new().name(format!("http-{}-c", self.addr.port())).stack_size(STACK);
                // Without a thread the connection ends here; the next one may have better luck.
                let _ = builder.spawn_scoped(scope, serve);
            }
            // The address is free before those who are still connected have gone.
            drop(listener);
        });
    }
}
