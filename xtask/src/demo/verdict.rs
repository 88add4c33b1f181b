//! Whether the incident says what happened, and its report shows evidence that exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::demo::aia::Aia;
use crate::demo::shop::FAULTY_RELEASE;

/// Where it began.
const SERVICE: &str = "payment";
/// What failed there.
const ROUTE: &str = "/charges";
/// With what.
const EXCEPTION: &str = "CurrencyMismatch";

/// Checks the incident and its report, prints both.
///
/// # Errors
/// Naming what is missing.
pub(crate) fn check(aia: &Aia, id: &str, report: &Path) -> Result<()> {
    let details = aia.get(&format!("/api/v1/incidents/{id}"))?;
    let incident = details
        .get("incident")
        .context("the details have no `incident`")?;
    let field = |name: &str| incident.get(name).and_then(Value::as_str).unwrap_or_default();
    ensure!(
        field("service") == SERVICE,
        "the incident is laid at {:?}, not at {SERVICE}",
        field("service")
    );
    ensure!(
        field("operation").contains(ROUTE),
        "the incident's operation is {:?}, not {ROUTE}",
        field("operation")
    );
    ensure!(
        field("release") == FAULTY_RELEASE,
        "the incident's release is {:?}, not {FAULTY_RELEASE}",
        field("release")
    );
    ensure!(
        details.to_string().contains(EXCEPTION),
        "the incident doesn't name the exception, {EXCEPTION}"
    );

    aia.write_report(id, report)?;
    let text = fs::read_to_string(report).with_context(|| format!("reading {}", report.display()))?;
    for fact in [SERVICE, ROUTE, FAULTY_RELEASE, EXCEPTION] {
        ensure!(text.contains(fact), "{} doesn't name {fact}", report.display());
    }
    let evidence = evidence_ids(&text);
    ensure!(!evidence.is_empty(), "{} shows no evidence", report.display());
    for id_of_evidence in &evidence {
        let found = aia.get(&format!("/api/v1/incidents/{id}/evidence/{id_of_evidence}"));
        found.with_context(|| format!("{} names evidence that doesn't exist", report.display()))?;
    }

    println!("\nincident {id}");
    println!("  {}", field("title"));
    let affected: Vec<_> = incident
        .get("affected")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (name, value) in [
        ("state", field("state")),
        ("severity", field("severity")),
        ("service", field("service")),
        ("operation", field("operation")),
        ("release", field("release")),
        ("affected", &affected.join(", ")),
        ("since", field("start_time")),
    ] {
        println!("  {name:<10}{value}");
    }
    println!(
        "  {:<10}{}",
        "count",
        incident.get("count").unwrap_or(&Value::Null)
    );
    println!(
        "\nreport, with {} pieces of evidence: {}",
        evidence.len(),
        report.display()
    );
    Ok(())
}

/// All that looks like the id of a piece of evidence.
fn evidence_ids(text: &str) -> BTreeSet<&str> {
    text.match_indices("ev-")
        .filter(|(at, _)| !text[..*at].ends_with(|before: char| before.is_ascii_alphanumeric()))
        .map(|(at, _)| {
            let from = &text[at..];
            let end = from
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '-')
                .unwrap_or(from.len());
            from[..end].trim_end_matches('-')
        })
        .filter(|id| id.len() > "ev-".len())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_found_in_links_and_lists() {
        let text = "See [span 7](/api/v1/incidents/inc-1/evidence/ev-0a1b-7), `ev-0a1b-9`; not dev-3, nor ev- alone.";
        assert_eq!(
            evidence_ids(text).into_iter().collect::<Vec<_>>(),
            ["ev-0a1b-7", "ev-0a1b-9"]
        );
    }
}
