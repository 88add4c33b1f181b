//! A project's Durable Object: the owner of its sessions, and of its quota. There is one in the world, so what it does has
//! an order; where there are two after all, commits decide.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use aia_edge::{Config, Lease, Owner, QuotaState, Scope};
use aia_telemetry::{ProjectId, TenantId};
use worker::js_sys::Uint8Array;
use worker::{
    DurableObject, Env, Error, Method, Request, RequestInit, Response, Result, State, console_error,
    durable_object, wasm_bindgen,
};

use crate::bucket::R2;
use crate::intake::{intake, log, now};
use crate::memory::ObjectMemory;
use crate::plugins::JsPlugins;

/// Where the object remembers whose it is, for its alarms.
const SCOPE: &str = "scope";
/// Where it remembers how much of the quota it handed out.
const QUOTA: &str = "quota";
/// Segments that may wait in memory while others are at work; more are found in the bucket.
const MAX_WAITING: usize = 256;

/// When an object that has just begun is woken at the latest, in nanoseconds.
const GO_ON_AFTER: u64 = 20_000_000_000;

type ProjectOwner = Owner<R2, JsPlugins, ObjectMemory>;

/// A project's sessions and quota.
#[durable_object(alarm)]
pub struct ProjectSession {
    state: State,
    env: Env,
    owner: RefCell<Option<ProjectOwner>>,
    waiting: RefCell<Vec<Vec<u8>>>,
    is_at_work: Cell<bool>,
    /// When the alarm rings, in milliseconds since the Unix epoch; 0 if it isn't known.
    alarm_at: Cell<u64>,
}

impl DurableObject for ProjectSession {
    fn new(state: State, env: Env) -> Self {
        Self {
            state,
            env,
            owner: RefCell::default(),
            waiting: RefCell::default(),
            is_at_work: Cell::default(),
            alarm_at: Cell::default(),
        }
    }

    /// Only this Worker reaches it: `POST /segment/<tenant>/<project>` tells of a segment, `POST
    /// /lease/<tenant>/<project>/<bytes>` asks for a lease.
    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let path = request.path();
        let mut parts = path.split('/').skip(1);
        let mut next = || parts.next().unwrap_or_default();
        let (what, tenant, project, bytes) = (next(), next(), next(), next());
        let scope = scope(tenant, project)?;
        match what {
            "segment" => {
                let segment = request.bytes().await?;
                self.remember(&scope).await?;
                self.keep(segment);
                self.work(&scope).await?;
                Response::empty()
            }
            "lease" => {
                let wanted = bytes.parse().map_err(|_| wrong("a number of bytes"))?;
                let lease = self.hand_out(wanted).await?;
                Response::from_json(&lease)
            }
            _ => Response::error("not found", 404),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.alarm_at.set(0);
        let text: Option<String> = self.state.storage().get(SCOPE).await?;
        if let Some((tenant, project)) = text.as_deref().and_then(|text| text.split_once('/')) {
            self.work(&scope(tenant, project)?).await?;
        }
        Response::empty()
    }
}

fn wrong(what: &str) -> Error {
    Error::RustError(format!("not {what}"))
}

fn scope(tenant: &str, project: &str) -> Result<Scope> {
    let tenant = TenantId::new(tenant).map_err(|_| wrong("a tenant"))?;
    let project = ProjectId::new(project).map_err(|_| wrong("a project"))?;
    Ok((tenant, project))
}

impl ProjectSession {
    /// Writes down whose object this is, once.
    async fn remember(&self, (tenant, project): &Scope) -> Result<()> {
        if self.owner.borrow().is_some() || self.is_at_work.get() {
            return Ok(());
        }
        self.state
            .storage()
            .put(SCOPE, format!("{tenant}/{project}"))
            .await
    }

    /// Leaves a segment to whoever is at work. One too many is found in the bucket.
    fn keep(&self, segment: Vec<u8>) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.len() < MAX_WAITING {
            waiting.push(segment);
        }
    }

    fn new_owner(&self, (tenant, project): &Scope) -> Result<ProjectOwner> {
        let intake = intake(&self.env).map_err(|refusal| Error::RustError(refusal.message()))?;
        Ok(Owner::new(
            R2::of(&self.env)?,
            JsPlugins::bundled().map_err(Error::RustError)?,
            ObjectMemory(self.state.storage()),
            intake.settings.project_keys(tenant, project),
            Config::default(),
        ))
    }

    /// Does what there is to do, one at a time: who comes meanwhile leaves its segment to whoever is at it.
    async fn work(&self, scope: &Scope) -> Result<()> {
        if self.is_at_work.replace(true) {
            return Ok(());
        }
        let mut owner = match self.owner.take() {
            Some(owner) => owner,
            None => {
                let owner = self
                    .new_owner(scope)
                    .inspect_err(|_| self.is_at_work.set(false))?;
                // Should this isolate end before it can say when to go on, the next one goes on all the same.
                let soon = now().saturating_add(GO_ON_AFTER);
                let waking = self.wake_at(Some(soon)).await;
                waking.inspect_err(|_| self.is_at_work.set(false))?;
                owner
            }
        };
        loop {
            let now = now();
            for segment in self.waiting.take() {
                if let Err(error) = owner.offer(&segment, now) {
                    console_error!("a segment that was told of doesn't verify: {error}");
                }
            }
            owner.step(now).await;
            owner.take_reports().into_iter().for_each(log);
            if self.waiting.borrow().is_empty() {
                break;
            }
        }
        let next = owner.next_step(now());
        // A project that sleeps holds no memory.
        self.owner.replace(next.is_some().then_some(owner));
        self.is_at_work.set(false);
        self.wake_at(next).await
    }

    async fn wake_at(&self, next: Option<u64>) -> Result<()> {
        let Some(next) = next else { return Ok(()) };
        let at = next.div_ceil(1_000_000);
        let known = self.alarm_at.get();
        // One that rings earlier does as well.
        if known > 0 && known <= at {
            return Ok(());
        }
        let wait = Duration::from_nanos(next.saturating_sub(now()));
        self.state.storage().set_alarm(wait).await?;
        self.alarm_at.set(at);
        Ok(())
    }

    async fn hand_out(&self, wanted: u64) -> Result<Lease> {
        let intake = intake(&self.env).map_err(|refusal| Error::RustError(refusal.message()))?;
        let storage = self.state.storage();
        let text: Option<String> = storage.get(QUOTA).await?;
        let mut state: QuotaState = text
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        let lease = state.lease(intake.settings.quota, wanted, now());
        storage.put(QUOTA, serde_json::to_string(&state)?).await?;
        Ok(lease)
    }
}

async fn ask(env: &Env, (tenant, project): &Scope, path: &str, body: Option<&[u8]>) -> Result<Response> {
    let stub = env
        .durable_object("PROJECTS")?
        .get_by_name(&format!("{tenant}/{project}"))?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post);
    if let Some(body) = body {
        init.with_body(Some(Uint8Array::from(body).into()));
    }
    let response = stub
        .fetch_with_request(Request::new_with_init(&format!("https://project{path}"), &init)?)
        .await?;
    match response.status_code() {
        200..=299 => Ok(response),
        status => Err(Error::RustError(format!("the project answered {status}"))),
    }
}

/// Tells a project of a segment.
pub(crate) async fn tell(env: &Env, scope: &Scope, segment: &[u8]) -> Result<()> {
    let (tenant, project) = scope;
    ask(env, scope, &format!("/segment/{tenant}/{project}"), Some(segment))
        .await
        .map(drop)
}

/// Asks a project for a lease of at least so many bytes.
pub(crate) async fn lease(env: &Env, scope: &Scope, bytes: u64) -> Result<Lease> {
    let (tenant, project) = scope;
    let mut response = ask(env, scope, &format!("/lease/{tenant}/{project}/{bytes}"), None).await?;
    response.json().await
}
