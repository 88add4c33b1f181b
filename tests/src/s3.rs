//! A real S3 server on files, and a wire to it that fails.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use anyhow::{Result, anyhow};
use hyper_util::rt::{TokioExecutor, TokioIo};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;

use crate::S3;

/// Name of the bucket, and the folder in it.
const BUCKET: &str = "telemetry";
const PREFIX: &str = "prod";

/// Credentials that the server checks signatures with.
const KEY: &str = "AKTEST";
const SECRET: &str = "a-secret-of-the-test";

/// What the wire does to requests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Wire {
    /// Nothing.
    Whole,
    /// Connections are closed at once.
    Closed,
    /// The connection breaks in the middle of a request.
    Half,
    /// Requests arrive, answers don't.
    Mute,
    /// Answers take longer than a client waits.
    Slow,
}

impl Wire {
    /// All that break it.
    pub const FAULTS: [Self; 4] = [Self::Closed, Self::Half, Self::Mute, Self::Slow];

    fn of(number: u8) -> Self {
        Self::FAULTS
            .into_iter()
            .find(|wire| *wire as u8 == number)
            .unwrap_or(Self::Whole)
    }
}

/// A server with one bucket, behind a wire.
pub struct S3Server {
    root: PathBuf,
    address: SocketAddr,
    wire: Arc<AtomicU8>,
    _runtime: tokio::runtime::Runtime,
}

impl S3Server {
    /// Starts it on a folder.
    ///
    /// # Errors
    /// If it can't be done.
    pub fn start(root: &Path) -> Result<Self> {
        std::fs::create_dir_all(root.join(BUCKET))?;
        let files = s3s_fs::FileSystem::new(root).map_err(|error| anyhow!("{error:?}"))?;
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = service.build();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
        let server = listener.local_addr()?;
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    // A client that breaks off is what this is for.
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        let wire = Arc::new(AtomicU8::new(Wire::Whole as u8));
        Ok(Self {
            root: root.to_owned(),
            address: forward(server, Arc::clone(&wire))?,
            wire,
            _runtime: runtime,
        })
    }

    /// Changes what the wire does.
    pub fn set(&self, wire: Wire) {
        self.wire.store(wire as u8, Ordering::Relaxed);
    }

    /// Flags of `aia up` that have it keep telemetry here.
    #[must_use]
    pub fn flags(&self) -> Vec<String> {
        let settings = [
            "durability=bucket".to_owned(),
            format!("objects.url=s3://{BUCKET}/{PREFIX}"),
            format!("objects.endpoint=http://{}", self.address),
            "objects.timeout=1 s".to_owned(),
        ];
        settings
            .into_iter()
            .flat_map(|setting| ["--set".to_owned(), setting])
            .collect()
    }

    /// Flags of `aia up` that have it pull segments from here.
    #[must_use]
    pub fn pull_flags(&self) -> Vec<String> {
        let settings = [
            format!("pull.url=s3://{BUCKET}"),
            format!("pull.endpoint=http://{}", self.address),
            format!("pull.access-key-id={KEY}"),
            "pull.every=100 ms".to_owned(),
            // Nobody is at the edge.
            "pull.takeover-after=1 s".to_owned(),
            "pull.sweep-every=2 s".to_owned(),
            "objects.timeout=1 s".to_owned(),
        ];
        settings
            .into_iter()
            .flat_map(|setting| ["--set".to_owned(), setting])
            .collect()
    }

    /// The environment that goes with them.
    #[must_use]
    pub fn pull_environment() -> [(&'static str, &'static str); 1] {
        [("AIA_PULL_SECRET_ACCESS_KEY", SECRET)]
    }

    /// Where and as whom it answers.
    #[must_use]
    pub fn settings(&self) -> S3 {
        S3 {
            endpoint: format!("http://{}", self.address),
            bucket: BUCKET.to_owned(),
            region: "us-east-1".to_owned(),
            access_key_id: KEY.to_owned(),
            secret_access_key: SECRET.to_owned(),
        }
    }

    /// Where the objects of the bucket lie as files.
    #[must_use]
    pub fn bucket(&self) -> PathBuf {
        self.root.join(BUCKET)
    }

    /// What the environment says.
    #[must_use]
    pub fn environment() -> [(&'static str, &'static str); 2] {
        [("AWS_ACCESS_KEY_ID", KEY), ("AWS_SECRET_ACCESS_KEY", SECRET)]
    }

    /// Where its objects lie as files.
    #[must_use]
    pub fn objects(&self) -> PathBuf {
        self.root.join(BUCKET).join(PREFIX)
    }
}

/// Forwards connections, as the wire has it; gives the address to connect to.
fn forward(server: SocketAddr, wire: Arc<AtomicU8>) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (Ok(client), Ok(server)) = (client, TcpStream::connect(server)) else {
                return;
            };
            let (Ok(client_too), Ok(server_too)) = (client.try_clone(), server.try_clone()) else {
                return;
            };
            let (up, down) = (Arc::clone(&wire), Arc::clone(&wire));
            std::thread::spawn(move || pump(client, server, &up, true));
            std::thread::spawn(move || pump(server_too, client_too, &down, false));
        }
    });
    Ok(address)
}

/// Copies bytes from one side to the other until the wire breaks.
fn pump(mut from: TcpStream, mut to: TcpStream, wire: &AtomicU8, is_request: bool) {
    let mut buffer = [0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let bytes = &buffer[..read];
        let sent = match (Wire::of(wire.load(Ordering::Relaxed)), is_request) {
            (Wire::Closed, _) | (Wire::Mute, false) => break,
            (Wire::Half, true) => {
                // The other side may be gone already.
                let _ = to.write_all(&bytes[..read / 2]);
                break;
            }
            (Wire::Slow, false) => {
                std::thread::sleep(Duration::from_millis(1500));
                to.write_all(bytes)
            }
            _ => to.write_all(bytes),
        };
        if sent.is_err() {
            break;
        }
    }
    for stream in [from, to] {
        // Closed by the other direction's thread, perhaps.
        let _ = stream.shutdown(Shutdown::Both);
    }
}
