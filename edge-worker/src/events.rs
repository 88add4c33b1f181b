//! What Cloudflare calls.

use worker::{
    Context, DurableObject, Env, Request, Response, Result, State, durable_object, event, wasm_bindgen,
};

/// Answers a request.
#[event(fetch)]
async fn fetch(_request: Request, _env: Env, _context: Context) -> Result<Response> {
    Response::error("not found", 404)
}

/// A project's sessions.
#[durable_object]
pub struct ProjectSession {
    _state: State,
    _env: Env,
}

impl DurableObject for ProjectSession {
    fn new(state: State, env: Env) -> Self {
        Self {
            _state: state,
            _env: env,
        }
    }

    async fn fetch(&self, _request: Request) -> Result<Response> {
        Response::error("not found", 404)
    }
}
