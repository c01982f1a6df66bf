//! Which boards are ours to mirror: the watched workspaces, the member, and what is known of them by now.

mod surroundings;

use serde::{Deserialize, Serialize};

use crate::model::id::WorkspaceId;
use crate::model::workspace::{Member, Workspace};
use crate::trello::{Trello, TrelloError};

pub use surroundings::{Known, Surroundings};

/// Which workspaces a person wants watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// All that the token's member belongs to.
    All,
    /// These, by id, short name or shown name.
    Named(Vec<String>),
}

/// Where to look, as Trello says now. Whoever sweeps writes it down for the others as JSON, in a form that a test pins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    pub member: Member,
    /// The watched workspaces; each has a list of its own and a webhook.
    pub workspaces: Vec<Workspace>,
    /// Workspaces that were named by id but cannot be read: boards in them are found among the member's own.
    pub guests: Vec<WorkspaceId>,
    /// What was named and Trello does not know.
    pub unknown: Vec<String>,
}

impl Scope {
    /// Asks Trello. One name that it does not know does not stop the others.
    pub async fn resolve(
        trello: &Trello,
        wanted: &Wanted,
        member: Option<Member>,
    ) -> Result<Self, TrelloError> {
        let member = match member {
            Some(member) => member,
            None => trello.member().await?,
        };
        let own = trello.workspaces().await?;
        let Wanted::Named(names) = wanted else {
            return Ok(Self {
                member,
                workspaces: own,
                guests: Vec::new(),
                unknown: Vec::new(),
            });
        };
        let mut scope = Self {
            member,
            workspaces: Vec::new(),
            guests: Vec::new(),
            unknown: Vec::new(),
        };
        for name in names {
            let found = match find(&own, name) {
                Some(workspace) => Some(workspace.clone()),
                None => known_elsewhere(trello, name).await?,
            };
            match found {
                Some(workspace) if scope.workspaces.contains(&workspace) => {}
                Some(workspace) => scope.workspaces.push(workspace),
                None => {
                    scope.unknown.push(name.clone());
                    scope.guests.extend(name.parse::<WorkspaceId>());
                }
            }
        }
        Ok(scope)
    }

    #[must_use]
    pub fn watches(&self, workspace: WorkspaceId) -> bool {
        self.workspaces
            .iter()
            .any(|watched| watched.id == workspace)
            || self.guests.contains(&workspace)
    }

    /// The shown name of a watched workspace.
    #[must_use]
    pub fn name(&self, workspace: WorkspaceId) -> Option<&str> {
        let found = self
            .workspaces
            .iter()
            .find(|watched| watched.id == workspace)?;
        Some(&found.display_name)
    }
}

/// By id, by short name, or by a shown name that only one has.
fn find<'a>(own: &'a [Workspace], name: &str) -> Option<&'a Workspace> {
    let exact = own.iter().find(|one| {
        one.id.to_string().eq_ignore_ascii_case(name) || one.name.eq_ignore_ascii_case(name)
    });
    exact.or_else(|| {
        let mut shown = own
            .iter()
            .filter(|one| one.display_name.eq_ignore_ascii_case(name));
        shown.next().filter(|_| shown.next().is_none())
    })
}

/// A workspace that the member does not belong to and may see all the same.
async fn known_elsewhere(trello: &Trello, name: &str) -> Result<Option<Workspace>, TrelloError> {
    match trello.workspace(name).await {
        Ok(workspace) => Ok(Some(workspace)),
        Err(
            TrelloError::Unauthorized(_)
            | TrelloError::Forbidden(_)
            | TrelloError::NotFound(_)
            | TrelloError::Rejected { .. },
        ) => Ok(None),
        Err(
            error @ (TrelloError::RateLimited { .. }
            | TrelloError::Unavailable { .. }
            | TrelloError::Unintelligible(_)
            | TrelloError::Unreachable(_)),
        ) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(id: &str, name: &str, shown: &str) -> Workspace {
        Workspace {
            id: id.parse().unwrap(),
            name: name.into(),
            display_name: shown.into(),
        }
    }

    #[test]
    fn a_workspace_is_found_by_what_names_only_it() {
        let own = [
            workspace("5b0000000000000000000001", "sales1", "Sales"),
            workspace("5b0000000000000000000002", "sales2", "Sales"),
            workspace("5b0000000000000000000003", "design", "Design Team"),
        ];
        let table = [
            ("5B0000000000000000000002", Some("sales2")),
            ("Sales1", Some("sales1")),
            ("design team", Some("design")),
            ("Sales", None),
            ("Marketing", None),
        ];
        for (name, found) in table {
            assert_eq!(
                find(&own, name).map(|one| one.name.as_str()),
                found,
                "{name}"
            );
        }
    }
    #[test]
    fn the_stored_form_is_pinned() {
        let stored = r#"{"member":{"id":"5b0000000000000000000009","username":"ann","inbox":null},"workspaces":[{"id":"5b0000000000000000000001","name":"sales1","displayName":"Sales"}],"guests":["5b0000000000000000000002"],"unknown":["Marketing"]}"#;
        let scope = Scope {
            member: Member {
                id: "5b0000000000000000000009".parse().unwrap(),
                username: "ann".into(),
                inbox: None,
            },
            workspaces: vec![workspace("5b0000000000000000000001", "sales1", "Sales")],
            guests: vec!["5b0000000000000000000002".parse().unwrap()],
            unknown: vec!["Marketing".into()],
        };
        assert_eq!(serde_json::to_string(&scope).unwrap(), stored);
        assert_eq!(serde_json::from_str::<Scope>(stored).unwrap(), scope);
    }
}
