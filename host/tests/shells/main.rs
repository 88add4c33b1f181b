//! The shells of the host from outside: protocols over real sockets, configuration, API and command line.

mod api;
mod cli;
mod config;
mod grpc;
mod http;
mod openapi;
mod slow;
mod support;
mod up;
