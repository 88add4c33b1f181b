//! The short run of every fuzz target.

#[cfg(test)]
mod run;
