//! One recorded request, and the line it is kept in.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::stamp;

/// Of the lines written here. A reader ignores members it does not know; what it would misread gets another number.
const VERSION: u32 = 1;

/// One webhook request and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// When it came, in microseconds since 1970.
    pub received_at: i64,
    /// HTTP method, if it was told.
    pub method: Option<String>,
    /// Path of the URL, if it was told.
    pub path: Option<String>,
    /// Headers that are neither secret nor of one connection only, by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body, byte for byte unless it is redacted.
    pub body: Vec<u8>,
    /// Whether phone numbers, names and the like were replaced.
    pub redacted: bool,
    /// What became of it.
    pub verdict: Verdict,
}

/// What a bot made of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The HTTP status answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Whether its token was genuine; unknown where nothing was verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The calls it is about.
    #[serde(default)]
    pub calls: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    version: u32,
    received_at: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<Cow<'a, str>>,
    #[serde(default)]
    headers: Cow<'a, BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Cow<'a, str>>,
    /// In place of `body`, one that is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body_base64: Option<Cow<'a, str>>,
    #[serde(default)]
    redacted: bool,
    #[serde(default)]
    verdict: Cow<'a, Verdict>,
}

impl Recorded {
    /// The request as a line, its end included.
    pub fn to_line(&self) -> Vec<u8> {
        let text = std::str::from_utf8(&self.body).ok();
        let line = Line {
            version: VERSION,
            received_at: stamp::written(self.received_at).into(),
            method: self.method.as_deref().map(Cow::Borrowed),
            path: self.path.as_deref().map(Cow::Borrowed),
            headers: Cow::Borrowed(&self.headers),
            body: text.map(Cow::Borrowed),
            body_base64: if text.is_some() { None } else { Some(STANDARD.encode(&self.body).into()) },
            redacted: self.redacted,
            verdict: Cow::Borrowed(&self.verdict),
        };
        let mut line = serde_json::to_vec(&line).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// Reads a line; or says why it is none.
    pub fn from_line(line: &[u8]) -> Result<Self, String> {
        // Serde quotes values it did not expect, and they may be anybody's.
        let line: Line<'_> = serde_json::from_slice(line).map_err(|error| {
            let what = if error.is_eof() { "the line breaks off" } else { "not a line of a recording" };
            format!("{what}, column {}", error.column())
        })?;
        if line.version != VERSION {
            return Err(format!(
                "of version {}, and this callredirect reads {VERSION}: update it",
                line.version
            ));
        }
        let received_at = stamp::read(&line.received_at).ok_or("`receivedAt` is not a moment of RFC 3339")?;
        let body = match (line.body, line.body_base64) {
            (Some(text), None) => text.into_owned().into_bytes(),
            (None, Some(text)) => {
                STANDARD.decode(text.as_bytes()).map_err(|_| "`bodyBase64` is not base64")?
            }
            _ => return Err("neither `body` nor `bodyBase64`, or both".to_owned()),
        };
        Ok(Self {
            received_at,
            method: line.method.map(Cow::into_owned),
            path: line.path.map(Cow::into_owned),
            headers: line.headers.into_owned(),
            body,
            redacted: line.redacted,
            verdict: line.verdict.into_owned(),
        })
    }
}
