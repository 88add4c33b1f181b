//! A request: who sends, how much, what is in it; then a segment in the bucket, and the answer. Its project is told behind
//! the answer.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use aia_edge::{Admission, Bucket, Created, Lease, Revocations};
use aia_telemetry::{
    BodySize, HttpAnswer, IngestKey, ProjectId, ProjectKeys, RedactConfig, Redactor, Refusal, RequestHead,
    RevocationList, ScanLimits, Scratch, SealedSegment, TenantId, decompress, object_key, refused_rows,
    scan_body, seal_columns,
};
use futures_util::StreamExt;
use worker::{Context, Env, Headers, Method, Request, Response, Result, console_error};

use crate::bucket::R2;
use crate::settings::Settings;
use crate::{lease, project};

/// What a client is told to wait when something failed that shouldn't have.
const RETRY_AFTER_FAILURE: Duration = Duration::from_secs(5);
/// The same where it sends too often: the binding counts within a minute.
const RETRY_AFTER_BRAKE: Duration = Duration::from_secs(10);
/// How many times the limit is read of a body that is over it.
const READ_OF_TOO_LARGE: usize = 4;
/// Projects whose keys an isolate keeps: deriving them costs some microseconds.
const MAX_PROJECTS: usize = 1_024;

/// A project, by name.
pub(crate) type Scope = (TenantId, ProjectId);

/// What an isolate keeps between requests.
pub(crate) struct Isolate {
    pub(crate) settings: Settings,
    redactor: Redactor,
    scratch: RefCell<Scratch>,
    revocations: RefCell<Revocations>,
    pub(crate) leases: RefCell<BTreeMap<Scope, Lease>>,
    keys: RefCell<BTreeMap<Scope, Rc<ProjectKeys>>>,
}

thread_local! {
    static ISOLATE: RefCell<Option<Rc<Isolate>>> = const { RefCell::new(None) };
}

impl Isolate {
    /// This isolate's, made at its first request.
    pub(crate) fn of(env: &Env) -> std::result::Result<Rc<Self>, Refusal> {
        if let Some(isolate) = ISOLATE.with_borrow(Clone::clone) {
            return Ok(isolate);
        }
        let variable = |name: &'static str| env.var(name).ok().map(|value| value.to_string());
        let settings = Settings::read(variable).map_err(|error| unavailable("it isn't set up", &error))?;
        let config = RedactConfig {
            emails: settings.redact_emails,
            ..RedactConfig::default()
        };
        let redactor =
            Redactor::new(&config).map_err(|error| unavailable("the rules of redaction", &error))?;
        let isolate = Rc::new(Self {
            settings,
            redactor,
            scratch: RefCell::default(),
            revocations: RefCell::default(),
            leases: RefCell::default(),
            keys: RefCell::default(),
        });
        ISOLATE.set(Some(Rc::clone(&isolate)));
        Ok(isolate)
    }

    fn admit(&self, head: &RequestHead<'_>) -> std::result::Result<IngestKey, Refusal> {
        let admission = Admission {
            secrets: &self.settings.ingest,
            revocations: &self.revocations.borrow(),
        };
        admission.admit(head)
    }

    fn project_keys(&self, scope: &Scope) -> Rc<ProjectKeys> {
        let mut keys = self.keys.borrow_mut();
        if keys.len() >= MAX_PROJECTS && !keys.contains_key(scope) {
            keys.clear();
        }
        let derive = || Rc::new(self.settings.project_keys(&scope.0, &scope.1));
        Rc::clone(keys.entry(scope.clone()).or_insert_with(derive))
    }

    /// Reads the list of revoked keys again if it is time to.
    async fn refresh(&self, bucket: &R2) -> std::result::Result<(), Refusal> {
        let now = now();
        let Some(stale) = self.revocations.borrow().stale(now) else {
            return Ok(());
        };
        let read = bucket.get(RevocationList::OBJECT_KEY).await;
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
            Some(trouble) if stale.is_needed => Err(unavailable("which keys are revoked", &trouble)),
            Some(trouble) => {
                console_error!("cannot read revoked keys; the last list holds: {trouble}");
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// Nanoseconds since the Unix epoch, to the millisecond.
pub(crate) fn now() -> u64 {
    worker::Date::now().as_millis().saturating_mul(1_000_000)
}

/// Tells an operator, and the client to come again.
pub(crate) fn unavailable(what: &str, error: &dyn std::fmt::Display) -> Refusal {
    console_error!("cannot take a request: {what}: {error}");
    Refusal::Unavailable {
        retry_after: RETRY_AFTER_FAILURE,
    }
}

/// Headers as text. One that isn't text isn't given by Cloudflare.
struct Head {
    method: Method,
    path: String,
    headers: BTreeMap<&'static str, String>,
}

impl Head {
    fn of(request: &Request) -> Self {
        let names = ["content-type", "content-encoding", "authorization", "x-aia-key"];
        let value = |name: &'static str| Some((name, request.headers().get(name).ok()??));
        Self {
            method: request.method(),
            path: request.path(),
            headers: names.into_iter().filter_map(value).collect(),
        }
    }

    fn head(&self) -> RequestHead<'_> {
        RequestHead::new(self.method.as_ref(), &self.path, |name| {
            self.headers.get(name).map(String::as_str)
        })
    }
}

/// Answers a request.
pub(crate) async fn answer(mut request: Request, env: &Env, context: &Context) -> Result<Response> {
    let head = Head::of(&request);
    let head = head.head();
    let answer = take(&head, &mut request, env, context)
        .await
        .unwrap_or_else(|refusal| HttpAnswer::refusal(&refusal, head.answer_encoding()));
    let headers = Headers::new();
    for (name, value) in &answer.headers {
        headers.set(name, value)?;
    }
    let response = Response::from_bytes(answer.body)?;
    Ok(response.with_status(answer.status).with_headers(headers))
}

async fn take(
    head: &RequestHead<'_>,
    request: &mut Request,
    env: &Env,
    context: &Context,
) -> std::result::Result<HttpAnswer, Refusal> {
    head.signal()?;
    let isolate = Isolate::of(env)?;
    let bucket = R2::of(env).map_err(|error| unavailable("the binding BUCKET", &error))?;
    // Strangers cost no look-up.
    isolate.admit(head)?;
    isolate.refresh(&bucket).await?;
    let key = isolate.admit(head)?;
    brake(env, &key).await?;
    let format = head.body_format()?;
    let body = read(request, isolate.settings.request_bytes).await?;
    let body = decompress(format.compression, &body, isolate.settings.request_bytes)?;
    let scope = (key.tenant.clone(), key.project.clone());
    lease::take(&isolate, env, &scope, body.len()).await?;
    let limits = ScanLimits::default();
    let scanned = scan_body(
        format.signal,
        format.encoding,
        &body,
        &limits,
        &mut isolate.scratch.borrow_mut(),
    )?;
    let (refused, message) = refused_rows(&scanned.refused, format.signal);
    if scanned.columns.rows() > 0 {
        let keys = isolate.project_keys(&scope);
        let sealed = seal_columns(&keys, &isolate.redactor, scanned.columns, &body, &key, now())
            .map_err(|error| unavailable("it can't be sealed", &error))?;
        drop(body);
        put(&bucket, env, context, scope, sealed).await?;
    }
    Ok(HttpAnswer::success(format, refused, &message))
}

/// Makes a segment durable. Whoever put it first tells its project, behind the answer: a retry of the same request tells
/// nothing new, and what nobody told of the project finds.
async fn put(
    bucket: &R2,
    env: &Env,
    context: &Context,
    scope: Scope,
    sealed: SealedSegment,
) -> std::result::Result<(), Refusal> {
    let SealedSegment { header, bytes, .. } = sealed;
    let key = object_key(&header);
    let created = bucket
        .create(&key, bytes.clone())
        .await
        .map_err(|error| unavailable("it can't be made durable", &error))?;
    if created == Created::New {
        let env = env.clone();
        context.wait_until(async move {
            if let Err(error) = project::tell(&env, &scope, &bytes).await {
                console_error!("cannot tell a project of a segment, which it will find itself: {error}");
            }
        });
    }
    Ok(())
}

/// The brake against abuse: requests of one key. Without the binding there is none.
async fn brake(env: &Env, key: &IngestKey) -> std::result::Result<(), Refusal> {
    let Ok(limiter) = env.rate_limiter("RATE_LIMIT") else {
        return Ok(());
    };
    let IngestKey {
        tenant,
        project,
        key_id,
        ..
    } = key;
    match limiter.limit(format!("{tenant}/{project}/{key_id}")).await {
        Ok(outcome) if !outcome.success => Err(Refusal::Overloaded {
            retry_after: RETRY_AFTER_BRAKE,
        }),
        Ok(_) => Ok(()),
        // It protects against abuse; that it fails is no reason to lose telemetry.
        Err(error) => {
            console_error!("the rate limit can't be asked: {error}");
            Ok(())
        }
    }
}

/// Reads a body of at most so many bytes. Of a larger one the rest is read as well, up to a multiple, and not kept: a sender
/// that is cut off while it sends may never see the answer.
async fn read(request: &mut Request, limit: usize) -> std::result::Result<Vec<u8>, Refusal> {
    let announced = request.headers().get("content-length").ok().flatten();
    let announced = announced
        .and_then(|length| length.parse::<usize>().ok())
        .unwrap_or(0);
    let mut body = Vec::with_capacity(announced.min(limit));
    // A request without a body has no stream.
    let Ok(mut stream) = request.stream() else {
        return Ok(body);
    };
    let mut length = 0_usize;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Refusal::IncompleteBody)?;
        length = length.saturating_add(chunk.len());
        if length <= limit {
            body.extend_from_slice(&chunk);
        } else {
            body = Vec::new();
        }
        if length > limit.saturating_mul(READ_OF_TOO_LARGE) {
            break;
        }
    }
    if length > limit {
        return Err(Refusal::TooLarge {
            of: BodySize::Received,
            limit,
        });
    }
    if length < announced {
        return Err(Refusal::IncompleteBody);
    }
    Ok(body)
}
