//! HTTP/2 by hand, as far as faults need it: one frame after another, nothing negotiated.

use std::collections::HashMap;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::graph::{Fault, Graph, Socket};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;
/// In HPACK's table of well-known headers.
const METHOD_POST: u8 = 0x83;

/// The server goes away: it has looked at streams up to `last`, and says why.
macro_rules! goaway {
    (last $last:literal, reason $reason:literal) => {
        &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, $last, 0, 0, 0, $reason]
    };
}

/// The server ends a stream, the one that `on` names, and says why.
macro_rules! rst_stream {
    (reason $reason:literal) => {
        &[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, $reason]
    };
}

pub(crate) use {goaway, rst_stream};

/// Answers each request on its stream, or misbehaves.
pub(crate) async fn serve(graph: &Graph, mut stream: impl Socket, connection: usize) {
    let mut preface = [0; 24];
    if stream.read_exact(&mut preface).await.is_err() {
        return;
    }
    assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    let mut redirects: HashMap<u32, Vec<u8>> = HashMap::new();
    send(&mut stream, SETTINGS, 0, 0, &[]).await;
    while let Some((kind, flags, id, payload)) = read(&mut stream).await {
        match kind {
            SETTINGS if flags & ACK == 0 => send(&mut stream, SETTINGS, ACK, 0, &[]).await,
            PING if flags & ACK == 0 && graph.pinged() => send(&mut stream, PING, ACK, 0, &payload).await,
            HEADERS if payload.first() == Some(&METHOD_POST) => {
                redirects.insert(id, Vec::new());
            }
            HEADERS => {
                assert_eq!(flags & END_STREAM, END_STREAM);
                graph.see(connection, "GET");
                match graph.turns_away() {
                    Some(frame) => stream.write_all(&on(id, frame)).await.unwrap(),
                    None => answer(graph, &mut stream, connection, id, false).await,
                }
            }
            DATA => {
                redirects.get_mut(&id).unwrap().extend(payload);
                if flags & END_STREAM == 0 {
                    continue;
                }
                graph.see(connection, "POST");
                if !graph.misbehaves(redirects.remove(&id).unwrap()) {
                    answer(graph, &mut stream, connection, id, true).await;
                } else if let Fault::Frame { frame, close } = graph.fault() {
                    graph.see(connection, if close { "frame close" } else { "frame" });
                    stream.write_all(&on(id, frame)).await.unwrap();
                    if close {
                        // What the client sent meanwhile would turn the close into a reset.
                        let _ = stream.shutdown().await;
                        return;
                    }
                }
            }
            _ => (),
        }
    }
}

/// The frame as it ends this stream; one that speaks of the whole connection stays as it is.
fn on(id: u32, frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    if frame.get(3) == Some(&RST_STREAM) {
        frame[5..9].copy_from_slice(&id.to_be_bytes());
    }
    frame
}

async fn answer(graph: &Graph, stream: &mut impl Socket, connection: usize, id: u32, redirect: bool) {
    let (status, body) = graph.answer(redirect);
    graph.see(connection, status.to_string());
    // `:status` by its place in the table, the value spelled out.
    let head = [&[0x08, 3], status.to_string().as_bytes()].concat();
    send(stream, HEADERS, END_HEADERS, id, &head).await;
    send(stream, DATA, END_STREAM, id, body.as_bytes()).await;
}

async fn send(stream: &mut impl Socket, kind: u8, flags: u8, id: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let frame = [&length[1..], &[kind, flags], &id.to_be_bytes(), payload].concat();
    // A client that has gone is noticed when it is read from.
    let _ = stream.write_all(&frame).await;
    let _ = stream.flush().await;
}

async fn read(stream: &mut impl Socket) -> Option<(u8, u8, u32, Vec<u8>)> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload).await.ok()?;
    Some((head[3], head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload))
}
