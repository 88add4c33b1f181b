//! What a tick makes of the groups: which are new, which are told of, and what is learned for usual.

use std::time::Duration;

use aia_plugin_sdk::{Outcome, Severity, Time};

use super::{Errors, State};
use crate::config::TICK_SECONDS;
use crate::group::{Circumstances, Group};
use crate::novelty::{familiar, is_evident};
use crate::signal;

impl Errors {
    /// Signals groups that are news, and learns what is usual.
    pub(super) fn signal(&mut self, now: Time, out: &mut Outcome) {
        let State {
            started,
            groups,
            traffic,
            releases,
            ..
        } = &mut self.state;
        let warm_up = Duration::from_secs(self.config.warm_up_seconds);
        let warm_up_ends = started.after(warm_up);
        let ticks = u32::try_from(now.since(*started).as_secs().div_ceil(TICK_SECONDS)).unwrap_or(u32::MAX);
        let was_always_there = |group: &Group| !group.is_new && group.first_seen <= warm_up_ends;
        for (_, group) in groups.iter_mut() {
            let since = traffic
                .total(&group.service)
                .saturating_sub(group.requests_before);
            if was_always_there(&*group) && !group.baseline.is_known() {
                group.is_new = is_evident(group.total, since, group.clean_before);
            }
        }
        let familiar = familiar(groups.iter(), was_always_there);
        for (_, group) in groups.iter_mut() {
            let was_always_there = was_always_there(&*group);
            let change = releases.change(&group.service, &group.release);
            let circumstances = Circumstances {
                requests: traffic.requests(&group.service, &group.operation),
                requests_since: traffic
                    .total(&group.service)
                    .saturating_sub(group.requests_before),
                is_warm_up: !group.is_new
                    && (now < warm_up_ends || !group.baseline.is_known() && was_always_there),
                is_standing: was_always_there,
                is_familiar: !was_always_there
                    && group.family.is_some_and(|family| familiar.contains(&family)),
                is_new_in_release: change.is_some() && group.first_release == group.release,
            };
            let severity = group.severity(circumstances, &self.config);
            // What most requests suffer from is no background, whenever it began.
            if was_always_there && now >= warm_up_ends && severity < Severity::High {
                group.baseline.end_warm_up();
            }
            if !group.is_news(circumstances, &self.config) {
                group.forget_stale(now, &self.config);
            } else if group.pending.count > 0 && group.may_signal(now, &self.config) {
                out.emit(signal::take(group, severity, circumstances.requests, change));
                group.last_signal = now;
            }
            let errors = group.window.current();
            if was_always_there && now < warm_up_ends {
                group
                    .baseline
                    .learn_warm_up(errors, circumstances.requests, &group.window, ticks);
            } else {
                group
                    .baseline
                    .learn(errors, circumstances.requests, &group.window);
            }
            group.window.tick();
        }
    }
}
