//! The detector as a host sees it: batches and ticks in, signals out. The harness restores it from a snapshot before
//! every call, so each scenario also shows that restoring changes nothing.

mod arrival;
mod bounds;
mod groups;
mod logs;
mod news;
mod releases;
mod shop;
