//! Calls that another region's bot takes: Graph follows an answer of 302 there.

use std::sync::Arc;

use crate::send::{BadAddress, address};

/// Regions of callers (`emea`, `apac`, `amer`, ...), and the webhook that takes their calls.
#[derive(Debug, Clone, Default)]
pub struct Regions(Vec<(String, Arc<str>)>);

impl Regions {
    /// The addresses must be https, or http on loopback.
    pub fn new(regions: impl IntoIterator<Item = (String, String)>) -> Result<Self, BadAddress> {
        let checked = |(region, url): (String, String)| {
            let (checked, _) = address(&url).map_err(|error| BadAddress {
                reason: format!("the address of region {region:?}: {error}"),
            })?;
            Ok((region, Arc::from(checked.as_str())))
        };
        regions.into_iter().map(checked).collect::<Result<_, _>>().map(Self)
    }

    /// Where the calls of that region go, unless it is here.
    pub(super) fn webhook(&self, region: Option<&str>) -> Option<Arc<str>> {
        let region = region?;
        self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(region)).map(|(_, url)| Arc::clone(url))
    }
}
