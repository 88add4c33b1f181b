//! Reports by the plugins that render them.

use std::sync::Arc;

use aia_telemetry::TenantId;

use super::catalog::Catalog;
use crate::incidents::report;
use crate::runtime::PluginKind;
use crate::server::{RenderedReport, ReportError, Reports, media_type};
use crate::store::Store;

pub(super) struct PluginReports {
    store: Arc<dyn Store>,
    catalog: Arc<Catalog>,
}

impl PluginReports {
    pub(super) fn new(store: Arc<dyn Store>, catalog: Arc<Catalog>) -> Self {
        Self { store, catalog }
    }
}

impl Reports for PluginReports {
    fn render(
        &self,
        tenant: &TenantId,
        incident: &str,
        format: &str,
    ) -> Result<Option<RenderedReport>, ReportError> {
        let failed = |source| ReportError::Failed {
            incident: incident.to_owned(),
            source,
        };
        let wanted = media_type(format);
        let loaded = self.catalog.loaded();
        let reporters = || {
            loaded
                .iter()
                .filter(|plugin| plugin.kind() == PluginKind::Reporter)
        };
        let essence = |format: &str| {
            format
                .split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase()
        };
        let reporter = reporters().find_map(|plugin| {
            let format = plugin
                .manifest()
                .formats
                .iter()
                .find(|format| essence(format) == essence(wanted))?;
            Some((plugin, format))
        });
        let Some((reporter, format)) = reporter else {
            let mut known: Vec<String> = reporters()
                .flat_map(|plugin| &plugin.manifest().formats)
                .map(|format| essence(format))
                .collect();
            known.sort_unstable();
            known.dedup();
            return Err(ReportError::UnknownFormat {
                media_type: wanted.to_owned(),
                known,
            });
        };
        let report = report::assemble(self.store.as_ref(), tenant, incident)
            .map_err(|error| failed(Box::new(error)))?;
        let Some(report) = report else { return Ok(None) };
        let document = reporter
            .render(&report, format, "")
            .map_err(|error| failed(Box::new(error)))?;
        Ok(Some(RenderedReport {
            media_type: document.media_type,
            bytes: document.bytes,
        }))
    }
}
