//! Connections: HTTP/1.1 over TCP.
//!
//! Not `axum::serve`, which also speaks HTTP/2 and finds out which one by reading a few bytes first. Clients keep their
//! connections for as long as they live, and with tens of thousands of them what each costs counts; a proxy that
//! speaks HTTP/2 to browsers speaks HTTP/1.1 to servers.

use std::convert::Infallible;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::direct::Direct;

/// How long no connection is accepted after that failed: for want of file descriptors, as a rule.
const PAUSE: Duration = Duration::from_millis(500);

/// Serves until `stopping` is cancelled and the requests under way are answered.
pub async fn serve(listener: TcpListener, service: Direct, stopping: CancellationToken) {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(connection(stream, service.clone(), stopping.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => {}
                    () = stopping.cancelled() => break,
                }
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn connection(stream: TcpStream, service: Direct, stopping: CancellationToken) {
    // An answer is written in one piece: there is nothing to wait for. Without it the connection works, only slower.
    let _ = stream.set_nodelay(true);
    let service =
        service_fn(|request| async { Ok::<_, Infallible>(service.answer(request).await) });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}
