//! Getting Microsoft's keys: OpenID metadata, then the key set it names.

use std::time::Duration;

use tokio::time::timeout;
use url::Url;

use super::KeySet;
use crate::json;
use crate::send::transport::{Failure, Transport};
use crate::send::{BadAddress, address};

/// Key sets carry certificates: larger than an answer of Graph, still bounded.
const LIMIT: usize = 256 * 1024;

/// For both documents together: somebody waits for a reply.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where keys are published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySource {
    metadata_url: Url,
    loopback: bool,
    text: String,
    key_hosts: Vec<String>,
}

impl KeySource {
    /// OpenID metadata at `metadata_url`: https, or http on loopback.
    ///
    /// The keys must be on the metadata's own host, as those of every cloud known are, or on one of `key_hosts`.
    pub fn new(metadata_url: &str, key_hosts: &[String]) -> Result<Self, BadAddress> {
        let (url, loopback) = address(metadata_url)?;
        let key_hosts = key_hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Ok(Self { metadata_url: url, loopback, text: metadata_url.to_owned(), key_hosts })
    }

    /// Where the metadata is, as it was given.
    pub fn metadata_url(&self) -> &str {
        &self.text
    }

    /// Fetches the key set.
    ///
    /// Only `jwks_uri` is taken from the metadata: its issuer is not the host it comes from, and the algorithms it
    /// lists are no names that exist, so neither can be checked against anything.
    pub async fn fetch(&self) -> Result<KeySet, String> {
        timeout(TIMEOUT, self.fetch_both()).await.unwrap_or_else(|_| {
            Err(format!("{}: no keys within {} s", host(&self.metadata_url), TIMEOUT.as_secs()))
        })
    }

    async fn fetch_both(&self) -> Result<KeySet, String> {
        let transport = Transport::new(self.loopback).map_err(|Failure(why)| why)?;
        let metadata = json::parse(get(&transport, &self.metadata_url).await?.as_bytes())
            .map_err(|_| "the OpenID metadata is not JSON".to_owned())?;
        let keys_url = metadata.get("jwks_uri").and_then(serde_json::Value::as_str);
        let keys_url = keys_url.ok_or("the OpenID metadata names no jwks_uri")?;
        let (keys_url, loopback) = address(keys_url).map_err(|error| format!("jwks_uri: {error}"))?;
        let allowed = keys_url.origin() == self.metadata_url.origin()
            || self.key_hosts.iter().any(|allowed| allowed == host(&keys_url));
        if !allowed || loopback != self.loopback {
            return Err("the OpenID metadata sends us to another host for its keys".to_owned());
        }
        let keys = get(&transport, &keys_url).await?;
        let keys = KeySet::from_json(&keys).map_err(|error| format!("keys: {error}"))?;
        if keys.is_empty() { Err("the key set holds no usable key".to_owned()) } else { Ok(keys) }
    }
}

async fn get(transport: &Transport, url: &Url) -> Result<String, String> {
    let answer = transport.get(url, LIMIT).await;
    let answer = answer.map_err(|Failure(why)| format!("{}: {why}", host(url)))?;
    if answer.status != 200 {
        return Err(format!("{} answered {}", host(url), answer.status));
    }
    String::from_utf8(answer.body).map_err(|_| format!("{} did not answer with text", host(url)))
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}
