//! Getting Microsoft's keys: OpenID metadata, then the key set it names.

use url::Url;

use super::KeySet;
use crate::json;
use crate::send::address;
use crate::send::transport::{Failure, Transport};

/// Key sets carry certificates: larger than an answer of Graph, still bounded.
const LIMIT: usize = 256 * 1024;

/// Fetches the key set that the metadata at `metadata_url` names.
///
/// Only `jwks_uri` is taken from the metadata: its issuer is not the host it comes from, and the algorithms it lists
/// are no names that exist, so neither can be checked against anything. The keys must come from the same host.
pub async fn fetch_keys(metadata_url: &str) -> Result<KeySet, String> {
    let (metadata_url, loopback) = address(metadata_url).map_err(|error| format!("metadata URL: {error}"))?;
    let transport = Transport::new(loopback).map_err(|Failure(why)| why)?;
    let metadata = get(&transport, metadata_url.clone()).await?;
    let metadata =
        json::parse(metadata.as_bytes()).map_err(|_| "the OpenID metadata is not JSON".to_owned())?;
    let keys_url = metadata.get("jwks_uri").and_then(serde_json::Value::as_str);
    let keys_url = keys_url.ok_or("the OpenID metadata names no jwks_uri")?;
    let (keys_url, _) = address(keys_url).map_err(|error| format!("jwks_uri: {error}"))?;
    if keys_url.origin() != metadata_url.origin() {
        return Err("the OpenID metadata sends us to another host for its keys".to_owned());
    }
    let keys =
        KeySet::from_json(&get(&transport, keys_url).await?).map_err(|error| format!("keys: {error}"))?;
    if keys.is_empty() { Err("the key set holds no usable key".to_owned()) } else { Ok(keys) }
}

async fn get(transport: &Transport, url: Url) -> Result<String, String> {
    let host = url.host_str().unwrap_or_default().to_owned();
    let answer = transport.get(url, LIMIT).await.map_err(|Failure(why)| format!("{host}: {why}"))?;
    if answer.status != 200 {
        return Err(format!("{host} answered {}", answer.status));
    }
    String::from_utf8(answer.body).map_err(|_| format!("{host} did not answer with text"))
}
