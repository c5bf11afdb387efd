//! Addresses that requests may go to, and those they must not.

use callredirect::send::{Cloud, address};

#[test]
fn good_ones_and_whether_they_are_on_loopback() {
    for (text, loopback) in [
        ("https://graph.microsoft.com", false),
        ("https://graph.microsoft.com/", false),
        ("HTTPS://Graph.Microsoft.Com:8443/base", false),
        ("https://10.0.0.1", false),
        ("https://localhost:8443", true),
        ("http://localhost:8000", true),
        ("http://LOCALHOST", true),
        ("http://127.0.0.1:1", true),
        ("http://127.8.9.10", true),
        ("http://127.1", true),
        ("http://2130706433", true),
        ("http://[::1]:8000", true),
    ] {
        assert_eq!(address(text).map(|(_, loopback)| loopback), Ok(loopback), "{text}");
    }
    for cloud in Cloud::ALL {
        let (url, loopback) = address(cloud.graph_root()).unwrap();
        assert_eq!((url.scheme(), loopback), ("https", false));
        assert_eq!(cloud.scope(), format!("{}/.default", cloud.graph_root()));
    }
}

/// The table of Microsoft's documentation on national clouds.
#[test]
fn each_cloud_has_its_own_graph_and_issuer() {
    let rows = [
        ("GLOBAL", "https://graph.microsoft.com", "https://login.microsoftonline.com"),
        ("US_GOV", "https://graph.microsoft.us", "https://login.microsoftonline.us"),
        ("US_GOV_DOD", "https://dod-graph.microsoft.us", "https://login.microsoftonline.us"),
        ("CHINA", "https://microsoftgraph.chinacloudapi.cn", "https://login.chinacloudapi.cn"),
    ];
    let found = Cloud::ALL.map(|cloud| (cloud.name(), cloud.graph_root(), cloud.authority()));
    assert_eq!(found, rows);
    for cloud in Cloud::ALL {
        let (url, loopback) = address(cloud.authority()).unwrap();
        assert_eq!((url.scheme(), url.path(), loopback), ("https", "/", false));
    }
}

#[test]
fn bad_ones_and_why() {
    for (text, why) in [
        ("http://graph.microsoft.com", "loopback"),
        ("http://localhost.evil.example", "loopback"),
        ("http://127.0.0.1.evil.example", "loopback"),
        ("http://localhost.", "loopback"),
        ("http://0.0.0.0", "loopback"),
        ("http://[::]", "loopback"),
        ("http://[::ffff:127.0.0.1]", "loopback"),
        ("http://10.0.0.1", "loopback"),
        ("http://169.254.169.254", "loopback"),
        ("https://user@graph.microsoft.com", "user info"),
        ("https://user:pass@graph.microsoft.com", "user info"),
        ("https://:pass@graph.microsoft.com", "user info"),
        ("https://graph.microsoft.com@evil.example", "user info"),
        ("https://graph.microsoft.com?x=1", "query"),
        ("https://graph.microsoft.com/?", "query"),
        ("https://graph.microsoft.com/#f", "query"),
        ("ftp://graph.microsoft.com", "https"),
        ("ws://localhost", "https"),
        ("file:///etc/passwd", "host"),
        ("unix:/run/graph.sock", "host"),
        ("data:text/plain,x", "host"),
        ("javascript:alert(1)", "host"),
        ("graph.microsoft.com", "not a URL"),
        ("//graph.microsoft.com", "not a URL"),
        ("/v1.0", "not a URL"),
        ("https://", "not a URL"),
        ("https://[::1", "not a URL"),
        ("", "not a URL"),
        ("localhost:8000", "host"),
    ] {
        let error = address(text).expect_err(text);
        assert!(error.reason.contains(why), "{text}: {error}");
    }
}

#[test]
fn a_complaint_repeats_no_secret() {
    for text in [
        "https://user:canary@graph.microsoft.com",
        "https://user:canary@",
        "https://user:canary@[graph",
        "https://graph.microsoft.com?sig=canary",
        "https://graph.microsoft.com#canary",
        "canary",
        "ftp://canary.example",
    ] {
        let error = address(text).expect_err(text);
        assert!(!format!("{error} {error:?}").contains("canary"), "{text}: {error}");
    }
}
