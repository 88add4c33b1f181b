//! Client-side instrumentation by the HTTP semantic conventions: a CLIENT span, a duration and W3C trace context for
//! every call to another service.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use axum::http::{Method, Request, StatusCode, Uri};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::HeaderInjector;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use serde_json::Value;
use ureq::Agent;

use crate::server::method_name;
use crate::telemetry::Instruments;

/// How long a call may take before its caller gives up.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// The services this one calls.
#[derive(Debug)]
pub(crate) struct Upstreams {
    agent: Agent,
    urls: BTreeMap<String, String>,
    instruments: Instruments,
}

/// What an upstream said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Null where the body isn't JSON.
    pub(crate) body: Value,
}

/// No answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("no URL is known for {0}: give --upstream {0}=URL")]
    Unknown(String),
    #[error("{method} {url}: {source}")]
    Request {
        method: Method,
        url: String,
        source: axum::http::Error,
    },
    #[error("{method} {url}: {source}")]
    Transport {
        method: Method,
        url: String,
        source: Box<ureq::Error>,
    },
}

impl CallError {
    /// For `error.type`: of few values.
    fn kind(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "unknown_upstream",
            Self::Request { .. } => "invalid_request",
            Self::Transport { source, .. } => match **source {
                ureq::Error::Timeout(_) => "timeout",
                ureq::Error::ConnectionFailed | ureq::Error::Io(_) => "connection",
                _ => "protocol",
            },
        }
    }
}

impl Upstreams {
    pub(crate) fn new(urls: BTreeMap<String, String>, instruments: Instruments) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(CALL_TIMEOUT))
            .user_agent("shop")
            .build()
            .new_agent();
        Self {
            agent,
            urls,
            instruments,
        }
    }

    /// Calls `name` within the current span; blocks. Any status is an answer.
    pub(crate) fn call(
        &self,
        name: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, CallError> {
        let Some(base) = self.urls.get(name) else {
            return Err(CallError::Unknown(name.to_owned()));
        };
        let url = format!("{base}{path}");
        let started = Instant::now();
        let mut attributes = vec![KeyValue::new("http.request.method", method_name(&method))];
        attributes.extend(server_of(base));
        let mut of_span = attributes.clone();
        of_span.push(KeyValue::new("url.full", url.clone()));
        of_span.push(KeyValue::new("peer.service", name.to_owned()));

        let parent = Context::current();
        let span = self
            .instruments
            .tracer
            .span_builder(method_name(&method))
            .with_kind(SpanKind::Client)
            .with_attributes(of_span)
            .start_with_context(&self.instruments.tracer, &parent);
        let context = parent.with_span(span);
        let result = self.send(&context, method, &url, body);

        let span = context.span();
        let error_type = match &result {
            Ok(answer) => {
                let status = KeyValue::new("http.response.status_code", i64::from(answer.status.as_u16()));
                span.set_attribute(status.clone());
                attributes.push(status);
                // On the client's side 4xx and 5xx are both errors.
                (answer.status.as_u16() >= 400).then(|| answer.status.as_str().to_owned())
            }
            Err(error) => Some(error.kind().to_owned()),
        };
        if let Some(error_type) = error_type {
            let error_type = KeyValue::new("error.type", error_type);
            span.set_attribute(error_type.clone());
            let description = result
                .as_ref()
                .err()
                .map_or_else(String::new, ToString::to_string);
            span.set_status(Status::error(description));
            attributes.push(error_type);
        }
        span.end();
        self.instruments
            .client_duration
            .record(started.elapsed().as_secs_f64(), &attributes);
        result
    }

    fn send(
        &self,
        context: &Context,
        method: Method,
        url: &str,
        body: Option<&Value>,
    ) -> Result<Answer, CallError> {
        let mut builder = Request::builder().method(method.clone()).uri(url);
        if let Some(headers) = builder.headers_mut() {
            TraceContextPropagator::new().inject_context(context, &mut HeaderInjector(headers));
        }
        let invalid = |source| CallError::Request {
            method: method.clone(),
            url: url.to_owned(),
            source,
        };
        let sent = match body {
            Some(body) => self.agent.run(
                builder
                    .header("content-type", "application/json")
                    .body(body.to_string())
                    .map_err(invalid)?,
            ),
            None => self.agent.run(builder.body(()).map_err(invalid)?),
        };
        let mut response = sent.map_err(|source| CallError::Transport {
            method: method.clone(),
            url: url.to_owned(),
            source: Box::new(source),
        })?;
        let body = response.body_mut().read_json().unwrap_or(Value::Null);
        Ok(Answer {
            status: response.status(),
            body,
        })
    }
}

/// `server.address` and `server.port` of a base URL.
fn server_of(base: &str) -> Vec<KeyValue> {
    let Ok(uri) = base.parse::<Uri>() else {
        return Vec::new();
    };
    let mut attributes: Vec<_> = uri
        .host()
        .map(|host| KeyValue::new("server.address", host.to_owned()))
        .into_iter()
        .collect();
    attributes.extend(
        uri.port_u16()
            .map(|port| KeyValue::new("server.port", i64::from(port))),
    );
    attributes
}
