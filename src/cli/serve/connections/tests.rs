use std::collections::HashMap;

use poem::endpoint::make_sync;
use poem::{Request, Response};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::time::{sleep, timeout};

use super::*;

/// No test takes this long on the slowest machine.
const LONGEST: Duration = Duration::from_secs(60);
/// How long the connections of a test may be without progress; long enough for a busy machine to make some.
const SHORT: Duration = Duration::from_secs(1);

/// Connections to a server that tells which thread answers, at `/large` in many words.
async fn serving(patience: Duration, work: impl AsyncFnOnce(&Connections, SocketAddr)) {
    let routes = make_sync(|request: Request| {
        let answer = Response::builder().header("x-thread", format!("{:?}", thread::current().id()));
        if request.uri().path() == "/large" { answer.body("x".repeat(1 << 20)) } else { answer.finish() }
    });
    let connections = Connections::start(routes, patience).expect("threads");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (done, stopped) = oneshot::channel::<()>();
    let work = async {
        timeout(LONGEST, work(&connections, address)).await.expect("it ends");
        drop(done);
    };
    tokio::join!(work, connections.accept(&listener, async { drop(stopped.await) }));
    connections.finish().await;
}

async fn connect(address: SocketAddr) -> BufReader<TcpStream> {
    BufReader::new(TcpStream::connect(address).await.expect("somebody listens"))
}

/// Asks which thread answers, and keeps the connection.
async fn ask(connection: &mut BufReader<TcpStream>) -> String {
    connection.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("it is sent");
    let mut thread = None;
    loop {
        let mut line = String::new();
        assert!(connection.read_line(&mut line).await.expect("an answer") > 0, "a whole head");
        if let Some(id) = line.strip_prefix("x-thread: ") {
            thread = Some(id.trim().to_owned());
        }
        if line == "\r\n" {
            return thread.expect("a thread");
        }
    }
}

impl Connections {
    fn open(&self) -> usize {
        self.threads.iter().map(|it| Arc::strong_count(&it.open) - 1).sum()
    }

    async fn until_open(&self, count: usize) {
        while self.open() != count {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_connection_goes_to_the_thread_that_serves_the_fewest_and_stays_there() {
    serving(PATIENCE, async |connections, address| {
        let mut open: Vec<(String, BufReader<TcpStream>)> = Vec::new();
        for _ in 0..2 * connections.threads.len() {
            let mut connection = connect(address).await;
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
        connections.until_open(open.len()).await;
        assert_eq!(ask(&mut connect(address).await).await, left);
    })
    .await;
}

/// Each way to hold a connection without asking anything of it, on a real one.
mod a_connection_without_progress_ends {
    use super::*;

    async fn after(sent: &[u8]) {
        serving(SHORT, async |_, address| {
            let mut connection = connect(address).await;
            connection.write_all(sent).await.expect("it is sent");
            // Closed or torn, as the system likes it.
            let _ = connection.read_to_end(&mut Vec::new()).await;
        })
        .await;
    }

    #[tokio::test]
    async fn that_says_nothing() {
        after(b"").await;
    }

    #[tokio::test]
    async fn after_an_answer() {
        after(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    }

    #[tokio::test]
    async fn after_half_a_head() {
        after(b"GET / HTTP/1.1\r\nHo").await;
    }

    #[tokio::test]
    async fn after_half_a_body() {
        after(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{").await;
    }

    #[tokio::test]
    async fn after_the_preface_of_http_2() {
        // RFC 9113 section 3.4: the preface, and empty settings.
        after(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    }

    #[tokio::test]
    async fn that_takes_no_answer() {
        serving(SHORT, async |connections, address| {
            let mut connection = connect(address).await;
            let many = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n".repeat(30);
            connection.write_all(&many).await.expect("it is sent");
            connections.until_open(1).await;
            connections.until_open(0).await;
        })
        .await;
    }

    #[tokio::test]
    async fn however_often_a_byte_comes() {
        serving(SHORT, async |_, address| {
            let mut connection = connect(address).await;
            connection.write_all(b"GET / HTTP/1.1\r\nHost: ").await.expect("it is sent");
            while connection.write_all(b"x").await.is_ok() {
                sleep(SHORT / 20).await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_connection_with_progress_outlives_its_first_deadline() {
    serving(SHORT, async |_, address| {
        let begun = Instant::now();
        let mut connection = connect(address).await;
        let thread = ask(&mut connection).await;
        while begun.elapsed() < SHORT * 3 {
            assert_eq!(ask(&mut connection).await, thread);
        }
        let mut rest = Vec::new();
        assert_eq!(connection.read_to_end(&mut rest).await.expect("it is closed, not torn"), 0);
    })
    .await;
}
