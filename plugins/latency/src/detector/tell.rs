//! Who is told of: the slow that can be blamed, what users feel where nobody can, and what fails.

use std::time::Duration;

use aia_plugin_sdk::{Outcome, Time};

use super::{ECHO, Latency, State};
use crate::cases::{Basis, Finding, Slow, findings, innermost};
use crate::config::TICK_SECONDS;
use crate::felt::Felt;
use crate::operation::{Operation, Verdict};
use crate::operations::OperationId;
use crate::services::ServiceId;
use crate::signal;

impl Latency {
    /// Signals what is slow and what fails.
    pub(super) fn tell(&mut self, verdicts: &[(OperationId, Verdict)], now: Time, out: &mut Outcome) {
        let slow = |basis| {
            let slow = verdicts.iter().filter_map(move |(id, verdict)| {
                let comparison = match basis {
                    Basis::SelfTime if verdict.is_slow_itself => verdict.self_times?,
                    Basis::Duration if verdict.is_slow && verdict.self_times.is_none() => verdict.durations?,
                    _ => return None,
                };
                Some(Slow {
                    operation: *id,
                    verdict: *verdict,
                    comparison,
                    basis,
                })
            });
            slow.collect::<Vec<_>>()
        };
        let mut all = slow(Basis::SelfTime);
        if !all.is_empty() {
            self.state.measured_at = now;
        } else if now.since(self.state.measured_at) >= ECHO {
            // Where time is spent isn't known: whoever is slow may be waiting for the one told of.
            all.extend(innermost(slow(Basis::Duration)));
        }
        let State {
            operations, pending, ..
        } = &self.state;
        let felt: Vec<(OperationId, ServiceId, Felt)> = verdicts
            .iter()
            .filter_map(|(id, verdict)| Some((*id, operations.get(*id)?.service, verdict.felt?)))
            .collect();
        let mut found = findings(all, |id| {
            let affected = pending.get(id).map(|evidence| &evidence.affected);
            Some((operations.get(id)?.service, affected))
        });
        let mut edge = verdicts
            .iter()
            .filter(|(id, _)| operations.get(*id).is_some_and(Operation::is_entry))
            .peekable();
        let is_edge_known = edge.peek().is_some();
        let is_edge_slow = edge.any(|(_, verdict)| verdict.is_slow);
        for finding in &mut found {
            finding.is_felt = felt
                .iter()
                .any(|(_, service, felt)| finding.concerns(*service) && finding.accounts_for(felt.lost));
            finding.is_hidden = is_edge_known && !is_edge_slow && finding.is_tail();
        }
        for (id, service, felt) in &felt {
            let is_own = |finding: &Finding| finding.service == *service;
            if found
                .iter()
                .any(|finding| is_own(finding) || finding.accounts_for(felt.lost))
                && let Some(operation) = self.state.operations.get_mut(*id)
            {
                operation.feeling.explain(now);
            }
        }
        // What users feel is told of by itself where nobody can be blamed for it.
        for (id, verdict) in verdicts {
            self.tell_felt(*id, verdict, now, out);
        }
        for finding in found {
            self.tell_slow(&finding, now, out);
        }
        for (id, verdict) in verdicts {
            self.tell_failing(*id, verdict, now, out);
        }
    }

    fn tell_slow(&mut self, finding: &Finding, now: Time, out: &mut Outcome) {
        let State {
            services,
            operations,
            pending,
            cases,
            ..
        } = &mut self.state;
        let update = Duration::from_secs(self.config.update_seconds);
        let Some(lead) = cases.find(finding, now, update) else {
            return;
        };
        // The one it goes by, if that is slow now; else the worst.
        let slow = finding
            .slow
            .iter()
            .find(|slow| slow.operation == lead)
            .or(finding.slow.first());
        let Some((slow, service)) = slow.zip(services.get(finding.service)) else {
            return;
        };
        let Some(operation) = operations.get(slow.operation) else {
            return;
        };
        let (lead, lead_operation) = operations
            .get(lead)
            .map_or((slow.operation, operation), |operation| (lead, operation));
        let ids: Vec<OperationId> = std::iter::once(slow.operation)
            .chain(finding.slow.iter().map(|slow| slow.operation))
            .collect();
        let has_evidence = |id: &OperationId| pending.get(*id).is_some_and(|evidence| evidence.slow > 0);
        if !ids.iter().any(has_evidence) {
            return;
        }
        let evidence = ids.iter().filter_map(|id| pending.take(*id)).collect();
        let names = signal::Names {
            service: &|id| services.get(id).map(|service| service.name.clone()),
            operation: &|id| operations.get(id).map(|operation| operation.name.clone()),
        };
        out.emit(signal::slow(
            finding,
            slow,
            (operation, lead_operation),
            service,
            evidence,
            &names,
        ));
        cases.signalled(finding.service, lead, now);
    }

    fn tell_felt(&mut self, id: OperationId, verdict: &Verdict, now: Time, out: &mut Outcome) {
        let State {
            services,
            operations,
            pending,
            ..
        } = &mut self.state;
        let update = Duration::from_secs(self.config.update_seconds);
        // Where time is spent is known when traces have been held, and is called slow after two ticks.
        let patience = self.config.hold() + Duration::from_secs(2 * TICK_SECONDS);
        let (Some(felt), Some(operation)) = (verdict.felt, operations.get_mut(id)) else {
            return;
        };
        // Where the median grew, no single request need be far slower: then those that are slow from now on show it.
        let has_evidence = pending.get(id).is_some_and(|evidence| evidence.slow > 0);
        if !has_evidence || !operation.feeling.is_due(now, patience, update) {
            return;
        }
        if let (Some(service), Some(evidence)) = (services.get(operation.service), pending.take(id)) {
            out.emit(signal::felt(operation, service, (verdict, felt), evidence));
            operation.feeling.signalled(now);
        }
    }

    fn tell_failing(&mut self, id: OperationId, verdict: &Verdict, now: Time, out: &mut Outcome) {
        let State {
            services,
            operations,
            pending,
            ..
        } = &mut self.state;
        let (Some(failures), Some(operation)) = (verdict.failures, operations.get_mut(id)) else {
            return;
        };
        let last = operation.failures_signalled;
        let is_due = !last.is_set() || now.since(last).as_secs() >= self.config.update_seconds;
        let began_here = |failed: u64, passed_on: u64| failed > 0 && failed >= passed_on;
        let has_begun = pending
            .get(id)
            .is_some_and(|evidence| began_here(evidence.failed, evidence.passed_on));
        if !failures.is_shifted || !is_due || !has_begun {
            return;
        }
        if let (Some(service), Some(evidence)) = (services.get(operation.service), pending.take(id)) {
            out.emit(signal::error_rate(
                operation, service, verdict, failures, &evidence,
            ));
            operation.failures_signalled = now;
        }
    }
}
