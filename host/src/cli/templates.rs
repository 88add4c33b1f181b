//! `aia templates`

use aia_plugin_logs::templates;
use serde::Serialize;

use super::{args::Templates, failure::Failure, incidents::open, output::Output, text};
use crate::{api::rfc3339, config::Config, server::Backend, store::Scope};

/// The detector that learns them.
const PLUGIN: &str = "logs";

/// Longest template and example in a table, in characters.
const LONGEST: usize = 100;

#[derive(Serialize)]
struct List {
    templates: Vec<Template>,
}

/// A kind of log line.
#[derive(Serialize)]
struct Template {
    service: String,
    id: String,
    /// `<*>` stands for what differs between lines.
    template: String,
    count: u64,
    /// The worst severity number among its lines, as in OpenTelemetry; 0 for none.
    severity: u8,
    /// The first line.
    example: String,
    last_seen: Option<String>,
}

pub(super) fn run(
    backend: &dyn Backend,
    config: &Config,
    wanted: &Templates,
    output: &mut Output,
) -> Result<(), Failure> {
    let scope = Scope {
        tenant: wanted.of.tenant.clone(),
        project: wanted.of.project.clone(),
    };
    let commits = open(backend, config)?.resume(&scope, PLUGIN)?;
    let snapshot = commits.into_iter().next().and_then(|commit| commit.snapshot);
    let found = snapshot.map_or_else(|| Ok(Vec::new()), |snapshot| templates(&snapshot));
    let found = found.map_err(|source| Failure::OtherVersion {
        plugin: PLUGIN,
        source,
    })?;
    let templates: Vec<_> = found
        .into_iter()
        .filter(|found| {
            wanted
                .service
                .as_ref()
                .is_none_or(|service| *service == found.service)
        })
        .map(|found| Template {
            service: found.service,
            id: format!("{:016x}", found.id),
            template: found.text,
            count: found.count,
            severity: found.severity,
            example: found.example,
            last_seen: rfc3339(found.last),
        })
        .collect();
    if output.json {
        return output.value(&List { templates });
    }
    if templates.is_empty() {
        return output.text(
            "No templates. The detector `logs` keeps what it has learned every 30 seconds of telemetry.",
        );
    }
    let rows = templates.iter().map(|template| {
        vec![
            text::short(&template.service, 40),
            template.id.clone(),
            template.count.to_string(),
            text::api_time(template.last_seen.as_deref()),
            text::short(&template.template, LONGEST),
            text::short(&template.example, LONGEST),
        ]
    });
    let rows = rows.collect();
    output.table(
        &["SERVICE", "ID", "COUNT", "LAST SEEN", "TEMPLATE", "EXAMPLE"],
        rows,
    )
}
