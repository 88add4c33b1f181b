//! Finding segments that nobody told of: the isolate that put one may have died before it could.

use aia_telemetry::{minute_prefix, project_prefix};

use crate::bucket::{Bucket, BucketError};
use crate::entry::Entry;
use crate::memory::Memory;
use crate::owner::Owner;
use crate::plugin::Plugins;
use crate::session::Session;

impl<B: Bucket, P: Plugins, M: Memory> Owner<B, P, M> {
    /// Looks for segments in the bucket if it is time to: at the start from where the sessions stand, then for those of the
    /// last minutes. Sessions pass over what they know,
    /// and what is older than what they remember.
    ///
    /// # Errors
    /// If the bucket can't be listed: it is tried again at the next step.
    pub(crate) async fn discover(&mut self, now: u64) -> Result<(), BucketError> {
        let config = &self.shared.config;
        let is_due = self
            .discovered_at
            .is_none_or(|at| now.saturating_sub(at) >= config.discover_every);
        if !is_due {
            return Ok(());
        }
        let oldest = now.saturating_sub(config.discover_most);
        let from = match self.discovered_at {
            None => {
                let stand = self
                    .sessions
                    .iter()
                    .map(Session::received_at)
                    .filter(|at| *at > 0)
                    .min();
                stand
                    .map_or(now, |at| at.min(now))
                    .saturating_sub(config.overlap)
                    .max(oldest)
            }
            // A put may take a while.
            Some(at) => at
                .saturating_sub(config.discover_every.saturating_mul(2))
                .max(oldest),
        };
        let (tenant, project) = (self.shared.keys.tenant(), self.shared.keys.project());
        let prefix = project_prefix(tenant, project);
        let mut after = minute_prefix(tenant, project, from);
        loop {
            let page = self.shared.bucket.list(&prefix, Some(&after)).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(last);
            for entry in page.iter().filter_map(|key| Entry::listed(key)) {
                for session in &mut self.sessions {
                    session.offer_listed(&entry, self.shared.config.overlap);
                }
            }
        }
        self.discovered_at = Some(now);
        Ok(())
    }
}
