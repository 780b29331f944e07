//! A keep-alive connection to a server, HTTP/1.1, for one request at a time.
//!
//! By hand, for it takes part of the cores that are measured: one write for a request, and of an answer the status, the
//! length and the body are read. It understands the answers of our server, which all have a length, and no others.

use std::rc::Rc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Result;

/// Where all connections of the process go, and as whom.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) address: String,
    /// The headers that all requests have.
    pub(super) headers: String,
}

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    target: Rc<Target>,
    buffer: Vec<u8>,
}

impl Connection {
    pub(super) async fn open(target: &Rc<Target>) -> Result<Self> {
        let stream = TcpStream::connect(&target.address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            target: Rc::clone(target),
            buffer: Vec::new(),
        })
    }

    /// Posts JSON. The answer's body, if its status says that all is well.
    pub(super) async fn post(&mut self, path: &str, body: &str) -> Result<&[u8]> {
        let (headers, length) = (&self.target.headers, body.len());
        let request =
            format!("POST {path} HTTP/1.1\r\n{headers}content-length: {length}\r\n\r\n{body}");
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        let (head, status, length) = loop {
            self.read().await?;
            let end = self
                .buffer
                .windows(4)
                .position(|bytes| bytes == b"\r\n\r\n");
            if let Some(end) = end {
                let (status, length) = parse(std::str::from_utf8(&self.buffer[..end])?)?;
                break (end + 4, status, length);
            }
        };
        while self.buffer.len() < head + length {
            self.read().await?;
        }
        let body = &self.buffer[head..];
        if status == 200 || status == 201 {
            return Ok(body);
        }
        Err(format!("{path}: {status} {}", String::from_utf8_lossy(body)).into())
    }

    async fn read(&mut self) -> Result {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err("the server has closed the connection".into());
        }
        Ok(())
    }
}

/// Status and length of an answer.
fn parse(head: &str) -> Result<(u16, usize)> {
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .ok_or("an answer has no status")?
        .parse()?;
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .ok_or("an answer has no length")?;
    Ok((status, length.1.trim().parse()?))
}
