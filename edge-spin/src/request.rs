//! A request: who sends, how much, what is in it; then a durable segment, and the answer. Its project goes on behind the
//! answer.

use std::rc::Rc;

use aia_edge::Scope;
use aia_telemetry::{HttpAnswer, Refusal, RequestHead};
use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::Full;
use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::http::{HeaderMap, Request, Response};
use spin_sdk::wasip3::http_compat::IncomingRequestBody;

use crate::app::{App, now};
use crate::{durable, project, quota};

/// Stands for a header that isn't text: wrong, not missing.
const NO_TEXT: &str = "\u{fffd}";

/// Answers a request.
pub(crate) async fn answer(request: Request) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let head = RequestHead::new(parts.method.as_str(), parts.uri.path(), |name| {
        let value = parts.headers.get(name)?;
        Some(value.to_str().unwrap_or(NO_TEXT))
    });
    let answer = take(&head, &parts.headers, body)
        .await
        .unwrap_or_else(|refusal| HttpAnswer::refusal(&refusal, head.answer_encoding()));
    let mut response = Response::builder()
        .status(answer.status)
        .header("content-length", answer.body.len());
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    // Status and headers are ours.
    response
        .body(Full::new(Bytes::from(answer.body)))
        .unwrap_or_default()
}

/// Counts a request while it isn't answered.
struct InFlight(Rc<App>);

impl InFlight {
    fn new(app: &Rc<App>) -> Self {
        app.in_flight.set(app.in_flight.get() + 1);
        Self(Rc::clone(app))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.set(self.0.in_flight.get() - 1);
    }
}

async fn take(
    head: &RequestHead<'_>,
    headers: &HeaderMap,
    body: IncomingRequestBody,
) -> Result<HttpAnswer, Refusal> {
    head.signal()?;
    let app = App::get().await?;
    let _in_flight = InFlight::new(&app);
    let revoked = async || durable::revoked(&app).await;
    let key = app.intake.admit(head, revoked, now()).await?;
    if key.tenant != app.tenant {
        return Err(Refusal::ForeignTenant);
    }
    let format = head.body_format()?;
    let body = read(&app, headers, body).await?;
    let body = app.intake.decompress(format, &body)?;
    let scope: Scope = (key.tenant.clone(), key.project.clone());
    let ask = async |wanted| quota::lease(&app, &scope, wanted).await;
    app.intake.take_quota(&scope, body.len(), now(), ask).await?;
    let taken = app.intake.seal(format, &body, &key, now())?;
    drop(body);
    if let Some(segment) = taken.segment {
        let placed = durable::put(&app, segment).await?;
        project::go_on(&app, &scope, placed);
    }
    Ok(taken.answer)
}

async fn read(app: &App, headers: &HeaderMap, incoming: IncomingRequestBody) -> Result<Vec<u8>, Refusal> {
    let announced = headers
        .get("content-length")
        .and_then(|value| value.to_str().ok());
    let mut body = app.intake.body(announced);
    let mut stream = incoming.stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Refusal::IncompleteBody)?;
        if !body.push(&chunk) {
            break;
        }
    }
    body.finish()
}
