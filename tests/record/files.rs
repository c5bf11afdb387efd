//! The file: several writers, torn lines, rotation, disks that refuse.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use callredirect::record::{Recorded, read};

use crate::{Folder, PATIENCE, seen};

#[test]
fn a_body_comes_back_byte_for_byte() {
    let folder = Folder::new();
    let recorder = folder.recorder(None, false);
    let bodies: [&[u8]; 5] =
        [b"", b"{\"a\": \"\\u00e9\"}\r\n", b"\xff\xfe\x00", "\u{feff}\u{2028}😀\0".as_bytes(), b"\n\n"];
    for body in bodies {
        assert_eq!(recorder.record(seen(body)), None);
    }
    assert!(recorder.close(PATIENCE));
    let reading = read(&folder.file()).unwrap();
    assert!(reading.skipped.is_empty());
    let read: Vec<_> = reading.requests.iter().map(|request| request.body.as_slice()).collect();
    assert_eq!(read, bodies);
    assert_eq!(recorder.counts(), (5, 0));
}

#[test]
fn only_its_owner_may_read_it() {
    let folder = Folder::new();
    let recorder = folder.recorder(None, true);
    recorder.record(seen("{}"));
    assert!(recorder.close(PATIENCE));
    for file in fs::read_dir(&folder.0).unwrap() {
        assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn after_a_torn_line_the_next_is_a_fresh_one() {
    let folder = Folder::new();
    let recorder = folder.recorder(None, false);
    recorder.record(seen("first"));
    assert!(recorder.flush(PATIENCE));
    let mut file = OpenOptions::new().append(true).open(folder.file()).unwrap();
    file.write_all(br#"{"version":1,"receivedAt":"2026-11-2"#).unwrap();
    recorder.record(seen("second"));
    assert!(recorder.close(PATIENCE));
    let reading = read(&folder.file()).unwrap();
    let bodies: Vec<_> = reading.requests.iter().map(|request| request.body.clone()).collect();
    assert_eq!(bodies, [b"first".to_vec(), b"second".to_vec()]);
    assert_eq!(reading.skipped.len(), 1);
    assert!(
        reading.skipped[0].contains("line 2") && reading.skipped[0].contains("breaks off"),
        "{:?}",
        reading.skipped
    );
}

#[test]
fn several_writers_rotate_one_file_and_lose_nothing() {
    const WRITERS: usize = 4;
    const EACH: usize = 200;
    let folder = Folder::new();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let recorder = folder.recorder(Some(4096), false);
            scope.spawn(move || {
                for number in 0..EACH {
                    recorder.record(seen(format!("{writer}:{number}")));
                }
                assert!(recorder.close(PATIENCE));
                assert_eq!(recorder.counts(), (EACH as u64, 0));
            });
        }
    });
    let reading = read(&folder.file()).unwrap();
    assert!(reading.skipped.is_empty(), "{:?}", reading.skipped);
    for writer in 0..WRITERS {
        let own = format!("{writer}:");
        let texts = reading.requests.iter().map(|request| String::from_utf8(request.body.clone()).unwrap());
        let numbers: Vec<usize> =
            texts.filter_map(|text| text.strip_prefix(&own).map(|number| number.parse().unwrap())).collect();
        assert_eq!(numbers, (0..EACH).collect::<Vec<_>>(), "of writer {writer}");
    }
    for file in fs::read_dir(&folder.0).unwrap() {
        assert!(file.unwrap().metadata().unwrap().len() <= 4096);
    }
}

#[test]
fn no_more_files_are_kept_than_asked_for() {
    for keep in [0, 2] {
        let folder = Folder::new();
        let mut options = folder.recorder(Some(300), false).options().clone();
        options.keep = keep;
        let recorder = callredirect::record::Recorder::new(options);
        for number in 0..20 {
            recorder.record(seen(number.to_string()));
        }
        assert!(recorder.close(PATIENCE));
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), keep as usize + 1);
        assert_eq!(read(&folder.file()).unwrap().requests.last().unwrap().body, b"19");
    }
}

#[test]
fn a_disk_that_refuses_costs_recordings_and_one_warning_a_minute() {
    let folder = Folder::new();
    let recorder = folder.recorder(None, false);
    fs::create_dir(folder.file()).unwrap();
    let mut warnings = Vec::new();
    for _ in 0..2 {
        // Told by whichever comes after the fault.
        warnings.extend(recorder.record(seen("lost")));
        assert!(recorder.flush(PATIENCE));
        warnings.extend(recorder.warning());
    }
    assert_eq!((warnings.len(), recorder.counts()), (1, (0, 2)));
    assert!(warnings[0].contains("calls.jsonl") && warnings[0].contains("1 so far"), "{warnings:?}");
    fs::remove_dir(folder.file()).unwrap();
    recorder.record(seen("kept"));
    assert!(recorder.close(PATIENCE));
    assert_eq!(recorder.counts(), (1, 2));
}

#[test]
fn a_full_disk_leaves_no_half_line() {
    // /dev/full refuses every write; a file that is none is refused before.
    let folder = Folder::new();
    std::os::unix::fs::symlink("/dev/full", folder.file()).unwrap();
    let recorder = folder.recorder(None, false);
    recorder.record(seen("lost"));
    assert!(recorder.close(PATIENCE));
    assert_eq!(recorder.counts(), (0, 1));
    assert!(recorder.warning().unwrap().contains("not a file"));
}

#[test]
fn a_queue_that_is_full_drops_and_counts() {
    let folder = Folder::new();
    let recorder = folder.recorder(None, false);
    // A lock of somebody else's: the disk that hangs.
    let file = OpenOptions::new().create(true).append(true).open(folder.file()).unwrap();
    file.lock().unwrap();
    for _ in 0..20 {
        recorder.record(seen(vec![b'x'; 1024 * 1024]));
    }
    let (written, dropped) = recorder.counts();
    assert_eq!(written, 0);
    assert!((3..=4).contains(&dropped), "{dropped}");
    file.unlock().unwrap();
    assert!(recorder.close(PATIENCE));
    assert_eq!(recorder.counts(), (20 - dropped, dropped));
}

#[test]
fn a_line_says_why_it_is_none() {
    for (line, why) in [
        ("", "breaks off"),
        ("{}", "not a line of a recording"),
        (r#"{"version":1,"receivedAt":"2026-11-24T00:00:00Z"}"#, "neither"),
        (r#"{"version":1,"receivedAt":"yesterday","body":""}"#, "receivedAt"),
        (r#"{"version":2,"receivedAt":"2026-11-24T00:00:00Z","body":""}"#, "update it"),
        (r#"{"version":1,"receivedAt":"2026-11-24T00:00:00Z","bodyBase64":"-"}"#, "base64"),
    ] {
        let error = Recorded::from_line(line.as_bytes()).unwrap_err();
        assert!(error.contains(why), "{line}: {error}");
    }
    // Of a later version that only knows more.
    let line =
        br#"{"version":1,"receivedAt":"2026-11-24T00:00:00Z","body":"","more":1,"verdict":{"more":1}}"#;
    assert!(Recorded::from_line(line).is_ok());
}

#[test]
fn a_file_that_others_put_aside_is_left_to_them() {
    let folder = Folder::new();
    let recorder = folder.recorder(None, false);
    recorder.record(seen("before"));
    assert!(recorder.flush(PATIENCE));
    fs::rename(folder.file(), folder.0.join("calls.jsonl.1")).unwrap();
    recorder.record(seen("after"));
    assert!(recorder.close(PATIENCE));
    let lines = |name: &str| fs::read_to_string(folder.0.join(name)).unwrap();
    assert!(lines("calls.jsonl").contains("after") && !lines("calls.jsonl.1").contains("after"));
    let requests = read(&folder.file()).unwrap().requests;
    assert_eq!(
        requests.iter().map(|request| request.body.as_slice()).collect::<Vec<_>>(),
        [b"before".as_slice(), b"after"]
    );
}
