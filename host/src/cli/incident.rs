//! `aia incident`: what people do to incidents, done on the data folder, beside a running host or without one.

use super::{
    args::{IncidentCommand, OfIncident},
    failure::Failure,
    incidents::{not_found, open, show},
    output::Output,
    text,
};
use crate::{
    api::model,
    clock,
    config::Config,
    incidents::{Act, ActError, Done, act},
    server::Backend,
};

pub(super) fn run(
    backend: &dyn Backend,
    config: &Config,
    command: IncidentCommand,
    output: &mut Output,
) -> Result<(), Failure> {
    let (of, what) = match command {
        IncidentCommand::Show { id, of } => return show(backend, config, &id, &of, output),
        IncidentCommand::Ack(of) => (of, Act::Acknowledge),
        IncidentCommand::Resolve(of) => (of, Act::Resolve),
        IncidentCommand::Reopen(of) => (of, Act::Reopen),
        IncidentCommand::Merge { into, of } => (of, Act::Merge { into }),
        IncidentCommand::Split {
            signal,
            fingerprint,
            of,
        } => (
            of,
            Act::Split {
                signals: signal,
                fingerprints: fingerprint,
            },
        ),
        IncidentCommand::Note { id, text, of } => {
            let of = OfIncident {
                id,
                text: Some(text),
                if_version: None,
                of,
            };
            (of, Act::Note)
        }
    };
    let store = open(backend, config)?;
    let done = act(
        store.as_ref(),
        &of.of.tenant,
        &of.id,
        of.if_version,
        &what,
        &user(),
        of.text.as_deref().unwrap_or_default(),
        clock::now(),
    );
    let done = done.map_err(|error| match error {
        ActError::NotFound { id } => not_found(&id),
        ActError::Store(error) => error.into(),
        error => Failure::Act(error),
    })?;
    print(&of.id, &what, done, output)
}

fn print(id: &str, what: &Act, done: Done, output: &mut Output) -> Result<(), Failure> {
    if output.json {
        return output.value(&model::Incident::from(done.incident));
    }
    let (id, of) = (text::line(id), text::line(&done.incident.id).into_owned());
    let said = match what {
        _ if !done.is_changed => format!("{id} is {} already", done.incident.state.as_str()),
        Act::Merge { .. } => format!("{id} is part of {of} now"),
        Act::Split { .. } => format!("{of} was split off {id}"),
        Act::Note => format!("noted in the timeline of {id}"),
        Act::Acknowledge | Act::Resolve | Act::Reopen => {
            format!("{id} is {} now", done.incident.state.as_str())
        }
    };
    output.text(&said)
}

/// Who sits at the command line, as far as the system says.
fn user() -> String {
    let name = ["USER", "LOGNAME"]
        .into_iter()
        .find_map(|variable| std::env::var(variable).ok().filter(|name| !name.is_empty()));
    let name: String = name
        .as_deref()
        .unwrap_or("unknown")
        .chars()
        .filter(|c| !c.is_control())
        .take(64)
        .collect();
    format!("{name} (command line)")
}
