//! Investigations of made-up incidents.

mod bounds;
mod sentences;
mod topologies;
mod verdicts;
mod world;
