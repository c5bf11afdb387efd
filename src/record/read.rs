//! Reading a recording, with the older files that were put aside.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::file::older;
use super::line::Recorded;

/// What was read.
#[derive(Debug, Default)]
pub struct Reading {
    /// The requests, in the order they were written.
    pub requests: Vec<Recorded>,
    /// Lines that could not be read: where, and why.
    pub skipped: Vec<String>,
}

/// Reads a recording: the file, and before it those that it was in before (`.1`, `.2`, ...). A line that cannot be
/// read, such as one torn by a crash, is skipped with a word.
pub fn read(path: &Path) -> io::Result<Reading> {
    let mut reading = Reading::default();
    for (path, file) in files(path)?.into_iter().rev() {
        let mut lines = BufReader::new(file);
        let (mut line, mut number) = (Vec::new(), 0_u64);
        while lines.read_until(b'\n', &mut line)? > 0 {
            number += 1;
            let text = line.trim_ascii();
            if !text.is_empty() {
                match Recorded::from_line(text) {
                    Ok(recorded) => reading.requests.push(recorded),
                    Err(why) => reading.skipped.push(format!("{}, line {number}: {why}", path.display())),
                }
            }
            line.clear();
        }
    }
    Ok(reading)
}

/// The files, the youngest first. They are opened in this order, so that one put aside meanwhile is met twice, not
/// missed.
fn files(path: &Path) -> io::Result<Vec<(PathBuf, File)>> {
    let (mut files, mut met, mut missing) = (Vec::new(), Vec::new(), 0);
    for number in 0.. {
        let path = if number == 0 { path.to_owned() } else { older(path, number) };
        match File::open(&path) {
            // Whoever puts files aside leaves one gap for a moment, or for ever if that is when it dies.
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing += 1,
            opened => {
                let file = opened?;
                let about = file.metadata()?;
                if about.is_dir() {
                    return Err(io::ErrorKind::IsADirectory.into());
                }
                missing = 0;
                let identity = (about.dev(), about.ino());
                if !met.contains(&identity) {
                    met.push(identity);
                    files.push((path, file));
                }
            }
        }
        if missing == 2 {
            break;
        }
    }
    if files.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(files) }
}
