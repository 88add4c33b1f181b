//! What a shell does with a request between its server and its bucket, the same in each: who sends, how much, what is in
//! it, and a sealed segment of that.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::rc::Rc;
use std::time::Duration;

use aia_telemetry::{
    BodyFormat, BodySize, HttpAnswer, IngestKey, ProjectId, ProjectKeys, RedactConfig, Redactor, Refusal,
    RequestHead, ScanLimits, Scratch, SealedSegment, TenantId, decompress, refused_rows, scan_body,
    seal_columns,
};

use crate::admission::{Admission, Revocations};
use crate::owner::Report;
use crate::quota::Lease;
use crate::settings::Settings;

/// What a client is told to wait when something failed that shouldn't have.
const RETRY_AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How many times the limit is read of a body that is over it.
const READ_OF_TOO_LARGE: usize = 4;
/// Projects whose keys and leases an instance keeps: deriving keys costs some microseconds.
const MAX_PROJECTS: usize = 1_024;

/// A project, by name.
pub type Scope = (TenantId, ProjectId);

/// What an instance of a shell keeps between requests.
pub struct Intake {
    /// What it is told.
    pub settings: Settings,
    redactor: Redactor,
    scratch: RefCell<Scratch>,
    revocations: RefCell<Revocations>,
    leases: RefCell<BTreeMap<Scope, Lease>>,
    keys: RefCell<BTreeMap<Scope, Rc<ProjectKeys>>>,
    log: fn(Report),
}

/// What a request came to.
pub struct Taken {
    /// What is to be made durable before the answer is given; nothing if every row was refused, or there was none.
    pub segment: Option<SealedSegment>,
    /// The answer.
    pub answer: HttpAnswer,
}

impl Intake {
    /// Begins. `log` tells an operator what no answer may.
    ///
    /// # Errors
    /// If the rules of redaction can't be made, as text.
    pub fn new(settings: Settings, log: fn(Report)) -> Result<Self, String> {
        let config = RedactConfig {
            emails: settings.redact_emails,
            ..RedactConfig::default()
        };
        Ok(Self {
            redactor: Redactor::new(&config).map_err(|error| error.to_string())?,
            settings,
            scratch: RefCell::default(),
            revocations: RefCell::default(),
            leases: RefCell::default(),
            keys: RefCell::default(),
            log,
        })
    }

    /// Tells an operator, and the client to come again.
    pub fn unavailable(&self, what: &str, error: &dyn Display) -> Refusal {
        unavailable(self.log, what, error)
    }

    /// Who sends. Strangers cost no look-up: only for a genuine key the list of revoked ones is read again, by `revoked`
    /// and if it is time to. That gives the object at [`RevocationList::OBJECT_KEY`](aia_telemetry::RevocationList::OBJECT_KEY); none if there is none.
    ///
    /// # Errors
    /// If the request isn't OTLP's, the key is none or revoked, or nobody knows which are.
    pub async fn admit<E: Display>(
        &self,
        head: &RequestHead<'_>,
        revoked: impl AsyncFnOnce() -> Result<Option<Vec<u8>>, E>,
        now: u64,
    ) -> Result<IngestKey, Refusal> {
        self.verify(head)?;
        self.refresh(revoked, now).await?;
        self.verify(head)
    }

    fn verify(&self, head: &RequestHead<'_>) -> Result<IngestKey, Refusal> {
        let admission = Admission {
            secrets: &self.settings.ingest,
            revocations: &self.revocations.borrow(),
        };
        admission.admit(head)
    }

    async fn refresh<E: Display>(
        &self,
        revoked: impl AsyncFnOnce() -> Result<Option<Vec<u8>>, E>,
        now: u64,
    ) -> Result<(), Refusal> {
        let Some(stale) = self.revocations.borrow().stale(now) else {
            return Ok(());
        };
        let read = revoked().await;
        let mut revocations = self.revocations.borrow_mut();
        let trouble = match read {
            Ok(object) => revocations
                .read(object.as_deref(), &self.settings.revocations(), now)
                .err()
                .map(|error| error.to_string()),
            Err(error) => {
                revocations.failed(now);
                Some(error.to_string())
            }
        };
        match trouble {
            Some(trouble) if stale.is_needed => Err(self.unavailable("which keys are revoked", &trouble)),
            Some(trouble) => {
                (self.log)(Report {
                    level: "error",
                    text: format!("cannot read revoked keys; the last list holds: {trouble}"),
                });
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The keys of a project.
    pub fn project_keys(&self, scope: &Scope) -> Rc<ProjectKeys> {
        let mut keys = self.keys.borrow_mut();
        if keys.len() >= MAX_PROJECTS && !keys.contains_key(scope) {
            keys.clear();
        }
        let derive = || Rc::new(self.settings.project_keys(&scope.0, &scope.1));
        Rc::clone(keys.entry(scope.clone()).or_insert_with(derive))
    }

    /// A body's beginning: what the headers announce of it isn't believed further than the limit.
    #[must_use]
    pub fn body(&self, announced: Option<&str>) -> Body {
        let announced = announced
            .and_then(|length| length.parse::<usize>().ok())
            .unwrap_or(0);
        let limit = self.settings.request_bytes;
        Body {
            bytes: Vec::with_capacity(announced.min(limit)),
            length: 0,
            announced,
            limit,
        }
    }

    /// Decompresses a body.
    ///
    /// # Errors
    /// If it can't be, or is too large then.
    pub fn decompress<'a>(&self, format: BodyFormat, body: &'a [u8]) -> Result<Cow<'a, [u8]>, Refusal> {
        decompress(format.compression, body, self.settings.request_bytes)
    }

    /// Takes `bytes` of a project's quota, if there is one: from this instance's lease, or from another one that `ask`
    /// gets of at least so many bytes.
    ///
    /// # Errors
    /// If it is used up, until the next day; or can't be asked for.
    pub async fn take_quota<E: Display>(
        &self,
        scope: &Scope,
        bytes: usize,
        now: u64,
        ask: impl AsyncFnOnce(u64) -> Result<Lease, E>,
    ) -> Result<(), Refusal> {
        let quota = self.settings.quota.bytes_a_day;
        if quota == 0 {
            return Ok(());
        }
        let bytes = bytes as u64;
        let from_lease = || {
            let mut leases = self.leases.borrow_mut();
            leases.get_mut(scope).is_some_and(|lease| lease.take(bytes, now))
        };
        if from_lease() {
            return Ok(());
        }
        let lease = ask(bytes)
            .await
            .map_err(|error| self.unavailable("the project's quota can't be asked", &error))?;
        let until = lease.until;
        {
            let mut leases = self.leases.borrow_mut();
            if leases.len() >= MAX_PROJECTS {
                leases.clear();
            }
            // What is left of the last one is too little for this request, but not for the next.
            let left = leases
                .remove(scope)
                .filter(|left| left.until == until)
                .map_or(0, |left| left.bytes);
            let bytes = lease.bytes.saturating_add(left);
            leases.insert(scope.clone(), Lease { bytes, until });
        }
        if from_lease() {
            return Ok(());
        }
        Err(Refusal::NoRoom {
            reason: format!("the project may send {quota} bytes a day"),
            retry_after: Duration::from_nanos(until.saturating_sub(now)),
        })
    }

    /// Scans, redacts and seals a decompressed body.
    ///
    /// # Errors
    /// If it can't be decoded, or sealed.
    pub fn seal(&self, format: BodyFormat, body: &[u8], key: &IngestKey, now: u64) -> Result<Taken, Refusal> {
        let limits = ScanLimits::default();
        let mut scratch = self.scratch.borrow_mut();
        let scanned = scan_body(format.signal, format.encoding, body, &limits, &mut scratch)?;
        let (refused, message) = refused_rows(&scanned.refused, format.signal);
        let segment = if scanned.columns.rows() > 0 {
            let keys = self.project_keys(&(key.tenant.clone(), key.project.clone()));
            let sealed = seal_columns(&keys, &self.redactor, scanned.columns, body, key, now);
            Some(sealed.map_err(|error| self.unavailable("it can't be sealed", &error))?)
        } else {
            None
        };
        Ok(Taken {
            segment,
            answer: HttpAnswer::success(format, refused, &message),
        })
    }
}

/// Tells an operator that a request can't be taken, and the client to come again.
pub fn unavailable(log: fn(Report), what: &str, error: &dyn Display) -> Refusal {
    log(Report {
        level: "error",
        text: format!("cannot take a request: {what}: {error}"),
    });
    Refusal::Unavailable {
        retry_after: RETRY_AFTER_FAILURE,
    }
}

/// A body as it comes. Of one that is too large the rest is read as well, up to a multiple, and not kept: a sender that is
/// cut off while it sends may never see the answer.
#[derive(Debug)]
pub struct Body {
    bytes: Vec<u8>,
    length: usize,
    announced: usize,
    limit: usize,
}

impl Body {
    /// Takes what came; whether more is wanted.
    pub fn push(&mut self, chunk: &[u8]) -> bool {
        self.length = self.length.saturating_add(chunk.len());
        if self.length <= self.limit {
            self.bytes.extend_from_slice(chunk);
        } else {
            self.bytes = Vec::new();
        }
        self.length <= self.limit.saturating_mul(READ_OF_TOO_LARGE)
    }

    /// All of it.
    ///
    /// # Errors
    /// If it was too large, or shorter than announced.
    pub fn finish(self) -> Result<Vec<u8>, Refusal> {
        if self.length > self.limit {
            return Err(Refusal::TooLarge {
                of: BodySize::Received,
                limit: self.limit,
            });
        }
        if self.length < self.announced {
            return Err(Refusal::IncompleteBody);
        }
        Ok(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(announced: &str, chunks: &[&[u8]]) -> Result<Vec<u8>, Refusal> {
        let secret = "A".repeat(43);
        let settings = Settings::read(|name| match name {
            "AIA_SECRET_KEY" => Some(secret.clone()),
            "AIA_REQUEST_BYTES" => Some("4".to_owned()),
            _ => None,
        });
        let mut body = Intake::new(settings.unwrap(), |_| {})
            .unwrap()
            .body(Some(announced));
        for chunk in chunks {
            if !body.push(chunk) {
                break;
            }
        }
        body.finish()
    }

    #[test]
    fn a_body_is_taken_up_to_the_limit_and_in_whole() {
        assert_eq!(body("4", &[b"ab", b"cd"]), Ok(b"abcd".to_vec()));
        assert_eq!(body("no number", &[b"ab"]), Ok(b"ab".to_vec()));
        assert_eq!(body("4", &[b"ab"]), Err(Refusal::IncompleteBody));
        let too_large = Err(Refusal::TooLarge {
            of: BodySize::Received,
            limit: 4,
        });
        assert_eq!(body("2", &[b"ab", b"cde"]), too_large);
        assert_eq!(body("999999999999", &[b"ab", b"cde"]), too_large);
    }

    #[test]
    fn of_a_body_that_is_far_too_large_the_rest_stays_unread() {
        let settings = Settings::read(|name| (name == "AIA_SECRET_KEY").then(|| "A".repeat(43)));
        let mut body = Intake::new(settings.unwrap(), |_| {}).unwrap().body(None);
        let chunk = vec![0; 8 << 20];
        let read = (1..).find(|_| !body.push(&chunk));
        assert_eq!(read, Some(READ_OF_TOO_LARGE + 1));
    }
}
