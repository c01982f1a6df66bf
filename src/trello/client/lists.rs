//! Lists, which may be long: they are read as they come.

use reqwest::Method;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::api::{Ending, Incoming, Outgoing};
use crate::metrics::Calling;
use crate::model::board::Listed;
use crate::model::id::WorkspaceId;
use crate::trello::answer::BoardAnswer;
use crate::trello::budget::Permit;
use crate::trello::client::{Trello, shown, silence};
use crate::trello::error::TrelloError;

/// Light fields only: a list has no pages, and `prefs` alone would be 2 kB a board.
const LIST_FIELDS: &str = "name,closed,idOrganization,shortLink";
/// How many boards are handed on at a time, about.
const MANY: usize = 1_000;

/// A list of boards that is under way. Whatever came of it counts for nothing when its end does not come.
#[derive(Debug)]
pub struct Listing<'a> {
    list: List<'a>,
    is_over: bool,
}

impl Listing<'_> {
    /// The boards that come next; none when that were all.
    pub async fn next(&mut self) -> Result<Option<Vec<Listed>>, TrelloError> {
        let mut boards = Vec::new();
        while !self.is_over && boards.len() < MANY {
            let mut each = |board: BoardAnswer| boards.push(board.listed());
            self.is_over = self.list.read(&mut each).await?;
        }
        Ok((!boards.is_empty()).then_some(boards))
    }

    /// All boards that have not come yet.
    pub async fn rest(mut self) -> Result<Vec<Listed>, TrelloError> {
        let mut boards = Vec::new();
        while let Some(more) = self.next().await? {
            boards.extend(more);
        }
        Ok(boards)
    }
}

/// A list of anything that is under way. Its request has not ended before it has.
#[derive(Debug)]
struct List<'a> {
    incoming: Incoming,
    path: String,
    calling: Calling,
    _permit: Permit<'a>,
}

impl List<'_> {
    /// Hands on the entries that come next; says whether that were all.
    async fn read<T: DeserializeOwned>(
        &mut self,
        each: &mut impl FnMut(T),
    ) -> Result<bool, TrelloError> {
        let path = &self.path;
        let ending = self.incoming.read(each).await;
        match ending.inspect_err(|error| silence(&Method::GET, path, error))? {
            None => Ok(false),
            Some(Ending::Complete) => {
                self.calling.answered(200);
                tracing::debug!(
                    method = "GET",
                    path = shown(path),
                    "Trello answered with a list"
                );
                Ok(true)
            }
            Some(Ending::Broken(fault)) => {
                self.calling.answered(200);
                Err(TrelloError::Unintelligible(fault))
            }
            Some(Ending::Other(reply)) => {
                self.calling.answered(reply.status);
                tracing::debug!(
                    method = "GET",
                    path = shown(path),
                    status = reply.status,
                    "Trello answered"
                );
                let reply = TrelloError::check(reply)?;
                let no_list = reply.json::<Vec<IgnoredAny>>().err();
                let complaint = no_list.map(|error| reply.complaint(&error));
                Err(TrelloError::Unintelligible(complaint.unwrap_or_default()))
            }
        }
    }
}

impl Trello {
    /// The boards of a workspace as they come, open and closed; Trello has no pages here.
    pub async fn list_workspace(&self, workspace: WorkspaceId) -> Result<Listing<'_>, TrelloError> {
        self.boards_at(&format!("/1/organizations/{workspace}/boards"))
            .await
    }

    /// All boards of a workspace.
    pub async fn workspace_boards(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Vec<Listed>, TrelloError> {
        self.list_workspace(workspace).await?.rest().await
    }

    /// All boards that the member belongs to, in whatever workspace or none.
    pub async fn member_boards(&self) -> Result<Vec<Listed>, TrelloError> {
        self.boards_at("/1/members/me/boards").await?.rest().await
    }

    async fn boards_at(&self, path: &str) -> Result<Listing<'_>, TrelloError> {
        let query = [("filter", "all"), ("fields", LIST_FIELDS)];
        Ok(Listing {
            list: self.list(path, &query).await?,
            is_over: false,
        })
    }

    /// A whole list.
    pub(super) async fn all<T: DeserializeOwned + Send>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, TrelloError> {
        let mut list = self.list(path, query).await?;
        let mut all = Vec::new();
        while !list.read(&mut |entry| all.push(entry)).await? {}
        Ok(all)
    }

    async fn list(&self, path: &str, query: &[(&str, &str)]) -> Result<List<'_>, TrelloError> {
        let permit = self.permit().await;
        let calling = self.calling(&Method::GET, path);
        let request = self.request(&Method::GET, path, query);
        let call = Outgoing::new("trello", &Method::GET, path);
        let incoming = call.send_for_list(request, &self.caller).await;
        Ok(List {
            incoming: incoming.inspect_err(|error| silence(&Method::GET, path, error))?,
            path: path.to_owned(),
            calling,
            _permit: permit,
        })
    }
}
