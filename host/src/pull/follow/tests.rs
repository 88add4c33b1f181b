//! Following and going on, with the real store, log and runtime, and a bucket in memory.
