//! A server with a store of its own and an intake that does what a test wants.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use aia::{
    api::Token,
    config::Config,
    ingest::{Accepted, Intake},
    server::{
        Addresses, NotReady, PluginCatalog, PluginInfo, Readiness, RenderedReport, ReportError, Reports,
        Server, Services, default_scope,
    },
    store::{IngestKeyRecord, Scope, Store, TokenScope, sqlite::Sqlite},
};
use aia_telemetry::{
    Encoding, IngestKey, IngestSecrets, KeyId, ProjectId, Refusal, RootSecret, SignalType, TenantId,
};
use bytes::Bytes;
use prometheus_client::registry::Registry;
use tokio::{runtime::Runtime, sync::Semaphore};

/// A request as the intake got it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Taken {
    pub(crate) scope: String,
    pub(crate) signal: SignalType,
    pub(crate) encoding: Encoding,
    pub(crate) body: Bytes,
}

/// What the intake does with the next requests.
#[derive(Clone, Debug, Default)]
pub(crate) enum Behaviour {
    #[default]
    Accept,
    Partly(Accepted),
    Refuse(Refusal),
    Panic,
    /// Waits until the test adds a permit.
    Wait,
}

/// An intake that remembers and obeys.
#[derive(Default)]
pub(crate) struct FakeIntake {
    taken: Mutex<Vec<Taken>>,
    behaviour: Mutex<Behaviour>,
    gate: GateKeeper,
}

struct GateKeeper(Semaphore);

impl Default for GateKeeper {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl FakeIntake {
    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *lock(&self.behaviour) = behaviour;
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        lock(&self.taken).clone()
    }

    /// Lets waiting requests go on.
    pub(crate) fn release(&self) {
        self.gate.0.add_permits(100);
    }

    /// Waits until so many requests have come in.
    pub(crate) fn wait_for(&self, requests: usize) {
        eventually(|| lock(&self.taken).len() >= requests);
    }
}

impl Intake for FakeIntake {
    fn accept(
        &self,
        key: &IngestKey,
        signal: SignalType,
        encoding: Encoding,
        body: Bytes,
    ) -> Pin<Box<dyn Future<Output = Result<Accepted, Refusal>> + Send + '_>> {
        let scope = format!("{}/{}", key.tenant, key.project);
        lock(&self.taken).push(Taken {
            scope,
            signal,
            encoding,
            body,
        });
        let behaviour = lock(&self.behaviour).clone();
        Box::pin(async move {
            match behaviour {
                Behaviour::Accept => Ok(Accepted::default()),
                Behaviour::Partly(accepted) => Ok(accepted),
                Behaviour::Refuse(refusal) => Err(refusal),
                Behaviour::Panic => panic!("the intake panics because the test wants it to"),
                Behaviour::Wait => {
                    self.gate.0.acquire().await.unwrap().forget();
                    Ok(Accepted::default())
                }
            }
        })
    }
}

/// Plugins, reports and health of the test's making.
#[derive(Default)]
pub(crate) struct FakeParts {
    pub(crate) not_ready: Mutex<bool>,
}

impl PluginCatalog for FakeParts {
    fn plugins(&self) -> Vec<PluginInfo> {
        vec![PluginInfo {
            name: "errors".to_owned(),
            kind: "detector".to_owned(),
            ..PluginInfo::default()
        }]
    }
}

impl Reports for FakeParts {
    fn render(
        &self,
        _: &TenantId,
        incident: &str,
        media_type: &str,
    ) -> Result<Option<RenderedReport>, ReportError> {
        match (incident, media_type) {
            ("inc-panics", _) => panic!("the reporter panics because the test wants it to"),
            ("inc-fails", _) => Err(ReportError::Failed {
                incident: incident.to_owned(),
                source: "secret detail of /var/lib/aia/aia.db".into(),
            }),
            ("inc-1", "text/markdown") => Ok(Some(RenderedReport {
                media_type: "text/markdown".to_owned(),
                bytes: b"# Report\n".to_vec(),
            })),
            ("inc-1", other) => Err(ReportError::UnknownFormat {
                media_type: other.to_owned(),
                known: vec!["text/markdown".to_owned()],
            }),
            _ => Ok(None),
        }
    }
}

impl Readiness for FakeParts {
    fn check(&self) -> Result<(), NotReady> {
        if *lock(&self.not_ready) {
            return Err(NotReady {
                part: "journal",
                source: "secret detail of /var/lib/aia/journal".into(),
            });
        }
        Ok(())
    }

    fn lag_seconds(&self) -> f64 {
        1.5
    }
}

/// A server on free ports, and what it was made of.
pub(crate) struct Host {
    pub(crate) runtime: Runtime,
    pub(crate) addresses: Addresses,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) intake: Arc<FakeIntake>,
    pub(crate) parts: Arc<FakeParts>,
    secrets: Arc<IngestSecrets>,
    server: Option<Server>,
    _folder: tempfile::TempDir,
}

/// The defaults, on free ports.
pub(crate) fn config() -> Config {
    let mut config = Config::defaults().unwrap();
    for address in [
        &mut config.listen.otlp_http,
        &mut config.listen.otlp_grpc,
        &mut config.listen.api,
    ] {
        address.set_port(0);
    }
    config.workers = 2;
    config
}

impl Host {
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    /// Starts with other limits.
    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::prepared(change, |_| {})
    }

    /// Starts with other limits on a store with something in it.
    pub(crate) fn prepared(change: impl FnOnce(&mut Config), prepare: impl FnOnce(&dyn Store)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config();
        change(&mut config);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&folder.path().join("aia.db")).unwrap());
        for scope in [default_scope().unwrap(), other_scope()] {
            store.ensure_project(&scope, 1).unwrap();
        }
        prepare(store.as_ref());
        let (intake, parts) = (Arc::new(FakeIntake::default()), Arc::new(FakeParts::default()));
        let secrets = Arc::new(IngestSecrets::new(1, &RootSecret::new([1; 32])));
        let services = Services {
            store: Arc::clone(&store),
            intake: Arc::clone(&intake) as Arc<dyn Intake>,
            secrets: Arc::clone(&secrets),
            plugins: Arc::clone(&parts) as Arc<dyn PluginCatalog>,
            reports: Arc::clone(&parts) as Arc<dyn Reports>,
            readiness: Arc::clone(&parts) as Arc<dyn Readiness>,
            metrics: Registry::default(),
        };
        let server = runtime.block_on(Server::start(&config, services)).unwrap();
        let addresses = server.addresses();
        Self {
            runtime,
            addresses,
            store,
            intake,
            parts,
            secrets,
            server: Some(server),
            _folder: folder,
        }
    }

    /// The key of the default project with that id.
    pub(crate) fn key_named(&self, id: &str) -> String {
        let scope = default_scope().unwrap();
        self.secrets
            .mint(&scope.tenant, &scope.project, &KeyId::new(id).unwrap())
    }

    pub(crate) fn key(&self) -> String {
        self.key_named("k1")
    }

    /// A new token of a tenant.
    pub(crate) fn token(&self, tenant: &TenantId, scope: TokenScope) -> String {
        let (token, record) = Token::create(scope, 1).unwrap();
        self.store.add_token(tenant, &record).unwrap();
        token.reveal().to_owned()
    }

    /// Stops serving; returns when everything in flight is done.
    pub(crate) fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.stop());
        }
    }

    pub(crate) fn otlp(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses.otlp_http)
    }

    pub(crate) fn api(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses.api)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.intake.release();
        self.stop();
    }
}

/// A second tenant.
pub(crate) fn other_scope() -> Scope {
    Scope {
        tenant: TenantId::new("other").unwrap(),
        project: ProjectId::new("default").unwrap(),
    }
}

/// Revokes a key of the default project.
pub(crate) fn revoke(store: &dyn Store, id: &str) {
    let scope = default_scope().unwrap();
    let record = IngestKeyRecord {
        id: id.to_owned(),
        created_at: 1,
        revoked_at: None,
    };
    store.add_ingest_key(&scope, &record).unwrap();
    assert!(store.revoke_ingest_key(&scope, id, 2).unwrap());
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.text()))
    }

    /// The body as JSON, or null if it is something else.
    pub(crate) fn json_or_null(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends a request; every status is an answer.
pub(crate) fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(Duration::from_secs(20)))
        .build();
    let mut request = http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let agent = config.new_agent();
    let answer = if body.is_empty() && method != "POST" {
        agent.run(request.body(()).unwrap())
    } else {
        agent.run(request.body(body.to_vec()).unwrap())
    };
    let answer = answer.unwrap_or_else(|error| panic!("{method} {url}: {error}"));
    let (head, mut body) = answer.into_parts();
    let body = body.read_to_vec().unwrap();
    Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body,
    }
}

/// Waits for something to become true.
pub(crate) fn eventually(mut is_so: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("waited 10 seconds for something that didn't happen");
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// `google.rpc.Status`, to read what the host writes by other means than the host's own.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Status {
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(crate) details: Vec<Any>,
}

/// `google.protobuf.Any`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Any {
    #[prost(string, tag = "1")]
    pub(crate) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) value: Vec<u8>,
}
