//! Resource URLs and call ids, friendly and hostile.

use callredirect::notification::{Part, Resource, id_key, is_id};

const ID: &str = "491f0b00-ffff-4bc9-a43e-b226498ec22a";

#[test]
fn the_parts_of_a_call() {
    for (url, part) in [
        ("/communications/calls/{id}", Part::Call),
        ("/communications/calls/{id}/", Part::Call),
        ("communications/calls/{id}", Part::Call),
        ("/Communications/Calls/{id}", Part::Call),
        ("/app/calls/{id}", Part::Call),
        ("/applications/24701998-1a73-4d42-8085-bf46ed0ae039/calls/{id}", Part::Call),
        ("/communications/calls/{id}/participants", Part::Participants),
        ("/communications/calls/{id}/Participants/", Part::Participants),
        ("/communications/calls/{id}/participants/a-b", Part::Participants),
        ("/app/calls/{id}/operations/op-1", Part::Operation("op-1")),
        ("/communications/calls/{id}/operations", Part::Other("operations")),
        ("/communications/calls/{id}/operations/..", Part::Other("operations")),
        ("/communications/calls/{id}/contentsharingsessions", Part::Other("contentsharingsessions")),
        ("/communications/calls/{id}/contentsharingsessions/a-b", Part::Other("contentsharingsessions")),
    ] {
        let url = url.replace("{id}", ID);
        assert_eq!(Resource::parse(&url), Some(Resource { call_id: ID, part }), "{url}");
    }
}

#[test]
fn what_names_no_call() {
    for url in [
        "",
        "/",
        "/communications",
        "/communications/calls",
        "/communications/calls/",
        "/communications/calls//",
        "/communications/calls//participants",
        "/communications/onlineMeetings/{id}",
        "/users/{id}",
        "/me/calls/{id}",
        "/v1.0/communications/calls/{id}",
        "//communications/calls/{id}",
        "//evil.example/communications/calls/{id}",
        "https://graph.microsoft.com/v1.0/communications/calls/{id}",
        "https://evil.example/communications/calls/{id}",
        "\\\\evil\\share",
        "/communications\\calls\\{id}",
        "/communications/calls/{id}\\..\\..",
        "/communications/calls/../../me",
        "/communications/calls/{id}/../../../me",
        "/communications/calls/{id}//",
        "/communications/calls/{id}?$expand=x",
        "/communications/calls/{id}#x",
        "/communications/calls/{id}%2f..",
        "/communications/calls/{id}/redirect?x",
        "/communications/calls/{id} /participants",
        "/communications/calls/('{id}')",
        " /communications/calls/{id}",
        "/communications/calls/{id}\r\nHost: evil",
        "/applications/calls/{id}",
    ] {
        let url = url.replace("{id}", ID);
        assert_eq!(Resource::parse(&url), None, "{url:?}");
    }
}

#[test]
fn ids() {
    let longest = "x".repeat(128);
    for id in [ID, "57DAB8B1894C409AB240BD8BEAE78896", "a", "_", "-", "A_b-9", &longest] {
        assert!(is_id(id), "{id}");
    }
    let too_long = "x".repeat(129);
    for id in [
        "",
        " ",
        ".",
        "..",
        "a b",
        "a/b",
        "a\\b",
        "../../users",
        "..%2f..%2fusers",
        "a?b",
        "a#b",
        "a;b",
        "a:b",
        "a@b",
        "a%00",
        "a\0b",
        "a\r\nb",
        "a\n",
        "{id}",
        "$batch",
        "microsoft.graph.redirect",
        "a'b",
        "a\"b",
        "a,b",
        "a+b",
        "caf\u{e9}",
        "\u{202e}491f0b00",
        "491f0b00\u{200b}",
        "\u{ff21}",
        "\u{661}",
        "\u{1f600}",
        &too_long,
    ] {
        assert!(!is_id(id), "{id:?}");
        let url = format!("/communications/calls/{id}");
        let read = Resource::parse(&url).map(|resource| resource.call_id.to_owned());
        // `a/b` is call `a` and its part `b`: whatever is read, it is an id that steers nowhere.
        assert!(read.is_none_or(|read| id == "a/b" && read == "a"), "{url:?}");
    }
}

#[test]
fn one_guid_has_one_key_however_it_is_spelled() {
    let key = "57dab8b1894c409ab240bd8beae78896";
    for id in [
        "57DAB8B1894C409AB240BD8BEAE78896",
        "57dab8b1894c409ab240bd8beae78896",
        "57dab8b1-894c-409a-b240-bd8beae78896",
        "57DAB8B1-894C-409A-B240-BD8BEAE78896",
    ] {
        assert_eq!(id_key(id), key, "{id}");
    }
    assert_ne!(id_key("a_b"), id_key("ab"));
    assert_ne!(id_key(ID), key);
}
