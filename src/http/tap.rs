//! A tap on a connection: when the last byte of a request went out, when the first of its answer came.
//!
//! It stands above TLS, so that what TLS says for itself (tickets, key updates) is no answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::clock::Stopwatch;

/// What a connection carries: TCP, or TLS over it.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Instants on a connection, in nanoseconds of `watch`; 0 means never.
#[derive(Debug)]
pub(super) struct Marks {
    watch: Stopwatch,
    armed: AtomicBool,
    first_write: AtomicU64,
    last_write: AtomicU64,
    first_read: AtomicU64,
}

impl Marks {
    /// Marks by this watch.
    pub fn new(watch: Stopwatch) -> Arc<Self> {
        Arc::new(Self {
            watch,
            armed: AtomicBool::new(false),
            first_write: AtomicU64::new(0),
            last_write: AtomicU64::new(0),
            first_read: AtomicU64::new(0),
        })
    }

    /// From now on what is written is the request.
    pub fn arm(&self) {
        self.armed.store(true, Ordering::Release);
    }

    /// The end of the first write.
    pub fn first_write(&self) -> Option<Duration> {
        read(&self.first_write)
    }

    /// The end of the last write before anything was read.
    pub fn last_write(&self) -> Option<Duration> {
        read(&self.last_write)
    }

    /// The first byte that came.
    pub fn first_read(&self) -> Option<Duration> {
        read(&self.first_read)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.watch.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1)
    }

    fn wrote(&self) {
        if self.armed.load(Ordering::Acquire) && self.first_read.load(Ordering::Acquire) == 0 {
            let now = self.now();
            self.last_write.store(now, Ordering::Release);
            let _ = self.first_write.compare_exchange(0, now, Ordering::AcqRel, Ordering::Acquire);
        }
    }

    fn came(&self) {
        if self.armed.load(Ordering::Acquire) && self.first_read.load(Ordering::Acquire) == 0 {
            self.first_read.store(self.now(), Ordering::Release);
        }
    }
}

fn read(mark: &AtomicU64) -> Option<Duration> {
    match mark.load(Ordering::Acquire) {
        0 => None,
        nanos => Some(Duration::from_nanos(nanos)),
    }
}

/// A connection with marks.
pub(super) struct Tap {
    /// The connection.
    pub stream: Box<dyn Stream>,
    /// What is marked.
    pub marks: Arc<Marks>,
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.marks.came();
        }
        polled
    }
}

impl AsyncWrite for Tap {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        if matches!(polled, Poll::Ready(Ok(n)) if n > 0) {
            self.marks.wrote();
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
