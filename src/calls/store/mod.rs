//! Places to keep claims.

mod memory;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::fmt;
use std::sync::Arc;

pub use memory::MemoryStore;
#[cfg(feature = "redis")]
pub use redis::RedisStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;

use super::claim::{ClaimStore, StoreFault};

/// Where claims are to be kept, read out of its address. Nothing is opened yet: what is open does not survive a fork.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// `memory`: this process.
    Memory,
    /// `sqlite:///file.db`, or with a fourth slash from the root.
    #[cfg(feature = "sqlite")]
    Sqlite(std::path::PathBuf),
    /// `redis://host:6379/0`, `rediss://` encrypted.
    #[cfg(feature = "redis")]
    Redis(String),
}

/// Without addresses: they have passwords in them.
impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "Memory",
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => "Sqlite",
            #[cfg(feature = "redis")]
            Self::Redis(_) => "Redis",
        })
    }
}

impl Place {
    /// Reads an address; the error says what is wrong with it.
    pub fn of(address: &str) -> Result<Self, String> {
        if address == "memory" {
            return Ok(Self::Memory);
        }
        #[cfg(feature = "sqlite")]
        if let Some(path) = address.strip_prefix("sqlite://") {
            return sqlite_file(path).map(Self::Sqlite);
        }
        #[cfg(feature = "redis")]
        if address.starts_with("redis://") || address.starts_with("rediss://") {
            return RedisStore::new(address)
                .map(|_| Self::Redis(address.to_owned()))
                .map_err(|fault| fault.reason);
        }
        let scheme = address.split(':').next().unwrap_or_default();
        Err(format!(
            "store must be memory, sqlite:///file.db, redis://... or rediss://..., not {scheme:?}..."
        ))
    }

    /// Opens it.
    pub fn open(&self, capacity: usize) -> Result<Arc<dyn ClaimStore>, StoreFault> {
        Ok(match self {
            Self::Memory => Arc::new(MemoryStore::new(capacity)),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(path) => Arc::new(SqliteStore::new(path)?),
            #[cfg(feature = "redis")]
            Self::Redis(url) => Arc::new(RedisStore::new(url)?),
        })
    }
}

#[cfg(feature = "sqlite")]
fn sqlite_file(path: &str) -> Result<std::path::PathBuf, String> {
    let Some(path) = path.strip_prefix('/').filter(|path| !path.is_empty() && *path != ":memory:") else {
        return Err("sqlite:///file.db is a file beside the working directory, sqlite:////dir/file.db one from the root; there is no other form".into());
    };
    let path = std::path::PathBuf::from(path);
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            Err(format!("the folder of the claims, {}, is not there: make it", folder.display()))
        }
        _ => Ok(path),
    }
}
