//! What `send.py` sends to: answers 202 to whatever comes, the same for every client, on one thread.
//!
//! Writes its certificate to the file it is given, and prints three ports: HTTP/1.1 in the clear, HTTP/1.1 over TLS,
//! and HTTP/2 or HTTP/1.1 over TLS as Graph offers them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "whatever goes wrong here ends the bench")]

use std::future::poll_fn;
use std::io::{self, Read as _};
use std::pin::Pin;
use std::sync::Arc;
use std::{env, fs};

use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::CertifiedKey;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let file = env::args().nth(1).expect("the file to write the certificate to");
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed([String::from("127.0.0.1")]).unwrap();
    fs::write(file, cert.pem()).unwrap();
    let tls = |protocols: &[&str]| {
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth();
        let mut config = config.with_single_cert(vec![cert.der().clone()], key).unwrap();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    };
    let doors = [None, Some(tls(&["http/1.1"])), Some(tls(&["h2", "http/1.1"]))];
    let mut ports = Vec::new();
    for door in doors {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        ports.push(listener.local_addr().unwrap().port().to_string());
        tokio::spawn(listen(listener, door));
    }
    println!("{}", ports.join(" "));
    // Whoever started us holds our standard input: when it goes, so do we.
    tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await.unwrap().unwrap();
}

async fn listen(listener: TcpListener, door: Option<TlsAcceptor>) {
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).unwrap();
        let door = door.clone();
        tokio::spawn(async move {
            let Some(door) = door else { return serve(stream, false).await };
            if let Ok(stream) = door.accept(stream).await {
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                serve(stream, http2).await;
            }
        });
    }
}

/// Until the client goes, in whatever way.
async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, http2: bool) {
    let (stream, service) = (TokioIo::new(stream), service_fn(accept));
    let _ = if http2 {
        http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await
    } else {
        http1::Builder::new().serve_connection(stream, service).await
    };
}

async fn accept(request: Request<Incoming>) -> Result<Response<String>, hyper::Error> {
    let mut body = request.into_body();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        frame?;
    }
    let mut response = Response::new(String::new());
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}
