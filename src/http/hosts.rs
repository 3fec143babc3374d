//! By which names the server may be asked.

use std::net::IpAddr;

/// The hosts that a request may name besides loopback.
///
/// A browser that was lured to `evil.example`, whose name then points to 127.0.0.1, sends `Host: evil.example`. That is how it is
/// told from one whose user asked for this server. The port is no matter: it may be a tunnel's.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    bound: Option<IpAddr>,
    allowed: Vec<String>,
}

impl Hosts {
    /// # Errors
    /// What cannot be a host.
    pub(super) fn new(allowed: &[String]) -> Result<Self, String> {
        let understood = |host: &String| match name_of(host.as_bytes()) {
            Some(name) if name.len() == host.len() => Ok(host.to_ascii_lowercase()),
            // An IPv6 address as it is written outside of URLs.
            _ => host.parse::<IpAddr>().map(|address| format!("[{address}]")).map_err(|_| host.clone()),
        };
        Ok(Self { bound: None, allowed: allowed.iter().map(understood).collect::<Result<_, _>>()? })
    }

    /// Adds the address that it turned out to be bound to.
    pub(super) fn bound_to(mut self, address: IpAddr) -> Self {
        self.bound = (!address.is_unspecified()).then_some(address);
        self
    }

    /// Whether a request with this `Host` is meant for this server.
    pub(super) fn allow(&self, host: &[u8]) -> bool {
        let Some(name) = name_of(host) else { return false };
        let is_ours = |address: IpAddr| address.is_loopback() || self.bound == Some(address);
        name.eq_ignore_ascii_case("localhost")
            || name.trim_matches(['[', ']']).parse().is_ok_and(is_ours)
            || self.allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
    }
}

/// `name`, `name:80`, `[::1]`, `[::1]:80`: the name, if it is one.
fn name_of(host: &[u8]) -> Option<&str> {
    let host = std::str::from_utf8(host).ok()?;
    let (name, rest) = match host.strip_prefix('[') {
        Some(inner) => host.split_at(inner.find(']')? + 2),
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let is_port = |port: &str| port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    let fits = match name.starts_with('[') {
        true => name[1..name.len() - 1].parse::<std::net::Ipv6Addr>().is_ok(),
        false => !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
    };
    (fits && (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port))).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_allowed_by_name_and_address_with_any_port() {
        let hosts = Hosts::default();
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1", "127.8.9.1:65535", "[::1]", "[::1]:9"] {
            assert!(hosts.allow(host.as_bytes()), "{host}");
        }
        for host in [
            "",
            ":80",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "[::2]",
            "[::1",
            "::1",
            "localhost:8a",
            "localhost:123456",
            "local host",
            "localhost@evil.example",
            "[]",
            "[",
        ] {
            assert!(!hosts.allow(host.as_bytes()), "{host}");
        }
        assert!(!hosts.allow(b"\xff\xfe"));
    }

    #[test]
    fn the_bound_address_and_what_was_named_are_allowed_too() {
        let hosts = Hosts::new(&["Pool.example.com".to_owned(), "fe80::1".to_owned(), "10.1.2.3".to_owned()]).unwrap();
        let hosts = hosts.bound_to([192, 168, 1, 2].into());
        for host in ["pool.example.com:80", "POOL.EXAMPLE.COM", "192.168.1.2", "localhost", "[fe80::1]:8", "10.1.2.3"] {
            assert!(hosts.allow(host.as_bytes()), "{host}");
        }
        assert!(!hosts.allow(b"example.com") && !hosts.allow(b"192.168.1.3"));
        let anywhere = Hosts::default().bound_to([0, 0, 0, 0].into());
        assert!(!anywhere.allow(b"0.0.0.0"), "no client is here");
    }

    #[test]
    fn what_cannot_be_a_host_is_told() {
        for host in ["", "http://pool", "pool:80", "*", "a b", "pool/"] {
            assert_eq!(Hosts::new(&[host.to_owned()]).unwrap_err(), host);
        }
    }
}
