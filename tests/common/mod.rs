//! What the test files share.

use std::path::PathBuf;

/// A folder of the test corpora, which are kept beside the project; `None`, said aloud, when they are not there.
pub(crate) fn corpus(name: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpora"));
    let folder = std::env::var_os("CALLREDIRECT_CORPORA").map_or_else(beside, PathBuf::from).join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no {}; set CALLREDIRECT_CORPORA to the folder of the corpora", folder.display());
    None
}
