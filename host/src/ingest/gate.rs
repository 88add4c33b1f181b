//! The gate: what every OTLP request passes, whatever protocol it came by: key, number in flight, body, decompression,
//! intake.

use std::{sync::Arc, time::Duration};

use aia_telemetry::{ContentEncoding, Encoding, IngestKey, IngestSecrets, Refusal, SignalType};
use axum::body::Body;
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    Accepted, Intake, RevokedKeys, auth,
    body::{self, Budget, Decompressor, Held},
    metrics::{IngestMetrics, Protocol},
};
use crate::config::Limits;

/// What a client is told to wait when something failed that shouldn't have.
const RETRY_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Everything between a listener and the intake.
pub(crate) struct Gate {
    secrets: Arc<IngestSecrets>,
    revoked: Arc<RevokedKeys>,
    intake: Arc<dyn Intake>,
    requests: Arc<Semaphore>,
    budget: Budget,
    decompressor: Decompressor,
    limits: Limits,
    pub(super) metrics: IngestMetrics,
}

/// A request that was let in; gives its place back when dropped.
pub(super) struct Admitted {
    pub(super) key: IngestKey,
    _place: OwnedSemaphorePermit,
}

/// A body, as it came or decompressed, and the share of memory it is counted with.
pub(super) struct Received {
    pub(super) bytes: Bytes,
    pub(super) held: Held,
}

impl Gate {
    pub(crate) fn new(
        secrets: Arc<IngestSecrets>,
        revoked: Arc<RevokedKeys>,
        intake: Arc<dyn Intake>,
        limits: &Limits,
        workers: usize,
        metrics: IngestMetrics,
    ) -> Self {
        Self {
            secrets,
            revoked,
            intake,
            requests: Arc::new(Semaphore::new(limits.requests_in_flight)),
            budget: Budget::new(limits.bytes_in_flight),
            decompressor: Decompressor::new(workers, limits.decompressed_bytes),
            limits: limits.clone(),
            metrics,
        }
    }

    /// Verifies the key as it was sent, then finds a place: strangers don't take any.
    ///
    /// # Errors
    /// If the key is refused, all places are taken or there is no memory.
    pub(super) fn admit(&self, presented: Result<&str, Refusal>) -> Result<Admitted, Refusal> {
        let key = auth::verify(presented?, &self.secrets, &self.revoked)?;
        if !self.intake.has_room() {
            return Err(body::overloaded());
        }
        let place = Arc::clone(&self.requests)
            .try_acquire_owned()
            .map_err(|_| body::overloaded())?;
        Ok(Admitted { key, _place: place })
    }

    /// Reads a body of at most `limits.request-bytes`, and `framing` that the protocol adds.
    ///
    /// # Errors
    /// If it is too large or too slow, or too much is in flight.
    pub(super) async fn receive(
        &self,
        protocol: Protocol,
        body: Body,
        announced: Option<u64>,
        framing: usize,
    ) -> Result<Received, Refusal> {
        let (most, time) = ((self.limits.request_bytes, framing), self.limits.body_time);
        let (bytes, held) = body::read(body, announced, most, time, &self.budget).await?;
        self.metrics.received(protocol, bytes.len());
        Ok(Received { bytes, held })
    }

    /// Reads the body of a request that is told to come again, keeping nothing of it.
    pub(super) async fn discard(&self, mut body: Body) {
        body::discard(&mut body, self.limits.request_bytes, self.limits.body_time).await;
    }

    /// Decompresses a body and has the intake take it. Once begun, this goes on when the sender hangs up: half a
    /// request is taken by nobody.
    ///
    /// # Errors
    /// What decompression or the intake says; if that panics, the sender is told to come again.
    pub(super) async fn take(
        &self,
        admitted: Admitted,
        signal: SignalType,
        encoding: Encoding,
        compression: ContentEncoding,
        received: Received,
    ) -> Result<Accepted, Refusal> {
        let Received { bytes, held } = received;
        let (bytes, held) = self.decompressor.decompress(compression, bytes, held).await?;
        self.metrics.decompressed(bytes.len());
        let intake = Arc::clone(&self.intake);
        let taking = tokio::spawn(async move {
            let accepted = intake.accept(&admitted.key, signal, encoding, bytes).await;
            drop((admitted, held));
            accepted
        });
        taking.await.unwrap_or_else(|error| {
            tracing::error!(%error, signal = signal.as_str(), "the intake failed");
            Err(Refusal::Unavailable {
                retry_after: RETRY_AFTER_FAILURE,
            })
        })
    }
}
