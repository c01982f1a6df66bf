//! The bodies of requests: read whole, and soon, before any handler is asked. Whoever does not come to the end of his holds a connection
//! for nothing.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, EXPECT};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http_body_util::{BodyExt as _, Limited};
use tokio::time::timeout;

use crate::admin::LARGEST_BODY;
use crate::admin::pages::LARGEST_OUTSIDE;
use crate::admin::refusal::{Reason, Refusal};

/// How long a body may take; programs and browsers send theirs at once.
const LONGEST_READ: Duration = Duration::from_secs(10);
/// Read and dropped of a body that is too long, so that the sender gets to read the answer.
const LONGEST_DRAIN: usize = 8 << 20;

/// What was read of a body.
#[derive(Debug)]
enum Read {
    /// All of it; or more than was wanted, and no further.
    Whole(Vec<u8>),
    TooLong(Vec<u8>, Body),
    Late,
    Broken,
}

/// Of those who are let in: what is too long is refused, at once where it says so itself.
pub(super) async fn inside(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if announced(&parts.headers).is_some_and(|length| length > LARGEST_BODY as u64) {
        return too_large(&parts.headers, body);
    }
    match read(body, LARGEST_BODY).await {
        Read::Whole(read) => next.run(Request::from_parts(parts, read.into())).await,
        Read::TooLong(_, rest) => too_large(&parts.headers, rest),
        Read::Late => Refusal::from(Reason::BodyLate).into_response(),
        Read::Broken => Refusal::saying(Reason::Malformed, "the body broke off").into_response(),
    }
}

/// Of everybody who reaches the listener: little is read. What is too long is left to the form, which does not look at it.
pub(super) async fn outside(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match read(body, LARGEST_OUTSIDE).await {
        Read::Whole(read) | Read::TooLong(read, _) => {
            next.run(Request::from_parts(parts, read.into())).await
        }
        Read::Late => Refusal::from(Reason::BodyLate).into_response(),
        Read::Broken => Refusal::saying(Reason::Malformed, "the body broke off").into_response(),
    }
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn read(mut body: Body, most: usize) -> Read {
    let mut read = Vec::new();
    let reading = async {
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                return Some(Read::Broken);
            };
            if let Some(data) = frame.data_ref() {
                read.extend_from_slice(data);
            }
            if read.len() > most {
                return None;
            }
        }
        Some(Read::Whole(std::mem::take(&mut read)))
    };
    match timeout(LONGEST_READ, reading).await {
        Ok(Some(outcome)) => outcome,
        Ok(None) => Read::TooLong(read, body),
        Err(_) => Read::Late,
    }
}

/// The answer does not wait for the rest, which is read and dropped beside it: closing a connection with unread data resets it, and the
/// sender may never see what it says. Whoever asks before he sends it is told not to.
fn too_large(headers: &HeaderMap, rest: Body) -> Response {
    if !headers.contains_key(EXPECT) {
        tokio::spawn(timeout(LONGEST_READ, async {
            let mut rest = Limited::new(rest, LONGEST_DRAIN);
            while let Some(Ok(_)) = rest.frame().await {}
        }));
    }
    Refusal::from(Reason::TooLarge).into_response()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Bytes;
    use futures_util::StreamExt as _;
    use futures_util::stream;
    use tokio::time::Instant;

    use super::*;

    fn pieces(count: usize) -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> {
        stream::iter((0..count).map(|_| Ok(Bytes::from_static(b"1234"))))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_read_whole_or_not_for_long() {
        let whole = read(Body::from_stream(pieces(3)), 12).await;
        assert!(matches!(whole, Read::Whole(read) if read.len() == 12));
        let long = read(Body::from_stream(pieces(9)), 12).await;
        assert!(matches!(long, Read::TooLong(read, _) if read.len() == 16));
        let begun = Instant::now();
        let half = pieces(2).chain(stream::pending());
        assert!(matches!(
            read(Body::from_stream(half), 12).await,
            Read::Late
        ));
        assert_eq!(begun.elapsed(), LONGEST_READ);
        let broken = pieces(1).map(Ok).chain(stream::iter([Err("gone")]));
        let broken = broken.map(|piece: Result<Result<Bytes, Infallible>, &str>| {
            piece.map(|data| data.expect("it cannot fail"))
        });
        assert!(matches!(
            read(Body::from_stream(broken), 12).await,
            Read::Broken
        ));
    }
}
