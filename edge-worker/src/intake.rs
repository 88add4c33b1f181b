//! A request: who sends, how much, what is in it; then a segment in the bucket, and the answer. Its project is told behind
//! the answer.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use aia_edge::{Bucket, Created, Intake, Report, Scope, Settings, unavailable};
use aia_telemetry::{HttpAnswer, IngestKey, Refusal, RequestHead, RevocationList, SealedSegment, object_key};
use futures_util::StreamExt;
use worker::{
    Context, Env, Headers, Method, Request, Response, Result, console_debug, console_error, console_log,
    console_warn,
};

use crate::bucket::R2;
use crate::project;

/// What a client is told to wait where it sends too often: the binding counts within a minute.
const RETRY_AFTER_BRAKE: Duration = Duration::from_secs(10);

thread_local! {
    static INTAKE: RefCell<Option<Rc<Intake>>> = const { RefCell::new(None) };
}

/// This isolate's, made at its first request.
pub(crate) fn intake(env: &Env) -> std::result::Result<Rc<Intake>, Refusal> {
    if let Some(intake) = INTAKE.with_borrow(Clone::clone) {
        return Ok(intake);
    }
    let variable = |name: &'static str| env.var(name).ok().map(|value| value.to_string());
    let settings =
        Settings::read(variable).map_err(|error| unavailable(log, "the Worker isn't set up", &error))?;
    let intake =
        Intake::new(settings, log).map_err(|error| unavailable(log, "the rules of redaction", &error))?;
    let intake = Rc::new(intake);
    INTAKE.set(Some(Rc::clone(&intake)));
    Ok(intake)
}

/// Nanoseconds since the Unix epoch, to the millisecond.
pub(crate) fn now() -> u64 {
    worker::Date::now().as_millis().saturating_mul(1_000_000)
}

/// Tells an operator.
pub(crate) fn log(report: Report) {
    match report.level {
        "debug" => console_debug!("{}", report.text),
        "info" => console_log!("{}", report.text),
        "warn" => console_warn!("{}", report.text),
        _ => console_error!("{}", report.text),
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
    let intake = intake(env)?;
    let bucket = R2::of(env).map_err(|error| intake.unavailable("the binding BUCKET", &error))?;
    let revoked = async || bucket.get(RevocationList::OBJECT_KEY).await;
    let key = intake.admit(head, revoked, now()).await?;
    brake(env, &key).await?;
    let format = head.body_format()?;
    let body = read(request, &intake).await?;
    let body = intake.decompress(format, &body)?;
    let scope = (key.tenant.clone(), key.project.clone());
    let ask = async |wanted| project::lease(env, &scope, wanted).await;
    intake.take_quota(&scope, body.len(), now(), ask).await?;
    let taken = intake.seal(format, &body, &key, now())?;
    drop(body);
    if let Some(segment) = taken.segment {
        put(&intake, &bucket, env, context, scope, segment).await?;
    }
    Ok(taken.answer)
}

/// Makes a segment durable. Whoever put it first tells its project, behind the answer: a retry of the same request tells
/// nothing new, and what nobody told of the project finds.
async fn put(
    intake: &Intake,
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
        .map_err(|error| intake.unavailable("it can't be made durable", &error))?;
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

async fn read(request: &mut Request, intake: &Intake) -> std::result::Result<Vec<u8>, Refusal> {
    let announced = request.headers().get("content-length").ok().flatten();
    let mut body = intake.body(announced.as_deref());
    // A request without a body has no stream.
    if let Ok(mut stream) = request.stream() {
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|_| Refusal::IncompleteBody)?;
            if !body.push(&chunk) {
                break;
            }
        }
    }
    body.finish()
}
