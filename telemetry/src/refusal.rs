//! Every reason why a request is refused, with its HTTP status, gRPC code, text and metric label: the one place that all
//! runtimes answer from. Which refusals a client may retry follows OTLP's specification: 429 and 503, and the gRPC codes
//! that carry `RetryInfo`; nothing else.

use std::time::Duration;

use crate::answer::{Encoding, GrpcCode, status_body};
use crate::keys::KeyError;
use crate::scan::ScanError;

/// What of a request was too large.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BodySize {
    /// The body as it came.
    Received,
    /// The body after decompression.
    Decompressed,
}

/// Why a request was refused. Texts are safe to show to the sender: none repeats a key or any telemetry.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The body is no such message.
    #[error("the request can't be decoded: {reason}")]
    Undecodable {
        /// What is wrong with it.
        reason: String,
    },
    /// The body can't be decompressed.
    #[error("the request's {encoding} body can't be decompressed: {reason}")]
    DamagedCompression {
        /// `gzip` or `zstd`.
        encoding: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The body didn't arrive in whole.
    #[error("the request's body didn't arrive in whole")]
    IncompleteBody,
    /// The body is over the limit.
    #[error(
        "the request's body is limited to {limit} bytes{}; send smaller batches",
        match of { BodySize::Received => "", BodySize::Decompressed => " after decompression" }
    )]
    TooLarge {
        /// What was too large.
        of: BodySize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// No such path.
    #[error("nothing is here; OTLP is taken at /v1/traces, /v1/logs and /v1/metrics")]
    UnknownPath,
    /// Not POST.
    #[error("OTLP is sent with POST")]
    WrongMethod,
    /// Neither protobuf nor JSON.
    #[error("the content type must be application/x-protobuf or application/json")]
    WrongContentType,
    /// A content encoding that isn't taken.
    #[error("the content encoding must be one of: {known}")]
    UnsupportedEncoding {
        /// Those that are taken, separated by commas.
        known: &'static str,
    },
    /// No ingest key.
    #[error("an ingest key is missing; send it as \"authorization: Bearer aia_…\"")]
    MissingKey,
    /// An ingest key that isn't valid.
    #[error("the ingest key was refused: {0}")]
    BadKey(KeyError),
    /// An ingest key that was revoked.
    #[error("the ingest key was revoked")]
    RevokedKey,
    /// A genuine key of a tenant whose telemetry is taken elsewhere.
    #[error("this address takes the telemetry of another tenant")]
    ForeignTenant,
    /// More than this sender, or this machine, may have at once.
    #[error("too many requests; retry later")]
    Overloaded {
        /// When to try again.
        retry_after: Duration,
    },
    /// The sender's project, or the disk, has as much telemetry as it may have.
    #[error("there is no room for more telemetry: {reason}")]
    NoRoom {
        /// What is full.
        reason: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// Storage or another part can't take it now.
    #[error("temporarily not available; retry later")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
}

impl Refusal {
    /// HTTP status.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        match self {
            Self::Undecodable { .. } | Self::DamagedCompression { .. } | Self::IncompleteBody => 400,
            Self::MissingKey | Self::BadKey(_) => 401,
            Self::RevokedKey | Self::ForeignTenant => 403,
            Self::UnknownPath => 404,
            Self::WrongMethod => 405,
            Self::TooLarge { .. } => 413,
            Self::WrongContentType | Self::UnsupportedEncoding { .. } => 415,
            Self::Overloaded { .. } | Self::NoRoom { .. } => 429,
            Self::Unavailable { .. } => 503,
        }
    }

    /// gRPC code. `ResourceExhausted` without a time to retry after (a message over the limit) is final by OTLP's
    /// specification; `OutOfRange`, which some servers answer there, would be retried for ever.
    #[must_use]
    pub fn grpc_code(&self) -> GrpcCode {
        match self {
            Self::Undecodable { .. }
            | Self::DamagedCompression { .. }
            | Self::IncompleteBody
            | Self::WrongContentType => GrpcCode::InvalidArgument,
            Self::MissingKey | Self::BadKey(_) => GrpcCode::Unauthenticated,
            Self::RevokedKey | Self::ForeignTenant => GrpcCode::PermissionDenied,
            Self::UnknownPath | Self::WrongMethod | Self::UnsupportedEncoding { .. } => {
                GrpcCode::Unimplemented
            }
            Self::TooLarge { .. } | Self::Overloaded { .. } | Self::NoRoom { .. } => {
                GrpcCode::ResourceExhausted
            }
            Self::Unavailable { .. } => GrpcCode::Unavailable,
        }
    }

    /// The text for the sender.
    #[must_use]
    pub fn message(&self) -> String {
        self.to_string()
    }

    /// When to try again; none if that makes no sense.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Overloaded { retry_after }
            | Self::NoRoom { retry_after, .. }
            | Self::Unavailable { retry_after } => Some(*retry_after),
            _ => None,
        }
    }

    /// The value of HTTP's `Retry-After`: whole seconds, rounded up, at least 1.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after().map(|after| {
            let started = u64::from(after.subsec_nanos() > 0);
            after.as_secs().saturating_add(started).max(1)
        })
    }

    /// The reason as a metric's label.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Undecodable { .. } => "undecodable",
            Self::DamagedCompression { .. } => "damaged_compression",
            Self::IncompleteBody => "incomplete_body",
            Self::TooLarge {
                of: BodySize::Received,
                ..
            } => "too_large",
            Self::TooLarge {
                of: BodySize::Decompressed,
                ..
            } => "too_large_decompressed",
            Self::UnknownPath => "unknown_path",
            Self::WrongMethod => "wrong_method",
            Self::WrongContentType => "wrong_content_type",
            Self::UnsupportedEncoding { .. } => "unsupported_encoding",
            Self::MissingKey => "missing_key",
            Self::BadKey(_) => "bad_key",
            Self::RevokedKey => "revoked_key",
            Self::ForeignTenant => "foreign_tenant",
            Self::Overloaded { .. } => "overloaded",
            Self::NoRoom { .. } => "no_room",
            Self::Unavailable { .. } => "unavailable",
        }
    }

    /// The answer's body: a `google.rpc.Status` in the request's encoding.
    #[must_use]
    pub fn body(&self, encoding: Encoding) -> Vec<u8> {
        status_body(encoding, self.grpc_code(), &self.message(), self.retry_after())
    }
}

impl From<KeyError> for Refusal {
    fn from(error: KeyError) -> Self {
        Self::BadKey(error)
    }
}

impl From<ScanError> for Refusal {
    /// A body over the scanner's limit is too large; everything else, also too many or too deep things for its length, is
    /// no message that could be taken in smaller pieces.
    fn from(error: ScanError) -> Self {
        match error {
            ScanError::Body { limit, .. } => Self::TooLarge {
                of: BodySize::Decompressed,
                limit: limit as usize,
            },
            error => Self::Undecodable {
                reason: error.to_string(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Refusal> {
        let retry_after = Duration::from_millis(1500);
        vec![
            Refusal::Undecodable {
                reason: "field 1 is cut off".to_owned(),
            },
            Refusal::DamagedCompression {
                encoding: "gzip",
                reason: "corrupt deflate stream".to_owned(),
            },
            Refusal::IncompleteBody,
            Refusal::TooLarge {
                of: BodySize::Received,
                limit: 1024,
            },
            Refusal::TooLarge {
                of: BodySize::Decompressed,
                limit: 1024,
            },
            Refusal::UnknownPath,
            Refusal::WrongMethod,
            Refusal::WrongContentType,
            Refusal::UnsupportedEncoding {
                known: "identity, gzip",
            },
            Refusal::MissingKey,
            Refusal::BadKey(KeyError::Forged),
            Refusal::RevokedKey,
            Refusal::ForeignTenant,
            Refusal::Overloaded { retry_after },
            Refusal::NoRoom {
                reason: "the project's telemetry takes 9 bytes of the 9 it may take".to_owned(),
                retry_after,
            },
            Refusal::Unavailable { retry_after },
        ]
    }

    #[test]
    fn every_refusal_has_its_answer() {
        let table: Vec<String> = all()
            .iter()
            .map(|refusal| {
                let retry = refusal
                    .retry_after_seconds()
                    .map(|after| format!(" retry {after} s"))
                    .unwrap_or_default();
                let (http, grpc, reason) =
                    (refusal.http_status(), refusal.grpc_code() as u8, refusal.reason());
                format!("{http} {grpc:>2}{retry} {reason}: {refusal}")
            })
            .collect();
        insta::assert_snapshot!(table.join("\n"), @r#"
        400  3 undecodable: the request can't be decoded: field 1 is cut off
        400  3 damaged_compression: the request's gzip body can't be decompressed: corrupt deflate stream
        400  3 incomplete_body: the request's body didn't arrive in whole
        413  8 too_large: the request's body is limited to 1024 bytes; send smaller batches
        413  8 too_large_decompressed: the request's body is limited to 1024 bytes after decompression; send smaller batches
        404 12 unknown_path: nothing is here; OTLP is taken at /v1/traces, /v1/logs and /v1/metrics
        405 12 wrong_method: OTLP is sent with POST
        415  3 wrong_content_type: the content type must be application/x-protobuf or application/json
        415 12 unsupported_encoding: the content encoding must be one of: identity, gzip
        401 16 missing_key: an ingest key is missing; send it as "authorization: Bearer aia_…"
        401 16 bad_key: the ingest key was refused: the ingest key isn't genuine
        403  7 revoked_key: the ingest key was revoked
        403  7 foreign_tenant: this address takes the telemetry of another tenant
        429  8 retry 2 s overloaded: too many requests; retry later
        429  8 retry 2 s no_room: there is no room for more telemetry: the project's telemetry takes 9 bytes of the 9 it may take
        503 14 retry 2 s unavailable: temporarily not available; retry later
        "#);
    }

    #[test]
    fn labels_are_distinct_and_only_retryable_answers_say_when() {
        let refusals = all();
        for (index, refusal) in refusals.iter().enumerate() {
            assert!(
                refusals[index + 1..]
                    .iter()
                    .all(|other| other.reason() != refusal.reason())
            );
            assert_eq!(
                refusal.retry_after().is_some(),
                matches!(refusal.http_status(), 429 | 503),
                "{refusal}"
            );
        }
    }

    #[test]
    fn retry_after_is_never_zero() {
        let refusal = Refusal::Overloaded {
            retry_after: Duration::ZERO,
        };
        assert_eq!(refusal.retry_after_seconds(), Some(1));
        let refusal = Refusal::Overloaded {
            retry_after: Duration::MAX,
        };
        assert_eq!(refusal.retry_after_seconds(), Some(u64::MAX));
    }
}
