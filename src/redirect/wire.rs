//! The JSON that Graph gets.

use super::Redirect;

/// Version of the Graph API; it decides which members exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiVersion {
    /// `v1.0`: targets, timeout, callbackUri.
    V1,
    /// `beta`: also targetDisposition, maskCallee, maskCaller.
    Beta,
}

impl ApiVersion {
    /// As in the URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1.0",
            Self::Beta => "beta",
        }
    }
}

impl Redirect {
    /// Compact JSON, members in the order of the documentation.
    pub fn to_json(&self) -> String {
        String::new()
    }
}
