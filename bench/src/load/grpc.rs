//! A connection over gRPC, straight on HTTP/2: the message is encoded already.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Method, Request};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// An open connection; what drives it ends with it.
pub(super) struct Connection {
    sender: SendRequest<Bytes>,
    driver: JoinHandle<()>,
    uri: String,
    key: Option<String>,
}

impl Connection {
    pub(super) async fn open(address: SocketAddr, path: &str, key: Option<&str>) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = h2::client::handshake(stream)
            .await
            .context("greeting over HTTP/2")?;
        // How it ends shows in the requests.
        let driver = tokio::spawn(async move { drop(connection.await) });
        Ok(Self {
            sender,
            driver,
            uri: format!("http://{address}{path}"),
            key: key.map(|key| format!("Bearer {key}")),
        })
    }

    /// Sends a message with its frame's head; gives the answer's gRPC status.
    pub(super) async fn send(&mut self, message: &[u8]) -> Result<u16> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(&self.uri)
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if let Some(key) = &self.key {
            request = request.header("authorization", key);
        }
        let request = request.body(()).context("making a request")?;
        let mut sender = self.sender.clone().ready().await.context("waiting to send")?;
        let (answer, mut body) = sender.send_request(request, false).context("sending")?;
        body.send_data(Bytes::copy_from_slice(message), true)
            .context("sending")?;
        let answer = answer.await.context("waiting for an answer")?;
        if let Some(status) = status(answer.headers()) {
            return Ok(status);
        }
        let mut body = answer.into_body();
        while let Some(data) = body.data().await {
            let length = data.context("reading an answer")?.len();
            body.flow_control()
                .release_capacity(length)
                .context("reading an answer")?;
        }
        let trailers = body.trailers().await.context("reading an answer's end")?;
        trailers
            .as_ref()
            .and_then(status)
            .context("an answer has no status")
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn status(headers: &HeaderMap) -> Option<u16> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}
