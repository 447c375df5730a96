//! Which thread serves which connection, and for how long.
//!
//! A connection goes to the thread that serves the fewest, and stays there: what is read, answered and written for it is
//! never handed from one thread to another, as nginx and actix-web have it too. tokio's shared scheduler, which moves work
//! to whoever is free, serves a few busy connections worse (`docs/performance.md`).
//!
//! The price is that work which computes for long holds up its neighbours, and those whose connection to the database
//! was opened by this thread; so it yields, or is a blocking task.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use poem::Endpoint;
use poem::http::uri::Scheme;
use poem::listener::Acceptor;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;

/// How long a connection may say nothing, a request take to arrive, and a client not take its answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(75);
/// How long requests in flight may take once the server was asked to stop.
pub(super) const GRACE: Duration = Duration::from_secs(20);
/// How long no connection is accepted after one could not be: often the process has no descriptor left, which the next
/// attempt would find too.
const PAUSE: Duration = Duration::from_secs(1);
/// How many requests one HTTP/2 connection may have under way (RFC 9113 section 5.1.2).
const STREAMS: u32 = 100;

/// The threads that serve connections: as many as the machine can run at once.
pub(super) struct Connections {
    threads: Vec<Thread>,
    stop: CancellationToken,
}

struct Thread {
    give: mpsc::UnboundedSender<Accepted>,
    /// Each connection of the thread holds one more.
    open: Arc<()>,
    /// Ends once the thread answers no more requests.
    served: oneshot::Receiver<()>,
}

impl Connections {
    /// Starts the threads. They are there until the process ends, not only until the last answer: what a request opened
    /// towards the database is read and written by its thread, and is closed after the requests.
    ///
    /// # Errors
    /// The system has no thread or no descriptor to give.
    pub(super) fn start<E: Endpoint + 'static>(routes: E, patience: Duration) -> io::Result<Self> {
        let routes = Arc::new(routes);
        let stop = CancellationToken::new();
        let count = thread::available_parallelism()?.get();
        let threads = (0..count).map(|_| Thread::start(Arc::clone(&routes), patience, stop.clone()));
        Ok(Self { threads: threads.collect::<Result<_, _>>()?, stop })
    }

    /// Gives each connection to a thread, until `stopped` is.
    pub(super) async fn accept(&self, listener: &TcpListener, stopped: impl Future<Output = ()>) {
        tokio::pin!(stopped);
        loop {
            let accepted = tokio::select! {
                () = &mut stopped => return,
                accepted = listener.accept() => accepted,
            };
            match accepted.map(|(stream, remote)| self.give(stream, remote)) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "a connection ended before it was served"),
                Err(error) if is_one_connections_own(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::select! {
                        () = &mut stopped => return,
                        () = tokio::time::sleep(PAUSE) => {}
                    }
                }
            }
        }
    }

    fn give(&self, stream: TcpStream, remote: SocketAddr) -> io::Result<()> {
        let serving = self.threads.iter().filter(|it| !it.give.is_closed());
        let thread = serving.min_by_key(|it| Arc::strong_count(&it.open));
        let thread = thread.ok_or_else(|| io::Error::other("no thread serves connections"))?;
        stream.set_nodelay(true)?;
        let local = stream.local_addr()?;
        let accepted =
            Accepted { stream: stream.into_std()?, local, remote, counted: Arc::clone(&thread.open) };
        thread.give.send(accepted).map_err(io::Error::other)
    }

    /// Answers the requests in flight, for [`GRACE`] at most.
    pub(super) async fn finish(self) {
        self.stop.cancel();
        let served = async {
            for thread in self.threads {
                // The other half is dropped, never sent.
                let _ = thread.served.await;
            }
        };
        // The threads keep to the same limit, but one that computes would be late.
        if tokio::time::timeout(GRACE + Duration::from_secs(1), served).await.is_err() {
            tracing::warn!("a request was left without an answer");
        }
    }
}

/// Whether the client was gone before it was accepted, of which the next one knows nothing.
fn is_one_connections_own(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

impl Thread {
    fn start<E: Endpoint + 'static>(
        routes: Arc<E>,
        patience: Duration,
        stop: CancellationToken,
    ) -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (give, connections) = mpsc::unbounded_channel();
        let (serving, served) = oneshot::channel();
        let server = poem::Server::new_with_acceptor(Given { connections, patience });
        let server = server.http2_max_concurrent_streams(STREAMS);
        let work = async move {
            let stopped = stop.cancelled_owned();
            if let Err(error) = server.run_with_graceful_shutdown(routes, stopped, Some(GRACE)).await {
                tracing::error!(%error, "a thread serves no connections any more");
            }
            drop(serving);
            std::future::pending::<()>().await;
        };
        thread::Builder::new().name("connections".to_owned()).spawn(move || runtime.block_on(work))?;
        Ok(Self { give, open: Arc::new(()), served })
    }
}

/// A connection on its way to its thread.
struct Accepted {
    stream: std::net::TcpStream,
    local: SocketAddr,
    remote: SocketAddr,
    counted: Arc<()>,
}

/// What a thread's server accepts: what the thread was given.
struct Given {
    connections: mpsc::UnboundedReceiver<Accepted>,
    patience: Duration,
}

impl Acceptor for Given {
    type Io = Connection;

    fn local_addr(&self) -> Vec<LocalAddr> {
        Vec::new()
    }

    async fn accept(&mut self) -> io::Result<(Connection, LocalAddr, RemoteAddr, Scheme)> {
        // None comes any more when the server stops, which it does by its own signal.
        let Some(accepted) = self.connections.recv().await else { return std::future::pending().await };
        // The framework passes over an error in silence.
        let stream = TcpStream::from_std(accepted.stream)
            .inspect_err(|error| tracing::warn!(%error, "a connection could not be served"))?;
        let connection = Connection::new(stream, self.patience, accepted.counted);
        Ok((connection, LocalAddr(accepted.local.into()), RemoteAddr(accepted.remote.into()), Scheme::HTTP))
    }
}

/// A stream that counts as long as it is there, and fails when there was no progress for too long. Progress is what is
/// written, and the first byte after it: the next request. The bytes that follow are not, so a request that comes slowly
/// keeps nothing open. The framework's own limits leave out half a head, half an answer, and HTTP/2.
struct Connection {
    stream: TcpStream,
    patience: Duration,
    deadline: Instant,
    /// Rings at the deadline or before. It is set anew when it rings, not with each request.
    alarm: Pin<Box<Sleep>>,
    /// Whether anything came since something was written.
    asked: bool,
    _counted: Arc<()>,
}

impl Connection {
    fn new(stream: TcpStream, patience: Duration, counted: Arc<()>) -> Self {
        let deadline = Instant::now() + patience;
        let alarm = Box::pin(tokio::time::sleep_until(deadline));
        Self { stream, patience, deadline, alarm, asked: false, _counted: counted }
    }

    /// What has to wait does so until the deadline.
    fn until_deadline<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        while self.alarm.as_mut().poll(cx).is_ready() {
            if Instant::now() >= self.deadline {
                tracing::debug!("a connection without progress was ended");
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.alarm.as_mut().reset(self.deadline);
        }
        Poll::Pending
    }

    fn written(&mut self, polled: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match polled {
            Poll::Pending => self.until_deadline(cx),
            Poll::Ready(written) => {
                self.asked = false;
                self.deadline = Instant::now() + self.patience;
                Poll::Ready(written)
            }
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Pending => self.until_deadline(cx),
            Poll::Ready(read) => {
                if !self.asked {
                    self.asked = true;
                    self.deadline = Instant::now() + self.patience;
                }
                Poll::Ready(read)
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.written(polled, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.written(polled, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    // The system's buffer is the connection's: TCP has nothing to flush, and closing its half does not wait.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
