//! The calls to Trello. Credentials travel in a header; the one route that has the token in its path is never shown.

mod lists;

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::api::{self, Caller, Outgoing, Reply, SendError};
use crate::metrics::{Calling, Calls, Service};
use crate::model::board::Board;
use crate::model::id::{BoardId, MemberId, ModelId, WebhookId, WorkspaceId};
use crate::model::time::Timestamp;
use crate::model::workspace::{Member, Workspace};
use crate::redact::Redactor;
use crate::trello::answer::{self, BoardAnswer};
use crate::trello::budget::{Budget, Permit};
use crate::trello::error::{RegisterError, TrelloError};
use crate::trello::route::route;

pub use lists::Listing;

/// Trello takes no more URLs in one batch.
pub const BATCH: usize = 10;

/// How Trello is reached and who asks.
#[derive(Debug, Clone)]
pub struct Options {
    /// `https://api.trello.com`.
    pub url: String,
    pub key: SecretString,
    pub token: SecretString,
    pub http: api::Options,
    /// At most so many requests in any span of so long.
    pub rate: (u32, Duration),
}

/// A client; clones share their connections, budget and clock.
#[derive(Debug, Clone)]
pub struct Trello {
    http: reqwest::Client,
    url: Arc<str>,
    authorization: HeaderValue,
    token: SecretString,
    budget: Budget,
    caller: Caller,
    calls: Calls,
}

/// What is known of the token itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// None when it never expires.
    pub expires: Option<Timestamp>,
    pub may_read: bool,
}

/// A registered webhook (Trello's Webhook object).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Webhook {
    pub id: WebhookId,
    #[serde(rename = "idModel")]
    pub model: ModelId,
    #[serde(rename = "callbackURL")]
    pub callback: String,
    /// Free text; ours names the instance that registered it.
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub active: bool,
    /// Attempts that failed since the last that did not.
    #[serde(default, rename = "consecutiveFailures")]
    pub failures: Option<u32>,
}

impl Trello {
    pub fn new(options: &Options) -> Result<Self, api::BuildError> {
        let (key, token) = (options.key.expose_secret(), options.token.expose_secret());
        let authorization = format!(r#"OAuth oauth_consumer_key="{key}", oauth_token="{token}""#);
        let mut authorization = HeaderValue::from_str(&authorization)?;
        authorization.set_sensitive(true);
        Ok(Self {
            http: api::client(&options.http)?,
            url: options.url.trim_end_matches('/').into(),
            authorization,
            token: options.token.clone(),
            budget: Budget::new(options.rate.0, options.rate.1),
            caller: Caller {
                redactor: Redactor::new([&options.key, &options.token]),
                ..Caller::default()
            },
            calls: Calls::default(),
        })
    }

    /// The same client, counting its requests there.
    #[must_use]
    pub fn counting(self, calls: Calls) -> Self {
        Self { calls, ..self }
    }

    /// Trello's clock; none before its first answer.
    #[must_use]
    pub fn now(&self) -> Option<Timestamp> {
        self.caller.clock.now_ms().map(Timestamp)
    }

    /// How far Trello's clock is from this machine's, in milliseconds.
    #[must_use]
    pub fn clock_offset_ms(&self) -> Option<i64> {
        self.caller.clock.offset_ms()
    }

    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// `GET /1/members/me`: who the token belongs to. Asked without `fields`, for `inbox` is in no documented list of them.
    pub async fn member(&self) -> Result<Member, TrelloError> {
        #[derive(Deserialize)]
        struct Answer {
            id: MemberId,
            #[serde(default)]
            username: String,
            #[serde(default)]
            inbox: Option<Inbox>,
        }
        #[derive(Deserialize)]
        struct Inbox {
            #[serde(rename = "idBoard")]
            board: Option<BoardId>,
        }
        let answer: Answer = self.get("/1/members/me", &[]).await?;
        let inbox = answer.inbox.and_then(|inbox| inbox.board);
        Ok(Member {
            id: answer.id,
            username: answer.username,
            inbox,
        })
    }

    /// `GET /1/members/me/organizations`: the workspaces that the member belongs to.
    pub async fn workspaces(&self) -> Result<Vec<Workspace>, TrelloError> {
        let path = "/1/members/me/organizations";
        self.all(path, &[("fields", "id,name,displayName")]).await
    }

    /// `GET /1/organizations/{id or name}`: a workspace that the member need not belong to.
    pub async fn workspace(&self, name: &str) -> Result<Workspace, TrelloError> {
        let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
        let path = format!("/1/organizations/{}", name.replace('+', "%20"));
        self.get(&path, &[("fields", "id,name,displayName")]).await
    }

    /// `GET /1/organizations/{id}/memberships`: whether `member` is an admin there.
    pub async fn is_admin(
        &self,
        workspace: WorkspaceId,
        member: MemberId,
    ) -> Result<bool, TrelloError> {
        #[derive(Deserialize)]
        struct Membership {
            #[serde(rename = "idMember")]
            member: MemberId,
            #[serde(rename = "memberType", default)]
            kind: String,
        }
        let path = format!("/1/organizations/{workspace}/memberships");
        let all: Vec<Membership> = self.get(&path, &[]).await?;
        Ok(all
            .iter()
            .any(|one| one.member == member && one.kind == "admin"))
    }

    /// `GET /1/boards/{id}`. Asked without `fields`: the default ones suffice, and `type` is in no documented list of them.
    pub async fn board(&self, id: BoardId) -> Result<Board, TrelloError> {
        let answer: BoardAnswer = self.get(&format!("/1/boards/{id}"), &[]).await?;
        Ok(answer.board())
    }

    /// `GET /1/batch`: up to 10 boards in one request, in their order. What is wrong with one of them fails that one alone.
    pub async fn boards(
        &self,
        ids: &[BoardId],
    ) -> Result<Vec<Result<Board, TrelloError>>, TrelloError> {
        let mut found = Vec::with_capacity(ids.len());
        for ten in ids.chunks(BATCH) {
            let urls: Vec<_> = ten.iter().map(|id| format!("/boards/{id}")).collect();
            let answers: Vec<Box<RawValue>> =
                self.get("/1/batch", &[("urls", &urls.join(","))]).await?;
            if answers.len() != ten.len() {
                let detail = format!("{} answers to {} questions", answers.len(), ten.len());
                return Err(TrelloError::Unintelligible(detail));
            }
            let answers = answers.iter().zip(ten);
            found.extend(answers.map(|(entry, id)| self.board_of_batch(entry, *id)));
        }
        Ok(found)
    }

    fn board_of_batch(&self, entry: &RawValue, id: BoardId) -> Result<Board, TrelloError> {
        let reply = answer::of_batch(entry, &self.caller.redactor);
        let board = parsed::<BoardAnswer>(&TrelloError::check(reply)?)?.board();
        // A room must never be made after another board than its own.
        if board.id == id {
            Ok(board)
        } else {
            let detail = format!("board {} where {id} was asked for", board.id);
            Err(TrelloError::Unintelligible(detail))
        }
    }

    /// `GET /1/boards/{shortLink}`; the caller has checked that it is letters and digits.
    pub async fn board_by_short_link(&self, short_link: &str) -> Result<Board, TrelloError> {
        let answer: BoardAnswer = self.get(&format!("/1/boards/{short_link}"), &[]).await?;
        Ok(answer.board())
    }

    /// `GET /1/tokens/{token}`: the neutral read that tells an ill service or a dead token from a board that may not be seen.
    pub async fn token(&self) -> Result<Token, TrelloError> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(rename = "dateExpires", default)]
            expires: Option<jiff::Timestamp>,
            #[serde(default)]
            permissions: Vec<Permission>,
        }
        #[derive(Deserialize)]
        struct Permission {
            #[serde(default)]
            read: bool,
        }
        let path = format!("/1/tokens/{}", self.token.expose_secret());
        let answer: Answer = self.get(&path, &[]).await?;
        let expires = answer.expires.map(|at| Timestamp(at.as_millisecond()));
        // An answer without permissions says nothing against reading.
        let may_read =
            answer.permissions.is_empty() || answer.permissions.iter().any(|one| one.read);
        Ok(Token { expires, may_read })
    }

    /// `GET /1/tokens/{token}/webhooks`: the webhooks of this token, those of other programs included.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, TrelloError> {
        let path = format!("/1/tokens/{}/webhooks", self.token.expose_secret());
        self.all(&path, &[]).await
    }

    /// `POST /1/webhooks/`. Trello asks the callback URL with `HEAD` before it answers.
    pub async fn register(
        &self,
        model: ModelId,
        callback: &str,
        description: &str,
    ) -> Result<Webhook, RegisterError> {
        let model = model.to_string();
        let query = [
            ("callbackURL", callback),
            ("idModel", &model),
            ("description", description),
        ];
        self.call(Method::POST, "/1/webhooks/", &query)
            .await
            .map_err(RegisterError::of)
    }

    /// `PUT /1/webhooks/{id}`: makes an inactive webhook deliver again.
    pub async fn activate(&self, webhook: WebhookId) -> Result<Webhook, RegisterError> {
        let path = format!("/1/webhooks/{webhook}");
        self.call(Method::PUT, &path, &[("active", "true")])
            .await
            .map_err(RegisterError::of)
    }

    /// `DELETE /1/webhooks/{id}`. One that is gone already is no error.
    pub async fn remove(&self, webhook: WebhookId) -> Result<(), TrelloError> {
        let path = format!("/1/webhooks/{webhook}");
        match self.call::<IgnoredAny>(Method::DELETE, &path, &[]).await {
            // What it answers does not matter, only that it did.
            Ok(_) | Err(TrelloError::NotFound(_) | TrelloError::Unintelligible(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, TrelloError> {
        self.call(Method::GET, path, query).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, TrelloError> {
        let permit = self.permit().await;
        let mut calling = self.calling(&method, path);
        let call = Outgoing::new("trello", &method, path);
        let request = self.request(&method, path, query);
        let reply = call.send(request, &self.caller).await;
        drop(permit);
        let reply = reply.inspect_err(|error| silence(&method, path, error))?;
        calling.answered(reply.status);
        drop(calling);
        tracing::debug!(%method, path = shown(path), status = reply.status, "Trello answered");
        parsed(&TrelloError::check(reply)?)
    }

    async fn permit(&self) -> Permit<'_> {
        let asked = Instant::now();
        let permit = self.budget.permit().await;
        self.calls.waited(asked.elapsed());
        permit
    }

    fn calling(&self, method: &Method, path: &str) -> Calling {
        self.calls
            .begin(Service::Trello, method.as_str(), route(path))
    }

    fn request(&self, method: &Method, path: &str, query: &[(&str, &str)]) -> RequestBuilder {
        self.http
            .request(method.clone(), format!("{}{path}", self.url))
            .header(AUTHORIZATION, self.authorization.clone())
            .query(query)
    }
}

fn silence(method: &Method, path: &str, error: &SendError) {
    tracing::debug!(%method, path = shown(path), %error, "Trello did not answer");
}

fn parsed<T: DeserializeOwned>(reply: &Reply) -> Result<T, TrelloError> {
    reply
        .json()
        .map_err(|error| TrelloError::Unintelligible(reply.complaint(&error)))
}

/// A path fit for a log: the token's own routes carry the token.
fn shown(path: &str) -> &str {
    if path.starts_with("/1/tokens/") {
        "/1/tokens/…"
    } else {
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_in_no_path_that_is_shown() {
        assert_eq!(shown("/1/tokens/ATTA0123/webhooks"), "/1/tokens/…");
        assert_eq!(
            shown("/1/boards/64f0c0ffee0123456789abcd"),
            "/1/boards/64f0c0ffee0123456789abcd"
        );
    }
}
