//! Bodies of requests: read within a size and a time, and counted against what the host may hold at once.

use std::{sync::Arc, time::Duration};

use aia_telemetry::{BodySize, ContentEncoding, Refusal, decompress};
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a client is told to wait when too much is in flight: a flush of the journal takes milliseconds.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Bytes are counted in blocks of so many, so that a large body costs few operations on the counter.
const BLOCK_BYTES: usize = 4 << 10;

/// A body that is announced gets so much room at most before it is there.
const MOST_RESERVED_BYTES: usize = 1 << 20;

/// Refusal of what would be too much at once.
pub(super) fn overloaded() -> Refusal {
    Refusal::Overloaded {
        retry_after: RETRY_AFTER,
    }
}

/// Bytes that may be held at once.
#[derive(Clone)]
pub(super) struct Budget(Arc<Semaphore>);

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(
            (bytes / BLOCK_BYTES).clamp(1, Semaphore::MAX_PERMITS),
        )))
    }

    /// Nothing yet.
    fn hold(&self) -> Held {
        Held {
            budget: self.clone(),
            blocks: 0,
            permit: None,
        }
    }
}

/// A share of the budget; given back when dropped.
pub(super) struct Held {
    budget: Budget,
    blocks: usize,
    permit: Option<OwnedSemaphorePermit>,
}

impl Held {
    /// Makes it at least `bytes`.
    fn grow_to(&mut self, bytes: usize) -> Result<(), Refusal> {
        let wanted = bytes.div_ceil(BLOCK_BYTES);
        let Some(more) = wanted.checked_sub(self.blocks).filter(|more| *more > 0) else {
            return Ok(());
        };
        let more_permits = u32::try_from(more).map_err(|_| overloaded())?;
        let permit = Arc::clone(&self.budget.0)
            .try_acquire_many_owned(more_permits)
            .map_err(|_| overloaded())?;
        self.blocks = wanted;
        match &mut self.permit {
            Some(held) => held.merge(permit),
            None => self.permit = Some(permit),
        }
        Ok(())
    }
}

/// Reads a whole body of at most `limit` bytes, and `framing` that the protocol adds, within `time`. What it holds is
/// counted as it comes, not as announced: announcing costs a sender nothing.
///
/// # Errors
/// If it is larger, doesn't come in whole in time, or too much is held already.
pub(super) async fn read(
    mut body: Body,
    announced: Option<u64>,
    (limit, framing): (usize, usize),
    time: Duration,
    budget: &Budget,
) -> Result<(Bytes, Held), Refusal> {
    let too_large = Refusal::TooLarge {
        of: BodySize::Received,
        limit,
    };
    let most = limit.saturating_add(framing);
    let announced = announced.map_or(0, |announced| usize::try_from(announced).unwrap_or(usize::MAX));
    if announced > most {
        return Err(too_large);
    }
    let mut held = budget.hold();
    let reading = async {
        let mut first = Bytes::new();
        let mut whole = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Refusal::IncompleteBody)?.into_data() else {
                continue;
            };
            let length = first.len() + whole.len() + data.len();
            if length > most {
                return Err(too_large);
            }
            held.grow_to(length)?;
            if first.is_empty() && whole.is_empty() {
                // A small body comes in one piece and isn't copied.
                first = data;
            } else {
                if whole.is_empty() {
                    whole.reserve(announced.min(MOST_RESERVED_BYTES).max(length));
                    whole.extend_from_slice(&std::mem::take(&mut first));
                }
                whole.extend_from_slice(&data);
            }
        }
        Ok(if whole.is_empty() { first } else { whole.freeze() })
    };
    let read = tokio::time::timeout(time, reading).await;
    match read.unwrap_or(Err(Refusal::IncompleteBody)) {
        Ok(bytes) => Ok((bytes, held)),
        Err(refusal) => {
            drop(held);
            if matches!(refusal, Refusal::Overloaded { .. }) {
                discard(&mut body, most, time).await;
            }
            Err(refusal)
        }
    }
}

/// Reads what is left of a body, at most `limit` bytes within `time`, and keeps nothing of it. A sender over HTTP/1.1
/// that is cut off while it sends may never see the answer, and one that is to come again has to see it.
pub(super) async fn discard(body: &mut Body, limit: usize, time: Duration) {
    let reading = async {
        let mut length = 0;
        while let Some(Ok(frame)) = body.frame().await {
            length += frame.data_ref().map_or(0, Bytes::len);
            if length > limit {
                break;
            }
        }
    };
    // Who is slower than that is cut off after all.
    let _too_slow = tokio::time::timeout(time, reading).await;
}

/// Decompresses bodies: a few at once, since each may take a core and the limit's memory while it does.
pub(super) struct Decompressor {
    at_once: Arc<Semaphore>,
    limit: usize,
}

impl Decompressor {
    pub(super) fn new(at_once: usize, limit: usize) -> Self {
        Self {
            at_once: Arc::new(Semaphore::new(at_once)),
            limit,
        }
    }

    /// Decompresses; what comes out is counted instead of what went in.
    ///
    /// # Errors
    /// If it is damaged or too large, or too much is held already.
    pub(super) async fn decompress(
        &self,
        encoding: ContentEncoding,
        body: Bytes,
        held: Held,
    ) -> Result<(Bytes, Held), Refusal> {
        let limit = self.limit;
        if encoding == ContentEncoding::Identity {
            return if body.len() > limit {
                Err(Refusal::TooLarge {
                    of: BodySize::Decompressed,
                    limit,
                })
            } else {
                Ok((body, held))
            };
        }
        let permit = Arc::clone(&self.at_once)
            .acquire_owned()
            .await
            .map_err(|_| overloaded())?;
        let mut out_held = held.budget.hold();
        let work = tokio::task::spawn_blocking(move || {
            let out = decompress(encoding, &body, limit).map(|out| Bytes::from(out.into_owned()));
            // Both live in here until now, also when the sender is gone and nobody waits for this any more.
            drop((permit, held));
            out
        });
        let out = work.await.map_err(|_| Refusal::Unavailable {
            retry_after: RETRY_AFTER,
        })??;
        out_held.grow_to(out.len())?;
        Ok((out, out_held))
    }
}
