//! Endpoints from text and back.

use super::*;

#[track_caller]
fn reads(text: &str, expect: impl Into<Endpoint>) {
    let endpoint: Endpoint = text.parse().unwrap();
    assert_eq!(endpoint, expect.into());
    assert_eq!(endpoint.to_string(), text);
}

#[track_caller]
fn refused(text: &str, expect: &str) {
    let error = text.parse::<Endpoint>().expect_err("the endpoint is refused");
    assert_eq!(error.to_string(), expect);
}

fn tcp(host: Host, port: u16) -> Endpoint {
    Endpoint::Tcp(TcpAddress { host, port })
}

fn ip(text: &str) -> Host {
    Host::Ip(text.parse().unwrap())
}

#[test]
fn every_kind_of_endpoint_is_read_and_written() {
    reads("inproc://square", Endpoint::Inproc(InprocName::new("square").unwrap()));
    reads("inproc://a/b c", Endpoint::Inproc(InprocName::new("a/b c").unwrap()));
    reads("ipc:///tmp/x.sock", Endpoint::Ipc(IpcAddress::Path("/tmp/x.sock".into())));
    reads("ipc://x.sock", Endpoint::Ipc(IpcAddress::Path("x.sock".into())));
    reads("ipc://@name", Endpoint::Ipc(IpcAddress::Abstract("name".into())));
    reads("ipc://*", Endpoint::Ipc(IpcAddress::Any));
    reads("zmq+ipc://*", Endpoint::ZmqIpc(IpcAddress::Any));
    reads("tcp://127.0.0.1:0", tcp(ip("127.0.0.1"), 0));
    reads("tcp://[::1]:65535", tcp(ip("::1"), 65_535));
    reads("tcp://*:5555", tcp(Host::Any, 5_555));
    reads("tcp://my-host.example.org:80", tcp(Host::Name("my-host.example.org".into()), 80));
    let any = TcpAddress { host: Host::Any, port: 0 };
    reads("zmq+tcp://*:0", Endpoint::ZmqTcp(any));
}

#[test]
fn a_star_is_any_free_port() {
    assert_eq!("tcp://localhost:*".parse(), Ok(tcp(Host::Name("localhost".into()), 0)));
}

#[test]
fn a_missing_or_unknown_scheme_names_the_known_ones() {
    let known = "begin with inproc://, ipc://, tcp://, zmq+ipc:// or zmq+tcp://";
    refused("127.0.0.1:5", &format!("missing scheme in \"127.0.0.1:5\": {known}"));
    refused("", &format!("missing scheme in \"\": {known}"));
    refused("udp://a:1", &format!("unknown scheme \"udp\": {known}"));
    refused("TCP://a:1", &format!("unknown scheme \"TCP\": {known}"));
}

#[test]
fn a_bad_port_is_refused() {
    let hint = "write host:port, with port 0 for any free one";
    refused("tcp://localhost", &format!("missing port in \"localhost\": {hint}"));
    refused("tcp://[::1]", &format!("missing port in \"[::1]\": {hint}"));
    for port in ["", "+5", "-1", "65536", "000080", "5/x", "http", " 5", "५"] {
        let expect = format!("bad port {port:?}: write 0 to 65535, or 0 for any free port");
        refused(&format!("tcp://localhost:{port}"), &expect);
    }
}

#[test]
fn an_ipv6_address_needs_brackets() {
    refused("tcp://::1", "IPv6 address needs brackets: write [::1]:port, not ::1");
    refused(
        "tcp://fe80::1:80",
        "IPv6 address needs brackets: write [fe80::1:80]:port, not fe80::1:80",
    );
    refused(
        "tcp://1:2:3:4:5:6:7:8:80",
        "IPv6 address needs brackets: write [1:2:3:4:5:6:7:8]:port, not 1:2:3:4:5:6:7:8",
    );
    refused("tcp://[fe80::1%eth0]:80", "bad host \"[fe80::1%eth0]\": IPv6 zones are not supported");
    refused("tcp://[::1:80", "bad host \"[::1\": the bracket is not closed");
    refused("tcp://[1.2.3.4]:80", "bad host \"[1.2.3.4]\": not an IPv6 address");
}

#[test]
fn a_bad_host_is_refused_with_the_rule() {
    let bad = |host: &str, reason: &str| {
        refused(&format!("tcp://{host}:1"), &format!("bad host {host:?}: {reason}"));
    };
    bad("", "the host is empty; write * for all interfaces");
    bad("256.1.1.1", "not an IPv4 address");
    bad("1.2.3", "not an IPv4 address");
    bad("a..b", "each part between dots has 1 to 63 bytes");
    bad(&"x".repeat(64), "each part between dots has 1 to 63 bytes");
    bad(&"x.".repeat(127), "a host name has at most 253 bytes");
    bad("-a", "no part begins or ends with a hyphen");
    bad("user@host", "a host name has letters, digits, hyphens and dots");
    bad("a;b", "a host name has letters, digits, hyphens and dots");
    bad("größe", "a host name has letters, digits, hyphens and dots");
    bad("http:", "an IPv6 address needs brackets");
}

#[test]
fn empty_long_and_unprintable_parts_are_refused() {
    refused("tcp://", "tcp address is empty");
    refused("inproc://", "inproc name is empty");
    refused("ipc://", "ipc path is empty");
    refused("ipc://@", "abstract ipc name is empty");
    refused("ipc:///tmp/\0", "ipc path contains '\\0'");
    refused("inproc://a\nb", "inproc name contains '\\n'");
    let name = "x".repeat(256);
    refused(&format!("inproc://{name}"), "endpoint of 256 bytes is too long, the limit is 255");
    refused(&format!("ipc://{name}"), "endpoint of 256 bytes is too long, the limit is 107");
    refused(&"x".repeat(1_025), "endpoint of 1025 bytes is too long, the limit is 1024");
}

#[test]
fn only_what_stays_on_this_machine_is_loopback() {
    let local = ["inproc://a", "ipc://*", "zmq+ipc:///a", "tcp://127.9.9.9:1", "tcp://[::1]:1"];
    let others = ["tcp://LocalHost:1", "zmq+tcp://[::ffff:127.0.0.1]:1"];
    for text in local.into_iter().chain(others) {
        assert!(text.parse::<Endpoint>().unwrap().is_loopback(), "{text}");
    }
    let remote = ["tcp://*:1", "tcp://0.0.0.0:1", "tcp://[::]:1", "tcp://localhost.example.org:1"];
    for text in remote {
        assert!(!text.parse::<Endpoint>().unwrap().is_loopback(), "{text}");
    }
}

#[test]
fn a_file_that_looks_like_an_abstract_name_is_written_as_a_file() {
    for path in ["@x", "*"] {
        let text = Endpoint::Ipc(IpcAddress::Path(path.into())).to_string();
        let expect = Endpoint::Ipc(IpcAddress::Path(format!("./{path}").into()));
        assert_eq!(text.parse(), Ok(expect));
    }
}

#[test]
fn callers_may_pass_text_or_endpoints() {
    fn take(
        at: impl TryInto<Endpoint, Error: Into<EndpointError>>,
    ) -> Result<Endpoint, EndpointError> {
        at.try_into().map_err(Into::into)
    }
    let endpoint = take("tcp://127.0.0.1:1").unwrap();
    assert_eq!(take(&endpoint).unwrap(), endpoint);
    assert_eq!(take(endpoint.to_string()).unwrap(), endpoint);
    let text = endpoint.to_string();
    assert_eq!(take(&text).unwrap(), endpoint);
    assert_eq!(text, "tcp://127.0.0.1:1");
    assert_eq!(take(SocketAddr::from(([127, 0, 0, 1], 1))).unwrap(), endpoint);
    assert_eq!(take(endpoint.clone()).unwrap(), endpoint);
    assert!(take("nothing").is_err());
}

#[test]
fn an_endpoint_is_text_to_serde() {
    let endpoint: Endpoint = "zmq+tcp://[::1]:7".parse().unwrap();
    let json = serde_json::to_string(&endpoint).unwrap();
    assert_eq!(json, "\"zmq+tcp://[::1]:7\"");
    assert_eq!(serde_json::from_str::<Endpoint>(&json).unwrap(), endpoint);
    assert!(serde_json::from_str::<Endpoint>("\"tcp://x\"").is_err());
}

#[cfg(unix)]
#[test]
fn a_path_that_is_not_utf_8_is_not_serialised() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::PathBuf};

    let path = PathBuf::from(OsStr::from_bytes(b"/tmp/\xff"));
    assert!(serde_json::to_string(&Endpoint::Ipc(IpcAddress::Path(path))).is_err());
}
