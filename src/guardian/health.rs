//! What somebody should know about the webhooks, the token and the workspaces, and when deliveries have failed.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::guardian::{Guardian, GuardianError};
use crate::metrics::Webhooks;
use crate::model::failure::Code;
use crate::model::id::ModelId;
use crate::scope::Scope;
use crate::trello::{TrelloError, Webhook};

/// A token that expires sooner than this is told of.
const EXPIRES_SOON: Duration = Duration::from_hours(14 * 24);
/// A webhook that was dead is told of for so long, whether or not the next round finds it well: nobody could read it otherwise.
const DEAD_TOLD: Duration = Duration::from_mins(1);
/// In every so many rounds roles and the token are asked after.
const RARELY: u32 = 10;

impl Guardian {
    /// Tells of deliveries that Trello could not bring. Says whether some were lost since the last round.
    pub(super) async fn mind_failures(
        &mut self,
        there: &HashMap<ModelId, Webhook>,
        scope: &Scope,
    ) -> Result<bool, GuardianError> {
        let (mut concerns, mut lost) = (Vec::new(), false);
        let mut failing = HashMap::new();
        for (model, webhook) in there {
            let failures = webhook.failures.unwrap_or(0);
            if failures == 0 {
                continue;
            }
            failing.insert(webhook.id, failures);
            let before = self.state.failing.get(&webhook.id).copied().unwrap_or(0);
            if failures > before {
                lost = true;
                let code = Code::WebhookFailing;
                tracing::warn!(model = %model, failures, code = %code, fix = code.fix(), "Trello could not deliver; a sweep finds what was missed");
            }
            let detail = format!("{failures} attempts in a row have failed");
            concerns.push((name(*model, scope), detail));
        }
        self.state.failing = failing;
        self.store
            .set_concerns(Code::WebhookFailing, &concerns)
            .await?;
        self.mind_dead(there, scope).await?;
        let refused: Vec<_> = self
            .state
            .refusals
            .all()
            .map(|(model, said)| (name(model, scope), said.to_owned()))
            .collect();
        self.store
            .set_concerns(Code::WebhookRefused, &refused)
            .await?;
        Ok(lost)
    }

    /// Where no webhooks are looked after, what was told of them when there were holds no more.
    pub(super) async fn withdraw(&mut self) -> Result<(), GuardianError> {
        if self.state.withdrawn {
            return Ok(());
        }
        for code in [
            Code::WebhookFailing,
            Code::WebhookRefused,
            Code::WebhookDead,
        ] {
            self.store.set_concerns(code, &[]).await?;
        }
        self.state.withdrawn = true;
        Ok(())
    }

    /// Counts the webhooks by how they were when they were listed; those that are registered from now on are counted as they come.
    pub(super) fn count(&self, there: &HashMap<ModelId, Webhook>) {
        let mut webhooks = Webhooks::default();
        for webhook in there.values() {
            let count = match (webhook.active, webhook.failures.unwrap_or(0)) {
                (false, _) => &mut webhooks.off,
                (true, 0) => &mut webhooks.healthy,
                (true, _) => &mut webhooks.failing,
            };
            *count += 1;
        }
        self.metrics
            .lead
            .note(|seen| seen.webhooks = Some(webhooks));
        self.count_refused();
    }

    pub(super) fn count_refused(&self) {
        let refused = self.state.refusals.all().count();
        self.note(|webhooks| webhooks.refused = refused);
    }

    pub(super) fn count_registered(&self) {
        self.note(|webhooks| webhooks.healthy += 1);
    }

    fn note(&self, note: impl FnOnce(&mut Webhooks)) {
        let lead = &self.metrics.lead;
        lead.note(|seen| {
            if let Some(webhooks) = &mut seen.webhooks {
                note(webhooks);
            }
        });
    }

    /// Tells of webhooks that were off or gone since the last rounds, and remembers which are there.
    async fn mind_dead(
        &mut self,
        there: &HashMap<ModelId, Webhook>,
        scope: &Scope,
    ) -> Result<(), GuardianError> {
        self.state
            .dead
            .retain(|_, told| told.is_none_or(|at| at.elapsed() < DEAD_TOLD));
        let dead: Vec<_> = self.state.dead.keys().copied().collect();
        let concerns: Vec<_> = dead
            .iter()
            .map(|model| {
                (
                    name(*model, scope),
                    "it is registered and switched on again".to_owned(),
                )
            })
            .collect();
        self.store
            .set_concerns(Code::WebhookDead, &concerns)
            .await?;
        for told in self.state.dead.values_mut() {
            told.get_or_insert_with(Instant::now);
        }
        let base = self.state.base.iter().copied();
        let alive = base.filter(|model| there.contains_key(model) || dead.contains(model));
        let alive = alive.collect();
        self.state.alive = Some(alive);
        Ok(())
    }

    /// What changes rarely is asked for rarely; a delivery that tells of a role hurries it.
    pub(super) async fn mind_people(&mut self, scope: &Scope) -> Result<(), GuardianError> {
        if self.state.rounds == 0 {
            self.mind_roles(scope).await?;
            self.mind_token().await?;
            self.state.rounds = RARELY;
        }
        self.state.rounds -= 1;
        Ok(())
    }

    /// Tells of a token that expires soon.
    async fn mind_token(&self) -> Result<(), GuardianError> {
        let token = self.trello.token().await?;
        let expires = token.expires.map(|expires| expires.0);
        self.metrics.lead.note(|seen| seen.token_expires = expires);
        let now = self.trello.now();
        let soon = token
            .expires
            .filter(|expires| now.is_some_and(|now| expires.since(now) < EXPIRES_SOON));
        let concern = soon.map(|expires| {
            let code = Code::TrelloTokenExpires;
            tracing::warn!(%expires, code = %code, fix = code.fix(), "the Trello token expires soon");
            ("the token".to_owned(), format!("it expires at {expires}"))
        });
        let concerns: Vec<_> = concern.into_iter().collect();
        self.store
            .set_concerns(Code::TrelloTokenExpires, &concerns)
            .await?;
        Ok(())
    }

    /// Tells of workspaces in which the member is no admin: others' private boards are not seen there.
    async fn mind_roles(&mut self, scope: &Scope) -> Result<(), GuardianError> {
        let mut concerns = Vec::new();
        for workspace in &scope.workspaces {
            let is_admin = match self.trello.is_admin(workspace.id, scope.member.id).await {
                Ok(is_admin) => is_admin,
                // A workspace that says nothing of its members says nothing against this one.
                Err(
                    TrelloError::Unauthorized(_)
                    | TrelloError::Forbidden(_)
                    | TrelloError::NotFound(_),
                ) => continue,
                Err(error) => return Err(error.into()),
            };
            if !is_admin {
                let detail = format!("@{} is no admin of it", scope.member.username);
                concerns.push((workspace.display_name.clone(), detail));
            }
        }
        for (workspace, _) in &concerns {
            let code = Code::WorkspaceAdminLost;
            if self.state.narrowed.insert(workspace.clone()) {
                tracing::warn!(workspace, code = %code, fix = code.fix(), "private boards of others in this workspace are not seen");
            }
        }
        self.state
            .narrowed
            .retain(|known| concerns.iter().any(|(workspace, _)| workspace == known));
        self.store
            .set_concerns(Code::WorkspaceAdminLost, &concerns)
            .await?;
        Ok(())
    }
}

/// What a person calls a model that is watched.
pub(super) fn name(model: ModelId, scope: &Scope) -> String {
    let workspace = scope.workspaces.iter().find(|one| model == one.id.into());
    match workspace {
        Some(workspace) => workspace.display_name.clone(),
        None if model == scope.member.id.into() => format!("@{}", scope.member.username),
        None => format!("board {model}"),
    }
}
