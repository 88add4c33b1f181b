//! A whole edge: a Worker in real workerd, its bucket, and a host that pulls from that, with one secret between them.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aia_edge::{Bucket, BucketError, Created, last_commit, read_commits};
use aia_telemetry::{
    Commit, DeploymentSecret, IngestKey, KeyId, ProjectId, ProjectKeys, RootSecret, ScanLimits, Scratch,
    SegmentLimits, SignalType, TenantId, object_key, scan_protobuf,
};

use anyhow::{Context, Result, ensure};
use object_store::aws::AmazonS3Builder;
use object_store::path::Path as ObjectPath;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use tokio::runtime::Runtime;

use crate::{Answer, Host, PROTOBUF, S3, Telemetry, Worker};

/// The deployment's secret, in the form of `AIA_SECRET_KEY`. It protects nothing.
pub const SECRET: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Longest that anything takes on a busy machine: errors are held for 10 s, and an alarm comes every 10.
pub const WITHIN: Duration = Duration::from_secs(120);

/// The deployment's secret.
///
/// # Errors
/// Never, as it stands.
pub fn deployment() -> Result<DeploymentSecret> {
    Ok(DeploymentSecret::new(RootSecret::from_text(SECRET)?))
}

/// A key of a project of the tenant `default`.
///
/// # Errors
/// If the name is none.
pub fn ingest_key(project: &str) -> Result<String> {
    let (tenant, project) = (TenantId::new("default")?, ProjectId::new(project)?);
    Ok(deployment()?
        .ingest()
        .mint(&tenant, &project, &KeyId::new("edge")?))
}

/// The keys of a project of the tenant `default`.
///
/// # Errors
/// If the name is none.
pub fn project_keys(project: &str) -> Result<ProjectKeys> {
    let (tenant, project) = (TenantId::new("default")?, ProjectId::new(project)?);
    Ok(ProjectKeys::derive(&deployment()?.segments(), &tenant, &project))
}

/// Posts to the Worker with an ingest key of the project `default`, unless `authorization` is among the headers.
///
/// # Errors
/// If it can't be done.
pub fn post(worker: &Worker, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
    post_to(worker.url(), path, headers, body)
}

/// The same to that address.
///
/// # Errors
/// If it can't be done.
pub fn post_to(url: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
    let key = format!("Bearer {}", ingest_key("default")?);
    let mut all = headers.to_vec();
    if !headers.iter().any(|(name, _)| *name == "authorization") {
        all.push(("authorization", &key));
    }
    Answer::post(&format!("{url}{path}"), &all, body)
}

/// Sends traces in protobuf; gives the status.
///
/// # Errors
/// If it can't be done.
pub fn send(worker: &Worker, body: &[u8]) -> Result<u16> {
    Ok(post(worker, "/v1/traces", &[PROTOBUF], body)?.status)
}

/// Starts a host that pulls from a Worker's bucket.
///
/// # Errors
/// If it can't be done.
pub fn host(folder: &Path, s3: &S3, flags: &[&str]) -> Result<Host> {
    std::fs::create_dir_all(folder)?;
    let settings = [
        format!("pull.url=s3://{}", s3.bucket),
        format!("pull.endpoint={}", s3.endpoint),
        format!("pull.region={}", s3.region),
        "pull.every=200 ms".to_owned(),
    ];
    let mut all: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    all.extend(flags);
    let environment = [
        ("AIA_SECRET_KEY", SECRET),
        ("AWS_ACCESS_KEY_ID", s3.access_key_id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", s3.secret_access_key.as_str()),
    ];
    let host = Host::start_in(folder, &all, &environment)?;
    // For who reads its folder beside it, without that environment.
    let secret = host.data().join("secret.key");
    std::fs::write(&secret, format!("{SECRET}\n"))?;
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600))?;
    Ok(host)
}

/// Looks at something until it is there.
///
/// # Errors
/// If it can't be looked at, or isn't there within [`WITHIN`].
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + WITHIN;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        ensure!(Instant::now() < deadline, "not within {WITHIN:?}: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A Worker's bucket over the S3 API.
#[derive(Clone, Debug)]
pub struct TestBucket {
    objects: Arc<dyn ObjectStore>,
    runtime: Arc<Runtime>,
}

impl TestBucket {
    /// Reaches it.
    ///
    /// # Errors
    /// If the settings make no client.
    pub fn of(s3: &S3) -> Result<Self> {
        // TLS isn't used; the client wants a provider all the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let objects = AmazonS3Builder::new()
            .with_access_key_id(&s3.access_key_id)
            .with_secret_access_key(&s3.secret_access_key)
            .with_bucket_name(&s3.bucket)
            .with_region(&s3.region)
            .with_endpoint(&s3.endpoint)
            .with_virtual_hosted_style_request(false)
            .with_client_options(ClientOptions::new().with_allow_http(true))
            .build()?;
        Ok(Self {
            objects: Arc::new(objects),
            runtime: Arc::new(Runtime::new()?),
        })
    }

    /// Waits on this thread.
    pub fn wait<T>(&self, done: impl Future<Output = T>) -> T {
        self.runtime.block_on(done)
    }

    /// All keys with that prefix.
    ///
    /// # Errors
    /// If the bucket fails, or what lies there isn't genuine.
    pub fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        let mut keys = Vec::new();
        loop {
            let after: Option<String> = keys.last().cloned();
            let page = self.wait(self.list(prefix, after.as_deref()))?;
            if page.is_empty() {
                return Ok(keys);
            }
            keys.extend(page);
        }
    }

    /// Writes an object.
    ///
    /// # Errors
    /// If the bucket fails.
    pub fn put(&self, key: &str, bytes: Vec<u8>) -> Result<()> {
        self.wait(self.objects.put(&ObjectPath::parse(key)?, bytes.into()))?;
        Ok(())
    }

    /// All commits of a plugin's session of the project `default`, verified.
    ///
    /// # Errors
    /// If the bucket fails, or what lies there isn't genuine.
    pub fn commits(&self, plugin: &str) -> Result<Vec<Commit>> {
        let keys = project_keys("default")?;
        let last = self.wait(last_commit(self, &keys, plugin, 0))?;
        let links = self.wait(read_commits(self, &keys, plugin, 1, last))?;
        Ok(links.into_iter().map(|link| link.commit).collect())
    }

    /// How many segments a plugin's session of the project `default` consumed.
    ///
    /// # Errors
    /// If it consumed one twice, the bucket fails, or what lies there isn't genuine.
    pub fn consumed_once(&self, plugin: &str) -> Result<usize> {
        let commits = self.commits(plugin)?;
        let consumed = commits.iter().flat_map(|commit| &commit.segments);
        let mut ids: Vec<_> = consumed.map(|consumed| consumed.id).collect();
        let all = ids.len();
        ids.sort();
        ids.dedup();
        ensure!(
            ids.len() == all,
            "{plugin}: {all} segments, {} of them others",
            ids.len()
        );
        Ok(all)
    }

    /// What was put of the project `default`, as the messages of OTLP: every segment is verified.
    ///
    /// # Errors
    /// If the bucket fails, or a segment doesn't verify.
    pub fn stored(&self) -> Result<Telemetry> {
        let keys = project_keys("default")?;
        let mut telemetry = Telemetry::default();
        for key in self.keys("segments/default/default/")? {
            let object = self.wait(self.get(&key))?.context("it was listed")?;
            let (_, columns) = keys.open_at(&key, &object, &SegmentLimits::default())?;
            columns.iter().for_each(|columns| telemetry.add(columns));
        }
        Ok(telemetry)
    }

    /// Puts a request of traces as a Worker does that dies before it can tell of it.
    ///
    /// # Errors
    /// If the bucket fails, or what lies there isn't genuine.
    pub fn put_segment(&self, body: &[u8], received_at: u64) -> Result<String> {
        let key = IngestKey {
            tenant: TenantId::new("default")?,
            project: ProjectId::new("default")?,
            key_id: KeyId::new("edge")?,
            version: 1,
        };
        let scanned = scan_protobuf(
            SignalType::Traces,
            body,
            &ScanLimits::default(),
            &mut Scratch::default(),
        )?;
        let keys = project_keys("default")?;
        let header = keys.header(&scanned.columns, body, received_at, &key);
        let object = object_key(&header);
        self.put(&object, keys.seal(&header, Some(&scanned.columns))?)?;
        Ok(object)
    }
}

fn failed(operation: &'static str, key: &str) -> impl Fn(String) -> BucketError {
    let key = key.to_owned();
    move |reason| BucketError {
        operation,
        key: key.clone(),
        reason,
    }
}

impl Bucket for TestBucket {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BucketError> {
        let failed = failed("get", key);
        match self.objects.get(&ObjectPath::from(key)).await {
            Ok(object) => {
                let bytes = object.bytes().await.map_err(|error| failed(error.to_string()))?;
                Ok(Some(bytes.to_vec()))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, BucketError> {
        let options = PutOptions::from(PutMode::Create);
        match self
            .objects
            .put_opts(&ObjectPath::from(key), bytes.into(), options)
            .await
        {
            Ok(_) => Ok(Created::New),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(Created::Exists),
            Err(error) => Err(failed("put", key)(error.to_string())),
        }
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, BucketError> {
        use futures_util::TryStreamExt;
        let failed = failed("list", prefix);
        let prefix = ObjectPath::from(prefix);
        let listed = match after {
            Some(after) => self
                .objects
                .list_with_offset(Some(&prefix), &ObjectPath::from(after)),
            None => self.objects.list(Some(&prefix)),
        };
        let listed: Vec<_> = listed
            .try_collect()
            .await
            .map_err(|error| failed(error.to_string()))?;
        let mut keys: Vec<String> = listed
            .into_iter()
            .map(|object| object.location.to_string())
            .collect();
        keys.sort();
        Ok(keys)
    }
}

/// The context of a test's failure: what the Worker logged.
///
/// # Errors
/// If it can't be done.
pub fn told<T>(result: Result<T>, worker: &Worker) -> Result<T> {
    let log = worker.log().unwrap_or_default();
    let end: Vec<&str> = log.lines().rev().take(40).collect();
    result.with_context(|| format!("the Worker logged, last first:\n{}", end.join("\n")))
}
