//! Did Microsoft send it?
