//! Who may ask: tokens, host names and origins.

use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode, Uri};
use subtle::{Choice, ConstantTimeEq};

/// What is allowed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Access {
    /// Names under which the bridge is asked; any if there is none.
    pub(crate) hosts: Vec<String>,
    /// Origins of other pages that may ask.
    pub(crate) origins: Vec<String>,
    /// One of these is needed, if there are any.
    pub(crate) tokens: Vec<String>,
}

/// What the page loads. It says nothing of the hub, and a browser asks for it without a token.
const ASSETS: [&str; 3] = ["/page.css", "/page.js", "/topology.js"];

/// Why a request is refused.
pub(crate) type Refusal = (StatusCode, &'static str);

impl Access {
    /// Lets a request in; the origin that is to be told that it may read the answer. A question whether
    /// it may ask, a preflight, has no token yet.
    pub(crate) fn check(
        &self,
        headers: &HeaderMap,
        uri: &Uri,
        is_preflight: bool,
    ) -> Result<Option<String>, Refusal> {
        let text = |name| headers.get(name).map(|it| it.to_str().unwrap_or("?"));
        let host = text(HOST).unwrap_or_default();
        if !self.hosts.is_empty() && !self.hosts.iter().any(|it| it == name_of(host)) {
            // A page of another name that leads here, by DNS, must not be taken for ours.
            return Err((StatusCode::MISDIRECTED_REQUEST, "this host name is not known here"));
        }
        let origin = match text(ORIGIN) {
            None => None,
            Some(origin) if self.origins.iter().any(|it| it == origin) => Some(origin.to_owned()),
            Some(origin) if is_same(origin, host) => None,
            Some(_) => return Err((StatusCode::FORBIDDEN, "this origin is not allowed here")),
        };
        let is_open = is_preflight || self.tokens.is_empty() || ASSETS.contains(&uri.path());
        if !is_open && !self.knows(headers, uri) {
            return Err((StatusCode::UNAUTHORIZED, "a bearer token is needed"));
        }
        Ok(origin)
    }

    fn knows(&self, headers: &HeaderMap, uri: &Uri) -> bool {
        let header = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok());
        let bearer = header.and_then(|it| it.strip_prefix("Bearer ")).map(str::trim);
        let query = uri.query().unwrap_or_default().as_bytes();
        let mut query = form_urlencoded::parse(query).filter(|it| it.0 == "token").map(|it| it.1);
        let given = bearer.map(str::to_owned).or_else(|| query.next().map(Into::into));
        // All are compared, so that the time tells nothing.
        let is_known = |given: String| {
            let is_it = |token: &String| token.as_bytes().ct_eq(given.as_bytes());
            self.tokens.iter().fold(Choice::from(0), |known, it| known | is_it(it)).into()
        };
        given.is_some_and(is_known)
    }
}

/// The name in `name:port`.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
        _ => host,
    }
}

/// True if a page of `origin` came from `host`.
fn is_same(origin: &str, host: &str) -> bool {
    let rest = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    !host.is_empty() && rest == Some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(access: &Access, headers: &[(&'static str, &str)], uri: &str) -> u16 {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.insert(*name, value.parse().unwrap());
        }
        access.check(&all, &uri.parse().unwrap(), false).map_or_else(|it| it.0.as_u16(), |_| 200)
    }

    #[test]
    fn a_page_from_elsewhere_needs_to_be_allowed() {
        let access = Access { origins: vec!["https://a.org".into()], ..Access::default() };
        for (origin, status) in [
            ("http://localhost:80", 200),
            ("https://a.org", 200),
            ("https://a.org.evil.org", 403),
            ("http://localhost", 403),
            ("null", 403),
        ] {
            let headers = [("host", "localhost:80"), ("origin", origin)];
            assert_eq!(check(&access, &headers, "/"), status, "{origin}");
        }
        assert_eq!(check(&access, &[], "/"), 200);
    }

    #[test]
    fn another_name_is_not_ours() {
        let access =
            Access { hosts: vec!["localhost".into(), "[::1]".into()], ..Access::default() };
        for (host, status) in
            [("localhost:80", 200), ("localhost", 200), ("[::1]:80", 200), ("evil.org:80", 421)]
        {
            assert_eq!(check(&access, &[("host", host)], "/"), status, "{host}");
        }
        assert_eq!(check(&access, &[], "/"), 421);
    }

    #[test]
    fn with_tokens_one_is_needed() {
        let access = Access { tokens: vec!["one".into(), "two".into()], ..Access::default() };
        for (token, status) in
            [("Bearer one", 200), ("Bearer two", 200), ("Bearer on", 401), ("one", 401), ("", 401)]
        {
            assert_eq!(check(&access, &[("authorization", token)], "/"), status, "{token}");
        }
        assert_eq!(check(&access, &[], "/?token=two&x=1"), 200);
        assert_eq!(check(&access, &[], "/?token=three"), 401);
        for path in ["/", "/messages", "/topology", "/page.js/", "/x/page.js", "//page.js"] {
            assert_eq!(check(&access, &[], path), 401, "{path}");
        }
        for path in ASSETS {
            assert_eq!(check(&access, &[], path), 200, "{path}");
        }
    }
}
