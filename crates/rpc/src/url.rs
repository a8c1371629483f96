//! Where links lead.

use std::fmt;
use std::str::FromStr;

use gleis_core::Endpoint;

use crate::error::UrlError;

/// What a socket is for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Role {
    /// Publishes to all that subscribe.
    Pub,
    /// Takes what is pushed.
    Pull,
    /// Pushes.
    Push,
    /// Answers.
    Rep,
    /// Asks.
    Req,
    /// Subscribes.
    Sub,
}

impl Role {
    const ALL: [Self; 6] = [Self::Pub, Self::Pull, Self::Push, Self::Rep, Self::Req, Self::Sub];

    /// What stands at the other end.
    pub fn twin(self) -> Self {
        match self {
            Self::Pub => Self::Sub,
            Self::Pull => Self::Push,
            Self::Push => Self::Pull,
            Self::Rep => Self::Req,
            Self::Req => Self::Rep,
            Self::Sub => Self::Pub,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pub => "pub",
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Rep => "rep",
            Self::Req => "req",
            Self::Sub => "sub",
        })
    }
}

/// The URL of a link: `zmq://HOST:PORT/TYPE[/TOPIC][?transport=tcp|ipc|inproc]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Url {
    /// Where the socket is.
    pub endpoint: Endpoint,
    /// What it is.
    pub role: Role,
    /// What stands before each message.
    pub topic: Option<String>,
}

impl Url {
    /// What whoever wants to talk to this connects to.
    #[must_use]
    pub fn twin(&self) -> Self {
        Self { role: self.role.twin(), ..self.clone() }
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<Self, UrlError> {
        let form = || UrlError::Form { url: url.to_owned() };
        let (scheme, rest) = url.split_once("://").ok_or_else(form)?;
        if scheme != "zmq" {
            return Err(UrlError::Scheme { scheme: scheme.to_owned() });
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let transport = query.split('&').find_map(|it| it.strip_prefix("transport="));
        let transport = transport.unwrap_or("tcp");
        if !["inproc", "ipc", "tcp"].contains(&transport) {
            return Err(UrlError::Transport { transport: transport.to_owned() });
        }
        let mut parts = rest.split('/');
        let (Some(place @ [_, ..]), Some(kind), topic, None) =
            (parts.next().map(str::as_bytes), parts.next(), parts.next(), parts.next())
        else {
            return Err(form());
        };
        let place = std::str::from_utf8(place).unwrap_or_default();
        let is_it = |it: &&Role| it.to_string().eq_ignore_ascii_case(kind);
        let role = Role::ALL.iter().find(is_it).copied();
        let role = role.ok_or_else(|| UrlError::Type { kind: kind.to_owned() })?;
        let endpoint: Result<Endpoint, _> = format!("{transport}://{place}").parse();
        let endpoint = endpoint.map_err(|error| UrlError::Address {
            url: url.to_owned(),
            reason: error.to_string(),
        })?;
        let topic = topic.filter(|it| !it.is_empty()).map(str::to_owned);
        Ok(Self { endpoint, role, topic })
    }
}

impl TryFrom<&str> for Url {
    type Error = UrlError;

    fn try_from(url: &str) -> Result<Self, UrlError> {
        url.parse()
    }
}

impl TryFrom<String> for Url {
    type Error = UrlError;

    fn try_from(url: String) -> Result<Self, UrlError> {
        url.parse()
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = self.endpoint.to_string();
        let (transport, place) = endpoint.split_once("://").unwrap_or(("tcp", &endpoint));
        write!(f, "zmq://{place}/{}", self.role)?;
        if let Some(topic) = &self.topic {
            write!(f, "/{topic}")?;
        }
        if transport == "tcp" { Ok(()) } else { write!(f, "?transport={transport}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_comes_back_as_it_was() {
        for url in [
            "zmq://0.0.0.0:7050/rep",
            "zmq://localhost:7050/req",
            "zmq://127.0.0.1:1/sub/news",
            "zmq://addr1/push?transport=inproc",
        ] {
            assert_eq!(url.parse::<Url>().unwrap().to_string(), url);
        }
        let upper: Url = "zmq://a:1/PUB?transport=tcp".parse().unwrap();
        assert_eq!((upper.role, upper.twin().role), (Role::Pub, Role::Sub));
    }

    #[test]
    fn what_is_no_url_is_told() {
        for (url, says) in [
            ("", "is not zmq://"),
            ("zmq://a:1", "is not zmq://"),
            ("zmq:///rep", "is not zmq://"),
            ("zmq://a:1/rep/topic/more", "is not zmq://"),
            ("http://a:1/rep", "\"http\" is not a known scheme"),
            ("zmq://a:1/dealer", "\"dealer\" is no type of socket"),
            ("zmq://a:1/rep?transport=udp", "\"udp\" is no transport"),
            ("zmq://a:x/rep", "no address in"),
        ] {
            let error = url.parse::<Url>().unwrap_err().to_string();
            assert!(error.contains(says), "{url}: {error}");
        }
    }
}
