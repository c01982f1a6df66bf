//! What follows from another set of workspaces: boards that are inside or outside now, and what somebody should know.

use std::sync::{Arc, PoisonError};

use crate::model::failure::Code;
use crate::scope::{Scope, Wanted};
use crate::sweep::{Sweep, SweepError};

/// The scope of the last sweep, and the last one that two sweeps agreed on.
#[derive(Debug, Default)]
pub struct SeenScopes {
    last: Option<Arc<Scope>>,
    settled: Option<Arc<Scope>>,
}

impl Sweep {
    /// Whether the last sweep saw the same.
    pub(super) fn was_seen_last(&self, scope: &Arc<Scope>) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.last.as_ref() == Some(scope)
    }

    /// What follows from another set of workspaces, once two sweeps in a row have seen it: one answer may be wrong.
    pub(super) async fn settle_scope(&self, scope: &Arc<Scope>) -> Result<(), SweepError> {
        let (is_steady, settled) = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let steady = seen.last.replace(scope.clone()).as_ref() == Some(scope);
            (steady, seen.settled.clone())
        };
        // They are only shown, so nobody waits for a second sweep; but one that could not be listed has no place for a name before it is.
        self.name_workspaces(scope).await?;
        if !is_steady || settled.as_ref() == Some(scope) {
            return Ok(());
        }
        let ids = scope.workspaces.iter().map(|one| one.id);
        let ids: Vec<_> = ids.chain(scope.guests.iter().copied()).collect();
        let names = |scope: &Scope| -> Vec<_> {
            let named = scope.workspaces.iter();
            named.map(|one| one.display_name.clone()).collect()
        };
        let renamed = settled.is_some_and(|before| names(&before) != names(scope));
        let everything = renamed && self.titles_name_workspaces;
        self.store
            .rescope(&ids, self.personal_boards, everything)
            .await?;
        self.tell_of_workspaces(scope).await?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.settled = Some(scope.clone());
        Ok(())
    }

    /// What the workspaces are called, also when they are seen no more.
    async fn name_workspaces(&self, scope: &Scope) -> Result<(), SweepError> {
        let named = scope.workspaces.iter();
        let named: Vec<_> = named
            .map(|one| (one.id.into(), one.display_name.clone()))
            .collect();
        Ok(self.store.name_sources(&named).await?)
    }

    /// Workspaces that were watched and are seen no more silently narrow what we see.
    async fn tell_of_workspaces(&self, scope: &Scope) -> Result<(), SweepError> {
        let mut left = Vec::new();
        if self.wanted == Wanted::All {
            for (id, name) in self.store.sources().await? {
                let is_there = id == scope.member.id.into()
                    || scope.workspaces.iter().any(|one| id == one.id.into());
                if !is_there {
                    let name = name.unwrap_or_else(|| id.to_string());
                    tracing::warn!(workspace = name, code = %Code::WorkspaceLeft, fix = Code::WorkspaceLeft.fix(), "this workspace is seen no more");
                    left.push((
                        name,
                        "Trello shows it to the token's member no more".to_owned(),
                    ));
                }
            }
        }
        left.extend(scope.unknown.iter().map(|name| {
            (
                name.clone(),
                "BOARDROOM_WORKSPACES names it, and Trello does not show it to this token"
                    .to_owned(),
            )
        }));
        Ok(self.store.set_concerns(Code::WorkspaceLeft, &left).await?)
    }
}
