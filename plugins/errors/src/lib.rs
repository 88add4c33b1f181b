//! Errors.
use aia_plugin_sdk::*;
/// X.
pub struct Errors;
impl Detector for Errors {
    type Config = NoConfig;
    fn manifest() -> Manifest { Manifest::new("errors", "0.1.0", "Finds errors").signal("errors.exception", "An exception") }
    fn open(_: NoConfig, _: Option<&[u8]>) -> Result<Self, OpenError> { Ok(Self) }
    fn snapshot(&self) -> Vec<u8> { snapshot::encode(1, &()) }
}
export_detector!(Errors);
