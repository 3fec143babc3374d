//! Where the servers of this process live, and who clears up after it however it ends.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The folder of this process's servers. It goes when the process has gone, and they with it.
struct Root {
    path: PathBuf,
    /// Its standard input is a pipe that this process alone holds open.
    _caretaker: Child,
}

/// Reads until the process has ended in whatever way, and ends what is left. What still writes there is about to end by itself.
const CARETAKER: &str = "\
trap '' INT TERM HUP
cat >/dev/null
for pid in \"$0\"/*/pid; do
    if [ -f \"$pid\" ]; then kill -CONT $(cat \"$pid\"); kill -KILL $(cat \"$pid\"); fi
done 2>/dev/null
for again in 1 2 3 4 5 6 7 8 9 10; do
    if rm -rf \"$0\" 2>/dev/null; then break; fi
    sleep 0.2
done";

fn root() -> &'static Path {
    static ROOT: OnceLock<Root> = OnceLock::new();
    &ROOT.get_or_init(|| Root::make().unwrap_or_else(|error| panic!("no folder for servers: {error}"))).path
}

impl Root {
    fn make() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("slackwater-databases-{}", std::process::id()));
        fs::create_dir(&path)?;
        // The servers may run as another user.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        let mut shell = Command::new("sh");
        shell.args(["-c", CARETAKER]).arg(&path).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // Whoever interrupts the tests does not interrupt the clearing up.
        let caretaker = shell.process_group(0).spawn()?;
        Ok(Self { path, _caretaker: caretaker })
    }
}

/// A new folder, for one server.
pub fn fresh() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let path = root().join(NEXT.fetch_add(1, Relaxed).to_string());
    fs::create_dir(&path).unwrap_or_else(|error| panic!("no folder {}: {error}", path.display()));
    path
}
