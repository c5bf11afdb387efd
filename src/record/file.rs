//! The file of a recording, to which several processes append.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::pseudonym::KEY_LENGTH;

/// Said of a pipe or a device.
pub(super) const NO_FILE: &str = "it is not a file that can be appended to";

/// Other workers may rotate the file as soon as it is open; never so often.
const TRIES: usize = 100;

/// Appends whole lines, and starts a new file when one is full.
#[derive(Debug)]
pub(super) struct Appender {
    path: PathBuf,
    max_bytes: Option<u64>,
    keep: u32,
    open: Option<File>,
}

impl Appender {
    pub(super) fn new(path: PathBuf, max_bytes: Option<u64>, keep: u32) -> Self {
        Self { path, max_bytes, keep, open: None }
    }

    /// Appends a line in one write. A lock keeps others from rotating under it, and tells a line torn by a crash from
    /// one that somebody is writing.
    pub(super) fn append(&mut self, line: &[u8]) -> io::Result<()> {
        for _ in 0..TRIES {
            let file = match self.open.take() {
                Some(file) => file,
                None => open(&self.path)?,
            };
            file.lock().map_err(without_locks)?;
            let written = self.write(&file, line);
            // Not by closing: a child forked in this moment holds the file open, too.
            file.unlock()?;
            if written? {
                self.open = Some(file);
                return Ok(());
            }
        }
        Err(io::Error::other("other programs keep moving the file away"))
    }

    /// Whether it was written; else the file is no longer the recording.
    fn write(&self, file: &File, line: &[u8]) -> io::Result<bool> {
        let about = file.metadata()?;
        match fs::metadata(&self.path) {
            Ok(named) if (named.dev(), named.ino()) == (about.dev(), about.ino()) => {}
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        }
        let (length, adds) = (about.len(), line.len() as u64);
        if length > 0 && self.max_bytes.is_some_and(|most| length.saturating_add(adds) > most) {
            self.rotate()?;
            return Ok(false);
        }
        let mut last = [b'\n'];
        if length > 0 {
            file.read_exact_at(&mut last, length - 1)?;
        }
        let written = match last {
            [b'\n'] => { file }.write_all(line),
            _ => { file }.write_all(&[b"\n", line].concat()),
        };
        if written.is_err() {
            // Half a line is of no use to anybody. If this fails, too, the next line starts on a fresh one.
            let _ = file.set_len(length);
        }
        written.map(|()| true)
    }

    /// The file becomes the first of the older ones, each of those the next, and the last is gone.
    fn rotate(&self) -> io::Result<()> {
        if self.keep == 0 {
            return fs::remove_file(&self.path);
        }
        for number in (1..self.keep).rev() {
            match fs::rename(older(&self.path, number), older(&self.path, number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, older(&self.path, 1))
    }
}

/// `calls.jsonl.1` is the youngest of the older files.
pub(super) fn older(path: &Path, number: u32) -> PathBuf {
    with_suffix(path, &number.to_string())
}

/// The key of the replacements in a recording: made with its first line, and kept beside it.
pub(super) fn key(path: &Path) -> io::Result<[u8; KEY_LENGTH]> {
    let mut file = open(&with_suffix(path, "key"))?;
    file.lock().map_err(without_locks)?;
    let mut key = [0; KEY_LENGTH];
    let kept = match file.read_exact(&mut key) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            aws_lc_rs::rand::fill(&mut key)
                .map_err(|_| io::Error::other("the system has no random numbers"))?;
            file.set_len(0).and_then(|()| file.write_all(&key))
        }
        read => read,
    };
    file.unlock()?;
    kept.map(|()| key)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

/// For its owner's eyes only, if it has to be made.
fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::other(NO_FILE))
}

fn without_locks(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::Unsupported => {
            io::Error::other("its file system has no locks: put the recording on a local disk")
        }
        _ => error,
    }
}
