//! What an instance keeps between requests.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use aia_edge::{Intake, Report, Scope, unavailable};
use aia_telemetry::{Refusal, TenantId};
use spin_sdk::key_value::Store;

use crate::bucket::S3;
use crate::plugins::Composed;
use crate::project::Project;
use crate::variables::{self, Variables};

/// An instance.
pub(crate) struct App {
    pub(crate) intake: Intake,
    pub(crate) tenant: TenantId,
    pub(crate) bucket: S3,
    pub(crate) store: Rc<Store>,
    pub(crate) plugins: Composed,
    /// Tells this instance from others.
    pub(crate) name: String,
    /// So many nanoseconds behind others it takes a lead that is free, that not all come at once.
    pub(crate) stagger: u64,
    /// Requests that aren't answered yet.
    pub(crate) in_flight: Cell<usize>,
    projects: RefCell<BTreeMap<Scope, Rc<Project>>>,
}

thread_local! {
    static APP: RefCell<Option<Rc<App>>> = const { RefCell::new(None) };
}

impl App {
    /// This instance's, made at its first request.
    pub(crate) async fn get() -> Result<Rc<Self>, Refusal> {
        if let Some(app) = APP.with_borrow(Clone::clone) {
            return Ok(app);
        }
        let app = Self::new()
            .await
            .map_err(|error| unavailable(log, "the app isn't set up", &error))?;
        // Another request may have been faster.
        Ok(APP.with_borrow_mut(|kept| Rc::clone(kept.get_or_insert_with(|| Rc::new(app)))))
    }

    async fn new() -> Result<Self, String> {
        let Variables {
            settings,
            tenant,
            bucket,
        } = variables::read().await?;
        let store = Store::open_default()
            .await
            .map_err(|error| format!("the key-value store `default` can't be opened: {error}"))?;
        let mut name = [0; 16];
        getrandom::fill(&mut name).map_err(|error| error.to_string())?;
        Ok(Self {
            intake: Intake::new(settings, log)?,
            tenant,
            bucket,
            store: Rc::new(store),
            plugins: Composed::described()?,
            stagger: u64::from(u16::from_le_bytes([name[0], name[1]])) * 10_000,
            name: name.iter().map(|byte| format!("{byte:02x}")).collect(),
            in_flight: Cell::default(),
            projects: RefCell::default(),
        })
    }

    /// A project, of which there are as many as a tenant has keys for.
    pub(crate) fn project(&self, scope: &Scope) -> Rc<Project> {
        let mut projects = self.projects.borrow_mut();
        Rc::clone(projects.entry(scope.clone()).or_default())
    }
}

/// Nanoseconds since the Unix epoch.
pub(crate) fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
}

/// Tells an operator: Spin keeps what a component writes here.
pub(crate) fn log(report: Report) {
    eprintln!("{}: {}", report.level, report.text);
}

/// Tells an operator of trouble.
pub(crate) fn trouble(text: String) {
    log(Report { level: "error", text });
}
