//! The plugins of the bundle, which its entry leaves in `globalThis.aiaPlugins`: components transpiled to JavaScript, whose
//! core modules workerd compiled when the Worker was deployed.

use aia_edge::{Detector, OpenFailure, Outcome, Place, PluginInfo, Plugins};
use aia_telemetry::{Columns, SignalType};
use worker::js_sys::{Array, BigInt, Error, Function, Reflect, Uint8Array, global};
use worker::wasm_bindgen::{JsCast, JsValue};

use crate::batch::JsBatch;
use crate::outcome;

/// The configuration of every plugin: its default.
const CONFIG: &str = "{}";

#[derive(Clone)]
pub(crate) struct JsPlugins {
    infos: Vec<PluginInfo>,
    plugins: Vec<JsValue>,
}

/// A field of an object; `undefined` if it has none.
fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &JsValue::from(name)).unwrap_or(JsValue::UNDEFINED)
}

fn text(object: &JsValue, name: &str) -> Option<String> {
    get(object, name).as_string()
}

fn texts(object: &JsValue, name: &str) -> Vec<String> {
    let list = Array::from(&get(object, name));
    list.iter().filter_map(|item| item.as_string()).collect()
}

/// Calls a method.
fn call(object: &JsValue, name: &str, arguments: &[JsValue]) -> Result<JsValue, JsValue> {
    let function: Function = get(object, name).dyn_into()?;
    function.apply(object, &arguments.iter().collect::<Array>())
}

/// What was thrown, in words: a plugin's own error is a text, a trap an `Error`.
fn thrown(value: &JsValue) -> String {
    if let Some(text) = value.as_string() {
        return text;
    }
    match value.dyn_ref::<Error>() {
        Some(error) => format!("trapped: {}", String::from(error.message())),
        None => "trapped".to_owned(),
    }
}

impl JsPlugins {
    /// The bundle's.
    ///
    /// # Errors
    /// If the entry left none, or one that isn't described as it must be.
    pub(crate) fn bundled() -> Result<Self, String> {
        let list = get(&global(), "aiaPlugins");
        if !Array::is_array(&list) {
            return Err("the bundle's entry left no plugins".to_owned());
        }
        let plugins: Vec<JsValue> = Array::from(&list).iter().collect();
        let infos = plugins.iter().map(|plugin| {
            info(plugin).ok_or_else(|| "the bundle describes a plugin wrongly: build it again".to_owned())
        });
        Ok(Self {
            infos: infos.collect::<Result<_, _>>()?,
            plugins,
        })
    }
}

fn info(plugin: &JsValue) -> Option<PluginInfo> {
    let reads = texts(plugin, "reads");
    let reads = reads.iter().filter_map(|kind| match kind.as_str() {
        "spans" => Some(SignalType::Traces),
        "logs" => Some(SignalType::Logs),
        "metrics" => Some(SignalType::Metrics),
        _ => None,
    });
    Some(PluginInfo {
        name: text(plugin, "name")?,
        digest: *blake3::Hash::from_hex(text(plugin, "digest")?).ok()?.as_bytes(),
        reads: reads.collect(),
        signals: texts(plugin, "signals"),
    })
}

impl Plugins for JsPlugins {
    type Batch = JsBatch;
    type Detector = JsDetector;

    fn list(&self) -> &[PluginInfo] {
        &self.infos
    }

    fn prepare(&self, columns: Columns) -> JsBatch {
        JsBatch::new(&columns)
    }

    fn open(&self, plugin: usize, snapshot: Option<&[u8]>) -> Result<JsDetector, OpenFailure> {
        let Some(plugin) = self.plugins.get(plugin) else {
            return Err(OpenFailure::Failed("there is no such plugin".to_owned()));
        };
        let failed = |error: JsValue| OpenFailure::Failed(thrown(&error));
        // A new instance each time: one serves one session.
        let instance = call(plugin, "instantiate", &[]).map_err(failed)?;
        let class = get(&get(&instance, "detector"), "Session");
        let snapshot = snapshot.map_or(JsValue::UNDEFINED, |bytes| Uint8Array::from(bytes).into());
        match call(&class, "open", &[JsValue::from(CONFIG), snapshot]) {
            Ok(session) => Ok(JsDetector { session }),
            Err(error) => match (text(&error, "tag").as_deref(), text(&error, "val")) {
                (Some("snapshot"), Some(reason)) => Err(OpenFailure::Snapshot(reason)),
                (Some("config"), Some(reason)) => Err(OpenFailure::Failed(reason)),
                _ => Err(failed(error)),
            },
        }
    }
}

/// A session in an instance of its own, which goes when nothing refers to it any more.
pub(crate) struct JsDetector {
    session: JsValue,
}

impl JsDetector {
    fn outcome(&self, method: &str, argument: JsValue) -> Result<Outcome, String> {
        let outcome = call(&self.session, method, &[argument]).map_err(|error| thrown(&error))?;
        outcome::read(outcome)
    }
}

impl Detector for JsDetector {
    type Batch = JsBatch;

    fn observe(&mut self, batch: &JsBatch, place: Place) -> Result<Outcome, String> {
        batch.place(place);
        let method = match batch.signal {
            SignalType::Traces => "observeSpans",
            SignalType::Logs => "observeLogs",
            SignalType::Metrics => "observeMetrics",
        };
        self.outcome(method, batch.object.clone().into())
    }

    fn tick(&mut self, now: u64) -> Result<Outcome, String> {
        self.outcome("tick", BigInt::from(now).into())
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, String> {
        let snapshot = call(&self.session, "snapshot", &[]).map_err(|error| thrown(&error))?;
        Ok(Uint8Array::from(snapshot).to_vec())
    }
}
