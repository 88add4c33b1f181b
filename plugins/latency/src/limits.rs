//! How the mebibyte of a snapshot is shared out. What a part takes at worst, in the encoding of snapshots:
//!
//! | Part | Bytes |
//! |---|---|
//! | operations with their sketches | 480 KiB |
//! | held traces: 6,144 spans of 40 bytes, 1,536 traces of 48 | 312 KiB |
//! | services: 400 of 320 bytes | 125 KiB |
//! | pending evidence: 160 of 330 bytes | 52 KiB |
//! | decided traces: 1,024 of 20 bytes | 20 KiB |
//! | cases: 400 of 40 bytes | 16 KiB |

/// Most operations of a project. Requests of further ones aren't judged, but counted.
pub(crate) const MAX_OPERATIONS: usize = 2000;

/// Most bytes that all operations take in a snapshot.
pub(crate) const MAX_OPERATION_BYTES: usize = 480 * 1024;

/// Most services of a project.
pub(crate) const MAX_SERVICES: usize = 400;

/// Releases of a service that are remembered: the newest and the one before it.
pub(crate) const MAX_RELEASES: usize = 2;

/// Longest name of a service, in bytes.
pub(crate) const MAX_SERVICE_BYTES: usize = 96;

/// Longest name of a release, in bytes.
pub(crate) const MAX_RELEASE_BYTES: usize = 64;

/// Most traces held at once. When there are more, only every second one is, and so on.
pub(crate) const MAX_TRACES: usize = 1536;

/// Most spans held at once; beyond, as with traces.
pub(crate) const MAX_SPANS: usize = 6144;

/// Most spans of one trace. A trace with more isn't measured: with some of its spans missing, time would be laid at
/// the wrong place.
pub(crate) const MAX_SPANS_OF_TRACE: usize = 768;

/// Decided traces remembered, so that spans that come late aren't taken for traces of their own.
pub(crate) const MAX_DECIDED: usize = 1024;

/// Most operations that collect evidence at once.
pub(crate) const MAX_PENDING: usize = 160;

/// Most services named that wait for a slow operation.
pub(crate) const MAX_AFFECTED: usize = 16;

/// Slow or failed spans of an operation kept as evidence.
pub(crate) const MAX_EXEMPLARS: usize = 4;
