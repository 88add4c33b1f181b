//! Signals of groups.

use aia_plugin_sdk::{Detail, Fingerprint, Measure, Severity, Signal};

use crate::baseline::float;
use crate::config::TICK_SECONDS;
use crate::fault::{FINGERPRINT_VERSION, FaultKind};
use crate::group::Group;
use crate::releases::Change;
use crate::text::clip;

/// Longest title that the contract allows, in bytes.
const MAX_TITLE_BYTES: usize = 300;

/// Makes the signal of what is pending, and begins anew.
pub(crate) fn take(
    group: &mut Group,
    severity: Severity,
    requests: u64,
    change: Option<Change<'_>>,
) -> Signal {
    let measures = measures(group, requests);
    let pending = std::mem::take(&mut group.pending);
    let mut evidence = pending.rows;
    evidence.extend(
        pending
            .passing_rows
            .into_iter()
            .filter(|row| !evidence.contains(row))
            .collect::<Vec<_>>(),
    );
    Signal {
        kind: group.fault.kind.signal_kind().to_owned(),
        severity,
        fingerprint: Fingerprint {
            version: FINGERPRINT_VERSION,
            parts: group.fault.parts.clone(),
        },
        title: title(group),
        service: group.service.clone(),
        operation: group.operation.clone(),
        release: group.release.clone(),
        affected: pending.affected.into_iter().collect(),
        start_time: pending.start.as_nanos(),
        end_time: pending.end.as_nanos(),
        count: pending.count,
        measures,
        details: details(group, change),
        evidence,
    }
}

fn title(group: &Group) -> String {
    let fault = &group.fault;
    let what = match fault.kind {
        // `com.shop.CardDeclined` reads as `CardDeclined`; the whole name is among the details.
        FaultKind::Exception if fault.exception_type.is_empty() => "Exception".to_owned(),
        FaultKind::Exception => {
            let name = fault
                .exception_type
                .rsplit(['.', ':', '/'])
                .next()
                .unwrap_or_default();
            if name.is_empty() {
                fault.exception_type.clone()
            } else {
                name.to_owned()
            }
        }
        FaultKind::Http => format!("HTTP {}", fault.status),
        FaultKind::Rpc => format!("RPC {}", fault.status),
        FaultKind::Status => "Errors".to_owned(),
        FaultKind::Record => "Error records".to_owned(),
    };
    let service = if group.service.is_empty() {
        "an unnamed service"
    } else {
        &group.service
    };
    let place = if group.operation.is_empty() {
        String::new()
    } else {
        format!(" ({})", group.operation)
    };
    let text = fault.message.lines().next().unwrap_or_default();
    let text = if text.is_empty() {
        String::new()
    } else {
        format!(": {}", clip(text, 120))
    };
    clip(&format!("{what} in {service}{place}{text}"), MAX_TITLE_BYTES).to_owned()
}

fn measures(group: &Group, requests: u64) -> Vec<Measure> {
    let seconds = float(group.window.ticks() as u64 * TICK_SECONDS);
    let mut measures = vec![Measure {
        name: "errors.rate".to_owned(),
        unit: "{error}/s".to_owned(),
        value: float(group.window.sum()) / seconds,
        baseline: group.baseline.rate(TICK_SECONDS),
    }];
    if let Some(value) = group.share(requests) {
        let baseline = group.baseline.share();
        measures.push(Measure {
            name: "errors.share".to_owned(),
            unit: "1".to_owned(),
            value,
            baseline,
        });
    }
    measures
}

fn details(group: &Group, change: Option<Change<'_>>) -> Vec<Detail> {
    let fault = &group.fault;
    let status = match fault.kind {
        FaultKind::Http => "http.response.status_code",
        FaultKind::Rpc => "rpc.response.status_code",
        FaultKind::Exception | FaultKind::Status | FaultKind::Record => "error.type",
    };
    let (message, stack) = match fault.kind {
        FaultKind::Exception => ("exception.message", "exception.stacktrace"),
        FaultKind::Record => ("log.record", "exception.stacktrace"),
        _ => ("status.message", "exception.stacktrace"),
    };
    let first_seen = change
        .map(|change| change.first_seen.to_string())
        .unwrap_or_default();
    let details = [
        ("exception.type", fault.exception_type.clone()),
        (message, fault.message.clone()),
        (stack, fault.stacktrace.clone()),
        ("code.frames", fault.frames.join("\n")),
        (status, fault.status.clone()),
        (
            "release.previous",
            change
                .map(|change| change.previous.to_owned())
                .unwrap_or_default(),
        ),
        ("release.first_seen", first_seen),
    ];
    let known = details.into_iter().filter(|(_, value)| !value.is_empty());
    known
        .map(|(name, value)| Detail {
            name: name.to_owned(),
            value,
        })
        .collect()
}
