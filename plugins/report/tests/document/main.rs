//! The documents: one in full, and what hostile text may do to them, which is nothing.

mod hostile;
mod report;
mod whole;
