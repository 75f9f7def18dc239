//! A body as it comes: counted raw, decoded on the way, counted again.
//!
//! Invariant: never more than the caps in memory, whatever the body would unfold to. A bomb is not
//! unpacked and then measured; it is unpacked until it is too big.

use std::any::Any;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use async_compression::tokio::bufread::{
    BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder,
};
use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, BufReader, ReadBuf};

/// The most encodings that may lie over each other.
const MOST_LAYERS: usize = 3;

/// What keeps a connection going: it has to be polled for anything to come.
pub(super) struct Line {
    connection: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// What has to live as long as the connection.
    kept: Option<Box<dyn Any + Send>>,
}

impl Line {
    /// A connection's own future. What it ends with is told to the request as well.
    pub fn new(connection: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { connection: Some(Box::pin(connection)), kept: None }
    }

    /// The same, with something that lives as long.
    pub fn keeping(self, kept: impl Any + Send) -> Self {
        Self { kept: Some(Box::new(kept)), ..self }
    }

    fn poll(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection
            && connection.as_mut().poll(cx).is_ready()
        {
            self.connection = None;
            self.kept = None;
        }
    }

    /// Waits for something that the connection brings.
    pub async fn bring<F: Future>(&mut self, wanted: F) -> F::Output {
        let mut wanted = std::pin::pin!(wanted);
        std::future::poll_fn(|cx| {
            if let Poll::Ready(found) = wanted.as_mut().poll(cx) {
                return Poll::Ready(found);
            }
            self.poll(cx);
            wanted.as_mut().poll(cx)
        })
        .await
    }
}

/// The raw body came to more than its cap.
#[derive(Debug, thiserror::Error)]
#[error("the body is larger than the cap")]
struct TooMuch;

/// The raw bytes of a body.
struct Raw {
    line: Line,
    body: Incoming,
    chunk: Bytes,
    count: Arc<AtomicU64>,
    most: u64,
    ended: bool,
}

impl AsyncBufRead for Raw {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        while this.chunk.is_empty() && !this.ended {
            if this.count.load(Ordering::Relaxed) > this.most {
                return Poll::Ready(Err(io::Error::other(TooMuch)));
            }
            let frame = {
                let mut next = std::pin::pin!(this.body.frame());
                match next.as_mut().poll(cx) {
                    Poll::Pending => {
                        this.line.poll(cx);
                        ready!(next.as_mut().poll(cx))
                    }
                    Poll::Ready(frame) => frame,
                }
            };
            match frame {
                None => this.ended = true,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        this.count.fetch_add(data.len() as u64, Ordering::Relaxed);
                        this.chunk = data;
                    }
                }
            }
        }
        Poll::Ready(Ok(&this.chunk))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        let chunk = &mut self.get_mut().chunk;
        *chunk = chunk.split_off(amount.min(chunk.len()));
    }
}

impl AsyncRead for Raw {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let chunk = ready!(self.as_mut().poll_fill_buf(cx))?;
        let n = chunk.len().min(buf.remaining());
        buf.put_slice(&chunk[..n]);
        self.consume(n);
        Poll::Ready(Ok(()))
    }
}

type Reader = Pin<Box<dyn AsyncBufRead + Send>>;

/// A body that is being read.
pub(super) struct Body {
    reader: Reader,
    raw: Arc<AtomicU64>,
    /// Encodings from the outermost in, until the first byte shows whether there is a body at all.
    encodings: Vec<String>,
}

/// How reading ended.
#[derive(Debug)]
pub(super) enum End {
    /// There was no more.
    Whole,
    /// There was more than the cap.
    Cut,
    /// The connection, or what it brought, broke.
    Broken(io::Error),
}

impl Body {
    /// A body of which at most `most` raw bytes are read, in the encodings that `content_encoding` names.
    pub fn new(line: Line, body: Incoming, content_encoding: &str, most: u64) -> Self {
        let raw = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&raw);
        let reader = Raw { line, body, chunk: Bytes::new(), count, most, ended: false };
        let mut encodings: Vec<String> = content_encoding
            .split(',')
            .map(|name| name.trim().to_ascii_lowercase())
            .filter(|name| !name.is_empty() && name != "identity")
            .collect();
        encodings.reverse();
        Self { reader: Box::pin(reader), raw, encodings }
    }

    /// Raw bytes that came so far.
    pub fn raw_bytes(&self) -> u64 {
        self.raw.load(Ordering::Relaxed)
    }

    /// Reads on into `body`, until it holds `most` bytes.
    pub async fn read(&mut self, body: &mut Vec<u8>, most: usize) -> End {
        if let Err(error) = self.unfold().await {
            return ended(error);
        }
        loop {
            let chunk = match self.reader.fill_buf().await {
                Ok([]) => return End::Whole,
                Ok(chunk) => chunk,
                Err(error) => return ended(error),
            };
            let room = most.saturating_sub(body.len());
            let n = chunk.len();
            body.extend_from_slice(&chunk[..n.min(room)]);
            if n > room {
                return End::Cut;
            }
            self.reader.consume(n);
        }
    }

    /// Puts the decoders on top. A body without a byte is no faulty gzip, it is empty.
    async fn unfold(&mut self) -> io::Result<()> {
        let encodings = std::mem::take(&mut self.encodings);
        if encodings.is_empty() || self.reader.fill_buf().await?.is_empty() {
            return Ok(());
        }
        if encodings.len() > MOST_LAYERS {
            return Err(io::Error::other(format!("{} encodings over each other", encodings.len())));
        }
        for name in encodings {
            let first = self.reader.fill_buf().await?.first().copied().unwrap_or_default();
            let inner = std::mem::replace(&mut self.reader, Box::pin(tokio::io::empty()));
            self.reader = match name.as_str() {
                "gzip" | "x-gzip" => {
                    let mut decoder = GzipDecoder::new(inner);
                    decoder.multiple_members(true);
                    Box::pin(BufReader::new(decoder))
                }
                "br" => Box::pin(BufReader::new(BrotliDecoder::new(inner))),
                "zstd" => Box::pin(BufReader::new(ZstdDecoder::new(inner))),
                // The standard says zlib; some servers send bare deflate, and browsers take both.
                "deflate" if first & 0x0F == 8 => Box::pin(BufReader::new(ZlibDecoder::new(inner))),
                "deflate" => Box::pin(BufReader::new(DeflateDecoder::new(inner))),
                // Browsers show what they do not know as it is.
                _ => inner,
            };
        }
        Ok(())
    }
}

fn ended(error: io::Error) -> End {
    match error.get_ref() {
        Some(inner) if inner.is::<TooMuch>() => End::Cut,
        _ => End::Broken(error),
    }
}
