//! `aia change`

use serde::Serialize;

use super::{
    args::{ChangeCommand, ListChanges, NewChange, OfProject, Told},
    failure::Failure,
    incidents::open,
    output::Output,
    text,
};
use crate::{
    api::model,
    clock,
    config::Config,
    incidents::changes::{Announcement, announce, words},
    server::Backend,
    store::{ChangeKind, ChangeSource, Scope},
};

/// Longest words in a list, in characters.
const WORDS: usize = 110;

pub(super) fn run(
    backend: &dyn Backend,
    config: &Config,
    command: &ChangeCommand,
    output: &mut Output,
) -> Result<(), Failure> {
    let (kind, service, release, previous, told) = match command {
        ChangeCommand::List(wanted) => return list(backend, config, wanted, output),
        ChangeCommand::Deploy {
            service,
            release,
            previous,
            told,
        } => (
            ChangeKind::Deploy,
            Some(service),
            Some(release),
            previous.as_ref(),
            told,
        ),
        ChangeCommand::Config(new) => of_new(ChangeKind::Config, new),
        ChangeCommand::Flag(new) => of_new(ChangeKind::Flag, new),
        ChangeCommand::Infrastructure(new) => of_new(ChangeKind::Infrastructure, new),
        ChangeCommand::Other(new) => of_new(ChangeKind::Other, new),
    };
    let or_empty = |value: Option<&String>| value.cloned().unwrap_or_default();
    let announcement = Announcement {
        kind,
        time: told.at,
        service: or_empty(service),
        release: or_empty(release),
        release_previous: or_empty(previous),
        author: or_empty(told.author.as_ref()),
        text: or_empty(told.text.as_ref()),
        link: or_empty(told.link.as_ref()),
    };
    let store = open(backend, config)?;
    let scope = existing(store.as_ref(), &told.of)?;
    let (change, is_new) = announce(
        store.as_ref(),
        &scope,
        &announcement,
        ChangeSource::Cli,
        clock::now(),
    )?;
    if output.json {
        return output.value(&model::Change::from(change));
    }
    let verb = if is_new { "told" } else { "known already" };
    output.text(&format!("{verb}: {}", text::line(&words(&change))))
}

type Parts<'a> = (
    ChangeKind,
    Option<&'a String>,
    Option<&'a String>,
    Option<&'a String>,
    &'a Told,
);

fn of_new(kind: ChangeKind, new: &NewChange) -> Parts<'_> {
    (kind, new.service.as_ref(), new.release.as_ref(), None, &new.told)
}

/// A project that exists: a mistyped name must not swallow a change.
fn existing(store: &dyn crate::store::Store, of: &OfProject) -> Result<Scope, Failure> {
    let scope = Scope {
        tenant: of.tenant.clone(),
        project: of.project.clone(),
    };
    if store.project_exists(&scope)? {
        return Ok(scope);
    }
    Err(Failure::NoProject {
        project: scope.to_string(),
    })
}

#[derive(Serialize)]
struct List {
    changes: Vec<model::Change>,
}

fn list(
    backend: &dyn Backend,
    config: &Config,
    wanted: &ListChanges,
    output: &mut Output,
) -> Result<(), Failure> {
    let store = open(backend, config)?;
    let scope = Scope {
        tenant: wanted.of.tenant.clone(),
        project: wanted.of.project.clone(),
    };
    let mut changes = store.changes(&scope, wanted.from.unwrap_or(0), wanted.to.unwrap_or(u64::MAX))?;
    if let Some(service) = &wanted.service {
        changes.retain(|change| change.service == *service);
    }
    if output.json {
        let changes = changes.into_iter().map(Into::into).collect();
        return output.value(&List { changes });
    }
    if changes.is_empty() {
        return output.text("No changes.");
    }
    let rows = changes.iter().map(|change| {
        vec![
            text::time(change.time),
            change.kind.as_str().to_owned(),
            text::short(&change.service, 40),
            text::short(&words(change), WORDS),
        ]
    });
    output.table(&["TIME", "KIND", "SERVICE", "WHAT"], rows.collect())
}
