//! Who may use the page: somebody on this machine, and no page of somebody else's in their browser.
//!
//! A page on the web can make a browser ask any address of this machine. It cannot choose what the browser says of it:
//! the `Host` it looked up (another name that it points here: DNS rebinding), its `Origin`, `Sec-Fetch-Site`.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{HOST, HeaderName, HeaderValue, ORIGIN};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::middleware::Next;
use url::{Host, Url};

use super::{Door, refused};

/// Everything the page needs comes from here; it is never framed, and sends nothing elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (HeaderName::from_static("content-security-policy"), POLICY),
    (HeaderName::from_static("x-content-type-options"), "nosniff"),
    (HeaderName::from_static("referrer-policy"), "no-referrer"),
    (HeaderName::from_static("cache-control"), "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Where the simulator listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulator) struct Reach(pub(in crate::simulator) IpAddr);

impl Reach {
    /// Whether a `Host` is an address this simulator has. A name could be anybody's, so of names only `localhost` is;
    /// ports may differ, for those who forward them.
    fn has(self, host: &str) -> bool {
        if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:[]-".contains(&byte)) {
            return false;
        }
        let ours = |address: IpAddr| address.is_loopback() || self.0.is_unspecified() || address == self.0;
        match Url::parse(&format!("http://{host}")).ok().as_ref().and_then(Url::host) {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => ours(address.into()),
            Some(Host::Ipv6(address)) => ours(address.into()),
            None => false,
        }
    }
}

pub(super) async fn guard(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response<Body> {
    // A link to the page may stand anywhere: it tells nothing and does nothing by itself.
    let tells = request.uri().path() != "/";
    let mut response = match stranger(door.reach, request.headers(), tells) {
        None => next.run(request).await,
        Some(why) => {
            let message = format!("{why}; open {} in a browser of this machine", door.graph.page_url());
            refused(StatusCode::FORBIDDEN, &message, None, None)
        }
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Why this request is not answered; `None` for one that is.
fn stranger(reach: Reach, headers: &HeaderMap, tells: bool) -> Option<String> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = text(HOST).unwrap_or_default();
    if headers.get_all(HOST).iter().count() != 1 || !reach.has(host) {
        return Some(format!("this simulator has no address such as {host:.80?}"));
    }
    let same_origin = |origin: &str| origin.strip_prefix("http://") == Some(host);
    if let Some(origin) = text(ORIGIN).filter(|origin| !same_origin(origin)) {
        return Some(format!("pages of {origin:.80?} may not use this simulator"));
    }
    let site = text(HeaderName::from_static("sec-fetch-site")).unwrap_or("none");
    (tells && !matches!(site, "none" | "same-origin"))
        .then(|| "pages from elsewhere may not use this simulator".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(host: &str, more: &[(HeaderName, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(host).unwrap());
        for (name, value) in more {
            headers.insert(name, HeaderValue::from_static(value));
        }
        stranger(Reach([127, 0, 0, 1].into()), &headers, true).is_none()
    }

    #[test]
    fn only_addresses_of_this_machine_are_hosts() {
        let loopback = Reach([127, 0, 0, 1].into());
        for host in ["127.0.0.1:80", "127.9.9.9", "localhost:8080", "LOCALHOST", "[::1]:1"] {
            assert!(loopback.has(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:80",
            "evil.example@127.0.0.1",
            "127.0.0.1/evil.example",
            "evil.example#127.0.0.1",
            "192.168.1.2:80",
            "0.0.0.0:80",
            "[::2]:80",
            "localhost:80:80",
            "127.0.0.1 ",
        ] {
            assert!(!loopback.has(host), "{host}");
        }
        let told = Reach([192, 168, 1, 2].into());
        assert!(told.has("192.168.1.2:80") && told.has("localhost") && !told.has("192.168.1.3"));
        let everywhere = Reach([0, 0, 0, 0].into());
        assert!(everywhere.has("192.168.1.3:80") && !everywhere.has("evil.example"));
    }

    #[test]
    fn pages_from_elsewhere_are_strangers() {
        const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
        let host = "127.0.0.1:8080";
        assert!(asked(host, &[]), "no browser");
        assert!(asked(host, &[(ORIGIN, "http://127.0.0.1:8080"), (SITE, "same-origin")]));
        for origin in ["null", "https://evil.example", "http://127.0.0.1:8081", "https://127.0.0.1:8080"] {
            assert!(!asked(host, &[(ORIGIN, origin)]), "{origin}");
        }
        for site in ["cross-site", "same-site"] {
            assert!(!asked(host, &[(SITE, site)]), "{site}");
        }
        let mut twice = HeaderMap::new();
        twice.append(HOST, HeaderValue::from_static("127.0.0.1"));
        twice.append(HOST, HeaderValue::from_static("evil.example"));
        assert!(stranger(Reach([127, 0, 0, 1].into()), &twice, false).is_some());
    }
}
