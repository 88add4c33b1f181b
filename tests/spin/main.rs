//! The Spin app: real requests to the component as Spin composes it.

mod app;
mod bad;
mod commits;
mod down;
mod slots;
mod system;
