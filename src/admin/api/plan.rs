//! `/boards/{board}/plan`: what `boardroom apply BOARD` would do, which is asked of both services as they are now. Of all boards at once only
//! the command tells: it reads all of both services.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::admin::About;
use crate::admin::api::given::Named;
use crate::admin::api::rooms::{anywhere, docspace_must_be_open, trello_must_be_open};
use crate::admin::refusal::{Reason, Refusal};
use crate::http::Clients;
use crate::lane::Lanes;
use crate::store::Store;
use crate::survey::{Line, SurveyError};

/// However many ask, one plan is read at a time: the budget belongs to the boards.
static ONE: Semaphore = Semaphore::const_new(1);

pub(super) async fn of_board(
    State(store): State<Arc<dyn Store>>,
    State(clients): State<Clients>,
    State(lanes): State<Lanes>,
    State(about): State<About>,
    Named(named): Named,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    if is_of_another_site(&headers) {
        return Err(Reason::CrossSite.into());
    }
    let survey = about
        .policy
        .survey(&clients.trello, &clients.docspace, &*store);
    let _turn = ONE.acquire().await;
    let board = anywhere(&named, &*store, &clients, &lanes).await?;
    // Without that, all boards of both services would have to be read.
    if !survey.knows_since().await? {
        return Err(Reason::NotYetSwept.into());
    }
    trello_must_be_open(&lanes)?;
    docspace_must_be_open(&lanes)?;
    let found = Box::pin(survey.changes(Some(&[board]))).await?;
    if let Some((_, error)) = found.unread.into_iter().next() {
        return Err(error.into());
    }
    let changes: Vec<_> = found.changes.iter().map(Line::of).collect();
    Ok(Json(json!({ "board_id": board, "changes": changes })))
}

/// It changes nothing, so it is read; but where no token is needed another site could make a browser ask for it all day.
fn is_of_another_site(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    site.is_some_and(|site| site == "cross-site" || site == "same-site")
}

impl From<SurveyError> for Refusal {
    fn from(error: SurveyError) -> Self {
        match error {
            SurveyError::Trello(error) => error.into(),
            SurveyError::DocSpace(error) => error.into(),
            SurveyError::Store(error) => error.into(),
        }
    }
}
