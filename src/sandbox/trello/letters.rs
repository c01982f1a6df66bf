//! Deliveries of the test's own making: any body, signed in any way, to any URL.

use std::time::{Duration, Instant};

use super::actions::{Action, payload};
use super::signature::{sign, sign_low_bytes};
use super::{Trello, Webhook, WebhookOwner};
use crate::sandbox::identity::{BoardId, WebhookId, object_id};

impl Trello {
    /// Sends a letter of the test's own making, once, and tells what was answered.
    pub async fn post(&self, letter: Letter) -> reqwest::Result<Receipt> {
        let (client, timeout) = self.world().courier.equipment();
        let signatures = letter.signatures(&self.secret());
        let mut request = client
            .post(&letter.to)
            .timeout(timeout)
            .header("Content-Type", "application/json");
        for signature in signatures {
            request = request.header("X-Trello-Webhook", signature);
        }
        let started = Instant::now();
        let answer = request.body(letter.body).send().await?;
        let latency = started.elapsed();
        let status = answer.status().as_u16();
        Ok(Receipt {
            status,
            latency,
            body: answer.text().await?,
        })
    }

    /// The body that Trello would send to a webhook for such an action on a board now, without sending it: for letters.
    /// `None` when there is no such board or member.
    #[must_use]
    pub fn compose(&self, model: &str, kind: &'static str, board: &BoardId) -> Option<String> {
        let now = self.now();
        let world = self.world();
        let board = world.boards.get(&**board)?;
        let mut action = Action::new(kind, "unknown", now, &board.creator).on_board(board, true);
        action.workspace.clone_from(&board.workspace);
        let copied = world
            .webhooks
            .iter()
            .find(|webhook| webhook.id_model == model);
        let webhook = copied.cloned().unwrap_or_else(|| Webhook {
            id: WebhookId(object_id(now)),
            description: String::new(),
            id_model: model.to_owned(),
            callback_url: String::new(),
            active: true,
            consecutive_failures: 0,
            first_consecutive_fail_date: None,
            owner: WebhookOwner::OurToken,
        });
        Some(payload(&world, &webhook, &action).to_string())
    }
}

/// A delivery of the test's own making.
#[derive(Clone, Debug)]
pub struct Letter {
    to: String,
    signed_for: Option<String>,
    body: Vec<u8>,
    signing: Signing,
}

/// How a [`Letter`] is signed.
#[derive(Clone, Debug)]
pub enum Signing {
    /// As Trello signs.
    Proper,
    /// As Trello signs, with another application's secret.
    WithSecret(String),
    /// In the scheme that Trello gave up in 2016, with the right secret.
    LowBytes,
    /// With exactly these `X-Trello-Webhook` fields: none, one or several.
    Headers(Vec<String>),
}

impl Letter {
    /// A letter to a callback URL, signed as Trello signs for that URL.
    #[must_use]
    pub fn new(to: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            to: to.to_owned(),
            signed_for: None,
            body: body.into(),
            signing: Signing::Proper,
        }
    }

    /// Signs otherwise.
    #[must_use]
    pub fn signing(mut self, signing: Signing) -> Self {
        self.signing = signing;
        self
    }

    /// Signs for another callback URL than the one it is sent to, as behind a proxy.
    #[must_use]
    pub fn signed_for(mut self, callback: &str) -> Self {
        self.signed_for = Some(callback.to_owned());
        self
    }

    fn signatures(&self, secret: &str) -> Vec<String> {
        let callback = self.signed_for.as_deref().unwrap_or(&self.to);
        match &self.signing {
            Signing::Proper => vec![sign(secret, &self.body, callback)],
            Signing::WithSecret(other) => vec![sign(other, &self.body, callback)],
            Signing::LowBytes => vec![sign_low_bytes(secret, &self.body, callback)],
            Signing::Headers(values) => values.clone(),
        }
    }
}

/// The answer to a [`Letter`].
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
    /// From sending to the head of the answer.
    pub latency: Duration,
}
