//! A connection over HTTP/1.1 that sends what is encoded already and reads no more of the answer than it must: a
//! client that takes a small part of what the server takes.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest head of an answer.
const MAX_HEAD_BYTES: usize = 16 << 10;

/// An open connection.
pub(super) struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            answer: Vec::with_capacity(MAX_HEAD_BYTES),
        })
    }

    /// Sends a request with its head; gives the answer's status.
    pub(super) async fn send(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request).await.context("sending")?;
        self.answer.clear();
        let head = loop {
            let read = self
                .stream
                .read_buf(&mut self.answer)
                .await
                .context("reading an answer")?;
            ensure!(read > 0, "the connection was closed before the answer");
            if let Some(end) = self.answer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            ensure!(self.answer.len() < MAX_HEAD_BYTES, "an answer's head doesn't end");
        };
        let (status, length) = self.answer.get(..head).and_then(parse).context(
            "an answer has no status or no length; this client understands neither chunks nor anything else",
        )?;
        while self.answer.len() < head + length {
            let read = self
                .stream
                .read_buf(&mut self.answer)
                .await
                .context("reading an answer")?;
            ensure!(read > 0, "the connection was closed within an answer");
        }
        Ok(status)
    }
}

/// Status and length of the body.
fn parse(head: &[u8]) -> Option<(u16, usize)> {
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    })?;
    Some((status, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: x\r\nContent-Length: 12\r\n\r\n";
        assert_eq!(parse(head), Some((200, 12)));
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\n\r\n"), None);
    }
}
