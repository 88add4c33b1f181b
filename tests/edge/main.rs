//! The edge: the Worker and its plugins in real workerd.

mod bundle;
mod columns;
mod outcome;
mod portability;
mod script;
