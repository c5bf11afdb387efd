//! Places to keep claims.

mod memory;

pub use memory::MemoryStore;
