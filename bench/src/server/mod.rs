//! Servers that are measured, as processes of their own.

mod aia;
mod process;
pub(crate) mod rotel;

pub(crate) use aia::Aia;
pub(crate) use process::{Process, cpu_seconds, own_cpu_seconds};
pub(crate) use rotel::Rotel;
