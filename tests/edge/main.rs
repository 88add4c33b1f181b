//! The edge: the Worker and its plugins in real workerd.

mod bad;
mod bundle;
mod columns;
mod commits;
mod outcome;
mod portability;
mod script;
mod system;
