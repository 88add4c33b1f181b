//! Who asks: a token in `Authorization: Bearer …`, looked up by its hash.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header, request::Parts};

use aia_telemetry::TenantId;

use super::{Api, blocking, problem::Problem, token::Token};
use crate::store::TokenScope;

/// Who asks: handlers get it as an argument and pass its tenant to the store.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) tenant: TenantId,
    pub(super) scope: TokenScope,
    /// Public id of the token: who did it, in timelines.
    pub(super) token: String,
}

impl Caller {
    /// Refuses anyone but an operator.
    pub(super) fn demand_operator(&self) -> Result<(), Problem> {
        match self.scope {
            TokenScope::Operator => Ok(()),
            TokenScope::Read => Err(Problem::forbidden()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Missing only if a route was put outside of `demand_token`: nobody gets in then.
        parts.extensions.get().cloned().ok_or_else(Problem::unauthorized)
    }
}

/// Lets a request through if it has a valid token.
pub(super) async fn demand_token(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    match authenticate(&api, request.headers()).await {
        Ok(caller) => {
            api.metrics.authenticated(true);
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => {
            api.metrics.authenticated(false);
            problem.into_response()
        }
    }
}

async fn authenticate(api: &Api, headers: &HeaderMap) -> Result<Caller, Problem> {
    let token = bearer(headers)
        .and_then(Token::parse)
        .ok_or_else(Problem::unauthorized)?;
    let store = Arc::clone(&api.store);
    let hash = token.hash();
    let found = blocking(move || store.token_by_hash(&hash)).await?;
    let (tenant, record) = found
        .filter(|(_, record)| token.is(record))
        .ok_or_else(Problem::unauthorized)?;
    Ok(Caller {
        tenant,
        scope: record.scope,
        token: record.id,
    })
}

/// The credentials of `Authorization: Bearer …`; the scheme's case doesn't matter (RFC 9110).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, credentials) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credentials.trim())
}
