//! Claims in a file.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use callredirect::calls::{Claim, ClaimStore, Place, SqliteStore, Stage};

use crate::stores::{is_won_once, keeps_to_the_rules};
use crate::{BUDGET, LEASE, key};

/// A folder that goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("claims-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("calls.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn open(folder: &Folder) -> Arc<dyn ClaimStore> {
    Arc::new(SqliteStore::new(&folder.file()).unwrap())
}

#[tokio::test]
async fn sqlite_keeps_to_the_rules() {
    let folder = Folder::new("rules");
    keeps_to_the_rules(&*open(&folder), &*open(&folder)).await;
}

#[tokio::test]
async fn two_connections_win_once() {
    let folder = Folder::new("once");
    is_won_once([open(&folder), open(&folder)]).await;
}

#[tokio::test]
async fn claims_outlive_who_made_them() {
    let folder = Folder::new("restart");
    let first = open(&folder);
    first.claim(&key("sent"), "a", Duration::ZERO, BUDGET).await.unwrap();
    let ticket = crate::ticket("a", 1);
    first.extend(&key("sent"), &ticket, Duration::ZERO, Stage::Sent).await.unwrap();
    first.claim(&key("claimed"), "a", Duration::ZERO, BUDGET).await.unwrap();
    first.claim(&key("under way"), "a", LEASE, BUDGET).await.unwrap();
    drop(first);
    let second = open(&folder);
    let mut left: Vec<_> =
        second.unfinished().await.unwrap().into_iter().map(|record| (record.call_id, record.stage)).collect();
    left.sort();
    assert_eq!(left, [("claimed".to_owned(), Stage::Claimed), ("sent".to_owned(), Stage::Sent)]);
    assert!(matches!(
        second.claim(&key("claimed"), "b", LEASE, BUDGET).await,
        Ok(Claim::Won { fence: 2, .. })
    ));
    assert_eq!(second.claim(&key("sent"), "b", LEASE, BUDGET).await, Ok(crate::TAKEN));
}

#[tokio::test]
async fn what_is_no_database_is_a_fault_and_may_be_cured() {
    let folder = Folder::new("garbage");
    std::fs::write(folder.file(), vec![b'x'; 4096]).unwrap();
    let store = open(&folder);
    for _ in 0..2 {
        let fault = store.claim(&key("x"), "a", LEASE, BUDGET).await.unwrap_err();
        assert!(fault.reason.starts_with("the claims in SQLite: file is not a database"), "{fault}");
        assert!(!fault.of_record);
    }
    std::fs::remove_file(folder.file()).unwrap();
    assert!(matches!(store.claim(&key("x"), "a", LEASE, BUDGET).await, Ok(Claim::Won { .. })));
}

/// Who has the deleted file open must not go on claiming there what others claim in the new one.
#[tokio::test]
async fn all_meet_again_after_the_file_was_deleted() {
    for (name, ends) in [("deleted", vec![""]), ("deleted-whole", vec!["", "-wal", "-shm"])] {
        let folder = Folder::new(name);
        let (old, new) = (open(&folder), open(&folder));
        assert!(matches!(old.claim(&key("x"), "a", LEASE, BUDGET).await, Ok(Claim::Won { .. })));
        for end in ends {
            let mut file = folder.file().into_os_string();
            file.push(end);
            std::fs::remove_file(file).unwrap();
        }
        assert!(matches!(new.claim(&key("y"), "b", LEASE, BUDGET).await, Ok(Claim::Won { .. })));
        assert!(matches!(old.claim(&key("y"), "a", LEASE, BUDGET).await, Ok(Claim::Taken { .. })), "{name}");
        // What was claimed in the old one is the claim of whoever sends first.
        assert!(matches!(
            old.extend(&key("x"), &crate::ticket("a", 1), LEASE, Stage::Sent).await,
            Ok(Claim::Won { .. })
        ));
        assert_eq!(new.claim(&key("x"), "b", LEASE, BUDGET).await, Ok(crate::TAKEN));
    }
}

#[tokio::test]
async fn who_gave_up_claims_nothing_behind_his_back() {
    let folder = Folder::new("forgotten");
    let store = open(&folder);
    store.get("x").await.unwrap();
    let holder = rusqlite::Connection::open(folder.file()).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    // The file is busy: one waits for it, and the second is asked only to be forgotten at once.
    let first = store.claim(&key("first"), "a", LEASE, BUDGET);
    drop(store.claim(&key("second"), "a", LEASE, BUDGET));
    let (first, ()) = tokio::join!(first, async {
        tokio::task::yield_now().await;
        holder.execute_batch("COMMIT").unwrap();
    });
    assert!(matches!(first, Ok(Claim::Won { .. })));
    assert_eq!(store.get("second").await, Ok(None));
}

#[tokio::test]
async fn a_file_held_by_another_is_a_fault_in_time() {
    let folder = Folder::new("busy");
    let store = open(&folder);
    store.get("x").await.unwrap();
    let holder = rusqlite::Connection::open(folder.file()).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let fault = store.claim(&key("x"), "a", LEASE, BUDGET).await.unwrap_err();
    assert!(fault.reason.contains("locked"), "{fault}");
    holder.execute_batch("COMMIT").unwrap();
    assert!(matches!(store.claim(&key("x"), "a", LEASE, BUDGET).await, Ok(Claim::Won { .. })));
}

/// A file that is not there yet is made by whoever comes first; the others must not take that for a fault.
#[tokio::test(flavor = "multi_thread")]
async fn workers_that_start_together_open_one_file() {
    for round in 0..20 {
        let folder = Folder::new(&format!("start-{round}"));
        let stores: Vec<_> = (0..8).map(|_| open(&folder)).collect();
        let asked: Vec<_> =
            stores.into_iter().map(|store| tokio::spawn(async move { store.unfinished().await })).collect();
        for asked in asked {
            assert_eq!(asked.await.unwrap(), Ok(Vec::new()), "round {round}");
        }
    }
}

/// As version 0.1.0 made it before ends were told of; opened by several workers at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_an_earlier_version_is_used_on() {
    let folder = Folder::new("earlier");
    let file = rusqlite::Connection::open(folder.file()).unwrap();
    file.execute_batch(
        "CREATE TABLE claims (
            key TEXT PRIMARY KEY, call_id TEXT NOT NULL, worker TEXT NOT NULL, fence INTEGER NOT NULL,
            stage TEXT NOT NULL, attempts INTEGER NOT NULL, lease_until INTEGER NOT NULL,
            deadline INTEGER NOT NULL, ended INTEGER NOT NULL, touched INTEGER NOT NULL
        ) WITHOUT ROWID;
        INSERT INTO claims VALUES ('old', 'Old', 'a', 1, 'sent', 1, 0, 0, 0, 9000000000000)",
    )
    .unwrap();
    let stores: Vec<_> = (0..4).map(|_| open(&folder)).collect();
    let asked: Vec<_> =
        stores.iter().cloned().map(|store| tokio::spawn(async move { store.get("old").await })).collect();
    for asked in asked {
        let record = asked.await.unwrap().unwrap().unwrap();
        assert_eq!((record.call_id.as_str(), record.stage, record.redirected), ("Old", Stage::Sent, None));
    }
    stores[0].end(&key("old"), Some(true)).await.unwrap();
    assert_eq!(stores[1].get("old").await.unwrap().unwrap().redirected, Some(true));
}

#[test]
fn addresses_of_files() {
    assert_eq!(Place::of("sqlite:///calls.db"), Ok(Place::Sqlite("calls.db".into())));
    assert_eq!(Place::of("sqlite:////tmp/calls.db"), Ok(Place::Sqlite("/tmp/calls.db".into())));
    for wrong in ["sqlite://", "sqlite:///", "sqlite://calls.db", "sqlite:///:memory:"] {
        assert!(
            Place::of(wrong).unwrap_err().contains("sqlite:////dir/file.db one from the root"),
            "{wrong}"
        );
    }
    let absent = Place::of("sqlite:////no/such/folder/calls.db").unwrap_err();
    assert_eq!(absent, "the folder of the claims, /no/such/folder, is not there: make it");
}
