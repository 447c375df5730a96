//! Which thread serves which connection.
//!
//! A connection goes to the thread that serves the fewest, and stays there: what is read, answered and written for it is
//! never handed from one thread to another, as nginx and actix-web have it too. tokio's shared scheduler, which moves work
//! to whoever is free, serves a few busy connections worse (`docs/performance.md`).
//!
//! The price is that work which computes for long holds up its neighbours, so it yields or is a blocking task.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::{Duration, Instant};

use poem::Endpoint;
use poem::http::uri::Scheme;
use poem::listener::Acceptor;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// How long a connection may say nothing, and how long a request may take to arrive, head and body.
const IDLE: Duration = Duration::from_secs(75);
/// How long requests in flight may take once the server was asked to stop.
pub(super) const GRACE: Duration = Duration::from_secs(20);
/// How long no connection is accepted after one could not be: often the process has no descriptor left, which the next
/// attempt would find too.
const PAUSE: Duration = Duration::from_secs(1);

/// The threads that serve connections: as many as the machine can run at once.
pub(super) struct Connections {
    threads: Vec<Thread>,
    stop: CancellationToken,
}

struct Thread {
    give: mpsc::UnboundedSender<Accepted>,
    /// Each connection of the thread holds one more.
    open: Arc<()>,
    /// Ends once the thread has answered its last request.
    served: oneshot::Receiver<()>,
}

impl Connections {
    /// Starts the threads. They are there until the process ends, not only until the last answer: what a request opened
    /// towards the database is read and written by its thread, and is closed after the requests.
    ///
    /// # Errors
    /// The system has no thread or no descriptor to give.
    pub(super) fn start<E: Endpoint + 'static>(routes: E) -> io::Result<Self> {
        let routes = Arc::new(routes);
        let stop = CancellationToken::new();
        let count = thread::available_parallelism()?.get();
        let threads = (0..count).map(|_| Thread::start(Arc::clone(&routes), stop.clone()));
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
        let Some(thread) = self.threads.iter().min_by_key(|it| Arc::strong_count(&it.open)) else {
            return Ok(());
        };
        stream.set_nodelay(true)?;
        let local = stream.local_addr()?;
        let accepted =
            Accepted { stream: stream.into_std()?, local, remote, counted: Arc::clone(&thread.open) };
        thread.give.send(accepted).map_err(io::Error::other)
    }

    /// Answers the requests in flight, for [`GRACE`] at most.
    pub(super) async fn finish(self) {
        self.stop.cancel();
        for thread in self.threads {
            // The other half is dropped, never sent.
            let _ = thread.served.await;
        }
    }
}

/// Whether the client was gone before it was accepted, of which the next one knows nothing.
fn is_one_connections_own(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

impl Thread {
    fn start<E: Endpoint + 'static>(routes: Arc<E>, stop: CancellationToken) -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (give, given) = mpsc::unbounded_channel();
        let (serving, served) = oneshot::channel();
        let server = poem::Server::new_with_acceptor(Given(given)).idle_timeout(IDLE);
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
struct Given(mpsc::UnboundedReceiver<Accepted>);

impl Acceptor for Given {
    type Io = Connection;

    fn local_addr(&self) -> Vec<LocalAddr> {
        Vec::new()
    }

    async fn accept(&mut self) -> io::Result<(Connection, LocalAddr, RemoteAddr, Scheme)> {
        // None comes any more when the server stops, which it does by its own signal.
        let Some(accepted) = self.0.recv().await else { return std::future::pending().await };
        let stream = TcpStream::from_std(accepted.stream)?;
        let connection = Connection { stream, unanswered_since: None, _counted: accepted.counted };
        Ok((connection, LocalAddr(accepted.local.into()), RemoteAddr(accepted.remote.into()), Scheme::HTTP))
    }
}

/// A stream that counts as long as it is there, and ends when a request comes so slowly that it is there to keep it open:
/// the framework's own limit begins anew with each byte.
struct Connection<S = TcpStream> {
    stream: S,
    /// When the first byte came after which nothing was written.
    unanswered_since: Option<Instant>,
    _counted: Arc<()>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let since = *self.unanswered_since.get_or_insert_with(Instant::now);
        Poll::Ready(if since.elapsed() > IDLE { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) })
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.unanswered_since = None;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.unanswered_since = None;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use poem::endpoint::make_sync;
    use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, duplex};

    use super::*;

    /// Asks which thread answers, and keeps the connection.
    async fn ask(connection: &mut BufReader<TcpStream>) -> String {
        connection.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("it is sent");
        loop {
            let mut line = String::new();
            assert!(connection.read_line(&mut line).await.expect("an answer") > 0, "an answer with a thread");
            if let Some(thread) = line.strip_prefix("x-thread: ") {
                return thread.trim().to_owned();
            }
        }
    }

    #[tokio::test]
    async fn a_connection_goes_to_the_thread_that_serves_the_fewest_and_stays_there() {
        let thread = make_sync(|_| {
            let id = format!("{:?}", thread::current().id());
            poem::Response::builder().header("x-thread", id).finish()
        });
        let connections = Connections::start(thread).expect("threads");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let connect =
            || async { BufReader::new(TcpStream::connect(address).await.expect("somebody listens")) };
        let work = async {
            let mut open: Vec<(String, BufReader<TcpStream>)> = Vec::new();
            for _ in 0..2 * connections.threads.len() {
                let mut connection = connect().await;
                open.push((ask(&mut connection).await, connection));
            }
            let mut served: HashMap<String, usize> = HashMap::new();
            for (thread, connection) in &mut open {
                assert_eq!(ask(connection).await, *thread);
                *served.entry(thread.clone()).or_default() += 1;
            }
            assert_eq!(served.len(), connections.threads.len());
            assert!(served.values().all(|count| *count == 2), "{served:?}");

            let (left, _) = open.swap_remove(1);
            // One for the thread itself, two for its connections.
            while connections.threads.iter().all(|it| Arc::strong_count(&it.open) == 3) {
                tokio::task::yield_now().await;
            }
            assert_eq!(ask(&mut connect().await).await, left);
        };
        let (done, stopped) = oneshot::channel::<()>();
        tokio::join!(
            async {
                work.await;
                drop(done);
            },
            connections.accept(&listener, async { drop(stopped.await) })
        );
        connections.finish().await;
    }

    #[tokio::test]
    async fn a_request_that_comes_byte_by_byte_ends_the_connection() {
        let (mut client, stream) = duplex(64);
        let mut connection = Connection { stream, unanswered_since: None, _counted: Arc::default() };
        client.write_all(b"GET").await.expect("it is sent");
        assert_eq!(connection.read_u8().await.expect("it comes"), b'G');
        let since = connection.unanswered_since.expect("a request that comes");
        connection.unanswered_since = since.checked_sub(IDLE + Duration::from_secs(1));
        let error = connection.read_u8().await.expect_err("it took too long");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        // What comes after an answer is another request.
        connection.write_all(b"HTTP/1.1 408").await.expect("it is sent");
        assert_eq!(connection.read_u8().await.expect("it comes"), b'T');
    }
}
