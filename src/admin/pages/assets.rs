//! The files that the pages need: compiled in, and kept by browsers under addresses that change with what is in them.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use sha2::{Digest as _, Sha256};

use crate::admin::Admin;
use crate::admin::pages::lost;

/// A file.
#[derive(Debug)]
pub(super) struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
    /// Where it lies, with a word that is another one when the file is.
    pub(super) address: String,
    /// This word.
    word: String,
}

pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "page.css",
        "text/css; charset=utf-8",
        include_str!("assets/page.css"),
    )
});
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "page.js",
        "text/javascript; charset=utf-8",
        include_str!("assets/page.js"),
    )
});
pub(super) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon.svg", "image/svg+xml", include_str!("assets/icon.svg")));

impl Asset {
    fn new(name: &'static str, kind: &'static str, text: &'static str) -> Self {
        let digest = Sha256::digest(text.as_bytes());
        let first = digest.first_chunk().expect("a digest has 32 bytes");
        let word = format!("{:016x}", u64::from_be_bytes(*first));
        Self {
            name,
            kind,
            text,
            address: format!("/assets/{name}?{word}"),
            word,
        }
    }
}

impl Asset {
    /// While services of two versions answer at one address, one may be asked for the file of the other: what it has under that word must
    /// not be kept.
    fn kept_at(&self, word: Option<&str>) -> &'static str {
        if word == Some(self.word.as_str()) {
            "public, max-age=31536000, immutable"
        } else {
            "no-store"
        }
    }
}

/// Whoever has not logged in yet needs them, too.
pub(super) fn routes() -> Router<Admin> {
    Router::new().route("/assets/{name}", get(asset))
}

async fn asset(Path(name): Path<String>, RawQuery(word): RawQuery, headers: HeaderMap) -> Response {
    let all: [&'static Asset; 3] = [&STYLE, &SCRIPT, &ICON];
    let Some(asset) = all.into_iter().find(|asset| asset.name == name) else {
        return lost();
    };
    let tag = format!("\"{}\"", asset.word);
    let known = headers.get(IF_NONE_MATCH);
    let is_known = known.is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let kept: [(HeaderName, &str); 2] = [
        (CACHE_CONTROL, asset.kept_at(word.as_deref())),
        (ETAG, &tag),
    ];
    if is_known {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    (kept, [(CONTENT_TYPE, asset.kind)], asset.text).into_response()
}
