//! Trello's credentials, token and rate limits, as tests set them.

#![expect(
    clippy::must_use_candidate,
    reason = "most callers want the deed, not the id that comes of it"
)]

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{Trello, Webhook, WebhookOwner};
use crate::sandbox::identity::{BoardId, MemberId, WebhookId, WorkspaceId, object_id};
use crate::sandbox::window::Window;

/// How many requests Trello takes; `None` means any number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateLimits {
    /// Within 10 seconds per token; 100 on the real one.
    pub per_token: Option<usize>,
    /// Within 10 seconds per key, all tokens together; 300 on the real one.
    pub per_key: Option<usize>,
    /// Within 900 seconds to paths under `/1/members/`; 100 on the real one.
    pub to_members: Option<usize>,
}

impl Default for RateLimits {
    /// The limits of <https://developer.atlassian.com/cloud/trello/guides/rest-api/rate-limits/>.
    fn default() -> Self {
        Self {
            per_token: Some(100),
            per_key: Some(300),
            to_members: Some(100),
        }
    }
}

/// The running counts.
#[derive(Debug)]
pub(super) struct Limits {
    pub(super) token: Option<Window>,
    pub(super) key: Option<Window>,
    pub(super) members: Option<Window>,
}

/// Why a request is one too many.
#[derive(Clone, Copy, Debug)]
pub(super) enum TooMany {
    Token,
    Key,
    Members,
}

impl Default for Limits {
    fn default() -> Self {
        Self::from(RateLimits::default())
    }
}

impl From<RateLimits> for Limits {
    fn from(limits: RateLimits) -> Self {
        let window = |seconds| move |limit| Window::new(limit, Duration::from_secs(seconds));
        Self {
            token: limits.per_token.map(window(10)),
            key: limits.per_key.map(window(10)),
            members: limits.to_members.map(window(900)),
        }
    }
}

impl Limits {
    /// Counts a request.
    pub(super) fn take(&mut self, to_members: bool) -> Result<(), TooMany> {
        let now = Instant::now();
        let members = if to_members {
            self.members.as_mut()
        } else {
            None
        };
        for (window, refusal) in [
            (self.key.as_mut(), TooMany::Key),
            (self.token.as_mut(), TooMany::Token),
            (members, TooMany::Members),
        ] {
            if window.is_some_and(|window| window.take(now).is_err()) {
                return Err(refusal);
            }
        }
        Ok(())
    }

    /// The headers that every answer to a known token carries.
    pub(super) fn headers(&self) -> Vec<(String, String)> {
        let windows = [("token", &self.token), ("key", &self.key)];
        let figures = windows
            .into_iter()
            .filter_map(|(name, window)| Some((name, window.as_ref()?)));
        figures
            .flat_map(|(name, window)| {
                let header = |figure: &str, value: String| {
                    (format!("x-rate-limit-api-{name}-{figure}"), value)
                };
                [
                    header("interval-ms", window.span().as_millis().to_string()),
                    header("max", window.limit().to_string()),
                    header("remaining", window.remaining().to_string()),
                ]
            })
            .collect()
    }
}

impl Trello {
    /// The application's key, 32 hex digits.
    #[must_use]
    pub fn key(&self) -> String {
        self.world().credentials.key.clone()
    }

    /// The token, 76 characters that begin with `ATTA`.
    #[must_use]
    pub fn token(&self) -> String {
        self.world().credentials.token.clone()
    }

    /// The application's secret, which signs the deliveries to everybody who uses the application.
    #[must_use]
    pub fn secret(&self) -> String {
        self.world().credentials.secret.clone()
    }

    /// Signs everything with another secret from now on.
    pub fn set_secret(&self, secret: &str) {
        self.update(|world| secret.clone_into(&mut world.credentials.secret));
    }

    /// The member whose token it is.
    #[must_use]
    pub fn member(&self) -> MemberId {
        self.world().credentials.member.clone()
    }

    /// That member's inbox, a pseudo-board.
    #[must_use]
    pub fn inbox(&self) -> BoardId {
        self.world().inbox.clone()
    }

    /// The member takes the token back: every call is 401 `invalid token`, and the token's webhooks are gone.
    pub fn revoke_token(&self) {
        self.update(|world| {
            world.credentials.revoked = true;
            world
                .webhooks
                .retain(|webhook| webhook.owner != WebhookOwner::OurToken);
        });
    }

    /// The same token is good again. Its webhooks stay gone.
    pub fn restore_token(&self) {
        self.update(|world| world.credentials.revoked = false);
    }

    /// Sets `dateExpires`. A token that has expired is refused like one that was revoked.
    pub fn set_token_expiry(&self, expires: Option<Timestamp>) {
        self.update(|world| world.credentials.expires = expires);
    }

    /// Sets what the token may do. Without `read` every call is 401 `unauthorized permission requested`.
    pub fn set_token_scopes(&self, read: bool, write: bool) {
        self.update(|world| {
            world.credentials.reads = read;
            world.credentials.writes = write;
        });
    }

    /// Sets the rate limits and empties their windows.
    pub fn set_rate_limits(&self, limits: RateLimits) {
        self.update(|world| world.limits = limits.into());
    }

    /// No rate limits at all.
    pub fn without_rate_limits(&self) {
        self.set_rate_limits(RateLimits {
            per_token: None,
            per_key: None,
            to_members: None,
        });
    }

    /// Sets how long the `HEAD` on a callback URL may take (10 s; the real figure is not documented).
    pub fn set_head_timeout(&self, timeout: Duration) {
        self.update(|world| world.head_timeout = timeout);
    }

    /// All webhooks, whoever they belong to, oldest first.
    #[must_use]
    pub fn webhooks(&self) -> Vec<Webhook> {
        self.world().webhooks.clone()
    }

    /// The token's webhooks on one model, given by any of the id types.
    #[must_use]
    pub fn webhooks_on(&self, model: &str) -> Vec<Webhook> {
        let ours = |webhook: &Webhook| {
            webhook.id_model == model && webhook.owner == WebhookOwner::OurToken
        };
        self.webhooks().into_iter().filter(ours).collect()
    }

    /// Puts a webhook there without any check, such as one that belongs to somebody else or to an earlier instance.
    pub fn add_webhook(
        &self,
        owner: WebhookOwner,
        model: &str,
        callback: &str,
        description: &str,
    ) -> WebhookId {
        let id = WebhookId(object_id(self.now()));
        let webhook = Webhook {
            id: id.clone(),
            description: description.to_owned(),
            id_model: model.to_owned(),
            callback_url: callback.to_owned(),
            active: true,
            consecutive_failures: 0,
            first_consecutive_fail_date: None,
            owner,
        };
        self.update(|world| world.webhooks.push(webhook));
        id
    }

    /// Changes a webhook behind everybody's back, as Trello does when it disables one.
    pub fn edit_webhook(&self, id: &WebhookId, edit: impl FnOnce(&mut Webhook)) {
        self.update(|world| {
            if let Some(webhook) = world.webhooks.iter_mut().find(|webhook| webhook.id == *id) {
                edit(webhook);
            }
        });
    }

    /// Deletes a webhook behind everybody's back.
    pub fn delete_webhook(&self, id: &WebhookId) {
        self.update(|world| world.webhooks.retain(|webhook| webhook.id != *id));
    }

    /// The id of a workspace by its short name.
    #[must_use]
    pub fn workspace(&self, name: &str) -> Option<WorkspaceId> {
        Some(self.world().workspace(name)?.id.clone())
    }
}
