//! The shells of the host from outside: protocols over real sockets, configuration, API and command line.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test ends by panicking")]

mod acts;
mod api;
mod authors;
mod bundle;
mod cli;
mod config;
mod grpc;
mod http;
mod openapi;
mod replay;
mod slow;
mod support;
mod up;
