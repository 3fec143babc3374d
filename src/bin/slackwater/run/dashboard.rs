//! `--dashboard`: the pools' live page, for as long as the run lasts.

use std::io::{self, Write};

use slackwater::http::{ServeError, ServerHandle};

use super::{NO_OUTPUT, USAGE};

/// Where it is served unless told otherwise: any port that is free, for programs on this machine.
pub const ANYWHERE: &str = "127.0.0.1:0";

/// A live page that is up.
pub struct Dashboard(ServerHandle);

impl Dashboard {
    /// Says where the pools in use are served: also to who wants to be told nothing else, as nobody could guess the port.
    /// # Errors
    /// Why not, with what to try, and the exit code for that.
    pub fn open(served: Result<ServerHandle, ServeError>) -> Result<Self, (u8, String)> {
        let server = served.map_err(|error| match error {
            ServeError::Remote { addr } => (
                USAGE,
                format!(
                    "--dashboard: {addr} can be reached from other machines, and the page asks nobody who they are; serve on \
                     127.0.0.1, and let those come by a tunnel, such as ssh -L"
                ),
            ),
            ServeError::Address { .. } | ServeError::Host { .. } => (USAGE, format!("--dashboard: {error}")),
            _ => (NO_OUTPUT, format!("--dashboard: {error}")),
        })?;
        let _ = writeln!(io::stderr(), "live page: {}", server.url());
        Ok(Self(server))
    }

    /// Takes it down.
    pub fn close(self, quiet: bool) {
        let url = self.0.url();
        self.0.stop();
        if !quiet {
            let _ = writeln!(io::stderr(), "the run is over, and so is the live page at {url}");
        }
    }
}
