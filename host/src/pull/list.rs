//! Walking through listings, page by page.

use aia_telemetry::{ProjectId, TenantId};

use super::bucket::{Bucket, BucketError, Listed, Query};
use crate::store::Scope;

/// What the keys of all segments begin with.
const SEGMENTS: &str = "segments/";

/// A listing of objects that is under way.
pub(super) struct Pages {
    prefix: String,
    after: Option<String>,
    token: Option<String>,
    is_over: bool,
}

impl Pages {
    /// All objects whose keys begin with `prefix` and are behind `after`.
    pub(super) fn new(prefix: String, after: Option<String>) -> Self {
        Self {
            prefix,
            after,
            token: None,
            is_over: false,
        }
    }

    /// The next page; none behind the last.
    pub(super) async fn next(&mut self, bucket: &dyn Bucket) -> Result<Option<Vec<Listed>>, BucketError> {
        if self.is_over {
            return Ok(None);
        }
        let query = Query {
            prefix: &self.prefix,
            after: self.after.as_deref(),
            token: self.token.as_deref(),
            folders: false,
        };
        let page = bucket.list(query).await?;
        self.is_over = go_on(&mut self.token, page.next)?;
        Ok(Some(page.objects))
    }
}

/// Takes the token of the next page; true if there is none.
fn go_on(token: &mut Option<String>, next: Option<String>) -> Result<bool, BucketError> {
    if next.is_some() && next == *token {
        return Err(BucketError::Answer {
            operation: "list the bucket",
            reason: "a page is its own next one".to_owned(),
        });
    }
    *token = next;
    Ok(token.is_none())
}

/// Every project that has something in the bucket. Folders that have no name of a tenant or project hold nothing of ours.
pub(super) async fn projects(bucket: &dyn Bucket) -> Result<Vec<Scope>, BucketError> {
    let mut projects = Vec::new();
    for tenant in folders(bucket, SEGMENTS).await? {
        let Ok(tenant) = tenant.parse::<TenantId>() else {
            continue;
        };
        for project in folders(bucket, &format!("{SEGMENTS}{tenant}/")).await? {
            if let Ok(project) = project.parse::<ProjectId>() {
                projects.push(Scope {
                    tenant: tenant.clone(),
                    project,
                });
            }
        }
    }
    Ok(projects)
}

/// Names of the folders in a folder.
async fn folders(bucket: &dyn Bucket, prefix: &str) -> Result<Vec<String>, BucketError> {
    let mut folders = Vec::new();
    let mut token = None;
    loop {
        let query = Query {
            prefix,
            after: None,
            token: token.as_deref(),
            folders: true,
        };
        let page = bucket.list(query).await?;
        let names = page
            .folders
            .iter()
            .filter_map(|folder| folder.strip_prefix(prefix)?.strip_suffix('/'));
        folders.extend(names.map(ToOwned::to_owned));
        if go_on(&mut token, page.next)? {
            return Ok(folders);
        }
    }
}
