//! The calls to DocSpace. Writes need a [`Writer`], of which only so many exist at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::api::{self, Caller, Outgoing};
use crate::docspace::answer::{EntryKey, Envelope, RoomAnswer, RoomPage, User, moment};
use crate::docspace::error::DocSpaceError;
use crate::docspace::route::route;
use crate::metrics::{Calls, Service};
use crate::model::id::RoomId;
use crate::model::room::{Invitee, Room, RoomType};
use crate::model::time::Timestamp;
use crate::redact::Redactor;

/// The most that a page holds; more is refused since 3.2.
const PAGE: usize = 100;
/// Rooms may come and go while pages are read: so often a list is read again until it agrees with its own count.
const PASSES: usize = 4;

/// How DocSpace is reached and with which key.
#[derive(Debug, Clone)]
pub struct Options {
    /// Scheme, host and port.
    pub url: String,
    pub key: SecretString,
    pub http: api::Options,
    /// How many writes may be in flight.
    pub writes: usize,
}

/// A client; clones share their connections, the clock and the limit on writes.
#[derive(Debug, Clone)]
pub struct DocSpace {
    http: reqwest::Client,
    url: Arc<str>,
    authorization: HeaderValue,
    caller: Caller,
    writes: Arc<Semaphore>,
    most_writes: usize,
    timeout: Duration,
    calls: Calls,
}

/// What is known of the API key (`GET /api/2.0/keys/@self`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// None when it never expires.
    pub expires: Option<Timestamp>,
    /// Empty when it may do everything.
    pub scopes: Vec<String>,
    pub owner: Option<String>,
}

/// What a room is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRoom<'a> {
    pub title: &'a str,
    pub kind: RoomType,
    pub tags: &'a [String],
    /// The flag of the vendor's sample, which every server refuses.
    pub private: bool,
}

impl DocSpace {
    pub fn new(options: &Options) -> Result<Self, api::BuildError> {
        let mut authorization =
            HeaderValue::from_str(&format!("Bearer {}", options.key.expose_secret()))?;
        authorization.set_sensitive(true);
        Ok(Self {
            http: api::client(&options.http)?,
            url: options.url.trim_end_matches('/').into(),
            authorization,
            caller: Caller {
                redactor: Redactor::new([&options.key]),
                ..Caller::default()
            },
            writes: Arc::new(Semaphore::new(options.writes)),
            most_writes: options.writes,
            timeout: options.http.timeout,
            calls: Calls::default(),
        })
    }

    /// The same client, counting its requests there.
    #[must_use]
    pub fn counting(self, calls: Calls) -> Self {
        Self { calls, ..self }
    }

    /// The longest that one call can take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// DocSpace's clock, up to a second slow; none before its first answer.
    #[must_use]
    pub fn now(&self) -> Option<Timestamp> {
        self.caller.clock.now_ms().map(Timestamp)
    }

    /// How many writes are in flight, of how many allowed.
    #[must_use]
    pub fn writes_in_flight(&self) -> (usize, usize) {
        (
            self.most_writes - self.writes.available_permits(),
            self.most_writes,
        )
    }

    /// Where a person opens a room (`PathProvider.GetRoomsUrl`).
    #[must_use]
    pub fn room_url(&self, room: RoomId, archived: bool) -> String {
        let place = if archived { "archived" } else { "shared" };
        format!("{}/rooms/{place}/{room}/filter?folder={room}", self.url)
    }

    /// The neutral read: needs just the scope that we use, so a 200 proves host, portal, payment and key.
    /// Says whether the key's owner may create rooms, where the answer tells.
    pub async fn may_create(&self) -> Result<Option<bool>, DocSpaceError> {
        let page: RoomPage = self.get("/api/2.0/files/rooms", &[("count", "1")]).await?;
        Ok(page
            .current
            .and_then(|root| root.security)
            .and_then(|security| security.create))
    }

    /// The room, archived or not; none when it does not exist.
    pub async fn room(&self, id: RoomId) -> Result<Option<Room>, DocSpaceError> {
        match self
            .get::<RoomAnswer>(&format!("/api/2.0/files/rooms/{id}"), &[])
            .await
        {
            Ok(answer) => Ok(answer.room()),
            Err(DocSpaceError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All rooms with a tag, active and archived. Tags come straight from the database, so what was made is found at once. A list that
    /// changed while it was read is read again, for a room that slips from one page to another would be missed.
    pub async fn rooms_tagged(&self, tag: &str) -> Result<Vec<Room>, DocSpaceError> {
        self.rooms_tagged_as(tag, |room| room).await
    }

    /// The same, where only something of each room is kept: there may be very many.
    pub async fn rooms_tagged_as<T>(
        &self,
        tag: &str,
        keep: impl Fn(Room) -> T,
    ) -> Result<Vec<T>, DocSpaceError> {
        let tags = json!([tag]).to_string();
        let mut found = BTreeMap::new();
        for _ in 0..PASSES {
            let before = found.len();
            let read = self.read_pages(&tags, &mut found, &keep).await?;
            // Nothing slipped when every entry was seen once, or when another pass brought nothing new.
            if found.len() == read || found.len() == before {
                return Ok(found.into_values().flatten().collect());
            }
        }
        Err(DocSpaceError::Unintelligible(
            "the list of rooms changes while it is read".to_owned(),
        ))
    }

    /// Reads every page once; says how many entries there were.
    async fn read_pages<T>(
        &self,
        tags: &str,
        found: &mut BTreeMap<EntryKey, Option<T>>,
        keep: &impl Fn(Room) -> T,
    ) -> Result<usize, DocSpaceError> {
        let mut read = 0;
        loop {
            let page = self
                .page(read, &[("sortOrder", "ascending"), ("tags", tags)])
                .await?;
            read += page.folders.len();
            let is_last = page.is_last(read, PAGE);
            let folders = page.folders.into_iter();
            found.extend(folders.map(|answer| (answer.key(), answer.room().map(keep))));
            if is_last {
                return Ok(read);
            }
        }
    }

    /// The rooms that were made at `earliest` or later by DocSpace's clock, active and archived.
    pub async fn rooms_since(&self, earliest: Timestamp) -> Result<Vec<Room>, DocSpaceError> {
        let (mut found, mut read) = (Vec::new(), 0);
        loop {
            let page = self.page(read, &[("sortOrder", "descending")]).await?;
            read += page.folders.len();
            let is_last = page.is_last(read, PAGE);
            let reached = page.reaches_back_to(earliest);
            let rooms = page.folders.into_iter().filter_map(RoomAnswer::room);
            found.extend(
                rooms.filter(|room| room.created.is_some_and(|created| created >= earliest)),
            );
            if reached || is_last {
                return Ok(found);
            }
        }
    }

    async fn page(&self, start: usize, more: &[(&str, &str)]) -> Result<RoomPage, DocSpaceError> {
        let (start, count) = (start.to_string(), PAGE.to_string());
        let mut query = vec![
            ("searchArea", "2"),
            ("storageFilter", "1"),
            ("sortBy", "DateAndTimeCreation"),
            ("count", &count),
            ("startIndex", &start),
        ];
        query.extend_from_slice(more);
        self.get("/api/2.0/files/rooms", &query).await
    }

    /// `GET /api/2.0/keys/@self`: answered to any key since 3.7; a scoped key may be refused before.
    pub async fn key(&self) -> Result<Key, DocSpaceError> {
        #[derive(serde::Deserialize)]
        struct Answer {
            #[serde(default, rename = "expiresAt")]
            expires: Option<String>,
            #[serde(default)]
            permissions: Option<Vec<String>>,
            #[serde(default, rename = "createBy")]
            owner: Option<Value>,
        }
        let answer: Answer = self.get("/api/2.0/keys/@self", &[]).await?;
        let owner = answer.owner.and_then(|owner| match owner {
            Value::String(id) => Some(id),
            other => serde_json::from_value::<User>(other).ok()?.id,
        });
        Ok(Key {
            expires: answer.expires.as_deref().and_then(moment),
            scopes: answer.permissions.unwrap_or_default(),
            owner,
        })
    }

    /// `GET /api/2.0/people/@self`: the key's owner, for keys with the scope `accounts.self:read`.
    pub async fn person(&self) -> Result<Option<String>, DocSpaceError> {
        Ok(self.get::<User>("/api/2.0/people/@self", &[]).await?.id)
    }

    /// `GET /api/2.0/settings/version/build`, asked without the key: a scoped one is refused here.
    pub async fn version(&self) -> Result<Option<String>, DocSpaceError> {
        let url = format!("{}/api/2.0/settings/version/build", self.url);
        let build: Value = self
            .answer(
                self.http.get(url),
                &Method::GET,
                "/api/2.0/settings/version/build",
            )
            .await?;
        Ok(build
            .get("docSpace")
            .and_then(Value::as_str)
            .map(api::quote))
    }

    /// Waits until one more write may be in flight.
    pub async fn writer(&self) -> Writer<'_> {
        let permit = self
            .writes
            .acquire()
            .await
            .expect("the semaphore is never closed");
        Writer {
            docspace: self,
            _permit: permit,
        }
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, DocSpaceError> {
        let request = self.request(Method::GET, path).query(query);
        self.answer(request, &Method::GET, path).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        request.header(AUTHORIZATION, self.authorization.clone())
    }

    async fn answer<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        method: &Method,
        path: &str,
    ) -> Result<T, DocSpaceError> {
        let request = request.header(ACCEPT, "application/json");
        let mut calling = self
            .calls
            .begin(Service::DocSpace, method.as_str(), route(path));
        let call = Outgoing::new("docspace", method, path);
        let reply = call.send(request, &self.caller).await;
        let reply =
            reply.inspect_err(|error| tracing::debug!(path, %error, "DocSpace did not answer"))?;
        calling.answered(reply.status);
        tracing::debug!(path, status = reply.status, "DocSpace answered");
        let reply = DocSpaceError::check(reply)?;
        let envelope: Result<Envelope<T>, _> = reply.json();
        envelope
            .map(|envelope| envelope.response)
            .map_err(|error| DocSpaceError::Unintelligible(reply.complaint(&error)))
    }
}

/// Leave to make one write; dropping it lets the next one go.
#[derive(Debug)]
pub struct Writer<'a> {
    docspace: &'a DocSpace,
    _permit: SemaphorePermit<'a>,
}

impl Writer<'_> {
    async fn write<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<T, DocSpaceError> {
        let request = self.docspace.request(method.clone(), path).json(body);
        self.docspace.answer(request, &method, path).await
    }

    async fn tell(&self, method: Method, path: &str, body: &Value) -> Result<(), DocSpaceError> {
        self.write::<Value>(method, path, body).await.map(drop)
    }

    /// `POST /api/2.0/files/rooms`. It goes on at the server after we have hung up, and its tags are written after the room.
    pub async fn create(&self, room: &NewRoom<'_>) -> Result<Room, DocSpaceError> {
        let mut body =
            json!({ "title": room.title, "roomType": room.kind.number(), "tags": room.tags });
        if room.private {
            body["private"] = true.into();
        }
        let answer: RoomAnswer = self
            .write(Method::POST, "/api/2.0/files/rooms", &body)
            .await?;
        answer.room().ok_or_else(|| {
            DocSpaceError::Unintelligible("the answer to a create is no room".to_owned())
        })
    }

    /// `PUT /api/2.0/files/rooms/{id}` with a title alone: tags that are sent along would replace those that are there. Answers with the
    /// room as it is then. A room that is archived or missing is refused with 403.
    pub async fn rename(&self, room: RoomId, title: &str) -> Result<Room, DocSpaceError> {
        let path = format!("/api/2.0/files/rooms/{room}");
        let body = json!({ "title": title });
        let answer: RoomAnswer = self.write(Method::PUT, &path, &body).await?;
        answer.room().ok_or_else(|| {
            DocSpaceError::Unintelligible("the answer to a rename is no room".to_owned())
        })
    }

    /// `PUT …/archive` and `…/unarchive`: the answer says only that it was queued; the room itself shows when it is done.
    /// `deleteAfter` is whether the finished operation is forgotten at once; `true` may answer with an error of the server's.
    pub async fn set_archived(&self, room: RoomId, archived: bool) -> Result<(), DocSpaceError> {
        let verb = if archived { "archive" } else { "unarchive" };
        let path = format!("/api/2.0/files/rooms/{room}/{verb}");
        let body = json!({ "deleteAfter": false });
        self.tell(Method::PUT, &path, &body).await
    }

    /// `PUT …/tags`: adds tags and leaves people's own alone.
    pub async fn add_tags(&self, room: RoomId, tags: &[String]) -> Result<(), DocSpaceError> {
        let path = format!("/api/2.0/files/rooms/{room}/tags");
        let body = json!({ "names": tags });
        self.tell(Method::PUT, &path, &body).await
    }

    /// `DELETE …/tags`: takes tags off and leaves all others alone. A room in the archive is refused with 403.
    pub async fn remove_tags(&self, room: RoomId, tags: &[String]) -> Result<(), DocSpaceError> {
        let path = format!("/api/2.0/files/rooms/{room}/tags");
        let body = json!({ "names": tags });
        self.tell(Method::DELETE, &path, &body).await
    }

    /// `PUT …/share`: invites one person. `Ok` with a text when the invitation was refused although the call succeeded.
    pub async fn invite(
        &self,
        room: RoomId,
        invitee: &Invitee,
    ) -> Result<Option<String>, DocSpaceError> {
        let path = format!("/api/2.0/files/rooms/{room}/share");
        let invitation = json!({ "email": invitee.email, "access": invitee.access.number() });
        let body = json!({ "invitations": [invitation], "notify": true });
        let answer: Value = self.write(Method::PUT, &path, &body).await?;
        let refusal = ["error", "warning"]
            .into_iter()
            .filter_map(|member| answer.get(member))
            .find(|said| !is_empty(said));
        Ok(refusal.map(|said| {
            let said = said
                .as_str()
                .map_or_else(|| said.to_string(), str::to_owned);
            api::quote(&self.docspace.caller.redactor.clean(&said))
        }))
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}
