//! A browser to look through: Chromium, led by its own chromedriver in the JSON of the WebDriver protocol.
//!
//! A client of a hundred lines instead of a library's: what tests need of the protocol is one kind of request.

use crate::support::WATCHDOG;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Longer than anything that a browser does on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A browser with one window, until it is dropped.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    profile: PathBuf,
}

impl Browser {
    /// # Panics
    /// If there is no Chromium, or no chromedriver.
    pub fn open() -> Browser {
        static PROFILES: AtomicUsize = AtomicUsize::new(0);
        let number = PROFILES.fetch_add(1, Relaxed);
        let profile = std::env::temp_dir().join(format!("slackwater-page-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&profile).unwrap();
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("this test needs Debian's packages chromium and chromium-driver");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port_of =
            |line: String| line.rsplit_once("started successfully on port ")?.1.trim_end_matches('.').parse().ok();
        let port = lines.find_map(port_of).expect("chromedriver says on which port it is");
        // Nobody reads on; it must not wait for that.
        std::thread::spawn(move || lines.for_each(drop));
        let mut browser = Browser { driver, port, session: String::new(), profile };
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--enable-precise-memory-info",
            &format!("--user-data-dir={}", browser.profile.display()),
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "timeouts": { "script": PATIENCE.as_millis() as u64 },
        }}});
        let session = browser.ask("POST", "/session", Some(wanted));
        browser.session = format!("/session/{}", session["sessionId"].as_str().expect("a session has an id"));
        browser.size(1280, 900);
        browser
    }

    pub fn go(&self, url: &str) {
        self.ask("POST", &format!("{}/url", self.session), Some(json!({ "url": url })));
    }

    /// What `script` returns.
    pub fn run(&self, script: &str) -> Value {
        let script = json!({ "script": script, "args": [] });
        self.ask("POST", &format!("{}/execute/sync", self.session), Some(script))
    }

    /// Waits until `condition` holds in the page.
    #[track_caller]
    pub fn until(&self, condition: &str) {
        let began = Instant::now();
        while self.run(&format!("return Boolean({condition})")) != true {
            let seen = || self.run("return document.body.innerText");
            assert!(began.elapsed() < 2 * WATCHDOG, "{condition} has not come about; the page says {:#}", seen());
            std::thread::yield_now();
        }
    }

    /// A command of the browser's own protocol.
    pub fn command(&self, command: &str, parameters: Value) -> Value {
        let command = json!({ "cmd": command, "params": parameters });
        self.ask("POST", &format!("{}/goog/cdp/execute", self.session), Some(command))
    }

    pub fn size(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.command("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// `light` or `dark`.
    pub fn scheme(&self, scheme: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.command("Emulation.setEmulatedMedia", features);
    }

    pub fn press(&self, key: &str) {
        for kind in ["rawKeyDown", "keyUp"] {
            let code = match key {
                "Tab" => 9,
                "End" => 35,
                "ArrowLeft" => 37,
                "ArrowUp" => 38,
                "ArrowRight" => 39,
                "ArrowDown" => 40,
                _ => panic!("no code for {key}"),
            };
            let event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            self.command("Input.dispatchKeyEvent", event);
        }
    }

    pub fn point_at(&self, selector: &str) {
        let middle = "const box = document.querySelector(arguments[0]).getBoundingClientRect(); \
                      return [box.x + box.width / 2, box.y + box.height / 2]";
        let script = json!({ "script": middle, "args": [selector] });
        let place = self.ask("POST", &format!("{}/execute/sync", self.session), Some(script));
        self.command("Input.dispatchMouseEvent", json!({ "type": "mouseMoved", "x": place[0], "y": place[1] }));
    }

    /// Metrics of the page after its garbage has been collected: heap, nodes, listeners.
    pub fn remains(&self) -> [f64; 3] {
        self.command("Performance.enable", json!({}));
        // What is only weakly held goes in the second.
        (0..2).for_each(|_| drop(self.command("HeapProfiler.collectGarbage", json!({}))));
        let metrics = self.command("Performance.getMetrics", json!({}));
        let of = |name: &str| {
            let its = metrics["metrics"].as_array().unwrap().iter().find(|metric| metric["name"] == name);
            its.and_then(|metric| metric["value"].as_f64()).expect("it measures that")
        };
        ["JSHeapUsedSize", "Nodes", "JSEventListeners"].map(of)
    }

    /// Fails if the page logged an error, or asked anybody but the server at `url`.
    #[track_caller]
    pub fn has_behaved(&self, url: &str) {
        let log = |kind: &str| self.ask("POST", &format!("{}/se/log", self.session), Some(json!({ "type": kind })));
        let said = log("browser");
        assert_eq!(said.as_array().map(Vec::len), Some(0), "the console says {said:#}");
        let events = log("performance");
        let asked: Vec<String> = events.as_array().unwrap().iter().filter_map(asked_for).collect();
        assert!(asked.iter().any(|asked| asked.ends_with("/pools.json")), "{asked:?}");
        let foreign: Vec<_> =
            asked.iter().filter(|asked| !asked.starts_with(url) && !asked.starts_with("data:")).collect();
        assert!(foreign.is_empty(), "{foreign:?}");
    }

    /// A picture of the whole page in the folder that `SLACKWATER_SCREENSHOTS` names, if it does.
    pub fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("SLACKWATER_SCREENSHOTS").map(PathBuf::from) else { return };
        let picture = self.command("Page.captureScreenshot", json!({ "captureBeyondViewport": true }));
        std::fs::write(folder.join(format!("{name}.png")), bytes_of(picture["data"].as_str().unwrap())).unwrap();
    }

    /// One request to chromedriver, on a connection of its own.
    fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let body = body.map_or(String::new(), |body| body.to_string());
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("chromedriver runs");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}")
            .unwrap();
        let mut answer = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        while answer.read_line(&mut line).expect("chromedriver answers") > 2 {
            if let Some(its) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = its.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut body = vec![0; length];
        answer.read_exact(&mut body).unwrap();
        let mut answer: Value = serde_json::from_slice(&body).expect("chromedriver speaks JSON");
        assert!(answer["value"].get("error").is_none(), "{path}: {:#}", answer["value"]);
        answer["value"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends the browser; ends of tests that failed are no place to fail again.
        if !self.session.is_empty() {
            let end = || self.ask("DELETE", &self.session, None);
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(end));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

/// The address of a request, if that is what the browser logged.
fn asked_for(entry: &Value) -> Option<String> {
    let message: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
    let message = &message["message"];
    // What the browser's own first page wants is none of ours.
    let is_ours = message["params"]["documentURL"].as_str().is_some_and(|document| !document.starts_with("chrome:"));
    let is_request = message["method"] == "Network.requestWillBeSent" && is_ours;
    is_request.then(|| message["params"]["request"]["url"].as_str().map(str::to_owned))?
}

/// Base64, as pictures come.
fn bytes_of(text: &str) -> Vec<u8> {
    let digit = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let of_four = |four: &[u8]| {
        let bits = four.iter().fold(0_u32, |bits, letter| bits << 6 | u32::from(digit(*letter)));
        [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8]
    };
    text.as_bytes().chunks_exact(4).flat_map(of_four).collect()
}
