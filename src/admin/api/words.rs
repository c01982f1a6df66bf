//! A person's word by the API: retry, release, ignore, sweep. It is written into the database, so it reaches whichever service has the work.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::admin::api::given::{Body, Named};
use crate::admin::api::known;
use crate::admin::refusal::{Reason, Refusal};
use crate::admin::to_its_end;
use crate::desk::reference::find_known;
use crate::desk::words::{self, Tried, Which};
use crate::lane::Lanes;
use crate::model::lane::Lane;
use crate::store::{Store, StoreError};

/// As many as a person names at once.
const MOST: usize = 1000;
/// How many names are looked up at once.
const AT_ONCE: usize = 8;

/// Takes either `{"all": true}` or `{"boards": ["…"]}`.
pub(super) async fn retry(
    State(store): State<Arc<dyn Store>>,
    asked: Body,
) -> Result<Response, Refusal> {
    asked.only(&["all", "boards"])?;
    let (all, names) = (asked.flag("all")?, asked.texts("boards")?);
    if all != names.is_empty() {
        let message = "give either `all`, as true, or at least one of `boards`, and not both";
        return Err(Refusal::saying(Reason::Malformed, message));
    }
    if names.len() > MOST {
        let message = format!("`boards` names {} boards: give {MOST} at most", names.len());
        return Err(Refusal::saying(Reason::TooLarge, message));
    }
    // All are known before any is tried: half of what was asked for would be neither the one nor the other.
    let known = stream::iter(names.into_iter().enumerate()).map(|(index, named)| {
        let store = store.clone();
        async move {
            let found = known(&named, &*store).await;
            found.map_err(|refusal| refusal.about(&format!("boards[{index}]")))
        }
    });
    let mut boards: Vec<_> = known.buffered(AT_ONCE).try_collect().await?;
    boards.sort_unstable();
    boards.dedup();
    done(async move {
        let which = if all {
            Which::All
        } else {
            Which::Boards(&boards)
        };
        let tried = words::retry(which, &*store).await?;
        tracing::info!(boards = tried.boards, "retried by the API");
        Ok::<_, StoreError>(told(&tried))
    })
    .await
}

/// The answer to a deed: what it did, or that it goes on.
pub(super) async fn done<E: Into<Refusal>>(
    deed: impl Future<Output = Result<Value, E>> + Send + 'static,
) -> Result<Response, Refusal> {
    let deed = async { deed.await.map_err(Into::into) };
    match to_its_end(deed).await {
        Ok(did) => Ok(Json(did?).into_response()),
        Err(goes_on) => {
            tokio::spawn(tell_the_log(goes_on));
            let said = json!({ "sentence": "it takes longer than an answer may, and goes on" });
            Ok((StatusCode::ACCEPTED, Json(said)).into_response())
        }
    }
}

/// The answer to what another process may do: that it is asked for.
pub(super) async fn asked(
    word: impl Future<Output = Result<Value, StoreError>> + Send + 'static,
) -> Result<Response, Refusal> {
    let mut response = done(word).await?;
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

/// What could not be done is said also when nobody waits for it any more.
async fn tell_the_log(deed: JoinHandle<Result<Value, Refusal>>) {
    if let Ok(Err(refusal)) = deed.await {
        let why = refusal.in_words();
        tracing::warn!(why, "what was asked for by the API was not done");
    }
}

pub(super) async fn retry_one(
    State(store): State<Arc<dyn Store>>,
    Named(named): Named,
) -> Result<Response, Refusal> {
    let board = known(&named, &*store).await?;
    done(async move {
        let tried = words::retry(Which::Boards(&[board]), &*store).await?;
        tracing::info!(%board, "retried by the API");
        Ok::<_, StoreError>(told(&tried))
    })
    .await
}

fn told(tried: &Tried) -> Value {
    let lanes: Vec<_> = tried.lanes.iter().map(|lane| lane.as_str()).collect();
    let sentences: Vec<_> = [Some(tried.sentence()), tried.held_sentence()]
        .into_iter()
        .flatten()
        .collect();
    json!({
        "boards": tried.boards,
        "lanes": lanes,
        "held_by_brake": tried.held,
        "sentence": sentences.join("; "),
    })
}

pub(super) async fn release(State(store): State<Arc<dyn Store>>) -> Result<Response, Refusal> {
    done(async move {
        let released = words::release(&*store).await?;
        tracing::info!(boards = released.boards, "the brake was let go by the API");
        Ok::<_, StoreError>(json!({
            "boards": released.boards,
            "was_on": released.was_on,
            "sentence": released.sentence(),
        }))
    })
    .await
}

/// A board that the database does not know yet can be given by its id, as with the command.
pub(super) async fn ignore(
    State(store): State<Arc<dyn Store>>,
    Named(named): Named,
) -> Result<Response, Refusal> {
    let found = find_known(&named, &*store).await?;
    let Some(board) = found.or_else(|| named.trim().parse().ok()) else {
        return Err(Reason::BoardUnknown.into());
    };
    done(async move {
        let left = words::ignore(board, &*store).await?;
        tracing::info!(%board, "to be ignored, by the API");
        Ok::<_, StoreError>(json!({
            "board_id": board,
            "known": left.known,
            "room_id": left.room,
            "sentence": left.sentence(),
        }))
    })
    .await
}

/// Whoever leads sweeps within a few seconds, also if that is another process.
pub(super) async fn sweep(
    State(store): State<Arc<dyn Store>>,
    State(lanes): State<Lanes>,
) -> Result<Response, Refusal> {
    asked(async move {
        store.ask_for_sweep().await?;
        tracing::info!("a sweep was asked for by the API");
        let sentence = format!("a running service sweeps {}", soon(&lanes));
        Ok(json!({ "sentence": sentence }))
    })
    .await
}

/// When something is done for which Trello is asked.
pub(super) fn soon(lanes: &Lanes) -> &'static str {
    if lanes.is_open(Lane::Trello) {
        "within a few seconds"
    } else {
        "as soon as Trello works again"
    }
}
