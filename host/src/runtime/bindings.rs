//! The plugin contract as Rust types, generated from `wit/0.1.0`.
//!
//! One set of bindings for each thing a plugin may export, so that each kind is instantiated with what it needs
//! and no more; the types they share (telemetry, signals, evidence) are generated once and named by the others.

pub(super) mod telemetry {
    wasmtime::component::bindgen!({
        path: "../wit/0.1.0",
        inline: "package aia:host; world telemetry-types { import aia:plugin/telemetry@0.1.0; }",
        world: "aia:host/telemetry-types",
        additional_derives: [Clone, PartialEq],
    });
}

pub(super) mod manifest {
    wasmtime::component::bindgen!({
        path: "../wit/0.1.0",
        inline: "package aia:host; world any-plugin { export aia:plugin/manifest@0.1.0; }",
        world: "aia:host/any-plugin",
        additional_derives: [Clone, PartialEq, serde::Deserialize, serde::Serialize],
    });
}

pub(super) mod detector {
    wasmtime::component::bindgen!({
        path: "../wit/0.1.0",
        inline: "package aia:host; world any-detector { export aia:plugin/detector@0.1.0; }",
        world: "aia:host/any-detector",
        additional_derives: [Clone, PartialEq, serde::Deserialize, serde::Serialize],
        with: { "aia:plugin/telemetry@0.1.0": super::telemetry::aia::plugin::telemetry },
    });
}

pub(super) mod reporter {
    wasmtime::component::bindgen!({
        path: "../wit/0.1.0",
        inline: "package aia:host; world any-reporter { export aia:plugin/reporter@0.1.0; }",
        world: "aia:host/any-reporter",
        additional_derives: [Clone, PartialEq, serde::Deserialize, serde::Serialize],
        with: { "aia:plugin/signals@0.1.0": super::detector::aia::plugin::signals },
    });
}

pub(super) mod analyst {
    wasmtime::component::bindgen!({
        path: "../wit/0.1.0",
        inline: "package aia:host; world any-analyst { export aia:plugin/analyst@0.1.0; }",
        world: "aia:host/any-analyst",
        additional_derives: [Clone, PartialEq],
        with: {
            "aia:plugin/signals@0.1.0": super::detector::aia::plugin::signals,
            "aia:plugin/evidence@0.1.0": super::reporter::aia::plugin::evidence,
            "aia:plugin/conclusions@0.1.0": super::reporter::aia::plugin::conclusions,
        },
    });
}
