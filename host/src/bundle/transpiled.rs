//! A component as core modules and the JavaScript that binds them.

use js_component_bindgen::{InstantiationMode, TranspileOpts, transpile};

use super::{BundleError, Source};

/// What all transpiled plugins are called: then the glue of two with the same interfaces is the same to the byte, and a
/// bundle has it once. It is the largest part of a small plugin.
const NAME: &str = "plugin";

/// What is left of a component.
pub(super) struct Transpiled {
    /// JavaScript that exports `instantiate`.
    pub(super) glue: String,
    /// The names by which the glue asks for core modules, and these.
    pub(super) modules: Vec<(String, Vec<u8>)>,
}

impl Transpiled {
    /// Transpiles a component that imports nothing.
    ///
    /// The glue's `instantiate(getCoreModule, imports)` makes an instance at once, without a promise. A call that gives a
    /// `result` returns what is in `ok` and throws what is in `err` as it is: a value, where a trap is an `Error`.
    pub(super) fn of(source: &Source) -> Result<Self, BundleError> {
        let options = TranspileOpts::builder()
            .name(NAME.to_owned())
            .instantiation_mode(InstantiationMode::Sync)
            .no_typescript(true)
            .nodejs_compat_disabled(true)
            .no_namespaced_exports(true)
            .no_component_error_wrapping(true)
            .build();
        let failed = |reason: String| BundleError::Transpile {
            plugin: source.name().to_owned(),
            reason,
        };
        let transpiled = transpile(source.bytes(), options).map_err(|error| failed(format!("{error:#}")))?;
        // The runtime's check has seen to it; without it the glue would ask for something at the first request.
        if let Some(import) = transpiled.imports.first() {
            return Err(failed(format!("it imports `{import}`")));
        }
        let (mut glue, mut modules) = (None, Vec::new());
        for (name, bytes) in transpiled.files {
            if name.ends_with(".wasm") {
                modules.push((name, bytes));
            } else if name.ends_with(".js") {
                glue = Some(String::from_utf8(bytes).map_err(|_| failed("its glue isn't text".to_owned()))?);
            }
        }
        Ok(Self {
            glue: glue.ok_or_else(|| failed("it has no glue".to_owned()))?,
            modules,
        })
    }
}
