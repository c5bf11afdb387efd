//! A server that does on each connection exactly what its script says, and writes down what it saw.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// What was seen, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A connection was accepted.
    Connect,
    /// A whole request was read.
    Request,
    /// Everything to be written was written.
    Answer,
    /// The server closed the connection.
    Close,
    /// The server reset the connection.
    Reset,
    /// The client closed the connection.
    Gone,
}

/// What to do next on a connection.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Wait for a whole request.
    Read,
    /// Write this at once.
    Write(Vec<u8>),
    /// Write this, one byte a second.
    Trickle(Vec<u8>),
    /// Write this again and again until the client has gone.
    Flood(Vec<u8>),
    /// Close in an orderly way.
    Close,
    /// Close with a reset.
    Reset,
    /// Say nothing until the client has gone.
    Hang,
}

/// Reads a request, answers it, and waits for the client to go.
pub(crate) fn answering(answer: impl AsRef<[u8]>) -> Vec<Step> {
    vec![Step::Read, Step::Write(answer.as_ref().to_vec()), Step::Hang]
}

/// An answer with a body and the length of it.
pub(crate) fn response(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// What Graph answers when all is well.
pub(crate) fn accepted() -> Vec<u8> {
    response("202 Accepted", "", "")
}

#[derive(Default)]
struct Seen {
    events: Vec<Event>,
    requests: Vec<Vec<u8>>,
    flooded: usize,
}

/// A port with a script for each connection.
pub(crate) struct Server {
    pub(crate) port: u16,
    seen: Arc<Mutex<Seen>>,
}

impl Server {
    /// Listens from now on. The n-th connection follows the n-th script, any beyond the last are seen and closed.
    pub(crate) fn start(scripts: Vec<Vec<Step>>) -> Self {
        let (port, socket) = reserved();
        Self::serve(port, socket.listen(64).unwrap(), scripts)
    }

    /// Listens on a port that refused connections until now.
    pub(crate) fn serve(port: u16, listener: TcpListener, scripts: Vec<Vec<Step>>) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let server = Self { port, seen: Arc::clone(&seen) };
        tokio::spawn(async move {
            let mut scripts = scripts.into_iter();
            while let Ok((stream, _)) = listener.accept().await {
                seen.lock().unwrap().events.push(Event::Connect);
                let script = scripts.next().unwrap_or_else(|| vec![Step::Close]);
                tokio::spawn(follow(stream, script, Arc::clone(&seen)));
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.seen.lock().unwrap().events.clone()
    }

    /// Every whole request, byte for byte.
    pub(crate) fn requests(&self) -> Vec<Vec<u8>> {
        self.seen.lock().unwrap().requests.clone()
    }

    /// How many bytes of a flood went out.
    pub(crate) fn flooded(&self) -> usize {
        self.seen.lock().unwrap().flooded
    }
}

/// A port of our own on which nobody listens yet: connecting to it is refused.
pub(crate) fn reserved() -> (u16, TcpSocket) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    (socket.local_addr().unwrap().port(), socket)
}

async fn follow(mut stream: TcpStream, script: Vec<Step>, seen: Arc<Mutex<Seen>>) {
    let see = |event| seen.lock().unwrap().events.push(event);
    for step in script {
        let result = match step {
            Step::Read => match read_request(&mut stream).await {
                Some(request) => {
                    seen.lock().unwrap().requests.push(request);
                    see(Event::Request);
                    Ok(())
                }
                None => return see(Event::Gone),
            },
            Step::Write(bytes) => stream.write_all(&bytes).await.map(|()| see(Event::Answer)),
            Step::Trickle(bytes) => trickle(&mut stream, &bytes).await.map(|()| see(Event::Answer)),
            Step::Flood(bytes) => loop {
                if let Err(error) = stream.write_all(&bytes).await {
                    break Err(error);
                }
                seen.lock().unwrap().flooded += bytes.len();
            },
            Step::Close => {
                drop(stream);
                return see(Event::Close);
            }
            Step::Reset => {
                stream.set_zero_linger().unwrap();
                drop(stream);
                return see(Event::Reset);
            }
            Step::Hang => {
                let _ = stream.read(&mut [0; 64]).await;
                return see(Event::Gone);
            }
        };
        if result.is_err() {
            return see(Event::Gone);
        }
    }
}

async fn trickle(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    for byte in bytes {
        stream.write_all(&[*byte]).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

/// Head and body; `None` if the client goes first.
pub(crate) async fn read_request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    loop {
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            let missing = (end + 4 + length.parse::<usize>().unwrap()).saturating_sub(request.len());
            let mut rest = vec![0; missing];
            stream.read_exact(&mut rest).await.ok()?;
            request.extend(rest);
            return Some(request);
        }
        let mut some = [0; 4096];
        match stream.read(&mut some).await {
            Ok(count @ 1..) => request.extend(&some[..count]),
            _ => return None,
        }
    }
}
