//! What Cloudflare calls: a request comes in.

use worker::{Context, Env, Request, Response, Result, event};

use crate::intake;

/// Answers a request.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    intake::answer(request, &env, &context).await
}
