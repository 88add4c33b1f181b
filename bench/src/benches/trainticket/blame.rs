//! Whom AIA suspects.

use aia::runtime::Severity;
use aia::store::{Incident, Store};
use aia_telemetry::TenantId;
use anyhow::Result;

use super::naive::distinct;

/// What AIA says of the cause.
#[derive(Clone, Debug, Default)]
pub(super) struct Blamed {
    /// Services, the most suspicious first.
    pub(super) services: Vec<String>,
    /// The first place in code named for the first of them.
    pub(super) code: Option<Location>,
}

/// The suspects of all these incidents together, the worst incident's first: those of its newest conclusion, then the
/// service where it began, then those affected.
pub(super) fn suspects(store: &dyn Store, tenant: &TenantId, incidents: &[Incident]) -> Result<Blamed> {
    let mut incidents: Vec<&Incident> = incidents.iter().collect();
    // Stable: of equally bad ones the order given counts.
    incidents.sort_by_key(|incident| std::cmp::Reverse(rank(incident.severity)));
    let mut concluded = Vec::new();
    for incident in &incidents {
        let conclusions = store.conclusions(tenant, &incident.id)?;
        concluded.extend(
            conclusions
                .into_iter()
                .next()
                .into_iter()
                .flat_map(|last| last.suspects),
        );
    }
    let suspects = concluded.iter().map(|suspect| &suspect.service);
    let origins = incidents.iter().map(|incident| &incident.service);
    let affected = incidents.iter().flat_map(|incident| &incident.affected);
    let services = distinct(
        suspects
            .chain(origins)
            .chain(affected)
            .map(|name| service_of(name).to_owned()),
    );
    let Some(first) = services.first() else {
        return Ok(Blamed::default());
    };
    let mut code = concluded
        .iter()
        .filter(|suspect| service_of(&suspect.service) == first)
        .find_map(|suspect| Location::find(&suspect.code));
    for incident in incidents
        .iter()
        .filter(|incident| service_of(&incident.service) == first)
    {
        for signal in store.incident_signals(tenant, &incident.id)? {
            let details = signal.signal.details.iter().map(|detail| &detail.value);
            let texts = std::iter::once(&signal.signal.title).chain(details);
            code = code.or_else(|| texts.into_iter().find_map(|text| Location::find(text)));
        }
        for evidence in store.evidence(tenant, &incident.id)? {
            let fields = evidence.fields.iter().map(|(_, value)| value);
            let texts = std::iter::once(&evidence.title).chain(fields);
            code = code.or_else(|| texts.into_iter().find_map(|text| Location::find(text)));
        }
    }
    Ok(Blamed { services, code })
}

pub(super) fn rank(severity: Severity) -> u8 {
    match severity {
        Severity::Low => 0,
        Severity::Medium => 1,
        Severity::High => 2,
        Severity::Critical => 3,
    }
}

/// The service of a pod's name, `ts-order-service` of `ts-order-service-5dc8d4f9fd-46997`; of other names themselves.
pub(super) fn service_of(name: &str) -> &str {
    let is_hash = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&part.len())
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let Some((rest, pod)) = name.rsplit_once('-') else {
        return name;
    };
    let Some((service, replica_set)) = rest.rsplit_once('-') else {
        return name;
    };
    let has_digit = replica_set.bytes().any(|byte| byte.is_ascii_digit());
    if is_hash(pod, 5..=5) && is_hash(replica_set, 8..=10) && has_digit {
        service
    } else {
        name
    }
}

/// A line of a class.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Location {
    /// Without its package.
    pub(super) class: String,
    pub(super) line: u32,
}

impl Location {
    /// The first in a text: `Class#12`, `Class.java:12` or `Class:12`.
    pub(super) fn find(text: &str) -> Option<Self> {
        text.char_indices()
            .filter(|(_, c)| matches!(c, '#' | ':'))
            .find_map(|(at, _)| {
                let (before, after) = (text.get(..at)?, text.get(at + 1..)?);
                let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
                let line = after.get(..digits)?.parse().ok()?;
                let before = before.strip_suffix(".java").unwrap_or(before);
                let start = before
                    .rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
                    .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
                let class = before.get(start..)?;
                class.starts_with(|c: char| c.is_ascii_uppercase()).then(|| Self {
                    class: class.to_owned(),
                    line,
                })
            })
    }

    /// Whether it lies in the region that a data set calls the cause: `a.Class#12_a.Class#15`, or with the start of a
    /// method for one of the two. None if the cause is no code.
    pub(super) fn is_in(&self, cause: &str) -> bool {
        let ends: Vec<Self> = cause.split('_').filter_map(Self::find).collect();
        let lines = ends
            .iter()
            .filter(|end| end.class == self.class)
            .map(|end| end.line);
        let last = lines.clone().max();
        // The start of a method stands in place of a line: then any line of the class up to the other end counts.
        let first = if ends.len() < 2 { Some(0) } else { lines.min() };
        first.is_some_and(|first| first <= self.line) && last.is_some_and(|last| self.line <= last)
    }

    /// Whether a cause names code at all.
    pub(super) fn is_code(cause: &str) -> bool {
        cause.split('_').any(|end| Self::find(end).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_of_its_service() {
        assert_eq!(
            service_of("ts-basic-service-5dc8d4f9fd-46997"),
            "ts-basic-service"
        );
        assert_eq!(service_of("ts-food-service-f5756978c-k8vqf"), "ts-food-service");
        for name in [
            "ts-train-food-service",
            "frontend",
            "ts-verification-code-service",
            "",
        ] {
            assert_eq!(service_of(name), name);
        }
    }

    #[test]
    fn code_is_compared_by_class_and_lines() {
        let at = |text| Location::find(text).unwrap();
        let cause = "c.s.ContactsServiceImpl#31_c.s.ContactsServiceImpl#34";
        assert!(at("contacts.ContactsServiceImpl.java:33)").is_in(cause));
        assert!(at("c.s.ContactsServiceImpl#34 [create]").is_in(cause));
        assert!(!at("c.s.ContactsServiceImpl#35 [create]").is_in(cause));
        assert!(!at("c.s.OtherImpl#33 [create]").is_in(cause));
        assert!(
            at("r.c.RouteController#50").is_in("RouteController.queryByIds start_r.c.RouteController#53")
        );
        assert!(
            !at("r.c.RouteController#54").is_in("RouteController.queryByIds start_r.c.RouteController#53")
        );
        assert!(!Location::is_code("CpuUsageRate(%)"));
        assert_eq!(Location::find("at 12:30:05 all was well: 5"), None);
    }
}
