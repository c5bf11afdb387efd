//! A Graph with one call on one port, which misbehaves on request and writes down what it saw on each connection.
//!
//! It does to the call what Graph does: the first redirect that it acts on takes effect, the call is gone for any
//! other, and whoever asks for the call is told whether it still rings.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::certificates::{self, Bad};
use crate::frames;

/// Also on loopback, but not the address that the server listens on.
const HOLE: [u8; 4] = [127, 0, 0, 2];

/// A request that is not ours: other programs on the machine may call at a port that was theirs.
const FOREIGN: &str = "foreign";

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// The name is unknown.
    NoName,
    /// The name is found, but late.
    SlowName(Duration),
    /// Nobody listens.
    Refused,
    /// The first address swallows packets.
    BlackHole,
    /// The certificate is bad.
    Certificate(Bad),
    /// An answer to the TLS greeting that is none.
    Greeting(&'static [u8]),
    /// A fault of the connection, before anything is read.
    Unread(Ending),
    /// A whole redirect is read, then this.
    Read(Ending),
    /// The same, over HTTP/2: a frame, then perhaps the end of the connection.
    Frame { frame: &'static [u8], close: bool },
    /// HTTP/2: that frame in place of the first so many answers to whatever is no redirect.
    TurnedAway { frame: &'static [u8], times: usize },
    /// Nothing, over HTTP/2.
    None,
}

/// How the server breaks off.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending {
    Close,
    Reset,
    /// Says this, then closes.
    Half(&'static [u8]),
    Silence,
    /// One byte a second.
    Trickle(&'static [u8]),
    /// An answer like any other, and the connection stays.
    Answer(&'static str),
    /// An answer whose body is a gigabyte.
    Gigabyte,
}

/// How often, and whether the redirect takes effect nevertheless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// The first time only.
    Once,
    /// The first time only, but the server has acted before.
    OnceActed,
    /// Every time.
    Always,
}

#[derive(Default)]
struct Seen {
    connections: Vec<Vec<String>>,
    redirects: Vec<Vec<u8>>,
    took_effect: usize,
    turned_away: usize,
    flooded: usize,
    unencrypted: Vec<u8>,
    pings: usize,
    dead: bool,
}

/// The server of one call.
pub(crate) struct Graph {
    pub(crate) port: u16,
    fault: Fault,
    weather: Weather,
    seen: Arc<Mutex<Seen>>,
    hole: Option<(std::net::TcpListener, std::net::TcpStream)>,
}

/// What a request was.
pub(crate) enum Request {
    Redirect(Vec<u8>),
    Question,
}

impl Graph {
    /// Listens from now on, unless the fault is that nobody does.
    pub(crate) fn start(fault: Fault, weather: Weather) -> Arc<Self> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let port = socket.local_addr().unwrap().port();
        let hole = matches!(fault, Fault::BlackHole).then(|| hole(port));
        let graph = Arc::new(Self { port, fault, weather, seen: Arc::default(), hole });
        let serving = Arc::clone(&graph);
        match fault {
            Fault::Refused => tokio::spawn(async move {
                // The port stays ours meanwhile.
                tokio::time::sleep(serving.down_for()).await;
                serving.accept(socket.listen(64).unwrap()).await;
            }),
            _ => tokio::spawn(serving.accept(socket.listen(64).unwrap())),
        };
        graph
    }

    fn down_for(&self) -> Duration {
        Duration::from_secs(if self.weather == Weather::Always { 3600 } else { 2 })
    }

    /// The id of its call.
    pub(crate) fn call(&self) -> String {
        format!("491f0b00-ffff-4bc9-a43e-{:012x}", self.port)
    }

    /// Where the client goes.
    pub(crate) fn url(&self) -> String {
        match self.fault {
            Fault::Refused | Fault::Unread(_) | Fault::Read(_) => format!("http://127.0.0.1:{}", self.port),
            _ => format!("https://{}:{}", certificates::NAME, self.port),
        }
    }

    /// What the name service says when it does.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        let hole = self.hole.is_some().then_some(HOLE);
        let good = (!self.always() || hole.is_none()).then_some([127, 0, 0, 1]);
        hole.into_iter().chain(good).map(|ip| (ip, self.port).into()).collect()
    }

    pub(crate) fn fault(&self) -> Fault {
        self.fault
    }

    pub(crate) fn always(&self) -> bool {
        self.weather == Weather::Always
    }

    /// The events of each connection, in order: `POST 503 / POST 202`.
    pub(crate) fn wire(&self) -> String {
        let seen = self.seen.lock().unwrap();
        let ours = seen.connections.iter().filter(|events| !events.iter().any(|event| event == FOREIGN));
        ours.map(|events| events.join(" ")).collect::<Vec<_>>().join(" / ")
    }

    /// The body of every redirect that was read.
    pub(crate) fn redirects(&self) -> Vec<Vec<u8>> {
        self.seen.lock().unwrap().redirects.clone()
    }

    pub(crate) fn took_effect(&self) -> usize {
        self.seen.lock().unwrap().took_effect
    }

    /// How many bytes of a gigabyte went out.
    pub(crate) fn flooded(&self) -> usize {
        self.seen.lock().unwrap().flooded
    }

    /// What came in over connections on which there was no TLS, for want of a good certificate or otherwise.
    pub(crate) fn unencrypted(&self) -> Vec<u8> {
        self.seen.lock().unwrap().unencrypted.clone()
    }

    /// How often clients asked whether a connection is alive.
    pub(crate) fn pings(&self) -> usize {
        self.seen.lock().unwrap().pings
    }

    /// From now on nothing is answered on the connections there are, as if the network had gone.
    pub(crate) fn die(&self) {
        self.seen.lock().unwrap().dead = true;
    }

    /// A ping came: whether to answer it.
    pub(crate) fn pinged(&self) -> bool {
        let mut seen = self.seen.lock().unwrap();
        seen.pings += 1;
        !seen.dead
    }

    pub(crate) fn see(&self, connection: usize, event: impl Into<String>) {
        self.seen.lock().unwrap().connections[connection].push(event.into());
    }

    async fn accept(self: Arc<Self>, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            // Else the kernel holds small writes back, in its own time and not in ours.
            stream.set_nodelay(true).unwrap();
            let connection = {
                let mut seen = self.seen.lock().unwrap();
                seen.connections.push(Vec::new());
                seen.connections.len() - 1
            };
            let graph = Arc::clone(&self);
            tokio::spawn(async move { graph.connection(stream, connection).await });
        }
    }

    async fn connection(&self, mut stream: TcpStream, connection: usize) {
        let faulty = self.always() || connection == 0;
        match self.fault {
            Fault::Unread(Ending::Reset) if faulty => self.reset(stream, connection),
            Fault::Unread(_) if faulty => self.see(connection, "close"),
            Fault::Certificate(how) if faulty => self.greet(stream, certificates::bad(how), connection).await,
            Fault::Greeting(answer) if faulty => {
                let mut hello = vec![0; 4096];
                let count = stream.read(&mut hello).await.unwrap();
                stream.write_all(answer).await.unwrap();
                // Until the client goes, which may be by a reset.
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
                self.keep_unencrypted(&hello[..count]);
                self.keep_unencrypted(&rest);
                self.see(connection, "no TLS");
            }
            Fault::Refused | Fault::Unread(_) | Fault::Read(_) => self.http1(stream, connection).await,
            Fault::Frame { .. } | Fault::TurnedAway { .. } | Fault::None => {
                self.greet(stream, certificates::good(true), connection).await;
            }
            _ => self.greet(stream, certificates::good(false), connection).await,
        }
    }

    async fn greet(&self, stream: TcpStream, config: Arc<ServerConfig>, connection: usize) {
        let http2 = config.alpn_protocols == [b"h2"];
        match TlsAcceptor::from(config).accept(stream).await {
            Ok(mut stream) => {
                if let Fault::Certificate(_) = self.fault
                    && (self.always() || connection == 0)
                {
                    // The client may find fault only after our side is content: then all it says is that.
                    let mut said = Vec::new();
                    let _ = stream.read_to_end(&mut said).await;
                    self.keep_unencrypted(&said);
                    self.see(connection, "no TLS");
                } else if http2 {
                    frames::serve(self, stream, connection).await;
                } else {
                    self.http1(stream, connection).await;
                }
            }
            Err(_) => self.see(connection, "no TLS"),
        }
    }

    fn keep_unencrypted(&self, bytes: &[u8]) {
        self.seen.lock().unwrap().unencrypted.extend(bytes);
    }

    /// Whether this is a redirect to misbehave at, and if so whether to act on it first.
    pub(crate) fn misbehaves(&self, body: Vec<u8>) -> bool {
        let mut seen = self.seen.lock().unwrap();
        seen.redirects.push(body);
        let faulty = matches!(self.fault, Fault::Read(_) | Fault::Frame { .. })
            && (self.always() || seen.redirects.len() == 1);
        if faulty && self.weather == Weather::OnceActed {
            seen.took_effect += 1;
        }
        faulty
    }

    /// What it answers to a request that is no redirect, if not what Graph does.
    pub(crate) fn turns_away(&self) -> Option<&'static [u8]> {
        let Fault::TurnedAway { frame, times } = self.fault else { return None };
        let mut seen = self.seen.lock().unwrap();
        seen.turned_away += 1;
        (seen.turned_away <= times).then_some(frame)
    }

    /// What Graph answers: status and body.
    pub(crate) fn answer(&self, redirect: bool) -> (u16, &'static str) {
        let mut seen = self.seen.lock().unwrap();
        match (redirect, seen.took_effect) {
            (true, 0) => {
                seen.took_effect += 1;
                (202, "")
            }
            (false, 0) => (200, r#"{"state": "incoming"}"#),
            _ => (404, r#"{"error": {"code": "8522", "message": "Call not found."}}"#),
        }
    }

    async fn http1(&self, mut stream: impl Socket, connection: usize) {
        while let Some((head, body)) = read_request(&mut stream).await {
            let line = |verb, end| format!("{verb} /v1.0/communications/calls/{}{end} HTTP/1.1", self.call());
            let request = match head.lines().next() {
                Some(first) if first == line("POST", "/redirect") => Request::Redirect(body),
                Some(first) if first == line("GET", "") => Request::Question,
                _ => return self.see(connection, FOREIGN),
            };
            let redirect = matches!(request, Request::Redirect(_));
            self.see(connection, if redirect { "POST" } else { "GET" });
            if let Request::Redirect(body) = request
                && self.misbehaves(body)
                && let Fault::Read(ending) = self.fault
            {
                match ending {
                    Ending::Answer(text) => {
                        self.see(connection, &text[9..12]);
                        stream.write_all(text.as_bytes()).await.unwrap();
                    }
                    _ => return self.break_off(ending, stream, connection).await,
                }
            } else {
                let (status, body) = self.answer(redirect);
                self.see(connection, status.to_string());
                let head = format!("HTTP/1.1 {status} -\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                if stream.write_all(head.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    }

    async fn break_off(&self, ending: Ending, mut stream: impl Socket, connection: usize) {
        match ending {
            Ending::Close => self.see(connection, "close"),
            Ending::Reset => {
                self.see(connection, "reset");
                stream.reset();
            }
            Ending::Half(text) => {
                self.see(connection, "half");
                stream.write_all(text).await.unwrap();
            }
            Ending::Silence => {
                let _ = stream.read(&mut [0]).await;
                self.see(connection, "gone");
            }
            Ending::Trickle(text) => {
                for byte in text {
                    let _ = stream.write_all(&[*byte]).await;
                    let gone = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut [0])).await;
                    if gone.is_ok() {
                        break;
                    }
                }
                self.see(connection, "gone");
            }
            Ending::Gigabyte => {
                self.see(connection, "403");
                let head = "HTTP/1.1 403 No\r\nContent-Length: 1000000000\r\n\r\n";
                let mut sent = stream.write_all(head.as_bytes()).await;
                while sent.is_ok() {
                    sent = stream.write_all(&[b'x'; 16 * 1024]).await;
                    self.seen.lock().unwrap().flooded += 16 * 1024;
                }
                self.see(connection, "gone");
            }
            Ending::Answer(_) => unreachable!(),
        }
    }

    fn reset(&self, stream: TcpStream, connection: usize) {
        stream.reset();
        self.see(connection, "reset");
    }
}

/// An address that neither takes nor refuses connections: its queue of one is full and nobody empties it.
fn hole(port: u16) -> (std::net::TcpListener, std::net::TcpStream) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((HOLE, port).into()).unwrap();
    let listener = socket.listen(0).unwrap().into_std().unwrap();
    (listener, std::net::TcpStream::connect((std::net::Ipv4Addr::from(HOLE), port)).unwrap())
}

/// With or without TLS.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin {
    fn reset(self);
}

impl Socket for TcpStream {
    fn reset(self) {
        self.set_zero_linger().unwrap();
    }
}

impl Socket for tokio_rustls::server::TlsStream<TcpStream> {
    fn reset(self) {
        self.get_ref().0.set_zero_linger().unwrap();
    }
}

/// Head and body; `None` when the client has gone.
async fn read_request(stream: &mut impl Socket) -> Option<(String, Vec<u8>)> {
    let mut request = Vec::new();
    loop {
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&request[..end]).into_owned();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            let mut body = request.split_off(end + 4);
            let mut rest = vec![0; length.parse::<usize>().unwrap() - body.len()];
            stream.read_exact(&mut rest).await.ok()?;
            body.extend(rest);
            return Some((head, body));
        }
        let mut some = [0; 4096];
        match stream.read(&mut some).await {
            Ok(count @ 1..) => request.extend(&some[..count]),
            _ => return None,
        }
    }
}
