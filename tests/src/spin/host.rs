//! What a component of an app finds around it: WASI 0.2 and 0.3, HTTP to allowed hosts, Spin's key-value store and
//! variables. Their interfaces are Spin's published ones, as far as the component imports them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use wasmtime::component::{
    Accessor, Component, FutureReader, HasData, Linker, Resource, ResourceTable, StreamReader,
};
use wasmtime::{Config, Engine, OptLevel, Store};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p3::bindings::ServicePre;
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use super::manifest::{Manifest, ManifestComponent};

mod bindings {
    wasmtime::component::bindgen!({
        inline: "
            package spin:key-value@3.0.0;
            interface key-value {
                resource store {
                    open: static async func(label: string) -> result<store, error>;
                    get: async func(key: string) -> result<option<list<u8>>, error>;
                    set: async func(key: string, value: list<u8>) -> result<_, error>;
                    delete: async func(key: string) -> result<_, error>;
                    exists: async func(key: string) -> result<bool, error>;
                    get-keys: async func() -> tuple<stream<string>, future<result<_, error>>>;
                }
                variant error { store-table-full, no-such-store, access-denied, other(string) }
            }
            package spin:variables@3.0.0 {
                interface variables {
                    get: async func(name: string) -> result<string, error>;
                    variant error { invalid-name(string), undefined(string), provider(string), other(string) }
                }
            }
            world app {
                import key-value;
                import spin:variables/variables@3.0.0;
            }
        ",
        world: "spin:key-value/app",
        imports: { default: trappable },
    });
}

use bindings::spin::key_value::key_value;
use bindings::spin::variables::variables;

/// Most that is kept of what a component writes to standard error.
const LOG_BYTES: usize = 16 << 20;

/// An app that is composed and compiled.
pub struct Compiled {
    manifest: Manifest,
    folder: std::path::PathBuf,
    pub(super) engine: Engine,
    pub(super) service: ServicePre<State>,
    /// Bytes of the composed component.
    pub size: usize,
}

impl Compiled {
    /// The app of that `spin.toml`, whose first component it is.
    ///
    /// # Errors
    /// If it can't be read, composed or compiled.
    pub fn of(manifest: &Path) -> Result<Arc<Self>> {
        Self::optimised(manifest, false)
    }

    /// The same, compiled as Spin does: tests that measure nothing needn't wait for that.
    ///
    /// # Errors
    /// As [`Compiled::of`].
    pub fn optimised(manifest: &Path, is_optimised: bool) -> Result<Arc<Self>> {
        let folder = manifest.parent().context("no folder")?.to_owned();
        let manifest = Manifest::read(manifest)?;
        let composed = manifest.compose(&folder)?;
        let mut config = Config::new();
        config.wasm_component_model_async(true);
        if !is_optimised {
            config.cranelift_opt_level(OptLevel::None);
        }
        let engine = Engine::new(&config)?;
        let component = Component::new(&engine, &composed)?;
        let mut linker = Linker::<State>::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi::p3::add_to_linker(&mut linker)?;
        wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
        key_value::add_to_linker::<_, Spin>(&mut linker, |state| state)?;
        variables::add_to_linker::<_, Spin>(&mut linker, |state| state)?;
        Ok(Arc::new(Self {
            service: ServicePre::new(linker.instantiate_pre(&component)?)?,
            manifest,
            folder,
            engine,
            size: composed.len(),
        }))
    }

    /// Makes an instance, and drops it.
    ///
    /// # Errors
    /// If it can't be made.
    pub fn instantiate(&self, variables: &BTreeMap<String, String>) -> Result<()> {
        let setting = Setting {
            variables: self.component_variables(variables)?,
            allowed_hosts: self.allowed_hosts(variables)?,
            store: KeyValue::default(),
            log: Log::default(),
        };
        let mut store = self.store(&setting)?;
        let instance = self.service.instantiate_async(&mut store);
        futures_util::FutureExt::now_or_never(instance).context("an instance waits for something")??;
        Ok(())
    }

    fn component(&self) -> Result<&ManifestComponent> {
        self.manifest.first()
    }

    /// What the component's variables are with these of the app.
    pub(super) fn component_variables(
        &self,
        given: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>> {
        let variables = self.component()?.variables.iter();
        variables
            .map(|(name, template)| Ok((name.clone(), self.manifest.expand(template, given)?)))
            .collect()
    }

    /// The hosts that the component may send to.
    pub(super) fn allowed_hosts(&self, given: &BTreeMap<String, String>) -> Result<Vec<String>> {
        let hosts = self.component()?.allowed_outbound_hosts.iter();
        hosts.map(|host| self.manifest.expand(host, given)).collect()
    }

    /// What an instance begins with.
    pub(super) fn store(&self, setting: &Setting) -> Result<Store<State>> {
        let component = self.component()?;
        let mut wasi = WasiCtx::builder();
        wasi.stderr(setting.log.0.clone());
        for mount in &component.files {
            wasi.preopened_dir(
                self.folder.join(&mount.source),
                &mount.destination,
                FsPerms::ReadOnly,
            )?;
        }
        let state = State {
            wasi: wasi.build(),
            http: WasiHttpCtx::default(),
            hooks: Outbound {
                allowed: setting.allowed_hosts.clone(),
            },
            table: ResourceTable::default(),
            variables: setting.variables.clone(),
            stores: component.key_value_stores.clone(),
            store: setting.store.clone(),
        };
        Ok(Store::new(&self.engine, state))
    }
}

/// What all instances of an app share.
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) variables: BTreeMap<String, String>,
    pub(super) allowed_hosts: Vec<String>,
    pub(super) store: KeyValue,
    pub(super) log: Log,
}

/// What instances write to standard error.
#[derive(Clone)]
pub(super) struct Log(MemoryOutputPipe, Arc<Mutex<Vec<String>>>);

impl Default for Log {
    fn default() -> Self {
        Self(MemoryOutputPipe::new(LOG_BYTES), Arc::default())
    }
}

impl Log {
    /// Adds how an instance ended.
    pub(super) fn ended(&self, how: String) {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).push(how);
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.0.contents()).into_owned();
        for how in self.1.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            text.push_str(how);
            text.push('\n');
        }
        text
    }
}

/// A key-value store in memory, which outlives instances and restarts.
#[derive(Clone, Debug, Default)]
pub struct KeyValue(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    values: Mutex<BTreeMap<String, Vec<u8>>>,
    is_full: AtomicBool,
}

impl KeyValue {
    /// What it holds.
    #[must_use]
    pub fn values(&self) -> BTreeMap<String, Vec<u8>> {
        self.lock().clone()
    }

    /// Puts something there.
    pub fn put(&self, key: &str, value: Vec<u8>) {
        self.lock().insert(key.to_owned(), value);
    }

    /// Refuses every write from now on, or takes them again.
    pub fn set_full(&self, is_full: bool) {
        self.0.is_full.store(is_full, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.0.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an instance has of the host.
pub(super) struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Outbound,
    table: ResourceTable,
    variables: BTreeMap<String, String>,
    stores: Vec<String>,
    store: KeyValue,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.hooks,
        }
    }
}

/// Requests of the component go to allowed hosts and to no other.
struct Outbound {
    allowed: Vec<String>,
}

type Sent = Result<
    (
        http::Response<WasiBody>,
        Box<dyn Future<Output = Result<(), Error>> + Send>,
    ),
    Error,
>;

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _done: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let uri = request.uri();
        let origin = format!(
            "{}://{}",
            uri.scheme_str().unwrap_or_default(),
            uri.authority().map_or("", http::uri::Authority::as_str)
        );
        let is_allowed = self
            .allowed
            .iter()
            .any(|host| host.trim_end_matches('/') == origin);
        Box::new(async move {
            if !is_allowed {
                return Err(Error::HttpRequestDenied);
            }
            let (response, io) = wasmtime_wasi_http::default_send_request(request, options).await?;
            let response = response.map(http_body_util::BodyExt::boxed_unsync);
            Ok((response, Box::new(io) as Box<dyn Future<Output = _> + Send>))
        })
    }
}

struct Spin;

impl HasData for Spin {
    type Data<'a> = &'a mut State;
}

impl key_value::Host for State {}

impl key_value::HostStore for State {
    fn drop(&mut self, _store: Resource<key_value::Store>) -> wasmtime::Result<()> {
        Ok(())
    }
}

type KeyValueResult<T> = wasmtime::Result<Result<T, key_value::Error>>;

fn values<U>(accessor: &Accessor<U, Spin>) -> KeyValue {
    accessor.with(|mut access| access.get().store.clone())
}

impl<U> key_value::HostStoreWithStore<U> for Spin {
    async fn open(accessor: &Accessor<U, Self>, label: String) -> KeyValueResult<Resource<key_value::Store>> {
        accessor.with(|mut access| {
            if !access.get().stores.contains(&label) {
                return Ok(Err(key_value::Error::AccessDenied));
            }
            // There is one, so that nothing has to be told apart.
            Ok(Ok(Resource::new_own(0)))
        })
    }

    async fn get(
        accessor: &Accessor<U, Self>,
        _store: Resource<key_value::Store>,
        key: String,
    ) -> KeyValueResult<Option<Vec<u8>>> {
        Ok(Ok(values(accessor).lock().get(&key).cloned()))
    }

    async fn set(
        accessor: &Accessor<U, Self>,
        _store: Resource<key_value::Store>,
        key: String,
        value: Vec<u8>,
    ) -> KeyValueResult<()> {
        let values = values(accessor);
        if values.0.is_full.load(Ordering::Relaxed) {
            return Ok(Err(key_value::Error::Other("the disk is full".to_owned())));
        }
        values.lock().insert(key, value);
        Ok(Ok(()))
    }

    async fn delete(
        accessor: &Accessor<U, Self>,
        _store: Resource<key_value::Store>,
        key: String,
    ) -> KeyValueResult<()> {
        values(accessor).lock().remove(&key);
        Ok(Ok(()))
    }

    async fn exists(
        accessor: &Accessor<U, Self>,
        _store: Resource<key_value::Store>,
        key: String,
    ) -> KeyValueResult<bool> {
        Ok(Ok(values(accessor).lock().contains_key(&key)))
    }

    async fn get_keys(
        accessor: &Accessor<U, Self>,
        _store: Resource<key_value::Store>,
    ) -> wasmtime::Result<(StreamReader<String>, FutureReader<Result<(), key_value::Error>>)> {
        let keys: Vec<String> = values(accessor).lock().keys().cloned().collect();
        accessor.with(|mut access| {
            let keys = StreamReader::new(&mut access, keys)?;
            let end = FutureReader::new(&mut access, async { wasmtime::error::Ok(Ok(())) })?;
            Ok((keys, end))
        })
    }
}

impl variables::Host for State {}

impl<U> variables::HostWithStore<U> for Spin {
    async fn get(
        accessor: &Accessor<U, Self>,
        name: String,
    ) -> wasmtime::Result<Result<String, variables::Error>> {
        let value = accessor.with(|mut access| access.get().variables.get(&name).cloned());
        Ok(value.ok_or_else(|| variables::Error::Undefined(format!("no variable {name}"))))
    }
}
