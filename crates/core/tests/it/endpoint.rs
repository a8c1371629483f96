//! Endpoints survive being text.

use std::net::IpAddr;

use gleis_core::{Endpoint, Host, InprocName, IpcAddress, TcpAddress};
use proptest::prelude::*;

fn host() -> impl Strategy<Value = Host> {
    prop_oneof![
        Just(Host::Any),
        any::<IpAddr>().prop_map(Host::Ip),
        "[a-z]([a-z0-9-]{0,8}[a-z0-9])?(\\.[a-z][a-z0-9_]{0,8}){0,3}".prop_map(Host::Name),
    ]
}

fn ipc() -> impl Strategy<Value = IpcAddress> {
    prop_oneof![
        Just(IpcAddress::Any),
        "[^\\p{Cc}]{1,20}".prop_map(IpcAddress::Abstract),
        "/[^\\p{Cc}]{1,20}".prop_map(|it| IpcAddress::Path(it.into())),
    ]
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    let tcp = || (host(), any::<u16>()).prop_map(|(host, port)| TcpAddress { host, port });
    let inproc = "[^\\p{Cc}]{1,60}".prop_map(|it| InprocName::new(it).expect("a good name"));
    prop_oneof![
        inproc.prop_map(Endpoint::Inproc),
        ipc().prop_map(Endpoint::Ipc),
        ipc().prop_map(Endpoint::ZmqIpc),
        tcp().prop_map(Endpoint::Tcp),
        tcp().prop_map(Endpoint::ZmqTcp),
    ]
}

proptest! {
    #[test]
    fn an_endpoint_is_read_back_from_its_text(endpoint in endpoint()) {
        let text = endpoint.to_string();
        prop_assert_eq!(text.parse::<Endpoint>(), Ok(endpoint), "{}", text);
    }

    #[test]
    fn any_text_is_an_error_or_an_endpoint_that_stays_the_same(
        text in "((zmq\\+)?(tcp|ipc|inproc)://)?[*@a-c0-9:.%\\[\\]/-]{0,12}|\\PC{0,20}",
    ) {
        if let Ok(endpoint) = text.parse::<Endpoint>() {
            prop_assert_eq!(endpoint.to_string().parse::<Endpoint>(), Ok(endpoint));
        }
    }
}
