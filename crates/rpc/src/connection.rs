//! One connection: HTTP/1.1 under deadlines, an orderly end, and time to read a refusal.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::StatusCode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;

use crate::connections::Place;
use crate::options::Limits;
use crate::request::Shared;

/// Bytes of the longest header.
const HEADER_BYTES_MAX: usize = 16 << 10;

type Stream = TokioIo<Pin<Box<TimeoutStream<TcpStream>>>>;

/// Serves a connection to its end. Once `stop` changes, the request under way is the last one.
pub(crate) async fn serve(
    stream: TcpStream,
    place: Arc<Place>,
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
) {
    tokio::select! {
        () = place.sent_away() => {}
        () = converse(stream, &place, shared, stop) => {}
    }
}

async fn converse(
    stream: TcpStream,
    place: &Arc<Place>,
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
) {
    let limits = shared.dispatcher.limits;
    // Answers are short and waited for; failing to say so costs speed only.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.write_deadline));
    let refused = Arc::new(AtomicBool::new(false));
    let service = service_fn(|request| {
        let (shared, place) = (Arc::clone(&shared), Arc::clone(place));
        let refused = Arc::clone(&refused);
        Box::pin(async move {
            let answer = shared.answer(request, || place.trust()).await;
            refused.store(answer.status() != StatusCode::OK, Ordering::Relaxed);
            Ok::<_, Infallible>(answer)
        })
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_deadline)
        .max_header_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let ended = tokio::select! {
        ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => ended,
        () = stopped(stop) => {
            Pin::new(&mut connection).graceful_shutdown();
            poll_fn(|cx| connection.poll_without_shutdown(cx)).await
        }
    };
    if ended.is_ok() && refused.load(Ordering::Relaxed) {
        linger(connection.into_parts().io, &limits).await;
    }
}

/// Returns when the server is told to stop.
pub(crate) async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that the server's handle is gone, which is a stop as well.
    let _ = stop.wait_for(|stopping| *stopping).await;
}

/// Says that nothing more will come, and drops what still arrives: closing at once while the caller is
/// sending would make its system throw the answer away.
async fn linger(stream: Stream, limits: &Limits) {
    let mut stream = pin!(stream.into_inner());
    let drain = async {
        stream.shutdown().await?;
        let mut dropped = [0u8; 4096];
        let mut left = limits.body_bytes_max;
        while left > 0 {
            match stream.read(&mut dropped).await? {
                0 => break,
                count => left = left.saturating_sub(count),
            }
        }
        std::io::Result::Ok(())
    };
    // However it ends, the connection is over.
    let _ = timeout(limits.linger_deadline, drain).await;
}
