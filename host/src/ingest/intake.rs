//! The intake: what stands behind the OTLP listeners, from a verified request's body to a durable segment.

use std::{future::Future, pin::Pin};

use aia_telemetry::{Encoding, IngestKey, Refusal, SignalType};
use bytes::Bytes;

/// What stands behind the listeners: takes a verified request's decompressed body, returns once it is durable.
pub trait Intake: Send + Sync + 'static {
    /// Takes one export request. Scanning it is CPU-bound and is the implementation's affair.
    ///
    /// # Errors
    /// A refusal says what the client is told and whether trying again makes sense.
    fn accept(
        &self,
        key: &IngestKey,
        signal: SignalType,
        encoding: Encoding,
        body: Bytes,
    ) -> Pin<Box<dyn Future<Output = Result<Accepted, Refusal>> + Send + '_>>;

    /// Whether there is memory for a further request; asked before its body is read.
    fn has_room(&self) -> bool {
        true
    }
}

/// What became of a request that was taken.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Accepted {
    /// Rows that were refused one by one; 0 on full success.
    pub refused_rows: u64,
    /// Why, for the client; empty on full success.
    pub message: String,
}
