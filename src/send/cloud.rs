//! Where Graph is: the national clouds, or an address of your own.

use std::fmt;

use url::{Host, Url};

/// A Microsoft cloud. Tokens of one are worth nothing in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Cloud {
    /// Worldwide, and GCC.
    #[default]
    Global,
    /// US Government L4 (GCC High).
    UsGov,
    /// US Government L5 (`DoD`).
    UsGovDod,
    /// China, operated by 21Vianet. Graph has no calls there at the time of writing.
    China,
}

impl Cloud {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Global, Self::UsGov, Self::UsGovDod, Self::China];

    /// The name in Python.
    pub fn name(self) -> &'static str {
        match self {
            Self::Global => "GLOBAL",
            Self::UsGov => "US_GOV",
            Self::UsGovDod => "US_GOV_DOD",
            Self::China => "CHINA",
        }
    }

    /// The root of Graph, without version.
    pub fn graph_root(self) -> &'static str {
        match self {
            Self::Global => "https://graph.microsoft.com",
            Self::UsGov => "https://graph.microsoft.us",
            Self::UsGovDod => "https://dod-graph.microsoft.us",
            Self::China => "https://microsoftgraph.chinacloudapi.cn",
        }
    }

    /// The root of the tokens' issuer, Microsoft Entra: tokens of a tenant come from `{authority}/{tenant}/oauth2/v2.0/token`.
    /// Another cloud's issuer does not know the tenant.
    pub fn authority(self) -> &'static str {
        match self {
            Self::Global => "https://login.microsoftonline.com",
            Self::UsGov | Self::UsGovDod => "https://login.microsoftonline.us",
            Self::China => "https://login.chinacloudapi.cn",
        }
    }

    /// The scope to ask a token for.
    pub fn scope(self) -> String {
        format!("{}/.default", self.graph_root())
    }
}

/// An address that must not be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadAddress {
    /// What is wrong and what to do.
    pub reason: String,
}

impl fmt::Display for BadAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for BadAddress {}

/// Reads an address that requests go to: https, or http on loopback; no user info, query or fragment.
/// Also says whether it is on loopback.
pub fn address(text: &str) -> Result<(Url, bool), BadAddress> {
    let bad = |why: &str| BadAddress { reason: why.to_owned() };
    // The text itself is in none of the messages: it may hold a password or a signature.
    let url = Url::parse(text).map_err(|error| bad(&format!("not a URL ({error})")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("an address must not carry user info"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("an address must not have a query or fragment"));
    }
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => return Err(bad("an address needs a host")),
    };
    match url.scheme() {
        "https" => Ok((url, loopback)),
        "http" if loopback => Ok((url, true)),
        "http" => Err(bad(&format!(
            "http is for loopback only, use https for {}",
            url.host_str().unwrap_or_default()
        ))),
        other => Err(bad(&format!("use https, not {other}"))),
    }
}
