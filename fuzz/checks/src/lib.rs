//! What the fuzzers check: for each target a function of bytes, which returns or panics. libFuzzer calls them from
//! `fuzz/fuzz_targets`, the tests of this crate in their short run.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a check says that it found something"
)]

mod decompression;
mod frame;
mod keys;
mod scan;
mod seeds;
mod segments;

pub use decompression::decompression;
pub use frame::grpc_frame;
pub use keys::{keys, revocations};
pub use scan::{differential, json, json_differential, protobuf};
pub use seeds::{mutate, seeds};
pub use segments::{commits, segments};

/// A fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Name, of its program and of its folder in `fuzz/corpus`.
    pub name: &'static str,
    /// What is checked.
    pub check: fn(&[u8]),
}

/// Every target.
pub const TARGETS: [Target; 10] = [
    Target {
        name: "protobuf",
        check: protobuf,
    },
    Target {
        name: "differential",
        check: differential,
    },
    Target {
        name: "json",
        check: json,
    },
    Target {
        name: "json_differential",
        check: json_differential,
    },
    Target {
        name: "segments",
        check: segments,
    },
    Target {
        name: "commits",
        check: commits,
    },
    Target {
        name: "keys",
        check: keys,
    },
    Target {
        name: "revocations",
        check: revocations,
    },
    Target {
        name: "decompression",
        check: decompression,
    },
    Target {
        name: "grpc_frame",
        check: grpc_frame,
    },
];
